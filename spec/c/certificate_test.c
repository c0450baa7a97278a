/* SPDX-License-Identifier: MIT */
#include "tls/certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "check.h"
#include "tls_pair.h"

static ettm_certificate_options options_for(const char *names) {
  ettm_certificate_options o;
  memset(&o, 0, sizeof o);
  o.names = text_of(names);
  return o;
}

static X509 *read_certificate(const identity *id) {
  ettm_str pem = ettm_buffer_view(&id->certificate);
  BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
  X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
  BIO_free(bio);
  CHECK(certificate != NULL);
  return certificate;
}

static EVP_PKEY *read_key(const identity *id) {
  ettm_str pem = ettm_buffer_view(&id->key);
  BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
  BIO_free(bio);
  CHECK(key != NULL);
  return key;
}

static void a_key_belongs_to_its_certificate(void) {
  ettm_certificate_options o = options_for("localhost");
  identity id;
  X509 *certificate;
  EVP_PKEY *key;
  identity_make(&id, &o);
  certificate = read_certificate(&id);
  key = read_key(&id);
  CHECK(X509_check_private_key(certificate, key));
  CHECK_INT(EVP_PKEY_bits(key), 256);
  CHECK_INT(X509_verify(certificate, key), 1);
  CHECK_INT(X509_get_version(certificate), 2);
  EVP_PKEY_free(key);
  X509_free(certificate);
  identity_clear(&id);
}

static void names_become_dns_names_and_addresses(void) {
  ettm_certificate_options o = options_for(" localhost,*.example.com  127.0.0.1, ::1,");
  identity id;
  X509 *certificate;
  GENERAL_NAMES *names;
  identity_make(&id, &o);
  certificate = read_certificate(&id);
  names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  CHECK_INT(sk_GENERAL_NAME_num(names), 4);
  CHECK_INT(X509_check_host(certificate, "localhost", 0, 0, NULL), 1);
  CHECK_INT(X509_check_host(certificate, "a.example.com", 0, 0, NULL), 1);
  CHECK_INT(X509_check_host(certificate, "127.0.0.1", 0, 0, NULL), 0);
  CHECK_INT(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
  CHECK_INT(X509_check_ip_asc(certificate, "::1", 0), 1);
  GENERAL_NAMES_free(names);
  X509_free(certificate);
  identity_clear(&id);
}

static void without_names_there_is_only_the_common_name(void) {
  ettm_certificate_options o = options_for("");
  identity id;
  X509 *certificate;
  char name[64];
  o.common_name = ETTM_LIT("mail.example.com");
  identity_make(&id, &o);
  certificate = read_certificate(&id);
  CHECK_INT(X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1), -1);
  (void)X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                  (int)sizeof name);
  CHECK_STR(text_of(name), ETTM_LIT("mail.example.com"));
  X509_free(certificate);
  identity_clear(&id);
}

static void dates_count_from_now(void) {
  ettm_certificate_options o = options_for("localhost");
  identity id;
  X509 *certificate;
  o.not_before = -7200;
  o.not_after = -3600;
  identity_make(&id, &o);
  certificate = read_certificate(&id);
  CHECK(X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0);
  CHECK(X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0);
  X509_free(certificate);
  identity_clear(&id);
  o.not_before = 3600;
  o.not_after = 7200;
  identity_make(&id, &o);
  certificate = read_certificate(&id);
  CHECK(X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0);
  CHECK(X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0);
  X509_free(certificate);
  identity_clear(&id);
}

static void an_authority_signs_another(void) {
  ettm_certificate_options o = options_for("");
  identity authority, leaf;
  X509 *ca, *certificate;
  EVP_PKEY *ca_key;
  o.is_ca = 1;
  o.common_name = ETTM_LIT("Test CA");
  identity_make(&authority, &o);
  o = options_for("localhost");
  o.issuer_certificate = ettm_buffer_view(&authority.certificate);
  o.issuer_key = ettm_buffer_view(&authority.key);
  identity_make(&leaf, &o);
  ca = read_certificate(&authority);
  ca_key = read_key(&authority);
  certificate = read_certificate(&leaf);
  CHECK_INT(X509_check_ca(ca), 1);
  CHECK_INT(X509_check_ca(certificate), 0);
  CHECK_INT(X509_check_issued(ca, certificate), X509_V_OK);
  CHECK_INT(X509_verify(certificate, ca_key), 1);
  EVP_PKEY_free(ca_key);
  X509_free(certificate);
  X509_free(ca);
  identity_clear(&leaf);
  identity_clear(&authority);
}

static void two_certificates_differ_in_serial_and_key(void) {
  ettm_certificate_options o = options_for("localhost");
  identity a, b;
  X509 *first, *second;
  identity_make(&a, &o);
  identity_make(&b, &o);
  first = read_certificate(&a);
  second = read_certificate(&b);
  CHECK(ASN1_INTEGER_cmp(X509_get0_serialNumber(first), X509_get0_serialNumber(second)) != 0);
  CHECK(!ettm_str_equal(ettm_buffer_view(&a.key), ettm_buffer_view(&b.key)));
  X509_free(first);
  X509_free(second);
  identity_clear(&a);
  identity_clear(&b);
}

