/* Channel binding: "tls-exporter" (RFC 9266) with TLS 1.3, "tls-server-end-point" (RFC 5929 4) with
 * TLS 1.2.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_BINDING_H
#define ETTM_TLS_BINDING_H

#include "tls/engine.h"

/* Of an engine whose handshake is done, client or server. Returns ETTM_OK; ETTM_E_STATE before;
 * ETTM_E_TLS: there is none (the engine is not failed by it). */
ETTM_MUST_USE ettm_status ettm_tls_binding(const ettm_tls *t, ettm_binding *out);

#endif
