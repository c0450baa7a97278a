/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "mime/header.h"

typedef ettm_status (*adder)(ettm_headers *h, ettm_str name, ettm_str value);

static ettm_str text_of(const char *s) {
  return ettm_str_of(s, strlen(s));
}

static void check_add(adder add, const char *name, const char *value, const char *wanted) {
  ettm_headers h;
  ettm_headers_init(&h, NULL);
  CHECK_INT(add(&h, text_of(name), check_guarded(text_of(value))), ETTM_OK);
  CHECK_STR(ettm_headers_view(&h), text_of(wanted));
  ettm_headers_clear(&h);
}

/* Refused, and nothing was added. */
static void check_refused(adder add, const char *name, ettm_str value, ettm_status wanted) {
  ettm_headers h;
  ettm_headers_init(&h, NULL);
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("Subject"), ETTM_LIT("x")), ETTM_OK);
  CHECK_INT(add(&h, text_of(name), check_guarded(value)), wanted);
  CHECK_STR(ettm_headers_view(&h), ETTM_LIT("Subject: x\r\n"));
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("X-B"), ETTM_LIT("y")), ETTM_OK);
  CHECK_STR(ettm_headers_view(&h), ETTM_LIT("Subject: x\r\nX-B: y\r\n"));
  ettm_headers_clear(&h);
}

/* Octets of the longest line of a header section, which also has to be sound. */
static size_t longest_line(ettm_str s) {
  size_t longest = 0;
  size_t line = 0;
  size_t seen = 0; /* octets of the line that are no white space */
  size_t i;
  for (i = 0; i < s.n; i++) {
    if (s.p[i] == '\r') {
      CHECK(i + 1 < s.n && s.p[i + 1] == '\n');
      CHECK(seen > 0);
      longest = line > longest ? line : longest;
      line = seen = 0;
      i++;
    } else {
      CHECK(s.p[i] != '\n');
      line++;
      seen += s.p[i] != ' ' && s.p[i] != '\t';
    }
  }
  CHECK_INT(line, 0);
  return longest;
}

static void plain(void) {
  check_add(ettm_headers_add_text, "Subject", "Hello, world", "Subject: Hello, world\r\n");
  check_add(ettm_headers_add_text, "X-Empty", "", "X-Empty:\r\n");
  check_add(ettm_headers_add_text, "Subject", " \t ", "Subject:\r\n");
  check_add(ettm_headers_add_text,
            "X-Name-Of-Six-And-Seventy-Octets-Which-Is-The-Most-That-A-Field-Has-Of-Them-", " ",
            "X-Name-Of-Six-And-Seventy-Octets-Which-Is-The-Most-That-A-Field-Has-Of-Them-:\r\n");
  check_add(ettm_headers_add_text, "Subject", " a\tb ", "Subject: a b\r\n");
}

static void encoded(void) {
  check_add(ettm_headers_add_text, "Subject", "\xE5\xA3\xB2\xE4\xB8\x8A",
            "Subject: =?UTF-8?B?5aOy5LiK?=\r\n");
  check_add(ettm_headers_add_text, "Subject",
            "=?utf-8?Q?x?=", "Subject: =?UTF-8?B?PT91dGYtOD9RP3g/PQ==?=\r\n");
}

static void long_japanese(void) {
  char text[900];
  ettm_headers h;
  size_t i;
  for (i = 0; i < sizeof text; i += 3) {
    memcpy(text + i, "\xE3\x81\x82", 3);
  }
  ettm_headers_init(&h, NULL);
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("Subject"), ettm_str_of(text, sizeof text)),
            ETTM_OK);
  CHECK(longest_line(ettm_headers_view(&h)) <= 76);
  CHECK(memcmp(ettm_headers_view(&h).p, "Subject: =?UTF-8?B?", 19) == 0);
  ettm_headers_clear(&h);
}

static void folds_at_78(void) {
  check_add(ettm_headers_add_text, "Subject",
            "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff 12345678 x y",
            "Subject: aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff 12345678\r\n"
            " x y\r\n");
  check_add(ettm_headers_add_text, "Subject",
            "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff 123456789 y",
            "Subject: aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff 123456789\r\n"
            " y\r\n");
  check_add(ettm_headers_add_text, "Subject",
            "aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff 1234567890 y",
            "Subject: aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff\r\n"
            " 1234567890 y\r\n");
}

