/* Many descriptors and a deadline as one descriptor, which is readable once any of them is ready.
 *
 * For event loops that can wait for nothing but one descriptor to read from, such as LuaSocket's
 * select. It does not tell which one is ready: ask ettm_poll. On Linux epoll and a timer's
 * descriptor; elsewhere there is none. Two descriptors, no memory; the descriptors that are watched
 * stay their owner's, and one that is closed is watched no more.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_NET_WATCH_H
#define ETTM_NET_WATCH_H

#include "net/socket.h"

typedef struct ettm_watch {
  int fd; /* readable: something is ready, or the time has come */
  int timer;
} ettm_watch;

/* Watches what ettm_poll would wait for, until the clock shows deadline_ms (negative: no deadline).
 * Items with fd -1 or nothing wanted are passed over. Returns ETTM_OK: *out is the caller's until
 * ettm_watch_close; ETTM_E_LIMIT: count is above ETTM_POLL_ITEMS; ETTM_E_IO, also where the system
 * has no such thing (ENOSYS). After a failure *out is closed. */
ETTM_MUST_USE ettm_status ettm_watch_open(ettm_watch *out, const ettm_poll_item *items,
                                          size_t count, int64_t deadline_ms, int *sys_error);

/* More than once is fine, once it was opened or tried to. */
void ettm_watch_close(ettm_watch *w);

#endif
