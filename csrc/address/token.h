/* The lexical tokens of addresses (RFC 5322 3.2 and 4.2, with RFC 6532's UTF-8): what the grammar
 * of address/address.h is made of. Nothing else includes this.
 *
 * Each function moves p->at over what it takes and stops at the first octet that it does not take;
 * ettm_token_refuse then says what is wrong with that octet. Borrows the parser. O(n).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_ADDRESS_TOKEN_H
#define ETTM_ADDRESS_TOKEN_H

#include "address/address.h"

typedef enum ettm_token {
  ETTM_TOKEN_NONE,
  ETTM_TOKEN_ATOM,
  ETTM_TOKEN_QUOTED, /* a quoted-string */
  ETTM_TOKEN_DOT
} ettm_token;

/* True (1) when the next octet is c. */
int ettm_token_next_is(const ettm_address_parser *p, char c);

/* The input from one offset to another. */
ettm_str ettm_token_slice(const ettm_address_parser *p, size_t from, size_t to);

/* Notes the failure at p->at of the token that began at token_at. Returns what is wrong there:
 * ETTM_E_UNSAFE, ETTM_E_UTF8, else ETTM_E_ADDRESS. expected is static. */
ETTM_MUST_USE ettm_status ettm_token_refuse(ettm_address_parser *p, size_t token_at,
                                            const char *expected);

/* The length of one step of white space at p->at: 1, or 3 with a line break in front; else 0. */
size_t ettm_token_fold_length(const ettm_address_parser *p);

/* The length of what may stand at p->at between delimiters, white space apart: a character that has
 * one of the flags or is not ASCII, or a quoted pair; else 0. */
size_t ettm_token_content_length(const ettm_address_parser *p, unsigned flags);

/* Skips white space and comments, if any. Returns ETTM_OK or as ettm_token_refuse. */
ETTM_MUST_USE ettm_status ettm_token_skip_cfws(ettm_address_parser *p);

/* Moves over the characters of an atom, if any. */
void ettm_token_scan_atom(ettm_address_parser *p);

/* Moves over one word or dot, if any, and tells which. Returns ETTM_OK or as ettm_token_refuse. */
ETTM_MUST_USE ettm_status ettm_token_scan_word(ettm_address_parser *p, ettm_token *word);

/* True (1) when text has the "=?" that an encoded word begins with. */
int ettm_token_may_be_encoded(ettm_str text);

#endif
