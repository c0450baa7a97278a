/* SPDX-License-Identifier: MIT */
#include "dialogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
    "NONE", "GREETING", "CAPABILITIES", "STARTTLS", "CHALLENGE", "AUTHENTICATED", "MAIL",
    "RCPT", "BODY",     "SENT",         "REPLY",    "REFUSED",   "SHUTDOWN",      "CLOSED"};
static const char *const fate_names[] = {"NOT_SENT", "UNKNOWN", "REFUSED", "ACCEPTED"};

typedef struct status_name {
  const char *name;
  ettm_status status;
} status_name;

static const status_name status_names[] = {
    {"DONE", ETTM_DONE},       {"INPUT", ETTM_NEED_INPUT},  {"PROTOCOL", ETTM_E_PROTOCOL},
    {"CLOSED", ETTM_E_CLOSED}, {"SIZE", ETTM_E_REPLY_SIZE}, {"INJECTED", ETTM_E_INJECTED}};

static ettm_str text_of(const char *terminated) {
  return ettm_str_of(terminated, strlen(terminated));
}

/* Notes a failed allocation; anything else must be as wanted. */
static int went_well(dialogue *d, ettm_status got, ettm_status wanted, const char *what) {
  if (got == ETTM_E_MEMORY) {
    d->memory = got;
    return 0;
  }
  check_int(got, wanted, what, __FILE__, __LINE__);
  return got == wanted;
}

static void append(ettm_buffer *b, ettm_str s) {
  if (ettm_buffer_append(b, s) != ETTM_OK) {
    abort();
  }
}

static void note_event(dialogue *d, const ettm_event *ev) {
  char line[128];
  char code[8] = "-";
  if (ev->reply != NULL) {
    snprintf(code, sizeof code, "%d", ev->reply->code);
  }
  snprintf(line, sizeof line, "%s %s %s #%u\n", kind_names[ev->kind], ettm_phase_name(ev->phase),
           code, (unsigned)ev->tag);
  append(&d->events, text_of(line));
}

static void pull_events(dialogue *d) {
  ettm_event ev;
  while ((d->last = ettm_session_next(d->s, &ev)) == ETTM_OK) {
    note_event(d, &ev);
  }
  if (d->last == ETTM_E_MEMORY) {
    d->memory = d->last;
  }
  if (ettm_status_is_fatal(d->last)) {
    CHECK_INT(ettm_session_next(d->s, &ev), d->last);
    CHECK_INT(ettm_session_want(d->s), 0);
  }
}

static void send_all(dialogue *d) {
  ettm_str out;
  while ((out = ettm_session_peek(d->s)).n > 0) {
    size_t n = d->o.skip > 0 && d->o.skip < out.n ? d->o.skip : out.n;
    CHECK(ettm_session_want(d->s) & ETTM_WANT_WRITE);
    out = ettm_session_peek(d->s);
    append(&d->heard, ettm_str_of(out.p, n));
    ettm_session_skip(d->s, n);
  }
  if (ettm_session_want(d->s) == 0) {
    pull_events(d); /* a command that there was no memory for ends it */
  }
}

static size_t next_piece(const dialogue *d, ettm_str said) {
  const char *lf;
  if (d->o.cut > 0) {
    return (size_t)d->o.cut < said.n ? (size_t)d->o.cut : said.n;
  }
  lf = (const char *)memchr(said.p, '\n', said.n);
  return d->o.cut == CUT_LINES && lf != NULL ? (size_t)(lf - said.p) + 1 : said.n;
}

/* Lets the server say what it has to say. */
static void say(dialogue *d) {
  if (ettm_buffer_size(&d->to_say) == 0) {
    return;
  }
  send_all(d);
  if (d->memory == ETTM_OK) {
    CHECK_STR(ettm_buffer_view(&d->heard), ETTM_LIT(""));
  }
  while (ettm_buffer_size(&d->to_say) > 0 && d->memory == ETTM_OK) {
    ettm_str said = ettm_buffer_view(&d->to_say);
    size_t n = next_piece(d, said);
    if (ettm_session_room(d->s) < n) {
      break; /* it is over: what is still said is not heard */
    }
    if (!went_well(d, ettm_session_feed(d->s, said.p, n), ETTM_OK, "feed")) {
      break;
    }
    ettm_buffer_consume(&d->to_say, n);
    pull_events(d);
  }
  ettm_buffer_truncate(&d->to_say, 0);
}

