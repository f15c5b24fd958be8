#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lints the whole device in each personality with every warning on; any warning fails. Waivers: rtl/siov_lint.vlt.
# Usage: scripts/lint.sh [TOP], default siov_device; another block is linted with its own parameters
set -eu
cd "$(dirname "$0")/../rtl"
top=${1:-siov_device}
files=$(grep -v '^ *#' siov_device.f)
lint() {
  # shellcheck disable=SC2086
  verilator --lint-only -Wall --assert --timescale 1ns/1ps -I. siov_lint.vlt $files --top-module "$top" "$@"
}
if [ "$top" != siov_device ]; then
  lint
  echo "lint: $top is clean"
  exit 0
fi
for personality in $(../scripts/personality.sh names); do
  # shellcheck disable=SC2046
  lint $(../scripts/personality.sh "$personality" verilator)
  echo "lint: $top is clean in the $personality personality"
done
