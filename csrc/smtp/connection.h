/* A session with an optional TLS engine as one byte machine, with the same five verbs.
 *
 * Owns the session and the engine. Bytes on the five verbs are what the network carries: plain
 * until TLS is started, ciphertext after. Content counts as handed over (the session's fate) when
 * the engine has taken it. Rules as of smtp/session.h, on whose object all other calls are made:
 * ettm_connection_session lends it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_CONNECTION_H
#define ETTM_SMTP_CONNECTION_H

#include "smtp/session.h"
#include "smtp/tls_engine.h"

typedef struct ettm_connection ettm_connection;

ETTM_MUST_USE ettm_status ettm_connection_new(ettm_connection **out, const ettm_session_options *o,
                                              const ettm_alloc *a);
void ettm_connection_free(ettm_connection *c);

ettm_session *ettm_connection_session(ettm_connection *c);

/* The engine, and what can be done with it. */
typedef struct ettm_connection_tls {
  const ettm_tls_methods *methods; /* of the context that it was made with */
  ettm_tls *engine;                /* NULL before TLS */
} ettm_connection_tls;
const ettm_connection_tls *ettm_connection_tls_of(const ettm_connection *c); /* lent */

/* Starts the handshake: at once for implicit TLS (before anything was fed), or when
 * ETTM_EVENT_STARTTLS has come. The methods are those of the context and have to outlive the
 * connection. Returns ETTM_OK, ETTM_E_STATE, and what the method `make` returns. */
ETTM_MUST_USE ettm_status ettm_connection_start_tls(ettm_connection *c,
                                                    const ettm_tls_methods *methods,
                                                    ettm_tls_context *context, ettm_str name);

/* The five verbs of the network's side. */
size_t ettm_connection_room(const ettm_connection *c);
ETTM_MUST_USE ettm_status ettm_connection_feed(ettm_connection *c, const char *in, size_t n);
ETTM_MUST_USE ettm_status ettm_connection_feed_eof(ettm_connection *c);
ettm_str ettm_connection_peek(ettm_connection *c);
void ettm_connection_skip(ettm_connection *c, size_t n);

/* As ettm_session_next, want and phase; the handshake is phase TLS with READ and WRITE as it needs,
 * and its failure is next's: ETTM_E_TLS and its kin. */
ETTM_MUST_USE ettm_status ettm_connection_next(ettm_connection *c, ettm_event *ev);
unsigned ettm_connection_want(ettm_connection *c);
ettm_phase ettm_connection_phase(const ettm_connection *c);

/* Queues close_notify where there is TLS. */
void ettm_connection_close(ettm_connection *c);

#endif
