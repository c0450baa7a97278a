/* Channel binding (RFC 5056): octets that both ends of a TLS connection know and nobody between
 * has.
 *
 * "tls-exporter" (RFC 9266) with TLS 1.3, "tls-server-end-point" (RFC 5929 4) with TLS 1.2.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_BINDING_H
#define ETTM_TLS_BINDING_H

#include "tls/engine.h"

#define ETTM_BINDING_MAX 64

typedef struct ettm_binding {
  const char *name; /* static */
  unsigned char octets[ETTM_BINDING_MAX];
  size_t n;
} ettm_binding;

/* Of an engine whose handshake is done, client or server. Returns ETTM_OK; ETTM_E_STATE before;
 * ETTM_E_TLS: there is none (the engine is not failed by it). */
ETTM_MUST_USE ettm_status ettm_tls_binding(const ettm_tls *t, ettm_binding *out);

#endif
