/* SPDX-License-Identifier: MIT */
#include "mime/reader.h"

#include <string.h>

#include "base/chars.h"
#include "codec/base64.h"
#include "codec/quoted_printable.h"
#include "mime/fold.h"
#include "mime/part.h"

/* How it works: the walk (mime/part.h) gives texts, which are copied, and leaves, which are
 * encoded. The encoders ask for a little room: while the caller's buffer has it they write straight
 * into it, else into `staged`, which is then copied out as room comes. So large blocks are never
 * copied twice, and a buffer of one octet works as well. */

#define STAGED_SIZE 512
#define LINES_SIZE  1024 /* text on its way from line ends made CRLF to base64 */

struct ettm_reader {
  ettm_alloc alloc;
  ettm_message *message;
  ettm_status failure;
  ettm_walk walk;
  ettm_str text;              /* what is left of the present text */
  const ettm_part_data *leaf; /* under way; NULL: none */
  ettm_part number;           /* of the leaf */
  int is_asked;               /* the caller was told that this leaf wants content */
  int is_over;                /* the content was taken to its end */
  uint64_t taken;             /* octets of the content */
  uint64_t made;              /* octets they became */
  char last;                  /* the last of these */
  union {
    ettm_base64 base64;
    ettm_qp qp;
  } encoder;
  int after_cr;      /* in text: a line end was written for the CR before */
  size_t column;     /* in text: octets of the present line */
  int has_long_line; /* in text: a line that may not be sent as it is */
  size_t staged_at;
  size_t staged_end;
  char staged[STAGED_SIZE];
};

ettm_status ettm_reader_new(ettm_reader **out, ettm_message *m, const ettm_alloc *a) {
  ettm_reader *r;
  if (!m->is_sealed) {
    return ETTM_E_STATE;
  }
  r = (ettm_reader *)ettm_new(a, sizeof *r);
  if (r == NULL) {
    return ETTM_E_MEMORY;
  }
  r->alloc = ettm_alloc_of(a);
  r->message = m;
  r->number = ETTM_NO_PART;
  ettm_message_retain(m);
  ettm_walk_init(&r->walk, m);
  *out = r;
  return ETTM_OK;
}

void ettm_reader_free(ettm_reader *r) {
  ettm_alloc a;
  if (r == NULL) {
    return;
  }
  a = r->alloc;
  ettm_message_release(r->message);
  ettm_free(&a, r, sizeof *r);
}

ettm_part ettm_reader_needs(const ettm_reader *r) {
  return r->number;
}

/* --- Encoding --- */

/* A block of the caller's or the staging area, being filled. */
typedef struct block {
  char *p;
  size_t capacity;
  size_t made;
} block;

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

/* The octets in front of the first c; all n where there is none. */
static size_t run_size(const char *p, size_t n, char c) {
  const char *found = (const char *)memchr(p, c, n);
  return found != NULL ? (size_t)(found - p) : n;
}

/* Takes one line end: CRLF, CR and LF are one each, also when a CRLF comes in two pieces. */
static void put_line_end(ettm_reader *r, char c, block *b) {
  if (c == '\n' && r->after_cr) {
    r->after_cr = 0;
    return;
  }
  memcpy(b->p + b->made, "\r\n", 2);
  b->made += 2;
  r->after_cr = c == '\r';
  r->column = 0;
}

/* Copies text, every line end as CRLF. Returns how many octets were taken. A CR is looked for once
 * up to where there is room, an LF up to the CR: no octet is looked at more than twice. */
static size_t put_lines(ettm_reader *r, ettm_str in, block *b) {
  size_t at = 0;
  size_t cr_at = 0; /* there is no CR in front */
  while (at < in.n && b->capacity - b->made >= 2) {
    size_t n = smaller(in.n - at, b->capacity - b->made);
    if (cr_at <= at) {
      cr_at = at + run_size(in.p + at, n, '\r');
    }
    n = run_size(in.p + at, smaller(n, cr_at - at), '\n');
    if (n == 0) {
      put_line_end(r, in.p[at++], b);
      continue;
    }
    memcpy(b->p + b->made, in.p + at, n);
    b->made += n;
    at += n;
    r->after_cr = 0;
    r->column += n;
    r->has_long_line |= r->column > ETTM_LINE_MAX;
  }
  return at;
}

