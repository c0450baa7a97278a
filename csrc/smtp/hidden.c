/* SPDX-License-Identifier: MIT */
#include "smtp/hidden.h"

#include <string.h>

#include "smtp/command.h"

void ettm_hidden_init(ettm_hidden *h, const ettm_alloc *a) {
  ettm_buffer_init_secret(&h->response, a, ETTM_AUTH_LINE);
  ettm_buffer_init_secret(&h->secret, a, ETTM_AUTH_LINE);
}

void ettm_hidden_clear(ettm_hidden *h) {
  ettm_buffer_clear(&h->response);
  ettm_buffer_clear(&h->secret);
}

ettm_status ettm_hidden_response(ettm_hidden *h, ettm_str response) {
  ettm_buffer_truncate(&h->response, 0);
  return ettm_buffer_append(&h->response, response);
}

ettm_status ettm_hidden_secret(ettm_hidden *h, ettm_str secret) {
  ettm_buffer_truncate(&h->secret, 0);
  return ettm_buffer_append(&h->secret, secret);
}

static size_t common_length(const char *text, size_t n, ettm_str hidden) {
  size_t limit = n < hidden.n ? n : hidden.n;
  size_t i = 0;
  while (i < limit && text[i] == hidden.p[i]) {
    i++;
  }
  return i;
}

/* What is masked is stepped over, and what is not was looked at in a few octets. */
static void mask_one(ettm_str hidden, char *text, size_t n) {
  size_t at = 0;
  if (hidden.n < ETTM_HIDDEN_LEAST) {
    return;
  }
  while (at < n) {
    size_t length = common_length(text + at, n - at, hidden);
    if (length >= ETTM_HIDDEN_LEAST) {
      memset(text + at, '*', length);
      at += length;
    } else {
      at++;
    }
  }
}

void ettm_hidden_mask(const ettm_hidden *h, ettm_buffer *text) {
  size_t n = ettm_buffer_size(text);
  if (n > 0) {
    mask_one(ettm_buffer_view(&h->response), text->bytes + text->start, n);
    mask_one(ettm_buffer_view(&h->secret), text->bytes + text->start, n);
  }
}
