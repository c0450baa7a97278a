/* SPDX-License-Identifier: MIT */
#include "mime/header.h"

#include <string.h>

#include "address/address.h"
#include "address/format.h"
#include "base/chars.h"
#include "base/utf8.h"
#include "mime/fold.h"

#define NAME_MAX 76

enum {
  ONCE = 1 << 0,      /* at most one in a header section */
  ADDRESSES = 1 << 1, /* holds addresses: never taken as text */
  READY = 1 << 2,     /* structured in another way */
  REFUSED = 1 << 3,   /* never written by the author's side */
  SINGLE = 1 << 4     /* one mailbox, or a group of at most one (RFC 6854 2.1) */
};

typedef struct known_field {
  const char *name;
  size_t size; /* octets of the name */
  unsigned flags;
} known_field;

#define FIELD(name) (name), sizeof(name) - 1

static const known_field known[] = {
    {FIELD("From"), ONCE | ADDRESSES},
    {FIELD("Sender"), ONCE | ADDRESSES | SINGLE},
    {FIELD("Reply-To"), ONCE | ADDRESSES},
    {FIELD("To"), ONCE | ADDRESSES},
    {FIELD("Cc"), ONCE | ADDRESSES},
    {FIELD("Resent-From"), ADDRESSES},
    {FIELD("Resent-Sender"), ADDRESSES | SINGLE},
    {FIELD("Resent-To"), ADDRESSES},
    {FIELD("Resent-Cc"), ADDRESSES},
    /* Blind copies are the envelope's business (RFC 5322 3.6.3); Return-Path is written on
     * delivery (RFC 5321 4.4). */
    {FIELD("Bcc"), REFUSED},
    {FIELD("Resent-Bcc"), REFUSED},
    {FIELD("Return-Path"), REFUSED},
    {FIELD("Date"), ONCE | READY},
    {FIELD("Message-ID"), ONCE | READY},
    {FIELD("In-Reply-To"), ONCE | READY},
    {FIELD("References"), ONCE | READY},
    {FIELD("Resent-Date"), READY},
    {FIELD("Resent-Message-ID"), READY},
    {FIELD("Received"), READY},
    {FIELD("Subject"), ONCE},
    {FIELD("MIME-Version"), ONCE | READY},
    {FIELD("Content-Type"), ONCE | READY},
    {FIELD("Content-Transfer-Encoding"), ONCE | READY},
    {FIELD("Content-Disposition"), ONCE | READY},
    {FIELD("Content-ID"), ONCE | READY},
    {FIELD("Content-Description"), ONCE},
    {FIELD("List-Id"), ONCE},
    {FIELD("List-Help"), ONCE | READY},
    {FIELD("List-Unsubscribe"), ONCE | READY},
    {FIELD("List-Unsubscribe-Post"), ONCE | READY},
    {FIELD("List-Subscribe"), ONCE | READY},
    {FIELD("List-Post"), ONCE | READY},
    {FIELD("List-Owner"), ONCE | READY},
    {FIELD("List-Archive"), ONCE | READY},
};

static unsigned flags_of(ettm_str name) {
  size_t i;
  for (i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (known[i].size == name.n && ettm_lower(known[i].name[0]) == ettm_lower(name.p[0]) &&
        ettm_str_equal_nocase(name, ettm_str_of(known[i].name, name.n))) {
      return known[i].flags;
    }
  }
  return 0;
}

void ettm_headers_init(ettm_headers *h, const ettm_alloc *a) {
  ettm_buffer_init(&h->bytes, a, ETTM_HEADER_MAX);
  ettm_buffer_init(&h->index, a, ETTM_HEADER_FIELDS * sizeof(size_t));
  h->needs_smtputf8 = 0;
  h->encoder = NULL;
}

void ettm_headers_clear(ettm_headers *h) {
  ettm_buffer_clear(&h->bytes);
  ettm_buffer_clear(&h->index);
}

