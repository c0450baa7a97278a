/* SPDX-License-Identifier: MIT */
#include "tls/digest.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

static void check_sha256(ettm_str s, const char *wanted) {
  unsigned char digest[32];
  char text[65];
  size_t i;
  CHECK_INT(ettm_sha256(s, digest), ETTM_OK);
  for (i = 0; i < sizeof digest; i++) {
    (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
  }
  CHECK_STR(ettm_str_of(text, 64), ettm_str_of(wanted, strlen(wanted)));
  CHECK_INT(ERR_peek_error(), 0);
}

/* FIPS 180-4's examples. */
static void digests_known_texts(void) {
  check_sha256(ETTM_LIT(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  check_sha256(ETTM_LIT("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  check_sha256(ETTM_LIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void digests_octets_after_a_nul(void) {
  unsigned char a[32];
  unsigned char b[32];
  CHECK_INT(ettm_sha256(ettm_str_of("a\0b", 3), a), ETTM_OK);
  CHECK_INT(ettm_sha256(ettm_str_of("a\0c", 3), b), ETTM_OK);
  CHECK(memcmp(a, b, sizeof a) != 0);
}

static void reads_no_octet_too_many(void) {
  check_sha256(check_guarded(ETTM_LIT("abc")),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void check_octets(const unsigned char *got, size_t n, const char *wanted) {
  char text[2 * ETTM_HASH_MAX + 1];
  size_t i;
  for (i = 0; i < n; i++) {
    (void)snprintf(text + 2 * i, 3, "%02x", got[i]);
  }
  CHECK_STR(ettm_str_of(text, 2 * n), ettm_str_of(wanted, strlen(wanted)));
  CHECK_INT(ERR_peek_error(), 0);
}

static void check_hmac(ettm_hash hash, ettm_str key, ettm_str s, const char *wanted) {
  unsigned char out[ETTM_HASH_MAX];
  CHECK_INT(ettm_crypto()->hmac(hash, key, s, out), ETTM_OK);
  check_octets(out, ettm_hash_size(hash), wanted);
}

/* RFC 2202, RFC 4231; an empty key and an empty text by Python's hmac. */
static void keys_digests(void) {
  ettm_str key = ETTM_LIT("Jefe");
  ettm_str s = ETTM_LIT("what do ya want for nothing?");
  check_hmac(ETTM_HASH_MD5, key, s, "750c783e6ab0b503eaa86e310a5db738");
  check_hmac(ETTM_HASH_SHA1, key, s, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  check_hmac(ETTM_HASH_SHA256, key, s,
             "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  check_hmac(ETTM_HASH_MD5, ettm_str_of(NULL, 0), ettm_str_of(NULL, 0),
             "74e6f7298a9c2d168935f58c001bad88");
}

/* RFC 6070; SHA-256 by Python's hashlib. */
static void derives_keys(void) {
  unsigned char out[ETTM_HASH_MAX];
  ettm_derivation d;
  d.password = ETTM_LIT("password");
  d.salt = ETTM_LIT("salt");
  d.iterations = 4096;
  CHECK_INT(ettm_crypto()->derive(ETTM_HASH_SHA1, &d, out), ETTM_OK);
  check_octets(out, 20, "4b007901b765489abead49d926f721d065a429c1");
  CHECK_INT(ettm_crypto()->derive(ETTM_HASH_SHA256, &d, out), ETTM_OK);
  check_octets(out, 32, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
  d.password = ettm_str_of(NULL, 0);
  CHECK_INT(ettm_crypto()->derive(ETTM_HASH_SHA1, &d, out), ETTM_OK);
}

static const check_case cases[] = {
    {"digests known texts", digests_known_texts},
    {"digests the octets behind a NUL", digests_octets_after_a_nul},
    {"reads no octet too many", reads_no_octet_too_many},
    {"keys digests as RFC 2202 and RFC 4231 show it", keys_digests},
    {"derives keys as RFC 6070 shows it", derives_keys},
};

CHECK_MAIN("digest", cases)