/* Text as it is: it has to be what the label says, whoever looked it through before. */
static size_t put_identity(ettm_reader *r, ettm_str in, block *b) {
  size_t before = b->made;
  size_t used = put_lines(r, in, b);
  int is_8bit = r->leaf->encoding == ETTM_ENCODING_7BIT &&
                ettm_has_8bit(ettm_str_of(b->p + before, b->made - before));
  if (is_8bit || r->has_long_line) {
    r->failure = ETTM_E_SOURCE;
  }
  return used;
}

static size_t put_base64(ettm_reader *r, ettm_str in, block *b) {
  size_t used, made;
  ettm_base64_encode(&r->encoder.base64, in, &used, b->p + b->made, b->capacity - b->made, &made);
  b->made += made;
  return used;
}

/* Text in base64 has its line ends as CRLF first (RFC 2045 6.8). Half the room is what always
 * fits, with two line breaks. */
static size_t put_text_base64(ettm_reader *r, ettm_str in, block *b) {
  char lines[LINES_SIZE];
  block text;
  size_t used;
  text.p = lines;
  text.made = 0;
  text.capacity = smaller(sizeof lines, (b->capacity - b->made) / 2 - 8);
  used = put_lines(r, in, &text);
  (void)put_base64(r, ettm_str_of(lines, text.made), b);
  return used;
}

static size_t put_qp(ettm_reader *r, ettm_str in, block *b) {
  size_t used, made;
  ettm_qp_encode(&r->encoder.qp, in, &used, b->p + b->made, b->capacity - b->made, &made);
  b->made += made;
  return used;
}

/* b has ETTM_ENCODER_ROOM at least. Returns how many octets of in were taken. */
static size_t encode(ettm_reader *r, ettm_str in, block *b) {
  switch (r->leaf->encoding) {
  case ETTM_ENCODING_BASE64:
    return r->leaf->is_text ? put_text_base64(r, in, b) : put_base64(r, in, b);
  case ETTM_ENCODING_QP: return put_qp(r, in, b);
  default: return put_identity(r, in, b);
  }
}

static void finish(ettm_reader *r, block *b) {
  size_t made = 0;
  if (r->leaf->encoding == ETTM_ENCODING_BASE64) {
    ettm_base64_finish(&r->encoder.base64, b->p, b->capacity, &made);
  } else if (r->leaf->encoding == ETTM_ENCODING_QP) {
    ettm_qp_finish(&r->encoder.qp, b->p, b->capacity, &made);
  }
  b->made = made;
}

/* --- A leaf --- */

static void begin_leaf(ettm_reader *r, const ettm_piece *piece) {
  r->leaf = piece->leaf;
  r->number = piece->number;
  r->is_asked = r->is_over = 0;
  r->taken = r->made = 0;
  r->after_cr = r->has_long_line = 0;
  r->column = 0;
  if (r->leaf->encoding == ETTM_ENCODING_BASE64) {
    ettm_base64_init(&r->encoder.base64, ETTM_BASE64_LINE);
  } else if (r->leaf->encoding == ETTM_ENCODING_QP) {
    ettm_qp_init(&r->encoder.qp, r->leaf->is_text);
  }
}

static void count_made(ettm_reader *r, const block *b, size_t before) {
  if (b->made > before) {
    r->made += b->made - before;
    r->last = b->p[b->made - 1];
  }
}

/* Writes what the encoder holds, and leaves the leaf: it must have become what was said. */
static ettm_status end_leaf(ettm_reader *r) {
  block b;
  b.p = r->staged;
  b.capacity = sizeof r->staged;
  b.made = 0;
  finish(r, &b);
  count_made(r, &b, 0);
  r->staged_at = 0;
  r->staged_end = b.made;
  if ((r->leaf->size != ETTM_SIZE_UNKNOWN && r->taken != r->leaf->size) ||
      (r->leaf->sent_size != ETTM_SIZE_UNKNOWN && r->made != r->leaf->sent_size)) {
    return ETTM_E_SOURCE;
  }
  ettm_walk_end_content(&r->walk, r->made, r->last == '\n');
  r->leaf = NULL;
  r->is_asked = 0;
  return ETTM_OK;
}

