/* One header field: what its name means, and writing it. Internal to mime.
 *
 * Knows the fields of RFC 5322, RFC 2369, RFC 2919 and MIME's own by name; every other name is
 * free.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_MIME_FIELD_H
#define ETTM_MIME_FIELD_H

#include "mime/header.h"

enum {
  ETTM_FIELD_ONCE = 1 << 0,      /* at most one in a header section */
  ETTM_FIELD_ADDRESSES = 1 << 1, /* holds addresses: never taken as text */
  ETTM_FIELD_READY = 1 << 2,     /* structured in another way */
  ETTM_FIELD_REFUSED = 1 << 3,   /* never written by the author's side */
  ETTM_FIELD_SINGLE = 1 << 4,    /* one mailbox, or a group of at most one (RFC 6854 2.1) */
  ETTM_FIELD_AUTHORS = 1 << 5,   /* From */
  ETTM_FIELD_ID = 1 << 6,        /* Message-ID */
  ETTM_FIELD_MIME = 1 << 7       /* says how the message is made (RFC 2045, RFC 2183) */
};

/* The flags of a field by its name, in any case; 0 for a name that is not known. */
unsigned ettm_field_flags(ettm_str name);

/* Whether a field of that name and those flags can be added: ETTM_OK, ETTM_E_NAME, ETTM_E_LIMIT or
 * ETTM_E_DUPLICATE. */
ETTM_MUST_USE ettm_status ettm_field_check(const ettm_headers *h, ettm_str name, unsigned flags);

/* Writes "name: value", folded, TAB as space, and counts it: all or nothing. The value has no white
 * space around it; is_structured as of ettm_fold. Returns as that. */
ETTM_MUST_USE ettm_status ettm_field_add(ettm_headers *h, ettm_str name, ettm_str value,
                                         int is_structured);

/* Ends a field whose bytes begin at `before`: it is counted, or taken back. status: how writing it
 * went. */
ETTM_MUST_USE ettm_status ettm_field_end(ettm_headers *h, size_t before, ettm_status status);

#endif
