/* SPDX-License-Identifier: MIT */
#include "tls/context.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "tls/channel.h"
#include "tls/internal.h"
#include "tls/reason.h"
#include "tls/trust.h"

/* One step of making a context: sets what the options say. Returns ETTM_OK, or a failure with its
 * reason. */
typedef ettm_status (*context_step)(ettm_tls_context *c, const ettm_tls_options *o, char *reason);

static ettm_status refuse(char *reason, const char *what) {
  ettm_reason_set(reason, what);
  return ETTM_E_ARGUMENT;
}

/* The same with the oldest error of OpenSSL's. */
static ettm_status refuse_queued(char *reason, const char *what) {
  ettm_reason_set(reason, what);
  (void)ettm_reason_queue(reason, "not valid");
  return ETTM_E_ARGUMENT;
}

static ettm_status set_basics(ettm_tls_context *c, const ettm_tls_options *o, char *reason) {
  c->ssl = SSL_CTX_new(o->is_server ? TLS_server_method() : TLS_client_method());
  c->channel_method = ettm_tls_channel_method();
  if (c->ssl == NULL || c->channel_method == NULL) {
    ettm_reason_set(reason, "OpenSSL made no TLS context: ");
    (void)ettm_reason_queue(reason, "no memory");
    return ETTM_E_TLS;
  }
  (void)SSL_CTX_set_options(c->ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  (void)SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  /* A client is handed its sessions, to keep them here; a server's are in its tickets. */
  (void)SSL_CTX_set_session_cache_mode(c->ssl, o->is_server ? SSL_SESS_CACHE_OFF
                                                            : SSL_SESS_CACHE_CLIENT |
                                                                  SSL_SESS_CACHE_NO_INTERNAL);
  if (o->is_server) {
    static const unsigned char id[] = "ettsumailer";
    (void)SSL_CTX_set_session_id_context(c->ssl, id, sizeof id - 1);
  }
  return ETTM_OK;
}

/* OpenSSL's number of a version by its name; `otherwise` when there is none, -1 when it is unknown.
 */
static int version_of(ettm_str name, int otherwise) {
  static const struct {
    const char *name;
    int version;
  } versions[] = {{"1.2", TLS1_2_VERSION},
                  {"1.3", TLS1_3_VERSION},
                  {"1.1", TLS1_1_VERSION},
                  {"1.0", TLS1_VERSION}};
  size_t i;
  for (i = 0; i < sizeof versions / sizeof versions[0]; i++) {
    if (ettm_str_equal(name, ettm_str_of(versions[i].name, 3))) {
      return versions[i].version;
    }
  }
  return name.n == 0 ? otherwise : -1;
}

static ettm_status set_versions(ettm_tls_context *c, const ettm_tls_options *o, char *reason) {
  int oldest = version_of(o->min_version, TLS1_2_VERSION);
  int latest = version_of(o->max_version, 0);
  if (oldest < 0 || latest < 0) {
    return refuse(reason, oldest < 0
                              ? "tls_min_version is none of \"1.2\", \"1.3\", \"1.1\", \"1.0\""
                              : "tls_max_version is none of \"1.2\", \"1.3\", \"1.1\", \"1.0\"");
  }
  if (!SSL_CTX_set_min_proto_version(c->ssl, oldest) ||
      !SSL_CTX_set_max_proto_version(c->ssl, latest)) {
    return refuse_queued(reason, "tls_min_version is not possible with this OpenSSL: ");
  }
  return ETTM_OK;
}

/* A copy with a NUL behind it; NULL (with a reason) when it holds one itself or memory is out. */
static char *copy_text(const ettm_tls_context *c, ettm_str s, const char *what, char *reason,
                       ettm_status *status) {
  char *copy = NULL;
  if (memchr(s.p, '\0', s.n) != NULL) {
    ettm_reason_set(reason, what);
    ettm_reason_add(reason, " holds a NUL");
    *status = ETTM_E_ARGUMENT;
    return NULL;
  }
  copy = ettm_copy(&c->alloc, s);
  *status = copy != NULL ? ETTM_OK : ETTM_E_MEMORY;
  return copy;
}

static ettm_status set_ciphers(ettm_tls_context *c, const ettm_tls_options *o, char *reason) {
  ettm_status status;
  char *list;
  /* The level first: a list may end in @SECLEVEL=n, which then holds unless a level is given. */
  SSL_CTX_set_security_level(c->ssl, 2);
  if (o->ciphers.n > 0) {
    list = copy_text(c, o->ciphers, "ciphers", reason, &status);
    if (list == NULL) {
      return status;
    }
    if (!SSL_CTX_set_cipher_list(c->ssl, list)) {
      status = refuse_queued(reason, "ciphers names none that OpenSSL knows: ");
    }
    ettm_free(&c->alloc, list, o->ciphers.n + 1);
    if (status != ETTM_OK) {
      return status;
    }
  }
  if (o->security_level > 5) {
    return refuse(reason, "security_level is above 5");
  }
  if (o->security_level != 0) {
    SSL_CTX_set_security_level(c->ssl, o->security_level < 0 ? 0 : o->security_level);
  }
  return ETTM_OK;
}

static ettm_status set_dane(ettm_tls_context *c, const ettm_tls_options *o, char *reason) {
  if (o->tlsa.n == 0) {
    return ETTM_OK;
  }
  if (o->is_server || o->insecure_skip_verify) {
    return refuse(reason, "tlsa says what to verify: not for a server, and not together with "
                          "insecure_skip_verify");
  }
  if (SSL_CTX_dane_enable(c->ssl) <= 0) {
    return refuse_queued(reason, "this OpenSSL has no DANE: ");
  }
  return ettm_dane_read(&c->dane, o->tlsa, &c->alloc, reason);
}

static int has_own_trust(const ettm_tls_options *o) {
  return o->ca_file.n > 0 || o->ca_pem.n > 0;
}

static ettm_status load_ca_file(ettm_tls_context *c, const ettm_tls_options *o, char *reason) {
  ettm_status status;
  char *path = copy_text(c, o->ca_file, "ca_file", reason, &status);
  if (path == NULL) {
    return status;
  }
  if (!SSL_CTX_load_verify_locations(c->ssl, path, NULL)) {
    ettm_reason_set(reason, "ca_file ");
    ettm_reason_add_field(reason, o->ca_file);
    ettm_reason_add(reason, " has no certificates that can be read: ");
    (void)ettm_reason_queue(reason, "no certificate");
    status = ETTM_E_TLS;
  }
  ettm_free(&c->alloc, path, o->ca_file.n + 1);
  return status;
}

/* A pinned key needs no store, so with one a system without any is no error. */
static ettm_status load_system(ettm_tls_context *c, int is_needed, char *reason) {
  ettm_trust_places places = ettm_trust_of_system();
  ettm_status status =
      ettm_trust_load(c->ssl, &places, c->trust_path, sizeof c->trust_path, reason);
  if (status != ETTM_OK && !is_needed) {
    reason[0] = '\0';
    return ETTM_OK;
  }
  return status;
}

static ettm_status set_trust(ettm_tls_context *c, const ettm_tls_options *o, char *reason) {
  ettm_status status = ETTM_OK;
  c->verifies = !o->insecure_skip_verify && (!o->is_server || has_own_trust(o));
  if (c->verifies && !has_own_trust(o) && c->dane.count == 0) {
    return load_system(c, c->pin_count == 0, reason);
  }
  if (o->ca_file.n > 0) {
    status = load_ca_file(c, o, reason);
  }
  if (status == ETTM_OK && o->ca_pem.n > 0) {
    status = ettm_trust_add_pem(c->ssl, o->ca_pem, reason);
  }
  /* So that the server's own certificate, or an intermediate one, can be the anchor. */
  (void)X509_STORE_set_flags(SSL_CTX_get_cert_store(c->ssl), X509_V_FLAG_PARTIAL_CHAIN);
  return status;
}

static ettm_status set_revocation(ettm_tls_context *c, const ettm_tls_options *o, char *reason) {
  X509_STORE *store = SSL_CTX_get_cert_store(c->ssl);
  X509_LOOKUP *lookup;
  ettm_status status;
  char *path;
  if (o->crl_file.n == 0) {
    return ETTM_OK;
  }
  path = copy_text(c, o->crl_file, "crl_file", reason, &status);
  if (path == NULL) {
    return status;
  }
  lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
  if (lookup == NULL || X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) <= 0) {
    ettm_reason_set(reason, "crl_file ");
    ettm_reason_add_field(reason, o->crl_file);
    ettm_reason_add(reason, " has no revocation list that can be read: ");
    (void)ettm_reason_queue(reason, "no list");
    status = ETTM_E_TLS;
  }
  (void)X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
  ettm_free(&c->alloc, path, o->crl_file.n + 1);
  return status;
}

