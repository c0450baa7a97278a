/* SPDX-License-Identifier: MIT */
#include "tls/digest.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

ettm_status ettm_random(char *out, size_t n) {
  ettm_status status = ETTM_E_RANDOM;
  if (n <= INT_MAX && RAND_bytes((unsigned char *)out, (int)n) == 1) {
    status = ETTM_OK;
  }
  ERR_clear_error();
  return status;
}

ettm_status ettm_sha256(ettm_str s, unsigned char out[32]) {
  unsigned int length = 0;
  int ok = EVP_Digest(s.p, s.n, out, &length, EVP_sha256(), NULL);
  ERR_clear_error();
  return ok && length == 32 ? ETTM_OK : ETTM_E_MEMORY;
}
