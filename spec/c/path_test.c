/* SPDX-License-Identifier: MIT */
#include "address/path.h"

#include <string.h>

#include "address/idna.h"
#include "check.h"

enum { ASCII = 0, UTF8 = 1 };

static void check_out(ettm_buffer *out, ettm_status got, ettm_status wanted, ettm_str text,
                      int line) {
  ettm_str view = ettm_buffer_view(out);
  check_int(got, wanted, "the status", __FILE__, line);
  check_str(ettm_str_of(view.p, 1), ETTM_LIT("<"), "what was there", __FILE__, line);
  check_str(ettm_str_of(view.p + 1, view.n - 1), text, "the path", __FILE__, line);
  ettm_buffer_clear(out);
}

static void check_append(ettm_str local, ettm_str domain, int utf8, ettm_status status,
                         ettm_str wanted, int line) {
  ettm_buffer out;
  ettm_buffer_init(&out, NULL, 4096);
  CHECK_INT(ettm_buffer_append_char(&out, '<'), ETTM_OK);
  check_out(&out, ettm_path_append(&out, check_guarded(local), check_guarded(domain), utf8), status,
            wanted, line);
}

static void check_text(ettm_str text, int utf8, int postmaster, ettm_status status, ettm_str wanted,
                       int line) {
  ettm_buffer out;
  ettm_buffer_init(&out, NULL, 4096);
  CHECK_INT(ettm_buffer_append_char(&out, '<'), ETTM_OK);
  check_out(&out, ettm_path_from_text(&out, check_guarded(text), utf8, postmaster), status, wanted,
            line);
}

#define PATH(local, domain, utf8, wanted)                                                          \
  check_append(ETTM_LIT(local), ETTM_LIT(domain), (utf8), ETTM_OK, ETTM_LIT(wanted), __LINE__)
#define NO_PATH(local, domain, utf8, status)                                                       \
  check_append(ETTM_LIT(local), ETTM_LIT(domain), (utf8), (status), ETTM_LIT(""), __LINE__)
#define TEXT(text, utf8, wanted)                                                                   \
  check_text(ETTM_LIT(text), (utf8), 0, ETTM_OK, ETTM_LIT(wanted), __LINE__)
#define NO_TEXT(text, utf8, status)                                                                \
  check_text(ETTM_LIT(text), (utf8), 0, (status), ETTM_LIT(""), __LINE__)
#define DOMAIN_IS(domain, status)                                                                  \
  CHECK_INT(ettm_path_check_domain(check_guarded(ETTM_LIT(domain))), (status))

static void writes_a_dot_string_as_it_is(void) {
  PATH("a", "localhost", ASCII, "a@localhost");
  PATH("First.Last+tag", "Sub.Example.COM", ASCII, "First.Last+tag@Sub.Example.COM");
  PATH("a!#$%&'*+-/=?^_`{|}~", "1and1.com", ASCII, "a!#$%&'*+-/=?^_`{|}~@1and1.com");
}

static void quotes_as_little_as_it_can(void) {
  PATH("a b", "x.com", ASCII, "\"a b\"@x.com");
  PATH("", "x.com", ASCII, "\"\"@x.com");
  PATH("a\"b\\c", "x.com", ASCII, "\"a\\\"b\\\\c\"@x.com");
  PATH("user@evil.com", "good.com", ASCII, "\"user@evil.com\"@good.com");
  PATH("a>,;:()[]<b", "x.com", ASCII, "\"a>,;:()[]<b\"@x.com");
  PATH("foo..bar", "docomo.ne.jp", ASCII, "\"foo..bar\"@docomo.ne.jp");
  PATH("foo.", "ezweb.ne.jp", ASCII, "\"foo.\"@ezweb.ne.jp");
  PATH(".foo", "ezweb.ne.jp", ASCII, "\".foo\"@ezweb.ne.jp");
}

static void refuses_control_characters(void) {
  NO_PATH("a\r\nDATA", "x.com", ASCII, ETTM_E_UNSAFE);
  NO_PATH("a\0", "x.com", ASCII, ETTM_E_UNSAFE);
  NO_PATH("a\tb", "x.com", ASCII, ETTM_E_UNSAFE);
  NO_PATH("a\x7F", "x.com", UTF8, ETTM_E_UNSAFE);
  NO_PATH("a", "x.com\r\nRCPT", ASCII, ETTM_E_UNSAFE);
  NO_PATH("a", "例え\n.jp", UTF8, ETTM_E_UNSAFE);
  NO_PATH("a", "x\0.com", ASCII, ETTM_E_UNSAFE);
  NO_TEXT("\"a\tb\"@x.com", ASCII, ETTM_E_UNSAFE);
}

