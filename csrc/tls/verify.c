/* SPDX-License-Identifier: MIT */
#include "tls/verify.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "tls/reason.h"
#include "tls/staple.h"

/* Printable ASCII without blanks: a host name (A-labels) or an IP address. A dot in front would
 * mean "any subdomain" to OpenSSL. */
static int is_name(ettm_str name) {
  size_t i;
  for (i = 0; i < name.n; i++) {
    if (name.p[i] <= ' ' || name.p[i] > '~') {
      return 0;
    }
  }
  return name.n <= ETTM_TLS_NAME && (name.n == 0 || name.p[0] != '.');
}

/* The dot that ends a fully qualified name is no part of it in a certificate or in SNI
 * (RFC 6066 3). */
ettm_status ettm_verdict_begin(ettm_tls_verdict *v, ettm_tls_context *c, ettm_str name) {
  memset(v, 0, sizeof *v);
  v->context = c;
  if (!is_name(name)) {
    return ETTM_E_ARGUMENT;
  }
  if (name.n > 0) {
    memcpy(v->name, name.p, name.n);
    if (name.p[name.n - 1] == '.') {
      v->name[name.n - 1] = '\0';
    }
  }
  if (name.n == 0 && !v->context->is_server && v->context->verifies) {
    return ETTM_E_ARGUMENT;
  }
  return ETTM_OK;
}

static int is_address(const char *name) {
  ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
  ASN1_OCTET_STRING_free(address);
  return address != NULL;
}

/* A name is sent as SNI and looked for among the DNS names; an address is not sent (RFC 6066 3) and
 * looked for among the IP addresses. A common name counts for neither (RFC 9525 2). */
static int apply_name(const ettm_tls_verdict *v, SSL *ssl) {
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  if (v->name[0] == '\0') {
    return 1;
  }
  if (is_address(v->name)) {
    return X509_VERIFY_PARAM_set1_ip_asc(param, v->name);
  }
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                             X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_VERIFY_PARAM_set1_host(param, v->name, 0) &&
         SSL_set_tlsext_host_name(ssl, v->name) == 1;
}

/* DANE puts the base domain where apply_name puts the name: with an address it has none. */
static int apply_dane(const ettm_tls_verdict *v, SSL *ssl) {
  const ettm_dane *d = &v->context->dane;
  return d->count == 0 || ettm_dane_attach(d, ssl, is_address(v->name) ? NULL : v->name) == ETTM_OK;
}

static int is_pinned(const ettm_tls_context *c, const X509 *certificate) {
  unsigned char *der = NULL;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  int ok = n > 0 && EVP_Digest(der, (size_t)n, digest, &length, EVP_sha256(), NULL) && length == 32;
  size_t i;
  OPENSSL_free(der);
  for (i = 0; ok && i < c->pin_count; i++) {
    if (memcmp(digest, c->pins[i], 32) == 0) {
      return 1;
    }
  }
  return 0;
}

/* What a pinned key makes up for: nobody who is trusted vouches for the certificate. */
static int is_about_trust(int error) {
  return error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
         error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
         error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
         error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
         error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE;
}

/* OpenSSL's question after each certificate and each fault: go on? */
static int judge(int ok, X509_STORE_CTX *store) {
  SSL *ssl = (SSL *)X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  ettm_tls_verdict *v = (ettm_tls_verdict *)SSL_get_app_data(ssl);
  if (v->context->pin_count > 0) {
    if (!is_pinned(v->context, X509_STORE_CTX_get0_cert(store))) {
      v->refused = ETTM_E_TLS_PIN;
      ettm_reason_pin(v->reason, &v->failure, store);
      X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
      return 0;
    }
    if (!ok && is_about_trust(X509_STORE_CTX_get_error(store))) {
      X509_STORE_CTX_set_error(store, X509_V_OK);
      return 1;
    }
  }
  if (ok || !v->context->verifies) {
    return 1;
  }
  v->refused = ETTM_E_TLS_VERIFY;
  ettm_reason_verify(v->reason, &v->failure, store, v->name);
  return 0;
}

/* OpenSSL's question about what came stapled to the certificate, when that was accepted: go on? */
static int judge_staple(SSL *ssl, void *unused) {
  ettm_tls_verdict *v = (ettm_tls_verdict *)SSL_get_app_data(ssl);
  const char *fault = ettm_staple_fault(ssl);
  (void)unused;
  if (fault != NULL) {
    v->refused = ETTM_E_TLS_VERIFY;
    ettm_reason_set(v->reason, fault);
    v->failure.hint = "its operator has to renew the certificate, or what the server staples to it";
  }
  return fault == NULL;
}

static int verify_mode(const ettm_tls_context *c) {
  if (!c->verifies && c->pin_count == 0) {
    return SSL_VERIFY_NONE;
  }
  return c->is_server ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER;
}

/* Where an issuer's word is what counts, its word against the certificate counts, too. */
static int asks_for_staple(const ettm_tls_context *c) {
  return c->verifies && c->pin_count == 0 && c->dane.count == 0;
}

ettm_status ettm_verdict_attach(ettm_tls_verdict *v, SSL *ssl) {
  if (!SSL_set_app_data(ssl, v)) {
    return ETTM_E_MEMORY;
  }
  SSL_set_verify(ssl, verify_mode(v->context), judge);
  if (v->context->is_server) {
    return ETTM_OK;
  }
  if (asks_for_staple(v->context) && !ettm_staple_ask(ssl, judge_staple)) {
    return ETTM_E_TLS;
  }
  return apply_dane(v, ssl) && apply_name(v, ssl) ? ETTM_OK : ETTM_E_TLS;
}

static ettm_status refuse(ettm_tls_verdict *v, ettm_status status, const char *reason) {
  v->refused = status;
  ettm_reason_set(v->reason, reason);
  return status;
}

/* OpenSSL has refused what is not good; this is the belt beside the braces. */
ettm_status ettm_verdict_check(ettm_tls_verdict *v, SSL *ssl) {
  X509 *peer = SSL_get_peer_certificate(ssl);
  int has_peer = peer != NULL;
  X509_free(peer);
  /* Without one nothing was asked of judge: an anonymous suite that `ciphers` let in. */
  if (!has_peer && v->context->pin_count > 0) {
    return refuse(v, ETTM_E_TLS_PIN, "the peer showed no certificate");
  }
  if (!has_peer && v->context->verifies) {
    return refuse(v, ETTM_E_TLS_VERIFY, "the peer showed no certificate");
  }
  if (v->context->verifies && SSL_get_verify_result(ssl) != X509_V_OK) {
    return refuse(v, ETTM_E_TLS_VERIFY, "the peer's certificate was not accepted");
  }
  return ETTM_OK;
}
