#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Tables and charts of what bench.py measured.

    report.py FILE.json [DIR]

Prints the tables. With DIR, also writes them and one chart for each metric
there: results.rst and METRIC.svg.
"""

import json
import os
import statistics
import sys
from xml.sax.saxutils import escape

# Metric, what it is, and the unit that is shown
METRICS = {
    "bulk-131072": ("Bulk, writes of 128 KiB", "instructions/byte"),
    "bulk-16384": ("Bulk, writes of 16 KiB", "instructions/byte"),
    "bulk-1024": ("Bulk, writes of 1 KiB", "instructions/byte"),
    "bulk-64": ("Bulk, writes of 64 bytes, TCP_NODELAY", "instructions/byte"),
    "small-64": ("Writes of 64 bytes to a receiver that is slower",
                 "instructions/byte"),
    "bulk-131072@nogso": ("Bulk, GSO, TSO and GRO off", "instructions/byte"),
    "bulk-131072@nogso576": ("Bulk, the same off, MTU 576",
                             "instructions/byte"),
    "bulk-131072@nogso9000": ("Bulk, the same off, MTU 9000",
                              "instructions/byte"),
    "bulk-131072@mtu576": ("Bulk, MTU 576", "instructions/byte"),
    "bulk-131072@mtu9000": ("Bulk, MTU 9000", "instructions/byte"),
    "rtt-64": ("Round trip, 64 bytes", "instructions"),
    "rtt-1024": ("Round trip, 1 KiB", "instructions"),
    "conn": ("Connection, fresh", "instructions"),
    "conn-resumed": ("Connection, resumed", "instructions"),
    "memory-1024": ("Memory of an idle connection, both ends", "KiB"),
    "first-1@delay10": ("First byte, 20 ms round trip", "ms"),
    "first-1048576@delay10": ("1 MiB from connect(), 20 ms round trip",
                              "ms"),
    "fair-100": ("Fairness of 100 streams", "Jain's index"),
    "softirq-131072": ("Share of softirq in bulk", "%"),
    "among-10": ("Byte among 10 connections", "instructions/byte"),
    "among-10000": ("Byte among 10,000 connections", "instructions/byte"),
    "more-10": ("Connection among 10 others", "instructions"),
    "more-10000": ("Connection among 10,000 others", "instructions"),
}
ORDER = ["tcp", "tcp-off", "tcp-peer", "floor-aes128", "tcpcrypt-aes128",
         "ktls-aes128", "floor-aes256", "tcpcrypt-aes256", "ktls-aes256",
         "floor-chacha", "tcpcrypt-chacha", "ktls-chacha", "tls", "tls-ktls",
         "wireguard", "ipsec", "ipsec-offload", "stunnel"]
COLOURS = (("tcpcrypt", "#1f6f3d"), ("floor", "#9a9a9a"), ("tcp", "#4a78a8"),
           ("", "#c0803a"))


class Row:
    """What one system has in one metric, over all runs and repeats."""

    def __init__(self, numbers):
        self.median = statistics.median(numbers)
        self.low, self.high = min(numbers), max(numbers)
        self.count = len(numbers)

    @property
    def spread(self):
        """Percent of the median"""
        if not self.median:
            return 0
        return (self.high - self.low) / self.median * 100


def number(value):
    if value >= 1000:
        return "{:,.0f}".format(value)
    return "%.2f" % value if value < 100 else "%.1f" % value


def rows_of(result, metric, key="values"):
    """System: Row, in the usual order."""
    found = {}
    for run in result["runs"]:
        for system, metrics in run[key].items():
            if metric in metrics:
                found.setdefault(system, []).extend(metrics[metric])
    return {s: Row(found[s]) for s in ORDER if s in found}


def metrics_of(result, key="values"):
    present = {m for run in result["runs"] for v in run[key].values()
               for m in v}
    return [m for m in METRICS if m in present]


# --- tables ----------------------------------------------------------------

def table(rows):
    """Lines of text; what they are relative to is plain TCP."""
    base = rows["tcp"].median if "tcp" in rows else None
    yield "%-18s %12s %9s %9s" % ("system", "median", "spread", "to TCP")
    for system, row in rows.items():
        yield "%-18s %12s %8.2f%% %9s" % (
            system, number(row.median), row.spread,
            "%.3f" % (row.median / base) if base else "-")


def print_tables(result):
    for metric in metrics_of(result):
        rows = rows_of(result, metric)
        print("\n%s: %s, %s" % ((metric,) + METRICS[metric]))
        for line in table(rows):
            print("  " + line)
    for metric in metrics_of(result, "wall"):
        print("\n%s: time by the clock, indicative only" % metric)
        for line in table(rows_of(result, metric, "wall")):
            print("  " + line)
    for name, why in skipped(result).items():
        print("\nskipped %s: %s" % (name, why))


def skipped(result):
    return {n: w for run in result["runs"] for n, w in run["skipped"].items()}


def rst_table(rows):
    yield ".. list-table::"
    yield "   :header-rows: 1\n"
    head = ("system", "median", "spread", "to plain TCP")
    base = rows["tcp"].median if "tcp" in rows else None
    lines = [head] + [
        (s, number(r.median), "%.2f %%" % r.spread,
         "%.3f" % (r.median / base) if base else "\\-")
        for s, r in rows.items()]
    for line in lines:
        yield "   * - " + "\n     - ".join(line)


def write_rst(result, directory):
    path = os.path.join(directory, "results.rst")
    with open(path, "w", encoding="utf-8") as f:
        f.write(".. SPDX-License-Identifier: GPL-2.0\n"
                ".. Made by make bench-report of bench.json\n\n"
                "Linux %s, QEMU %s, %d runs.\n\n" % (
                    result["kernel"], result["qemu"], len(result["runs"])))
        for metric in metrics_of(result):
            title = METRICS[metric][0]
            f.write("%s\n%s\n\n%s\n\n" % (title, "-" * len(title),
                                          METRICS[metric][1]))
            f.write("\n".join(rst_table(rows_of(result, metric))))
            f.write("\n\n.. image:: %s\n\n" % chart_name(metric))
        for metric in metrics_of(result, "wall"):
            title = METRICS[metric][0] + ": by the clock, indicative"
            f.write("%s\n%s\n\nns\n\n" % (title, "-" * len(title)))
            f.write("\n".join(rst_table(rows_of(result, metric, "wall"))))
            f.write("\n\n")


# --- charts ----------------------------------------------------------------

WIDTH, LEFT, RIGHT, BAR, GAP, TOP, BOTTOM = 760, 150, 110, 18, 8, 56, 16


def chart_name(metric):
    return metric.replace("@", "-") + ".svg"


def colour(system):
    return next(c for prefix, c in COLOURS if system.startswith(prefix))


def bar(system, row, y, scale):
    """One system: name, bar, whiskers of the spread, number."""
    length = row.median * scale
    middle = y + BAR / 2
    yield '<text x="%d" y="%.1f" text-anchor="end">%s</text>' % (
        LEFT - 8, middle + 4, escape(system))
    yield '<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (
        LEFT, y, max(length, 1), BAR, colour(system))
    yield ('<path d="M%.1f %.1fH%.1f" stroke="#000" stroke-width="2"/>' % (
        LEFT + row.low * scale, middle, LEFT + row.high * scale))
    yield '<text x="%.1f" y="%.1f">%s</text>' % (
        LEFT + row.high * scale + 6, middle + 4, number(row.median))


def svg(metric, rows):
    height = TOP + len(rows) * (BAR + GAP) + BOTTOM
    scale = (WIDTH - LEFT - RIGHT) / max(r.high for r in rows.values())
    title, unit = METRICS[metric]
    yield ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
           'font-family="sans-serif" font-size="13">' % (WIDTH, height))
    yield "<!-- SPDX-License-Identifier: GPL-2.0 -->"
    yield '<rect width="100%" height="100%" fill="#fff"/>'
    yield '<text x="12" y="22" font-size="16">%s</text>' % escape(title)
    yield '<text x="12" y="41" fill="#555">%s; less is better</text>' % (
        escape(unit))
    for i, (system, row) in enumerate(rows.items()):
        yield from bar(system, row, TOP + i * (BAR + GAP), scale)
    yield "</svg>"


def write_charts(result, directory):
    for metric in metrics_of(result):
        path = os.path.join(directory, chart_name(metric))
        lines = list(svg(metric, rows_of(result, metric)))
        if metric.startswith("fair"):
            lines = [line.replace("less is better", "1 is best")
                     for line in lines]
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")


def write(result, directory):
    os.makedirs(directory, exist_ok=True)
    write_rst(result, directory)
    write_charts(result, directory)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    try:
        with open(sys.argv[1], encoding="utf-8") as f:
            result = json.load(f)
    except (OSError, ValueError) as error:
        sys.exit("error: %s: %s; make bench writes it" % (sys.argv[1], error))
    print_tables(result)
    if len(sys.argv) == 3:
        write(result, sys.argv[2])
    return 0


if __name__ == "__main__":
    sys.exit(main())
