#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <utility>

#include "readers/hdf5/source_files_internal.h"

namespace h5flume::hdf5 {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDeepestNesting = 32;  // virtual datasets made of virtual datasets
constexpr std::uint64_t kMostBlocks = 1'000'000;

const char* describe(SourceKind kind) {
  switch (kind) {
    case SourceKind::kExternalLink:
      return "external link to";
    case SourceKind::kRawFile:
      return "external raw file";
    case SourceKind::kVirtualSource:
      return "virtual source";
  }
  return "source";
}

const char* prefix_variable(SourceKind kind) {
  switch (kind) {
    case SourceKind::kExternalLink:
      return "HDF5_EXT_PREFIX";
    case SourceKind::kRawFile:
      return "HDF5_EXTFILE_PREFIX";
    case SourceKind::kVirtualSource:
      return "HDF5_VDS_PREFIX";
  }
  return "";
}

std::string real_path(const fs::path& path) {
  std::error_code error;
  fs::path real = fs::weakly_canonical(path, error);
  return error ? fs::absolute(path).lexically_normal().string() : real.string();
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  const auto [in_folder, in_path] =
      std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return in_folder == folder.end() && in_path != path.end();
}

// Puts a block's number in place of "%b", and "%" of "%%", as names of virtual sources mean it.
std::string with_block(const std::string& pattern, std::uint64_t block) {
  std::string name;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    if (pattern[i] != '%' || (next != 'b' && next != '%')) {
      name += pattern[i];
    } else {
      name += next == 'b' ? std::to_string(block) : "%";
      ++i;
    }
  }
  return name;
}

bool has_block(const std::string& pattern) {
  return with_block(pattern, 0) != with_block(pattern, 1);
}

template <class GetName>
std::string name_of(const GetName& get_name) {
  const ssize_t length = checked(get_name(nullptr, 0), "get name");
  std::string name(static_cast<std::size_t>(length) + 1, '\0');
  checked(get_name(name.data(), name.size()), "get name");
  name.resize(name.find('\0'));
  return name;
}

// Walks from a dataset to everything it draws on.
class SourceWalk {
 public:
  SourceWalk(const SourcePolicy& policy, LinkGuard& links) : policy_(policy), links_(links) {}

  void visit(const H5::DataSet& dataset) {
    const std::string file = file_name_of(dataset);
    const H5::DSetCreatPropList creation = dataset.getCreatePlist();
    const H5D_layout_t layout = creation.getLayout();
    if (layout == H5D_VIRTUAL) {
      visit_virtual_sources(creation, file);
    } else if (layout == H5D_CONTIGUOUS) {
      visit_raw_files(creation, file);
    }
  }

  std::vector<SourceFile> take() && { return std::move(sources_); }

 private:
  using Source = std::pair<std::string, std::string>;  // a file's path, a dataset's path

  void visit_raw_files(const H5::DSetCreatPropList& creation, const std::string& file) {
    const int count = creation.getExternalCount();
    for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
      std::string name(1 << 16, '\0');
      off_t offset = 0;
      hsize_t size = 0;
      creation.getExternal(i, name.size() - 1, name.data(), offset, size);
      add(policy_.resolve(SourceKind::kRawFile, file, name.c_str()));
    }
  }

  void visit_virtual_sources(const H5::DSetCreatPropList& creation, const std::string& file) {
    std::size_t count = 0;
    const hid_t list = creation.getId();
    checked(H5Pget_virtual_count(list, &count), "H5Pget_virtual_count");
    std::set<Source> patterns;
    for (std::size_t i = 0; i < count; ++i) {
      patterns.insert({name_of([&](char* to, std::size_t size) {
                         return H5Pget_virtual_filename(list, i, to, size);
                       }),
                       name_of([&](char* to, std::size_t size) {
                         return H5Pget_virtual_dsetname(list, i, to, size);
                       })});
    }
    for (const auto& [source_file, source_dataset] : patterns) {
      if (!has_block(source_file) && !has_block(source_dataset)) {
        const std::string name = with_block(source_file, 0);
        visit_source(name == "." ? file : policy_.resolve(SourceKind::kVirtualSource, file, name),
                     with_block(source_dataset, 0));
      } else {
        visit_blocks(file, source_file, source_dataset);
      }
    }
  }

  // Numbered sources end with the first that is missing.
  void visit_blocks(const std::string& file, const std::string& source_file,
                    const std::string& source_dataset) {
    for (std::uint64_t block = 0; block < kMostBlocks; ++block) {
      const std::string name = with_block(source_file, block);
      const std::string path =
          name == "." ? file : policy_.resolve(SourceKind::kVirtualSource, file, name, false);
      std::error_code error;
      if (!fs::exists(path, error)) return;
      try {
        visit_source(path, with_block(source_dataset, block));
      } catch (const Error& missing) {
        if (missing.code() != ErrorCode::kNotFound || !has_block(source_dataset)) throw;
        return;
      }
    }
  }

  void visit_source(const std::string& path, const std::string& dataset_path) {
    const Source source{path, dataset_path};
    if (std::find(active_.begin(), active_.end(), source) != active_.end()) {
      throw Error(ErrorCode::kCorruptData,
                  fmt::format("virtual source '{}' of '{}' contains itself", dataset_path, path));
    }
    if (!visited_.insert(source).second) return;
    if (active_.size() == kDeepestNesting) {
      throw Error(ErrorCode::kUnsupported, "virtual sources are nested more than 32 deep");
    }
    add(path);
    active_.push_back(source);
    visit(open_source(path, dataset_path));
    active_.pop_back();
  }

  H5::DataSet open_source(const std::string& path, const std::string& dataset_path) {
    H5::H5File file;
    try {
      file.openFile(path, H5F_ACC_RDONLY);
    } catch (const H5::Exception&) {
      throw Error(ErrorCode::kCorruptData,
                  fmt::format("virtual source '{}' cannot be opened as HDF5", path));
    }
    Identifier object;
    try {
      object = open_object(file, dataset_path, links_);
    } catch (const H5::Exception&) {
      throw Error(ErrorCode::kNotFound,
                  fmt::format("virtual source '{}' has no dataset '{}'", path, dataset_path));
    }
    if (H5Iget_type(object.get()) != H5I_DATASET) {
      throw Error(ErrorCode::kNotFound,
                  fmt::format("'{}' of virtual source '{}' is not a dataset", dataset_path, path));
    }
    return object.as<H5::DataSet>();
  }

  void add(const std::string& path) {
    if (paths_.insert(path).second) sources_.push_back({path, identity_of(path)});
  }

  const SourcePolicy& policy_;
  LinkGuard& links_;
  std::vector<Source> active_;
  std::set<Source> visited_;
  std::set<std::string> paths_;
  std::vector<SourceFile> sources_;
};

}  // namespace

