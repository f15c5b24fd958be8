#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Plays scenarios/small.toml on the RTL and on the Yosys-written netlist; the digests over every TLP must be equal.
# Usage: scripts/netlist_check.sh PROGRAM OUTPUT_DIRECTORY [SEED]
set -eu
cd "$(dirname "$0")/.."
program=$1 out=$2 seed=${3:-1}
mkdir -p "$out"
for device in rtl netlist; do
  "$program" run scenarios/small.toml --seed "$seed" --device "$device" --out "$out/$device" >"$out/$device.log" 2>&1 ||
    { cat "$out/$device.log"; echo "netlist-check: the run on $device failed" >&2; exit 1; }
done
digest() { sed -n 's/.*"digest": "\([0-9a-f]*\)".*/\1/p' "$1/summary.json"; }
rtl=$(digest "$out/rtl") netlist=$(digest "$out/netlist")
echo "netlist-check: digest $rtl on rtl, $netlist on netlist"
[ -n "$rtl" ] && [ "$rtl" = "$netlist" ]
