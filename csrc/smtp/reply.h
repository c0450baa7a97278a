/* SMTP replies (RFC 5321 4.2): an incremental parser of one reply after the other.
 *
 * Takes bytes in any pieces and looks at each once. Only CRLF ends a line; a bare CR or LF, mixed
 * codes, a code outside 200 to 599 or a fourth octet that is neither SP, hyphen nor the line's end
 * is a protocol error at once. Text may hold any other octet. The caller owns the parser; the reply
 * is lent. Memory: at most ETTM_REPLY_SIZE. O(n). After an error every call returns it again.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_REPLY_H
#define ETTM_SMTP_REPLY_H

#include <stdint.h>

#include "base/buffer.h"
#include "smtp/hidden.h"

#ifndef ETTM_REPLY_LINE
#define ETTM_REPLY_LINE                                                                            \
  12288 /* octets of a line with CRLF; RFC 5321 4.5.3.1.5 asks for 512, RFC 4954 4 for this */
#endif
#ifndef ETTM_REPLY_LINES
#define ETTM_REPLY_LINES 256
#endif
#ifndef ETTM_REPLY_SIZE
#define ETTM_REPLY_SIZE (64u * 1024) /* octets of text of one reply */
#endif

typedef struct ettm_reply {
  int code;          /* 200 to 599 */
  int enhanced[3];   /* RFC 3463, of the first line that has one of the code's class; or 0, 0, 0 */
  uint32_t lines;    /* at least 1 */
  int has_8bit;      /* the text has octets above 127, of a charset nobody told */
  ettm_str text;     /* the lines without their codes and enhanced codes, parted by LF */
  ettm_str raw_text; /* the same with the enhanced codes */
} ettm_reply;

typedef struct ettm_reply_parser {
  ettm_buffer text;
  ettm_buffer raw;
  ettm_reply reply;
  ettm_status status;
  int state;
  int complete;         /* the last parse ended a reply: the next begins another */
  int line_code;        /* as far as its digits were read */
  uint32_t line_length; /* octets of the present line, without CRLF */
} ettm_reply_parser;

void ettm_reply_parser_init(ettm_reply_parser *p, const ettm_alloc *a);
void ettm_reply_parser_clear(ettm_reply_parser *p);

/* Takes bytes up to the end of the next reply; *used says how many. Returns ETTM_OK: a reply is
 * complete, see ettm_reply_get; ETTM_NEED_INPUT: all of in was taken; ETTM_E_PROTOCOL,
 * ETTM_E_REPLY_SIZE, ETTM_E_MEMORY. */
ETTM_MUST_USE ettm_status ettm_reply_parse(ettm_reply_parser *p, ettm_str in, size_t *used);

/* The reply that was completed last, lent until the next parse. */
const ettm_reply *ettm_reply_get(const ettm_reply_parser *p);

/* Masks in its texts what a login has sent. */
void ettm_reply_mask(ettm_reply_parser *p, const ettm_hidden *h);

/* True (1) when part of a reply was taken and its end was not. */
int ettm_reply_is_partial(const ettm_reply_parser *p);

#endif
