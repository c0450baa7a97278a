/* What a message is made of, and the walk over what it is sent as: internal to mime.
 *
 * A message under construction is a list of parts that know their family by number. Sealing
 * completes each part's headers; the walk then gives, in order, the texts (delimiter lines, fields)
 * and the contents that the message is sent as. Both the size and the reader come from that one
 * walk, so that they cannot differ. A part of usual size is one block of memory, its content
 * behind it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_MIME_PART_H
#define ETTM_MIME_PART_H

#include "mime/message.h"

#define ETTM_NO_PART       UINT32_MAX
#define ETTM_BOUNDARY_HEX  32                              /* of its random octets */
#define ETTM_BOUNDARY_SIZE (2 + ETTM_BOUNDARY_HEX + 1 + 8) /* "=_", these, "_", the number */
#define ETTM_DELIMITER     (2 + ETTM_BOUNDARY_SIZE + 2)    /* "--B" CRLF; as long as "--B--" */

typedef enum ettm_encoding {
  ETTM_ENCODING_7BIT,
  ETTM_ENCODING_8BIT,
  ETTM_ENCODING_QP,
  ETTM_ENCODING_BASE64
} ettm_encoding;

typedef struct ettm_part_data {
  ettm_part parent, first_child, last_child, next; /* ETTM_NO_PART: none */
  unsigned depth;                                  /* of multiparts, this one counted */
  int is_multipart;
  int wants_root_type; /* multipart/related whose type parameter is not there yet */
  ettm_headers
      headers;      /* sealed: with an empty line behind them; of part 0: in the message's head */
  ettm_buffer type; /* multipart: "multipart/mixed" and parameters, until sealed */
  char first_type[128];
  char delimiter[ETTM_DELIMITER]; /* multipart, sealed: what is in front of each part */
  char close[ETTM_DELIMITER];     /* and behind the last */
  ettm_encoding encoding;
  int is_text;
  int is_external;
  int open_end;        /* the content's last line has no line end, as far as known */
  const char *content; /* copied in; NULL: external, or empty */
  size_t copied;       /* octets of it, behind this struct */
  uint64_t size;       /* octets as given, or ETTM_SIZE_UNKNOWN */
  uint64_t sent_size;  /* octets as encoded, or ETTM_SIZE_UNKNOWN */
} ettm_part_data;

struct ettm_message {
  ettm_alloc alloc;
  size_t references;
  int is_sealed;
  int has_failed; /* in sealing */
  int needs_8bit;
  int needs_smtputf8;
  int is_ready;         /* its header section was made by others */
  int is_external;      /* one of its parts is */
  ettm_headers headers; /* until sealed */
  ettm_buffer head;     /* sealed: the whole header section, with the empty line */
  ettm_part_data **parts;
  size_t count;
  size_t capacity;
  ettm_part_data *first_parts[4];
  ettm_str id; /* sealed: lies in the head */
  uint64_t size;
};

/* One step of the walk: text to send, or a leaf whose content to send. */
typedef struct ettm_piece {
  ettm_str text;
  const ettm_part_data *leaf; /* NULL: text */
  ettm_part number;           /* of the leaf */
} ettm_piece;

typedef struct ettm_walk {
  const ettm_message *message;
  ettm_part part;
  int stage;
  int is_open; /* a CRLF is missing before what comes next can begin a line */
} ettm_walk;

void ettm_walk_init(ettm_walk *w, const ettm_message *m);

/* The next piece; 0 when there is none. */
int ettm_walk_next(ettm_walk *w, ettm_piece *piece);

/* Has to be told after each content: how much it was, and whether it ended with CRLF. */
void ettm_walk_end_content(ettm_walk *w, uint64_t sent_size, int ends_line);

#endif
