/* SPDX-License-Identifier: MIT */
#include "codec/encoded_word.h"

#include <stdint.h>
#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"
#include "codec/base64.h"
#include "codec/word_parts.h"

/* How it works: the text is cut into words twice without writing, as B and as Q, and the shorter
 * one is then written. */

#define WORD_FRAME  12 /* "=?UTF-8?B?" and "?=" */
#define PAYLOAD_MAX (ETTM_ENCODED_WORD_MAX - WORD_FRAME)

typedef struct word_form {
  char encoding; /* 'B' or 'Q' */
  ettm_word_place place;
  size_t first_budget; /* octets of the first word's encoded text */
} word_form;

ettm_status ettm_word_check(ettm_str text) {
  if (text.n > ETTM_WORD_TEXT_MAX) {
    return ETTM_E_LIMIT;
  }
  return ettm_utf8_check_text(text);
}

size_t ettm_word_budget(size_t first_line, size_t frame) {
  size_t room = first_line < ETTM_WORD_LINE_MAX ? ETTM_WORD_LINE_MAX - first_line : 0;
  room = room < ETTM_ENCODED_WORD_MAX ? room : ETTM_ENCODED_WORD_MAX;
  return room > frame ? room - frame : 0;
}

/* Any "=?" with a "?=" behind it: readers differ in what they take for a word. */
static int looks_like_word(ettm_str s) {
  size_t i;
  size_t opened = 0; /* one past the first "=?" */
  for (i = 1; i < s.n; i++) {
    if (opened == 0 && s.p[i - 1] == '=' && s.p[i] == '?') {
      opened = i + 1;
    } else if (opened != 0 && i > opened && s.p[i - 1] == '?' && s.p[i] == '=') {
      return 1;
    }
  }
  return 0;
}

int ettm_encoded_word_needed(ettm_str text) {
  return ettm_has_8bit(text) || ettm_has_unsafe(text) || looks_like_word(text);
}

static int stands_for_itself(char c, ettm_word_place place) {
  if (place == ETTM_WORD_PHRASE) {
    return ettm_char_is(c, ETTM_CHAR_EW_PHRASE);
  }
  return ettm_char_is(c, ETTM_CHAR_QP) && c != '?' && c != '_';
}

size_t ettm_word_q_size(ettm_str s, ettm_word_place place) {
  size_t i;
  size_t size = 0;
  for (i = 0; i < s.n; i++) {
    size += s.p[i] == ' ' || stands_for_itself(s.p[i], place) ? 1 : 3;
  }
  return size;
}

/* How many octets at the front of text fit a word, and what they become. */
static size_t fit_q(ettm_str text, ettm_word_place place, size_t budget, size_t *size) {
  size_t n = 0;
  *size = 0;
  while (n < text.n) {
    ettm_str rest = ettm_str_of(text.p + n, text.n - n);
    size_t octets = ettm_utf8_next(rest, NULL);
    size_t more = ettm_word_q_size(ettm_str_of(rest.p, octets), place);
    if (*size + more > budget) {
      break;
    }
    *size += more;
    n += octets;
  }
  return n;
}

static size_t fit_b(ettm_str text, size_t budget, size_t *size) {
  size_t n = ettm_utf8_cut(text, budget / 4 * 3);
  *size = (n + 2) / 3 * 4;
  return n;
}

static size_t fit(ettm_str text, const word_form *form, size_t budget, size_t *size) {
  return form->encoding == 'B' ? fit_b(text, budget, size) : fit_q(text, form->place, budget, size);
}

/* Cuts the next word off; *size is the whole word's. Where the first word has too little room for
 * even one character, it is made as long as any: the line will be folded in front of it. */
static ettm_str cut_word(ettm_str *text, const word_form *form, int is_first, size_t *size) {
  size_t n = is_first ? fit(*text, form, form->first_budget, size) : 0;
  ettm_str raw;
  if (n == 0) {
    n = fit(*text, form, PAYLOAD_MAX, size);
  }
  *size += WORD_FRAME;
  raw = ettm_str_of(text->p, n);
  text->p += n;
  text->n -= n;
  return raw;
}

static size_t words_size(ettm_str text, const word_form *form) {
  size_t size;
  size_t sum = 0;
  while (text.n > 0) {
    (void)cut_word(&text, form, sum == 0, &size);
    sum += (sum > 0) + size;
  }
  return sum;
}

/* No more octets than the text takes as Q words, however they are cut. */
static size_t least_q_size(ettm_str text, ettm_word_place place) {
  size_t payload = ettm_word_q_size(text, place);
  return payload + payload / PAYLOAD_MAX * WORD_FRAME;
}

ettm_status ettm_word_q_append(ettm_buffer *out, ettm_str raw, ettm_word_place place) {
  static const char digits[] = "0123456789ABCDEF"; /* upper case: RFC 2047 4.2 (1) */
  char coded[ETTM_ENCODED_WORD_MAX];
  size_t size = 0;
  size_t i;
  for (i = 0; i < raw.n; i++) {
    char c = raw.p[i];
    if (c == ' ') {
      coded[size++] = '_';
    } else if (stands_for_itself(c, place)) {
      coded[size++] = c;
    } else {
      coded[size++] = '=';
      coded[size++] = digits[(unsigned char)c >> 4];
      coded[size++] = digits[(unsigned char)c & 15];
    }
  }
  return ettm_buffer_append(out, ettm_str_of(coded, size));
}

static ettm_status append_word(ettm_buffer *out, ettm_str raw, const word_form *form) {
  int is_b = form->encoding == 'B';
  ettm_status status =
      ettm_buffer_append(out, is_b ? ETTM_LIT("=?UTF-8?B?") : ETTM_LIT("=?UTF-8?Q?"));
  if (status == ETTM_OK) {
    status = is_b ? ettm_base64_append(out, raw) : ettm_word_q_append(out, raw, form->place);
  }
  return status == ETTM_OK ? ettm_buffer_append(out, ETTM_LIT("?=")) : status;
}

/* Takes all the room first, so that what follows cannot stop half-way. */
static ettm_status append_words(ettm_buffer *out, ettm_str text, const word_form *form,
                                size_t size) {
  char *place;
  size_t ignored;
  int is_first = 1;
  ettm_status status = ettm_buffer_reserve(out, size, &place);
  while (status == ETTM_OK && text.n > 0) {
    ettm_str raw = cut_word(&text, form, is_first, &ignored);
    if (!is_first) {
      status = ettm_buffer_append_char(out, ' ');
    }
    if (status == ETTM_OK) {
      status = append_word(out, raw, form);
    }
    is_first = 0;
  }
  return status;
}

ettm_status ettm_encoded_word_append(ettm_buffer *out, ettm_str text, ettm_word_place place,
                                     size_t first_line) {
  size_t b_size, q_size;
  word_form b, q;
  ettm_status status = ettm_word_check(text);
  if (status != ETTM_OK || text.n == 0) {
    return status;
  }
  b.encoding = 'B';
  b.place = place;
  b.first_budget = ettm_word_budget(first_line, WORD_FRAME);
  q = b;
  q.encoding = 'Q';
  b_size = words_size(text, &b);
  if (least_q_size(text, place) > b_size) { /* as it is where most characters are not ASCII */
    return append_words(out, text, &b, b_size);
  }
  q_size = words_size(text, &q);
  return q_size <= b_size ? append_words(out, text, &q, q_size)
                          : append_words(out, text, &b, b_size);
}
