/* SPDX-License-Identifier: MIT */
#include <openssl/pem.h>

#include "check.h"
#include "tls_pair.h"

#define BODY (200u * 1024) /* more than a wire and an input together hold */

static const size_t chunks[] = {0, 1, 7, 5000};

static void handshakes_in_any_pieces(void) {
  size_t i;
  for (i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
    tls_pair p;
    pair_make_local(&p, chunks[i]);
    CHECK_STR(text_of(ettm_tls_version(p.client)), ETTM_LIT(""));
    CHECK_STR(text_of(ettm_tls_cipher(p.client)), ETTM_LIT(""));
    CHECK(!ettm_tls_is_verified(p.client));
    CHECK_INT(pair_handshake(&p), ETTM_OK);
    CHECK_INT(ettm_tls_handshake(p.client), ETTM_OK);
    CHECK_INT(ettm_tls_handshake(p.server), ETTM_OK);
    CHECK_STR(text_of(ettm_tls_version(p.client)), ETTM_LIT("TLSv1.3"));
    CHECK(has(ettm_tls_cipher(p.client), "TLS_"));
    CHECK(ettm_tls_is_verified(p.client));
    CHECK(!ettm_tls_is_verified(p.server));
    CHECK_STR(text_of(ettm_tls_reason(p.client)), ETTM_LIT(""));
    pair_free(&p);
  }
}

static char octet_at(size_t i, int salt) {
  return (char)((i * 31 + i / 251 + (size_t)salt) & 0xff);
}

/* One direction of a conversation. */
typedef struct flow {
  ettm_tls *from;
  ettm_tls *to;
  size_t sent;
  size_t got;
  int salt;
  int was_full;
} flow;

static void flow_write(flow *f, size_t total) {
  char piece[20000];
  size_t used = 0;
  size_t i;
  size_t n = total - f->sent < sizeof piece ? total - f->sent : sizeof piece;
  ettm_status status;
  if (n == 0) {
    return;
  }
  for (i = 0; i < n; i++) {
    piece[i] = octet_at(f->sent + i, f->salt);
  }
  status = ettm_tls_write(f->from, piece, n, &used);
  if (status == ETTM_FULL) {
    f->was_full = 1;
    return;
  }
  CHECK_INT(status, ETTM_OK);
  CHECK(used > 0 && used <= n);
  f->sent += used;
}

static void flow_read(flow *f) {
  char piece[3000];
  size_t n = 0;
  size_t i;
  ettm_status status;
  int wrong = 0;
  while ((status = ettm_tls_read(f->to, piece, sizeof piece, &n)) == ETTM_OK) {
    for (i = 0; i < n; i++) {
      wrong += piece[i] != octet_at(f->got + i, f->salt);
    }
    f->got += n;
  }
  CHECK_INT(wrong, 0);
  CHECK_INT(status, ETTM_NEED_INPUT);
}

static void converse(tls_pair *p, size_t total, int both) {
  flow up = {p->client, p->server, 0, 0, 1, 0};
  flow down = {p->server, p->client, 0, 0, 2, 0};
  size_t turns;
  for (turns = 0; turns < 10 * BODY && (up.got < total || (both && down.got < total)); turns++) {
    flow_write(&up, total);
    if (both) {
      flow_write(&down, total);
    }
    (void)pair_carry(p, p->client, p->server);
    (void)pair_carry(p, p->server, p->client);
    flow_read(&up);
    flow_read(&down);
  }
  CHECK_INT(up.got, total);
  CHECK_INT(down.got, both ? total : 0);
  CHECK(p->wire_peak <= ETTM_TLS_WIRE);
}

static void carries_bodies_in_any_pieces(void) {
  size_t i;
  for (i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
    tls_pair p;
    pair_make_local(&p, chunks[i]);
    CHECK_INT(pair_handshake(&p), ETTM_OK);
    converse(&p, chunks[i] == 1 ? 20000 : BODY, 0);
    pair_free(&p);
  }
}

static void carries_both_directions_at_once(void) {
  size_t i;
  for (i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
    tls_pair p;
    pair_make_local(&p, chunks[i]);
    CHECK_INT(pair_handshake(&p), ETTM_OK);
    converse(&p, chunks[i] == 1 ? 20000 : BODY, 1);
    pair_free(&p);
  }
}

