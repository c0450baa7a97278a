/* SPDX-License-Identifier: MIT */
/* How it works. Ciphertext waits in the engine until next asks for it: next first drains the
 * session, then moves as much plain text into it as it has room for, so nothing is stored a second
 * time. peek moves the session's commands and content the other way and lends the engine's wire.
 * The end of the stream reaches the session only behind the last plain text; whether it is an error
 * is the session's decision. */
#include "smtp/connection.h"

#include <string.h>

#define MOVED 4096u /* octets of plain text moved at a time */

/* The first octet of a record (RFC 8446 5.1): no reply of SMTP begins so. */
#define TLS_ALERT     21
#define TLS_HANDSHAKE 22

struct ettm_connection {
  ettm_alloc alloc;
  ettm_session *session;
  ettm_connection_tls tls;
  ettm_status failed; /* what next returns, once it is not ETTM_OK */
  int is_fed;         /* octets came in the clear */
  int is_starttls;    /* the session waits for the handshake */
  int is_ready;       /* the handshake is done */
  int is_ended;       /* the session was told that no more will come */
  int is_truncated;   /* and TLS was not */
};

static int has_tls(const ettm_connection *c) {
  return c->tls.engine != NULL;
}

ettm_status ettm_connection_new(ettm_connection **out, const ettm_session_options *o,
                                const ettm_alloc *a) {
  ettm_connection *c = (ettm_connection *)ettm_new(a, sizeof *c);
  ettm_status status;
  if (c == NULL) {
    return ETTM_E_MEMORY;
  }
  c->alloc = ettm_alloc_of(a);
  status = ettm_session_new(&c->session, o, a);
  if (status != ETTM_OK) {
    ettm_connection_free(c);
    return status;
  }
  *out = c;
  return ETTM_OK;
}

void ettm_connection_free(ettm_connection *c) {
  if (c == NULL) {
    return;
  }
  ettm_session_free(c->session);
  if (has_tls(c)) {
    c->tls.methods->free(c->tls.engine);
  }
  ettm_free(&c->alloc, c, sizeof *c);
}

ettm_session *ettm_connection_session(ettm_connection *c) {
  return c->session;
}

const ettm_connection_tls *ettm_connection_tls_of(const ettm_connection *c) {
  return &c->tls;
}

ettm_status ettm_connection_start_tls(ettm_connection *c, const ettm_tls_methods *methods,
                                      ettm_tls_context *context, ettm_str name) {
  int is_starttls = ettm_session_phase(c->session) == ETTM_PHASE_TLS;
  ettm_status status;
  if (has_tls(c) || c->failed != ETTM_OK || (!is_starttls && c->is_fed)) {
    return ETTM_E_STATE;
  }
  status = methods->make(&c->tls.engine, context, name, &c->alloc);
  if (status != ETTM_OK) {
    return status;
  }
  c->tls.methods = methods;
  c->is_starttls = is_starttls;
  /* The first flight is made at once, so that want is right; a failure is sticky and next's. */
  (void)!c->tls.methods->handshake(c->tls.engine);
  return ETTM_OK;
}

size_t ettm_connection_room(const ettm_connection *c) {
  return has_tls(c) ? c->tls.methods->room(c->tls.engine) : ettm_session_room(c->session);
}

ettm_status ettm_connection_feed(ettm_connection *c, const char *in, size_t n) {
  if (c->failed != ETTM_OK) {
    return c->failed;
  }
  if (has_tls(c)) {
    return c->tls.methods->feed(c->tls.engine, in, n);
  }
  if (!c->is_fed && n > 0 && (in[0] == TLS_ALERT || in[0] == TLS_HANDSHAKE)) {
    c->failed = ETTM_E_TLS_MODE; /* next's to tell */
    return ETTM_OK;
  }
  c->is_fed = c->is_fed || n > 0;
  return ettm_session_feed(c->session, in, n);
}

ettm_status ettm_connection_feed_eof(ettm_connection *c) {
  if (c->failed != ETTM_OK) {
    return c->failed;
  }
  if (has_tls(c)) {
    return c->tls.methods->feed_eof(c->tls.engine);
  }
  c->is_ended = 1;
  return ettm_session_feed_eof(c->session);
}

/* ---- out ---- */

static int can_write(const ettm_connection *c) {
  return c->is_ready && c->failed == ETTM_OK && !c->is_ended;
}

/* Hands the session's octets to the engine until it is full. A failure stays in the engine, whose
 * next read tells it. */
