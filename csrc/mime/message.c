/* SPDX-License-Identifier: MIT */
#include "mime/message.h"

#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"
#include "mime/fold.h"
#include "mime/parameter.h"
#include "mime/part.h"

#define TYPE_MAX (64 * 1024) /* octets of a Content-Type or -Disposition under construction */

/* --- Life --- */

ettm_status ettm_message_new(ettm_message **out, const ettm_alloc *a) {
  ettm_message *m = (ettm_message *)ettm_new(a, sizeof *m);
  if (m == NULL) {
    return ETTM_E_MEMORY;
  }
  m->alloc = ettm_alloc_of(a);
  m->references = 1;
  m->size = ETTM_SIZE_UNKNOWN;
  ettm_headers_init(&m->headers, a);
  *out = m;
  return ETTM_OK;
}

static void free_part(const ettm_alloc *a, ettm_part_data *p) {
  ettm_headers_clear(&p->headers);
  ettm_buffer_clear(&p->head);
  ettm_buffer_clear(&p->type);
  ettm_buffer_clear(&p->close);
  if (p->content != NULL) {
    ettm_free(a, p->content, (size_t)p->size);
  }
  ettm_free(a, p, sizeof *p);
}

void ettm_message_retain(ettm_message *m) {
  m->references++;
}

void ettm_message_release(ettm_message *m) {
  ettm_alloc a;
  size_t i;
  if (m == NULL || --m->references > 0) {
    return;
  }
  a = m->alloc;
  for (i = 0; i < m->count; i++) {
    free_part(&a, m->parts[i]);
  }
  ettm_free(&a, m->parts, m->capacity * sizeof *m->parts);
  ettm_headers_clear(&m->headers);
  ettm_free(&a, m, sizeof *m);
}

ettm_headers *ettm_message_headers(ettm_message *m) {
  return m->is_sealed || m->has_failed ? NULL : &m->headers;
}

ettm_headers *ettm_message_part_headers(ettm_message *m, ettm_part part) {
  if (m->is_sealed || m->has_failed || part >= m->count) {
    return NULL;
  }
  return part == 0 ? &m->headers : &m->parts[part]->headers;
}

ettm_part ettm_message_count(const ettm_message *m) {
  return (ettm_part)m->count;
}

/* --- Growing the tree --- */

static ettm_status check_place(const ettm_message *m, ettm_part parent) {
  if (m->is_sealed || m->has_failed) {
    return ETTM_E_STATE;
  }
  if (m->count > 0 && (parent >= m->count || !m->parts[parent]->is_multipart)) {
    return ETTM_E_STATE;
  }
  return m->count < ETTM_PARTS_MAX ? ETTM_OK : ETTM_E_LIMIT;
}

static ettm_status new_part(const ettm_message *m, ettm_part parent, ettm_part_data **out) {
  ettm_part_data *p = (ettm_part_data *)ettm_new(&m->alloc, sizeof *p);
  if (p == NULL) {
    return ETTM_E_MEMORY;
  }
  p->parent = m->count > 0 ? parent : ETTM_NO_PART;
  p->first_child = p->last_child = p->next = ETTM_NO_PART;
  ettm_headers_init(&p->headers, &m->alloc);
  ettm_buffer_init(&p->head, &m->alloc, ETTM_HEADER_MAX);
  ettm_buffer_init(&p->type, &m->alloc, TYPE_MAX);
  ettm_buffer_init(&p->close, &m->alloc, TYPE_MAX);
  *out = p;
  return ETTM_OK;
}

static ettm_status make_place(ettm_message *m) {
  size_t capacity = m->capacity > 0 ? m->capacity * 2 : 4;
  ettm_part_data **parts;
  if (m->count < m->capacity) {
    return ETTM_OK;
  }
  parts = (ettm_part_data **)ettm_resize(&m->alloc, m->parts, m->capacity * sizeof *parts,
                                         capacity * sizeof *parts);
  if (parts == NULL) {
    return ETTM_E_MEMORY;
  }
  m->parts = parts;
  m->capacity = capacity;
  return ETTM_OK;
}

/* Takes a finished part into the tree, or frees it. status: how making it went. */
static ettm_status attach(ettm_message *m, ettm_part_data *p, ettm_status status, ettm_part *out) {
  ettm_part number = (ettm_part)m->count;
  if (status == ETTM_OK) {
    status = make_place(m);
  }
  if (status != ETTM_OK) {
    free_part(&m->alloc, p);
    return status;
  }
  if (p->parent != ETTM_NO_PART) {
    ettm_part_data *parent = m->parts[p->parent];
    if (parent->last_child == ETTM_NO_PART) {
      parent->first_child = number;
    } else {
      m->parts[parent->last_child]->next = number;
    }
    parent->last_child = number;
  }
  m->parts[m->count++] = p;
  *out = number;
  return ETTM_OK;
}

