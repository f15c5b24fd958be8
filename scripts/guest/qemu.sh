#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# QEMU of the lab, with the lab's own libraries and firmware. Usage: scripts/guest/qemu.sh LAB [QEMU options]
set -eu
root=$(realpath "${1:?usage: qemu.sh LAB [options]}")/root
shift
libraries=$root/usr/lib/x86_64-linux-gnu
export QEMU_MODULE_DIR=$libraries/qemu
exec "$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$libraries" "$root/usr/bin/qemu-system-x86_64" \
  -L "$root/usr/share/seabios" -L "$root/usr/share/qemu" "$@"
