/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "message_samples.h"

static void long_forwarded_line(void) {
  char line[999];
  ettm_message *m = new_message();
  ettm_leaf leaf = file_leaf("message/rfc822", "");
  ettm_part part;
  memset(line, 'x', sizeof line);
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, ettm_str_of(line, 999), &part), ETTM_E_LIMIT);
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, ettm_str_of(line, 998), &part), ETTM_OK);
  ettm_message_release(m);
}

static void the_tree(void) {
  ettm_message *m = new_message();
  ettm_leaf leaf = text_leaf();
  ettm_part part = 0;
  ettm_part parent = 0;
  ettm_seal options = seal_options();
  ettm_str none = ettm_str_of(NULL, 0);
  int i;
  for (i = 0; i < ETTM_PART_DEPTH; i++) {
    CHECK_INT(ettm_message_add_multipart(m, parent, ETTM_LIT("mixed"), none, &parent), ETTM_OK);
  }
  CHECK_INT(ettm_message_add_multipart(m, parent, ETTM_LIT("mixed"), none, &part), ETTM_E_DEPTH);
  CHECK_INT(ettm_message_add_leaf(m, parent, &leaf, none, &part), ETTM_OK);
  CHECK_INT(part, ETTM_PART_DEPTH);
  CHECK_INT(ettm_message_add_leaf(m, part, &leaf, none, &part), ETTM_E_STATE);
  CHECK_INT(ettm_message_add_leaf(m, 1000, &leaf, none, &part), ETTM_E_STATE);
  CHECK_INT(ettm_message_add_multipart(m, 0, ETTM_LIT("mix ed"), none, &part), ETTM_E_NAME);
  CHECK_INT(ettm_message_add_multipart(m, 0, ETTM_LIT("mixed"), ETTM_LIT("; BOUNDARY=x"), &part),
            ETTM_E_NAME);
  CHECK_INT(ettm_message_add_multipart(m, 0, ETTM_LIT("mixed"), ETTM_LIT("; a=\r\nX: y"), &part),
            ETTM_E_NAME);
  seal(m);
  CHECK_INT(ettm_message_seal(m, &options), ETTM_E_STATE);
  CHECK(ettm_message_is_sealed(m));
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, none, &part), ETTM_E_STATE);
  ettm_message_release(m);
  m = new_message();
  (void)add_multipart(m, 0, "mixed");
  CHECK_INT(ettm_message_seal(m, &options), ETTM_E_STATE);
  ettm_message_release(m);
  m = new_message();
  CHECK_INT(ettm_message_seal(m, &options), ETTM_E_STATE);
  ettm_message_release(m);
}

static void check_leaf(ettm_leaf leaf, ettm_str content, ettm_status wanted) {
  ettm_message *m = new_message();
  ettm_part part;
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, content, &part), wanted);
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, content, &part),
            wanted == ETTM_OK ? ETTM_E_STATE : wanted);
  ettm_message_release(m);
}

static void check_type(const char *type, ettm_status wanted) {
  ettm_leaf leaf = text_leaf();
  leaf.type = text_of(type);
  check_leaf(leaf, ETTM_LIT("x"), wanted);
}

static void bad_leaves(void) {
  ettm_leaf leaf = text_leaf();
  check_type("text", ETTM_E_NAME);
  check_type("text/", ETTM_E_NAME);
  check_type("/plain", ETTM_E_NAME);
  check_type("text/plain\r\nX: y", ETTM_E_NAME);
  check_type("text/plain; x", ETTM_E_NAME);
  check_type("multipart/mixed", ETTM_E_NAME);
  check_type("text/calendar; method=REQUEST", ETTM_OK);
  check_leaf(leaf, ETTM_LIT("\xC3"), ETTM_E_UTF8);
  leaf.charset = ETTM_LIT("iso-8859-1");
  check_leaf(leaf, ETTM_LIT("\xC3"), ETTM_OK);
  leaf.charset = ETTM_LIT("us-ascii");
  check_leaf(leaf, ETTM_LIT("\xC3\xA4"), ETTM_E_UTF8);
  leaf.charset = ETTM_LIT("a b");
  check_leaf(leaf, ETTM_LIT("x"), ETTM_E_NAME);
  leaf = file_leaf("a/b", "a\r\nb");
  check_leaf(leaf, ETTM_LIT("x"), ETTM_E_UNSAFE);
  leaf = file_leaf("a/b", "\xC3");
  check_leaf(leaf, ETTM_LIT("x"), ETTM_E_UTF8);
  leaf = file_leaf("a/b", "");
  leaf.disposition = ETTM_LIT("in line");
  check_leaf(leaf, ETTM_LIT("x"), ETTM_E_NAME);
  leaf = file_leaf("a/b", "");
  leaf.content_id = ETTM_LIT("<a@b>");
  check_leaf(leaf, ETTM_LIT("x"), ETTM_E_NAME);
}

static void huge_names(void) {
  char name[12000];
  ettm_leaf leaf = file_leaf("a/b", "");
  size_t i;
  for (i = 0; i < sizeof name; i += 3) {
    memcpy(name + i, "\xE3\x81\x82", 3);
  }
  leaf.file_name = ettm_str_of(name, sizeof name);
  check_leaf(leaf, ETTM_LIT("x"), ETTM_OK);
}

