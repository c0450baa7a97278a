/* Twice the input takes at most twice the steps, whatever the input: counted, not timed.
 *
 * SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "address/address.h"
#include "check.h"
#include "codec/encoded_word.h"
#include "mime/message.h"
#include "mime/parameter.h"
#include "mime/section.h"

#define MEGABYTE 1000000u
#define SOME     (MEGABYTE / 8) /* where less shows the same */
#define OUT_MAX  (64u * MEGABYTE)

/* --- Counting --- */

static unsigned long long steps;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void) {
  steps++;
}

#ifdef ETTM_WRAPPED
#define DECLARE(name, result, first, second)                                                       \
  result __real_##name(first a, second b, size_t n);                                               \
  result __wrap_##name(first a, second b, size_t n);                                               \
  result __wrap_##name(first a, second b, size_t n)

DECLARE(memchr, void *, const void *, int) {
  void *found = __real_memchr(a, b, n);
  steps += found != NULL ? (size_t)((char *)found - (const char *)a) : n;
  return found;
}

DECLARE(memcmp, int, const void *, const void *) {
  steps += n;
  return __real_memcmp(a, b, n);
}

DECLARE(memcpy, void *, void *, const void *) {
  steps += n;
  return __real_memcpy(a, b, n);
}

DECLARE(memmove, void *, void *, const void *) {
  steps += n;
  return __real_memmove(a, b, n);
}

DECLARE(memset, void *, void *, int) {
  steps += n;
  return __real_memset(a, b, n);
}
#endif

/* --- What is counted: each takes any input, and may refuse it --- */

static void read_addresses(ettm_str in, ettm_buffer *out) {
  ettm_address_parser p;
  ettm_address a;
  ettm_address_parser_init(&p, in, ETTM_ADDRESS_LENIENT, out, NULL);
  while (ettm_address_next(&p, &a) == ETTM_OK) {
  }
}

static void write_addresses(ettm_str in, ettm_buffer *out) {
  ettm_headers h;
  ettm_headers_init(&h, &out->alloc);
  (void)!ettm_headers_add_addresses(&h, ETTM_LIT("To"), in);
  ettm_headers_clear(&h);
}

static void write_text(ettm_str in, ettm_buffer *out) {
  ettm_headers h;
  ettm_headers_init(&h, &out->alloc);
  (void)!ettm_headers_add_text(&h, ETTM_LIT("Subject"), in);
  ettm_headers_clear(&h);
}

static void write_ready(ettm_str in, ettm_buffer *out) {
  ettm_headers h;
  ettm_headers_init(&h, &out->alloc);
  (void)!ettm_headers_add_ready(&h, ETTM_LIT("References"), in);
  ettm_headers_clear(&h);
}

static void read_words(ettm_str in, ettm_buffer *out) {
  (void)!ettm_encoded_word_decode(out, in, NULL);
}

static void write_parameter(ettm_str in, ettm_buffer *out) {
  (void)!ettm_parameter_append(out, ETTM_LIT("filename"), in);
  (void)!ettm_parameter_append_legacy(out, ETTM_LIT("name"), in, NULL);
}

static void read_parameters(ettm_str in, ettm_buffer *out) {
  ettm_str value;
  (void)out;
  (void)!ettm_parameter_find(in, ETTM_LIT("boundary"), &value);
}

static void read_section(ettm_str in, ettm_buffer *out) {
  ettm_section s;
  ettm_field field;
  (void)out;
  ettm_section_init(&s, in, 1, 0);
  while (ettm_section_next(&s, &field) == ETTM_OK) {
  }
}

static void scan_content(ettm_str in, ettm_buffer *out) {
  ettm_content_scan s;
  ettm_content_facts facts;
  (void)out;
  ettm_content_scan_init(&s);
  while (in.n > 0) {
    size_t n = in.n < 4096 ? in.n : 4096;
    ettm_content_scan_feed(&s, ettm_str_of(in.p, n));
    in = ettm_str_of(in.p + n, in.n - n);
  }
  ettm_content_scan_finish(&s, &facts);
}

typedef void (*operation)(ettm_str in, ettm_buffer *out);