static void takes_ldh_labels_only(void) {
  NO_PATH("a", "", ASCII, ETTM_E_DOMAIN);
  NO_PATH("a", ".", ASCII, ETTM_E_DOMAIN);
  NO_PATH("a", "x.com.", ASCII, ETTM_E_DOMAIN);
  NO_PATH("a", ".x.com", ASCII, ETTM_E_DOMAIN);
  NO_PATH("a", "x..com", ASCII, ETTM_E_DOMAIN);
  NO_PATH("a", "x_y.com", ASCII, ETTM_E_DOMAIN);
  NO_PATH("a", "-x.com", ASCII, ETTM_E_DOMAIN);
  NO_PATH("a", "x-.com", ASCII, ETTM_E_DOMAIN);
  NO_PATH("a", "x.com> SIZE=1", ASCII, ETTM_E_DOMAIN);
  NO_PATH("a", "x@y", ASCII, ETTM_E_DOMAIN);
  NO_PATH("a", "x.com/mail", ASCII, ETTM_E_DOMAIN);
  PATH("a", "x--y.c-d", ASCII, "a@x--y.c-d");
}

static void fill(char *text, size_t n) {
  memset(text, 'a', n);
}

static ettm_status try_sizes(size_t local, size_t label, size_t domain) {
  char text[600];
  char name[600];
  ettm_buffer out;
  ettm_status status;
  size_t i;
  fill(text, local);
  fill(name, domain);
  for (i = label; i < domain; i += label + 1) {
    name[i] = '.';
  }
  ettm_buffer_init(&out, NULL, 4096);
  status = ettm_path_append(&out, ettm_str_of(text, local), ettm_str_of(name, domain), 0);
  CHECK_INT(ettm_buffer_size(&out), status == ETTM_OK ? local + 1 + domain : 0);
  ettm_buffer_clear(&out);
  return status;
}

static void keeps_the_limits(void) {
  CHECK_INT(try_sizes(64, 60, 100), ETTM_OK);
  CHECK_INT(try_sizes(65, 60, 100), ETTM_E_LIMIT);
  CHECK_INT(try_sizes(1, 63, 100), ETTM_OK);
  CHECK_INT(try_sizes(1, 64, 100), ETTM_E_LIMIT);
  CHECK_INT(try_sizes(64, 60, 189), ETTM_OK);
  CHECK_INT(try_sizes(64, 60, 190), ETTM_E_LIMIT);
  CHECK_INT(try_sizes(1, 60, 252), ETTM_OK);
  CHECK_INT(try_sizes(1, 60, 253), ETTM_E_LIMIT);
  CHECK_INT(try_sizes(1, 60, 500), ETTM_E_LIMIT);
}

static void counts_quotes_as_part_of_the_local_part(void) {
  char local[64];
  ettm_buffer out;
  fill(local, sizeof local);
  local[1] = ' ';
  ettm_buffer_init(&out, NULL, 4096);
  CHECK_INT(ettm_path_append(&out, ettm_str_of(local, 63), ETTM_LIT("x"), 0), ETTM_E_LIMIT);
  CHECK_INT(ettm_buffer_size(&out), 0);
  CHECK_INT(ettm_path_append(&out, ettm_str_of(local, 62), ETTM_LIT("x"), 0), ETTM_OK);
  CHECK_INT(ettm_buffer_size(&out), 66);
  ettm_buffer_clear(&out);
}

static void checks_a_domain_by_the_same_limits(void) {
  char text[256];
  size_t i;
  fill(text, sizeof text);
  for (i = 50; i < sizeof text; i += 51) {
    text[i] = '.';
  }
  CHECK_INT(ettm_path_check_domain(ettm_str_of(text, 254)), ETTM_OK);
  text[254] = 'a';
  CHECK_INT(ettm_path_check_domain(ettm_str_of(text, 255)), ETTM_OK);
  CHECK_INT(ettm_path_check_domain(ettm_str_of(text, 256)), ETTM_E_LIMIT);
  DOMAIN_IS("mail.example.com", ETTM_OK);
  DOMAIN_IS("localhost", ETTM_OK);
  DOMAIN_IS("", ETTM_E_DOMAIN);
  DOMAIN_IS("a b", ETTM_E_DOMAIN);
  DOMAIN_IS("a\r\nb", ETTM_E_UNSAFE);
  DOMAIN_IS("例え.jp", ETTM_E_DOMAIN);
}

