/* Certificates made on the spot, for a server that tests talk to: P-256, signed by themselves or by
 * another one made here.
 *
 * No files. Dates count from now. What comes out is PEM text in the caller's buffers, to which it
 * is appended; the key's buffer should be a secret one. OpenSSL's error queue is left empty.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_CERTIFICATE_H
#define ETTM_TLS_CERTIFICATE_H

#include "base/buffer.h"

#define ETTM_CERTIFICATE_NAMES 64 /* subject alternative names of one certificate */

/* All views are borrowed for the call; empty means absent. Zeroed is a valid set of options. */
typedef struct ettm_certificate_options {
  ettm_str names;              /* DNS names and IP addresses, parted by spaces or commas; none: no
                                  subjectAltName */
  ettm_str common_name;        /* of the subject; empty: the first of names, else "ettsumailer" */
  long not_before;             /* seconds from now, mostly negative; 0: an hour ago */
  long not_after;              /* seconds from now; 0: in 30 days */
  int is_ca;                   /* 1: may sign others */
  ettm_str issuer_certificate; /* PEM of who signs; empty: the certificate itself */
  ettm_str issuer_key;         /* PEM, not encrypted */
} ettm_certificate_options;

/* Makes a key and its certificate. Returns ETTM_OK, or (the buffers are as they were):
 * ETTM_E_ARGUMENT: a name that is neither a DNS name nor an address, too many names, or an issuer
 * that cannot be read; ETTM_E_LIMIT: a buffer's maximum; ETTM_E_MEMORY; ETTM_E_TLS: OpenSSL failed.
 */
ETTM_MUST_USE ettm_status ettm_certificate_make(const ettm_certificate_options *o,
                                                ettm_buffer *certificate, ettm_buffer *key);

#endif
