/* SPDX-License-Identifier: MIT */
#include "address/idna.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"

typedef ettm_status (*convert_fn)(ettm_buffer *out, ettm_str domain);

/* Converts a copy that ends at an unreadable page, behind something that is in the buffer. */
static void check_convert(convert_fn convert, ettm_str in, ettm_status status, ettm_str wanted,
                          int line) {
  ettm_buffer out;
  ettm_str got;
  ettm_buffer_init(&out, NULL, 4096);
  CHECK_INT(ettm_buffer_append(&out, ETTM_LIT("x ")), ETTM_OK);
  check_int(convert(&out, check_guarded(in)), status, "the status", __FILE__, line);
  got = ettm_buffer_view(&out);
  check_str(ettm_str_of(got.p, 2), ETTM_LIT("x "), "what was there", __FILE__, line);
  check_str(ettm_str_of(got.p + 2, got.n - 2), wanted, "the domain", __FILE__, line);
  ettm_buffer_clear(&out);
}

#define ASCII(in, wanted)                                                                          \
  check_convert(ettm_idna_to_ascii, ETTM_LIT(in), ETTM_OK, ETTM_LIT(wanted), __LINE__)
#define NO_ASCII(in, status)                                                                       \
  check_convert(ettm_idna_to_ascii, ETTM_LIT(in), (status), ETTM_LIT(""), __LINE__)
#define UNICODE(in, wanted)                                                                        \
  check_convert(ettm_idna_to_unicode, ETTM_LIT(in), ETTM_OK, ETTM_LIT(wanted), __LINE__)
#define NO_UNICODE(in, status)                                                                     \
  check_convert(ettm_idna_to_unicode, ETTM_LIT(in), (status), ETTM_LIT(""), __LINE__)

static void copies_ascii_in_lower_case(void) {
  ASCII("Example.COM", "example.com");
  ASCII("", "");
  ASCII("XN--R8JZ45G.jp", "xn--r8jz45g.jp");
  UNICODE("Example.COM", "example.com");
}

static void refuses_what_is_longer_than_a_domain(void) {
  static char text[60000];
  ettm_buffer out;
  clock_t start = clock();
  ettm_buffer_init(&out, NULL, 100000);
  memset(text, 'a', sizeof text);
  CHECK_INT(ettm_idna_to_ascii(&out, ettm_str_of(text, 256)), ETTM_E_LIMIT);
  CHECK_INT(ettm_idna_to_ascii(&out, ettm_str_of(text, 255)), ETTM_OK);
  CHECK_INT(ettm_idna_to_ascii(&out, ettm_str_of(text, sizeof text)), ETTM_E_LIMIT);
  memcpy(text, "\xC3\xBC", 2);
  CHECK_INT(ettm_idna_to_ascii(&out, ettm_str_of(text, sizeof text)), ETTM_E_LIMIT);
  CHECK_INT(ettm_idna_to_unicode(&out, ettm_str_of(text, sizeof text)), ETTM_E_LIMIT);
  CHECK(clock() - start < CLOCKS_PER_SEC / 10);
  CHECK_INT(ettm_buffer_size(&out), 255);
  ettm_buffer_clear(&out);
}

static void refuses_bad_utf8(void) {
  NO_ASCII("\xFF.com", ETTM_E_UTF8);
  NO_UNICODE("\xC3.com", ETTM_E_UTF8);
}

#ifdef ETTM_IDN2

static void makes_a_labels(void) {
  CHECK_INT(ettm_idna_available(), 1);
  ASCII("例え.jp", "xn--r8jz45g.jp");
  ASCII("bücher.example", "xn--bcher-kva.example");
  ASCII("日本語。ｊｐ", "xn--wgv71a119e.jp");
}

static void maps_as_uts_46_says(void) {
  ASCII("compa\xC2\xADny.com", "company.com");
  ASCII("straße.de", "xn--strae-oqa.de");
  ASCII("ΒΌΛΟΣ.com", "xn--nxasmq6b.com");
  ASCII("βόλος.com", "xn--nxasmm1c.com");
  ASCII("BÜCHER.Example", "xn--bcher-kva.example");
}

static void is_no_url_parser(void) {
  NO_ASCII("ü.example/mail.corp.example", ETTM_E_DOMAIN);
  NO_ASCII("ü\\x.com", ETTM_E_DOMAIN);
  NO_ASCII("ü?x.com", ETTM_E_DOMAIN);
  NO_ASCII("ü#x.com", ETTM_E_DOMAIN);
  NO_ASCII("ü%41.com", ETTM_E_DOMAIN);
  NO_ASCII("ü@evil.com", ETTM_E_DOMAIN);
  NO_ASCII("ü x.com", ETTM_E_DOMAIN);
  NO_ASCII("ü_x.com", ETTM_E_DOMAIN);
}

static void refuses_look_alikes_of_what_is_no_letter(void) {
  NO_ASCII("evil.com／x.example", ETTM_E_DOMAIN);
  NO_ASCII("a＠b.com", ETTM_E_DOMAIN);
  NO_ASCII("a\xC2\xA0.com", ETTM_E_DOMAIN);
  NO_ASCII("℀.com", ETTM_E_DOMAIN);
  NO_ASCII("x\xEF\xBC\x9A"
           "25.com",
           ETTM_E_DOMAIN);
}

static void refuses_control_characters(void) {
  NO_ASCII("ü\0.com", ETTM_E_DOMAIN);
  NO_ASCII("ü.com\0.evil", ETTM_E_DOMAIN);
  NO_ASCII("ü\r\n.com", ETTM_E_DOMAIN);
  NO_UNICODE("xn--r8jz45g.jp\0x", ETTM_E_DOMAIN);
}