ettm_str ettm_headers_view(const ettm_headers *h) {
  return ettm_buffer_view(&h->bytes);
}

static int has_name(ettm_str field, ettm_str name) {
  return field.n > name.n && field.p[name.n] == ':' &&
         ettm_str_equal_nocase(ettm_str_of(field.p, name.n), name);
}

int ettm_headers_find(const ettm_headers *h, ettm_str name, ettm_str *field) {
  ettm_str rest = ettm_headers_view(h);
  ettm_str sizes = ettm_buffer_view(&h->index);
  while (rest.n > 0) {
    size_t size;
    memcpy(&size, sizes.p, sizeof size);
    if (has_name(ettm_str_of(rest.p, size), name)) {
      if (field != NULL) {
        *field = ettm_str_of(rest.p, size);
      }
      return 1;
    }
    sizes.p += sizeof size;
    rest = ettm_str_of(rest.p + size, rest.n - size);
  }
  return 0;
}

static int is_outer(char c, int with_breaks) {
  return c == ' ' || c == '\t' || (with_breaks && (c == '\r' || c == '\n'));
}

static ettm_str trim(ettm_str s, int with_breaks) {
  while (s.n > 0 && is_outer(s.p[0], with_breaks)) {
    s.p++;
    s.n--;
  }
  while (s.n > 0 && is_outer(s.p[s.n - 1], with_breaks)) {
    s.n--;
  }
  return s;
}

ettm_str ettm_headers_value(ettm_str field) {
  size_t i = 0;
  while (i < field.n && field.p[i] != ':') {
    i++;
  }
  i += i < field.n ? 1 : 0;
  return trim(ettm_str_of(field.p + i, field.n - i), 1);
}

/* --- Checks --- */

static ettm_status check_name(const ettm_headers *h, ettm_str name, unsigned flags) {
  if (name.n == 0 || !ettm_chars_all(name, ETTM_CHAR_FTEXT) || (flags & REFUSED) != 0) {
    return ETTM_E_NAME;
  }
  if (name.n > NAME_MAX || ettm_buffer_room(&h->index) < sizeof(size_t)) {
    return ETTM_E_LIMIT;
  }
  return (flags & ONCE) != 0 && ettm_headers_find(h, name, NULL) ? ETTM_E_DUPLICATE : ETTM_OK;
}

static ettm_status check_value(ettm_str value) {
  size_t i;
  for (i = 0; i < value.n; i++) {
    if (value.p[i] != '\t' && ettm_char_is(value.p[i], ETTM_CHAR_CONTROL)) {
      return ETTM_E_UNSAFE;
    }
  }
  return ettm_utf8_valid(value) ? ETTM_OK : ETTM_E_UTF8;
}

/* Atext with single dots in between (RFC 5322 3.2.3). */
static int is_dot_atom(ettm_str s) {
  char last = '.';
  size_t i;
  for (i = 0; i < s.n; i++) {
    if (s.p[i] == '.' ? last == '.' : !ettm_char_is(s.p[i], ETTM_CHAR_ATEXT)) {
      return 0;
    }
    last = s.p[i];
  }
  return last != '.';
}

int ettm_is_message_id(ettm_str id) {
  const char *at = id.n > 0 ? (const char *)memchr(id.p, '@', id.n) : NULL;
  ettm_str right;
  if (at == NULL || !is_dot_atom(ettm_str_of(id.p, (size_t)(at - id.p)))) {
    return 0;
  }
  right = ettm_str_of(at + 1, id.n - (size_t)(at - id.p) - 1);
  if (right.n > 2 && right.p[0] == '[' && right.p[right.n - 1] == ']') {
    return ettm_chars_all(ettm_str_of(right.p + 1, right.n - 2), ETTM_CHAR_DTEXT);
  }
  return is_dot_atom(right);
}

