/* Base64 (RFC 4648, RFC 2045 6.8): a resumable encoder with or without line breaks, one-shot
 * forms, and a strict decoder for SASL challenges.
 *
 * The caller owns the state. Encoding is O(n) and needs no memory beyond the state; the output is
 * the same however the input is cut.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_CODEC_BASE64_H
#define ETTM_CODEC_BASE64_H

#include <stdint.h>

#include "base/buffer.h"

#define ETTM_BASE64_LINE  76  /* octets of a line, CRLF not counted (RFC 2045 6.8) */
#define ETTM_ENCODER_ROOM 160 /* the least room that an encoder of this folder asks for */

typedef struct ettm_base64 {
  unsigned char rest[3]; /* input octets that do not make a group of three yet */
  unsigned rest_size;
  unsigned column;      /* octets already on the present line */
  unsigned line_length; /* 0: no line breaks */
} ettm_base64;

/* line_length: a multiple of 4 up to 76, after which a CRLF follows; 0 for one endless line. */
void ettm_base64_init(ettm_base64 *e, unsigned line_length);

/* Encodes as much of in as out has room for. capacity must be at least ETTM_ENCODER_ROOM.
 * *used octets of in were taken, *made octets were written; when *used < in.n there is no more
 * room, never anything else. A CRLF is written when a line is full. */
void ettm_base64_encode(ettm_base64 *e, ettm_str in, size_t *used, char *out, size_t capacity,
                        size_t *made);

/* Writes the last group, and the CRLF of an open line. Same room as above. */
void ettm_base64_finish(ettm_base64 *e, char *out, size_t capacity, size_t *made);

/* The octets that encoding n octets makes in all, line ends included. Saturates at UINT64_MAX. */
uint64_t ettm_base64_size(uint64_t n, unsigned line_length);

/* Appends the encoding of s, without line breaks. */
ETTM_MUST_USE ettm_status ettm_base64_append(ettm_buffer *out, ettm_str s);

/* Appends the decoding of s. Returns as ettm_buffer_append, or ETTM_E_ARGUMENT when s is not
 * base64 with its padding and zero rest bits (out may then have grown). */
ETTM_MUST_USE ettm_status ettm_base64_decode(ettm_buffer *out, ettm_str s);

#endif
