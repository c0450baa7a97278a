/* SPDX-License-Identifier: MIT */
#include "tls/digest.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "tls/saslprep.h"

ettm_status ettm_sha256(ettm_str s, unsigned char out[32]) {
  unsigned int length = 0;
  int ok = EVP_Digest(s.p, s.n, out, &length, EVP_sha256(), NULL);
  ERR_clear_error();
  return ok && length == 32 ? ETTM_OK : ETTM_E_MEMORY;
}

static const EVP_MD *function_of(ettm_hash hash) {
  switch (hash) {
  case ETTM_HASH_MD5: return EVP_md5();
  case ETTM_HASH_SHA1: return EVP_sha1();
  default: return EVP_sha256();
  }
}

size_t ettm_hash_size(ettm_hash hash) {
  switch (hash) {
  case ETTM_HASH_MD5: return 16;
  case ETTM_HASH_SHA1: return 20;
  default: return 32;
  }
}

/* A policy (FIPS) may forbid MD5, and OpenSSL can have no memory: both end in no digest. */
static ettm_status end(int ok) {
  ERR_clear_error();
  return ok ? ETTM_OK : ETTM_E_NO_DIGEST;
}

static ettm_status digest(ettm_hash hash, ettm_str s, unsigned char *out) {
  unsigned int length = 0;
  return end(EVP_Digest(s.p, s.n, out, &length, function_of(hash), NULL) == 1);
}

/* To OpenSSL a NULL key is the one used before; an empty one is not NULL. */
static ettm_str not_null(ettm_str s) {
  return s.n > 0 ? s : ETTM_LIT("");
}

static ettm_status hmac(ettm_hash hash, ettm_str key, ettm_str s, unsigned char *out) {
  unsigned int length = 0;
  ettm_str k = not_null(key);
  if (k.n > INT_MAX) {
    return ETTM_E_LIMIT;
  }
  s = not_null(s);
  return end(HMAC(function_of(hash), k.p, (int)k.n, (const unsigned char *)s.p, s.n, out,
                  &length) != NULL);
}

static ettm_status derive(ettm_hash hash, const ettm_derivation *d, unsigned char *out) {
  ettm_str password = not_null(d->password);
  ettm_str salt = not_null(d->salt);
  if (password.n > INT_MAX || salt.n > INT_MAX || d->iterations > INT_MAX) {
    return ETTM_E_LIMIT;
  }
  return end(PKCS5_PBKDF2_HMAC(password.p, (int)password.n, (const unsigned char *)salt.p,
                               (int)salt.n, (int)d->iterations, function_of(hash),
                               (int)ettm_hash_size(hash), out) == 1);
}

const ettm_sasl_crypto *ettm_crypto(void) {
#ifdef ETTM_UNISTRING
  static const ettm_sasl_crypto crypto = {digest, hmac, derive, ettm_saslprep};
#else
  static const ettm_sasl_crypto crypto = {digest, hmac, derive, NULL};
#endif
  return &crypto;
}
