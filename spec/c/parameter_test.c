/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <string.h>

#include "mime/parameter.h"

typedef ettm_status (*appender)(ettm_buffer *out, ettm_str name, ettm_str value);

static ettm_status append_legacy(ettm_buffer *out, ettm_str name, ettm_str value) {
  return ettm_parameter_append_legacy(out, name, value, NULL);
}

static void check_append(appender append, const char *name, ettm_str value, const char *wanted) {
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 100000);
  CHECK_INT(append(&b, ettm_str_of(name, strlen(name)), check_guarded(value)), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&b), ettm_str_of(wanted, strlen(wanted)));
  ettm_buffer_clear(&b);
}

static void check_refused(const char *name, ettm_str value, ettm_status wanted) {
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 100000);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("text/plain")), ETTM_OK);
  CHECK_INT(ettm_parameter_append(&b, ettm_str_of(name, strlen(name)), value), wanted);
  CHECK_INT(append_legacy(&b, ettm_str_of(name, strlen(name)), value), wanted);
  CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("text/plain"));
  ettm_buffer_clear(&b);
}

static void token(void) {
  check_append(ettm_parameter_append, "charset", ETTM_LIT("utf-8"), "; charset=utf-8");
}

static void quoted(void) {
  check_append(ettm_parameter_append, "filename", ETTM_LIT("a b.txt"), "; filename=\"a b.txt\"");
  check_append(ettm_parameter_append, "filename", ETTM_LIT("a\"; filename=x\\"),
               "; filename=\"a\\\"; filename=x\\\\\"");
  check_append(ettm_parameter_append, "x", ETTM_LIT(""), "; x=\"\"");
}

static void extended(void) {
  check_append(ettm_parameter_append, "filename", ETTM_LIT("\xE5\xA3\xB2 1.csv"),
               "; filename*=UTF-8''%E5%A3%B2%201.csv");
}

static void looks_encoded(void) {
  check_append(ettm_parameter_append, "filename", ETTM_LIT("=?utf-8?Q?x?="),
               "; filename*=UTF-8''%3D%3Futf-8%3FQ%3Fx%3F%3D");
}

static void every_extended_octet(void) {
  check_append(ettm_parameter_append, "x", ETTM_LIT("\xC3\xA4*'%()<>@,;:\\\"/[]?= "),
               "; x*=UTF-8''%C3%A4%2A%27%25%28%29%3C%3E%40%2C%3B%3A%5C%22%2F%5B%5D%3F%3D%20");
}

/* The segments of a long value: each at most 75 octets, and no code point in two of them. */
static void check_segments(ettm_str rest, const char *cut, size_t count) {
  size_t segments = 0;
  while (rest.n > 0) {
    const char *next = (const char *)memchr(rest.p + 1, ';', rest.n - 1);
    size_t n = next != NULL ? (size_t)(next - rest.p) : rest.n;
    CHECK(n <= 75 + 2);
    CHECK(memcmp(rest.p + n - strlen(cut), cut, strlen(cut)) == 0);
    rest = ettm_str_of(rest.p + n, rest.n - n);
    segments++;
  }
  CHECK_INT(segments, count);
}

static void continued(void) {
  char name[300];
  size_t i;
  ettm_buffer b;
  for (i = 0; i < sizeof name; i += 3) {
    memcpy(name + i, "\xE3\x81\x82", 3);
  }
  ettm_buffer_init(&b, NULL, 100000);
  CHECK_INT(ettm_parameter_append(&b, ETTM_LIT("filename"), ettm_str_of(name, sizeof name)),
            ETTM_OK);
  CHECK(memcmp(ettm_buffer_view(&b).p, "; filename*0*=UTF-8''%E3%81%82", 30) == 0);
  check_segments(ettm_buffer_view(&b), "%E3%81%82", 16);
  ettm_buffer_clear(&b);
}

static void long_ascii(void) {
  char name[80];
  ettm_buffer b;
  memset(name, 'a', sizeof name);
  ettm_buffer_init(&b, NULL, 100000);
  CHECK_INT(ettm_parameter_append(&b, ETTM_LIT("name"), ettm_str_of(name, 70)), ETTM_OK);
  CHECK_INT(ettm_buffer_size(&b), 2 + 5 + 70);
  ettm_buffer_truncate(&b, 0);
  CHECK_INT(ettm_parameter_append(&b, ETTM_LIT("name"), ettm_str_of(name, 71)), ETTM_OK);
  CHECK(memcmp(ettm_buffer_view(&b).p, "; name*0*=UTF-8''aaa", 20) == 0);
  CHECK_INT(ettm_buffer_size(&b), 2 + 75 + 2 + strlen("name*1*=") + 71 - (75 - 15));
  ettm_buffer_clear(&b);
}

static void unsafe(void) {
  check_refused("name", ETTM_LIT("a\r\nBcc: x"), ETTM_E_UNSAFE);
  check_refused("name", ETTM_LIT("a\0b"), ETTM_E_UNSAFE);
  check_refused("name", ETTM_LIT("\xE3\x81"), ETTM_E_UTF8);
}

