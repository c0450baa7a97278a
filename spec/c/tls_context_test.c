/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* mkstemp, setenv */
#include "tls/context.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "tls/digest.h"
#include "tls/trust.h"
#include "tls_pair.h"

/* ---- helpers ---- */

static identity *authority(void) {
  static identity id;
  ettm_certificate_options o;
  if (id.certificate.bytes == NULL) {
    memset(&o, 0, sizeof o);
    o.is_ca = 1;
    o.common_name = ETTM_LIT("Test CA");
    identity_make(&id, &o);
  }
  return &id;
}

static void make_leaf(identity *id, const char *names, const char *common_name, long not_before,
                      long not_after) {
  ettm_certificate_options o;
  memset(&o, 0, sizeof o);
  o.names = text_of(names);
  o.common_name = text_of(common_name);
  o.not_before = not_before;
  o.not_after = not_after;
  o.issuer_certificate = ettm_buffer_view(&authority()->certificate);
  o.issuer_key = ettm_buffer_view(&authority()->key);
  identity_make(id, &o);
}

/* Connects; gives the client's status and its reason. Both contexts are consumed. */
static ettm_status connect_with(ettm_tls_context *client, ettm_tls_context *server,
                                const char *name, char reason[TOLD]) {
  tls_pair p;
  ettm_status status;
  pair_make(&p, client, server, name);
  status = pair_handshake(&p);
  tell(p.client, reason);
  CHECK_INT(ettm_tls_is_verified(p.client), status == ETTM_OK && client->verifies);
  CHECK(!has(reason, "PRIVATE"));
  pair_free(&p);
  return status;
}

/* A row of the matrix: a certificate of the test CA's, which the client trusts. */
typedef struct matrix_row {
  const char *names;
  const char *common_name;
  long not_before;
  long not_after;
  const char *wanted; /* the name that the client asks for */
  int error;          /* X509_V_ERR_, or 0: it connects */
} matrix_row;

static const matrix_row matrix[] = {
    {"mail.example.com", "", 0, 0, "mail.example.com", 0},
    {"mail.example.com", "", 0, 0, "MAIL.Example.Com", 0},
    {"mail.example.com", "", 0, 0, "mail.example.com.", 0},
    {"mail.example.com", "", 0, 0, "other.example.com", X509_V_ERR_HOSTNAME_MISMATCH},
    {"mail.example.com", "", 0, 0, "example.com", X509_V_ERR_HOSTNAME_MISMATCH},
    {"mail.example.com", "", 0, 0, "a.mail.example.com", X509_V_ERR_HOSTNAME_MISMATCH},
    {"mail.example.com", "", -7200, -3600, "mail.example.com", X509_V_ERR_CERT_HAS_EXPIRED},
    {"mail.example.com", "", 3600, 7200, "mail.example.com", X509_V_ERR_CERT_NOT_YET_VALID},
    {"", "mail.example.com", 0, 0, "mail.example.com", X509_V_ERR_HOSTNAME_MISMATCH},
    {"a.example", "mail.example.com", 0, 0, "mail.example.com", X509_V_ERR_HOSTNAME_MISMATCH},
    {"*.example.com", "", 0, 0, "mail.example.com", 0},
    {"*.example.com", "", 0, 0, "a.mail.example.com", X509_V_ERR_HOSTNAME_MISMATCH},
    {"*.example.com", "", 0, 0, "example.com", X509_V_ERR_HOSTNAME_MISMATCH},
    {"ma*.example.com", "", 0, 0, "mail.example.com", X509_V_ERR_HOSTNAME_MISMATCH},
    {"192.0.2.1", "", 0, 0, "192.0.2.1", 0},
    {"192.0.2.1", "", 0, 0, "192.0.2.2", X509_V_ERR_IP_ADDRESS_MISMATCH},
    {"2001:db8::1", "", 0, 0, "2001:0DB8:0:0::1", 0},
    {"2001:db8::1", "", 0, 0, "2001:db8::2", X509_V_ERR_IP_ADDRESS_MISMATCH},
    {"mail.example.com", "192.0.2.1", 0, 0, "192.0.2.1", X509_V_ERR_IP_ADDRESS_MISMATCH},
};

static void check_row(const matrix_row *row) {
  identity leaf;
  char reason[TOLD];
  char number[32];
  ettm_status status;
  make_leaf(&leaf, row->names, row->common_name, row->not_before, row->not_after);
  status = connect_with(make_client_context(authority()), make_server_context(&leaf), row->wanted,
                        reason);
  if (row->error == 0) {
    CHECK_INT(status, ETTM_OK);
    CHECK_STR(text_of(reason), ETTM_LIT(""));
  } else {
    (void)snprintf(number, sizeof number, "[%d]", row->error);
    CHECK_INT(status, ETTM_E_TLS_VERIFY);
    CHECK(has(reason, number));
    CHECK(has(reason, X509_verify_cert_error_string(row->error)));
    CHECK(has(reason, row->wanted));
    CHECK(has(reason, "issuer CN=Test CA"));
    CHECK(has(reason, "subject CN="));
    CHECK(has(reason, "valid from "));
  }
  identity_clear(&leaf);
}

