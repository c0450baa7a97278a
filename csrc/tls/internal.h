/* What a TLS context is made of, for the files of this folder and its tests.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_INTERNAL_H
#define ETTM_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "tls/context.h"
#include "tls/dane.h"
#include "tls/engine.h"
#include "tls/tickets.h"

#define ETTM_TLS_PINS 8

struct ettm_tls_context {
  ettm_alloc alloc;
  size_t references;
  SSL_CTX *ssl;
  BIO_METHOD *channel_method;
  int is_server;
  int verifies; /* the peer's certificate has to be good */
  size_t pin_count;
  unsigned char pins[ETTM_TLS_PINS][32];
  ettm_dane dane;
  char trust_path[256];
  ettm_tls_tickets tickets; /* a client's */
};

/* OpenSSL's object once the handshake is done and nothing has failed, else NULL. Lent. */
SSL *ettm_tls_ssl(const ettm_tls *t);

#endif
