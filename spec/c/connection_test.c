/* SPDX-License-Identifier: MIT */
#include "smtp/connection.h"

#include "check.h"
#include "tls_pair.h"

/* A connection and a server that a test speaks for. */
typedef struct rig {
  ettm_connection *c;
  ettm_tls *server;  /* NULL while it speaks in the clear */
  ettm_buffer reply; /* what it has to say and did not yet */
  ettm_buffer heard; /* what it was told */
  size_t chunk;      /* octets carried at a time; 0: all there are */
  size_t wire_peak;
  ettm_event_kind events[64];
  size_t count;
  int code; /* of the last reply */
  ettm_status status;
} rig;

static void rig_make(rig *r, size_t chunk) {
  memset(r, 0, sizeof *r);
  CHECK_INT(ettm_connection_new(&r->c, NULL, NULL), ETTM_OK);
  ettm_buffer_init(&r->reply, NULL, 1u << 20);
  ettm_buffer_init(&r->heard, NULL, 1u << 20);
  r->chunk = chunk;
}

static void rig_free(rig *r) {
  ettm_connection_free(r->c);
  ettm_tls_free(r->server);
  ettm_buffer_clear(&r->reply);
  ettm_buffer_clear(&r->heard);
  CHECK_INT(ERR_peek_error(), 0);
}

static void start_server(rig *r) {
  ettm_tls_context *c = make_server_context(identity_local());
  CHECK_INT(ettm_tls_new(&r->server, c, ETTM_LIT(""), NULL), ETTM_OK);
  ettm_tls_context_release(c);
}

static ettm_status start_client(rig *r, const char *name) {
  ettm_tls_context *c = make_client_context(identity_local());
  ettm_status status =
      ettm_connection_start_tls(r->c, ettm_tls_methods_of_openssl(), c, text_of(name));
  ettm_tls_context_release(c);
  return status;
}

static void start_both(rig *r) {
  start_server(r);
  CHECK_INT(start_client(r, "localhost"), ETTM_OK);
}

/* All events that there are. */
static void pull(rig *r) {
  ettm_event ev;
  while ((r->status = ettm_connection_next(r->c, &ev)) == ETTM_OK) {
    CHECK(r->count < 64);
    r->events[r->count++ % 64] = ev.kind;
    r->code = ev.reply != NULL ? ev.reply->code : 0;
  }
  CHECK_INT(ERR_peek_error(), 0);
}

static size_t piece_of(const rig *r, size_t n, size_t room) {
  n = r->chunk > 0 && n > r->chunk ? r->chunk : n;
  return n < room ? n : room;
}

static void server_hears(rig *r) {
  char plain[1000];
  size_t n = 0;
  if (r->server == NULL || ettm_tls_handshake(r->server) != ETTM_OK) {
    return;
  }
  while (ettm_tls_read(r->server, plain, sizeof plain, &n) == ETTM_OK) {
    CHECK_INT(ettm_buffer_append(&r->heard, ettm_str_of(plain, n)), ETTM_OK);
  }
}

static void server_speaks(rig *r) {
  ettm_str say = ettm_buffer_view(&r->reply);
  size_t used = 0;
  if (say.n > 0 && r->server != NULL && ettm_tls_write(r->server, say.p, say.n, &used) == ETTM_OK) {
    ettm_buffer_consume(&r->reply, used);
  }
}

static int carry_up(rig *r) {
  ettm_str out = ettm_connection_peek(r->c);
  size_t n = piece_of(r, out.n, r->server != NULL ? ettm_tls_room(r->server) : out.n);
  r->wire_peak = out.n > r->wire_peak ? out.n : r->wire_peak;
  if (n == 0) {
    return 0;
  }
  if (r->server != NULL) {
    (void)!ettm_tls_feed(r->server, out.p, n);
  } else {
    CHECK_INT(ettm_buffer_append(&r->heard, ettm_str_of(out.p, n)), ETTM_OK);
  }
  ettm_connection_skip(r->c, n);
  server_hears(r);
  return 1;
}

