/* Encoded words (RFC 2047): UTF-8 text to a header value of ASCII words, and back for display
 * names.
 *
 * Text that is plain ASCII and does not look like an encoded word stays as it is. Else each word is
 * at most 75 octets, complete in itself (no code point is split), in B or Q by which is shorter;
 * white space between two encoded words belongs to one of them. No line folding here: words are
 * parted by one space, where a header may be folded. O(n). Charsets other than UTF-8 go through the
 * vtables given from above: ettm_charset to be read, ettm_charset_encoder to be written.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_CODEC_ENCODED_WORD_H
#define ETTM_CODEC_ENCODED_WORD_H

#include "base/buffer.h"

#define ETTM_ENCODED_WORD_MAX 75 /* RFC 2047 2 */
#define ETTM_CHARSET_NAME_MAX 40 /* octets of a charset's name (RFC 2978 2.3) */

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

/* Conversion from UTF-8 to one charset, given from above. Both functions append to out, all or
 * nothing. */
typedef struct ettm_charset_encoder {
  void *ud;
  ettm_str name; /* as the words have it: see ettm_charset_is_name; lent */
  int only_b;    /* never Q: the charset has escape sequences (RFC 1468) */
  int is_strict; /* a text that does not fit is an error; else its words are in UTF-8 */
  /* What is sent for text, still in UTF-8: the same, or with characters exchanged for others that
   * the charset has. At most twice as long as text. ETTM_E_ARGUMENT: it does not fit. */
  ettm_status (*prepare)(void *ud, ettm_str text, ettm_buffer *out);
  /* A piece of a prepared text, in the charset, from its initial state and back to it. A longer
   * piece never makes fewer octets than a shorter one. */
  ettm_status (*from_utf8)(void *ud, ettm_str piece, ettm_buffer *out);
} ettm_charset_encoder;

/* True (1) when name can stand in an encoded word and behind "charset=" as it is: letters, digits
 * and a few marks (RFC 2978 2.3), at most ETTM_CHARSET_NAME_MAX. */
int ettm_charset_is_name(ettm_str name);

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

/* The same in another charset; UTF-8 when encoder is NULL, or when the text does not fit the
 * charset and the encoder is not strict. Each word is complete in itself: no character is split,
 * and it begins and ends in the charset's initial state. Converts each piece some ten times. Also
 * returns ETTM_E_ARGUMENT: the text does not fit and the encoder is strict, or its name is none;
 * and what its functions return. */
ETTM_MUST_USE ettm_status ettm_encoded_word_append_charset(ettm_buffer *out, ettm_str text,
                                                           ettm_word_place place, size_t first_line,
                                                           const ettm_charset_encoder *encoder);

/* Appends the UTF-8 that text (an unstructured value or a phrase) shows: encoded words decoded,
 * white space between two of them dropped; what cannot be decoded, or holds a control character
 * but TAB, stays as it is. Words are found wherever they stand, as mailers do, not only between
 * white space; the octets of neighbours of one charset are joined before conversion. charset may be
 * NULL: UTF-8 and US-ASCII and ISO-8859-1 are known without it. All or nothing. Returns as
 * ettm_buffer_append, or what to_utf8 returned other than ETTM_E_ARGUMENT. */
ETTM_MUST_USE ettm_status ettm_encoded_word_decode(ettm_buffer *out, ettm_str text,
                                                   const ettm_charset *charset);

#endif
