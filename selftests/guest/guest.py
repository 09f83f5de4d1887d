#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Run one command in a guest: a stock or a debug kernel, booted by QEMU.

The guest sees this machine's root file system read-only (9p) under a tmpfs, so
every path means there what it means here and nothing it does stays. The
command runs as root in the caller's directory; its output is copied here as
it comes and its exit status is this program's, except:

    1    the kernel log holds a warning (the offending lines are printed)
    124  the guest didn't end in time
    125  the guest could not start, or died

In the guest $OUT is a directory of this machine's (--out), for files that
shall outlive it, and $MODULE is the module's path.
"""

import argparse
import ctypes
import glob
import lzma
import mmap
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

# What the initramfs loads when the kernel has it as a module.
BOOT_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_rng")

# Likewise, for most guests need it: a module that a process of the guest has to
# find and load takes a second, and what the kernel tests its crypto with ten.
# With --no-preload the kernel asks for them when tcpcrypt is loaded.
PRELOAD = ("gcm", "ctr", "ghash_clmulni_intel", "chacha20poly1305",
           "chacha_x86_64", "poly1305_x86_64", "curve25519_x86_64",
           "veth", "inet_diag", "tcp_diag")

# One line of the kernel log that matches fails the run.
WARNINGS = re.compile(
    r"WARNING:|\bBUG:|\bBUG |Oops|KASAN:|KCSAN:|KFENCE:|UBSAN:|refcount_t|"
    r"general protection fault|[Uu]nable to handle|Kernel panic|"
    r"possible (circular|recursive) locking|inconsistent lock state|"
    r"possible irq lock inversion|invalid wait context|bad unlock balance|"
    r"lock held when returning|held lock freed|suspicious RCU usage|"
    r"blocked for more than|detected stalls|detected stall|"
    r"detected expedited stalls|soft lockup|hard LOCKUP|"
    r"sleeping function called|scheduling while atomic|bad page state|"
    r"(list_add|list_del) corruption|(?<!/)use-after-free|"
    r"Objects remaining|still has objects|"
    r"kmemleak: \d+ new|unregister_netdevice: waiting|ODEBUG:|"
    r"page allocation failure|Out of memory|Call Trace:|cut here")

INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mkdir -p /dev /proc /sys /lower /rw /root
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
for m in $($b cat /modules/list); do $b insmod /modules/$m; done
p=trans=virtio,version=9p2000.L,msize=262144
$b mount -t 9p -o $p,ro,cache=loose host /lower &&
$b mount -t tmpfs -o mode=755,size=75% rw /rw &&
$b mkdir /rw/upper /rw/work &&
$b mount -t overlay \
    -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work root /root &&
$b mount -t tmpfs -o mode=755 run /root/run && $b mkdir /root/run/out &&
$b mount -t 9p -o $p,cache=none out /root/run/out || {
    echo "guest: cannot mount the root file system"
    $b reboot -f
}
$b mkdir -p /dev/pts /dev/shm /dev/mqueue
$b mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
$b mount -t tmpfs -o mode=1777 shm /dev/shm
$b mount -t tracefs trace /sys/kernel/tracing 2>/dev/null
$b mount -t debugfs debug /sys/kernel/debug 2>/dev/null
$b mount -t cgroup2 cgroup /sys/fs/cgroup 2>/dev/null
[ -e /dev/fd ] || $b ln -s /proc/self/fd /dev/fd
[ -e /dev/stdin ] || $b ln -s /proc/self/fd/0 /dev/stdin
[ -e /dev/stdout ] || $b ln -s /proc/self/fd/1 /dev/stdout
[ -e /dev/stderr ] || $b ln -s /proc/self/fd/2 /dev/stderr
$b printf '127.0.0.1 localhost guest\\n::1 localhost guest\\n' >/root/etc/hosts
echo guest >/proc/sys/kernel/hostname
$b mkdir -p /root/run/lock /root/run/netns /root/run/user
$b chmod 1777 /root/tmp
$b ip link set lo up
for d in dev proc sys; do $b mount -o move /$d /root/$d; done
exec $b switch_root /root /bin/bash /run/out/init
"""

STAGE2 = """
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LANG=C.UTF-8 LC_ALL=C.UTF-8 TERM=dumb OUT=/run/out
exec </dev/null >>$OUT/output 2>&1
ulimit -n 65536
if [ -n "$MODULES" ]; then
    dir=$(readlink -f /lib)/modules/$(uname -r)
    mkdir -p "$dir" && mount --bind "$MODULES" "$dir"
fi
"""


