/* UTF-8: valid and invalid code points, at any distance from each other.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
  const char *bytes;
  size_t n;
  uint32_t code_point; /* 0: not valid */
} points[] = {
    {"A", 1, 0x41},
    {"\x7F", 1, 0x7F},
    {"\xC2\x80", 2, 0x80},
    {"\xDF\xBF", 2, 0x7FF},
    {"\xE0\xA0\x80", 3, 0x800},
    {"\xE3\x81\x82", 3, 0x3042},
    {"\xED\x9F\xBF", 3, 0xD7FF},
    {"\xEE\x80\x80", 3, 0xE000},
    {"\xEF\xBF\xBF", 3, 0xFFFF},
    {"\xF0\x90\x80\x80", 4, 0x10000},
    {"\xF4\x8F\xBF\xBF", 4, 0x10FFFF},
    {"", 0, 0},
    {"\x80", 1, 0},             /* a tail */
    {"\xC0\x80", 2, 0},         /* overlong */
    {"\xC1\xBF", 2, 0},         /* overlong */
    {"\xE0\x9F\xBF", 3, 0},     /* overlong */
    {"\xF0\x8F\xBF\xBF", 4, 0}, /* overlong */
    {"\xED\xA0\x80", 3, 0},     /* a surrogate */
    {"\xED\xBF\xBF", 3, 0},     /* a surrogate */
    {"\xF4\x90\x80\x80", 4, 0}, /* beyond U+10FFFF */
    {"\xF5\x80\x80\x80", 4, 0},
    {"\xFF", 1, 0},
    {"\xC3", 1, 0}, /* cut */
    {"\xE3\x81", 2, 0},
    {"\xF0\x9F\x98", 3, 0},
    {"\xC3(", 2, 0}, /* no tail behind */
    {"\xE3\x81(", 3, 0},
    {"\xF0\x9F(\x80", 4, 0},
};

static void utf8_next(void) {
  size_t i;
  for (i = 0; i < COUNT(points); i++) {
    ettm_str s = check_guarded(ettm_str_of(points[i].bytes, points[i].n));
    uint32_t got = 0;
    CHECK_INT(ettm_utf8_next(s, &got), points[i].code_point != 0 ? points[i].n : 0);
    CHECK_INT(got, points[i].code_point);
    CHECK_INT(ettm_utf8_next(s, NULL), points[i].code_point != 0 ? points[i].n : 0);
  }
}

/* Each code point at each distance from the steps of eight. */
static void utf8_valid(void) {
  char text[32];
  size_t i, before, after;
  for (i = 0; i < COUNT(points); i++) {
    int is_valid = points[i].code_point != 0 || points[i].n == 0;
    for (before = 0; before < 12; before++) {
      for (after = 0; after < 10; after += 9) {
        memset(text, 'x', sizeof text);
        memcpy(text + before, points[i].bytes, points[i].n);
        CHECK_INT(ettm_utf8_valid(ettm_str_of(text, before + points[i].n + after)), is_valid);
      }
    }
  }
}

static void utf8_valid_reads_no_further(void) {
  CHECK(ettm_utf8_valid(check_guarded(ETTM_LIT("12345678\xE3\x81\x82"))));
  CHECK(!ettm_utf8_valid(check_guarded(ETTM_LIT("1234567\xE3\x81"))));
  CHECK(ettm_utf8_valid(ettm_str_of(NULL, 0)));
}

/* Text as East Asia has it, cut and spoilt at every place. */
static void utf8_long(void) {
  ettm_str text = ETTM_LIT("\xE3\x81\x82\xE6\x97\xA5 a\xE6\x9C\xAC\xF0\x9F\x98\x80\xE8\xAA\x9E");
  char spoilt[24];
  size_t n;
  for (n = 0; n <= text.n; n++) {
    CHECK_INT(ettm_utf8_valid(check_guarded(ettm_str_of(text.p, n))), ettm_utf8_cut(text, n) == n);
    memcpy(spoilt, text.p, text.n);
    if (n < text.n) {
      spoilt[n] = '\xFF';
      CHECK(!ettm_utf8_valid(ettm_str_of(spoilt, text.n)));
    }
  }
}