static void only_good_certificates_connect(void) {
  size_t i;
  for (i = 0; i < sizeof matrix / sizeof matrix[0]; i++) {
    check_row(&matrix[i]);
  }
}

static void a_reason_shows_names_and_addresses(void) {
  identity leaf;
  char reason[TOLD];
  make_leaf(&leaf, "a.example, *.b.example, 192.0.2.1, 2001:db8::1", "", 0, 0);
  CHECK_INT(connect_with(make_client_context(authority()), make_server_context(&leaf), "c.example",
                         reason),
            ETTM_E_TLS_VERIFY);
  CHECK(has(reason, "it is for a.example, *.b.example, 192.0.2.1, 2001:0db8:0000:"));
  CHECK(has(reason, "tls_name"));
  identity_clear(&leaf);
  make_leaf(&leaf, "", "c.example", 0, 0);
  CHECK_INT(connect_with(make_client_context(authority()), make_server_context(&leaf), "c.example",
                         reason),
            ETTM_E_TLS_VERIFY);
  CHECK(has(reason, "a common name does not count"));
  identity_clear(&leaf);
}

static void a_reason_of_much_text_is_cut_and_printable(void) {
  identity leaf;
  char names[2000];
  char reason[TOLD];
  size_t i;
  for (i = 0; i + 40 < sizeof names; i += 40) {
    memcpy(names + i, "aaaaaaaaaaaaaaaaaaaaaaaaaaa.example.com, ", 40);
  }
  names[i] = '\0';
  make_leaf(&leaf, names, "x", 0, 0);
  CHECK_INT(connect_with(make_client_context(authority()), make_server_context(&leaf),
                         "wanted.example.com", reason),
            ETTM_E_TLS_VERIFY);
  CHECK(memchr(reason, '\0', sizeof reason) != NULL);
  CHECK(has(reason, "..."));
  CHECK(has(reason, "issuer CN=Test CA"));
  identity_clear(&leaf);
}

/* ---- trust ---- */

static void an_unknown_authority_is_refused(void) {
  identity leaf;
  char reason[TOLD];
  make_leaf(&leaf, "localhost", "", 0, 0);
  CHECK_INT(connect_with(make_client_context(identity_local()), make_server_context(&leaf),
                         "localhost", reason),
            ETTM_E_TLS_VERIFY);
  CHECK(has(reason, "[20]"));
  CHECK(has(reason, "ca_file"));
  identity_clear(&leaf);
}

static void a_self_signed_certificate_is_refused_unless_trusted(void) {
  char reason[TOLD];
  CHECK_INT(connect_with(make_client_context(authority()), make_server_context(identity_local()),
                         "localhost", reason),
            ETTM_E_TLS_VERIFY);
  CHECK(has(reason, "[18]"));
  CHECK_INT(connect_with(make_client_context(identity_local()),
                         make_server_context(identity_local()), "localhost", reason),
            ETTM_OK);
}

static void a_leaf_of_an_unknown_authority_can_be_the_anchor(void) {
  identity leaf;
  char reason[TOLD];
  make_leaf(&leaf, "localhost", "", 0, 0);
  CHECK_INT(
      connect_with(make_client_context(&leaf), make_server_context(&leaf), "localhost", reason),
      ETTM_OK);
  identity_clear(&leaf);
}

static void several_certificates_stand_in_ca_pem(void) {
  ettm_tls_options o;
  ettm_buffer both;
  identity leaf;
  char reason[TOLD];
  make_leaf(&leaf, "localhost", "", 0, 0);
  ettm_buffer_init(&both, NULL, 65536);
  CHECK_INT(ettm_buffer_append(&both, ETTM_LIT("# the first\n")), ETTM_OK);
  CHECK_INT(ettm_buffer_append(&both, ettm_buffer_view(&identity_local()->certificate)), ETTM_OK);
  CHECK_INT(ettm_buffer_append(&both, ETTM_LIT("\n# the second\n")), ETTM_OK);
  CHECK_INT(ettm_buffer_append(&both, ettm_buffer_view(&authority()->certificate)), ETTM_OK);
  memset(&o, 0, sizeof o);
  o.ca_pem = check_guarded(ettm_buffer_view(&both));
  CHECK_INT(connect_with(make_context(&o), make_server_context(&leaf), "localhost", reason),
            ETTM_OK);
  CHECK_INT(
      connect_with(make_context(&o), make_server_context(identity_local()), "localhost", reason),
      ETTM_OK);
  ettm_buffer_clear(&both);
  identity_clear(&leaf);
}

