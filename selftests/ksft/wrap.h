/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What ld --wrap makes of the C library's functions in the kernel's programs.
 */
#ifndef KSFT_WRAP_H
#define KSFT_WRAP_H

#include <sys/socket.h>

int __real_accept(int fd, struct sockaddr *addr, socklen_t *len);
int __wrap_accept(int fd, struct sockaddr *addr, socklen_t *len);
int __real_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog);
int __real_getsockopt(int fd, int level, int name, void *value,
		      socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value,
		      socklen_t *len);

#endif
