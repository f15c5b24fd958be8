#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the GTKWave views with a dump: every signal, with its width, every enum file and every value in it.

Usage: check_views.py DUMP.fst VIEW.gtkw...   Run from the root of the project: views name their enum files from there.
Exit status: 0 all there, 1 something is missing or wrong, 2 wrong use.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
SOURCE = re.compile(r"# from (\S+) (\w+)$", re.MULTILINE)
COMPOSITE = re.compile(r"\((\d+)\)(\S+)")


def signals(dump):
    """Names in the header of the dump, as GTKWave writes them: scopes with dots, range in brackets."""
    names, scope = {}, []
    process = subprocess.Popen(["fst2vcd", "-f", str(dump)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in process.stdout:
        words = line.split()
        if not words:
            continue
        if words[0] == "$scope":
            scope.append(words[2])
        elif words[0] == "$upscope":
            scope.pop()
        elif words[0] == "$var":
            bits = words[5] if words[5] != "$end" else ""
            names[".".join([*scope, words[4]]) + bits] = int(words[2])
        elif words[0] == "$enddefinitions":
            break
    process.kill()
    process.wait()
    return names


def check_enum(path):
    """Every value of an enum file is the constant of that name in the RTL."""
    text = path.read_text()
    source = SOURCE.search(text)
    if not source:
        return [f"{path}: no line '# from FILE PREFIX'"]
    constants = {}
    for name, base, value in re.findall(r"localparam logic \[\d+:0\] (\w+)(?: /\*.*?\*/)? = \d+'([dh])([0-9a-fA-F_]+);",
                                        (ROOT / source.group(1)).read_text()):
        constants[name] = int(value, 16 if base == "h" else 10)
    problems, rows = [], 0
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        rows += 1
        value, name = line.split()
        short, _, form = name.partition(".")
        expected = constants.get(source.group(2) + short)
        if expected is not None and form == "4":
            expected |= 0x20   # Fmt bit 0: header of 4 double words
        if expected != int(value, 16):
            problems.append(f"{path}: {line}: {source.group(1)} says {expected}")
    return problems if rows else [f"{path}: empty"]


def check_view(path, names):
    problems, seen = [], 0
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{path}:{number}"
        if line.startswith("^"):
            enum = pathlib.Path(line.split(" ", 1)[1])
            if enum.is_absolute() or not (ROOT / enum).exists():
                problems.append(f"{where}: no enum file {enum}")
            else:
                problems += check_enum(ROOT / enum)
        elif line.startswith("#"):
            bits = COMPOSITE.findall(line)
            seen += 1
            for bit, name in bits:
                if name not in names or int(bit) >= names[name]:
                    problems.append(f"{where}: no bit {bit} of {name}")
                    break
            if not bits:
                problems.append(f"{where}: a composite without bits")
        elif line and line[0] not in "@-[*":
            seen += 1
            if line not in names:
                problems.append(f"{where}: no signal {line}")
    if seen == 0:
        problems.append(f"{path}: names no signal")
    return seen, problems


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        names = signals(sys.argv[1])
    except FileNotFoundError:
        print("check_views: fst2vcd not found; it is in the Debian package gtkwave (scripts/setup.sh waves)",
              file=sys.stderr)
        return 2
    if not names:
        print(f"check_views: {sys.argv[1]}: no signals; is it a dump?", file=sys.stderr)
        return 2
    failed = False
    for view in sys.argv[2:]:
        seen, problems = check_view(pathlib.Path(view), names)
        for problem in dict.fromkeys(problems):
            print(f"check_views: {problem}", file=sys.stderr)
        failed |= bool(problems)
        print(f"check_views: {view}: {seen} signals, {len(set(problems))} problems")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
