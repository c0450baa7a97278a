/* SPDX-License-Identifier: MIT */
#include "mime/section.h"

#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"
#include "mime/fold.h"

/* One line, and how it ends. */
typedef struct line {
  ettm_str text; /* without its end */
  size_t size;   /* with it */
  int is_open;   /* the text is over before it is known where the line ends */
  int is_bare;   /* it ends with a CR or an LF alone */
} line;

void ettm_section_init(ettm_section *s, ettm_str text, int is_whole, int is_strict) {
  s->rest = text;
  s->line = 1;
  s->is_whole = is_whole;
  s->is_strict = is_strict;
}

static line first_line(ettm_str rest) {
  line l;
  size_t n = 0;
  while (n < rest.n && rest.p[n] != '\r' && rest.p[n] != '\n') {
    n++;
  }
  l.text = ettm_str_of(rest.p, n);
  l.size = n < rest.n ? n + 1 : n;
  l.is_open = n == rest.n;
  l.is_bare = !l.is_open;
  if (n < rest.n && rest.p[n] == '\r') {
    if (n + 1 == rest.n) {
      l.is_open = 1; /* an LF may follow */
    } else if (rest.p[n + 1] == '\n') {
      l.size++;
      l.is_bare = 0;
    }
  }
  return l;
}

static int is_wsp(char c) {
  return c == ' ' || c == '\t';
}

static int is_blank(ettm_str s) {
  return ettm_chars_all(s, ETTM_CHAR_WSP);
}

static ettm_status check_line(const ettm_section *s, const line *l) {
  size_t i;
  if (l->text.n > ETTM_LINE_MAX) {
    return ETTM_E_LIMIT;
  }
  if (s->is_strict && l->is_bare) {
    return ETTM_E_UNSAFE;
  }
  for (i = 0; i < l->text.n; i++) {
    if (l->text.p[i] != '\t' && ettm_char_is(l->text.p[i], ETTM_CHAR_CONTROL)) {
      return ETTM_E_UNSAFE;
    }
  }
  if (l->text.n > 0 && is_blank(l->text)) {
    return ETTM_E_NAME;
  }
  return ettm_utf8_valid(l->text) ? ETTM_OK : ETTM_E_UTF8;
}

/* Reads one line. Returns ETTM_DONE at the end of a whole text. */
static ettm_status take_line(ettm_section *s, line *l) {
  ettm_status status;
  *l = first_line(s->rest);
  if (l->is_open && !s->is_whole) {
    return l->text.n > ETTM_LINE_MAX ? ETTM_E_LIMIT : ETTM_NEED_INPUT;
  }
  if (l->size == 0) {
    return ETTM_DONE;
  }
  status = check_line(s, l);
  if (status == ETTM_OK) {
    s->rest = ettm_str_of(s->rest.p + l->size, s->rest.n - l->size);
    s->line++;
  }
  return status;
}

static ettm_status begin_field(ettm_str text, ettm_field *field) {
  const char *colon = (const char *)memchr(text.p, ':', text.n);
  size_t n = colon != NULL ? (size_t)(colon - text.p) : 0;
  if (n == 0 || !ettm_chars_all(ettm_str_of(text.p, n), ETTM_CHAR_FTEXT)) {
    return ETTM_E_NAME;
  }
  field->name = ettm_str_of(text.p, n);
  field->body = ettm_str_of(colon + 1, text.n - n - 1);
  return ETTM_OK;
}

/* The lines that go on with the field. */
static ettm_status take_folds(ettm_section *s, ettm_field *field) {
  ettm_status status = ETTM_OK;
  line l;
  while (s->rest.n > 0 && is_wsp(s->rest.p[0])) {
    status = take_line(s, &l);
    if (status != ETTM_OK) {
      return status;
    }
    field->body.n = (size_t)(l.text.p + l.text.n - field->body.p);
  }
  /* Without the first octet of the next line nobody knows whether the field is over. */
  return s->rest.n == 0 && !s->is_whole ? ETTM_NEED_INPUT : ETTM_OK;
}

ettm_status ettm_section_next(ettm_section *s, ettm_field *field) {
  line l;
  ettm_status status = take_line(s, &l);
  if (status != ETTM_OK || l.text.n == 0) {
    return status == ETTM_OK ? ETTM_DONE : status;
  }
  field->line = s->line - 1;
  status = begin_field(l.text, field);
  if (status != ETTM_OK) {
    s->line--;
    return status;
  }
  return take_folds(s, field);
}

ettm_status ettm_headers_add_section(ettm_headers *h, ettm_section *s) {
  ettm_field field;
  ettm_status status;
  while ((status = ettm_section_next(s, &field)) == ETTM_OK) {
    status = ettm_headers_add_field(h, field.name, field.body);
    if (status < 0) {
      s->line = field.line;
      return status;
    }
  }
  return status == ETTM_DONE ? ETTM_OK : status;
}
