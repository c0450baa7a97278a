/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <string.h>

#include "mime/reader.h"
#include "mime/section.h"

static ettm_str text_of(const char *s) {
  return ettm_str_of(s, strlen(s));
}

/* Reads all fields. Returns what ended it; *count tells how many there were. */
static ettm_status read_all(ettm_section *s, size_t *count, ettm_field *last) {
  ettm_status status;
  *count = 0;
  while ((status = ettm_section_next(s, last)) == ETTM_OK) {
    (*count)++;
  }
  return status;
}

static void check_section(const char *text, ettm_status wanted, size_t fields, size_t line) {
  ettm_section s;
  ettm_field field;
  size_t count;
  ettm_section_init(&s, check_guarded(text_of(text)), 1, 0);
  CHECK_INT(read_all(&s, &count, &field), wanted);
  CHECK_INT(count, fields);
  CHECK_INT(s.line, line);
}

static void fields(void) {
  ettm_section s;
  ettm_field field;
  ettm_section_init(&s, ETTM_LIT("A: b\r\n c\r\n\td\nX-Y:\r\r\nbody\r\n"), 1, 0);
  CHECK_INT(ettm_section_next(&s, &field), ETTM_OK);
  CHECK_STR(field.name, ETTM_LIT("A"));
  CHECK_STR(field.body, ETTM_LIT(" b\r\n c\r\n\td"));
  CHECK_INT(field.line, 1);
  CHECK_INT(ettm_section_next(&s, &field), ETTM_OK);
  CHECK_STR(field.name, ETTM_LIT("X-Y"));
  CHECK_STR(field.body, ETTM_LIT(""));
  CHECK_INT(field.line, 4);
  CHECK_INT(ettm_section_next(&s, &field), ETTM_DONE);
  CHECK_STR(s.rest, ETTM_LIT("body\r\n"));
  CHECK_INT(s.line, 6);
}

static void ends(void) {
  check_section("", ETTM_DONE, 0, 1);
  check_section("\n", ETTM_DONE, 0, 2);
  check_section("A: b", ETTM_DONE, 1, 2);
  check_section("A: b\n", ETTM_DONE, 1, 2);
  check_section("A: b\r", ETTM_DONE, 1, 2);
  check_section("A: b\n\nC", ETTM_DONE, 1, 3);
}

static void errors(void) {
  check_section("A: b\nhello\n", ETTM_E_NAME, 1, 2);
  check_section(" A: b\n", ETTM_E_NAME, 0, 1);
  check_section("A : b\n", ETTM_E_NAME, 0, 1);
  check_section(": b\n", ETTM_E_NAME, 0, 1);
  check_section("A: b\n \t\n\n", ETTM_E_NAME, 0, 2);
  check_section("\xC3\xA4: b\n", ETTM_E_NAME, 0, 1);
  check_section("A: b\x7F\n", ETTM_E_UNSAFE, 0, 1);
  check_section("A: b\n c\x01\n", ETTM_E_UNSAFE, 0, 2);
  check_section("A: \xFF\n", ETTM_E_UTF8, 0, 1);
}

static void long_lines(void) {
  static char text[2100];
  ettm_section s;
  ettm_field field;
  memset(text, 'x', sizeof text);
  memcpy(text, "A: ", 3);
  memcpy(text + 998, "\r\n ", 3);
  ettm_section_init(&s, ettm_str_of(text, 1000 + 998), 1, 0);
  CHECK_INT(ettm_section_next(&s, &field), ETTM_OK);
  ettm_section_init(&s, ettm_str_of(text, 1000 + 999), 1, 0);
  CHECK_INT(ettm_section_next(&s, &field), ETTM_E_LIMIT);
  CHECK_INT(s.line, 2);
  text[998] = 'x';
  ettm_section_init(&s, ettm_str_of(text, sizeof text), 0, 0);
  CHECK_INT(ettm_section_next(&s, &field), ETTM_E_LIMIT); /* whatever comes behind */
}

static void strict_lines(void) {
  static const char *const bad[] = {"A: b\nC: d\r\n", "A: b\rC: d\r\n", "A: b\r\n\n"};
  ettm_section s;
  ettm_field field;
  size_t i, count;
  ettm_section_init(&s, ETTM_LIT("A: b\r\n c\r\n\r\n"), 1, 1);
  CHECK_INT(read_all(&s, &count, &field), ETTM_DONE);
  for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    ettm_section_init(&s, text_of(bad[i]), 1, 1);
    CHECK_INT(read_all(&s, &count, &field), ETTM_E_UNSAFE);
  }
}

/* What a prefix of a section says is never taken back by what comes behind. */
static void pieces(void) {
  static const char text[] = "A: b\r\n c\r\nX: y\n\r\nbody";
  const size_t end = sizeof text - 1 - 4; /* of the section */
  size_t n, count;
  for (n = 0; n < sizeof text; n++) {
    ettm_section s;
    ettm_field field;
    ettm_section_init(&s, check_guarded(ettm_str_of(text, n)), 0, 0);
    CHECK_INT(read_all(&s, &count, &field), n < end ? ETTM_NEED_INPUT : ETTM_DONE);
    CHECK(n < end || count == 2);
    CHECK(n < end || s.rest.n == n - end);
  }
}

static void verbatim(void) {
  ettm_headers h;
  ettm_section s;
  ettm_headers_init(&h, NULL);
  ettm_section_init(&s,
                    ETTM_LIT("Subject:  a\n\tb \nbCC: x@y.example\n z\nReturn-Path: <>\n"
                             "Resent-Bcc:\nX:\rTo: \xC3\xA4@x.example\n\nbody"),
                    1, 0);
  CHECK_INT(ettm_headers_add_section(&h, &s), ETTM_OK);
  CHECK_STR(ettm_headers_view(&h),
            ETTM_LIT("Subject:  a\r\n\tb \r\nX:\r\nTo: \xC3\xA4@x.example\r\n"));
  CHECK_STR(s.rest, ETTM_LIT("body"));
  CHECK_INT(h.needs_smtputf8, 1);
  ettm_headers_clear(&h);
}

