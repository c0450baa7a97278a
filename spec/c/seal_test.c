/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "message_samples.h"
#include "mime/reader.h"

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

static void typed_charset(void) {
  ettm_leaf leaf = text_leaf();
  leaf.type = ETTM_LIT("text/calendar; method=REQUEST; Charset=\"UTF-8\"");
  check_single(&leaf, ETTM_LIT("x\n"),
               ETTM_LIT(TOP "Content-Type: text/calendar; method=REQUEST; Charset=\"UTF-8\"\r\n"
                            "Content-Transfer-Encoding: 7bit\r\n\r\nx\r\n"));
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
    {"keeps the caller's Date and Message-ID", own_fields},
    {"makes the Message-ID of a host given", generated_id},
    {"refuses to seal without one author, entropy, a date and a usable host", refuses_to_seal},
    {"refuses MIME's own fields among the headers", refuses_own_mime_fields},
    {"adds headers to a part behind its own", part_headers},
    {"takes a type with parameters, charset among them", typed_charset},
    {"needs SMTPUTF8 for a non-ASCII local part", smtputf8},
};

CHECK_MAIN("seal", cases)
