/* Plays scripts against a session, so that a test reads like the dialogue it is about.
 *
 * A script is lines, each a step:
 *   > MAIL a@b.example | SIZE=1   queue a command (tags count from 1; "> X ..." is OTHER)
 *   S: 250 ok         the server says a line; lines in a row are fed together, as `cut` says
 *   C: MAIL ...       the client must have sent this line next
 *   E: RCPT RCPT 250 #3   the next event: kind, phase, code ("-": no reply), tag of the command
 *   B: text           give a line of content       B.  it is whole
 *   R: AAAA           respond to a challenge       T.  the handshake is done      EOF.
 *   W: RC             what want must be, of R W B T C, "-" for 0; the wire is empty then
 *   P: MAIL           what phase must be           F: UNKNOWN   what fate must be
 *   =: DONE           what next must have returned last: DONE INPUT PROTOCOL CLOSED SIZE INJECTED
 * Whenever the server speaks, and in the end, all the client sent must have been told by C: lines,
 * and in the end all events by E: lines.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SPEC_DIALOGUE_H
#define ETTM_SPEC_DIALOGUE_H

#include "check.h"
#include "smtp/session.h"

enum { CUT_NOT = 0, CUT_LINES = -1 }; /* else: octets at a time */

typedef struct dialogue_options {
  int cut;     /* how the server's lines are fed */
  size_t skip; /* how many octets leave at a time; 0: all that peek lends */
  ettm_session_options session;
} dialogue_options;

typedef struct dialogue {
  ettm_session *s;
  dialogue_options o;
  ettm_buffer heard;  /* what the client sent and no C: line told */
  ettm_buffer events; /* what no E: line told, as lines */
  ettm_buffer to_say; /* what the server says next */
  ettm_status last;   /* of next */
  ettm_status memory; /* ETTM_E_MEMORY once a call returned it: the play is over */
  uint32_t tag;
} dialogue;

void dialogue_open(dialogue *d, const dialogue_options *o, const ettm_alloc *a);
void dialogue_play(dialogue *d, const char *script);
void dialogue_close(dialogue *d);

/* Opens, plays and closes in every way of cutting and skipping. */
void dialogue_play_all_ways(const char *script, const ettm_session_options *o);

/* One command out of "MAIL a@b.example | SIZE=1"; lends the views. */
ettm_command dialogue_command(const char *text, size_t n);

#endif