static void duplicates(void) {
  ettm_headers h;
  ettm_section s;
  ettm_headers_init(&h, NULL);
  ettm_section_init(&s, ETTM_LIT("From: a\nReceived: x\nReceived: y\nfrom: b\n"), 1, 0);
  CHECK_INT(ettm_headers_add_section(&h, &s), ETTM_E_DUPLICATE);
  CHECK_INT(s.line, 4);
  CHECK_STR(ettm_headers_view(&h), ETTM_LIT("From: a\r\nReceived: x\r\nReceived: y\r\n"));
  ettm_headers_clear(&h);
}

static const char section[] = "From: a@x.example\nX-Long: one\n two\nMessage-ID: <1@x.example>\n";

static ettm_status make_ready(ettm_message **out, ettm_str body, const ettm_alloc *a) {
  ettm_message *m = NULL;
  ettm_section s;
  ettm_leaf leaf;
  ettm_seal seal;
  ettm_part part;
  ettm_status status = ettm_message_new(&m, a);
  if (status != ETTM_OK) {
    return status;
  }
  memset(&leaf, 0, sizeof leaf);
  memset(&seal, 0, sizeof seal);
  leaf.is_ready = 1;
  seal.entropy = ETTM_LIT("0123456789abcdef0123456789abcdef");
  ettm_section_init(&s, text_of(section), 1, 0);
  status = ettm_headers_add_section(ettm_message_headers(m), &s);
  if (status == ETTM_OK) {
    status = ettm_message_add_leaf(m, 0, &leaf, body, &part);
  }
  if (status == ETTM_OK) {
    status = ettm_message_seal(m, &seal);
  }
  if (status != ETTM_OK) {
    ettm_message_release(m);
    return status;
  }
  *out = m;
  return ETTM_OK;
}

static void check_sent(ettm_str body, const char *sent, int needs_8bit) {
  char out[1000];
  ettm_message *m = NULL;
  ettm_reader *r = NULL;
  ettm_reader_step step;
  CHECK_INT(make_ready(&m, body, NULL), ETTM_OK);
  CHECK_INT(ettm_message_needs_8bit(m), needs_8bit);
  CHECK_INT(ettm_reader_new(&r, m, NULL), ETTM_OK);
  memset(&step, 0, sizeof step);
  step.out = out;
  step.capacity = sizeof out;
  CHECK_INT(ettm_reader_read(r, &step), ETTM_DONE);
  CHECK_STR(ettm_str_of(out, step.made), text_of(sent));
  CHECK_INT(ettm_message_size(m), step.made);
  CHECK_STR(ettm_message_id(m), ETTM_LIT("<1@x.example>"));
  ettm_reader_free(r);
  ettm_message_release(m);
}

#define HEAD "From: a@x.example\r\nX-Long: one\r\n two\r\nMessage-ID: <1@x.example>\r\n\r\n"

static void ready(void) {
  check_sent(ETTM_LIT(""), HEAD, 0);
  check_sent(ETTM_LIT("a\n.b \rFrom c"), HEAD "a\r\n.b \r\nFrom c\r\n", 0);
  check_sent(ETTM_LIT("\xE6\x97\xA5\n"), HEAD "\xE6\x97\xA5\r\n", 1);
  check_sent(ETTM_LIT("\xFF"), HEAD "\xFF\r\n", 1); /* of whatever charset */
}

static void unfit(void) {
  static char line[1000];
  ettm_message *m = NULL;
  memset(line, 'x', sizeof line);
  CHECK_INT(make_ready(&m, ettm_str_of(line, 999), NULL), ETTM_E_LIMIT);
  CHECK_INT(make_ready(&m, ETTM_LIT("a\0b"), NULL), ETTM_E_UNSAFE);
}

static void alone(void) {
  ettm_message *m = NULL;
  ettm_leaf leaf;
  ettm_part part;
  CHECK_INT(ettm_message_new(&m, NULL), ETTM_OK);
  memset(&leaf, 0, sizeof leaf);
  CHECK_INT(ettm_message_add_multipart(m, 0, ETTM_LIT("mixed"), ETTM_LIT(""), &part), ETTM_OK);
  leaf.is_ready = 1;
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, ETTM_LIT(""), &part), ETTM_E_STATE);
  ettm_message_release(m);
}

static ettm_status once(check_heap *h, void *ud) {
  ettm_message *m = NULL;
  ettm_status status = make_ready(&m, ETTM_LIT("body\n"), &h->alloc);
  (void)ud;
  if (status == ETTM_OK) {
    ettm_message_release(m);
  }
  return status;
}

static void memory(void) {
  check_every_failure(once, NULL);
}

static const check_case cases[] = {
    {"gives the fields of a section one by one, with their folds and lines", fields},
    {"ends at the empty line or with the text", ends},
    {"names the line that is no field, or holds what none may", errors},
    {"takes lines of 998 octets and no more", long_lines},
    {"knows a line end that is no CRLF", strict_lines},
    {"asks for more until the section is whole, wherever it is cut", pieces},
    {"adds fields as they stand, and leaves out those that are never written", verbatim},
    {"refuses the second of what may be there once", duplicates},
    {"sends a ready-made message as it is, with CRLF at each line's end", ready},
    {"refuses a ready body that cannot be sent unencoded", unfit},
    {"takes a ready body as the only part", alone},
    {"survives each allocation of a ready-made message failing", memory},
};

CHECK_MAIN("section", cases)