static int carry_down(rig *r) {
  ettm_str out = r->server != NULL ? ettm_tls_peek(r->server) : ettm_buffer_view(&r->reply);
  size_t n = piece_of(r, out.n, ettm_connection_room(r->c));
  if (n == 0) {
    return 0;
  }
  (void)!ettm_connection_feed(r->c, out.p, n);
  if (r->server != NULL) {
    ettm_tls_skip(r->server, n);
  } else {
    ettm_buffer_consume(&r->reply, n);
  }
  return 1;
}

/* Until nothing moves. */
static void run(rig *r) {
  int moved;
  do {
    pull(r);
    server_hears(r);
    server_speaks(r);
    moved = carry_up(r);
    pull(r);
    moved += carry_down(r);
  } while (moved > 0);
  pull(r);
}

static void say(rig *r, const char *text) {
  CHECK_INT(ettm_buffer_append(&r->reply, text_of(text)), ETTM_OK);
  run(r);
}

static void command(rig *r, ettm_verb verb, const char *argument) {
  ettm_command c;
  memset(&c, 0, sizeof c);
  c.verb = verb;
  c.argument = text_of(argument);
  CHECK_INT(ettm_session_command(ettm_connection_session(r->c), &c), ETTM_OK);
  run(r);
}

/* What the server was told since the last time. */
static void check_heard(rig *r, const char *wanted, int line) {
  check_str(ettm_buffer_view(&r->heard), text_of(wanted), "heard", __FILE__, line);
  ettm_buffer_consume(&r->heard, ettm_buffer_size(&r->heard));
}
#define CHECK_HEARD(r, wanted) check_heard((r), (wanted), __LINE__)

#define CHECK_LAST(r, kind)                                                                        \
  CHECK_INT((r)->count > 0 ? (int)(r)->events[((r)->count - 1) % 64] : -1, (kind))

static const char offer[] = "250-mail.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n";
static const char offer_tls[] = "250-mail.example\r\n250 PIPELINING\r\n";

/* As far as an EHLO inside implicit TLS. */
static void greet(rig *r, size_t chunk) {
  rig_make(r, chunk);
  start_both(r);
  say(r, "220 mail.example ESMTP\r\n");
  CHECK_LAST(r, ETTM_EVENT_GREETING);
  command(r, ETTM_VERB_EHLO, "client.example");
  CHECK_HEARD(r, "EHLO client.example\r\n");
  say(r, offer_tls);
  CHECK_LAST(r, ETTM_EVENT_CAPABILITIES);
}

/* As far as the 354. */
static void open_body(rig *r, size_t chunk) {
  greet(r, chunk);
  command(r, ETTM_VERB_MAIL, "a@example.com");
  command(r, ETTM_VERB_RCPT, "b@example.com");
  command(r, ETTM_VERB_DATA, "");
  CHECK_HEARD(r, "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n");
  say(r, "250 ok\r\n250 ok\r\n354 go\r\n");
  CHECK_LAST(r, ETTM_EVENT_BODY);
  CHECK(ettm_connection_want(r->c) & ETTM_WANT_BODY);
}

static void send_body(rig *r, const char *text, size_t n) {
  ettm_session *s = ettm_connection_session(r->c);
  size_t done = 0;
  ettm_status status;
  while (done < n) {
    size_t used = 0;
    status = ettm_session_body(s, text + done, n - done, &used);
    CHECK(status == ETTM_OK || status == ETTM_FULL);
    done += used;
    run(r);
  }
  while ((status = ettm_session_body_end(s)) == ETTM_FULL) {
    run(r);
  }
  CHECK_INT(status, ETTM_OK);
  run(r);
}

/* ---- implicit TLS ---- */

static const size_t chunks[] = {0, 1, 7, 3000};

static void implicit_tls_carries_a_whole_dialogue(void) {
  size_t i;
  for (i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
    rig r;
    open_body(&r, chunks[i]);
    CHECK(ettm_tls_is_verified(ettm_connection_tls_of(r.c)->engine));
    send_body(&r, "Subject: x\n\n.dot\n", 17);
    CHECK_HEARD(&r, "Subject: x\r\n\r\n..dot\r\n.\r\n");
    CHECK_INT(ettm_session_fate(ettm_connection_session(r.c)), ETTM_FATE_UNKNOWN);
    say(&r, "250 queued\r\n");
    CHECK_LAST(&r, ETTM_EVENT_SENT);
    command(&r, ETTM_VERB_QUIT, "");
    CHECK_HEARD(&r, "QUIT\r\n");
    say(&r, "221 bye\r\n");
    CHECK_LAST(&r, ETTM_EVENT_CLOSED);
    CHECK_INT(r.status, ETTM_DONE);
    ettm_connection_close(r.c);
    run(&r);
    CHECK_INT(ettm_connection_want(r.c), 0);
    CHECK_INT(ettm_session_fate(ettm_connection_session(r.c)), ETTM_FATE_ACCEPTED);
    rig_free(&r);
  }
}

