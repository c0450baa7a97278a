/* SPDX-License-Identifier: MIT */
#include "mime/leaf.h"

#include <string.h>

#include "base/chars.h"
#include "mime/field.h"
#include "mime/fold.h"
#include "mime/parameter.h"

#define VALUE_MAX   (64 * 1024) /* octets of a Content-Type or -Disposition under construction */
#define VALUE_FIRST 256         /* of one that needs no memory of its own */
#define CHARSET_MAX 60          /* of a charset's name that fits a line with what is in front */

/* --- Types --- */

static int is_token(ettm_str s) {
  return s.n > 0 && ettm_chars_all(s, ETTM_CHAR_TOKEN);
}

static int has_prefix(const ettm_media_type *t, ettm_str prefix) {
  return t->name.n >= prefix.n && ettm_str_equal_nocase(ettm_str_of(t->name.p, prefix.n), prefix);
}

static ettm_str unquoted(ettm_str s) {
  return s.n > 1 && s.p[0] == '"' ? ettm_str_of(s.p + 1, s.n - 2) : s;
}

ettm_status ettm_media_type_parse(ettm_str text, ettm_media_type *t) {
  const char *slash;
  size_t n = 0;
  ettm_status status;
  if (text.n == 0) {
    text = ETTM_LIT("text/plain");
  }
  while (n < text.n && text.p[n] != ';') {
    n++;
  }
  t->parameters = ettm_str_of(text.p + n, text.n - n);
  while (n > 0 && text.p[n - 1] == ' ') {
    n--;
  }
  t->name = ettm_str_of(text.p, n);
  slash = (const char *)memchr(text.p, '/', n);
  if (slash == NULL || !is_token(ettm_str_of(text.p, (size_t)(slash - text.p))) ||
      !is_token(ettm_str_of(slash + 1, n - (size_t)(slash - text.p) - 1)) ||
      has_prefix(t, ETTM_LIT("multipart/"))) {
    return ETTM_E_NAME;
  }
  status = ettm_parameter_find(t->parameters, ETTM_LIT("charset"), &t->charset);
  t->charset = unquoted(t->charset);
  return status;
}

/* --- Encodings --- */

static ettm_str named_charset(const ettm_leaf *leaf, const ettm_media_type *t) {
  return leaf->charset.n > 0 ? leaf->charset : t->charset;
}

/* Whether escape sequences and shifts are what the text is made of. */
static int has_shifts(const ettm_leaf *leaf, const ettm_media_type *t,
                      const ettm_content_facts *facts) {
  ettm_str charset = named_charset(leaf, t);
  ettm_str prefix = ETTM_LIT("iso-2022-");
  return facts->shifts && charset.n > prefix.n &&
         ettm_str_equal_nocase(ettm_str_of(charset.p, prefix.n), prefix);
}

static void choose_text_encoding(ettm_part_data *p, const ettm_leaf *leaf, const ettm_media_type *t,
                                 const ettm_content_facts *facts) {
  uint64_t base64_size = ettm_base64_size(facts->crlf_size, ETTM_BASE64_LINE);
  int is_shifted = has_shifts(leaf, t, facts);
  int is_safe = !facts->fragile && facts->longest <= ETTM_LINE_MAX && facts->shifts == is_shifted;
  if (is_safe && facts->high == 0 && (is_shifted || facts->longest <= ETTM_LINE_GOAL)) {
    p->encoding = ETTM_ENCODING_7BIT;
    p->sent_size = facts->crlf_size;
  } else if (is_safe && facts->high > 0 && leaf->allow_8bit) {
    p->encoding = ETTM_ENCODING_8BIT;
    p->sent_size = facts->crlf_size;
  } else if ((facts->high == 0 && !is_shifted) || facts->qp_size <= base64_size) {
    /* ASCII stays readable in the raw message, whatever it costs. */
    p->encoding = ETTM_ENCODING_QP;
    p->sent_size = facts->qp_size;
  } else {
    p->sent_size = base64_size;
  }
}

