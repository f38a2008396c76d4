#include <H5Cpp.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <set>
#include <utility>

#include "core/error.h"
#include "readers/hdf5/dataset.h"
#include "readers/hdf5/hdf5_call_internal.h"
#include "readers/hdf5/open_file_internal.h"
#include "readers/hdf5/source_files_internal.h"

namespace h5flume::hdf5 {
namespace {

constexpr std::size_t kDeepestGroup = 512;

// What tells two objects apart: the number of the open file and the object's place in it.
using ObjectKey = std::pair<unsigned long, std::array<std::uint8_t, 16>>;

ObjectKey key_of(const Identifier& object) {
  ObjectKey key{};
#if H5_VERSION_GE(1, 12, 0)
  H5O_info2_t info{};
  checked(H5Oget_info3(object.get(), &info, H5O_INFO_BASIC), "H5Oget_info3");
  static_assert(sizeof info.token == sizeof key.second);
  std::memcpy(key.second.data(), &info.token, sizeof info.token);
#else
  H5O_info_t info{};
  checked(H5Oget_info2(object.get(), &info, H5O_INFO_BASIC), "H5Oget_info2");
  std::memcpy(key.second.data(), &info.addr, sizeof info.addr);
#endif
  key.first = info.fileno;
  return key;
}

struct Link {
  std::string name;
  H5L_type_t type = H5L_TYPE_ERROR;
};

std::vector<Link> links_of(const Identifier& group) {
  std::vector<Link> links;
  const auto add = [](hid_t, const char* name, const H5L_info_t* info, void* list) -> herr_t {
    try {
      static_cast<std::vector<Link>*>(list)->push_back({name, info->type});
      return 0;
    } catch (...) {
      return -1;
    }
  };
  checked(H5Literate(group.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &links), "H5Literate");
  return links;
}

// Walks the groups of one file, level by level in the order of names, each object once: of
// several hard links the shortest path counts.
class Listing {
 public:
  Listing(LibraryAccess& access, const std::string& file)
      : access_(access), policy_(file, false), links_(policy_), file_(open_file(file)) {}

  std::vector<ListedDataset> take() {
    visit("", {"/", H5L_TYPE_HARD}, 0);
    while (!groups_.empty()) {
      const auto [group, depth] = std::move(groups_.front());
      groups_.pop_front();
      visit_group(group, depth);
    }
    std::sort(found_.begin(), found_.end(),
              [](const auto& a, const auto& b) { return a.path < b.path; });
    return std::move(found_);
  }

 private:
  using Group = std::pair<std::string, std::size_t>;  // path without the last slash, depth

  // An object that cannot be read is an entry of the list, not the end of it.
  template <class Code>
  void attempt(const std::string& path, const Code& code) {
    try {
      code();
    } catch (const Error& error) {
      found_.push_back({path, error.what()});
    } catch (const H5::Exception&) {
      found_.push_back({path, cause_of(access_.last_failure()).second});
    }
  }

  void visit_group(const std::string& path, std::size_t depth) {
    attempt(path.empty() ? "/" : path, [&] {
      const Identifier group = open_object(file_, path.empty() ? "/" : path, links_);
      for (const Link& link : links_of(group)) visit(path, link, depth);
    });
  }

  void visit(const std::string& parent, const Link& link, std::size_t depth) {
    if (link.type == H5L_TYPE_SOFT) return;
    const std::string path = link.name == "/" ? "/" : parent + "/" + link.name;
    attempt(path, [&] {
      const Identifier object = open_object(file_, path, links_);
      const H5I_type_t type = H5Iget_type(object.get());
      if (type != H5I_DATASET && type != H5I_GROUP) return;
      if (link.type != H5L_TYPE_HARD) {
        if (type == H5I_GROUP) {
          throw Error(ErrorCode::kUnsupported, "a link to a group of another file: not followed");
        }
        found_.push_back({path, ""});
      } else if (seen_.insert(key_of(object)).second) {
        if (type == H5I_DATASET) {
          found_.push_back({path, ""});
        } else if (depth >= kDeepestGroup) {
          throw Error(ErrorCode::kUnsupported, "groups are nested more than 512 deep");
        } else {
          groups_.push_back({path == "/" ? "" : path, depth + 1});
        }
      }
    });
  }

  LibraryAccess& access_;
  SourcePolicy policy_;
  LinkGuard links_;
  H5::H5File file_;
  std::set<ObjectKey> seen_;
  std::deque<Group> groups_;
  std::vector<ListedDataset> found_;
};

}  // namespace

std::vector<ListedDataset> list_datasets(const std::string& file) {
  LibraryAccess access;
  return call(access, "list the datasets of", file, [&] {
    require_regular_file(file);
    return Listing(access, file).take();
  });
}

}  // namespace h5flume::hdf5
