/* What a login has sent, to be masked where the server says it again: in an error's text, in a
 * transcript.
 *
 * Holds the last response as it was sent (base64) and the secret in it as it is. Servers that do
 * not know a line show it; what they show may be cut, so a beginning counts, too. O(n) for a text
 * of n octets.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_HIDDEN_H
#define ETTM_SMTP_HIDDEN_H

#include "base/buffer.h"

#define ETTM_HIDDEN_LEAST 8 /* octets: shorter ones are words that anybody may say */

typedef struct ettm_hidden {
  ettm_buffer response;
  ettm_buffer secret;
} ettm_hidden;

void ettm_hidden_init(ettm_hidden *h, const ettm_alloc *a);
void ettm_hidden_clear(ettm_hidden *h); /* wipes; it may be used again */

/* What is to be hidden from now on, in place of what was. Returns as ettm_buffer_append. */
ETTM_MUST_USE ettm_status ettm_hidden_response(ettm_hidden *h, ettm_str response);
ETTM_MUST_USE ettm_status ettm_hidden_secret(ettm_hidden *h, ettm_str secret);

/* Overwrites what is hidden in the text, and beginnings of it, by "*". */
void ettm_hidden_mask(const ettm_hidden *h, ettm_buffer *text);

#endif