static void keeps_runs_of_spaces(void) {
  char text[200];
  ettm_headers h;
  memset(text, ' ', sizeof text);
  text[0] = 'a';
  text[199] = 'b';
  ettm_headers_init(&h, NULL);
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("Subject"), ettm_str_of(text, sizeof text)),
            ETTM_OK);
  CHECK_INT(longest_line(ettm_headers_view(&h)), 199);
  CHECK_INT(ettm_headers_view(&h).n, 9 + 200 + 2 + 2);
  ettm_headers_clear(&h);
}

static void encodes_the_unfoldable(void) {
  char text[2000];
  ettm_headers h;
  memset(text, ' ', sizeof text);
  text[0] = text[1999] = 'a';
  ettm_headers_init(&h, NULL);
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("Subject"), ettm_str_of(text, 2000)), ETTM_OK);
  memset(text, 'x', sizeof text);
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("X-A"), ettm_str_of(text, 998)), ETTM_OK);
  CHECK_INT(ettm_headers_add_ready(&h, ETTM_LIT("X-B"), ettm_str_of(text, 998)), ETTM_E_LIMIT);
  CHECK(longest_line(ettm_headers_view(&h)) <= 76);
  CHECK_INT(ettm_headers_add_ready(&h, ETTM_LIT("X-B"), ettm_str_of(text, 997)), ETTM_OK);
  CHECK_INT(longest_line(ettm_headers_view(&h)), 998);
  ettm_headers_clear(&h);
}

static void folds_behind_commas(void) {
  check_add(ettm_headers_add_ready, "X-List",
            "one two three four, five six seven eight, nine ten eleven twelve thirteen, fourteen",
            "X-List: one two three four, five six seven eight,\r\n"
            " nine ten eleven twelve thirteen, fourteen\r\n");
  check_add(ettm_headers_add_ready, "Content-Type",
            "multipart/mixed; boundary=\"=_0123456789012345678901234567890123456789012345\"",
            "Content-Type: multipart/mixed;\r\n"
            " boundary=\"=_0123456789012345678901234567890123456789012345\"\r\n");
}

static void keeps_quoted_strings(void) {
  check_add(
      ettm_headers_add_ready, "X-Q",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \"b b b b b b b \\\" b b b b b b b b\"",
      "X-Q: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
      " \"b b b b b b b \\\" b b b b b b b b\"\r\n");
}

static void parts_long_quoted_strings(void) {
  char text[3000];
  ettm_headers h;
  size_t i;
  for (i = 0; i < sizeof text; i++) {
    text[i] = i % 5 == 3 ? '\\' : i % 5 == 4 ? ' ' : i % 7 == 0 ? ' ' : 'a';
  }
  text[0] = text[sizeof text - 1] = '"';
  ettm_headers_init(&h, NULL);
  CHECK_INT(ettm_headers_add_ready(&h, ETTM_LIT("X-Q"), ettm_str_of(text, sizeof text)), ETTM_OK);
  CHECK(longest_line(ettm_headers_view(&h)) <= 78);
  for (i = 1; i < ettm_headers_view(&h).n; i++) {
    CHECK(ettm_headers_view(&h).p[i] != '\r' || ettm_headers_view(&h).p[i - 1] != '\\');
  }
  ettm_headers_clear(&h);
}

static void refuses_injection(void) {
  check_refused(ettm_headers_add_text, "X-A", ETTM_LIT("a\r\nBcc: x@y.z"), ETTM_E_UNSAFE);
  check_refused(ettm_headers_add_text, "X-A", ETTM_LIT("a\n"), ETTM_E_UNSAFE);
  check_refused(ettm_headers_add_text, "X-A", ETTM_LIT("a\0b"), ETTM_E_UNSAFE);
  check_refused(ettm_headers_add_ready, "X-A", ETTM_LIT("a\r\n b"), ETTM_E_UNSAFE);
  check_refused(ettm_headers_add_ready, "X-A", ETTM_LIT("a\x7F"), ETTM_E_UNSAFE);
  check_refused(ettm_headers_add_addresses, "X-A", ETTM_LIT("a@b.c\r\nX: y"), ETTM_E_UNSAFE);
  check_refused(ettm_headers_add_addresses, "X-A", ETTM_LIT("a@b.c\n"), ETTM_E_UNSAFE);
  check_refused(ettm_headers_add_text, "X-A", ETTM_LIT("\xC3"), ETTM_E_UTF8);
  check_refused(ettm_headers_add_ready, "X-A", ETTM_LIT("\xC3\xA4"), ETTM_E_UTF8);
}

