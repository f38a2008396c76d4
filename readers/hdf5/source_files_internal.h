#pragma once

#include <H5Cpp.h>

#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file_identity.h"
#include "readers/hdf5/dataset.h"
#include "readers/hdf5/hdf5_call_internal.h"

namespace h5flume::hdf5 {

/// A file, other than the one that was opened, that a dataset draws on.
struct SourceFile {
  std::string path;  ///< as libhdf5 finds it
  FileIdentity identity;
};

/// The ways in which one HDF5 file reaches for another.
enum class SourceKind { kExternalLink, kRawFile, kVirtualSource };

/// Which other files a file may reach for: those whose real path, symbolic links followed, lies
/// in the folder of the file that was opened, or below it.
///
/// libhdf5 looks for a file in several places, the working directory among them. Here a file must
/// lie where its name leads from the folder of the file that names it, the first of these places,
/// so the later ones never decide.
class SourcePolicy {
 public:
  SourcePolicy(const std::string& opened_file, bool allow_outside);

  /// The path of the file that `parent_file` calls `name`. Throws kRefused, and kNotFound if
  /// `must_exist`, with a message that is a cause only.
  std::string resolve(SourceKind kind, const std::string& parent_file, const std::string& name,
                      bool must_exist = true) const;

 private:
  bool allows(const std::string& path) const;

  std::vector<std::string> folders_;  // of the file's name, and of the file itself
  bool allow_outside_;
};

/// How every dataset is opened: its raw files are looked for beside its file. libhdf5 refuses to
/// open a dataset in another way while it is open in this one.
H5::DSetAccPropList dataset_access();

/// Holds external links to a SourcePolicy.
///
/// libhdf5 asks it by a callback, through which nothing can be thrown: a refusal is kept, and
/// the caller throws it when libhdf5 has reported its failure.
/// Lifetime: must outlive every object opened with a list it was put on.
class LinkGuard {
 public:
  explicit LinkGuard(const SourcePolicy& policy) : policy_(policy) {}
  LinkGuard(const LinkGuard&) = delete;
  LinkGuard& operator=(const LinkGuard&) = delete;

  /// A list for opening datasets that asks the guard, and that finds external raw files from the
  /// folder of the file that names them. libhdf5 lets no dataset be opened twice with different
  /// places for raw files, so everything that is opened is opened with this list.
  H5::DSetAccPropList access_list();

  /// Throws what the callback refused since the last call, if it refused anything.
  void throw_refusal();

  /// The files that external links led to.
  const std::vector<SourceFile>& followed() const noexcept { return followed_; }

 private:
  static herr_t traverse(const char* parent_file, const char* parent_group, const char* child_file,
                         const char* child_object, unsigned* access_flags, hid_t access_list,
                         void* guard);

  const SourcePolicy& policy_;
  std::vector<SourceFile> followed_;
  std::optional<Error> refusal_;
};

/// Opens the object of any kind at `path`. If `guard` refused a link on the way, throws that
/// refusal in place of libhdf5's own reason.
Identifier open_object(const H5::H5File& file, const std::string& path, LinkGuard& guard);

/// The file that an open object lies in, as libhdf5 opened it.
std::string file_name_of(const H5::H5Location& object);

/// The raw files and virtual sources that `dataset` draws on, and those that its virtual sources
/// draw on in turn; each once. Every one of them exists and may be used, and every virtual source
/// holds the dataset it should hold.
///
/// Throws kNotFound, kRefused, kCorruptData (a dataset that is its own source), with messages that
/// are causes only, and H5::Exception. The caller holds a LibraryAccess.
std::vector<SourceFile> data_sources(const H5::DataSet& dataset, const SourcePolicy& policy,
                                     LinkGuard& links);

}  // namespace h5flume::hdf5
