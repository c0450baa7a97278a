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

static void random_octets_differ_from_call_to_call(void) {
  char a[32];
  char b[32];
  memset(a, 0, sizeof a);
  memset(b, 0, sizeof b);
  CHECK_INT(ettm_random(a, sizeof a), ETTM_OK);
  CHECK_INT(ettm_random(b, sizeof b), ETTM_OK);
  CHECK(memcmp(a, b, sizeof a) != 0);
  CHECK_INT(ERR_peek_error(), 0);
}

static void random_fills_exactly_what_was_asked(void) {
  char a[16];
  memset(a, 'x', sizeof a);
  CHECK_INT(ettm_random(a, 0), ETTM_OK);
  CHECK_INT(ettm_random(a, 8), ETTM_OK);
  CHECK_STR(ettm_str_of(a + 8, 8), ETTM_LIT("xxxxxxxx"));
}

static const check_case cases[] = {
    {"digests known texts", digests_known_texts},
    {"digests the octets behind a NUL", digests_octets_after_a_nul},
    {"reads no octet too many", reads_no_octet_too_many},
    {"gives random octets that differ from call to call", random_octets_differ_from_call_to_call},
    {"fills exactly what was asked for", random_fills_exactly_what_was_asked},
};

CHECK_MAIN("digest", cases)
