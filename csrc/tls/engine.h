/* One TLS connection on memory BIOs, client or server: ciphertext on the five verbs, plain text by
 * read and write.
 *
 * No sockets, no clock. Holds a reference of its context. The ciphertext that waits to be sent is
 * bounded by ETTM_TLS_WIRE; what comes in, by ETTM_TLS_INPUT. Once a call has failed every call
 * returns the same status; peek may then still lend an alert that should be sent.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_ENGINE_H
#define ETTM_TLS_ENGINE_H

#include "tls/context.h"

#define ETTM_TLS_WIRE  (64u * 1024)
#define ETTM_TLS_INPUT (64u * 1024)

/* name: the host name or IP address that the certificate must be for, and SNI for a name; a client
 * needs it unless verification is off. Returns ETTM_OK, ETTM_E_ARGUMENT, ETTM_E_TLS, ETTM_E_MEMORY.
 */
ETTM_MUST_USE ettm_status ettm_tls_new(ettm_tls **out, ettm_tls_context *c, ettm_str name,
                                       const ettm_alloc *a);
void ettm_tls_free(ettm_tls *t); /* no I/O, no shutdown; NULL is fine */

/* The five verbs, ciphertext. feed returns ETTM_FULL (and takes nothing) when n is above room,
 * ETTM_E_STATE after feed_eof. */
size_t ettm_tls_room(const ettm_tls *t);
ETTM_MUST_USE ettm_status ettm_tls_feed(ettm_tls *t, const char *in, size_t n);
ETTM_MUST_USE ettm_status ettm_tls_feed_eof(ettm_tls *t);
ettm_str ettm_tls_peek(ettm_tls *t);
void ettm_tls_skip(ettm_tls *t, size_t n);

/* Goes on with the handshake. Returns ETTM_OK: it is done; ETTM_NEED_INPUT; ETTM_E_TLS,
 * ETTM_E_TLS_VERIFY, ETTM_E_TLS_MODE: the peer speaks plain SMTP; ETTM_E_TRUNCATED. */
ETTM_MUST_USE ettm_status ettm_tls_handshake(ettm_tls *t);

/* Plain text out of the engine: ETTM_OK with *n > 0; ETTM_NEED_INPUT; ETTM_DONE: close_notify;
 * ETTM_E_TRUNCATED; ETTM_E_TLS. */
ETTM_MUST_USE ettm_status ettm_tls_read(ettm_tls *t, char *out, size_t capacity, size_t *n);

/* Plain text into the engine: ETTM_OK with *used > 0; ETTM_FULL: send first; ETTM_E_TLS. */
ETTM_MUST_USE ettm_status ettm_tls_write(ettm_tls *t, const char *in, size_t n, size_t *used);

/* Queues close_notify, once. */
void ettm_tls_close(ettm_tls *t);

/* After the handshake: "TLSv1.3", "TLS_AES_256_GCM_SHA384", and whether the peer was verified. */
const char *ettm_tls_version(const ettm_tls *t);
const char *ettm_tls_cipher(const ettm_tls *t);
int ettm_tls_is_verified(const ettm_tls *t);

/* Whether the handshake took up an earlier connection's session, whose peer was verified then. */
int ettm_tls_is_resumed(const ettm_tls *t);

/* Channel binding "tls-exporter" (RFC 9266). Returns ETTM_OK; ETTM_E_STATE before the handshake, or
 * where TLS 1.2 lacks the extended master secret; ETTM_E_TLS (this alone is no failed engine). */
ETTM_MUST_USE ettm_status ettm_tls_exporter(const ettm_tls *t, unsigned char out[32]);

/* After a failure: one sentence on what happened, "" when there is none. Lent. */
const char *ettm_tls_reason(const ettm_tls *t);

/* The rest that is known of it; all zero and empty before one. Lent. */
const ettm_tls_failure *ettm_tls_failure_of(const ettm_tls *t);

/* The name that the peer's certificate has to be for; "" where there is none. Lent. */
const char *ettm_tls_name(const ettm_tls *t);

/* All of these, and ettm_tls_binding, for a connection. Static. */
const ettm_tls_methods *ettm_tls_methods_of_openssl(void);

#endif
