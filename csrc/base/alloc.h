/* Memory through an allocator of the caller's, checked size arithmetic, and wiping.
 *
 * The allocator has the exact shape of lua_Alloc (a realloc that also frees, told the old size), so
 * a binding passes lua_getallocf's straight in and a test passes one that fails on demand. A NULL
 * allocator means the C library's.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_BASE_ALLOC_H
#define ETTM_BASE_ALLOC_H

#include "base/status.h"

/* nsize == 0 frees and returns NULL; otherwise resizes, keeping min(osize, nsize) bytes; NULL on
 * failure, when the old block is unchanged. Shrinking may fail, too. */
typedef void *(*ettm_alloc_fn)(void *ud, void *ptr, size_t osize, size_t nsize);

typedef struct ettm_alloc {
  ettm_alloc_fn fn;
  void *ud;
} ettm_alloc;

/* The allocator to keep by value: *a, or the C library's when a is NULL. */
ettm_alloc ettm_alloc_of(const ettm_alloc *a);

/* n zeroed bytes, or NULL. n must be above 0. The caller frees them with ettm_free(a, p, n). */
void *ettm_new(const ettm_alloc *a, size_t n);

/* Frees the block p of n bytes; nothing when p is NULL. */
void ettm_free(const ettm_alloc *a, void *p, size_t n);

/* Resizes a block from osize to nsize bytes (new bytes are not zeroed), or NULL: p is unchanged. */
void *ettm_resize(const ettm_alloc *a, void *p, size_t osize, size_t nsize);

/* A copy of the view with a NUL behind it, or NULL. Freed with ettm_free(a, p, s.n + 1). */
char *ettm_copy(const ettm_alloc *a, ettm_str s);

/* Overwrites n bytes in a way the compiler keeps. */
void ettm_wipe(void *p, size_t n);

/* *sum = a + b, *product = a * b: 1, or 0 without a result where it does not fit. */
ETTM_MUST_USE int ettm_size_add(size_t a, size_t b, size_t *sum);
ETTM_MUST_USE int ettm_size_mul(size_t a, size_t b, size_t *product);

#endif
