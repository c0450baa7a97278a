/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "mime/reader.h"

#define SENT_MAX 200000

/* What an external part delivers, and how. */
typedef struct source {
  ettm_str bytes;
  size_t at;
} source;

typedef struct reading {
  size_t capacity;   /* of out */
  size_t chunk;      /* of each supply */
  source sources[4]; /* by part */
  char *sent;        /* all that was read */
  size_t size;
  ettm_part asked;
} reading;

static ettm_message *new_message(void) {
  ettm_message *m = NULL;
  CHECK_INT(ettm_message_new(&m, NULL), ETTM_OK);
  CHECK_INT(ettm_headers_add_addresses(ettm_message_headers(m), ETTM_LIT("From"),
                                       ETTM_LIT("e@example.jp")),
            ETTM_OK);
  return m;
}

static void seal(ettm_message *m) {
  ettm_seal s;
  memset(&s, 0, sizeof s);
  s.entropy = ETTM_LIT("0123456789abcdef0123456789abcdef");
  CHECK_INT(ettm_message_seal(m, &s), ETTM_OK);
}

/* Hands over what comes next of the part that was asked for last. */
static void supply(const ettm_reader *r, reading *g, ettm_reader_step *step, ettm_status status) {
  source *s = &g->sources[g->asked];
  size_t n;
  s->at += step->used;
  if (status == ETTM_NEED_INPUT) {
    g->asked = ettm_reader_needs(r);
    CHECK(g->asked < 4);
    s = &g->sources[g->asked];
  }
  n = s->bytes.n - s->at;
  n = n < g->chunk ? n : g->chunk;
  step->in = ettm_str_of(n > 0 ? s->bytes.p + s->at : NULL, n);
  step->in_ends = s->at + n == s->bytes.n;
}

/* Reads all of m. Returns what ended it. */
static ettm_status read_all(ettm_message *m, reading *g) {
  ettm_reader *r = NULL;
  ettm_reader_step step;
  ettm_status status = ettm_reader_new(&r, m, NULL);
  memset(&step, 0, sizeof step);
  g->sent = (char *)malloc(SENT_MAX);
  g->size = 0;
  while (status >= ETTM_OK && status != ETTM_DONE) {
    step.out = g->sent + g->size;
    step.capacity = g->capacity < SENT_MAX - g->size ? g->capacity : SENT_MAX - g->size;
    status = ettm_reader_read(r, &step);
    CHECK(step.made <= step.capacity);
    CHECK(status != ETTM_OK || step.made > 0 || step.used > 0);
    g->size += step.made;
    if (status >= ETTM_OK) {
      supply(r, g, &step, status);
    }
  }
  if (status < ETTM_OK) {
    step.out = g->sent;
    step.capacity = 100;
    CHECK_INT(ettm_reader_read(r, &step), status);
    CHECK_INT(step.made, 0);
  }
  ettm_reader_free(r);
  return status;
}

static ettm_content_facts facts_of(ettm_str content) {
  ettm_content_scan s;
  ettm_content_facts facts;
  ettm_content_scan_init(&s);
  ettm_content_scan_feed(&s, content);
  ettm_content_scan_finish(&s, &facts);
  return facts;
}

static ettm_leaf leaf_of(const char *type, int is_text) {
  ettm_leaf leaf;
  memset(&leaf, 0, sizeof leaf);
  leaf.type = ettm_str_of(type, strlen(type));
  leaf.is_text = is_text;
  return leaf;
}

