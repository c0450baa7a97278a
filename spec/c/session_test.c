/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "dialogue.h"

#define GREETED                                                                                    \
  "> EHLO client.example\n"                                                                        \
  "P: greeting\n"                                                                                  \
  "W: R\n"                                                                                         \
  "S: 220 mx.example ESMTP\n"                                                                      \
  "E: GREETING greeting 220 #0\n"                                                                  \
  "C: EHLO client.example\n"                                                                       \
  "P: EHLO\n"                                                                                      \
  "S: 250-mx.example\n"
#define OPEN_LOCK_STEP                                                                             \
  GREETED                                                                                          \
  "S: 250-8BITMIME\n"                                                                              \
  "S: 250 SIZE 1000\n"                                                                             \
  "E: CAPABILITIES EHLO 250 #1\n"
#define OPEN                                                                                       \
  GREETED                                                                                          \
  "S: 250-PIPELINING\n"                                                                            \
  "S: 250-SIZE 1000\n"                                                                             \
  "S: 250-STARTTLS\n"                                                                              \
  "S: 250-DSN\n"                                                                                   \
  "S: 250 AUTH PLAIN LOGIN\n"                                                                      \
  "E: CAPABILITIES EHLO 250 #1\n"                                                                  \
  "P: idle\n"                                                                                      \
  "W: C\n"
/* Tags 2 to 4: one transaction up to its 354. */
#define TRANSACTION                                                                                \
  "> MAIL a@b.example\n"                                                                           \
  "> RCPT c@d.example\n"                                                                           \
  "> DATA\n"                                                                                       \
  "C: MAIL FROM:<a@b.example>\n"                                                                   \
  "C: RCPT TO:<c@d.example>\n"                                                                     \
  "C: DATA\n"
#define ACCEPTED_354                                                                               \
  "S: 250 2.1.0 ok\n"                                                                              \
  "S: 250 2.1.5 ok\n"                                                                              \
  "S: 354 go\n"                                                                                    \
  "E: MAIL MAIL 250 #2\n"                                                                          \
  "E: RCPT RCPT 250 #3\n"                                                                          \
  "E: BODY DATA 354 #4\n"
#define QUIT(tag)                                                                                  \
  "> QUIT\n"                                                                                       \
  "C: QUIT\n"                                                                                      \
  "P: QUIT\n"                                                                                      \
  "S: 221 bye\n"                                                                                   \
  "E: CLOSED QUIT 221 #" tag "\n"                                                                  \
  "=: DONE\n"                                                                                      \
  "P: closed\n"                                                                                    \
  "W: -\n"

static void play(const char *script) {
  dialogue_play_all_ways(script, NULL);
}

static void sends_in_lock_step(void) {
  play(OPEN_LOCK_STEP "> MAIL a@b.example | SIZE=10 BODY=8BITMIME\n"
                      "> RCPT c@d.example\n"
                      "> RCPT e@f.example\n"
                      "> DATA\n"
                      "C: MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME\n"
                      "P: MAIL\n"
                      "S: 250 ok\n"
                      "E: MAIL MAIL 250 #2\n"
                      "C: RCPT TO:<c@d.example>\n"
                      "S: 250 ok\n"
                      "E: RCPT RCPT 250 #3\n"
                      "C: RCPT TO:<e@f.example>\n"
                      "S: 251 will forward\n"
                      "E: RCPT RCPT 251 #4\n"
                      "C: DATA\n"
                      "P: DATA\n"
                      "S: 354 go\n"
                      "E: BODY DATA 354 #5\n"
                      "P: body\n"
                      "W: B\n"
                      "B: Subject: x\n"
                      "B: \n"
                      "B: .dot\n"
                      "F: NOT_SENT\n"
                      "B.\n"
                      "P: final\n"
                      "> MAIL a@b.example\n"
                      "C: Subject: x\n"
                      "C: \n"
                      "C: ..dot\n"
                      "C: .\n"
                      "F: UNKNOWN\n"
                      "W: R\n"
                      "S: 250 queued\n"
                      "E: SENT final 250 #5\n"
                      "C: MAIL FROM:<a@b.example>\n"
                      "F: ACCEPTED\n"
                      "S: 250 ok\n"
                      "E: MAIL MAIL 250 #6\n"
                      "F: ACCEPTED\n" QUIT("7"));
}