static void the_handshake_wants_what_it_needs(void) {
  rig r;
  rig_make(&r, 0);
  CHECK_INT(ettm_connection_phase(r.c), ETTM_PHASE_GREETING);
  CHECK(ettm_connection_tls_of(r.c)->engine == NULL);
  start_both(&r);
  CHECK(ettm_connection_tls_of(r.c)->engine != NULL);
  CHECK_INT(ettm_connection_phase(r.c), ETTM_PHASE_TLS);
  CHECK_INT(ettm_connection_want(r.c), ETTM_WANT_WRITE);
  CHECK_INT(ettm_connection_peek(r.c).p[0], 0x16);
  CHECK_INT(carry_up(&r), 1);
  CHECK_INT(ettm_connection_want(r.c), ETTM_WANT_READ);
  CHECK_INT(ettm_tls_handshake(r.server), ETTM_NEED_INPUT);
  CHECK_INT(carry_down(&r), 1);
  pull(&r);
  CHECK_INT(r.status, ETTM_NEED_INPUT);
  CHECK_INT(ettm_connection_phase(r.c), ETTM_PHASE_GREETING);
  CHECK(ettm_connection_want(r.c) & ETTM_WANT_WRITE); /* its Finished */
  CHECK_INT(carry_up(&r), 1);
  CHECK_INT(ettm_connection_want(r.c), ETTM_WANT_READ);
  rig_free(&r);
}

static void a_plain_server_on_a_tls_port_is_told(void) {
  rig r;
  rig_make(&r, 1);
  CHECK_INT(start_client(&r, "localhost"), ETTM_OK);
  (void)carry_up(&r);
  say(&r, "220 mail.example ESMTP\r\n");
  CHECK_INT(r.status, ETTM_E_TLS_MODE);
  CHECK(has(ettm_tls_reason(ettm_connection_tls_of(r.c)->engine), "plain SMTP"));
  CHECK_INT(ettm_connection_want(r.c), 0);
  rig_free(&r);
}

static void a_bad_certificate_stops_everything_but_the_alert(void) {
  rig r;
  ettm_event ev;
  rig_make(&r, 0);
  start_server(&r);
  CHECK_INT(start_client(&r, "other.example"), ETTM_OK);
  CHECK_INT(carry_up(&r), 1);
  (void)!ettm_tls_handshake(r.server);
  CHECK_INT(carry_down(&r), 1);
  pull(&r);
  CHECK_INT(r.status, ETTM_E_TLS_VERIFY);
  CHECK_INT(ettm_connection_next(r.c, &ev), ETTM_E_TLS_VERIFY);
  CHECK_INT(ettm_connection_want(r.c), ETTM_WANT_WRITE);
  CHECK_INT(carry_up(&r), 1);
  CHECK_INT(ettm_connection_want(r.c), 0);
  CHECK_INT(ettm_connection_feed(r.c, "x", 1), ETTM_E_TLS_VERIFY);
  CHECK_INT(ettm_connection_feed_eof(r.c), ETTM_E_TLS_VERIFY);
  CHECK_INT(ettm_tls_handshake(r.server), ETTM_E_TLS);
  CHECK_INT(r.count, 0);
  rig_free(&r);
}

static void the_end_during_the_handshake_is_truncation(void) {
  rig r;
  rig_make(&r, 0);
  start_both(&r);
  CHECK_INT(carry_up(&r), 1);
  CHECK_INT(ettm_connection_feed_eof(r.c), ETTM_OK);
  pull(&r);
  CHECK_INT(r.status, ETTM_E_TRUNCATED);
  CHECK(has(ettm_tls_reason(ettm_connection_tls_of(r.c)->engine), "handshake"));
  rig_free(&r);
}

/* ---- STARTTLS ---- */

