/* One OpenSSL in a process: a second one, in a file of its own or inside the program, means that
 * calls may go to either of the two, with structures of the other.
 *
 * Knows where this module's own calls go and which libraries the process has loaded; reads no file,
 * and takes no memory. Where the system has no dl_iterate_phdr, nothing is looked at.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_ONE_LIBRARY_H
#define ETTM_TLS_ONE_LIBRARY_H

#include "tls/context.h"

/* Looks through the libraries of the process, once. Returns ETTM_OK, or ETTM_E_TLS with a sentence
 * that names the two files and the way out. */
ETTM_MUST_USE ettm_status ettm_one_library_check(char reason[ETTM_TLS_REASON]);

#endif
