/* Digests and HMAC from OpenSSL, for what the core is given from above.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_DIGEST_H
#define ETTM_TLS_DIGEST_H

#include "smtp/sasl.h"

/* Writes the SHA-256 of s. Returns ETTM_OK or ETTM_E_MEMORY. */
ETTM_MUST_USE ettm_status ettm_sha256(ettm_str s, unsigned char out[32]);

/* What SASL mechanisms need. Static. */
const ettm_sasl_crypto *ettm_crypto(void);

/* The octets of a digest. */
size_t ettm_hash_size(ettm_hash hash);

#endif