static void speaks_tls_1_2_where_the_server_has_no_more(void) {
  tls_pair p;
  ettm_tls_context *server = make_server_context(identity_local());
  unsigned char binding[32];
  SSL_CTX_set_max_proto_version(server->ssl, TLS1_2_VERSION);
  pair_make(&p, make_client_context(identity_local()), server, "localhost");
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  CHECK_STR(text_of(ettm_tls_version(p.client)), ETTM_LIT("TLSv1.2"));
  CHECK_INT(ettm_tls_exporter(p.client, binding), ETTM_OK); /* extended master secret */
  converse(&p, 40000, 1);
  pair_free(&p);
}

static void both_sides_export_the_same_binding(void) {
  tls_pair p;
  unsigned char a[32] = {0};
  unsigned char b[32] = {1};
  pair_make_local(&p, 0);
  CHECK_INT(ettm_tls_exporter(p.client, a), ETTM_E_STATE);
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  CHECK_INT(ettm_tls_exporter(p.client, a), ETTM_OK);
  CHECK_INT(ettm_tls_exporter(p.server, b), ETTM_OK);
  CHECK(memcmp(a, b, sizeof a) == 0);
  pair_free(&p);
}

static void the_wire_is_full_before_it_grows_over_its_bound(void) {
  tls_pair p;
  char piece[16384];
  size_t used = 0;
  size_t total = 0;
  ettm_status status;
  memset(piece, 'x', sizeof piece);
  pair_make_local(&p, 0);
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  while ((status = ettm_tls_write(p.client, piece, sizeof piece, &used)) == ETTM_OK &&
         total < BODY) {
    total += used;
  }
  CHECK_INT(status, ETTM_FULL);
  CHECK(total >= 3 * sizeof piece);
  while ((status = ettm_tls_write(p.client, piece, 16, &used)) == ETTM_OK && total < BODY) {
    total += used; /* the last gap */
  }
  CHECK_INT(status, ETTM_FULL);
  CHECK(ettm_tls_peek(p.client).n <= ETTM_TLS_WIRE);
  /* close_notify has its place even so. */
  total = ettm_tls_peek(p.client).n;
  ettm_tls_close(p.client);
  CHECK(ettm_tls_peek(p.client).n > total);
  CHECK(ettm_tls_peek(p.client).n <= ETTM_TLS_WIRE);
  pair_free(&p);
}

static void feed_takes_all_or_nothing(void) {
  tls_pair p;
  static char much[ETTM_TLS_INPUT + 1];
  pair_make_local(&p, 0);
  CHECK_INT(ettm_tls_room(p.client), ETTM_TLS_INPUT);
  CHECK_INT(ettm_tls_feed(p.client, much, sizeof much), ETTM_FULL);
  CHECK_INT(ettm_tls_room(p.client), ETTM_TLS_INPUT);
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  pair_free(&p);
}

static void records_that_come_together_are_read_one_after_the_other(void) {
  tls_pair p;
  char got[64];
  size_t used = 0;
  size_t n = 0;
  pair_make_local(&p, 0);
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  CHECK_INT(ettm_tls_write(p.server, "250 a\r\n", 7, &used), ETTM_OK);
  CHECK_INT(ettm_tls_write(p.server, "250 b\r\n", 7, &used), ETTM_OK);
  ettm_tls_close(p.server);
  (void)pair_carry(&p, p.server, p.client);
  CHECK_INT(ettm_tls_feed(p.client, "behind", 6), ETTM_OK);
  CHECK_INT(ettm_tls_read(p.client, got, 3, &n), ETTM_OK);
  CHECK_STR(ettm_str_of(got, n), ETTM_LIT("250"));
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_OK);
  CHECK_STR(ettm_str_of(got, n), ETTM_LIT(" a\r\n"));
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_OK);
  CHECK_STR(ettm_str_of(got, n), ETTM_LIT("250 b\r\n"));
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_DONE);
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_DONE);
  pair_free(&p);
}

