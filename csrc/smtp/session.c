/* SPDX-License-Identifier: MIT */
#include "smtp/session.h"

#include <string.h>

#include "smtp/session_state.h"

/* How it works: commands wait in `pending`; pump moves their lines to `wire`, which is all that
 * peek lends, as far as RFC 2920 allows. What left stays at the front of `pending` until its reply
 * comes: the greeting and the content are entries, too (the greeting is answered without having
 * been asked; the content is its DATA's entry, in phase BODY and then FINAL). So the front entry is
 * what the session waits for, and every reply is one look into the table of transition.c, in
 * `answer`. */

#define FLIGHT   (16u * 1024)            /* pump stops above it: flights of any length flow */
#define BODY_LOW (ETTM_SESSION_WIRE / 2) /* body goes on below it: few octets are moved twice */
#if ETTM_SESSION_WIRE < 16u * 1024 + ETTM_AUTH_LINE
#error "ETTM_SESSION_WIRE is too small for a flight and one line more"
#endif

static ettm_status init_session(ettm_session *s, const ettm_session_options *o,
                                const ettm_alloc *a) {
  ettm_pending_entry greeting;
  ettm_status status;
  ettm_buffer_init(&s->input, a, ETTM_SESSION_INPUT);
  ettm_buffer_init_secret(&s->wire, a, ETTM_SESSION_WIRE);
  ettm_pending_init(&s->pending, a, ETTM_SESSION_QUEUE, ETTM_SESSION_COMMANDS + 1);
  ettm_reply_parser_init(&s->parser, a);
  ettm_capabilities_init(&s->capabilities, a);
  ettm_transcript_init(&s->transcript, a);
  ettm_hidden_init(&s->hidden, a);
  ettm_framing_init(&s->framing);
  s->mode = ETTM_NEXT_KEEP;
  s->lock_step = o != NULL && o->lock_step;
  s->without = ettm_copy(a, o != NULL ? o->without : ETTM_LIT(""));
  if (s->without == NULL) {
    return ETTM_E_MEMORY;
  }
  s->without_size = (o != NULL ? o->without.n : 0) + 1;
  memset(&greeting, 0, sizeof greeting);
  greeting.verb = ETTM_VERB_OTHER;
  greeting.phase = ETTM_PHASE_GREETING;
  status = ettm_pending_push(&s->pending, &greeting);
  s->pending.sent = status == ETTM_OK;
  return status;
}

ettm_status ettm_session_new(ettm_session **out, const ettm_session_options *o,
                             const ettm_alloc *a) {
  ettm_alloc alloc = ettm_alloc_of(a);
  ettm_session *s = (ettm_session *)ettm_new(&alloc, sizeof *s);
  ettm_status status;
  if (s == NULL) {
    return ETTM_E_MEMORY;
  }
  s->alloc = alloc;
  status = init_session(s, o, &s->alloc);
  if (status != ETTM_OK) {
    ettm_session_free(s);
    return status;
  }
  *out = s;
  return ETTM_OK;
}

void ettm_session_free(ettm_session *s) {
  ettm_alloc alloc;
  if (s == NULL) {
    return;
  }
  alloc = s->alloc;
  ettm_buffer_clear(&s->input);
  ettm_buffer_clear(&s->wire);
  ettm_pending_clear(&s->pending);
  ettm_reply_parser_clear(&s->parser);
  ettm_capabilities_clear(&s->capabilities);
  ettm_transcript_clear(&s->transcript);
  ettm_hidden_clear(&s->hidden);
  ettm_free(&alloc, s->without, s->without_size);
  ettm_free(&alloc, s, sizeof *s);
}

/* --- Bytes out -------------------------------------------------------------------------------- */

int ettm_session_is_pipelined(const ettm_session *s) {
  return !s->lock_step && (s->capabilities.known & ETTM_EXT_PIPELINING) != 0;
}