/* A message with one part of each encoding, three of them external. */
static ettm_message *every_encoding(reading *g) {
  static char bytes[5000];
  static const char japanese[] = "\xE5\xA3\xB2\n\xE4\xB8\x8A\r\n\r\xE3\x81\x82";
  static const char latin[] = "caf\xC3\xA9 au lait,\r\nand more \nfor everybody.";
  static const char forwarded[] = "From: a@b.c\r\n\r\ntext\nmore\n";
  ettm_leaf leaf = leaf_of("a/b", 0);
  ettm_message *m = new_message();
  ettm_content_facts facts;
  ettm_part part;
  size_t i;
  for (i = 0; i < sizeof bytes; i++) {
    bytes[i] = (char)(i * 7 + i / 256);
  }
  memset(g, 0, sizeof *g);
  g->sources[1].bytes = ettm_str_of(bytes, sizeof bytes);
  g->sources[2].bytes = ettm_str_of(japanese, sizeof japanese - 1);
  g->sources[3].bytes = ettm_str_of(latin, sizeof latin - 1);
  CHECK_INT(ettm_message_add_multipart(m, 0, ETTM_LIT("mixed"), ettm_str_of(NULL, 0), &part),
            ETTM_OK);
  CHECK_INT(ettm_message_add_external(m, 0, &leaf, sizeof bytes, NULL, &part), ETTM_OK);
  leaf = leaf_of("text/plain", 1);
  facts = facts_of(g->sources[2].bytes);
  CHECK_INT(ettm_message_add_external(m, 0, &leaf, facts.size, &facts, &part), ETTM_OK);
  facts = facts_of(g->sources[3].bytes);
  CHECK_INT(ettm_message_add_external(m, 0, &leaf, facts.size, &facts, &part), ETTM_OK);
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, g->sources[2].bytes, &part), ETTM_OK);
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, g->sources[3].bytes, &part), ETTM_OK);
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, ETTM_LIT("plain\n"), &part), ETTM_OK);
  leaf = leaf_of("message/rfc822", 0);
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, ettm_str_of(forwarded, sizeof forwarded - 1), &part),
            ETTM_OK);
  seal(m);
  return m;
}

static void any_cut(void) {
  static const size_t sizes[] = {1, 2, 3, 7, 76, 159, 160, 161, 511, 4096, 65536};
  size_t count = sizeof sizes / sizeof sizes[0];
  reading whole, cut;
  ettm_message *m = every_encoding(&whole);
  size_t i;
  whole.capacity = whole.chunk = SENT_MAX;
  CHECK_INT(read_all(m, &whole), ETTM_DONE);
  CHECK_INT(ettm_message_size(m), whole.size);
  for (i = 0; i < count * count; i++) {
    ettm_message *other = every_encoding(&cut);
    cut.capacity = sizes[i % count];
    cut.chunk = sizes[i / count];
    CHECK_INT(read_all(m, &cut), ETTM_DONE);
    CHECK_STR(ettm_str_of(cut.sent, cut.size), ettm_str_of(whole.sent, whole.size));
    free(cut.sent);
    ettm_message_release(other);
  }
  free(whole.sent);
  ettm_message_release(m);
}

static void own_and_external(void) {
  reading g;
  ettm_message *m = every_encoding(&g);
  const char *text;
  g.capacity = g.chunk = SENT_MAX;
  CHECK_INT(read_all(m, &g), ETTM_DONE);
  g.sent[g.size] = '\0';
  /* The same content twice, external and copied in. */
  text = strstr(g.sent, "5aOyDQrkuIoNCg0K44GC\r\n");
  CHECK(text != NULL && strstr(text + 1, "5aOyDQrkuIoNCg0K44GC\r\n") != NULL);
  text = strstr(g.sent, "caf=C3=A9 au lait,\r\nand more=20\r\nfor everybody.=\r\n");
  CHECK(text != NULL && strstr(text + 1, "caf=C3=A9 au lait,\r\nand more=20\r\n") != NULL);
  CHECK(strstr(g.sent, "\r\n\r\nFrom: a@b.c\r\n\r\ntext\r\nmore\r\n\r\n--=_") != NULL);
  free(g.sent);
  ettm_message_release(m);
}

