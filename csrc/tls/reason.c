/* SPDX-License-Identifier: MIT */
#include "tls/reason.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

typedef struct hint {
  int number;
  const char *text;
} hint;

static const char old_version[] =
    "server and client have no TLS version in common: the server is old; tls_min_version = \"1.0\" "
    "with security_level = 0 lets it in, if it has to be";
static const char weak[] =
    "the server's cryptography is weaker than security_level allows; a lower one lets it in, if it "
    "has to be";
static const char not_tls[] = "the peer does not speak TLS on this port";
static const char refused[] =
    "the server found no version or cipher in common (tls_min_version, "
    "ciphers, security_level), or wants a client certificate (client_cert, "
    "client_key)";

/* Reasons of OpenSSL's ssl library. */
static const hint ssl_hints[] = {
    {SSL_R_UNSUPPORTED_PROTOCOL, old_version},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, old_version},
    {SSL_R_NO_PROTOCOLS_AVAILABLE, old_version},
    {SSL_R_VERSION_TOO_LOW, old_version},
    {SSL_R_DH_KEY_TOO_SMALL, weak},
    {SSL_R_EE_KEY_TOO_SMALL, weak},
    {SSL_R_CA_KEY_TOO_SMALL, weak},
    {SSL_R_CA_MD_TOO_WEAK, weak},
    {SSL_R_WRONG_SIGNATURE_TYPE, weak},
#ifdef SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED
    {SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED, weak},
#endif
    {SSL_R_WRONG_VERSION_NUMBER, not_tls},
    {SSL_R_HTTP_REQUEST, not_tls},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, refused},
    {SSL_R_NO_SHARED_CIPHER, "client and server have no cipher in common; see ciphers"},
    {SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, refused},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED,
     "the server wants a client certificate (client_cert, client_key)"},
    {SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED, "the server's TLS is too old to be safe"},
};

static const char untrusted[] = "if the server is yours, name its CA with ca_file or ca_pem, or "
                                "pin its key with pin_sha256";
static const char alone[] = "the server sent its certificate alone: its operator should add the "
                            "intermediate one; or name the issuer with ca_file or ca_pem";
static const char other_name[] = "tls_name sets the name that the certificate must be for";
static const char dates[] = "its dates and this machine's clock disagree";

static const hint verify_hints[] = {
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, untrusted},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, untrusted},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, untrusted},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, untrusted},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, untrusted},
    {X509_V_ERR_HOSTNAME_MISMATCH, other_name},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, other_name},
    {X509_V_ERR_CERT_NOT_YET_VALID, dates},
    {X509_V_ERR_CERT_HAS_EXPIRED, dates},
    {X509_V_ERR_CERT_REVOKED, "its issuer has taken it back: the key may be in other hands"},
    {X509_V_ERR_DANE_NO_MATCH, "the server's certificate is none of tlsa: its records or its key "
                               "have changed, or somebody is in between"},
    {X509_V_ERR_UNABLE_TO_GET_CRL, "crl_file has no list of this issuer"},
    {X509_V_ERR_CRL_HAS_EXPIRED, "crl_file is out of date: fetch the list anew"},
    {X509_V_ERR_EE_KEY_TOO_SMALL, weak},
    {X509_V_ERR_CA_KEY_TOO_SMALL, weak},
    {X509_V_ERR_CA_MD_TOO_WEAK, weak},
};

static const char *find_hint(const hint *hints, size_t count, int number) {
  size_t i;
  for (i = 0; i < count; i++) {
    if (hints[i].number == number) {
      return hints[i].text;
    }
  }
  return NULL;
}

static char printable(char c) {
  return (char)(c >= ' ' && c <= '~' ? c : '?');
}

static void add_octet(char *reason, char c) {
  size_t n = strlen(reason);
  if (n + 1 < ETTM_TLS_REASON) {
    reason[n] = printable(c);
    reason[n + 1] = '\0';
  }
}

void ettm_reason_set(char *reason, const char *text) {
  reason[0] = '\0';
  ettm_reason_add(reason, text);
}

void ettm_reason_add(char *reason, const char *text) {
  for (; *text != '\0'; text++) {
    add_octet(reason, *text);
  }
}

void ettm_reason_add_field(char *reason, ettm_str field) {
  size_t shown = field.n <= ETTM_REASON_FIELD ? field.n : ETTM_REASON_FIELD - 3;
  size_t i;
  for (i = 0; i < shown; i++) {
    add_octet(reason, field.p[i]);
  }
  if (shown < field.n) {
    ettm_reason_add(reason, "...");
  }
}

const char *ettm_reason_queue(char *reason, const char *otherwise) {
  unsigned long code = ERR_peek_error();
  const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;
  const char *found = NULL;
  ettm_reason_add(reason, text != NULL ? text : otherwise);
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    found = find_hint(ssl_hints, sizeof ssl_hints / sizeof ssl_hints[0], ERR_GET_REASON(code));
  }
  ERR_clear_error();
  return found;
}