static int is_bracketed_id(ettm_str value) {
  return value.n > 2 && value.p[0] == '<' && value.p[value.n - 1] == '>' &&
         ettm_is_message_id(ettm_str_of(value.p + 1, value.n - 2));
}

/* --- Writing --- */

static ettm_status append_field(ettm_headers *h, ettm_str name, ettm_str value, int is_structured) {
  ettm_status status = ettm_buffer_append(&h->bytes, name);
  if (status == ETTM_OK) {
    status = ettm_buffer_append_char(&h->bytes, ':');
  }
  if (status == ETTM_OK) {
    status = ettm_fold(&h->bytes, name.n + 1, value, is_structured);
  }
  return status == ETTM_OK ? ettm_buffer_append(&h->bytes, ETTM_LIT("\r\n")) : status;
}

/* Ends a field whose bytes begin at `before`: it is counted, or taken back. status: how writing it
 * went. */
static ettm_status end_field(ettm_headers *h, size_t before, ettm_status status) {
  if (status == ETTM_OK) {
    size_t size = ettm_buffer_size(&h->bytes) - before;
    status = ettm_buffer_append(&h->index, ettm_str_of((const char *)&size, sizeof size));
  }
  if (status != ETTM_OK) {
    ettm_buffer_truncate(&h->bytes, before);
  }
  return status;
}

/* Adds a field, or nothing. value: as ettm_fold takes it. */
static ettm_status add_field(ettm_headers *h, ettm_str name, ettm_str value, int is_structured) {
  size_t before = ettm_buffer_size(&h->bytes);
  return end_field(h, before, append_field(h, name, value, is_structured));
}

/* How many octets the line end at s has; 0: there is none. */
static size_t line_end_size(ettm_str s) {
  if (s.n == 0 || (s.p[0] != '\r' && s.p[0] != '\n')) {
    return 0;
  }
  return s.n > 1 && s.p[0] == '\r' && s.p[1] == '\n' ? 2 : 1;
}

/* Appends ":" and the lines of body, each with CRLF behind. */
static ettm_status append_lines(ettm_buffer *out, ettm_str body) {
  ettm_status status = ettm_buffer_append_char(out, ':');
  while (status == ETTM_OK && body.n > 0) {
    size_t n = 0, end = 0;
    while (n < body.n && (end = line_end_size(ettm_str_of(body.p + n, body.n - n))) == 0) {
      n++;
    }
    status = ettm_buffer_append(out, ettm_str_of(body.p, n));
    if (status == ETTM_OK && end > 0) {
      status = ettm_buffer_append(out, ETTM_LIT("\r\n"));
    }
    body = ettm_str_of(body.p + n + end, body.n - n - end);
  }
  return status == ETTM_OK ? ettm_buffer_append(out, ETTM_LIT("\r\n")) : status;
}

ettm_status ettm_headers_add_field(ettm_headers *h, ettm_str name, ettm_str body) {
  size_t before = ettm_buffer_size(&h->bytes);
  unsigned flags = flags_of(name);
  ettm_status status;
  if ((flags & REFUSED) != 0) {
    return ETTM_DONE;
  }
  status = check_name(h, name, flags);
  if (status != ETTM_OK) {
    return status;
  }
  status = ettm_buffer_append(&h->bytes, name);
  if (status == ETTM_OK) {
    status = append_lines(&h->bytes, body);
  }
  status = end_field(h, before, status);
  if (status == ETTM_OK && ettm_has_8bit(body)) {
    h->needs_smtputf8 = 1;
  }
  return status;
}

/* Appends " " and text, TAB as space; nothing for an empty text. */
static ettm_status append_plain(ettm_buffer *value, ettm_str text) {
  char *place;
  size_t i;
  size_t size;
  ettm_status status;
  if (text.n == 0) {
    return ETTM_OK;
  }
  if (!ettm_size_add(text.n, 1, &size)) {
    return ETTM_E_LIMIT;
  }
  status = ettm_buffer_reserve(value, size, &place);
  if (status != ETTM_OK) {
    return status;
  }
  place[0] = ' ';
  for (i = 0; i < text.n; i++) {
    place[i + 1] = text.p[i] == '\t' ? ' ' : text.p[i];
  }
  ettm_buffer_commit(value, size);
  return ETTM_OK;
}

