#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that the project needs and this machine lacks: as root or through sudo.
# Without either it names the packages and stops. Usage: scripts/setup.sh [waves] [lint] [fuzz] [bench]
set -eu

need="verilator yosys g++ cmake ninja-build make ccache python3
  libboost-dev libboost-program-options-dev libgtest-dev libgmock-dev nlohmann-json3-dev libtomlplusplus-dev
  libfmt-dev libxxhash-dev zlib1g-dev linux-libc-dev"
for extra in "$@"; do
  case "$extra" in
    waves) need="$need gtkwave" ;;
    lint) need="$need clang-format" ;;
    fuzz)  # libFuzzer and the sanitizers of the release's clang: libclang-rt-14-dev in Debian 12
      need="$need clang $(apt-cache depends clang 2>/dev/null |
        sed -n 's/.*Depends: clang-\([0-9]*\)$/libclang-rt-\1-dev/p')" ;;
    bench) need="$need libbenchmark-dev" ;;
    *) echo "setup.sh: '$extra': expected waves, lint, fuzz or bench" >&2; exit 2 ;;
  esac
done

missing=""
for package in $need; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done
missing=$(echo $missing)
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "setup.sh: this machine has no apt-get; needed (Debian names): $missing" >&2
  exit 2
fi
if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root="sudo"
elif command -v sudo >/dev/null && [ -t 0 ]; then
  as_root="sudo"
else
  echo "setup.sh: these packages are missing and need root to install: $missing" >&2
  echo "setup.sh: as root: apt-get install -y $missing" >&2
  exit 2
fi
echo "installing: $missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
