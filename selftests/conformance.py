#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Is Documentation/conformance.rst complete and true?

    conformance.py [--whole] [LOGS]

Are there as many rows as the RFCs have requirements, and does the code that
they name exist? With LOGS, the directory of a run of run.py: did the tests of
each row pass there? Rows whose tests did not all run are left out, unless
--whole says that everything ran; then no row may be pending either.
"""

import argparse
import collections
import os
import re
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(HERE)
TABLE = os.path.join(TOP, "Documentation", "conformance.rst")

MUST, NOT, SHOULD, SHOULD_NOT = "MUST", "MUST NOT", "SHOULD", "SHOULD NOT"
REQUIRED, RECOMMENDED, OPTIONAL = "REQUIRED", "RECOMMENDED", "OPTIONAL"
KEYWORDS = (MUST, NOT, SHOULD, SHOULD_NOT, REQUIRED, RECOMMENDED, OPTIONAL,
            "SHALL", "SHALL NOT", "NOT RECOMMENDED", "MAY")

# How often each keyword occurs in the text of RFC 8547 (E) and RFC 8548 (T),
# section by section, a longer one (MUST NOT) not counted as the shorter too;
# page headers and footers removed, lines joined. Sections without any, and
# section 2, where the words are explained, are left out. There is no SHALL.
OCCURRENCES = {
    "E-4.1": {MUST: 5},
    "E-4.2": {MUST: 12},
    "E-4.3": {MUST: 2, SHOULD: 1},
    "E-4.4": {MUST: 6},
    "E-4.5": {SHOULD: 2},
    "E-4.6": {MUST: 7, NOT: 4},
    "E-4.7": {MUST: 7, NOT: 4, SHOULD: 1, REQUIRED: 2},
    "E-4.8": {MUST: 2},
    "E-5": {MUST: 8, NOT: 2, SHOULD: 3},
    "E-5.1": {MUST: 10, NOT: 1, SHOULD: 2, SHOULD_NOT: 1},
    "E-8.6": {MUST: 1},
    "E-10": {MUST: 2, NOT: 1, SHOULD: 1},
    "E-11": {MUST: 3, NOT: 1},
    "T-3.2": {MUST: 3, NOT: 1, REQUIRED: 1},
    "T-3.3": {MUST: 4, SHOULD: 1, SHOULD_NOT: 1},
    "T-3.5": {MUST: 15, NOT: 6, SHOULD: 3, SHOULD_NOT: 2},
    "T-3.6": {MUST: 3, NOT: 2, SHOULD: 1},
    "T-3.7": {MUST: 2, NOT: 1, SHOULD: 1},
    "T-3.8": {MUST: 5, NOT: 2, SHOULD: 1},
    "T-3.9": {MUST: 1, SHOULD: 2},
    "T-4.1": {MUST: 6},
    "T-4.2": {MUST: 2},
    "T-4.2.1": {MUST: 2},
    "T-5": {MUST: 5, SHOULD: 2, REQUIRED: 1, RECOMMENDED: 1, OPTIONAL: 2},
    "T-6": {MUST: 1, REQUIRED: 1, RECOMMENDED: 2},
    "T-8": {MUST: 3, NOT: 1, SHOULD: 1, REQUIRED: 1},
    "T-8.3": {REQUIRED: 1, RECOMMENDED: 1},
}

STATUSES = ("met", "by construction", "n/a", "deviates", "pending")
REASONED = ("by construction", "n/a", "deviates")
RESULT = re.compile(r"^(not )?ok\b(?: \d+(?= |$))?(?: -(?= ))?\s*(.*)$")
SKIP = re.compile(r"#\s*SKIP\b", re.I)

Row = collections.namedtuple(
    "Row", "name section keyword text code tests status reason")


# --- the table --------------------------------------------------------------

def cells(path):
    """The rows of all list-tables: lists of cells, lines joined."""
    rows, cell = [], None
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.startswith("   * - "):
                rows.append([])
            if rows and line.startswith(("   * -", "     -")):
                cell = [line[7:]]
                rows[-1].append(cell)
            elif cell is not None and line.startswith(" " * 7):
                cell.append(line)
            else:
                cell = None
    return [[" ".join(" ".join(part).split()) for part in row]
            for row in rows]


def read_table():
    """(rows, what is wrong with the table)"""
    rows, wrong = [], []
    for row in cells(TABLE):
        if row[0] == "Row":
            continue
        if len(row) != 7:
            wrong.append("%s: %d cells" % (row[0], len(row)))
            continue
        status, _, reason = row[6].partition(": ")
        rows.append(Row(row[0], row[1], row[2], row[3], literals(row[4]),
                        literals(row[5]), status, reason))
    for row in rows:
        wrong += malformed(row)
    twice = collections.Counter(row.name for row in rows)
    wrong += ["%s: twice" % name for name in twice if twice[name] > 1]
    return rows, wrong


def literals(cell):
    return re.findall(r"``(.+?)``", cell)


def malformed(row):
    """What is wrong with a row by itself."""
    if not re.match(r"^[ET]-%s-\d+$" % re.escape(row.section), row.name):
        yield "%s: in section %s" % (row.name, row.section)
    if row.keyword not in KEYWORDS:
        yield "%s: keyword %s" % (row.name, row.keyword)
    if not row.text:
        yield "%s: says nothing" % row.name
    if row.status not in STATUSES:
        yield "%s: status %s" % (row.name, row.status)
    if row.status in REASONED and not row.reason:
        yield "%s: %s without a reason" % (row.name, row.status)
    if row.status == "met" and not (row.tests and row.code):
        yield "%s: met without a test or without code" % row.name
    if row.status == "by construction" and not row.code:
        yield "%s: by construction of what?" % row.name
    for test in row.tests:
        if ": " not in test:
            yield "%s: which program: %s" % (row.name, test)


def missing_rows(rows):
    """Sections with fewer rows than requirements."""
    have = collections.Counter(
        (row.name.rpartition("-")[0], row.keyword) for row in rows)
    for section, counts in OCCURRENCES.items():
        for keyword, count in counts.items():
            if have[section, keyword] < count:
                yield "%s: %d rows with %s, %d in the RFC" % (
                    section, have[section, keyword], keyword, count)


# --- the code ---------------------------------------------------------------

def defines(text, name, python):
    """Is name defined in a source file, not just used?"""
    name = re.escape(name)
    if python:
        return re.search(r"^\s*(def|class) %s\b|^%s = " % (name, name), text,
                         re.M)
    return re.search(
        r"^([A-Za-z_][^;{}=\n]*)?\b%s\((?![^{]*;\s*$)" % name +
        r"|^[A-Za-z_}][^;()\n]*\b%s(\[.*\])?( __\w+)? = " % name +
        r"|^(struct|union|enum) %s \{|^#define\s+%s\b" % (name, name),
        text, re.M)


def missing_code(rows):
    """Files and functions that are named and not there."""
    for row in rows:
        for place in row.code:
            path, _, name = place.partition(":")
            try:
                with open(os.path.join(TOP, path), encoding="utf-8") as f:
                    text = f.read()
            except OSError:
                yield "%s: no file %s" % (row.name, path)
                continue
            if name and not defines(text, name, path.endswith(".py")):
                yield "%s: no %s in %s" % (row.name, name, path)


# --- the logs ---------------------------------------------------------------

def programs():
    """Job of run.py -> its command."""
    from run import JOBS, LONG
    return {job[0]: job[3] for job in JOBS + LONG}, {job[0] for job in JOBS}


def runs(command, program):
    """Does a command run a test program, or all tests of a directory?"""
    return any(program in re.split(r"[/\s]", word)
               for word in command.split())


def read_logs(directory, commands):
    """Job -> [(test's name, passed)]; skipped tests are not there."""
    logs = {}
    for job in commands:
        try:
            with open(os.path.join(directory, job, "log"), encoding="utf-8",
                      errors="replace") as f:
                lines = f.read().splitlines()
        except OSError:
            continue
        found = [RESULT.match(line) for line in lines if not SKIP.search(line)]
        logs[job] = [(m.group(2), not m.group(1)) for m in found if m]
    return logs


class Logs:
    """What the tests of a run came to."""

    def __init__(self, directory):
        self.commands, self.ordinary = programs()
        self.results = read_logs(directory, self.commands)

    def jobs(self, test):
        """Jobs that run a test's program, but for those that take long."""
        program = test.partition(": ")[0]
        return [job for job in self.ordinary
                if runs(self.commands[job], program)]

    def ran(self, test):
        jobs = self.jobs(test)
        return bool(jobs) and all(job in self.results for job in jobs)

    def complaint(self, test):
        """Why a test proves nothing, or None."""
        if not self.jobs(test):
            return "no job runs it: %s" % test
        name = test.partition(": ")[2]
        pattern = re.compile(".*".join(map(re.escape, name.split("*"))))
        matches = [passed for job in self.jobs(test)
                   for found, passed in self.results.get(job, ())
                   if pattern.fullmatch(found)]
        if not matches:
            return "did not run: %s" % test
        return None if all(matches) else "failed: %s" % test


def judge(row, logs, whole):
    """(whether the row is to be shown, what is wrong with it)"""
    if row.status == "pending":
        return whole, ["pending"]
    if not row.tests:
        return whole, []
    if not whole and not all(map(logs.ran, row.tests)):
        return False, []
    wrong = [logs.complaint(test) for test in row.tests]
    return True, [w for w in wrong if w]


# --- output -----------------------------------------------------------------

class Tap:
    def __init__(self):
        self.number = self.failed = 0
        print("KTAP version 1")

    def result(self, name, wrong):
        self.number += 1
        self.failed += bool(wrong)
        for line in wrong:
            print("# %s" % line)
        print("%sok %d - %s" % ("not " if wrong else "", self.number, name))

    def end(self):
        print("1..%d" % self.number)
        return 1 if self.failed else 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("logs", nargs="?", metavar="LOGS")
    args = parser.parse_args()

    rows, wrong = read_table()
    tap = Tap()
    tap.result("rows are well-formed", wrong)
    tap.result("a row for each requirement", list(missing_rows(rows)))
    tap.result("the code that is named exists", list(missing_code(rows)))
    if args.logs:
        logs = Logs(args.logs)
        for row in rows:
            shown, wrong = judge(row, logs, args.whole)
            if shown:
                tap.result("%s %s" % (row.name, row.keyword), wrong)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
