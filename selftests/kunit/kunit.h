/* SPDX-License-Identifier: GPL-2.0 */
/* Suites that need the kernel */
#ifndef _KUNIT_KUNIT_H
#define _KUNIT_KUNIT_H

#include "../unit/ktap.h"

extern const struct ktap_case crypto_cases[];
extern const struct ktap_case cache_cases[];

int cache_start(void);
void cache_finish(void);

#endif /* _KUNIT_KUNIT_H */