static void sends_one_flight(void) {
  play(OPEN TRANSACTION "P: MAIL\n" ACCEPTED_354 "B: x\n"
                        "B.\n"
                        "C: x\n"
                        "C: .\n"
                        "S: 250 queued\n"
                        "E: SENT final 250 #4\n"
                        "F: ACCEPTED\n"
                        "P: idle\n"
                        "W: C\n" QUIT("5"));
}

static void keeps_mixed_results_apart(void) {
  play(OPEN "> MAIL a@b.example\n"
            "> RCPT c@d.example\n"
            "> RCPT e@f.example\n"
            "> RCPT g@h.example\n"
            "> DATA\n"
            "C: MAIL FROM:<a@b.example>\n"
            "C: RCPT TO:<c@d.example>\n"
            "C: RCPT TO:<e@f.example>\n"
            "C: RCPT TO:<g@h.example>\n"
            "C: DATA\n"
            "S: 250 ok\n"
            "S: 550-5.1.1 no\n"
            "S: 550 5.1.1 such user\n"
            "S: 250 ok\n"
            "P: RCPT\n"
            "S: 450 later\n"
            "S: 354 go\n"
            "E: MAIL MAIL 250 #2\n"
            "E: REFUSED RCPT 550 #3\n"
            "E: RCPT RCPT 250 #4\n"
            "E: REFUSED RCPT 450 #5\n"
            "E: BODY DATA 354 #6\n"
            "B: x\n"
            "B.\n"
            "C: x\n"
            "C: .\n"
            "S: 554 no\n"
            "E: REFUSED final 554 #6\n"
            "F: REFUSED\n");
}

static void chains_messages(void) {
  play(OPEN TRANSACTION ACCEPTED_354 "B: one\n"
                                     "B.\n"
                                     "> MAIL a@b.example\n"
                                     "> RCPT c@d.example\n"
                                     "> DATA\n"
                                     "C: one\n"
                                     "C: .\n"
                                     "C: MAIL FROM:<a@b.example>\n"
                                     "C: RCPT TO:<c@d.example>\n"
                                     "C: DATA\n"
                                     "F: UNKNOWN\n"
                                     "S: 250 queued\n"
                                     "E: SENT final 250 #4\n"
                                     "F: ACCEPTED\n"
                                     "P: MAIL\n"
                                     "S: 250 ok\n"
                                     "S: 250 ok\n"
                                     "E: MAIL MAIL 250 #5\n"
                                     "E: RCPT RCPT 250 #6\n"
                                     "F: ACCEPTED\n"
                                     "S: 354 go\n"
                                     "E: BODY DATA 354 #7\n"
                                     "F: NOT_SENT\n"
                                     "B: two\n"
                                     "B.\n"
                                     "> QUIT\n"
                                     "C: two\n"
                                     "C: .\n"
                                     "C: QUIT\n"
                                     "S: 452 full\n"
                                     "S: 221 bye\n"
                                     "E: REFUSED final 452 #7\n"
                                     "E: CLOSED QUIT 221 #8\n"
                                     "F: REFUSED\n"
                                     "=: DONE\n");
}

/* RFC 2920 3.1: only RSET, MAIL and RCPT inside a flight, others last or alone. */
static void ends_flights_where_it_must(void) {
  play(OPEN "> RSET\n"
            "> NOOP\n"
            "> VRFY x\n"
            "> RSET\n"
            "> HELP\n"
            "> RSET\n"
            "> XCMD a\n"
            "> MAIL a@b.example\n"
            "> QUIT\n"
            "C: RSET\n"
            "C: NOOP\n"
            "S: 250 ok\n"
            "E: REPLY RSET 250 #2\n"
            "S: 250 ok\n"
            "E: REPLY command 250 #3\n"
            "C: VRFY x\n"
            "S: 252 perhaps\n"
            "E: REPLY command 252 #4\n"
            "C: RSET\n"
            "S: 250 ok\n"
            "E: REPLY RSET 250 #5\n"
            "C: HELP\n"
            "S: 214-see\n"
            "S: 214 rfc\n"
            "E: REPLY command 214 #6\n"
            "C: RSET\n"
            "S: 250 ok\n"
            "E: REPLY RSET 250 #7\n"
            "C: XCMD a\n"
            "S: 500 what\n"
            "E: REFUSED command 500 #8\n"
            "C: MAIL FROM:<a@b.example>\n"
            "C: QUIT\n"
            "S: 250 ok\n"
            "S: 221 bye\n"
            "E: MAIL MAIL 250 #9\n"
            "E: CLOSED QUIT 221 #10\n");
}

