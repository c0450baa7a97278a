/* SPDX-License-Identifier: MIT */
#include <openssl/crypto.h>

#include "tls/library.h"
#include "tls_pair.h"

static void the_one_that_is_here_fits(void) {
  char reason[ETTM_TLS_REASON];
  CHECK_INT(ettm_library_check(OpenSSL_version_num(), OpenSSL_version(OPENSSL_VERSION), reason),
            ETTM_OK);
  CHECK_STR(text_of(reason), ETTM_LIT(""));
}

static void a_later_one_of_the_same_promise_fits(void) {
  char reason[ETTM_TLS_REASON];
  CHECK_INT(ettm_library_check(OPENSSL_VERSION_NUMBER + 0x10UL, "OpenSSL", reason), ETTM_OK);
}

static void another_major_version_is_told(void) {
  static const unsigned long others[] = {0x0090819fUL, 0x1000214fUL, 0x40000000UL};
  size_t i;
  for (i = 0; i < sizeof others / sizeof others[0]; i++) {
    char reason[ETTM_TLS_REASON];
    CHECK_INT(ettm_library_check(others[i], "OpenSSL 1.0.2u  20 Dec 2019", reason), ETTM_E_TLS);
    CHECK(has(reason, "built for " OPENSSL_VERSION_TEXT));
    CHECK(has(reason, "has loaded OpenSSL 1.0.2u"));
    CHECK(has(reason, "OPENSSL_DIR"));
  }
}

static const check_case cases[] = {
    {"takes the library that is here", the_one_that_is_here_fits},
    {"takes a later one of the same promise", a_later_one_of_the_same_promise_fits},
    {"tells another major version", another_major_version_is_told},
};

CHECK_MAIN("tls_library", cases)