static void an_end_without_close_notify_is_truncation(void) {
  tls_pair p;
  char got[64];
  size_t used = 0;
  size_t n = 0;
  pair_make_local(&p, 0);
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  CHECK_INT(ettm_tls_write(p.server, "250", 3, &used), ETTM_OK);
  (void)pair_carry(&p, p.server, p.client);
  CHECK_INT(ettm_tls_feed_eof(p.client), ETTM_OK);
  CHECK_INT(ettm_tls_feed(p.client, "x", 1), ETTM_E_STATE);
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_OK);
  CHECK_STR(ettm_str_of(got, n), ETTM_LIT("250"));
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_E_TRUNCATED);
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_E_TRUNCATED);
  CHECK_INT(ettm_tls_write(p.client, "x", 1, &used), ETTM_E_TRUNCATED);
  CHECK_INT(ettm_tls_feed(p.client, "x", 1), ETTM_E_TRUNCATED);
  CHECK_INT(ettm_tls_feed_eof(p.client), ETTM_E_TRUNCATED);
  CHECK_INT(ettm_tls_handshake(p.client), ETTM_E_TRUNCATED);
  CHECK(has(ettm_tls_reason(p.client), "close_notify"));
  pair_free(&p);
}

static void an_end_within_a_record_is_truncation(void) {
  tls_pair p;
  char got[64];
  size_t used = 0;
  size_t n = 0;
  ettm_str wire;
  pair_make_local(&p, 0);
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  CHECK_INT(ettm_tls_write(p.server, "250 done\r\n", 10, &used), ETTM_OK);
  wire = ettm_tls_peek(p.server);
  CHECK_INT(ettm_tls_feed(p.client, wire.p, wire.n - 1), ETTM_OK);
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_NEED_INPUT);
  CHECK_INT(ettm_tls_feed_eof(p.client), ETTM_OK);
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_E_TRUNCATED);
  pair_free(&p);
}

/* What the server sends in its first flight, cut after n octets. */
static void an_end_at_any_octet_of_the_handshake_is_truncation(void) {
  size_t n = 0;
  size_t whole = 1;
  for (n = 0; n < whole; n += 13) {
    tls_pair p;
    ettm_str flight;
    pair_make_local(&p, 0);
    CHECK_INT(ettm_tls_handshake(p.client), ETTM_NEED_INPUT);
    (void)pair_carry(&p, p.client, p.server);
    CHECK_INT(ettm_tls_handshake(p.server), ETTM_NEED_INPUT);
    flight = ettm_tls_peek(p.server);
    whole = flight.n;
    CHECK_INT(ettm_tls_feed(p.client, flight.p, n), ETTM_OK);
    CHECK_INT(ettm_tls_handshake(p.client), ETTM_NEED_INPUT);
    CHECK_INT(ettm_tls_feed_eof(p.client), ETTM_OK);
    CHECK_INT(ettm_tls_handshake(p.client), ETTM_E_TRUNCATED);
    CHECK(has(ettm_tls_reason(p.client), "during the TLS handshake"));
    pair_free(&p);
  }
}

static void a_damaged_record_fails_and_an_alert_is_lent(void) {
  tls_pair p;
  char got[64];
  char record[256];
  size_t used = 0;
  size_t n = 0;
  ettm_str wire;
  pair_make_local(&p, 0);
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  CHECK_INT(ettm_tls_write(p.server, "250 done\r\n", 10, &used), ETTM_OK);
  wire = ettm_tls_peek(p.server);
  CHECK(wire.n <= sizeof record);
  memcpy(record, wire.p, wire.n);
  record[wire.n - 1] ^= 1;
  CHECK_INT(ettm_tls_feed(p.client, record, wire.n), ETTM_OK);
  CHECK_INT(ettm_tls_peek(p.client).n, 0);
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_E_TLS);
  CHECK_INT(ERR_peek_error(), 0);
  CHECK(ettm_tls_peek(p.client).n > 0);
  CHECK(has(ettm_tls_reason(p.client), "TLS failed: "));
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_E_TLS);
  ettm_tls_close(p.client); /* nothing more is said */
  CHECK_INT(ERR_peek_error(), 0);
  pair_free(&p);
}

