/* SPDX-License-Identifier: MIT */
#include "base/chars.h"

#include <string.h>

/* What most printable characters are; the table adds to it, and takes away where one is special. */
#define SEEN    (CTEXT | QTEXT | DTEXT | FTEXT | QP | ESMTP)
#define WORD    (TOKEN | ATTR)
#define ALNUM   (SEEN | WORD | ATEXT | EWP | ETTM_CHAR_LET_DIG)
#define ALPHA   (ALNUM | ETTM_CHAR_ALPHA)
#define DIGIT   (ALNUM | ETTM_CHAR_DIGIT)
#define CONTROL ETTM_CHAR_CONTROL
#define WSP     ETTM_CHAR_WSP
#define ATEXT   ETTM_CHAR_ATEXT
#define CTEXT   ETTM_CHAR_CTEXT
#define QTEXT   ETTM_CHAR_QTEXT
#define DTEXT   ETTM_CHAR_DTEXT
#define FTEXT   ETTM_CHAR_FTEXT
#define TOKEN   ETTM_CHAR_TOKEN
#define ATTR    ETTM_CHAR_ATTRIBUTE
#define QP      ETTM_CHAR_QP
#define EWP     ETTM_CHAR_EW_PHRASE
#define ESMTP   ETTM_CHAR_ESMTP_VALUE

#define X2(flags) (flags), (flags)
#define X4(flags) X2(flags), X2(flags)
#define X8(flags) X4(flags), X4(flags)

const uint16_t ettm_char_table[256] = {
    X8(CONTROL),
    CONTROL, /* 8 */
    CONTROL | WSP,
    X2(CONTROL),
    X4(CONTROL),
    X8(CONTROL),
    X8(CONTROL),
    WSP,
    /* ! */ SEEN | WORD | ATEXT | EWP,
    /* " */ CTEXT | DTEXT | FTEXT | QP | ESMTP,
    /* # */ SEEN | WORD | ATEXT,
    /* $ */ SEEN | WORD | ATEXT,
    /* % */ SEEN | TOKEN | ATEXT,
    /* & */ SEEN | WORD | ATEXT,
    /* ' */ SEEN | TOKEN | ATEXT,
    /* ( */ QTEXT | DTEXT | FTEXT | QP | ESMTP,
    /* ) */ QTEXT | DTEXT | FTEXT | QP | ESMTP,
    /* * */ SEEN | TOKEN | ATEXT | EWP,
    /* + */ SEEN | WORD | ATEXT | EWP,
    /* , */ SEEN,
    /* - */ SEEN | WORD | ATEXT | EWP,
    /* . */ SEEN | WORD,
    /* / */ SEEN | ATEXT | EWP,
    X8(DIGIT),
    X2(DIGIT),
    /* : */ CTEXT | QTEXT | DTEXT | QP | ESMTP,
    /* ; */ SEEN,
    /* < */ SEEN,
    /* = */ CTEXT | QTEXT | DTEXT | FTEXT | ATEXT, /* special in Q words, so no EWP */
    /* > */ SEEN,
    /* ? */ SEEN | ATEXT,
    /* @ */ SEEN,
    X8(ALPHA),
    X8(ALPHA),
    X8(ALPHA),
    X2(ALPHA),
    /* [ */ CTEXT | QTEXT | FTEXT | QP | ESMTP,
    /* \ */ FTEXT | QP | ESMTP,
    /* ] */ CTEXT | QTEXT | FTEXT | QP | ESMTP,
    /* ^ */ SEEN | WORD | ATEXT,
    /* _ */ SEEN | WORD | ATEXT, /* a space in Q words, so no EWP */
    /* ` */ SEEN | WORD | ATEXT,
    X8(ALPHA),
    X8(ALPHA),
    X8(ALPHA),
    X2(ALPHA),
    /* { */ SEEN | WORD | ATEXT,
    /* | */ SEEN | WORD | ATEXT,
    /* } */ SEEN | WORD | ATEXT,
    /* ~ */ SEEN | WORD | ATEXT,
    CONTROL,
};

int ettm_chars_all(ettm_str s, unsigned flags) {
  size_t i;
  for (i = 0; i < s.n; i++) {
    if (!ettm_char_is(s.p[i], flags)) {
      return 0;
    }
  }
  return 1;
}

int ettm_has_8bit(ettm_str s) {
  uint64_t eight;
  unsigned seen = 0;
  size_t i = 0;
  for (; s.n - i >= sizeof eight; i += sizeof eight) {
    memcpy(&eight, s.p + i, sizeof eight);
    if ((eight & UINT64_C(0x8080808080808080)) != 0) {
      return 1;
    }
  }
  for (; i < s.n; i++) {
    seen |= (unsigned char)s.p[i];
  }
  return (seen & 0x80) != 0;
}

#define STRIDE      ((size_t)31 * 8)
#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* Eight octets at once, up to the first eight with a control character among them; adds the octets
 * above 127 to *high. Each octet of counts counts those in its place; it cannot overflow in 31
 * steps, nor can their sum. Returns how many octets. */
static size_t skip_eights(const char *p, size_t n, size_t *high) {
  uint64_t counts = 0;
  size_t i;
  n = n < STRIDE ? n : STRIDE;
  for (i = 0; n - i >= 8; i += 8) {
    uint64_t x, low, printable;
    memcpy(&x, p + i, 8);
    low = x & EACH(127);
    printable = x | ((low + EACH(128 - 32)) & ~(low + EACH(1)));
    if ((printable & EACH(128)) != EACH(128)) {
      break;
    }
    counts += x >> 7 & EACH(1);
  }
  *high += (size_t)(counts * EACH(1) >> 56);
  return i;
}

size_t ettm_skip_printable(ettm_str s, size_t *high) {
  size_t n = 0;
  size_t step;
  if (s.n == 0) {
    return 0; /* NULL + 0 is undefined */
  }
  do {
    step = skip_eights(s.p + n, s.n - n, high);
    n += step;
  } while (step == STRIDE);
  while (n < s.n && (unsigned char)s.p[n] >= 32 && s.p[n] != 127) {
    *high += (unsigned char)s.p[n] >> 7;
    n++;
  }
  return n;
}

int ettm_has_control(ettm_str s) {
  size_t high = 0;
  return ettm_skip_printable(s, &high) < s.n;
}

int ettm_has_unsafe(ettm_str s) {
  size_t high = 0;
  size_t n = ettm_skip_printable(s, &high);
  while (n < s.n && s.p[n] == '\t') {
    n++;
    n += ettm_skip_printable(ettm_str_of(s.p + n, s.n - n), &high);
  }
  return n < s.n;
}

char ettm_lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

char ettm_upper(char c) {
  return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}
