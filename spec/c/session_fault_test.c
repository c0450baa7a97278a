/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "dialogue.h"

#define OPEN                                                                                       \
  "S: 220 mx.example ESMTP\n"                                                                      \
  "E: GREETING greeting 220 #0\n"                                                                  \
  "> EHLO client.example\n"                                                                        \
  "C: EHLO client.example\n"                                                                       \
  "S: 250-mx.example\n"                                                                            \
  "S: 250-PIPELINING\n"                                                                            \
  "S: 250-STARTTLS\n"                                                                              \
  "S: 250 AUTH PLAIN LOGIN\n"                                                                      \
  "E: CAPABILITIES EHLO 250 #1\n"
#define TRANSACTION                                                                                \
  "> MAIL a@b.example\n"                                                                           \
  "> RCPT c@d.example\n"                                                                           \
  "> DATA\n"                                                                                       \
  "C: MAIL FROM:<a@b.example>\n"                                                                   \
  "C: RCPT TO:<c@d.example>\n"                                                                     \
  "C: DATA\n"
#define ACCEPTED_354                                                                               \
  "S: 250 ok\n"                                                                                    \
  "S: 250 ok\n"                                                                                    \
  "S: 354 go\n"                                                                                    \
  "E: MAIL MAIL 250 #2\n"                                                                          \
  "E: RCPT RCPT 250 #3\n"                                                                          \
  "E: BODY DATA 354 #4\n"

static void play(const char *script) {
  dialogue_play_all_ways(script, NULL);
}

/* Opens a session, greeted and with capabilities. */
static void open_dialogue(dialogue *d, const char *script) {
  dialogue_open(d, NULL, NULL);
  dialogue_play(d, script);
}

static ettm_status command(dialogue *d, const char *text) {
  ettm_command c = dialogue_command(text, strlen(text));
  return ettm_session_command(d->s, &c);
}

static void refuses_unexpected_replies(void) {
  play(OPEN "S: 250 hello\n=: PROTOCOL\nP: idle\nW: -\n");
  play(OPEN "S: 550 hello\n=: PROTOCOL\n");
  play(OPEN "> NOOP\nC: NOOP\nS: 250 ok\nS: 250 ok\nE: REPLY command 250 #2\n=: PROTOCOL\n");
  play(OPEN TRANSACTION ACCEPTED_354 "B: x\nC: x\nS: 250 ok\n=: PROTOCOL\nF: NOT_SENT\nP: body\n");
  play(OPEN "> AUTH LOGIN\nC: AUTH LOGIN\nS: 334\nE: CHALLENGE AUTH 334 #2\nS: 235 in\n"
            "=: PROTOCOL\n");
  play(OPEN TRANSACTION "S: 250 ok\nS: 250 ok\nS: 250 strange\nE: MAIL MAIL 250 #2\n"
                        "E: RCPT RCPT 250 #3\n=: PROTOCOL\nP: DATA\n");
  play("S: 199 x\n=: PROTOCOL\n");
  play("S: 2202 x\n=: PROTOCOL\nP: greeting\n");
}

static void refuses_replies_before_commands(void) {
  dialogue d;
  ettm_event ev;
  open_dialogue(&d, OPEN);
  CHECK_INT(command(&d, "MAIL a@b.example"), ETTM_OK);
  CHECK_INT(ettm_session_want(d.s), ETTM_WANT_READ | ETTM_WANT_WRITE);
  ettm_session_skip(d.s, ettm_session_peek(d.s).n - 1); /* all but its LF */
  CHECK_INT(ettm_session_feed(d.s, "250 ok\r\n", 8), ETTM_OK);
  CHECK_INT(ettm_session_next(d.s, &ev), ETTM_E_PROTOCOL);
  dialogue_close(&d);
}

static void takes_refusals_of_half_a_content(void) {
  play(OPEN TRANSACTION ACCEPTED_354 "B: x\nC: x\nS: 552 too much\nE: REFUSED body 552 #4\n"
                                     "F: REFUSED\nW: -\nP: closed\n");
  play(OPEN TRANSACTION ACCEPTED_354 "B: x\nC: x\nS: 451 not now\nE: REFUSED body 451 #4\n"
                                     "F: REFUSED\nW: -\n");
}

