/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * TCP-ENO (RFC 8547) and tcpcrypt (RFC 8548): socket options.
 *
 * All options stand at level IPPROTO_TCP. They work as they are on encrypted
 * connections. Before connect() or listen(),
 *
 *	setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tcpcrypt", 8)
 *
 * makes the options that can be set available; listen() keeps what was set
 * for the connections that it yields, and a listening socket answers them no
 * more. Sockets that are neither encrypted nor taken this way know none of
 * them: ENOPROTOOPT.
 *
 * EINVAL:      bad length or value
 * EISCONN:     can be set only before connect() or listen()
 * ENOTCONN:    not connected yet
 * EOPNOTSUPP:  connected, but plain TCP; or not supported
 * EINPROGRESS: keys are being agreed (TCP_ENO_SESSID, TCP_CRYPT_REKEY)
 * EALREADY:    rekeying is under way, nothing new was begun (TCP_CRYPT_REKEY)
 * EPIPE:       shut down for sending (TCP_CRYPT_REKEY)
 *
 * On an encrypted connection TCP_ULP is EEXIST; TCP_REPAIR, TCP_MD5SIG,
 * TCP_AO_* and TCP_ZEROCOPY_RECEIVE are EOPNOTSUPP. Nothing happens then.
 *
 * The data path reports, each distinct from end-of-file: EBADMSG (a frame
 * failed authentication), EPROTO (handshake or frame violation), ECONNRESET
 * (stream ended without FINp, or reset), ETIMEDOUT (handshake or keep-alive
 * timed out), ECONNABORTED (encryption was required but could not be had),
 * EPERM (plaintext was about to leave), ENOMEM (no memory where nothing could
 * wait), ESTALE (the machine was cloned or hibernated), EBUSY (a kernel user
 * replaced the socket's callbacks), EIO (this host failed: a cipher, or a TEP's
 * module that was removed).
 *
 * Urgent data (MSG_OOB, SIGURG, EPOLLPRI, SIOCATMARK, SO_OOBINLINE) is as with
 * TCP, and authentic.
 */
#ifndef _UAPI_LINUX_TCPCRYPT_H
#define _UAPI_LINUX_TCPCRYPT_H

#include <linux/types.h>

/* RFC 8547 */
#define TCP_ENO_ENABLED		6900	/* rw int, enum below */
#define TCP_ENO_SESSID		6901	/* r  TEP byte and 32 bytes */
#define TCP_ENO_NEGSPEC		6902	/* r  int: TEP byte as host B sent it */
#define TCP_ENO_SPECS		6903	/* rw TEP identifiers, the best last */
#define TCP_ENO_SELF_AWARE	6904	/* rw int, enum below */
#define TCP_ENO_PEER_AWARE	6905	/* r  int: the peer's a bit */
#define TCP_ENO_TIEBREAKER	6906	/* rw int: b bit of an active opener */
#define TCP_ENO_ROLE		6907	/* r  int: 0 host A, 1 host B */
#define TCP_ENO_RAW		6908	/* rw suboptions, sent as they are */
#define TCP_ENO_TRANSCRIPT	6909	/* r  bytes: both ENO options */

/* RFC 8548 */
#define TCP_CRYPT_AEADS		6920	/* rw __be16 each, the best first */
#define TCP_CRYPT_RESUME	6921	/* rw int: 0: no resumption */
#define TCP_CRYPT_CACHE		6922	/* rw int: 0: cache no secret */
#define TCP_CRYPT_CACHE_FLUSH	6923	/* w  int, ignored */
#define TCP_CRYPT_REKEY		6924	/* w  int, ignored: initiate rekeying */
#define TCP_CRYPT_INFO		6925	/* r  struct tcp_crypt_info */
#define TCP_CRYPT_EXPORT	6926	/* reserved */

/* TCP_ENO_ENABLED */
enum {
	TCP_ENO_DEFAULT		= -1,	/* as the system is configured */
	TCP_ENO_OFF		= 0,
	TCP_ENO_ON		= 1,
	TCP_ENO_REQUIRED	= 2,	/* abort instead of plaintext */
};

/* TCP_ENO_SELF_AWARE: RFC 8547, section 4.2 */
enum {
	TCP_ENO_AWARE_NO	= 0,
	TCP_ENO_AWARE		= 1,	/* send a = 1 */
	TCP_ENO_AWARE_MANDATORY	= 2,	/* and no ENO if the peer does not */
};

/* tcci_state of struct tcp_crypt_info */
enum {
	TCP_CRYPT_NEGOTIATING,	/* SYN sent, no answer yet */
	TCP_CRYPT_KEYING,	/* ENO succeeded, keys are being agreed */
	TCP_CRYPT_OPEN,		/* application data may flow */
	TCP_CRYPT_FAILED,	/* aborted */
};

/**
 * struct tcp_crypt_info - state of an encrypted connection
 *
 * Grows at its end; getsockopt() copies as much as the caller has room for,
 * as with TCP_INFO.
 *
 * @tcci_state:      TCP_CRYPT_*
 * @tcci_tep:        negotiated TEP byte as host B sent it, v bit included
 * @tcci_role:       0 host A, 1 host B
 * @tcci_flags:      0
 * @tcci_aead:       AEAD algorithm, RFC 8548 section 7, 0 before it is known
 * @tcci_error:      errno of an abort, 0 if none
 * @tcci_tx_offset:  bytes written to the TCP stream, the next frame ID
 * @tcci_rx_offset:  bytes of the peer's TCP stream processed
 * @tcci_tx_frames:  frames encrypted
 * @tcci_rx_frames:  frames decrypted
 * @tcci_tx_bytes:   application bytes encrypted
 * @tcci_rx_bytes:   application bytes decrypted
 * @tcci_driver:     the kernel's driver for the AEAD, zero-terminated; empty
 *                   once no key is left
 * @tcci_tx_generation: generation of the keys that encrypt, 0 at first
 * @tcci_rx_generation: and of those that decrypt (RFC 8548, section 3.8)
 */
struct tcp_crypt_info {
	__u8	tcci_state;
	__u8	tcci_tep;
	__u8	tcci_role;
	__u8	tcci_flags;
	__u16	tcci_aead;
	__u16	tcci_error;
	__u64	tcci_tx_offset;
	__u64	tcci_rx_offset;
	__u64	tcci_tx_frames;
	__u64	tcci_rx_frames;
	__u64	tcci_tx_bytes;
	__u64	tcci_rx_bytes;
	char	tcci_driver[64];
	__u64	tcci_tx_generation;
	__u64	tcci_rx_generation;
};

#endif /* _UAPI_LINUX_TCPCRYPT_H */
