/* SPDX-License-Identifier: MIT */
#include "mime/message.h"

#include <string.h>

#include "base/chars.h"
#include "mime/leaf.h"
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
  ettm_buffer_init(&m->head, a, SIZE_MAX);
  m->parts = m->first_parts;
  m->capacity = sizeof m->first_parts / sizeof m->first_parts[0];
  *out = m;
  return ETTM_OK;
}

static void free_part(const ettm_alloc *a, ettm_part_data *p) {
  ettm_headers_clear(&p->headers);
  ettm_buffer_clear(&p->type);
  ettm_free(a, p, sizeof *p + p->copied);
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
  if (m->parts != m->first_parts) {
    ettm_free(&a, m->parts, m->capacity * sizeof *m->parts);
  }
  ettm_headers_clear(&m->headers);
  ettm_buffer_clear(&m->head);
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

void ettm_message_set_encoder(ettm_message *m, const ettm_charset_encoder *encoder) {
  m->headers.encoder = encoder;
}

int ettm_message_is_external(const ettm_message *m) {
  return m->is_external;
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

/* With a copy of the content behind it. */
static ettm_status new_part(const ettm_message *m, ettm_part parent, ettm_str content,
                            ettm_part_data **out) {
  ettm_part_data *p = NULL;
  size_t size;
  if (ettm_size_add(sizeof *p, content.n, &size)) {
    p = (ettm_part_data *)ettm_resize(&m->alloc, NULL, 0, size);
  }
  if (p == NULL) {
    return ETTM_E_MEMORY;
  }
  memset(p, 0, sizeof *p);
  if (content.n > 0) {
    p->content = (char *)memcpy(p + 1, content.p, content.n);
    p->copied = content.n;
  }
  p->parent = m->count > 0 ? parent : ETTM_NO_PART;
  p->first_child = p->last_child = p->next = ETTM_NO_PART;
  ettm_headers_init(&p->headers, &m->alloc);
  p->headers.encoder = m->headers.encoder;
  ettm_buffer_init_on(&p->type, &m->alloc, TYPE_MAX, p->first_type, sizeof p->first_type);
  *out = p;
  return ETTM_OK;
}

static ettm_status make_place(ettm_message *m) {
  size_t capacity = m->capacity * 2;
  int is_first = m->parts == m->first_parts;
  ettm_part_data **parts;
  if (m->count < m->capacity) {
    return ETTM_OK;
  }
  parts = (ettm_part_data **)ettm_resize(&m->alloc, is_first ? NULL : m->parts,
                                         is_first ? 0 : m->capacity * sizeof *parts,
                                         capacity * sizeof *parts);
  if (parts == NULL) {
    return ETTM_E_MEMORY;
  }
  if (is_first) {
    memcpy(parts, m->first_parts, sizeof m->first_parts);
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
  m->is_external |= p->is_external;
  m->parts[m->count++] = p;
  *out = number;
  return ETTM_OK;
}

/* --- Multiparts --- */

static int is_token(ettm_str s) {
  return s.n > 0 && ettm_chars_all(s, ETTM_CHAR_TOKEN);
}

/* Writes the type of a multipart, without its boundary. */
static ettm_status make_multipart(ettm_part_data *p, ettm_str subtype, ettm_str parameters) {
  ettm_str boundary, type;
  ettm_status status;
  if (!is_token(subtype) ||
      ettm_parameter_find(parameters, ETTM_LIT("boundary"), &boundary) != ETTM_OK ||
      boundary.n > 0 || ettm_parameter_find(parameters, ETTM_LIT("type"), &type) != ETTM_OK) {
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
    status = new_part(m, parent, ettm_str_of(NULL, 0), &p);
  }
  if (status != ETTM_OK) {
    return status;
  }
  p->depth = p->parent == ETTM_NO_PART ? 1 : m->parts[parent]->depth + 1;
  status = p->depth > ETTM_PART_DEPTH ? ETTM_E_DEPTH : make_multipart(p, subtype, parameters);
  return attach(m, p, status, out);
}

/* --- Leaves --- */

/* copied: the content that becomes the part's own. */
static ettm_status begin_leaf(const ettm_message *m, ettm_part parent, const ettm_leaf *leaf,
                              ettm_str copied, ettm_media_type *t, ettm_part_data **out) {
  ettm_status status = check_place(m, parent);
  if (status == ETTM_OK && leaf->is_ready && m->count > 0) {
    status = ETTM_E_STATE;
  }
  if (status == ETTM_OK) {
    status = ettm_media_type_parse(leaf->is_ready ? ettm_str_of(NULL, 0) : leaf->type, t);
  }
  if (status == ETTM_OK) {
    status = new_part(m, parent, copied, out);
  }
  if (status == ETTM_OK) {
    (*out)->is_text = leaf->is_text || leaf->is_ready || ettm_media_type_is_message(t);
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

static ettm_status fill_leaf(ettm_part_data *p, const ettm_leaf *leaf, const ettm_media_type *t,
                             ettm_str content) {
  ettm_content_facts facts;
  if (!p->is_text) {
    return ettm_leaf_make(p, leaf, t, NULL);
  }
  ettm_content_look(content, &facts);
  return ettm_leaf_make(p, leaf, t, &facts);
}

ettm_status ettm_message_add_leaf(ettm_message *m, ettm_part parent, const ettm_leaf *leaf,
                                  ettm_str content, ettm_part *out) {
  ettm_media_type t;
  ettm_part_data *p;
  ettm_status status = begin_leaf(m, parent, leaf, content, &t, &p);
  if (status != ETTM_OK) {
    return status;
  }
  p->size = content.n;
  return attach_leaf(m, p, leaf, fill_leaf(p, leaf, &t, content), out);
}

ettm_status ettm_message_add_kept(ettm_message *m, ettm_part parent, const ettm_leaf *leaf,
                                  ettm_str content, ettm_part *out) {
  ettm_media_type t;
  ettm_part_data *p;
  ettm_status status = begin_leaf(m, parent, leaf, ettm_str_of(NULL, 0), &t, &p);
  if (status != ETTM_OK) {
    return status;
  }
  p->is_external = 1;
  p->size = content.n;
  return attach_leaf(m, p, leaf, fill_leaf(p, leaf, &t, content), out);
}

ettm_status ettm_message_add_external(ettm_message *m, ettm_part parent, const ettm_leaf *leaf,
                                      uint64_t size, const ettm_content_facts *facts,
                                      ettm_part *out) {
  ettm_media_type t;
  ettm_part_data *p;
  ettm_status status = begin_leaf(m, parent, leaf, ettm_str_of(NULL, 0), &t, &p);
  if (status != ETTM_OK) {
    return status;
  }
  p->is_external = 1;
  p->size = size == ETTM_SIZE_UNKNOWN && facts != NULL ? facts->size : size;
  status = ettm_leaf_make(p, leaf, &t, facts);
  return attach_leaf(m, p, leaf, status, out);
}