/* The end is queued, but not out: the server cannot have read it. */
static void takes_refusals_before_the_end_is_out(void) {
  dialogue d;
  ettm_event ev;
  size_t used;
  open_dialogue(&d, OPEN TRANSACTION ACCEPTED_354);
  CHECK_INT(ettm_session_body(d.s, "text", 4, &used), ETTM_OK);
  CHECK_INT(ettm_session_body_end(d.s), ETTM_OK);
  ettm_session_skip(d.s, ettm_session_peek(d.s).n - 1);
  CHECK_INT(ettm_session_feed(d.s, "554 no\r\n", 8), ETTM_OK);
  CHECK_INT(ettm_session_next(d.s, &ev), ETTM_OK);
  CHECK_INT(ev.kind, ETTM_EVENT_REFUSED);
  CHECK_INT(ev.reply->code, 554);
  CHECK_INT(ettm_session_fate(d.s), ETTM_FATE_REFUSED);
  CHECK_INT(ettm_session_want(d.s), 0);
  CHECK_INT(ettm_session_next(d.s, &ev), ETTM_DONE);
  dialogue_close(&d);
}

static void refuses_354_without_sender(void) {
  play(OPEN TRANSACTION "S: 550 no\nS: 250 ok\nS: 354 go\nE: REFUSED MAIL 550 #2\n"
                        "E: RCPT RCPT 250 #3\n=: PROTOCOL\nW: -\nF: NOT_SENT\n");
  play(OPEN "> DATA\nC: DATA\nS: 354 go\n=: PROTOCOL\n");
  play(OPEN "> MAIL a@b.example\n> RCPT c@d.example\n> RSET\n> DATA\n"
            "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<c@d.example>\nC: RSET\nC: DATA\n"
            "S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\n"
            "E: MAIL MAIL 250 #2\nE: RCPT RCPT 250 #3\nE: REPLY RSET 250 #4\n=: PROTOCOL\n");
}

#define NOBODY                                                                                     \
  OPEN TRANSACTION "S: 250 ok\n"                                                                   \
                   "S: 550 no\n"                                                                   \
                   "S: 354 go\n"                                                                   \
                   "E: MAIL MAIL 250 #2\n"                                                         \
                   "E: REFUSED RCPT 550 #3\n"                                                      \
                   "P: final\n"                                                                    \
                   "C: .\n"                                                                        \
                   "W: R\n"

static void ends_empty_content_itself(void) {
  play(NOBODY "S: 250 queued\nE: REFUSED DATA 250 #4\nF: NOT_SENT\nW: C\n");
  play(NOBODY "S: 554 no recipients\nE: REFUSED DATA 554 #4\nF: NOT_SENT\nW: C\n");
  play(NOBODY "S: 421 bye\nE: SHUTDOWN final 421 #4\nF: NOT_SENT\n");
  play(NOBODY "EOF.\n=: CLOSED\nF: NOT_SENT\n");
}

static void counts_recipients_anew(void) {
  play(OPEN TRANSACTION ACCEPTED_354 "B: x\nB.\nC: x\nC: .\nS: 250 ok\nE: SENT final 250 #4\n"
                                     "> MAIL a@b.example\n> RCPT c@d.example\n> DATA\n"
                                     "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<c@d.example>\n"
                                     "C: DATA\nS: 250 ok\nS: 550 no\nS: 354 go\n"
                                     "E: MAIL MAIL 250 #5\nE: REFUSED RCPT 550 #6\nC: .\n"
                                     "S: 250 ok\nE: REFUSED DATA 250 #7\nF: ACCEPTED\n");
}

