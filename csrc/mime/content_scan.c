/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"
#include "mime/fold.h"
#include "mime/message.h"

/* How it works: one pass over the octets; the quoted-printable size is counted by running the
 * encoder itself, so that it is right by construction. */

#define SCRATCH 1024

static int is_wsp(char c) {
  return c == ' ' || c == '\t';
}

void ettm_content_scan_init(ettm_content_scan *s) {
  memset(s, 0, sizeof *s);
  ettm_qp_init(&s->qp, 1);
}

/* Remembers the number of a line in which something was found for the first time. */
static void note(uint64_t *place, uint64_t line) {
  if (*place == 0) {
    *place = line;
  }
}

static void end_line(ettm_content_scan *s) {
  s->lines++;
  if (s->line == 0) {
    note(&s->facts.empty_line, s->lines);
  }
  if (s->line > ETTM_LINE_MAX) {
    note(&s->facts.long_line, s->lines);
  }
  if (s->line > s->facts.longest) {
    s->facts.longest = s->line < UINT32_MAX ? (uint32_t)s->line : UINT32_MAX;
  }
  if (s->line > 0 && is_wsp(s->last)) {
    s->facts.fragile = 1;
  }
  s->facts.crlf_size += 2;
  s->line = 0;
}

/* "From " is what mbox quotes, a dot is what broken stuffing eats, and "--=_" begins a delimiter
 * line of ours. */
static int is_fragile_start(const ettm_content_scan *s) {
  switch (s->line) {
  case 1: return s->start[0] == '.';
  case 4: return memcmp(s->start, "--=_", 4) == 0;
  case 5: return memcmp(s->start, "From ", 5) == 0;
  default: return 0;
  }
}

/* ESC, SO, SI. */
static int is_shift(char c) {
  return c == 27 || c == 14 || c == 15;
}

static void see_octet(ettm_content_scan *s, char c) {
  if (s->line < sizeof s->start) {
    s->start[s->line] = c;
  }
  s->line++;
  s->facts.crlf_size++;
  if ((unsigned char)c > 127) {
    s->facts.high++;
    note(&s->facts.high_line, s->lines + 1);
  }
  if (c == '\0') {
    note(&s->facts.nul_line, s->lines + 1);
  }
  s->facts.shifts |= is_shift(c);
  if (s->last == '\r' || (c != '\t' && !is_shift(c) && ettm_char_is(c, ETTM_CHAR_CONTROL)) ||
      (s->line <= sizeof s->start && is_fragile_start(s))) {
    s->facts.fragile = 1;
  }
}

static void see(ettm_content_scan *s, char c) {
  if (s->last == '\r' && c != '\n') {
    note(&s->facts.bare_line, s->lines);
  }
  if (c == '\n') {
    if (s->last != '\r') {
      end_line(s);
      note(&s->facts.bare_line, s->lines);
    }
  } else if (c == '\r') {
    s->facts.fragile |= s->last == '\r';
    end_line(s);
  } else {
    see_octet(s, c);
  }
  s->last = c;
}

/* How a line that may turn out fragile begins. */
static int may_be_fragile(char c) {
  return c == '.' || c == '-' || c == 'F';
}

/* Takes octets that change nothing but the counts: no control character, nothing that tells that it
 * is no UTF-8, and not the start of a line that has to be looked at. Returns how many. */
static size_t see_run(ettm_content_scan *s, ettm_str piece) {
  size_t high = 0;
  size_t n;
  if (s->last == '\r' ||
      (s->line < sizeof s->start && (s->line > 0 || may_be_fragile(piece.p[0])))) {
    return 0;
  }
  n = s->facts.not_utf8 ? ettm_skip_printable(piece, &high) : ettm_utf8_skip_text(piece, &high);
  if (n > 0) {
    s->start[0] = piece.p[0]; /* of a short line: it stays what it is */
    s->line += n;
    s->facts.crlf_size += n;
    s->facts.high += high;
    if (high > 0) {
      note(&s->facts.high_line, s->lines + 1);
    }
    s->last = piece.p[n - 1];
  }
  return n;
}

