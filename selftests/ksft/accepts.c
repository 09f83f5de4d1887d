// SPDX-License-Identifier: GPL-2.0
/*
 * listen() with a thread behind it that accepts, for a program that never
 * does: keys are agreed in the context of accept().
 */

#include <pthread.h>
#include <stddef.h>
#include "wrap.h"

static void *accept_all(void *arg)
{
	int fd = *(int *)arg;

	while (accept(fd, NULL, NULL) >= 0)
		;
	return NULL;
}

int __wrap_listen(int fd, int backlog)
{
	static int listener;
	pthread_t thread;

	if (__real_listen(fd, backlog))
		return -1;
	listener = fd;
	return pthread_create(&thread, NULL, accept_all, &listener) ? -1 : 0;
}
