/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "address/address.h"
#include "address/idna.h"
#include "base/date.h"
#include "mime/field.h"
#include "mime/message.h"
#include "mime/parameter.h"
#include "mime/part.h"

#define RANDOM_SIZE 16                   /* octets of a Message-ID, and of the boundaries */
#define HEX_SIZE    (2 * RANDOM_SIZE)    /* and as text */
#define DATE_FIELD  (ETTM_DATE_SIZE + 8) /* "Date: " and CRLF around it */
#define ID_FIRST    256                  /* octets of an id that needs no memory of its own */

/* --- Text made of the entropy --- */

static const char digits[] = "0123456789abcdef";

static void put_hex(char *out, const char *octets, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) {
    out[2 * i] = digits[(unsigned char)octets[i] >> 4];
    out[2 * i + 1] = digits[(unsigned char)octets[i] & 15];
  }
}

/* All of one message have the same length, so that none is a prefix of another (RFC 2046 5.1).
 * "=_" cannot stand in quoted-printable nor base64; other text is looked through for "--=_". */
static void make_boundary(char out[ETTM_BOUNDARY_SIZE], const ettm_seal *seal, ettm_part number) {
  unsigned shift = 32;
  memcpy(out, "=_", 2);
  put_hex(out + 2, seal->entropy.p + RANDOM_SIZE, RANDOM_SIZE);
  out += 2 + HEX_SIZE;
  *out++ = '_';
  while (shift > 0) {
    shift -= 4;
    *out++ = digits[number >> shift & 15];
  }
}

/* --- Checks --- */

static ettm_status check_tree(const ettm_message *m) {
  size_t i;
  for (i = 0; i < m->count; i++) {
    if (m->parts[i]->is_multipart && m->parts[i]->first_child == ETTM_NO_PART) {
      return ETTM_E_STATE; /* RFC 2046 5.1.1: at least one part */
    }
  }
  return m->count > 0 ? ETTM_OK : ETTM_E_STATE;
}

/* --- From --- */

static ettm_status append_unfolded(ettm_buffer *out, ettm_str s) {
  ettm_status status = ETTM_OK;
  while (status == ETTM_OK && s.n > 0) {
    const char *end = (const char *)memchr(s.p, '\r', s.n);
    size_t n = end != NULL ? (size_t)(end - s.p) : s.n;
    status = ettm_buffer_append(out, ettm_str_of(s.p, n));
    n += end != NULL ? 2 : 0;
    s = ettm_str_of(s.p + n, s.n - n);
  }
  return status;
}

/* Counts the mailboxes of a list and appends the first one's domain to host, as A-labels. */
static ettm_status read_authors(ettm_str list, ettm_buffer *host, size_t *count) {
  ettm_buffer arena;
  ettm_address_parser parser;
  ettm_address a;
  ettm_status status = ETTM_OK;
  ettm_buffer_init(&arena, &host->alloc, ETTM_HEADER_MAX);
  ettm_address_parser_init(&parser, list, ETTM_ADDRESS_CARRIERS, &arena, NULL);
  *count = 0;
  while (status == ETTM_OK && (status = ettm_address_next(&parser, &a)) == ETTM_OK) {
    if (a.kind == ETTM_ADDRESS_MAILBOX && (*count)++ == 0) {
      status = ettm_idna_to_ascii(host, ettm_span_view(&arena, a.domain));
    }
    ettm_buffer_truncate(&arena, 0);
  }
  ettm_buffer_clear(&arena);
  return status == ETTM_DONE ? ETTM_OK : status;
}

/* The same of a From that others made. */
static ettm_status read_from(const ettm_message *m, ettm_buffer *host, size_t *count) {
  ettm_str field;
  ettm_buffer list;
  ettm_status status;
  if (!ettm_headers_find(&m->headers, ETTM_LIT("From"), &field)) {
    return ETTM_E_ARGUMENT;
  }
  ettm_buffer_init(&list, &m->alloc, ETTM_HEADER_MAX);
  status = append_unfolded(&list, ettm_headers_value(field));
  if (status == ETTM_OK) {
    status = read_authors(ettm_buffer_view(&list), host, count);
  }
  ettm_buffer_clear(&list);
  return status;
}

/* RFC 5322 3.6.2: From is there, and Sender when it names several. */
static ettm_status check_authors(const ettm_message *m, ettm_buffer *host) {
  size_t count = m->headers.authors;
  ettm_status status = count > 0 ? ettm_buffer_append(host, ettm_buffer_view(&m->headers.host))
                                 : read_from(m, host, &count);
  if (status == ETTM_OK && count > 1 && !ettm_headers_find(&m->headers, ETTM_LIT("Sender"), NULL)) {
    status = ETTM_E_ARGUMENT;
  }
  return status;
}

/* --- Headers of the message --- */