static void a_server_sends_its_whole_chain(void) {
  ettm_certificate_options o;
  identity middle, leaf;
  char reason[TOLD];
  memset(&o, 0, sizeof o);
  o.is_ca = 1;
  o.common_name = ETTM_LIT("Middle CA");
  o.issuer_certificate = ettm_buffer_view(&authority()->certificate);
  o.issuer_key = ettm_buffer_view(&authority()->key);
  identity_make(&middle, &o);
  memset(&o, 0, sizeof o);
  o.names = ETTM_LIT("localhost");
  o.issuer_certificate = ettm_buffer_view(&middle.certificate);
  o.issuer_key = ettm_buffer_view(&middle.key);
  identity_make(&leaf, &o);
  CHECK_INT(connect_with(make_client_context(authority()), make_server_context(&leaf), "localhost",
                         reason),
            ETTM_E_TLS_VERIFY);
  CHECK_INT(ettm_buffer_append(&leaf.certificate, ettm_buffer_view(&middle.certificate)), ETTM_OK);
  CHECK_INT(connect_with(make_client_context(authority()), make_server_context(&leaf), "localhost",
                         reason),
            ETTM_OK);
  identity_clear(&leaf);
  identity_clear(&middle);
}

/* A file in the current directory's place for temporary ones. */
static void write_file(char path[64], ettm_str text) {
  int fd;
  (void)snprintf(path, 64, "/tmp/ettm-test-XXXXXX");
  fd = mkstemp(path);
  CHECK(fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n);
  (void)close(fd);
}

static void a_ca_file_takes_the_place_of_the_systems(void) {
  ettm_tls_options o;
  ettm_tls_context *c;
  identity leaf;
  char path[64];
  char reason[TOLD];
  make_leaf(&leaf, "localhost", "", 0, 0);
  write_file(path, ettm_buffer_view(&authority()->certificate));
  memset(&o, 0, sizeof o);
  o.ca_file = text_of(path);
  c = make_context(&o);
  CHECK_STR(text_of(ettm_tls_context_trust_path(c)), ETTM_LIT(""));
  CHECK_INT(connect_with(c, make_server_context(&leaf), "localhost", reason), ETTM_OK);
  (void)remove(path);
  identity_clear(&leaf);
}

static ettm_status refused(const ettm_tls_options *o, const char *part) {
  ettm_tls_context *c = NULL;
  char reason[TOLD];
  ettm_status status = ettm_tls_context_new(&c, o, NULL, reason);
  CHECK(c == NULL);
  CHECK(has(reason, part));
  CHECK_INT(ERR_peek_error(), 0);
  ettm_tls_context_release(c);
  return status;
}

