#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Reads one personality of the RTL with Yosys. Reports cells, gates, flops, memory bits and combinational depth of each block;
# fails on latches, combinational loops, nets with several drivers and on warnings that mean that Yosys misread the source.
# Writes the netlist that --device netlist runs (of the default personality).
# Usage: scripts/synth.sh [PERSONALITY] [WORK DIRECTORY] [REPORT DIRECTORY], default: default build/synth out/synth
set -eu
cd "$(dirname "$0")/.."
personality=${1:-default}
out=${2:-build/synth}
reports=${3:-out/synth}
mkdir -p "$out" "$reports"
parameters=$(scripts/personality.sh "$personality" yosys)
files=$(grep -v '^ *#' rtl/siov_device.f | sed 's|^|rtl/|' | tr '\n' ' ')

cat >"$out/synth.ys" <<EOF
read_verilog -sv -DSYNTHESIS -Irtl $files
hierarchy -check -top siov_device $parameters
proc
opt
check -assert
select -assert-none t:\$dlatch t:\$adlatch t:\$dlatchsr t:\$sr
memory -nomap -nosat
opt
write_json $out/blocks.json
design -save blocks
flatten
opt
check -assert
scc -expect 0
write_verilog -noattr $out/netlist.tmp.v
design -load blocks
techmap -map scripts/memory_depth.v
techmap
opt -fast
tee -q -o $out/gates.json stat -json
delete t:siov_* t:\$paramod*
tee -q -o $out/depth.txt ltp -noff
EOF
if ! yosys -q -l "$out/yosys.log" "$out/synth.ys" >"$out/messages.txt" 2>&1; then
  cat "$out/messages.txt"
  echo "synth: FAILED, log in $out/yosys.log" >&2
  exit 1
fi
python3 scripts/synth_report.py "$personality" "$out" "$reports"
# An unchanged netlist keeps its time, so that nothing is built again.
cmp -s "$out/netlist.tmp.v" "$out/siov_netlist.v" || cp "$out/netlist.tmp.v" "$out/siov_netlist.v"
rm "$out/netlist.tmp.v"
echo "synth: report in $reports/$personality.md, netlist in $out/siov_netlist.v"
