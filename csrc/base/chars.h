/* What each ASCII octet may be, in one table of flags (RFC 5321, 5322, 2045, 2047, 2231), and the
 * case of ASCII letters. No locale, no signedness of char. O(1).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_BASE_CHARS_H
#define ETTM_BASE_CHARS_H

#include <stdint.h>

#include "base/status.h"

enum {
  ETTM_CHAR_ATEXT = 1 << 0,   /* RFC 5322 3.2.3, ASCII only */
  ETTM_CHAR_CTEXT = 1 << 1,   /* RFC 5322 3.2.2: in a comment, without ( ) \ */
  ETTM_CHAR_QTEXT = 1 << 2,   /* RFC 5322 3.2.4: in a quoted-string, without " \ */
  ETTM_CHAR_DTEXT = 1 << 3,   /* RFC 5322 3.4.1: in a domain literal, without [ ] \ */
  ETTM_CHAR_FTEXT = 1 << 4,   /* RFC 5322 3.6.8: in a field name */
  ETTM_CHAR_TOKEN = 1 << 5,   /* RFC 2045 5.1 */
  ETTM_CHAR_WSP = 1 << 6,     /* SP and HTAB */
  ETTM_CHAR_CONTROL = 1 << 7, /* 0 to 31 and 127 */
  ETTM_CHAR_ALPHA = 1 << 8,
  ETTM_CHAR_DIGIT = 1 << 9,
  ETTM_CHAR_ATTRIBUTE = 1 << 10, /* RFC 2231 7: attribute-char, needs no percent form */
  ETTM_CHAR_QP = 1 << 11,        /* RFC 2045 6.7: stands for itself within a line (33-126 less =) */
  ETTM_CHAR_EW_PHRASE = 1 << 12, /* RFC 2047 5 (3): stands for itself in a Q word in a phrase */
  ETTM_CHAR_ESMTP_VALUE = 1 << 13, /* RFC 5321 4.1.2: 33-60 and 62-126 */
  ETTM_CHAR_LET_DIG = 1 << 14
};

extern const uint16_t ettm_char_table[256]; /* the flags of an octet; 0 for 128 and above */

/* The flags of an octet. */
static inline unsigned ettm_char_flags(char c) {
  return ettm_char_table[(unsigned char)c];
}

/* True (1) when c has one of the flags. */
static inline int ettm_char_is(char c, unsigned flags) {
  return (ettm_char_flags(c) & flags) != 0;
}

/* True (1) when every octet of s has one of the flags; so for an empty s. */
int ettm_chars_all(ettm_str s, unsigned flags);

/* True (1) when s has an octet above 127. */
int ettm_has_8bit(ettm_str s);

/* How many octets at the front of s are no control characters; adds those of them above 127 to
 * *high. */
size_t ettm_skip_printable(ettm_str s, size_t *high);

/* True (1) when s has a control character: 0 to 31 or 127. The second lets TAB pass. */
int ettm_has_control(ettm_str s);
int ettm_has_unsafe(ettm_str s);

/* The ASCII lower or upper case of c. */
char ettm_lower(char c);
char ettm_upper(char c);

#endif
