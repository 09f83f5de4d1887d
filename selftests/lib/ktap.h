/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A harness for test programs: a table of cases, each run in a process of its
 * own, once for each of its variants; results in KTAP on standard output.
 *
 * Checks may stand in threads; one that fails ends the case. So does its time limit: a hang is a
 * failure like others, and the line of the last check before it is shown.
 */
#ifndef _KTAP_H
#define _KTAP_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KTAP_LIMIT	60	/* seconds for one case; the guest is slow */

#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))

struct ktap_case {
	const char	*name;
	void		(*run)(void);
	unsigned int	variants;	/* bits, tried from the lowest */
};

static const char *ktap_file;
static int ktap_line;

static void ktap_die(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("# %s:%d: %s\n", ktap_file, ktap_line, text);
	fflush(stdout);
	_exit(1);
}

static inline void ktap_at(const char *file, int line)
{
	const char *slash = strrchr(file, '/');

	ktap_file = slash ? slash + 1 : file;
	ktap_line = line;
}

/* The call that is checked may contain checks: at is set again after it. */
static inline void ktap_true(bool cond, const char *what, int line,
			     const char *file)
{
	ktap_at(file, line);
	if (!cond)
		ktap_die("%s: false (errno %d, %s)", what, errno,
			 strerror(errno));
}

static inline void ktap_eq(long long is, long long want, const char *what,
			   int line, const char *file)
{
	ktap_at(file, line);
	if (is != want)
		ktap_die("%s: %lld, expected %lld (errno %d, %s)", what, is,
			 want, errno, strerror(errno));
}

static inline void ktap_err(long long ret, int err, const char *what, int line,
			    const char *file)
{
	ktap_at(file, line);
	if (ret != -1)
		ktap_die("%s: %lld, expected error %s", what, ret,
			 strerrorname_np(err));
	if (errno != err)
		ktap_die("%s: error %s, expected %s", what,
			 strerrorname_np(errno), strerrorname_np(err));
}

#define CHECK(cond)							\
	(ktap_at(__FILE__, __LINE__),					\
	 ktap_true(cond, #cond, __LINE__, __FILE__))
#define CHECK_EQ(is, want)						\
	(ktap_at(__FILE__, __LINE__),					\
	 ktap_eq(is, want, #is " == " #want, __LINE__, __FILE__))
/* the call fails with this errno */
#define CHECK_ERR(call, err)						\
	(ktap_at(__FILE__, __LINE__),					\
	 ktap_err(call, err, #call, __LINE__, __FILE__))
#define FAIL(...)							\
	(ktap_at(__FILE__, __LINE__), ktap_die(__VA_ARGS__))

static inline double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static inline void nap(int ms)
{
	poll(NULL, 0, ms);
}

/* Until cond holds, 20 s at most. */
#define WAIT_FOR(cond) do {						\
	double _end = now() + 20;					\
									\
	while (!(cond)) {						\
		if (now() > _end)					\
			FAIL("never: %s", #cond);			\
		nap(2);							\
	}								\
} while (0)

static void ktap_alarm(int sig)
{
	char text[128];
	int n;

	(void)sig;
	n = snprintf(text, sizeof(text), "# hangs, last check: %s:%d\n",
		     ktap_file, ktap_line);
	if (write(STDOUT_FILENO, text, n) != n)
		_exit(3);
	_exit(2);
}

static void ktap_child(const struct ktap_case *t, unsigned int variant,
		       void (*before)(unsigned int), void (*after)(void))
{
	setpgid(0, 0);
	signal(SIGALRM, ktap_alarm);
	alarm(KTAP_LIMIT);
	ktap_at(t->name, 0);
	before(variant);
	t->run();
	after();
	fflush(stdout);
	_exit(0);
}

static bool ktap_run(const struct ktap_case *t, unsigned int variant,
		     void (*before)(unsigned int), void (*after)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		ktap_child(t, variant, before, after);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	kill(-pid, SIGKILL);
	if (WIFSIGNALED(status))
		printf("# killed by signal %d\n", WTERMSIG(status));
	return !status;
}

/* The arguments: "-x VARIANT" leaves one out, others are cases to run. */
static bool ktap_left_out(int argc, char **argv, const char *variant)
{
	int i;

	for (i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], "-x") && !strcmp(argv[++i], variant))
			return true;
	return false;
}

static bool ktap_chosen(int argc, char **argv, const char *name)
{
	bool all = true;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-x")) {
			i++;
			continue;
		}
		if (!strcmp(argv[i], name))
			return true;
		all = false;
	}
	return all;
}

/* before() is called in each case's process, after() if nothing failed. */
static inline int ktap_main(int argc, char **argv,
			    const struct ktap_case *cases,
			    const char *const *variants,
			    void (*before)(unsigned int), void (*after)(void))
{
	const struct ktap_case *t;
	int n = 0, failed = 0, v;
	double begin;

	printf("KTAP version 1\n");
	for (t = cases; t->name; t++) {
		if (!ktap_chosen(argc, argv, t->name))
			continue;
		for (v = 0; variants[v]; v++) {
			if (!(t->variants & 1u << v) ||
			    ktap_left_out(argc, argv, variants[v]))
				continue;
			begin = now();
			if (!ktap_run(t, 1u << v, before, after)) {
				failed++;
				printf("not ");
			}
			printf("ok %d %s: %s\n", ++n, t->name, variants[v]);
			if (now() - begin > 3)
				printf("# %.1f s\n", now() - begin);
		}
	}
	printf("1..%d\n", n);
	return failed || !n;
}

#endif /* _KTAP_H */
