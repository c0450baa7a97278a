/* SPDX-License-Identifier: MIT */
/* The first octet gives the flags, the rest is an address list. Whatever the parser finds lies in
 * the arena; what can be written from it reads back as the same. */
#include <stdint.h>
#include <stdlib.h>

#include "address/address.h"
#include "address/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int ok) {
  if (!ok) {
    abort();
  }
}

static void check_span(const ettm_buffer *arena, ettm_span span) {
  size_t size = ettm_buffer_size(arena);
  demand(span.n == 0 || (span.at < size && span.n <= size - span.at));
}

static void demand_same(const ettm_buffer *a, ettm_span x, const ettm_buffer *b, ettm_span y) {
  demand(ettm_str_equal(ettm_span_view(a, x), ettm_span_view(b, y)));
}

/* Only what the grammar takes and no header does may fail to be written: nothing, in UTF-8. */
static void check_written(const ettm_buffer *arena, const ettm_address *a, unsigned flags) {
  ettm_buffer text;
  ettm_buffer again;
  ettm_address_parser p;
  ettm_address b;
  ettm_status status;
  ettm_buffer_init(&text, NULL, 1 << 22);
  ettm_buffer_init(&again, NULL, 1 << 22);
  status =
      ettm_format_mailbox(&text, ettm_span_view(arena, a->name), ettm_span_view(arena, a->local),
                          ettm_span_view(arena, a->domain), flags);
  demand(status == ETTM_OK || flags == 0);
  if (status == ETTM_OK) {
    ettm_address_parser_init(&p, ettm_buffer_view(&text), ETTM_ADDRESS_ONE, &again, NULL);
    demand(ettm_address_next(&p, &b) == ETTM_OK);
    demand_same(arena, a->name, &again, b.name);
    demand_same(arena, a->local, &again, b.local);
    if (flags != 0) {
      demand_same(arena, a->domain, &again, b.domain);
    }
  }
  ettm_buffer_clear(&text);
  ettm_buffer_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ettm_buffer arena;
  ettm_address_parser p;
  ettm_address a;
  if (size == 0) {
    return 0;
  }
  ettm_buffer_init(&arena, NULL, 1 << 22);
  ettm_address_parser_init(&p, ettm_str_of((const char *)data + 1, size - 1), data[0] & 15, &arena,
                           NULL);
  while (ettm_address_next(&p, &a) == ETTM_OK) {
    check_span(&arena, a.name);
    check_span(&arena, a.local);
    check_span(&arena, a.domain);
    if (a.kind == ETTM_ADDRESS_MAILBOX) {
      check_written(&arena, &a, 0);
      check_written(&arena, &a, ETTM_FORMAT_UTF8);
    }
  }
  demand(p.at <= p.in.n && p.error_at <= p.in.n && p.token_at <= p.in.n);
  demand(p.status == ETTM_DONE || p.expected[0] != '\0');
  ettm_buffer_clear(&arena);
  return 0;
}
