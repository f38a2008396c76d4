#pragma once

#include <string>

namespace h5flume {

/// Makes the names in a folder durable, as fsync() does the contents of a file. Some file systems
/// cannot do that for folders, which is no error. Throws kIo and so on, naming the folder.
void sync_folder(const std::string& folder);

/// The same for the folder that holds `path`, for a file that is whole in any case: no failure is
/// an error.
void sync_folder_of(const std::string& path) noexcept;

}  // namespace h5flume
