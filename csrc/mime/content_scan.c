/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/chars.h"
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

static void end_line(ettm_content_scan *s) {
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

static void see_octet(ettm_content_scan *s, char c) {
  if (s->line < sizeof s->start) {
    s->start[s->line] = c;
  }
  s->line++;
  s->facts.crlf_size++;
  s->facts.high += (unsigned char)c > 127;
  if (s->last == '\r' || (c != '\t' && ettm_char_is(c, ETTM_CHAR_CONTROL)) ||
      (s->line <= sizeof s->start && is_fragile_start(s))) {
    s->facts.fragile = 1;
  }
}

static void see(ettm_content_scan *s, char c) {
  if (c == '\n') {
    if (s->last != '\r') {
      end_line(s);
    }
  } else if (c == '\r') {
    s->facts.fragile |= s->last == '\r';
    end_line(s);
  } else {
    see_octet(s, c);
  }
  s->last = c;
}

/* Takes octets that change nothing but the counts: not near a line's start, no control character.
 * Returns how many. */
static size_t see_run(ettm_content_scan *s, ettm_str piece) {
  size_t high = 0;
  size_t n = 0;
  if (s->line < sizeof s->start || s->last == '\r') {
    return 0;
  }
  while (n < piece.n && (unsigned char)piece.p[n] >= 32 && piece.p[n] != 127) {
    high += (unsigned char)piece.p[n] >> 7;
    n++;
  }
  if (n > 0) {
    s->line += n;
    s->facts.crlf_size += n;
    s->facts.high += high;
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

void ettm_content_scan_feed(ettm_content_scan *s, ettm_str piece) {
  size_t i = 0;
  s->facts.size += piece.n;
  count_qp(s, piece);
  while (i < piece.n) {
    i += see_run(s, ettm_str_of(piece.p + i, piece.n - i));
    if (i < piece.n) {
      see(s, piece.p[i++]);
    }
  }
}

void ettm_content_scan_finish(ettm_content_scan *s, ettm_content_facts *facts) {
  char out[SCRATCH];
  size_t made;
  ettm_qp_finish(&s->qp, out, sizeof out, &made);
  s->facts.qp_size += made;
  s->facts.fragile |= s->last == '\r';
  s->facts.open_end = s->line > 0;
  if (s->line > 0) {
    end_line(s);
    s->facts.crlf_size -= 2; /* there is no line end */
  }
  *facts = s->facts;
}
