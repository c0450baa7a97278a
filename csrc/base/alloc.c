/* SPDX-License-Identifier: MIT */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

static void *c_library(void *ud, void *ptr, size_t osize, size_t nsize) {
  (void)ud;
  (void)osize;
  if (nsize == 0) {
    free(ptr);
    return NULL;
  }
  return realloc(ptr, nsize);
}

ettm_alloc ettm_alloc_of(const ettm_alloc *a) {
  ettm_alloc standard;
  if (a != NULL) {
    return *a;
  }
  standard.fn = c_library;
  standard.ud = NULL;
  return standard;
}

void *ettm_new(const ettm_alloc *a, size_t n) {
  void *p = ettm_resize(a, NULL, 0, n);
  if (p != NULL) {
    memset(p, 0, n);
  }
  return p;
}

void ettm_free(const ettm_alloc *a, void *p, size_t n) {
  ettm_alloc use = ettm_alloc_of(a);
  if (p != NULL) {
    use.fn(use.ud, p, n, 0);
  }
}

void *ettm_resize(const ettm_alloc *a, void *p, size_t osize, size_t nsize) {
  ettm_alloc use = ettm_alloc_of(a);
  return use.fn(use.ud, p, osize, nsize);
}

char *ettm_copy(const ettm_alloc *a, ettm_str s) {
  size_t size;
  char *p = ettm_size_add(s.n, 1, &size) ? (char *)ettm_resize(a, NULL, 0, size) : NULL;
  if (p == NULL) {
    return NULL;
  }
  if (s.n > 0) {
    memcpy(p, s.p, s.n);
  }
  p[s.n] = '\0';
  return p;
}

/* Called through a volatile pointer: no compiler can know that it is memset, and leave it out as a
 * store that nobody reads. */
static void *(*const volatile set_octets)(void *, int, size_t) = memset;

void ettm_wipe(void *p, size_t n) {
  if (n > 0) {
    (void)set_octets(p, 0, n);
  }
}

int ettm_size_add(size_t a, size_t b, size_t *sum) {
  if (a > (size_t)-1 - b) {
    return 0;
  }
  *sum = a + b;
  return 1;
}

int ettm_size_mul(size_t a, size_t b, size_t *product) {
  if (b != 0 && a > (size_t)-1 / b) {
    return 0;
  }
  *product = a * b;
  return 1;
}
