/* Domain names between U-labels and A-labels (IDNA 2008 with UTS 46 mapping), by libidn2.
 *
 * A build without libidn2 (ETTM_IDN2 not defined) takes ASCII domains only. ASCII domains are
 * copied in lower case and not checked here. The length is bounded before libidn2 sees it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_ADDRESS_IDNA_H
#define ETTM_ADDRESS_IDNA_H

#include "base/buffer.h"

/* Appends the A-label form of domain (UTF-8). Returns as ettm_buffer_append, or ETTM_E_DOMAIN: it
 * has none; ETTM_E_NO_IDNA; ETTM_E_UTF8; ETTM_E_LIMIT: longer than a domain may be. */
ETTM_MUST_USE ettm_status ettm_idna_to_ascii(ettm_buffer *out, ettm_str domain);

/* Appends the U-label form of domain (A-labels). Same returns. */
ETTM_MUST_USE ettm_status ettm_idna_to_unicode(ettm_buffer *out, ettm_str domain);

/* True (1) when this build can convert. */
int ettm_idna_available(void);

#endif