static ettm_status append_text(ettm_buffer *value, ettm_str name, ettm_str text,
                               const ettm_charset_encoder *encoder) {
  ettm_status status = append_plain(value, text);
  ettm_buffer plain;
  if (status != ETTM_OK || text.n == 0 ||
      (!ettm_encoded_word_needed(text) && ettm_can_fold(ettm_buffer_view(value)))) {
    return status;
  }
  plain = *value; /* TAB has become a space in it */
  ettm_buffer_init(value, &plain.alloc, ETTM_HEADER_MAX);
  text = ettm_buffer_view(&plain);
  status = ettm_buffer_append_char(value, ' ');
  if (status == ETTM_OK) {
    status = ettm_encoded_word_append_charset(value, ettm_str_of(text.p + 1, text.n - 1),
                                              ETTM_WORD_TEXT, name.n + 2, encoder);
  }
  ettm_buffer_clear(&plain);
  return status;
}

ettm_status ettm_headers_add_text(ettm_headers *h, ettm_str name, ettm_str text) {
  unsigned flags = flags_of(name);
  ettm_buffer value;
  ettm_status status = check_name(h, name, flags);
  if ((flags & READY) != 0) {
    return ettm_headers_add_ready(h, name, text);
  }
  if (status == ETTM_OK && (flags & ADDRESSES) != 0) {
    status = ETTM_E_NAME;
  }
  if (status == ETTM_OK) {
    status = check_value(text);
  }
  if (status != ETTM_OK) {
    return status;
  }
  ettm_buffer_init(&value, &h->bytes.alloc, ETTM_HEADER_MAX);
  status = append_text(&value, name, trim(text, 0), h->encoder);
  if (status == ETTM_OK) {
    status = add_field(h, name, ettm_buffer_view(&value), 0);
  }
  ettm_buffer_clear(&value);
  return status;
}

ettm_status ettm_headers_add_ready(ettm_headers *h, ettm_str name, ettm_str value) {
  ettm_buffer plain;
  ettm_status status = check_name(h, name, flags_of(name));
  if (status == ETTM_OK) {
    status = check_value(value);
  }
  if (status == ETTM_OK && ettm_has_8bit(value)) {
    status = ETTM_E_UTF8;
  }
  if (status != ETTM_OK) {
    return status;
  }
  value = trim(value, 0);
  if (ettm_str_equal_nocase(name, ETTM_LIT("Message-ID")) && !is_bracketed_id(value)) {
    return ETTM_E_ARGUMENT;
  }
  ettm_buffer_init(&plain, &h->bytes.alloc, ETTM_HEADER_MAX);
  status = append_plain(&plain, value);
  if (status == ETTM_OK) {
    status = add_field(h, name, ettm_buffer_view(&plain), 1);
  }
  ettm_buffer_clear(&plain);
  return status;
}

/* --- Addresses --- */

/* A list of addresses, written anew. */
typedef struct address_list {
  ettm_buffer value;
  ettm_buffer arena;
  const ettm_charset_encoder *encoder;
  int needs_smtputf8;
  size_t count;     /* of what is in the list: groups, and mailboxes outside of them */
  size_t mailboxes; /* of all there are */
  int is_first;     /* of its list or group: no comma in front */
} address_list;

static ettm_status put_gap(address_list *list) {
  ettm_status status = list->is_first ? ETTM_OK : ettm_buffer_append_char(&list->value, ',');
  list->is_first = 0;
  return status == ETTM_OK ? ettm_buffer_append_char(&list->value, ' ') : status;
}

