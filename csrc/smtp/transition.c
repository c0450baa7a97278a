/* SPDX-License-Identifier: MIT */
#include "smtp/transition.h"

/* The cells, by what they mean. */
#define GO(event)                                                                                  \
  { ETTM_NEXT_KEEP, ETTM_EVENT_##event, ETTM_FATE_NOT_SENT, ETTM_OK }
#define REFUSED GO(REFUSED)
#define STARTTLS                                                                                   \
  { ETTM_NEXT_TLS, ETTM_EVENT_STARTTLS, ETTM_FATE_NOT_SENT, ETTM_OK }
#define CONTENT                                                                                    \
  { ETTM_NEXT_BODY, ETTM_EVENT_BODY, ETTM_FATE_NOT_SENT, ETTM_OK }
#define OWNED                                                                                      \
  { ETTM_NEXT_KEEP, ETTM_EVENT_SENT, ETTM_FATE_ACCEPTED, ETTM_OK }
#define RETURNED                                                                                   \
  { ETTM_NEXT_KEEP, ETTM_EVENT_REFUSED, ETTM_FATE_REFUSED, ETTM_OK }
#define CUT_SHORT                                                                                  \
  { ETTM_NEXT_CLOSED, ETTM_EVENT_REFUSED, ETTM_FATE_REFUSED, ETTM_OK }
#define SHUTDOWN(fate)                                                                             \
  { ETTM_NEXT_CLOSED, ETTM_EVENT_SHUTDOWN, ETTM_FATE_##fate, ETTM_OK }
#define LEAVING SHUTDOWN(NOT_SENT)
#define ENDED                                                                                      \
  { ETTM_NEXT_CLOSED, ETTM_EVENT_CLOSED, ETTM_FATE_NOT_SENT, ETTM_OK }
#define NOTHING                                                                                    \
  { ETTM_NEXT_CLOSED, ETTM_EVENT_NONE, ETTM_FATE_NOT_SENT, ETTM_OK }
#define BROKEN(status)                                                                             \
  { ETTM_NEXT_BROKEN, ETTM_EVENT_NONE, ETTM_FATE_NOT_SENT, ETTM_E_##status }
#define LOST   BROKEN(CLOSED)
#define UNDUE  BROKEN(PROTOCOL)
#define INJECT BROKEN(INJECTED)

static const ettm_transition table[ETTM_PHASE_CLOSED + 1][ETTM_KIND_EOF + 1] = {
    /* GREETING: anything but 2yz refuses the session (RFC 5321 3.1, RFC 7504 3). */
    {GO(GREETING), REFUSED, REFUSED, REFUSED, LEAVING, LOST},
    /* EHLO */
    {GO(CAPABILITIES), REFUSED, REFUSED, REFUSED, LEAVING, LOST},
    /* HELO */
    {GO(CAPABILITIES), REFUSED, REFUSED, REFUSED, LEAVING, LOST},
    /* STARTTLS */
    {STARTTLS, REFUSED, REFUSED, REFUSED, LEAVING, LOST},
    /* AUTH */
    {GO(AUTHENTICATED), GO(CHALLENGE), REFUSED, REFUSED, LEAVING, LOST},
    /* MAIL */
    {GO(MAIL), REFUSED, REFUSED, REFUSED, LEAVING, LOST},
    /* RCPT */
    {GO(RCPT), REFUSED, REFUSED, REFUSED, LEAVING, LOST},
    /* DATA: after a 2yz nobody can tell whether the server waits for content. */
    {UNDUE, CONTENT, REFUSED, REFUSED, LEAVING, LOST},
    /* BODY: a server that has seen enough may refuse before the end. What follows would be read as
       commands, or not at all: there is no way on but to hang up. */
    {UNDUE, UNDUE, CUT_SHORT, CUT_SHORT, LEAVING, LOST},
    /* FINAL: a 421 refuses the content as any 4yz does. An EOF leaves its fate unknown. */
    {OWNED, RETURNED, RETURNED, RETURNED, SHUTDOWN(REFUSED), LOST},
    /* RSET */
    {GO(REPLY), REFUSED, REFUSED, REFUSED, LEAVING, LOST},
    /* COMMAND */
    {GO(REPLY), REFUSED, REFUSED, REFUSED, LEAVING, LOST},
    /* QUIT: it is over, whatever the server says and whether it says something. */
    {ENDED, ENDED, ENDED, ENDED, ENDED, ENDED},
    /* TLS: what is not TLS is not to be believed (RFC 3207 4.2). */
    {INJECT, INJECT, INJECT, INJECT, INJECT, LOST},
    /* IDLE: nobody asked, but a server may leave (RFC 5321 3.8). */
    {UNDUE, UNDUE, UNDUE, UNDUE, LEAVING, ENDED},
    /* CLOSED */
    {NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING},
};

static const ettm_phase verb_phases[] = {
    ETTM_PHASE_EHLO,    ETTM_PHASE_HELO,    ETTM_PHASE_STARTTLS, ETTM_PHASE_AUTH,
    ETTM_PHASE_MAIL,    ETTM_PHASE_RCPT,    ETTM_PHASE_DATA,     ETTM_PHASE_RSET,
    ETTM_PHASE_COMMAND, ETTM_PHASE_COMMAND, ETTM_PHASE_COMMAND, /* EXPN */
    ETTM_PHASE_COMMAND,                                         /* HELP */
    ETTM_PHASE_QUIT,    ETTM_PHASE_COMMAND};

static const char *const phase_names[] = {"greeting", "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL",
                                          "RCPT",     "DATA", "body", "final",    "RSET", "command",
                                          "QUIT",     "TLS",  "idle", "closed"};

const ettm_transition *ettm_transition_find(ettm_phase phase, ettm_reply_kind kind) {
  return &table[(unsigned)phase <= ETTM_PHASE_CLOSED ? phase : ETTM_PHASE_CLOSED]
               [(unsigned)kind <= ETTM_KIND_EOF ? kind : ETTM_KIND_EOF];
}

ettm_reply_kind ettm_reply_kind_of(int code) {
  static const ettm_reply_kind kinds[] = {ETTM_KIND_2YZ, ETTM_KIND_3YZ, ETTM_KIND_4YZ};
  int digit = code / 100;
  if (code == 421) {
    return ETTM_KIND_421;
  }
  return digit >= 2 && digit <= 4 ? kinds[digit - 2] : ETTM_KIND_5YZ;
}

ettm_phase ettm_phase_of_verb(ettm_verb verb) {
  return verb_phases[(unsigned)verb <= ETTM_VERB_OTHER ? verb : ETTM_VERB_OTHER];
}

const char *ettm_phase_name(ettm_phase phase) {
  return phase_names[(unsigned)phase <= ETTM_PHASE_CLOSED ? phase : ETTM_PHASE_CLOSED];
}