/* --- Types --- */

static int is_token(ettm_str s) {
  return s.n > 0 && ettm_chars_all(s, ETTM_CHAR_TOKEN);
}

/* A media type as the caller gave it. */
typedef struct media_type {
  ettm_str name; /* "text/plain" */
  ettm_str parameters;
  ettm_str charset; /* among the parameters; empty: none */
} media_type;

static int has_prefix(const media_type *t, ettm_str prefix) {
  return t->name.n >= prefix.n && ettm_str_equal_nocase(ettm_str_of(t->name.p, prefix.n), prefix);
}

/* Walks over parameters; *value becomes that of the one called name. */
static ettm_status find_parameter(ettm_str parameters, ettm_str name, ettm_str *value) {
  ettm_str found, at;
  ettm_status status;
  *value = ettm_str_of(NULL, 0);
  while ((status = ettm_parameter_next(&parameters, &found, &at)) == ETTM_OK) {
    if (ettm_str_equal_nocase(found, name)) {
      *value = at;
    }
  }
  return status == ETTM_DONE ? ETTM_OK : status;
}

static ettm_str unquoted(ettm_str s) {
  return s.n > 1 && s.p[0] == '"' ? ettm_str_of(s.p + 1, s.n - 2) : s;
}

static ettm_status parse_type(ettm_str text, media_type *t) {
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
  status = find_parameter(t->parameters, ETTM_LIT("charset"), &t->charset);
  t->charset = unquoted(t->charset);
  return status;
}

/* Writes the type of a multipart, without its boundary. */
static ettm_status make_multipart(ettm_part_data *p, ettm_str subtype, ettm_str parameters) {
  ettm_str boundary, type;
  ettm_status status;
  if (!is_token(subtype) ||
      find_parameter(parameters, ETTM_LIT("boundary"), &boundary) != ETTM_OK || boundary.n > 0 ||
      find_parameter(parameters, ETTM_LIT("type"), &type) != ETTM_OK) {
    return ETTM_E_NAME;
  }
  p->is_multipart = 1;
  p->wants_root_type = type.n == 0 && ettm_str_equal_nocase(subtype, ETTM_LIT("related"));
  status = ettm_buffer_append(&p->type, ETTM_LIT("multipart/"));
  if (status == ETTM_OK) {
    status = ettm_buffer_append(&p->type, subtype);
  }
  return status == ETTM_OK ? ettm_buffer_append(&p->type, parameters) : status;
}

ettm_status ettm_message_add_multipart(ettm_message *m, ettm_part parent, ettm_str subtype,
                                       ettm_str parameters, ettm_part *out) {
  ettm_part_data *p;
  ettm_status status = check_place(m, parent);
  if (status == ETTM_OK) {
    status = new_part(m, parent, &p);
  }
  if (status != ETTM_OK) {
    return status;
  }
  p->depth = p->parent == ETTM_NO_PART ? 1 : m->parts[parent]->depth + 1;
  status = p->depth > ETTM_PART_DEPTH ? ETTM_E_DEPTH : make_multipart(p, subtype, parameters);
  return attach(m, p, status, out);
}

/* --- Encodings --- */

static void choose_text_encoding(ettm_part_data *p, int allow_8bit,
                                 const ettm_content_facts *facts) {
  uint64_t base64_size = ettm_base64_size(facts->crlf_size, ETTM_BASE64_LINE);
  if (facts->high == 0 && !facts->fragile && facts->longest <= ETTM_LINE_GOAL) {
    p->encoding = ETTM_ENCODING_7BIT;
    p->sent_size = facts->crlf_size;
  } else if (facts->high > 0 && allow_8bit && !facts->fragile && facts->longest <= ETTM_LINE_MAX) {
    p->encoding = ETTM_ENCODING_8BIT;
    p->sent_size = facts->crlf_size;
  } else if (facts->high == 0 || facts->qp_size <= base64_size) {
    /* ASCII stays readable in the raw message, whatever it costs. */
    p->encoding = ETTM_ENCODING_QP;
    p->sent_size = facts->qp_size;
  } else {
    p->sent_size = base64_size;
  }
}

