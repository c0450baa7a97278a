/* SPDX-License-Identifier: MIT */
#include "tls_pair.h"

/* A context's references stay with the test. */
static void connect_again(tls_pair *p, ettm_tls_context *client, ettm_tls_context *server,
                          const char *name) {
  char plain[64];
  size_t n = 0;
  ettm_tls_context_retain(client);
  ettm_tls_context_retain(server);
  pair_make(p, client, server, name);
  CHECK_INT(pair_handshake(p), ETTM_OK);
  while (pair_carry(p, p->server, p->client)) {
  }
  /* The tickets of TLS 1.3 come in with what is read. */
  CHECK_INT(ettm_tls_read(p->client, plain, sizeof plain, &n), ETTM_NEED_INPUT);
}

static int resumes(ettm_tls_context *client, ettm_tls_context *server, const char *name) {
  tls_pair p;
  int is_resumed;
  connect_again(&p, client, server, name);
  is_resumed = ettm_tls_is_resumed(p.client);
  CHECK_INT(ettm_tls_is_resumed(p.server), is_resumed);
  CHECK(ettm_tls_is_verified(p.client));
  ettm_tls_close(p.client); /* or OpenSSL takes the session for a broken one */
  pair_free(&p);
  return is_resumed;
}

static void a_session_is_of_its_name_only(void) {
  ettm_tls_context *client = make_client_context(identity_local());
  ettm_tls_context *server = make_server_context(identity_local());
  CHECK(!resumes(client, server, "localhost"));
  CHECK(!resumes(client, server, "127.0.0.1"));
  CHECK(resumes(client, server, "localhost"));
  CHECK(resumes(client, server, "127.0.0.1"));
  ettm_tls_context_release(client);
  ettm_tls_context_release(server);
}

static void a_session_is_of_its_context_only(void) {
  ettm_tls_context *client = make_client_context(identity_local());
  ettm_tls_context *other = make_client_context(identity_local());
  ettm_tls_context *server = make_server_context(identity_local());
  CHECK(!resumes(client, server, "localhost"));
  CHECK(!resumes(other, server, "localhost"));
  ettm_tls_context_release(client);
  ettm_tls_context_release(other);
  ettm_tls_context_release(server);
}

static void sessions_are_few_and_the_oldest_goes(void) {
  static const char *const names[] = {"localhost", "Localhost", "lOcalhost",
                                      "loCalhost", "locAlhost", "locaLhost"};
  ettm_tls_context *client = make_client_context(identity_local());
  ettm_tls_context *server = make_server_context(identity_local());
  size_t i;
  for (i = 0; i < 6; i++) {
    CHECK(!resumes(client, server, names[i]));
    CHECK(client->tickets.count <= ETTM_TLS_TICKETS);
  }
  CHECK_INT(client->tickets.count, ETTM_TLS_TICKETS);
  CHECK(resumes(client, server, names[5]));
  CHECK(!resumes(client, server, names[0]));
  ettm_tls_context_release(client);
  ettm_tls_context_release(server);
}

static void a_session_is_out_while_it_is_used(void) {
  ettm_tls_context *client = make_client_context(identity_local());
  ettm_tls_context *server = make_server_context(identity_local());
  size_t before;
  tls_pair p;
  CHECK(!resumes(client, server, "localhost"));
  before = client->tickets.count;
  CHECK(before > 0);
  ettm_tls_context_retain(client);
  ettm_tls_context_retain(server);
  pair_make(&p, client, server, "localhost"); /* offers one, and goes no further */
  CHECK_INT(client->tickets.count, before - 1);
  pair_free(&p);
  CHECK_INT(client->tickets.count, before - 1);
  ettm_tls_context_release(client);
  ettm_tls_context_release(server);
}

static int give_ticket(SSL *ssl, void *ud) {
  (void)ssl;
  (void)ud;
  return 1;
}

/* As Postfix does. */
static SSL_TICKET_RETURN take_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                     size_t n, SSL_TICKET_STATUS status, void *ud) {
  (void)ssl;
  (void)session;
  (void)name;
  (void)n;
  (void)ud;
  return status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW
             ? SSL_TICKET_RETURN_USE
             : SSL_TICKET_RETURN_IGNORE_RENEW;
}

static void a_session_that_is_not_renewed_is_used_again(void) {
  ettm_tls_context *client = make_client_context(identity_local());
  ettm_tls_context *server = make_server_context(identity_local());
  int i;
  SSL_CTX_set_num_tickets(server->ssl, 1);
  SSL_CTX_set_session_ticket_cb(server->ssl, give_ticket, take_ticket, NULL);
  CHECK(!resumes(client, server, "localhost"));
  for (i = 0; i < 5; i++) {
    CHECK(resumes(client, server, "localhost"));
    CHECK_INT(client->tickets.count, 1);
  }
  ettm_tls_context_release(client);
  ettm_tls_context_release(server);
}

static void a_client_that_names_nobody_keeps_none(void) {
  ettm_tls_options o;
  ettm_tls_context *client;
  ettm_tls_context *server = make_server_context(identity_local());
  tls_pair p;
  memset(&o, 0, sizeof o);
  o.insecure_skip_verify = 1;
  client = make_context(&o);
  connect_again(&p, client, server, "");
  CHECK_INT(client->tickets.count, 0);
  pair_free(&p);
  ettm_tls_context_release(client);
  ettm_tls_context_release(server);
}

static const check_case cases[] = {
    {"keeps a session for its name only", a_session_is_of_its_name_only},
    {"keeps a session for its context only", a_session_is_of_its_context_only},
    {"keeps a few sessions and drops the oldest", sessions_are_few_and_the_oldest_goes},
    {"has a session out while it is used", a_session_is_out_while_it_is_used},
    {"uses a session again that is not renewed", a_session_that_is_not_renewed_is_used_again},
    {"keeps none for a peer without a name", a_client_that_names_nobody_keeps_none},
};

CHECK_MAIN("tls_tickets", cases)
