/* SPDX-License-Identifier: MIT */
#include "mime/field.h"

#include <string.h>

#include "base/chars.h"
#include "mime/fold.h"

#define NAME_MAX 76
#define WHOLE    76   /* octets of a line that is not folded, whatever is in it (RFC 2047 2) */
#define LONG     1024 /* octets of a value that is folded without memory of its own */

/* --- Names --- */

typedef struct known_field {
  const char *name;
  size_t size; /* octets of the name */
  unsigned flags;
} known_field;

#define FIELD(name) (name), sizeof(name) - 1

/* Sorted by size. Blind copies are the envelope's business (RFC 5322 3.6.3); Return-Path is written
 * on delivery (RFC 5321 4.4). */
static const known_field known[] = {
    {FIELD("To"), ETTM_FIELD_ONCE | ETTM_FIELD_ADDRESSES},
    {FIELD("Cc"), ETTM_FIELD_ONCE | ETTM_FIELD_ADDRESSES},
    {FIELD("Bcc"), ETTM_FIELD_REFUSED},
    {FIELD("From"), ETTM_FIELD_ONCE | ETTM_FIELD_ADDRESSES | ETTM_FIELD_AUTHORS},
    {FIELD("Date"), ETTM_FIELD_ONCE | ETTM_FIELD_READY},
    {FIELD("Sender"), ETTM_FIELD_ONCE | ETTM_FIELD_ADDRESSES | ETTM_FIELD_SINGLE},
    {FIELD("Subject"), ETTM_FIELD_ONCE},
    {FIELD("List-Id"), ETTM_FIELD_ONCE},
    {FIELD("Reply-To"), ETTM_FIELD_ONCE | ETTM_FIELD_ADDRESSES},
    {FIELD("Received"), ETTM_FIELD_READY},
    {FIELD("Resent-To"), ETTM_FIELD_ADDRESSES},
    {FIELD("Resent-Cc"), ETTM_FIELD_ADDRESSES},
    {FIELD("List-Help"), ETTM_FIELD_ONCE | ETTM_FIELD_READY},
    {FIELD("List-Post"), ETTM_FIELD_ONCE | ETTM_FIELD_READY},
    {FIELD("Resent-Bcc"), ETTM_FIELD_REFUSED},
    {FIELD("Message-ID"), ETTM_FIELD_ONCE | ETTM_FIELD_READY | ETTM_FIELD_ID},
    {FIELD("References"), ETTM_FIELD_ONCE | ETTM_FIELD_READY},
    {FIELD("Content-ID"), ETTM_FIELD_ONCE | ETTM_FIELD_READY | ETTM_FIELD_MIME},
    {FIELD("List-Owner"), ETTM_FIELD_ONCE | ETTM_FIELD_READY},
    {FIELD("Resent-From"), ETTM_FIELD_ADDRESSES},
    {FIELD("Return-Path"), ETTM_FIELD_REFUSED},
    {FIELD("In-Reply-To"), ETTM_FIELD_ONCE | ETTM_FIELD_READY},
    {FIELD("Resent-Date"), ETTM_FIELD_READY},
    {FIELD("MIME-Version"), ETTM_FIELD_ONCE | ETTM_FIELD_READY | ETTM_FIELD_MIME},
    {FIELD("Content-Type"), ETTM_FIELD_ONCE | ETTM_FIELD_READY | ETTM_FIELD_MIME},
    {FIELD("List-Archive"), ETTM_FIELD_ONCE | ETTM_FIELD_READY},
    {FIELD("Resent-Sender"), ETTM_FIELD_ADDRESSES | ETTM_FIELD_SINGLE},
    {FIELD("List-Subscribe"), ETTM_FIELD_ONCE | ETTM_FIELD_READY},
    {FIELD("List-Unsubscribe"), ETTM_FIELD_ONCE | ETTM_FIELD_READY},
    {FIELD("Resent-Message-ID"), ETTM_FIELD_READY},
    {FIELD("Content-Disposition"), ETTM_FIELD_ONCE | ETTM_FIELD_READY | ETTM_FIELD_MIME},
    {FIELD("Content-Description"), ETTM_FIELD_ONCE},
    {FIELD("List-Unsubscribe-Post"), ETTM_FIELD_ONCE | ETTM_FIELD_READY},
    {FIELD("Content-Transfer-Encoding"), ETTM_FIELD_ONCE | ETTM_FIELD_READY | ETTM_FIELD_MIME},
};

