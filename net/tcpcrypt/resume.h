/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Session resumption of tcpcrypt (RFC 8548, section 3.5). Pure code.
 */
#ifndef _TCPCRYPT_RESUME_H
#define _TCPCRYPT_RESUME_H

#include "../eno/eno.h"
#include "tcpcrypt.h"

int tcpcrypt_secret_next(const struct tcpcrypt_mac *mac, const u8 *ss,
			 u8 *next);
int tcpcrypt_resume_id(const struct tcpcrypt_mac *mac, const u8 *ss, u8 *id);
const u8 *tcpcrypt_resume_half(const u8 *id, bool host_a);
int tcpcrypt_resume_data(const u8 *half, const u8 *nonce,
			 unsigned int nonce_len, u8 *data);
bool tcpcrypt_resume_offered(unsigned int len);
bool tcpcrypt_resume_valid(const struct eno_tep *tep,
			   const struct eno_config *cfg, const u8 *data,
			   unsigned int len);
bool tcpcrypt_resumed(const struct eno_result *neg);
unsigned int tcpcrypt_resume_nonce(const struct eno_result *neg, bool swapped,
				   u8 *sn);

#endif /* _TCPCRYPT_RESUME_H */
