/* SPDX-License-Identifier: MIT */
#include "codec/encoded_word.h"

#include <stdint.h>
#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"
#include "codec/base64.h"

/* How it works. Encoding: the text is cut into words twice without writing, as B and as Q, and the
 * shorter one is then written. Decoding: neighbouring words of one charset are a run, whose octets
 * are joined before they are converted, because there are mailers that part a character between two
 * words; only where that fails each word is tried alone. The next "=?" is looked for behind what
 * was read, and no try reads past the fourth "?", so that no octet is read more than a few times.
 */

#define LINE_MAX    76 /* a line that holds an encoded word (RFC 2047 2) */
#define WORD_FRAME  12 /* "=?UTF-8?B?" and "?=" */
#define PAYLOAD_MAX (ETTM_ENCODED_WORD_MAX - WORD_FRAME)
#define TEXT_MAX    (SIZE_MAX / 16) /* the size of the words of such a text does not overflow */

/* --- encoding --- */

typedef struct word_form {
  char encoding; /* 'B' or 'Q' */
  ettm_word_place place;
  size_t first_budget; /* octets of the first word's encoded text */
} word_form;

static int is_unsafe(char c) {
  return c != '\t' && ettm_char_is(c, ETTM_CHAR_CONTROL);
}

static int has_unsafe(ettm_str s) {
  size_t i;
  for (i = 0; i < s.n; i++) {
    if (is_unsafe(s.p[i])) {
      return 1;
    }
  }
  return 0;
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
  return ettm_has_8bit(text) || has_unsafe(text) || looks_like_word(text);
}

static int stands_for_itself(char c, ettm_word_place place) {
  if (place == ETTM_WORD_PHRASE) {
    return ettm_char_is(c, ETTM_CHAR_EW_PHRASE);
  }
  return ettm_char_is(c, ETTM_CHAR_QP) && c != '?' && c != '_';
}

