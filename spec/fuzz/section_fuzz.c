/* SPDX-License-Identifier: MIT */
/* Header sections that others made: whatever they hold, what is taken from them can stand in front
 * of a message, reads as the same fields again, and a prefix never says what the whole denies. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "mime/section.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int ok) {
  if (!ok) {
    abort();
  }
}

/* Reads all fields. Returns what ended it. */
static ettm_status read_all(ettm_section *s, size_t *count) {
  ettm_field field;
  ettm_status status;
  *count = 0;
  while ((status = ettm_section_next(s, &field)) == ETTM_OK) {
    require(field.name.n > 0 && memchr(field.name.p, ':', field.name.n) == NULL);
    require(ettm_utf8_valid(field.body));
    (*count)++;
  }
  return status;
}

/* CR and LF together only, no line above 998 octets, no empty one. */
static void check_wire(ettm_str s) {
  size_t i, column = 0;
  require(s.n == 0 || s.p[s.n - 1] == '\n');
  for (i = 0; i < s.n; i++) {
    if (s.p[i] == '\n') {
      require(column > 1 && s.p[i - 1] == '\r' && column <= 999);
      column = 0;
    } else {
      require(i == 0 || s.p[i - 1] != '\r');
      require(s.p[i] != '\0');
      column++;
    }
  }
}

static void check_added(ettm_str text) {
  ettm_headers h;
  ettm_section s;
  size_t count;
  ettm_headers_init(&h, NULL);
  ettm_section_init(&s, text, 1, 0);
  if (ettm_headers_add_section(&h, &s) == ETTM_OK) {
    ettm_str view = ettm_headers_view(&h);
    require(s.rest.n <= text.n);
    check_wire(view);
    ettm_section_init(&s, view, 1, 1);
    require(read_all(&s, &count) == ETTM_DONE && s.rest.n == 0);
  }
  require(!ettm_headers_find(&h, ETTM_LIT("Bcc"), NULL));
  require(!ettm_headers_find(&h, ETTM_LIT("Resent-Bcc"), NULL));
  ettm_headers_clear(&h);
}

/* The first octet says how much of the rest is there at first. */
static void check_prefix(ettm_str text, size_t n) {
  ettm_section part, whole;
  size_t part_count, whole_count;
  ettm_status status;
  n = n < text.n ? n : text.n;
  ettm_section_init(&part, ettm_str_of(text.p, n), 0, 0);
  ettm_section_init(&whole, text, 1, 0);
  status = read_all(&part, &part_count);
  if (status == ETTM_NEED_INPUT) {
    (void)read_all(&whole, &whole_count);
    require(whole_count >= part_count);
  } else {
    require(read_all(&whole, &whole_count) == status);
    require(whole_count == part_count && whole.line == part.line);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ettm_str text;
  if (size == 0) {
    return 0;
  }
  text = ettm_str_of((const char *)data + 1, size - 1);
  check_added(text);
  check_prefix(text, data[0]);
  return 0;
}
