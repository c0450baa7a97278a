/* Address lists of RFC 5322 3.4 (with RFC 6854's groups and RFC 6532's UTF-8) as an iterator.
 *
 * Strict but for the obsolete forms that readers must take (4.4: white space and comments around
 * dots, source routes, empty list members; not: control characters). Encoded words are decoded in
 * the atoms of a name only: in a quoted-string they stay as they are. Does not know what may go on
 * the wire: that is address/path.h. The caller owns the parser and the input, which is borrowed;
 * views in an ettm_address live in the arena, a buffer of the caller's that the parser appends to,
 * and are valid until the caller changes it: they are given as offsets and read through
 * ettm_address_*. O(n) in time; comments nest to a bound. After an error every next call returns it
 * again.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_ADDRESS_ADDRESS_H
#define ETTM_ADDRESS_ADDRESS_H

#include "base/buffer.h"
#include "codec/encoded_word.h"

#ifndef ETTM_COMMENT_DEPTH
#define ETTM_COMMENT_DEPTH 64 /* nested comments; more is ETTM_E_ADDRESS */
#endif

/* What one step of the iterator found. */
typedef enum ettm_address_kind {
  ETTM_ADDRESS_MAILBOX,
  ETTM_ADDRESS_GROUP_OPEN, /* name is the group's; its mailboxes follow, then the close */
  ETTM_ADDRESS_GROUP_CLOSE
} ettm_address_kind;

enum {
  ETTM_ADDRESS_ONE = 1 << 0,      /* exactly one mailbox: no list, no group */
  ETTM_ADDRESS_LENIENT = 1 << 1,  /* dots in odd places of any local part (carriers' addresses) */
  ETTM_ADDRESS_CARRIERS = 1 << 2, /* the same for docomo.ne.jp and ezweb.ne.jp only */
  ETTM_ADDRESS_BARE = 1 << 3      /* no name, no < > and no group: addr-specs only */
};

/* A part of the arena. */
typedef struct ettm_span {
  size_t at;
  size_t n;
} ettm_span;

typedef struct ettm_address {
  ettm_address_kind kind;
  ettm_span name;   /* UTF-8, unquoted, encoded words decoded; empty when there is none */
  ettm_span local;  /* unquoted: the octets themselves */
  ettm_span domain; /* as given, without comments and white space; a literal with its brackets */
  int has_name;     /* tells an empty name "" from none */
} ettm_address;

typedef struct ettm_address_parser {
  ettm_str in;
  size_t at; /* next octet to read */
  unsigned flags;
  const ettm_charset *charset;
  ettm_buffer *arena;
  int in_group;
  int count; /* mailboxes and groups so far, at most 2: only ETTM_ADDRESS_ONE asks */
  ettm_status status;
  size_t token_at;      /* after an error: where the token began, octets from 0 */
  size_t error_at;      /* and where it went wrong */
  const char *expected; /* and what was expected there; static */
} ettm_address_parser;

/* Borrows all four until the last call. charset may be NULL. */
void ettm_address_parser_init(ettm_address_parser *p, ettm_str in, unsigned flags,
                              ettm_buffer *arena, const ettm_charset *charset);

/* Finds the next member. Returns ETTM_OK: *out is set, and a comma, the end of the group or the end
 * follows it; ETTM_DONE: the list is over (an empty one is no error without ETTM_ADDRESS_ONE);
 * ETTM_E_ADDRESS: not by the grammar, with the parser's token_at, error_at and expected;
 * ETTM_E_UTF8, ETTM_E_UNSAFE (a control character), ETTM_E_LIMIT, ETTM_E_MEMORY. */
ETTM_MUST_USE ettm_status ettm_address_next(ettm_address_parser *p, ettm_address *out);

/* The bytes of a span of the arena, lent until the arena changes. */
ettm_str ettm_span_view(const ettm_buffer *arena, ettm_span span);

#endif
