/* The commands of a session that wait to leave or for their reply, oldest first.
 *
 * Those at the front, `sent` of them, are the ring of expected replies (RFC 2920); the lines of the
 * others are kept until they leave. Knows nothing of replies. Copies what goes in; a secret buffer,
 * wiped as it empties. Bounded by both maxima; every call is O(octets of the lines it handles).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_PENDING_H
#define ETTM_SMTP_PENDING_H

#include "smtp/transition.h"

typedef struct ettm_pending_entry {
  uint64_t end;    /* octets that will have been skipped when its line was; set when it leaves */
  uint32_t tag;    /* of its command */
  uint32_t length; /* octets of its line */
  ettm_verb verb;
  ettm_phase phase; /* what it waits in */
  int empty;        /* its content was the lone dot of RFC 2920 3.1 */
} ettm_pending_entry;

typedef struct ettm_pending {
  ettm_buffer lines;   /* of the entries that did not leave yet */
  ettm_buffer entries; /* of ettm_pending_entry, moved in and out by memcpy */
  size_t sent;         /* how many at the front have left */
} ettm_pending;

void ettm_pending_init(ettm_pending *p, const ettm_alloc *a, size_t line_max, size_t entry_max);
void ettm_pending_clear(ettm_pending *p);

size_t ettm_pending_count(const ettm_pending *p);

/* The entry at index i, below the count, and its replacement. */
ettm_pending_entry ettm_pending_get(const ettm_pending *p, size_t i);
void ettm_pending_set(ettm_pending *p, size_t i, const ettm_pending_entry *e);

/* Adds an entry without a line. Returns ETTM_OK, ETTM_FULL, ETTM_E_MEMORY. */
ETTM_MUST_USE ettm_status ettm_pending_push(ettm_pending *p, const ettm_pending_entry *e);

/* Adds a command. Returns ETTM_OK, ETTM_FULL, or what ettm_command_append returns. */
ETTM_MUST_USE ettm_status ettm_pending_add(ettm_pending *p, const ettm_command *c);

/* The line of the first entry that did not leave, lent. */
ettm_str ettm_pending_line(const ettm_pending *p);

/* That entry leaves: it ends at `end`, its line is forgotten. */
void ettm_pending_leave(ettm_pending *p, uint64_t end);

/* Drops the front entry, with its line where that did not leave. */
void ettm_pending_pop(ettm_pending *p);

/* Takes back the youngest until `count` are left, but none that has left. */
void ettm_pending_rewind(ettm_pending *p, size_t count);

#endif
