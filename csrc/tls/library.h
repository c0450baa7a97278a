/* Which OpenSSL this was built for, and which one is there.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_LIBRARY_H
#define ETTM_TLS_LIBRARY_H

#include "tls/context.h"

/* The numbers of what is loaded, as OpenSSL_version_num and OpenSSL_version tell them. Returns
 * ETTM_OK, or ETTM_E_TLS with a sentence: another major version's structures and functions are
 * other ones, and a call would crash sooner or later. */
ETTM_MUST_USE ettm_status ettm_library_check(unsigned long number, const char *text,
                                             char reason[ETTM_TLS_REASON]);

#endif
