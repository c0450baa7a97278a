/* SPDX-License-Identifier: MIT */
#include "mime/parameter.h"

#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"
#include "codec/encoded_word.h"

#define NAME_MAX    40
#define SEGMENT_MAX 75   /* octets of one parameter, without the "; " in front */
#define OCTETS_MAX  4096 /* what a piece of at most that many octets becomes: far less */

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
  const ettm_charset_encoder *encoder; /* NULL: UTF-8 */
  ettm_buffer octets;                  /* of the piece converted last */
} builder;

static void begin(builder *b, ettm_buffer *out, ettm_status status) {
  b->out = out;
  b->status = status;
  b->encoder = NULL;
}

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
  size_t from = 0; /* what is not put yet */
  if (is_token(value)) {
    put(b, value);
    return;
  }
  put_char(b, '"');
  for (i = 0; i < value.n; i++) {
    if (must_escape(value.p[i])) {
      put(b, ettm_str_of(value.p + from, i - from));
      put_char(b, '\\');
      from = i;
    }
  }
  put(b, ettm_str_of(value.p + from, value.n - from));
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

/* How the value in an encoded parameter begins: "charset''" (RFC 2231 4). */
static void put_charset(builder *b) {
  put(b, b->encoder != NULL ? b->encoder->name : ETTM_LIT("UTF-8"));
  put(b, ETTM_LIT("''"));
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

/* A piece in the charset, and how much of it that is; the octets stay until the next piece. */
static size_t convert(builder *b, ettm_str piece) {
  ettm_buffer_truncate(&b->octets, 0);
  if (b->status == ETTM_OK) {
    b->status = b->encoder->from_utf8(b->encoder->ud, piece, &b->octets);
  }
  return extended_size(ettm_buffer_view(&b->octets));
}

/* As fit, of a value that is converted: the longest piece is found by halving. One character fits
 * always, as the loop must end; a charset whose characters are longer than a line is none. */
static size_t fit_converted(builder *b, ettm_str value, size_t room) {
  size_t n = ettm_utf8_next(value, NULL);
  size_t most = ettm_utf8_cut(value, room);
  while (b->status == ETTM_OK && n < most) {
    size_t tried = ettm_utf8_cut(value, n + (most - n + 1) / 2);
    if (tried <= n) {
      tried = n + ettm_utf8_next(ettm_str_of(value.p + n, value.n - n), NULL);
    }
    if (convert(b, ettm_str_of(value.p, tried)) <= room) {
      n = tried;
    } else {
      most = ettm_utf8_cut(value, tried - 1);
    }
  }
  return n;
}

/* Puts the next piece of value, as much as there is room for. Returns how much it was. */
static size_t put_piece(builder *b, ettm_str value, size_t room) {
  size_t n;
  if (b->encoder == NULL) {
    n = fit(value, room);
    put_extended(b, ettm_str_of(value.p, n));
    return n;
  }
  n = fit_converted(b, value, room);
  (void)convert(b, ettm_str_of(value.p, n));
  put_extended(b, ettm_buffer_view(&b->octets));
  return n;
}

/* RFC 2231 4.1: the charset in the first segment only, each of them percent-coded. */
static void put_segments(builder *b, ettm_str name, ettm_str value) {
  size_t number = 0;
  while (b->status == ETTM_OK && value.n > 0) {
    size_t before = ettm_buffer_size(b->out);
    size_t n, used;
    put_number(b, name, number);
    put(b, ETTM_LIT("*="));
    if (number == 0) {
      put_charset(b);
    }
    used = ettm_buffer_size(b->out) - before - 2;
    n = put_piece(b, value, used < SEGMENT_MAX ? SEGMENT_MAX - used : 0);
    value.p += n;
    value.n -= n;
    number++;
  }
}

/* The octets of a whole value in an encoded parameter; SIZE_MAX: too many. */
static size_t whole_size(builder *b, ettm_str value) {
  if (value.n > SEGMENT_MAX) {
    return SIZE_MAX;
  }
  return b->encoder != NULL ? b->encoder->name.n + convert(b, value)
                            : sizeof "UTF-8" - 1 + extended_size(value);
}

static void put_long(builder *b, ettm_str name, ettm_str value) {
  size_t room = SEGMENT_MAX - name.n - (sizeof "*=''" - 1);
  if (whole_size(b, value) > room) {
    put_segments(b, name, value);
    return;
  }
  put(b, ETTM_LIT("; "));
  put(b, name);
  put(b, ETTM_LIT("*="));
  put_charset(b);
  (void)put_piece(b, value, room);
}

static void put_short(builder *b, ettm_str name, ettm_str value) {
  put(b, ETTM_LIT("; "));
  put(b, name);
  put_char(b, '=');
  put_value(b, value);
}

/* A value that was prepared for the encoder. */
static void put_prepared(builder *b, ettm_str name, ettm_str value,
                         const ettm_charset_encoder *encoder) {
  b->encoder = encoder;
  ettm_buffer_init(&b->octets, &b->out->alloc, OCTETS_MAX);
  put_long(b, name, value);
  ettm_buffer_clear(&b->octets);
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
  begin(&b, out, check(name, value));
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

static ettm_status append_prepared(ettm_buffer *out, ettm_str name, ettm_str value,
                                   const ettm_charset_encoder *encoder) {
  size_t size = ettm_buffer_size(out);
  ettm_buffer prepared;
  builder b;
  ettm_buffer_init(&prepared, &out->alloc, 2 * value.n);
  begin(&b, out, encoder->prepare(encoder->ud, value, &prepared));
  if (b.status == ETTM_OK) {
    put_prepared(&b, name, ettm_buffer_view(&prepared), encoder);
  }
  ettm_buffer_clear(&prepared);
  return finish(&b, size);
}

ettm_status ettm_parameter_append_charset(ettm_buffer *out, ettm_str name, ettm_str value,
                                          const ettm_charset_encoder *encoder) {
  ettm_status status = check(name, value);
  if (status != ETTM_OK || encoder == NULL || !ettm_has_8bit(value)) {
    return status == ETTM_OK ? ettm_parameter_append(out, name, value) : status;
  }
  if (!ettm_charset_is_name(encoder->name)) {
    return ETTM_E_ARGUMENT;
  }
  status = append_prepared(out, name, value, encoder);
  if (status == ETTM_E_ARGUMENT && !encoder->is_strict) {
    return ettm_parameter_append(out, name, value);
  }
  return status;
}

ettm_status ettm_parameter_append_legacy(ettm_buffer *out, ettm_str name, ettm_str value,
                                         const ettm_charset_encoder *encoder) {
  size_t size = ettm_buffer_size(out);
  builder b;
  if (is_plain(value)) {
    return ettm_parameter_append(out, name, value);
  }
  begin(&b, out, check(name, value));
  put(&b, ETTM_LIT("; "));
  put(&b, name);
  put(&b, ETTM_LIT("=\""));
  if (b.status == ETTM_OK) {
    /* As in a phrase, so that neither a quote nor a backslash can stand in it. */
    b.status = ettm_encoded_word_append_charset(out, value, ETTM_WORD_PHRASE, name.n + 3, encoder);
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

ettm_status ettm_parameter_find(ettm_str parameters, ettm_str name, ettm_str *value) {
  ettm_str found, at;
  ettm_status status;
  *value = ettm_str_of(NULL, 0);
  while ((status = ettm_parameter_next(&parameters, &found, &at)) == ETTM_OK) {
    if (ettm_str_equal_nocase(found, name)) {
      *value = at;
    }
  }
  return status == ETTM_DONE ? ETTM_OK : status;
}

ettm_str ettm_file_base_name(ettm_str path) {
  size_t at = path.n;
  while (at > 0 && path.p[at - 1] != '/' && path.p[at - 1] != '\\') {
    at--;
  }
  return at == 0 ? path : ettm_str_of(path.p + at, path.n - at);
}