static void refuses_names(void) {
  static const char *const wrong[] = {"",         "X A", "X:",  "From: x",    "X\r\nBcc",
                                      "\xC3\xA4", "Bcc", "bCC", "Resent-Bcc", "Return-Path"};
  size_t i;
  for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    check_refused(ettm_headers_add_text, wrong[i], ETTM_LIT("a"), ETTM_E_NAME);
    check_refused(ettm_headers_add_ready, wrong[i], ETTM_LIT("a"), ETTM_E_NAME);
    check_refused(ettm_headers_add_addresses, wrong[i], ETTM_LIT("a@b.c"), ETTM_E_NAME);
  }
  check_refused(ettm_headers_add_text, "From", ETTM_LIT("a"), ETTM_E_NAME);
  check_refused(ettm_headers_add_text,
                "X-234567890123456789012345678901234567890123456789012345678901234567890123456",
                ETTM_LIT("a"), ETTM_E_LIMIT);
}

static void only_once(void) {
  static const char *const once[] = {"From", "sender", "REPLY-TO", "To", "Cc"};
  size_t i;
  ettm_headers h;
  ettm_headers_init(&h, NULL);
  for (i = 0; i < sizeof once / sizeof once[0]; i++) {
    CHECK_INT(ettm_headers_add_addresses(&h, text_of(once[i]), ETTM_LIT("a@b.c")), ETTM_OK);
    CHECK_INT(ettm_headers_add_addresses(&h, text_of(once[i]), ETTM_LIT("a@b.c")),
              ETTM_E_DUPLICATE);
  }
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("Subject"), ETTM_LIT("")), ETTM_OK);
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("sUBJECT"), ETTM_LIT("")), ETTM_E_DUPLICATE);
  CHECK_INT(ettm_headers_add_ready(&h, ETTM_LIT("Date"), ETTM_LIT("x")), ETTM_OK);
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("date"), ETTM_LIT("x")), ETTM_E_DUPLICATE);
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("Comments"), ETTM_LIT("x")), ETTM_OK);
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("Comments"), ETTM_LIT("x")), ETTM_OK);
  ettm_headers_clear(&h);
}

static void addresses(void) {
  check_add(ettm_headers_add_addresses, "To", "B <b@example.com>,c@example.com",
            "To: B <b@example.com>, c@example.com\r\n");
  check_add(ettm_headers_add_addresses, "To", "J. Smith <b@example.com>",
            "To: \"J. Smith\" <b@example.com>\r\n");
  check_add(ettm_headers_add_addresses, "From", "\xE3\x82\xA8 <e@example.jp>",
            "From: =?UTF-8?B?44Ko?= <e@example.jp>\r\n");
  check_add(ettm_headers_add_addresses, "To", "foo..bar.@docomo.ne.jp",
            "To: \"foo..bar.\"@docomo.ne.jp\r\n");
}

static void folds_words_at_76(void) {
  check_add(ettm_headers_add_addresses, "From",
            "\xE3\x82\xA8 <e@a-host-name-of-many-octetss.and-one.example.co.jp>",
            "From: =?UTF-8?B?44Ko?= <e@a-host-name-of-many-octetss.and-one.example.co.jp>\r\n");
  check_add(ettm_headers_add_addresses, "From",
            "\xE3\x82\xA8 <ee@a-host-name-of-many-octetss.and-one.example.co.jp>",
            "From: =?UTF-8?B?44Ko?=\r\n"
            " <ee@a-host-name-of-many-octetss.and-one.example.co.jp>\r\n");
}

static void groups(void) {
  check_add(ettm_headers_add_addresses, "To", "Staff: a@x.jp, b@x.jp;, c@y.jp",
            "To: Staff: a@x.jp, b@x.jp;, c@y.jp\r\n");
  check_add(ettm_headers_add_addresses, "To", "Undisclosed recipients:;",
            "To: Undisclosed recipients:;\r\n");
  check_add(ettm_headers_add_addresses, "To", "\xE3\x82\xA8: a@x.jp;",
            "To: =?UTF-8?B?44Ko?= : a@x.jp;\r\n");
}