static void choose_encoding(ettm_part_data *p, const ettm_leaf *leaf, const ettm_media_type *t,
                            const ettm_content_facts *facts) {
  int is_fixed = leaf->is_ready || ettm_media_type_is_message(t);
  p->encoding = ETTM_ENCODING_BASE64;
  p->sent_size = ETTM_SIZE_UNKNOWN;
  p->open_end = facts != NULL && facts->open_end;
  if (is_fixed) { /* RFC 2045 6.4: it may not be encoded */
    p->encoding = facts != NULL && facts->high == 0 ? ETTM_ENCODING_7BIT : ETTM_ENCODING_8BIT;
    p->sent_size = facts != NULL ? facts->crlf_size : ETTM_SIZE_UNKNOWN;
  } else if (!p->is_text && p->size != ETTM_SIZE_UNKNOWN) {
    p->sent_size = ettm_base64_size(p->size, ETTM_BASE64_LINE);
  } else if (p->is_text && facts != NULL) {
    choose_text_encoding(p, leaf, t, facts);
  }
}

static ettm_str encoding_name(ettm_encoding e) {
  switch (e) {
  case ETTM_ENCODING_7BIT: return ETTM_LIT("7bit");
  case ETTM_ENCODING_8BIT: return ETTM_LIT("8bit");
  case ETTM_ENCODING_QP: return ETTM_LIT("quoted-printable");
  default: return ETTM_LIT("base64");
  }
}

/* --- The headers of a leaf --- */

static ettm_str charset_of(const ettm_part_data *p, const ettm_leaf *leaf, const ettm_media_type *t,
                           const ettm_content_facts *facts) {
  if (leaf->charset.n > 0 || t->charset.n > 0 || !p->is_text || !has_prefix(t, ETTM_LIT("text/"))) {
    return leaf->charset;
  }
  /* RFC 2046 4.1.2: the least charset that will do. */
  return facts != NULL && facts->high == 0 ? ETTM_LIT("us-ascii") : ETTM_LIT("utf-8");
}

/* As a parameter. It is a token: only an apostrophe or % in it has to be quoted. */
static ettm_status append_charset(ettm_buffer *value, ettm_str charset) {
  ettm_status status;
  if (!ettm_chars_all(charset, ETTM_CHAR_ATTRIBUTE) || charset.n > CHARSET_MAX) {
    return ettm_parameter_append(value, ETTM_LIT("charset"), charset);
  }
  status = ettm_buffer_append(value, ETTM_LIT("; charset="));
  return status == ETTM_OK ? ettm_buffer_append(value, charset) : status;
}

static ettm_status append_type(ettm_buffer *value, const ettm_media_type *t, ettm_str charset,
                               ettm_str file_name, const ettm_charset_encoder *encoder) {
  ettm_status status = ettm_buffer_append(value, t->name);
  if (status == ETTM_OK) {
    status = ettm_buffer_append(value, t->parameters);
  }
  if (status == ETTM_OK && charset.n > 0) {
    status = append_charset(value, charset);
  }
  if (status == ETTM_OK && file_name.n > 0) {
    status = ettm_parameter_append_legacy(value, ETTM_LIT("name"), file_name, encoder);
  }
  return status;
}

static ettm_status append_disposition(ettm_buffer *value, ettm_str disposition, ettm_str file_name,
                                      const ettm_charset_encoder *encoder) {
  ettm_status status = ettm_buffer_append(value, disposition);
  if (status == ETTM_OK && file_name.n > 0) {
    status = ettm_parameter_append_charset(value, ETTM_LIT("filename"), file_name, encoder);
  }
  return status;
}

static ettm_status append_id(ettm_buffer *value, ettm_str id) {
  ettm_status status = ettm_buffer_append_char(value, '<');
  if (status == ETTM_OK) {
    status = ettm_buffer_append(value, id);
  }
  return status == ETTM_OK ? ettm_buffer_append_char(value, '>') : status;
}

/* Adds what is in the scratch value and empties it; status: how filling it went. */
static ettm_status add_value(ettm_part_data *p, const char *name, ettm_buffer *value,
                             ettm_status status) {
  if (status == ETTM_OK) {
    status = ettm_headers_add_ready(&p->headers, ettm_str_of(name, strlen(name)),
                                    ettm_buffer_view(value));
  }
  ettm_buffer_truncate(value, 0);
  return status;
}

