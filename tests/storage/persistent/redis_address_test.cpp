#include "core/error.h"
#include "storage/persistent/redis/redis_address_internal.h"
#include "tests/support/catch.h"

using namespace h5flume;
using namespace h5flume::test;
using redis::parse_address;

namespace {

// What is said about an address that is refused; empty if it is not.
std::string complaint(const std::string& address) {
  try {
    parse_address(address);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInvalidArgument) return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("an address of a Redis server says where, who, and which tracker",
          "[storage][persistent][redis]") {
  const auto shortest = parse_address("redis://node7");
  CHECK(shortest.host == "node7");
  CHECK(shortest.port == 6379);
  CHECK(shortest.database == 0);
  CHECK(shortest.name == "tracker");
  CHECK(shortest.password.empty());

  const auto longest =
      parse_address("redis://ann:p%40ss%2F%25@node7.lab:7000/3?name=run%207&alive_ms=800");
  CHECK(longest.user == "ann");
  CHECK(longest.password == "p@ss/%");
  CHECK(longest.server() == "node7.lab:7000");
  CHECK(longest.database == 3);
  CHECK(longest.name == "run 7");
  CHECK(longest.alive == std::chrono::milliseconds(800));

  CHECK(parse_address("redis://:secret@h").user.empty());
  CHECK(parse_address("redis://:secret@h").password == "secret");
  CHECK(parse_address("redis://[::1]:7000/").server() == "[::1]:7000");
  CHECK(parse_address("redis://[fe80::1]").host == "fe80::1");

  const auto socket = parse_address("redis+unix:///run/re%20dis.sock?database=2&name=x");
  CHECK(socket.server() == "/run/re dis.sock");
  CHECK(socket.database == 2);
}

TEST_CASE("an address that is none is refused with the reason", "[storage][persistent][redis]") {
  const auto [address, reason] = GENERATE(table<std::string, std::string>({
      {"http://h", "no redis:// address"},
      {"redis://", "no host"},
      {"redis://:6379", "no host"},
      {"redis://h:", "port is a number from 1 to 65535"},
      {"redis://h:0", "port is a number"},
      {"redis://h:70000", "port is a number"},
      {"redis://h:63 79", "port is a number"},
      {"redis://h/x", "database is a number"},
      {"redis://h/-1", "database is a number"},
      {"redis://[::1", "'[' without ']'"},
      {"redis://[::1]7", "no ':PORT'"},
      {"redis://ann@h", "a user stands without a password"},
      {"redis://ann:@h", "password is empty"},
      {"redis://h?name=", "at least one character"},
      {"redis://h?name=a%7Db", "no braces"},
      {"redis://h?name=a%0Ab", "no control characters"},
      {"redis://h?name", "has no value"},
      {"redis://h?nome=x", "no option 'nome'"},
      {"redis://h?alive_ms=5", "alive_ms is a number from 100"},
      {"redis://h%4", "two hexadecimal digits"},
      {"redis://h%zz", "two hexadecimal digits"},
      {"redis://h%00", "not by 00"},
      {"redis+unix://run/s", "begins with '/'"},
      {"redis://h?database=1", "no option 'database'"},
  }));
  CAPTURE(address);
  CHECK_THAT(complaint(address), contains(reason));
}

TEST_CASE("no complaint about an address shows a part of its password",
          "[storage][persistent][redis]") {
  const auto* const address =
      GENERATE("redis://ann:s3cret@h:x", "redis://ann:s3cret@h?nome=x", "redis://ann:a/s3cret@h",
               "redis://ann:a?x=s3cret@h", "redis://ann:a@s3cret@h", "redis://ann:a#s3cret@h",
               "redis://ann:%zzs3cret@h", "redis://ann:a?s3cret=1@h", "redis://ann:a:s3cret@h:0");
  CAPTURE(address);
  CHECK_THAT(complaint(address), contains("tracker redis://h"));
  CHECK_THAT(complaint(address), !contains("s3cret"));
}
