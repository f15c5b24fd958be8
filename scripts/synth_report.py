#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One line a block from a Yosys JSON netlist (word level, before flattening); fails on warnings that mean a misread.

Usage: synth_report.py BLOCKS.json YOSYS.log
Cells are word-level operators of all instances; flop and memory bits are exact.
"""
import json
import re
import sys

FLOPS = {"$dff", "$dffe", "$sdff", "$sdffe", "$sdffce", "$adff", "$adffe"}

# Messages after which the netlist may not mean what the source says.
MISREAD = re.compile(
    r"implicitly declared|Resizing cell port|Async reset value|conflicting drivers|multiple drivers|"
    r"has no driver|logic loop|Unresolved|unsupported|truncat", re.IGNORECASE)


def number(text):
    return int(text, 2) if isinstance(text, str) else int(text)


def short(name):
    """$paramod\\siov_fifo\\W=... becomes siov_fifo."""
    found = re.search(r"(siov_\w+)", name)
    return found.group(1) if found else name


def weigh(module):
    cells = flops = memory = 0
    for cell in module["cells"].values():
        kind, par = cell["type"], cell.get("parameters", {})
        if kind in FLOPS:
            flops += number(par["WIDTH"])
        elif kind in ("$mem", "$mem_v2"):
            memory += number(par["WIDTH"]) * number(par["SIZE"])
        elif kind.startswith("$") and not kind.startswith("$paramod"):
            cells += 1
    return cells, flops, memory


def main():
    modules = json.load(open(sys.argv[1], encoding="utf-8"))["modules"]
    top = next(n for n, m in modules.items() if number(m.get("attributes", {}).get("top", 0)))
    uses = {}

    def count(name):
        uses[name] = uses.get(name, 0) + 1
        for cell in modules[name]["cells"].values():
            if cell["type"] in modules:
                count(cell["type"])

    count(top)
    rows = {}
    for name, times in uses.items():
        row = rows.setdefault(short(name), [0, 0, 0, 0])
        for i, value in enumerate((1, *weigh(modules[name]))):
            row[i] += times * value
    print(f"{'block':<24}{'instances':>10}{'cells':>9}{'flop bits':>11}{'memory bits':>13}")
    for name in sorted(rows):
        print(f"{name:<24}{rows[name][0]:>10}{rows[name][1]:>9}{rows[name][2]:>11}{rows[name][3]:>13}")
    total = [sum(r[i] for r in rows.values()) for i in range(4)]
    print(f"{'siov_device, all':<24}{'':>10}{total[1]:>9}{total[2]:>11}{total[3]:>13}")

    bad = [line.rstrip() for line in open(sys.argv[2], encoding="utf-8")
           if "arning" in line and MISREAD.search(line)]
    for line in bad:
        print(f"misread: {line}", file=sys.stderr)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
