#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Report of one synthesis: a line for each block, as text, Markdown and JSON; fails on warnings that mean a misread.

Usage: synth_report.py PERSONALITY WORK_DIRECTORY REPORT_DIRECTORY
Reads what scripts/synth.sh left in the work directory: blocks.json (word-level netlist), gates.json (cell counts after
mapping to simple gates), depth.txt (longest path of each module), yosys.log.

cells    word-level operators of all instances of the block, without the blocks inside it
gates    the same after mapping to two-input gates and multiplexers, not optimized for area
flops    flip-flop bits
memory   memory bits
depth    gates on the longest path inside one instance, from register or port to register or port; instances inside it end
         a path; an unclocked memory read counts one gate for each further address bit
"""
import json
import pathlib
import re
import sys

FLOPS = {"$dff", "$dffe", "$sdff", "$sdffe", "$sdffce", "$adff", "$adffe"}

# Messages after which the netlist may not mean what the source says.
MISREAD = re.compile(
    r"implicitly declared|Resizing cell port|Async reset value|conflicting drivers|multiple drivers|"
    r"has no driver|logic loop|Unresolved|unsupported|truncat", re.IGNORECASE)

COLUMNS = ("instances", "cells", "gates", "flops", "memory", "depth")


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


def gate_counts(path):
    """Gates of each module: simple cells that are neither flip-flop nor instance."""
    counts = {}
    # Yosys 0.23 goes on with the hierarchy as plain text behind the list of modules.
    modules, _, _ = path.read_text(encoding="utf-8").partition("\n   },\n")
    for name, module in json.loads(modules + "}}")["modules"].items():
        kinds = module["num_cells_by_type"]
        counts[name.lstrip("\\")] = sum(n for kind, n in kinds.items() if kind.startswith("$_") and "DFF" not in kind)
    return counts


def depths(path):
    found = re.findall(r"^Longest topological path in (.+) \(length=(\d+)\):", path.read_text(encoding="utf-8"), re.M)
    return {name.lstrip("\\"): int(length) for name, length in found}


def collect(work):
    """Block name -> {column: value}, and the totals."""
    modules = json.loads((work / "blocks.json").read_text(encoding="utf-8"))["modules"]
    gates, depth = gate_counts(work / "gates.json"), depths(work / "depth.txt")
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
        cells, flops, memory = weigh(modules[name])
        row = rows.setdefault(short(name), dict.fromkeys(COLUMNS, 0))
        for column, value in (("instances", 1), ("cells", cells), ("gates", gates[name]), ("flops", flops),
                              ("memory", memory)):
            row[column] += times * value
        row["depth"] = max(row["depth"], depth[name])
    total = {column: sum(r[column] for r in rows.values()) for column in COLUMNS}
    total["depth"] = max(r["depth"] for r in rows.values())
    return rows, total


def markdown(personality, rows, total):
    lines = [f"# Synthesis of the {personality} personality", "",
             "Written by `make synth`; `scripts/synth_report.py` says what the columns mean.", "",
             "| block | " + " | ".join(COLUMNS) + " |", "|---|" + "---:|" * len(COLUMNS)]
    for name in sorted(rows):
        lines.append(f"| {name} | " + " | ".join(f"{rows[name][c]}" for c in COLUMNS) + " |")
    lines.append("| **all** | " + " | ".join(f"**{total[c]}**" for c in COLUMNS) + " |")
    return "\n".join(lines) + "\n"


def main():
    personality, work, reports = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    rows, total = collect(work)
    print(f"{'block':<24}" + "".join(f"{c:>10}" for c in COLUMNS))
    for name, row in [*sorted(rows.items()), ("all", total)]:
        print(f"{name:<24}" + "".join(f"{row[c]:>10}" for c in COLUMNS))
    (reports / f"{personality}.md").write_text(markdown(personality, rows, total), encoding="utf-8")
    (reports / f"{personality}.json").write_text(
        json.dumps({"personality": personality, "blocks": rows, "total": total}, indent=2) + "\n", encoding="utf-8")

    bad = [line.rstrip() for line in (work / "yosys.log").read_text(encoding="utf-8").splitlines()
           if "arning" in line and MISREAD.search(line)]
    for line in bad:
        print(f"misread: {line}", file=sys.stderr)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
