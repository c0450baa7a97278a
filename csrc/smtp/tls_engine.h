/* What a connection asks of a TLS engine: a small vtable, given from above with the context.
 *
 * Knows no library for TLS. The engine and the context are the giver's, and opaque here; each
 * method does what the function of its name in tls/engine.h says.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_TLS_ENGINE_H
#define ETTM_SMTP_TLS_ENGINE_H

#include "base/alloc.h"

#define ETTM_TLS_DETAIL  256 /* octets of a detail, the NUL included */
#define ETTM_BINDING_MAX 64

typedef struct ettm_tls_context ettm_tls_context;
typedef struct ettm_tls ettm_tls;

/* What is known of a failure besides its sentence. Texts that a peer brought in are shortened and
 * made printable ASCII; "" is unknown. */
typedef struct ettm_tls_failure {
  const char *hint;        /* what to do about it; NULL where nothing better is known */
  const char *verify_text; /* the library's words for verify_code */
  int verify_code;         /* OpenSSL's X509_V_ERR_; 0: it is not about a certificate */
  char names[ETTM_TLS_DETAIL];
  char subject[ETTM_TLS_DETAIL];
  char issuer[ETTM_TLS_DETAIL];
  char not_before[32];
  char not_after[32];
} ettm_tls_failure;

/* Channel binding (RFC 5056): octets that both ends of a TLS connection know and nobody between
 * has. */
typedef struct ettm_binding {
  const char *name; /* static */
  unsigned char octets[ETTM_BINDING_MAX];
  size_t n;
} ettm_binding;

/* All are there. */
typedef struct ettm_tls_methods {
  ettm_status (*make)(ettm_tls **out, ettm_tls_context *c, ettm_str name, const ettm_alloc *a);
  void (*free)(ettm_tls *t);
  size_t (*room)(const ettm_tls *t);
  ettm_status (*feed)(ettm_tls *t, const char *in, size_t n);
  ettm_status (*feed_eof)(ettm_tls *t);
  ettm_str (*peek)(ettm_tls *t);
  void (*skip)(ettm_tls *t, size_t n);
  ettm_status (*handshake)(ettm_tls *t);
  ettm_status (*read)(ettm_tls *t, char *out, size_t capacity, size_t *n);
  ettm_status (*write)(ettm_tls *t, const char *in, size_t n, size_t *used);
  void (*close)(ettm_tls *t);
  const char *(*version)(const ettm_tls *t);
  const char *(*cipher)(const ettm_tls *t);
  int (*is_verified)(const ettm_tls *t);
  int (*is_resumed)(const ettm_tls *t);
  ettm_status (*binding)(const ettm_tls *t, ettm_binding *out);
  const char *(*reason)(const ettm_tls *t);
  const ettm_tls_failure *(*failure)(const ettm_tls *t);
  const char *(*name)(const ettm_tls *t);
} ettm_tls_methods;

#endif
