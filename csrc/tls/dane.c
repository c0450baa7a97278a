/* SPDX-License-Identifier: MIT */
#include "tls/dane.h"

#include <string.h>

#include "tls/reason.h"

static const char shape[] = "tlsa takes records such as \"3 1 1 <hexadecimal>\": ";

static ettm_status refuse(char *reason, const char *what) {
  ettm_reason_set(reason, shape);
  ettm_reason_add(reason, what);
  return ETTM_E_ARGUMENT;
}

static int is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(ettm_str *s) {
  while (s->n > 0 && is_blank(s->p[0])) {
    s->p++;
    s->n--;
  }
}

/* One digit that stands alone; -1 for anything else. */
static int take_digit(ettm_str *s) {
  int digit;
  skip_blanks(s);
  if (s->n < 2 || s->p[0] < '0' || s->p[0] > '9' || !is_blank(s->p[1])) {
    return -1;
  }
  digit = s->p[0] - '0';
  s->p++;
  s->n--;
  return digit;
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The octets of a text of hexadecimal digits, blanks between them left out; 0 when it is none. */
static size_t read_hex(ettm_str s, unsigned char *out) {
  size_t digits = 0;
  size_t i;
  for (i = 0; i < s.n; i++) {
    int value = hex_value(s.p[i]);
    if (is_blank(s.p[i])) {
      continue;
    }
    if (value < 0) {
      return 0;
    }
    out[digits / 2] = (unsigned char)(digits % 2 == 0 ? value * 16 : out[digits / 2] + value);
    digits++;
  }
  return digits % 2 == 0 ? digits / 2 : 0;
}

/* A digest has its length; a certificate or a key by itself has any. */
static int has_right_size(const ettm_tlsa *r) {
  static const size_t sizes[] = {0, 32, 64};
  return r->n > 0 && (r->match == 0 || r->n == sizes[r->match]);
}

static ettm_status read_data(ettm_tlsa *r, ettm_str hex, const ettm_alloc *a, char *reason) {
  unsigned char *data;
  if (hex.n == 0 || hex.n > 2 * ETTM_TLSA_SIZE) {
    return refuse(reason, "one holds nothing, or too much");
  }
  data = (unsigned char *)ettm_new(a, hex.n);
  if (data == NULL) {
    return ETTM_E_MEMORY;
  }
  r->n = read_hex(hex, data);
  if (!has_right_size(r)) {
    ettm_free(a, data, hex.n);
    return refuse(reason, "one is no hexadecimal, or not as long as its digest is");
  }
  r->data = (unsigned char *)ettm_copy(a, ettm_str_of((const char *)data, r->n));
  ettm_free(a, data, hex.n);
  return r->data != NULL ? ETTM_OK : ETTM_E_MEMORY;
}

static ettm_status read_record(ettm_dane *d, ettm_str line, const ettm_alloc *a, char *reason) {
  int usage = take_digit(&line);
  int selector = take_digit(&line);
  int match = take_digit(&line);
  ettm_tlsa *r;
  ettm_status status;
  if (usage < 0 || usage > 3 || selector < 0 || selector > 1 || match < 0 || match > 2) {
    return refuse(reason, "usage is 0 to 3, selector 0 or 1, matching type 0 to 2");
  }
  if (usage < 2) {
    return ETTM_OK;
  }
  if (d->count == ETTM_TLSA_RECORDS) {
    return refuse(reason, "there are too many");
  }
  r = &d->records[d->count];
  r->usage = (unsigned char)usage;
  r->selector = (unsigned char)selector;
  r->match = (unsigned char)match;
  skip_blanks(&line);
  status = read_data(r, line, a, reason);
  d->count += status == ETTM_OK;
  return status;
}

ettm_status ettm_dane_read(ettm_dane *d, ettm_str text, const ettm_alloc *a, char *reason) {
  ettm_status status = ETTM_OK;
  while (status == ETTM_OK && text.n > 0) {
    const char *end = (const char *)memchr(text.p, '\n', text.n);
    size_t n = end != NULL ? (size_t)(end - text.p) : text.n;
    status = read_record(d, ettm_str_of(text.p, n), a, reason);
    n += end != NULL;
    text.p += n;
    text.n -= n;
  }
  if (status == ETTM_OK && d->count == 0) {
    return refuse(reason, "none is of usage 2 or 3, which mail takes");
  }
  return status;
}

void ettm_dane_clear(ettm_dane *d, const ettm_alloc *a) {
  while (d->count > 0) {
    const ettm_tlsa *r = &d->records[--d->count];
    ettm_free(a, r->data, r->n + 1);
  }
}

ettm_status ettm_dane_attach(const ettm_dane *d, SSL *ssl, const char *name) {
  int taken = 0;
  size_t i;
  if (SSL_dane_enable(ssl, name) <= 0) {
    return ETTM_E_TLS;
  }
  /* Usage 3 is about the key, whatever names and dates stand beside it (RFC 7672 3.1.1). */
  (void)SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  for (i = 0; i < d->count; i++) {
    const ettm_tlsa *r = &d->records[i];
    taken += SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->match, r->data, r->n) > 0;
  }
  return taken > 0 ? ETTM_OK : ETTM_E_ARGUMENT;
}
