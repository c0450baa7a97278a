/* Addresses as header text (RFC 5322 3.4): names quoted or encoded as needed, lists and groups.
 *
 * Pure functions that append to a buffer of the caller's. ASCII comes out (RFC 2047; A-labels for a
 * non-ASCII domain), unless UTF-8 is asked for (RFC 6532). Other domains stay as given. O(n).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_ADDRESS_FORMAT_H
#define ETTM_ADDRESS_FORMAT_H

#include "codec/encoded_word.h"

enum {
  ETTM_FORMAT_UTF8 = 1 << 0 /* names and local parts in UTF-8, not in encoded words; only what
                               looks like an encoded word itself becomes one */
};

/* Appends a display name as a phrase: atoms as they are, else a quoted-string, else encoded words.
 * Returns as ettm_buffer_append, or ETTM_E_UTF8, ETTM_E_UNSAFE (a control character but TAB). After
 * a failure of any of these, out is as it was. */
ETTM_MUST_USE ettm_status ettm_format_phrase(ettm_buffer *out, ettm_str name, unsigned flags);

/* Appends a local part: a dot-atom as it is, else a quoted-string with the least quoting. Returns
 * as ettm_format_phrase. */
ETTM_MUST_USE ettm_status ettm_format_local(ettm_buffer *out, ettm_str local);

/* Appends "local@domain", or "name <local@domain>" when the name is not empty. Returns as
 * ettm_format_phrase, or ETTM_E_ADDRESS: the domain is neither a dot-atom nor a domain literal;
 * without ETTM_FORMAT_UTF8 also ETTM_E_NEEDS_SMTPUTF8: a non-ASCII local part, and what
 * ettm_idna_to_ascii returns for a non-ASCII domain. */
ETTM_MUST_USE ettm_status ettm_format_mailbox(ettm_buffer *out, ettm_str name, ettm_str local,
                                              ettm_str domain, unsigned flags);

/* The same without ETTM_FORMAT_UTF8, names that are not ASCII in the encoder's charset where they
 * fit it; NULL: UTF-8. Return also as ettm_encoded_word_append_charset. */
ETTM_MUST_USE ettm_status ettm_format_phrase_charset(ettm_buffer *out, ettm_str name,
                                                     const ettm_charset_encoder *encoder);
ETTM_MUST_USE ettm_status ettm_format_mailbox_charset(ettm_buffer *out, ettm_str name,
                                                      ettm_str local, ettm_str domain,
                                                      const ettm_charset_encoder *encoder);

#endif
