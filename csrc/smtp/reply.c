/* SPDX-License-Identifier: MIT */
#include "smtp/reply.h"

#include <string.h>

#include "base/chars.h"

/* How it works: a line is three digits, one octet that says whether more lines follow, and text.
 * Text goes to `raw` as it comes; where its line ends, it goes on to `text` without its enhanced
 * code. Since each octet before the text is looked at alone and text is taken up to the next CR,
 * nothing is searched twice however the input is cut. */
enum { AT_FIRST, AT_SECOND, AT_THIRD, AT_FOURTH, IN_TEXT, AFTER_CR };

enum { LINE_OVERHEAD = 4 }; /* the code and the octet behind it */

void ettm_reply_parser_init(ettm_reply_parser *p, const ettm_alloc *a) {
  memset(p, 0, sizeof *p);
  ettm_buffer_init(&p->text, a, ETTM_REPLY_SIZE);
  ettm_buffer_init(&p->raw, a, ETTM_REPLY_SIZE);
}

void ettm_reply_parser_clear(ettm_reply_parser *p) {
  ettm_buffer_clear(&p->text);
  ettm_buffer_clear(&p->raw);
}

static void begin_reply(ettm_reply_parser *p) {
  ettm_buffer_truncate(&p->text, 0);
  ettm_buffer_truncate(&p->raw, 0);
  memset(&p->reply, 0, sizeof p->reply);
  p->complete = 0;
  p->state = AT_FIRST;
}

static ettm_status add_text(ettm_buffer *b, ettm_str s) {
  ettm_status status = ettm_buffer_append(b, s);
  return status == ETTM_E_LIMIT ? ETTM_E_REPLY_SIZE : status;
}

static ettm_status take_digit(ettm_reply_parser *p, char c) {
  if (!ettm_char_is(c, ETTM_CHAR_DIGIT) || (p->state == AT_FIRST && (c < '2' || c > '5'))) {
    return ETTM_E_PROTOCOL;
  }
  if (p->state == AT_FIRST) {
    p->line_code = 0;
    p->line_length = 0;
  }
  p->line_code = p->line_code * 10 + (c - '0');
  p->line_length++;
  p->state++;
  return ETTM_OK;
}

/* Begins the text of a line: its code is known. */
static ettm_status begin_text(ettm_reply_parser *p) {
  if (p->reply.lines == 0) {
    p->reply.code = p->line_code;
  } else if (p->reply.code != p->line_code) {
    return ETTM_E_PROTOCOL; /* RFC 5321 4.2.1: one code for all lines */
  }
  if (p->reply.lines == ETTM_REPLY_LINES) {
    return ETTM_E_REPLY_SIZE;
  }
  p->reply.lines++;
  return p->reply.lines == 1 ? ETTM_OK : add_text(&p->raw, ETTM_LIT("\n"));
}

/* RFC 5321 4.2: SP before text, hyphen before more lines, or the line's end (4.2-2: accept it). */
static ettm_status take_fourth(ettm_reply_parser *p, char c) {
  ettm_status status;
  if (c != ' ' && c != '-' && c != '\r') {
    return ETTM_E_PROTOCOL;
  }
  status = begin_text(p);
  p->complete = c != '-';
  p->line_length += c != '\r';
  p->state = c == '\r' ? AFTER_CR : IN_TEXT;
  return status;
}

/* Reads 1 to 3 digits at the front of s. Returns how many, or 0. */
static size_t scan_number(ettm_str s, int *number) {
  size_t i;
  int value = 0;
  for (i = 0; i < s.n && i < 3 && ettm_char_is(s.p[i], ETTM_CHAR_DIGIT); i++) {
    value = value * 10 + (s.p[i] - '0');
  }
  *number = value;
  return i;
}

/* Reads an enhanced code of the class (RFC 3463 2) at the front of a line's text, and the space
 * behind it. Returns the octets it takes, or 0. */
