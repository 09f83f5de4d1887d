/* SPDX-License-Identifier: GPL-2.0 */
/* The hosts of fuzz_eno and fuzz_crossed */
#ifndef _FUZZ_ENO_H
#define _FUZZ_ENO_H

#include "../../net/eno/eno.h"
#include "fuzz.h"

#define CFG_B		0x01
#define CFG_AWARE	0x02
#define CFG_MANDATORY	0x04
#define CFG_DATA	0x08
#define CFG_RAW		0x10
#define CFG_ROOM	5	/* bits from here on: eighths of the room */
#define OPTIONS_MAX	40

static bool even(const struct eno_tep *tep, const struct eno_config *cfg,
		 const u8 *data, unsigned int len)
{
	u8 sum = 0;

	(void)tep;
	(void)cfg;
	while (len--)
		sum += *data++;
	return !(sum & 1);
}

static const struct eno_tep teps[] = {
	{ .id = 0x21 }, { .id = 0x22, .valid = even },
	{ .id = 0x23, .repeat = true, .valid = even }, { .id = 0x24 },
};

static inline void configure(struct eno_config *cfg, u8 bits, bool passive,
			     const struct eno_option *raw)
{
	memset(cfg, 0, sizeof(*cfg));
	for (; cfg->nteps < ARRAY_SIZE(teps); cfg->nteps++)
		cfg->teps[cfg->nteps] = &teps[cfg->nteps];
	cfg->passive = passive;
	cfg->b = bits & CFG_B;
	cfg->aware = bits & CFG_AWARE;
	cfg->mandatory = bits & CFG_MANDATORY;
	if (bits & CFG_DATA) {
		cfg->data_tep = teps[bits & 3].id;
		cfg->data_len = passive ? 9 : 17;
	}
	if (bits & CFG_RAW)
		cfg->raw = raw;
}

/* RFC 8547, section 4.8, and where the data is that both sent */
static inline void check_result(const struct eno_config *cfg,
				const struct eno_result *res,
				const struct eno_option *sent,
				const struct eno_option *heard)
{
	const struct eno_data *a = &res->data[ENO_HOST_A];
	const struct eno_data *b = &res->data[ENO_HOST_B];
	bool host_a = res->role == ENO_HOST_A;
	const struct eno_option *first = host_a ? sent : heard;
	const struct eno_option *second = host_a ? heard : sent;

	if (res->verdict != ENO_OK)
		return;
	CHECK(!res->tep == !!cfg->raw);
	if (res->tep)
		CHECK((res->negspec & ENO_GLT) == res->tep->id);
	CHECK(res->transcript_len == first->len + second->len);
	CHECK(!memcmp(res->transcript, first->data, first->len));
	CHECK(!memcmp(res->transcript + first->len, second->data,
		      second->len));
	/* data lies inside the option of the host that sent it */
	CHECK(a->off > ENO_OPT_MIN && a->off + a->len <= first->len);
	CHECK(b->off > first->len + ENO_OPT_MIN);
	CHECK(b->off + b->len <= res->transcript_len);
	/* data is that of the first, where a TEP's suboptions repeat */
	if (res->tep && !res->tep->repeat)
		CHECK(b->len == 0 || res->negspec & ENO_V);
}

#endif /* _FUZZ_ENO_H */