static void a_ca_that_cannot_be_read_is_named(void) {
  ettm_tls_options o;
  memset(&o, 0, sizeof o);
  o.ca_file = ETTM_LIT("/nowhere/ca.pem");
  CHECK_INT(refused(&o, "ca_file /nowhere/ca.pem"), ETTM_E_TLS);
  o.ca_file = ettm_str_of("a\0b", 3);
  CHECK_INT(refused(&o, "ca_file holds a NUL"), ETTM_E_ARGUMENT);
  memset(&o, 0, sizeof o);
  o.ca_pem = ETTM_LIT("no certificate at all");
  CHECK_INT(refused(&o, "ca_pem holds no certificate"), ETTM_E_ARGUMENT);
  o.ca_pem = ETTM_LIT("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  CHECK_INT(refused(&o, "ca_pem"), ETTM_E_ARGUMENT);
}

static void the_environment_names_the_trust_store(void) {
  ettm_tls_options o;
  ettm_tls_context *c;
  char path[64];
  write_file(path, ettm_buffer_view(&authority()->certificate));
  memset(&o, 0, sizeof o);
  CHECK_INT(unsetenv("SSL_CERT_DIR"), 0);
  CHECK_INT(setenv("SSL_CERT_FILE", path, 1), 0);
  c = make_context(&o);
  CHECK_STR(text_of(ettm_tls_context_trust_path(c)), text_of(path));
  ettm_tls_context_release(c);
  (void)remove(path);
  CHECK_INT(refused(&o, path), ETTM_E_TLS);
  CHECK_INT(refused(&o, "SSL_CERT_FILE"), ETTM_E_TLS);
  CHECK_INT(unsetenv("SSL_CERT_FILE"), 0);
  CHECK_INT(setenv("SSL_CERT_DIR", "/nowhere", 1), 0);
  CHECK_INT(refused(&o, "SSL_CERT_DIR is set to /nowhere"), ETTM_E_TLS);
  CHECK_INT(unsetenv("SSL_CERT_DIR"), 0);
}

static ettm_status search(const ettm_trust_places *places, char *path, char *reason) {
  SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
  ettm_status status = ettm_trust_load(ssl, places, path, 64, reason);
  CHECK_INT(ERR_peek_error(), 0);
  SSL_CTX_free(ssl);
  return status;
}

static void the_first_bundle_that_is_there_is_taken(void) {
  const char *bundles[] = {"/nowhere/a.pem", NULL, NULL};
  ettm_trust_places places;
  char path[64];
  char found[64];
  char reason[TOLD];
  memset(&places, 0, sizeof places);
  write_file(path, ettm_buffer_view(&authority()->certificate));
  bundles[1] = path;
  places.bundles = bundles;
  places.default_file = "/nowhere/default.pem";
  CHECK_INT(search(&places, found, reason), ETTM_OK);
  CHECK_STR(text_of(found), text_of(path));
  places.bundles = NULL;
  places.default_file = path;
  CHECK_INT(search(&places, found, reason), ETTM_OK);
  CHECK_STR(text_of(found), text_of(path));
  places.env_file = ""; /* as unset */
  CHECK_INT(search(&places, found, reason), ETTM_OK);
  (void)remove(path);
}

static void a_system_without_certificates_is_told_to_name_ca_file(void) {
  const char *bundles[] = {"/nowhere/a.pem", NULL};
  ettm_trust_places places;
  char dir[] = "/tmp/ettm-test-XXXXXX";
  char file[96];
  char found[64];
  char reason[TOLD];
  FILE *f;
  memset(&places, 0, sizeof places);
  CHECK(mkdtemp(dir) != NULL);
  places.bundles = bundles;
  places.default_file = "/nowhere/default.pem";
  places.default_dir = dir; /* it is there, but nothing is in it */
  CHECK_INT(search(&places, found, reason), ETTM_E_TLS);
  CHECK(has(reason, "ca_file"));
  (void)snprintf(file, sizeof file, "%s/a.pem", dir);
  f = fopen(file, "w");
  CHECK(f != NULL);
  (void)fclose(f);
  CHECK_INT(search(&places, found, reason), ETTM_OK);
  CHECK_STR(text_of(found), text_of(dir));
  (void)remove(file);
  (void)remove(dir);
}

/* ---- verification off, pins, revocation ---- */

static void verification_is_off_by_one_ugly_name_only(void) {
  ettm_tls_options o;
  ettm_tls_context *c;
  identity leaf;
  char reason[TOLD];
  make_leaf(&leaf, "a.example", "", -7200, -3600);
  memset(&o, 0, sizeof o);
  o.insecure_skip_verify = 1;
  c = make_context(&o);
  CHECK(!c->verifies);
  CHECK_INT(connect_with(c, make_server_context(&leaf), "b.example", reason), ETTM_OK);
  identity_clear(&leaf);
}

/* The SHA-256 of the certificate's SubjectPublicKeyInfo in base64, or in hexadecimal. */
static void pin_of(const identity *id, int is_hex, char out[80]) {
  ettm_str pem = ettm_buffer_view(&id->certificate);
  BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
  X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
  unsigned char *der = NULL;
  unsigned char digest[32];
  int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  size_t i;
  CHECK_INT(ettm_sha256(ettm_str_of((const char *)der, (size_t)n), digest), ETTM_OK);
  if (is_hex) {
    for (i = 0; i < sizeof digest; i++) {
      (void)snprintf(out + 2 * i, 3, i % 2 ? "%02x" : "%02X", digest[i]);
    }
  } else {
    (void)EVP_EncodeBlock((unsigned char *)out, digest, 32);
  }
  OPENSSL_free(der);
  X509_free(certificate);
  BIO_free(bio);
}

static ettm_status connect_pinned(const char *pins, const identity *server, const char *name,
                                  int is_insecure, char reason[TOLD]) {
  ettm_tls_options o;
  memset(&o, 0, sizeof o);
  o.pin_sha256 = text_of(pins);
  o.insecure_skip_verify = is_insecure;
  o.ca_pem = ettm_buffer_view(&authority()->certificate);
  return connect_with(make_context(&o), make_server_context(server), name, reason);
}

static void a_pinned_key_needs_no_issuer_but_the_rest(void) {
  char pin[80];
  char reason[TOLD];
  ettm_certificate_options o;
  identity expired;
  pin_of(identity_local(), 0, pin);
  CHECK_INT(connect_pinned(pin, identity_local(), "localhost", 0, reason), ETTM_OK);
  CHECK_INT(connect_pinned(pin, identity_local(), "other.example", 0, reason), ETTM_E_TLS_VERIFY);
  CHECK(has(reason, "[62]"));
  pin_of(identity_local(), 1, pin);
  CHECK_INT(connect_pinned(pin, identity_local(), "localhost", 0, reason), ETTM_OK);
  memset(&o, 0, sizeof o);
  o.names = ETTM_LIT("localhost");
  o.not_before = -7200;
  o.not_after = -3600;
  identity_make(&expired, &o);
  pin_of(&expired, 0, pin);
  CHECK_INT(connect_pinned(pin, &expired, "localhost", 0, reason), ETTM_E_TLS_VERIFY);
  CHECK(has(reason, "[10]"));
  identity_clear(&expired);
}

static void another_key_than_the_pinned_one_is_refused(void) {
  char pins[200];
  char reason[TOLD];
  identity leaf;
  make_leaf(&leaf, "localhost", "", 0, 0);
  pin_of(identity_local(), 0, pins);
  CHECK_INT(connect_pinned(pins, &leaf, "localhost", 0, reason), ETTM_E_TLS_PIN);
  CHECK(has(reason, "pin_sha256"));
  CHECK(has(reason, "subject CN=localhost"));
  CHECK_INT(connect_pinned(pins, &leaf, "localhost", 1, reason), ETTM_E_TLS_PIN);
  memcpy(pins + strlen(pins), ", ", 3);
  pin_of(&leaf, 0, pins + strlen(pins));
  CHECK_INT(connect_pinned(pins, &leaf, "localhost", 0, reason), ETTM_OK);
  identity_clear(&leaf);
}

static void a_pin_of_no_form_is_refused(void) {
  static const char *const bad[] = {
      " ",
      "abc",
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
      "gg00000000000000000000000000000000000000000000000000000000000000",
      "!!!!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
  ettm_tls_options o;
  size_t i;
  memset(&o, 0, sizeof o);
  for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    o.pin_sha256 = check_guarded(text_of(bad[i]));
    CHECK_INT(refused(&o, "pin_sha256"), ETTM_E_ARGUMENT);
  }
}

static X509 *certificate_of(const identity *id) {
  ettm_str pem = ettm_buffer_view(&id->certificate);
  BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
  X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
  BIO_free(bio);
  return certificate;
}

/* The list of the test CA's that revokes the certificate, or nothing when it is NULL. */
static void write_crl(char path[64], const identity *revoked) {
  X509_CRL *crl = X509_CRL_new();
  ettm_str pem = ettm_buffer_view(&authority()->key);
  BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
  X509 *ca = certificate_of(authority());
  BIO *out = BIO_new(BIO_s_mem());
  ASN1_TIME *now = X509_gmtime_adj(NULL, -60);
  ASN1_TIME *later = X509_gmtime_adj(NULL, 3600);
  char *text = NULL;
  long n;
  CHECK(X509_CRL_set_version(crl, 1));
  CHECK(X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca)));
  CHECK(X509_CRL_set1_lastUpdate(crl, now) && X509_CRL_set1_nextUpdate(crl, later));
  if (revoked != NULL) {
    X509 *certificate = certificate_of(revoked);
    X509_REVOKED *entry = X509_REVOKED_new();
    CHECK(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate)));
    CHECK(X509_REVOKED_set_revocationDate(entry, now));
    CHECK(X509_CRL_add0_revoked(crl, entry));
    X509_free(certificate);
  }
  CHECK(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
  CHECK(PEM_write_bio_X509_CRL(out, crl));
  n = BIO_get_mem_data(out, &text);
  write_file(path, ettm_str_of(text, (size_t)n));
  ASN1_TIME_free(now);
  ASN1_TIME_free(later);
  BIO_free(out);
  X509_free(ca);
  EVP_PKEY_free(key);
  BIO_free(bio);
  X509_CRL_free(crl);
}

