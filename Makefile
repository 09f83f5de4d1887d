# SPDX-License-Identifier: GPL-2.0
#
# Targets of the whole project; the module's own build description is Kbuild.

# An empty KDIR is none: make passes it on before the headers are installed.
ifeq ($(KDIR),)
KDIR := $(shell selftests/guest/kdir.sh 2>/dev/null)
endif
export KDIR

kernel := $(shell sed -n 's/^.define UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h 2>/dev/null)
kernel_major := $(firstword $(subst ., ,$(kernel)))
kernel_minor := $(word 2,$(subst ., ,$(kernel)))

# Tests in C: one file, one program.
programs := $(patsubst %.c,%,$(wildcard selftests/*_test.c \
	selftests/diff/*_test.c))

.PHONY: all module programs demo check check-long check-timing clean help
.PHONY: install-deps check-headers tep kunit fork usurp fault ksft fuzz coverage
.PHONY: bench bench-report

all: module

check-headers:
	@if [ -z "$(KDIR)" ]; then \
		echo "error: no kernel headers: apt-get install" \
		     "linux-headers-amd64, or choose KDIR=" >&2; exit 1; \
	elif [ ! -e "$(KDIR)/Module.symvers" ] || [ -z "$(kernel)" ]; then \
		echo "error: KDIR=$(KDIR) is no kernel build directory:" \
		     "apt-get install linux-headers-amd64" >&2; exit 1; \
	elif [ "$(kernel_major)" -lt 6 ] || { [ "$(kernel_major)" -eq 6 ] && \
	       [ "$(kernel_minor)" -lt 1 ]; }; then \
		echo "error: kernel $(kernel) is too old: 6.1 or later" >&2; \
		exit 1; \
	fi

module: check-headers
	@echo "building tcpcrypt.ko for $(kernel)"
	+@$(MAKE) -s -C $(KDIR) M=$(CURDIR) modules

# The second TEP of options.py
tep: module
	+@$(MAKE) -s -C $(KDIR) M=$(CURDIR)/selftests/tep \
		KBUILD_EXTRA_SYMBOLS=$(CURDIR)/Module.symvers modules

# What fork.py takes for a cloned machine
fork: check-headers
	+@$(MAKE) -s -C $(KDIR) M=$(CURDIR)/selftests/fork modules

# What fault.sh takes, for the debug kernel: run.py builds it there too
fault: check-headers
	+@$(MAKE) -s -C $(KDIR) M=$(CURDIR)/selftests/fault modules

# The kernel's own tests of TCP, built in the cache
ksft:
	@selftests/ksft/build.sh >/dev/null

# What refuse_test takes for a kernel user of sockets
usurp: check-headers
	+@$(MAKE) -s -C $(KDIR) M=$(CURDIR)/selftests/usurp modules

programs: $(programs)

selftests/%_test: selftests/%_test.c $(wildcard selftests/lib/*.h \
		selftests/diff/*.h selftests/fault/*.h selftests/mitm/*.h)
	$(CC) -O2 -g -Wall -Wextra -Iinclude/uapi -o $@ $< -lpthread

install-deps:
	@selftests/deps.sh build guest

# Where make is called again, KDIR may name what was just installed.
demo: install-deps
	@selftests/deps.sh demo
	+@$(MAKE) -s --no-print-directory module
	@selftests/guest/guest.py -i -t 600 -- selftests/demo.sh

check check-long: install-deps
	@selftests/deps.sh demo apps kernel rt check fuzz \
		$(if $(filter check-long,$@),apps-long smb)
	+@$(MAKE) -s --no-print-directory module programs tep fork usurp ksft
	@$(if $(filter check-long,$@),selftests/apps/prepare.sh go java tree >/dev/null)
	@selftests/guest/kernel.sh >/dev/null
	@selftests/run.py $(if $(filter check-long,$@),--long) $(TESTS)

# The debug kernel is built first, which takes long, but once.
kunit: install-deps
	@selftests/kunit/run.sh

# FUZZ_SECONDS for each target
fuzz:
	@selftests/deps.sh fuzz
	+@$(MAKE) -s --no-print-directory -C selftests/fuzz run

# Which lines the jobs TESTS= reach; without, those that reach most.
coverage: install-deps
	@selftests/deps.sh apps
	+@$(MAKE) -s --no-print-directory programs
	@selftests/coverage/coverage.py $(TESTS)

# What it costs beside plain TCP, kTLS and others; QUICK=1: a few minutes. The
# systems whose packages cannot be had are skipped.
bench: install-deps
	@selftests/deps.sh bench-need
	-@selftests/deps.sh bench
	@selftests/bench/bench.py $(if $(QUICK),--quick, \
		--json Documentation/bench/bench.json)
	+@$(if $(QUICK),,$(MAKE) -s --no-print-directory bench-report >/dev/null)

bench-report:
	@selftests/bench/report.py Documentation/bench/bench.json \
		Documentation/bench

# A quiet machine is best.
check-timing:
	@selftests/deps.sh build
	+@$(MAKE) -s --no-print-directory -C selftests/timing run_tests

clean:
	+@[ ! -e "$(KDIR)/Makefile" ] || $(MAKE) -s -C $(KDIR) M=$(CURDIR) clean
	+@[ ! -e "$(KDIR)/Makefile" ] || $(MAKE) -s -C $(KDIR) \
		M=$(CURDIR)/selftests/tep clean
	+@[ ! -e "$(KDIR)/Makefile" ] || $(MAKE) -s -C $(KDIR) \
		M=$(CURDIR)/selftests/fork clean
	+@[ ! -e "$(KDIR)/Makefile" ] || $(MAKE) -s -C $(KDIR) \
		M=$(CURDIR)/selftests/usurp clean
	+@[ ! -e "$(KDIR)/Makefile" ] || $(MAKE) -s -C $(KDIR) \
		M=$(CURDIR)/selftests/fault clean
	+@$(MAKE) -s -C selftests/bench clean
	+@[ ! -e selftests/unit/Makefile ] || $(MAKE) -s -C selftests/unit clean
	+@[ ! -e selftests/fuzz/Makefile ] || $(MAKE) -s -C selftests/fuzz clean
	+@[ ! -e selftests/timing/Makefile ] || $(MAKE) -s -C selftests/timing clean
	@rm -f $(programs)

help:
	@echo "make             build tcpcrypt.ko (KDIR=$(KDIR))"
	@echo "make demo        two hosts in a guest, with and without encryption"
	@echo "make check       the tests, TESTS='JOB ...' some of them"
	@echo "make check-long  also those that take long"
	@echo "make check-timing  does the time of our own key agreement leak"
	@echo "make kunit       the unit tests as KUnit, on the debug kernel"
	@echo "make fuzz        libFuzzer, FUZZ_SECONDS=60 for each target"
	@echo "make coverage    lines of net/ that the tests reach, TESTS='JOB ...'"
	@echo "make bench       what it costs, beside kTLS and others, QUICK=1"
	@echo "make bench-report  tables and charts of what make bench measured"
	@echo "make clean       remove what make built"
	@echo "make install-deps  the Debian packages for building and the guest"
	@echo "selftests/run.py --list names the jobs."
