/* Every way a session can go, as one table: [phase][kind of reply] to the next state, the event and
 * the fate (RFC 5321 4.3.2, 3.8; RFC 7504). No other code decides these.
 *
 * A phase is what an outstanding command waits for, and so which of the timeouts of RFC 5321
 * 4.5.3.2 applies. Pure functions of their arguments; every cell is filled.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_TRANSITION_H
#define ETTM_SMTP_TRANSITION_H

#include "smtp/command.h"

typedef enum ettm_phase {
  ETTM_PHASE_GREETING,
  ETTM_PHASE_EHLO,
  ETTM_PHASE_HELO,
  ETTM_PHASE_STARTTLS, /* waiting for the 220 */
  ETTM_PHASE_AUTH,
  ETTM_PHASE_MAIL,
  ETTM_PHASE_RCPT,
  ETTM_PHASE_DATA,  /* waiting for the 354 */
  ETTM_PHASE_BODY,  /* sending the content: nothing is to be read */
  ETTM_PHASE_FINAL, /* the end of the content is out, its reply is not in */
  ETTM_PHASE_RSET,
  ETTM_PHASE_COMMAND, /* NOOP, VRFY, EXPN, HELP and any other */
  ETTM_PHASE_QUIT,
  ETTM_PHASE_TLS,  /* the handshake: no SMTP until it is done */
  ETTM_PHASE_IDLE, /* nothing is outstanding */
  ETTM_PHASE_CLOSED
} ettm_phase;

typedef enum ettm_reply_kind {
  ETTM_KIND_2YZ,
  ETTM_KIND_3YZ,
  ETTM_KIND_4YZ,
  ETTM_KIND_5YZ,
  ETTM_KIND_421,
  ETTM_KIND_EOF
} ettm_reply_kind;

/* What became of a content (DESIGN: delivery). Only moves forward. */
typedef enum ettm_fate {
  ETTM_FATE_NOT_SENT, /* its end was not handed to the transport */
  ETTM_FATE_UNKNOWN,  /* its end was, and no reply came */
  ETTM_FATE_REFUSED,
  ETTM_FATE_ACCEPTED
} ettm_fate;

typedef enum ettm_event_kind {
  ETTM_EVENT_NONE,
  ETTM_EVENT_GREETING,     /* the server is ready */
  ETTM_EVENT_CAPABILITIES, /* EHLO or HELO was accepted */
  ETTM_EVENT_STARTTLS,     /* do the handshake, then ettm_session_tls_done */
  ETTM_EVENT_CHALLENGE,    /* 334: ettm_session_respond */
  ETTM_EVENT_AUTHENTICATED,
  ETTM_EVENT_MAIL,     /* the reverse-path was accepted */
  ETTM_EVENT_RCPT,     /* the recipient was accepted */
  ETTM_EVENT_BODY,     /* send the content now: ettm_session_body */
  ETTM_EVENT_SENT,     /* the server owns the message */
  ETTM_EVENT_REPLY,    /* a positive reply to any other command */
  ETTM_EVENT_REFUSED,  /* a 4yz or 5yz, or a 3yz where none belongs, to the phase told */
  ETTM_EVENT_SHUTDOWN, /* 421: everything unanswered has failed */
  ETTM_EVENT_CLOSED    /* the dialogue is over: QUIT was answered, or the peer left in peace */
} ettm_event_kind;

/* Where the whole session goes. */
typedef enum ettm_next {
  ETTM_NEXT_KEEP,   /* go on */
  ETTM_NEXT_BODY,   /* the content may be sent */
  ETTM_NEXT_TLS,    /* nothing but the handshake */
  ETTM_NEXT_CLOSED, /* nothing more is sent or believed */
  ETTM_NEXT_BROKEN  /* as CLOSED, and next() returns `status` for ever */
} ettm_next;

typedef struct ettm_transition {
  ettm_next next;
  ettm_event_kind event;
  ettm_fate fate;     /* NOT_SENT: leave it as it is */
  ettm_status status; /* with BROKEN */
} ettm_transition;

/* The cell. */
const ettm_transition *ettm_transition_find(ettm_phase phase, ettm_reply_kind kind);

/* The kind of a reply's code (200 to 599). */
ettm_reply_kind ettm_reply_kind_of(int code);

/* The phase that the reply to a verb is waited for in. */
ettm_phase ettm_phase_of_verb(ettm_verb verb);

/* "greeting", "EHLO", ... "DATA", "final", "idle": the err.stage of the public API. Static. */
const char *ettm_phase_name(ettm_phase phase);

#endif
