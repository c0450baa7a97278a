/* SASLprep (RFC 4013), by libunistring: what a user name or a password is before it is digested.
 *
 * A build without libunistring (ETTM_UNISTRING not defined) has none. What Unicode 3.2 had not
 * assigned yet passes, as in a query string (RFC 3454 7). Wipes what it worked with, as far as that
 * is its own. O(n).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_SASLPREP_H
#define ETTM_TLS_SASLPREP_H

#include "base/buffer.h"

#ifdef ETTM_UNISTRING
/* Appends the prepared form. Returns ETTM_OK, or: ETTM_E_SASLPREP: a prohibited character, or
 * letters of both directions against RFC 3454 6; ETTM_E_UTF8; ETTM_E_LIMIT; ETTM_E_MEMORY. */
ETTM_MUST_USE ettm_status ettm_saslprep(ettm_buffer *out, ettm_str s);
#endif

#endif