def die(message, status=125):
    print("error: guest: " + message, file=sys.stderr)
    sys.exit(status)


def stock_kernel():
    """The directory of the unpacked Debian kernel that matches KDIR."""
    run = subprocess.run([os.path.join(HERE, "kernel.sh")],
                         stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(125)
    return run.stdout.strip()


def find_kernel(directory):
    """Returns the image to boot and the module directory, which may be None."""
    images = (glob.glob(os.path.join(directory, "vmlinux.boot")) or
              glob.glob(os.path.join(directory, "bzImage")) or
              glob.glob(os.path.join(directory, "arch/x86/boot/bzImage")) or
              glob.glob(os.path.join(directory, "boot", "vmlinuz-*")))
    if not images:
        die("no bzImage or boot/vmlinuz-* in " + directory)
    modules = glob.glob(os.path.join(directory, "lib/modules/*/modules.dep"))
    return images[0], os.path.dirname(modules[0]) if modules else None


def unpack_image(image, directory):
    """Decompressing under emulation takes seconds: boot the ELF file (PVH)."""
    with open(image, "rb") as f:
        data = f.read()
    at = data.find(b"\xfd7zXZ\0")
    if at < 0:
        return image
    try:
        elf = lzma.LZMADecompressor().decompress(data[at:])
        if not elf.startswith(b"\x7fELF"):
            return image
        path = os.path.join(directory, "vmlinux.boot")
        temporary = "%s.%d" % (path, os.getpid())
        with open(temporary, "wb") as f:
            f.write(elf)
        os.rename(temporary, path)
        return path
    except (OSError, lzma.LZMAError):
        return image


def module_closure(directory, names):
    """The files of the modules and what they depend on, in loading order."""
    needs = {}
    with open(os.path.join(directory, "modules.dep")) as f:
        for line in f:
            path, _, deps = line.partition(":")
            needs[path] = deps.split()
    name_of = {}
    for path in needs:
        name = os.path.basename(path).split(".")[0].replace("-", "_")
        name_of[name] = path
    order = []

    def add(path):
        for dep in reversed(needs[path]):
            add(dep)
        if path not in order:
            order.append(path)

    for name in names:
        if name.replace("-", "_") in name_of:
            add(name_of[name.replace("-", "_")])
    return [os.path.join(directory, path) for path in order]


def cpio(entries):
    """A newc archive of (name, mode, bytes)."""
    out = bytearray()

    def pad():
        out.extend(b"\0" * (-len(out) % 4))

    for ino, (name, mode, data) in enumerate(
            entries + [("TRAILER!!!", 0, b"")], 1):
        name = name.encode() + b"\0"
        fields = (ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        out.extend(b"070701" + b"".join(b"%08x" % f for f in fields) + name)
        pad()
        out.extend(data)
        pad()
    return bytes(out)


def initramfs(modules, load):
    busybox = shutil.which("busybox")
    if not busybox:
        die("busybox is missing: apt-get install busybox-static")
    with open(busybox, "rb") as f:
        program = f.read()
    if b"/lib64/ld-linux" in program[:65536]:
        die("busybox is not static: apt-get install busybox-static")
    entries = [("bin", 0o40755, b""), ("modules", 0o40755, b""),
               ("bin/busybox", 0o100755, program),
               ("init", 0o100755, INIT.encode())]
    names = []
    for path in module_closure(modules, load) if modules else []:
        names.append(os.path.basename(path))
        with open(path, "rb") as f:
            entries.append(("modules/" + names[-1], 0o100644, f.read()))
    entries.append(("modules/list", 0o100644, "\n".join(names).encode()))
    return cpio(entries)


def stage2(args, modules):
    """The guest's process 1 once it has the root file system."""
    lines = ["#!/bin/bash"]
    for assignment in args.env:
        name, _, value = assignment.partition("=")
        lines.append("export %s=%s" % (name, shlex.quote(value)))
    lines.append("MODULES=" + shlex.quote(modules or ""))
    lines.append("export MODULE=" + shlex.quote(args.module))
    lines.append(STAGE2)
    lines.append("cd " + shlex.quote(os.getcwd()))
    if args.insmod:
        lines.append(shlex.quote(os.path.join(HERE, "insmod.sh")) +
                     ' "$MODULE" || { echo 1 >$OUT/status; '
                     'busybox reboot -f; }')
    # Not a child of a shell that waits for all: daemons may stay behind.
    lines.append("setsid -w " + shlex.join(args.command))
    lines.append("echo $? >$OUT/status")
    lines.append("echo guest: end >/dev/kmsg")
    lines.append("busybox reboot -f")
    return "\n".join(lines) + "\n"


# One instruction is one nanosecond of the guest's clocks, and of its TSC; while
# the processor is idle they leap to the next timer.
ICOUNT = ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off",
          "-cpu", "max"]
ICOUNT_TSC_KHZ = 1000000


def accelerator(turns):
    """KVM only where the processor has it: without, the guest hangs.

    QEMU before 8.1 may translate code while another processor writes it, and
    keep that translation for good (mended by its commit deba78709ae8, "Always
    lock pages before translation"). Linux patches code that runs by way of a
    breakpoint, and a processor that has a translation of that never gets past
    it. Processors that take turns don't translate meanwhile.
    """
    with open("/proc/cpuinfo") as f:
        flags = re.search(r"^flags\s*:(.*)$", f.read(), re.M)
    if (flags and re.search(r"\b(vmx|svm)\b", flags.group(1)) and
            os.access("/dev/kvm", os.R_OK | os.W_OK)):
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=" + ("single" if turns else "multi"),
            "-cpu", "max"]


