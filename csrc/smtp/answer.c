/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "smtp/session_state.h"

/* How it works: `answer` looks the reply up in the table of transition.c and does what the cell
 * says; `settle` is the common case, an entry that is done with. */

int ettm_session_is_over(const ettm_session *s) {
  return s->mode == ETTM_NEXT_CLOSED || s->mode == ETTM_NEXT_BROKEN;
}

ettm_phase ettm_session_phase(const ettm_session *s) {
  switch (s->mode) {
  case ETTM_NEXT_TLS: return ETTM_PHASE_TLS;
  case ETTM_NEXT_CLOSED: return ETTM_PHASE_CLOSED;
  case ETTM_NEXT_BROKEN: return s->failed_in;
  default: break;
  }
  return s->pending.sent > 0 ? ettm_pending_get(&s->pending, 0).phase : ETTM_PHASE_IDLE;
}

void ettm_session_begin_transaction(ettm_session *s, int accepted) {
  s->mail_accepted = accepted;
  s->recipients = 0;
}

void ettm_session_wait(ettm_session *s, ettm_phase phase) {
  ettm_pending_entry e = ettm_pending_get(&s->pending, 0);
  e.phase = phase;
  e.end = s->skipped + ettm_buffer_size(&s->wire);
  ettm_pending_set(&s->pending, 0, &e);
}

/* Nothing more is sent or believed. What was not skipped never leaves: a cut content is none. */
static void close_session(ettm_session *s, ettm_next mode) {
  s->failed_in = ettm_session_phase(s);
  s->mode = mode;
  s->challenged = 0;
  s->lent = ettm_buffer_size(&s->wire);
  ettm_buffer_clear(&s->wire);
  ettm_buffer_clear(&s->input);
  ettm_pending_clear(&s->pending);
}

ettm_status ettm_session_fail(ettm_session *s, ettm_status status) {
  if (!ettm_session_is_over(s)) {
    close_session(s, ETTM_NEXT_BROKEN);
    s->status = status;
  }
  return s->status;
}

/* After a refused greeting nothing but QUIT goes out, even where it was queued before. */
static void drop_all_but_quit(ettm_session *s) {
  while (ettm_pending_count(&s->pending) > 0 &&
         ettm_pending_get(&s->pending, 0).verb != ETTM_VERB_QUIT) {
    ettm_pending_pop(&s->pending);
  }
}

static ettm_status read_capabilities(ettm_session *s, ettm_phase phase, const ettm_reply *reply) {
  ettm_session_begin_transaction(s, 0); /* RFC 5321 4.1.4: EHLO resets as RSET does */
  if (phase == ETTM_PHASE_EHLO) {
    return ettm_capabilities_read(&s->capabilities, reply,
                                  ettm_str_of(s->without, s->without_size - 1));
  }
  ettm_capabilities_clear(&s->capabilities); /* RFC 5321 3.2: HELO has no extensions */
  return ETTM_OK;
}

/* What a positive reply to the entry that was just answered means for the session itself. */
static ettm_status note_success(ettm_session *s, ettm_phase phase, const ettm_reply *reply) {
  switch (phase) {
  case ETTM_PHASE_EHLO:
  case ETTM_PHASE_HELO: return read_capabilities(s, phase, reply);
  case ETTM_PHASE_MAIL: ettm_session_begin_transaction(s, 1); break;
  case ETTM_PHASE_RCPT: s->recipients++; break;
  case ETTM_PHASE_RSET:
  case ETTM_PHASE_FINAL: ettm_session_begin_transaction(s, 0); break;
  default: break;
  }
  return ETTM_OK;
}

static void note_refusal(ettm_session *s, ettm_phase phase) {
  if (phase == ETTM_PHASE_MAIL || phase == ETTM_PHASE_FINAL) {
    ettm_session_begin_transaction(s, 0);
  } else if (phase == ETTM_PHASE_GREETING) {
    s->refused = 1;
    drop_all_but_quit(s);
  }
}

/* RFC 2920 3.1: a 354 although nobody is to get the content; it must be ended, and is no delivery.
 */
static ettm_status end_empty_content(ettm_session *s) {
  ettm_status status = ettm_buffer_append(&s->wire, ETTM_LIT(".\r\n"));
  ettm_pending_entry e;
  if (status != ETTM_OK) {
    return status;
  }
  ettm_session_wait(s, ETTM_PHASE_FINAL);
  e = ettm_pending_get(&s->pending, 0);
  e.empty = 1;
  ettm_pending_set(&s->pending, 0, &e);
  ettm_transcript_add(&s->transcript, 'C', ETTM_LIT("."));
  return ETTM_OK;
}

/* The 354. */
static ettm_status begin_content(ettm_session *s, ettm_event *ev) {
  if (!s->mail_accepted) {
    return ETTM_E_PROTOCOL;
  }
  if (s->recipients == 0) {
    ev->kind = ETTM_EVENT_NONE;
    return end_empty_content(s);
  }
  s->mode = ETTM_NEXT_BODY;
  s->fate = ETTM_FATE_NOT_SENT;
  s->content_size = 0;
  ettm_framing_init(&s->framing);
  ettm_session_wait(s, ETTM_PHASE_BODY);
  return ETTM_OK;
}

