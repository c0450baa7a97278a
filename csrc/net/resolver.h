/* Host names to endpoints by the system's resolver, without ever waiting for it.
 *
 * getaddrinfo runs in a detached thread that owns all its memory and answers through a pipe:
 * whoever asked polls the pipe under a deadline of its own and may leave at any time. At most
 * ETTM_RESOLVER_THREADS run in a process at once; all signals are blocked in them. The shared
 * object must be linked with -z nodelete: a thread may outlive the Lua state.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_NET_RESOLVER_H
#define ETTM_NET_RESOLVER_H

#include "net/socket.h"

#ifndef ETTM_RESOLVER_THREADS
#define ETTM_RESOLVER_THREADS 64
#endif
#define ETTM_RESOLVER_ENDPOINTS 32 /* addresses of one host that are looked at */

typedef struct ettm_resolver ettm_resolver;

/* Starts a look-up of both families. An IP address as text is answered without a thread, through
 * the same descriptor. host is copied: 1 to 253 octets, no control character, no space; a
 * non-ASCII name must be in its A-label form. Returns ETTM_OK, or: ETTM_E_ARGUMENT;
 * ETTM_E_LIMIT if too many threads run; ETTM_E_MEMORY; ETTM_E_IO. */
ETTM_MUST_USE ettm_status ettm_resolver_start(ettm_resolver **out, ettm_str host, int port);

/* A descriptor that becomes readable when the answer is there, and stays so; belongs to the
 * resolver. */
int ettm_resolver_fd(const ettm_resolver *r);

/* Takes the answer: at most max endpoints, without doubles, families alternating from that of the
 * system's first choice on (RFC 8305 4). May be called again. ETTM_OK: *count > 0 (0 only for a max
 * of 0); ETTM_NEED_INPUT: not there yet; ETTM_E_DNS: *reason is a static sentence that says what to
 * do, without a full stop. */
ETTM_MUST_USE ettm_status ettm_resolver_take(ettm_resolver *r, ettm_endpoint *list, size_t max,
                                             size_t *count, const char **reason);

/* True (1) after ETTM_E_DNS when the same look-up may succeed later, such as when no name server
 * answered; 0 when the name is not there. */
int ettm_resolver_may_pass(const ettm_resolver *r);

/* Ends it; NULL is fine. Never waits: a thread that still runs keeps what it needs, the pipe
 * included, and frees it when the system's resolver lets go of it. */
void ettm_resolver_free(ettm_resolver *r);

#endif
