/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fake_resolver.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"
#include "loopback.h"

/* --- Helpers --------------------------------------------------------------------------------- */

/* Waits until abandoned threads have let go of everything. */
static void settle(int descriptors) {
  int64_t end = ettm_clock_ms() + PATIENCE;
  while ((__atomic_load_n(&running, __ATOMIC_ACQUIRE) != 0 || open_descriptors() != descriptors) &&
         ettm_clock_ms() < end) {
    pause_ms(1);
  }
  CHECK_INT(__atomic_load_n(&running, __ATOMIC_ACQUIRE), 0);
  CHECK_INT(open_descriptors(), descriptors);
}

static ettm_resolver *start(void) {
  ettm_resolver *r = NULL;
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT("mail.example.com"), 587), ETTM_OK);
  return r;
}

static ettm_status wait_until(const ettm_resolver *r, int64_t deadline) {
  ettm_poll_item item = {0, ETTM_POLL_READ, 0};
  int error;
  item.fd = ettm_resolver_fd(r);
  return ettm_poll(&item, 1, deadline, &error);
}

static void wait_for(const ettm_resolver *r) {
  CHECK_INT(wait_until(r, ettm_clock_ms() + PATIENCE), ETTM_OK);
}

/* Looks mail.example.com up and compares the answer with IP addresses parted by spaces. */
static void check_answer(size_t max, const char *wanted) {
  char text[4096] = "";
  ettm_endpoint list[ETTM_RESOLVER_ENDPOINTS];
  const char *reason = NULL;
  size_t count = 99;
  size_t used = 0;
  size_t i;
  int before = open_descriptors();
  ettm_resolver *r = start();
  wait_for(r);
  CHECK_INT(ettm_resolver_take(r, list, max, &count, &reason), ETTM_OK);
  for (i = 0; i < count && i < ETTM_RESOLVER_ENDPOINTS; i++) {
    char host[128];
    size_t n = strlen(ettm_endpoint_host(&list[i], host));
    memcpy(text + used, host, n);
    used += n;
    text[used++] = ' ';
    CHECK_INT(ettm_endpoint_port(&list[i]), 587);
  }
  CHECK_STR(ettm_str_of(text, used > 0 ? used - 1 : 0), ettm_str_of(wanted, strlen(wanted)));
  CHECK(reason == NULL);
  CHECK_INT(ettm_resolver_may_pass(r), 0);
  ettm_resolver_free(r);
  CHECK_INT(open_descriptors(), before); /* at once, once the answer was taken */
}

/* --- Cases ----------------------------------------------------------------------------------- */

static void answers_an_ip_address_at_once(void) {
  static const char *const texts[] = {"127.0.0.1", "::1", "2001:db8::25"};
  int before = open_descriptors();
  size_t i;
  plan_reset();
  for (i = 0; i < 3; i++) {
    char host[128];
    ettm_endpoint e;
    const char *reason;
    size_t count = 0;
    ettm_resolver *r = NULL;
    ettm_str text = check_guarded(ettm_str_of(texts[i], strlen(texts[i])));
    CHECK_INT(ettm_resolver_start(&r, text, 25), ETTM_OK);
    CHECK_INT(wait_until(r, 0), ETTM_OK);
    CHECK_INT(ettm_resolver_take(r, &e, 1, &count, &reason), ETTM_OK);
    CHECK_INT(count, 1);
    CHECK_STR(ettm_str_of(host, strlen(ettm_endpoint_host(&e, host))), text);
    CHECK_INT(ettm_endpoint_port(&e), 25);
    ettm_resolver_free(r);
  }
  CHECK_INT(calls, 0);
  CHECK_INT(open_descriptors(), before);
}

static void refuses_what_can_be_no_host(void) {
  char longest[254];
  ettm_resolver *r = NULL;
  int before = open_descriptors();
  plan_reset();
  memset(longest, 'a', sizeof longest);
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT(""), 25), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT("a\0b"), 25), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT("a "), 25), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT("a\r\n"), 25), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT("a\x7f"), 25), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT("a"), 65536), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT("::1"), -1), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_resolver_start(&r, ettm_str_of(longest, 254), 25), ETTM_E_ARGUMENT);
  CHECK(r == NULL);
  CHECK_INT(calls, 0);
  now.error = EAI_NONAME;
  CHECK_INT(ettm_resolver_start(&r, check_guarded(ettm_str_of(longest, 253)), 25), ETTM_OK);
  wait_for(r);
  ettm_resolver_free(r);
  settle(before);
  CHECK_INT(wrong_request, 1); /* another name than the usual */
  wrong_request = 0;
}