static void a_revoked_certificate_is_refused(void) {
  ettm_tls_options o;
  identity leaf, other;
  char path[64];
  char reason[TOLD];
  make_leaf(&leaf, "localhost", "", 0, 0);
  make_leaf(&other, "localhost", "", 0, 0);
  write_crl(path, &leaf);
  memset(&o, 0, sizeof o);
  o.ca_pem = ettm_buffer_view(&authority()->certificate);
  o.crl_file = text_of(path);
  CHECK_INT(connect_with(make_context(&o), make_server_context(&leaf), "localhost", reason),
            ETTM_E_TLS_VERIFY);
  CHECK(has(reason, "certificate revoked [23]"));
  CHECK_INT(connect_with(make_context(&o), make_server_context(&other), "localhost", reason),
            ETTM_OK);
  (void)remove(path);
  CHECK_INT(refused(&o, "crl_file /tmp/ettm-test-"), ETTM_E_TLS);
  identity_clear(&leaf);
  identity_clear(&other);
}

/* ---- versions, levels, ciphers ---- */

static ettm_tls_context *make_old_server(void) {
  ettm_tls_options o;
  ettm_tls_context *c;
  memset(&o, 0, sizeof o);
  o.is_server = 1;
  o.certificate = ettm_buffer_view(&identity_local()->certificate);
  o.key = ettm_buffer_view(&identity_local()->key);
  o.min_version = ETTM_LIT("1.0");
  o.security_level = -1;
  c = make_context(&o);
  SSL_CTX_set_max_proto_version(c->ssl, TLS1_1_VERSION);
  return c;
}

