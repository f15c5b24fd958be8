#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that every SIOV_ASSERT of rtl/ fires: one fault in the RTL for each, and no report without the fault.

mutants.toml lists the faults. Each is put into a copy of rtl/, the smallest block that shows it is built with Verilator
and run under the stimulus of env/*.hpp. The first clock edge on which anything fires must report the named assertion and
no other; the block without the fault must stay quiet under the same stimulus. Without arguments everything is checked;
arguments select assertions by part of their name (the check for missing entries still runs).

Exit status: 0 all as expected, 1 some not, 2 wrong table or build failure.
"""
import argparse
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
RTL = HERE.parents[2] / "rtl"
SEED = 1
CYCLES = 20000
CXX_FLAGS = ["-std=c++20", "-O0", "-w", "-DVL_USER_STOP", "-DVM_COVERAGE=0", "-DVM_TRACE=0"]
ASSERT = re.compile(r"`SIOV_ASSERT\w*\((\w+),")
REPORT = re.compile(r"Error: (\w+)\.sv:\d+: Assertion failed in \S*?(\w+): SIOV_ASSERT")
INPUT = re.compile(r"VL_IN(?:8|16|64|W)?\(&(\w+),(\d+),0")


class TableError(Exception):
    """The table or the build is wrong: no verdict on the RTL."""


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise TableError(f"{shlex.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def assertions():
    """Names of all assertions: file stem and label."""
    found = []
    for path in sorted(RTL.rglob("*.sv")):
        found += [f"{path.stem}.{name}" for name in ASSERT.findall(path.read_text())]
    return found


def check_table(table):
    """Every assertion has an entry, every entry names an assertion and a text that occurs once."""
    known = assertions()
    listed = [mutant["fires"] for mutant in table["mutant"]]
    problems = [f"{name}: no entry in mutants.toml" for name in known if name not in listed]
    problems += [f"{name}: no such assertion in rtl/" for name in listed if name not in known]
    problems += [f"{name}: two assertions of this name" for name in set(known) if known.count(name) > 1]
    for mutant in table["mutant"]:
        count = (RTL / mutant["file"]).read_text().count(mutant["old"])
        if count != 1:
            problems.append(f"{mutant['fires']}: the text to replace occurs {count} times in {mutant['file']}")
    if problems:
        raise TableError("\n".join(problems))
    return known


class Builder:
    """Builds blocks in a scratch folder; what does not change is compiled once."""

    def __init__(self, scratch, tops):
        self.scratch = scratch
        self.tops = tops
        root = re.search(r"VERILATOR_ROOT\s*=\s*(\S+)", run(["verilator", "-V"]))
        include = pathlib.Path(root.group(1)) / "include"
        self.includes = [f"-I{include}", f"-I{include}/vltstd"]
        # Headers of the run time, precompiled, and the run time itself.
        (scratch / "common.hpp").write_text(
            '#include <map>\n#include <memory>\n#include <string>\n#include <deque>\n#include <vector>\n'
            '#include <boost/random/mersenne_twister.hpp>\n#include "verilated.h"\n')
        run(["g++", *CXX_FLAGS, *self.includes, "-x", "c++-header", "common.hpp", "-o", "common.hpp.gch"], cwd=scratch)
        self.runtime = []
        for part in ("verilated", "verilated_threads"):
            self.runtime.append(str(scratch / f"{part}.o"))
            run(["g++", *CXX_FLAGS, *self.includes, "-c", str(include / f"{part}.cpp"), "-o", self.runtime[-1]])

    def build(self, name, top, rtl):
        """Returns the program that runs block `top` made of the files in `rtl`."""
        rules = self.tops[top]
        out = self.scratch / name
        files = [rtl / line for line in (rtl / "siov_device.f").read_text().split("\n")
                 if line and not line.startswith("#")]
        if (HERE / f"{top}.sv").exists():
            files.append(HERE / f"{top}.sv")
        # Verilator 5.006 does not declare the variable of the loops that it makes of long copies.
        run(["verilator", "--cc", "--assert", "-O3", "--reloop-limit", "1000", "--timescale", "1ns/1ps", "-Wno-fatal",
             "-Wno-lint", f"-I{rtl}",
             *map(str, files), "--top-module", top, "--prefix", "Vtop", "--Mdir", str(out),
             *rules["parameters"].split()])
        ports = [(port, int(high) + 1) for port, high in INPUT.findall((out / "Vtop.h").read_text())]
        (out / "ports.inc").write_text(
            "#define TOP_PORTS(X) " + " ".join(f"X({port}, {width})" for port, width in ports) + "\n")
        (out / "sources.inc").write_text(
            "".join(f'#include "{source.name}"\n' for source in sorted(out.glob("*.cpp"))))
        rarely = [f"-DANY_RARELY={rules['rarely']}"] if "rarely" in rules else []
        run(["g++", *CXX_FLAGS, "-include", str(self.scratch / "common.hpp"), *self.includes, f"-I{out}", f"-I{HERE}",
             '-DTOP_PORTS_FILE="ports.inc"', '-DTOP_SOURCES="sources.inc"', f'-DTOP_ENV="env/{rules["env"]}.hpp"',
             *rarely, str(HERE / "harness.cpp"), *self.runtime, "-pthread", "-o", str(out / "program")])
        return out / "program"


def fired(program, options):
    """Names of the assertions that the run reports."""
    done = subprocess.run([program, str(SEED), str(CYCLES), *options], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120)
    names = sorted({f"{stem}.{label}" for stem, label in REPORT.findall(done.stdout)})
    if done.returncode not in (0, 1) or (done.returncode == 1) != bool(names):
        raise TableError(f"{program}: exit status {done.returncode}\n{done.stdout}")
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="part of an assertion's name; default all")
    parser.add_argument("--keep", metavar="DIR", help="build here and leave the builds")
    arguments = parser.parse_args()
    table = tomllib.loads((HERE / "mutants.toml").read_text())
    began = time.monotonic()
    known = check_table(table)
    chosen = [mutant for mutant in table["mutant"]
              if not arguments.names or any(part in mutant["fires"] for part in arguments.names)]
    scratch = pathlib.Path(arguments.keep or tempfile.mkdtemp(prefix="siov-mutants-")).resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    failures = 0
    try:
        builder = Builder(scratch, table["tops"])
        plain, quiet = {}, {}
        for mutant in chosen:
            top, options = mutant["top"], mutant.get("options", [])
            if top not in plain:
                plain[top] = builder.build(top, top, RTL)
            key = (top, *options)
            if key not in quiet:
                quiet[key] = fired(plain[top], options)
                if quiet[key]:
                    failures += 1
                    print(f"FAIL {' '.join(key)} without a fault: {' '.join(quiet[key])} fired", flush=True)
            copy = scratch / "rtl"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(RTL, copy)
            source = copy / mutant["file"]
            source.write_text(source.read_text().replace(mutant["old"], mutant["new"]))
            names = fired(builder.build(mutant["fires"], top, copy), options)
            if names == [mutant["fires"]]:
                print(f"ok   {mutant['fires']}", flush=True)
            else:
                failures += 1
                print(f"FAIL {mutant['fires']}: fired: {' '.join(names) or 'nothing'}", flush=True)
            if not arguments.keep:
                shutil.rmtree(scratch / mutant["fires"])
    finally:
        if not arguments.keep:
            shutil.rmtree(scratch, ignore_errors=True)
    print(f"assertions: {len(known)} in rtl/, {len(chosen)} tried, {failures} failures, "
          f"{time.monotonic() - began:.0f} s")
    return 1 if failures or not chosen else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TableError as error:
        print(f"assertion_mutants: {error}", file=sys.stderr)
        sys.exit(2)
