/* The last lines of a dialogue, as they may be shown to a person: secrets masked, bytes bounded.
 *
 * Lines are "C: ..." and "S: ...", LF behind each; control characters and invalid UTF-8 are shown
 * as
 * "?". What a mask covers never gets in here. Keeps the youngest ETTM_TRANSCRIPT_SIZE octets, whole
 * lines only; watched, it keeps besides what was not taken yet, up to one reply more. O(n).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_TRANSCRIPT_H
#define ETTM_SMTP_TRANSCRIPT_H

#include "base/buffer.h"
#include "smtp/command.h"
#include "smtp/reply.h"

#ifndef ETTM_TRANSCRIPT_SIZE
#define ETTM_TRANSCRIPT_SIZE 8192
#endif
#define ETTM_TRANSCRIPT_LINE 512 /* octets of one line; the rest is shown as "..." */

typedef struct ettm_transcript {
  ettm_buffer lines;
  size_t fresh; /* octets at the end that ettm_transcript_take has not given yet */
  int watched;  /* somebody takes each line: none is dropped before that */
} ettm_transcript;

void ettm_transcript_init(ettm_transcript *t, const ettm_alloc *a);
void ettm_transcript_clear(ettm_transcript *t);

/* Adds a line; direction 'C' or 'S'. What there is no memory for is left out: never an error. */
void ettm_transcript_add(ettm_transcript *t, char direction, ettm_str line);

/* Adds a command's line (with its CRLF); what follows the mechanism of an AUTH is masked. */
void ettm_transcript_add_command(ettm_transcript *t, ettm_verb verb, ettm_str line);

/* Adds each line of a reply. */
void ettm_transcript_add_reply(ettm_transcript *t, const ettm_reply *reply);

/* Adds "(content, N octets)". */
void ettm_transcript_add_content(ettm_transcript *t, uint64_t octets);

/* True (1) when one line more is certain not to be lost; always where nobody watches. */
int ettm_transcript_has_room(const ettm_transcript *t);

/* All lines, lent until the next call. */
ettm_str ettm_transcript_view(const ettm_transcript *t);

/* The lines added since the last take (the youngest, where too many came), lent likewise. */
ettm_str ettm_transcript_take(ettm_transcript *t);

#endif
