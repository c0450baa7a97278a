/* For the tests of TLS: certificates made on the spot, and a client and a server back to back.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SPEC_TLS_PAIR_H
#define ETTM_SPEC_TLS_PAIR_H

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "tls/certificate.h"
#include "tls/engine.h"
#include "tls/internal.h"

#define TOLD (2 * ETTM_TLS_REASON) /* octets of a reason with its hint */

/* A certificate and its key, as PEM text. */
typedef struct identity {
  ettm_buffer certificate;
  ettm_buffer key;
} identity;

static inline ettm_str text_of(const char *text) {
  return ettm_str_of(text, strlen(text));
}

static inline int has(const char *text, const char *part) {
  return strstr(text, part) != NULL;
}

static inline void identity_make(identity *id, const ettm_certificate_options *o) {
  ettm_buffer_init(&id->certificate, NULL, 1u << 20);
  ettm_buffer_init_secret(&id->key, NULL, 1u << 16);
  CHECK_INT(ettm_certificate_make(o, &id->certificate, &id->key), ETTM_OK);
}

static inline void identity_clear(identity *id) {
  ettm_buffer_clear(&id->certificate);
  ettm_buffer_clear(&id->key);
}

/* Self-signed, good for localhost and 127.0.0.1; made once and kept. */
static inline identity *identity_local(void) {
  static identity id;
  ettm_certificate_options o;
  if (id.certificate.bytes == NULL) {
    memset(&o, 0, sizeof o);
    o.names = ETTM_LIT("localhost, 127.0.0.1");
    identity_make(&id, &o);
  }
  return &id;
}

static inline ettm_tls_context *make_context(const ettm_tls_options *o) {
  ettm_tls_context *c = NULL;
  char reason[ETTM_TLS_REASON];
  CHECK_INT(ettm_tls_context_new(&c, o, NULL, reason), ETTM_OK);
  CHECK_STR(text_of(reason), ETTM_LIT(""));
  CHECK_INT(ERR_peek_error(), 0);
  return c;
}

static inline ettm_tls_context *make_server_context(const identity *id) {
  ettm_tls_options o;
  memset(&o, 0, sizeof o);
  o.is_server = 1;
  o.certificate = ettm_buffer_view(&id->certificate);
  o.key = ettm_buffer_view(&id->key);
  return make_context(&o);
}

static inline ettm_tls_context *make_client_context(const identity *trusted) {
  ettm_tls_options o;
  memset(&o, 0, sizeof o);
  o.ca_pem = ettm_buffer_view(&trusted->certificate);
  return make_context(&o);
}

/* What a person is told of a failure: the reason, and the hint where there is one. */
static inline void tell(const ettm_tls *t, char told[TOLD]) {
  const char *hint = ettm_tls_failure_of(t)->hint;
  (void)snprintf(told, TOLD, "%s%s%s", ettm_tls_reason(t), hint != NULL ? "; " : "",
                 hint != NULL ? hint : "");
}

typedef struct tls_pair {
  ettm_tls *client;
  ettm_tls *server;
  size_t chunk;     /* octets that the network carries at a time; 0: all there are */
  size_t wire_peak; /* most that either had waiting */
} tls_pair;

/* Contexts are consumed: the engines hold the last references. */
static inline void pair_make(tls_pair *p, ettm_tls_context *client, ettm_tls_context *server,
                             const char *name) {
  memset(p, 0, sizeof *p);
  CHECK_INT(ettm_tls_new(&p->client, client, text_of(name), NULL), ETTM_OK);
  CHECK_INT(ettm_tls_new(&p->server, server, ETTM_LIT(""), NULL), ETTM_OK);
  ettm_tls_context_release(client);
  ettm_tls_context_release(server);
}

static inline void pair_make_local(tls_pair *p, size_t chunk) {
  pair_make(p, make_client_context(identity_local()), make_server_context(identity_local()),
            "localhost");
  p->chunk = chunk;
}

static inline void pair_free(tls_pair *p) {
  ettm_tls_free(p->client);
  ettm_tls_free(p->server);
  CHECK_INT(ERR_peek_error(), 0);
}

/* Carries one piece from one to the other: 1 when there was one. */
static inline int pair_carry(tls_pair *p, ettm_tls *from, ettm_tls *to) {
  ettm_str out = ettm_tls_peek(from);
  size_t n = out.n;
  p->wire_peak = out.n > p->wire_peak ? out.n : p->wire_peak;
  n = p->chunk > 0 && n > p->chunk ? p->chunk : n;
  n = n > ettm_tls_room(to) ? ettm_tls_room(to) : n;
  if (n == 0) {
    return 0;
  }
  (void)!ettm_tls_feed(to, out.p, n);
  ettm_tls_skip(from, n);
  return 1;
}

/* Runs both handshakes until nothing moves; returns what the client's came to. */
static inline ettm_status pair_handshake(tls_pair *p) {
  ettm_status client, server;
  int moved = 1;
  do {
    client = ettm_tls_handshake(p->client);
    CHECK_INT(ERR_peek_error(), 0);
    server = ettm_tls_handshake(p->server);
    CHECK_INT(ERR_peek_error(), 0);
    moved = pair_carry(p, p->client, p->server) + pair_carry(p, p->server, p->client);
  } while (moved > 0 && (client >= 0 || !ettm_status_is_fatal(client)) && server >= 0);
  return client == ETTM_NEED_INPUT ? ettm_tls_handshake(p->client) : client;
}

#endif
