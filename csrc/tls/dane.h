/* DANE: TLSA records that the caller hands in say which certificate a server may have (RFC 7672).
 *
 * Records are text, "3 1 1 <hexadecimal>" as zone files have them, one a line. Usages 2 (an
 * authority of the server's chain) and 3 (the server's own certificate) count; 0 and 1 do not, as
 * RFC 7672 3.1.3 has it for mail. How the records were come by is the caller's business: it has to
 * be DNSSEC, or a decision of its own.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_DANE_H
#define ETTM_TLS_DANE_H

#include <openssl/ssl.h>

#include "tls/context.h"

#define ETTM_TLSA_RECORDS 16u    /* of one context */
#define ETTM_TLSA_SIZE    16384u /* octets of what one record holds */

typedef struct ettm_tlsa {
  unsigned char usage, selector, match;
  unsigned char *data;
  size_t n;
} ettm_tlsa;

typedef struct ettm_dane { /* zeroed is empty */
  size_t count;
  ettm_tlsa records[ETTM_TLSA_RECORDS]; /* those that count */
} ettm_dane;

/* Reads records. Returns ETTM_OK; ETTM_E_ARGUMENT with a reason: one that is none, too many, or
 * none that counts; ETTM_E_MEMORY. Must be cleared in any case. */
ETTM_MUST_USE ettm_status ettm_dane_read(ettm_dane *d, ettm_str text, const ettm_alloc *a,
                                         char *reason);
void ettm_dane_clear(ettm_dane *d, const ettm_alloc *a);

/* Asks a connection for one of the records, and for the name where RFC 7672 wants it. Returns
 * ETTM_OK, ETTM_E_ARGUMENT: OpenSSL takes none of them; ETTM_E_TLS. */
ETTM_MUST_USE ettm_status ettm_dane_attach(const ettm_dane *d, SSL *ssl, const char *name);

#endif
