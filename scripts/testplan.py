#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The test plan: tests/testplan.toml, checked against the tests of a build, as tests/TESTPLAN.md.

  scripts/testplan.py --write           writes tests/TESTPLAN.md
  scripts/testplan.py --check BUILD     fails if a named test does not exist in BUILD, a row has
                                        neither test nor reason, or tests/TESTPLAN.md is stale

Names of tests are those of `ctest -N`, `*` matches anything. `system.` in front means the suite in
tests/system, which runs on every device of the build. `rtl.` in front means a test that only a
build with the RTL has; other builds skip the look-up.
"""
import argparse
import fnmatch
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tests/testplan.toml"
DOCUMENT = ROOT / "tests/TESTPLAN.md"
RULES = ROOT / "tb/check/rules.hpp"
NEGATIVE = ROOT / "tests/negative/check"

# name of `ctest -N` -> what the table says
SYSTEM, RTL, MODEL = "system.", "rtl.", "model."


class Row:
    """One requirement: where it is tested, or why it is not."""

    def __init__(self, key, text, tests=(), rules=(), reason=""):
        self.key, self.text = key, text
        self.tests, self.rules, self.reason = list(tests), list(rules), reason

    def runs_on(self):
        places = set()
        for test in self.tests:
            if test.startswith(SYSTEM):
                places |= {"model", "RTL"}
            elif test.startswith(RTL):
                places.add("RTL")
            elif test.startswith(MODEL):
                places.add("model")
            else:
                places.add("host")
        if self.rules:
            places.add("link")
        return ", ".join(p for p in ("model", "RTL", "link", "host") if p in places)

    def evidence(self):
        parts = [f"`{t}`" for t in self.tests]
        parts += [f"rule {r}" for r in self.rules]
        if self.reason:
            parts.append(f"*{self.reason}*")
        return "<br>".join(parts)


def matrix_rows(matrix):
    """Rows of a table of codes against things (operations or commands), complete by design."""
    things = matrix["things"]
    for code in matrix["codes"]:
        left = dict(things)
        for cell in code.get("cells", []):
            keys = list(left) if cell["of"] == ["*"] else cell["of"]
            for key in keys:
                name = left.pop(key)
                tests = [t.replace("{name}", name) for t in cell.get("tests", [])]
                yield Row(f"{matrix['key']} {key} {code['code']}", f"{name}: {code['text']}",
                          tests, cell.get("rules", []), cell.get("reason", ""))
        if left:
            names = "the others" if len(left) < len(things) else "all"
            yield Row(f"{matrix['key']} {code['code']}", f"{names}: {code['text']}", (), (),
                      code.get("other", ""))


def sections(plan):
    for section in plan["section"]:
        rows = [Row(r["key"], r["text"], r.get("tests", ()), r.get("rules", ()),
                    r.get("reason", "")) for r in section.get("row", [])]
        if "matrix" in section:
            rows += matrix_rows(section["matrix"])
        yield section, rows


def document(plan):
    out = ["<!-- Written by scripts/testplan.py from tests/testplan.toml. -->", "# Test plan", "",
           plan["introduction"].strip(), ""]
    for section, rows in sections(plan):
        out += [f"## {section['title']}", ""]
        if "text" in section:
            out += [section["text"].strip(), ""]
        out += ["| row | requirement | runs on | tests, rules, reason |", "|---|---|---|---|"]
        out += [f"| {r.key} | {r.text} | {r.runs_on()} | {r.evidence()} |" for r in rows]
        out.append("")
    return "\n".join(out)


def tests_of(build):
    """Names of `ctest -N`, without what gtest adds about parameters."""
    text = subprocess.run(["ctest", "--test-dir", build, "-N"], capture_output=True, text=True,
                          check=True).stdout
    names = re.findall(r"^\s*Test\s+#\d+: (\S+)", text, re.MULTILINE)
    missing = [n for n in names if n.endswith("_NOT_BUILT") and not n.startswith("cocotb")]
    return names, missing


def problems_of_row(row, names, rules, negative):
    if not row.tests and not row.rules and not row.reason:
        yield f"{row.key}: neither test nor reason"
    for rule in row.rules:
        if rule not in rules:
            yield f"{row.key}: no rule {rule} in tb/check/rules.hpp"
        elif rules[rule] not in negative:
            yield f"{row.key}: rule {rule} has no negative test"
    with_rtl = any(n.startswith(RTL) for n in names)
    for test in row.tests:
        if test.startswith(SYSTEM):
            devices = ["model."] + ([RTL] if with_rtl else [])
            patterns = [d + test[len(SYSTEM):] for d in devices]
        elif test.startswith(RTL):
            patterns = [test[len(RTL):]] if with_rtl else []
        else:
            patterns = [test]
        for pattern in patterns:
            if not fnmatch.filter(names, pattern):
                yield f"{row.key}: no test {pattern}"


def check(plan, build):
    names, missing = tests_of(build)
    problems = [f"{m[:-10]} is not built: its tests are unknown" for m in missing]
    rules = {text: enum for enum, text in
             re.findall(r"X\((k\w+),\s*\"([^\"]+)\"", RULES.read_text())}
    negative = set(re.findall(r"Rule::(k\w+)",
                              "".join(p.read_text() for p in NEGATIVE.glob("*.cpp"))))
    keys = set()
    for _, rows in sections(plan):
        for row in rows:
            if row.key in keys:
                problems.append(f"{row.key}: twice")
            keys.add(row.key)
            problems += problems_of_row(row, names, rules, negative)
    for wanted in plan["required"]:
        first, last = wanted["numbers"]
        problems += [f"{wanted['key']}{n:02}: no row" for n in range(first, last + 1)
                     if f"{wanted['key']}{n:02}" not in keys]
    if not DOCUMENT.exists() or DOCUMENT.read_text() != document(plan):
        problems.append("tests/TESTPLAN.md is stale: scripts/testplan.py --write")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", metavar="BUILD")
    options = parser.parse_args()
    if not options.write and not options.check:
        parser.error("nothing to do")
    with open(SOURCE, "rb") as file:
        plan = tomllib.load(file)
    if options.write:
        DOCUMENT.write_text(document(plan))
    if options.check:
        problems = check(plan, options.check)
        for problem in problems:
            print(problem)
        if problems:
            return 1
        rows = [row for _, rows in sections(plan) for row in rows]
        done = sum(1 for row in rows if row.tests or row.rules)
        print(f"{len(rows)} rows, {done} tested, {len(rows) - done} with a reason")
    return 0


if __name__ == "__main__":
    sys.exit(main())