/* Each octet at each place among others: what stops, and what is counted. */
static void utf8_skip(void) {
  char text[40];
  size_t at;
  int octet;
  for (at = 0; at < sizeof text; at++) {
    for (octet = 0; octet < 256; octet++) {
      int stops = octet < 32 || octet > 126;
      size_t high = 0;
      memset(text, 'x', sizeof text);
      text[at] = (char)octet;
      CHECK_INT(ettm_utf8_skip_text(check_guarded(ettm_str_of(text, sizeof text)), &high),
                stops ? at : sizeof text);
      CHECK_INT(high, 0);
    }
  }
}

static void utf8_skip_points(void) {
  size_t i, before;
  char text[40];
  for (i = 0; i < COUNT(points); i++) {
    int is_high = points[i].code_point > 127;
    for (before = 0; before < 20; before++) {
      size_t high = 0;
      size_t all = before + points[i].n + 9;
      memset(text, 'x', sizeof text);
      memcpy(text + before, points[i].bytes, points[i].n);
      if (points[i].code_point == 0x7F || (points[i].code_point == 0 && points[i].n > 0)) {
        all = before;
      }
      CHECK_INT(ettm_utf8_skip_text(ettm_str_of(text, before + points[i].n + 9), &high), all);
      CHECK_INT(high, is_high ? points[i].n : 0);
    }
  }
}

static void utf8_check_text(void) {
  CHECK_INT(ettm_utf8_check_text(ETTM_LIT("")), ETTM_OK);
  CHECK_INT(ettm_utf8_check_text(ETTM_LIT("a\tb \xE3\x81\x82")), ETTM_OK);
  CHECK_INT(ettm_utf8_check_text(ETTM_LIT("a\t\xE3\x81")), ETTM_E_UTF8);
  CHECK_INT(ettm_utf8_check_text(ETTM_LIT("\xE3\x81")), ETTM_E_UTF8);
  CHECK_INT(ettm_utf8_check_text(ETTM_LIT("a\t\n")), ETTM_E_UNSAFE);
  CHECK_INT(ettm_utf8_check_text(ETTM_LIT("\xE3\x81\x7F")), ETTM_E_UNSAFE);
}

static void utf8_nul(void) {
  uint32_t code_point = 1;
  CHECK(ettm_utf8_valid(ETTM_LIT("a\0b")));
  CHECK_INT(ettm_utf8_next(ETTM_LIT("\0"), &code_point), 1);
  CHECK_INT(code_point, 0);
}

static void utf8_cut(void) {
  static const size_t wanted[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 9, 9, 9};
  ettm_str s = check_guarded(ETTM_LIT("a\xE3\x81\x82\xF0\x9F\x98\x80z"));
  size_t n;
  for (n = 0; n < COUNT(wanted); n++) {
    CHECK_INT(ettm_utf8_cut(s, n), wanted[n]);
  }
  CHECK_INT(ettm_utf8_cut(s, SIZE_MAX), s.n);
}

static const check_case cases[] = {
    {"reads one code point, and no overlong, cut or surrogate one", utf8_next},
    {"validates code points at any distance from each other", utf8_valid},
    {"validates without reading further than the text", utf8_valid_reads_no_further},
    {"validates mixed text that is cut or spoilt anywhere", utf8_long},
    {"skips text up to a control character at any place", utf8_skip},
    {"skips code points at any distance from each other, and counts their octets",
     utf8_skip_points},
    {"takes TAB and no other control character for text of a header", utf8_check_text},
    {"takes NUL for a character", utf8_nul},
    {"cuts between code points only", utf8_cut},
};

CHECK_MAIN("utf8", cases)
