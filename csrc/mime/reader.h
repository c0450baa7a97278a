/* A cursor over a sealed message: pulls its bytes into a caller's buffer of any size.
 *
 * Holds a reference of the message. Its memory is fixed, whatever the message's size. Output has
 * CRLF line ends and no dot-stuffing: that is smtp/framing.h's. The bytes are the same however they
 * are pulled and however external content is cut.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_MIME_READER_H
#define ETTM_MIME_READER_H

#include "mime/message.h"

typedef struct ettm_reader ettm_reader;

/* One step: where external content comes from, and where output goes. */
typedef struct ettm_reader_step {
  ettm_str in;     /* the next octets of the external part asked for, or empty; borrowed. Nothing is
                      taken of it before that part was asked for, nor for any other part */
  int in_ends;     /* 1: nothing comes behind in */
  size_t used;     /* set: octets of in that were taken */
  char *out;       /* the caller's */
  size_t capacity; /* of out, at least 1 */
  size_t made;     /* set: octets written to out */
} ettm_reader_step;

/* Begins at the first byte. The message must be sealed (else ETTM_E_STATE). */
ETTM_MUST_USE ettm_status ettm_reader_new(ettm_reader **out, ettm_message *m, const ettm_alloc *a);
void ettm_reader_free(ettm_reader *r);

/* Makes the next bytes. Returns ETTM_OK: step->made > 0 (or some of step->in was used);
 * ETTM_NEED_INPUT: made is what there was, and the part ettm_reader_needs tells wants content: call
 * again with in, or with in_ends; ETTM_DONE: made is what there was, and it is over;
 * ETTM_E_SOURCE: an external part had more or fewer octets than it said, or is not what its facts
 * say (the reader stays failed); ETTM_E_ARGUMENT: capacity is 0. */
ETTM_MUST_USE ettm_status ettm_reader_read(ettm_reader *r, ettm_reader_step *step);

/* After ETTM_NEED_INPUT: the external part whose content is wanted. */
ettm_part ettm_reader_needs(const ettm_reader *r);

#endif
