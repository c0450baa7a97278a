/* SPDX-License-Identifier: MIT */
#include "tls/tickets.h"

#include <string.h>

static void drop(ettm_tls_tickets *t, size_t i) {
  t->count--;
  memmove(&t->kept[i], &t->kept[i + 1], (t->count - i) * sizeof t->kept[0]);
}

void ettm_tickets_keep(ettm_tls_tickets *t, const char *name, SSL_SESSION *session) {
  ettm_tls_ticket *place;
  if (t->count == ETTM_TLS_TICKETS) {
    SSL_SESSION_free(t->kept[0].session);
    drop(t, 0);
  }
  place = &t->kept[t->count++];
  place->session = session;
  memcpy(place->name, name, strlen(name) + 1);
}

static int is_good(SSL_SESSION *session) {
  const X509 *peer = SSL_SESSION_get0_peer(session);
  return SSL_SESSION_is_resumable(session) &&
         (peer == NULL || X509_cmp_current_time(X509_get0_notAfter(peer)) > 0);
}

SSL_SESSION *ettm_tickets_take(ettm_tls_tickets *t, const char *name) {
  size_t i = t->count;
  while (i > 0) {
    i--;
    if (strcmp(t->kept[i].name, name) == 0) {
      SSL_SESSION *session = t->kept[i].session;
      drop(t, i);
      if (is_good(session)) {
        return session;
      }
      SSL_SESSION_free(session);
    }
  }
  return NULL;
}

void ettm_tickets_clear(ettm_tls_tickets *t) {
  while (t->count > 0) {
    SSL_SESSION_free(t->kept[--t->count].session);
  }
}
