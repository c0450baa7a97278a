/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <string.h>

#include "base/utf8.h"
#include "mime/message.h"

static ettm_content_facts scan(ettm_str content, size_t step) {
  ettm_content_scan s;
  ettm_content_facts facts;
  size_t at;
  ettm_content_scan_init(&s);
  for (at = 0; at < content.n; at += step) {
    size_t n = content.n - at < step ? content.n - at : step;
    ettm_content_scan_feed(&s, ettm_str_of(content.p + at, n));
  }
  ettm_content_scan_finish(&s, &facts);
  return facts;
}

/* The same in one piece and in small ones. */
static void check_lines(ettm_str content, uint64_t long_line, uint64_t bare_line,
                        uint64_t nul_line) {
  static const size_t steps[] = {1, 2, 3, 100000};
  size_t i;
  content = check_guarded(content);
  for (i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    ettm_content_facts facts = scan(content, steps[i]);
    CHECK_INT(facts.long_line, long_line);
    CHECK_INT(facts.bare_line, bare_line);
    CHECK_INT(facts.nul_line, nul_line);
  }
}

static void bare_lines(void) {
  check_lines(ETTM_LIT(""), 0, 0, 0);
  check_lines(ETTM_LIT("a\r\nb"), 0, 0, 0);
  check_lines(ETTM_LIT("a\nb\n"), 0, 1, 0);
  check_lines(ETTM_LIT("a\r\nb\rc\r\n"), 0, 2, 0);
  check_lines(ETTM_LIT("a\r\n\r\nb\r"), 0, 3, 0);
  check_lines(ETTM_LIT("a\r\n\r\r\n"), 0, 2, 0);
  check_lines(ETTM_LIT("\r\n\n"), 0, 2, 0);
}

static void nul_lines(void) {
  check_lines(ETTM_LIT("a\0b\r\n\0"), 0, 0, 1);
  check_lines(ETTM_LIT("a\r\nlonger line\0"), 0, 0, 2);
  check_lines(ETTM_LIT("a\r\0"), 0, 1, 2);
}

/* Where an octet above 127 stands, and where a header section ends. */
static void check_section(ettm_str content, uint64_t high_line, uint64_t empty_line) {
  static const size_t steps[] = {1, 2, 9, 100000};
  size_t i;
  content = check_guarded(content);
  for (i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    ettm_content_facts facts = scan(content, steps[i]);
    CHECK_INT(facts.high_line, high_line);
    CHECK_INT(facts.empty_line, empty_line);
  }
}

static void section_lines(void) {
  check_section(ETTM_LIT(""), 0, 0);
  check_section(ETTM_LIT("A: b"), 0, 0);
  check_section(ETTM_LIT("A: b\r\n\r\nc\r\n\r\n"), 0, 2);
  check_section(ETTM_LIT("\nA: b\n\n"), 0, 1);
  check_section(ETTM_LIT("A: b\r\rc"), 0, 2);
  check_section(ETTM_LIT("A: \xC3\xA4\r\nB: c\r\n\r\n\xC3"), 1, 3);
  check_section(ETTM_LIT("A: b\r\nLonger-Name: and text \xC3\xA4, of some octets\r\n"), 2, 0);
  check_section(ETTM_LIT("A: b\r\n\r\nlong enough text with an \xC3\xA4 in it"), 3, 2);
}

static void long_lines(void) {
  static char text[3000];
  memset(text, 'x', sizeof text);
  memcpy(text + 998, "\r\n", 2);
  check_lines(ettm_str_of(text, 1000 + 998), 0, 0, 0);
  check_lines(ettm_str_of(text, 1000 + 999), 2, 0, 0);
  memcpy(text + 1999, "\r\n", 2);
  check_lines(ettm_str_of(text, sizeof text), 2, 0, 0);
}

static void utf8(void) {
  static const char *const texts[] = {"",
                                      "ascii only, and more of it than eight octets",
                                      "\xC3\xA4",
                                      "\xC3",
                                      "a\xC3\xA4z\xE6\x97\xA5\xF0\x9F\x98\x80",
                                      "\xE6\x97",
                                      "\xF0\x9F\x98",
                                      "\xF0\x9F\x98\x80\x80",
                                      "\xC3\x28",
                                      "\xC3\xC3\xA4",
                                      "\xED\xA0\x80",
                                      "\xC0\xAF",
                                      "\xF4\x90\x80\x80",
                                      "\x80",
                                      "\xE6\x97z\xA5",
                                      "\xFF\xFE"};
  size_t i, step;
  for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    ettm_str text = check_guarded(ettm_str_of(texts[i], strlen(texts[i])));
    for (step = 1; step <= text.n + 1; step++) {
      CHECK_INT(scan(text, step).not_utf8, !ettm_utf8_valid(text));
    }
  }
}

/* Text with characters of all lengths, cut at every place, with each octet damaged in turn. */
static void damaged_utf8(void) {
  char text[] = "a\xC3\xA4\xE6\x97\xA5\xF0\x9F\x98\x80z\xC2\xB1";
  size_t i, step;
  for (i = 0; i + 1 < sizeof text; i++) {
    unsigned value;
    char was = text[i];
    for (value = 0; value < 256; value++) {
      ettm_str damaged;
      text[i] = (char)(unsigned char)value;
      damaged = ettm_str_of(text, sizeof text - 1);
      for (step = 1; step <= 5; step++) {
        CHECK_INT(scan(damaged, step).not_utf8, !ettm_utf8_valid(damaged));
      }
    }
    text[i] = was;
  }
}