static void ask_starttls(rig *r, size_t chunk) {
  rig_make(r, chunk);
  say(r, "220 mail.example ESMTP\r\n");
  command(r, ETTM_VERB_EHLO, "client.example");
  say(r, offer);
  command(r, ETTM_VERB_STARTTLS, "");
  CHECK_HEARD(r, "EHLO client.example\r\nSTARTTLS\r\n");
}

static void starttls_goes_over_to_tls_and_asks_again(void) {
  size_t i;
  for (i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
    rig r;
    ask_starttls(&r, chunks[i]);
    say(&r, "220 go ahead\r\n");
    CHECK_LAST(&r, ETTM_EVENT_STARTTLS);
    CHECK_INT(ettm_connection_phase(r.c), ETTM_PHASE_TLS);
    CHECK_INT(ettm_connection_want(r.c), ETTM_WANT_TLS);
    start_both(&r);
    run(&r);
    CHECK_INT(r.status, ETTM_NEED_INPUT);
    CHECK_INT(ettm_connection_phase(r.c), ETTM_PHASE_IDLE);
    CHECK_INT(ettm_session_capabilities(ettm_connection_session(r.c))->known, 0);
    command(&r, ETTM_VERB_EHLO, "client.example");
    CHECK_HEARD(&r, "EHLO client.example\r\n");
    say(&r, offer_tls);
    CHECK_LAST(&r, ETTM_EVENT_CAPABILITIES);
    rig_free(&r);
  }
}

static void ehlo_rides_with_the_end_of_the_handshake(void) {
  rig r;
  ask_starttls(&r, 0);
  say(&r, "220 go ahead\r\n");
  start_both(&r);
  CHECK_INT(carry_up(&r), 1);
  CHECK_INT(ettm_tls_handshake(r.server), ETTM_NEED_INPUT);
  CHECK_INT(carry_down(&r), 1);
  pull(&r);
  CHECK(ettm_connection_want(r.c) & ETTM_WANT_COMMAND);
  {
    ettm_command c;
    memset(&c, 0, sizeof c);
    c.verb = ETTM_VERB_EHLO;
    c.argument = ETTM_LIT("client.example");
    CHECK_INT(ettm_session_command(ettm_connection_session(r.c), &c), ETTM_OK);
  }
  CHECK_INT(carry_up(&r), 1); /* one flight: Finished and EHLO */
  CHECK_HEARD(&r, "EHLO client.example\r\n");
  rig_free(&r);
}

static void octets_in_the_clear_behind_the_220_end_it(void) {
  rig r;
  ask_starttls(&r, 0);
  say(&r, "220 go ahead\r\n250-AUTH PLAIN\r\n");
  CHECK_INT(r.status, ETTM_E_INJECTED);
  CHECK_INT(start_client(&r, "localhost"), ETTM_E_STATE);
  CHECK_INT(ettm_connection_want(r.c), 0);
  rig_free(&r);
  /* In a segment of their own, before TLS is started: nobody wants them. */
  ask_starttls(&r, 0);
  say(&r, "220 go ahead\r\n");
  CHECK_INT(ettm_connection_room(r.c), 0);
  CHECK_INT(ettm_connection_feed(r.c, "25", 2), ETTM_E_STATE);
  /* And after it is started they are no TLS. */
  CHECK_INT(start_client(&r, "localhost"), ETTM_OK);
  CHECK_INT(ettm_connection_feed(r.c, "25", 2), ETTM_OK);
  pull(&r);
  CHECK_INT(r.status, ETTM_E_TLS_MODE);
  rig_free(&r);
}

static void garbage_after_the_220_fails_and_nothing_is_sent(void) {
  rig r;
  ask_starttls(&r, 0);
  say(&r, "220 go ahead\r\n");
  CHECK_INT(start_client(&r, "localhost"), ETTM_OK);
  (void)carry_up(&r);
  ettm_buffer_consume(&r.heard, ettm_buffer_size(&r.heard));
  say(&r, "454 TLS not available\r\n");
  CHECK_INT(r.status, ETTM_E_TLS_MODE);
  CHECK_HEARD(&r, "");
  rig_free(&r);
}