SourcePolicy::SourcePolicy(const std::string& opened_file, bool allow_outside)
    : allow_outside_(allow_outside) {
  const fs::path named = fs::absolute(opened_file);
  folders_.push_back(real_path(named.parent_path()));
  folders_.push_back(fs::path(real_path(named)).parent_path().string());
}

bool SourcePolicy::allows(const std::string& path) const {
  return allow_outside_ || std::any_of(folders_.begin(), folders_.end(),
                                       [&](const auto& folder) { return is_inside(path, folder); });
}

std::string SourcePolicy::resolve(SourceKind kind, const std::string& parent_file,
                                  const std::string& name, bool must_exist) const {
  const fs::path path = fs::absolute(parent_file).parent_path() / name;
  if (!allow_outside_ && std::getenv(prefix_variable(kind)) != nullptr) {
    throw Error(ErrorCode::kRefused,
                fmt::format("{} '{}': the environment variable {} redirects it", describe(kind),
                            name, prefix_variable(kind)));
  }
  if (!allows(real_path(path))) {
    throw Error(ErrorCode::kRefused,
                fmt::format("{} '{}' leads outside the file's folder, and allow_outside_sources "
                            "is off",
                            describe(kind), name));
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (must_exist) {
      throw Error(ErrorCode::kNotFound,
                  fmt::format("{} '{}': {} does not exist", describe(kind), name, path.string()));
    }
  } else if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kRefused, fmt::format("{} '{}': {} is not a regular file",
                                                 describe(kind), name, path.string()));
  }
  return path.string();
}

H5::DSetAccPropList dataset_access() {
  H5::DSetAccPropList access;
  checked(H5Pset_efile_prefix(access.getId(), "${ORIGIN}"), "H5Pset_efile_prefix");
  return access;
}

H5::DSetAccPropList LinkGuard::access_list() {
  const H5::DSetAccPropList access = dataset_access();
  checked(H5Pset_elink_cb(access.getId(), &LinkGuard::traverse, this), "H5Pset_elink_cb");
  return access;
}

void LinkGuard::throw_refusal() {
  if (const std::optional<Error> refusal = std::exchange(refusal_, std::nullopt)) throw *refusal;
}

herr_t LinkGuard::traverse(const char* parent_file, const char*, const char* child_file,
                           const char*, unsigned* access_flags, hid_t, void* guard) {
  auto& self = *static_cast<LinkGuard*>(guard);
  try {
    *access_flags = H5F_ACC_RDONLY;
    const std::string path =
        self.policy_.resolve(SourceKind::kExternalLink, parent_file, child_file);
    self.followed_.push_back({path, identity_of(path)});
    return 0;
  } catch (const Error& error) {
    self.refusal_ = error;
  } catch (const std::exception& error) {
    self.refusal_ = Error(ErrorCode::kIo, error.what());
  }
  return -1;
}

Identifier open_object(const H5::H5File& file, const std::string& path, LinkGuard& guard) {
  const H5::DSetAccPropList access = guard.access_list();
  try {
    // H5Oopen() takes no notice of the list's place for raw files, so it is for other objects.
    const hid_t dataset = H5Dopen2(file.getId(), path.c_str(), access.getId());
    if (dataset >= 0) return Identifier(dataset, "H5Dopen2");
    guard.throw_refusal();
    return Identifier(H5Oopen(file.getId(), path.c_str(), access.getId()), "H5Oopen");
  } catch (const H5::Exception&) {
    guard.throw_refusal();
    throw;
  }
}

std::string file_name_of(const H5::H5Location& object) {
  return name_of([&](char* to, std::size_t size) { return H5Fget_name(object.getId(), to, size); });
}

std::vector<SourceFile> data_sources(const H5::DataSet& dataset, const SourcePolicy& policy,
                                     LinkGuard& links) {
  SourceWalk walk(policy, links);
  walk.visit(dataset);
  return std::move(walk).take();
}

}  // namespace h5flume::hdf5
