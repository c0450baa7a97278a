/* SPDX-License-Identifier: MIT */
#include "smtp/transition.h"

#include <string.h>

#include "check.h"

enum { PHASES = ETTM_PHASE_CLOSED + 1, KINDS = ETTM_KIND_EOF + 1 };

/* What must happen, phase by phase and in the order 2yz 3yz 4yz 5yz 421 EOF:
 * the event's letter, or for a broken dialogue the reason in capitals.
 *   g greeting  c capabilities  t starttls  h challenge  a authenticated  m mail  r rcpt  b body
 *   s sent (accepted)  f refused and fate refused  p reply  x refused  d shutdown
 *   X the same, and nothing follows  D shutdown and fate refused  q closed  - nothing, for ever
 *   P protocol error  L connection lost  I injected */
static const char *const expected[PHASES] = {
    "gxxxdL", /* greeting */
    "cxxxdL", /* EHLO */
    "cxxxdL", /* HELO */
    "txxxdL", /* STARTTLS */
    "ahxxdL", /* AUTH */
    "mxxxdL", /* MAIL */
    "rxxxdL", /* RCPT */
    "PbxxdL", /* DATA */
    "PPXXdL", /* body */
    "sfffDL", /* final */
    "pxxxdL", /* RSET */
    "pxxxdL", /* command */
    "qqqqqq", /* QUIT */
    "IIIIIL", /* TLS */
    "PPPPdq", /* idle */
    "------", /* closed */
};

typedef struct meaning {
  char letter;
  ettm_next next;
  ettm_event_kind event;
  ettm_fate fate;
  ettm_status status;
} meaning;

static const meaning meanings[] = {
    {'g', ETTM_NEXT_KEEP, ETTM_EVENT_GREETING, ETTM_FATE_NOT_SENT, ETTM_OK},
    {'c', ETTM_NEXT_KEEP, ETTM_EVENT_CAPABILITIES, ETTM_FATE_NOT_SENT, ETTM_OK},
    {'t', ETTM_NEXT_TLS, ETTM_EVENT_STARTTLS, ETTM_FATE_NOT_SENT, ETTM_OK},
    {'h', ETTM_NEXT_KEEP, ETTM_EVENT_CHALLENGE, ETTM_FATE_NOT_SENT, ETTM_OK},
    {'a', ETTM_NEXT_KEEP, ETTM_EVENT_AUTHENTICATED, ETTM_FATE_NOT_SENT, ETTM_OK},
    {'m', ETTM_NEXT_KEEP, ETTM_EVENT_MAIL, ETTM_FATE_NOT_SENT, ETTM_OK},
    {'r', ETTM_NEXT_KEEP, ETTM_EVENT_RCPT, ETTM_FATE_NOT_SENT, ETTM_OK},
    {'b', ETTM_NEXT_BODY, ETTM_EVENT_BODY, ETTM_FATE_NOT_SENT, ETTM_OK},
    {'s', ETTM_NEXT_KEEP, ETTM_EVENT_SENT, ETTM_FATE_ACCEPTED, ETTM_OK},
    {'f', ETTM_NEXT_KEEP, ETTM_EVENT_REFUSED, ETTM_FATE_REFUSED, ETTM_OK},
    {'X', ETTM_NEXT_CLOSED, ETTM_EVENT_REFUSED, ETTM_FATE_REFUSED, ETTM_OK},
    {'p', ETTM_NEXT_KEEP, ETTM_EVENT_REPLY, ETTM_FATE_NOT_SENT, ETTM_OK},
    {'x', ETTM_NEXT_KEEP, ETTM_EVENT_REFUSED, ETTM_FATE_NOT_SENT, ETTM_OK},
    {'d', ETTM_NEXT_CLOSED, ETTM_EVENT_SHUTDOWN, ETTM_FATE_NOT_SENT, ETTM_OK},
    {'D', ETTM_NEXT_CLOSED, ETTM_EVENT_SHUTDOWN, ETTM_FATE_REFUSED, ETTM_OK},
    {'q', ETTM_NEXT_CLOSED, ETTM_EVENT_CLOSED, ETTM_FATE_NOT_SENT, ETTM_OK},
    {'-', ETTM_NEXT_CLOSED, ETTM_EVENT_NONE, ETTM_FATE_NOT_SENT, ETTM_OK},
    {'P', ETTM_NEXT_BROKEN, ETTM_EVENT_NONE, ETTM_FATE_NOT_SENT, ETTM_E_PROTOCOL},
    {'L', ETTM_NEXT_BROKEN, ETTM_EVENT_NONE, ETTM_FATE_NOT_SENT, ETTM_E_CLOSED},
    {'I', ETTM_NEXT_BROKEN, ETTM_EVENT_NONE, ETTM_FATE_NOT_SENT, ETTM_E_INJECTED},
};

static const meaning *meaning_of(char letter) {
  size_t i = 0;
  while (meanings[i].letter != letter) {
    i++;
  }
  return &meanings[i];
}