static ettm_status add_message_id(ettm_message *m, const ettm_seal *seal, ettm_str host) {
  char left[1 + HEX_SIZE + 1];
  char storage[ID_FIRST];
  ettm_buffer id;
  ettm_status status;
  left[0] = '<';
  put_hex(left + 1, seal->entropy.p, RANDOM_SIZE);
  left[1 + HEX_SIZE] = '@';
  ettm_buffer_init_on(&id, &m->alloc, ETTM_HOST_MAX + sizeof left + 1, storage, sizeof storage);
  status = ettm_buffer_append(&id, ettm_str_of(left, sizeof left));
  if (status == ETTM_OK) {
    status = ettm_buffer_append(&id, host);
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append_char(&id, '>');
  }
  if (status == ETTM_OK) {
    status = ettm_headers_add_ready(&m->headers, ETTM_LIT("Message-ID"), ettm_buffer_view(&id));
  }
  ettm_buffer_clear(&id);
  return status;
}

static ettm_status complete_fields(ettm_message *m, const ettm_seal *seal, ettm_buffer *host) {
  ettm_status status = check_authors(m, host);
  if (m->is_ready) {
    return status;
  }
  if (status == ETTM_OK && seal->message_id_host.n > 0) {
    ettm_buffer_truncate(host, 0);
    status = ettm_idna_to_ascii(host, seal->message_id_host);
  }
  if (status == ETTM_OK && !ettm_headers_find(&m->headers, ETTM_LIT("Message-ID"), NULL)) {
    status = add_message_id(m, seal, ettm_buffer_view(host));
  }
  if (status != ETTM_OK) {
    return status;
  }
  return ettm_field_add(&m->headers, ETTM_LIT("MIME-Version"), ETTM_LIT("1.0"), 1);
}

/* --- Parts --- */

/* The media type of a part whose Content-Type is made already. */
static ettm_str type_of(const ettm_part_data *p) {
  ettm_str type;
  size_t n = 0;
  if (!ettm_headers_find(&p->headers, ETTM_LIT("Content-Type"), &type)) {
    return ettm_str_of(NULL, 0);
  }
  type = ettm_headers_value(type);
  while (n < type.n && type.p[n] != ';' && type.p[n] != ' ' && type.p[n] != '\r') {
    n++;
  }
  return ettm_str_of(type.p, n);
}

/* As a parameter; quoted, as "=" is in it. */
static ettm_status append_boundary(ettm_buffer *type, ettm_str boundary) {
  ettm_status status = ettm_buffer_append(type, ETTM_LIT("; boundary=\""));
  if (status == ETTM_OK) {
    status = ettm_buffer_append(type, boundary);
  }
  return status == ETTM_OK ? ettm_buffer_append_char(type, '"') : status;
}

static ettm_status add_multipart_type(ettm_message *m, ettm_part_data *p, ettm_str boundary) {
  ettm_status status =
      p->wants_root_type /* RFC 2387 3.1 */
          ? ettm_parameter_append(&p->type, ETTM_LIT("type"), type_of(m->parts[p->first_child]))
          : ETTM_OK;
  if (status == ETTM_OK) {
    status = append_boundary(&p->type, boundary);
  }
  if (status == ETTM_OK) {
    status =
        ettm_headers_add_ready(&p->headers, ETTM_LIT("Content-Type"), ettm_buffer_view(&p->type));
  }
  if (status == ETTM_OK && p->encoding == ETTM_ENCODING_8BIT) {
    status = ettm_headers_add_ready(&p->headers, ETTM_LIT("Content-Transfer-Encoding"),
                                    ETTM_LIT("8bit"));
  }
  ettm_buffer_clear(&p->type);
  return status;
}

static ettm_status finish_multipart(ettm_message *m, ettm_part number, const ettm_seal *seal) {
  ettm_part_data *p = m->parts[number];
  memcpy(p->close, "--", 2);
  make_boundary(p->close + 2, seal, number);
  memcpy(p->delimiter, p->close, ETTM_DELIMITER - 2);
  memcpy(p->delimiter + ETTM_DELIMITER - 2, "\r\n", 2);
  memcpy(p->close + ETTM_DELIMITER - 2, "--", 2);
  return add_multipart_type(m, p, ettm_str_of(p->close + 2, ETTM_BOUNDARY_SIZE));
}

/* From the last to the first: a part stands behind its mother, who needs to know its type and
 * whether it is 8bit (RFC 2045 6.4). */
static ettm_status finish_parts(ettm_message *m, const ettm_seal *seal) {
  ettm_status status = ETTM_OK;
  size_t i = m->count;
  m->needs_smtputf8 = m->headers.needs_smtputf8;
  while (status == ETTM_OK && i-- > 0) {
    ettm_part_data *p = m->parts[i];
    if (p->is_multipart) {
      status = finish_multipart(m, (ettm_part)i, seal);
    }
    if (p->encoding == ETTM_ENCODING_8BIT && p->parent != ETTM_NO_PART) {
      m->parts[p->parent]->encoding = ETTM_ENCODING_8BIT;
    }
    m->needs_smtputf8 |= p->headers.needs_smtputf8;
  }
  m->needs_8bit = m->parts[0]->encoding == ETTM_ENCODING_8BIT;
  return status;
}

/* --- Heads --- */