/* What the mapping makes nothing of, and the full stops that it makes dots of. */
static void refuses_labels_that_come_to_nothing(void) {
  NO_ASCII("4\xC2\xAD.\xC2\xAD", ETTM_E_DOMAIN);
  NO_ASCII("\xC2\xAD.com", ETTM_E_DOMAIN);
  NO_ASCII("\xC2\xAD", ETTM_E_DOMAIN);
  NO_ASCII("a.\xC2\xAD.com", ETTM_E_DOMAIN);
  NO_ASCII("\xE6\x97\xA5\xE3\x80\x82", ETTM_E_DOMAIN);
}

static void refuses_labels_that_have_no_a_label(void) {
  NO_ASCII("\xE2\x80\x8D.com", ETTM_E_DOMAIN);
  NO_ASCII("-ü.com", ETTM_E_DOMAIN);
  NO_ASCII("\xCC\x88"
           "a.com",
           ETTM_E_DOMAIN);
}

/* "ss" up to Unicode 15, a small sharp s from 15.1 on. */
static void maps_a_capital_sharp_s(void) {
  ettm_buffer out;
  ettm_str got;
  ettm_buffer_init(&out, NULL, 100);
  CHECK_INT(ettm_idna_to_ascii(&out, ETTM_LIT("straẞe.de")), ETTM_OK);
  got = ettm_buffer_view(&out);
  CHECK(ettm_str_equal(got, ETTM_LIT("strasse.de")) ||
        ettm_str_equal(got, ETTM_LIT("xn--strae-oqa.de")));
  ettm_buffer_clear(&out);
}

static void refuses_labels_that_get_too_long(void) {
  char text[1023];
  size_t i;
  for (i = 0; i < sizeof text; i += 3) {
    memcpy(text + i, "\xE3\x81", 2);
    text[i + 2] = (char)(0x81 + i % 50);
  }
  for (i = 180; i <= sizeof text; i += 3) {
    check_convert(ettm_idna_to_ascii, ettm_str_of(text, i), ETTM_E_LIMIT, ETTM_LIT(""), __LINE__);
  }
}

static void makes_u_labels(void) {
  UNICODE("xn--r8jz45g.jp", "例え.jp");
  UNICODE("XN--R8JZ45G.JP", "例え.jp");
  UNICODE("a.xn--bcher-kva.example", "a.bücher.example");
  UNICODE("BÜCHER.example", "bücher.example");
}

static void refuses_a_labels_that_stand_for_nothing(void) {
  NO_UNICODE("xn--a\x80.com", ETTM_E_UTF8);
  NO_UNICODE("xn--\xC3\xBC.com", ETTM_E_DOMAIN);
  NO_UNICODE("xn--abc-.com", ETTM_E_DOMAIN);
  NO_UNICODE("xn--99999999.com", ETTM_E_DOMAIN);
  NO_UNICODE("a.xn--", ETTM_E_DOMAIN);
}

static ettm_status convert_both_ways(check_heap *h, void *ud) {
  ettm_buffer out;
  ettm_buffer back;
  ettm_status status;
  (void)ud;
  ettm_buffer_init(&out, &h->alloc, 4096);
  ettm_buffer_init(&back, &h->alloc, 4096);
  status = ettm_idna_to_ascii(&out, ETTM_LIT("例え.jp"));
  if (status == ETTM_OK) {
    status = ettm_idna_to_unicode(&back, ettm_buffer_view(&out));
  }
  ettm_buffer_clear(&out);
  ettm_buffer_clear(&back);
  return status;
}

static void survives_every_failed_allocation(void) {
  check_every_failure(convert_both_ways, NULL);
}

static const check_case cases[] = {
    {"copies ASCII in lower case", copies_ascii_in_lower_case},
    {"refuses at once what is longer than a domain", refuses_what_is_longer_than_a_domain},
    {"refuses bad UTF-8", refuses_bad_utf8},
    {"makes A-labels", makes_a_labels},
    {"maps as UTS 46 says", maps_as_uts_46_says},
    {"maps a capital sharp s", maps_a_capital_sharp_s},
    {"is no URL parser", is_no_url_parser},
    {"refuses look-alikes of what is no letter", refuses_look_alikes_of_what_is_no_letter},
    {"refuses control characters", refuses_control_characters},
    {"refuses labels that come to nothing", refuses_labels_that_come_to_nothing},
    {"refuses labels that have no A-label", refuses_labels_that_have_no_a_label},
    {"refuses labels that get too long", refuses_labels_that_get_too_long},
    {"makes U-labels", makes_u_labels},
    {"refuses A-labels that stand for nothing", refuses_a_labels_that_stand_for_nothing},
    {"survives every failed allocation", survives_every_failed_allocation},
};

#else

static void takes_ascii_only(void) {
  CHECK_INT(ettm_idna_available(), 0);
  NO_ASCII("例え.jp", ETTM_E_NO_IDNA);
  NO_UNICODE("例え.jp", ETTM_E_NO_IDNA);
  NO_UNICODE("a.Xn--r8jz45g.jp", ETTM_E_NO_IDNA);
  UNICODE("axn--b.xn-", "axn--b.xn-");
}

static const check_case cases[] = {
    {"copies ASCII in lower case", copies_ascii_in_lower_case},
    {"refuses at once what is longer than a domain", refuses_what_is_longer_than_a_domain},
    {"refuses bad UTF-8", refuses_bad_utf8},
    {"takes ASCII only without libidn2", takes_ascii_only},
};

#endif

CHECK_MAIN("idna", cases)
