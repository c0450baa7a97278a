/* One SMTP dialogue (RFC 5321, RFC 2920) as a byte machine: bytes in, bytes out, events pulled.
 *
 * No sockets, no clock, no callbacks. Commands queue; each leaves when the one before it allows:
 * at once where PIPELINING is offered and the verb may be followed in one flight, else after the
 * reply. Where all recipients of a transaction were refused and DATA gets a 354 all the same, the
 * session ends the empty content itself and reports REFUSED in phase DATA, whatever the reply to
 * that is (RFC 2920 3.1); a 354 behind a refused MAIL is ETTM_E_PROTOCOL. Everything that goes in
 * is copied; what comes out is lent until the next call. Memory is bounded by the options; every
 * call is O(bytes it handles). Once `next` has returned a failure it returns it for ever; peek may
 * still lend, fate and transcript answer.
 *
 * Driving it: while next gives events, handle them; if want is 0, stop; if WRITE, send peek and
 * skip what was sent; if BODY, give content; else if READ, read at most room and feed, or feed_eof;
 * else it is your turn (TLS, COMMAND).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_SESSION_H
#define ETTM_SMTP_SESSION_H

#include <stdint.h>

#include "smtp/capabilities.h"
#include "smtp/command.h"
#include "smtp/transition.h"

#ifndef ETTM_SESSION_INPUT
#define ETTM_SESSION_INPUT 8192 /* octets that feed stores before next has to be called */
#endif
#ifndef ETTM_SESSION_WIRE
#define ETTM_SESSION_WIRE (64u * 1024) /* octets that peek can lend at most */
#endif
#ifndef ETTM_SESSION_QUEUE
#define ETTM_SESSION_QUEUE (8u * 1024 * 1024) /* octets of commands that wait */
#endif
#ifndef ETTM_SESSION_COMMANDS
#define ETTM_SESSION_COMMANDS 100100 /* commands that wait or are unanswered */
#endif

enum { /* what the session can go on with */
       ETTM_WANT_READ = 1 << 0,
       ETTM_WANT_WRITE = 1 << 1,
       ETTM_WANT_BODY = 1 << 2,
       ETTM_WANT_TLS = 1 << 3,
       ETTM_WANT_COMMAND = 1 << 4 /* nothing is queued or unanswered */
};

typedef struct ettm_session ettm_session;

typedef struct ettm_session_options {
  ettm_str without; /* extensions not to be believed, parted by spaces; copied */
  int lock_step;    /* 1: one command a flight, whatever is offered */
} ettm_session_options;

typedef struct ettm_event {
  ettm_event_kind kind;
  ettm_phase phase;        /* what it answers */
  ettm_verb verb;          /* of the command it answers; OTHER for the greeting */
  uint32_t tag;            /* of that command */
  const ettm_reply *reply; /* lent until the next call of next; NULL when there is none (EOF) */
} ettm_event;

/* Makes a session that waits for the greeting. o may be NULL: the defaults. */
ETTM_MUST_USE ettm_status ettm_session_new(ettm_session **out, const ettm_session_options *o,
                                           const ettm_alloc *a);
void ettm_session_free(ettm_session *s); /* never does I/O; NULL is fine */

/* The five verbs. feed returns ETTM_OK, or: ETTM_FULL above room, ETTM_E_STATE after feed_eof,
 * after the end of the dialogue and while a handshake is due, ETTM_E_MEMORY. */
size_t ettm_session_room(const ettm_session *s);
ETTM_MUST_USE ettm_status ettm_session_feed(ettm_session *s, const char *in, size_t n);
ETTM_MUST_USE ettm_status ettm_session_feed_eof(ettm_session *s);
ettm_str ettm_session_peek(ettm_session *s);
void ettm_session_skip(ettm_session *s, size_t n);

/* Pulls one event. A command is answered only when it was skipped whole: a reply that came before
 * is one that nobody expects. Returns ETTM_OK; ETTM_NEED_INPUT: none now; ETTM_DONE: the dialogue
 * is over; ETTM_E_PROTOCOL, ETTM_E_REPLY_SIZE, ETTM_E_INJECTED, ETTM_E_CLOSED, ETTM_E_MEMORY:
 * failed. */
ETTM_MUST_USE ettm_status ettm_session_next(ettm_session *s, ettm_event *ev);

