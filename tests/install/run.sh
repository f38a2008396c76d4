#!/usr/bin/env bash
# run.sh CMAKE BUILD-FOLDER WORK-FOLDER: installs a build, then builds and runs a program against
# it by find_package and by pkg-config, in a moved prefix, with the three ways to find the worker.
set -euo pipefail

cmake=$1
build=$(realpath -m "$2")
work=$(realpath -m "$3")
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
unset H5FLUME_WORKER

rm -rf "$work"
mkdir -p "$work"

# Moved after the installation: nothing in it may know where it was put.
"$cmake" --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/prefix"
prefix=$work/prefix

found=$(find "$prefix/include" -name '*_internal.h')
if [[ -n $found ]]; then
  echo "private headers are installed: $found" >&2
  exit 1
fi

"$prefix/bin/h5flume" sample "$work/sample.h5" --kind images --rows 100
"$prefix/bin/h5flume" stream "$work/sample.h5" /images --workers 2 --json
"$prefix/bin/h5flume" job "$work/sample.h5" /images --tracker "$work/tracker" -- cat

expect() {
  local name=$1 output
  shift
  output=$("$@")
  echo "$name: $output"
  [[ $output =~ ^100\ rows,\ [1-9][0-9]*\ bytes,\ sum\ [1-9][0-9]*$ ]] || exit 1
  [[ -z ${first_output-} || $output == "$first_output" ]] || exit 1
  first_output=$output
}

"$cmake" -S "$source" -B "$work/by_cmake" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Debug >"$work/cmake.log" ||
  { cat "$work/cmake.log" && exit 1; }
"$cmake" --build "$work/by_cmake" >>"$work/cmake.log" || { cat "$work/cmake.log" && exit 1; }
expect "find_package, worker by option" "$work/by_cmake/outside" "$work/sample.h5"

pc_file=$(find "$prefix" -name h5flume.pc)
PKG_CONFIG_PATH=$(dirname "$pc_file")
export PKG_CONFIG_PATH
read -ra flags < <(pkg-config --cflags --libs h5flume)
library_folder=$(pkg-config --variable=libdir h5flume)
export LD_LIBRARY_PATH=$library_folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} # for shared libraries
"${CXX:-c++}" -std=c++20 "$source/main.cpp" -o "$work/by_pkg_config" "${flags[@]}"
H5FLUME_WORKER=$(pkg-config --variable=worker h5flume) \
  expect "pkg-config, worker by environment" "$work/by_pkg_config" "$work/sample.h5"

cp "$work/by_pkg_config" "$prefix/bin/outside"
expect "worker next to the program's folder" "$prefix/bin/outside" "$work/sample.h5"
