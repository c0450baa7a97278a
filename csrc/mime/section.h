/* The header section of a message that others made: its fields one by one, as they stand.
 *
 * Checks what goes onto the wire unchanged: each line is a field's beginning (RFC 5322 3.6.8) or
 * the rest of one, at most 998 octets of UTF-8 without control characters but TAB; a line of white
 * space only is an error, as section 3 of RFC 5322 never makes one. What the values mean is not
 * looked at. Line ends are CRLF, CR or LF. Borrows the text; no memory; O(n).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_MIME_SECTION_H
#define ETTM_MIME_SECTION_H

#include "mime/header.h"

typedef struct ettm_section {
  ettm_str rest; /* not read yet; after ETTM_DONE the body, as far as it is there */
  size_t line;   /* the number of the line that rest begins with; after an error the line of it */
  int is_whole;  /* nothing comes behind rest */
  int is_strict; /* a CR or LF alone is an error */
} ettm_section;

typedef struct ettm_field {
  ettm_str name;
  ettm_str body; /* from behind the colon to the last line's end, which is left out; folds inside */
  size_t line;   /* its first one */
} ettm_field;

/* Begins at the first line of text. */
void ettm_section_init(ettm_section *s, ettm_str text, int is_whole, int is_strict);

/* The next field. Returns ETTM_OK; ETTM_DONE: the empty line was read, or the text is over;
 * ETTM_NEED_INPUT: it is over, but not whole; ETTM_E_NAME: this line is neither a field nor the
 * rest of one; ETTM_E_UNSAFE: a control character, or (strict) a line end that is no CRLF;
 * ETTM_E_UTF8; ETTM_E_LIMIT: the line is too long. */
ETTM_MUST_USE ettm_status ettm_section_next(ettm_section *s, ettm_field *field);

/* Adds all fields of a whole section to h as they stand, their line ends made CRLF, but for those
 * that are no author's business: Bcc, Resent-Bcc and Return-Path are left out. Returns ETTM_OK and
 * the body in s->rest, or what ettm_section_next and ettm_headers_add_field return; the fields in
 * front of the bad one were added then. */
ETTM_MUST_USE ettm_status ettm_headers_add_section(ettm_headers *h, ettm_section *s);

#endif