/* True (1) when the next command may leave now (RFC 5321 4.3.1, RFC 2920 3.1). */
static int may_leave(const ettm_session *s) {
  ettm_pending_entry next;
  ettm_pending_entry last;
  size_t sent = s->pending.sent;
  if (s->mode != ETTM_NEXT_KEEP || ettm_pending_count(&s->pending) == sent ||
      ettm_buffer_size(&s->wire) >= FLIGHT) {
    return 0;
  }
  if (sent == 0) {
    return 1;
  }
  next = ettm_pending_get(&s->pending, sent);
  last = ettm_pending_get(&s->pending, sent - 1);
  return ettm_session_is_pipelined(s) && ettm_verb_ends_flight(next.verb) &&
         (last.phase == ETTM_PHASE_FINAL || ettm_verb_is_pipelinable(last.verb));
}

/* What stands behind the mechanism in a line of AUTH. */
static ettm_status hide_initial(ettm_session *s, ettm_str line) {
  static const size_t verb = sizeof "AUTH " - 1;
  const char *space = (const char *)memchr(line.p + verb, ' ', line.n - verb);
  if (space == NULL) {
    return ETTM_OK;
  }
  space++;
  return ettm_hidden_response(&s->hidden,
                              ettm_str_of(space, line.n - 2 - (size_t)(space - line.p)));
}

ettm_status ettm_session_hide(ettm_session *s, ettm_str secret) {
  return ettm_hidden_secret(&s->hidden, secret);
}

void ettm_session_forget_login(ettm_session *s) {
  ettm_hidden_clear(&s->hidden);
}

/* Moves what may leave to the wire. */
static void pump(ettm_session *s) {
  while (may_leave(s) && ettm_transcript_has_room(&s->transcript)) {
    ettm_str line = ettm_pending_line(&s->pending);
    ettm_verb verb = ettm_pending_get(&s->pending, s->pending.sent).verb;
    ettm_status status;
    if (verb == ETTM_VERB_AUTH || verb == ETTM_VERB_OTHER) {
      s->wire.secret = 1;
    } else if (ettm_buffer_size(&s->wire) == 0) {
      s->wire.secret = 0; /* as for content: there is nothing to hide in it */
    }
    status = ettm_buffer_append(&s->wire, line);
    if (status == ETTM_OK && verb == ETTM_VERB_AUTH) {
      status = hide_initial(s, line);
    }
    if (status != ETTM_OK) {
      (void)ettm_session_fail(s, status);
      return;
    }
    ettm_transcript_add_command(&s->transcript, verb, line);
    ettm_pending_leave(&s->pending, s->skipped + ettm_buffer_size(&s->wire));
  }
}

ettm_str ettm_session_peek(ettm_session *s) {
  pump(s);
  return ettm_buffer_view(&s->wire);
}

void ettm_session_skip(ettm_session *s, size_t n) {
  size_t size = ettm_buffer_size(&s->wire);
  if (ettm_session_is_over(s)) {
    /* What was being written when the end came may be told late; the fate depends on it. */
    n = n < s->lent ? n : s->lent;
    s->lent -= n;
  } else {
    n = n < size ? n : size;
    ettm_buffer_consume(&s->wire, n);
  }
  s->skipped += n;
  if (s->content_end > 0 && s->skipped >= s->content_end) {
    s->content_end = 0;
    s->fate = ETTM_FATE_UNKNOWN;
  }
}

unsigned ettm_session_want(ettm_session *s) {
  unsigned want;
  pump(s);
  want = ettm_buffer_size(&s->wire) > 0 ? ETTM_WANT_WRITE : 0;
  switch (s->mode) {
  case ETTM_NEXT_BODY: return want | (ettm_buffer_size(&s->wire) <= BODY_LOW ? ETTM_WANT_BODY : 0);
  case ETTM_NEXT_TLS: return want | ETTM_WANT_TLS;
  case ETTM_NEXT_KEEP: break;
  default: return 0;
  }
  if (s->challenged || ettm_pending_count(&s->pending) == 0) {
    return want | ETTM_WANT_COMMAND;
  }
  return want | ETTM_WANT_READ;
}

/* --- Bytes in --------------------------------------------------------------------------------- */

static int takes_input(const ettm_session *s) {
  return !s->eof && !ettm_session_is_over(s) && s->mode != ETTM_NEXT_TLS;
}

