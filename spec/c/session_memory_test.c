/* SPDX-License-Identifier: MIT */
#include <stdio.h>
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

static ettm_status command(dialogue *d, const char *text) {
  ettm_command c = dialogue_command(text, strlen(text));
  return ettm_session_command(d->s, &c);
}

#define EVERYTHING                                                                                 \
  OPEN "> STARTTLS\nC: STARTTLS\nS: 220 go\nE: STARTTLS STARTTLS 220 #2\nT.\n"                     \
       "> EHLO client.example\nC: EHLO client.example\n"                                           \
       "S: 250-mx.example\nS: 250-PIPELINING\nS: 250 AUTH LOGIN\n"                                 \
       "E: CAPABILITIES EHLO 250 #3\n"                                                             \
       "> AUTH LOGIN | dXNlcg==\nC: AUTH LOGIN dXNlcg==\nS: 334\nE: CHALLENGE AUTH 334 #4\n"       \
       "R: c2VjcmV0LXNlY3JldC1zZWNyZXQ=\nC: c2VjcmV0LXNlY3JldC1zZWNyZXQ=\n"                        \
       "S: 235 in\nE: AUTHENTICATED AUTH 235 #4\n"                                                 \
       "> MAIL a@b.example\n> RCPT c@d.example\n> RCPT e@f.example\n> DATA\n"                      \
       "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<c@d.example>\nC: RCPT TO:<e@f.example>\n"          \
       "C: DATA\nS: 250 ok\nS: 250 ok\nS: 550-5.1.1 no\nS: 550 5.1.1 no\nS: 354 go\n"              \
       "E: MAIL MAIL 250 #5\nE: RCPT RCPT 250 #6\nE: REFUSED RCPT 550 #7\nE: BODY DATA 354 #8\n"   \
       "B: Subject: x\nB: \nB: .text\nB.\n> MAIL a@b.example\n> RCPT c@d.example\n> DATA\n"        \
       "C: Subject: x\nC: \nC: ..text\nC: .\nC: MAIL FROM:<a@b.example>\n"                         \
       "C: RCPT TO:<c@d.example>\nC: DATA\nS: 250 queued\nE: SENT final 250 #8\n"                  \
       "S: 250 ok\nS: 550 no\nS: 354 go\nE: MAIL MAIL 250 #9\nE: REFUSED RCPT 550 #10\nC: .\n"     \
       "S: 554 no\nE: REFUSED DATA 554 #11\n> QUIT\nC: QUIT\nS: 221 bye\n"                         \
       "E: CLOSED QUIT 221 #12\n"

static ettm_status play_with_heap(check_heap *h, void *ud) {
  dialogue d;
  ettm_status status;
  dialogue_open(&d, (const dialogue_options *)ud, &h->alloc);
  dialogue_play(&d, EVERYTHING);
  status = d.memory;
  dialogue_close(&d);
  return status;
}

/* Not by check_every_failure: the transcript does without the lines it has no memory for, so a run
 * that loses one succeeds. */
static void survives_failing_allocations(void) {
  dialogue_options o;
  long i = 0;
  int failures = 0;
  memset(&o, 0, sizeof o);
  o.session.without = ETTM_LIT("DSN CHUNKING");
  for (;; i++) {
    check_heap h;
    ettm_status status;
    check_heap_init(&h);
    h.fail_at = i;
    status = play_with_heap(&h, &o);
    failures += status == ETTM_E_MEMORY;
    CHECK_INT(h.blocks, 0);
    if (h.calls <= i) {
      CHECK_INT(status, ETTM_OK);
      break;
    }
  }
  CHECK(i > 15);
  CHECK(failures > 12);
}

/* An allocator that looks for a secret in all it is given back. */
typedef struct watch {
  check_heap heap;
  ettm_alloc inner;
  int found;
} watch;

static void *watch_call(void *ud, void *ptr, size_t osize, size_t nsize) {
  watch *w = (watch *)ud;
  static const char secret[] = "c2VjcmV0LXNlY3JldC";
  size_t i;
  if (ptr != NULL) {
    for (i = 0; i + sizeof secret - 1 <= osize; i++) {
      w->found |= memcmp((const char *)ptr + i, secret, sizeof secret - 1) == 0;
    }
  }
  return w->heap.alloc.fn(w->heap.alloc.ud, ptr, osize, nsize);
}