/* The octets that s makes in a Q word. */
static size_t q_size(ettm_str s, ettm_word_place place) {
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
    size_t more = q_size(ettm_str_of(rest.p, octets), place);
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

static ettm_status append_q(ettm_buffer *out, ettm_str raw, ettm_word_place place) {
  static const char digits[] = "0123456789ABCDEF"; /* upper case: RFC 2047 4.2 (1) */
  char coded[PAYLOAD_MAX];
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
    status = is_b ? ettm_base64_append(out, raw) : append_q(out, raw, form->place);
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
  size_t room = first_line < LINE_MAX ? LINE_MAX - first_line : 0;
  size_t b_size, q_size_all;
  word_form b, q;
  if (text.n == 0) {
    return ETTM_OK;
  }
  if (text.n > TEXT_MAX) {
    return ETTM_E_LIMIT;
  }
  if (!ettm_utf8_valid(text)) {
    return ETTM_E_UTF8;
  }
  if (has_unsafe(text)) {
    return ETTM_E_UNSAFE;
  }
  b.encoding = 'B';
  b.place = place;
  b.first_budget = room > WORD_FRAME ? room - WORD_FRAME : 0;
  b.first_budget = b.first_budget < PAYLOAD_MAX ? b.first_budget : PAYLOAD_MAX;
  q = b;
  q.encoding = 'Q';
  b_size = words_size(text, &b);
  q_size_all = words_size(text, &q);
  return q_size_all <= b_size ? append_words(out, text, &q, q_size_all)
                              : append_words(out, text, &b, b_size);
}

/* --- decoding --- */

typedef struct word {
  ettm_str charset; /* without RFC 2231's language */
  char encoding;    /* 'B' or 'Q' */
  ettm_str payload;
  const char *end;
} word;

typedef struct decoder {
  ettm_buffer *out;
  ettm_buffer octets; /* of a run, before conversion */
  const ettm_charset *charset;
  int after_word; /* what out ends with was a word */
} decoder;

static int is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *skip_space(const char *p, const char *end) {
  while (p < end && is_space(*p)) {
    p++;
  }
  return p;
}

/* What may stand in an encoded text: printable and no "?" (RFC 2047 2). */
static int is_payload(char c) {
  return c > 32 && c < 127 && c != '?';
}

static const char *skip_token(const char *p, const char *end) {
  while (p < end && ettm_char_is(*p, ETTM_CHAR_TOKEN)) {
    p++;
  }
  return p;
}

/* Reads "=?charset?" or RFC 2231's "=?charset*language?" at p. Returns what is behind it, or NULL.
 */
static const char *scan_charset(const char *p, const char *end, ettm_str *charset) {
  const char *start, *star;
  if (end - p < 2 || p[0] != '=' || p[1] != '?') {
    return NULL;
  }
  start = p + 2;
  p = skip_token(start, end);
  star = (const char *)memchr(start, '*', (size_t)(p - start));
  *charset = ettm_str_of(start, (size_t)((star != NULL ? star : p) - start));
  return charset->n > 0 && p < end && *p == '?' ? p + 1 : NULL;
}

/* Reads the encoded word at p; 0 when there is none. */
static int scan_word(const char *p, const char *end, word *w) {
  p = scan_charset(p, end, &w->charset);
  if (p == NULL || end - p < 4 || p[1] != '?') {
    return 0;
  }
  w->encoding = ettm_upper(*p);
  if (w->encoding != 'B' && w->encoding != 'Q') {
    return 0;
  }
  p += 2;
  w->payload.p = p;
  while (p < end && is_payload(*p)) {
    p++;
  }
  w->payload.n = (size_t)(p - w->payload.p);
  w->end = p + 2;
  return end - p >= 2 && p[0] == '?' && p[1] == '=';
}

static int hex_value(char c) {
  c = ettm_upper(c);
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The octet that two digits are, of either case; -1 for what are none. */
static int hex_octet(const char *p) {
  int high = hex_value(p[0]);
  int low = hex_value(p[1]);
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static ettm_status decode_q(ettm_buffer *out, ettm_str s) {
  char *place;
  size_t size = 0;
  size_t i;
  ettm_status status = s.n > 0 ? ettm_buffer_reserve(out, s.n, &place) : ETTM_OK;
  if (status != ETTM_OK || s.n == 0) {
    return status;
  }
  for (i = 0; i < s.n; i++) {
    char c = s.p[i] == '_' ? ' ' : s.p[i];
    if (c == '=') {
      int octet = s.n - i > 2 ? hex_octet(s.p + i + 1) : -1;
      if (octet < 0) {
        return ETTM_E_ARGUMENT;
      }
      c = (char)octet;
      i += 2;
    }
    place[size++] = c;
  }
  ettm_buffer_commit(out, size);
  return ETTM_OK;
}

/* Collects the octets of the words from p to end, white space between them left out. */
static ettm_status collect_octets(decoder *d, const char *p, const char *end) {
  ettm_status status = ETTM_OK;
  word w;
  ettm_buffer_truncate(&d->octets, 0);
  while (status == ETTM_OK && p < end && scan_word(p, end, &w)) {
    status = w.encoding == 'B' ? ettm_base64_decode(&d->octets, w.payload)
                               : decode_q(&d->octets, w.payload);
    p = skip_space(w.end, end);
  }
  return status;
}

static ettm_status append_latin1(ettm_buffer *out, ettm_str s) {
  ettm_status status = ETTM_OK;
  size_t i;
  for (i = 0; i < s.n && status == ETTM_OK; i++) {
    unsigned c = (unsigned char)s.p[i];
    char two[2];
    two[0] = (char)(0xC0 | c >> 6);
    two[1] = (char)(0x80 | (c & 0x3F));
    status = c < 0x80 ? ettm_buffer_append_char(out, s.p[i])
                      : ettm_buffer_append(out, ettm_str_of(two, 2));
  }
  return status;
}

static ettm_status convert(decoder *d, ettm_str charset, ettm_str octets) {
  if (ettm_str_equal_nocase(charset, ETTM_LIT("utf-8")) ||
      ettm_str_equal_nocase(charset, ETTM_LIT("utf8"))) {
    return ettm_buffer_append(d->out, octets); /* what is not valid is seen to by the caller */
  }
  if (ettm_str_equal_nocase(charset, ETTM_LIT("us-ascii"))) {
    return ettm_has_8bit(octets) ? ETTM_E_ARGUMENT : ettm_buffer_append(d->out, octets);
  }
  if (ettm_str_equal_nocase(charset, ETTM_LIT("iso-8859-1"))) {
    return append_latin1(d->out, octets);
  }
  if (d->charset == NULL || d->charset->to_utf8 == NULL) {
    return ETTM_E_ARGUMENT;
  }
  return d->charset->to_utf8(d->charset->ud, charset, octets, d->out);
}

/* True when what was appended from start on is text. A control character is not: CR and LF must not
 * get into a name by way of a word. */
static int is_text(const ettm_buffer *b, size_t start) {
  ettm_str s = ettm_buffer_view(b);
  if (s.n == start) {
    return 1;
  }
  s = ettm_str_of(s.p + start, s.n - start);
  return ettm_utf8_valid(s) && !has_unsafe(s);
}

/* Appends what the words from p to end show, and the text in front of them unless it is the white
 * space between two words. Returns ETTM_E_ARGUMENT, with nothing appended, when they do not decode.
 */
static ettm_status show_words(decoder *d, ettm_str gap, const char *p, const char *end) {
  size_t before = ettm_buffer_size(d->out);
  int is_dropped = d->after_word && skip_space(gap.p, gap.p + gap.n) == gap.p + gap.n;
  ettm_status status = collect_octets(d, p, end);
  word w;
  if (status == ETTM_OK && !is_dropped) {
    status = ettm_buffer_append(d->out, gap);
  }
  if (status == ETTM_OK && scan_word(p, end, &w)) {
    size_t start = ettm_buffer_size(d->out);
    status = convert(d, w.charset, ettm_buffer_view(&d->octets));
    if (status == ETTM_OK && !is_text(d->out, start)) {
      status = ETTM_E_ARGUMENT;
    }
  }
  if (status != ETTM_OK) {
    ettm_buffer_truncate(d->out, before);
  }
  d->after_word = status == ETTM_OK;
  return status;
}

/* Shows each word of a run by itself; one that does not decode stays as it is. */
static ettm_status show_each(decoder *d, ettm_str gap, const char *p, const char *end) {
  ettm_status status = ETTM_OK;
  word w;
  while (status == ETTM_OK && p < end && scan_word(p, end, &w)) {
    status = show_words(d, gap, p, w.end);
    if (status == ETTM_E_ARGUMENT) {
      status = ettm_buffer_append(d->out, ettm_str_of(gap.p, gap.n + (size_t)(w.end - p)));
    }
    p = skip_space(w.end, end);
    gap = ettm_str_of(w.end, (size_t)(p - w.end));
  }
  return status;
}

/* The end of the run of words of one charset that begins with first. */
static const char *find_run_end(const word *first, const char *end) {
  const char *run_end = first->end;
  word w;
  while (scan_word(skip_space(run_end, end), end, &w) &&
         ettm_str_equal_nocase(w.charset, first->charset)) {
    run_end = w.end;
  }
  return run_end;
}

static const char *find_mark(const char *p, const char *end) {
  return (const char *)memchr(p, '=', (size_t)(end - p));
}

static ettm_status decode_all(decoder *d, ettm_str text) {
  const char *end = text.p + text.n;
  const char *plain = text.p; /* the text in front of p that is not in out yet */
  const char *p = text.p;
  ettm_status status = ETTM_OK;
  while (status == ETTM_OK && (p = find_mark(p, end)) != NULL) {
    word w;
    if (scan_word(p, end, &w)) {
      const char *run_end = find_run_end(&w, end);
      ettm_str gap = ettm_str_of(plain, (size_t)(p - plain));
      int after_word = d->after_word;
      status = show_words(d, gap, p, run_end);
      if (status == ETTM_E_ARGUMENT) {
        d->after_word = after_word;
        status = show_each(d, gap, p, run_end);
      }
      p = plain = run_end;
    } else {
      p++;
    }
  }
  if (status != ETTM_OK) {
    return status;
  }
  return ettm_buffer_append(d->out, ettm_str_of(plain, (size_t)(end - plain)));
}

ettm_status ettm_encoded_word_decode(ettm_buffer *out, ettm_str text, const ettm_charset *charset) {
  size_t before = ettm_buffer_size(out);
  decoder d;
  ettm_status status;
  if (text.n == 0) {
    return ETTM_OK;
  }
  d.out = out;
  d.charset = charset;
  d.after_word = 0;
  ettm_buffer_init(&d.octets, &out->alloc, text.n);
  status = decode_all(&d, text);
  ettm_buffer_clear(&d.octets);
  if (status != ETTM_OK) {
    ettm_buffer_truncate(out, before);
  }
  return status;
}