static void move_out(ettm_connection *c) {
  ettm_status status = ETTM_OK;
  while (status == ETTM_OK && can_write(c)) {
    ettm_str plain = ettm_session_peek(c->session);
    size_t used = 0;
    if (plain.n == 0) {
      return;
    }
    status = c->tls.methods->write(c->tls.engine, plain.p, plain.n, &used);
    if (status == ETTM_OK) {
      ettm_session_skip(c->session, used);
    }
  }
  if (ettm_status_is_fatal(status)) {
    c->failed = status;
  }
}

ettm_str ettm_connection_peek(ettm_connection *c) {
  if (!has_tls(c)) {
    return ettm_session_peek(c->session);
  }
  move_out(c);
  return c->tls.methods->peek(c->tls.engine);
}

void ettm_connection_skip(ettm_connection *c, size_t n) {
  if (!has_tls(c)) {
    ettm_session_skip(c->session, n);
  } else {
    c->tls.methods->skip(c->tls.engine, n);
  }
}

void ettm_connection_close(ettm_connection *c) {
  if (has_tls(c)) {
    move_out(c);
    c->tls.methods->close(c->tls.engine);
  }
}

/* ---- in ---- */

/* Returns ETTM_OK: the session may have news; ETTM_NEED_INPUT; a failure. */
static ettm_status step_handshake(ettm_connection *c) {
  ettm_status status = c->tls.methods->handshake(c->tls.engine);
  if (status != ETTM_OK) {
    return status;
  }
  c->is_ready = 1;
  return c->is_starttls ? ettm_session_tls_done(c->session) : ETTM_OK;
}

static ettm_status end_session(ettm_connection *c, ettm_status how) {
  if (c->is_ended) {
    return ETTM_NEED_INPUT;
  }
  c->is_ended = 1;
  c->is_truncated = how == ETTM_E_TRUNCATED;
  return ettm_session_feed_eof(c->session);
}

/* Once QUIT is out, TLS may end in any way: nothing that counts can come any more. */
static int is_end(const ettm_connection *c, ettm_status status) {
  return status == ETTM_DONE || status == ETTM_E_TRUNCATED ||
         (ettm_status_is_fatal(status) && ettm_session_phase(c->session) == ETTM_PHASE_QUIT);
}

static ettm_status step_read(ettm_connection *c) {
  char plain[MOVED];
  size_t room = ettm_session_room(c->session);
  size_t n = 0;
  ettm_status status;
  if (room == 0) {
    return ETTM_NEED_INPUT;
  }
  status = c->tls.methods->read(c->tls.engine, plain, room < MOVED ? room : MOVED, &n);
  if (status == ETTM_OK) {
    status = ettm_session_feed(c->session, plain, n);
    ettm_wipe(plain, n);
  } else if (is_end(c, status)) {
    status = end_session(c, status);
  }
  return status;
}

static ettm_status move_in(ettm_connection *c) {
  if (!has_tls(c)) {
    return ETTM_NEED_INPUT;
  }
  return c->is_ready ? step_read(c) : step_handshake(c);
}

ettm_status ettm_connection_next(ettm_connection *c, ettm_event *ev) {
  ettm_status status = ETTM_OK;
  if (c->failed != ETTM_OK) {
    return c->failed;
  }
  while (status == ETTM_OK) {
    status = ettm_session_next(c->session, ev);
    if (status != ETTM_NEED_INPUT) {
      break;
    }
    status = move_in(c);
  }
  if (status == ETTM_E_CLOSED && c->is_truncated) {
    status = ETTM_E_TRUNCATED;
  }
  if (ettm_status_is_fatal(status)) {
    c->failed = status;
  }
  return status;
}

/* ---- what is wanted ---- */

unsigned ettm_connection_want(ettm_connection *c) {
  unsigned wire =
      has_tls(c) && c->tls.methods->peek(c->tls.engine).n > 0 ? (unsigned)ETTM_WANT_WRITE : 0;
  if (c->failed != ETTM_OK) {
    return wire;
  }
  if (has_tls(c) && !c->is_ready) {
    return wire != 0 ? wire : (unsigned)ETTM_WANT_READ;
  }
  return ettm_session_want(c->session) | wire;
}

ettm_phase ettm_connection_phase(const ettm_connection *c) {
  return has_tls(c) && !c->is_ready ? ETTM_PHASE_TLS : ettm_session_phase(c->session);
}
