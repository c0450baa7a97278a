/* The C tests' own small harness: cases named by true sentences, a failing allocator, guard pages.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SPEC_CHECK_H
#define ETTM_SPEC_CHECK_H

#include "base/alloc.h"

typedef struct check_case {
  const char *sentence; /* "keeps a comma inside a quoted name" */
  void (*run)(void);
} check_case;

/* Runs the cases, prints each failure and "SUBJECT: N passed, N failed"; main returns its value. */
int check_main(const char *subject, const check_case *cases, size_t count);
#define CHECK_MAIN(subject, cases)                                                                 \
  int main(void) {                                                                                 \
    return check_main(subject, cases, sizeof(cases) / sizeof((cases)[0]));                         \
  }

void check_true(int ok, const char *what, const char *file, int line);
void check_int(long long got, long long wanted, const char *what, const char *file, int line);
void check_str(ettm_str got, ettm_str wanted, const char *what, const char *file, int line);

#define CHECK(condition) check_true((condition) != 0, #condition, __FILE__, __LINE__)
#define CHECK_INT(got, wanted)                                                                     \
  check_int((long long)(got), (long long)(wanted), #got, __FILE__, __LINE__)
#define CHECK_STR(got, wanted) check_str((got), (wanted), #got, __FILE__, __LINE__)

/* An allocator that counts what is alive, checks every old size it is told, and fails on demand. */
typedef struct check_heap {
  ettm_alloc alloc; /* hand this to the code under test */
  size_t blocks;    /* alive */
  size_t bytes;     /* alive */
  size_t peak;      /* most bytes alive at once */
  long calls;       /* allocations and growths asked for so far */
  long fail_at;     /* the call, from 0, that returns NULL; -1: none */
} check_heap;

void check_heap_init(check_heap *h);

/* Runs once(heap, ud) with allocation 0 failing, then 1, ... until a run has no failure; each run
 * must leave nothing alive. once returns the status; a failed run must be ETTM_E_MEMORY. */
void check_every_failure(ettm_status (*once)(check_heap *h, void *ud), void *ud);

/* A copy of s that ends right before an unreadable page. Lives until the process ends. */
ettm_str check_guarded(ettm_str s);

#endif