static unsigned long long count(operation run, const char *unit, size_t n) {
  size_t length = strlen(unit);
  char *text = (char *)malloc(n);
  ettm_buffer out;
  unsigned long long before;
  size_t i;
  if (text == NULL) {
    abort();
  }
  for (i = 0; i < n; i++) {
    text[i] = unit[i % length];
  }
  ettm_buffer_init(&out, NULL, OUT_MAX);
  before = steps;
  run(ettm_str_of(text, n), &out);
  before = steps - before;
  ettm_buffer_clear(&out);
  free(text);
  return before;
}

/* A growing buffer copies what is in it a number of times that differs by one, so there is a little
 * room above two. */
static void check_linear(operation run, const char *const *units, size_t n) {
  for (; *units != NULL; units++) {
    unsigned long long one = count(run, *units, n);
    unsigned long long two = count(run, *units, 2 * n);
    check_true(two <= 2 * one + one / 4 + 1000, *units, __FILE__, __LINE__);
    check_true(two <= 1000ull * n, *units, __FILE__, __LINE__); /* 254 an octet are the most */
  }
}

static const char *const worst_units[] = {"(", "\"\\", ",", "<", "a(x)", NULL};

static const char *const address_units[] = {"(",
                                            "\"\\",
                                            ",",
                                            "<",
                                            "a(x)",
                                            "a,",
                                            "word ",
                                            "\"\\\\\"",
                                            "a@b,",
                                            "\"\\\\\" ",
                                            "a.",
                                            ".",
                                            "a@b ",
                                            "g:;,",
                                            "x <a@b>,",
                                            "(a)",
                                            "\"a\"b",
                                            "=?u?q?a ",
                                            "@",
                                            "a@[x\\]",
                                            "<@a,",
                                            "\r\n ",
                                            "()",
                                            "=?utf-8?q?a?= ",
                                            "\xE3\x81\x82 ",
                                            "\"\xE3\x81\x82\" <a@b>,",
                                            "g: a@b",
                                            NULL};

static void addresses_read(void) {
  check_linear(read_addresses, worst_units, MEGABYTE);
  check_linear(read_addresses, address_units, SOME);
}

static void addresses_written(void) {
  check_linear(write_addresses, address_units, SOME);
}

static void texts_written(void) {
  static const char *const units[] = {
      "a", "a ", " ", "=?", "=?a?q?x?= ", "\t", "=?=", "\xE3\x81\x82", "?=", "a\xE3\x81\x82 ",
      NULL};
  check_linear(write_text, units, SOME);
  check_linear(write_ready, units, SOME);
}

static void words_read(void) {
  static const char *const units[] = {
      "=?utf-8?q?a?= ", "=?utf-8?b?YQ==?=", "=?", "=?u?q?a ", "?=", " ",
      "=?utf-8?b?",     "=?x?q?a?= ",       "=",  NULL};
  check_linear(read_words, units, SOME);
}

static void parameters(void) {
  static const char *const values[] = {"a", "\"", "\xE3\x81\x82", "=?", "a ", "'", NULL};
  static const char *const lists[] = {"; a=b",        "; a=\"b\"", "; a=\"\\\"", ";",
                                      "; boundary=b", " ",         NULL};
  check_linear(write_parameter, values, SOME);
  check_linear(read_parameters, lists, SOME);
}

static void sections(void) {
  static const char *const units[] = {
      "A: b\r\n", "A: b\n c\n", "A:\r\n\tb\r\n c\r\n", "a", "A:", "\r", "\n", " \r\n", NULL};
  check_linear(read_section, units, SOME);
}

static void contents(void) {
  static const char *const units[] = {"a",    "\r",     "\n", "From \n", ".\r\n", "\xE3\x81\x82",
                                      "\xE3", "--=_\n", " ",  "=",       "\x1B",  NULL};
  check_linear(scan_content, units, SOME);
}

static const check_case cases[] = {
    {"addresses are read in linear steps", addresses_read},
    {"addresses are written in linear steps", addresses_written},
    {"texts are written in linear steps", texts_written},
    {"encoded words are read in linear steps", words_read},
    {"parameters are written and read in linear steps", parameters},
    {"header sections are read in linear steps", sections},
    {"content is looked through in linear steps", contents},
};

CHECK_MAIN("linear", cases)
