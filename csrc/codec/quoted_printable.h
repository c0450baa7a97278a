/* Quoted-printable (RFC 2045 6.7): a resumable encoder for text and for bytes.
 *
 * Lines have at most 76 octets; white space at a line's end, "From " at its start and a dot alone
 * or in front are encoded, so that no relay can change the text. In text, CRLF, LF and CR each end
 * a line and become CRLF; in bytes all of them are encoded. The output never holds "=_", and it is
 * the same however the input is cut. The caller owns the state; O(n), no memory beyond it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_CODEC_QUOTED_PRINTABLE_H
#define ETTM_CODEC_QUOTED_PRINTABLE_H

#include "codec/base64.h" /* ETTM_ENCODER_ROOM */

#define ETTM_QP_LINE 76

typedef struct ettm_qp {
  int is_text;
  unsigned column; /* octets already written on the present line */
  char held[8];    /* input octets whose form depends on what follows */
  unsigned held_size;
} ettm_qp;

/* is_text: 1 when line ends are line ends, 0 when they are data. */
void ettm_qp_init(ettm_qp *e, int is_text);

/* As ettm_base64_encode: same room, same meaning of *used and *made. */
void ettm_qp_encode(ettm_qp *e, ettm_str in, size_t *used, char *out, size_t capacity,
                    size_t *made);

/* Writes what is held back. A last line without its line end gets a soft break and none is added:
 * nothing is appended to the content. */
void ettm_qp_finish(ettm_qp *e, char *out, size_t capacity, size_t *made);

#endif