static void an_old_server_is_refused_with_a_hint_and_can_be_allowed(void) {
  ettm_tls_options o;
  ettm_tls_context *c;
  tls_pair p;
  char reason[TOLD];
  memset(&o, 0, sizeof o);
  o.ca_pem = ettm_buffer_view(&identity_local()->certificate);
  CHECK_INT(connect_with(make_context(&o), make_old_server(), "localhost", reason), ETTM_E_TLS);
  CHECK(has(reason, "protocol version"));
  CHECK(has(reason, "tls_min_version"));
  o.min_version = ETTM_LIT("1.0");
  o.security_level = -1;
  pair_make(&p, make_context(&o), make_old_server(), "localhost");
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  CHECK_STR(text_of(ettm_tls_version(p.client)), ETTM_LIT("TLSv1.1"));
  pair_free(&p);
  /* The same by the cipher list's own word. */
  o.security_level = 0;
  o.ciphers = ETTM_LIT("DEFAULT:@SECLEVEL=0");
  CHECK_INT(connect_with(make_context(&o), make_old_server(), "localhost", reason), ETTM_OK);
  /* And the next one knows nothing of it. */
  memset(&o, 0, sizeof o);
  o.ca_pem = ettm_buffer_view(&identity_local()->certificate);
  c = make_context(&o);
  CHECK_INT(SSL_CTX_get_security_level(c->ssl), 2);
  CHECK_INT(connect_with(c, make_old_server(), "localhost", reason), ETTM_E_TLS);
}

static void a_minimum_of_1_3_refuses_1_2(void) {
  ettm_tls_options o;
  ettm_tls_context *server = make_server_context(identity_local());
  char reason[TOLD];
  SSL_CTX_set_max_proto_version(server->ssl, TLS1_2_VERSION);
  memset(&o, 0, sizeof o);
  o.ca_pem = ettm_buffer_view(&identity_local()->certificate);
  o.min_version = ETTM_LIT("1.3");
  CHECK_INT(connect_with(make_context(&o), server, "localhost", reason), ETTM_E_TLS);
  CHECK(has(reason, "tls_min_version"));
}

static void ciphers_in_common_are_needed(void) {
  ettm_tls_options o;
  ettm_tls_context *server = make_server_context(identity_local());
  char reason[TOLD];
  SSL_CTX_set_max_proto_version(server->ssl, TLS1_2_VERSION);
  CHECK(SSL_CTX_set_cipher_list(server->ssl, "ECDHE-ECDSA-AES256-GCM-SHA384"));
  memset(&o, 0, sizeof o);
  o.ca_pem = ettm_buffer_view(&identity_local()->certificate);
  o.ciphers = ETTM_LIT("ECDHE-ECDSA-AES128-GCM-SHA256");
  CHECK_INT(connect_with(make_context(&o), server, "localhost", reason), ETTM_E_TLS);
  CHECK(has(reason, "handshake failure"));
  CHECK(has(reason, "cipher"));
}

static void an_option_of_no_meaning_is_refused(void) {
  ettm_tls_options o;
  memset(&o, 0, sizeof o);
  o.min_version = ETTM_LIT("1.4");
  CHECK_INT(refused(&o, "tls_min_version"), ETTM_E_ARGUMENT);
  o.min_version = check_guarded(ETTM_LIT("1"));
  CHECK_INT(refused(&o, "tls_min_version"), ETTM_E_ARGUMENT);
  memset(&o, 0, sizeof o);
  o.ciphers = ETTM_LIT("no-such-cipher");
  CHECK_INT(refused(&o, "ciphers"), ETTM_E_ARGUMENT);
  o.ciphers = ettm_str_of("DEF\0AULT", 8);
  CHECK_INT(refused(&o, "ciphers"), ETTM_E_ARGUMENT);
  memset(&o, 0, sizeof o);
  o.security_level = 6;
  CHECK_INT(refused(&o, "security_level"), ETTM_E_ARGUMENT);
}

/* ---- own certificates ---- */

static ettm_tls_context *make_asking_server(void) {
  ettm_tls_options o;
  memset(&o, 0, sizeof o);
  o.is_server = 1;
  o.certificate = ettm_buffer_view(&identity_local()->certificate);
  o.key = ettm_buffer_view(&identity_local()->key);
  o.ca_pem = ettm_buffer_view(&authority()->certificate);
  return make_context(&o);
}

static ettm_status server_status(const ettm_tls_options *client_options, char reason[TOLD]) {
  tls_pair p;
  ettm_status status;
  pair_make(&p, make_context(client_options), make_asking_server(), "localhost");
  (void)!pair_handshake(&p);
  status = ettm_tls_handshake(p.server);
  CHECK_INT(ettm_tls_is_verified(p.server), status == ETTM_OK);
  tell(p.server, reason);
  pair_free(&p);
  return status;
}

