/* SPDX-License-Identifier: MIT */
#include "codec/jis.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

#define HALF_FIRST 0xFF61u
#define HALF_LAST  0xFF9Fu
#define HALF_U     0xFF73u
#define HALF_KA    0xFF76u
#define HALF_TO    0xFF84u
#define HALF_HA    0xFF8Au
#define HALF_HO    0xFF8Eu
#define VOICED     0xFF9Eu
#define SEMIVOICED 0xFF9Fu
#define WIDE_VU    0x30F4u

static const struct {
  uint16_t from, to;
} twins[] = {
    {0x2014, 0x2015}, /* EM DASH, HORIZONTAL BAR */
    {0x2225, 0x2016}, /* PARALLEL TO, DOUBLE VERTICAL LINE */
    {0xFF0D, 0x2212}, /* FULLWIDTH HYPHEN-MINUS, MINUS SIGN */
    {0xFF5E, 0x301C}, /* FULLWIDTH TILDE, WAVE DASH */
    {0xFFE0, 0x00A2}, /* FULLWIDTH CENT SIGN, CENT SIGN */
    {0xFFE1, 0x00A3}, /* FULLWIDTH POUND SIGN, POUND SIGN */
    {0xFFE2, 0x00AC}, /* FULLWIDTH NOT SIGN, NOT SIGN */
};

/* U+FF61 to U+FF9F. */
static const uint16_t wide[HALF_LAST - HALF_FIRST + 1] = {
    0x3002, 0x300C, 0x300D, 0x3001, 0x30FB, 0x30F2, 0x30A1, 0x30A3, 0x30A5, 0x30A7, 0x30A9,
    0x30E3, 0x30E5, 0x30E7, 0x30C3, 0x30FC, 0x30A2, 0x30A4, 0x30A6, 0x30A8, 0x30AA, 0x30AB,
    0x30AD, 0x30AF, 0x30B1, 0x30B3, 0x30B5, 0x30B7, 0x30B9, 0x30BB, 0x30BD, 0x30BF, 0x30C1,
    0x30C4, 0x30C6, 0x30C8, 0x30CA, 0x30CB, 0x30CC, 0x30CD, 0x30CE, 0x30CF, 0x30D2, 0x30D5,
    0x30D8, 0x30DB, 0x30DE, 0x30DF, 0x30E0, 0x30E1, 0x30E2, 0x30E4, 0x30E6, 0x30E8, 0x30E9,
    0x30EA, 0x30EB, 0x30EC, 0x30ED, 0x30EF, 0x30F3, 0x309B, 0x309C,
};

static uint32_t twin_of(uint32_t c) {
  size_t i;
  for (i = 0; i < sizeof twins / sizeof twins[0]; i++) {
    if (twins[i].from == c) {
      return twins[i].to;
    }
  }
  return c;
}

/* What the half-width kana c is with the mark behind it, or 0 when they make no one character. The
 * voiced form is one behind the plain one, the semi-voiced form two. */
static uint32_t voiced(uint32_t c, uint32_t mark) {
  int is_ha = c >= HALF_HA && c <= HALF_HO;
  if (mark == VOICED) {
    if (c == HALF_U) {
      return WIDE_VU;
    }
    return is_ha || (c >= HALF_KA && c <= HALF_TO) ? wide[c - HALF_FIRST] + 1u : 0;
  }
  return mark == SEMIVOICED && is_ha ? wide[c - HALF_FIRST] + 2u : 0;
}

static size_t put(uint32_t c, char made[4]) {
  if (c < 0x800) {
    made[0] = (char)(0xC0 | c >> 6);
    made[1] = (char)(0x80 | (c & 0x3F));
    return 2;
  }
  made[0] = (char)(0xE0 | c >> 12);
  made[1] = (char)(0x80 | (c >> 6 & 0x3F));
  made[2] = (char)(0x80 | (c & 0x3F));
  return 3;
}

size_t ettm_jis_next(ettm_str text, unsigned flags, char made[4], size_t *size) {
  uint32_t c = 0, mark = 0;
  size_t used = ettm_utf8_next(text, &c);
  uint32_t other = (flags & ETTM_JIS_TWINS) != 0 ? twin_of(c) : c;
  if ((flags & ETTM_JIS_WIDEN) != 0 && c >= HALF_FIRST && c <= HALF_LAST) {
    size_t more = ettm_utf8_next(ettm_str_of(text.p + used, text.n - used), &mark);
    other = voiced(c, mark);
    used += other != 0 ? more : 0;
    other = other != 0 ? other : wide[c - HALF_FIRST];
  }
  if (other != c) {
    *size = put(other, made);
  } else {
    *size = used;
    memcpy(made, text.p, used);
  }
  return used;
}
