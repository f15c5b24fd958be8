#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints how many compile jobs this machine can run: one a processor, and 1 GiB of free memory for each.
set -eu
processors=$(nproc)
gib=$(awk '/MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
[ "$gib" -ge 1 ] || gib=1
[ "$processors" -le "$gib" ] && echo "$processors" || echo "$gib"
