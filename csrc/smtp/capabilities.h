/* What a server offers in its reply to EHLO (RFC 5321 4.1.1.1): keywords and their parameters.
 *
 * Keywords are whole tokens, compared without case; the first line is the server's name and never a
 * keyword. A keyword that is switched off is as if it had not been offered; a line that holds a
 * control character is passed over; "AUTH=" is read as "AUTH ", as it was written before RFC 2554.
 * Memory: one copy of the reply's lines, bounded. O(n) to read, O(n) to look up.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_CAPABILITIES_H
#define ETTM_SMTP_CAPABILITIES_H

#include <stdint.h>

#include "base/buffer.h"
#include "smtp/reply.h"

/* The extensions that this code knows, as bits. */
enum {
  ETTM_EXT_PIPELINING = 1 << 0,
  ETTM_EXT_SIZE = 1 << 1,
  ETTM_EXT_8BITMIME = 1 << 2,
  ETTM_EXT_SMTPUTF8 = 1 << 3,
  ETTM_EXT_STARTTLS = 1 << 4,
  ETTM_EXT_AUTH = 1 << 5,
  ETTM_EXT_ENHANCEDSTATUSCODES = 1 << 6,
  ETTM_EXT_CHUNKING = 1 << 7,
  ETTM_EXT_BINARYMIME = 1 << 8,
  ETTM_EXT_DSN = 1 << 9,
  ETTM_EXT_VRFY = 1 << 10,
  ETTM_EXT_EXPN = 1 << 11,
  ETTM_EXT_HELP = 1 << 12,
  ETTM_EXT_REQUIRETLS = 1 << 13,
  ETTM_EXT_LIMITS = 1 << 14
};

typedef struct ettm_capabilities {
  unsigned known;    /* ETTM_EXT_ bits that are offered and not switched off */
  uint64_t size_max; /* of SIZE; 0: no limit told */
  ettm_buffer
      lines; /* "KEYWORD parameters" LF, keywords in upper case, those switched off left out */
} ettm_capabilities;

void ettm_capabilities_init(ettm_capabilities *c, const ettm_alloc *a);
void ettm_capabilities_clear(ettm_capabilities *c); /* nothing is offered; memory is freed */

/* Forgets what was there and reads the reply to EHLO. without: keywords switched off, parted by
 * spaces, of any case. Returns ETTM_OK, ETTM_E_MEMORY, ETTM_E_LIMIT. */
ETTM_MUST_USE ettm_status ettm_capabilities_read(ettm_capabilities *c, const ettm_reply *reply,
                                                 ettm_str without);

/* True (1) when the keyword (any case) is offered; *parameters is then set, lent, may be empty. */
int ettm_capabilities_find(const ettm_capabilities *c, ettm_str keyword, ettm_str *parameters);

/* True (1) when the extension of each parameter of a MAIL or RCPT is offered: the one that defines
 * it (RFC 1870, 3461, 4954, 6152, 6531, 8689), else one of the parameter's own name. */
int ettm_capabilities_allow(const ettm_capabilities *c, ettm_str parameters);

/* All of them: "KEYWORD parameters" lines parted by LF, lent until the next read. */
ettm_str ettm_capabilities_view(const ettm_capabilities *c);

#endif