static ettm_verb verb_of(ettm_str name) {
  int verb;
  for (verb = ETTM_VERB_EHLO; verb < ETTM_VERB_OTHER; verb++) {
    if (ettm_str_equal(name, text_of(ettm_verb_name((ettm_verb)verb)))) {
      return (ettm_verb)verb;
    }
  }
  return ETTM_VERB_OTHER;
}

ettm_command dialogue_command(const char *text, size_t n) {
  ettm_command c;
  const char *end = text + n;
  const char *space = (const char *)memchr(text, ' ', n);
  const char *bar = (const char *)memchr(text, '|', n);
  const char *argument = space != NULL ? space + 1 : end;
  const char *argument_end = bar == NULL ? end : bar > argument ? bar - 1 : argument;
  memset(&c, 0, sizeof c);
  c.verb = verb_of(ettm_str_of(text, space != NULL ? (size_t)(space - text) : n));
  c.argument = ettm_str_of(argument, (size_t)(argument_end - argument));
  if (bar != NULL) {
    c.parameters = ettm_str_of(bar + 2, (size_t)(end - bar) - 2);
  }
  if (c.verb == ETTM_VERB_OTHER) {
    c.argument = ettm_str_of(text, n);
  }
  return c;
}

static void queue(dialogue *d, ettm_str text) {
  ettm_command c = dialogue_command(text.p, text.n);
  c.tag = ++d->tag;
  went_well(d, ettm_session_command(d->s, &c), ETTM_OK, "command");
}

static void give_content(dialogue *d, ettm_str text) {
  char line[1024];
  size_t at = 0;
  memcpy(line, text.p, text.n);
  memcpy(line + text.n, "\r\n", 2);
  while (at < text.n + 2) {
    size_t used = 0;
    ettm_status status;
    size_t step = d->o.cut > 0 ? 1 : text.n + 2 - at;
    CHECK(ettm_session_want(d->s) & ETTM_WANT_BODY);
    status = ettm_session_body(d->s, line + at, step, &used);
    if (status == ETTM_FULL) {
      send_all(d);
    } else if (!went_well(d, status, ETTM_OK, "body")) {
      return;
    }
    at += used;
  }
}

/* Compares the front line of a buffer and takes it off. */
static void expect_line(ettm_buffer *b, ettm_str wanted, const char *ending) {
  ettm_str all = ettm_buffer_view(b);
  const char *lf = all.n > 0 ? (const char *)memchr(all.p, '\n', all.n) : NULL;
  size_t n = lf != NULL ? (size_t)(lf - all.p) + 1 : all.n;
  char line[2048];
  CHECK(wanted.n + 3 < sizeof line);
  memcpy(line, wanted.p, wanted.n);
  strcpy(line + wanted.n, ending);
  CHECK_STR(ettm_str_of(all.p, n), text_of(line));
  ettm_buffer_consume(b, n);
}

static void expect_want(dialogue *d, ettm_str letters) {
  unsigned wanted = 0;
  size_t i;
  static const char all[] = "RWBTC";
  for (i = 0; i < letters.n; i++) {
    const char *at = strchr(all, letters.p[i]);
    wanted |= at != NULL ? 1u << (at - all) : 0;
  }
  send_all(d);
  CHECK_INT(ettm_session_want(d->s), wanted);
}

static void expect_status(dialogue *d, ettm_str name) {
  size_t i;
  for (i = 0; i < sizeof status_names / sizeof status_names[0]; i++) {
    if (ettm_str_equal(name, text_of(status_names[i].name))) {
      CHECK_INT(d->last, status_names[i].status);
      return;
    }
  }
  abort();
}

