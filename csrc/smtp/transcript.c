/* SPDX-License-Identifier: MIT */
#include "smtp/transcript.h"

#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"

/* What a reply can add, with "S: ", its code and a LF around each line. */
#define REPLY_MAX (ETTM_REPLY_SIZE + 16 * (ETTM_REPLY_LINES + 1))

void ettm_transcript_init(ettm_transcript *t, const ettm_alloc *a) {
  /* Twice the size: so the bytes are moved to the front once in a while, not with every line. */
  ettm_buffer_init(&t->lines, a, 2 * ETTM_TRANSCRIPT_SIZE + REPLY_MAX);
  t->fresh = 0;
  t->watched = 0;
}

void ettm_transcript_clear(ettm_transcript *t) {
  ettm_buffer_clear(&t->lines);
  t->fresh = 0;
}

/* Writes what may be shown of the code point at the front of s. Returns the octets written, and in
 * *taken those read. */
static size_t show_one(ettm_str s, char *out, size_t *taken) {
  uint32_t point = 0;
  size_t n = ettm_utf8_next(s, &point);
  if (n == 0 || point < 32 || (point >= 127 && point < 160)) {
    *out = '?';
    *taken = n > 0 ? n : 1;
    return 1;
  }
  memcpy(out, s.p, n);
  *taken = n;
  return n;
}

static int is_printable(ettm_str s) {
  size_t high = 0;
  return ettm_skip_printable(s, &high) == s.n && high == 0;
}

/* Writes the line's text, at most room octets. Returns how many. */
static size_t show_text(ettm_str line, char *out, size_t room) {
  size_t at = 0;
  size_t made = 0;
  size_t last_cut = 0; /* the longest text that leaves room for the dots */
  if (line.n > 0 && line.n <= room && is_printable(line)) { /* as nearly every line is */
    memcpy(out, line.p, line.n);
    return line.n;
  }
  while (at < line.n) {
    char one[4];
    size_t taken;
    size_t n = show_one(ettm_str_of(line.p + at, line.n - at), one, &taken);
    if (made + n > room) {
      memcpy(out + last_cut, "...", 3);
      return last_cut + 3;
    }
    memcpy(out + made, one, n);
    made += n;
    at += taken;
    if (made + 3 <= room) {
      last_cut = made;
    }
  }
  return made;
}

/* Drops whole lines at the front until n more octets are within the bound. */
static void drop_oldest(ettm_transcript *t, size_t n) {
  while (ettm_buffer_size(&t->lines) + n > ETTM_TRANSCRIPT_SIZE) {
    ettm_str all = ettm_buffer_view(&t->lines);
    const char *end = (const char *)memchr(all.p, '\n', all.n);
    if (t->watched && all.n == t->fresh) {
      return;
    }
    ettm_buffer_consume(&t->lines, (size_t)(end - all.p) + 1);
  }
  if (t->fresh > ettm_buffer_size(&t->lines)) {
    t->fresh = ettm_buffer_size(&t->lines);
  }
}

int ettm_transcript_has_room(const ettm_transcript *t) {
  return !t->watched || t->fresh + ETTM_TRANSCRIPT_LINE <= ETTM_TRANSCRIPT_SIZE;
}

void ettm_transcript_add(ettm_transcript *t, char direction, ettm_str line) {
  char shown[ETTM_TRANSCRIPT_LINE];
  size_t n;
  shown[0] = direction;
  shown[1] = ':';
  shown[2] = ' ';
  n = 3 + show_text(line, shown + 3, sizeof shown - 4);
  shown[n++] = '\n';
  drop_oldest(t, n);
  if (ettm_buffer_append(&t->lines, ettm_str_of(shown, n)) == ETTM_OK) {
    t->fresh += n;
  }
}

void ettm_transcript_add_command(ettm_transcript *t, ettm_verb verb, ettm_str line) {
  static const char hidden[] = " <hidden>";
  static const size_t mechanism = sizeof "AUTH " - 1;
  char shown[64];
  const char *space = NULL;
  line.n -= 2;
  if (verb == ETTM_VERB_AUTH) {
    space = (const char *)memchr(line.p + mechanism, ' ', line.n - mechanism);
  }
  if (space != NULL) {
    size_t n = (size_t)(space - line.p);
    memcpy(shown, line.p, n); /* a mechanism has at most 20 octets */
    memcpy(shown + n, hidden, sizeof hidden - 1);
    line = ettm_str_of(shown, n + sizeof hidden - 1);
  }
  ettm_transcript_add(t, 'C', line);
}

/* Adds "250-text" or, for the last line, "250 text"; what is too long to be shown is not copied. */
static void add_reply_line(ettm_transcript *t, int code, int last, ettm_str text) {
  char shown[ETTM_TRANSCRIPT_LINE + 4];
  size_t n = text.n < ETTM_TRANSCRIPT_LINE ? text.n : ETTM_TRANSCRIPT_LINE;
  shown[0] = (char)('0' + code / 100);
  shown[1] = (char)('0' + code / 10 % 10);
  shown[2] = (char)('0' + code % 10);
  shown[3] = last ? ' ' : '-';
  if (n > 0) {
    memcpy(shown + 4, text.p, n);
  }
  ettm_transcript_add(t, 'S', ettm_str_of(shown, last && n == 0 ? 3 : n + 4));
}

void ettm_transcript_add_reply(ettm_transcript *t, const ettm_reply *reply) {
  ettm_str rest = reply->raw_text;
  uint32_t i;
  for (i = 1; i < reply->lines; i++) {
    const char *end = (const char *)memchr(rest.p, '\n', rest.n);
    size_t n = (size_t)(end - rest.p);
    add_reply_line(t, reply->code, 0, ettm_str_of(rest.p, n));
    rest = ettm_str_of(end + 1, rest.n - n - 1);
  }
  add_reply_line(t, reply->code, 1, rest);
}

void ettm_transcript_add_content(ettm_transcript *t, uint64_t octets) {
  static const char before[] = "(content, ";
  static const char behind[] = " octets)";
  char shown[64];
  char digits[20];
  size_t n = sizeof before - 1;
  size_t i = 0;
  memcpy(shown, before, n);
  do {
    digits[i++] = (char)('0' + octets % 10);
    octets /= 10;
  } while (octets > 0);
  while (i > 0) {
    shown[n++] = digits[--i];
  }
  memcpy(shown + n, behind, sizeof behind - 1);
  ettm_transcript_add(t, 'C', ettm_str_of(shown, n + sizeof behind - 1));
}

ettm_str ettm_transcript_view(const ettm_transcript *t) {
  return ettm_buffer_view(&t->lines);
}

ettm_str ettm_transcript_take(ettm_transcript *t) {
  ettm_str all = ettm_buffer_view(&t->lines);
  size_t fresh = t->fresh;
  t->fresh = 0;
  return ettm_str_of(fresh > 0 ? all.p + (all.n - fresh) : NULL, fresh);
}
