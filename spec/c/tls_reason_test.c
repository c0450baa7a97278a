/* SPDX-License-Identifier: MIT */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls/reason.h"
#include "tls_pair.h"

static void raise_error(int library, int reason) {
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
  ERR_raise(library, reason);
#else
  ERR_put_error(library, 0, reason, __FILE__, __LINE__);
#endif
}

/* What OpenSSL says of servers that are too old or too weak, and the lever that the hint names. */
static const struct {
  int reason;
  const char *lever;
} rows[] = {
    {SSL_R_UNSUPPORTED_PROTOCOL, "tls_min_version"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "tls_min_version"},
    {SSL_R_DH_KEY_TOO_SMALL, "security_level"},
    {SSL_R_EE_KEY_TOO_SMALL, "security_level"},
    {SSL_R_CA_MD_TOO_WEAK, "security_level"},
    {SSL_R_WRONG_SIGNATURE_TYPE, "security_level"},
#ifdef SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED
    {SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED, "security_level"},
#endif
    {SSL_R_WRONG_VERSION_NUMBER, "does not speak TLS"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, "ciphers"},
    {SSL_R_NO_SHARED_CIPHER, "ciphers"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "client_cert"},
    {SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED, "too old"},
};

static void a_hint_names_the_lever(void) {
  size_t i;
  ettm_tls_context_release(make_server_context(identity_local())); /* loads the words */
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char reason[ETTM_TLS_REASON] = "";
    const char *hint;
    raise_error(ERR_LIB_SSL, rows[i].reason);
    raise_error(ERR_LIB_SSL, SSL_R_BAD_LENGTH); /* a later one is of no interest */
    hint = ettm_reason_queue(reason, "otherwise");
    CHECK(hint != NULL && has(hint, rows[i].lever));
    CHECK(reason[0] != '\0' && !has(reason, "otherwise"));
    CHECK_INT(ERR_peek_error(), 0);
  }
}

static void an_error_of_another_library_has_no_hint(void) {
  char reason[ETTM_TLS_REASON] = "";
  raise_error(ERR_LIB_PEM, SSL_R_DH_KEY_TOO_SMALL);
  CHECK(ettm_reason_queue(reason, "otherwise") == NULL);
  CHECK_INT(ERR_peek_error(), 0);
}

static void no_error_is_said_otherwise(void) {
  char reason[ETTM_TLS_REASON] = "it failed: ";
  CHECK(ettm_reason_queue(reason, "nobody knows why") == NULL);
  CHECK_STR(text_of(reason), ETTM_LIT("it failed: nobody knows why"));
}

static const check_case cases[] = {
    {"names the lever in a hint", a_hint_names_the_lever},
    {"knows OpenSSL's TLS errors only", an_error_of_another_library_has_no_hint},
    {"has words for no error at all", no_error_is_said_otherwise},
};

CHECK_MAIN("tls_reason", cases)
