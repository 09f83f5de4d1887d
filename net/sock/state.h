/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The states of a connection, and how one becomes another. Pure code.
 */
#ifndef _TCPCRYPT_STATE_H
#define _TCPCRYPT_STATE_H

#include <linux/types.h>

/* One enum holds a connection's state; tcpcrypt_set_state() changes it. */
enum tcpcrypt_state {
	TCPCRYPT_TAKEN,		/* by TCP_ULP, not connected */
	TCPCRYPT_SYN_SENT,	/* active opener, ENO not decided */
	TCPCRYPT_PLAIN,		/* taken socket that fell back to plain TCP */
	TCPCRYPT_KEYING,	/* ENO succeeded, Init1 and Init2 */
	TCPCRYPT_OPEN,		/* frames may flow */
	TCPCRYPT_FAILED,	/* aborted, ->err says why */
};

/**
 * tcpcrypt_state_follows() - may one state come after another?
 * @from: the state before
 * @to:   the state after it
 *
 * RFC 8547, section 4.6: once encryption is enabled no plaintext follows, so
 * nothing leads from KEYING or OPEN but to the end. A taken socket whose
 * connection was plain or never came about can be used again.
 *
 * Return: whether it may.
 */
static inline bool tcpcrypt_state_follows(enum tcpcrypt_state from,
					  enum tcpcrypt_state to)
{
	switch (from) {
	case TCPCRYPT_TAKEN:
		return to == TCPCRYPT_SYN_SENT || to == TCPCRYPT_PLAIN ||
		       to == TCPCRYPT_KEYING || to == TCPCRYPT_FAILED;
	case TCPCRYPT_SYN_SENT:
		return to != TCPCRYPT_OPEN;
	case TCPCRYPT_PLAIN:
		return to == TCPCRYPT_TAKEN || to == TCPCRYPT_PLAIN;
	case TCPCRYPT_KEYING:
		return to == TCPCRYPT_OPEN || to == TCPCRYPT_FAILED;
	case TCPCRYPT_OPEN:
	case TCPCRYPT_FAILED:
		return to == TCPCRYPT_FAILED;
	}
	return false;
}

#endif /* _TCPCRYPT_STATE_H */
