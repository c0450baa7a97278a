/* SPDX-License-Identifier: MIT */
#include "mime/header.h"

#include <stddef.h>
#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"
#include "mime/field.h"
#include "mime/fold.h"

#define FIRST 512 /* octets of encoded words that are written without memory of their own */

void ettm_headers_init(ettm_headers *h, const ettm_alloc *a) {
  memset(h, 0, offsetof(ettm_headers, first_sizes));
  ettm_buffer_init_on(&h->bytes, a, ETTM_HEADER_MAX, h->first_bytes, sizeof h->first_bytes);
  ettm_buffer_init_on(&h->index, a, ETTM_HEADER_FIELDS * sizeof(size_t), (char *)h->first_sizes,
                      sizeof h->first_sizes);
  ettm_buffer_init_on(&h->host, a, ETTM_HOST_MAX, h->first_host, sizeof h->first_host);
}

void ettm_headers_clear(ettm_headers *h) {
  ettm_buffer_clear(&h->bytes);
  ettm_buffer_clear(&h->index);
  ettm_buffer_clear(&h->host);
}

ettm_str ettm_headers_view(const ettm_headers *h) {
  return ettm_buffer_view(&h->bytes);
}

static int has_name(ettm_str field, ettm_str name) {
  return field.n > name.n && field.p[name.n] == ':' &&
         ettm_str_equal_nocase(ettm_str_of(field.p, name.n), name);
}

int ettm_headers_find(const ettm_headers *h, ettm_str name, ettm_str *field) {
  ettm_str rest = ettm_headers_view(h);
  ettm_str sizes = ettm_buffer_view(&h->index);
  while (rest.n > 0) {
    size_t size;
    memcpy(&size, sizes.p, sizeof size);
    if (has_name(ettm_str_of(rest.p, size), name)) {
      if (field != NULL) {
        *field = ettm_str_of(rest.p, size);
      }
      return 1;
    }
    sizes.p += sizeof size;
    rest = ettm_str_of(rest.p + size, rest.n - size);
  }
  return 0;
}

static int is_outer(char c, int with_breaks) {
  return c == ' ' || c == '\t' || (with_breaks && (c == '\r' || c == '\n'));
}

static ettm_str trim(ettm_str s, int with_breaks) {
  while (s.n > 0 && is_outer(s.p[0], with_breaks)) {
    s.p++;
    s.n--;
  }
  while (s.n > 0 && is_outer(s.p[s.n - 1], with_breaks)) {
    s.n--;
  }
  return s;
}

ettm_str ettm_headers_value(ettm_str field) {
  size_t i = 0;
  while (i < field.n && field.p[i] != ':') {
    i++;
  }
  i += i < field.n ? 1 : 0;
  return trim(ettm_str_of(field.p + i, field.n - i), 1);
}

/* --- Checks --- */

/* Atext with single dots in between (RFC 5322 3.2.3). */
static int is_dot_atom(ettm_str s) {
  char last = '.';
  size_t i;
  for (i = 0; i < s.n; i++) {
    if (s.p[i] == '.' ? last == '.' : !ettm_char_is(s.p[i], ETTM_CHAR_ATEXT)) {
      return 0;
    }
    last = s.p[i];
  }
  return last != '.';
}

int ettm_is_message_id(ettm_str id) {
  const char *at = id.n > 0 ? (const char *)memchr(id.p, '@', id.n) : NULL;
  ettm_str right;
  if (at == NULL || !is_dot_atom(ettm_str_of(id.p, (size_t)(at - id.p)))) {
    return 0;
  }
  right = ettm_str_of(at + 1, id.n - (size_t)(at - id.p) - 1);
  if (right.n > 2 && right.p[0] == '[' && right.p[right.n - 1] == ']') {
    return ettm_chars_all(ettm_str_of(right.p + 1, right.n - 2), ETTM_CHAR_DTEXT);
  }
  return is_dot_atom(right);
}

static int is_bracketed_id(ettm_str value) {
  return value.n > 2 && value.p[0] == '<' && value.p[value.n - 1] == '>' &&
         ettm_is_message_id(ettm_str_of(value.p + 1, value.n - 2));
}

/* --- Fields of others --- */

/* How many octets the line end at s has; 0: there is none. */
static size_t line_end_size(ettm_str s) {
  if (s.n == 0 || (s.p[0] != '\r' && s.p[0] != '\n')) {
    return 0;
  }
  return s.n > 1 && s.p[0] == '\r' && s.p[1] == '\n' ? 2 : 1;
}