static void play_mark(dialogue *d, char what) {
  switch (what) {
  case 'B': went_well(d, ettm_session_body_end(d->s), ETTM_OK, "body_end"); break;
  case 'T': went_well(d, ettm_session_tls_done(d->s), ETTM_OK, "tls_done"); break;
  default:
    send_all(d);
    went_well(d, ettm_session_feed_eof(d->s), ETTM_OK, "feed_eof");
    pull_events(d);
    break;
  }
}

static void play_line(dialogue *d, char what, ettm_str text) {
  switch (what) {
  case '>': queue(d, text); break;
  case 'C':
    send_all(d);
    if (d->memory == ETTM_OK) {
      expect_line(&d->heard, text, "\r\n");
    }
    break;
  case 'E': expect_line(&d->events, text, "\n"); break;
  case 'B': give_content(d, text); break;
  case 'R': went_well(d, ettm_session_respond(d->s, text), ETTM_OK, "respond"); break;
  case 'W': expect_want(d, text); break;
  case 'P': CHECK_STR(text_of(ettm_phase_name(ettm_session_phase(d->s))), text); break;
  case 'F': CHECK_STR(text_of(fate_names[ettm_session_fate(d->s)]), text); break;
  case '=': expect_status(d, text); break;
  default: abort();
  }
}

static void play_step(dialogue *d, ettm_str step) {
  size_t prefix = step.p[0] == '>' ? 2 : 3;
  if (step.p[0] == 'S') {
    append(&d->to_say, ettm_str_of(step.p + prefix, step.n - prefix));
    append(&d->to_say, ETTM_LIT("\r\n"));
    return;
  }
  say(d);
  if (d->memory != ETTM_OK) {
    return;
  }
  if (step.p[step.n - 1] == '.' && (step.n == 2 || ettm_str_equal(step, ETTM_LIT("EOF.")))) {
    play_mark(d, step.p[0] == 'E' ? '.' : step.p[0]);
  } else {
    play_line(d, step.p[0], ettm_str_of(step.p + prefix, step.n - prefix));
  }
}

void dialogue_open(dialogue *d, const dialogue_options *o, const ettm_alloc *a) {
  memset(d, 0, sizeof *d);
  if (o != NULL) {
    d->o = *o;
  }
  d->last = ETTM_NEED_INPUT;
  ettm_buffer_init(&d->heard, NULL, 1u << 24);
  ettm_buffer_init(&d->events, NULL, 1u << 24);
  ettm_buffer_init(&d->to_say, NULL, 1u << 24);
  d->memory = ettm_session_new(&d->s, &d->o.session, a);
}

void dialogue_play(dialogue *d, const char *script) {
  while (*script != '\0' && d->memory == ETTM_OK) {
    size_t n = strcspn(script, "\n");
    play_step(d, ettm_str_of(script, n));
    script += n + (script[n] == '\n');
  }
  if (d->memory == ETTM_OK) {
    say(d);
  }
  if (d->memory == ETTM_OK) {
    send_all(d);
  }
  if (d->memory == ETTM_OK) {
    CHECK_STR(ettm_buffer_view(&d->heard), ETTM_LIT(""));
    CHECK_STR(ettm_buffer_view(&d->events), ETTM_LIT(""));
  }
}

void dialogue_close(dialogue *d) {
  ettm_session_free(d->s);
  ettm_buffer_clear(&d->heard);
  ettm_buffer_clear(&d->events);
  ettm_buffer_clear(&d->to_say);
}

void dialogue_play_all_ways(const char *script, const ettm_session_options *o) {
  static const int cuts[] = {CUT_NOT, CUT_LINES, 1, 3};
  static const size_t skips[] = {0, 1, 5};
  size_t i;
  size_t k;
  for (i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
    for (k = 0; k < sizeof skips / sizeof skips[0]; k++) {
      dialogue d;
      dialogue_options options;
      memset(&options, 0, sizeof options);
      options.cut = cuts[i];
      options.skip = skips[k];
      if (o != NULL) {
        options.session = *o;
      }
      dialogue_open(&d, &options, NULL);
      dialogue_play(&d, script);
      dialogue_close(&d);
    }
  }
}
