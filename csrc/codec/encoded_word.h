/* Encoded words (RFC 2047): UTF-8 text to a header value of ASCII words, and back for display
 * names.
 *
 * Text that is plain ASCII and does not look like an encoded word stays as it is. Else each word is
 * at most 75 octets, complete in itself (no code point is split), in B or Q by which is shorter;
 * white space between two encoded words belongs to one of them. No line folding here: words are
 * parted by one space, where a header may be folded. O(n). Charsets other than UTF-8 go through the
 * vtable given from above.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_CODEC_ENCODED_WORD_H
#define ETTM_CODEC_ENCODED_WORD_H

#include "base/buffer.h"

#define ETTM_ENCODED_WORD_MAX 75 /* RFC 2047 2 */

typedef enum ettm_word_place {
  ETTM_WORD_TEXT,  /* unstructured: Subject, Comments */
  ETTM_WORD_PHRASE /* a display name: fewer octets stand for themselves (RFC 2047 5 (3)) */
} ettm_word_place;

/* Charset conversion given from above. to_utf8 appends the UTF-8 of `in` (text in `charset`, a name
 * of any case) to out; ETTM_E_ARGUMENT for a charset or an octet it does not know. */
typedef struct ettm_charset {
  void *ud;
  ettm_status (*to_utf8)(void *ud, ettm_str charset, ettm_str in, ettm_buffer *out);
} ettm_charset;

/* True (1) when text must be encoded to survive: an octet above 127, a control character other
 * than TAB, or something that a reader would take for an encoded word ("=?" with "?=" behind). */
int ettm_encoded_word_needed(ettm_str text);

/* Appends text as encoded words, always encoding the whole of it. text is valid UTF-8 without
 * control characters but TAB. first_line: the octets already on the line, so that the first word
 * and they stay within 76; where not even one character fits, the first word is a full one and the
 * line is to be folded in front of it. All or nothing. Returns as ettm_buffer_append, or
 * ETTM_E_UTF8, ETTM_E_UNSAFE. */
ETTM_MUST_USE ettm_status ettm_encoded_word_append(ettm_buffer *out, ettm_str text,
                                                   ettm_word_place place, size_t first_line);

/* Appends the UTF-8 that text (an unstructured value or a phrase) shows: encoded words decoded,
 * white space between two of them dropped; what cannot be decoded, or holds a control character
 * but TAB, stays as it is. Words are found wherever they stand, as mailers do, not only between
 * white space; the octets of neighbours of one charset are joined before conversion. charset may be
 * NULL: UTF-8 and US-ASCII and ISO-8859-1 are known without it. All or nothing. Returns as
 * ettm_buffer_append, or what to_utf8 returned other than ETTM_E_ARGUMENT. */
ETTM_MUST_USE ettm_status ettm_encoded_word_decode(ettm_buffer *out, ettm_str text,
                                                   const ettm_charset *charset);

#endif
