/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults where there is no connection: the module is loaded, a network
 * namespace is made, settings are written. The calls are counted, whatever
 * their site, and fail one after the other.
 */
#ifndef _SETUP_H
#define _SETUP_H

#include <sys/syscall.h>
#include "inject.h"

struct act {
	const char	*name;
	int		(*act)(void);	/* 0 or -1 and errno */
	void		(*undo)(void);	/* if that succeeded */
};

static int act_err(int ret)
{
	return ret ? -1 : 0;
}

static int load_module(void)
{
	int fd = open(getenv("MODULE") ? : "tcpcrypt.ko", O_RDONLY | O_CLOEXEC);
	int ret, err;

	CHECK(fd >= 0);
	ret = syscall(SYS_finit_module, fd, "", 0);
	err = errno;
	close(fd);
	errno = err;
	return act_err(ret);
}

static void unload_module(void)
{
	WAIT_FOR(!syscall(SYS_delete_module, "tcpcrypt", O_NONBLOCK));
}

static int make_namespace(void)
{
	int ret, err;

	enter(A);
	ret = unshare(CLONE_NEWNET);
	err = errno;
	enter(A);
	errno = err;
	return act_err(ret);
}

static int write_settings(void)
{
	static const char *const what[][2] = {
		{ "teps", "P256 Curve25519\n" },
		{ "aeads", "AES_256_GCM AES_128_GCM\n" },
		{ "bad_connect_ports", "22,443,8443\n" },
		{ "bad_listen_ports", "22,443,8443\n" },
		{ "cache_max", "16\n" }, { "broken_max", "16\n" },
	};
	int err = 0, fd;
	char path[100];
	unsigned int i;

	enter(A);
	for (i = 0; i < ARRAY_SIZE(what); i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/tcpcrypt/%s",
			 what[i][0]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		CHECK(fd >= 0);
		if (write(fd, what[i][1], strlen(what[i][1])) < 0)
			err = errno;
		close(fd);
	}
	errno = err;
	return act_err(err);
}

static void nothing(void)
{
}

static const struct act acts[] = {
	{ "settings", write_settings, nothing },
	{ "namespace", make_namespace, nothing },
	{ "insmod", load_module, unload_module },
	{}
};

/* With the module loaded, or not, as the act wants it. */
static bool run_act(const struct act *a, double until)
{
	bool is_insmod = a->undo == unload_module, fine = true;
	unsigned int calls, total, n, faults = 0, succeeded = 0, step = 1;
	unsigned int errs[200] = {}, i;
	double begin;
	int ret;

	if (is_insmod)
		unload_module();
	begin = now();
	inject("record");
	CHECK_EQ(a->act(), 0);
	inject("off");
	a->undo();
	injected(&total);
	/* what there is time for, evenly */
	if ((now() - begin) * total > until - now())
		step = (now() - begin) * total / (until - now() + 1) + 1;
	for (n = 1; n <= total; n += step) {
		inject("any %u", n);
		ret = a->act();
		i = errno;
		inject("off");
		faults += injected(&calls);
		if (!ret)
			a->undo();
		succeeded += !ret;
		/*
		 * sock_create() without an inode: ENFILE, without a sock:
		 * ENOBUFS; no AEAD, for which crypto_has_alg() gives no
		 * reason: EINVAL for a setting, ENOENT for insmod
		 */
		if (ret && i != ENOMEM && i != ENFILE && i != ENOBUFS &&
		    (i != EINVAL || a->act != write_settings) &&
		    (i != ENOENT || !is_insmod)) {
			printf("# call %u of %u: %s\n", n, total,
			       strerrorname_np(i));
			fine = false;
		}
		if (ret && i < ARRAY_SIZE(errs))
			errs[i]++;
	}
	if (is_insmod)
		CHECK_EQ(load_module(), 0);
	printf("# %u calls, %u faults; succeeded %u; errors:", total, faults,
	       succeeded);
	for (i = 1; i < ARRAY_SIZE(errs); i++)
		if (errs[i])
			printf(" %s %u", strerrorname_np(i), errs[i]);
	printf("\n");
	return fine && faults;
}

#endif /* _SETUP_H */
