/* SPDX-License-Identifier: MIT
 *
 * net/watch.h: many descriptors as one, as far as this system has such a thing. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "loopback.h"
#include "net/watch.h"

static ettm_poll_item item_of(int fd, unsigned wanted) {
  ettm_poll_item item = {0, 0, 0};
  item.fd = fd;
  item.wanted = wanted;
  return item;
}

static ettm_watch watch(const ettm_poll_item *items, size_t count, int64_t deadline_ms) {
  ettm_watch w;
  int error = 99;
  CHECK_INT(ettm_watch_open(&w, items, count, deadline_ms, &error), ETTM_OK);
  CHECK_INT(error, 0);
  return w;
}

static int is_ready(const ettm_watch *w, int ms) {
  return wait_ready(w->fd, ETTM_POLL_READ, ms) != 0;
}

static void is_readable_once_an_item_is_ready(void) {
  loopback p = loopback_ipv4();
  ettm_poll_item item = item_of(p.client, ETTM_POLL_READ);
  ettm_watch w = watch(&item, 1, -1);
  CHECK(!is_ready(&w, 20));
  CHECK_INT(write(p.server, "x", 1), 1);
  CHECK(is_ready(&w, PATIENCE));
  ettm_watch_close(&w);
  loopback_close(&p);
}

static void is_readable_when_one_can_be_written(void) {
  loopback p = loopback_ipv4();
  ettm_poll_item items[2];
  ettm_watch w;
  items[0] = item_of(p.client, ETTM_POLL_READ);
  items[1] = item_of(p.server, ETTM_POLL_WRITE);
  w = watch(items, 2, -1);
  CHECK(is_ready(&w, PATIENCE));
  ettm_watch_close(&w);
  loopback_close(&p);
}

static void takes_one_descriptor_in_two_items(void) {
  loopback p = loopback_ipv4();
  ettm_poll_item items[2];
  ettm_watch w;
  items[0] = item_of(p.client, ETTM_POLL_READ);
  items[1] = item_of(p.client, ETTM_POLL_WRITE);
  w = watch(items, 2, -1);
  CHECK(is_ready(&w, PATIENCE));
  ettm_watch_close(&w);
  items[1].wanted = ETTM_POLL_READ;
  w = watch(items, 2, -1);
  CHECK(!is_ready(&w, 20));
  ettm_watch_close(&w);
  loopback_close(&p);
}

static void passes_over_what_wants_nothing(void) {
  loopback p = loopback_ipv4();
  ettm_poll_item items[2];
  ettm_watch w;
  items[0] = item_of(-1, ETTM_POLL_READ);
  items[1] = item_of(p.client, 0);
  w = watch(items, 2, -1);
  CHECK(!is_ready(&w, 20));
  ettm_watch_close(&w);
  loopback_close(&p);
}

static void is_readable_when_the_time_has_come(void) {
  int64_t start = ettm_clock_ms();
  ettm_watch w = watch(NULL, 0, start + 60);
  CHECK(is_ready(&w, PATIENCE));
  CHECK(ettm_clock_ms() - start >= 59);
  ettm_watch_close(&w);
}

static void is_readable_at_once_when_the_time_is_over(void) {
  ettm_watch w = watch(NULL, 0, 0);
  CHECK(is_ready(&w, PATIENCE));
  ettm_watch_close(&w);
  w = watch(NULL, 0, ettm_clock_ms());
  CHECK(is_ready(&w, PATIENCE));
  ettm_watch_close(&w);
}

static void forgets_a_descriptor_that_is_closed(void) {
  loopback p = loopback_ipv4();
  ettm_poll_item item = item_of(p.client, ETTM_POLL_READ);
  ettm_watch w = watch(&item, 1, -1);
  CHECK_INT(write(p.server, "x", 1), 1);
  ettm_socket_close(&p.client);
  CHECK(!is_ready(&w, 20));
  ettm_watch_close(&w);
  loopback_close(&p);
}

static void says_what_is_wrong_and_leaves_nothing_open(void) {
  ettm_poll_item item = item_of(0, ETTM_POLL_READ);
  ettm_watch w;
  int error = 0, before = open_descriptors();
  loopback p = loopback_ipv4();
  item.fd = p.client;
  loopback_close(&p);
  CHECK_INT(ettm_watch_open(&w, &item, 1, 1000, &error), ETTM_E_IO);
  CHECK_INT(error, EBADF);
  CHECK_INT(w.fd, -1);
  CHECK_INT(ettm_watch_open(&w, &item, ETTM_POLL_ITEMS + 1, 1000, &error), ETTM_E_LIMIT);
  ettm_watch_close(&w);
  CHECK_INT(open_descriptors(), before);
}

static void leaves_nothing_open(void) {
  int before = open_descriptors();
  ettm_watch w = watch(NULL, 0, ettm_clock_ms() + 1000);
  CHECK_INT(open_descriptors(), before + 2);
  ettm_watch_close(&w);
  ettm_watch_close(&w);
  CHECK_INT(open_descriptors(), before);
}

static void is_refused_where_the_system_has_none(void) {
  ettm_watch w;
  int error = 0;
  if (ettm_watch_open(&w, NULL, 0, -1, &error) != ETTM_OK) {
    CHECK_INT(error, ENOSYS);
  }
  ettm_watch_close(&w);
}

static const check_case cases[] = {
    {"refuses with ENOSYS where the system has none", is_refused_where_the_system_has_none},
#if defined(__linux__)
    {"is readable once an item is ready", is_readable_once_an_item_is_ready},
    {"is readable when one can be written", is_readable_when_one_can_be_written},
    {"takes one descriptor in two items", takes_one_descriptor_in_two_items},
    {"passes over what wants nothing", passes_over_what_wants_nothing},
    {"is readable when the time has come", is_readable_when_the_time_has_come},
    {"is readable at once when the time is over", is_readable_at_once_when_the_time_is_over},
    {"forgets a descriptor that is closed", forgets_a_descriptor_that_is_closed},
    {"says what is wrong, and leaves nothing open", says_what_is_wrong_and_leaves_nothing_open},
    {"leaves nothing open", leaves_nothing_open},
#endif
};

CHECK_MAIN("net/watch", cases)
