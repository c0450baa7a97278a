/* SPDX-License-Identifier: MIT
 *
 * The half of net/socket.h that is no socket: waiting, clocks, names. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "loopback.h"

/* --- Poll ------------------------------------------------------------------------------------ */

static void keeps_the_deadline(void) {
  loopback p = loopback_ipv4();
  int64_t start = ettm_clock_ms();
  CHECK_INT(wait_ready(p.client, ETTM_POLL_READ, 60), 0);
  CHECK(ettm_clock_ms() - start >= 60);
  CHECK(ettm_clock_ms() - start < PATIENCE);
  loopback_close(&p);
}

static void looks_once_when_the_deadline_is_over(void) {
  loopback p = loopback_ipv4();
  int64_t start = ettm_clock_ms();
  int error = 99;
  ettm_poll_item item = {0, ETTM_POLL_READ, 0};
  item.fd = p.client;
  CHECK_INT(ettm_poll(&item, 1, 0, &error), ETTM_E_TIMEOUT);
  CHECK_INT(error, 0);
  item.wanted = ETTM_POLL_WRITE;
  CHECK_INT(ettm_poll(&item, 1, 0, &error), ETTM_OK);
  CHECK_INT(item.ready, ETTM_POLL_WRITE);
  CHECK(ettm_clock_ms() - start < PATIENCE);
  loopback_close(&p);
}

static volatile sig_atomic_t alarms;
static int alarm_writes_to = -1;

static void on_alarm(int number) {
  (void)number;
  alarms++;
  if (alarms == 20 && alarm_writes_to >= 0) {
    ssize_t done = write(alarm_writes_to, "x", 1);
    (void)done;
  }
}