/* The front entry is answered, in peace. */
static ettm_status settle(ettm_session *s, const ettm_transition *cell, ettm_event *ev) {
  ettm_pending_entry e = ettm_pending_get(&s->pending, 0);
  if (cell->event == ETTM_EVENT_CHALLENGE) {
    s->challenged = 1;
    return ETTM_OK;
  }
  ettm_pending_pop(&s->pending);
  if (e.empty) {
    ev->kind = ETTM_EVENT_REFUSED;
    ev->phase = ETTM_PHASE_DATA;
  } else if (cell->fate != ETTM_FATE_NOT_SENT) {
    s->fate = cell->fate;
  }
  if (cell->event == ETTM_EVENT_REFUSED) {
    note_refusal(s, e.phase);
    return ETTM_OK;
  }
  return note_success(s, e.phase, ev->reply);
}

static ettm_status begin_tls(ettm_session *s) {
  if (ettm_buffer_size(&s->input) > 0) {
    return ETTM_E_INJECTED; /* RFC 3207 4.2: it came in the clear */
  }
  ettm_pending_pop(&s->pending);
  s->mode = ETTM_NEXT_TLS;
  return ETTM_OK;
}

/* The phase to look a reply up in: the oldest command that was sent whole. A reply to what the
 * server cannot have read is one that nobody expects; in the middle of a content it is about that
 * content, whether or not its end is in the wire already. */
static ettm_phase answered_phase(const ettm_session *s, ettm_reply_kind kind) {
  ettm_phase phase = ettm_session_phase(s);
  if (kind != ETTM_KIND_EOF && s->pending.sent > 0 &&
      (s->challenged || s->skipped < ettm_pending_get(&s->pending, 0).end)) {
    return phase == ETTM_PHASE_FINAL ? ETTM_PHASE_BODY : ETTM_PHASE_IDLE;
  }
  return phase;
}

/* Applies a reply, or the end of input. *ev may end up as ETTM_EVENT_NONE. */
static ettm_status answer(ettm_session *s, ettm_reply_kind kind, const ettm_reply *reply,
                          ettm_event *ev) {
  const ettm_transition *cell = ettm_transition_find(answered_phase(s, kind), kind);
  memset(ev, 0, sizeof *ev);
  ev->kind = cell->event;
  ev->phase = ettm_session_phase(s);
  ev->verb = ETTM_VERB_OTHER;
  ev->reply = reply;
  if (s->pending.sent > 0) {
    ettm_pending_entry e = ettm_pending_get(&s->pending, 0);
    ev->verb = e.verb;
    ev->tag = e.tag;
  }
  switch (cell->next) {
  case ETTM_NEXT_KEEP: return settle(s, cell, ev);
  case ETTM_NEXT_BODY: return begin_content(s, ev);
  case ETTM_NEXT_TLS: return begin_tls(s);
  case ETTM_NEXT_BROKEN: return cell->status;
  default: break;
  }
  if (cell->fate != ETTM_FATE_NOT_SENT && !ettm_pending_get(&s->pending, 0).empty) {
    s->fate = cell->fate;
  }
  close_session(s, ETTM_NEXT_CLOSED);
  return ETTM_OK;
}

/* A server that shows the line it was sent shows a password: never to anybody here. */
static void hide_secrets(ettm_session *s, int code) {
  if (code / 100 == 3) {
    return; /* a challenge is to be read, and not for people */
  }
  ettm_reply_mask(&s->parser, &s->hidden);
  if (ettm_session_phase(s) == ETTM_PHASE_AUTH) {
    ettm_hidden_clear(&s->hidden);
  }
}

/* No reply is whole. A part of one is no peaceful end, but for QUIT (RFC 5321 4.1.1.10). */
static ettm_status next_without_reply(ettm_session *s, ettm_event *ev) {
  ettm_phase phase = ettm_session_phase(s);
  if (!s->eof) {
    return ETTM_NEED_INPUT;
  }
  if (phase != ETTM_PHASE_QUIT && ettm_reply_is_partial(&s->parser)) {
    return ETTM_E_CLOSED;
  }
  return answer(s, ETTM_KIND_EOF, NULL, ev);
}

static ettm_status next_event(ettm_session *s, ettm_event *ev) {
  size_t used;
  ettm_status status;
  const ettm_reply *reply;
  if (s->mode == ETTM_NEXT_TLS) {
    return next_without_reply(s, ev);
  }
  status = ettm_reply_parse(&s->parser, ettm_buffer_view(&s->input), &used);
  ettm_buffer_consume(&s->input, used);
  if (status == ETTM_NEED_INPUT) {
    return next_without_reply(s, ev);
  }
  if (status != ETTM_OK) {
    return status;
  }
  reply = ettm_reply_get(&s->parser);
  hide_secrets(s, reply->code);
  ettm_transcript_add_reply(&s->transcript, reply);
  return answer(s, ettm_reply_kind_of(reply->code), reply, ev);
}

ettm_status ettm_session_next(ettm_session *s, ettm_event *ev) {
  ettm_status status = ETTM_OK;
  ettm_event event;
  event.kind = ETTM_EVENT_NONE;
  while (status == ETTM_OK && event.kind == ETTM_EVENT_NONE) {
    if (s->mode == ETTM_NEXT_CLOSED) {
      return ETTM_DONE;
    }
    status = s->mode == ETTM_NEXT_BROKEN ? s->status : next_event(s, &event);
  }
  if (ettm_status_is_fatal(status)) {
    return ettm_session_fail(s, status);
  }
  if (status == ETTM_OK) {
    *ev = event;
  }
  return status;
}