static void is_as_expected(void) {
  int phase;
  int kind;
  for (phase = 0; phase < PHASES; phase++) {
    for (kind = 0; kind < KINDS; kind++) {
      const ettm_transition *t = ettm_transition_find((ettm_phase)phase, (ettm_reply_kind)kind);
      const meaning *m = meaning_of(expected[phase][kind]);
      CHECK_INT(t->next, m->next);
      CHECK_INT(t->event, m->event);
      CHECK_INT(t->fate, m->fate);
      CHECK_INT(t->status, m->status);
    }
  }
}

static void check_cell(ettm_phase phase, ettm_reply_kind kind) {
  const ettm_transition *t = ettm_transition_find(phase, kind);
  CHECK_INT(t->next == ETTM_NEXT_BROKEN, ettm_status_is_fatal(t->status));
  CHECK(t->next == ETTM_NEXT_BROKEN || t->status == ETTM_OK);
  /* Whoever waits is told: in every phase but the last one, an event or a failure. */
  CHECK_INT(t->event == ETTM_EVENT_NONE, t->next == ETTM_NEXT_BROKEN || phase == ETTM_PHASE_CLOSED);
  /* A fate is only decided by the reply to a content, and only a 2yz is a success. */
  CHECK(t->fate == ETTM_FATE_NOT_SENT || phase == ETTM_PHASE_FINAL || phase == ETTM_PHASE_BODY);
  CHECK(t->fate != ETTM_FATE_UNKNOWN);
  CHECK_INT(t->fate == ETTM_FATE_ACCEPTED, phase == ETTM_PHASE_FINAL && kind == ETTM_KIND_2YZ);
  CHECK_INT(t->event == ETTM_EVENT_SENT, t->fate == ETTM_FATE_ACCEPTED);
  /* Content only after the 354, TLS only after the 220. */
  CHECK_INT(t->next == ETTM_NEXT_BODY, phase == ETTM_PHASE_DATA && kind == ETTM_KIND_3YZ);
  CHECK_INT(t->next == ETTM_NEXT_TLS, phase == ETTM_PHASE_STARTTLS && kind == ETTM_KIND_2YZ);
  /* Nothing goes on after 421 or the end. */
  if (kind == ETTM_KIND_421 || kind == ETTM_KIND_EOF) {
    CHECK(t->next == ETTM_NEXT_CLOSED || t->next == ETTM_NEXT_BROKEN);
  }
}

static void is_sane(void) {
  int phase;
  int kind;
  for (phase = 0; phase < PHASES; phase++) {
    for (kind = 0; kind < KINDS; kind++) {
      check_cell((ettm_phase)phase, (ettm_reply_kind)kind);
    }
  }
}

static void reads_codes_by_first_digit(void) {
  int code;
  for (code = 200; code < 600; code++) {
    ettm_reply_kind kind = ettm_reply_kind_of(code);
    CHECK_INT(kind, code == 421   ? ETTM_KIND_421
                    : code >= 500 ? ETTM_KIND_5YZ
                    : code >= 400 ? ETTM_KIND_4YZ
                    : code >= 300 ? ETTM_KIND_3YZ
                                  : ETTM_KIND_2YZ);
  }
}

static void knows_phases_of_verbs(void) {
  static const ettm_phase phases[] = {ETTM_PHASE_EHLO,    ETTM_PHASE_HELO,    ETTM_PHASE_STARTTLS,
                                      ETTM_PHASE_AUTH,    ETTM_PHASE_MAIL,    ETTM_PHASE_RCPT,
                                      ETTM_PHASE_DATA,    ETTM_PHASE_RSET,    ETTM_PHASE_COMMAND,
                                      ETTM_PHASE_COMMAND, ETTM_PHASE_COMMAND, ETTM_PHASE_COMMAND,
                                      ETTM_PHASE_QUIT,    ETTM_PHASE_COMMAND};
  int verb;
  for (verb = ETTM_VERB_EHLO; verb <= ETTM_VERB_OTHER; verb++) {
    CHECK_INT(ettm_phase_of_verb((ettm_verb)verb), phases[verb]);
  }
}

static void names_phases(void) {
  static const char *const names[PHASES] = {
      "greeting", "EHLO",  "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA",
      "body",     "final", "RSET", "command",  "QUIT", "TLS",  "idle", "closed"};
  int phase;
  for (phase = 0; phase < PHASES; phase++) {
    CHECK(strcmp(ettm_phase_name((ettm_phase)phase), names[phase]) == 0);
  }
}

static const check_case cases[] = {
    {"has every cell as it was written down beside it", is_as_expected},
    {"has no cell that breaks a rule", is_sane},
    {"reads a code by its first digit, 421 excepted", reads_codes_by_first_digit},
    {"knows what the reply to a verb is waited for in", knows_phases_of_verbs},
    {"names the phases", names_phases},
};
CHECK_MAIN("transition", cases)