/* Appends ":" and the lines of body, each with CRLF behind. */
static ettm_status append_lines(ettm_buffer *out, ettm_str body) {
  ettm_status status = ettm_buffer_append_char(out, ':');
  while (status == ETTM_OK && body.n > 0) {
    size_t n = 0, end = 0;
    while (n < body.n && (end = line_end_size(ettm_str_of(body.p + n, body.n - n))) == 0) {
      n++;
    }
    status = ettm_buffer_append(out, ettm_str_of(body.p, n));
    if (status == ETTM_OK && end > 0) {
      status = ettm_buffer_append(out, ETTM_LIT("\r\n"));
    }
    body = ettm_str_of(body.p + n + end, body.n - n - end);
  }
  return status == ETTM_OK ? ettm_buffer_append(out, ETTM_LIT("\r\n")) : status;
}

ettm_status ettm_headers_add_field(ettm_headers *h, ettm_str name, ettm_str body) {
  size_t before = ettm_buffer_size(&h->bytes);
  unsigned flags = ettm_field_flags(name);
  ettm_status status;
  if ((flags & ETTM_FIELD_REFUSED) != 0) {
    return ETTM_DONE;
  }
  status = ettm_field_check(h, name, flags);
  if (status != ETTM_OK) {
    return status;
  }
  status = ettm_buffer_append(&h->bytes, name);
  if (status == ETTM_OK) {
    status = append_lines(&h->bytes, body);
  }
  status = ettm_field_end(h, before, status);
  if (status == ETTM_OK) {
    h->needs_smtputf8 |= ettm_has_8bit(body);
    h->has_mime |= (flags & ETTM_FIELD_MIME) != 0;
  }
  return status;
}

/* --- Texts --- */

/* A text whose every TAB is a space: the same, or a copy in `copy`. */
static ettm_status untab(ettm_buffer *copy, ettm_str *text) {
  char *place, *tab;
  ettm_status status;
  size_t n = text->n;
  if (memchr(text->p, '\t', n) == NULL) {
    return ETTM_OK;
  }
  status = ettm_buffer_reserve(copy, n, &place);
  if (status != ETTM_OK) {
    return status;
  }
  memcpy(place, text->p, n);
  *text = ettm_str_of(place, n);
  while ((tab = (char *)memchr(place, '\t', n)) != NULL) {
    *tab = ' ';
    n -= (size_t)(tab + 1 - place);
    place = tab + 1;
  }
  return ETTM_OK;
}

static ettm_status add_words(ettm_headers *h, ettm_str name, ettm_str text) {
  char storage[FIRST];
  ettm_buffer copy, words;
  ettm_status status;
  ettm_buffer_init(&copy, &h->bytes.alloc, text.n);
  ettm_buffer_init_on(&words, &h->bytes.alloc, ETTM_HEADER_MAX, storage, FIRST);
  status = untab(&copy, &text);
  if (status == ETTM_OK) {
    status = ettm_encoded_word_append_charset(&words, text, ETTM_WORD_TEXT, name.n + 2, h->encoder);
  }
  if (status == ETTM_OK) {
    status = ettm_field_add(h, name, ettm_buffer_view(&words), 0);
  }
  ettm_buffer_clear(&words);
  ettm_buffer_clear(&copy);
  return status;
}

ettm_status ettm_headers_add_text(ettm_headers *h, ettm_str name, ettm_str text) {
  unsigned flags = ettm_field_flags(name);
  ettm_status status;
  if ((flags & ETTM_FIELD_READY) != 0) {
    return ettm_headers_add_ready(h, name, text);
  }
  status = ettm_field_check(h, name, flags);
  if (status == ETTM_OK && (flags & ETTM_FIELD_ADDRESSES) != 0) {
    status = ETTM_E_NAME;
  }
  if (status == ETTM_OK) {
    status = ettm_utf8_check_text(text);
  }
  if (status != ETTM_OK) {
    return status;
  }
  text = trim(text, 0);
  return ettm_encoded_word_needed(text) || !ettm_can_fold(text) ? add_words(h, name, text)
                                                                : ettm_field_add(h, name, text, 0);
}

ettm_status ettm_headers_add_ready(ettm_headers *h, ettm_str name, ettm_str value) {
  unsigned flags = ettm_field_flags(name);
  ettm_status status = ettm_field_check(h, name, flags);
  if (status == ETTM_OK && ettm_has_unsafe(value)) {
    status = ETTM_E_UNSAFE;
  }
  if (status == ETTM_OK && ettm_has_8bit(value)) {
    status = ETTM_E_UTF8;
  }
  value = trim(value, 0);
  if (status == ETTM_OK && (flags & ETTM_FIELD_ID) != 0 && !is_bracketed_id(value)) {
    status = ETTM_E_ARGUMENT;
  }
  if (status == ETTM_OK) {
    status = ettm_field_add(h, name, value, 1);
  }
  if (status == ETTM_OK) {
    h->has_mime |= (flags & ETTM_FIELD_MIME) != 0;
  }
  return status;
}
