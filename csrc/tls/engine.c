/* SPDX-License-Identifier: MIT */
/* How it works. OpenSSL reads and writes through a channel of two bounded buffers (tls/channel.h).
 * Every call that can touch the connection goes through run_ssl, which empties OpenSSL's error
 * queue before and after and asks for the error at once: a stale entry in the queue, or anything
 * done in between, changes the answer. Application data is given to OpenSSL only when the whole
 * record fits into the channel, so that a write is never left half done and need not be repeated
 * with the same bytes. */
#include "tls/engine.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "tls/channel.h"
#include "tls/reason.h"
#include "tls/verify.h"

#define RECORD       16384u /* octets of plain text in a record, at most (RFC 8446 5.1) */
#define RECORD_SPARE 1024u  /* what a record adds, and an alert or key update beside it */

struct ettm_tls {
  ettm_alloc alloc;
  ettm_tls_context *context;
  SSL *ssl;
  SSL_SESSION *offered; /* a copy of an earlier connection's */
  ettm_tls_channel channel;
  ettm_status failed;       /* what every call returns, once it is not ETTM_OK */
  int is_ready;             /* the handshake is done */
  int is_checked;           /* the first octet from the peer was looked at */
  int is_closed;            /* close_notify is queued */
  ettm_tls_verdict verdict; /* on the peer; the reason and the details of any failure */
};

/* ---- making and freeing ---- */

/* OpenSSL's word that there is a session to keep: 1 takes its reference. */
static int keep_session(SSL *ssl, SSL_SESSION *session) {
  ettm_tls_verdict *v = (ettm_tls_verdict *)SSL_get_app_data(ssl);
  ettm_tls_context *c = v->context;
  int is_known = SSL_SESSION_get0_peer(session) != NULL || (!c->verifies && c->pin_count == 0);
  if (v->name[0] == '\0' || !is_known) {
    return 0;
  }
  ettm_tickets_keep(&c->tickets, v->name, session);
  v->is_renewed = 1;
  return 1;
}

/* An offer is all that it is: the server may want a whole handshake. */
static void offer_session(ettm_tls *t) {
  SSL_SESSION *session = ettm_tickets_take(&t->context->tickets, t->verdict.name);
  SSL_CTX_sess_set_new_cb(t->context->ssl, keep_session);
  if (session != NULL) {
    t->offered = SSL_SESSION_dup(session); /* OpenSSL makes the one it uses good for nothing */
    (void)SSL_set_session(t->ssl, session);
    SSL_SESSION_free(session);
  }
}

/* A session that the server took and gave no new one for is put back. With TLS 1.3 one should not
 * serve two connections (RFC 8446 C.4), lest somebody sees that both are of one client; a mail
 * server knows that anyway, and Postfix renews none. One that was not taken is of no more use. */
static void settle_session(ettm_tls *t) {
  int is_sound = t->failed == ETTM_OK || t->failed == ETTM_E_TRUNCATED;
  if (t->offered == NULL) {
    return;
  }
  if (is_sound && ettm_tls_is_resumed(t) && !t->verdict.is_renewed) {
    ettm_tickets_keep(&t->context->tickets, t->verdict.name, t->offered);
  } else {
    SSL_SESSION_free(t->offered);
  }
  t->offered = NULL;
}

static ettm_status make_ssl(ettm_tls *t) {
  ettm_status status;
  BIO *bio;
  t->ssl = SSL_new(t->context->ssl);
  bio = t->ssl != NULL ? ettm_tls_channel_bio(t->context->channel_method, &t->channel) : NULL;
  if (bio == NULL) {
    return ETTM_E_MEMORY;
  }
  SSL_set_bio(t->ssl, bio, bio);
  if (t->context->is_server) {
    SSL_set_accept_state(t->ssl);
  } else {
    SSL_set_connect_state(t->ssl);
  }
  status = ettm_verdict_attach(&t->verdict, t->ssl);
  if (status == ETTM_OK && !t->context->is_server) {
    offer_session(t);
  }
  return status;
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
  status = ettm_verdict_begin(&t->verdict, c, name);
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
  settle_session(t);
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
  ettm_reason_set(t->verdict.reason, reason);
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

/* What this side insists on, which the other may not have. */
static void add_wanted(ettm_tls *t) {
  static const char *const versions[] = {"1.0", "1.1", "1.2", "1.3"};
  long version = SSL_get_min_proto_version(t->ssl);
  char wanted[64];
  if (version >= TLS1_VERSION && version <= TLS1_3_VERSION) {
    (void)snprintf(wanted, sizeof wanted, "; wanted TLS %s or later at security level %d",
                   versions[version - TLS1_VERSION], SSL_get_security_level(t->ssl));
    ettm_reason_add(t->verdict.reason, wanted);
  }
}

static ettm_status fail_ssl(ettm_tls *t, int error) {
  unsigned long code = ERR_peek_error();
  if (t->channel.has_no_memory || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) {
    return fail(t, ETTM_E_MEMORY, ettm_status_sentence(ETTM_E_MEMORY));
  }
  if (t->verdict.refused != ETTM_OK) {
    t->failed = t->verdict.refused; /* the verdict has its reason */
    return t->failed;
  }
  if (t->channel.is_eof && is_unexpected_eof(error, code)) {
    return fail(t, ETTM_E_TRUNCATED,
                t->is_ready ? "the connection ended without TLS's close_notify"
                            : "the peer closed the connection during the TLS handshake");
  }
  (void)fail(t, ETTM_E_TLS, t->is_ready ? "TLS failed: " : "the TLS handshake failed: ");
  t->verdict.failure.hint = ettm_reason_queue(t->verdict.reason, "unknown error");
  if (!t->is_ready) {
    add_wanted(t);
  }
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
    t->verdict.failure.hint =
        "use security = \"starttls\" on this port, or the port for implicit TLS, "
        "mostly 465";
    return fail(t, ETTM_E_TLS_MODE, "the server speaks plain SMTP where a TLS handshake was due");
  }
  t->verdict.failure.hint = "check host and port: this is no port for implicit TLS";
  return fail(t, ETTM_E_TLS_MODE, "the server's answer is not TLS");
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
    status = ettm_verdict_check(&t->verdict, t->ssl);
    t->failed = status;
  }
  t->is_ready = status == ETTM_OK;
  if (t->is_ready && SSL_version(t->ssl) < TLS1_3_VERSION) {
    settle_session(t); /* a new one would have come within the handshake */
  }
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
  settle_session(t);
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

int ettm_tls_is_resumed(const ettm_tls *t) {
  return t->is_ready && SSL_session_reused(t->ssl);
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

SSL *ettm_tls_ssl(const ettm_tls *t) {
  return t->is_ready && t->failed == ETTM_OK ? t->ssl : NULL;
}

const char *ettm_tls_reason(const ettm_tls *t) {
  return t->verdict.reason;
}

const ettm_tls_failure *ettm_tls_failure_of(const ettm_tls *t) {
  return &t->verdict.failure;
}

const char *ettm_tls_name(const ettm_tls *t) {
  return t->verdict.name;
}
