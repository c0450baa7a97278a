/* Charsets of the tests' own, which show by their octets whether a piece begins and ends in the
 * initial state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SPEC_OWN_CHARSET_H
#define ETTM_SPEC_OWN_CHARSET_H

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "check.h"
#include "codec/encoded_word.h"

#define TILDE "\xEF\xBD\x9E" /* FULLWIDTH TILDE */
#define WAVE  "\xE3\x80\x9C" /* WAVE DASH */

/* "x-latin": an octet a character, up to U+00FF. "x-shift": ASCII, and U+3000 to U+30FF as two
 * octets between ESC $ B and ESC ( B; its text is prepared by exchanging TILDE for WAVE. */
typedef struct own {
  ettm_charset_encoder encoder;
  ettm_charset reader;
  int is_shift;
  int calls;
  ettm_status fails; /* what from_utf8 returns instead */
} own;

static inline int own_fits(const own *o, uint32_t c) {
  return o->is_shift ? c < 0x80 || (c >= 0x3000 && c <= 0x30FF) : c <= 0xFF;
}

static inline ettm_status own_prepare(void *ud, ettm_str text, ettm_buffer *out) {
  const own *o = (const own *)ud;
  size_t before = ettm_buffer_size(out);
  ettm_status status = ETTM_OK;
  while (status == ETTM_OK && text.n > 0) {
    uint32_t c = 0;
    size_t n = ettm_utf8_next(text, &c);
    int is_tilde = o->is_shift && c == 0xFF5E;
    status = ettm_buffer_append(out, is_tilde ? ETTM_LIT(WAVE) : ettm_str_of(text.p, n));
    if (status == ETTM_OK && !is_tilde && !own_fits(o, c)) {
      ettm_buffer_truncate(out, before);
      status = ETTM_E_ARGUMENT;
    }
    text = ettm_str_of(text.p + n, text.n - n);
  }
  return status;
}

/* The octets of one character; *is_wide: the state. */
static inline size_t own_put(const own *o, uint32_t c, int *is_wide, char octets[5]) {
  size_t n = 0;
  int wants_wide = o->is_shift && c >= 0x80;
  if (wants_wide != *is_wide) {
    memcpy(octets, wants_wide ? "\x1B$B" : "\x1B(B", 3);
    n = 3;
    *is_wide = wants_wide;
  }
  if (wants_wide) {
    octets[n++] = (char)(0x24 + ((c - 0x3000) >> 6));
    octets[n++] = (char)(0x30 + (c & 0x3F));
  } else {
    octets[n++] = (char)c;
  }
  return n;
}

static inline ettm_status own_from_utf8(void *ud, ettm_str piece, ettm_buffer *out) {
  own *o = (own *)ud;
  ettm_status status = o->fails;
  int is_wide = 0;
  o->calls++;
  while (status == ETTM_OK && piece.n > 0) {
    char octets[5];
    uint32_t c = 0;
    size_t n = ettm_utf8_next(piece, &c);
    CHECK(n > 0 && own_fits(o, c));
    status = ettm_buffer_append(out, ettm_str_of(octets, own_put(o, c, &is_wide, octets)));
    piece = ettm_str_of(piece.p + n, piece.n - n);
  }
  if (status == ETTM_OK && is_wide) {
    status = ettm_buffer_append(out, ETTM_LIT("\x1B(B"));
  }
  return status;
}

static inline ettm_status append_code_point(ettm_buffer *out, uint32_t c) {
  char three[3];
  if (c < 0x80) {
    return ettm_buffer_append_char(out, (char)c);
  }
  three[0] = (char)(0xE0 | c >> 12);
  three[1] = (char)(0x80 | (c >> 6 & 0x3F));
  three[2] = (char)(0x80 | (c & 0x3F));
  if (c < 0x800) {
    three[0] = (char)(0xC0 | c >> 6);
    three[1] = three[2];
    return ettm_buffer_append(out, ettm_str_of(three, 2));
  }
  return ettm_buffer_append(out, ettm_str_of(three, 3));
}

/* Insists that the text ends in the state it began with. */
static inline ettm_status own_to_utf8(void *ud, ettm_str charset, ettm_str in, ettm_buffer *out) {
  const own *o = (const own *)ud;
  ettm_status status = ETTM_OK;
  int is_wide = 0;
  size_t i = 0;
  CHECK(ettm_str_equal(charset, o->encoder.name));
  while (status == ETTM_OK && i < in.n) {
    if (o->is_shift && in.p[i] == '\x1B' && in.n - i >= 3) {
      CHECK(is_wide == (in.p[i + 1] == '('));
      is_wide = in.p[i + 1] == '$';
      i += 3;
    } else if (is_wide) {
      status = in.n - i < 2 ? ETTM_E_ARGUMENT
                            : append_code_point(out, 0x3000u + ((uint32_t)(in.p[i] - 0x24) << 6) +
                                                         (uint32_t)(in.p[i + 1] - 0x30));
      i += 2;
    } else {
      status = append_code_point(out, (unsigned char)in.p[i++]);
    }
  }
  CHECK(!is_wide);
  return status;
}

static inline void own_init(own *o, const char *name, int is_shift) {
  memset(o, 0, sizeof *o);
  o->is_shift = is_shift;
  o->encoder.ud = o;
  o->encoder.name = ettm_str_of(name, strlen(name));
  o->encoder.only_b = is_shift;
  o->encoder.prepare = own_prepare;
  o->encoder.from_utf8 = own_from_utf8;
  o->reader.ud = o;
  o->reader.to_utf8 = own_to_utf8;
}

#endif
