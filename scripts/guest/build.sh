#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the guest lab: QEMU with its vfio-user client, a stock Debian kernel with idxd, accel-config and dsa_test, an initramfs.
# Packages come from Debian 13 and its backports, are unpacked into the lab and run from there: no root, nothing is installed.
# Usage: scripts/guest/build.sh LAB      exit 3: cannot be built here, the last line says why
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
lab=$(realpath -m "${1:?usage: build.sh LAB}")
kernel=6.17.8+deb13-amd64  # SVA on QEMU's unit: 6.15 or later, and without "Disallow SVA if page walk is not coherent"
suite=trixie

skip() { echo "linux-guest: skipped: $*"; exit 3; }

[ "$(uname -s) $(uname -m)" = "Linux x86_64" ] || skip "needs Linux on x86-64, this is $(uname -s) $(uname -m)"
for tool in apt-get dpkg-deb python3 gcc tar; do
  command -v $tool >/dev/null || skip "needs '$tool', which is not here"
done

# What the lab depends on; a lab built from the same is used as it is.
stamp=$(cat "$here"/build.sh "$here"/initramfs.py "$here"/files/* | sha256sum | cut -d' ' -f1)
[ "$(cat "$lab/ready" 2>/dev/null)" = "$stamp" ] && exit 0
mkdir -p "$lab"
rm -f "$lab/ready"

# Packages: apt with directories of its own, as if nothing were installed.
packages() {
  local apt=$lab/apt
  mkdir -p "$apt"/{lists/partial,archives/partial,none}
  : >"$apt/status"
  local mirror=${SIOV_MIRROR:-$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/*.sources 2>/dev/null | grep -m1 -E '/debian/?$' || true)}
  [ -n "$mirror" ] || mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\?\(http[^ ]*\/debian\/\?\) .*/\2/p' /etc/apt/sources.list 2>/dev/null | head -1)
  mirror=${mirror:-http://deb.debian.org/debian}
  local key=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -f $key ] || skip "needs the package debian-archive-keyring, to know Debian's packages"
  printf "deb [signed-by=$key] $mirror %s main\n" $suite $suite-backports >"$apt/sources.list"
  cat >"$apt/apt.conf" <<CONF
Dir::State "$apt"; Dir::State::lists "lists"; Dir::State::status "$apt/status"; Dir::Cache "$apt"; Dir::Cache::archives "archives";
Dir::Etc::sourcelist "$apt/sources.list"; Dir::Etc::sourceparts "$apt/none"; Dir::Etc::preferences "$apt/none"; Dir::Etc::preferencesparts "$apt/none";
APT::Architecture "amd64"; APT::Architectures { "amd64"; }; APT::Install-Recommends "false"; APT::Sandbox::User ""; Debug::NoLocking "true";
Acquire::Retries "2"; Acquire::http::Timeout "30"; APT::Update::Error-Mode "any";
CONF
  export APT_CONFIG=$apt/apt.conf
  echo "linux-guest: fetching packages of Debian $suite and $suite-backports from $mirror"
  apt-get update -qq >"$lab/apt.log" 2>&1 || skip "no package lists from $mirror ($(grep -m1 -E '^(E|W):' "$lab/apt.log" || echo "see $lab/apt.log"))"
  apt-get install -y -qq --download-only -t $suite-backports qemu-system-x86 seabios accel-config accel-config-test busybox-static \
    >>"$lab/apt.log" 2>&1 || skip "packages cannot be fetched ($(grep -m1 '^E:' "$lab/apt.log"))"
  (cd "$apt" && apt-get download -qq "linux-image-$kernel") >>"$lab/apt.log" 2>&1 || skip "$suite-backports has no linux-image-$kernel"
  rm -rf "$lab/root"
  mkdir -p "$lab/root" "$lab/kernel"
  local deb
  for deb in "$apt"/archives/*.deb; do dpkg-deb -x "$deb" "$lab/root"; done
  dpkg-deb --fsys-tarfile "$apt"/linux-image-*.deb | tar -x -C "$lab/kernel" --wildcards '*/vmlinuz-*' '*/idxd.ko*' '*/idxd_bus.ko*'
  rm -rf "$apt"
  echo "$kernel" >"$lab/packages"
}
[ "$(cat "$lab/packages" 2>/dev/null)" = "$kernel" ] || packages

# Programs of our own. They run on the guest's C library, which is not older than ours.
mkdir -p "$lab/programs"
gcc -O1 -Wall -Wextra -Werror -shared -fPIC -o "$lab/programs/movdir64b.so" "$here/files/movdir64b.c"
gcc -O1 -Wall -Wextra -Werror -static -o "$lab/programs/wq_client" "$here/files/wq_client.c" "$here/files/movdir64b.c"

root=$lab/root
loader=$root/usr/lib64/ld-linux-x86-64.so.2
libraries() { "$loader" --library-path "$root/usr/lib/x86_64-linux-gnu" --list "$1" | grep -o '/[^ ]*\.so[^ ]*' | sort -u; }
cp "$(find "$lab/kernel" -name 'vmlinuz-*' | head -1)" "$lab/vmlinuz"
{
  echo "/init $here/files/init 755"
  echo "/test.sh $here/files/test.sh 755"
  echo "/bin/busybox $root/usr/bin/busybox 755"
  echo "/bin/accel-config $root/usr/bin/accel-config 755"
  echo "/bin/dsa_test $root/usr/libexec/accel-config/test/dsa_test 755"
  echo "/bin/wq_client $lab/programs/wq_client 755"
  echo "/lib/movdir64b.so $lab/programs/movdir64b.so 755"
  for module in idxd idxd_bus; do echo "/lib/$module.ko $(find "$lab/kernel" -name "$module.ko*" | head -1) 644"; done
  for program in "$root/usr/bin/accel-config" "$root/usr/libexec/accel-config/test/dsa_test"; do
    libraries "$program" | while read -r library; do
      case $library in
        */ld-linux-x86-64.so.2) echo "/lib64/ld-linux-x86-64.so.2 $loader 755" ;;
        *) echo "/lib/x86_64-linux-gnu/$(basename "$library") $library 755" ;;
      esac
    done
  done | sort -u
} >"$lab/manifest"
python3 "$here/initramfs.py" "$lab/manifest" "$lab/initrd.gz"
echo "$stamp" >"$lab/ready"
echo "linux-guest: lab in $lab ($(du -sh "$lab" | cut -f1)): $("$here/qemu.sh" "$lab" --version | head -1), Linux $kernel"