unsigned ettm_field_flags(ettm_str name) {
  const known_field *end = known + sizeof known / sizeof known[0];
  const known_field *k = known;
  while (k < end && k->size < name.n) {
    k++;
  }
  for (; k < end && k->size == name.n; k++) {
    if (ettm_str_equal_nocase(name, ettm_str_of(k->name, k->size))) {
      return k->flags;
    }
  }
  return 0;
}

ettm_status ettm_field_check(const ettm_headers *h, ettm_str name, unsigned flags) {
  if (name.n == 0 || (flags == 0 && !ettm_chars_all(name, ETTM_CHAR_FTEXT)) ||
      (flags & ETTM_FIELD_REFUSED) != 0) {
    return ETTM_E_NAME;
  }
  if (name.n > NAME_MAX || ettm_buffer_room(&h->index) < sizeof(size_t)) {
    return ETTM_E_LIMIT;
  }
  return (flags & ETTM_FIELD_ONCE) != 0 && ettm_headers_find(h, name, NULL) ? ETTM_E_DUPLICATE
                                                                            : ETTM_OK;
}

/* --- Writing --- */

ettm_status ettm_field_end(ettm_headers *h, size_t before, ettm_status status) {
  if (status == ETTM_OK) {
    size_t size = ettm_buffer_size(&h->bytes) - before;
    status = ettm_buffer_append(&h->index, ettm_str_of((const char *)&size, sizeof size));
  }
  if (status != ETTM_OK) {
    ettm_buffer_truncate(&h->bytes, before);
  }
  return status;
}

/* Copies s, TAB as space. */
static void put_spaced(char *place, ettm_str s) {
  char *tab;
  memcpy(place, s.p, s.n);
  while ((tab = (char *)memchr(place, '\t', s.n)) != NULL) {
    *tab = ' ';
    s.n -= (size_t)(tab + 1 - place);
    place = tab + 1;
  }
}

/* All of it on one line, as nothing is to be folded. */
static ettm_status write_line(ettm_buffer *out, ettm_str name, ettm_str value) {
  size_t gap = value.n > 0 ? 2 : 1;
  char *place;
  ettm_status status = ettm_buffer_reserve(out, name.n + gap + value.n + 2, &place);
  if (status != ETTM_OK) {
    return status;
  }
  memcpy(place, name.p, name.n);
  memcpy(place + name.n, ": ", gap);
  place += name.n + gap;
  if (value.n > 0) {
    put_spaced(place, value);
  }
  memcpy(place + value.n, "\r\n", 2);
  ettm_buffer_commit(out, name.n + gap + value.n + 2);
  return ETTM_OK;
}

/* Appends " " and s, TAB as space. */
static ettm_status append_spaced(ettm_buffer *out, ettm_str s) {
  char *place;
  size_t size;
  ettm_status status =
      ettm_size_add(s.n, 1, &size) ? ettm_buffer_reserve(out, size, &place) : ETTM_E_LIMIT;
  if (status == ETTM_OK) {
    place[0] = ' ';
    put_spaced(place + 1, s);
    ettm_buffer_commit(out, size);
  }
  return status;
}

static ettm_status write_folded(ettm_buffer *out, ettm_str name, ettm_str value,
                                int is_structured) {
  char storage[LONG];
  ettm_buffer spaced;
  ettm_status status = ettm_buffer_append(out, name);
  if (status == ETTM_OK) {
    status = ettm_buffer_append_char(out, ':');
  }
  ettm_buffer_init_on(&spaced, &out->alloc, ETTM_HEADER_MAX, storage, sizeof storage);
  if (status == ETTM_OK) {
    status = append_spaced(&spaced, value);
  }
  if (status == ETTM_OK) {
    status = ettm_fold(out, name.n + 1, ettm_buffer_view(&spaced), is_structured);
  }
  ettm_buffer_clear(&spaced);
  return status == ETTM_OK ? ettm_buffer_append(out, ETTM_LIT("\r\n")) : status;
}

ettm_status ettm_field_add(ettm_headers *h, ettm_str name, ettm_str value, int is_structured) {
  size_t before = ettm_buffer_size(&h->bytes);
  int is_whole = value.n == 0 || (value.n < WHOLE && name.n + 2 + value.n <= WHOLE);
  ettm_status status = is_whole ? write_line(&h->bytes, name, value)
                                : write_folded(&h->bytes, name, value, is_structured);
  return ettm_field_end(h, before, status);
}