static void closes_on_eof(void) {
  play("EOF.\n=: CLOSED\nP: greeting\n");
  play(OPEN "EOF.\nE: CLOSED idle - #0\n=: DONE\nP: closed\nW: -\n");
  play(OPEN "> NOOP\nC: NOOP\nEOF.\n=: CLOSED\nP: command\nW: -\n");
  play(OPEN "> QUIT\nC: QUIT\nEOF.\nE: CLOSED QUIT - #2\n=: DONE\n");
  play(OPEN "> STARTTLS\nC: STARTTLS\nS: 220 go\nE: STARTTLS STARTTLS 220 #2\nEOF.\n=: CLOSED\n"
            "P: TLS\n");
  play(OPEN TRANSACTION "S: 250 ok\nE: MAIL MAIL 250 #2\nEOF.\n=: CLOSED\nP: RCPT\nF: NOT_SENT\n");
  play(OPEN TRANSACTION ACCEPTED_354 "B: x\nC: x\nEOF.\n=: CLOSED\nP: body\nF: NOT_SENT\n");
  play(OPEN TRANSACTION ACCEPTED_354 "B: x\nB.\nC: x\nC: .\nEOF.\n=: CLOSED\nP: final\n"
                                     "F: UNKNOWN\n");
  play(OPEN TRANSACTION ACCEPTED_354 "B: x\nB.\nC: x\nC: .\nS: 250 ok\nE: SENT final 250 #4\n"
                                     "EOF.\nE: CLOSED idle - #0\nF: ACCEPTED\n");
}

static void believes_no_cut_reply(void) {
  static const char *const cuts[] = {"2", "25", "250", "250 ok", "250 ok\r", "250-ok\r\n"};
  size_t i;
  for (i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
    dialogue d;
    ettm_event ev;
    open_dialogue(&d, OPEN TRANSACTION ACCEPTED_354 "B: x\nB.\nC: x\nC: .\n");
    CHECK_INT(ettm_session_feed(d.s, cuts[i], strlen(cuts[i])), ETTM_OK);
    CHECK_INT(ettm_session_next(d.s, &ev), ETTM_NEED_INPUT);
    CHECK_INT(ettm_session_feed_eof(d.s), ETTM_OK);
    CHECK_INT(ettm_session_next(d.s, &ev), ETTM_E_CLOSED);
    CHECK_INT(ettm_session_fate(d.s), ETTM_FATE_UNKNOWN);
    dialogue_close(&d);
    open_dialogue(&d, OPEN);
    CHECK_INT(ettm_session_feed(d.s, cuts[i], strlen(cuts[i])), ETTM_OK);
    CHECK_INT(ettm_session_feed_eof(d.s), ETTM_OK);
    CHECK_INT(ettm_session_next(d.s, &ev), ETTM_E_CLOSED);
    dialogue_close(&d);
    open_dialogue(&d, OPEN "> QUIT\nC: QUIT\n");
    CHECK_INT(ettm_session_feed(d.s, cuts[i], strlen(cuts[i])), ETTM_OK);
    CHECK_INT(ettm_session_feed_eof(d.s), ETTM_OK);
    CHECK_INT(ettm_session_next(d.s, &ev), ETTM_OK);
    CHECK_INT(ev.kind, ETTM_EVENT_CLOSED);
    CHECK_INT(ettm_session_next(d.s, &ev), ETTM_DONE);
    dialogue_close(&d);
  }
}

static void bounds_replies(void) {
  dialogue d;
  ettm_event ev;
  ettm_status status = ETTM_NEED_INPUT;
  int i;
  open_dialogue(&d, OPEN "> NOOP\nC: NOOP\n");
  for (i = 0; i < 100000 && status == ETTM_NEED_INPUT; i++) {
    CHECK_INT(ettm_session_feed(d.s, "250-more\r\n", 10), ETTM_OK);
    status = ettm_session_next(d.s, &ev);
  }
  CHECK_INT(status, ETTM_E_REPLY_SIZE);
  dialogue_close(&d);
}

static void refuses_injected_input(void) {
  static const char *const behind[] = {"2",  "250-AUTH PLAIN\r\n", "\x16\x03", "\r\n",
                                       "\n", "421 x\r\n"};
  size_t i;
  for (i = 0; i < sizeof behind / sizeof behind[0]; i++) {
    dialogue d;
    ettm_event ev;
    char in[64] = "220 go\r\n";
    strcat(in, behind[i]);
    open_dialogue(&d, OPEN "> STARTTLS\nC: STARTTLS\n");
    CHECK_INT(ettm_session_feed(d.s, in, strlen(in)), ETTM_OK);
    CHECK_INT(ettm_session_next(d.s, &ev), ETTM_E_INJECTED);
    CHECK_INT(ettm_session_want(d.s), 0);
    CHECK_INT(ettm_session_tls_done(d.s), ETTM_E_INJECTED);
    dialogue_close(&d);
  }
}

