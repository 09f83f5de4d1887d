// SPDX-License-Identifier: GPL-2.0
/*
 * accept() that returns when keys were agreed. Cases that take loopback for
 * synchronous (what one end has sent the other end has got) can be true then.
 */

#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>
#include <linux/tcpcrypt.h>
#include "wrap.h"

int __wrap_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	int child = __real_accept(fd, addr, len);
	socklen_t id_len;
	char id[64];

	if (child < 0)
		return child;
	do {
		id_len = sizeof(id);
		if (!getsockopt(child, IPPROTO_TCP, TCP_ENO_SESSID, id,
				&id_len) || errno != EINPROGRESS)
			break;
		usleep(1000);
	} while (1);
	errno = 0;
	return child;
}