static void lets_the_families_take_turns(void) {
  static const char *const six_first[] = {"::1", "::2", "::3", "192.0.2.1", "192.0.2.2"};
  static const char *const four_first[] = {"192.0.2.1", "::1", "::2", "192.0.2.2", "192.0.2.3"};
  static const char *const four_only[] = {"192.0.2.1", "192.0.2.2"};
  PLAN_ANSWER(six_first);
  check_answer(32, "::1 192.0.2.1 ::2 192.0.2.2 ::3");
  PLAN_ANSWER(four_first);
  check_answer(32, "192.0.2.1 ::1 192.0.2.2 ::2 192.0.2.3");
  PLAN_ANSWER(four_only);
  check_answer(32, "192.0.2.1 192.0.2.2");
}

static void gives_each_address_once(void) {
  static const char *const doubles[] = {"192.0.2.1", "192.0.2.1", "::1", "192.0.2.2",
                                        "::1",       "192.0.2.1", "::2"};
  PLAN_ANSWER(doubles);
  check_answer(32, "192.0.2.1 ::1 192.0.2.2 ::2");
}

static void passes_over_other_families(void) {
  static const char *const mixed[] = {"unix", "::1", "unix", "192.0.2.1", "unix"};
  static const char *const none[] = {"unix"};
  ettm_endpoint e;
  const char *reason = NULL;
  size_t count;
  ettm_resolver *r;
  PLAN_ANSWER(mixed);
  check_answer(32, "::1 192.0.2.1");
  PLAN_ANSWER(none);
  r = start();
  wait_for(r);
  CHECK_INT(ettm_resolver_take(r, &e, 1, &count, &reason), ETTM_E_DNS);
  CHECK(reason == no_address);
  ettm_resolver_free(r);
}

static void gives_at_most_what_is_asked_for(void) {
  static const char *const some[] = {"192.0.2.1", "192.0.2.2", "::1"};
  PLAN_ANSWER(some);
  check_answer(2, "192.0.2.1 ::1");
  check_answer(0, "");
}

static void looks_at_a_bounded_number_of_addresses(void) {
  static char texts[200][20];
  static const char *list[200];
  ettm_endpoint out[ETTM_RESOLVER_ENDPOINTS];
  const char *reason;
  size_t count = 0;
  size_t i;
  ettm_resolver *r;
  for (i = 0; i < 200; i++) {
    memcpy(texts[i], "192.0.2.000", 12);
    texts[i][8] = (char)('1' + (char)(i / 100));
    texts[i][9] = (char)('0' + (char)(i / 10 % 10));
    texts[i][10] = (char)('0' + (char)(i % 10));
    list[i] = texts[i];
  }
  list[199] = "::1";
  PLAN_ANSWER(list);
  r = start();
  wait_for(r);
  CHECK_INT(ettm_resolver_take(r, out, ETTM_RESOLVER_ENDPOINTS, &count, &reason), ETTM_OK);
  CHECK_INT(count, ETTM_RESOLVER_ENDPOINTS);
  CHECK_INT(out[0].family, AF_INET);
  CHECK_INT(out[1].family, AF_INET6); /* the last of them, but its family's turn */
  CHECK_INT(out[2].family, AF_INET);
  ettm_resolver_free(r);
}

static void answers_as_often_as_it_is_asked(void) {
  static const char *const one[] = {"192.0.2.1"};
  ettm_endpoint e;
  const char *reason;
  size_t count = 0;
  int i;
  ettm_resolver *r;
  PLAN_ANSWER(one);
  r = start();
  for (i = 0; i < 3; i++) {
    wait_for(r);
    CHECK_INT(ettm_resolver_take(r, &e, 1, &count, &reason), ETTM_OK);
    CHECK_INT(count, 1);
  }
  ettm_resolver_free(r);
}

static void check_failure(int error, int may_pass) {
  ettm_endpoint e;
  const char *reason = NULL;
  size_t count = 99;
  ettm_resolver *r;
  plan_reset();
  now.error = error;
  r = start();
  wait_for(r);
  CHECK_INT(ettm_resolver_take(r, &e, 1, &count, &reason), ETTM_E_DNS);
  CHECK_INT(count, 99);
  CHECK(reason != NULL && strlen(reason) > 40 && strchr(reason, ';') != NULL);
  CHECK(reason != NULL && reason[strlen(reason) - 1] != '.');
  CHECK(reason != NULL && (strstr(reason, "check") != NULL || strstr(reason, "try") != NULL));
  CHECK_INT(ettm_resolver_may_pass(r), may_pass);
  ettm_resolver_free(r);
}

