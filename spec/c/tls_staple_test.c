/* SPDX-License-Identifier: MIT */
#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include "tls_pair.h"

#define LATER 3600L

static identity ca, other_ca, leaf, other_leaf;

static void make_identities(void) {
  ettm_certificate_options o;
  if (ca.certificate.bytes != NULL) {
    return;
  }
  memset(&o, 0, sizeof o);
  o.is_ca = 1;
  o.common_name = ETTM_LIT("Test CA");
  identity_make(&ca, &o);
  identity_make(&other_ca, &o);
  memset(&o, 0, sizeof o);
  o.names = ETTM_LIT("localhost");
  o.issuer_certificate = ettm_buffer_view(&ca.certificate);
  o.issuer_key = ettm_buffer_view(&ca.key);
  identity_make(&leaf, &o);
  identity_make(&other_leaf, &o);
}

static X509 *certificate_of(const identity *id) {
  ettm_str pem = ettm_buffer_view(&id->certificate);
  BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
  X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
  BIO_free(bio);
  return certificate;
}

static EVP_PKEY *key_of(const identity *id) {
  ettm_str pem = ettm_buffer_view(&id->key);
  BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
  BIO_free(bio);
  return key;
}

/* What a server staples. */
typedef struct staple {
  const identity *about;
  const identity *signer;
  int status; /* V_OCSP_CERTSTATUS_ */
  long from;  /* seconds from now */
  long to;
  int is_sha256;  /* the way certificates are named */
  int has_signer; /* the signer's certificate is in it */
} staple;

static int make_response(const staple *s, unsigned char **der) {
  X509 *about = certificate_of(s->about);
  X509 *issuer = certificate_of(&ca);
  X509 *signer = certificate_of(s->signer);
  EVP_PKEY *key = key_of(s->signer);
  OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
  OCSP_CERTID *id = OCSP_cert_to_id(s->is_sha256 ? EVP_sha256() : EVP_sha1(), about, issuer);
  ASN1_TIME *from = X509_gmtime_adj(NULL, s->from);
  ASN1_TIME *to = X509_gmtime_adj(NULL, s->to);
  OCSP_RESPONSE *response;
  int n;
  OCSP_basic_add1_status(basic, id, s->status, OCSP_REVOKED_STATUS_NOSTATUS, from, from, to);
  OCSP_basic_sign(basic, signer, key, EVP_sha256(), NULL, s->has_signer ? 0 : OCSP_NOCERTS);
  response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  n = i2d_OCSP_RESPONSE(response, der);
  OCSP_RESPONSE_free(response);
  OCSP_CERTID_free(id);
  OCSP_BASICRESP_free(basic);
  ASN1_TIME_free(from);
  ASN1_TIME_free(to);
  EVP_PKEY_free(key);
  X509_free(about);
  X509_free(issuer);
  X509_free(signer);
  return n;
}

typedef struct answer {
  unsigned char *der;
  int n;
  int was_asked;
} answer;

static int give_answer(SSL *ssl, void *ud) {
  answer *a = (answer *)ud;
  a->was_asked = 1;
  if (a->n <= 0) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  /* OpenSSL frees what it is given. */
  SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_memdup(a->der, (size_t)a->n), a->n);
  return SSL_TLSEXT_ERR_OK;
}

/* Connects to a server that staples the answer; freed here. */
static ettm_status connect_stapled(answer *a, const ettm_tls_options *o, char told[TOLD]) {
  ettm_tls_context *server = make_server_context(&leaf);
  ettm_status status;
  tls_pair p;
  SSL_CTX_set_tlsext_status_cb(server->ssl, give_answer);
  SSL_CTX_set_tlsext_status_arg(server->ssl, a);
  pair_make(&p, make_context(o), server, "localhost");
  status = pair_handshake(&p);
  tell(p.client, told);
  if (status != ETTM_OK) {
    CHECK_INT(ettm_tls_handshake(p.server), ETTM_E_TLS);
    CHECK(has(ettm_tls_reason(p.server), "bad certificate status response"));
  }
  pair_free(&p);
  OPENSSL_free(a->der);
  a->der = NULL;
  return status;
}

static ettm_tls_options trusting_options(void) {
  ettm_tls_options o;
  memset(&o, 0, sizeof o);
  make_identities();
  o.ca_pem = ettm_buffer_view(&ca.certificate);
  return o;
}

static ettm_status connect_with(const staple *s, char told[TOLD]) {
  ettm_tls_options o = trusting_options();
  answer a = {NULL, 0, 0};
  ettm_status status;
  a.n = make_response(s, &a.der);
  CHECK(a.n > 0);
  status = connect_stapled(&a, &o, told);
  CHECK(a.was_asked);
  return status;
}

