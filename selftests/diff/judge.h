/* SPDX-License-Identifier: GPL-2.0 */
/* Comparing the three runs of a scenario. */
#ifndef _DIFF_JUDGE_H
#define _DIFF_JUDGE_H

#include <fnmatch.h>
#include "diff.h"
#include "known.h"

#define DIFF_FOUND	64	/* differences that are kept of one scenario */
#define DIFF_MISSING	"(no record)"

enum { DIFF_PLAIN, DIFF_AGAIN, DIFF_CRYPT, DIFF_RUNS };

struct diff_found {
	char		label[64];
	unsigned int	nth;	/* occurrence of the label, from 0 */
	unsigned int	index;	/* of the record */
	char		plain[200];
	char		crypt[200];
};

/* What the three runs gave. */
struct diff_result {
	struct diff_found	found[DIFF_FOUND];
	unsigned int		differences;	/* may be more than are kept */
	unsigned int		known;
	unsigned int		judged;
	unsigned int		unstable;
	unsigned int		calls;
	char			broken[200];	/* the test itself failed */
};

struct diff_key {
	const char	*label, *text;
	unsigned int	nth, index;
};

static int diff_by_label(const void *x, const void *y)
{
	const struct diff_key *a = x, *b = y;
	int order = strcmp(a->label, b->label);

	if (order)
		return order;
	return a->index < b->index ? -1 : a->index > b->index;
}

static int diff_by_index(const void *x, const void *y)
{
	const struct diff_found *a = x, *b = y;

	return a->index < b->index ? -1 : a->index > b->index;
}

/* By label, then by occurrence. */
static struct diff_key *diff_sorted(const struct diff_log *log)
{
	struct diff_key *keys = calloc(log->count + 1, sizeof(*keys));
	unsigned int i;

	CHECK(keys);
	for (i = 0; i < log->count; i++) {
		keys[i].label = log->text + log->rec[i].label;
		keys[i].text = log->text + log->rec[i].text;
		keys[i].index = i;
	}
	qsort(keys, log->count, sizeof(*keys), diff_by_label);
	for (i = 1; i < log->count; i++)
		if (!strcmp(keys[i].label, keys[i - 1].label))
			keys[i].nth = keys[i - 1].nth + 1;
	return keys;
}

static int diff_key_cmp(const struct diff_key *a, const struct diff_key *b)
{
	int order = strcmp(a->label, b->label);

	if (order)
		return order;
	return a->nth < b->nth ? -1 : a->nth > b->nth;
}

static struct diff_known *diff_find_known(const char *name, const char *label,
					  const char *plain, const char *crypt)
{
	struct diff_known *k;

	for (k = diff_known; k->scenario; k++)
		if (!fnmatch(k->scenario, name, 0) &&
		    !fnmatch(k->label, label, 0) &&
		    !fnmatch(k->plain, plain, 0) &&
		    !fnmatch(k->crypt, crypt, 0))
			return k;
	return NULL;
}

static void diff_differs(struct diff_result *r, const char *name,
			 const struct diff_key *key, const char *plain,
			 const char *crypt)
{
	struct diff_known *k = diff_find_known(name, key->label, plain, crypt);
	struct diff_found *f;

	if (k) {
		k->seen++;
		r->known++;
		return;
	}
	if (r->differences++ >= DIFF_FOUND)
		return;
	f = &r->found[r->differences - 1];
	snprintf(f->label, sizeof(f->label), "%s", key->label);
	snprintf(f->plain, sizeof(f->plain), "%s", plain);
	snprintf(f->crypt, sizeof(f->crypt), "%s", crypt);
	f->nth = key->nth;
	f->index = key->index;
}

static void diff_judge_key(struct diff_result *r, const char *name,
			   const struct diff_key *key, const char *const *text)
{
	const char *plain = text[DIFF_PLAIN], *again = text[DIFF_AGAIN];

	if (!plain != !again || (plain && strcmp(plain, again))) {
		r->unstable++;
		return;
	}
	r->judged++;
	if (!plain || !text[DIFF_CRYPT] || strcmp(plain, text[DIFF_CRYPT]))
		diff_differs(r, name, key, plain ? plain : DIFF_MISSING,
			     text[DIFF_CRYPT] ? text[DIFF_CRYPT] :
						DIFF_MISSING);
}

/* Merges the three logs; each key is judged once. Adds to what r holds. */
static void diff_judge(struct diff_result *r, const char *name,
		       struct diff_log *const *logs)
{
	struct diff_key *keys[DIFF_RUNS];
	unsigned int at[DIFF_RUNS] = {}, i, count;

	for (i = 0; i < DIFF_RUNS; i++)
		keys[i] = diff_sorted(logs[i]);
	for (;;) {
		const struct diff_key *least = NULL;
		const char *text[DIFF_RUNS] = {};

		for (i = 0; i < DIFF_RUNS; i++)
			if (at[i] < logs[i]->count &&
			    (!least ||
			     diff_key_cmp(&keys[i][at[i]], least) < 0))
				least = &keys[i][at[i]];
		if (!least)
			break;
		for (i = 0; i < DIFF_RUNS; i++)
			if (at[i] < logs[i]->count &&
			    !diff_key_cmp(&keys[i][at[i]], least))
				text[i] = keys[i][at[i]++].text;
		diff_judge_key(r, name, least, text);
	}
	for (i = 0; i < DIFF_RUNS; i++)
		free(keys[i]);
	count = r->differences < DIFF_FOUND ? r->differences : DIFF_FOUND;
	qsort(r->found, count, sizeof(r->found[0]), diff_by_index);
}

static bool diff_has(const struct diff_result *r, const struct diff_found *f)
{
	unsigned int i;

	for (i = 0; i < r->differences && i < DIFF_FOUND; i++)
		if (!strcmp(r->found[i].label, f->label) &&
		    r->found[i].nth == f->nth)
			return true;
	return false;
}

#endif /* _DIFF_JUDGE_H */
