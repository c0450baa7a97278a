/* What may stand between < and > in MAIL and RCPT: the Mailbox of RFC 5321 4.1.2 and its limits.
 *
 * Checks the parts and rebuilds the path from them; nothing is ever copied from raw input. Stricter
 * than RFC 5322: no obsolete forms, no underscore in a domain, no white space, 64 octets of local
 * part, 255 of domain, 254 of both (RFC 5321 4.5.3.1). O(n).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_ADDRESS_PATH_H
#define ETTM_ADDRESS_PATH_H

#include "base/buffer.h"

#define ETTM_LOCAL_MAX   64
#define ETTM_DOMAIN_MAX  255
#define ETTM_MAILBOX_MAX 254

/* Appends the mailbox made of its parts, without < and >. utf8: SMTPUTF8 is in force; a U-label
 * domain is then sent in U-labels, else as A-labels (address/idna.h), and A-labels behind a
 * non-ASCII local part become U-labels where they can. After a failure out is as it was. The limit
 * of the local part counts its quotes. Returns ETTM_OK, or:
 * ETTM_E_ADDRESS; ETTM_E_UNSAFE: a control character; ETTM_E_LIMIT: too long;
 * ETTM_E_NEEDS_SMTPUTF8: a non-ASCII local part without utf8; ETTM_E_DOMAIN, ETTM_E_NO_IDNA;
 * ETTM_E_UTF8; ETTM_E_MEMORY. */
ETTM_MUST_USE ettm_status ettm_path_append(ettm_buffer *out, ettm_str local, ettm_str domain,
                                           int utf8);

/* Parses one addr-spec (no name, no brackets; "postmaster" alone is allowed when bare_postmaster)
 * by address/address.h, with ETTM_ADDRESS_CARRIERS, and appends its path. Returns as
 * ettm_path_append. */
ETTM_MUST_USE ettm_status ettm_path_from_text(ettm_buffer *out, ettm_str text, int utf8,
                                              int bare_postmaster);

/* Checks a domain name or an address literal in brackets (RFC 5321 4.1.2, 4.1.3): what EHLO takes.
 * Returns ETTM_OK, ETTM_E_DOMAIN, ETTM_E_UNSAFE, ETTM_E_LIMIT. */
ETTM_MUST_USE ettm_status ettm_path_check_domain(ettm_str domain);

#endif