static ettm_status answer(const char *text, size_t n, size_t chunk, int is_server,
                          char reason[TOLD]) {
  tls_pair p;
  ettm_tls *t;
  ettm_status status = ETTM_NEED_INPUT;
  size_t i;
  pair_make_local(&p, 0);
  t = is_server ? p.server : p.client;
  CHECK_INT(ettm_tls_handshake(t), ETTM_NEED_INPUT);
  for (i = 0; i < n && status == ETTM_NEED_INPUT; i += chunk) {
    ettm_str piece = check_guarded(ettm_str_of(text + i, n - i < chunk ? n - i : chunk));
    CHECK_INT(ettm_tls_feed(t, piece.p, piece.n), ETTM_OK);
    status = ettm_tls_handshake(t);
    CHECK_INT(ERR_peek_error(), 0);
  }
  CHECK_INT(ettm_tls_handshake(t), status);
  if (status == ETTM_E_TLS_MODE) {
    CHECK_INT(ettm_tls_peek(t).n, 0); /* no alert for who cannot read it */
  }
  tell(t, reason);
  pair_free(&p);
  return status;
}

static void a_server_of_plain_smtp_is_told_from_a_tls_one(void) {
  static const char greeting[] = "220 mail.example.com ESMTP ready\r\n";
  char reason[TOLD];
  CHECK_INT(answer(greeting, sizeof greeting - 1, 100, 0, reason), ETTM_E_TLS_MODE);
  CHECK(has(reason, "plain SMTP"));
  CHECK(has(reason, "starttls"));
  CHECK_INT(answer(greeting, sizeof greeting - 1, 1, 0, reason), ETTM_E_TLS_MODE);
  CHECK(has(reason, "plain SMTP"));
  CHECK_INT(answer("554 no\r\n", 8, 8, 0, reason), ETTM_E_TLS_MODE);
  CHECK(has(reason, "plain SMTP"));
}

static void another_protocol_is_told_from_tls(void) {
  char reason[TOLD];
  CHECK_INT(answer("HTTP/1.1 400 Bad Request\r\n", 26, 26, 0, reason), ETTM_E_TLS_MODE);
  CHECK(has(reason, "not TLS"));
  CHECK_INT(answer("\0\0\0\0\0", 5, 1, 0, reason), ETTM_E_TLS_MODE);
  CHECK_INT(answer("EHLO client.example\r\n", 21, 21, 1, reason), ETTM_E_TLS_MODE);
  CHECK(has(reason, "the client does not speak TLS"));
}

static void garbage_in_the_form_of_a_record_fails(void) {
  char reason[TOLD];
  CHECK_INT(answer("\x16 garbage here", 14, 14, 0, reason), ETTM_E_TLS);
  CHECK(has(reason, "the TLS handshake failed: wrong version number"));
  CHECK_INT(answer("\x16\x03\x03\x00\x05hello", 10, 1, 0, reason), ETTM_E_TLS);
  CHECK_INT(answer("\x15\x03\x03\x00\x02\x02\x28", 7, 1, 0, reason), ETTM_E_TLS);
  CHECK(has(reason, "alert handshake failure"));
  CHECK(has(reason, "client_cert"));
  CHECK_INT(answer("\x16\x03\x01\x00\x05hello", 10, 10, 1, reason), ETTM_E_TLS);
}

/* The offset-free search: is the text anywhere in the octets? */
static int contains(ettm_str octets, ettm_str text) {
  size_t i;
  for (i = 0; i + text.n <= octets.n; i++) {
    if (memcmp(octets.p + i, text.p, text.n) == 0) {
      return 1;
    }
  }
  return 0;
}

static int hello_contains(const char *name, const char *wanted) {
  tls_pair p;
  int found;
  pair_make(&p, make_client_context(identity_local()), make_server_context(identity_local()), name);
  CHECK_INT(ettm_tls_handshake(p.client), ETTM_NEED_INPUT);
  found = contains(ettm_tls_peek(p.client), text_of(wanted));
  pair_free(&p);
  return found;
}

static void a_name_is_sent_as_sni_and_an_address_is_not(void) {
  CHECK(hello_contains("mail.example.com", "mail.example.com"));
  CHECK(hello_contains("mail.example.com.", "mail.example.com"));
  CHECK(!hello_contains("mail.example.com.", "mail.example.com."));
  CHECK(!hello_contains("127.0.0.1", "127.0.0.1"));
  CHECK(!hello_contains("::1", "::1"));
}

