/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"
#include "codec/base64.h"
#include "codec/encoded_word.h"
#include "codec/word_parts.h"

/* How it works: how many octets a piece of text makes is known only when it was converted, so the
 * longest piece that fits a word is found by halving. No piece that is tried has more characters
 * than the word has room for octets, so each try costs the same, and all of them O(n). As with
 * UTF-8 the text is first cut without writing, as B and as Q. */

#define FRAME      7    /* "=?", "?B?" and "?=" */
#define OCTETS_MAX 4096 /* what a tried piece of at most 68 characters makes: far less */

typedef struct maker {
  const ettm_charset_encoder *encoder;
  ettm_buffer octets; /* the piece converted last */
  ettm_word_place place;
  int is_q;
  size_t first_budget; /* octets of the first word's encoded text */
  size_t budget;       /* of any other's */
} maker;

int ettm_charset_is_name(ettm_str name) {
  /* Not the apostrophe, which parts charset and language in RFC 2231. */
  static const char marks[] = "!#$%&+-^_`{}~";
  size_t i;
  for (i = 0; i < name.n; i++) {
    if (!ettm_char_is(name.p[i], ETTM_CHAR_ALPHA | ETTM_CHAR_DIGIT) &&
        memchr(marks, name.p[i], sizeof marks - 1) == NULL) {
      return 0;
    }
  }
  return name.n > 0 && name.n <= ETTM_CHARSET_NAME_MAX;
}

static ettm_str front(ettm_str text, size_t n) {
  return ettm_str_of(text.p, n);
}

/* The octets of at most `most` characters at the front of text. */
static size_t skip_characters(ettm_str text, size_t most) {
  size_t n = 0;
  while (n < text.n && most-- > 0) {
    n += ettm_utf8_next(ettm_str_of(text.p + n, text.n - n), NULL);
  }
  return n;
}

/* Converts a piece; *size: the octets of its encoded text. */
static ettm_status measure(maker *m, ettm_str piece, size_t *size) {
  ettm_status status;
  ettm_str octets;
  ettm_buffer_truncate(&m->octets, 0);
  status = m->encoder->from_utf8(m->encoder->ud, piece, &m->octets);
  octets = ettm_buffer_view(&m->octets);
  *size = m->is_q ? ettm_word_q_size(octets, m->place) : (octets.n + 2) / 3 * 4;
  return status;
}

/* Finds how many octets at the front of text (*n, 0 when there are none) fit the budget, and what
 * they become. */
static ettm_status fit(maker *m, ettm_str text, size_t budget, size_t *n, size_t *size) {
  size_t most = skip_characters(text, m->is_q ? budget : budget / 4 * 3);
  ettm_status status = ETTM_OK;
  *n = 0;
  *size = 0;
  while (status == ETTM_OK && *n < most) {
    size_t tried = ettm_utf8_cut(text, *n + (most - *n + 1) / 2);
    size_t made;
    if (tried <= *n) {
      tried = *n + skip_characters(ettm_str_of(text.p + *n, text.n - *n), 1);
    }
    status = measure(m, front(text, tried), &made);
    if (made <= budget) {
      *n = tried;
      *size = made;
    } else {
      most = ettm_utf8_cut(text, tried - 1);
    }
  }
  return status;
}

/* The next word's piece, and the octets of its encoded text. Where the first word has too little
 * room for even one character, it is made as long as any: the line will be folded in front of it.
 */
static ettm_status next_piece(maker *m, ettm_str text, int is_first, size_t *n, size_t *size) {
  ettm_status status = ETTM_OK;
  *n = 0;
  if (is_first) {
    status = fit(m, text, m->first_budget, n, size);
  }
  if (status == ETTM_OK && *n == 0) {
    status = fit(m, text, m->budget, n, size);
  }
  return status == ETTM_OK && *n == 0 ? ETTM_E_LIMIT : status;
}

static ettm_status append_payload(const maker *m, ettm_buffer *out) {
  ettm_str octets = ettm_buffer_view(&m->octets);
  return m->is_q ? ettm_word_q_append(out, octets, m->place) : ettm_base64_append(out, octets);
}

