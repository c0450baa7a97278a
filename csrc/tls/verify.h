/* The verdict on a peer's certificate: chain, name, dates, pinned keys.
 *
 * OpenSSL asks during the handshake; the answer and its reason are kept in a verdict, which belongs
 * to the caller and must outlive the SSL it was set on. OpenSSL's error queue is left as it was.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_VERIFY_H
#define ETTM_TLS_VERIFY_H

#include "tls/internal.h"

typedef struct ettm_tls_verdict {
  ettm_tls_context *context; /* borrowed */
  ettm_status refused;       /* why the peer's certificate was not accepted; ETTM_OK: it was not
                                refused */
  int is_renewed;            /* a session to keep came in */
  char name[ETTM_TLS_NAME + 1];
  char reason[ETTM_TLS_REASON];
  ettm_tls_failure failure;
} ettm_tls_verdict;

/* Begins a verdict with the name that the certificate must be for; a client that verifies needs
 * one. Returns ETTM_OK or ETTM_E_ARGUMENT. */
ETTM_MUST_USE ettm_status ettm_verdict_begin(ettm_tls_verdict *v, ettm_tls_context *c,
                                             ettm_str name);

/* Makes OpenSSL ask: what is checked, and what is sent as SNI. Takes the SSL's app data. Returns
 * ETTM_OK, ETTM_E_TLS or ETTM_E_MEMORY. */
ETTM_MUST_USE ettm_status ettm_verdict_attach(ettm_tls_verdict *v, SSL *ssl);

/* What is left to check when the handshake is done. Returns ETTM_OK, or ETTM_E_TLS_VERIFY or
 * ETTM_E_TLS_PIN with a reason. */
ETTM_MUST_USE ettm_status ettm_verdict_check(ettm_tls_verdict *v, SSL *ssl);

#endif