static ettm_status append_date(ettm_message *m, ettm_buffer *head, const ettm_seal *seal) {
  char date[ETTM_DATE_SIZE];
  ettm_status status;
  if (m->is_ready || ettm_headers_find(&m->headers, ETTM_LIT("Date"), NULL)) {
    return ETTM_OK;
  }
  status = ettm_date_format(seal->now, seal->zone_minutes, date);
  if (status == ETTM_OK) {
    status = ettm_buffer_append(head, ETTM_LIT("Date: "));
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append(head, ettm_str_of(date, strlen(date)));
  }
  return status == ETTM_OK ? ettm_buffer_append(head, ETTM_LIT("\r\n")) : status;
}

/* The header section of the message: those of part 0 behind its own. */
static ettm_status make_head(ettm_message *m, const ettm_seal *seal) {
  ettm_str id = ettm_str_of(NULL, 0);
  ettm_str own = ettm_headers_view(&m->headers);
  ettm_str part = ettm_headers_view(&m->parts[0]->headers);
  char *ignored;
  size_t date_size;
  ettm_status status = ettm_buffer_reserve(&m->head, DATE_FIELD + own.n + part.n + 2, &ignored);
  if (status == ETTM_OK) {
    status = append_date(m, &m->head, seal);
  }
  date_size = ettm_buffer_size(&m->head);
  if (status == ETTM_OK) {
    status = ettm_buffer_append(&m->head, own);
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append(&m->head, part);
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append(&m->head, ETTM_LIT("\r\n"));
  }
  if (status == ETTM_OK && ettm_headers_find(&m->headers, ETTM_LIT("Message-ID"), &id)) {
    id = ettm_headers_value(id);
    m->id = ettm_str_of(ettm_buffer_view(&m->head).p + date_size + (id.p - own.p), id.n);
  }
  ettm_headers_clear(&m->headers);
  ettm_headers_clear(&m->parts[0]->headers);
  return status;
}

/* Each header section with the empty line behind it. */
static ettm_status make_heads(ettm_message *m, const ettm_seal *seal) {
  ettm_status status = make_head(m, seal);
  size_t i;
  for (i = 1; status == ETTM_OK && i < m->count; i++) {
    status = ettm_buffer_append(&m->parts[i]->headers.bytes, ETTM_LIT("\r\n"));
  }
  return status;
}

/* --- Size --- */

static uint64_t add_size(uint64_t sum, uint64_t more) {
  return sum > ETTM_SIZE_UNKNOWN - more ? ETTM_SIZE_UNKNOWN : sum + more;
}

static uint64_t measure(const ettm_message *m) {
  ettm_walk walk;
  ettm_piece piece;
  uint64_t sum = 0;
  ettm_walk_init(&walk, m);
  while (ettm_walk_next(&walk, &piece)) {
    sum = add_size(sum, piece.leaf != NULL ? piece.leaf->sent_size : piece.text.n);
    if (piece.leaf != NULL) {
      int is_coded =
          piece.leaf->encoding == ETTM_ENCODING_BASE64 || piece.leaf->encoding == ETTM_ENCODING_QP;
      /* Both encoders end what they wrote with CRLF. */
      ettm_walk_end_content(&walk, piece.leaf->sent_size, is_coded || !piece.leaf->open_end);
    }
  }
  return sum;
}

/* --- All of it --- */

static ettm_status seal_all(ettm_message *m, const ettm_seal *seal) {
  char storage[ID_FIRST];
  ettm_buffer host;
  ettm_status status = check_tree(m);
  if (status == ETTM_OK && seal->entropy.n < ETTM_ENTROPY_SIZE) {
    status = ETTM_E_ARGUMENT;
  }
  if (status == ETTM_OK && !m->is_ready) {
    status = m->headers.has_mime ? ETTM_E_DUPLICATE : ETTM_OK;
  }
  if (status != ETTM_OK) {
    return status;
  }
  ettm_buffer_init_on(&host, &m->alloc, ETTM_HOST_MAX, storage, sizeof storage);
  status = complete_fields(m, seal, &host);
  ettm_buffer_clear(&host);
  if (status == ETTM_OK) {
    status = finish_parts(m, seal);
  }
  return status == ETTM_OK ? make_heads(m, seal) : status;
}

ettm_status ettm_message_seal(ettm_message *m, const ettm_seal *seal) {
  ettm_status status;
  if (m->is_sealed || m->has_failed) {
    return ETTM_E_STATE;
  }
  status = seal_all(m, seal);
  if (status == ETTM_OK) {
    m->is_sealed = 1;
    m->size = measure(m);
  } else {
    m->has_failed = 1;
  }
  return status;
}

int ettm_message_is_sealed(const ettm_message *m) {
  return m->is_sealed;
}

ettm_str ettm_message_id(const ettm_message *m) {
  return m->id;
}

ettm_str ettm_message_header_section(const ettm_message *m) {
  return m->is_sealed ? ettm_buffer_view(&m->head) : ettm_str_of(NULL, 0);
}

uint64_t ettm_message_size(const ettm_message *m) {
  return m->size;
}

int ettm_message_needs_8bit(const ettm_message *m) {
  return m->needs_8bit;
}

int ettm_message_needs_smtputf8(const ettm_message *m) {
  return m->needs_smtputf8;
}
