#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints the parameters of one personality of rtl/personalities.txt, as the named reader wants them.
# Usage: scripts/personality.sh PERSONALITY verilator|yosys|c++
#        scripts/personality.sh names
set -eu
table=$(dirname "$0")/../rtl/personalities.txt
names=$(sed -n 's/^# parameter *//p' "$table")
if [ "${1:-}" = names ]; then
  echo "$names" | xargs
  exit 0
fi
column=$(echo "$names" | awk -v want="${1:-}" '{for (i = 1; i <= NF; ++i) if ($i == want) print i + 1}')
[ -n "$column" ] || { echo "personality.sh: no personality '${1:-}', only: $(echo "$names" | xargs)" >&2; exit 2; }
columns=$(($(echo "$names" | wc -w) + 1))
rows=$(grep -v '^ *\(#\|$\)' "$table")
echo "$rows" | awk -v n="$columns" 'NF != n || $0 !~ /^[A-Z][A-Za-z0-9]*( +[0-9]+)+ *$/ {
  print "personality.sh: malformed row: " $0 > "/dev/stderr"; bad = 1 } END { exit bad }' || exit 2
case ${2:-} in
  # switches are one bit wide
  verilator) echo "$rows" | awk -v c="$column" -v q="'" '
    function is_switch(name) { return name ~ /^(Opcfg|Evl|EvlOverflow|CmdCap|Batch1|DrainReadback|Fill16|Crc64|Ats)$/ }
    {printf "-G%s=%s%s ", $1, is_switch($1) ? "1" q "b" : "", $c} END {print ""}' ;;
  yosys) echo "$rows" | awk -v c="$column" '{printf "-chparam %s %s ", $1, $c} END {print ""}' ;;
  # NumWq becomes .num_wq
  c++) echo "$rows" | awk -v c="$column" '{
         name = $1; gsub(/[A-Z]/, "_&", name); printf "    .%s = %s,\n", tolower(substr(name, 2)), $c }' ;;
  *) echo "personality.sh: no form '${2:-}'" >&2; exit 2 ;;
esac
