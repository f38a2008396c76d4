# Libraries that are found by header and name: most of them install no file for CMake and not all of
# them one for pkg-config.
#
# Sets H5FLUME_<name>_LIBRARY and H5FLUME_<name>_INCLUDE_DIR of each; of those that undo chunk filters
# or make checksums also H5FLUME_CODEC_LIBRARIES and H5FLUME_CODEC_INCLUDE_DIRS.

# h5flume_find(NAME HEADER PACKAGE): PACKAGE is Debian's.
macro(h5flume_find name header package)
  find_library(H5FLUME_${name}_LIBRARY ${name})
  find_path(H5FLUME_${name}_INCLUDE_DIR ${header} PATH_SUFFIXES lib${name})
  mark_as_advanced(H5FLUME_${name}_LIBRARY H5FLUME_${name}_INCLUDE_DIR)
  if(NOT H5FLUME_${name}_LIBRARY OR NOT H5FLUME_${name}_INCLUDE_DIR)
    message(FATAL_ERROR "lib${name} with ${header} is not installed (Debian, Ubuntu: ${package})")
  endif()
endmacro()

h5flume_find(sqlite3 sqlite3.h libsqlite3-dev)
h5flume_find(hiredis hiredis/hiredis.h libhiredis-dev)

set(H5FLUME_CODEC_LIBRARIES)
set(H5FLUME_CODEC_INCLUDE_DIRS)

macro(h5flume_codec name header package)
  h5flume_find(${name} ${header} ${package})
  list(APPEND H5FLUME_CODEC_LIBRARIES ${H5FLUME_${name}_LIBRARY})
  list(APPEND H5FLUME_CODEC_INCLUDE_DIRS ${H5FLUME_${name}_INCLUDE_DIR})
endmacro()

h5flume_codec(deflate libdeflate.h libdeflate-dev)
h5flume_codec(z zlib.h zlib1g-dev)
h5flume_codec(zstd zstd.h libzstd-dev)
h5flume_codec(lz4 lz4.h liblz4-dev)
h5flume_codec(blosc blosc.h libblosc-dev)
h5flume_codec(aec libaec.h libaec-dev)
h5flume_codec(lzf lzf.h liblzf-dev)
h5flume_codec(xxhash xxhash.h libxxhash-dev)
list(REMOVE_DUPLICATES H5FLUME_CODEC_INCLUDE_DIRS)