static size_t scan_enhanced(ettm_str line, int class_digit, int code[3]) {
  static const char behind[3] = {'.', '.', ' '};
  size_t at = 0;
  size_t i;
  for (i = 0; i < 3; i++) {
    size_t digits = scan_number(ettm_str_of(line.p + at, line.n - at), &code[i]);
    at += digits;
    if (digits == 0 || (i == 0 && (digits > 1 || code[0] != class_digit))) {
      return 0;
    }
    if (at == line.n) {
      return i == 2 ? at : 0;
    }
    if (line.p[at++] != behind[i]) {
      return 0;
    }
  }
  return at;
}

static ettm_status end_line(ettm_reply_parser *p) {
  ettm_str raw = ettm_buffer_view(&p->raw);
  size_t length = p->line_length > LINE_OVERHEAD ? p->line_length - LINE_OVERHEAD : 0;
  ettm_str line = ettm_str_of(length > 0 ? raw.p + raw.n - length : NULL, length);
  int code[3];
  size_t skip = length > 0 ? scan_enhanced(line, p->reply.code / 100, code) : 0;
  ettm_status status = ETTM_OK;
  if (skip > 0 && p->reply.enhanced[0] == 0) {
    memcpy(p->reply.enhanced, code, sizeof code);
  }
  if (p->reply.lines > 1) {
    status = add_text(&p->text, ETTM_LIT("\n"));
  }
  if (status == ETTM_OK && length > skip) {
    status = add_text(&p->text, ettm_str_of(line.p + skip, length - skip));
  }
  p->state = AT_FIRST;
  return status;
}

/* Takes text up to the CR, which it takes as well. */
static ettm_status take_text(ettm_reply_parser *p, ettm_str in, size_t *used) {
  const char *cr = (const char *)memchr(in.p, '\r', in.n);
  size_t n = cr != NULL ? (size_t)(cr - in.p) : in.n;
  if (n > 0 && memchr(in.p, '\n', n) != NULL) {
    return ETTM_E_PROTOCOL;
  }
  if (n + 2 > ETTM_REPLY_LINE - p->line_length) {
    return ETTM_E_REPLY_SIZE;
  }
  p->line_length += (uint32_t)n;
  p->reply.has_8bit |= ettm_has_8bit(ettm_str_of(in.p, n));
  if (cr != NULL) {
    p->state = AFTER_CR;
  }
  *used = cr != NULL ? n + 1 : n;
  return add_text(&p->raw, ettm_str_of(in.p, n));
}

/* Takes at least one octet of a non-empty input. */
static ettm_status take_some(ettm_reply_parser *p, ettm_str in, size_t *used) {
  *used = 1;
  switch (p->state) {
  case IN_TEXT: return take_text(p, in, used);
  case AFTER_CR: return in.p[0] == '\n' ? end_line(p) : ETTM_E_PROTOCOL;
  case AT_FOURTH: return take_fourth(p, in.p[0]);
  default: return take_digit(p, in.p[0]);
  }
}

ettm_status ettm_reply_parse(ettm_reply_parser *p, ettm_str in, size_t *used) {
  size_t at = 0;
  if (p->complete && p->state == AT_FIRST) {
    begin_reply(p);
  }
  while (p->status == ETTM_OK && at < in.n) {
    size_t taken;
    p->status = take_some(p, ettm_str_of(in.p + at, in.n - at), &taken);
    at += taken;
    if (p->complete && p->state == AT_FIRST) {
      break;
    }
  }
  *used = at;
  if (p->status != ETTM_OK) {
    return p->status;
  }
  if (!p->complete || p->state != AT_FIRST) {
    return ETTM_NEED_INPUT;
  }
  p->reply.text = ettm_buffer_view(&p->text);
  p->reply.raw_text = ettm_buffer_view(&p->raw);
  return ETTM_OK;
}

const ettm_reply *ettm_reply_get(const ettm_reply_parser *p) {
  return &p->reply;
}

void ettm_reply_mask(ettm_reply_parser *p, const ettm_hidden *h) {
  ettm_hidden_mask(h, &p->text);
  ettm_hidden_mask(h, &p->raw);
}

int ettm_reply_is_partial(const ettm_reply_parser *p) {
  return p->state != AT_FIRST || (p->reply.lines > 0 && !p->complete);
}
