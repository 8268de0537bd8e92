# Shared by the scripts in this folder; sourced, never run. Debian 12 package names.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1

build_packages=(
  g++ cmake ninja-build ccache mold pkg-config
  libwebsockets-dev libwebsockets-evlib-ev libev-dev libcli11-dev libcjson-dev libspdlog-dev catch2
  libsqlite3-dev libsystemd-dev libssl-dev libseccomp-dev libarchive-dev libhttp-parser-dev libpoppler-cpp-dev zlib1g-dev
  libreoffice-dev libreofficekit-dev libqpdf-dev libfontconfig-dev libjemalloc-dev
)
run_packages=(
  bubblewrap
  libreoffice-core-nogui libreoffice-writer-nogui libreoffice-calc-nogui libreoffice-impress-nogui libreoffice-draw-nogui
  pandoc poppler-utils libvips-tools librsvg2-bin ffmpeg
  fonts-dejavu-core fonts-liberation
)
test_packages=(
  python3 python3-websockets curl openssl git man-db mandoc systemd clang-format-14 strace faketime e2fsprogs logrotate slowhttptest
)

# The runtimes of the sanitizers and of libFuzzer are only recommended by clang.
fuzz_packages=(clang-14 libclang-rt-14-dev)

say() { printf '%s\n' "$*" >&2; }
die() {
  say "${0##*/}: $*"
  exit 1
}

# The packages of "$@" that are not installed, one per line.
missing_packages() {
  local name
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s\n' "$name"
  done
}

# Runs "$@" as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Runs "$@" with its output in build/$1.log; shows the end of the log when it fails.
quietly() {
  local log=build/$1.log
  shift
  mkdir -p build
  if ! "$@" >>"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "this failed: $* (all of it is in $log)"
  fi
}

# Installs those of "$@" that are missing.
install_packages() {
  command -v dpkg-query >/dev/null || die "this needs Debian (dpkg-query is not here); install by hand: $*"
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    die "these packages are missing and neither root nor sudo is at hand; ask for: apt-get install --no-install-recommends ${missing[*]}"
  fi
  say "Installing ${#missing[@]} packages: ${missing[*]}"
  rm -f build/packages.log
  # Old lists may still do: what counts is whether the installation works.
  as_root apt-get update -q >/dev/null 2>&1 || say "apt-get update failed; trying with the package lists as they are."
  quietly packages as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# provide_tool PROGRAM PACKAGE PATH: that program alone, taken out of its package into build/tools, because installing the
# package would start a service.
provide_tool() {
  export PATH="$root/build/tools:$PATH"
  command -v "$1" >/dev/null && return 0
  local work=build/tools/unpack
  mkdir -p "$work"
  if (cd "$work" && apt-get download -q "$2" && dpkg-deb -x "$2"_*.deb .) >"build/$1.log" 2>&1; then
    mv "$work/$3" "build/tools/$1"
  else
    say "$1 could not be fetched (build/$1.log): the tests that need it will be skipped."
  fi
  rm -rf "$work"
}

# configure PRESET: quiet; CONVD_WERROR=ON in the environment makes warnings errors.
configure() {
  mkdir -p build
  rm -f "build/$1.log"
  quietly "$1" cmake --preset "$1" -DCONVD_WERROR="${CONVD_WERROR:-OFF}"
}

# build PRESET [TARGET...]: quiet; everything when no target is named.
build() {
  local preset=$1
  shift
  configure "$preset"
  say "Building ($preset); the log is build/$preset.log ..."
  quietly "$preset" ninja -C "build/$preset" "$@"
}

# The programs of the product, without the tests.
build_programs() {
  configure release
  local programs
  mapfile -t programs < <(ninja -C build/release -t targets all | sed -n 's/^\(convd\|convctl\|convd-runner\|convd-layout\|convd-inspect\|convd-office\): .*/\1/p')
  build release "${programs[@]}"
}