static int note_alpn(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
                     unsigned int in_n, void *ud) {
  (void)ssl;
  (void)out;
  (void)n;
  (void)in;
  (void)in_n;
  *(int *)ud = 1;
  return SSL_TLSEXT_ERR_NOACK;
}

static void no_protocol_is_offered_by_name(void) {
  ettm_tls_context *server = make_server_context(identity_local());
  int was_offered = 0;
  tls_pair p;
  SSL_CTX_set_alpn_select_cb(server->ssl, note_alpn, &was_offered);
  pair_make(&p, make_client_context(identity_local()), server, "localhost");
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  CHECK(!was_offered);
  pair_free(&p);
}

static void a_name_that_is_none_is_refused(void) {
  static const char *const bad[] = {"",           ".",    ".example.com",    "a b",
                                    "localhost ", "a\tb", "\xE3\x82\xA8.jp", "a\r\n.example"};
  static char longest[300];
  ettm_tls_context *c = make_client_context(identity_local());
  ettm_tls *t = NULL;
  size_t i;
  for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    CHECK_INT(ettm_tls_new(&t, c, text_of(bad[i]), NULL), ETTM_E_ARGUMENT);
  }
  CHECK_INT(ettm_tls_new(&t, c, ettm_str_of("a\0b", 3), NULL), ETTM_E_ARGUMENT);
  memset(longest, 'a', sizeof longest);
  CHECK_INT(ettm_tls_new(&t, c, ettm_str_of(longest, 256), NULL), ETTM_E_ARGUMENT);
  CHECK(t == NULL);
  CHECK_INT(c->references, 1);
  ettm_tls_context_release(c);
}

static void a_client_that_verifies_nothing_needs_no_name(void) {
  tls_pair p;
  ettm_tls_options o;
  memset(&o, 0, sizeof o);
  o.insecure_skip_verify = 1;
  pair_make(&p, make_context(&o), make_server_context(identity_local()), "");
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  CHECK(!ettm_tls_is_verified(p.client));
  pair_free(&p);
}

static void plain_text_waits_for_the_handshake(void) {
  tls_pair p;
  char got[4];
  size_t n = 9;
  pair_make_local(&p, 0);
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_E_STATE);
  CHECK_INT(ettm_tls_write(p.client, "x", 1, &n), ETTM_E_STATE);
  ettm_tls_close(p.client);
  CHECK_INT(ettm_tls_peek(p.client).n, 0);
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  CHECK_INT(ettm_tls_read(p.client, got, 0, &n), ETTM_E_ARGUMENT);
  CHECK_INT(n, 9);
  CHECK_INT(ettm_tls_write(p.client, "", 0, &n), ETTM_OK);
  CHECK_INT(n, 0);
  pair_free(&p);
}

static void close_notify_is_queued_once_and_ends_writing(void) {
  tls_pair p;
  char got[4];
  size_t n = 0;
  size_t size;
  pair_make_local(&p, 0);
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  CHECK_INT(ettm_tls_peek(p.client).n, 0);
  ettm_tls_close(p.client);
  size = ettm_tls_peek(p.client).n;
  CHECK(size > 0);
  ettm_tls_close(p.client);
  CHECK_INT(ettm_tls_peek(p.client).n, size);
  CHECK_INT(ettm_tls_write(p.client, "x", 1, &n), ETTM_E_STATE);
  (void)pair_carry(&p, p.client, p.server);
  CHECK_INT(ettm_tls_read(p.server, got, sizeof got, &n), ETTM_DONE);
  /* The other direction is still open. */
  CHECK_INT(ettm_tls_write(p.server, "bye", 3, &n), ETTM_OK);
  (void)pair_carry(&p, p.server, p.client);
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_OK);
  CHECK_STR(ettm_str_of(got, n), ETTM_LIT("bye"));
  pair_free(&p);
}

/* As nginx or another library in the process might. */
static void leave_an_error(void) {
  BIO *bio = BIO_new_mem_buf("", 0);
  CHECK(PEM_read_bio_X509(bio, NULL, NULL, NULL) == NULL);
  BIO_free(bio);
  CHECK(ERR_peek_error() != 0);
}