/* OpenSSL asks for the pass phrase with this; the default would prompt at the terminal. */
static int give_pass_phrase(char *out, int size, int is_writing, void *ud) {
  const ettm_str *phrase = (const ettm_str *)ud;
  (void)is_writing;
  if (phrase->n == 0 || size < 0 || phrase->n > (size_t)size) {
    return -1;
  }
  memcpy(out, phrase->p, phrase->n);
  return (int)phrase->n;
}

static ettm_status use_chain(SSL_CTX *ssl, ettm_str pem, char *reason) {
  BIO *bio = pem.n <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
  X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
  int ok = certificate != NULL && SSL_CTX_use_certificate(ssl, certificate) == 1;
  X509_free(certificate);
  while (ok && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
    ok = SSL_CTX_add1_chain_cert(ssl, certificate) == 1;
    X509_free(certificate);
  }
  BIO_free(bio);
  if (!ok) {
    return refuse_queued(reason, "the own certificate cannot be used: ");
  }
  ERR_clear_error(); /* the end of the text left "no start line" */
  return ETTM_OK;
}

static ettm_status use_key(SSL_CTX *ssl, ettm_str pem, ettm_str phrase, char *reason) {
  BIO *bio = pem.n <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
  EVP_PKEY *key =
      bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, give_pass_phrase, &phrase) : NULL;
  ettm_status status = ETTM_OK;
  if (key == NULL) {
    status = refuse_queued(reason, "the own key cannot be read (is its pass phrase right?): ");
  } else if (SSL_CTX_use_PrivateKey(ssl, key) != 1 || SSL_CTX_check_private_key(ssl) != 1) {
    status = refuse_queued(reason, "the own key is not that of the certificate: ");
  }
  EVP_PKEY_free(key);
  BIO_free(bio);
  ERR_clear_error();
  return status;
}

