/* Charset conversion by the system's iconv, for mail: between UTF-8 and one charset, checked.
 *
 * Knows no Lua. What is converted from UTF-8 is read back and compared, because iconv drops or
 * replaces some characters without a word: what does not come back the same does not fit. For
 * charsets of JIS X 0208 the text is first prepared (codec/jis.h). Only charsets that leave ASCII
 * as it is are written; any is read that the system knows, but a word of a header may name only one
 * of those that mail is written in. Names are validated, so that no "//TRANSLIT" gets to iconv.
 *
 * The caller owns the struct. Fixed blocks, and what out is given; O(n). A name that the system
 * does not know is tried under its other name, if it has one here. glibc knows all that mail uses
 * (some distributions package most of it apart, as glibc-gconv-extra); musl writes the single-octet
 * charsets, ISO-2022-JP, EUC-JP and Shift_JIS, and only reads EUC-KR, Big5 and GB18030.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_LUA_CONVERTER_H
#define ETTM_LUA_CONVERTER_H

#include <iconv.h>
#include <stdint.h>

#include "codec/encoded_word.h"

typedef struct ettml_converter {
  iconv_t there, back;   /* from UTF-8 and to it */
  int is_there, is_back; /* which of them are open */
  int only_b;            /* it has escape sequences */
  int is_roman;          /* YEN SIGN and OVERLINE become the octets of ASCII's \ and ~ */
  unsigned jis;          /* ETTM_JIS_ */
  char name[ETTM_CHARSET_NAME_MAX + 1];
  uint32_t misfit;  /* the character that did not fit last; 0: none */
  size_t misfit_at; /* where it was in the text, in octets from 0 */
} ettml_converter;

typedef enum ettml_charset_problem {
  ETTML_CHARSET_NAME,    /* it is no charset's name */
  ETTML_CHARSET_UNKNOWN, /* the system does not know it */
  ETTML_CHARSET_ASCII    /* ASCII is not itself in it */
} ettml_charset_problem;

/* Opens a converter to charset `name`. Returns ETTM_OK, or ETTM_E_ARGUMENT, *problem says why;
 * ETTM_E_MEMORY. Nothing is open then. The struct need not be initialised. */
ETTM_MUST_USE ettm_status ettml_converter_open(ettml_converter *c, ettm_str name,
                                               ettml_charset_problem *problem);

/* Idempotent, also on a zeroed struct. */
void ettml_converter_close(ettml_converter *c);

/* An ettm_charset_encoder's functions; ud is the converter. ETTM_E_UTF8 from prepare: text is not
 * UTF-8. */
ETTM_MUST_USE ettm_status ettml_converter_prepare(void *ud, ettm_str text, ettm_buffer *out);
ETTM_MUST_USE ettm_status ettml_converter_from_utf8(void *ud, ettm_str piece, ettm_buffer *out);

/* Appends the UTF-8 of in, text in the charset. Returns as ettm_buffer_append, or ETTM_E_ARGUMENT:
 * *problem says why the charset cannot be read; in is not such text from *stopped on, when that is
 * below SIZE_MAX. All or nothing. */
ETTM_MUST_USE ettm_status ettml_convert_to_utf8(ettm_str name, ettm_str in, ettm_buffer *out,
                                                ettml_charset_problem *problem, size_t *stopped);

/* Reads the charsets that mail is written in; stateless. */
extern const ettm_charset ettml_charset_reader;

#endif