static void bad_names(void) {
  check_refused("", ETTM_LIT("x"), ETTM_E_NAME);
  check_refused("a b", ETTM_LIT("x"), ETTM_E_NAME);
  check_refused("a*", ETTM_LIT("x"), ETTM_E_NAME);
  check_refused("a=", ETTM_LIT("x"), ETTM_E_NAME);
  check_refused("a23456789012345678901234567890123456789 1", ETTM_LIT("x"), ETTM_E_NAME);
  check_refused("a2345678901234567890123456789012345678901", ETTM_LIT("x"), ETTM_E_NAME);
}

static void legacy(void) {
  check_append(append_legacy, "name", ETTM_LIT("\xE5\xA3\xB2.csv"),
               "; name=\"=?UTF-8?B?5aOyLmNzdg==?=\"");
  check_append(append_legacy, "name", ETTM_LIT("a.csv"), "; name=a.csv");
  check_append(append_legacy, "name", ETTM_LIT("\xC3\xA4\"\\_zzzzzzzzzzzzzzzzzzzzzzzz"),
               "; name=\"=?UTF-8?Q?=C3=A4=22=5C=5Fzzzzzzzzzzzzzzzzzzzzzzzz?=\"");
}

static ettm_status append_once(check_heap *h, void *ud) {
  static const char name[] = "\xE5\xA3\xB2\xE5\xA3\xB2\xE5\xA3\xB2\xE5\xA3\xB2\xE5\xA3\xB2.csv";
  ettm_buffer b;
  ettm_status status;
  ettm_buffer_init(&b, &h->alloc, 100000);
  status = ((appender) * (appender *)ud)(&b, ETTM_LIT("name"), ettm_str_of(name, sizeof name - 1));
  if (status != ETTM_OK) {
    CHECK_INT(ettm_buffer_size(&b), 0);
  }
  ettm_buffer_clear(&b);
  return status;
}

static void no_memory(void) {
  appender append = ettm_parameter_append;
  check_every_failure(append_once, &append);
  append = append_legacy;
  check_every_failure(append_once, &append);
}

static void limit(void) {
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 20);
  CHECK_INT(ettm_parameter_append(&b, ETTM_LIT("name"), ETTM_LIT("a name of some octets")),
            ETTM_E_LIMIT);
  CHECK_INT(ettm_buffer_size(&b), 0);
  ettm_buffer_clear(&b);
}

static void reads(void) {
  ettm_str rest = check_guarded(ETTM_LIT("; a=b ;c=\"d;\\\"e\" ; F=x "));
  ettm_str name, value;
  CHECK_INT(ettm_parameter_next(&rest, &name, &value), ETTM_OK);
  CHECK_STR(name, ETTM_LIT("a"));
  CHECK_STR(value, ETTM_LIT("b"));
  CHECK_INT(ettm_parameter_next(&rest, &name, &value), ETTM_OK);
  CHECK_STR(name, ETTM_LIT("c"));
  CHECK_STR(value, ETTM_LIT("\"d;\\\"e\""));
  CHECK_INT(ettm_parameter_next(&rest, &name, &value), ETTM_OK);
  CHECK_STR(value, ETTM_LIT("x"));
  CHECK_INT(ettm_parameter_next(&rest, &name, &value), ETTM_DONE);
}

static void reads_only_the_grammar(void) {
  static const char *const wrong[] = {
      ";",       "a=b",    "; a",      "; a=",         "; =b",     "; a=\"b",
      "; a=b c", "; a=b;", "; a=\"\\", "; a=\"\r\n\"", "; a=b\r\n"};
  size_t i;
  for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    ettm_str rest = check_guarded(ettm_str_of(wrong[i], strlen(wrong[i])));
    ettm_str name, value;
    ettm_status status = ETTM_OK;
    while (status == ETTM_OK) {
      status = ettm_parameter_next(&rest, &name, &value);
    }
    CHECK_INT(status, ETTM_E_NAME);
  }
}

static void base_names(void) {
  CHECK_STR(ettm_file_base_name(ETTM_LIT("/tmp/a.pdf")), ETTM_LIT("a.pdf"));
  CHECK_STR(ettm_file_base_name(ETTM_LIT("C:\\Users\\me\\a.pdf")), ETTM_LIT("a.pdf"));
  CHECK_STR(ettm_file_base_name(ETTM_LIT("a.pdf")), ETTM_LIT("a.pdf"));
  CHECK_STR(ettm_file_base_name(ETTM_LIT("a/")), ETTM_LIT(""));
  CHECK_STR(ettm_file_base_name(ettm_str_of(NULL, 0)), ETTM_LIT(""));
}

static const check_case cases[] = {
    {"writes a token as it is", token},
    {"quotes what is no token and escapes quotes and backslashes", quoted},
    {"writes UTF-8 in the extended form", extended},
    {"writes what looks like an encoded word in the extended form", looks_encoded},
    {"codes every octet that is no attribute character", every_extended_octet},
    {"continues a long value in segments of at most 75 octets and whole code points", continued},
    {"continues long ASCII as well, from one octet too many on", long_ascii},
    {"refuses control characters and what is no UTF-8", unsafe},
    {"refuses names that are no attribute", bad_names},
    {"writes quoted encoded words for old readers", legacy},
    {"leaves the value as it was when memory runs out", no_memory},
    {"leaves the value as it was at the buffer's limit", limit},
    {"reads parameters one by one", reads},
    {"reads nothing that is not by the grammar", reads_only_the_grammar},
    {"takes the base name behind slashes and backslashes", base_names},
};

CHECK_MAIN("parameter", cases)