static void says_what_to_do_about_each_failure(void) {
  check_failure(EAI_NONAME, 0);
  check_failure(EAI_AGAIN, 1);
  check_failure(EAI_FAIL, 0);
  check_failure(EAI_MEMORY, 1);
  check_failure(EAI_SYSTEM, 1);
  check_failure(EAI_BADFLAGS, 0);
  check_failure(EAI_FAMILY, 0);
  check_failure(123456, 0);
  check_failure(0, 0); /* success without an address */
#ifdef EAI_NODATA
  check_failure(EAI_NODATA, 0);
  CHECK(find_failure(EAI_NODATA) != &other);
#endif
#ifdef EAI_ADDRFAMILY
  check_failure(EAI_ADDRFAMILY, 0);
#endif
  CHECK(find_failure(EAI_AGAIN) != find_failure(EAI_NONAME));
}

static void never_waits_for_a_silent_name_server(void) {
  int before = open_descriptors();
  int64_t begin = ettm_clock_ms();
  ettm_endpoint e;
  const char *reason;
  size_t count;
  int gate[2];
  ettm_resolver *r;
  plan_reset();
  CHECK_INT(pipe(gate), 0);
  now.gate = gate[0];
  r = start();
  CHECK_INT(ettm_resolver_take(r, &e, 1, &count, &reason), ETTM_NEED_INPUT);
  CHECK_INT(ettm_resolver_may_pass(r), 0);
  CHECK_INT(wait_until(r, begin + 50), ETTM_E_TIMEOUT);
  CHECK_INT(ettm_resolver_take(r, &e, 1, &count, &reason), ETTM_NEED_INPUT);
  ettm_resolver_free(r);
  CHECK(ettm_clock_ms() - begin >= 50);
  CHECK(ettm_clock_ms() - begin < PATIENCE);
  CHECK_INT(__atomic_load_n(&running, __ATOMIC_SEQ_CST), 1); /* it is still at it */
  close(gate[1]);                                            /* the server answers at last */
  settle(before + 1);
  close(gate[0]);
}

static void runs_a_bounded_number_of_threads(void) {
  static const char *const one[] = {"192.0.2.1"};
  int before = open_descriptors();
  ettm_resolver *list[ETTM_RESOLVER_THREADS];
  ettm_resolver *more = NULL;
  int gate[2];
  size_t i;
  PLAN_ANSWER(one);
  CHECK_INT(pipe(gate), 0);
  now.gate = gate[0];
  for (i = 0; i < ETTM_RESOLVER_THREADS; i++) {
    list[i] = start();
  }
  CHECK_INT(ettm_resolver_start(&more, ETTM_LIT("mail.example.com"), 25), ETTM_E_LIMIT);
  CHECK_INT(ettm_resolver_start(&more, ETTM_LIT("::1"), 25), ETTM_OK);
  ettm_resolver_free(more);
  CHECK_INT(open_descriptors(), before + 2 + 2 * ETTM_RESOLVER_THREADS);
  close(gate[1]);
  for (i = 0; i < ETTM_RESOLVER_THREADS; i++) {
    wait_for(list[i]);
  }
  more = start(); /* who has the answer finds the place free */
  wait_for(more);
  ettm_resolver_free(more);
  for (i = 0; i < ETTM_RESOLVER_THREADS; i++) {
    ettm_resolver_free(list[i]);
  }
  settle(before + 1);
  close(gate[0]);
}

static void keeps_the_signals_of_the_host_as_they_are(void) {
  sigset_t mask;
  sigset_t after;
  ettm_resolver *r;
  int before = open_descriptors();
  int i;
  plan_reset();
  now.error = EAI_NONAME;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR2);
  CHECK_INT(pthread_sigmask(SIG_SETMASK, &mask, &after), 0);
  r = start();
  wait_for(r);
  ettm_resolver_free(r);
  CHECK_INT(pthread_sigmask(SIG_SETMASK, &after, &mask), 0);
  for (i = 1; i < 32; i++) {
    CHECK_INT(sigismember(&mask, i), i == SIGUSR2);
  }
  settle(before);
  CHECK_INT(unblocked, 0);
}

