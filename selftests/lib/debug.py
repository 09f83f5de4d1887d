# SPDX-License-Identifier: GPL-2.0
"""A guest under QEMU's gdbstub: breakpoints, registers, and all its memory.

The guest's RAM is a memfd that QEMU shares, so it is read here as it is while
the guest stands still, and nothing in the guest knows. nokaslr is assumed:
the direct map is at its default address. Memory: 3 GB at most, for then the
offset in RAM is the physical address.
"""

import mmap
import os
import select
import socket
import struct
import time

DIRECT_MAP = 0xffff888000000000
KERNEL_MAP = 0xffffffff80000000
VMALLOC = 0xffffc90000000000
PAGE = 4096
# the g packet of x86-64 begins with these
REGISTERS = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8",
             "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip")


def qemu_arguments(directory, memory):
    return ("-object memory-backend-memfd,id=ram,size=%s,share=on "
            "-machine memory-backend=ram -pidfile %s/pid "
            "-gdb unix:%s/gdb,server=on,wait=off" % (
                memory, directory, directory))


class Debugger:
    """Talks to the gdbstub; stops the guest when it connects."""

    def __init__(self, directory, patience=60):
        deadline = time.monotonic() + patience
        self.buffer = b""
        self.points = set()
        self.stopped_at = None
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                self.sock.connect(directory + "/gdb")
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self.ram = self.map_ram(directory)
        self.command("QStartNoAckMode")
        self.sock.sendall(b"+")
        self.command("?")
        while self.packet(0.3):     # it may have said so by itself, too
            pass

    def map_ram(self, directory):
        with open(directory + "/pid", encoding="ascii") as f:
            fds = "/proc/%d/fd" % int(f.read())
        for fd in os.listdir(fds):
            path = os.path.join(fds, fd)
            if "memfd:" in os.readlink(path):
                self.ram_path = path
                with open(path, "rb") as f:
                    return mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
        raise OSError("QEMU has no memfd")

    # packets

    def send(self, text):
        body = text.encode()
        self.sock.sendall(b"$%s#%02x" % (body, sum(body) & 0xff))

    def packet(self, timeout):
        """The next packet of the stub's, or None."""
        deadline = time.monotonic() + timeout
        while True:
            begin = self.buffer.find(b"$")
            end = self.buffer.find(b"#", begin)
            if 0 <= begin < end and len(self.buffer) >= end + 3:
                body = self.buffer[begin + 1:end].decode()
                self.buffer = self.buffer[end + 3:]
                return body
            left = deadline - time.monotonic()
            if left < 0 or not select.select([self.sock], [], [], left)[0]:
                return None
            data = self.sock.recv(65536)
            if not data:
                raise EOFError("the guest is gone")
            self.buffer += data

    def command(self, text):
        self.send(text)
        answer = self.packet(60)
        while answer and answer[0] == "T" and text not in ("?", "s"):
            answer = self.packet(60)
        if answer is None or answer.startswith("E"):
            raise OSError("gdbstub: %s: %s" % (text.split(",")[0], answer))
        return answer

    # running and stopping

    def go(self):
        """Lets it run; steps over a breakpoint where it stands first."""
        at = self.stopped_at
        if at in self.points:
            self.command("z1,%x,1" % at)
            self.command("s")
            self.command("Z1,%x,1" % at)
        self.stopped_at = None
        self.send("c")

    def hit(self, timeout):
        """Waits for a breakpoint. Returns its address, or None."""
        answer = self.packet(timeout)
        if answer is None:
            return None
        self.stopped_at = self.registers()["rip"]
        return self.stopped_at

    def stop(self):
        """Returns the address of a breakpoint that was hit just then."""
        self.sock.sendall(b"\x03")
        self.packet(60)
        self.stopped_at = self.registers()["rip"]
        return self.stopped_at if self.stopped_at in self.points else None

    def set_point(self, address):
        # QEMU would have it twice
        if address not in self.points:
            self.command("Z1,%x,1" % address)
        self.points.add(address)

    def clear_point(self, address):
        self.command("z1,%x,1" % address)
        self.points.discard(address)

    # what it holds

    def registers(self):
        values = struct.unpack_from("<17Q", bytes.fromhex(
            self.command("g")[:17 * 16]))
        return dict(zip(REGISTERS, values))

    def set_register(self, name, value):
        old, at = self.command("g"), 16 * REGISTERS.index(name)
        self.command("G" + old[:at] + struct.pack("<Q", value).hex() +
                     old[at + 16:])

    def read(self, address, length):
        """Virtual memory, as the CPU that stopped sees it."""
        return bytes.fromhex(self.command("m%x,%x" % (address, length)))

    def direct(self, address, length):
        """What a pointer to the direct map points to, b"" if it is none."""
        offset = address - DIRECT_MAP
        if not 0 <= offset < len(self.ram):
            return b""
        return self.ram[offset:offset + length]

    def vmalloc_pages(self, page_table):
        """{physical page: virtual address} of vmalloc(): stacks, above all.

        page_table: address of init_top_pgt.
        """
        pages = {}

        def entries(table):
            for i, entry in enumerate(struct.unpack_from(
                    "<512Q", self.ram, table)):
                if entry & 1:
                    yield i, entry

        def walk(table, shift, base):
            for i, entry in entries(table):
                address = base | i << shift
                frame = entry & 0xffffffffff000
                if frame >= len(self.ram):
                    continue
                if shift == 12:
                    pages[frame] = address
                elif not entry & 0x80:
                    walk(frame, shift - 9, address)

        top = page_table - KERNEL_MAP
        i = VMALLOC >> 39 & 511
        entry, = struct.unpack_from("<Q", self.ram, top + 8 * i)
        if entry & 1:
            walk(entry & 0xffffffffff000, 30, VMALLOC & ~((1 << 39) - 1))
        return pages
