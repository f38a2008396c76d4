#pragma once

#include <string_view>

namespace h5flume::redis {

/// A script that runs inside the server: common.lua and the file of its name in
/// storage/persistent/redis/, which says what its arguments are and what it returns.
struct Script {
  std::string_view name;
  std::string_view sha1;  ///< of the text: what EVALSHA knows it by
  std::string_view text;
};

extern const Script kAdd, kChange, kClaim, kClear, kErase, kFind, kOpen, kPage, kRenew,
    kReplaceValue, kRestore, kRetryExhausted, kSettle, kStatus, kTidy, kWatch;

}  // namespace h5flume::redis
