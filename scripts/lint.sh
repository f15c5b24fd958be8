#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lints the whole device with every warning on; any warning fails. Waivers: rtl/siov_lint.vlt.
# Usage: scripts/lint.sh [TOP], default siov_device
set -eu
cd "$(dirname "$0")/../rtl"
top=${1:-siov_device}
files=$(grep -v '^ *#' siov_device.f)
# shellcheck disable=SC2086
verilator --lint-only -Wall --assert --timescale 1ns/1ps -I. siov_lint.vlt $files --top-module "$top"
echo "lint: $top is clean"
