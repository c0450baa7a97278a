/* SPDX-License-Identifier: MIT */
#include "tls/staple.h"

#ifndef OPENSSL_NO_OCSP

#include <openssl/err.h>
#include <openssl/ocsp.h>

#define CLOCK_SECONDS 300 /* by which a responder's clock may differ */

static const char revoked[] = "the server's OCSP response says that its certificate was revoked";
static const char unknown[] = "the server's OCSP response does not know its certificate";
static const char other[] = "the server's OCSP response is about another certificate";
static const char stale[] = "the server's OCSP response is not of this time";
static const char forged[] = "the server's OCSP response is not signed by its certificate's issuer";
static const char broken[] = "the server's OCSP response cannot be read";

int ettm_staple_ask(SSL *ssl, int (*judge)(SSL *ssl, void *unused)) {
  (void)SSL_CTX_set_tlsext_status_cb(SSL_get_SSL_CTX(ssl), judge);
  return SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp) == 1;
}

static int is_about(OCSP_SINGLERESP *single, X509 *certificate, X509 *issuer) {
  const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(single);
  ASN1_OBJECT *algorithm = NULL;
  const EVP_MD *md;
  OCSP_CERTID *own;
  int is_same;
  /* No const in OpenSSL's declaration; it only reads. */
  if (!OCSP_id_get0_info(NULL, &algorithm, NULL, NULL, (OCSP_CERTID *)id)) {
    return 0;
  }
  md = EVP_get_digestbyobj(algorithm);
  own = md != NULL ? OCSP_cert_to_id(md, certificate, issuer) : NULL;
  is_same = own != NULL && OCSP_id_cmp(own, id) == 0;
  OCSP_CERTID_free(own);
  return is_same;
}

static OCSP_SINGLERESP *find_single(OCSP_BASICRESP *basic, X509 *certificate, X509 *issuer) {
  int i;
  for (i = 0; i < OCSP_resp_count(basic); i++) {
    OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
    if (is_about(single, certificate, issuer)) {
      return single;
    }
  }
  return NULL;
}

static const char *fault_of_single(OCSP_SINGLERESP *single) {
  ASN1_GENERALIZEDTIME *from = NULL;
  ASN1_GENERALIZEDTIME *to = NULL;
  int status;
  if (single == NULL) {
    return other;
  }
  status = OCSP_single_get0_status(single, NULL, NULL, &from, &to);
  if (!OCSP_check_validity(from, to, CLOCK_SECONDS, -1)) {
    return stale;
  }
  if (status == V_OCSP_CERTSTATUS_GOOD) {
    return NULL;
  }
  return status == V_OCSP_CERTSTATUS_REVOKED ? revoked : unknown;
}

static const char *fault_of_basic(SSL *ssl, OCSP_BASICRESP *basic) {
  STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
  X509 *certificate = sk_X509_value(chain, 0);
  X509 *issuer = sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : certificate;
  X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
  if (certificate == NULL || X509_check_issued(issuer, certificate) != X509_V_OK) {
    return NULL; /* trusted by itself: nobody who could say anything about it is known */
  }
  if (OCSP_basic_verify(basic, chain, store, 0) <= 0) {
    return forged;
  }
  return fault_of_single(find_single(basic, certificate, issuer));
}

static const char *fault_of(SSL *ssl, const unsigned char *der, long n) {
  OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &der, n);
  OCSP_BASICRESP *basic = NULL;
  const char *fault = response == NULL ? broken : NULL;
  if (response != NULL && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    basic = OCSP_response_get1_basic(response);
    fault = basic != NULL ? fault_of_basic(ssl, basic) : broken;
  }
  OCSP_BASICRESP_free(basic);
  OCSP_RESPONSE_free(response);
  return fault;
}

const char *ettm_staple_fault(SSL *ssl) {
  const unsigned char *der = NULL;
  long n = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
  const char *fault = NULL;
  if (der != NULL && n > 0) {
    ERR_set_mark();
    fault = fault_of(ssl, der, n);
    ERR_pop_to_mark();
  }
  return fault;
}

#else

int ettm_staple_ask(SSL *ssl, int (*judge)(SSL *ssl, void *unused)) {
  (void)ssl;
  (void)judge;
  return 1;
}

const char *ettm_staple_fault(SSL *ssl) {
  (void)ssl;
  return NULL;
}

#endif
