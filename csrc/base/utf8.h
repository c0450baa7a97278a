/* UTF-8 (RFC 3629): validation, the next code point, and where a text may be cut.
 *
 * Overlong forms, surrogates and code points above U+10FFFF are invalid. O(n), no memory.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_BASE_UTF8_H
#define ETTM_BASE_UTF8_H

#include <stdint.h>

#include "base/status.h"

/* True (1) when the whole of s is valid UTF-8. */
int ettm_utf8_valid(ettm_str s);

/* How many octets at the front of s are code points, and no control characters; adds the octets of
 * those that are not ASCII to *high. */
size_t ettm_utf8_skip_text(ettm_str s, size_t *high);

/* Checks a text as it may stand in a header field. Returns ETTM_OK, or: ETTM_E_UNSAFE: a control
 * character but TAB; ETTM_E_UTF8: it is not valid UTF-8. */
ETTM_MUST_USE ettm_status ettm_utf8_check_text(ettm_str s);

/* Reads the code point at the front of s. Returns its length in octets (1 to 4), or 0 when s is
 * empty or does not begin with a valid one. code_point may be NULL. */
size_t ettm_utf8_next(ettm_str s, uint32_t *code_point);

/* The largest n' <= n at which s may be cut without parting a code point: s is valid UTF-8. */
size_t ettm_utf8_cut(ettm_str s, size_t n);

#endif