static void tls_starts_once_and_in_its_place(void) {
  rig r;
  rig_make(&r, 0);
  say(&r, "220 mail.example ESMTP\r\n");
  CHECK_INT(start_client(&r, "localhost"), ETTM_E_STATE);
  rig_free(&r);
  rig_make(&r, 0);
  CHECK_INT(start_client(&r, ""), ETTM_E_ARGUMENT);
  CHECK_INT(start_client(&r, "localhost"), ETTM_OK);
  CHECK_INT(start_client(&r, "localhost"), ETTM_E_STATE);
  rig_free(&r);
}

/* ---- bodies and bounds ---- */

static void a_large_body_goes_through_a_bounded_wire(void) {
  static char body[150000];
  rig r;
  ettm_str heard;
  size_t i;
  for (i = 0; i < sizeof body; i++) {
    body[i] = (char)(i % 50 == 49 ? '\n' : 'a' + (int)(i % 23));
  }
  open_body(&r, 0);
  send_body(&r, body, sizeof body);
  heard = ettm_buffer_view(&r.heard);
  CHECK_INT(heard.n, sizeof body + sizeof body / 50 + 3);
  CHECK_STR(ettm_str_of(heard.p + heard.n - 5, 5), ETTM_LIT("\r\n.\r\n"));
  CHECK(r.wire_peak <= ETTM_TLS_WIRE);
  say(&r, "250 queued\r\n");
  CHECK_LAST(&r, ETTM_EVENT_SENT);
  rig_free(&r);
}

static void a_driver_that_does_not_write_fills_a_bounded_memory(void) {
  static char body[300000];
  rig r;
  size_t used = 0;
  size_t taken = 0;
  memset(body, 'x', sizeof body);
  memcpy(body + 900, "\n", 1);
  open_body(&r, 0);
  while (taken < sizeof body &&
         ettm_session_body(ettm_connection_session(r.c), body + taken, 900, &used) == ETTM_OK) {
    taken += used;
    (void)ettm_connection_peek(r.c); /* moves into the engine, sends nothing */
  }
  CHECK(taken < sizeof body);
  CHECK(ettm_connection_peek(r.c).n <= ETTM_TLS_WIRE);
  CHECK_INT(ettm_session_fate(ettm_connection_session(r.c)), ETTM_FATE_NOT_SENT);
  rig_free(&r);
}

static void a_reply_larger_than_the_sessions_room_is_taken_in_parts(void) {
  rig r;
  size_t i;
  greet(&r, 0);
  command(&r, ETTM_VERB_HELP, "");
  for (i = 0; i < 100; i++) {
    char line[202];
    memcpy(line, "214-", 4);
    memset(line + 4, 'h', 195);
    memcpy(line + 199, "\r\n", 3);
    CHECK_INT(ettm_buffer_append(&r.reply, text_of(line)), ETTM_OK);
  }
  say(&r, "214 end\r\n");
  CHECK_LAST(&r, ETTM_EVENT_REPLY);
  CHECK_INT(r.code, 214);
  rig_free(&r);
}

static void feed_takes_all_or_nothing(void) {
  static char much[ETTM_TLS_INPUT + 1];
  rig r;
  greet(&r, 0);
  CHECK_INT(ettm_connection_room(r.c), ETTM_TLS_INPUT);
  CHECK_INT(ettm_connection_feed(r.c, much, sizeof much), ETTM_FULL);
  CHECK_INT(ettm_connection_room(r.c), ETTM_TLS_INPUT);
  rig_free(&r);
}

/* ---- the end ---- */

static void end_here(rig *r) {
  CHECK_INT(ettm_connection_feed_eof(r->c), ETTM_OK);
  pull(r);
}

static void an_end_before_the_reply_is_truncation(void) {
  rig r;
  open_body(&r, 0);
  send_body(&r, "x\n", 2);
  CHECK_INT(ettm_buffer_append(&r.reply, ETTM_LIT("250 que")), ETTM_OK);
  run(&r);
  end_here(&r);
  CHECK_INT(r.status, ETTM_E_TRUNCATED);
  CHECK_INT(ettm_session_fate(ettm_connection_session(r.c)), ETTM_FATE_UNKNOWN);
  CHECK_INT(ettm_connection_want(r.c) & ~(unsigned)ETTM_WANT_WRITE, 0); /* an alert, maybe */
  rig_free(&r);
}

