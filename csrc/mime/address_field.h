/* One field of addresses (From, To, ...), written member by member: names encoded, domains as
 * A-labels, groups as groups.
 *
 * A mailbox with a non-ASCII local part is written in UTF-8, and the headers then need SMTPUTF8.
 * The caller owns the struct, which holds nothing, and lends the headers and the value, a buffer
 * with nothing in it: the field is not there before ettm_address_field_end, and may be given up at
 * any time. What fails stays failed: end returns it. O(n).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_MIME_ADDRESS_FIELD_H
#define ETTM_MIME_ADDRESS_FIELD_H

#include "mime/header.h"

typedef struct ettm_address_field {
  ettm_headers *headers;
  ettm_buffer *value;
  ettm_str name;
  unsigned flags;
  ettm_status status;
  int needs_smtputf8;
  size_t count;     /* of what is in the list: groups, and mailboxes outside of them */
  size_t mailboxes; /* of all there are */
  int in_group;
  int is_first; /* of its list or group: no comma in front */
} ettm_address_field;

/* Begins a field; name is lent until the end. Returns ETTM_OK; ETTM_E_NAME: the name is none;
 * ETTM_E_DUPLICATE; ETTM_E_LIMIT. */
ETTM_MUST_USE ettm_status ettm_address_field_begin(ettm_address_field *f, ettm_headers *h,
                                                   ettm_str name, ettm_buffer *value);

/* A mailbox: name is empty where it has none, all are UTF-8 and without quotes. */
void ettm_address_field_mailbox(ettm_address_field *f, ettm_str name, ettm_str local,
                                ettm_str domain);

/* A group; the mailboxes up to its end are its own. */
void ettm_address_field_open_group(ettm_address_field *f, ettm_str name);
void ettm_address_field_close_group(ettm_address_field *f);

/* Adds the field, or nothing: also where there was no member. Returns as
 * ettm_headers_add_addresses. */
ETTM_MUST_USE ettm_status ettm_address_field_end(ettm_address_field *f);

#endif