def tsc_khz():
    """Frequency of the time-stamp counter, which the guest sees as it is.

    A guest that calibrates it while this machine is busy errs by a factor of
    ten and more, and every timeout in it with it.
    """
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ |
                     mmap.PROT_WRITE | mmap.PROT_EXEC)
    # rdtsc; shl $32, %rdx; or %rdx, %rax; ret
    code.write(bytes.fromhex("0f3148c1e2204809d0c3"))
    rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(
        ctypes.addressof(ctypes.c_char.from_buffer(code)))
    begin, first = time.monotonic_ns(), rdtsc()
    time.sleep(0.2)
    end, last = time.monotonic_ns(), rdtsc()
    return (last - first) * 1000000 // (end - begin)


def qemu_command(args, image, initrd):
    khz = ICOUNT_TSC_KHZ if args.icount else tsc_khz()
    cmdline = ("tsc_early_khz=%d " % khz +
               "console=ttyS0 ignore_loglevel oops=panic panic=-1 reboot=t "
               "mitigations=off tsc=reliable "
               "rcupdate.rcu_cpu_stall_timeout=100 "
               "watchdog_thresh=60 " +
               ("" if args.no_preload else "cryptomgr.notests=1 ") +
               args.append)
    return (["qemu-system-x86_64", "-nodefaults", "-no-user-config",
             "-no-reboot", "-display", "none", "-nic", "none",
             "-m", args.memory, "-smp", str(args.cpus)] +
             (ICOUNT if args.icount else accelerator(args.turns)) +
            ["-kernel", image, "-initrd", initrd, "-append", cmdline,
             "-serial", "file:" + os.path.join(args.out, "kernel.log"),
             "-device", "virtio-rng-pci",
             "-fsdev", "local,id=host,path=/,security_model=none,"
                       "readonly=on,multidevs=remap",
             "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
             "-fsdev", "local,id=out,path=%s,security_model=none" % args.out,
             "-device", "virtio-9p-pci,fsdev=out,mount_tag=out"] +
            shlex.split(args.qemu))


class Follower:
    """Copies what is appended to a file to our output, whole lines first."""

    def __init__(self, path, prefix):
        self.path, self.prefix = path, prefix
        self.file, self.rest = None, b""

    def poll(self, last=False):
        if not self.file:
            try:
                self.file = open(self.path, "rb")
            except FileNotFoundError:
                return
        data = self.rest + self.file.read()
        cut = len(data) if last else data.rfind(b"\n") + 1
        data, self.rest = data[:cut], data[cut:]
        if data:
            for line in data.splitlines(keepends=True):
                sys.stdout.buffer.write(self.prefix + line)
            sys.stdout.buffer.flush()


