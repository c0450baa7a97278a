/* A stapled OCSP response (RFC 6066 8, RFC 6960): asked for, and believed when it says no.
 *
 * None is fine, and so is one in which the responder says that it could not answer; one that is not
 * valid, or for another certificate, or that does not say "good", is not. Nothing is ever fetched.
 * OpenSSL's error queue is left as it was.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_STAPLE_H
#define ETTM_TLS_STAPLE_H

#include <openssl/ssl.h>

/* Makes a client ask for a response, and OpenSSL call `judge` when the peer's chain was verified: 0
 * refuses it. Returns 1, or 0 when OpenSSL fails. */
int ettm_staple_ask(SSL *ssl, int (*judge)(SSL *ssl, void *unused));

/* What is wrong with the response that came with the handshake: a sentence, or NULL: nothing. */
const char *ettm_staple_fault(SSL *ssl);

#endif
