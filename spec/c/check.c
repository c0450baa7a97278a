/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "check.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *subject_name;
static const char *case_sentence;
static int case_failed;

static void fail(const char *file, int line) {
  if (!case_failed) {
    printf("FAILED %s: %s\n", subject_name, case_sentence);
  }
  case_failed = 1;
  printf("  %s:%d: ", file, line);
}

int check_main(const char *subject, const check_case *cases, size_t count) {
  size_t i;
  int failed = 0;
  subject_name = subject;
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (i = 0; i < count; i++) {
    case_sentence = cases[i].sentence;
    case_failed = 0;
    cases[i].run();
    failed += case_failed;
  }
  printf("%s: %d passed, %d failed\n", subject, (int)count - failed, failed);
  return failed != 0;
}

void check_true(int ok, const char *what, const char *file, int line) {
  if (!ok) {
    fail(file, line);
    printf("not true: %s\n", what);
  }
}

void check_int(long long got, long long wanted, const char *what, const char *file, int line) {
  if (got != wanted) {
    fail(file, line);
    printf("%s is %lld, wanted %lld\n", what, got, wanted);
  }
}

static void print_bytes(ettm_str s) {
  size_t i;
  putchar('"');
  for (i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    if (c < 32 || c > 126 || c == '\\') {
      printf("\\x%02X", c);
    } else {
      putchar(c);
    }
  }
  putchar('"');
}

void check_str(ettm_str got, ettm_str wanted, const char *what, const char *file, int line) {
  if (!ettm_str_equal(got, wanted)) {
    fail(file, line);
    printf("%s is ", what);
    print_bytes(got);
    printf(", wanted ");
    print_bytes(wanted);
    putchar('\n');
  }
}

/* Each block carries its size in front, so that a wrong osize is seen. */
typedef union block_head {
  size_t size;
  long double align;
} block_head;

static void *heap_call(void *ud, void *ptr, size_t osize, size_t nsize) {
  check_heap *h = (check_heap *)ud;
  block_head *old = ptr != NULL ? (block_head *)ptr - 1 : NULL;
  block_head *block;
  if (old != NULL && old->size != osize) {
    fail(__FILE__, __LINE__);
    printf("a block of %zu bytes was said to have %zu\n", old->size, osize);
    osize = old->size;
  }
  if (nsize == 0) {
    if (old != NULL) {
      h->blocks--;
      h->bytes -= osize;
      free(old);
    }
    return NULL;
  }
  if (h->calls++ == h->fail_at) {
    return NULL;
  }
  /* Always a new place, so that stale pointers are seen. */
  block = (block_head *)malloc(sizeof *block + nsize);
  if (block == NULL) {
    abort();
  }
  memset(block + 1, 0xA5, nsize);
  block->size = nsize;
  if (old != NULL) {
    memcpy(block + 1, ptr, osize < nsize ? osize : nsize);
    memset(ptr, 0x5A, osize);
    free(old);
    h->bytes -= osize;
  } else {
    h->blocks++;
  }
  h->bytes += nsize;
  h->peak = h->bytes > h->peak ? h->bytes : h->peak;
  return block + 1;
}

void check_heap_init(check_heap *h) {
  memset(h, 0, sizeof *h);
  h->fail_at = -1;
  h->alloc.fn = heap_call;
  h->alloc.ud = h;
}

void check_every_failure(ettm_status (*once)(check_heap *h, void *ud), void *ud) {
  long i;
  for (i = 0; i < 1000000; i++) {
    check_heap h;
    ettm_status status;
    check_heap_init(&h);
    h.fail_at = i;
    status = once(&h, ud);
    CHECK_INT(h.blocks, 0);
    CHECK_INT(h.bytes, 0);
    if (h.calls <= i) {
      CHECK(i > 0);
      CHECK_INT(status, ETTM_OK);
      return;
    }
    CHECK_INT(status, ETTM_E_MEMORY);
    if (case_failed) {
      printf("  with allocation %ld failing\n", i);
      return;
    }
  }
}

ettm_str check_guarded(ettm_str s) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t room = (s.n / page + 1) * page;
  char *p =
      (char *)mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED || mprotect(p + room, page, PROT_NONE) != 0) {
    abort();
  }
  if (s.n > 0) {
    memcpy(p + room - s.n, s.p, s.n);
  }
  return ettm_str_of(p + room - s.n, s.n);
}