static void count_qp(ettm_content_scan *s, ettm_str piece) {
  char out[SCRATCH];
  size_t used, made;
  while (piece.n > 0) {
    ettm_qp_encode(&s->qp, piece, &used, out, sizeof out, &made);
    s->facts.qp_size += made;
    piece.p += used;
    piece.n -= used;
  }
}

static uint64_t whole_qp_size(ettm_str content) {
  char out[SCRATCH];
  size_t made;
  ettm_content_scan s;
  ettm_content_scan_init(&s);
  count_qp(&s, content);
  ettm_qp_finish(&s.qp, out, sizeof out, &made);
  return s.facts.qp_size + made;
}

/* Takes octets up to the end of the code point that an earlier piece has begun. Returns how many.
 */
static size_t join_code_point(ettm_content_scan *s, ettm_str piece) {
  size_t n = 0;
  while (s->cut_size > 0 && n < piece.n) {
    s->cut[s->cut_size++] = piece.p[n];
    see(s, piece.p[n++]);
    if (ettm_utf8_next(ettm_str_of(s->cut, s->cut_size), NULL) > 0) {
      s->cut_size = 0;
    } else if (s->cut_size == sizeof s->cut) {
      s->facts.not_utf8 = 1;
      s->cut_size = 0;
    }
  }
  return n;
}

/* Whether what is left of a piece may be the beginning of a code point. */
static int is_cut(ettm_str rest) {
  size_t i;
  if (rest.n > 3 || (unsigned char)rest.p[0] < 0xC0) {
    return 0;
  }
  for (i = 1; i < rest.n; i++) {
    if (((unsigned char)rest.p[i] & 0xC0) != 0x80) {
      return 0;
    }
  }
  return 1;
}

/* Takes one code point, or an octet that is none of any. Returns how many octets. */
static size_t see_point(ettm_content_scan *s, ettm_str rest) {
  size_t n = 1;
  size_t i;
  if ((unsigned char)rest.p[0] > 127 && !s->facts.not_utf8) {
    n = ettm_utf8_next(rest, NULL);
  }
  if (n == 0 && is_cut(rest)) {
    n = s->cut_size = rest.n;
    memcpy(s->cut, rest.p, n);
  } else if (n == 0) {
    s->facts.not_utf8 = 1;
    n = 1;
  }
  for (i = 0; i < n; i++) {
    see(s, rest.p[i]);
  }
  return n;
}

void ettm_content_scan_feed(ettm_content_scan *s, ettm_str piece) {
  size_t i;
  s->facts.size += piece.n;
  if (!s->skips_qp) {
    count_qp(s, piece);
  }
  i = join_code_point(s, piece);
  while (i < piece.n) {
    i += see_run(s, ettm_str_of(piece.p + i, piece.n - i));
    if (i < piece.n) {
      i += see_point(s, ettm_str_of(piece.p + i, piece.n - i));
    }
  }
}

void ettm_content_scan_finish(ettm_content_scan *s, ettm_content_facts *facts) {
  char out[SCRATCH];
  size_t made;
  ettm_qp_finish(&s->qp, out, sizeof out, &made);
  s->facts.qp_size += made;
  if (s->last == '\r') {
    s->facts.fragile = 1;
    note(&s->facts.bare_line, s->lines);
  }
  s->facts.not_utf8 |= s->cut_size > 0;
  s->facts.open_end = s->line > 0;
  if (s->line > 0) {
    end_line(s);
    s->facts.crlf_size -= 2; /* there is no line end */
  }
  *facts = s->facts;
}

/* Whether it goes as 7bit text, whatever its charset: nobody asks for its other sizes then. */
static int is_plain(const ettm_content_facts *facts) {
  return facts->high == 0 && !facts->fragile && !facts->shifts && facts->longest <= ETTM_LINE_GOAL;
}

void ettm_content_look(ettm_str content, ettm_content_facts *facts) {
  ettm_content_scan s;
  ettm_content_scan_init(&s);
  s.skips_qp = 1;
  ettm_content_scan_feed(&s, content);
  ettm_content_scan_finish(&s, facts);
  facts->qp_size = facts->crlf_size + 2 * facts->high; /* or more */
  if (!is_plain(facts) && facts->qp_size <= ettm_base64_size(facts->crlf_size, ETTM_BASE64_LINE)) {
    facts->qp_size = whole_qp_size(content);
  }
}