static void a_reply_that_came_with_the_end_counts(void) {
  rig r;
  open_body(&r, 0);
  send_body(&r, "x\n", 2);
  CHECK_INT(ettm_buffer_append(&r.reply, ETTM_LIT("250 queued\r\n")), ETTM_OK);
  server_speaks(&r);
  CHECK_INT(carry_down(&r), 1);
  end_here(&r); /* no close_notify */
  CHECK_INT(r.events[r.count - 2], ETTM_EVENT_SENT);
  CHECK_LAST(&r, ETTM_EVENT_CLOSED);
  CHECK_INT(r.status, ETTM_DONE);
  CHECK_INT(ettm_session_fate(ettm_connection_session(r.c)), ETTM_FATE_ACCEPTED);
  rig_free(&r);
}

static void an_end_after_quit_is_no_error(void) {
  rig r;
  greet(&r, 0);
  command(&r, ETTM_VERB_QUIT, "");
  end_here(&r);
  CHECK_LAST(&r, ETTM_EVENT_CLOSED);
  CHECK_INT(r.status, ETTM_DONE);
  rig_free(&r);
  greet(&r, 0);
  command(&r, ETTM_VERB_QUIT, "");
  say(&r, "221 bye\r\n");
  CHECK_INT(r.status, ETTM_DONE);
  CHECK_INT(ettm_connection_feed_eof(r.c), ETTM_OK);
  pull(&r);
  CHECK_INT(r.status, ETTM_DONE);
  rig_free(&r);
}

static void rubbish_after_quit_is_no_error(void) {
  rig r;
  greet(&r, 0);
  command(&r, ETTM_VERB_QUIT, "");
  CHECK_INT(ettm_connection_feed(r.c, "221 in the clear\r\n", 18), ETTM_OK);
  pull(&r);
  CHECK_LAST(&r, ETTM_EVENT_CLOSED);
  CHECK_INT(r.status, ETTM_DONE);
  rig_free(&r);
}

static void close_notify_in_the_middle_is_a_close(void) {
  rig r;
  greet(&r, 0);
  command(&r, ETTM_VERB_NOOP, "");
  ettm_tls_close(r.server);
  run(&r);
  CHECK_INT(r.status, ETTM_E_CLOSED);
  rig_free(&r);
}

static void rubbish_in_the_middle_fails(void) {
  rig r;
  greet(&r, 0);
  command(&r, ETTM_VERB_NOOP, "");
  CHECK_INT(ettm_connection_feed(r.c, "250 in the clear\r\n", 18), ETTM_OK);
  pull(&r);
  CHECK_INT(r.status, ETTM_E_TLS);
  CHECK_INT(ettm_connection_want(r.c), ETTM_WANT_WRITE); /* the alert */
  rig_free(&r);
}

static void close_queues_close_notify_behind_what_waits(void) {
  rig r;
  ettm_command c;
  char plain[8];
  size_t n = 0;
  greet(&r, 0);
  memset(&c, 0, sizeof c);
  c.verb = ETTM_VERB_QUIT;
  CHECK_INT(ettm_session_command(ettm_connection_session(r.c), &c), ETTM_OK);
  ettm_connection_close(r.c);
  ettm_connection_close(r.c);
  run(&r);
  CHECK_HEARD(&r, "QUIT\r\n");
  CHECK_INT(ettm_tls_read(r.server, plain, sizeof plain, &n), ETTM_DONE);
  rig_free(&r);
}

static void a_plain_connection_needs_no_engine(void) {
  rig r;
  rig_make(&r, 1);
  say(&r, "220 mail.example ESMTP\r\n");
  CHECK_LAST(&r, ETTM_EVENT_GREETING);
  ettm_connection_close(r.c);
  command(&r, ETTM_VERB_QUIT, "");
  CHECK_HEARD(&r, "QUIT\r\n");
  end_here(&r);
  CHECK_INT(r.status, ETTM_DONE);
  rig_free(&r);
}

/* ---- memory ---- */

static ettm_tls_context *shared_client;
static ettm_tls_context *shared_server;

