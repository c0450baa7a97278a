/* SPDX-License-Identifier: MIT */
/* Header fields of any name and value: what is accepted has sound lines and unfolds to what was
 * given. The input is a row of fields, each ended by an octet 0xFF (which no UTF-8 holds): a letter
 * for the kind, the name up to a line feed, the value. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mime/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition) {
  if (!condition) {
    abort();
  }
}

static int is_space(char c) {
  return c == ' ' || c == '\t';
}

/* Lines end with CRLF, go on with white space, and are neither too long nor empty to the eye. */
static void check_lines(ettm_str s) {
  size_t line = 0;
  size_t seen = 0;
  size_t i;
  for (i = 0; i < s.n; i++) {
    if (s.p[i] != '\r') {
      must(s.p[i] != '\n' && s.p[i] != '\0');
      line++;
      seen += !is_space(s.p[i]);
      continue;
    }
    must(line <= 998 && seen > 0);
    must(++i < s.n && s.p[i] == '\n');
    must(i + 1 == s.n || is_space(s.p[i + 1]));
    line = seen = 0;
  }
  must(line == 0);
}

/* The field without its folds is "name: value". */
static void check_unfolded(ettm_str field, ettm_str name, ettm_str value) {
  size_t at = name.n + 1;
  size_t i;
  while (value.n > 0 && is_space(value.p[0])) {
    value = ettm_str_of(value.p + 1, value.n - 1);
  }
  while (value.n > 0 && is_space(value.p[value.n - 1])) {
    value.n--;
  }
  if (value.n == 0) {
    must(field.n == name.n + 3);
    return;
  }
  at += field.p[at] == '\r' ? 2 : 0;
  must(field.p[at++] == ' ');
  for (i = 0; i < value.n; i++) {
    at += field.p[at] == '\r' ? 2 : 0;
    must(field.p[at++] == (value.p[i] == '\t' ? ' ' : value.p[i]));
  }
  must(at + 2 == field.n);
}

static int holds_word(ettm_str s) {
  size_t i;
  for (i = 0; i + 8 <= s.n; i++) {
    if (memcmp(s.p + i, "=?UTF-8?", 8) == 0) {
      return 1;
    }
  }
  return 0;
}

static void add(ettm_headers *h, char kind, ettm_str name, ettm_str value) {
  size_t before = ettm_headers_view(h).n;
  ettm_status status = kind == 'T'   ? ettm_headers_add_text(h, name, value)
                       : kind == 'R' ? ettm_headers_add_ready(h, name, value)
                                     : ettm_headers_add_addresses(h, name, value);
  ettm_str field = ettm_headers_view(h);
  if (status != ETTM_OK || field.n == before) {
    must(field.n == before);
    return;
  }
  field = ettm_str_of(field.p + before, field.n - before);
  check_lines(field);
  if (kind == 'R' || (kind == 'T' && !holds_word(field))) {
    check_unfolded(field, name, value);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *p = (const char *)data;
  const char *end = p + size;
  ettm_headers h;
  ettm_headers_init(&h, NULL);
  while (p < end) {
    const char *stop = (const char *)memchr(p, 0xFF, (size_t)(end - p));
    const char *line;
    stop = stop != NULL ? stop : end;
    line = (const char *)memchr(p, '\n', (size_t)(stop - p));
    if (line != NULL && line > p) {
      add(&h, p[0], ettm_str_of(p + 1, (size_t)(line - p) - 1),
          ettm_str_of(line + 1, (size_t)(stop - line) - 1));
    }
    p = stop + 1;
    if (stop == end) {
      break;
    }
  }
  ettm_headers_clear(&h);
  return 0;
}
