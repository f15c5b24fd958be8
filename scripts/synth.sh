#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Reads the RTL with Yosys. Prints cells, flops and memory bits of each block; fails on latches, combinational loops, nets with
# several drivers and on warnings that mean that Yosys misread the source. Writes the netlist that --device netlist runs.
# Usage: scripts/synth.sh [TOP] [OUTPUT DIRECTORY], default siov_device build/synth
set -eu
cd "$(dirname "$0")/.."
top=${1:-siov_device}
out=${2:-build/synth}
mkdir -p "$out"
files=$(grep -v '^ *#' rtl/siov_device.f | sed 's|^|rtl/|' | tr '\n' ' ')

cat >"$out/synth.ys" <<EOF
read_verilog -sv -DSYNTHESIS -Irtl $files
hierarchy -check -top $top
proc
opt
check -assert
select -assert-none t:\$dlatch t:\$adlatch t:\$dlatchsr t:\$sr
memory -nomap -nosat
opt
write_json $out/blocks.json
flatten
opt
check -assert
scc -expect 0
write_verilog -noattr $out/netlist.tmp.v
EOF
if ! yosys -q -l "$out/yosys.log" "$out/synth.ys" >"$out/messages.txt" 2>&1; then
  cat "$out/messages.txt"
  echo "synth: FAILED, log in $out/yosys.log" >&2
  exit 1
fi
python3 scripts/synth_report.py "$out/blocks.json" "$out/yosys.log"
# An unchanged netlist keeps its time, so that nothing is built again.
cmp -s "$out/netlist.tmp.v" "$out/siov_netlist.v" || cp "$out/netlist.tmp.v" "$out/siov_netlist.v"
rm "$out/netlist.tmp.v"
echo "synth: netlist in $out/siov_netlist.v"