static void a_client_shows_its_certificate_when_asked(void) {
  ettm_tls_options o;
  identity leaf;
  char reason[TOLD];
  ettm_buffer joined;
  make_leaf(&leaf, "", "ettsu", 0, 0);
  memset(&o, 0, sizeof o);
  o.ca_pem = ettm_buffer_view(&identity_local()->certificate);
  CHECK_INT(server_status(&o, reason), ETTM_E_TLS);
  CHECK(has(reason, "did not return a certificate"));
  o.certificate = ettm_buffer_view(&identity_local()->certificate);
  o.key = ettm_buffer_view(&identity_local()->key);
  CHECK_INT(server_status(&o, reason), ETTM_E_TLS_VERIFY);
  o.certificate = ettm_buffer_view(&leaf.certificate);
  o.key = ettm_buffer_view(&leaf.key);
  CHECK_INT(server_status(&o, reason), ETTM_OK);
  /* Certificate and key as one text. */
  ettm_buffer_init_secret(&joined, NULL, 65536);
  CHECK_INT(ettm_buffer_append(&joined, ettm_buffer_view(&leaf.key)), ETTM_OK);
  CHECK_INT(ettm_buffer_append(&joined, ettm_buffer_view(&leaf.certificate)), ETTM_OK);
  o.certificate = check_guarded(ettm_buffer_view(&joined));
  o.key = ETTM_LIT("");
  CHECK_INT(server_status(&o, reason), ETTM_OK);
  ettm_buffer_clear(&joined);
  identity_clear(&leaf);
}

/* The key's PEM text under a pass phrase. */
static void encrypt_key(const identity *id, const char *phrase, ettm_buffer *out) {
  ettm_str pem = ettm_buffer_view(&id->key);
  BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
  EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
  BIO *bio = BIO_new(BIO_s_mem());
  char copy[64];
  char *text = NULL;
  long n;
  (void)snprintf(copy, sizeof copy, "%s", phrase);
  CHECK(PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), copy, (int)strlen(copy), NULL,
                                      NULL));
  n = BIO_get_mem_data(bio, &text);
  CHECK_INT(ettm_buffer_append(out, ettm_str_of(text, (size_t)n)), ETTM_OK);
  EVP_PKEY_free(key);
  BIO_free(bio);
  BIO_free(in);
}

static void a_key_opens_with_its_pass_phrase_only(void) {
  ettm_tls_options o;
  ettm_buffer key;
  char much[2000];
  ettm_buffer_init_secret(&key, NULL, 65536);
  encrypt_key(identity_local(), "sesame", &key);
  memset(&o, 0, sizeof o);
  o.is_server = 1;
  o.certificate = ettm_buffer_view(&identity_local()->certificate);
  o.key = ettm_buffer_view(&key);
  o.key_password = check_guarded(ETTM_LIT("sesame"));
  ettm_tls_context_release(make_context(&o));
  o.key_password = ETTM_LIT("open");
  CHECK_INT(refused(&o, "pass phrase"), ETTM_E_ARGUMENT);
  o.key_password = ETTM_LIT(""); /* no prompt */
  CHECK_INT(refused(&o, "pass phrase"), ETTM_E_ARGUMENT);
  memset(much, 'x', sizeof much);
  o.key_password = ettm_str_of(much, sizeof much);
  CHECK_INT(refused(&o, "pass phrase"), ETTM_E_ARGUMENT);
  ettm_buffer_clear(&key);
}

static void a_reason_holds_no_secret(void) {
  ettm_tls_options o;
  ettm_tls_context *c = NULL;
  char reason[TOLD];
  memset(&o, 0, sizeof o);
  o.certificate = ettm_buffer_view(&identity_local()->certificate);
  o.key = ETTM_LIT("-----BEGIN PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\n-----END PRIVATE KEY-----\n");
  o.key_password = ETTM_LIT("hunter2");
  CHECK_INT(ettm_tls_context_new(&c, &o, NULL, reason), ETTM_E_ARGUMENT);
  CHECK(reason[0] != '\0');
  CHECK(!has(reason, "c2Vj") && !has(reason, "secret") && !has(reason, "hunter2"));
}

static void a_certificate_and_key_that_do_not_fit_are_refused(void) {
  ettm_tls_options o;
  memset(&o, 0, sizeof o);
  o.certificate = ettm_buffer_view(&identity_local()->certificate);
  CHECK_INT(refused(&o, "key"), ETTM_E_ARGUMENT);
  o.key = ettm_buffer_view(&authority()->key);
  CHECK_INT(refused(&o, "not that of the certificate"), ETTM_E_ARGUMENT);
  o.certificate = ETTM_LIT("");
  CHECK_INT(refused(&o, "without its certificate"), ETTM_E_ARGUMENT);
  o.certificate = ETTM_LIT("nothing");
  CHECK_INT(refused(&o, "certificate cannot be used"), ETTM_E_ARGUMENT);
  memset(&o, 0, sizeof o);
  o.is_server = 1;
  CHECK_INT(refused(&o, "a server needs a certificate"), ETTM_E_ARGUMENT);
}