static void takes_ipv4_literals(void) {
  DOMAIN_IS("[192.0.2.1]", ETTM_OK);
  DOMAIN_IS("[0.0.0.0]", ETTM_OK);
  DOMAIN_IS("[255.255.255.255]", ETTM_OK);
  DOMAIN_IS("[1.2.3.256]", ETTM_E_DOMAIN);
  DOMAIN_IS("[1.2.3]", ETTM_E_DOMAIN);
  DOMAIN_IS("[1.2.3.]", ETTM_E_DOMAIN);
  DOMAIN_IS("[1.2.3.4.5]", ETTM_E_DOMAIN);
  DOMAIN_IS("[1.2.3.0004]", ETTM_E_DOMAIN);
  DOMAIN_IS("[1.2.3.4 ]", ETTM_E_DOMAIN);
  DOMAIN_IS("[1.2.3.4", ETTM_E_DOMAIN);
  DOMAIN_IS("[1.2.3.4]x", ETTM_E_DOMAIN);
  DOMAIN_IS("[", ETTM_E_DOMAIN);
  DOMAIN_IS("[]", ETTM_E_DOMAIN);
  DOMAIN_IS("[example.com]", ETTM_E_DOMAIN);
}

static void takes_ipv6_literals(void) {
  DOMAIN_IS("[IPv6:2001:db8:0:1:2:3:4:5]", ETTM_OK);
  DOMAIN_IS("[ipv6:ABCD:ef01:2345:6789:ABCD:ef01:2345:6789]", ETTM_OK);
  DOMAIN_IS("[IPv6:::]", ETTM_OK);
  DOMAIN_IS("[IPv6:::1]", ETTM_OK);
  DOMAIN_IS("[IPv6:1::]", ETTM_OK);
  DOMAIN_IS("[IPv6:2001:db8::1]", ETTM_OK);
  DOMAIN_IS("[IPv6:1:2:3:4:5:6::]", ETTM_OK);
  DOMAIN_IS("[IPv6:::3:4:5:6:7:8]", ETTM_OK);
  DOMAIN_IS("[IPv6:1:2:3:4:5:6:192.0.2.1]", ETTM_OK);
  DOMAIN_IS("[IPv6:::ffff:192.0.2.1]", ETTM_OK);
  DOMAIN_IS("[IPv6:1:2:3:4::192.0.2.1]", ETTM_OK);
  DOMAIN_IS("[IPv6:::192.0.2.1]", ETTM_OK);
}

static void refuses_broken_ipv6_literals(void) {
  DOMAIN_IS("[2001:db8::1]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6::]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:::::]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:1::2::3]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:1:2:3:4:5:6:7::]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:::2:3:4:5:6:7:8]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:1:2:3:4:5:6:7]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:1:2:3:4:5:6:7:8:9]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:1:2:3:4:5:6:7:8:]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:12345::1]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:g::1]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:1:::2]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:fe80::1%eth0]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:1:2:3:4:5::192.0.2.1]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:1:2:3:4:5:6:7:192.0.2.1]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:192.0.2.1::1]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv6:::1.2.3.4.5]", ETTM_E_DOMAIN);
}

static void knows_no_other_tag(void) {
  DOMAIN_IS("[x400:c=jp]", ETTM_E_DOMAIN);
  DOMAIN_IS("[IPv4:1.2.3.4]", ETTM_E_DOMAIN);
  NO_TEXT("a@[x@evil.com]", ASCII, ETTM_E_DOMAIN);
}

static void writes_literals_with_their_brackets(void) {
  PATH("a", "[192.0.2.1]", ASCII, "a@[192.0.2.1]");
  PATH("用", "[IPv6:::1]", UTF8, "用@[IPv6:::1]");
  TEXT("a@[192.0 .2.1]", ASCII, "a@[192.0.2.1]");
}

static void needs_smtputf8_for_a_local_part_only(void) {
  NO_PATH("用户", "x.com", ASCII, ETTM_E_NEEDS_SMTPUTF8);
  PATH("用户", "x.com", UTF8, "用户@x.com");
  PATH("用 户", "x.com", UTF8, "\"用 户\"@x.com");
  NO_PATH("\xFF", "x.com", UTF8, ETTM_E_UTF8);
  NO_PATH("\xFF", "x.com", ASCII, ETTM_E_UTF8);
  NO_PATH("a", "\xFF.com", UTF8, ETTM_E_UTF8);
}