static ettm_status talk(rig *r) {
  ettm_command c;
  ettm_status status = ettm_connection_start_tls(r->c, ettm_tls_methods_of_openssl(), shared_client,
                                                 ETTM_LIT("localhost"));
  if (status != ETTM_OK) {
    return status;
  }
  say(r, "220 mail.example ESMTP\r\n");
  if (r->status != ETTM_NEED_INPUT) {
    return r->status;
  }
  memset(&c, 0, sizeof c);
  c.verb = ETTM_VERB_EHLO;
  c.argument = ETTM_LIT("client.example");
  status = ettm_session_command(ettm_connection_session(r->c), &c);
  if (status != ETTM_OK) {
    return status;
  }
  run(r);
  say(r, offer_tls);
  return r->status == ETTM_NEED_INPUT ? ETTM_OK : r->status;
}

static ettm_status talk_once(check_heap *h) {
  rig r;
  ettm_status status;
  memset(&r, 0, sizeof r);
  ettm_buffer_init(&r.reply, NULL, 65536);
  ettm_buffer_init(&r.heard, NULL, 65536);
  status = ettm_connection_new(&r.c, NULL, &h->alloc);
  if (status == ETTM_OK) {
    CHECK_INT(ettm_tls_new(&r.server, shared_server, ETTM_LIT(""), NULL), ETTM_OK);
    status = talk(&r);
  }
  rig_free(&r);
  return status;
}

/* Not check_every_failure: the transcript does without what there is no memory for, so a run with a
 * failure may come to a good end. */
static void every_allocation_may_fail(void) {
  check_heap h;
  long i = 0;
  int failed = 0;
  shared_client = make_client_context(identity_local());
  shared_server = make_server_context(identity_local());
  do {
    ettm_status status;
    check_heap_init(&h);
    h.fail_at = i;
    status = talk_once(&h);
    CHECK(status == ETTM_OK || status == ETTM_E_MEMORY);
    CHECK_INT(h.blocks, 0);
    failed += status == ETTM_E_MEMORY;
  } while (h.calls > i++);
  CHECK(failed > 8);
  CHECK_INT(shared_client->references, 1);
  ettm_tls_context_release(shared_client);
  ettm_tls_context_release(shared_server);
}

static const check_case cases[] = {
    {"carries a whole dialogue through implicit TLS, in any pieces",
     implicit_tls_carries_a_whole_dialogue},
    {"wants what the handshake needs", the_handshake_wants_what_it_needs},
    {"tells a plain server on a TLS port", a_plain_server_on_a_tls_port_is_told},
    {"stops everything but the alert at a bad certificate",
     a_bad_certificate_stops_everything_but_the_alert},
    {"calls an end during the handshake truncated", the_end_during_the_handshake_is_truncation},
    {"goes over to TLS with STARTTLS and asks again, in any pieces",
     starttls_goes_over_to_tls_and_asks_again},
    {"lets EHLO ride with the end of the handshake", ehlo_rides_with_the_end_of_the_handshake},
    {"ends at octets in the clear behind the 220", octets_in_the_clear_behind_the_220_end_it},
    {"fails at garbage after the 220 and sends nothing",
     garbage_after_the_220_fails_and_nothing_is_sent},
    {"starts TLS once and in its place only", tls_starts_once_and_in_its_place},
    {"sends a large body through a bounded wire", a_large_body_goes_through_a_bounded_wire},
    {"fills a bounded memory when nothing is written",
     a_driver_that_does_not_write_fills_a_bounded_memory},
    {"takes a reply larger than the session's room in parts",
     a_reply_larger_than_the_sessions_room_is_taken_in_parts},
    {"takes all or nothing that is fed", feed_takes_all_or_nothing},
    {"calls an end before the reply truncated", an_end_before_the_reply_is_truncation},
    {"counts a reply that came with the end", a_reply_that_came_with_the_end_counts},
    {"takes an end after QUIT for no error", an_end_after_quit_is_no_error},
    {"takes rubbish after QUIT for no error", rubbish_after_quit_is_no_error},
    {"calls a close_notify in the middle a close", close_notify_in_the_middle_is_a_close},
    {"fails at rubbish in the middle", rubbish_in_the_middle_fails},
    {"queues close_notify behind what waits", close_queues_close_notify_behind_what_waits},
    {"needs no engine for a plain connection", a_plain_connection_needs_no_engine},
    {"stands any allocation failing", every_allocation_may_fail},
};

CHECK_MAIN("connection", cases)