/* ---- memory and references ---- */

static ettm_status make_once(check_heap *h, void *ud) {
  const ettm_tls_options *o = (const ettm_tls_options *)ud;
  ettm_tls_context *c = NULL;
  char reason[TOLD];
  ettm_status status = ettm_tls_context_new(&c, o, &h->alloc, reason);
  CHECK(status == ETTM_OK || reason[0] != '\0');
  ettm_tls_context_release(c);
  return status;
}

static void every_allocation_may_fail(void) {
  ettm_tls_options o;
  char path[64];
  char crl[64];
  write_file(path, ettm_buffer_view(&authority()->certificate));
  write_crl(crl, NULL);
  memset(&o, 0, sizeof o);
  o.ca_file = text_of(path);
  o.crl_file = text_of(crl);
  o.ciphers = ETTM_LIT("DEFAULT");
  o.tlsa = ETTM_LIT("2 0 0 3003\n"
                    "3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
  check_every_failure(make_once, &o);
  (void)remove(path);
  (void)remove(crl);
}

static void a_context_lives_as_long_as_its_last_engine(void) {
  check_heap h;
  ettm_tls_options o;
  ettm_tls_context *c = NULL;
  ettm_tls *t = NULL;
  char reason[TOLD];
  check_heap_init(&h);
  memset(&o, 0, sizeof o);
  o.ca_pem = ettm_buffer_view(&authority()->certificate);
  CHECK_INT(ettm_tls_context_new(&c, &o, &h.alloc, reason), ETTM_OK);
  CHECK_INT(ettm_tls_new(&t, c, ETTM_LIT("localhost"), NULL), ETTM_OK);
  ettm_tls_context_retain(c);
  ettm_tls_context_release(c);
  ettm_tls_context_release(c);
  CHECK_INT(h.blocks, 1);
  CHECK_INT(ettm_tls_handshake(t), ETTM_NEED_INPUT);
  ettm_tls_free(t);
  CHECK_INT(h.blocks, 0);
}

static const check_case cases[] = {
    {"connects with good certificates only", only_good_certificates_connect},
    {"shows the certificate's names and addresses in the reason",
     a_reason_shows_names_and_addresses},
    {"cuts a reason that would be too long", a_reason_of_much_text_is_cut_and_printable},
    {"refuses the certificate of an unknown authority", an_unknown_authority_is_refused},
    {"refuses a self-signed certificate unless it is trusted",
     a_self_signed_certificate_is_refused_unless_trusted},
    {"takes a leaf as the anchor", a_leaf_of_an_unknown_authority_can_be_the_anchor},
    {"reads several certificates from ca_pem", several_certificates_stand_in_ca_pem},
    {"sends the whole chain of the own certificate", a_server_sends_its_whole_chain},
    {"takes ca_file instead of the system's store", a_ca_file_takes_the_place_of_the_systems},
    {"names a ca option that cannot be read", a_ca_that_cannot_be_read_is_named},
    {"finds the trust store that the environment names", the_environment_names_the_trust_store},
    {"takes the first bundle that is there", the_first_bundle_that_is_there_is_taken},
    {"tells a system without certificates to name ca_file",
     a_system_without_certificates_is_told_to_name_ca_file},
    {"verifies nothing by one ugly name only", verification_is_off_by_one_ugly_name_only},
    {"needs no issuer for a pinned key, but name and dates",
     a_pinned_key_needs_no_issuer_but_the_rest},
    {"refuses another key than the pinned one", another_key_than_the_pinned_one_is_refused},
    {"refuses a pin of no form", a_pin_of_no_form_is_refused},
    {"refuses a revoked certificate", a_revoked_certificate_is_refused},
    {"refuses an old server with a hint, and allows it by name",
     an_old_server_is_refused_with_a_hint_and_can_be_allowed},
    {"refuses TLS 1.2 where 1.3 is the minimum", a_minimum_of_1_3_refuses_1_2},
    {"needs a cipher in common", ciphers_in_common_are_needed},
    {"refuses an option of no meaning", an_option_of_no_meaning_is_refused},
    {"shows the client's certificate when asked", a_client_shows_its_certificate_when_asked},
    {"opens a key with its pass phrase only, and never prompts",
     a_key_opens_with_its_pass_phrase_only},
    {"puts no secret into a reason", a_reason_holds_no_secret},
    {"refuses a certificate and a key that do not fit",
     a_certificate_and_key_that_do_not_fit_are_refused},
    {"stands any allocation failing", every_allocation_may_fail},
    {"lives as long as its last engine", a_context_lives_as_long_as_its_last_engine},
};

CHECK_MAIN("tls_context", cases)