/* The reply that came last, lent until the next call of next; its code is 0 before the first. */
const ettm_reply *ettm_session_reply(const ettm_session *s);

/* ETTM_WANT_ bits; 0: drop the connection; next says why. */
unsigned ettm_session_want(ettm_session *s);

/* What is waited for or being done, and so which timeout applies: the oldest unanswered command, or
 * BODY, TLS, IDLE, CLOSED. After a failure: the one in which it happened. */
ettm_phase ettm_session_phase(const ettm_session *s);

/* The fate of the content whose ETTM_EVENT_BODY came last; NOT_SENT before the first. Its end
 * counts as handed over when skip has passed it. */
ettm_fate ettm_session_fate(const ettm_session *s);

/* Queues one command. Returns ETTM_OK, or (nothing was queued, the session goes on): what
 * ettm_command_append returns; ETTM_FULL: too many wait; ETTM_E_STATE: QUIT or STARTTLS was queued,
 * or the dialogue is over, or a handshake is due, or anything but QUIT after a refused greeting, or
 * STARTTLS for the second time; ETTM_E_NOT_OFFERED: STARTTLS, AUTH, EXPN or utf8 without the offer,
 * or a MAIL/RCPT parameter of an extension not offered. A failed session returns its
 * failure, and ETTM_E_MEMORY fails it.
 *
 * The order of commands is the caller's; the server answers for it. A second MAIL, or DATA without
 * MAIL, is not held back here. */
ETTM_MUST_USE ettm_status ettm_session_command(ettm_session *s, const ettm_command *c);

/* True (1) when commands may share a flight now: PIPELINING is offered, and wanted. */
int ettm_session_is_pipelined(const ettm_session *s);

/* A mark of the queue's end; ettm_session_rewind takes back what was queued behind it, but for what
 * want or peek have let leave. So a transaction is checked whole before a byte of it can leave; and
 * 0 takes back all that waits for a reply to leave. */
size_t ettm_session_mark(const ettm_session *s);
void ettm_session_rewind(ettm_session *s, size_t mark);

/* After ETTM_EVENT_BODY, while want has ETTM_WANT_BODY: takes content (framed here), *used octets.
 * Returns ETTM_OK; ETTM_FULL: nothing was taken, send first; ETTM_E_STATE. */
ETTM_MUST_USE ettm_status ettm_session_body(ettm_session *s, const char *in, size_t n,
                                            size_t *used);

/* The content is whole: queues its end. Returns ETTM_OK, ETTM_FULL (send first), ETTM_E_STATE.
 * Until then the only other way on is to drop the connection. */
ETTM_MUST_USE ettm_status ettm_session_body_end(ettm_session *s);

/* After ETTM_EVENT_CHALLENGE: the response, base64 or "*" or empty; never shown. Returns ETTM_OK,
 * ETTM_E_STATE, ETTM_E_UNSAFE, ETTM_E_LIMIT, ETTM_E_MEMORY. */
ETTM_MUST_USE ettm_status ettm_session_respond(ettm_session *s, ettm_str response);

/* What a login that is about to begin sends in whatever form: masked where the server says it,
 * until the login is over. Responses are by themselves. Returns ETTM_OK, ETTM_E_LIMIT,
 * ETTM_E_MEMORY. */
ETTM_MUST_USE ettm_status ettm_session_hide(ettm_session *s, ettm_str secret);
void ettm_session_forget_login(ettm_session *s); /* wipes what is hidden, before its time */

/* After ETTM_EVENT_STARTTLS, by whoever did the handshake: capabilities are forgotten, EHLO is due.
 * Returns ETTM_OK or ETTM_E_STATE. */
ETTM_MUST_USE ettm_status ettm_session_tls_done(ettm_session *s);

/* What the server offers now. Lent; changes with the next ETTM_EVENT_CAPABILITIES. */
const ettm_capabilities *ettm_session_capabilities(const ettm_session *s);

/* The redacted last lines; those added since the last take. Lent until the next call. */
ettm_str ettm_session_transcript(const ettm_session *s);
ettm_str ettm_session_take_transcript(ettm_session *s);

/* While watched, no line is lost: commands wait for take_transcript where it falls behind, so it
 * has to be called before each want and peek. */
void ettm_session_watch(ettm_session *s, int watched);

#endif