static void obeys_lock_step_option(void) {
  ettm_session_options o;
  memset(&o, 0, sizeof o);
  o.lock_step = 1;
  dialogue_play_all_ways(OPEN "> MAIL a@b.example\n"
                              "> RCPT c@d.example\n"
                              "C: MAIL FROM:<a@b.example>\n"
                              "S: 250 ok\n"
                              "E: MAIL MAIL 250 #2\n"
                              "C: RCPT TO:<c@d.example>\n"
                              "S: 250 ok\n"
                              "E: RCPT RCPT 250 #3\n",
                         &o);
  o.lock_step = 0;
  o.without = ETTM_LIT("dsn pipelining");
  dialogue_play_all_ways(OPEN "> MAIL a@b.example\n"
                              "> RCPT c@d.example\n"
                              "C: MAIL FROM:<a@b.example>\n"
                              "S: 250 ok\n"
                              "E: MAIL MAIL 250 #2\n"
                              "C: RCPT TO:<c@d.example>\n"
                              "S: 250 ok\n"
                              "E: RCPT RCPT 250 #3\n",
                         &o);
}

static void falls_back_to_helo(void) {
  play("S: 220-mx\n"
       "S: 220 PIPELINING\n"
       "E: GREETING greeting 220 #0\n"
       "> EHLO client.example\n"
       "C: EHLO client.example\n"
       "S: 502 what\n"
       "E: REFUSED EHLO 502 #1\n"
       "> HELO client.example\n"
       "> MAIL a@b.example\n"
       "> RCPT c@d.example\n"
       "C: HELO client.example\n"
       "P: HELO\n"
       "S: 250-mx\n"
       "S: 250 PIPELINING\n"
       "E: CAPABILITIES HELO 250 #2\n"
       "C: MAIL FROM:<a@b.example>\n"
       "S: 250 ok\n"
       "E: MAIL MAIL 250 #3\n"
       "C: RCPT TO:<c@d.example>\n");
}

static void reads_first_digit(void) {
  play(OPEN TRANSACTION "S: 299 ok\n"
                        "S: 222 ok\n"
                        "S: 399 go\n"
                        "E: MAIL MAIL 299 #2\n"
                        "E: RCPT RCPT 222 #3\n"
                        "E: BODY DATA 399 #4\n"
                        "B: x\n"
                        "B.\n"
                        "C: x\n"
                        "C: .\n"
                        "S: 234 strange\n"
                        "E: SENT final 234 #4\n"
                        "F: ACCEPTED\n");
}

static void authenticates(void) {
  play(OPEN "> AUTH LOGIN\n"
            "C: AUTH LOGIN\n"
            "P: AUTH\n"
            "S: 334 VXNlcm5hbWU6\n"
            "E: CHALLENGE AUTH 334 #2\n"
            "W: C\n"
            "R: dXNlcg==\n"
            "W: R\n"
            "C: dXNlcg==\n"
            "S: 334\n"
            "E: CHALLENGE AUTH 334 #2\n"
            "R: \n"
            "> NOOP\n"
            "C: \n"
            "S: 235 2.7.0 welcome\n"
            "E: AUTHENTICATED AUTH 235 #2\n"
            "C: NOOP\n"
            "S: 250 ok\n"
            "E: REPLY command 250 #3\n");
  play(OPEN "> AUTH PLAIN | AHUAcA==\n"
            "C: AUTH PLAIN AHUAcA==\n"
            "S: 535 5.7.8 no\n"
            "E: REFUSED AUTH 535 #2\n"
            "> AUTH PLAIN\n"
            "C: AUTH PLAIN\n"
            "S: 334 \n"
            "E: CHALLENGE AUTH 334 #3\n"
            "R: *\n"
            "C: *\n"
            "S: 501 cancelled\n"
            "E: REFUSED AUTH 501 #3\n"
            "W: C\n");
}

