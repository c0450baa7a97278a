/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "net/watch.h"

#include <errno.h>

#if defined(__linux__)

#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* All that is wanted of the descriptor of item i; 0 where an earlier item has stood for it. */
static unsigned wanted_of(const ettm_poll_item *items, size_t count, size_t i) {
  unsigned wanted = items[i].wanted;
  size_t k;
  for (k = 0; k < count; k++) {
    if (k == i || items[k].fd != items[i].fd || items[k].wanted == 0) {
      continue;
    }
    if (k < i) {
      return 0;
    }
    wanted |= items[k].wanted;
  }
  return wanted;
}

static int add(int epoll, int fd, unsigned wanted) {
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = (wanted & ETTM_POLL_READ ? (unsigned)EPOLLIN : 0u) |
                 (wanted & ETTM_POLL_WRITE ? (unsigned)EPOLLOUT : 0u);
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int add_items(int epoll, const ettm_poll_item *items, size_t count) {
  size_t i;
  for (i = 0; i < count; i++) {
    unsigned wanted = items[i].fd < 0 || items[i].wanted == 0 ? 0 : wanted_of(items, count, i);
    if (wanted != 0 && add(epoll, items[i].fd, wanted) != 0) {
      return -1;
    }
  }
  return 0;
}

/* A time of zero would stop the timer. */
static int set_timer(int timer, int64_t deadline_ms) {
  struct itimerspec at;
  memset(&at, 0, sizeof at);
  at.it_value.tv_sec = (time_t)(deadline_ms / 1000);
  at.it_value.tv_nsec = deadline_ms > 0 ? (long)(deadline_ms % 1000) * 1000000 : 1;
  return timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static int add_timer(ettm_watch *w, int64_t deadline_ms) {
  if (deadline_ms < 0) {
    return 0;
  }
  w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (w->timer < 0 || set_timer(w->timer, deadline_ms) != 0) {
    return -1;
  }
  return add(w->fd, w->timer, ETTM_POLL_READ);
}

ettm_status ettm_watch_open(ettm_watch *out, const ettm_poll_item *items, size_t count,
                            int64_t deadline_ms, int *sys_error) {
  out->fd = out->timer = -1;
  *sys_error = 0;
  if (count > ETTM_POLL_ITEMS) {
    return ETTM_E_LIMIT;
  }
  out->fd = epoll_create1(EPOLL_CLOEXEC);
  if (out->fd < 0 || add_items(out->fd, items, count) != 0 || add_timer(out, deadline_ms) != 0) {
    *sys_error = errno;
    ettm_watch_close(out);
    return ETTM_E_IO;
  }
  return ETTM_OK;
}

#else

ettm_status ettm_watch_open(ettm_watch *out, const ettm_poll_item *items, size_t count,
                            int64_t deadline_ms, int *sys_error) {
  (void)items;
  (void)deadline_ms;
  out->fd = out->timer = -1;
  *sys_error = count > ETTM_POLL_ITEMS ? 0 : ENOSYS;
  return count > ETTM_POLL_ITEMS ? ETTM_E_LIMIT : ETTM_E_IO;
}

#endif

void ettm_watch_close(ettm_watch *w) {
  ettm_socket_close(&w->fd);
  ettm_socket_close(&w->timer);
}
