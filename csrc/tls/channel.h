/* An OpenSSL BIO between two bounded buffers: what came from the network and what goes to it.
 *
 * Knows nothing of TLS. The channel belongs to the caller and must outlive its BIO. OpenSSL writes
 * into the buffer that peek lends, so ciphertext is not copied a second time. A full buffer makes
 * a write "retry later", never an allocation above the maximum.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_TLS_CHANNEL_H
#define ETTM_TLS_CHANNEL_H

#include <openssl/bio.h>

#include "base/buffer.h"

typedef struct ettm_tls_channel {
  ettm_buffer input; /* from the network */
  ettm_buffer wire;  /* to the network */
  int is_eof;        /* the network will bring no more */
  int has_no_memory; /* an allocation failed under a call of OpenSSL's */
} ettm_tls_channel;

/* The method that all channels of a context share, freed with BIO_meth_free; NULL without memory.
 */
BIO_METHOD *ettm_tls_channel_method(void);

/* A BIO over the channel, freed by OpenSSL with the SSL it is given to; NULL without memory. */
BIO *ettm_tls_channel_bio(const BIO_METHOD *method, ettm_tls_channel *channel);

#endif
