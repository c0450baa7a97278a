/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"

#include <string.h>

#ifndef ETTM_BUFFER_FIRST
#define ETTM_BUFFER_FIRST 256 /* bytes of the first allocation; tests set it to 1 */
#endif

void ettm_buffer_init(ettm_buffer *b, const ettm_alloc *a, size_t max) {
  memset(b, 0, sizeof *b);
  b->alloc = ettm_alloc_of(a);
  b->max = max;
}

void ettm_buffer_init_on(ettm_buffer *b, const ettm_alloc *a, size_t max, char *storage,
                         size_t size) {
  ettm_buffer_init(b, a, max);
  b->bytes = storage;
  b->storage = storage;
  b->capacity = size < max ? size : max;
}

void ettm_buffer_init_secret(ettm_buffer *b, const ettm_alloc *a, size_t max) {
  ettm_buffer_init(b, a, max);
  b->secret = 1;
}

void ettm_buffer_clear(ettm_buffer *b) {
  if (b->secret && b->bytes != NULL) {
    ettm_wipe(b->bytes, b->capacity);
  }
  if (b->bytes != b->storage) {
    ettm_free(&b->alloc, b->bytes, b->capacity);
  }
  b->bytes = NULL;
  b->start = b->end = b->capacity = 0;
}

size_t ettm_buffer_size(const ettm_buffer *b) {
  return b->end - b->start;
}

size_t ettm_buffer_room(const ettm_buffer *b) {
  return b->max - ettm_buffer_size(b);
}

ettm_str ettm_buffer_view(const ettm_buffer *b) {
  /* NULL + 0 is undefined, even where nothing is read. */
  return ettm_str_of(b->bytes != NULL ? b->bytes + b->start : NULL, b->end - b->start);
}

/* Moves the content to the front; the bytes it leaves behind are wiped when they are secret. */
static void move_to_front(ettm_buffer *b) {
  size_t size = ettm_buffer_size(b);
  if (b->start == 0) {
    return;
  }
  memmove(b->bytes, b->bytes + b->start, size);
  if (b->secret) {
    ettm_wipe(b->bytes + size, b->end - size);
  }
  b->start = 0;
  b->end = size;
}

static size_t grown_capacity(const ettm_buffer *b, size_t needed) {
  size_t doubled = b->capacity > b->max / 2 ? b->max : b->capacity * 2;
  size_t capacity = doubled < ETTM_BUFFER_FIRST ? ETTM_BUFFER_FIRST : doubled;
  return capacity < needed ? needed : capacity;
}

/* A new block, not a resized one: a realloc could leave secrets behind in the old place. */
static ettm_status grow(ettm_buffer *b, size_t needed) {
  size_t size = ettm_buffer_size(b);
  size_t capacity = grown_capacity(b, needed);
  char *bytes = (char *)ettm_resize(&b->alloc, NULL, 0, capacity);
  ettm_buffer old = *b;
  if (bytes == NULL) {
    return ETTM_E_MEMORY;
  }
  if (size > 0) {
    memcpy(bytes, b->bytes + b->start, size);
  }
  ettm_buffer_clear(&old);
  b->bytes = bytes;
  b->capacity = capacity;
  b->start = 0;
  b->end = size;
  return ETTM_OK;
}

ettm_status ettm_buffer_reserve(ettm_buffer *b, size_t n, char **place) {
  size_t size = ettm_buffer_size(b);
  ettm_status status = ETTM_OK;
  if (n > ettm_buffer_room(b)) {
    return ETTM_E_LIMIT;
  }
  if (n > b->capacity - b->end || b->bytes == NULL) {
    /* Moving is paid for by the bytes consumed only while the gap is not smaller than the rest. */
    if (b->bytes != NULL && size + n <= b->capacity && b->start >= size) {
      move_to_front(b);
    } else {
      status = grow(b, size + n);
    }
  }
  if (status == ETTM_OK) {
    *place = b->bytes + b->end;
  }
  return status;
}

void ettm_buffer_commit(ettm_buffer *b, size_t n) {
  b->end += n;
}

ettm_status ettm_buffer_append(ettm_buffer *b, ettm_str s) {
  char *place;
  ettm_status status;
  if (s.n == 0) {
    return ETTM_OK;
  }
  if (s.n <= b->capacity - b->end && s.n <= ettm_buffer_room(b)) { /* as it is most often */
    memcpy(b->bytes + b->end, s.p, s.n);
    b->end += s.n;
    return ETTM_OK;
  }
  status = ettm_buffer_reserve(b, s.n, &place);
  if (status == ETTM_OK) {
    memcpy(place, s.p, s.n);
    ettm_buffer_commit(b, s.n);
  }
  return status;
}

ettm_status ettm_buffer_append_char(ettm_buffer *b, char c) {
  return ettm_buffer_append(b, ettm_str_of(&c, 1));
}

void ettm_buffer_consume(ettm_buffer *b, size_t n) {
  size_t size = ettm_buffer_size(b);
  if (n > size) {
    n = size;
  }
  if (b->secret && n > 0) {
    ettm_wipe(b->bytes + b->start, n);
  }
  b->start += n;
  if (b->start == b->end) {
    b->start = b->end = 0;
  }
}

void ettm_buffer_truncate(ettm_buffer *b, size_t n) {
  size_t size = ettm_buffer_size(b);
  if (n >= size) {
    return;
  }
  if (b->secret) {
    ettm_wipe(b->bytes + b->start + n, size - n);
  }
  b->end = b->start + n;
}
