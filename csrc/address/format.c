/* SPDX-License-Identifier: MIT */
#include "address/format.h"

#include <string.h>

#include "address/idna.h"
#include "address/token.h"
#include "base/chars.h"
#include "base/utf8.h"
#include "codec/encoded_word.h"

/* Longer text without a place to fold goes into encoded words, which are short: quoting may double
 * it, and no line may have more than 998 octets (RFC 5322 2.1.1). */
#define UNFOLDABLE_MAX 400

static int is_atext(char c) {
  return ettm_char_is(c, ETTM_CHAR_ATEXT) || (unsigned char)c > 127;
}

/* Words of atext with one separator between them: a dot-atom, or the atoms of a phrase. */
static int is_separated(ettm_str s, char separator) {
  char last = separator;
  size_t i;
  for (i = 0; i < s.n; i++) {
    if (!is_atext(s.p[i]) && (s.p[i] != separator || last == separator)) {
      return 0;
    }
    last = s.p[i];
  }
  return last != separator;
}

static ettm_status append_quoted(ettm_buffer *out, ettm_str s) {
  char *place;
  size_t i;
  size_t size;
  size_t n = 0;
  ettm_status status;
  if (!ettm_size_mul(s.n, 2, &size) || !ettm_size_add(size, 2, &size)) {
    return ETTM_E_LIMIT;
  }
  for (i = 0, size = 2; i < s.n; i++) {
    size += s.p[i] == '"' || s.p[i] == '\\' ? 2 : 1;
  }
  status = ettm_buffer_reserve(out, size, &place);
  if (status != ETTM_OK) {
    return status;
  }
  place[n++] = '"';
  for (i = 0; i < s.n; i++) {
    if (s.p[i] == '"' || s.p[i] == '\\') {
      place[n++] = '\\';
    }
    place[n++] = s.p[i];
  }
  place[n++] = '"';
  ettm_buffer_commit(out, n);
  return ETTM_OK;
}

/* True (1) when some stretch of s is too long for a line: one that has no single white space, as
 * folding at a row of them would leave a line of nothing else (RFC 5322 3.2.2). */
static int is_unfoldable(ettm_str s) {
  size_t stretch = 0;
  size_t i;
  for (i = 0; i < s.n && stretch <= UNFOLDABLE_MAX; i++) {
    int alone = i > 0 && i + 1 < s.n && !ettm_char_is(s.p[i - 1], ETTM_CHAR_WSP) &&
                ettm_char_is(s.p[i], ETTM_CHAR_WSP) && !ettm_char_is(s.p[i + 1], ETTM_CHAR_WSP);
    stretch = alone ? 0 : stretch + 1;
  }
  return stretch > UNFOLDABLE_MAX;
}

/* True (1) when there is a "=?" with a "?=" behind it. */
static int looks_encoded(ettm_str s) {
  size_t end = s.n;
  while (end > 3 && (s.p[end - 2] != '?' || s.p[end - 1] != '=')) {
    end--;
  }
  return end > 3 && ettm_token_may_be_encoded(ettm_str_of(s.p, end - 2));
}

/* In UTF-8 headers nothing is encoded (RFC 6532 3.6) that can be written without. What looks like
 * an encoded word cannot: readers decode it in a quoted-string too, whatever RFC 2047 5 says. */
static int must_encode(ettm_str name, unsigned flags) {
  if (is_unfoldable(name) || looks_encoded(name)) {
    return 1;
  }
  return (flags & ETTM_FORMAT_UTF8) == 0 && ettm_encoded_word_needed(name);
}

static ettm_status append_phrase(ettm_buffer *out, ettm_str name, unsigned flags,
                                 const ettm_charset_encoder *encoder) {
  ettm_status status = ettm_utf8_check_text(name);
  if (status != ETTM_OK) {
    return status;
  }
  if (must_encode(name, flags)) {
    /* A header is folded before the first word, if need be: one space is in front of it. */
    return ettm_encoded_word_append_charset(out, name, ETTM_WORD_PHRASE, 1, encoder);
  }
  if (is_separated(name, ' ') && !ettm_token_may_be_encoded(name)) {
    return ettm_buffer_append(out, name);
  }
  return append_quoted(out, name);
}

