#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the libFuzzer target of the IOMMU and says what it did. Inputs that fail stay in OUT/iommu; a failing
# input is repeated with BUILD/tests/fuzz/iommu_fuzzer FILE. The corpus in OUT/iommu/corpus grows from run to run.
# Usage: scripts/fuzz.sh BUILD OUT SECONDS
set -eu
cd "$(dirname "$0")/.."
build=$1 out=$2/iommu seconds=$3
mkdir -p "$out/corpus"
python3 tests/fuzz/make_seeds.py "$out/seeds"
log=$out/log.txt
status=0
"$build/tests/fuzz/iommu_fuzzer" "$out/corpus" "$out/seeds" -max_total_time="$seconds" -max_len=2048 -timeout=10 \
  -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$out/" >"$log" 2>&1 || status=$?
executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
edges=$(sed -n 's/.*Loaded 1 modules *(\([0-9]*\) inline.*/\1/p' "$log" | head -1)
echo "fuzz: iommu_fuzzer, $seconds s: ${executions:-?} executions, ${covered:-?} of ${edges:-?} edges covered, $(ls "$out/corpus" | wc -l) inputs in the corpus"
if [ "$status" != 0 ]; then
  tail -40 "$log"
  echo "FAILED: see $log; failing input in $out"
  exit 1
fi