static void an_error_left_by_others_changes_nothing(void) {
  tls_pair p;
  char got[4];
  size_t n = 0;
  pair_make_local(&p, 0);
  leave_an_error();
  CHECK_INT(ettm_tls_handshake(p.client), ETTM_NEED_INPUT);
  CHECK_INT(ERR_peek_error(), 0);
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_NEED_INPUT); /* session tickets */
  leave_an_error();
  CHECK_INT(ettm_tls_read(p.client, got, sizeof got, &n), ETTM_NEED_INPUT);
  leave_an_error();
  CHECK_INT(ettm_tls_write(p.client, "x", 1, &n), ETTM_OK);
  pair_free(&p);
}

static void the_server_hears_why_it_was_refused(void) {
  tls_pair p;
  pair_make(&p, make_client_context(identity_local()), make_server_context(identity_local()),
            "other.example");
  CHECK_INT(pair_handshake(&p), ETTM_E_TLS_VERIFY);
  (void)pair_carry(&p, p.client, p.server);
  CHECK_INT(ettm_tls_handshake(p.server), ETTM_E_TLS);
  CHECK(has(ettm_tls_reason(p.server), "alert bad certificate"));
  pair_free(&p);
}

/* A server made of OpenSSL alone, which may do what the engine never does. */
static void move(BIO *out, ettm_tls *client, BIO *in) {
  char bytes[8192];
  int n = BIO_read(out, bytes, (int)sizeof bytes);
  ettm_str wire;
  if (n > 0) {
    CHECK_INT(ettm_tls_feed(client, bytes, (size_t)n), ETTM_OK);
  }
  (void)!ettm_tls_handshake(client);
  wire = ettm_tls_peek(client);
  if (wire.n > 0) {
    CHECK_INT(BIO_write(in, wire.p, (int)wire.n), wire.n);
    ettm_tls_skip(client, wire.n);
  }
}

static void a_server_that_asks_for_renegotiation_gets_none(void) {
  ettm_tls_context *client_context = make_client_context(identity_local());
  ettm_tls_context *server_context = make_server_context(identity_local());
  ettm_tls *client = NULL;
  SSL *server = SSL_new(server_context->ssl);
  BIO *in = BIO_new(BIO_s_mem());
  BIO *out = BIO_new(BIO_s_mem());
  char bytes[1000];
  size_t n = 0;
  int i;
  CHECK_INT(ettm_tls_new(&client, client_context, ETTM_LIT("localhost"), NULL), ETTM_OK);
  SSL_set_bio(server, in, out);
  SSL_set_accept_state(server);
  SSL_set_max_proto_version(server, TLS1_2_VERSION);
  SSL_clear_options(server, SSL_OP_NO_RENEGOTIATION);
  for (i = 0; i < 4; i++) {
    move(out, client, in);
    (void)SSL_do_handshake(server);
  }
  move(out, client, in);
  CHECK_INT(ettm_tls_handshake(client), ETTM_OK);
  CHECK_INT(SSL_renegotiate(server), 1);
  CHECK_INT(SSL_do_handshake(server), 1); /* HelloRequest is out */
  i = BIO_read(out, bytes, (int)sizeof bytes);
  CHECK_INT(ettm_tls_feed(client, bytes, (size_t)i), ETTM_OK);
  CHECK_INT(ettm_tls_read(client, bytes, sizeof bytes, &n), ETTM_NEED_INPUT);
  CHECK(ettm_tls_peek(client).n > 0);
  CHECK_INT(ettm_tls_peek(client).p[0], 21); /* an alert, not a ClientHello */
  ERR_clear_error();
  SSL_free(server);
  ettm_tls_free(client);
  ettm_tls_context_release(client_context);
  ettm_tls_context_release(server_context);
}

/* The engines' own memory: contexts are made outside, so that only it is counted. */
static ettm_tls_context *shared_client;
static ettm_tls_context *shared_server;