static void empty_list(void) {
  check_add(ettm_headers_add_addresses, "To", "", "");
  check_add(ettm_headers_add_addresses, "Sender", " ", "");
}

static void one_sender(void) {
  check_refused(ettm_headers_add_addresses, "Sender", ETTM_LIT("a@b.c, d@e.f"), ETTM_E_ADDRESS);
  check_refused(ettm_headers_add_addresses, "To", ETTM_LIT("a@b.c, d@"), ETTM_E_ADDRESS);
}

static void smtputf8(void) {
  ettm_headers h;
  ettm_headers_init(&h, NULL);
  CHECK_INT(ettm_headers_add_addresses(&h, ETTM_LIT("To"), ETTM_LIT("a@b.c")), ETTM_OK);
  CHECK_INT(h.needs_smtputf8, 0);
  CHECK_INT(ettm_headers_add_addresses(&h, ETTM_LIT("Cc"), ETTM_LIT("\xC3\xA4@b.c, d@e.f")),
            ETTM_OK);
  CHECK_INT(h.needs_smtputf8, 1);
  CHECK_STR(ettm_headers_view(&h), ETTM_LIT("To: a@b.c\r\nCc: \xC3\xA4@b.c, d@e.f\r\n"));
  ettm_headers_clear(&h);
}

static void long_list(void) {
  static const char mailbox[] = "\"Some, Body\" <some.body@a-long-host-name.example.com>, ";
  size_t size = 400 * (sizeof mailbox - 1);
  char *list = (char *)malloc(size);
  ettm_headers h;
  size_t i;
  for (i = 0; i < 400; i++) {
    memcpy(list + i * (sizeof mailbox - 1), mailbox, sizeof mailbox - 1);
  }
  ettm_headers_init(&h, NULL);
  CHECK_INT(ettm_headers_add_addresses(&h, ETTM_LIT("To"), ettm_str_of(list, size)), ETTM_OK);
  CHECK(longest_line(ettm_headers_view(&h)) <= 78);
  CHECK_INT(ettm_headers_view(&h).n, 3 + size - 2 + 399 * 2 + 2 + 1);
  ettm_headers_clear(&h);
  free(list);
}

static void message_ids(void) {
  check_add(ettm_headers_add_ready, "Message-ID", "<a.b@c.d>", "Message-ID: <a.b@c.d>\r\n");
  check_refused(ettm_headers_add_ready, "Message-Id", ETTM_LIT("a@b"), ETTM_E_ARGUMENT);
  check_refused(ettm_headers_add_text, "Message-ID", ETTM_LIT("<a b@c>"), ETTM_E_ARGUMENT);
  check_refused(ettm_headers_add_ready, "Message-ID", ETTM_LIT("<a@b> <c@d>"), ETTM_E_ARGUMENT);
  check_refused(ettm_headers_add_ready, "Message-ID", ETTM_LIT(""), ETTM_E_ARGUMENT);
  CHECK(ettm_is_message_id(ETTM_LIT("a.b@[192.0.2.1]")));
  CHECK(!ettm_is_message_id(ETTM_LIT("a..b@c")));
  CHECK(!ettm_is_message_id(ETTM_LIT("a@")));
  CHECK(!ettm_is_message_id(ETTM_LIT("@a")));
  CHECK(!ettm_is_message_id(ETTM_LIT("a@b@c")));
  CHECK(!ettm_is_message_id(ETTM_LIT("a")));
}

static void structured_as_text(void) {
  check_add(ettm_headers_add_text, "References", "<a@b> <c@d>", "References: <a@b> <c@d>\r\n");
  check_refused(ettm_headers_add_text, "References", ETTM_LIT("<\xC3\xA4@b>"), ETTM_E_UTF8);
}

static void finds(void) {
  ettm_headers h;
  ettm_str field;
  ettm_headers_init(&h, NULL);
  CHECK(!ettm_headers_find(&h, ETTM_LIT("X-A"), NULL));
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("X-AB"), ETTM_LIT("1")), ETTM_OK);
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("X-A"), ETTM_LIT("2")), ETTM_OK);
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("X-A"), ETTM_LIT("3")), ETTM_OK);
  CHECK(ettm_headers_find(&h, ETTM_LIT("x-a"), &field));
  CHECK_STR(field, ETTM_LIT("X-A: 2\r\n"));
  CHECK_STR(ettm_headers_value(field), ETTM_LIT("2"));
  CHECK(!ettm_headers_find(&h, ETTM_LIT("X-"), NULL));
  ettm_headers_clear(&h);
}