static void copies_the_host(void) {
  char host[] = "mail.example.com";
  int gate[2];
  int before;
  ettm_resolver *r = NULL;
  plan_reset();
  CHECK_INT(pipe(gate), 0);
  before = open_descriptors();
  now.gate = gate[0];
  now.error = EAI_NONAME;
  CHECK_INT(ettm_resolver_start(&r, ettm_str_of(host, sizeof host - 1), 25), ETTM_OK);
  memset(host, 'x', sizeof host - 1);
  CHECK_INT(write(gate[1], "x", 1), 1);
  wait_for(r);
  ettm_resolver_free(r);
  settle(before);
  CHECK_INT(wrong_request, 0);
  close(gate[0]);
  close(gate[1]);
}

static void leaves_nothing_behind_when_it_cannot_start(void) {
  struct rlimit limit;
  struct rlimit none;
  int before = open_descriptors();
  ettm_resolver *r = NULL;
  plan_reset();
  now.fail_new = 1;
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT("mail.example.com"), 25), ETTM_E_MEMORY);
  plan_reset();
  now.fail_create = EAGAIN;
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT("mail.example.com"), 25), ETTM_E_IO);
  now.fail_create = ENOMEM;
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT("mail.example.com"), 25), ETTM_E_MEMORY);
  plan_reset();
  CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
  none = limit;
  none.rlim_cur = 3;
  CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT("mail.example.com"), 25), ETTM_E_IO);
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT("::1"), 25), ETTM_E_IO);
  CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
  CHECK(r == NULL);
  ettm_resolver_free(NULL);
  settle(before);
}

static void survives_any_order_of_answer_and_leaving(void) {
  static const char *const two[] = {"192.0.2.1", "::1"};
  int before = open_descriptors();
  ettm_endpoint e[2];
  const char *reason;
  size_t count;
  int i;
  PLAN_ANSWER(two);
  for (i = 0; i < 400; i++) {
    ettm_resolver *r = NULL;
    while (ettm_resolver_start(&r, ETTM_LIT("mail.example.com"), 25) == ETTM_E_LIMIT) {
      pause_ms(1);
    }
    if (i % 4 == 1) {
      (void)wait_until(r, 0);
    } else if (i % 4 == 2) {
      wait_for(r);
      CHECK_INT(ettm_resolver_take(r, e, 2, &count, &reason), ETTM_OK);
    } else if (i % 4 == 3) {
      while (ettm_resolver_take(r, e, 2, &count, &reason) == ETTM_NEED_INPUT) {
      }
    }
    ettm_resolver_free(r);
  }
  settle(before);
}

static void finds_localhost_by_the_systems_resolver(void) {
  char host[128];
  ettm_endpoint list[8];
  const char *reason = "";
  size_t count = 0;
  ettm_resolver *r = NULL;
  plan_reset();
  now.real = 1;
  CHECK_INT(ettm_resolver_start(&r, ETTM_LIT("localhost"), 25), ETTM_OK);
  wait_for(r);
  CHECK_INT(ettm_resolver_take(r, list, 8, &count, &reason), ETTM_OK);
  CHECK(count > 0);
  if (count > 0) {
    (void)ettm_endpoint_host(&list[0], host);
    CHECK(strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0);
    CHECK_INT(ettm_endpoint_port(&list[0]), 25);
  }
  ettm_resolver_free(r);
}

static void asked_as_it_should_each_time(void) {
  CHECK_INT(wrong_request, 0);
  CHECK_INT(unblocked, 0);
}

static const check_case cases[] = {
    {"answers an IP address at once", answers_an_ip_address_at_once},
    {"refuses what can be no host", refuses_what_can_be_no_host},
    {"lets the families take turns", lets_the_families_take_turns},
    {"gives each address once", gives_each_address_once},
    {"passes over other families", passes_over_other_families},
    {"gives at most what is asked for", gives_at_most_what_is_asked_for},
    {"looks at a bounded number of addresses", looks_at_a_bounded_number_of_addresses},
    {"answers as often as it is asked", answers_as_often_as_it_is_asked},
    {"says what to do about each failure", says_what_to_do_about_each_failure},
    {"never waits for a silent name server", never_waits_for_a_silent_name_server},
    {"runs a bounded number of threads", runs_a_bounded_number_of_threads},
    {"keeps the signals of the host as they are", keeps_the_signals_of_the_host_as_they_are},
    {"copies the host", copies_the_host},
    {"leaves nothing behind when it cannot start", leaves_nothing_behind_when_it_cannot_start},
    {"survives any order of answer and leaving", survives_any_order_of_answer_and_leaving},
    {"finds localhost by the system's resolver", finds_localhost_by_the_systems_resolver},
    {"asked as it should each time", asked_as_it_should_each_time},
};

CHECK_MAIN("resolver", cases)
