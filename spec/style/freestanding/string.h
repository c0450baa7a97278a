/* All that the core may take from the C library: layers.sh compiles the core against this alone.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_FREESTANDING_STRING_H
#define ETTM_FREESTANDING_STRING_H

#include <stddef.h>

void *memchr(const void *s, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *s, int c, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

#endif
