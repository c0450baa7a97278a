/* SPDX-License-Identifier: MIT */
#include "mime/parameter.h"

#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"
#include "codec/encoded_word.h"

#define NAME_MAX    40
#define SEGMENT_MAX 75 /* octets of one parameter, without the "; " in front */

static const char digits[] = "0123456789ABCDEF";

static ettm_status check(ettm_str name, ettm_str value) {
  /* RFC 2231 gives *, ' and % in names a meaning, so a token is not enough. */
  if (name.n == 0 || name.n > NAME_MAX || !ettm_chars_all(name, ETTM_CHAR_ATTRIBUTE)) {
    return ETTM_E_NAME;
  }
  if (ettm_has_control(value)) {
    return ETTM_E_UNSAFE;
  }
  return ettm_utf8_valid(value) ? ETTM_OK : ETTM_E_UTF8;
}

/* Some readers decode what looks like an encoded word, although RFC 2047 5 forbids it here. */
static int looks_encoded(ettm_str value) {
  size_t i;
  for (i = 1; i < value.n; i++) {
    if (value.p[i - 1] == '=' && value.p[i] == '?') {
      return 1;
    }
  }
  return 0;
}

static int is_plain(ettm_str value) {
  return !ettm_has_8bit(value) && !looks_encoded(value);
}

static int must_escape(char c) {
  return c == '"' || c == '\\';
}

/* Not all tokens: an apostrophe or % outside of quotes is taken for RFC 2231's by some readers. */
static int is_token(ettm_str value) {
  return value.n > 0 && ettm_chars_all(value, ETTM_CHAR_ATTRIBUTE);
}

/* The octets of a value as a token or a quoted-string. */
static size_t short_size(ettm_str value) {
  size_t size = is_token(value) ? 0 : 2;
  size_t i;
  for (i = 0; i < value.n; i++) {
    size += must_escape(value.p[i]) ? 2 : 1;
  }
  return size;
}

/* --- Building: what fails stays failed, so that only the last step need be asked --- */

typedef struct builder {
  ettm_buffer *out;
  ettm_status status;
} builder;

static void put(builder *b, ettm_str s) {
  if (b->status == ETTM_OK) {
    b->status = ettm_buffer_append(b->out, s);
  }
}

static void put_char(builder *b, char c) {
  put(b, ettm_str_of(&c, 1));
}

static void put_value(builder *b, ettm_str value) {
  size_t i;
  if (is_token(value)) {
    put(b, value);
    return;
  }
  put_char(b, '"');
  for (i = 0; i < value.n; i++) {
    if (must_escape(value.p[i])) {
      put_char(b, '\\');
    }
    put_char(b, value.p[i]);
  }
  put_char(b, '"');
}

static size_t extended_size(ettm_str s) {
  size_t size = 0;
  size_t i;
  for (i = 0; i < s.n; i++) {
    size += ettm_char_is(s.p[i], ETTM_CHAR_ATTRIBUTE) ? 1 : 3;
  }
  return size;
}

static void put_extended(builder *b, ettm_str s) {
  size_t i;
  for (i = 0; i < s.n; i++) {
    unsigned char octet = (unsigned char)s.p[i];
    if (ettm_char_is(s.p[i], ETTM_CHAR_ATTRIBUTE)) {
      put_char(b, s.p[i]);
    } else {
      put_char(b, '%');
      put_char(b, digits[octet >> 4]);
      put_char(b, digits[octet & 15]);
    }
  }
}

/* How many octets at the front of value fit, no code point parted. */
static size_t fit(ettm_str value, size_t room) {
  size_t n = 0;
  while (n < value.n) {
    ettm_str rest = ettm_str_of(value.p + n, value.n - n);
    size_t next = ettm_utf8_next(rest, NULL);
    size_t size = extended_size(ettm_str_of(rest.p, next));
    if (size > room) {
      break;
    }
    room -= size;
    n += next;
  }
  return n;
}

