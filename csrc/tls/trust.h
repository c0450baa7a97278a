/* Where a client's trust comes from: what the caller names, else what the system has.
 *
 * Files are read by OpenSSL only. The system's store is that of SSL_CERT_FILE and SSL_CERT_DIR when
 * one of them is set, else the first bundle found at the usual places, else OpenSSL's defaults.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_TRUST_H
#define ETTM_TLS_TRUST_H

#include <openssl/ssl.h>

#include "tls/context.h"

/* Where to look. All may be NULL; bundles ends with NULL. */
typedef struct ettm_trust_places {
  const char *env_file;
  const char *env_dir;
  const char *const *bundles;
  const char *default_file;
  const char *default_dir;
} ettm_trust_places;

/* The places of this system and process. */
ettm_trust_places ettm_trust_of_system(void);

/* Loads the first place that has certificates; its path goes to path (cut at n - 1 octets). Returns
 * ETTM_OK or ETTM_E_TLS with a reason. */
ETTM_MUST_USE ettm_status ettm_trust_load(SSL_CTX *ssl, const ettm_trust_places *places, char *path,
                                          size_t n, char *reason);

/* Adds the certificates of PEM text. Returns ETTM_OK or ETTM_E_ARGUMENT with a reason. */
ETTM_MUST_USE ettm_status ettm_trust_add_pem(SSL_CTX *ssl, ettm_str pem, char *reason);

#endif
