/* SPDX-License-Identifier: MIT */
/* How it works. OpenSSL reads and writes through a channel of two bounded buffers (tls/channel.h).
 * Every call that can touch the connection goes through run_ssl, which empties OpenSSL's error
 * queue before and after and asks for the error at once: a stale entry in the queue, or anything
 * done in between, changes the answer. Application data is given to OpenSSL only when the whole
 * record fits into the channel, so that a write is never left half done and need not be repeated
 * with the same bytes. */
#include "tls/engine.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "tls/channel.h"
#include "tls/internal.h"
#include "tls/reason.h"

#define RECORD        16384u /* octets of plain text in a record, at most (RFC 8446 5.1) */
#define RECORD_SPARE  1024u  /* what a record adds, and an alert or key update beside it */
#define NAME_MAX_SIZE 255u

struct ettm_tls {
  ettm_alloc alloc;
  ettm_tls_context *context;
  SSL *ssl;
  ettm_tls_channel channel;
  ettm_status failed;  /* what every call returns, once it is not ETTM_OK */
  ettm_status refused; /* why the peer's certificate was not accepted */
  int is_ready;        /* the handshake is done */
  int is_checked;      /* the first octet from the peer was looked at */
  int is_closed;       /* close_notify is queued */
  char name[NAME_MAX_SIZE + 1];
  char reason[ETTM_TLS_REASON];
};

/* ---- verification ---- */

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
  ettm_tls *t = (ettm_tls *)SSL_get_app_data(ssl);
  if (t->context->pin_count > 0) {
    if (!is_pinned(t->context, X509_STORE_CTX_get0_cert(store))) {
      t->refused = ETTM_E_TLS_PIN;
      ettm_reason_pin(t->reason, store);
      X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
      return 0;
    }
    if (!ok && is_about_trust(X509_STORE_CTX_get_error(store))) {
      X509_STORE_CTX_set_error(store, X509_V_OK);
      return 1;
    }
  }
  if (ok || !t->context->verifies) {
    return 1;
  }
  t->refused = ETTM_E_TLS_VERIFY;
  ettm_reason_verify(t->reason, store, t->name);
  return 0;
}

static int verify_mode(const ettm_tls_context *c) {
  if (!c->verifies && c->pin_count == 0) {
    return SSL_VERIFY_NONE;
  }
  return c->is_server ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER;
}

/* ---- making and freeing ---- */

/* Printable ASCII without blanks: a host name (A-labels) or an IP address. A dot in front would
 * mean "any subdomain" to OpenSSL. */
static int is_name(ettm_str name) {
  size_t i;
  for (i = 0; i < name.n; i++) {
    if (name.p[i] <= ' ' || name.p[i] > '~') {
      return 0;
    }
  }
  return name.n <= NAME_MAX_SIZE && (name.n == 0 || name.p[0] != '.');
}

/* The dot that ends a fully qualified name is no part of it in a certificate or in SNI
 * (RFC 6066 3). */
static ettm_status take_name(ettm_tls *t, ettm_str name) {
  if (!is_name(name)) {
    return ETTM_E_ARGUMENT;
  }
  if (name.n > 0) {
    memcpy(t->name, name.p, name.n);
    if (name.p[name.n - 1] == '.') {
      t->name[name.n - 1] = '\0';
    }
  }
  if (name.n == 0 && !t->context->is_server && t->context->verifies) {
    return ETTM_E_ARGUMENT;
  }
  return ETTM_OK;
}

/* A name is sent as SNI and looked for among the DNS names; an address is not sent (RFC 6066 3) and
 * looked for among the IP addresses. A common name counts for neither (RFC 9525 2). */
static int apply_name(ettm_tls *t) {
  X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
  ASN1_OCTET_STRING *address;
  if (t->name[0] == '\0') {
    return 1;
  }
  address = a2i_IPADDRESS(t->name);
  if (address != NULL) {
    ASN1_OCTET_STRING_free(address);
    return X509_VERIFY_PARAM_set1_ip_asc(param, t->name);
  }
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                             X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  return X509_VERIFY_PARAM_set1_host(param, t->name, 0) &&
         SSL_set_tlsext_host_name(t->ssl, t->name) == 1;
}