static void takes_nothing_while_tls_is_due(void) {
  dialogue d;
  open_dialogue(&d, OPEN "> STARTTLS\nC: STARTTLS\nS: 220 go\nE: STARTTLS STARTTLS 220 #2\n");
  CHECK_INT(ettm_session_room(d.s), 0);
  CHECK_INT(ettm_session_feed(d.s, "250 x\r\n", 7), ETTM_E_STATE);
  CHECK_INT(command(&d, "EHLO client.example"), ETTM_E_STATE);
  CHECK_INT(ettm_session_peek(d.s).n, 0);
  CHECK_INT(ettm_session_tls_done(d.s), ETTM_OK);
  CHECK_INT(ettm_session_capabilities(d.s)->known, 0);
  CHECK_STR(ettm_capabilities_view(ettm_session_capabilities(d.s)), ETTM_LIT(""));
  CHECK_INT(ettm_session_tls_done(d.s), ETTM_E_STATE);
  CHECK_INT(command(&d, "STARTTLS"), ETTM_E_STATE);
  CHECK_INT(command(&d, "AUTH PLAIN"), ETTM_E_NOT_OFFERED);
  dialogue_close(&d);
}

static void refuses_commands_out_of_place(void) {
  dialogue d;
  size_t used;
  open_dialogue(&d, OPEN);
  CHECK_INT(ettm_session_body(d.s, "x", 1, &used), ETTM_E_STATE);
  CHECK_INT(ettm_session_body_end(d.s), ETTM_E_STATE);
  CHECK_INT(ettm_session_respond(d.s, ETTM_LIT("AAAA")), ETTM_E_STATE);
  CHECK_INT(ettm_session_tls_done(d.s), ETTM_E_STATE);
  CHECK_INT(command(&d, "STARTTLS"), ETTM_OK);
  CHECK_INT(command(&d, "NOOP"), ETTM_E_STATE);
  ettm_session_rewind(d.s, 0);
  CHECK_INT(command(&d, "QUIT"), ETTM_OK);
  CHECK_INT(command(&d, "NOOP"), ETTM_E_STATE);
  dialogue_close(&d);
  open_dialogue(&d, "S: 554 no\nE: REFUSED greeting 554 #0\n");
  CHECK_INT(command(&d, "EHLO client.example"), ETTM_E_STATE);
  CHECK_INT(command(&d, "QUIT"), ETTM_OK);
  dialogue_close(&d);
  open_dialogue(&d, OPEN "S: 421 bye\nE: SHUTDOWN idle 421 #0\n");
  CHECK_INT(command(&d, "NOOP"), ETTM_E_STATE);
  CHECK_INT(ettm_session_feed(d.s, "x", 1), ETTM_E_STATE);
  CHECK_INT(ettm_session_room(d.s), 0);
  dialogue_close(&d);
  open_dialogue(&d, OPEN "S: 250 what\n=: PROTOCOL\n");
  CHECK_INT(command(&d, "NOOP"), ETTM_E_PROTOCOL);
  CHECK_INT(ettm_session_feed(d.s, "x", 1), ETTM_E_PROTOCOL);
  CHECK_INT(ettm_session_body_end(d.s), ETTM_E_PROTOCOL);
  dialogue_close(&d);
}

static void refuses_what_is_not_offered(void) {
  static const char *const commands[] = {"MAIL a@b.example | SIZE=1",
                                         "MAIL a@b.example | BODY=8BITMIME",
                                         "MAIL a@b.example | RET=HDRS",
                                         "RCPT a@b.example | NOTIFY=NEVER",
                                         "EXPN list",
                                         "MAIL a@b.example | XFOO=1"};
  dialogue d;
  ettm_command c = dialogue_command("MAIL a@b.example", 16);
  size_t i;
  open_dialogue(&d, OPEN);
  for (i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    CHECK_INT(command(&d, commands[i]), ETTM_E_NOT_OFFERED);
  }
  c.utf8 = 1;
  CHECK_INT(ettm_session_command(d.s, &c), ETTM_E_NOT_OFFERED);
  CHECK_INT(command(&d, "MAIL a@b.example | AUTH=<>"), ETTM_OK);
  CHECK_INT(command(&d, "VRFY x"), ETTM_OK);
  dialogue_close(&d);
  open_dialogue(&d, "S: 220 x\nE: GREETING greeting 220 #0\n");
  CHECK_INT(command(&d, "STARTTLS"), ETTM_E_NOT_OFFERED);
  CHECK_INT(command(&d, "MAIL a@b.example | AUTH=<>"), ETTM_E_NOT_OFFERED);
  dialogue_close(&d);
}

