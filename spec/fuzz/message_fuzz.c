/* SPDX-License-Identifier: MIT */
/* Trees of any shape and content: what is sealed reads the same in any pieces, has the size that
 * was announced and lines that SMTP takes. The input is a program: an octet for the kind of part,
 * one for its parent, one for choices, one for the length of its text, and that text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mime/reader.h"

#define PARTS_MAX 20
#define SENT_MAX  (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition) {
  if (!condition) {
    abort();
  }
}

/* The octets not read yet. */
typedef struct program {
  const char *p;
  size_t n;
} program;

static unsigned take_octet(program *g) {
  if (g->n == 0) {
    return 0;
  }
  g->n--;
  return (unsigned char)*g->p++;
}

static ettm_str take_text(program *g, size_t n) {
  ettm_str s = ettm_str_of(g->p, n < g->n ? n : g->n);
  g->p += s.n;
  g->n -= s.n;
  return s;
}

typedef struct made {
  ettm_message *message;
  ettm_str external[PARTS_MAX]; /* contents, by part */
  size_t count;
} made;

static void add_leaf(made *m, ettm_part parent, unsigned choices, program *g) {
  static const char *const types[] = {"", "text/html", "message/rfc822", "application/pdf"};
  const char *type = types[choices & 3];
  ettm_str text = take_text(g, take_octet(g) * (choices & 0x40 ? 32u : 1u));
  ettm_content_scan scan;
  ettm_content_facts facts;
  ettm_leaf leaf;
  ettm_part part;
  ettm_status status;
  memset(&leaf, 0, sizeof leaf);
  leaf.type = ettm_str_of(type, strlen(type));
  leaf.is_text = (choices & 4) != 0;
  leaf.charset = (choices & 8) != 0 ? ETTM_LIT("iso-8859-1") : ettm_str_of(NULL, 0);
  leaf.file_name = (choices & 16) != 0 ? take_text(g, take_octet(g)) : leaf.charset;
  leaf.disposition = (choices & 16) != 0 ? ETTM_LIT("inline") : ettm_str_of(NULL, 0);
  leaf.allow_8bit = (choices & 64) != 0;
  leaf.is_ready = (choices & 80) == 80; /* where it is the only part */
  ettm_content_scan_init(&scan);
  ettm_content_scan_feed(&scan, text);
  ettm_content_scan_finish(&scan, &facts);
  if ((choices & 32) != 0) {
    status = ettm_message_add_external(m->message, parent, &leaf, facts.size,
                                       (choices & 128) != 0 ? &facts : NULL, &part);
  } else {
    status = ettm_message_add_leaf(m->message, parent, &leaf, text, &part);
  }
  if (status == ETTM_OK) {
    must(part == m->count);
    m->external[m->count++] = text;
  }
}

static void add_part(made *m, program *g) {
  unsigned kind = take_octet(g);
  ettm_part parent = take_octet(g) % PARTS_MAX;
  unsigned choices = take_octet(g);
  ettm_part part;
  if (kind < 80) {
    static const char *const subtypes[] = {"mixed", "related"};
    const char *subtype = subtypes[choices & 1];
    if (ettm_message_add_multipart(m->message, parent, ettm_str_of(subtype, strlen(subtype)),
                                   ettm_str_of(NULL, 0), &part) == ETTM_OK) {
      must(part == m->count);
      m->count++;
    }
  } else {
    add_leaf(m, parent, choices, g);
  }
}

/* Reads all, in blocks of `capacity` from sources cut into `chunk`. Returns how much, or -1. */
static long read_all(const made *m, char *out, size_t capacity, size_t chunk) {
  ettm_reader *r = NULL;
  ettm_reader_step step;
  ettm_part asked = 0;
  size_t at = 0;
  size_t size = 0;
  ettm_status status = ettm_reader_new(&r, m->message, NULL);
  memset(&step, 0, sizeof step);
  while (status >= ETTM_OK && status != ETTM_DONE) {
    size_t left;
    step.out = out + size;
    step.capacity = capacity < SENT_MAX - size ? capacity : SENT_MAX - size;
    status = ettm_reader_read(r, &step);
    must(status != ETTM_OK || step.made > 0 || step.used > 0);
    size += step.made;
    at += step.used;
    if (status == ETTM_NEED_INPUT && ettm_reader_needs(r) != asked) {
      asked = ettm_reader_needs(r);
      at = 0;
    }
    left = m->external[asked].n - at;
    step.in = ettm_str_of(left > 0 ? m->external[asked].p + at : NULL, left < chunk ? left : chunk);
    step.in_ends = left <= chunk;
  }
  ettm_reader_free(r);
  must(status == ETTM_DONE || status == ETTM_E_SOURCE);
  return status == ETTM_DONE ? (long)size : -1;
}

static void check_lines(const made *m, ettm_str s) {
  size_t line = 0;
  size_t i;
  must(s.n > 2 && memcmp(s.p + s.n - 2, "\r\n", 2) == 0);
  for (i = 0; i < s.n; i++) {
    if (s.p[i] == '\r') {
      must(++i < s.n && s.p[i] == '\n');
      line = 0;
    } else {
      must(s.p[i] != '\n');
      must(++line <= 998);
      must((unsigned char)s.p[i] < 128 || ettm_message_needs_8bit(m->message));
    }
  }
}

static void check_message(const made *m) {
  static char whole[SENT_MAX];
  static char cut[SENT_MAX];
  long size = read_all(m, whole, SENT_MAX, SENT_MAX);
  uint64_t announced = ettm_message_size(m->message);
  if (size < 0) {
    must(read_all(m, cut, 100, 7) < 0);
    return;
  }
  must(announced == ETTM_SIZE_UNKNOWN || announced == (uint64_t)size);
  check_lines(m, ettm_str_of(whole, (size_t)size));
  must(read_all(m, cut, 1, 1) == size && memcmp(cut, whole, (size_t)size) == 0);
  must(read_all(m, cut, 170, 11) == size && memcmp(cut, whole, (size_t)size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  program g;
  made m;
  ettm_seal seal;
  g.p = (const char *)data;
  g.n = size < 16384 ? size : 16384;
  memset(&m, 0, sizeof m);
  memset(&seal, 0, sizeof seal);
  seal.entropy = ETTM_LIT("0123456789abcdef0123456789abcdef");
  if (ettm_message_new(&m.message, NULL) != ETTM_OK ||
      ettm_headers_add_addresses(ettm_message_headers(m.message), ETTM_LIT("From"),
                                 ETTM_LIT("a@b.c")) != ETTM_OK) {
    abort();
  }
  while (g.n > 0 && m.count < PARTS_MAX) {
    add_part(&m, &g);
  }
  if (ettm_message_seal(m.message, &seal) == ETTM_OK) {
    check_message(&m);
  }
  ettm_message_release(m.message);
  return 0;
}