static ettm_status make_ssl(ettm_tls *t) {
  BIO *bio;
  t->ssl = SSL_new(t->context->ssl);
  bio = t->ssl != NULL ? ettm_tls_channel_bio(t->context->channel_method, &t->channel) : NULL;
  if (bio == NULL) {
    return ETTM_E_MEMORY;
  }
  SSL_set_bio(t->ssl, bio, bio);
  if (!SSL_set_app_data(t->ssl, t)) {
    return ETTM_E_MEMORY;
  }
  SSL_set_verify(t->ssl, verify_mode(t->context), judge);
  if (t->context->is_server) {
    SSL_set_accept_state(t->ssl);
    return ETTM_OK;
  }
  SSL_set_connect_state(t->ssl);
  return apply_name(t) ? ETTM_OK : ETTM_E_TLS;
}

ettm_status ettm_tls_new(ettm_tls **out, ettm_tls_context *c, ettm_str name, const ettm_alloc *a) {
  ettm_tls *t = (ettm_tls *)ettm_new(a, sizeof *t);
  ettm_status status;
  if (t == NULL) {
    return ETTM_E_MEMORY;
  }
  t->alloc = ettm_alloc_of(a);
  ettm_buffer_init(&t->channel.input, a, ETTM_TLS_INPUT);
  ettm_buffer_init(&t->channel.wire, a, ETTM_TLS_WIRE);
  t->context = c;
  ettm_tls_context_retain(c);
  status = take_name(t, name);
  if (status == ETTM_OK) {
    ERR_clear_error();
    status = make_ssl(t);
    ERR_clear_error();
  }
  if (status != ETTM_OK) {
    ettm_tls_free(t);
    return status;
  }
  *out = t;
  return ETTM_OK;
}

void ettm_tls_free(ettm_tls *t) {
  if (t == NULL) {
    return;
  }
  SSL_free(t->ssl); /* before the channel that its BIO uses */
  ERR_clear_error();
  ettm_buffer_clear(&t->channel.input);
  ettm_buffer_clear(&t->channel.wire);
  ettm_tls_context_release(t->context);
  ettm_free(&t->alloc, t, sizeof *t);
}

/* ---- the network's side ---- */

size_t ettm_tls_room(const ettm_tls *t) {
  return ettm_buffer_room(&t->channel.input);
}

ettm_status ettm_tls_feed(ettm_tls *t, const char *in, size_t n) {
  ettm_status status;
  if (t->failed != ETTM_OK) {
    return t->failed;
  }
  if (t->channel.is_eof) {
    return ETTM_E_STATE;
  }
  status = ettm_buffer_append(&t->channel.input, ettm_str_of(in, n));
  if (status == ETTM_E_MEMORY) {
    t->failed = status;
  }
  return status == ETTM_E_LIMIT ? ETTM_FULL : status;
}

ettm_status ettm_tls_feed_eof(ettm_tls *t) {
  if (t->failed != ETTM_OK) {
    return t->failed;
  }
  t->channel.is_eof = 1;
  return ETTM_OK;
}

ettm_str ettm_tls_peek(ettm_tls *t) {
  return ettm_buffer_view(&t->channel.wire);
}

void ettm_tls_skip(ettm_tls *t, size_t n) {
  ettm_buffer_consume(&t->channel.wire, n);
}

/* ---- OpenSSL ---- */

static ettm_status fail(ettm_tls *t, ettm_status status, const char *reason) {
  t->failed = status;
  ettm_reason_set(t->reason, reason);
  return status;
}

static int is_unexpected_eof(int error, unsigned long code) {
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
  if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
      ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    return 1;
  }
#endif
  return error == SSL_ERROR_SYSCALL && code == 0; /* OpenSSL 1.1.1 */
}

