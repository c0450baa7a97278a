/* The inside of a session, shared by the files that make it up and by nobody else: session.c moves
 * bytes and takes commands, answer.c does what replies ask for.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_SESSION_STATE_H
#define ETTM_SMTP_SESSION_STATE_H

#include "smtp/framing.h"
#include "smtp/pending.h"
#include "smtp/session.h"
#include "smtp/transcript.h"

struct ettm_session {
  ettm_alloc alloc;
  ettm_buffer input; /* fed and not parsed */
  ettm_buffer wire;
  ettm_pending pending;
  ettm_reply_parser parser;
  ettm_capabilities capabilities;
  ettm_transcript transcript;
  ettm_hidden hidden; /* of a login that is under way */
  ettm_framing framing;
  char *without;
  size_t without_size;
  ettm_next mode;
  ettm_status status;   /* what next returns when mode is BROKEN */
  ettm_phase failed_in; /* with it */
  ettm_fate fate;
  uint64_t skipped;     /* octets that were skipped so far */
  uint64_t content_end; /* the value of skipped that hands over the end of the content; 0: none */
  uint64_t content_size;
  size_t recipients; /* accepted in this transaction */
  int mail_accepted;
  int lock_step;
  int eof;
  int refused;    /* by the greeting: only QUIT may go out */
  int challenged; /* a 334 waits for respond */
  int tls;        /* STARTTLS was done */
  size_t lent;    /* octets that were on the wire when the session ended: may be under way */
};

/* True (1) when mode is CLOSED or BROKEN. */
int ettm_session_is_over(const ettm_session *s);

/* Fails the session, unless it is over already. Returns what next returns from now on. */
ettm_status ettm_session_fail(ettm_session *s, ettm_status status);

/* The only transaction state there is, reset in this one place. */
void ettm_session_begin_transaction(ettm_session *s, int accepted);

/* The front entry goes on waiting, in another phase, for what has just been put on the wire. */
void ettm_session_wait(ettm_session *s, ettm_phase phase);

#endif