static ettm_status make(const ettm_certificate_options *o, size_t certificate_max, size_t key_max) {
  ettm_buffer certificate, key;
  ettm_status status;
  ettm_buffer_init(&certificate, NULL, certificate_max);
  ettm_buffer_init_secret(&key, NULL, key_max);
  status = ettm_certificate_make(o, &certificate, &key);
  if (status != ETTM_OK) {
    CHECK_INT(ettm_buffer_size(&certificate), 0);
    CHECK_INT(ettm_buffer_size(&key), 0);
  }
  CHECK_INT(ERR_peek_error(), 0);
  ettm_buffer_clear(&certificate);
  ettm_buffer_clear(&key);
  return status;
}

static void a_bad_option_is_refused(void) {
  ettm_certificate_options o = options_for("a\nb");
  char many[2 * 66 + 1];
  char longest[300];
  size_t i;
  CHECK_INT(make(&o, 65536, 65536), ETTM_E_ARGUMENT);
  o.names = ettm_str_of("a\0b", 3);
  CHECK_INT(make(&o, 65536, 65536), ETTM_E_ARGUMENT);
  for (i = 0; i < 66; i++) {
    memcpy(many + 2 * i, "a,", 2);
  }
  o.names = ettm_str_of(many, 2 * ETTM_CERTIFICATE_NAMES);
  CHECK_INT(make(&o, 65536, 65536), ETTM_OK);
  o.names = ettm_str_of(many, 2 * ETTM_CERTIFICATE_NAMES + 1);
  CHECK_INT(make(&o, 65536, 65536), ETTM_E_ARGUMENT);
  memset(longest, 'a', sizeof longest);
  o.names = ettm_str_of(longest, 253);
  CHECK_INT(make(&o, 65536, 65536), ETTM_OK);
  o.names = ettm_str_of(longest, 254);
  CHECK_INT(make(&o, 65536, 65536), ETTM_E_ARGUMENT);
  o = options_for("localhost");
  o.common_name = ettm_str_of(longest, 65);
  CHECK_INT(make(&o, 65536, 65536), ETTM_E_ARGUMENT);
}

static void an_issuer_that_cannot_be_read_is_refused(void) {
  ettm_certificate_options o = options_for("localhost");
  o.issuer_certificate = ettm_buffer_view(&identity_local()->certificate);
  CHECK_INT(make(&o, 65536, 65536), ETTM_E_ARGUMENT);
  o.issuer_key = ETTM_LIT("no key");
  CHECK_INT(make(&o, 65536, 65536), ETTM_E_ARGUMENT);
  o.issuer_key = ettm_buffer_view(&identity_local()->key);
  CHECK_INT(make(&o, 65536, 65536), ETTM_OK);
  o.issuer_certificate = ETTM_LIT("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  CHECK_INT(make(&o, 65536, 65536), ETTM_E_ARGUMENT);
}

static void a_full_buffer_is_left_as_it_was(void) {
  ettm_certificate_options o = options_for("localhost");
  CHECK_INT(make(&o, 100, 65536), ETTM_E_LIMIT);
  CHECK_INT(make(&o, 65536, 100), ETTM_E_LIMIT);
}

static ettm_status make_once(check_heap *h, void *ud) {
  ettm_certificate_options o = options_for("localhost");
  ettm_buffer certificate, key;
  ettm_status status;
  (void)ud;
  ettm_buffer_init(&certificate, &h->alloc, 65536);
  ettm_buffer_init_secret(&key, &h->alloc, 65536);
  status = ettm_certificate_make(&o, &certificate, &key);
  ettm_buffer_clear(&certificate);
  ettm_buffer_clear(&key);
  return status;
}

static void every_allocation_may_fail(void) {
  check_every_failure(make_once, NULL);
}

static const check_case cases[] = {
    {"makes a P-256 key that belongs to its certificate", a_key_belongs_to_its_certificate},
    {"makes names DNS names and addresses", names_become_dns_names_and_addresses},
    {"makes a common name alone when there are no names",
     without_names_there_is_only_the_common_name},
    {"counts dates from now", dates_count_from_now},
    {"lets an authority sign another", an_authority_signs_another},
    {"makes no two alike", two_certificates_differ_in_serial_and_key},
    {"refuses bad names", a_bad_option_is_refused},
    {"refuses an issuer that cannot be read", an_issuer_that_cannot_be_read_is_refused},
    {"leaves the buffers as they were when one is full", a_full_buffer_is_left_as_it_was},
    {"stands any allocation failing", every_allocation_may_fail},
};

CHECK_MAIN("certificate", cases)
