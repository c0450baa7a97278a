/* Non-blocking TCP and Unix sockets, poll, and the clocks: all that plain Lua needs of POSIX.
 *
 * No call blocks but ettm_poll, and that until its deadline at most. Never raises SIGPIPE, never
 * touches signal handlers. Sockets are close-on-exec, TCP_NODELAY is always on. File descriptors
 * belong to whoever asked for them. System errors come as errno values through sys_error, 0 for
 * none.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_NET_SOCKET_H
#define ETTM_NET_SOCKET_H

#include <stdint.h>

#include "base/status.h"

#define ETTM_ENDPOINT_TEXT 72 /* "[2001:db8::1]:65535" and a NUL */

#ifndef ETTM_POLL_ITEMS
#define ETTM_POLL_ITEMS 1024 /* the most that ettm_poll takes: 8 KiB of stack */
#endif

/* One address to connect to or listen on. */
typedef struct ettm_endpoint {
  int family; /* AF_INET, AF_INET6, AF_UNIX */
  unsigned length;
  union {
    char bytes[128];
    uint64_t align;
  } address; /* a struct sockaddr of that family */
} ettm_endpoint;

/* An IP address as text ("192.0.2.1", "2001:db8::1", without brackets) and a port: no look-up.
 * Returns ETTM_OK or ETTM_E_ARGUMENT. */
ETTM_MUST_USE ettm_status ettm_endpoint_from_ip(ettm_endpoint *out, ettm_str ip, int port);

/* The path of a Unix socket. Returns ETTM_OK or ETTM_E_LIMIT (too long for the system, about 100
 * octets), ETTM_E_UNSAFE (a NUL in it), ETTM_E_ARGUMENT (it is empty). */
ETTM_MUST_USE ettm_status ettm_endpoint_from_path(ettm_endpoint *out, ettm_str path);

/* "192.0.2.1" or "2001:db8::1" or the path ("" for a Unix socket without one), for people and for
 * EHLO; returns out. */
const char *ettm_endpoint_host(const ettm_endpoint *e, char out[128]);
int ettm_endpoint_port(const ettm_endpoint *e);

/* Begins to connect. source may be NULL: the address to come from. Returns ETTM_OK: *fd is
 * connected or connecting, wait until it is writable, then ettm_socket_connected; ETTM_E_CONNECT.
 */
ETTM_MUST_USE ettm_status ettm_socket_connect(int *fd, const ettm_endpoint *to,
                                              const ettm_endpoint *source, int *sys_error);

/* ETTM_OK: connected; ETTM_NEED_INPUT: not yet; ETTM_E_CONNECT: it failed. */
ETTM_MUST_USE ettm_status ettm_socket_connected(int fd, int *sys_error);

/* Listens with SO_REUSEADDR; port 0 in *on takes any free one: ask ettm_socket_local.
 * ETTM_OK or ETTM_E_IO. */
ETTM_MUST_USE ettm_status ettm_socket_listen(int *fd, const ettm_endpoint *on, int *sys_error);

/* ETTM_OK: *fd is the caller's; ETTM_NEED_INPUT: nobody is waiting; ETTM_E_IO. */
ETTM_MUST_USE ettm_status ettm_socket_accept(int *fd, int listening, int *sys_error);

/* Two sockets that are connected to each other. ETTM_OK or ETTM_E_IO. */
ETTM_MUST_USE ettm_status ettm_socket_pair(int fds[2], int *sys_error);

/* ETTM_OK: *sent > 0 octets were taken; ETTM_FULL: none now; ETTM_E_CLOSED: the peer is gone;
 * ETTM_E_IO; ETTM_E_ARGUMENT: n is 0. */
ETTM_MUST_USE ettm_status ettm_socket_send(int fd, const char *p, size_t n, size_t *sent,
                                           int *sys_error);

/* ETTM_OK: *got > 0 octets; ETTM_NEED_INPUT: none now; ETTM_DONE: the peer sends no more;
 * ETTM_E_CLOSED: it was reset; ETTM_E_IO; ETTM_E_ARGUMENT: capacity is 0. */
ETTM_MUST_USE ettm_status ettm_socket_receive(int fd, char *p, size_t capacity, size_t *got,
                                              int *sys_error);

/* 1 when something (bytes, an end, an error) could be read now without waiting. Reads nothing.
 * Sockets only. */
int ettm_socket_has_news(int fd);

/* The endpoint on this side and on the other. ETTM_OK or ETTM_E_IO. */
ETTM_MUST_USE ettm_status ettm_socket_local(int fd, ettm_endpoint *out);
ETTM_MUST_USE ettm_status ettm_socket_peer(int fd, ettm_endpoint *out);

/* Closes *fd and sets it to -1; nothing when it is -1 already. */
void ettm_socket_close(int *fd);

enum { ETTM_POLL_READ = 1 << 0, ETTM_POLL_WRITE = 1 << 1 };

typedef struct ettm_poll_item {
  int fd;
  unsigned wanted; /* ETTM_POLL_ bits */
  unsigned ready;  /* set: those that would not wait now; all that were wanted after a hang-up */
} ettm_poll_item;

/* Waits until one of the items is ready or the clock shows deadline_ms (ettm_clock_ms; negative: no
 * deadline; one that is over: looks once). Goes on after EINTR, with the time that is left. An item
 * with fd -1 or nothing wanted is passed over; a descriptor that is not open counts as a hang-up;
 * no items at all: sleeps. Returns ETTM_OK; ETTM_E_TIMEOUT; ETTM_E_LIMIT: count is above
 * ETTM_POLL_ITEMS; ETTM_E_IO. */
ETTM_MUST_USE ettm_status ettm_poll(ettm_poll_item *items, size_t count, int64_t deadline_ms,
                                    int *sys_error);

/* A clock that only goes forward, milliseconds. */
int64_t ettm_clock_ms(void);

/* Unix time in seconds, and the minutes the local time zone is east of UTC at that time. */
int64_t ettm_clock_now(int *zone_minutes);

/* The host name of this machine as the kernel has it, "" when there is none; returns out. */
const char *ettm_host_name(char out[256]);

/* strerror, without its shared buffer; returns out. */
const char *ettm_system_text(int sys_error, char out[128]);

#endif