static ettm_status fail_ssl(ettm_tls *t, int error) {
  unsigned long code = ERR_peek_error();
  if (t->channel.has_no_memory || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) {
    return fail(t, ETTM_E_MEMORY, ettm_status_sentence(ETTM_E_MEMORY));
  }
  if (t->refused != ETTM_OK) {
    t->failed = t->refused; /* judge has written the reason */
    return t->failed;
  }
  if (t->channel.is_eof && is_unexpected_eof(error, code)) {
    return fail(t, ETTM_E_TRUNCATED,
                t->is_ready ? "the connection ended without TLS's close_notify"
                            : "the peer closed the connection during the TLS handshake");
  }
  (void)fail(t, ETTM_E_TLS, t->is_ready ? "TLS failed: " : "the TLS handshake failed: ");
  ettm_reason_queue(t->reason, "unknown error");
  return ETTM_E_TLS;
}

/* The plain text of a call: where it goes or comes from, how much, and how much was dealt with. */
typedef struct plain_text {
  char *out;
  const char *in;
  size_t n;
  size_t done;
} plain_text;

/* One call of OpenSSL: 1 when it did what was asked. */
typedef int (*ssl_call)(SSL *ssl, plain_text *plain);

/* The only place that runs a call on the connection and the only one that knows SSL_ERROR_. */
static ettm_status run_ssl(ettm_tls *t, ssl_call call, plain_text *plain) {
  ettm_status status;
  int result, error;
  ERR_clear_error();
  result = call(t->ssl, plain);
  error = SSL_get_error(t->ssl, result);
  switch (error) {
  case SSL_ERROR_NONE: status = ETTM_OK; break;
  case SSL_ERROR_WANT_READ: status = ETTM_NEED_INPUT; break;
  case SSL_ERROR_WANT_WRITE: status = ETTM_FULL; break;
  case SSL_ERROR_ZERO_RETURN: status = ETTM_DONE; break;
  default: status = fail_ssl(t, error); break;
  }
  ERR_clear_error();
  return status;
}

static int call_handshake(SSL *ssl, plain_text *plain) {
  (void)plain;
  return SSL_do_handshake(ssl);
}

static int call_read(SSL *ssl, plain_text *plain) {
  return SSL_read_ex(ssl, plain->out, plain->n, &plain->done);
}

static int call_write(SSL *ssl, plain_text *plain) {
  return SSL_write_ex(ssl, plain->in, plain->n, &plain->done);
}

/* 0 means that ours is sent and the peer's is not in, which is all that is wanted. */
static int call_shutdown(SSL *ssl, plain_text *plain) {
  int result = SSL_shutdown(ssl);
  (void)plain;
  return result == 0 ? 1 : result;
}

/* ---- the handshake ---- */

/* A peer that does not speak TLS is told from its first octet: a record of a handshake or an alert
 * begins with 22 or 21; a reply or command of SMTP with a digit or a letter. */
static ettm_status check_first_octet(ettm_tls *t) {
  ettm_str have = ettm_buffer_view(&t->channel.input);
  if (t->is_checked || have.n == 0) {
    return ETTM_OK;
  }
  t->is_checked = 1;
  if (have.p[0] == 21 || have.p[0] == 22) {
    return ETTM_OK;
  }
  if (t->context->is_server) {
    return fail(t, ETTM_E_TLS_MODE, "the client does not speak TLS where a handshake was due");
  }
  ettm_buffer_consume(&t->channel.wire, ettm_buffer_size(&t->channel.wire));
  if (have.p[0] >= '2' && have.p[0] <= '5') {
    return fail(t, ETTM_E_TLS_MODE,
                "the server speaks plain SMTP where a TLS handshake was due (use security = "
                "\"starttls\" on this port, or the port for implicit TLS, mostly 465)");
  }
  return fail(t, ETTM_E_TLS_MODE,
              "the server's answer is not TLS (is this the right port for implicit TLS?)");
}

/* OpenSSL has refused what is not good; this is the belt beside the braces. */
static ettm_status check_peer(ettm_tls *t) {
  X509 *peer = SSL_get_peer_certificate(t->ssl);
  int has_peer = peer != NULL;
  X509_free(peer);
  /* Without one nothing was asked of judge: an anonymous suite that `ciphers` let in. */
  if (!has_peer && t->context->pin_count > 0) {
    return fail(t, ETTM_E_TLS_PIN, "the peer showed no certificate");
  }
  if (!has_peer && t->context->verifies) {
    return fail(t, ETTM_E_TLS_VERIFY, "the peer showed no certificate");
  }
  if (t->context->verifies && SSL_get_verify_result(t->ssl) != X509_V_OK) {
    return fail(t, ETTM_E_TLS_VERIFY, "the peer's certificate was not accepted");
  }
  return ETTM_OK;
}