#ifdef ETTM_IDN2

static void writes_domains_as_a_labels(void) {
  PATH("a", "例え.jp", ASCII, "a@xn--r8jz45g.jp");
  PATH("a", "BÜCHER.Example", ASCII, "a@xn--bcher-kva.example");
  NO_PATH("a", "ü_x.com", ASCII, ETTM_E_DOMAIN);
  NO_PATH("a", "ü..com", ASCII, ETTM_E_DOMAIN);
  NO_PATH("a", "ü\xC2\xA0.com", ASCII, ETTM_E_DOMAIN);
  NO_TEXT("user@victim.example\xC2\xA0.allowed.example", ASCII, ETTM_E_DOMAIN);
  NO_PATH("a", "[ü]", ASCII, ETTM_E_DOMAIN);
}

static void writes_domains_as_u_labels_with_smtputf8(void) {
  PATH("a", "例え.jp", UTF8, "a@例え.jp");
  PATH("a", "BÜCHER.Example", UTF8, "a@bücher.example");
  PATH("a", "compa\xC2\xADny.com", UTF8, "a@company.com");
  PATH("a", "xn--r8jz45g.jp", UTF8, "a@xn--r8jz45g.jp");
  PATH("j\xC3\xB6", "xn--exmple-cua.com", UTF8, "jö@exämple.com");
  PATH("j\xC3\xB6", "xn--99999999.com", UTF8, "jö@xn--99999999.com");
  PATH("j\xC3\xB6", "Plain.Example", UTF8, "jö@plain.example");
  NO_PATH("a", "ü_x.com", UTF8, ETTM_E_DOMAIN);
}

#else

static void writes_domains_as_a_labels(void) {
  NO_PATH("a", "例え.jp", ASCII, ETTM_E_NO_IDNA);
}

static void writes_domains_as_u_labels_with_smtputf8(void) {
  NO_PATH("a", "例え.jp", UTF8, ETTM_E_NO_IDNA);
  PATH("j\xC3\xB6", "xn--exmple-cua.com", UTF8, "jö@xn--exmple-cua.com");
}

#endif

static void reads_one_addr_spec(void) {
  TEXT("a@b", ASCII, "a@b");
  TEXT(" \"a b\".c (x) @ b . com", ASCII, "\"a b.c\"@b.com");
  TEXT("\"\\a\\d\\a\"@x", ASCII, "ada@x");
  NO_TEXT("", ASCII, ETTM_E_ADDRESS);
  NO_TEXT("a", ASCII, ETTM_E_ADDRESS);
  NO_TEXT("<a@b>", ASCII, ETTM_E_ADDRESS);
  NO_TEXT("A <a@b>", ASCII, ETTM_E_ADDRESS);
  NO_TEXT("a@b, c@d", ASCII, ETTM_E_ADDRESS);
  NO_TEXT("G: a@b;", ASCII, ETTM_E_ADDRESS);
  NO_TEXT("@r:a@b", ASCII, ETTM_E_ADDRESS);
  NO_TEXT("a@b> SIZE=1", ASCII, ETTM_E_ADDRESS);
  NO_TEXT("a@b\r\n", ASCII, ETTM_E_UNSAFE);
  NO_TEXT("a\xFF@b", ASCII, ETTM_E_UTF8);
}

static void reads_carriers_addresses(void) {
  TEXT("foo..bar@docomo.ne.jp", ASCII, "\"foo..bar\"@docomo.ne.jp");
  TEXT("foo.@ezweb.ne.jp", ASCII, "\"foo.\"@ezweb.ne.jp");
  TEXT(".foo@docomo.ne.jp", ASCII, "\".foo\"@docomo.ne.jp");
  NO_TEXT("foo.@example.com", ASCII, ETTM_E_ADDRESS);
}

