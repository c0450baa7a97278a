/* What the writers and the reader of encoded words share: internal to codec.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_CODEC_WORD_PARTS_H
#define ETTM_CODEC_WORD_PARTS_H

#include <stdint.h>

#include "codec/encoded_word.h"

#define ETTM_WORD_LINE_MAX 76              /* a line that holds an encoded word (RFC 2047 2) */
#define ETTM_WORD_TEXT_MAX (SIZE_MAX / 64) /* the size of such a text's words does not overflow */

/* ETTM_OK when text can be encoded, or ETTM_E_LIMIT, ETTM_E_UTF8, ETTM_E_UNSAFE. */
ETTM_MUST_USE ettm_status ettm_word_check(ettm_str text);

/* The octets of encoded text that the first word may have behind first_line octets; frame: what a
 * word has around it. */
size_t ettm_word_budget(size_t first_line, size_t frame);

/* The octets that s makes in a Q word. */
size_t ettm_word_q_size(ettm_str s, ettm_word_place place);

/* Appends them; no more than a word has room for. */
ETTM_MUST_USE ettm_status ettm_word_q_append(ettm_buffer *out, ettm_str s, ettm_word_place place);

#endif
