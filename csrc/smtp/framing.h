/* The content as DATA carries it (RFC 5321 4.5.2): every line end becomes CRLF, a line that starts
 * with a dot gets another, and the end is a dot alone.
 *
 * A resumable filter: the output is the same however the input is cut. Between the start and the
 * end CR stands only before LF and LF only after CR: a bare CR and a bare LF each become CRLF. The
 * caller owns the state; O(n), no memory beyond it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_FRAMING_H
#define ETTM_SMTP_FRAMING_H

#include "base/status.h"

#define ETTM_FRAMING_ROOM 8 /* the least room that a call asks for */

typedef struct ettm_framing {
  int line_start; /* the next octet begins a line */
  int after_cr;   /* a CR was taken and its CRLF written: an LF that follows belongs to it */
} ettm_framing;

void ettm_framing_init(ettm_framing *f);

/* Writes as much of in as out has room for; capacity >= ETTM_FRAMING_ROOM. *used octets were taken,
 * *made written. */
void ettm_framing_write(ettm_framing *f, ettm_str in, size_t *used, char *out, size_t capacity,
                        size_t *made);

/* Writes the end: CRLF where the last line has none, then "." CRLF. Returns the octets written, at
 * most ETTM_FRAMING_ROOM. */
size_t ettm_framing_end(ettm_framing *f, char *out);

#endif