static void a_good_response_is_fine(void) {
  staple s = {&leaf, &ca, V_OCSP_CERTSTATUS_GOOD, -60, LATER, 0, 0};
  char told[TOLD];
  make_identities();
  CHECK_INT(connect_with(&s, told), ETTM_OK);
  s.is_sha256 = s.has_signer = 1;
  CHECK_INT(connect_with(&s, told), ETTM_OK);
}

static void a_response_that_is_not_good_fails(void) {
  static const struct {
    staple s;
    const char *words;
  } rows[] = {
      {{&leaf, &ca, V_OCSP_CERTSTATUS_REVOKED, -60, LATER, 0, 0}, "revoked"},
      {{&leaf, &ca, V_OCSP_CERTSTATUS_REVOKED, -60, LATER, 1, 0}, "revoked"},
      {{&leaf, &ca, V_OCSP_CERTSTATUS_UNKNOWN, -60, LATER, 0, 0}, "does not know"},
      {{&other_leaf, &ca, V_OCSP_CERTSTATUS_GOOD, -60, LATER, 0, 0}, "another certificate"},
      {{&leaf, &ca, V_OCSP_CERTSTATUS_GOOD, -7200, -LATER, 0, 0}, "not of this time"},
      {{&leaf, &ca, V_OCSP_CERTSTATUS_GOOD, LATER, 7200, 0, 0}, "not of this time"},
      {{&leaf, &other_ca, V_OCSP_CERTSTATUS_GOOD, -60, LATER, 0, 0}, "not signed"},
      {{&leaf, &other_ca, V_OCSP_CERTSTATUS_GOOD, -60, LATER, 0, 1}, "not signed"},
      {{&leaf, &leaf, V_OCSP_CERTSTATUS_GOOD, -60, LATER, 0, 0}, "not signed"},
      {{&leaf, &leaf, V_OCSP_CERTSTATUS_GOOD, -60, LATER, 0, 1}, "not signed"},
  };
  size_t i;
  make_identities();
  for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char told[TOLD];
    CHECK_INT(connect_with(&rows[i].s, told), ETTM_E_TLS_VERIFY);
    CHECK(has(told, rows[i].words));
  }
}

static void no_response_is_fine(void) {
  ettm_tls_options o = trusting_options();
  answer none = {NULL, 0, 0};
  char told[TOLD];
  CHECK_INT(connect_stapled(&none, &o, told), ETTM_OK);
  CHECK(none.was_asked);
}

static void a_responder_that_could_not_answer_says_nothing(void) {
  ettm_tls_options o = trusting_options();
  OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, NULL);
  answer a = {NULL, 0, 0};
  char told[TOLD];
  a.n = i2d_OCSP_RESPONSE(response, &a.der);
  OCSP_RESPONSE_free(response);
  CHECK_INT(connect_stapled(&a, &o, told), ETTM_OK);
}

static void a_response_cut_or_changed_anywhere_fails(void) {
  staple s = {&leaf, &ca, V_OCSP_CERTSTATUS_GOOD, -60, LATER, 0, 0};
  ettm_tls_options o = trusting_options();
  unsigned char *whole = NULL;
  int n = make_response(&s, &whole);
  int i;
  char told[TOLD];
  for (i = 1; i < n; i += 13) {
    answer a = {NULL, 0, 0};
    a.der = (unsigned char *)OPENSSL_memdup(whole, (size_t)n);
    a.n = i;
    CHECK_INT(connect_stapled(&a, &o, told), ETTM_E_TLS_VERIFY);
    a.der = (unsigned char *)OPENSSL_memdup(whole, (size_t)n);
    a.n = n;
    a.der[i] ^= 1; /* an unsuccessful response is as good as none */
    if (connect_stapled(&a, &o, told) != ETTM_E_TLS_VERIFY) {
      CHECK(i < 12);
    }
  }
  OPENSSL_free(whole);
}

static void only_an_issuers_word_that_counts_is_asked_for(void) {
  staple s = {&leaf, &ca, V_OCSP_CERTSTATUS_REVOKED, -60, LATER, 0, 0};
  ettm_tls_options o = trusting_options();
  answer a = {NULL, 0, 0};
  char told[TOLD];
  o.ca_pem = ETTM_LIT("");
  o.insecure_skip_verify = 1;
  a.n = make_response(&s, &a.der);
  CHECK_INT(connect_stapled(&a, &o, told), ETTM_OK);
  CHECK(!a.was_asked);
}

static const check_case cases[] = {
    {"takes a good response", a_good_response_is_fine},
    {"refuses one that is not good", a_response_that_is_not_good_fails},
    {"needs none", no_response_is_fine},
    {"takes a responder's trouble for none", a_responder_that_could_not_answer_says_nothing},
    {"refuses one that was cut or changed", a_response_cut_or_changed_anywhere_fails},
    {"asks only where an issuer's word counts", only_an_issuers_word_that_counts_is_asked_for},
};

CHECK_MAIN("tls_staple", cases)