def log_lines(path):
    with open(path, "rb") as f:
        text = f.read().decode("utf-8", "replace")
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def check_log(path, allow):
    """Prints what surrounds the first warning of the log; False if any."""
    lines = log_lines(path)
    for i, line in enumerate(lines):
        if WARNINGS.search(line) and not (allow and re.search(allow, line)):
            print("guest: the kernel log (%s) holds a warning:" % path)
            for shown in lines[max(0, i - 3):i + 50]:
                print("    " + shown)
            return False
    return True


def run(args, image, modules):
    with open(os.path.join(args.out, "init"), "w") as f:
        f.write(stage2(args, modules))
    initrd = os.path.join(args.out, "initramfs")
    with open(initrd, "wb") as f:
        f.write(initramfs(modules, BOOT_MODULES +
                          (() if args.no_preload else PRELOAD)))
    for name in ("status", "output", "kernel.log"):
        open(os.path.join(args.out, name), "w").close()
    follower = Follower(os.path.join(args.out, "output"),
                        args.prefix.encode())
    kernel_log = os.path.join(args.out, "kernel.log")

    deadline = time.monotonic() + args.timeout
    try:
        qemu = subprocess.Popen(qemu_command(args, image, initrd),
                                stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        die("qemu-system-x86_64 is missing: apt-get install qemu-system-x86")
    timed_out = False
    try:
        while qemu.poll() is None:
            follower.poll()
            if time.monotonic() > deadline:
                timed_out = True
                break
            time.sleep(0.05)
    finally:
        if qemu.poll() is None:
            qemu.kill()
            qemu.wait()
    follower.poll(last=True)
    os.unlink(initrd)

    with open(os.path.join(args.out, "status")) as f:
        status = f.read().strip()
    clean = args.ignore_log or check_log(kernel_log, args.allow)
    if timed_out:
        die("no end after %d s; kernel log: %s" % (args.timeout, kernel_log),
            124)
    if not status:
        for line in log_lines(kernel_log)[-15:]:
            print("    " + line)
        die("it died; kernel log: " + kernel_log)
    return int(status) or (0 if clean else 1)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-k", "--kernel", metavar="DIR",
                        help="a kernel's build directory (all built in), or "
                             "one with boot/vmlinuz-*\nand lib/modules "
                             "(default: the stock kernel)")
    parser.add_argument("-m", "--memory", default="2G")
    parser.add_argument("-c", "--cpus", type=int, default=2)
    parser.add_argument("--turns", action="store_true",
                        help="under emulation its processors take turns: for "
                             "what patches the\nkernel's code over and over")
    parser.add_argument("-t", "--timeout", type=float, default=300,
                        help="seconds (default 300)")
    parser.add_argument("-o", "--out", metavar="DIR",
                        help="keep the guest's kernel.log, output and $OUT")
    parser.add_argument("-i", "--insmod", action="store_true",
                        help="load the module first")
    parser.add_argument("--no-preload", action="store_true",
                        help="boot without the modules that tests need, and "
                             "let the kernel\ntest its crypto")
    parser.add_argument("--module", metavar="FILE",
                        default=os.path.join(TOP, "tcpcrypt.ko"))
    parser.add_argument("-e", "--env", metavar="NAME=VALUE", action="append",
                        default=[])
    parser.add_argument("-p", "--prefix", default="",
                        help="text before each line of output")
    parser.add_argument("-a", "--append", default="",
                        help="more of the kernel command line")
    parser.add_argument("--icount", action="store_true",
                        help="one processor that counts instructions: each "
                             "takes a nanosecond")
    parser.add_argument("--qemu", metavar="ARGUMENTS", default="",
                        help="more of QEMU's")
    parser.add_argument("--allow", metavar="REGEX",
                        help="warnings to overlook")
    parser.add_argument("--ignore-log", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if args.command[:1] == ["--"]:
        del args.command[0]
    if not args.command:
        parser.error("no command")
    args.module = os.path.abspath(args.module)
    if args.icount:
        args.cpus = 1

    directory = os.path.abspath(args.kernel or stock_kernel())
    image, modules = find_kernel(directory)
    if "vmlinuz-" in image:
        image = unpack_image(image, directory)

    def terminated(*_):
        sys.exit(130)

    signal.signal(signal.SIGTERM, terminated)
    temporary = None
    if not args.out:
        temporary = args.out = tempfile.mkdtemp(prefix="guest.")
    os.makedirs(args.out, exist_ok=True)
    args.out = os.path.abspath(args.out)
    try:
        status = run(args, image, modules)
        if temporary and not status:
            shutil.rmtree(temporary)
        return status
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
