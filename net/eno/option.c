// SPDX-License-Identifier: GPL-2.0
/*
 * The ENO option of TCP-ENO (RFC 8547): finding it, taking it apart.
 */

#include <linux/string.h>
#include <linux/types.h>
#include "eno.h"

/* Option kinds without a length byte, RFC 793 section 3.1 */
#define TCP_KIND_EOL	0
#define TCP_KIND_NOP	1

/*
 * Length of the option at @opts with its kind byte, 0 if it is malformed. A
 * kind other than EOL and NOP is followed by a length that counts both.
 */
static unsigned int measure(const u8 *opts, unsigned int len)
{
	if (opts[0] == TCP_KIND_NOP)
		return 1;
	if (len < ENO_OPT_MIN || opts[1] < ENO_OPT_MIN || opts[1] > len)
		return 0;
	return opts[1];
}

/**
 * eno_find() - find the ENO option of a SYN segment
 * @opts: TCP options, from the byte after the fixed header on
 * @len:  length of the options in bytes
 * @opt:  the option if there is exactly one, otherwise empty
 *
 * Only the option list is judged here, what the option says is for
 * eno_parse().
 *
 * Return: ENO_OK, ENO_NO_OPTION, ENO_MANY or, if the list is malformed at any
 * place before its end, ENO_ILL_FORMED.
 */
enum eno_verdict eno_find(const u8 *opts, unsigned int len,
			  struct eno_option *opt)
{
	const u8 *found = NULL;
	bool many = false;
	unsigned int n;

	memset(opt, 0, sizeof(*opt));
	for (; len && opts[0] != TCP_KIND_EOL; opts += n, len -= n) {
		n = measure(opts, len);
		if (!n)
			return ENO_ILL_FORMED;
		if (opts[0] != ENO_KIND)
			continue;
		if (n > ENO_OPT_MAX)
			return ENO_ILL_FORMED;
		many = found;
		found = opts;
	}
	/* section 4.1: more than one MUST count as none */
	if (many)
		return ENO_MANY;
	if (!found)
		return ENO_NO_OPTION;
	opt->len = found[1];
	memcpy(opt->data, found, opt->len);
	return ENO_OK;
}

/**
 * eno_present() - look for ENO options in a non-SYN segment
 * @opts: TCP options, from the byte after the fixed header on
 * @len:  length of the options in bytes
 *
 * Section 4.1: several count as one, and their contents MUST be ignored. A
 * malformed option ends the walk, as it does in the TCP stack.
 *
 * Return: whether at least one option is there.
 */
bool eno_present(const u8 *opts, unsigned int len)
{
	unsigned int n;

	for (; len && opts[0] != TCP_KIND_EOL; opts += n, len -= n) {
		n = measure(opts, len);
		if (!n)
			return false;
		if (opts[0] == ENO_KIND)
			return true;
	}
	return false;
}

/*
 * Each suboption takes at least one byte, so that ENO_SUBOPT_MAX entries are
 * enough for any option.
 */
static void add_tep(struct eno_parsed *parsed, u8 byte, u8 off, u8 len)
{
	struct eno_suboption *sub = &parsed->subs[parsed->nsubs++];

	sub->tep = byte & ENO_GLT;
	sub->v = byte & ENO_V;
	sub->off = off;
	sub->len = len;
}

/* Section 4.2: all but the first global suboption MUST be ignored. */
static void add_global(struct eno_parsed *parsed, u8 byte)
{
	if (!parsed->nglobals++)
		parsed->global = byte;
}

/*
 * Takes the suboption at @off, section 4.1, table 1. Return: its length with
 * the length byte and the data, 0 if it is ill-formed.
 */
static unsigned int take(const struct eno_option *opt, unsigned int off,
			 struct eno_parsed *parsed)
{
	unsigned int left = opt->len - off;
	const u8 *p = opt->data + off;
	unsigned int n;

	if (!(p[0] & ENO_V)) {
		if (p[0] < ENO_TEP_MIN)
			add_global(parsed, p[0]);
		else
			add_tep(parsed, p[0], off + 1, 0);
		return 1;
	}
	/* section 4.4: without a length byte the data goes on to the end */
	if ((p[0] & ENO_GLT) >= ENO_TEP_MIN) {
		add_tep(parsed, p[0], off + 1, left - 1);
		return left;
	}
	/*
	 * Section 4.4: after a length byte there MUST be a TEP identifier with
	 * v = 1, and the data must not go past the end of the option.
	 */
	n = (p[0] & ENO_LEN_MASK) + 1;
	if (left < 2 || p[1] < (ENO_V | ENO_TEP_MIN) || n > left - 2)
		return 0;
	add_tep(parsed, p[1], off + 2, n);
	return n + 2;
}

/**
 * eno_parse() - take a SYN-form ENO option apart
 * @opt:    the option
 * @parsed: its suboptions; they mean something only with ENO_OK
 *
 * Return: ENO_OK; ENO_NO_OPTION if @opt is empty; ENO_ILL_FORMED if the option
 * MUST be ignored and encryption be disabled (section 4.4).
 */
enum eno_verdict eno_parse(const struct eno_option *opt,
			   struct eno_parsed *parsed)
{
	unsigned int off, n;

	memset(parsed, 0, sizeof(*parsed));
	if (!opt->len)
		return ENO_NO_OPTION;
	if (opt->len < ENO_OPT_MIN || opt->len > ENO_OPT_MAX ||
	    opt->data[0] != ENO_KIND || opt->data[1] != opt->len)
		return ENO_ILL_FORMED;
	for (off = ENO_OPT_MIN; off < opt->len; off += n) {
		n = take(opt, off, parsed);
		if (!n)
			return ENO_ILL_FORMED;
	}
	return ENO_OK;
}