static void check_facts(const char *text, uint64_t crlf_size, unsigned longest, int fragile,
                        int open_end) {
  ettm_str content = check_guarded(text_of(text));
  ettm_content_facts whole, bytes;
  ettm_content_scan s;
  size_t i;
  ettm_content_scan_init(&s);
  ettm_content_scan_feed(&s, content);
  ettm_content_scan_finish(&s, &whole);
  ettm_content_scan_init(&s);
  for (i = 0; i < content.n; i++) {
    ettm_content_scan_feed(&s, ettm_str_of(content.p + i, 1));
  }
  ettm_content_scan_finish(&s, &bytes);
  CHECK_INT(whole.size, content.n);
  CHECK_INT(whole.crlf_size, crlf_size);
  CHECK_INT(whole.longest, longest);
  CHECK_INT(whole.fragile, fragile);
  CHECK_INT(whole.open_end, open_end);
  CHECK_INT(bytes.size, whole.size);
  CHECK_INT(bytes.crlf_size, whole.crlf_size);
  CHECK_INT(bytes.qp_size, whole.qp_size);
  CHECK_INT(bytes.longest, whole.longest);
  CHECK_INT(whole.high, content.n > 0 && (unsigned char)content.p[0] > 127 ? 2 : 0);
  CHECK_INT(bytes.high, whole.high);
  CHECK_INT(bytes.fragile, whole.fragile);
  CHECK_INT(bytes.shifts, whole.shifts);
  CHECK_INT(bytes.open_end, whole.open_end);
}

static void facts(void) {
  check_facts("", 0, 0, 0, 0);
  check_facts("ab\nc\r\nd", 8, 2, 0, 1);
  check_facts("\n\n\r\n", 6, 0, 0, 0);
  check_facts("a\rb", 4, 1, 1, 1);
  check_facts("a\r", 3, 1, 1, 0);
  check_facts("\r\r\n", 4, 0, 1, 0);
  check_facts("a \nb", 5, 2, 1, 1);
  check_facts("a\t", 2, 2, 1, 1);
  check_facts(" \n", 3, 1, 1, 0);
  check_facts("a\n.b", 5, 2, 1, 1);
  check_facts("From b", 6, 6, 1, 1);
  check_facts(">From b", 7, 7, 0, 1);
  check_facts("From", 4, 4, 0, 1);
  check_facts("--=_", 4, 4, 1, 1);
  check_facts("--=\n_", 6, 3, 0, 1);
  check_facts("a\x1C", 2, 2, 1, 1);
  check_facts("a\x1B", 2, 2, 0, 1);
  check_facts("\xC3\xA4", 2, 2, 0, 1);
  check_facts("a longer line\nand one more \n", 30, 13, 1, 0);
  check_facts("a longer line\x7F", 14, 14, 1, 1);
  check_facts("a longer line\rb", 16, 13, 1, 1);
}

static void references(void) {
  check_heap heap;
  ettm_message *m = NULL;
  check_heap_init(&heap);
  CHECK_INT(ettm_message_new(&m, &heap.alloc), ETTM_OK);
  ettm_message_retain(m);
  ettm_message_release(m);
  CHECK(heap.blocks > 0);
  ettm_message_release(m);
  CHECK_INT(heap.blocks, 0);
  ettm_message_release(NULL);
}

static ettm_status build(ettm_message *m) {
  ettm_leaf leaf = text_leaf();
  ettm_leaf file = file_leaf("a/b", "\xE5\xA3\xB2.pdf");
  ettm_seal options = seal_options();
  ettm_part top, part;
  ettm_status status;
  file.content_id = ETTM_LIT("a@b");
  status = ettm_headers_add_addresses(ettm_message_headers(m), ETTM_LIT("From"), ETTM_LIT("a@b.c"));
  if (status == ETTM_OK) {
    status = ettm_message_add_multipart(m, 0, ETTM_LIT("related"), ettm_str_of(NULL, 0), &top);
  }
  if (status == ETTM_OK) {
    status = ettm_message_add_leaf(m, top, &leaf, ETTM_LIT("text"), &part);
  }
  if (status == ETTM_OK) {
    status = ettm_message_add_leaf(m, top, &file, ETTM_LIT("text"), &part);
  }
  if (status == ETTM_OK) {
    status = ettm_message_add_external(m, top, &file, 5, NULL, &part);
  }
  return status == ETTM_OK ? ettm_message_seal(m, &options) : status;
}

static ettm_status build_once(check_heap *h, void *ud) {
  ettm_message *m = NULL;
  ettm_status status = ettm_message_new(&m, &h->alloc);
  (void)ud;
  if (status == ETTM_OK) {
    status = build(m);
  }
  ettm_message_release(m);
  return status;
}

static void no_memory(void) {
  check_every_failure(build_once, NULL);
}

static void many_parts(void) {
  ettm_message *m = new_message();
  ettm_leaf leaf = text_leaf();
  ettm_part part = 0;
  size_t i;
  (void)add_multipart(m, 0, "mixed");
  for (i = 1; i < ETTM_PARTS_MAX; i++) {
    CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, ETTM_LIT("x"), &part), ETTM_OK);
  }
  CHECK_INT(part, ETTM_PARTS_MAX - 1);
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, ETTM_LIT("x"), &part), ETTM_E_LIMIT);
  seal(m);
  ettm_message_release(m);
}

static const check_case cases[] = {
    {"refuses a forwarded message with a line above 998 octets", long_forwarded_line},
    {"bounds the tree and keeps its order of life", the_tree},
    {"refuses leaves whose description or text is not sound", bad_leaves},
    {"takes a file name of 12,000 octets", huge_names},
    {"finds the same facts however content is cut", facts},
    {"frees with the last reference", references},
    {"leaks nothing when memory runs out", no_memory},
    {"takes ETTM_PARTS_MAX parts and not one more", many_parts},
};

CHECK_MAIN("message", cases)