ettm_status ettm_tls_handshake(ettm_tls *t) {
  ettm_status status;
  if (t->failed != ETTM_OK || t->is_ready) {
    return t->failed;
  }
  status = check_first_octet(t);
  if (status == ETTM_OK) {
    status = run_ssl(t, call_handshake, NULL);
  }
  if (status == ETTM_OK) {
    status = check_peer(t);
  }
  t->is_ready = status == ETTM_OK;
  return status == ETTM_FULL ? ETTM_NEED_INPUT : status;
}

/* ---- plain text ---- */

ettm_status ettm_tls_read(ettm_tls *t, char *out, size_t capacity, size_t *n) {
  plain_text plain = {NULL, NULL, 0, 0};
  ettm_status status;
  if (t->failed != ETTM_OK) {
    return t->failed;
  }
  if (!t->is_ready) {
    return ETTM_E_STATE;
  }
  if (capacity == 0) {
    return ETTM_E_ARGUMENT;
  }
  plain.out = out;
  plain.n = capacity;
  status = run_ssl(t, call_read, &plain);
  if (status == ETTM_OK) {
    *n = plain.done;
  }
  return status == ETTM_FULL ? ETTM_NEED_INPUT : status;
}

static ettm_status write_record(ettm_tls *t, plain_text *plain) {
  ettm_status status;
  if (plain->n == 0) {
    return ETTM_OK;
  }
  if (ettm_buffer_room(&t->channel.wire) < plain->n + RECORD_SPARE) {
    return ETTM_FULL;
  }
  status = run_ssl(t, call_write, plain);
  return status == ETTM_NEED_INPUT ? ETTM_FULL : status;
}

ettm_status ettm_tls_write(ettm_tls *t, const char *in, size_t n, size_t *used) {
  plain_text plain = {NULL, NULL, 0, 0};
  ettm_status status;
  if (t->failed != ETTM_OK) {
    return t->failed;
  }
  if (!t->is_ready || t->is_closed) {
    return ETTM_E_STATE;
  }
  plain.in = in;
  plain.n = n < RECORD ? n : RECORD;
  status = write_record(t, &plain);
  if (status == ETTM_OK) {
    *used = plain.done;
  }
  return status;
}

void ettm_tls_close(ettm_tls *t) {
  if (t->failed != ETTM_OK || !t->is_ready || t->is_closed) {
    return;
  }
  t->is_closed = 1;
  (void)!run_ssl(t, call_shutdown, NULL);
}

/* ---- what came of it ---- */

const char *ettm_tls_version(const ettm_tls *t) {
  return t->is_ready ? SSL_get_version(t->ssl) : "";
}

const char *ettm_tls_cipher(const ettm_tls *t) {
  return t->is_ready ? SSL_get_cipher_name(t->ssl) : "";
}

int ettm_tls_is_verified(const ettm_tls *t) {
  return t->is_ready && t->context->verifies;
}

ettm_status ettm_tls_exporter(const ettm_tls *t, unsigned char out[32]) {
  static const char label[] = "EXPORTER-Channel-Binding";
  static const unsigned char context[1] = {0};
  int ok;
  if (!t->is_ready || t->failed != ETTM_OK) {
    return ETTM_E_STATE;
  }
  if (SSL_version(t->ssl) < TLS1_3_VERSION && !SSL_get_extms_support(t->ssl)) {
    return ETTM_E_STATE;
  }
  ERR_clear_error();
  ok = SSL_export_keying_material(t->ssl, out, 32, label, sizeof label - 1, context, 0, 1);
  ERR_clear_error();
  return ok == 1 ? ETTM_OK : ETTM_E_TLS;
}

const char *ettm_tls_reason(const ettm_tls *t) {
  return t->reason;
}
