/* What a server calls a message by when it has taken it: not in any standard, but it is what both
 * operators will search their logs for.
 *
 * Pure; lends a view into what it is given; O(n).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_RECEIPT_H
#define ETTM_SMTP_RECEIPT_H

#include "base/status.h"

/* The name in the text of the reply to the end of the content; empty where there is none that is
 * known. */
ettm_str ettm_receipt_id(ettm_str text);

#endif