/* What there is of the content now, and whether that is the end of it. */
static ettm_str content_now(const ettm_reader *r, const ettm_reader_step *step, int *ends) {
  if (!r->leaf->is_external) {
    *ends = 1;
    return r->leaf->content == NULL
               ? ettm_str_of(NULL, 0)
               : ettm_str_of(r->leaf->content + r->taken, (size_t)(r->leaf->size - r->taken));
  }
  if (!r->is_asked) {
    *ends = 0;
    return ettm_str_of(NULL, 0);
  }
  *ends = step->in_ends;
  return step->in.n > step->used ? ettm_str_of(step->in.p + step->used, step->in.n - step->used)
                                 : ettm_str_of(NULL, 0);
}

static ettm_status encode_some(ettm_reader *r, ettm_reader_step *step, ettm_str in) {
  int is_direct = step->capacity - step->made >= ETTM_ENCODER_ROOM;
  size_t before = is_direct ? step->made : 0;
  size_t used;
  block b;
  b.p = is_direct ? step->out : r->staged;
  b.capacity = is_direct ? step->capacity : sizeof r->staged;
  b.made = before;
  used = encode(r, in, &b);
  count_made(r, &b, before);
  r->taken += used;
  if (r->leaf->is_external) {
    step->used += used;
    r->is_over = step->in_ends && step->used == step->in.n;
  }
  if (is_direct) {
    step->made = b.made;
  } else {
    r->staged_at = 0;
    r->staged_end = b.made;
  }
  return r->failure;
}

static ettm_status read_content(ettm_reader *r, ettm_reader_step *step) {
  int ends;
  ettm_str in = content_now(r, step, &ends);
  if (in.n > 0 && !r->is_over) {
    if (r->leaf->size != ETTM_SIZE_UNKNOWN && in.n > r->leaf->size - r->taken) {
      return ETTM_E_SOURCE;
    }
    return encode_some(r, step, in);
  }
  if (ends || r->is_over) {
    return end_leaf(r);
  }
  r->is_asked = 1;
  return ETTM_NEED_INPUT;
}

/* --- Reading --- */

/* Copies as much as there is room for. Returns how much that was. */
static size_t copy_out(ettm_reader_step *step, const char *p, size_t n) {
  n = smaller(n, step->capacity - step->made);
  memcpy(step->out + step->made, p, n);
  step->made += n;
  return n;
}

static ettm_status next_piece(ettm_reader *r) {
  ettm_piece piece;
  if (!ettm_walk_next(&r->walk, &piece)) {
    return ETTM_DONE;
  }
  if (piece.leaf != NULL) {
    begin_leaf(r, &piece);
  } else {
    r->text = piece.text;
  }
  return ETTM_OK;
}

static ettm_status advance(ettm_reader *r, ettm_reader_step *step) {
  if (r->staged_at < r->staged_end) {
    r->staged_at += copy_out(step, r->staged + r->staged_at, r->staged_end - r->staged_at);
    return ETTM_OK;
  }
  if (r->text.n > 0) {
    size_t n = copy_out(step, r->text.p, r->text.n);
    r->text = ettm_str_of(r->text.p + n, r->text.n - n);
    return ETTM_OK;
  }
  return r->leaf != NULL ? read_content(r, step) : next_piece(r);
}

ettm_status ettm_reader_read(ettm_reader *r, ettm_reader_step *step) {
  ettm_status status = r->failure;
  step->used = step->made = 0;
  if (status == ETTM_OK && step->capacity == 0) {
    return ETTM_E_ARGUMENT;
  }
  while (status == ETTM_OK && step->made < step->capacity) {
    status = advance(r, step);
  }
  if (status < ETTM_OK) {
    r->failure = status;
  }
  return status;
}