static void starts_tls(void) {
  play(OPEN "> STARTTLS\n"
            "C: STARTTLS\n"
            "P: STARTTLS\n"
            "S: 220 go\n"
            "E: STARTTLS STARTTLS 220 #2\n"
            "P: TLS\n"
            "W: T\n"
            "=: INPUT\n"
            "T.\n"
            "W: C\n"
            "> EHLO client.example\n"
            "C: EHLO client.example\n"
            "S: 250-mx\n"
            "S: 250 AUTH PLAIN\n"
            "E: CAPABILITIES EHLO 250 #3\n"
            "> MAIL a@b.example\n"
            "> RCPT c@d.example\n"
            "C: MAIL FROM:<a@b.example>\n"
            "S: 250 ok\n"
            "E: MAIL MAIL 250 #4\n"
            "C: RCPT TO:<c@d.example>\n");
  play(OPEN "> STARTTLS\n"
            "C: STARTTLS\n"
            "S: 454 not now\n"
            "E: REFUSED STARTTLS 454 #2\n"
            "W: C\n" QUIT("3"));
}

static void is_refused_by_greeting(void) {
  play("> EHLO client.example\n"
       "S: 554 no\n"
       "E: REFUSED greeting 554 #0\n"
       "W: C\n" QUIT("2"));
  play("> EHLO client.example\n"
       "> NOOP\n"
       "> QUIT\n"
       "S: 521 never\n"
       "E: REFUSED greeting 521 #0\n"
       "C: QUIT\n"
       "EOF.\n"
       "E: CLOSED QUIT - #3\n"
       "=: DONE\n");
}

static void shuts_down_on_421(void) {
  play("S: 421 busy\nE: SHUTDOWN greeting 421 #0\n=: DONE\nW: -\n");
  play("> EHLO me.example\nS: 220 x\nE: GREETING greeting 220 #0\nC: EHLO me.example\n"
       "S: 421 x\nE: SHUTDOWN EHLO 421 #1\n=: DONE\n");
  play(OPEN "S: 421 idle for too long\nE: SHUTDOWN idle 421 #0\nP: closed\n=: DONE\nW: -\n");
  play(OPEN TRANSACTION "S: 250 ok\nS: 421 x\nS: 250 ok\nE: MAIL MAIL 250 #2\n"
                        "E: SHUTDOWN RCPT 421 #3\n=: DONE\nW: -\nF: NOT_SENT\n");
  play(OPEN TRANSACTION ACCEPTED_354 "B: x\nC: x\nS: 421 x\nE: SHUTDOWN body 421 #4\n"
                                     "F: NOT_SENT\nW: -\n");
  play(OPEN TRANSACTION ACCEPTED_354 "B: x\nB.\nC: x\nC: .\nS: 421 x\nE: SHUTDOWN final 421 #4\n"
                                     "F: REFUSED\n=: DONE\n");
  play(OPEN "> AUTH PLAIN\nC: AUTH PLAIN\nS: 334\nE: CHALLENGE AUTH 334 #2\nS: 421 x\n"
            "E: SHUTDOWN AUTH 421 #2\n");
  play(OPEN "> QUIT\nC: QUIT\nS: 421 x\nE: CLOSED QUIT 421 #2\n=: DONE\n");
}

static const check_case cases[] = {
    {"sends a message in lock-step without PIPELINING", sends_in_lock_step},
    {"sends MAIL, RCPT and DATA in one flight with PIPELINING", sends_one_flight},
    {"keeps mixed results of recipients apart", keeps_mixed_results_apart},
    {"sends the next transaction in the flight of the content's end", chains_messages},
    {"ends a flight where RFC 2920 does", ends_flights_where_it_must},
    {"goes in lock-step when told to, or when PIPELINING is switched off", obeys_lock_step_option},
    {"falls back to HELO, which offers nothing", falls_back_to_helo},
    {"reads codes that nobody knows by their first digit", reads_first_digit},
    {"authenticates with challenges and without", authenticates},
    {"starts TLS and then asks for everything again", starts_tls},
    {"sends nothing but QUIT after a refused greeting", is_refused_by_greeting},
    {"shuts down on a 421 at any moment", shuts_down_on_421},
};
CHECK_MAIN("session", cases)