static ettm_status write_headers(ettm_part_data *p, const ettm_leaf *leaf, const ettm_media_type *t,
                                 ettm_str charset, ettm_buffer *value) {
  ettm_str file_name = ettm_file_base_name(leaf->file_name);
  const ettm_charset_encoder *encoder = p->headers.encoder;
  ettm_status status =
      add_value(p, "Content-Type", value, append_type(value, t, charset, file_name, encoder));
  if (status == ETTM_OK) {
    status = ettm_field_add(&p->headers, ETTM_LIT("Content-Transfer-Encoding"),
                            encoding_name(p->encoding), 1);
  }
  if (status == ETTM_OK && leaf->disposition.n > 0) {
    status = add_value(p, "Content-Disposition", value,
                       append_disposition(value, leaf->disposition, file_name, encoder));
  }
  if (status == ETTM_OK && leaf->content_id.n > 0) {
    status = add_value(p, "Content-ID", value, append_id(value, leaf->content_id));
  }
  return status;
}

static ettm_status make_headers(ettm_part_data *p, const ettm_leaf *leaf, const ettm_media_type *t,
                                const ettm_content_facts *facts) {
  char storage[VALUE_FIRST];
  ettm_buffer value;
  ettm_status status;
  if ((leaf->charset.n > 0 && (!is_token(leaf->charset) || t->charset.n > 0)) ||
      (leaf->disposition.n > 0 && !is_token(leaf->disposition)) ||
      (leaf->content_id.n > 0 && !ettm_is_message_id(leaf->content_id))) {
    return ETTM_E_NAME;
  }
  ettm_buffer_init_on(&value, &p->headers.bytes.alloc, VALUE_MAX, storage, sizeof storage);
  status = write_headers(p, leaf, t, charset_of(p, leaf, t, facts), &value);
  ettm_buffer_clear(&value);
  return status;
}

/* --- All of it --- */

int ettm_media_type_is_message(const ettm_media_type *t) {
  return has_prefix(t, ETTM_LIT("message/")) &&
         !ettm_str_equal_nocase(t->name, ETTM_LIT("message/global")); /* RFC 6532 3.5 */
}

static int is_utf8_name(ettm_str charset) {
  return charset.n == 0 || ettm_str_equal_nocase(charset, ETTM_LIT("utf-8"));
}

/* Only what is said to be UTF-8 or ASCII can be checked. */
static ettm_status check_text(const ettm_leaf *leaf, const ettm_media_type *t,
                              const ettm_content_facts *facts) {
  ettm_str charset = named_charset(leaf, t);
  int is_ascii = ettm_str_equal_nocase(charset, ETTM_LIT("us-ascii"));
  if (!leaf->is_text || !has_prefix(t, ETTM_LIT("text/"))) {
    return ETTM_OK;
  }
  return (is_utf8_name(charset) && facts->not_utf8) || (is_ascii && facts->high > 0) ? ETTM_E_UTF8
                                                                                     : ETTM_OK;
}

static ettm_status check_content(const ettm_leaf *leaf, const ettm_media_type *t, int is_fixed,
                                 const ettm_content_facts *facts) {
  if (facts == NULL) {
    return ETTM_OK;
  }
  if (!is_fixed) {
    return check_text(leaf, t, facts);
  }
  if (facts->nul_line > 0) {
    return ETTM_E_UNSAFE; /* neither 7bit nor 8bit may hold it (RFC 2045 2.7, 2.8) */
  }
  return facts->long_line > 0 ? ETTM_E_LIMIT : ETTM_OK;
}

/* Whether a message within the message has a header section that is not ASCII: the server has to
 * take such at every level (RFC 6531 3.2, RFC 6532 3.7). */
static int has_utf8_section(const ettm_media_type *t, const ettm_content_facts *facts) {
  return facts != NULL && ettm_str_equal_nocase(t->name, ETTM_LIT("message/rfc822")) &&
         facts->high_line > 0 && (facts->empty_line == 0 || facts->high_line < facts->empty_line);
}

ettm_status ettm_leaf_make(ettm_part_data *p, const ettm_leaf *leaf, const ettm_media_type *t,
                           const ettm_content_facts *facts) {
  int is_fixed = leaf->is_ready || ettm_media_type_is_message(t);
  ettm_status status = check_content(leaf, t, is_fixed, facts);
  if (status != ETTM_OK) {
    return status;
  }
  choose_encoding(p, leaf, t, facts);
  if (leaf->is_ready) {
    return ETTM_OK;
  }
  status = make_headers(p, leaf, t, facts);
  p->headers.needs_smtputf8 |= has_utf8_section(t, facts);
  return status;
}