size_t ettm_session_room(const ettm_session *s) {
  return takes_input(s) ? ettm_buffer_room(&s->input) : 0;
}

ettm_status ettm_session_feed(ettm_session *s, const char *in, size_t n) {
  ettm_status status;
  if (!takes_input(s)) {
    return s->mode == ETTM_NEXT_BROKEN ? s->status : ETTM_E_STATE;
  }
  status = ettm_buffer_append(&s->input, ettm_str_of(in, n));
  if (status == ETTM_E_LIMIT) {
    return ETTM_FULL;
  }
  return status == ETTM_OK ? ETTM_OK : ettm_session_fail(s, status);
}

ettm_status ettm_session_feed_eof(ettm_session *s) {
  s->eof = 1;
  return s->mode == ETTM_NEXT_BROKEN ? s->status : ETTM_OK;
}

/* --- Commands --------------------------------------------------------------------------------- */

static int is_offered(const ettm_session *s, const ettm_command *c) {
  unsigned known = s->capabilities.known;
  unsigned needed = c->utf8 ? ETTM_EXT_SMTPUTF8 : 0;
  switch (c->verb) {
  case ETTM_VERB_STARTTLS: needed |= ETTM_EXT_STARTTLS; break;
  case ETTM_VERB_AUTH: needed |= ETTM_EXT_AUTH; break;
  case ETTM_VERB_EXPN: needed |= ETTM_EXT_EXPN; break;
  case ETTM_VERB_MAIL:
  case ETTM_VERB_RCPT:
    if (!ettm_capabilities_allow(&s->capabilities, c->parameters)) {
      return 0;
    }
    break;
  default: break;
  }
  return (known & needed) == needed;
}

/* True (1) when the session can take the command at this point of its life. */
static int is_open_for(const ettm_session *s, ettm_verb verb) {
  size_t count = ettm_pending_count(&s->pending);
  if (s->mode == ETTM_NEXT_CLOSED || s->mode == ETTM_NEXT_TLS) {
    return 0;
  }
  if (count > 0) {
    ettm_verb last = ettm_pending_get(&s->pending, count - 1).verb;
    if (last == ETTM_VERB_QUIT || last == ETTM_VERB_STARTTLS) {
      return 0;
    }
  }
  if (s->refused) {
    return verb == ETTM_VERB_QUIT;
  }
  return verb != ETTM_VERB_STARTTLS || !s->tls; /* RFC 3207 4.2 */
}

ettm_status ettm_session_command(ettm_session *s, const ettm_command *c) {
  ettm_status status;
  if (s->mode == ETTM_NEXT_BROKEN) {
    return s->status;
  }
  if (!is_open_for(s, c->verb)) {
    return ETTM_E_STATE;
  }
  if (!is_offered(s, c)) {
    return ETTM_E_NOT_OFFERED;
  }
  status = ettm_pending_add(&s->pending, c);
  return ettm_status_is_fatal(status) ? ettm_session_fail(s, status) : status;
}

size_t ettm_session_mark(const ettm_session *s) {
  return ettm_pending_count(&s->pending);
}

void ettm_session_rewind(ettm_session *s, size_t mark) {
  ettm_pending_rewind(&s->pending, mark);
}

ettm_status ettm_session_respond(ettm_session *s, ettm_str response) {
  char *place;
  ettm_status status;
  if (!s->challenged) {
    return s->mode == ETTM_NEXT_BROKEN ? s->status : ETTM_E_STATE;
  }
  if (response.n > ETTM_AUTH_LINE - 2) {
    return ETTM_E_LIMIT;
  }
  if (!ettm_is_base64(response) && !ettm_str_equal(response, ETTM_LIT("*"))) {
    return ETTM_E_UNSAFE;
  }
  s->wire.secret = 1;
  status = ettm_hidden_response(&s->hidden, response);
  if (status == ETTM_OK) {
    status = ettm_buffer_reserve(&s->wire, response.n + 2, &place);
  }
  if (status != ETTM_OK) {
    return ettm_session_fail(s, status);
  }
  if (response.n > 0) {
    memcpy(place, response.p, response.n);
  }
  memcpy(place + response.n, "\r\n", 2);
  ettm_buffer_commit(&s->wire, response.n + 2);
  ettm_session_wait(s, ETTM_PHASE_AUTH);
  s->challenged = 0;
  ettm_transcript_add(&s->transcript, 'C', ETTM_LIT("<hidden>"));
  return ETTM_OK;
}

