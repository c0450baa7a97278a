/* Text for charsets that are made of JIS X 0208: what it has under another code point.
 *
 * Several characters of JIS X 0208 have two code points, depending on whose table is asked, and a
 * converter knows one of them: FULLWIDTH TILDE for WAVE DASH and the like are exchanged for the one
 * of Unicode's own table. ISO-2022-JP has no half-width kana (RFC 1468), so they are widened, a
 * voiced sound mark together with the kana in front of it. O(1) a character, no memory.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_CODEC_JIS_H
#define ETTM_CODEC_JIS_H

#include "base/status.h"

enum {
  ETTM_JIS_TWINS = 1 << 0, /* exchange U+2014 2225 FF0D FF5E FFE0 FFE1 FFE2 */
  ETTM_JIS_WIDEN = 1 << 1  /* widen U+FF61 to U+FF9F */
};

/* Reads the character at the front of text: valid UTF-8, not empty. made is set to the *size octets
 * (1 to 4, never more than were read) that stand for it. Returns the octets read: two characters'
 * for a kana with its mark. */
size_t ettm_jis_next(ettm_str text, unsigned flags, char made[4], size_t *size);

#endif