ettm_status ettm_format_phrase(ettm_buffer *out, ettm_str name, unsigned flags) {
  return append_phrase(out, name, flags, NULL);
}

ettm_status ettm_format_phrase_charset(ettm_buffer *out, ettm_str name,
                                       const ettm_charset_encoder *encoder) {
  return append_phrase(out, name, 0, encoder);
}

ettm_status ettm_format_local(ettm_buffer *out, ettm_str local) {
  ettm_status status = ettm_utf8_check_text(local);
  if (status != ETTM_OK) {
    return status;
  }
  return is_separated(local, '.') ? ettm_buffer_append(out, local) : append_quoted(out, local);
}

/* "[", dtext and quoted pairs, "]". */
static int is_literal(ettm_str s) {
  size_t i;
  if (s.n < 2 || s.p[0] != '[' || s.p[s.n - 1] != ']') {
    return 0;
  }
  for (i = 1; i < s.n - 1; i++) {
    if (s.p[i] == '\\' && i + 1 < s.n - 1) {
      i++;
    } else if (!ettm_char_is(s.p[i], ETTM_CHAR_DTEXT) && (unsigned char)s.p[i] < 128) {
      return 0;
    }
  }
  return 1;
}

static ettm_status append_domain(ettm_buffer *out, ettm_str domain, unsigned flags) {
  ettm_status status = ettm_utf8_check_text(domain);
  if (status != ETTM_OK) {
    return status;
  }
  if (!is_literal(domain) && !is_separated(domain, '.')) {
    return ETTM_E_ADDRESS;
  }
  if (ettm_has_8bit(domain) && (flags & ETTM_FORMAT_UTF8) == 0) {
    return ettm_idna_to_ascii(out, domain);
  }
  return ettm_buffer_append(out, domain);
}

static ettm_status append_spec(ettm_buffer *out, ettm_str local, ettm_str domain, unsigned flags) {
  ettm_status status = ettm_format_local(out, local);
  if (status == ETTM_OK && ettm_has_8bit(local) && (flags & ETTM_FORMAT_UTF8) == 0) {
    return ETTM_E_NEEDS_SMTPUTF8;
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append_char(out, '@');
  }
  return status == ETTM_OK ? append_domain(out, domain, flags) : status;
}

/* Behind a name. */
static ettm_status append_angle(ettm_buffer *out, ettm_str local, ettm_str domain, unsigned flags) {
  ettm_status status = ettm_buffer_append(out, ETTM_LIT(" <"));
  if (status == ETTM_OK) {
    status = append_spec(out, local, domain, flags);
  }
  return status == ETTM_OK ? ettm_buffer_append_char(out, '>') : status;
}

/* What is behind the name, if that went well; or all of it is taken back. */
static ettm_status end_mailbox(ettm_buffer *out, size_t before, ettm_status status,
                               const ettm_str spec[2], unsigned flags) {
  if (status == ETTM_OK) {
    status = ettm_buffer_size(out) > before ? append_angle(out, spec[0], spec[1], flags)
                                            : append_spec(out, spec[0], spec[1], flags);
  }
  if (status != ETTM_OK) {
    ettm_buffer_truncate(out, before);
  }
  return status;
}

ettm_status ettm_format_mailbox(ettm_buffer *out, ettm_str name, ettm_str local, ettm_str domain,
                                unsigned flags) {
  size_t before = ettm_buffer_size(out);
  ettm_str spec[2];
  ettm_status status = name.n > 0 ? append_phrase(out, name, flags, NULL) : ETTM_OK;
  spec[0] = local;
  spec[1] = domain;
  return end_mailbox(out, before, status, spec, flags);
}

ettm_status ettm_format_mailbox_charset(ettm_buffer *out, ettm_str name, ettm_str local,
                                        ettm_str domain, const ettm_charset_encoder *encoder) {
  size_t before = ettm_buffer_size(out);
  ettm_str spec[2];
  ettm_status status = name.n > 0 ? append_phrase(out, name, 0, encoder) : ETTM_OK;
  spec[0] = local;
  spec[1] = domain;
  return end_mailbox(out, before, status, spec, 0);
}