static void leaves_no_secret(void) {
  dialogue d;
  dialogue_options o;
  watch w;
  ettm_alloc a;
  int byte_wise;
  for (byte_wise = 0; byte_wise < 2; byte_wise++) {
    memset(&o, 0, sizeof o);
    o.skip = byte_wise ? 1 : 0;
    memset(&w, 0, sizeof w);
    check_heap_init(&w.heap);
    a.fn = watch_call;
    a.ud = &w;
    dialogue_open(&d, &o, &a);
    dialogue_play(&d, EVERYTHING);
    dialogue_close(&d);
    CHECK_INT(w.found, 0);
    dialogue_open(&d, &o, &a);
    dialogue_play(&d, OPEN);
    CHECK_INT(command(&d, "AUTH PLAIN | c2VjcmV0LXNlY3JldC1zZWNyZXQ="), ETTM_OK);
    ettm_session_skip(d.s, ettm_session_peek(d.s).n - (byte_wise ? 1u : 20u));
    dialogue_close(&d); /* in the middle */
    CHECK_INT(w.found, 0);
    CHECK_INT(w.heap.blocks, 0);
  }
}

static void keeps_secrets_out_of_transcript(void) {
  dialogue d;
  dialogue_open(&d, NULL, NULL);
  dialogue_play(&d, EVERYTHING);
  CHECK_STR(ettm_session_take_transcript(d.s), ettm_session_transcript(d.s));
  CHECK_STR(ettm_session_transcript(d.s),
            ETTM_LIT("S: 220 mx.example ESMTP\nC: EHLO client.example\nS: 250-mx.example\n"
                     "S: 250-PIPELINING\nS: 250-STARTTLS\nS: 250 AUTH PLAIN LOGIN\nC: STARTTLS\n"
                     "S: 220 go\nC: EHLO client.example\nS: 250-mx.example\nS: 250-PIPELINING\n"
                     "S: 250 AUTH LOGIN\nC: AUTH LOGIN <hidden>\nS: 334\nC: <hidden>\nS: 235 in\n"
                     "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<c@d.example>\n"
                     "C: RCPT TO:<e@f.example>\nC: DATA\nS: 250 ok\nS: 250 ok\n"
                     "S: 550-5.1.1 no\nS: 550 5.1.1 no\nS: 354 go\nC: (content, 22 octets)\n"
                     "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<c@d.example>\nC: DATA\n"
                     "S: 250 queued\nS: 250 ok\nS: 550 no\nS: 354 go\nC: .\nS: 554 no\nC: QUIT\n"
                     "S: 221 bye\n"));
  CHECK_STR(ettm_session_take_transcript(d.s), ETTM_LIT(""));
  dialogue_close(&d);
}

/* Takes what the client sends, at most n octets, and counts its lines. */
static size_t take_lines(dialogue *d, size_t n, char *last) {
  ettm_str out = ettm_session_peek(d->s);
  size_t lines = 0;
  size_t i;
  n = n < out.n ? n : out.n;
  for (i = 0; i < n; i++) {
    CHECK_INT(out.p[i] == '\n', *last == '\r');
    *last = out.p[i];
    lines += *last == '\n';
  }
  ettm_session_skip(d->s, n);
  return lines;
}

enum { RECIPIENTS = 2000 };

static void queue_recipients(dialogue *d) {
  int i;
  CHECK_INT(command(d, "MAIL a@b.example"), ETTM_OK);
  for (i = 0; i < RECIPIENTS; i++) {
    char text[64];
    ettm_command c;
    snprintf(text, sizeof text, "RCPT recipient%d@long-enough-domain.example", i);
    c = dialogue_command(text, strlen(text));
    c.tag = (uint32_t)i;
    CHECK_INT(ettm_session_command(d->s, &c), ETTM_OK);
  }
  CHECK_INT(command(d, "DATA"), ETTM_OK);
}

