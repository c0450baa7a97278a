/* SPDX-License-Identifier: MIT */
/* The input is what a server says, but for its first octet, which says how it and the client's
 * writes are cut and what the client makes of it: it sends three messages if it can. Whatever the
 * server does: the fate of a content only moves forward, no content leaves without a BODY event,
 * CR and LF go together, nothing leaves before the handshake, memory is bounded. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/session.h"
#include "smtp/transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LOCK_STEP = 1, SHORT_WRITES = 2, SHORT_READS = 4, NO_EOF = 8, NO_TLS = 16, CHAIN = 32 };

typedef struct client {
  ettm_session *s;
  unsigned flags;
  size_t alive;  /* octets of memory */
  int messages;  /* transactions queued so far */
  int bodies;    /* BODY events */
  int ends;      /* lone dots on the wire: of contents, or of one that nobody was to get */
  int sent;      /* SENT events */
  int tls;       /* the handshake is due */
  int said_quit; /* QUIT is queued */
  char line[5];  /* the last octets on the wire */
  ettm_fate fate;
} client;

static void demand(int ok) {
  if (!ok) {
    abort();
  }
}

static void *count(void *ud, void *ptr, size_t osize, size_t nsize) {
  client *c = (client *)ud;
  c->alive += nsize - (ptr != NULL ? osize : 0);
  demand(c->alive < 4u * 1024 * 1024);
  if (nsize == 0) {
    free(ptr);
    return NULL;
  }
  return realloc(ptr, nsize);
}

static void command(client *c, ettm_verb verb, const char *argument, const char *parameters) {
  ettm_command it;
  memset(&it, 0, sizeof it);
  it.verb = verb;
  it.argument = ettm_str_of(argument, strlen(argument));
  it.parameters = ettm_str_of(parameters, strlen(parameters));
  demand(!ettm_status_is_fatal(ettm_session_command(c->s, &it)));
  c->said_quit |= verb == ETTM_VERB_QUIT;
}

static void queue_next(client *c) {
  if (c->messages == 3) {
    command(c, ETTM_VERB_QUIT, "", "");
    return;
  }
  if (c->messages++ == 1) {
    command(c, ETTM_VERB_RSET, "", "");
  }
  command(c, ETTM_VERB_MAIL, "a@b.example", "");
  command(c, ETTM_VERB_RCPT, "c@d.example", "");
  command(c, ETTM_VERB_RCPT, "e@f.example", "");
  command(c, ETTM_VERB_DATA, "", "");
}

static void log_in(client *c) {
  const ettm_capabilities *offered = ettm_session_capabilities(c->s);
  if ((offered->known & ETTM_EXT_STARTTLS) && !(c->flags & NO_TLS) && !c->tls) {
    command(c, ETTM_VERB_STARTTLS, "", "");
    c->tls = 1;
  } else if (offered->known & ETTM_EXT_AUTH) {
    command(c, ETTM_VERB_AUTH, "PLAIN", "AHUAcA==");
  } else {
    queue_next(c);
  }
}

/* Looks at what leaves, octet by octet. */
static void watch_wire(client *c, ettm_str out) {
  size_t i;
  for (i = 0; i < out.n; i++) {
    demand((out.p[i] == '\n') == (c->line[4] == '\r'));
    memmove(c->line, c->line + 1, 4);
    c->line[4] = out.p[i];
    c->ends += memcmp(c->line + 1, "\n.\r\n", 4) == 0;
    demand(memcmp(c->line, "Conte", 5) != 0 || c->bodies > 0);
  }
}

static void write_out(client *c) {
  for (;;) {
    ettm_str out = ettm_session_peek(c->s);
    size_t n = (c->flags & SHORT_WRITES) && out.n > 3 ? 3 : out.n;
    demand(out.n <= ETTM_SESSION_WIRE);
    if (n == 0) {
      return;
    }
    watch_wire(c, ettm_str_of(out.p, n));
    ettm_session_skip(c->s, n);
  }
}

static void send_content(client *c) {
  static const char content[] = "Content: x\n\n.\r.\r\n..\nend";
  size_t at = 0;
  c->bodies++;
  c->fate = ETTM_FATE_NOT_SENT;
  demand(ettm_session_fate(c->s) == ETTM_FATE_NOT_SENT);
  while (at < sizeof content - 1) {
    size_t used;
    demand(ettm_session_want(c->s) & ETTM_WANT_BODY);
    demand(ettm_session_body(c->s, content + at, sizeof content - 1 - at, &used) == ETTM_OK);
    at += used;
  }
  demand(ettm_session_body_end(c->s) == ETTM_OK);
  demand(ettm_session_fate(c->s) == ETTM_FATE_NOT_SENT);
  if (c->flags & CHAIN) {
    queue_next(c);
  }
}