static void takes_a_bare_postmaster_if_asked(void) {
  check_text(ETTM_LIT("postmaster"), 0, 1, ETTM_OK, ETTM_LIT("postmaster"), __LINE__);
  check_text(ETTM_LIT("PostMaster"), 0, 1, ETTM_OK, ETTM_LIT("PostMaster"), __LINE__);
  check_text(ETTM_LIT("postmaster@x"), 0, 1, ETTM_OK, ETTM_LIT("postmaster@x"), __LINE__);
  check_text(ETTM_LIT("postmasters"), 0, 1, ETTM_E_ADDRESS, ETTM_LIT(""), __LINE__);
  check_text(ETTM_LIT(""), 0, 1, ETTM_E_ADDRESS, ETTM_LIT(""), __LINE__);
  NO_TEXT("postmaster", ASCII, ETTM_E_ADDRESS);
}

static void takes_views_of_nothing(void) {
  ettm_str none = ettm_str_of(NULL, 0);
  ettm_buffer out;
  ettm_buffer_init(&out, NULL, 100);
  CHECK_INT(ettm_path_check_domain(none), ETTM_E_DOMAIN);
  CHECK_INT(ettm_path_append(&out, none, none, 1), ETTM_E_DOMAIN);
  CHECK_INT(ettm_path_from_text(&out, none, 1, 1), ETTM_E_ADDRESS);
  CHECK_INT(ettm_idna_to_ascii(&out, none), ETTM_OK);
  CHECK_INT(ettm_idna_to_unicode(&out, none), ETTM_OK);
  CHECK_INT(ettm_buffer_size(&out), 0);
  CHECK_INT(ettm_path_append(&out, none, ETTM_LIT("x"), 0), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), ETTM_LIT("\"\"@x"));
  ettm_buffer_clear(&out);
}

static void reports_a_full_buffer(void) {
  ettm_buffer out;
  ettm_buffer_init(&out, NULL, 6);
  CHECK_INT(ettm_path_from_text(&out, ETTM_LIT("abc@def"), 0, 0), ETTM_E_LIMIT);
  CHECK_INT(ettm_buffer_size(&out), 0);
  CHECK_INT(ettm_path_from_text(&out, ETTM_LIT("ab@def"), 0, 0), ETTM_OK);
  ettm_buffer_clear(&out);
}

static ettm_status write_with(check_heap *h, void *ud) {
  ettm_buffer out;
  ettm_str domain = ettm_idna_available() ? ETTM_LIT("用户@例え.jp") : ETTM_LIT("用户@b.jp");
  ettm_status status = ETTM_OK;
  int i;
  (void)ud;
  ettm_buffer_init(&out, &h->alloc, 4096);
  for (i = 0; i < 40 && status == ETTM_OK; i++) {
    size_t size = ettm_buffer_size(&out);
    status = ettm_path_from_text(&out, domain, 1, 0);
    CHECK(status == ETTM_OK || ettm_buffer_size(&out) == size);
  }
  ettm_buffer_clear(&out);
  return status;
}

static void survives_every_failed_allocation(void) {
  check_every_failure(write_with, NULL);
}

static const check_case cases[] = {
    {"writes a dot-string as it is", writes_a_dot_string_as_it_is},
    {"quotes as little as it can", quotes_as_little_as_it_can},
    {"refuses control characters", refuses_control_characters},
    {"takes labels of letters, digits and hyphens only", takes_ldh_labels_only},
    {"keeps the limits of RFC 5321 4.5.3.1", keeps_the_limits},
    {"counts quotes as part of the local part", counts_quotes_as_part_of_the_local_part},
    {"checks a domain by the same limits", checks_a_domain_by_the_same_limits},
    {"takes IPv4 literals", takes_ipv4_literals},
    {"takes IPv6 literals", takes_ipv6_literals},
    {"refuses broken IPv6 literals", refuses_broken_ipv6_literals},
    {"knows no other tag of a literal", knows_no_other_tag},
    {"writes literals with their brackets", writes_literals_with_their_brackets},
    {"needs SMTPUTF8 for a local part only", needs_smtputf8_for_a_local_part_only},
    {"writes domains as A-labels", writes_domains_as_a_labels},
    {"writes domains as U-labels with SMTPUTF8", writes_domains_as_u_labels_with_smtputf8},
    {"reads one addr-spec", reads_one_addr_spec},
    {"reads the addresses that carriers gave out", reads_carriers_addresses},
    {"takes a bare postmaster if asked", takes_a_bare_postmaster_if_asked},
    {"takes views of nothing", takes_views_of_nothing},
    {"reports a full buffer", reports_a_full_buffer},
    {"survives every failed allocation", survives_every_failed_allocation},
};

CHECK_MAIN("path", cases)