static ettm_status one_conversation(check_heap *h, void *ud) {
  ettm_status status;
  tls_pair p;
  size_t n = 0;
  char got[8];
  (void)ud;
  memset(&p, 0, sizeof p);
  status = ettm_tls_new(&p.client, shared_client, ETTM_LIT("localhost"), &h->alloc);
  if (status == ETTM_OK) {
    status = ettm_tls_new(&p.server, shared_server, ETTM_LIT(""), NULL);
  }
  if (status == ETTM_OK) {
    status = pair_handshake(&p);
  }
  if (status == ETTM_OK) {
    status = ettm_tls_write(p.client, "EHLO x\r\n", 8, &n);
  }
  if (status == ETTM_OK) {
    (void)pair_carry(&p, p.client, p.server);
    CHECK_INT(ettm_tls_read(p.server, got, sizeof got, &n), ETTM_OK);
  }
  /* A failed feed is sticky, so that the next call tells it. */
  pair_free(&p);
  return status;
}

static void every_allocation_may_fail(void) {
  shared_client = make_client_context(identity_local());
  shared_server = make_server_context(identity_local());
  check_every_failure(one_conversation, NULL);
  CHECK_INT(shared_client->references, 1);
  ettm_tls_context_release(shared_client);
  ettm_tls_context_release(shared_server);
}

static void own_memory_has_a_bound(void) {
  check_heap h;
  tls_pair p;
  check_heap_init(&h);
  pair_make_local(&p, 0);
  ettm_tls_free(p.client);
  shared_client = make_client_context(identity_local());
  CHECK_INT(ettm_tls_new(&p.client, shared_client, ETTM_LIT("localhost"), &h.alloc), ETTM_OK);
  ettm_tls_context_release(shared_client);
  CHECK_INT(pair_handshake(&p), ETTM_OK);
  converse(&p, BODY, 1);
  /* Two buffers, each of which may be copied once while it grows. */
  CHECK(h.peak <= 2 * (ETTM_TLS_WIRE + ETTM_TLS_INPUT) + 4096);
  pair_free(&p);
  CHECK_INT(h.blocks, 0);
}

static const check_case cases[] = {
    {"handshakes in any pieces", handshakes_in_any_pieces},
    {"carries bodies in any pieces", carries_bodies_in_any_pieces},
    {"carries both directions at once", carries_both_directions_at_once},
    {"speaks TLS 1.2 where the server has no more", speaks_tls_1_2_where_the_server_has_no_more},
    {"both sides export the same channel binding", both_sides_export_the_same_binding},
    {"says FULL before the wire grows over its bound",
     the_wire_is_full_before_it_grows_over_its_bound},
    {"feed takes all or nothing", feed_takes_all_or_nothing},
    {"reads records that come together one after the other",
     records_that_come_together_are_read_one_after_the_other},
    {"calls an end without close_notify truncated", an_end_without_close_notify_is_truncation},
    {"calls an end within a record truncated", an_end_within_a_record_is_truncation},
    {"calls an end at any octet of the handshake truncated",
     an_end_at_any_octet_of_the_handshake_is_truncation},
    {"fails at a damaged record and lends an alert", a_damaged_record_fails_and_an_alert_is_lent},
    {"tells a server of plain SMTP from one of TLS", a_server_of_plain_smtp_is_told_from_a_tls_one},
    {"tells another protocol from TLS", another_protocol_is_told_from_tls},
    {"fails at garbage in the form of a record", garbage_in_the_form_of_a_record_fails},
    {"sends a name as SNI and an address not", a_name_is_sent_as_sni_and_an_address_is_not},
    {"sends no ALPN", no_protocol_is_offered_by_name},
    {"refuses a name that is none", a_name_that_is_none_is_refused},
    {"needs no name when nothing is verified", a_client_that_verifies_nothing_needs_no_name},
    {"keeps plain text back until the handshake is done", plain_text_waits_for_the_handshake},
    {"queues close_notify once, and writes no more", close_notify_is_queued_once_and_ends_writing},
    {"is not misled by an error that others left", an_error_left_by_others_changes_nothing},
    {"tells the server why it was refused", the_server_hears_why_it_was_refused},
    {"renegotiates with nobody", a_server_that_asks_for_renegotiation_gets_none},
    {"stands any allocation failing", every_allocation_may_fail},
    {"keeps its memory within a bound", own_memory_has_a_bound},
};

CHECK_MAIN("tls_engine", cases)
