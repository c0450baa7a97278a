/* Folding of header fields (RFC 5322 2.2.3): internal to mime.
 *
 * Breaks lines in front of white space that is there anyway, so that unfolding gives back the same
 * octets. Lines aim at 78 octets (76 where encoded words are, RFC 2047 2), never pass 998, and are
 * never of white space only. Knows no field names. O(n).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_MIME_FOLD_H
#define ETTM_MIME_FOLD_H

#include "base/buffer.h"

#define ETTM_LINE_MAX  998 /* RFC 5322 2.1.1 */
#define ETTM_LINE_GOAL 78

/* Appends value, of which `column` octets are in front on the same line, without a line end behind.
 * value begins with one space and does not end with white space; it may be empty. is_structured:
 * lines break behind commas and semicolons first, and not in quoted strings. Returns as
 * ettm_buffer_append; ETTM_E_LIMIT also when something is longer than a line. out may then have
 * grown. */
ETTM_MUST_USE ettm_status ettm_fold(ettm_buffer *out, size_t column, ettm_str value,
                                    int is_structured);

/* True (1) when no piece of text, with the white space in front of it, is longer than a line; one
 * space stands in front of the first. */
int ettm_can_fold(ettm_str text);

#endif
