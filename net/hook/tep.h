/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The TEP interface between ENO and the protocols that it negotiates.
 */
#ifndef _TCPCRYPT_TEP_H
#define _TCPCRYPT_TEP_H

#include "../ctl/ctl.h"
#include "../eno/eno.h"

void tcpcrypt_tep_config(struct eno_config *cfg, bool passive);
enum tcpcrypt_mib tcpcrypt_fallback_mib(enum eno_verdict verdict);

#endif /* _TCPCRYPT_TEP_H */
