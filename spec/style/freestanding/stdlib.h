/* What the default allocator (csrc/base/alloc.c) may take from the C library.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_FREESTANDING_STDLIB_H
#define ETTM_FREESTANDING_STDLIB_H

#include <stddef.h>

void free(void *p);
void *realloc(void *p, size_t n);

#endif