static ettm_status set_certificate(ettm_tls_context *c, const ettm_tls_options *o, char *reason) {
  ettm_status status;
  if (o->certificate.n == 0) {
    if (o->is_server) {
      return refuse(reason, "a server needs a certificate");
    }
    return o->key.n == 0 ? ETTM_OK : refuse(reason, "a key was given without its certificate");
  }
  status = use_chain(c->ssl, o->certificate, reason);
  if (status == ETTM_OK) {
    status = use_key(c->ssl, o->key.n > 0 ? o->key : o->certificate, o->key_password, reason);
  }
  return status;
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int read_hex_pin(ettm_str word, unsigned char pin[32]) {
  size_t i;
  for (i = 0; i < 32; i++) {
    int high = hex_value(word.p[2 * i]);
    int low = hex_value(word.p[2 * i + 1]);
    if (high < 0 || low < 0) {
      return 0;
    }
    pin[i] = (unsigned char)(high * 16 + low);
  }
  return 1;
}

static int read_pin(ettm_str word, unsigned char pin[32]) {
  unsigned char text[44];
  unsigned char octets[33];
  if (word.n == 64) {
    return read_hex_pin(word, pin);
  }
  if (word.n != 44 || word.p[43] != '=' || word.p[42] == '=') {
    return 0;
  }
  memcpy(text, word.p, 44);
  if (EVP_DecodeBlock(octets, text, 44) != 33) {
    return 0;
  }
  memcpy(pin, octets, 32);
  return 1;
}

static ettm_status set_pins(ettm_tls_context *c, const ettm_tls_options *o, char *reason) {
  size_t i = 0;
  while (i < o->pin_sha256.n) {
    size_t start = i;
    while (i < o->pin_sha256.n && o->pin_sha256.p[i] != ' ' && o->pin_sha256.p[i] != ',') {
      i++;
    }
    if (i > start) {
      ettm_str word = ettm_str_of(o->pin_sha256.p + start, i - start);
      if (c->pin_count == ETTM_TLS_PINS || !read_pin(word, c->pins[c->pin_count])) {
        return refuse(reason, "pin_sha256 takes up to 8 SHA-256 values, 44 characters of base64 or "
                              "64 of hexadecimal each");
      }
      c->pin_count++;
    }
    i++;
  }
  return o->pin_sha256.n > 0 && c->pin_count == 0 ? refuse(reason, "pin_sha256 holds no value")
                                                  : ETTM_OK;
}

static const context_step steps[] = {set_basics, set_versions, set_ciphers,    set_dane,
                                     set_pins,   set_trust,    set_revocation, set_certificate};

ettm_status ettm_tls_context_new(ettm_tls_context **out, const ettm_tls_options *o,
                                 const ettm_alloc *a, char reason[ETTM_TLS_REASON]) {
  ettm_tls_context *c = (ettm_tls_context *)ettm_new(a, sizeof *c);
  ettm_status status = ETTM_OK;
  size_t i;
  reason[0] = '\0';
  if (c == NULL) {
    ettm_reason_set(reason, ettm_status_sentence(ETTM_E_MEMORY));
    return ETTM_E_MEMORY;
  }
  c->alloc = ettm_alloc_of(a);
  c->references = 1;
  c->is_server = o->is_server;
  ERR_clear_error();
  for (i = 0; status == ETTM_OK && i < sizeof steps / sizeof steps[0]; i++) {
    status = steps[i](c, o, reason);
  }
  ERR_clear_error();
  if (status != ETTM_OK) {
    if (reason[0] == '\0') {
      ettm_reason_set(reason, ettm_status_sentence(status));
    }
    ettm_tls_context_release(c);
    return status;
  }
  *out = c;
  return ETTM_OK;
}

void ettm_tls_context_retain(ettm_tls_context *c) {
  c->references++;
}

void ettm_tls_context_release(ettm_tls_context *c) {
  if (c == NULL || --c->references > 0) {
    return;
  }
  ettm_tickets_clear(&c->tickets);
  ettm_dane_clear(&c->dane, &c->alloc);
  SSL_CTX_free(c->ssl);
  BIO_meth_free(c->channel_method);
  ettm_free(&c->alloc, c, sizeof *c);
}

const char *ettm_tls_context_trust_path(const ettm_tls_context *c) {
  return c->trust_path;
}