static ettm_status read_external(const ettm_leaf *leaf, uint64_t size,
                                 const ettm_content_facts *facts, ettm_str content,
                                 uint64_t *announced, size_t capacity) {
  ettm_message *m = new_message();
  ettm_part part;
  ettm_status status;
  reading g;
  memset(&g, 0, sizeof g);
  g.capacity = capacity;
  g.chunk = 3;
  g.sources[0].bytes = content;
  CHECK_INT(ettm_message_add_external(m, 0, leaf, size, facts, &part), ETTM_OK);
  seal(m);
  *announced = ettm_message_size(m);
  status = read_all(m, &g);
  if (status == ETTM_DONE && *announced != ETTM_SIZE_UNKNOWN) {
    CHECK_INT(g.size, *announced);
  }
  free(g.sent);
  ettm_message_release(m);
  return status;
}

static void wrong_length(void) {
  ettm_leaf leaf = leaf_of("a/b", 0);
  uint64_t size;
  size_t capacity;
  for (capacity = 1; capacity < 2000; capacity = capacity * 3 + 1) {
    CHECK_INT(read_external(&leaf, 10, NULL, ETTM_LIT("0123456789"), &size, capacity), ETTM_DONE);
    CHECK_INT(read_external(&leaf, 10, NULL, ETTM_LIT("012345678"), &size, capacity),
              ETTM_E_SOURCE);
    CHECK_INT(read_external(&leaf, 10, NULL, ETTM_LIT("0123456789a"), &size, capacity),
              ETTM_E_SOURCE);
    /* As long in base64 as it would have been. */
    CHECK_INT(read_external(&leaf, 9, NULL, ETTM_LIT("01234567"), &size, capacity), ETTM_E_SOURCE);
    CHECK_INT(read_external(&leaf, 0, NULL, ETTM_LIT(""), &size, capacity), ETTM_DONE);
    CHECK_INT(read_external(&leaf, 0, NULL, ETTM_LIT("x"), &size, capacity), ETTM_E_SOURCE);
  }
}

static void unknown_length(void) {
  ettm_leaf leaf = leaf_of("a/b", 0);
  uint64_t size = 0;
  CHECK_INT(read_external(&leaf, ETTM_SIZE_UNKNOWN, NULL, ETTM_LIT("01234"), &size, 100),
            ETTM_DONE);
  CHECK(size == ETTM_SIZE_UNKNOWN);
  leaf = leaf_of("text/plain", 1);
  CHECK_INT(read_external(&leaf, 3, NULL, ETTM_LIT("a\nb"), &size, 100), ETTM_DONE);
  CHECK(size == ETTM_SIZE_UNKNOWN);
}

static void changed_content(void) {
  ettm_leaf leaf = leaf_of("text/plain", 1);
  ettm_content_facts facts = facts_of(ETTM_LIT("abc\ndef\n"));
  uint64_t size;
  CHECK_INT(read_external(&leaf, 8, &facts, ETTM_LIT("abc\ndef\n"), &size, 100), ETTM_DONE);
  CHECK_INT(read_external(&leaf, 8, &facts,
                          ETTM_LIT("ab\xC3\xA4"
                                   "ef\n\n"),
                          &size, 100),
            ETTM_E_SOURCE);
  CHECK_INT(read_external(&leaf, 8, &facts, ETTM_LIT("abc.def\n"), &size, 100), ETTM_E_SOURCE);
  facts = facts_of(ETTM_LIT("abc \n\xC3\xA4xxxxxxxxxxxx"));
  CHECK_INT(read_external(&leaf, facts.size, &facts, ETTM_LIT("abcdefghijklmnopqrs"), &size, 100),
            ETTM_E_SOURCE);
}