ettm_status ettm_session_tls_done(ettm_session *s) {
  if (s->mode != ETTM_NEXT_TLS) {
    return s->mode == ETTM_NEXT_BROKEN ? s->status : ETTM_E_STATE;
  }
  s->mode = ETTM_NEXT_KEEP;
  s->tls = 1;
  ettm_capabilities_clear(&s->capabilities);
  ettm_session_begin_transaction(s, 0);
  return ETTM_OK;
}

/* --- Content ---------------------------------------------------------------------------------- */

/* Frames as much of in as fits into one block of the wire. */
static ettm_status frame_block(ettm_session *s, ettm_str in, size_t *used) {
  size_t room = ettm_buffer_room(&s->wire);
  size_t block = in.n < room / 4 ? 2 * in.n + ETTM_FRAMING_ROOM : room; /* LF: two of one */
  size_t made;
  char *place;
  ettm_status status;
  block = block < room ? block : room;
  if (ettm_buffer_size(&s->wire) == 0) {
    /* Only content from here to the next command: wiping it would cost most of the time. */
    s->wire.secret = 0;
  }
  status = ettm_buffer_reserve(&s->wire, block, &place);
  if (status != ETTM_OK) {
    return status;
  }
  ettm_framing_write(&s->framing, in, used, place, block, &made);
  ettm_buffer_commit(&s->wire, made);
  s->content_size += made;
  return ETTM_OK;
}

ettm_status ettm_session_body(ettm_session *s, const char *in, size_t n, size_t *used) {
  ettm_status status;
  if (s->mode != ETTM_NEXT_BODY) {
    return s->mode == ETTM_NEXT_BROKEN ? s->status : ETTM_E_STATE;
  }
  if (ettm_buffer_size(&s->wire) > BODY_LOW) {
    return ETTM_FULL;
  }
  status = frame_block(s, ettm_str_of(in, n), used);
  return status == ETTM_OK ? ETTM_OK : ettm_session_fail(s, status);
}

ettm_status ettm_session_body_end(ettm_session *s) {
  char *place;
  ettm_status status;
  if (s->mode != ETTM_NEXT_BODY) {
    return s->mode == ETTM_NEXT_BROKEN ? s->status : ETTM_E_STATE;
  }
  if (ettm_buffer_room(&s->wire) < ETTM_FRAMING_ROOM) {
    return ETTM_FULL;
  }
  status = ettm_buffer_reserve(&s->wire, ETTM_FRAMING_ROOM, &place);
  if (status != ETTM_OK) {
    return ettm_session_fail(s, status);
  }
  ettm_buffer_commit(&s->wire, ettm_framing_end(&s->framing, place));
  ettm_session_wait(s, ETTM_PHASE_FINAL);
  s->content_end = s->skipped + ettm_buffer_size(&s->wire);
  s->mode = ETTM_NEXT_KEEP;
  ettm_transcript_add_content(&s->transcript, s->content_size);
  return ETTM_OK;
}

/* --- What can be asked ------------------------------------------------------------------------ */

ettm_fate ettm_session_fate(const ettm_session *s) {
  return s->fate;
}

const ettm_reply *ettm_session_reply(const ettm_session *s) {
  return ettm_reply_get(&s->parser);
}

const ettm_capabilities *ettm_session_capabilities(const ettm_session *s) {
  return &s->capabilities;
}

ettm_str ettm_session_transcript(const ettm_session *s) {
  return ettm_transcript_view(&s->transcript);
}

void ettm_session_watch(ettm_session *s, int watched) {
  s->transcript.watched = watched;
}

ettm_str ettm_session_take_transcript(ettm_session *s) {
  return ettm_transcript_take(&s->transcript);
}
