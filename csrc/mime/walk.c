/* SPDX-License-Identifier: MIT */
#include "mime/part.h"

enum { STAGE_DELIMITER, STAGE_HEAD, STAGE_BODY, STAGE_NEXT, STAGE_CLOSE, STAGE_END };

void ettm_walk_init(ettm_walk *w, const ettm_message *m) {
  w->message = m;
  w->part = 0;
  w->stage = STAGE_HEAD;
  w->is_open = 0;
}

/* Where to go from a part that is over: its sister, or the end of its mother. */
static void leave(ettm_walk *w) {
  const ettm_part_data *p = w->message->parts[w->part];
  if (p->next != ETTM_NO_PART) {
    w->part = p->next;
    w->stage = STAGE_DELIMITER;
  } else if (p->parent != ETTM_NO_PART) {
    w->part = p->parent;
    w->stage = STAGE_CLOSE;
  } else {
    w->stage = STAGE_END;
  }
}

static void enter_body(ettm_walk *w, ettm_piece *piece) {
  const ettm_part_data *p = w->message->parts[w->part];
  if (p->is_multipart) {
    w->part = p->first_child;
    w->stage = STAGE_DELIMITER;
  } else {
    piece->leaf = p;
    piece->number = w->part;
    w->stage = STAGE_NEXT;
  }
}

/* The header section of the message, or of the part behind its delimiter. */
static ettm_str fields_of(const ettm_walk *w) {
  return w->part == 0 ? ettm_buffer_view(&w->message->head)
                      : ettm_headers_view(&w->message->parts[w->part]->headers);
}

/* What stands at a line's start: a delimiter and what it begins with, or a close. The CRLF in front
 * belongs to it (RFC 2046 5.1.1). */
static void step(ettm_walk *w, ettm_piece *piece) {
  const ettm_part_data *p = w->message->parts[w->part];
  if (w->is_open) {
    piece->text = ETTM_LIT("\r\n");
    w->is_open = 0;
  } else if (w->stage == STAGE_DELIMITER) {
    piece->text = ettm_str_of(w->message->parts[p->parent]->delimiter, ETTM_DELIMITER);
    w->stage = STAGE_HEAD;
  } else if (w->stage == STAGE_HEAD) {
    piece->text = fields_of(w);
    w->stage = STAGE_BODY;
  } else {
    piece->text = ettm_str_of(p->close, ETTM_DELIMITER);
    w->stage = STAGE_NEXT;
    w->is_open = 1;
  }
}

int ettm_walk_next(ettm_walk *w, ettm_piece *piece) {
  piece->text = ettm_str_of(NULL, 0);
  piece->leaf = NULL;
  piece->number = ETTM_NO_PART;
  while (piece->text.n == 0 && piece->leaf == NULL) {
    if (w->stage == STAGE_NEXT) {
      leave(w);
    } else if (w->stage == STAGE_BODY) {
      enter_body(w, piece);
    } else if (w->stage == STAGE_END && !w->is_open) {
      return 0;
    } else {
      step(w, piece);
    }
  }
  return 1;
}

void ettm_walk_end_content(ettm_walk *w, uint64_t sent_size, int ends_line) {
  const ettm_part_data *p = w->message->parts[w->part];
  if (w->part == 0) {
    w->is_open = sent_size > 0 && !ends_line;
  } else {
    /* The line end behind the last line of base64 is no content: the delimiter takes it. */
    w->is_open = p->encoding != ETTM_ENCODING_BASE64 || sent_size == 0;
  }
}