static void long_lines(void) {
  static char line[2000];
  ettm_leaf leaf = leaf_of("message/rfc822", 0);
  uint64_t size;
  memset(line, 'x', sizeof line);
  line[998] = '\n';
  CHECK_INT(read_external(&leaf, 999, NULL, ettm_str_of(line, 999), &size, 64), ETTM_DONE);
  line[998] = 'x';
  CHECK_INT(read_external(&leaf, 999, NULL, ettm_str_of(line, 999), &size, 64), ETTM_E_SOURCE);
  CHECK_INT(read_external(&leaf, 2000, NULL, ettm_str_of(line, 2000), &size, 5000), ETTM_E_SOURCE);
}

static void ignores_unasked_input(void) {
  ettm_leaf leaf = leaf_of("a/b", 0);
  ettm_message *m = new_message();
  ettm_reader *r = NULL;
  ettm_reader_step step;
  ettm_part part;
  char out[1000];
  CHECK_INT(ettm_message_add_multipart(m, 0, ETTM_LIT("mixed"), ettm_str_of(NULL, 0), &part),
            ETTM_OK);
  CHECK_INT(ettm_message_add_external(m, 0, &leaf, 3, NULL, &part), ETTM_OK);
  CHECK_INT(ettm_message_add_external(m, 0, &leaf, 3, NULL, &part), ETTM_OK);
  seal(m);
  CHECK_INT(ettm_reader_new(&r, m, NULL), ETTM_OK);
  memset(&step, 0, sizeof step);
  step.out = out;
  step.capacity = sizeof out;
  step.in = ETTM_LIT("abc");
  step.in_ends = 1;
  CHECK_INT(ettm_reader_read(r, &step), ETTM_NEED_INPUT);
  CHECK_INT(step.used, 0);
  CHECK_INT(ettm_reader_needs(r), 1);
  CHECK_INT(ettm_reader_read(r, &step), ETTM_NEED_INPUT);
  CHECK_INT(step.used, 3);
  CHECK_INT(ettm_reader_needs(r), 2);
  step.in = ETTM_LIT("def");
  CHECK_INT(ettm_reader_read(r, &step), ETTM_DONE);
  CHECK_INT(step.used, 3);
  CHECK_INT(ettm_reader_read(r, &step), ETTM_DONE);
  CHECK_INT(step.made, 0);
  step.capacity = 0;
  CHECK_INT(ettm_reader_read(r, &step), ETTM_E_ARGUMENT);
  ettm_reader_free(r);
  ettm_message_release(m);
}

static void waits_for_the_end(void) {
  static const char *const supplies[] = {"", "abc", "", "", ""};
  ettm_leaf leaf = leaf_of("a/b", 0);
  ettm_message *m = new_message();
  ettm_reader *r = NULL;
  ettm_reader_step step;
  ettm_part part;
  char out[1000];
  size_t size = 0;
  size_t i;
  CHECK_INT(ettm_message_add_external(m, 0, &leaf, 3, NULL, &part), ETTM_OK);
  seal(m);
  CHECK_INT(ettm_reader_new(&r, m, NULL), ETTM_OK);
  memset(&step, 0, sizeof step);
  for (i = 0; i < 5; i++) {
    step.in = ettm_str_of(supplies[i], strlen(supplies[i]));
    step.in_ends = i == 4;
    step.out = out + size;
    step.capacity = sizeof out - size;
    CHECK_INT(ettm_reader_read(r, &step), i == 4 ? ETTM_DONE : ETTM_NEED_INPUT);
    size += step.made;
  }
  CHECK(size > 10 && memcmp(out + size - 10, "\r\n\r\nYWJj\r\n", 10) == 0);
  ettm_reader_free(r);
  ettm_message_release(m);
}

