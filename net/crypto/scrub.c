// SPDX-License-Identifier: GPL-2.0
/*
 * Wipes the stack that functions used which have returned.
 *
 * The kernel's ciphers, hashes and curves clear what they know to be secret,
 * but not where the compiler spilled registers: SHA-256's working variables
 * after the last round, for one, are a key when the hash is one. Stacks are
 * not cleared when a task goes on, and those of kworkers last for days.
 */

#include <linux/compiler.h>
#include <linux/math.h>
#include <linux/string.h>
#include <linux/types.h>
#include "crypto.h"

#define SCRUB_FRAME	1024	/* bytes; the kernel warns of large frames */

static noinline void scrub(unsigned int frames)
{
	u8 frame[SCRUB_FRAME];

	memzero_explicit(frame, sizeof(frame));
	if (frames > 1)
		scrub(frames - 1);
	/* no tail call: it would take the same frame */
	barrier_data(frame);
}

/**
 * tcpcrypt_scrub() - wipe the stack below the caller
 * @depth: how far, bytes; an interrupt may have put registers there, too
 *
 * Context: any.
 */
void tcpcrypt_scrub(unsigned int depth)
{
	scrub(DIV_ROUND_UP(depth, SCRUB_FRAME));
}
