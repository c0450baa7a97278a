/* SPDX-License-Identifier: MIT */
/* Header fields of any name and value: what is accepted has sound lines and unfolds to what was
 * given. The input is a row of fields, each ended by an octet 0xFF (which no UTF-8 holds): a letter
 * for the kind, the name up to a line feed, the value. C and N are as T and A in another charset, P
 * is a parameter in it, L its legacy form. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mime/header.h"
#include "mime/parameter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition) {
  if (!condition) {
    abort();
  }
}

/* A charset of two octets for any that is not ASCII, between two escape sequences; it has nothing
 * beyond three octets of UTF-8. */
static ettm_status prepare(void *ud, ettm_str text, ettm_buffer *out) {
  size_t i;
  (void)ud;
  for (i = 0; i < text.n; i++) {
    if ((unsigned char)text.p[i] >= 0xF0) {
      return ETTM_E_ARGUMENT;
    }
  }
  return ettm_buffer_append(out, text);
}

static ettm_status from_utf8(void *ud, ettm_str piece, ettm_buffer *out) {
  size_t before = ettm_buffer_size(out);
  int is_wide = 0;
  size_t i;
  ettm_status status = ETTM_OK;
  (void)ud;
  must(piece.n == 0 || ((unsigned char)piece.p[0] & 0xC0) != 0x80); /* no character is parted */
  for (i = 0; status == ETTM_OK && i < piece.n; i++) {
    int wants_wide = (unsigned char)piece.p[i] > 127;
    if (wants_wide != is_wide) {
      status = ettm_buffer_append(out, wants_wide ? ETTM_LIT("\x1B$B") : ETTM_LIT("\x1B(B"));
      is_wide = wants_wide;
    }
    if (status == ETTM_OK) {
      status = ettm_buffer_append_char(out, (char)(piece.p[i] & 0x7F));
    }
  }
  if (status == ETTM_OK && is_wide) {
    status = ettm_buffer_append(out, ETTM_LIT("\x1B(B"));
  }
  if (status != ETTM_OK) {
    ettm_buffer_truncate(out, before);
  }
  return status;
}

static ettm_charset_encoder encoder_for(ettm_str name) {
  ettm_charset_encoder encoder;
  memset(&encoder, 0, sizeof encoder);
  encoder.name = ETTM_LIT("x-fuzz");
  encoder.only_b = 1;
  encoder.is_strict = name.n % 2 == 0;
  encoder.prepare = prepare;
  encoder.from_utf8 = from_utf8;
  return encoder;
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

static int holds(ettm_str s, char c) {
  return s.n > 0 && memchr(s.p, c, s.n) != NULL;
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

/* Each parameter is ASCII of at most 75 octets, behind "; "; or nothing is there. */
static void check_parameter(char kind, ettm_str name, ettm_str value) {
  ettm_charset_encoder encoder = encoder_for(name);
  ettm_buffer out;
  ettm_status status;
  size_t i, line = 0;
  ettm_str made;
  ettm_buffer_init(&out, NULL, 1u << 20);
  status = kind == 'P' ? ettm_parameter_append_charset(&out, name, value, &encoder)
                       : ettm_parameter_append_legacy(&out, name, value, &encoder);
  made = ettm_buffer_view(&out);
  must(status == ETTM_OK || made.n == 0);
  for (i = 0; i < made.n; i++) {
    must(made.p[i] >= 32 && made.p[i] < 127);
    line = made.p[i] == ' ' ? 0 : line + 1;
    must(kind == 'L' || holds(value, ' ') || line <= 76 || name.n > 20);
  }
  ettm_buffer_clear(&out);
}

static ettm_status add_kind(ettm_headers *h, char kind, ettm_str name, ettm_str value) {
  switch (kind) {
  case 'C':
  case 'T': return ettm_headers_add_text(h, name, value);
  case 'R': return ettm_headers_add_ready(h, name, value);
  default: return ettm_headers_add_addresses(h, name, value);
  }
}

static void add(ettm_headers *h, char kind, ettm_str name, ettm_str value) {
  size_t before = ettm_headers_view(h).n;
  ettm_charset_encoder encoder = encoder_for(name);
  ettm_status status;
  ettm_str field;
  if (kind == 'P' || kind == 'L') {
    check_parameter(kind, name, value);
    return;
  }
  h->encoder = kind == 'C' || kind == 'N' ? &encoder : NULL;
  status = add_kind(h, kind, name, value);
  h->encoder = NULL;
  field = ettm_headers_view(h);
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
