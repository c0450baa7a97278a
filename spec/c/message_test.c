/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "mime/message.h"
#include "mime/reader.h"

#define ID_HEX       "00112233445566778899aabbccddeeff"
#define BOUNDARY_HEX "0f0e0d0c0b0a09080706050403020100"
#define BOUNDARY     "=_" BOUNDARY_HEX "_"

static const char entropy[] = "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xAA\xBB\xCC\xDD\xEE\xFF"
                              "\x0F\x0E\x0D\x0C\x0B\x0A\x09\x08\x07\x06\x05\x04\x03\x02\x01\x00";

static ettm_str text_of(const char *s) {
  return ettm_str_of(s, strlen(s));
}

static ettm_seal seal_options(void) {
  ettm_seal seal;
  memset(&seal, 0, sizeof seal);
  seal.now = 1795440481; /* Mon, 23 Nov 2026 22:28:01 +0900 */
  seal.zone_minutes = 540;
  seal.entropy = ettm_str_of(entropy, ETTM_ENTROPY_SIZE);
  return seal;
}

static ettm_message *new_message(void) {
  ettm_message *m = NULL;
  CHECK_INT(ettm_message_new(&m, NULL), ETTM_OK);
  CHECK_INT(ettm_headers_add_addresses(ettm_message_headers(m), ETTM_LIT("From"),
                                       ETTM_LIT("E <e@example.jp>")),
            ETTM_OK);
  return m;
}

static ettm_leaf text_leaf(void) {
  ettm_leaf leaf;
  memset(&leaf, 0, sizeof leaf);
  leaf.is_text = 1;
  return leaf;
}

static ettm_leaf file_leaf(const char *type, const char *name) {
  ettm_leaf leaf;
  memset(&leaf, 0, sizeof leaf);
  leaf.type = text_of(type);
  leaf.disposition = ETTM_LIT("attachment");
  leaf.file_name = text_of(name);
  return leaf;
}

static ettm_part add_leaf(ettm_message *m, ettm_part parent, const ettm_leaf *leaf,
                          ettm_str content) {
  ettm_part part = 0;
  CHECK_INT(ettm_message_add_leaf(m, parent, leaf, content, &part), ETTM_OK);
  return part;
}

static ettm_part add_multipart(ettm_message *m, ettm_part parent, const char *subtype) {
  ettm_part part = 0;
  CHECK_INT(ettm_message_add_multipart(m, parent, text_of(subtype), ettm_str_of(NULL, 0), &part),
            ETTM_OK);
  return part;
}

static void seal(ettm_message *m) {
  ettm_seal options = seal_options();
  CHECK_INT(ettm_message_seal(m, &options), ETTM_OK);
}

/* Reads a sealed message without external parts, and compares. Also checks the announced size. */
static void check_bytes(ettm_message *m, ettm_str wanted) {
  char *out = (char *)malloc(wanted.n + 1000);
  ettm_reader *r = NULL;
  ettm_reader_step step;
  memset(&step, 0, sizeof step);
  step.out = out;
  step.capacity = wanted.n + 1000;
  CHECK_INT(ettm_reader_new(&r, m, NULL), ETTM_OK);
  CHECK_INT(ettm_reader_read(r, &step), ETTM_DONE);
  CHECK_STR(ettm_str_of(out, step.made), wanted);
  CHECK_INT(ettm_message_size(m), wanted.n);
  ettm_reader_free(r);
  free(out);
}

#define TOP                                                                                        \
  "Date: Mon, 23 Nov 2026 22:28:01 +0900\r\n"                                                      \
  "From: E <e@example.jp>\r\n"                                                                     \
  "Message-ID: <" ID_HEX "@example.jp>\r\n"                                                        \
  "MIME-Version: 1.0\r\n"

#define ASCII_TEXT                                                                                 \
  "Content-Type: text/plain; charset=us-ascii\r\n"                                                 \
  "Content-Transfer-Encoding: 7bit\r\n"

static void check_single(const ettm_leaf *leaf, ettm_str content, ettm_str wanted) {
  ettm_message *m = new_message();
  CHECK_INT(add_leaf(m, 0, leaf, content), 0);
  seal(m);
  check_bytes(m, wanted);
  ettm_message_release(m);
}

static void single_text(void) {
  ettm_leaf leaf = text_leaf();
  check_single(&leaf, ETTM_LIT("Hello\n"), ETTM_LIT(TOP ASCII_TEXT "\r\nHello\r\n"));
}

