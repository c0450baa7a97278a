/* The only growable buffer: a queue of bytes with a maximum that is not optional.
 *
 * Bytes are appended at the end and consumed at the front. The caller owns the struct; the bytes
 * belong to the buffer. Views lent by it live until the next call that is not const. Memory: at
 * most twice the largest content (and never above the maximum plus a small constant); appending is
 * amortised O(n). A secret buffer wipes every byte that it consumes, moves or frees.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_BASE_BUFFER_H
#define ETTM_BASE_BUFFER_H

#include "base/alloc.h"

typedef struct ettm_buffer {
  char *bytes;
  size_t start; /* first byte not consumed */
  size_t end;   /* one past the last byte */
  size_t capacity;
  size_t max;
  const char *storage; /* the caller's, which is not freed; NULL: there is none */
  int secret;
  ettm_alloc alloc;
} ettm_buffer;

/* Makes an empty buffer that will hold at most max bytes. Allocates nothing. */
void ettm_buffer_init(ettm_buffer *b, const ettm_alloc *a, size_t max);

/* The same, but the first `size` bytes, at most max, go into storage of the caller's, who keeps it
 * where it is until the buffer is cleared: memory is taken for more than that only. */
void ettm_buffer_init_on(ettm_buffer *b, const ettm_alloc *a, size_t max, char *storage,
                         size_t size);

/* The same as ettm_buffer_init, for bytes that must not stay in memory. */
void ettm_buffer_init_secret(ettm_buffer *b, const ettm_alloc *a, size_t max);

/* Frees the memory; the buffer is empty and may be used again. */
void ettm_buffer_clear(ettm_buffer *b);

size_t ettm_buffer_size(const ettm_buffer *b);

/* How many more bytes fit below the maximum. */
size_t ettm_buffer_room(const ettm_buffer *b);

/* The content, lent. */
ettm_str ettm_buffer_view(const ettm_buffer *b);

/* Appends all or nothing. Returns ETTM_OK, or: ETTM_E_LIMIT above the maximum; ETTM_E_MEMORY. */
ETTM_MUST_USE ettm_status ettm_buffer_append(ettm_buffer *b, ettm_str s);
ETTM_MUST_USE ettm_status ettm_buffer_append_char(ettm_buffer *b, char c);

/* Makes room for n bytes and lends the place to write them; ettm_buffer_commit says how many were
 * written. Returns as ettm_buffer_append. */
ETTM_MUST_USE ettm_status ettm_buffer_reserve(ettm_buffer *b, size_t n, char **place);
void ettm_buffer_commit(ettm_buffer *b, size_t n);

/* Drops n bytes from the front (at most all). */
void ettm_buffer_consume(ettm_buffer *b, size_t n);

/* Cuts the content to its first n bytes. */
void ettm_buffer_truncate(ettm_buffer *b, size_t n);

#endif