/* The server answers line by line, some lines behind; the client's writes are short. */
static void check_many_recipients(size_t step, size_t behind) {
  dialogue d;
  check_heap h;
  size_t heard = 0;
  size_t said = 0;
  size_t got = 0;
  size_t accepted = 0;
  char last = 0;
  check_heap_init(&h);
  dialogue_open(&d, NULL, &h.alloc);
  dialogue_play(&d, OPEN);
  queue_recipients(&d);
  while (got < RECIPIENTS + 2) {
    ettm_event ev;
    unsigned want = ettm_session_want(d.s);
    size_t left = RECIPIENTS + 2 - heard;
    CHECK(want & ETTM_WANT_READ);
    CHECK_INT((want & ETTM_WANT_WRITE) != 0, left > 0);
    CHECK(ettm_session_peek(d.s).n <= 16 * 1024 + 64);
    heard += take_lines(&d, step, &last);
    while (said < heard && (heard - said > behind || heard == RECIPIENTS + 2)) {
      const char *reply = said == RECIPIENTS + 1 ? "354 go\r\n"
                          : said % 3 == 1        ? "550 no\r\n"
                                                 : "250 ok\r\n";
      CHECK_INT(ettm_session_feed(d.s, reply, 8), ETTM_OK);
      said++;
      CHECK_INT(ettm_session_next(d.s, &ev), ETTM_OK);
      if (got > 0 && got <= RECIPIENTS) {
        CHECK_INT(ev.tag, got - 1);
        CHECK_INT(ev.kind, got % 3 == 1 ? ETTM_EVENT_REFUSED : ETTM_EVENT_RCPT);
        accepted += ev.kind == ETTM_EVENT_RCPT;
      }
      got++;
    }
  }
  CHECK_INT(accepted, 1333);
  CHECK_INT(ettm_session_phase(d.s), ETTM_PHASE_BODY);
  CHECK(h.peak < 1024 * 1024);
  dialogue_close(&d);
  CHECK_INT(h.blocks, 0);
}

static void sends_to_many_recipients(void) {
  check_many_recipients(1, 0);
  check_many_recipients(1, 2000);
  check_many_recipients(7, 100);
  check_many_recipients(100, 3);
  check_many_recipients(100000, 0);
}

/* Gives a megabyte of content with the reader taking `step` octets at a time. */
static void check_big_content(size_t step) {
  static char block[10000];
  dialogue d;
  check_heap h;
  size_t given = 0;
  size_t taken = 0;
  size_t i;
  check_heap_init(&h);
  for (i = 0; i < sizeof block; i++) {
    block[i] = i % 50 == 49 ? '\n' : 'x';
  }
  dialogue_open(&d, NULL, &h.alloc);
  dialogue_play(&d, OPEN "> MAIL a@b.example\n> RCPT c@d.example\n> DATA\n"
                         "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<c@d.example>\nC: DATA\n"
                         "S: 250 ok\nS: 250 ok\nS: 354 go\nE: MAIL MAIL 250 #2\n"
                         "E: RCPT RCPT 250 #3\nE: BODY DATA 354 #4\n");
  while (given < 100 * sizeof block) {
    size_t used = 0;
    size_t n;
    ettm_status status;
    int can = (ettm_session_want(d.s) & ETTM_WANT_BODY) != 0;
    size_t at = given % sizeof block;
    status = ettm_session_body(d.s, block + at, sizeof block - at, &used);
    CHECK_INT(status, can ? ETTM_OK : ETTM_FULL);
    CHECK_INT(used > 0, can);
    given += used;
    n = ettm_session_peek(d.s).n;
    CHECK(n <= ETTM_SESSION_WIRE);
    n = n < step ? n : step;
    ettm_session_skip(d.s, n);
    taken += n;
  }
  while (ettm_session_body_end(d.s) == ETTM_FULL) {
    ettm_session_skip(d.s, 1);
    taken++;
  }
  CHECK_INT(ettm_session_fate(d.s), ETTM_FATE_NOT_SENT);
  taken += ettm_session_peek(d.s).n;
  ettm_session_skip(d.s, ettm_session_peek(d.s).n);
  CHECK_INT(ettm_session_fate(d.s), ETTM_FATE_UNKNOWN);
  CHECK_INT(taken, given + given / 50 + 3);
  CHECK(h.peak < 4 * ETTM_SESSION_WIRE);
  dialogue_close(&d);
  CHECK_INT(h.blocks, 0);
}

static void streams_big_content(void) {
  check_big_content(100);
  check_big_content(4096);
  check_big_content(50000);
  check_big_content((size_t)-1);
}

static const check_case cases[] = {
    {"survives every failing allocation of a whole dialogue", survives_failing_allocations},
    {"leaves no secret in memory it gives back", leaves_no_secret},
    {"keeps secrets out of the transcript", keeps_secrets_out_of_transcript},
    {"sends to 2000 recipients in bounded memory, however short the writes",
     sends_to_many_recipients},
    {"streams content of any size in bounded memory", streams_big_content},
};
CHECK_MAIN("session memory", cases)
