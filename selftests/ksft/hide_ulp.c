// SPDX-License-Identifier: GPL-2.0
/*
 * getsockopt() that does not tell of the ULP "tcpcrypt": mptcp_connect.c fails
 * when a TCP socket has any.
 */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include "wrap.h"

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	static const char ulp[] = "tcpcrypt";
	size_t room = *len;
	int ret = __real_getsockopt(fd, level, name, value, len);

	if (!ret && level == IPPROTO_TCP && name == TCP_ULP &&
	    *len >= strlen(ulp) && !memcmp(value, ulp, strlen(ulp))) {
		memset(value, 0, room);
		*len = 0;
	}
	return ret;
}
