/* What the TLS of many connections has in common: trust store, versions, ciphers, certificate.
 *
 * A client's context verifies the chain and the host name unless it is told in an ugly word not to,
 * finds the system's trust store by itself and takes TLS 1.2 and later only (RFC 8314, RFC 9325). A
 * server's context is for tests. Reference-counted, not thread-safe; an engine holds its own
 * reference. Nothing of OpenSSL's global state is changed, and its error queue is left empty.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_CONTEXT_H
#define ETTM_TLS_CONTEXT_H

#include "smtp/tls_engine.h"

#define ETTM_TLS_REASON 512 /* octets of a reason, the NUL included */

/* All views are borrowed for the call; empty means absent. */
typedef struct ettm_tls_options {
  int is_server;
  int insecure_skip_verify; /* 1: any certificate will do */
  ettm_str ca_file;         /* path of PEM certificates trusted instead of the system's; a server
                               that is given any wants a certificate of the client */
  ettm_str ca_pem;          /* the same as text; both may be given */
  ettm_str certificate;     /* PEM text of the own chain (client's or server's) */
  ettm_str key;             /* PEM text of its key; empty: it stands with the certificate */
  ettm_str key_password;
  ettm_str min_version; /* "1.2" (when empty), "1.3"; "1.0" and "1.1" by name only */
  ettm_str max_version; /* one of the same; empty: the latest there is */
  ettm_str ciphers;     /* OpenSSL's list for TLS 1.2 */
  int security_level;   /* OpenSSL's, 1 to 5; 0 means 2, below 0 means OpenSSL's 0 */
  ettm_str pin_sha256;  /* SHA-256 of the public keys (SPKI) of which the peer's must be one: base64
                           or hexadecimal, parted by spaces or commas. A pinned key needs no trusted
                           issuer; name and dates are checked all the same */
  ettm_str tlsa;        /* DANE records, one a line: see tls/dane.h. They take the place of trusted
                           certificates */
  ettm_str crl_file;    /* path of PEM revocation lists for the peers' certificates */
} ettm_tls_options;

/* Makes a context with one reference. Returns ETTM_OK, or ETTM_E_TLS, ETTM_E_ARGUMENT,
 * ETTM_E_MEMORY with a sentence in reason. */
ETTM_MUST_USE ettm_status ettm_tls_context_new(ettm_tls_context **out, const ettm_tls_options *o,
                                               const ettm_alloc *a, char reason[ETTM_TLS_REASON]);
void ettm_tls_context_retain(ettm_tls_context *c);
void ettm_tls_context_release(ettm_tls_context *c);

/* Where the system's trust store was found: a path, or "" when a ca_ option took its place. */
const char *ettm_tls_context_trust_path(const ettm_tls_context *c);

#endif