static void queues_nothing_of_bad_commands(void) {
  static const char bad[] = {'\0', '\r', '\n', '\t', '\x1B', '\x7F'};
  dialogue d;
  size_t i;
  open_dialogue(&d, OPEN);
  for (i = 0; i < sizeof bad; i++) {
    char text[] = "RCPT a?b@c.example";
    ettm_command c;
    text[6] = bad[i];
    c = dialogue_command(text, sizeof text - 1);
    CHECK_INT(ettm_session_command(d.s, &c), ETTM_E_UNSAFE);
    CHECK_INT(ettm_session_want(d.s), ETTM_WANT_COMMAND);
    CHECK_INT(ettm_session_peek(d.s).n, 0);
  }
  dialogue_close(&d);
}

static void refuses_bad_responses(void) {
  static char huge[ETTM_AUTH_LINE];
  dialogue d;
  memset(huge, 'A', sizeof huge);
  open_dialogue(&d, OPEN "> AUTH LOGIN\nC: AUTH LOGIN\nS: 334\nE: CHALLENGE AUTH 334 #2\n");
  CHECK_INT(ettm_session_respond(d.s, ETTM_LIT("AA\r\n")), ETTM_E_UNSAFE);
  CHECK_INT(ettm_session_respond(d.s, ETTM_LIT("A\0AA")), ETTM_E_UNSAFE);
  CHECK_INT(ettm_session_respond(d.s, ETTM_LIT("AAA")), ETTM_E_UNSAFE);
  CHECK_INT(ettm_session_respond(d.s, ettm_str_of(huge, sizeof huge)), ETTM_E_LIMIT);
  CHECK_INT(ettm_session_want(d.s), ETTM_WANT_COMMAND);
  CHECK_INT(ettm_session_respond(d.s, ettm_str_of(huge, sizeof huge - 4)), ETTM_OK);
  CHECK_INT(ettm_session_respond(d.s, ETTM_LIT("AAAA")), ETTM_E_STATE);
  CHECK_INT(ettm_session_peek(d.s).n, sizeof huge - 2);
  dialogue_close(&d);
}

static void takes_back_to_mark(void) {
  dialogue d;
  size_t mark;
  open_dialogue(&d, OPEN);
  CHECK_INT(command(&d, "RSET"), ETTM_OK);
  mark = ettm_session_mark(d.s);
  CHECK_INT(command(&d, "MAIL a@b.example"), ETTM_OK);
  CHECK_INT(command(&d, "RCPT c@d.example"), ETTM_OK);
  CHECK_INT(command(&d, "RCPT c d@e"), ETTM_E_ADDRESS);
  ettm_session_rewind(d.s, mark);
  CHECK_INT(command(&d, "NOOP"), ETTM_OK);
  CHECK_STR(ettm_session_peek(d.s), ETTM_LIT("RSET\r\nNOOP\r\n"));
  ettm_session_rewind(d.s, 0); /* too late: they have left */
  CHECK_STR(ettm_session_peek(d.s), ETTM_LIT("RSET\r\nNOOP\r\n"));
  dialogue_close(&d);
}

static void is_full_in_the_end(void) {
  dialogue d;
  size_t i;
  open_dialogue(&d, OPEN);
  for (i = 0; i < ETTM_SESSION_COMMANDS + 1; i++) {
    if (command(&d, "RSET") != ETTM_OK) {
      break;
    }
  }
  CHECK(i >= ETTM_SESSION_COMMANDS);
  CHECK_INT(command(&d, "RSET"), ETTM_FULL);
  ettm_session_skip(d.s, ettm_session_peek(d.s).n);
  CHECK_INT(command(&d, "RSET"), ETTM_FULL);
  dialogue_close(&d);
}

