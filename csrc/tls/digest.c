/* SPDX-License-Identifier: MIT */
/* getentropy stands in different headers, behind different names, on different systems. */
#if defined(__linux__)
#define _DEFAULT_SOURCE
#elif defined(__APPLE__)
#define _DARWIN_C_SOURCE
#endif

#include "tls/digest.h"

#include <limits.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <sys/random.h>
#endif

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define ENTROPY_MAX 256 /* octets that getentropy gives at once */

/* The system's own random octets: OpenSSL's generator takes a millisecond to set itself up, longer
 * than it takes to send a mail. Returns 0 where the system does not give any. */
static int system_random(char *out, size_t n) {
#if defined(__linux__) || defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__)
  while (n > 0) {
    size_t part = n < ENTROPY_MAX ? n : ENTROPY_MAX;
    if (getentropy(out, part) != 0) {
      return 0;
    }
    out += part;
    n -= part;
  }
  return 1;
#else
  (void)out;
  return n == 0;
#endif
}

ettm_status ettm_random(char *out, size_t n) {
  ettm_status status = ETTM_E_RANDOM;
  if (system_random(out, n)) {
    return ETTM_OK;
  }
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
