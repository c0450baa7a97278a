/* SPDX-License-Identifier: MIT */
#include "smtp/receipt.h"

#include <string.h>

#include "base/chars.h"

static int is_of_id(char c) {
  return ettm_char_is(c, ETTM_CHAR_ALPHA | ETTM_CHAR_DIGIT) || c == '.' || c == '-';
}

/* The name behind the first of the words that has one. */
static ettm_str find_behind(ettm_str text, const char *words) {
  size_t n = strlen(words);
  const char *end = text.n > 0 ? text.p + text.n : text.p;
  const char *p = text.p;
  while (p != NULL && (size_t)(end - p) > n) {
    const char *stop = p + n;
    while (memcmp(p, words, n) == 0 && stop < end && is_of_id(*stop)) {
      stop++;
    }
    if (stop > p + n) {
      return ettm_str_of(p + n, (size_t)(stop - p) - n);
    }
    p++;
    p = (const char *)memchr(p, words[0], (size_t)(end - p));
  }
  return ettm_str_of(NULL, 0);
}

ettm_str ettm_receipt_id(ettm_str text) {
  static const char *const words[] = {"queued as ", "OK id=", "queued with id "};
  ettm_str id = ettm_str_of(NULL, 0);
  size_t i;
  for (i = 0; i < sizeof words / sizeof words[0] && id.n == 0; i++) {
    id = find_behind(text, words[i]);
  }
  return id;
}