static ettm_status append_word(maker *m, ettm_buffer *out, ettm_str piece) {
  size_t size;
  ettm_status status = measure(m, piece, &size);
  if (status == ETTM_OK) {
    status = ettm_buffer_append(out, ETTM_LIT("=?"));
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append(out, m->encoder->name);
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append(out, m->is_q ? ETTM_LIT("?Q?") : ETTM_LIT("?B?"));
  }
  if (status == ETTM_OK) {
    status = append_payload(m, out);
  }
  return status == ETTM_OK ? ettm_buffer_append(out, ETTM_LIT("?=")) : status;
}

/* Cuts text into words. *total: the octets of them all. out: where they are written, or NULL. */
static ettm_status make_words(maker *m, ettm_str text, ettm_buffer *out, size_t *total) {
  ettm_status status = ETTM_OK;
  *total = 0;
  while (status == ETTM_OK && text.n > 0) {
    size_t n, size;
    status = next_piece(m, text, *total == 0, &n, &size);
    if (status == ETTM_OK && out != NULL && *total > 0) {
      status = ettm_buffer_append_char(out, ' ');
    }
    if (status == ETTM_OK && out != NULL) {
      status = append_word(m, out, front(text, n));
    }
    if (status == ETTM_OK) {
      *total += (size_t)(*total > 0) + FRAME + m->encoder->name.n + size;
      text = ettm_str_of(text.p + n, text.n - n);
    }
  }
  return status;
}

/* Chooses B or Q by which is shorter, and writes. */
static ettm_status append_shorter(maker *m, ettm_buffer *out, ettm_str text) {
  size_t before = ettm_buffer_size(out);
  size_t b_size = 0, q_size = 0, ignored;
  ettm_status status = ETTM_OK;
  if (!m->encoder->only_b) {
    status = make_words(m, text, NULL, &b_size);
    m->is_q = 1;
    if (status == ETTM_OK) {
      status = make_words(m, text, NULL, &q_size);
    }
    m->is_q = status == ETTM_OK && q_size <= b_size;
  }
  if (status == ETTM_OK) {
    status = make_words(m, text, out, &ignored);
  }
  if (status != ETTM_OK) {
    ettm_buffer_truncate(out, before);
  }
  return status;
}

static ettm_status append_prepared(ettm_buffer *out, ettm_str text, ettm_word_place place,
                                   size_t first_line, const ettm_charset_encoder *encoder) {
  size_t frame = FRAME + encoder->name.n;
  ettm_status status;
  maker m;
  m.encoder = encoder;
  m.place = place;
  m.is_q = 0;
  m.first_budget = ettm_word_budget(first_line, frame);
  m.budget = ETTM_ENCODED_WORD_MAX - frame;
  ettm_buffer_init(&m.octets, &out->alloc, OCTETS_MAX);
  status = append_shorter(&m, out, text);
  ettm_buffer_clear(&m.octets);
  return status;
}

ettm_status ettm_encoded_word_append_charset(ettm_buffer *out, ettm_str text, ettm_word_place place,
                                             size_t first_line,
                                             const ettm_charset_encoder *encoder) {
  ettm_status status = ettm_word_check(text);
  ettm_buffer prepared;
  if (encoder == NULL) {
    return ettm_encoded_word_append(out, text, place, first_line);
  }
  if (status != ETTM_OK || text.n == 0) {
    return status;
  }
  if (!ettm_charset_is_name(encoder->name)) {
    return ETTM_E_ARGUMENT;
  }
  ettm_buffer_init(&prepared, &out->alloc, 2 * text.n);
  status = encoder->prepare(encoder->ud, text, &prepared);
  if (status == ETTM_OK) {
    status = append_prepared(out, ettm_buffer_view(&prepared), place, first_line, encoder);
  }
  ettm_buffer_clear(&prepared);
  if (status == ETTM_E_ARGUMENT && !encoder->is_strict) {
    return ettm_encoded_word_append(out, text, place, first_line);
  }
  return status;
}
