/* An ordered list of header fields, kept as the bytes that will be sent: validated, encoded,
 * folded.
 *
 * Names by RFC 5322 3.6.8; values without CR, LF, NUL and other control characters (TAB becomes a
 * space). Lines are folded at 78 octets where white space allows and never pass 998; a value that
 * cannot be folded that far is an error. Fields that may stand only once (RFC 5322 3.6) are refused
 * the second time. The caller owns the struct; values are copied. Memory: the bytes plus one index
 * entry a field, bounded by ETTM_HEADER_MAX; O(n) a field.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_MIME_HEADER_H
#define ETTM_MIME_HEADER_H

#include "base/buffer.h"

#ifndef ETTM_HEADER_MAX
#define ETTM_HEADER_MAX (4u * 1024 * 1024) /* octets of all fields of one header section */
#endif
#ifndef ETTM_HEADER_FIELDS
#define ETTM_HEADER_FIELDS 1000 /* fields of one header section */
#endif

typedef struct ettm_headers {
  ettm_buffer bytes; /* "Name: value" CRLF, folded, one after the other */
  ettm_buffer index; /* how many octets each field has, size_t by size_t */
} ettm_headers;

void ettm_headers_init(ettm_headers *h, const ettm_alloc *a);
void ettm_headers_clear(ettm_headers *h);

/* Adds an unstructured field (Subject, X-...): text is UTF-8, encoded as RFC 2047 says where it has
 * to be. Returns ETTM_OK, or: ETTM_E_NAME; ETTM_E_DUPLICATE; ETTM_E_UNSAFE; ETTM_E_UTF8;
 * ETTM_E_LIMIT; ETTM_E_MEMORY. Nothing was added then. */
ETTM_MUST_USE ettm_status ettm_headers_add_text(ettm_headers *h, ettm_str name, ettm_str text);

/* Adds a field whose value is ready: ASCII, structured by whoever made it; folded at its spaces
 * outside of quoted strings. Same returns; ETTM_E_UTF8 when it is not ASCII. */
ETTM_MUST_USE ettm_status ettm_headers_add_ready(ettm_headers *h, ettm_str name, ettm_str value);

/* Adds an address field (From, To, ...): list is UTF-8 text by RFC 5322 3.4, parsed, its domains
 * turned into A-labels, and written anew. Adds nothing when the list is empty. Same returns, and
 * ETTM_E_ADDRESS, ETTM_E_DOMAIN, ETTM_E_NO_IDNA, ETTM_E_NEEDS_SMTPUTF8 (a non-ASCII local part; the
 * message needs SMTPUTF8 then: see ettm_message). */
ETTM_MUST_USE ettm_status ettm_headers_add_addresses(ettm_headers *h, ettm_str name, ettm_str list);

/* True (1) when a field of that name (any case) is there; *field, when not NULL, is then set to the
 * whole field with its line ends, lent until the list changes. The first one, if there are many. */
int ettm_headers_find(const ettm_headers *h, ettm_str name, ettm_str *field);

/* All fields as they are sent, without the empty line behind them. Lent until the list changes. */
ettm_str ettm_headers_view(const ettm_headers *h);

#endif