static void set_alarms(int every_ms, struct sigaction *before) {
  struct sigaction action;
  struct itimerval timer;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm; /* no SA_RESTART */
  alarms = 0;
  CHECK_INT(sigaction(SIGALRM, &action, before), 0);
  memset(&timer, 0, sizeof timer);
  timer.it_value.tv_usec = timer.it_interval.tv_usec = every_ms * 1000;
  CHECK_INT(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void stop_alarms(const struct sigaction *before) {
  struct itimerval timer;
  memset(&timer, 0, sizeof timer);
  CHECK_INT(setitimer(ITIMER_REAL, &timer, NULL), 0);
  CHECK_INT(sigaction(SIGALRM, before, NULL), 0);
}

static void keeps_the_deadline_under_a_rain_of_signals(void) {
  struct sigaction before;
  loopback p = loopback_ipv4();
  int64_t start = ettm_clock_ms();
  set_alarms(3, &before);
  CHECK_INT(wait_ready(p.client, ETTM_POLL_READ, 100), 0);
  stop_alarms(&before);
  CHECK(alarms > 3);
  CHECK(ettm_clock_ms() - start >= 100);
  CHECK(ettm_clock_ms() - start < PATIENCE);
  loopback_close(&p);
}

static void waits_for_ever_without_a_deadline(void) {
  struct sigaction before;
  loopback p = loopback_ipv4();
  int error;
  ettm_poll_item item = {0, ETTM_POLL_READ, 0};
  item.fd = p.client;
  alarm_writes_to = p.server;
  set_alarms(3, &before);
  CHECK_INT(ettm_poll(&item, 1, -1, &error), ETTM_OK);
  stop_alarms(&before);
  alarm_writes_to = -1;
  CHECK(alarms >= 20);
  CHECK_INT(item.ready, ETTM_POLL_READ);
  loopback_close(&p);
}

static void marks_only_those_that_are_ready(void) {
  loopback a = loopback_ipv4();
  loopback b = loopback_ipv4();
  ettm_poll_item items[3] = {{0, ETTM_POLL_READ, 9},
                             {0, ETTM_POLL_READ | ETTM_POLL_WRITE, 9},
                             {0, ETTM_POLL_READ | ETTM_POLL_WRITE, 9}};
  size_t n;
  int error;
  items[0].fd = a.client;
  items[1].fd = b.client;
  items[2].fd = b.server;
  CHECK_INT(ettm_socket_send(b.client, "x", 1, &n, &error), ETTM_OK);
  CHECK(wait_ready(b.server, ETTM_POLL_READ, PATIENCE) != 0);
  CHECK_INT(ettm_poll(items, 3, -1, &error), ETTM_OK);
  CHECK_INT(items[0].ready, 0);
  CHECK_INT(items[1].ready, ETTM_POLL_WRITE);
  CHECK_INT(items[2].ready, ETTM_POLL_READ | ETTM_POLL_WRITE);
  loopback_close(&a);
  loopback_close(&b);
}

static void a_hang_up_ends_every_wait_that_was_wanted(void) {
  loopback p = loopback_ipv4();
  int closed = dup(p.client);
  reset_by(&p.server);
  CHECK_INT(wait_ready(p.client, ETTM_POLL_READ | ETTM_POLL_WRITE, PATIENCE),
            ETTM_POLL_READ | ETTM_POLL_WRITE);
  CHECK_INT(wait_ready(p.client, ETTM_POLL_WRITE, PATIENCE), ETTM_POLL_WRITE);
  CHECK_INT(wait_ready(p.client, 0, 20), 0); /* nothing wanted: no busy loop */
  close(closed);
  CHECK_INT(wait_ready(closed, ETTM_POLL_READ, PATIENCE), ETTM_POLL_READ);
  CHECK_INT(wait_ready(-1, ETTM_POLL_READ, 20), 0);
  loopback_close(&p);
}

static void takes_a_bounded_number_of_items(void) {
  static ettm_poll_item items[ETTM_POLL_ITEMS + 1];
  loopback p = loopback_ipv4();
  int error = 99;
  size_t i;
  for (i = 0; i <= ETTM_POLL_ITEMS; i++) {
    items[i].fd = p.client;
    items[i].wanted = i % 2 ? ETTM_POLL_WRITE : ETTM_POLL_READ;
  }
  CHECK_INT(ettm_poll(items, ETTM_POLL_ITEMS + 1, -1, &error), ETTM_E_LIMIT);
  CHECK_INT(ettm_poll(items, ETTM_POLL_ITEMS, -1, &error), ETTM_OK);
  CHECK_INT(items[ETTM_POLL_ITEMS - 2].ready, 0);
  CHECK_INT(items[ETTM_POLL_ITEMS - 1].ready, ETTM_POLL_WRITE);
  loopback_close(&p);
}

static void sleeps_without_items(void) {
  int64_t start = ettm_clock_ms();
  int error;
  CHECK_INT(ettm_poll(NULL, 0, start + 30, &error), ETTM_E_TIMEOUT);
  CHECK(ettm_clock_ms() - start >= 30);
}

/* --- Clocks and names ------------------------------------------------------------------------ */

static void set_zone(const char *zone) {
  if (zone != NULL) {
    CHECK_INT(setenv("TZ", zone, 1), 0);
  } else {
    CHECK_INT(unsetenv("TZ"), 0);
  }
  tzset();
}

static void knows_the_time_and_the_zone(void) {
  static const struct {
    const char *zone;
    int minutes;
  } cases[] = {{"JST-9", 540}, {"EST5", -300}, {"NPT-5:45", 345}, {"UTC0", 0}, {"NST3:30", -210}};
  int64_t now = (int64_t)time(NULL);
  int zone;
  size_t i;
  for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    set_zone(cases[i].zone);
    CHECK(ettm_clock_now(&zone) - now < 60);
    CHECK_INT(zone, cases[i].minutes);
  }
  set_zone(NULL);
}

static void has_a_clock_that_goes_forward(void) {
  int64_t last = ettm_clock_ms();
  int i;
  CHECK(last > 0);
  for (i = 0; i < 1000; i++) {
    int64_t now = ettm_clock_ms();
    CHECK(now >= last);
    last = now;
  }
}

static void knows_the_name_of_the_host(void) {
  char name[256];
  char wanted[256];
  CHECK_INT(gethostname(wanted, sizeof wanted), 0);
  CHECK(ettm_host_name(name) == name);
  CHECK_INT(strcmp(name, wanted), 0);
}

static void has_a_text_for_every_error(void) {
  char text[128];
  CHECK(strstr(ettm_system_text(ECONNREFUSED, text), "refused") != NULL);
  CHECK(strlen(ettm_system_text(999999, text)) > 0);
  CHECK(strlen(ettm_system_text(-1, text)) > 0);
}

static const check_case cases[] = {
    {"keeps the deadline", keeps_the_deadline},
    {"looks once when the deadline is over", looks_once_when_the_deadline_is_over},
    {"keeps the deadline under a rain of signals", keeps_the_deadline_under_a_rain_of_signals},
    {"waits for ever without a deadline", waits_for_ever_without_a_deadline},
    {"marks only those that are ready", marks_only_those_that_are_ready},
    {"takes a hang-up for the end of every wait that was wanted",
     a_hang_up_ends_every_wait_that_was_wanted},
    {"takes a bounded number of items", takes_a_bounded_number_of_items},
    {"sleeps without items", sleeps_without_items},
    {"knows the time and the zone", knows_the_time_and_the_zone},
    {"has a clock that goes forward", has_a_clock_that_goes_forward},
    {"knows the name of the host", knows_the_name_of_the_host},
    {"has a text for every error", has_a_text_for_every_error},
};

CHECK_MAIN("socket_poll", cases)
