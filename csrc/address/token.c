/* SPDX-License-Identifier: MIT */
#include "address/token.h"

#include <stdint.h>

#include "base/chars.h"
#include "base/utf8.h"

int ettm_token_next_is(const ettm_address_parser *p, char c) {
  return p->at < p->in.n && p->in.p[p->at] == c;
}

ettm_str ettm_token_slice(const ettm_address_parser *p, size_t from, size_t to) {
  return ettm_str_of(p->in.p + from, to - from);
}

ettm_status ettm_token_refuse(ettm_address_parser *p, size_t token_at, const char *expected) {
  ettm_str rest = ettm_token_slice(p, p->at, p->in.n);
  ettm_status status = ETTM_E_ADDRESS;
  uint32_t code_point;
  if (rest.n > 1 && rest.p[0] == '\\') {
    rest = ettm_token_slice(p, p->at + 1, p->in.n); /* only a pair that is none stops a scan */
  }
  if (rest.n > 0 && ettm_char_is(rest.p[0], ETTM_CHAR_CONTROL)) {
    status = ETTM_E_UNSAFE;
  } else if (rest.n > 0 && ettm_utf8_next(rest, &code_point) == 0) {
    status = ETTM_E_UTF8;
  }
  p->token_at = token_at;
  p->error_at = p->at;
  p->expected = expected;
  return status;
}

/* FWS and obs-FWS are any row of these (errata 1908 of RFC 5322). */
size_t ettm_token_fold_length(const ettm_address_parser *p) {
  ettm_str rest = ettm_token_slice(p, p->at, p->in.n);
  if (rest.n > 0 && ettm_char_is(rest.p[0], ETTM_CHAR_WSP)) {
    return 1;
  }
  if (rest.n > 2 && rest.p[0] == '\r' && rest.p[1] == '\n' &&
      ettm_char_is(rest.p[2], ETTM_CHAR_WSP)) {
    return 3;
  }
  return 0;
}

/* One character that has a flag or is not ASCII: its octets; else 0. */
static size_t text_length(ettm_str rest, unsigned flags) {
  uint32_t code_point;
  if (rest.n == 0) {
    return 0;
  }
  if ((unsigned char)rest.p[0] < 128) {
    return ettm_char_is(rest.p[0], flags) != 0;
  }
  return ettm_utf8_next(rest, &code_point);
}

/* A backslash and the visible character or white space that it quotes: their octets; else 0. The
 * control characters of obs-qp are not taken. */
static size_t pair_length(ettm_str rest) {
  size_t n;
  if (rest.n < 2 || rest.p[0] != '\\') {
    return 0;
  }
  if (rest.p[1] == '\\' || ettm_char_is(rest.p[1], ETTM_CHAR_WSP)) {
    return 2;
  }
  n = text_length(ettm_str_of(rest.p + 1, rest.n - 1), ETTM_CHAR_CTEXT | ETTM_CHAR_QTEXT);
  return n > 0 ? n + 1 : 0;
}

size_t ettm_token_content_length(const ettm_address_parser *p, unsigned flags) {
  ettm_str rest = ettm_token_slice(p, p->at, p->in.n);
  size_t n = text_length(rest, flags);
  return n > 0 ? n : pair_length(rest);
}

static ettm_status skip_comment(ettm_address_parser *p) {
  size_t token_at = p->at;
  size_t depth = 0;
  do {
    size_t n = 1;
    if (ettm_token_next_is(p, '(')) {
      if (++depth > ETTM_COMMENT_DEPTH) {
        return ettm_token_refuse(p, token_at, "comments that are nested less deeply");
      }
    } else if (ettm_token_next_is(p, ')')) {
      depth--;
    } else {
      n = ettm_token_fold_length(p);
      n = n > 0 ? n : ettm_token_content_length(p, ETTM_CHAR_CTEXT);
    }
    if (n == 0) {
      return ettm_token_refuse(p, token_at, "a closing parenthesis");
    }
    p->at += n;
  } while (depth > 0);
  return ETTM_OK;
}

ettm_status ettm_token_skip_cfws(ettm_address_parser *p) {
  ettm_status status = ETTM_OK;
  while (status == ETTM_OK) {
    size_t n = ettm_token_fold_length(p);
    if (n > 0) {
      p->at += n;
    } else if (ettm_token_next_is(p, '(')) {
      status = skip_comment(p);
    } else {
      break;
    }
  }
  return status;
}

void ettm_token_scan_atom(ettm_address_parser *p) {
  size_t n;
  do {
    while (p->at < p->in.n && ettm_char_is(p->in.p[p->at], ETTM_CHAR_ATEXT)) {
      p->at++;
    }
    n = text_length(ettm_token_slice(p, p->at, p->in.n), ETTM_CHAR_ATEXT);
    p->at += n;
  } while (n > 0);
}

static ettm_status scan_quoted(ettm_address_parser *p) {
  size_t token_at = p->at++;
  while (!ettm_token_next_is(p, '"')) {
    size_t n = ettm_token_fold_length(p);
    n = n > 0 ? n : ettm_token_content_length(p, ETTM_CHAR_QTEXT);
    if (n == 0) {
      return ettm_token_refuse(p, token_at, "a closing quotation mark");
    }
    p->at += n;
  }
  p->at++;
  return ETTM_OK;
}

ettm_status ettm_token_scan_word(ettm_address_parser *p, ettm_token *kind) {
  size_t token_at = p->at;
  if (ettm_token_next_is(p, '"')) {
    *kind = ETTM_TOKEN_QUOTED;
    return scan_quoted(p);
  }
  if (ettm_token_next_is(p, '.')) {
    *kind = ETTM_TOKEN_DOT;
    p->at++;
    return ETTM_OK;
  }
  ettm_token_scan_atom(p);
  *kind = p->at > token_at ? ETTM_TOKEN_ATOM : ETTM_TOKEN_NONE;
  return ETTM_OK;
}

int ettm_token_may_be_encoded(ettm_str text) {
  size_t i;
  for (i = 0; i + 1 < text.n; i++) {
    if (text.p[i] == '=' && text.p[i + 1] == '?') {
      return 1;
    }
  }
  return 0;
}
