/* A resolver for resolver_test.c: getaddrinfo, the allocator and pthread_create are replaced by
 * functions that do what `now` says, and the resolver's source is taken in with them. So tests have
 * a silent name server, chosen answers, and each failure.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SPEC_FAKE_RESOLVER_H
#define ETTM_SPEC_FAKE_RESOLVER_H

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/alloc.h"

static int fake_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                            struct addrinfo **found);
static void fake_freeaddrinfo(struct addrinfo *found);
static void *fake_new(const ettm_alloc *a, size_t n);
static int fake_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                       void *ud);

#define ETTM_GETADDRINFO      fake_getaddrinfo
#define ETTM_FREEADDRINFO     fake_freeaddrinfo
#define ETTM_RESOLVER_THREADS 4
#define ettm_new              fake_new
#define pthread_create        fake_create
#include "net/resolver.c"
#undef ettm_new
#undef pthread_create

/* What the fake resolver does. Set only while no thread runs. */
typedef struct plan {
  int real;                  /* the system's resolver is asked */
  int gate;                  /* a descriptor it reads a byte from before it answers, or -1 */
  int error;                 /* what it returns */
  const char *const *answer; /* IP addresses; "unix" for an entry of another family */
  size_t count;
  int fail_new;
  int fail_create;
} plan;

static plan now;
static int calls;         /* atomic */
static int unblocked;     /* atomic: signals that were not blocked in a thread */
static int wrong_request; /* atomic */

static void plan_reset(void) {
  memset(&now, 0, sizeof now);
  now.gate = -1;
  __atomic_store_n(&calls, 0, __ATOMIC_SEQ_CST);
}

static void plan_answer(const char *const *answer, size_t count) {
  plan_reset();
  now.answer = answer;
  now.count = count;
}
#define PLAN_ANSWER(list) plan_answer(list, sizeof(list) / sizeof((list)[0]))

static void *fake_new(const ettm_alloc *a, size_t n) {
  return now.fail_new ? NULL : ettm_new(a, n);
}

static int fake_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                       void *ud) {
  return now.fail_create ? now.fail_create : pthread_create(thread, attributes, run, ud);
}

static void inspect_request(const char *host, const char *service, const struct addrinfo *hints) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGALRM, SIGPIPE, SIGUSR1, SIGCHLD, SIGPROF};
  sigset_t mask;
  size_t i;
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    if (!sigismember(&mask, numbers[i])) {
      __atomic_add_fetch(&unblocked, 1, __ATOMIC_SEQ_CST);
    }
  }
  if (strcmp(host, "mail.example.com") != 0 || service != NULL || hints->ai_family != AF_UNSPEC ||
      hints->ai_socktype != SOCK_STREAM || (hints->ai_flags & AI_ADDRCONFIG)) {
    __atomic_add_fetch(&wrong_request, 1, __ATOMIC_SEQ_CST);
  }
}

static struct addrinfo *make_entry(const char *text) {
  ettm_endpoint e;
  struct addrinfo *a = (struct addrinfo *)calloc(1, sizeof *a + sizeof e.address);
  if (a == NULL) {
    abort();
  }
  memset(&e, 0, sizeof e);
  if (ettm_endpoint_from_ip(&e, ettm_str_of(text, strlen(text)), 0) != ETTM_OK) {
    e.family = AF_UNIX;
    e.length = 16;
  }
  a->ai_family = e.family;
  a->ai_addrlen = (socklen_t)e.length;
  a->ai_addr = (struct sockaddr *)(void *)(a + 1);
  memcpy(a->ai_addr, e.address.bytes, e.length);
  return a;
}

static int fake_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                            struct addrinfo **found) {
  struct addrinfo **tail = found;
  char byte;
  size_t i;
  __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  if (now.real) {
    return getaddrinfo(host, service, hints, found);
  }
  if (now.gate >= 0) {
    while (read(now.gate, &byte, 1) < 0 && errno == EINTR) {
    }
  }
  inspect_request(host, service, hints);
  if (now.error != 0) {
    return now.error;
  }
  *found = NULL;
  for (i = 0; i < now.count; i++) {
    *tail = make_entry(now.answer[i]);
    tail = &(*tail)->ai_next;
  }
  return 0;
}

static void fake_freeaddrinfo(struct addrinfo *found) {
  if (now.real) {
    freeaddrinfo(found);
    return;
  }
  while (found != NULL) {
    struct addrinfo *next = found->ai_next;
    free(found);
    found = next;
  }
}

#endif