static ettm_status add(ettm_str content, int allow_8bit, int *needs_8bit) {
  ettm_message *m = NULL;
  ettm_leaf leaf;
  ettm_seal seal;
  ettm_part part;
  ettm_status status;
  memset(&leaf, 0, sizeof leaf);
  memset(&seal, 0, sizeof seal);
  leaf.is_text = 1;
  leaf.allow_8bit = allow_8bit;
  seal.entropy = ETTM_LIT("0123456789abcdef0123456789abcdef");
  CHECK_INT(ettm_message_new(&m, NULL), ETTM_OK);
  CHECK_INT(ettm_headers_add_addresses(ettm_message_headers(m), ETTM_LIT("From"),
                                       ETTM_LIT("a@x.example")),
            ETTM_OK);
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, content, &part), ETTM_OK);
  status = ettm_message_seal(m, &seal);
  *needs_8bit = ettm_message_needs_8bit(m);
  ettm_message_release(m);
  return status;
}

static void eight_bit(void) {
  static char line[1000];
  static const struct {
    const char *text;
    int is_8bit;
  } texts[] = {{"\xC3\xA4\n", 1},   {"plain\n", 0},       {"\xC3\xA4 \n", 0},
               {"\xC3\xA4\r", 0},   {".\xC3\xA4\n", 0},   {"From \xC3\xA4\n", 0},
               {"\xC3\xA4\n\n", 1}, {"\xC3\xA4\x01\n", 0}};
  int needs_8bit;
  size_t i;
  for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    ettm_str text = ettm_str_of(texts[i].text, strlen(texts[i].text));
    CHECK_INT(add(text, 0, &needs_8bit), ETTM_OK);
    CHECK_INT(needs_8bit, 0);
    CHECK_INT(add(text, 1, &needs_8bit), ETTM_OK);
    CHECK_INT(needs_8bit, texts[i].is_8bit);
  }
  memset(line, 'x', sizeof line);
  memcpy(line, "\xC3\xA4", 2);
  CHECK_INT(add(ettm_str_of(line, 998), 1, &needs_8bit), ETTM_OK);
  CHECK_INT(needs_8bit, 1);
  CHECK_INT(add(ettm_str_of(line, 999), 1, &needs_8bit), ETTM_OK);
  CHECK_INT(needs_8bit, 0);
}

/* A look at the whole finds the same, but for a qp_size that is above base64's in both or is not
 * asked for. */
static void looks(void) {
  static const char *const texts[] = {
      "",
      "a\n",
      "a \n",
      "caf\xC3\xA9 au lait, and then some more\n",
      "\xE3\x81\x82\xE3\x81\x84\n",
      ".\n",
      "\x1B(B\r\r\n",
      "\xE3\x81\x82 and quite some ASCII behind it, and more of it"};
  size_t i;
  for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    ettm_str text = ettm_str_of(texts[i], strlen(texts[i]));
    ettm_content_facts seen = scan(text, 1), looked;
    uint64_t base64_size = ettm_base64_size(seen.crlf_size, ETTM_BASE64_LINE);
    ettm_content_look(check_guarded(text), &looked);
    if (looked.qp_size != seen.qp_size) {
      CHECK(looked.qp_size < seen.qp_size);
      CHECK(looked.qp_size > base64_size || (seen.high == 0 && !seen.fragile && !seen.shifts));
    }
    CHECK_INT(looked.size, seen.size);
    CHECK_INT(looked.crlf_size, seen.crlf_size);
    CHECK_INT(looked.high, seen.high);
    CHECK_INT(looked.longest, seen.longest);
    CHECK_INT(looked.fragile, seen.fragile);
    CHECK_INT(looked.open_end, seen.open_end);
    CHECK_INT(looked.not_utf8, seen.not_utf8);
    CHECK_INT(looked.bare_line, seen.bare_line);
  }
}

/* What is known of external content is held against its label. */
static void external_checks(void) {
  static const struct {
    const char *type;
    const char *content;
    ettm_status status;
  } kinds[] = {{"text/plain", "\xC3\xA4", ETTM_OK},
               {"text/plain", "\xFF", ETTM_E_UTF8},
               {"text/plain; charset=\"us-ascii\"", "\xC3\xA4", ETTM_E_UTF8},
               {"text/plain; charset=iso-8859-1", "\xFF", ETTM_OK},
               {"application/x", "\xFF", ETTM_OK},
               {"message/rfc822", "\xFF", ETTM_OK}};
  size_t i;
  for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    ettm_message *m = NULL;
    ettm_leaf leaf;
    ettm_part part;
    ettm_str content = ettm_str_of(kinds[i].content, strlen(kinds[i].content));
    ettm_content_facts facts = scan(content, 1);
    memset(&leaf, 0, sizeof leaf);
    leaf.is_text = 1;
    leaf.type = ettm_str_of(kinds[i].type, strlen(kinds[i].type));
    CHECK_INT(ettm_message_new(&m, NULL), ETTM_OK);
    CHECK_INT(ettm_message_add_external(m, 0, &leaf, facts.size, &facts, &part), kinds[i].status);
    ettm_message_release(m);
  }
}

static const check_case cases[] = {
    {"finds the first line that ends with a CR or an LF alone", bare_lines},
    {"finds the first line above ASCII, and the end of a header section", section_lines},
    {"finds the first line with a NUL", nul_lines},
    {"finds the first line above 998 octets", long_lines},
    {"knows UTF-8 however it is cut", utf8},
    {"agrees with the validator on every damaged octet, however it is cut", damaged_utf8},
    {"lets text go as 8bit only where it may, and its lines allow that", eight_bit},
    {"finds the same in one look as in a scan", looks},
    {"checks external text by what is known of it", external_checks},
};

CHECK_MAIN("content_scan", cases)