/* is_fixed: it may not be encoded (RFC 2045 6.4). */
static void choose_encoding(ettm_part_data *p, int is_fixed, int allow_8bit,
                            const ettm_content_facts *facts) {
  p->encoding = ETTM_ENCODING_BASE64;
  p->sent_size = ETTM_SIZE_UNKNOWN;
  p->open_end = facts != NULL && facts->open_end;
  if (is_fixed) {
    p->encoding = facts != NULL && facts->high == 0 ? ETTM_ENCODING_7BIT : ETTM_ENCODING_8BIT;
    p->sent_size = facts != NULL ? facts->crlf_size : ETTM_SIZE_UNKNOWN;
  } else if (!p->is_text && p->size != ETTM_SIZE_UNKNOWN) {
    p->sent_size = ettm_base64_size(p->size, ETTM_BASE64_LINE);
  } else if (p->is_text && facts != NULL) {
    choose_text_encoding(p, allow_8bit, facts);
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

static ettm_str charset_of(const ettm_part_data *p, const ettm_leaf *leaf, const media_type *t,
                           const ettm_content_facts *facts) {
  if (leaf->charset.n > 0 || t->charset.n > 0 || !p->is_text || !has_prefix(t, ETTM_LIT("text/"))) {
    return leaf->charset;
  }
  /* RFC 2046 4.1.2: the least charset that will do. */
  return facts != NULL && facts->high == 0 ? ETTM_LIT("us-ascii") : ETTM_LIT("utf-8");
}

static ettm_status append_type(ettm_buffer *value, const media_type *t, ettm_str charset,
                               ettm_str file_name) {
  ettm_status status = ettm_buffer_append(value, t->name);
  if (status == ETTM_OK) {
    status = ettm_buffer_append(value, t->parameters);
  }
  if (status == ETTM_OK && charset.n > 0) {
    status = ettm_parameter_append(value, ETTM_LIT("charset"), charset);
  }
  if (status == ETTM_OK && file_name.n > 0) {
    status = ettm_parameter_append_legacy(value, ETTM_LIT("name"), file_name);
  }
  return status;
}

static ettm_status append_disposition(ettm_buffer *value, ettm_str disposition,
                                      ettm_str file_name) {
  ettm_status status = ettm_buffer_append(value, disposition);
  if (status == ETTM_OK && file_name.n > 0) {
    status = ettm_parameter_append(value, ETTM_LIT("filename"), file_name);
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

static ettm_status write_headers(ettm_part_data *p, const ettm_leaf *leaf, const media_type *t,
                                 ettm_str charset, ettm_buffer *value) {
  ettm_str file_name = ettm_file_base_name(leaf->file_name);
  ettm_status status =
      add_value(p, "Content-Type", value, append_type(value, t, charset, file_name));
  if (status == ETTM_OK) {
    status = add_value(p, "Content-Transfer-Encoding", value,
                       ettm_buffer_append(value, encoding_name(p->encoding)));
  }
  if (status == ETTM_OK && leaf->disposition.n > 0) {
    status = add_value(p, "Content-Disposition", value,
                       append_disposition(value, leaf->disposition, file_name));
  }
  if (status == ETTM_OK && leaf->content_id.n > 0) {
    status = add_value(p, "Content-ID", value, append_id(value, leaf->content_id));
  }
  return status;
}

static ettm_status make_headers(ettm_part_data *p, const ettm_leaf *leaf, const media_type *t,
                                const ettm_content_facts *facts) {
  ettm_buffer value;
  ettm_status status;
  if ((leaf->charset.n > 0 && (!is_token(leaf->charset) || t->charset.n > 0)) ||
      (leaf->disposition.n > 0 && !is_token(leaf->disposition)) ||
      (leaf->content_id.n > 0 && !ettm_is_message_id(leaf->content_id))) {
    return ETTM_E_NAME;
  }
  ettm_buffer_init(&value, &p->headers.bytes.alloc, TYPE_MAX);
  status = write_headers(p, leaf, t, charset_of(p, leaf, t, facts), &value);
  ettm_buffer_clear(&value);
  return status;
}

/* --- Leaves --- */

static int is_message(const media_type *t) {
  return has_prefix(t, ETTM_LIT("message/")) &&
         !ettm_str_equal_nocase(t->name, ETTM_LIT("message/global")); /* RFC 6532 3.5 */
}

static int is_utf8_name(ettm_str charset) {
  return charset.n == 0 || ettm_str_equal_nocase(charset, ETTM_LIT("utf-8"));
}

/* Only what is said to be UTF-8 or ASCII can be checked. */
static ettm_status check_text(const ettm_leaf *leaf, const media_type *t,
                              const ettm_content_facts *facts) {
  ettm_str charset = leaf->charset.n > 0 ? leaf->charset : t->charset;
  int is_ascii = ettm_str_equal_nocase(charset, ETTM_LIT("us-ascii"));
  if (!leaf->is_text || !has_prefix(t, ETTM_LIT("text/"))) {
    return ETTM_OK;
  }
  return (is_utf8_name(charset) && facts->not_utf8) || (is_ascii && facts->high > 0) ? ETTM_E_UTF8
                                                                                     : ETTM_OK;
}

static ettm_status check_content(const ettm_leaf *leaf, const media_type *t, int is_fixed,
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

static ettm_status make_leaf(ettm_part_data *p, const ettm_leaf *leaf, const media_type *t,
                             const ettm_content_facts *facts) {
  int is_fixed = leaf->is_ready || is_message(t);
  ettm_status status = check_content(leaf, t, is_fixed, facts);
  if (status != ETTM_OK) {
    return status;
  }
  choose_encoding(p, is_fixed, leaf->allow_8bit, facts);
  return leaf->is_ready ? ETTM_OK : make_headers(p, leaf, t, facts);
}

static ettm_status begin_leaf(const ettm_message *m, ettm_part parent, const ettm_leaf *leaf,
                              media_type *t, ettm_part_data **out) {
  ettm_status status = check_place(m, parent);
  if (status == ETTM_OK && leaf->is_ready && m->count > 0) {
    status = ETTM_E_STATE;
  }
  if (status == ETTM_OK) {
    status = parse_type(leaf->is_ready ? ettm_str_of(NULL, 0) : leaf->type, t);
  }
  if (status == ETTM_OK) {
    status = new_part(m, parent, out);
  }
  if (status == ETTM_OK) {
    (*out)->is_text = leaf->is_text || leaf->is_ready || is_message(t);
  }
  return status;
}

static ettm_status attach_leaf(ettm_message *m, ettm_part_data *p, const ettm_leaf *leaf,
                               ettm_status status, ettm_part *out) {
  status = attach(m, p, status, out);
  if (status == ETTM_OK && leaf->is_ready) {
    m->is_ready = 1;
  }
  return status;
}

static ettm_status copy_content(ettm_part_data *p, ettm_str content, const ettm_alloc *a) {
  p->size = content.n;
  if (content.n == 0) {
    return ETTM_OK;
  }
  p->content = (char *)ettm_resize(a, NULL, 0, content.n);
  if (p->content == NULL) {
    return ETTM_E_MEMORY;
  }
  memcpy(p->content, content.p, content.n);
  return ETTM_OK;
}

static ettm_status fill_leaf(ettm_part_data *p, const ettm_leaf *leaf, const media_type *t,
                             ettm_str content) {
  ettm_content_scan scan;
  ettm_content_facts facts;
  if (!p->is_text) {
    return make_leaf(p, leaf, t, NULL);
  }
  ettm_content_scan_init(&scan);
  ettm_content_scan_feed(&scan, content);
  ettm_content_scan_finish(&scan, &facts);
  return make_leaf(p, leaf, t, &facts);
}

ettm_status ettm_message_add_leaf(ettm_message *m, ettm_part parent, const ettm_leaf *leaf,
                                  ettm_str content, ettm_part *out) {
  media_type t;
  ettm_part_data *p;
  ettm_status status = begin_leaf(m, parent, leaf, &t, &p);
  if (status != ETTM_OK) {
    return status;
  }
  status = copy_content(p, content, &m->alloc);
  if (status == ETTM_OK) {
    status = fill_leaf(p, leaf, &t, content);
  }
  return attach_leaf(m, p, leaf, status, out);
}

ettm_status ettm_message_add_external(ettm_message *m, ettm_part parent, const ettm_leaf *leaf,
                                      uint64_t size, const ettm_content_facts *facts,
                                      ettm_part *out) {
  media_type t;
  ettm_part_data *p;
  ettm_status status = begin_leaf(m, parent, leaf, &t, &p);
  if (status != ETTM_OK) {
    return status;
  }
  p->is_external = 1;
  p->size = size == ETTM_SIZE_UNKNOWN && facts != NULL ? facts->size : size;
  status = make_leaf(p, leaf, &t, facts);
  return attach_leaf(m, p, leaf, status, out);
}
