/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interface between ENO and the protocols that it negotiates (TCP
 * encryption protocols, RFC 8547 section 5).
 *
 * ENO chooses a TEP by &tcpcrypt_tep.eno and from then on lets nothing but the
 * TEP's bytes flow; the TEP agrees on a secret and ends with
 * tcpcrypt_establish(). Other modules may register TEPs of their own.
 */
#ifndef _TCPCRYPT_TEP_H
#define _TCPCRYPT_TEP_H

#include <linux/types.h>
#include "../eno/eno.h"

struct module;
struct sock;
struct tcpcrypt_ctx;

/**
 * struct tcpcrypt_tep - a TEP
 * @eno:   its identifier, and what suboption data it accepts
 * @name:  as in net.tcpcrypt.teps
 * @owner: module of @handshake
 * @handshake: goes on with the key agreement as far as it gets. Called with
 *         the socket's lock owned, from a work item, whenever something has
 *         arrived, until the state is TCPCRYPT_OPEN. Return: 0, also if more
 *         must arrive, or a negative errno, which aborts the connection.
 */
struct tcpcrypt_tep {
	struct eno_tep	eno;
	const char	*name;
	struct module	*owner;
	int		(*handshake)(struct sock *sk, struct tcpcrypt_ctx *ctx);
};

int tcpcrypt_tep_register(const struct tcpcrypt_tep *tep);
void tcpcrypt_tep_unregister(const struct tcpcrypt_tep *tep);
const struct tcpcrypt_tep *tcpcrypt_tep_find(u8 id);
bool tcpcrypt_tep_known(u8 id);
int tcpcrypt_tep_by_name(const char *name);
bool tcpcrypt_tep_name(u8 id, char *name, size_t size);

static inline const struct tcpcrypt_tep *
tcpcrypt_tep_of(const struct eno_tep *eno)
{
	return container_of(eno, struct tcpcrypt_tep, eno);
}

#endif /* _TCPCRYPT_TEP_H */