/* "; name*" and the number, decimal. */
static void put_number(builder *b, ettm_str name, size_t number) {
  char text[24];
  size_t at = sizeof text;
  do {
    text[--at] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  put(b, ETTM_LIT("; "));
  put(b, name);
  put_char(b, '*');
  put(b, ettm_str_of(text + at, sizeof text - at));
}

/* RFC 2231 4.1: the charset in the first segment only, each of them percent-coded. */
static void put_segments(builder *b, ettm_str name, ettm_str value) {
  size_t number = 0;
  while (b->status == ETTM_OK && value.n > 0) {
    size_t before = ettm_buffer_size(b->out);
    size_t n, used;
    put_number(b, name, number);
    put(b, number == 0 ? ETTM_LIT("*=UTF-8''") : ETTM_LIT("*="));
    used = ettm_buffer_size(b->out) - before - 2;
    n = fit(value, SEGMENT_MAX - used);
    put_extended(b, ettm_str_of(value.p, n));
    value.p += n;
    value.n -= n;
    number++;
  }
}

static void put_long(builder *b, ettm_str name, ettm_str value) {
  if (value.n > SEGMENT_MAX ||
      name.n + sizeof "*=UTF-8''" - 1 + extended_size(value) > SEGMENT_MAX) {
    put_segments(b, name, value);
    return;
  }
  put(b, ETTM_LIT("; "));
  put(b, name);
  put(b, ETTM_LIT("*=UTF-8''"));
  put_extended(b, value);
}

static void put_short(builder *b, ettm_str name, ettm_str value) {
  put(b, ETTM_LIT("; "));
  put(b, name);
  put_char(b, '=');
  put_value(b, value);
}

static ettm_status finish(builder *b, size_t size) {
  if (b->status != ETTM_OK) {
    ettm_buffer_truncate(b->out, size);
  }
  return b->status;
}

ettm_status ettm_parameter_append(ettm_buffer *out, ettm_str name, ettm_str value) {
  size_t size = ettm_buffer_size(out);
  builder b;
  b.out = out;
  b.status = check(name, value);
  if (b.status != ETTM_OK) {
    return b.status;
  }
  if (is_plain(value) && value.n < SEGMENT_MAX && name.n + 1 + short_size(value) <= SEGMENT_MAX) {
    put_short(&b, name, value);
  } else {
    put_long(&b, name, value);
  }
  return finish(&b, size);
}

ettm_status ettm_parameter_append_legacy(ettm_buffer *out, ettm_str name, ettm_str value) {
  size_t size = ettm_buffer_size(out);
  builder b;
  if (is_plain(value)) {
    return ettm_parameter_append(out, name, value);
  }
  b.out = out;
  b.status = check(name, value);
  put(&b, ETTM_LIT("; "));
  put(&b, name);
  put(&b, ETTM_LIT("=\""));
  if (b.status == ETTM_OK) {
    /* As in a phrase, so that neither a quote nor a backslash can stand in it. */
    b.status = ettm_encoded_word_append(out, value, ETTM_WORD_PHRASE, name.n + 3);
  }
  put_char(&b, '"');
  return finish(&b, size);
}

/* --- Reading --- */

static const char *skip_space(const char *p, const char *end) {
  while (p < end && ettm_char_is(*p, ETTM_CHAR_WSP)) {
    p++;
  }
  return p;
}

static const char *skip_token(const char *p, const char *end) {
  while (p < end && ettm_char_is(*p, ETTM_CHAR_TOKEN)) {
    p++;
  }
  return p;
}

/* Behind the quoted-string at p, or p when it is none. */
static const char *skip_quoted(const char *p, const char *end) {
  const char *at = p + 1;
  while (at < end && *at != '"') {
    if (*at == '\\' && end - at > 1) {
      at++;
    }
    if ((unsigned char)*at > 126 || ((unsigned char)*at < 32 && *at != '\t')) {
      return p;
    }
    at++;
  }
  return at < end ? at + 1 : p;
}

ettm_status ettm_parameter_next(ettm_str *rest, ettm_str *name, ettm_str *value) {
  const char *end, *p, *start;
  if (rest->n == 0) {
    return ETTM_DONE;
  }
  end = rest->p + rest->n;
  p = skip_space(rest->p, end);
  if (p == end) {
    return ETTM_DONE;
  }
  if (*p != ';') {
    return ETTM_E_NAME;
  }
  start = skip_space(p + 1, end);
  p = skip_token(start, end);
  *name = ettm_str_of(start, (size_t)(p - start));
  if (name->n == 0 || p == end || *p != '=') {
    return ETTM_E_NAME;
  }
  start = p + 1;
  p = start < end && *start == '"' ? skip_quoted(start, end) : skip_token(start, end);
  *value = ettm_str_of(start, (size_t)(p - start));
  *rest = ettm_str_of(p, (size_t)(end - p));
  return value->n > 0 ? ETTM_OK : ETTM_E_NAME;
}

ettm_str ettm_file_base_name(ettm_str path) {
  size_t at = path.n;
  while (at > 0 && path.p[at - 1] != '/' && path.p[at - 1] != '\\') {
    at--;
  }
  return at == 0 ? path : ettm_str_of(path.p + at, path.n - at);
}
