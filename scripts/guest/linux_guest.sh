#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real guests against siov-cosim: builds the lab if need be, boots Linux in front of the physical function (host mode), of a virtual device
# (vdev mode), and two guests at once of which one is killed at its work and replaced (pair); prints what they did.
# Usage: scripts/guest/linux_guest.sh PROGRAM LAB OUT [--device rtl|model] [--only host|vdev|pair] [--copies N]
# Exit code: 0 all good, 1 something was wrong, 3 skipped (the last line says why)
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "$1") lab=$(realpath -m "$2") out=$(realpath -m "$3")
shift 3
device=rtl only="host vdev pair" copies=300
while [ $# -gt 0 ]; do
  case $1 in
    --device) device=$2 ;;
    --only) only=$2 ;;
    --copies) copies=$2 ;;
    *) echo "linux-guest: '$1': expected --device, --only or --copies" >&2; exit 2 ;;
  esac
  shift 2
done
limit=${SIOV_GUEST_LIMIT:-3600}  # of one mode [s of wall time]

bash "$here/build.sh" "$lab" || exit $?
mkdir -p "$out"
run=$(mktemp -d "${TMPDIR:-/tmp}/siov-guest-XXXXXX")  # sockets have short names
children=()
cleanup() {
  for child in "${children[@]:-}"; do
    [ -n "$child" ] && kill "$child" 2>/dev/null && wait "$child" 2>/dev/null
  done
  rm -rf "$run"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

wait_for() { # SECONDS what command...: until it succeeds
  local seconds=$1 what=$2
  shift 2
  local end=$((SECONDS + seconds))
  until "$@"; do
    [ $SECONDS -lt $end ] || { echo "  WRONG: $what did not come within $seconds s"; return 1; }
    sleep 0.2
  done
}
serve() { # NAME MODE sockets...: starts the server, its process is $server
  local name=$1 mode=$2
  shift 2
  local arguments=()
  for socket in "$@"; do arguments+=(--socket "$run/$socket" --qmp "$run/$socket-qmp"); done
  mkdir -p "$out/$name"
  "$program" guest --mode "$mode" --device "$device" "${arguments[@]}" --sessions "$sessions" --patience 120 --out "$out/$name" \
    >"$out/$name/server.log" 2>&1 &
  server=$!
  children+=("$server")
  wait_for 60 "the server's socket" test -S "$run/$1"
}
boot() { # NAME CONSOLE MODE SOCKET words...: boots a guest, its process is $guest
  local name=$1 console=$2 mode=$3 socket=$4
  shift 4
  timeout -k 10 "$limit" "$here/attach.sh" "$lab" "$run/$socket" "$run/$socket-qmp" "$mode" "$@" \
    >"$out/$name/$console.log" 2>"$out/$name/$console-qemu.log" </dev/null &
  guest=$!
  children+=("$guest")
}
finish_server() { # waits for the server to write its files. $1: directory
  wait_for 300 "the server's end" sh -c "! kill -0 $server 2>/dev/null" || kill "$server"
  wait "$server"
  local rc=$?
  [ $rc = 0 ] && return 0
  echo "  WRONG: the server ended with $rc"
  tail -25 "$out/$1/server.log" | sed 's/^/    /'
  return 1
}
single() { # MODE
  local mode=$1 begin=$SECONDS result=0
  echo "== Linux in front of $([ "$mode" = host ] && echo 'the physical function' || echo 'a virtual device') ($device)"
  sessions=1
  serve "$mode" "$mode" s || return 1
  boot "$mode" console "$mode" s "siov.copies=$copies"
  wait "$guest" || { echo "  WRONG: QEMU ended with $?"; tail -3 "$out/$mode/console-qemu.log" | sed 's/^/    /'; result=1; }
  finish_server "$mode" || result=1
  python3 "$here/report.py" "$out/$mode/console.log" --server "$out/$mode" || result=1
  echo "  in all        $((SECONDS - begin)) s of wall time; $out/$mode"
  return $result
}
working() { grep -q 'SIOV: working' "$1" 2>/dev/null; }
pair() {
  local begin=$SECONDS result=0
  echo "== two guests, two virtual devices ($device); one is killed at its work and replaced"
  sessions=3
  serve pair vdev a b || return 1
  boot pair a vdev a "siov.task=work siov.copies=$((10 * copies))"
  local first=$guest
  boot pair b vdev b "siov.task=work"
  local victim=$guest
  wait_for "$limit" "work of both" working "$out/pair/a.log" && wait_for "$limit" "work of both" working "$out/pair/b.log" || result=1
  sleep 2
  # attach.sh has become QEMU: the child of timeout.
  local qemu
  qemu=$(cat "/proc/$victim/task/$victim/children" 2>/dev/null)
  kill -9 ${qemu:-$victim}
  wait "$victim" 2>/dev/null
  echo "  killed        guest b, after $((SECONDS - begin)) s"
  rm -f "$run/b-qmp"
  boot pair c vdev b "siov.task=work siov.copies=$copies"
  wait "$guest" || { echo "  WRONG: QEMU of guest c ended with $?"; result=1; }
  wait "$first" || { echo "  WRONG: QEMU of guest a ended with $?"; result=1; }
  finish_server pair || result=1
  echo "  guest a, all the time:"
  python3 "$here/report.py" "$out/pair/a.log" || result=1
  echo "  guest c, in place of b:"
  python3 "$here/report.py" "$out/pair/c.log" --server "$out/pair" || result=1
  echo "  in all        $((SECONDS - begin)) s of wall time; $out/pair"
  return $result
}

total=0
for mode in $only; do
  case $mode in
    host | vdev) single $mode ;;
    pair) pair ;;
    *) echo "linux-guest: '$mode': expected host, vdev or pair" >&2; exit 2 ;;
  esac || total=1
done
[ $total = 0 ] && echo "GOOD" || echo "FAILED"
exit $total
