/* The sentences that say why TLS failed: bounded and printable; and hints at what can be done.
 *
 * A reason is the caller's array of ETTM_TLS_REASON octets, always terminated. Whatever a peer or a
 * file brings in is shortened and made printable ASCII. Nothing of a key or a pass phrase is ever
 * put in. OpenSSL's error queue is read, and changed only by ettm_reason_queue, which empties it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_REASON_H
#define ETTM_TLS_REASON_H

#include <openssl/x509_vfy.h>

#include "tls/context.h"

#define ETTM_REASON_FIELD 80 /* octets of one thing that a peer or a caller named */

/* Makes the reason the text. */
void ettm_reason_set(char *reason, const char *text);

/* Appends trusted text; a name of someone else's. */
void ettm_reason_add(char *reason, const char *text);
void ettm_reason_add_field(char *reason, ettm_str field);

/* Appends the oldest error of OpenSSL's queue, or `otherwise` when it is empty; empties the queue.
 * Returns a hint, NULL where none is known. */
const char *ettm_reason_queue(char *reason, const char *otherwise);

/* Makes the reason and the failure the verification's error: what was wrong with the peer's
 * certificate, what was wanted (name may be empty), its names, subject, issuer and dates. */
void ettm_reason_verify(char *reason, ettm_tls_failure *failure, X509_STORE_CTX *store,
                        const char *name);

/* Makes them that the peer's certificate is not a pinned one. */
void ettm_reason_pin(char *reason, ettm_tls_failure *failure, X509_STORE_CTX *store);

#endif
