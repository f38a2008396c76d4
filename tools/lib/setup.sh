# Set-up and messages shared by tools/quickstart and tools/test. Sourced by bash, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

# Ninja would start more compilers than there are cores, which small machines have no memory for.
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}

say() { printf '%s\n' "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# step TITLE COMMAND...: runs COMMAND and says how long it took. Its status is COMMAND's.
# Functions run this way cannot rely on `set -e`: they join what depends on each other with &&.
step() {
  local title=$1 started=$SECONDS status=0
  shift
  say "== $title"
  "$@" || status=$?
  if ((status == 0)); then
    say "   $((SECONDS - started)) s"
  else
    say "   failed after $((SECONDS - started)) s (exit status $status)" >&2
  fi
  return $status
}

# quietly COMMAND...: shows COMMAND's output only if it fails.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  if ((status != 0)); then cat "$log" >&2; fi
  rm -f "$log"
  return $status
}

# quietly, except that a person at a terminal sees the progress.
quietly_unless_watched() {
  if [[ -t 1 ]]; then "$@"; else quietly "$@"; fi
}

# --- packages ---------------------------------------------------------------------------------

libraries_to_build=(libhdf5-dev libfmt-dev nlohmann-json3-dev libcli11-dev libssl-dev
  libdeflate-dev zlib1g-dev libzstd-dev liblz4-dev libblosc-dev libaec-dev liblzf-dev libxxhash-dev
  libtbb-dev libsqlite3-dev libhiredis-dev robin-map-dev)
libraries_to_test=(catch2 hdf5-tools redis-server)
libraries_to_fuzz=(clang-19 libclang-rt-19-dev)

package_installed() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

cmake_is_new_enough() {
  local version
  version=$(cmake --version 2>/dev/null | sed -n '1s/^cmake version //p')
  [[ -n $version && $(printf '3.22\n%s\n' "$version" | sort -V | head -n 1) == 3.22 ]]
}

# Tools count however they were installed; libraries must be the distribution's packages.
missing_to_build() {
  local package
  command -v g++ >/dev/null || echo build-essential
  cmake_is_new_enough || echo cmake
  command -v ninja >/dev/null || echo ninja-build
  for package in "${libraries_to_build[@]}"; do
    package_installed "$package" || echo "$package"
  done
}

missing_to_test() {
  local package
  command -v pkg-config >/dev/null || echo pkg-config
  python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
  for package in "${libraries_to_test[@]}"; do
    package_installed "$package" || echo "$package"
  done
}

missing_to_fuzz() {
  local package
  for package in "${libraries_to_fuzz[@]}"; do
    package_installed "$package" || echo "$package"
  done
}

# install_packages PACKAGE...: nothing to do, and no network needed, if none is given.
install_packages() {
  if (($# == 0)); then return 0; fi
  say "   missing: $*"
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      die "these packages are missing and only root can install them; run as root, or install them first: $*"
    as_root=(sudo)
  fi
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300)
  quietly "${apt[@]}" update || say "   apt-get update failed; trying with the package lists that are there" >&2
  quietly "${apt[@]}" install --no-install-recommends "$@" || die "apt-get could not install: $*"
}

# set_up KIND...: installs what is missing to "build", to "test" or to "fuzz".
set_up() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "   this is no Debian or Ubuntu machine: taking it that these are installed in their own way:"
    say "   g++ cmake ninja-build ${libraries_to_build[*]} ${libraries_to_test[*]}"
    return 0
  fi
  local kind missing=()
  for kind in "$@"; do
    mapfile -t -O ${#missing[@]} missing < <("missing_to_$kind")
  done
  install_packages "${missing[@]}"
  hash -r
}

# --- build ------------------------------------------------------------------------------------

# configure PRESET ARGUMENT...
configure() {
  local preset=$1 launcher=()
  shift
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  quietly cmake --preset "$preset" "${launcher[@]}" "$@"
}

# build PRESET TARGET...: every target if none is named.
build() {
  local preset=$1
  shift
  quietly_unless_watched cmake --build --preset "$preset" ${*:+--target "$@"}
}
