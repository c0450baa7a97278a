/* What lets a client's next connection resume where an earlier one was: TLS sessions in memory.
 *
 * They belong to a context, so they never cross its settings, and each has the name of the peer it
 * was made with, so it is offered to no other. A few are kept, the oldest goes first. OpenSSL
 * wipes what it frees.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_TICKETS_H
#define ETTM_TLS_TICKETS_H

#include <openssl/ssl.h>

#include "base/status.h"

#define ETTM_TLS_NAME    255u /* octets of a host name or an IP address */
#define ETTM_TLS_TICKETS 8u

typedef struct ettm_tls_ticket {
  SSL_SESSION *session;
  char name[ETTM_TLS_NAME + 1];
} ettm_tls_ticket;

typedef struct ettm_tls_tickets { /* zeroed is empty */
  size_t count;
  ettm_tls_ticket kept[ETTM_TLS_TICKETS]; /* oldest first */
} ettm_tls_tickets;

/* Keeps a session; its reference is taken over. */
void ettm_tickets_keep(ettm_tls_tickets *t, const char *name, SSL_SESSION *session);

/* Takes the newest session of that peer out, with its reference; NULL when there is none that can
 * be resumed: one whose certificate has run out since cannot. */
SSL_SESSION *ettm_tickets_take(ettm_tls_tickets *t, const char *name);

void ettm_tickets_clear(ettm_tls_tickets *t);

#endif
