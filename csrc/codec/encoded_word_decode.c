/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"
#include "codec/base64.h"
#include "codec/encoded_word.h"
#include "codec/word_parts.h"

/* How it works: neighbouring words of one charset are a run, whose octets are joined before they
 * are converted, because there are mailers that part a character between two words; only where that
 * fails each word is tried alone. The next "=?" is looked for behind what was read, and no try
 * reads past the fourth "?", so that no octet is read more than a few times. */

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
  return ettm_utf8_check_text(s) == ETTM_OK;
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
