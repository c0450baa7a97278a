/* SASL mechanisms, the client's side (RFC 4422, RFC 4954): what to answer to each challenge.
 *
 * SCRAM-SHA-1 and SCRAM-SHA-256 with and without channel binding (RFC 5802, RFC 7677),
 * OAUTHBEARER (RFC 7628), XOAUTH2 and LOGIN (as servers have them), PLAIN (RFC 4616), CRAM-MD5 (RFC
 * 2195), EXTERNAL (RFC 4422 A). Responses are made as AUTH carries them, in base64; challenges come
 * the same way. Knows no digest, no random octets and no TLS: all of it is given from above. The
 * credentials are copied, kept out of every message and wiped when they are freed. Memory:
 * bounded by the credentials and by ETTM_SASL_MESSAGE; O(n), but for the iterations that SCRAM's
 * server asks for, at most ETTM_SASL_ITERATIONS_MAX.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_SASL_H
#define ETTM_SMTP_SASL_H

#include <stdint.h>

#include "base/buffer.h"

#ifndef ETTM_SASL_SECRET
#define ETTM_SASL_SECRET 4096 /* octets of a user name, a password */
#endif
#ifndef ETTM_SASL_TOKEN
#define ETTM_SASL_TOKEN 8192 /* octets of a token */
#endif
#ifndef ETTM_SASL_MESSAGE
#define ETTM_SASL_MESSAGE 9214 /* octets of a message: what a line of AUTH carries in base64 */
#endif
#ifndef ETTM_SASL_ITERATIONS_MIN
#define ETTM_SASL_ITERATIONS_MIN 4096 /* RFC 7677 4: fewer protect nothing */
#endif
#ifndef ETTM_SASL_ITERATIONS_MAX
#define ETTM_SASL_ITERATIONS_MAX 600000 /* more would let a server keep the client busy */
#endif
#ifndef ETTM_SASL_AT_ONCE
#define ETTM_SASL_AT_ONCE 10000 /* iterations that are worth no turn of anybody's */
#endif
#define ETTM_SASL_NONCE 64 /* octets of a nonce, at most */

#define ETTM_HASH_MAX 32 /* octets of the longest digest below */

typedef enum ettm_hash { ETTM_HASH_MD5, ETTM_HASH_SHA1, ETTM_HASH_SHA256 } ettm_hash;

/* What PBKDF2 (RFC 8018 5.2) starts from. */
typedef struct ettm_derivation {
  ettm_str password;
  ettm_str salt;
  uint32_t iterations;
} ettm_derivation;

/* Given from above. Each writes as many octets as the digest has. They return ETTM_OK, or:
 * ETTM_E_NO_DIGEST: it is not to be had; ETTM_E_MEMORY. prepare appends what SASLprep (RFC 4013)
 * makes of a text; NULL where there is none. It returns also ETTM_E_SASLPREP, ETTM_E_LIMIT. */
typedef struct ettm_sasl_crypto {
  ettm_status (*digest)(ettm_hash hash, ettm_str s, unsigned char *out);
  ettm_status (*hmac)(ettm_hash hash, ettm_str key, ettm_str s, unsigned char *out);
  ettm_status (*derive)(ettm_hash hash, const ettm_derivation *d, unsigned char *out);
  ettm_status (*prepare)(ettm_buffer *out, ettm_str s);
} ettm_sasl_crypto;

typedef struct ettm_sasl ettm_sasl;

/* All views are copied. What a mechanism does not ask for may be empty. */
typedef struct ettm_credentials {
  ettm_str user;
  ettm_str secret;       /* the password; of OAUTHBEARER and XOAUTH2 the token */
  ettm_str host;         /* OAUTHBEARER: the server, as the user named it; may be empty */
  unsigned port;         /* the same; 0: not told */
  ettm_str nonce;        /* SCRAM: fresh random octets as printable ASCII without a comma */
  ettm_str binding_name; /* SCRAM: what TLS can be bound by, such as "tls-exporter"; or empty */
  ettm_str binding;      /* and its octets */
  int offers_binding;    /* SCRAM: the server offers a mechanism with -PLUS */
  const ettm_sasl_crypto *crypto; /* SCRAM, CRAM-MD5; static */
} ettm_credentials;

typedef enum ettm_sasl_needs {
  ETTM_SASL_NEEDS_PASSWORD,
  ETTM_SASL_NEEDS_TOKEN,
  ETTM_SASL_NEEDS_NOTHING
} ettm_sasl_needs;

/* The i-th mechanism that is known here, from 0, in the order to try them; empty behind the last.
 * needs may be NULL. Static. */
ettm_str ettm_sasl_mechanism(unsigned i, ettm_sasl_needs *needs);

/* True (1) when the mechanism (any case) is known here. */
int ettm_sasl_knows(ettm_str mechanism);

/* True (1) when a word of the offer is a mechanism with channel binding. */
int ettm_sasl_list_has_binding(ettm_str offer);

/* Makes the client of one exchange. Copies the credentials. Returns ETTM_OK, or: ETTM_E_ARGUMENT:
 * the mechanism is not known, or -PLUS without a binding, or no nonce; ETTM_E_UNSAFE: a NUL, or
 * where the mechanism takes none, another control character; ETTM_E_UTF8; ETTM_E_SASLPREP,
 * ETTM_E_NO_SASLPREP (SCRAM); ETTM_E_LIMIT; ETTM_E_MEMORY. */
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
 * ETTM_E_PROTOCOL: there is no answer, ettm_sasl_problem tells why: to be cancelled;
 * ETTM_E_NO_DIGEST, ETTM_E_MEMORY, ETTM_E_LIMIT. */
ETTM_MUST_USE ettm_status ettm_sasl_answer(ettm_sasl *m, ettm_str challenge, ettm_buffer *response);

/* Does at most so many of the iterations that the answer to this challenge takes, where these are
 * more than ETTM_SASL_AT_ONCE. Returns ETTM_FULL: there are more; ETTM_OK: it may be answered,
 * which tells what is wrong with it. Whoever never calls this has them all done in
 * ettm_sasl_answer. */
ETTM_MUST_USE ettm_status ettm_sasl_work(ettm_sasl *m, ettm_str challenge, uint32_t most);

/* True (1) when nothing is owed by the server: with SCRAM it has to prove that it knows the
 * password, before its 235 is worth anything (RFC 5802 3). */
int ettm_sasl_is_proven(const ettm_sasl *m);

/* Behind ETTM_E_PROTOCOL: one sentence on what is wrong. Static. */
const char *ettm_sasl_problem(const ettm_sasl *m);

#endif