static void remembers_the_end(void) {
  ettm_leaf leaf = leaf_of("a/b", 0);
  ettm_message *m = new_message();
  ettm_reader *r = NULL;
  ettm_reader_step step;
  ettm_part part;
  ettm_status status;
  char out[1000];
  size_t size = 0;
  CHECK_INT(ettm_message_add_external(m, 0, &leaf, 3, NULL, &part), ETTM_OK);
  seal(m);
  CHECK_INT(ettm_reader_new(&r, m, NULL), ETTM_OK);
  memset(&step, 0, sizeof step);
  step.out = out;
  step.capacity = sizeof out;
  CHECK_INT(ettm_reader_read(r, &step), ETTM_NEED_INPUT);
  step.in = ETTM_LIT("abc");
  step.in_ends = 1;
  step.capacity = 1; /* no room for the rest, so that it takes another call */
  do {
    step.out = out + size;
    status = ettm_reader_read(r, &step);
    size += step.made;
    step.in = ettm_str_of(NULL, 0);
    step.in_ends = 0;
  } while (status == ETTM_OK && size < 100);
  CHECK_INT(status, ETTM_DONE);
  CHECK_STR(ettm_str_of(out, size), ETTM_LIT("YWJj\r\n"));
  ettm_reader_free(r);
  ettm_message_release(m);
}

static void needs_a_sealed_message(void) {
  ettm_message *m = new_message();
  ettm_reader *r = NULL;
  CHECK_INT(ettm_reader_new(&r, m, NULL), ETTM_E_STATE);
  ettm_reader_free(NULL);
  ettm_message_release(m);
}

static void fixed_memory(void) {
  check_heap heap;
  reading g;
  ettm_message *m = every_encoding(&g);
  ettm_reader *r = NULL;
  check_heap_init(&heap);
  CHECK_INT(ettm_reader_new(&r, m, &heap.alloc), ETTM_OK);
  ettm_message_release(m); /* the reader holds it */
  CHECK_INT(heap.blocks, 1);
  CHECK(heap.bytes < 4096);
  ettm_reader_free(r);
  CHECK_INT(heap.blocks, 0);
}

static ettm_status open_once(check_heap *h, void *ud) {
  ettm_reader *r = NULL;
  ettm_status status = ettm_reader_new(&r, (ettm_message *)ud, &h->alloc);
  ettm_reader_free(r);
  return status;
}

static void no_memory(void) {
  reading g;
  ettm_message *m = every_encoding(&g);
  check_every_failure(open_once, m);
  ettm_message_release(m);
}

/* Every length of content around the encoders' lines has the size that was announced. */
static void exact_sizes(void) {
  static char text[400];
  ettm_leaf bytes = leaf_of("a/b", 0);
  ettm_leaf lines = leaf_of("text/plain", 1);
  size_t n;
  memset(text, 'x', sizeof text);
  text[100] = text[200] = '\n';
  for (n = 0; n < sizeof text; n++) {
    uint64_t size;
    ettm_content_facts facts = facts_of(ettm_str_of(text, n));
    CHECK_INT(read_external(&bytes, n, NULL, ettm_str_of(text, n), &size, 4000), ETTM_DONE);
    CHECK_INT(read_external(&lines, n, &facts, ettm_str_of(text, n), &size, 4000), ETTM_DONE);
    CHECK(size != ETTM_SIZE_UNKNOWN);
  }
}

static const check_case cases[] = {
    {"reads the same bytes for every block size and every cut of the sources", any_cut},
    {"makes the same of content that is external and that was copied", own_and_external},
    {"fails when a source is shorter or longer than it said", wrong_length},
    {"takes a source of unknown length, and then knows no size", unknown_length},
    {"fails when a source is no longer what it was looked through as", changed_content},
    {"fails at a line above 998 octets in what may not be encoded", long_lines},
    {"takes no input that it did not ask for", ignores_unasked_input},
    {"waits until a source says that it is over", waits_for_the_end},
    {"remembers that a source is over", remembers_the_end},
    {"needs a sealed message", needs_a_sealed_message},
    {"holds its message and less than 4 KiB of its own", fixed_memory},
    {"leaks nothing when memory runs out", no_memory},
    {"announces the exact size for every length", exact_sizes},
};

CHECK_MAIN("reader", cases)