static ettm_status put_mailbox(address_list *list, const ettm_address *a) {
  ettm_str name = ettm_span_view(&list->arena, a->name);
  ettm_str local = ettm_span_view(&list->arena, a->local);
  ettm_str domain = ettm_span_view(&list->arena, a->domain);
  ettm_status status = put_gap(list);
  list->mailboxes++;
  if (status == ETTM_OK) {
    status = ettm_format_mailbox_charset(&list->value, name, local, domain, list->encoder);
  }
  if (status == ETTM_E_NEEDS_SMTPUTF8) {
    list->needs_smtputf8 = 1;
    status = ettm_format_mailbox(&list->value, name, local, domain, ETTM_FORMAT_UTF8);
  }
  return status;
}

static ettm_status open_group(address_list *list, const ettm_address *a) {
  ettm_status status = put_gap(list);
  ettm_str value;
  if (status == ETTM_OK) {
    status = ettm_format_phrase_charset(&list->value, ettm_span_view(&list->arena, a->name),
                                        list->encoder);
  }
  value = ettm_buffer_view(&list->value);
  if (status == ETTM_OK && value.p[value.n - 1] == '=') {
    /* RFC 2047 5 (3): white space between an encoded word and what follows. */
    status = ettm_buffer_append_char(&list->value, ' ');
  }
  list->is_first = 1;
  return status == ETTM_OK ? ettm_buffer_append_char(&list->value, ':') : status;
}

static ettm_status put_member(address_list *list, const ettm_address *a) {
  if (a->kind == ETTM_ADDRESS_GROUP_OPEN) {
    return open_group(list, a);
  }
  if (a->kind == ETTM_ADDRESS_GROUP_CLOSE) {
    list->is_first = 0;
    return ettm_buffer_append_char(&list->value, ';');
  }
  return put_mailbox(list, a);
}

static ettm_status write_list(address_list *list, ettm_str in) {
  ettm_address_parser parser;
  ettm_address a;
  ettm_status status;
  ettm_address_parser_init(&parser, in, ETTM_ADDRESS_CARRIERS, &list->arena, NULL);
  while ((status = ettm_address_next(&parser, &a)) == ETTM_OK) {
    list->count +=
        a.kind == ETTM_ADDRESS_GROUP_OPEN || (a.kind == ETTM_ADDRESS_MAILBOX && !parser.in_group);
    status = put_member(list, &a);
    if (status != ETTM_OK) {
      return status;
    }
    ettm_buffer_truncate(&list->arena, 0);
  }
  return status == ETTM_DONE ? ETTM_OK : status;
}

static ettm_status add_list(ettm_headers *h, ettm_str name, ettm_str in, address_list *list) {
  ettm_status status = write_list(list, in);
  if (status == ETTM_OK && (flags_of(name) & SINGLE) != 0 &&
      (list->count != 1 || list->mailboxes > 1)) {
    status = ETTM_E_ADDRESS;
  }
  if (status == ETTM_OK && list->count > 0) {
    status = add_field(h, name, ettm_buffer_view(&list->value), 1);
  }
  if (status == ETTM_OK && list->needs_smtputf8) {
    h->needs_smtputf8 = 1;
  }
  return status;
}

ettm_status ettm_headers_add_addresses(ettm_headers *h, ettm_str name, ettm_str in) {
  address_list list;
  ettm_status status = check_name(h, name, flags_of(name));
  in = trim(in, 0);
  if (status != ETTM_OK || in.n == 0) {
    return status;
  }
  memset(&list, 0, sizeof list);
  list.is_first = 1;
  list.encoder = h->encoder;
  ettm_buffer_init(&list.value, &h->bytes.alloc, ETTM_HEADER_MAX);
  ettm_buffer_init(&list.arena, &h->bytes.alloc, ETTM_HEADER_MAX);
  status = add_list(h, name, in, &list);
  ettm_buffer_clear(&list.value);
  ettm_buffer_clear(&list.arena);
  return status;
}
