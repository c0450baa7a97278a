/* An ordered list of header fields, kept as the bytes that will be sent: validated, encoded,
 * folded.
 *
 * Names by RFC 5322 3.6.8; values without CR, LF, NUL and other control characters (TAB becomes a
 * space, white space around a value is dropped). Lines are folded at 78 octets where white space
 * allows and never pass 998; a value that cannot be folded that far is an error. Fields that may
 * stand only once (RFC 5322 3.6, RFC 2369, RFC 2919, MIME's own) are refused the second time; Bcc,
 * Resent-Bcc and Return-Path are never written and refused by name. The caller owns the struct;
 * values are copied. Memory: the bytes plus one index entry a field, bounded by ETTM_HEADER_MAX;
 * O(n) a field.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_MIME_HEADER_H
#define ETTM_MIME_HEADER_H

#include "base/buffer.h"
#include "codec/encoded_word.h"

#ifndef ETTM_HEADER_MAX
#define ETTM_HEADER_MAX (4u * 1024 * 1024) /* octets of all fields of one header section */
#endif
#ifndef ETTM_HEADER_FIELDS
#define ETTM_HEADER_FIELDS 1000 /* fields of one header section */
#endif
#define ETTM_HOST_MAX 1024 /* octets of a domain under conversion */

/* It stays where it is from init to clear: the first octets of its buffers lie in it. */
typedef struct ettm_headers {
  ettm_buffer bytes;                   /* "Name: value" CRLF, folded, one after the other */
  ettm_buffer index;                   /* how many octets each field has, size_t by size_t */
  int needs_smtputf8;                  /* an address stands there in UTF-8 (RFC 6532) */
  int has_mime;                        /* a field of RFC 2045 or RFC 2183 was added */
  const ettm_charset_encoder *encoder; /* of the texts and names added from now on; NULL: UTF-8 */
  size_t authors;   /* mailboxes of the From that was added as addresses; 0: that is not known */
  ettm_buffer host; /* the domain of the first of them, in A-labels */
  size_t first_sizes[8];
  char first_host[64];
  char first_bytes[256];
} ettm_headers;

void ettm_headers_init(ettm_headers *h, const ettm_alloc *a);
void ettm_headers_clear(ettm_headers *h);

/* Adds an unstructured field (Subject, X-...): text is UTF-8, encoded as RFC 2047 says where it has
 * to be. Fields known to be structured (Date, Message-ID, References, Content-Type, ...) are added
 * as by ettm_headers_add_ready, address fields are refused. Returns ETTM_OK, or: ETTM_E_NAME: the
 * name is none, or not for this function; ETTM_E_DUPLICATE; ETTM_E_UNSAFE; ETTM_E_UTF8;
 * ETTM_E_LIMIT; ETTM_E_MEMORY; with an encoder ETTM_E_ARGUMENT: the text does not fit its charset.
 * Nothing was added then. */
ETTM_MUST_USE ettm_status ettm_headers_add_text(ettm_headers *h, ettm_str name, ettm_str text);

/* Adds a field whose value is ready: ASCII, structured by whoever made it; folded at its spaces
 * outside of quoted strings (and inside one only where no line could hold it). Same returns;
 * ETTM_E_UTF8 when it is not ASCII, ETTM_E_ARGUMENT for a Message-ID that is not "<id@domain>". */
ETTM_MUST_USE ettm_status ettm_headers_add_ready(ettm_headers *h, ettm_str name, ettm_str value);

/* Adds an address field (From, To, ...): list is UTF-8 text by RFC 5322 3.4, parsed, its domains
 * turned into A-labels, and written anew. A mailbox with a non-ASCII local part is written in UTF-8
 * and sets needs_smtputf8. Sender takes one mailbox, or a
 * group of at most one (RFC 6854 2.1). Adds nothing when the list is empty.
 * Same returns, and ETTM_E_ADDRESS, ETTM_E_DOMAIN, ETTM_E_NO_IDNA. */
ETTM_MUST_USE ettm_status ettm_headers_add_addresses(ettm_headers *h, ettm_str name, ettm_str list);

/* Adds a field as others made it: body is what stands behind the colon, with its folds, whose line
 * ends (CRLF, CR, LF) become CRLF; UTF-8 in it sets needs_smtputf8. The caller has looked it
 * through (mime/section.h). Returns ETTM_DONE when nothing was added, as fields of that name are
 * never written; else as ettm_headers_add_text. */
ETTM_MUST_USE ettm_status ettm_headers_add_field(ettm_headers *h, ettm_str name, ettm_str body);

/* True (1) when a field of that name (any case) is there; *field, when not NULL, is then set to the
 * whole field with its line ends, lent until the list changes. The first one, if there are many. */
int ettm_headers_find(const ettm_headers *h, ettm_str name, ettm_str *field);

/* The value of a field that ettm_headers_find gave: behind the colon, without the white space and
 * line ends around it. Folds inside stay. */
ettm_str ettm_headers_value(ettm_str field);

/* True (1) when id is the inside of a Message-ID or Content-ID: "left@right" of dot-atoms, or with
 * a domain literal on the right (RFC 5322 3.6.4). */
int ettm_is_message_id(ettm_str id);

/* All fields as they are sent, without the empty line behind them. Lent until the list changes. */
ettm_str ettm_headers_view(const ettm_headers *h);

#endif
