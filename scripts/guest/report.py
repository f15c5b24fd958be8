#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a guest did: report.py CONSOLE [--server OUT] [--quiet]. Exit 0 if all of it was right and the guest came to its end.

CONSOLE is what the guest printed; OUT is the output directory of `siov-cosim guest`.
"""
import argparse
import json
import pathlib
import re
import sys


class Guest:
    def __init__(self, console):
        text = pathlib.Path(console).read_text(errors="replace").replace("\r", "")
        self.lines = [line[line.index("SIOV: ") + 6:] for line in text.splitlines() if "SIOV: " in line]
        self.steps, self.operations, self.clients, self.notes = [], [], [], []
        self.booted = self.finished = None
        for line in self.lines:
            kind, _, rest = line.partition(" ")
            words = rest.split()
            if kind == "step" and len(words) == 2:
                self.steps.append((words[0], words[1]))
            elif kind == "op" and len(words) == 3:
                self.operations.append(tuple(words))
            elif kind == "client" and len(words) >= 2:
                self.clients.append((int(words[0]), int(words[1]), dict(w.split(":") for w in words[2:])))
            elif kind == "note":
                self.notes.append(rest)
            elif kind == "booted":
                self.booted = float(words[0])
            elif kind == "finished":
                self.finished = float(words[0])

    def failures(self):
        found = []
        if self.booted is None:
            found.append("the guest did not boot")
        elif self.finished is None:
            found.append("the guest did not come to its end")
        found += [f"step {name} ended with {rc}" for name, rc in self.steps if rc != "0"]
        found += [f"dsa_test {opcode} ({name}) ended with {rc}" for opcode, name, rc in self.operations if rc != "0"]
        found += [f"{bad} wrong results of wq_client" for _, bad, _ in self.clients if bad]
        if not self.steps:
            found.append("no step was made")
        return found

    def print(self):
        for note in self.notes:
            print(f"  {note}")
        if self.steps:
            good = sum(rc == "0" for _, rc in self.steps)
            print(f"  steps         {good} of {len(self.steps)}: " + " ".join(
                name if rc == "0" else f"{name}:{rc}" for name, rc in self.steps))
        if self.clients:
            kinds = {}
            for _, _, counts in self.clients:
                for kind, count in counts.items():
                    kinds[kind] = kinds.get(kind, 0) + int(count)
            print(f"  by address    {sum(g for g, _, _ in self.clients)} operations right, "
                  f"{sum(b for _, b, _ in self.clients)} wrong: "
                  + " ".join(f"{kind} {count}" for kind, count in kinds.items()))
        if self.operations:
            print("  dsa_test      opcode  result  operation")
            for opcode, name, rc in self.operations:
                result = "ok" if rc == "0" else f"rc {rc}"
                print(f"                {opcode:<7} {result:<7} {name}")
        if self.finished is not None:
            print(f"  guest time    {self.booted:.1f} s to boot, {self.finished:.1f} s in all")


def server(directory):
    """What the server's files say. @return what is wrong"""
    path = pathlib.Path(directory) / "summary.json"
    try:
        summary = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        return [f"{path}: {error}"]
    guests = pathlib.Path(directory) / "guests.json"
    if guests.exists():
        data = json.loads(guests.read_text())
        print(f"  device        {data['descriptors']} descriptors, {data['walks']} walks")
        wall, waiting, rtl = data["wall_seconds"], data["wall_waiting"], data["wall_rtl"]
        share = [f"{name} {seconds:.1f} s ({100 * seconds / max(wall, 1e-9):.0f} %)" for name, seconds in
                 (("guest", waiting), ("RTL", rtl), ("host model", wall - waiting - rtl))]
        print(f"  wall time     {wall:.1f} s: " + ", ".join(share))
    found = re.findall(r'"(violations|mismatches)": *([0-9]+)', json.dumps(summary))
    wrong = [f"{count} {name}" for name, count in found if count != "0"]
    print("  judged        " + ", ".join(f"{count} {name}" for name, count in found))
    return wrong if found else [f"{path} tells neither violations nor mismatches"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("console")
    parser.add_argument("--server")
    parser.add_argument("--quiet", action="store_true", help="say only what is wrong")
    options = parser.parse_args()
    guest = Guest(options.console)
    if not options.quiet:
        guest.print()
    wrong = guest.failures()
    if options.server:
        wrong += server(options.server)
    for line in wrong:
        print(f"  WRONG: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
