/* SPDX-License-Identifier: MIT */
#include "mime/address_field.h"

#include <string.h>

#include "address/address.h"
#include "address/format.h"
#include "address/idna.h"
#include "base/chars.h"
#include "mime/field.h"

#define FIRST 512 /* octets of a list that is written without memory of its own */

ettm_status ettm_address_field_begin(ettm_address_field *f, ettm_headers *h, ettm_str name,
                                     ettm_buffer *value) {
  memset(f, 0, sizeof *f);
  f->headers = h;
  f->value = value;
  f->name = name;
  f->flags = ettm_field_flags(name);
  f->is_first = 1;
  f->status = ettm_field_check(h, name, f->flags);
  return f->status;
}

static void put(ettm_address_field *f, ettm_str s) {
  if (f->status == ETTM_OK) {
    f->status = ettm_buffer_append(f->value, s);
  }
}

static void put_gap(ettm_address_field *f) {
  if (!f->is_first) {
    put(f, ETTM_LIT(", "));
  } else if (f->in_group) {
    put(f, ETTM_LIT(" "));
  }
  f->is_first = 0;
}

/* A message's Message-ID has the domain of its author. What has no A-labels is none: sealing tells
 * why. */
static void note_author(ettm_address_field *f, ettm_str domain) {
  ettm_status status;
  ettm_buffer_truncate(&f->headers->host, 0);
  status = ettm_idna_to_ascii(&f->headers->host, domain);
  if (status != ETTM_OK) {
    ettm_buffer_truncate(&f->headers->host, 0);
  }
  if (status == ETTM_E_MEMORY && f->status == ETTM_OK) {
    f->status = status;
  }
}

void ettm_address_field_mailbox(ettm_address_field *f, ettm_str name, ettm_str local,
                                ettm_str domain) {
  f->count += !f->in_group;
  put_gap(f);
  if (f->mailboxes++ == 0 && (f->flags & ETTM_FIELD_AUTHORS) != 0) {
    note_author(f, domain);
  }
  if (f->status != ETTM_OK) {
    return;
  }
  f->status = ettm_format_mailbox_charset(f->value, name, local, domain, f->headers->encoder);
  if (f->status == ETTM_E_NEEDS_SMTPUTF8) {
    f->needs_smtputf8 = 1;
    f->status = ettm_format_mailbox(f->value, name, local, domain, ETTM_FORMAT_UTF8);
  }
}

void ettm_address_field_open_group(ettm_address_field *f, ettm_str name) {
  ettm_str value;
  f->count++;
  put_gap(f);
  if (f->status == ETTM_OK) {
    f->status = ettm_format_phrase_charset(f->value, name, f->headers->encoder);
  }
  value = ettm_buffer_view(f->value);
  if (f->status == ETTM_OK && value.p[value.n - 1] == '=') {
    put(f, ETTM_LIT(" ")); /* RFC 2047 5 (3): between an encoded word and what follows */
  }
  put(f, ETTM_LIT(":"));
  f->in_group = 1;
  f->is_first = 1;
}

void ettm_address_field_close_group(ettm_address_field *f) {
  f->in_group = 0;
  f->is_first = 0;
  put(f, ETTM_LIT(";"));
}

ettm_status ettm_address_field_end(ettm_address_field *f) {
  ettm_headers *h = f->headers;
  if (f->status == ETTM_OK && (f->flags & ETTM_FIELD_SINGLE) != 0 &&
      (f->count != 1 || f->mailboxes > 1)) {
    f->status = ETTM_E_ADDRESS;
  }
  if (f->status == ETTM_OK && f->count > 0) {
    f->status = ettm_field_add(h, f->name, ettm_buffer_view(f->value), 1);
  }
  if (f->status != ETTM_OK) {
    return f->status;
  }
  h->needs_smtputf8 |= f->needs_smtputf8;
  if ((f->flags & ETTM_FIELD_AUTHORS) != 0 && ettm_buffer_size(&h->host) > 0) {
    h->authors = f->mailboxes;
  }
  return ETTM_OK;
}

/* --- A whole list --- */

static void put_member(ettm_address_field *f, const ettm_buffer *arena, const ettm_address *a) {
  ettm_str name = ettm_span_view(arena, a->name);
  switch (a->kind) {
  case ETTM_ADDRESS_GROUP_OPEN: ettm_address_field_open_group(f, name); break;
  case ETTM_ADDRESS_GROUP_CLOSE: ettm_address_field_close_group(f); break;
  default:
    ettm_address_field_mailbox(f, name, ettm_span_view(arena, a->local),
                               ettm_span_view(arena, a->domain));
  }
}

static ettm_status put_list(ettm_address_field *f, ettm_str list, ettm_buffer *arena) {
  ettm_address_parser parser;
  ettm_address a;
  ettm_status status = ETTM_OK;
  ettm_address_parser_init(&parser, list, ETTM_ADDRESS_CARRIERS, arena, NULL);
  while (f->status == ETTM_OK && (status = ettm_address_next(&parser, &a)) == ETTM_OK) {
    put_member(f, arena, &a);
    ettm_buffer_truncate(arena, 0);
  }
  return status < 0 ? status : ettm_address_field_end(f);
}

static ettm_str trim(ettm_str s) {
  while (s.n > 0 && ettm_char_is(s.p[0], ETTM_CHAR_WSP)) {
    s.p++;
    s.n--;
  }
  return s;
}

ettm_status ettm_headers_add_addresses(ettm_headers *h, ettm_str name, ettm_str list) {
  char value_storage[FIRST], arena_storage[FIRST];
  ettm_buffer value, arena;
  ettm_address_field f;
  ettm_status status;
  ettm_buffer_init_on(&value, &h->bytes.alloc, ETTM_HEADER_MAX, value_storage, FIRST);
  ettm_buffer_init_on(&arena, &h->bytes.alloc, ETTM_HEADER_MAX, arena_storage, FIRST);
  status = ettm_address_field_begin(&f, h, name, &value);
  list = trim(list);
  if (status == ETTM_OK && list.n > 0) {
    status = put_list(&f, list, &arena);
  }
  ettm_buffer_clear(&value);
  ettm_buffer_clear(&arena);
  return status;
}