static void react_to_refusal(client *c, const ettm_event *ev) {
  switch (ev->phase) {
  case ETTM_PHASE_GREETING: command(c, ETTM_VERB_QUIT, "", ""); break;
  case ETTM_PHASE_EHLO: command(c, ETTM_VERB_HELO, "me.example", ""); break;
  case ETTM_PHASE_AUTH:
  case ETTM_PHASE_STARTTLS:
  case ETTM_PHASE_DATA: queue_next(c); break;
  case ETTM_PHASE_FINAL:
    if (!(c->flags & CHAIN)) {
      queue_next(c);
    }
    break;
  default: break;
  }
}

static void react(client *c, const ettm_event *ev) {
  switch (ev->kind) {
  case ETTM_EVENT_NONE: abort();
  case ETTM_EVENT_GREETING: command(c, ETTM_VERB_EHLO, "me.example", ""); break;
  case ETTM_EVENT_CAPABILITIES: log_in(c); break;
  case ETTM_EVENT_STARTTLS:
    write_out(c);
    demand(ettm_session_want(c->s) == ETTM_WANT_TLS);
    demand(ettm_session_tls_done(c->s) == ETTM_OK);
    demand(ettm_session_capabilities(c->s)->known == 0);
    command(c, ETTM_VERB_EHLO, "me.example", "");
    break;
  case ETTM_EVENT_CHALLENGE:
    demand(ettm_session_respond(c->s, ETTM_LIT("c2VjcmV0")) == ETTM_OK);
    break;
  case ETTM_EVENT_AUTHENTICATED: queue_next(c); break;
  case ETTM_EVENT_BODY: send_content(c); break;
  case ETTM_EVENT_SENT:
    demand(ettm_session_fate(c->s) == ETTM_FATE_ACCEPTED);
    if (!(c->flags & CHAIN)) {
      queue_next(c);
    }
    break;
  case ETTM_EVENT_REFUSED: react_to_refusal(c, ev); break;
  default: break;
  }
}

static void check_fate(client *c) {
  ettm_fate fate = ettm_session_fate(c->s);
  demand(fate >= c->fate);
  demand(c->fate < ETTM_FATE_REFUSED || fate == c->fate);
  demand(fate != ETTM_FATE_ACCEPTED || c->sent > 0);
  demand(c->sent <= c->bodies && c->sent <= c->ends && c->ends <= c->messages);
  c->fate = fate;
}

/* Pulls all events. Returns 0 when it is over. */
static int pull(client *c) {
  ettm_event ev;
  ettm_status status;
  while ((status = ettm_session_next(c->s, &ev)) == ETTM_OK) {
    c->sent += ev.kind == ETTM_EVENT_SENT;
    if (ev.kind != ETTM_EVENT_BODY) {
      check_fate(c);
    }
    react(c, &ev);
    write_out(c);
    check_fate(c);
  }
  demand(status == ETTM_NEED_INPUT || status == ETTM_DONE || ettm_status_is_fatal(status));
  demand(status != ETTM_E_MEMORY);
  demand((ettm_session_want(c->s) == 0) == (status != ETTM_NEED_INPUT));
  demand(status == ETTM_NEED_INPUT || ettm_session_next(c->s, &ev) == status);
  return status == ETTM_NEED_INPUT;
}

static void talk(client *c, ettm_str said) {
  int open = 1;
  while (open && said.n > 0) {
    size_t room = ettm_session_room(c->s);
    size_t n = (c->flags & SHORT_READS) ? 1 : said.n;
    n = n < room ? n : room;
    demand(n > 0);
    demand(ettm_session_feed(c->s, said.p, n) == ETTM_OK);
    said = ettm_str_of(said.p + n, said.n - n);
    open = pull(c);
  }
  if (open && !(c->flags & NO_EOF)) {
    demand(ettm_session_feed_eof(c->s) == ETTM_OK);
    demand(!pull(c));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  client c;
  ettm_alloc a;
  ettm_session_options o;
  if (size < 1) {
    return 0;
  }
  memset(&c, 0, sizeof c);
  memset(&o, 0, sizeof o);
  c.flags = data[0];
  c.line[4] = '\n';
  a.fn = count;
  a.ud = &c;
  o.lock_step = (c.flags & LOCK_STEP) != 0;
  o.without = ETTM_LIT("CHUNKING");
  demand(ettm_session_new(&c.s, &o, &a) == ETTM_OK);
  talk(&c, ettm_str_of((const char *)data + 1, size - 1));
  demand(ettm_session_transcript(c.s).n <= ETTM_TRANSCRIPT_SIZE);
  ettm_session_free(c.s);
  demand(c.alive == 0);
  return 0;
}