static void ends_once(void) {
  ettm_leaf leaf = text_leaf();
  check_single(&leaf, ETTM_LIT("Hello"), ETTM_LIT(TOP ASCII_TEXT "\r\nHello\r\n"));
  check_single(&leaf, ETTM_LIT("a\rb\r\nc\n"),
               ETTM_LIT(TOP "Content-Type: text/plain; "
                            "charset=us-ascii\r\n"
                            "Content-Transfer-Encoding: "
                            "quoted-printable\r\n\r\n"
                            "a\r\nb\r\nc\r\n"));
  check_single(&leaf, ETTM_LIT(""), ETTM_LIT(TOP ASCII_TEXT "\r\n"));
}

static void quoted_printable(void) {
  ettm_leaf leaf = text_leaf();
  check_single(&leaf, ETTM_LIT("caf\xC3\xA9 and more of it\n"),
               ETTM_LIT(TOP "Content-Type: text/plain; charset=utf-8\r\n"
                            "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                            "caf=C3=A9 and more of it\r\n"));
}

static void base64_text(void) {
  ettm_leaf leaf = text_leaf();
  check_single(&leaf, ETTM_LIT("\xE5\xA3\xB2\n\xE4\xB8\x8A\n"),
               ETTM_LIT(TOP "Content-Type: text/plain; charset=utf-8\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\n"
                            "5aOyDQrkuIoNCg==\r\n"));
}

static void check_encoding(ettm_str content, const char *wanted) {
  ettm_leaf leaf = text_leaf();
  ettm_message *m = new_message();
  char line[80] = "Content-Transfer-Encoding: ";
  ettm_str head;
  size_t i;
  int found = 0;
  (void)add_leaf(m, 0, &leaf, content);
  seal(m);
  strcat(strcat(line, wanted), "\r\n\r\n");
  head = ettm_message_header_section(m);
  for (i = 0; i + strlen(line) <= head.n; i++) {
    found |= memcmp(head.p + i, line, strlen(line)) == 0;
  }
  CHECK(found);
  CHECK_INT(ettm_message_needs_8bit(m), 0);
  ettm_message_release(m);
}

static void fragile_text(void) {
  static const char line[] = "123456789 123456789 123456789 123456789 123456789 123456789 "
                             "123456789 123456789";
  check_encoding(ettm_str_of(line, 78), "7bit");
  check_encoding(ettm_str_of(line, 79), "quoted-printable");
  check_encoding(ETTM_LIT("From me\n"), "quoted-printable");
  check_encoding(ETTM_LIT("x\n.\n"), "quoted-printable");
  check_encoding(ETTM_LIT("x\n--=_y\n"), "quoted-printable");
  check_encoding(ETTM_LIT("x \n"), "quoted-printable");
  check_encoding(ETTM_LIT("some more x\t"), "quoted-printable");
  check_encoding(ETTM_LIT("x\f but else plain"), "quoted-printable");
  check_encoding(ETTM_LIT("x\ry"), "quoted-printable");
  check_encoding(ETTM_LIT("x From me\n -- =_\n a.\n--\n"), "7bit");
}

static void alternative_with_file(void) {
  ettm_message *m = new_message();
  ettm_leaf leaf = text_leaf();
  ettm_leaf file = file_leaf("application/pdf", "/tmp/\xE5\xA3\xB2.pdf");
  ettm_part mixed = add_multipart(m, 0, "mixed");
  ettm_part alternative = add_multipart(m, mixed, "alternative");
  (void)add_leaf(m, alternative, &leaf, ETTM_LIT("Hello"));
  leaf.type = ETTM_LIT("text/html");
  (void)add_leaf(m, alternative, &leaf, ETTM_LIT("<p>Hello\n"));
  (void)add_leaf(m, mixed, &file, ETTM_LIT("abcd"));
  seal(m);
  check_bytes(m, ETTM_LIT(TOP "Content-Type: multipart/mixed;\r\n"
                              " boundary=\"" BOUNDARY "00000000\"\r\n"
                              "\r\n"
                              "--" BOUNDARY "00000000\r\n"
                              "Content-Type: multipart/alternative;\r\n"
                              " boundary=\"" BOUNDARY "00000001\"\r\n"
                              "\r\n"
                              "--" BOUNDARY "00000001\r\n" ASCII_TEXT "\r\n"
                              "Hello\r\n"
                              "--" BOUNDARY "00000001\r\n"
                              "Content-Type: text/html; charset=us-ascii\r\n"
                              "Content-Transfer-Encoding: 7bit\r\n"
                              "\r\n"
                              "<p>Hello\r\n\r\n"
                              "--" BOUNDARY "00000001--\r\n"
                              "--" BOUNDARY "00000000\r\n"
                              "Content-Type: application/pdf; name=\"=?UTF-8?B?5aOyLnBkZg==?=\"\r\n"
                              "Content-Transfer-Encoding: base64\r\n"
                              "Content-Disposition: attachment; filename*=UTF-8''%E5%A3%B2.pdf\r\n"
                              "\r\n"
                              "YWJjZA==\r\n"
                              "--" BOUNDARY "00000000--\r\n"));
  ettm_message_release(m);
}

static void related(void) {
  ettm_message *m = new_message();
  ettm_leaf leaf = text_leaf();
  ettm_str head;
  ettm_part top = add_multipart(m, 0, "related");
  leaf.type = ETTM_LIT("text/html");
  leaf.content_id = ETTM_LIT("a.b@c");
  (void)add_leaf(m, top, &leaf, ETTM_LIT("x"));
  seal(m);
  head = ettm_message_header_section(m);
  CHECK_STR(ettm_str_of(head.p + sizeof TOP - 1, head.n - sizeof TOP + 1),
            ETTM_LIT("Content-Type: multipart/related; type=\"text/html\";\r\n"
                     " boundary=\"" BOUNDARY "00000000\"\r\n\r\n"));
  ettm_message_release(m);
}

static void empty_leaves(void) {
  ettm_message *m = new_message();
  ettm_leaf leaf = text_leaf();
  ettm_leaf file = file_leaf("a/b", "");
  ettm_part top = add_multipart(m, 0, "mixed");
  (void)add_leaf(m, top, &leaf, ETTM_LIT(""));
  (void)add_leaf(m, top, &file, ETTM_LIT(""));
  seal(m);
  check_bytes(m, ETTM_LIT(TOP "Content-Type: multipart/mixed;\r\n"
                              " boundary=\"" BOUNDARY "00000000\"\r\n"
                              "\r\n"
                              "--" BOUNDARY "00000000\r\n" ASCII_TEXT "\r\n"
                              "\r\n"
                              "--" BOUNDARY "00000000\r\n"
                              "Content-Type: a/b\r\n"
                              "Content-Transfer-Encoding: base64\r\n"
                              "Content-Disposition: attachment\r\n"
                              "\r\n"
                              "\r\n"
                              "--" BOUNDARY "00000000--\r\n"));
  ettm_message_release(m);
}

static void forwarded(void) {
  ettm_message *m = new_message();
  ettm_leaf leaf = file_leaf("message/rfc822", "");
  ettm_part top = add_multipart(m, 0, "mixed");
  ettm_part part;
  ettm_reader_step step;
  ettm_reader *r = NULL;
  char out[2000];
  (void)add_leaf(m, top, &leaf, ETTM_LIT("From: a@b\n\nFrom here\n.\n"));
  (void)add_leaf(m, top, &leaf, ETTM_LIT("From: a@b\r\n\r\n\xC3\xA4\r\n"));
  CHECK_INT(ettm_message_add_leaf(m, top, &leaf, ETTM_LIT("a\0b"), &part), ETTM_E_UNSAFE);
  seal(m);
  CHECK_INT(ettm_message_needs_8bit(m), 1);
  memset(&step, 0, sizeof step);
  step.out = out;
  step.capacity = sizeof out;
  CHECK_INT(ettm_reader_new(&r, m, NULL), ETTM_OK);
  CHECK_INT(ettm_reader_read(r, &step), ETTM_DONE);
  out[step.made] = '\0';
  CHECK(strstr(out, "00000000\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--") != NULL);
  CHECK(strstr(out, "7bit\r\nContent-Disposition: attachment\r\n\r\nFrom: a@b\r\n\r\nFrom here\r\n"
                    ".\r\n\r\n--") != NULL);
  CHECK(strstr(out, "8bit\r\nContent-Disposition: attachment\r\n\r\nFrom: a@b\r\n\r\n\xC3\xA4\r\n"
                    "\r\n--") != NULL);
  CHECK_INT(ettm_message_size(m), step.made);
  ettm_reader_free(r);
  ettm_message_release(m);
}

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

static void own_fields(void) {
  ettm_message *m = new_message();
  ettm_headers *h = ettm_message_headers(m);
  ettm_leaf leaf = text_leaf();
  CHECK_INT(ettm_headers_add_ready(h, ETTM_LIT("Message-ID"), ETTM_LIT("<my@id>")), ETTM_OK);
  CHECK_INT(ettm_headers_add_text(h, ETTM_LIT("Subject"), ETTM_LIT("s")), ETTM_OK);
  CHECK_INT(
      ettm_headers_add_ready(h, ETTM_LIT("Date"), ETTM_LIT("Mon, 23 Nov 2026 22:28:01 +0900")),
      ETTM_OK);
  (void)add_leaf(m, 0, &leaf, ETTM_LIT("x\n"));
  CHECK(ettm_message_part_headers(m, 0) == h);
  CHECK(ettm_message_part_headers(m, 1) == NULL);
  seal(m);
  CHECK(ettm_message_headers(m) == NULL);
  CHECK(ettm_message_part_headers(m, 0) == NULL);
  CHECK_STR(ettm_message_id(m), ETTM_LIT("<my@id>"));
  CHECK_STR(ettm_message_header_section(m), ETTM_LIT("From: E <e@example.jp>\r\n"
                                                     "Message-ID: <my@id>\r\n"
                                                     "Subject: s\r\n"
                                                     "Date: Mon, 23 Nov 2026 22:28:01 +0900\r\n"
                                                     "MIME-Version: 1.0\r\n" ASCII_TEXT "\r\n"));
  ettm_message_release(m);
}

static void generated_id(void) {
  ettm_message *m = new_message();
  ettm_leaf leaf = text_leaf();
  ettm_seal options = seal_options();
  (void)add_leaf(m, 0, &leaf, ETTM_LIT("x\n"));
  options.message_id_host = ETTM_LIT("Mail.Example.com");
  CHECK_INT(ettm_message_seal(m, &options), ETTM_OK);
  CHECK_STR(ettm_message_id(m), ETTM_LIT("<" ID_HEX "@mail.example.com>"));
  ettm_message_release(m);
}

static ettm_status seal_with(const char *from, const char *sender, const ettm_seal *options) {
  ettm_message *m = NULL;
  ettm_leaf leaf = text_leaf();
  ettm_headers *h;
  ettm_status status;
  CHECK_INT(ettm_message_new(&m, NULL), ETTM_OK);
  h = ettm_message_headers(m);
  CHECK_INT(ettm_headers_add_addresses(h, ETTM_LIT("From"), text_of(from)), ETTM_OK);
  CHECK_INT(ettm_headers_add_addresses(h, ETTM_LIT("Sender"), text_of(sender)), ETTM_OK);
  (void)add_leaf(m, 0, &leaf, ETTM_LIT("x\n"));
  status = ettm_message_seal(m, options);
  CHECK_INT(ettm_message_is_sealed(m), status == ETTM_OK);
  if (status != ETTM_OK) {
    CHECK(ettm_message_headers(m) == NULL);
    CHECK_INT(ettm_message_seal(m, options), ETTM_E_STATE);
  }
  ettm_message_release(m);
  return status;
}

static void refuses_to_seal(void) {
  ettm_seal options = seal_options();
  CHECK_INT(seal_with("a@b.c", "", &options), ETTM_OK);
  CHECK_INT(seal_with("", "", &options), ETTM_E_ARGUMENT);
  CHECK_INT(seal_with("a@b.c, d@e.f", "", &options), ETTM_E_ARGUMENT);
  CHECK_INT(seal_with("a@b.c, d@e.f", "a@b.c", &options), ETTM_OK);
  options.entropy.n = ETTM_ENTROPY_SIZE - 1;
  CHECK_INT(seal_with("a@b.c", "", &options), ETTM_E_ARGUMENT);
  options = seal_options();
  options.zone_minutes = 10000;
  CHECK_INT(seal_with("a@b.c", "", &options), ETTM_E_ARGUMENT);
  options = seal_options();
  options.message_id_host = ETTM_LIT("a b");
  CHECK_INT(seal_with("a@b.c", "", &options), ETTM_E_ARGUMENT);
}

static void refuses_own_mime_fields(void) {
  static const char *const names[] = {"MIME-Version", "content-type", "Content-Transfer-Encoding",
                                      "Content-Disposition", "Content-ID"};
  ettm_seal options = seal_options();
  size_t i;
  for (i = 0; i < sizeof names / sizeof names[0]; i++) {
    ettm_message *m = new_message();
    ettm_leaf leaf = text_leaf();
    CHECK_INT(ettm_headers_add_text(ettm_message_headers(m), text_of(names[i]), ETTM_LIT("1.0")),
              ETTM_OK);
    (void)add_leaf(m, 0, &leaf, ETTM_LIT("x\n"));
    CHECK_INT(ettm_message_seal(m, &options), ETTM_E_DUPLICATE);
    ettm_message_release(m);
  }
}

static void part_headers(void) {
  ettm_message *m = new_message();
  ettm_leaf leaf = text_leaf();
  ettm_part top = add_multipart(m, 0, "mixed");
  ettm_part part = add_leaf(m, top, &leaf, ETTM_LIT("x\n"));
  ettm_headers *h = ettm_message_part_headers(m, part);
  CHECK_INT(ettm_headers_add_text(h, ETTM_LIT("Content-Type"), ETTM_LIT("a/b")), ETTM_E_DUPLICATE);
  CHECK_INT(ettm_headers_add_text(h, ETTM_LIT("Content-Description"), ETTM_LIT("d")), ETTM_OK);
  seal(m);
  check_bytes(m,
              ETTM_LIT(TOP "Content-Type: multipart/mixed;\r\n"
                           " boundary=\"" BOUNDARY "00000000\"\r\n"
                           "\r\n"
                           "--" BOUNDARY "00000000\r\n" ASCII_TEXT "Content-Description: d\r\n\r\n"
                           "x\r\n\r\n"
                           "--" BOUNDARY "00000000--\r\n"));
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

static void typed_charset(void) {
  ettm_leaf leaf = text_leaf();
  leaf.type = ETTM_LIT("text/calendar; method=REQUEST; Charset=\"UTF-8\"");
  check_single(&leaf, ETTM_LIT("x\n"),
               ETTM_LIT(TOP "Content-Type: text/calendar; method=REQUEST; Charset=\"UTF-8\"\r\n"
                            "Content-Transfer-Encoding: 7bit\r\n\r\nx\r\n"));
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
  CHECK_INT(bytes.high, whole.high);
  CHECK_INT(bytes.fragile, whole.fragile);
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
  check_facts("a\x1B", 2, 2, 1, 1);
  check_facts("\xC3\xA4", 2, 2, 0, 1);
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

static void smtputf8(void) {
  ettm_message *m = NULL;
  ettm_leaf leaf = text_leaf();
  CHECK_INT(ettm_message_new(&m, NULL), ETTM_OK);
  CHECK_INT(ettm_headers_add_addresses(ettm_message_headers(m), ETTM_LIT("From"),
                                       ETTM_LIT("\xC3\xA4@example.jp")),
            ETTM_OK);
  (void)add_leaf(m, 0, &leaf, ETTM_LIT("x"));
  seal(m);
  CHECK_INT(ettm_message_needs_smtputf8(m), 1);
  CHECK_INT(ettm_message_needs_8bit(m), 0);
  CHECK_STR(ettm_message_id(m), ETTM_LIT("<" ID_HEX "@example.jp>"));
  ettm_message_release(m);
}

static const check_case cases[] = {
    {"sends a single ASCII text as 7bit with every header it needs", single_text},
    {"ends a single part with CRLF exactly once", ends_once},
    {"sends text with few non-ASCII letters as quoted-printable", quoted_printable},
    {"sends Japanese text as base64 of CRLF lines", base64_text},
    {"encodes ASCII text that a relay could change", fragile_text},
    {"nests an alternative in a mixed beside a file with a Japanese name", alternative_with_file},
    {"tells the type of the root of multipart/related", related},
    {"keeps empty contents empty", empty_leaves},
    {"never encodes a forwarded message, and labels every multipart above it", forwarded},
    {"refuses a forwarded message with a line above 998 octets", long_forwarded_line},
    {"keeps the caller's Date and Message-ID", own_fields},
    {"makes the Message-ID of a host given", generated_id},
    {"refuses to seal without one author, entropy, a date and a usable host", refuses_to_seal},
    {"refuses MIME's own fields among the headers", refuses_own_mime_fields},
    {"adds headers to a part behind its own", part_headers},
    {"bounds the tree and keeps its order of life", the_tree},
    {"refuses leaves whose description or text is not sound", bad_leaves},
    {"takes a type with parameters, charset among them", typed_charset},
    {"takes a file name of 12,000 octets", huge_names},
    {"finds the same facts however content is cut", facts},
    {"frees with the last reference", references},
    {"leaks nothing when memory runs out", no_memory},
    {"takes ETTM_PARTS_MAX parts and not one more", many_parts},
    {"needs SMTPUTF8 for a non-ASCII local part", smtputf8},
};

CHECK_MAIN("message", cases)
