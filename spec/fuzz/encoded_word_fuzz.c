/* Fuzzes encoded words: any text is decoded within its bounds; what is encoded has the form that
 * RFC 2047 asks for, word by word, and is decoded to the same text.
 *
 * The first octet is how much is on the line already; the rest is the text.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"
#include "codec/encoded_word.h"

#define OUT_MAX         1000000
#define MUST(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A charset of three characters to an octet, which knows no octet above 127. */
static ettm_status to_utf8(void *ud, ettm_str charset, ettm_str in, ettm_buffer *out) {
  size_t i;
  (void)ud;
  for (i = 0; i < in.n; i++) {
    char three[3];
    memset(three, in.p[i], 3);
    if ((unsigned char)in.p[i] > 127 || charset.n == 0) {
      return ETTM_E_ARGUMENT;
    }
    if (ettm_buffer_append(out, ettm_str_of(three, 3)) != ETTM_OK) {
      return ETTM_E_MEMORY;
    }
  }
  return ETTM_OK;
}

static void decode(ettm_str in, const ettm_charset *charset, ettm_buffer *out) {
  ettm_buffer_init(out, NULL, OUT_MAX);
  MUST(ettm_encoded_word_decode(out, in, charset) == ETTM_OK);
  MUST(ettm_buffer_size(out) <= in.n * 3);
}

static int is_safe(ettm_str s) {
  size_t i;
  for (i = 0; i < s.n; i++) {
    if (s.p[i] != '\t' && ettm_char_is(s.p[i], ETTM_CHAR_CONTROL)) {
      return 0;
    }
  }
  return 1;
}

/* Decoding adds no control character, and nothing that is not UTF-8. */
static void check_decodes(ettm_str in) {
  ettm_charset charset;
  ettm_buffer plain, mapped;
  charset.ud = NULL;
  charset.to_utf8 = to_utf8;
  decode(in, NULL, &plain);
  decode(in, &charset, &mapped);
  if (is_safe(in) && in.n > 0) {
    MUST(is_safe(ettm_buffer_view(&plain)) && is_safe(ettm_buffer_view(&mapped)));
  }
  if (ettm_utf8_valid(in)) {
    MUST(ettm_utf8_valid(ettm_buffer_view(&plain)) && ettm_utf8_valid(ettm_buffer_view(&mapped)));
  }
  if (!ettm_encoded_word_needed(in)) {
    MUST(ettm_str_equal(ettm_buffer_view(&plain), in));
  }
  ettm_buffer_clear(&plain);
  ettm_buffer_clear(&mapped);
}

static void check_q(ettm_str payload, ettm_word_place place) {
  size_t i;
  for (i = 0; i < payload.n; i++) {
    char c = payload.p[i];
    if (c == '=') {
      MUST(payload.n - i > 2);
      MUST(c != payload.p[i + 1]);
      i += 2;
    } else {
      MUST(c == '_' ||
           ettm_char_is(c, place == ETTM_WORD_PHRASE ? ETTM_CHAR_EW_PHRASE : ETTM_CHAR_QP));
    }
  }
}

/* One word: its form, and that it shows valid UTF-8 by itself. */
static void check_word(ettm_str w, ettm_word_place place) {
  ettm_buffer shown;
  ettm_str payload;
  MUST(w.n > 12 && w.n <= ETTM_ENCODED_WORD_MAX);
  MUST(memcmp(w.p, "=?UTF-8?", 8) == 0 && w.p[9] == '?' && memcmp(w.p + w.n - 2, "?=", 2) == 0);
  payload = ettm_str_of(w.p + 10, w.n - 12);
  MUST(memchr(payload.p, '?', payload.n) == NULL);
  if (w.p[8] == 'Q') {
    check_q(payload, place);
  } else {
    MUST(w.p[8] == 'B' && payload.n % 4 == 0);
  }
  decode(w, NULL, &shown);
  MUST(ettm_buffer_size(&shown) <= payload.n && ettm_utf8_valid(ettm_buffer_view(&shown)));
  ettm_buffer_clear(&shown);
}

static void check_words(ettm_str s, ettm_word_place place, size_t first_line) {
  int is_first = 1;
  while (s.n > 0) {
    const char *space = (const char *)memchr(s.p, ' ', s.n);
    size_t n = space != NULL ? (size_t)(space - s.p) : s.n;
    check_word(ettm_str_of(s.p, n), place);
    MUST(!is_first || first_line > 44 || first_line + n <= 76);
    MUST(space == NULL || s.n > n + 1);
    s = ettm_str_of(s.p + n + (space != NULL), s.n - n - (space != NULL));
    is_first = 0;
  }
}

static void check_encodes(ettm_str in, ettm_word_place place, size_t first_line) {
  ettm_buffer words, shown;
  ettm_status status;
  ettm_buffer_init(&words, NULL, OUT_MAX);
  status = ettm_encoded_word_append(&words, in, place, first_line);
  if (status == ETTM_OK && in.n > 0) {
    MUST(ettm_utf8_valid(in) && is_safe(in));
    check_words(ettm_buffer_view(&words), place, first_line);
    decode(ettm_buffer_view(&words), NULL, &shown);
    MUST(ettm_str_equal(ettm_buffer_view(&shown), in));
    ettm_buffer_clear(&shown);
  } else {
    MUST(ettm_buffer_size(&words) == 0);
    MUST(in.n == 0 || (status == ETTM_E_UTF8 && !ettm_utf8_valid(in)) ||
         (status == ETTM_E_UNSAFE && !is_safe(in)));
  }
  ettm_buffer_clear(&words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ettm_str in;
  if (size < 1 || size > 16384) {
    return 0;
  }
  in = ettm_str_of((const char *)data + 1, size - 1);
  check_decodes(in);
  check_encodes(in, ETTM_WORD_TEXT, data[0]);
  check_encodes(in, ETTM_WORD_PHRASE, data[0]);
  return 0;
}
