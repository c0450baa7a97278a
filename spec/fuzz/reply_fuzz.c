/* SPDX-License-Identifier: MIT */
/* The first octet says in what pieces the rest is fed a second time. Both readings must give the
 * same replies, then EHLO's keywords are read out of each. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/capabilities.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int ok) {
  if (!ok) {
    abort();
  }
}

static void check_reply(const ettm_reply *r) {
  size_t i;
  uint32_t lines = 1;
  ettm_str rest = r->text;
  demand(r->code >= 200 && r->code < 600 && r->lines >= 1 && r->lines <= ETTM_REPLY_LINES);
  demand(r->text.n <= r->raw_text.n && r->raw_text.n <= ETTM_REPLY_SIZE);
  demand(r->enhanced[0] == 0 || r->enhanced[0] == r->code / 100);
  for (i = 0; i < rest.n; i++) {
    demand(rest.p[i] != '\r');
    lines += rest.p[i] == '\n';
  }
  demand(lines == r->lines);
}

static void check_capabilities(const ettm_reply *r) {
  ettm_capabilities c;
  ettm_str all;
  ettm_str parameters;
  size_t i;
  ettm_capabilities_init(&c, NULL);
  demand(ettm_capabilities_read(&c, r, ETTM_LIT("size xyz")) == ETTM_OK);
  demand((c.known & ETTM_EXT_SIZE) == 0);
  demand(!ettm_capabilities_find(&c, ETTM_LIT("SIZE"), &parameters));
  demand(((c.known & ETTM_EXT_AUTH) != 0) ==
         ettm_capabilities_find(&c, ETTM_LIT("auth"), &parameters));
  all = ettm_capabilities_view(&c);
  demand(all.n == 0 || all.p[all.n - 1] == '\n');
  for (i = 0; i < all.n; i++) {
    demand(all.p[i] == '\n' || (unsigned char)all.p[i] >= 32);
  }
  ettm_capabilities_clear(&c);
}

/* Goes on to the next reply in pieces of `step` octets. */
static ettm_status read_next(ettm_reply_parser *p, ettm_str in, size_t *at, size_t step) {
  ettm_status status = ETTM_NEED_INPUT;
  while (status == ETTM_NEED_INPUT && *at < in.n) {
    size_t n = in.n - *at < step ? in.n - *at : step;
    size_t used;
    status = ettm_reply_parse(p, ettm_str_of(in.p + *at, n), &used);
    demand(used <= n && (status != ETTM_NEED_INPUT || used == n));
    *at += used;
  }
  return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ettm_reply_parser whole;
  ettm_reply_parser parted;
  ettm_status status = ETTM_OK;
  ettm_str in;
  size_t at = 0;
  size_t parted_at = 0;
  if (size < 1) {
    return 0;
  }
  in = ettm_str_of((const char *)data + 1, size - 1);
  ettm_reply_parser_init(&whole, NULL);
  ettm_reply_parser_init(&parted, NULL);
  while (status == ETTM_OK) {
    const ettm_reply *a = ettm_reply_get(&whole);
    const ettm_reply *b = ettm_reply_get(&parted);
    status = read_next(&whole, in, &at, (size_t)-1);
    demand(read_next(&parted, in, &parted_at, 1u + data[0]) == status);
    demand(ettm_reply_is_partial(&whole) == ettm_reply_is_partial(&parted) ||
           status != ETTM_NEED_INPUT);
    if (status == ETTM_OK) {
      demand(at == parted_at && a->code == b->code && a->lines == b->lines);
      demand(ettm_str_equal(a->text, b->text) && ettm_str_equal(a->raw_text, b->raw_text));
      check_reply(a);
      check_capabilities(a);
    }
  }
  ettm_reply_parser_clear(&whole);
  ettm_reply_parser_clear(&parted);
  return 0;
}