static void bounds_input(void) {
  static char in[ETTM_SESSION_INPUT + 1];
  dialogue d;
  ettm_event ev;
  memset(in, 'x', sizeof in);
  memcpy(in, "220 ", 4);
  dialogue_open(&d, NULL, NULL);
  CHECK_INT(ettm_session_room(d.s), ETTM_SESSION_INPUT);
  CHECK_INT(ettm_session_feed(d.s, in, sizeof in), ETTM_FULL);
  CHECK_INT(ettm_session_room(d.s), ETTM_SESSION_INPUT);
  CHECK_INT(ettm_session_feed(d.s, in, sizeof in - 1), ETTM_OK);
  CHECK_INT(ettm_session_room(d.s), 0);
  CHECK_INT(ettm_session_feed(d.s, "x", 1), ETTM_FULL);
  CHECK_INT(ettm_session_next(d.s, &ev), ETTM_NEED_INPUT);
  CHECK_INT(ettm_session_room(d.s), ETTM_SESSION_INPUT);
  CHECK_INT(ettm_session_feed_eof(d.s), ETTM_OK);
  CHECK_INT(ettm_session_feed(d.s, "x", 1), ETTM_E_STATE);
  dialogue_close(&d);
}

static void tells_fate_of_late_skips(void) {
  dialogue d;
  ettm_event ev;
  size_t n;
  open_dialogue(&d, OPEN TRANSACTION ACCEPTED_354);
  CHECK_INT(ettm_session_body(d.s, "x", 1, &n), ETTM_OK);
  CHECK_INT(ettm_session_body_end(d.s), ETTM_OK);
  n = ettm_session_peek(d.s).n;
  CHECK_INT(n, 6);
  ettm_session_skip(d.s, 2);
  CHECK_INT(ettm_session_feed_eof(d.s), ETTM_OK);
  CHECK_INT(ettm_session_next(d.s, &ev), ETTM_E_CLOSED);
  CHECK_INT(ettm_session_peek(d.s).n, 0);
  CHECK_INT(ettm_session_fate(d.s), ETTM_FATE_NOT_SENT);
  ettm_session_skip(d.s, 3);
  CHECK_INT(ettm_session_fate(d.s), ETTM_FATE_NOT_SENT);
  ettm_session_skip(d.s, 100); /* the write of the rest was under way, and went through */
  CHECK_INT(ettm_session_fate(d.s), ETTM_FATE_UNKNOWN);
  dialogue_close(&d);
}

static const check_case cases[] = {
    {"refuses a reply that nobody expects", refuses_unexpected_replies},
    {"takes a refusal in the middle of the content, and hangs up",
     takes_refusals_of_half_a_content},
    {"takes a refusal that comes before the end is out", takes_refusals_before_the_end_is_out},
    {"refuses a reply to a command that has not left whole", refuses_replies_before_commands},
    {"refuses a 354 when there is no accepted sender", refuses_354_without_sender},
    {"ends the content that nobody is to get, and calls it refused", ends_empty_content_itself},
    {"counts recipients anew in each transaction", counts_recipients_anew},
    {"tells a peaceful end from a lost connection, with an honest fate", closes_on_eof},
    {"believes no reply whose end did not come", believes_no_cut_reply},
    {"bounds replies", bounds_replies},
    {"refuses octets in the clear behind the 220 of STARTTLS", refuses_injected_input},
    {"takes nothing while the handshake is due, and forgets after it",
     takes_nothing_while_tls_is_due},
    {"refuses commands and content out of place", refuses_commands_out_of_place},
    {"refuses what the server does not offer", refuses_what_is_not_offered},
    {"queues nothing of a bad command", queues_nothing_of_bad_commands},
    {"refuses responses that are no base64 or too long", refuses_bad_responses},
    {"takes commands back to a mark, unless they have left", takes_back_to_mark},
    {"is full in the end", is_full_in_the_end},
    {"bounds the input it stores", bounds_input},
    {"tells the fate of octets whose write was told after the end", tells_fate_of_late_skips},
};
CHECK_MAIN("session faults", cases)