/* Moves what was printed into a memory BIO to a detail of `size` octets. */
static void take_printed(BIO *bio, char *detail, size_t size) {
  char *text = NULL;
  long printed = BIO_get_mem_data(bio, &text);
  size_t n = printed > 0 ? (size_t)printed : 0;
  size_t shown = n < size ? n : size - 4;
  size_t i;
  for (i = 0; i < shown; i++) {
    detail[i] = printable(text[i]);
  }
  memcpy(detail + shown, shown < n ? "..." : "", shown < n ? 4 : 1);
  (void)BIO_reset(bio);
}

static void print_address(BIO *bio, const unsigned char *p, int n) {
  int i;
  for (i = 0; i < n; i++) {
    if (n == 4) {
      BIO_printf(bio, i > 0 ? ".%d" : "%d", p[i]);
    } else {
      BIO_printf(bio, i > 0 && i % 2 == 0 ? ":%02x" : "%02x", p[i]);
    }
  }
}

static void print_one_name(BIO *bio, const GENERAL_NAME *name) {
  int kind;
  const ASN1_STRING *value = (const ASN1_STRING *)GENERAL_NAME_get0_value(name, &kind);
  if (kind != GEN_DNS && kind != GEN_IPADD) {
    return;
  }
  if (BIO_ctrl_pending(bio) > 0) {
    BIO_puts(bio, ", ");
  }
  if (kind == GEN_DNS) {
    BIO_write(bio, ASN1_STRING_get0_data(value), ASN1_STRING_length(value));
  } else {
    print_address(bio, ASN1_STRING_get0_data(value), ASN1_STRING_length(value));
  }
}

static void print_names(BIO *bio, const X509 *certificate) {
  GENERAL_NAMES *names =
      (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  int i;
  /* A peer may bring thousands; what is not shown need not be printed. */
  for (i = 0; i < sk_GENERAL_NAME_num(names) && BIO_ctrl_pending(bio) <= ETTM_TLS_DETAIL; i++) {
    print_one_name(bio, sk_GENERAL_NAME_value(names, i));
  }
  GENERAL_NAMES_free(names);
}

static void take_certificate(ettm_tls_failure *failure, X509 *certificate) {
  BIO *bio = BIO_new(BIO_s_mem());
  if (certificate == NULL || bio == NULL) {
    BIO_free(bio);
    return;
  }
  print_names(bio, certificate);
  take_printed(bio, failure->names, sizeof failure->names);
  X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  take_printed(bio, failure->subject, sizeof failure->subject);
  X509_NAME_print_ex(bio, X509_get_issuer_name(certificate), 0, XN_FLAG_RFC2253);
  take_printed(bio, failure->issuer, sizeof failure->issuer);
  ASN1_TIME_print(bio, X509_get0_notBefore(certificate));
  take_printed(bio, failure->not_before, sizeof failure->not_before);
  ASN1_TIME_print(bio, X509_get0_notAfter(certificate));
  take_printed(bio, failure->not_after, sizeof failure->not_after);
  BIO_free(bio);
}

static void add_detail(char *reason, const char *label, const char *detail) {
  ettm_reason_add(reason, label);
  ettm_reason_add_field(reason, ettm_str_of(detail, strlen(detail)));
}

static void add_certificate(char *reason, const ettm_tls_failure *failure) {
  if (failure->not_after[0] == '\0') {
    return; /* no certificate, or no memory to print it */
  }
  if (failure->names[0] != '\0') {
    add_detail(reason, "; it is for ", failure->names);
  } else {
    ettm_reason_add(reason, "; it names no host (a common name does not count)");
  }
  add_detail(reason, "; subject ", failure->subject);
  add_detail(reason, "; issuer ", failure->issuer);
  add_detail(reason, "; valid from ", failure->not_before);
  add_detail(reason, " to ", failure->not_after);
}

/* An issuer that is not known is mostly one whose certificate the server should have sent. */
static const char *hint_for_chain(X509_STORE_CTX *store, int error) {
  int is_without_issuer = error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
                          error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
  if (is_without_issuer && sk_X509_num(X509_STORE_CTX_get0_untrusted(store)) <= 1) {
    return alone;
  }
  return find_hint(verify_hints, sizeof verify_hints / sizeof verify_hints[0], error);
}

void ettm_reason_verify(char *reason, ettm_tls_failure *failure, X509_STORE_CTX *store,
                        const char *name) {
  int error = X509_STORE_CTX_get_error(store);
  char number[32];
  ERR_set_mark(); /* what fails in here is not the handshake's error */
  failure->verify_code = error;
  failure->verify_text = X509_verify_cert_error_string(error);
  failure->hint = hint_for_chain(store, error);
  take_certificate(failure, X509_STORE_CTX_get0_cert(store));
  ettm_reason_set(reason, "the peer's certificate was not accepted: ");
  ettm_reason_add(reason, failure->verify_text);
  (void)snprintf(number, sizeof number, " [%d]", error);
  ettm_reason_add(reason, number);
  if (name[0] != '\0') {
    add_detail(reason, "; wanted ", name);
  }
  add_certificate(reason, failure);
  ERR_pop_to_mark();
}

void ettm_reason_pin(char *reason, ettm_tls_failure *failure, X509_STORE_CTX *store) {
  ERR_set_mark();
  take_certificate(failure, X509_STORE_CTX_get0_cert(store));
  ettm_reason_set(reason, "the key of the peer's certificate is not the one of pin_sha256");
  add_certificate(reason, failure);
  ERR_pop_to_mark();
}
