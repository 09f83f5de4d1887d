#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Which lines of the module were reached: report.py TREE DIR ...

TREE is where the module was built with GCOV_PROFILE := y, each DIR has what
a guest has copied of /sys/kernel/debug/gcov. Counts are added up. Prints the
lines of each file of net/ that were reached, those that were not, and the
functions that were never called.
"""

import collections
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile

CONTEXT = 2     # reached lines between two gaps that are shown as one


class Counts:
    """Executions by file and line, and by file and function."""

    def __init__(self, tree):
        self.tree = os.path.realpath(tree)
        self.lines = collections.defaultdict(collections.Counter)
        self.calls = collections.defaultdict(collections.Counter)

    def add_json(self, data):
        for file in data["files"]:
            path = os.path.normpath(os.path.join(
                data["current_working_directory"], file["file"]))
            path = os.path.relpath(path, self.tree)
            if not path.startswith("net/"):
                continue
            for line in file["lines"]:
                self.lines[path][line["line_number"]] += line["count"]
            for function in file["functions"]:
                key = (function["start_line"], function["name"])
                self.calls[path][key] += function["execution_count"]

    def add(self, gcda, gcno):
        """Both beside each other: gcov's way to find them."""
        with tempfile.TemporaryDirectory() as work:
            shutil.copy(gcno, work)
            shutil.copy(gcda, work)
            name = os.path.basename(gcda)
            subprocess.run(["gcov", "--json-format", name], cwd=work,
                           check=True, stdout=subprocess.DEVNULL)
            for file in os.listdir(work):
                if file.endswith(".json.gz"):
                    with gzip.open(os.path.join(work, file)) as f:
                        self.add_json(json.load(f))

    def add_guest(self, directory):
        """Return: how many files it had."""
        n = 0
        for top, _, names in os.walk(directory):
            for name in names:
                gcda = os.path.join(top, name)
                at = gcda.find(self.tree)
                if at < 0 or not name.endswith(".gcda"):
                    continue
                gcno = gcda[at:-len("gcda")] + "gcno"
                self.add(gcda, gcno)
                n += 1
        return n


def gaps(lines):
    """Runs of lines that were not reached, as (first, last, how many)."""
    found = []
    since = CONTEXT + 1
    for number in sorted(lines):
        since += 1
        if lines[number]:
            continue
        if found and since <= CONTEXT:
            found[-1] = (found[-1][0], number, found[-1][2] + 1)
        else:
            found.append((number, number, 1))
        since = 0
    return found


def show_gaps(counts):
    print("\nNot reached, and how many lines:")
    for path in sorted(counts.lines):
        with open(os.path.join(counts.tree, path)) as f:
            text = f.read().splitlines()
        for first, last, n in gaps(counts.lines[path]):
            print("%s:%d: %d" % (path, first, n))
            for number in range(first, last + 1):
                if not counts.lines[path].get(number, 1):
                    print("    %5d %s" % (number, text[number - 1]))


def show_functions(counts):
    print("\nFunctions never called:")
    for path in sorted(counts.calls):
        for (line, name), calls in sorted(counts.calls[path].items()):
            if not calls:
                print("%s:%d: %s()" % (path, line, name))


def show_files(counts):
    """Return: share of lines that were reached, percent."""
    total = reached = 0
    print("\n%-28s %7s %7s %7s" % ("file", "lines", "reached", "%"))
    for path in sorted(counts.lines):
        all_lines = len(counts.lines[path])
        hit = sum(1 for n in counts.lines[path].values() if n)
        print("%-28s %7d %7d %7.1f" % (path, all_lines, hit,
                                       100 * hit / all_lines))
        total += all_lines
        reached += hit
    share = 100 * reached / total if total else 0
    called = sum(1 for c in counts.calls.values() for n in c.values() if n)
    functions = sum(len(c) for c in counts.calls.values())
    print("%-28s %7d %7d %7.1f" % ("total", total, reached, share))
    print("functions: %d of %d" % (called, functions))
    return share


def report(tree, directories):
    """Return: share of lines that were reached, percent."""
    counts = Counts(tree)
    for directory in directories:
        if not counts.add_guest(directory):
            print("error: no data of %s in %s" % (tree, directory),
                  file=sys.stderr)
    show_gaps(counts)
    show_functions(counts)
    return show_files(counts)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    report(sys.argv[1], sys.argv[2:])
