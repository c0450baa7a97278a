/* SASL mechanisms, the client's side (RFC 4422, RFC 4954): what to answer to each challenge.
 *
 * PLAIN (RFC 4616) and LOGIN (its draft, as servers have it). Responses are made as AUTH carries
 * them, in base64; challenges come the same way. The credentials are copied, kept out of every
 * message and wiped when they are freed. Memory: the credentials; O(n).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_SASL_H
#define ETTM_SMTP_SASL_H

#include "base/buffer.h"

#ifndef ETTM_SASL_SECRET
#define ETTM_SASL_SECRET 4096 /* octets of a user name, a password */
#endif

typedef struct ettm_sasl ettm_sasl;

typedef struct ettm_credentials {
  ettm_str user;
  ettm_str password;
} ettm_credentials;

/* The i-th mechanism that is known here, from 0, in the order to try them; empty behind the last.
 * Static. */
ettm_str ettm_sasl_mechanism(unsigned i);

/* True (1) when the mechanism (any case) is known here. */
int ettm_sasl_knows(ettm_str mechanism);

/* Makes the client of one exchange. Copies the credentials. Returns ETTM_OK, or: ETTM_E_ARGUMENT:
 * the mechanism is not known; ETTM_E_UNSAFE: a NUL in a credential; ETTM_E_UTF8; ETTM_E_LIMIT;
 * ETTM_E_MEMORY. */
ETTM_MUST_USE ettm_status ettm_sasl_new(ettm_sasl **out, ettm_str mechanism,
                                        const ettm_credentials *c, const ettm_alloc *a);
void ettm_sasl_free(ettm_sasl *m); /* wipes; NULL is fine */

/* The mechanism's name in upper case. Static. */
ettm_str ettm_sasl_name(const ettm_sasl *m);

/* Appends the initial response in base64. Returns ETTM_OK; ETTM_DONE: the mechanism has none, the
 * server speaks first; ETTM_E_MEMORY, ETTM_E_LIMIT. */
ETTM_MUST_USE ettm_status ettm_sasl_begin(ettm_sasl *m, ettm_buffer *response);

/* The initial response was not sent after all: it is the answer to the first challenge. */
void ettm_sasl_hold(ettm_sasl *m);

/* Appends the response in base64 to a challenge, given as the text behind the 334. Returns ETTM_OK;
 * ETTM_E_PROTOCOL: the challenge is one too many, or no base64: to be cancelled; ETTM_E_MEMORY,
 * ETTM_E_LIMIT. */
ETTM_MUST_USE ettm_status ettm_sasl_answer(ettm_sasl *m, ettm_str challenge, ettm_buffer *response);

#endif
