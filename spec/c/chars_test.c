/* Character classes, against each one written out a second time.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/chars.h"
#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ALNUM   LETTERS "0123456789"

/* Each class written out a second time, as the RFCs say it. */
static const struct {
  unsigned flag;
  const char *members; /* or, where NULL, 33 to 126 without the ones in `but` */
  const char *but;
} classes[] = {
    {ETTM_CHAR_ATEXT, ALNUM "!#$%&'*+-/=?^_`{|}~", NULL},
    {ETTM_CHAR_CTEXT, NULL, "()\\"},
    {ETTM_CHAR_QTEXT, NULL, "\"\\"},
    {ETTM_CHAR_DTEXT, NULL, "[]\\"},
    {ETTM_CHAR_FTEXT, NULL, ":"},
    {ETTM_CHAR_TOKEN, NULL, "()<>@,;:\\\"/[]?="},
    {ETTM_CHAR_WSP, " \t", NULL},
    {ETTM_CHAR_ALPHA, LETTERS, NULL},
    {ETTM_CHAR_DIGIT, "0123456789", NULL},
    {ETTM_CHAR_ATTRIBUTE, NULL, "*'%()<>@,;:\\\"/[]?="},
    {ETTM_CHAR_QP, NULL, "="},
    {ETTM_CHAR_EW_PHRASE, ALNUM "!*+-/", NULL},
    {ETTM_CHAR_ESMTP_VALUE, NULL, "="},
    {ETTM_CHAR_LET_DIG, ALNUM, NULL},
};

static int is_member(size_t i, int octet) {
  if (octet == 0 || octet > 126) {
    return 0;
  }
  return classes[i].members != NULL ? strchr(classes[i].members, octet) != NULL
                                    : octet > 32 && strchr(classes[i].but, octet) == NULL;
}

static void chars_classes(void) {
  size_t i;
  int octet;
  for (i = 0; i < COUNT(classes); i++) {
    for (octet = 0; octet < 256; octet++) {
      if (ettm_char_is((char)octet, classes[i].flag) != is_member(i, octet)) {
        CHECK_INT(octet, -1);
        CHECK_INT(classes[i].flag, -1);
      }
    }
  }
}

static void chars_controls(void) {
  int octet;
  for (octet = 0; octet < 256; octet++) {
    char c = (char)octet;
    CHECK_INT(ettm_char_is(c, ETTM_CHAR_CONTROL), octet < 32 || octet == 127);
    CHECK_INT(ettm_has_control(ettm_str_of(&c, 1)), octet < 32 || octet == 127);
    CHECK_INT(ettm_has_unsafe(ettm_str_of(&c, 1)), (octet < 32 && c != '\t') || octet == 127);
    CHECK_INT(ettm_char_flags(c) != 0, octet < 128);
  }
}

/* Each octet at each place among others: what stops, and what is counted. */
static void chars_runs(void) {
  char bytes[300];
  size_t at;
  int octet;
  memset(bytes, '\xE3', sizeof bytes);
  for (at = 0; at < sizeof bytes; at += at < 20 ? 1 : 37) {
    for (octet = 0; octet < 256; octet++) {
      int stops = octet < 32 || octet == 127;
      size_t high = 0;
      bytes[at] = (char)octet;
      CHECK_INT(ettm_skip_printable(check_guarded(ettm_str_of(bytes, sizeof bytes)), &high),
                stops ? at : sizeof bytes);
      CHECK_INT(high, stops ? at : sizeof bytes - (octet < 128));
    }
    bytes[at] = '\xE3';
  }
}

static void chars_tabs(void) {
  CHECK(!ettm_has_unsafe(ettm_str_of(NULL, 0)));
  CHECK(!ettm_has_unsafe(ETTM_LIT("\ta\t\tlonger than eight\t")));
  CHECK(ettm_has_unsafe(ETTM_LIT("\ta\tlonger than eight\t\n")));
}

static void chars_all(void) {
  CHECK(ettm_chars_all(ETTM_LIT(""), ETTM_CHAR_DIGIT));
  CHECK(ettm_chars_all(ETTM_LIT("019"), ETTM_CHAR_DIGIT));
  CHECK(ettm_chars_all(ETTM_LIT("1a9"), ETTM_CHAR_DIGIT | ETTM_CHAR_ALPHA));
  CHECK(!ettm_chars_all(ETTM_LIT("01\0"), ETTM_CHAR_DIGIT));
  CHECK(!ettm_chars_all(check_guarded(ETTM_LIT("01 ")), ETTM_CHAR_DIGIT));
}

static void chars_8bit(void) {
  char bytes[40];
  size_t at, n;
  memset(bytes, 'x', sizeof bytes);
  for (n = 0; n < sizeof bytes; n++) {
    CHECK(!ettm_has_8bit(check_guarded(ettm_str_of(bytes, n))));
    for (at = 0; at < n; at++) {
      bytes[at] = (char)0x80;
      CHECK(ettm_has_8bit(ettm_str_of(bytes, n)));
      CHECK(!ettm_has_8bit(ettm_str_of(bytes, at)));
      bytes[at] = 'x';
    }
  }
}

static void chars_case(void) {
  int octet;
  for (octet = 0; octet < 256; octet++) {
    char c = (char)octet;
    int is_upper = octet >= 'A' && octet <= 'Z';
    int is_lower = octet >= 'a' && octet <= 'z';
    CHECK_INT(ettm_lower(c), is_upper ? octet + 32 : c);
    CHECK_INT(ettm_upper(c), is_lower ? octet - 32 : c);
  }
}

static const check_case cases[] = {
    {"has the character classes of the RFCs", chars_classes},
    {"knows the control characters, and nothing above 127", chars_controls},
    {"finds a control character at any place, and counts the octets above 127", chars_runs},
    {"lets TAB pass where a text may have it", chars_tabs},
    {"says whether all octets are of a class", chars_all},
    {"finds an octet above 127 at any place", chars_8bit},
    {"changes the case of ASCII letters only", chars_case},
};

CHECK_MAIN("chars", cases)
