# SPDX-License-Identifier: GPL-2.0
"""Where the kernel's tests run: one host for both ends, and a pair of hosts.

      lo                a (client)                   b (server)
    +------+          +----------------+           +----------------+
    |  lo  |          | 10.9.0.1       |---veth----| 10.9.0.2       |
    +------+          | fd09::1        |           | fd09::2        |
                      +----------------+           +----------------+

There are two such worlds, which differ by two sysctls: in one everything is
encrypted, loopback and all ports included, in the other nothing is.
"""

import os
import re
import signal
import subprocess
import time

# Emulation is slow and unsteady: nothing waits for less than this.
DEADLINE = 120
CAPTURE_END = b"end-of-this-capture"


class Failure(Exception):
    """What the tests need does not work."""


def call(*argv):
    run = subprocess.run(argv, stdin=subprocess.DEVNULL, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if run.returncode:
        raise Failure("%s: %s" % (" ".join(argv), run.stdout.strip()))
    return run.stdout


def wait_for(what, condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise Failure("no %s in %d s" % (what, DEADLINE))
        time.sleep(0.05)


class Process:
    """A program in a namespace; ends as a whole group."""

    def __init__(self, namespace, argv, stdin=None, stdout=None):
        # /tmp for O_TMPFILE, which overlayfs has not. Private: ip does that.
        prefix = ["ip", "netns", "exec", namespace, "sh", "-c",
                  'mount -t tmpfs tmp /tmp && exec stdbuf -oL "$@"', "sh"]
        self.argv = argv
        self.popen = subprocess.Popen(
            prefix + argv, stdin=stdin or subprocess.DEVNULL,
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE if stdout else subprocess.STDOUT,
            start_new_session=True)

    def end(self, timeout):
        """Returns what it printed and its status; both are text."""
        try:
            out, err = self.popen.communicate(timeout=timeout)
            status = "exit %d" % self.popen.returncode
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            out, err = self.popen.communicate()
            status = "no end in %d s" % timeout
        return ((out or b"") + (err or b"")).decode("utf-8", "replace"), status

    def signal(self, number):
        try:
            os.killpg(self.popen.pid, number)
        except ProcessLookupError:
            pass


class Capture:
    """The TCP segments of an interface, whole or only how they begin."""

    def __init__(self, world, host, interface, path, snaplen):
        self.world, self.host, self.path = world, host, path
        self.log = open(path + ".log", "w+")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", world.ns(host), "tcpdump", "-n", "-U",
             "-i", interface, "-s", str(snaplen), "-B", "32768", "-Z", "root",
             "-w", path, "tcp or udp dst port 9"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_for("capture", lambda: "listening on" in self.said())

    def said(self):
        with open(self.path + ".log", encoding="utf-8") as f:
            return f.read()

    def see_end(self):
        """What this datagram follows is in the file when the datagram is."""
        to = "127.0.0.1" if self.host == "lo" else self.world.A4
        subprocess.run(
            ["ip", "netns", "exec", self.world.ns(self.host), "bash", "-c",
             "echo %s >/dev/udp/%s/9" % (CAPTURE_END.decode(), to)])
        time.sleep(0.2)
        with open(self.path, "rb") as f:
            f.seek(max(0, os.path.getsize(self.path) - 65536))
            return CAPTURE_END in f.read()

    def end(self):
        wait_for("end of the capture", self.see_end)
        self.process.terminate()
        self.process.wait()
        if "\n0 packets dropped by kernel" not in self.said():
            raise Failure("incomplete capture: " + self.said().strip())


class World:
    """Three namespaces."""

    A4, B4, A6, B6 = "10.9.0.1", "10.9.0.2", "fd09::1", "fd09::2"

    def __init__(self, name, encrypted):
        self.name, self.encrypted = name, encrypted
        self.captures = []
        for host in ("lo", "a", "b"):
            call("ip", "netns", "add", self.ns(host))
            call("ip", "-n", self.ns(host), "link", "set", "lo", "up")
            self.sysctl(host, "net.ipv6.ip_nonlocal_bind=1")
            for knob in ("enable_connect", "enable_listen"):
                self.sysctl(host, "net.tcpcrypt.%s=%d" % (knob, encrypted))
            for knob in ("skip_loopback=0", "broken_time=0",
                         "bad_connect_ports=", "bad_listen_ports="):
                self.sysctl(host, "net.tcpcrypt." + knob)
        call("ip", "link", "add", "eth0", "netns", self.ns("a"), "type",
             "veth", "peer", "name", "eth0", "netns", self.ns("b"))
        for host, v4, v6 in (("a", self.A4, self.A6), ("b", self.B4, self.B6)):
            ip = ["ip", "-n", self.ns(host)]
            call(*ip, "addr", "add", v4 + "/24", "dev", "eth0")
            call(*ip, "addr", "add", v6 + "/64", "dev", "eth0", "nodad")
            call(*ip, "link", "set", "eth0", "up")

    def ns(self, host):
        return self.name + "-" + host

    def exec(self, host, *argv):
        return call("ip", "netns", "exec", self.ns(host), *argv)

    def sysctl(self, host, assignment):
        self.exec(host, "sysctl", "-q", "-w", assignment)

    def netem(self, host, words):
        tc = ("tc", "-n", self.ns(host), "qdisc")
        call(*tc, "replace", "dev", "eth0", "root",
             *(["netem"] + words.split() if words else ["pfifo"]))

    def start(self, host, *argv, **files):
        return Process(self.ns(host), list(argv), **files)

    def wait_listen(self, host, port):
        def listens():
            return self.exec(host, "ss", "-Hltn", "sport = :%d" % port)
        wait_for("listener on port %d" % port, listens)

    def opens(self, host):
        """How many connections were opened passively."""
        names, values = re.findall(r"^Tcp: (.*)$", self.exec(
            host, "cat", "/proc/net/snmp"), re.M)
        return int(dict(zip(names.split(), values.split()))["PassiveOpens"])

    def wait_opens(self, host, number):
        wait_for("connections", lambda: self.opens(host) >= number)

    def capture(self, host, interface, path, snaplen):
        self.captures.append(Capture(self, host, interface, path, snaplen))
        return self.captures[-1]