static void too_many(void) {
  ettm_headers h;
  size_t i;
  ettm_headers_init(&h, NULL);
  for (i = 0; i < ETTM_HEADER_FIELDS; i++) {
    CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("X-A"), ETTM_LIT("1")), ETTM_OK);
  }
  CHECK_INT(ettm_headers_add_text(&h, ETTM_LIT("X-A"), ETTM_LIT("1")), ETTM_E_LIMIT);
  ettm_headers_clear(&h);
}

/* Values that are longer than what can be written without memory; and the domain of an author. */
typedef struct long_values {
  char text[2000], ready[2000], list[2000];
} long_values;

/* s, over and over. */
static void fill(char *to, size_t size, const char *s) {
  size_t i;
  for (i = 0; i + 1 < size; i++) {
    to[i] = s[i % strlen(s)];
  }
  to[i] = '\0';
}

static ettm_str str_of(const char *s) {
  return ettm_str_of(s, strlen(s));
}

static ettm_status add_once(check_heap *h, void *ud) {
  const long_values *values = (long_values *)ud;
  ettm_headers headers;
  ettm_status status;
  size_t i;
  ettm_headers_init(&headers, &h->alloc);
  status = ettm_headers_add_text(&headers, ETTM_LIT("Subject"), str_of(values->text));
  if (status == ETTM_OK) {
    status = ettm_headers_add_ready(&headers, ETTM_LIT("X-A"), str_of(values->ready));
  }
  if (status == ETTM_OK) {
    status = ettm_headers_add_addresses(&headers, ETTM_LIT("From"), str_of(values->list));
  }
  for (i = 0; status == ETTM_OK && i < 20; i++) {
    status = ettm_headers_add_ready(&headers, ETTM_LIT("X-A"), ETTM_LIT("b"));
  }
  ettm_headers_clear(&headers);
  return status;
}

static void no_memory(void) {
  long_values values;
  fill(values.text, sizeof values.text, "\xE5\xA3\xB2\t.");
  fill(values.ready, sizeof values.ready, "a; b, ");
  fill(values.list, 90, "label.");
  memcpy(values.list, "a@", 2);
  strcat(values.list, ".jp");
  while (strlen(values.list) < 1000) {
    strcat(values.list, ", G: \xE5\xA3\xB2 <d@e.f>;");
  }
  check_every_failure(add_once, &values);
}

static const check_case cases[] = {
    {"writes plain text as it is, without outer white space", plain},
    {"encodes what is not ASCII or looks like an encoded word", encoded},
    {"folds a long Japanese subject between encoded words", long_japanese},
    {"fills lines up to 78 octets and not one more", folds_at_78},
    {"keeps a run of spaces and leaves no line of white space only", keeps_runs_of_spaces},
    {"encodes text that no fold can bring below 998, and refuses such a ready value",
     encodes_the_unfoldable},
    {"folds ready values behind commas and semicolons first", folds_behind_commas},
    {"does not fold in a quoted-string", keeps_quoted_strings},
    {"folds in a quoted-string that no line could hold, but parts no quoted pair",
     parts_long_quoted_strings},
    {"refuses control characters and wrong text in every kind of value", refuses_injection},
    {"refuses names by RFC 5322, Bcc and Return-Path in any case", refuses_names},
    {"refuses the second of what may stand only once", only_once},
    {"writes address lists anew", addresses},
    {"keeps lines with encoded words within 76 octets", folds_words_at_76},
    {"writes groups", groups},
    {"adds nothing for an empty list", empty_list},
    {"refuses a list that is none, and two senders", one_sender},
    {"writes a non-ASCII local part in UTF-8 and says so", smtputf8},
    {"folds 400 addresses behind their commas", long_list},
    {"checks a Message-ID", message_ids},
    {"takes structured fields as ready values", structured_as_text},
    {"finds the first field of a name in any case", finds},
    {"bounds the number of fields", too_many},
    {"leaks nothing when memory runs out", no_memory},
};

CHECK_MAIN("header", cases)
