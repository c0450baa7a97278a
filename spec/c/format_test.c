/* SPDX-License-Identifier: MIT */
#include "address/format.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "address/address.h"
#include "address/idna.h"
#include "check.h"

#define UTF8 ETTM_FORMAT_UTF8

static void check_out(ettm_buffer *out, ettm_status got, ettm_status wanted, ettm_str text,
                      int line) {
  ettm_str view = ettm_buffer_view(out);
  check_int(got, wanted, "the status", __FILE__, line);
  check_str(ettm_str_of(view.p, 4), ETTM_LIT("To: "), "what was there", __FILE__, line);
  check_str(ettm_str_of(view.p + 4, view.n - 4), text, "the text", __FILE__, line);
  ettm_buffer_clear(out);
}

static void start(ettm_buffer *out) {
  ettm_buffer_init(out, NULL, 65536);
  CHECK_INT(ettm_buffer_append(out, ETTM_LIT("To: ")), ETTM_OK);
}

static void check_phrase(ettm_str name, unsigned flags, ettm_status status, ettm_str wanted,
                         int line) {
  ettm_buffer out;
  start(&out);
  check_out(&out, ettm_format_phrase(&out, check_guarded(name), flags), status, wanted, line);
}

static void check_local(ettm_str local, ettm_status status, ettm_str wanted, int line) {
  ettm_buffer out;
  start(&out);
  check_out(&out, ettm_format_local(&out, check_guarded(local)), status, wanted, line);
}

static void check_mailbox(const ettm_str parts[3], unsigned flags, ettm_status status,
                          ettm_str wanted, int line) {
  ettm_buffer out;
  start(&out);
  check_out(&out,
            ettm_format_mailbox(&out, check_guarded(parts[0]), check_guarded(parts[1]),
                                check_guarded(parts[2]), flags),
            status, wanted, line);
}

#define PHRASE(name, flags, wanted)                                                                \
  check_phrase(ETTM_LIT(name), (flags), ETTM_OK, ETTM_LIT(wanted), __LINE__)
#define NO_PHRASE(name, flags, status)                                                             \
  check_phrase(ETTM_LIT(name), (flags), (status), ETTM_LIT(""), __LINE__)
#define LOCAL(local, wanted)    check_local(ETTM_LIT(local), ETTM_OK, ETTM_LIT(wanted), __LINE__)
#define NO_LOCAL(local, status) check_local(ETTM_LIT(local), (status), ETTM_LIT(""), __LINE__)

static void mailbox(const char *name, const char *local, const char *domain, unsigned flags,
                    ettm_status status, const char *wanted, int line) {
  ettm_str parts[3];
  parts[0] = ettm_str_of(name, strlen(name));
  parts[1] = ettm_str_of(local, strlen(local));
  parts[2] = ettm_str_of(domain, strlen(domain));
  check_mailbox(parts, flags, status, ettm_str_of(wanted, strlen(wanted)), line);
}

#define MAILBOX(name, local, domain, flags, wanted)                                                \
  mailbox((name), (local), (domain), (flags), ETTM_OK, (wanted), __LINE__)
#define NO_MAILBOX(name, local, domain, flags, status)                                             \
  mailbox((name), (local), (domain), (flags), (status), "", __LINE__)

static void writes_atoms_as_they_are(void) {
  PHRASE("Ettsu", 0, "Ettsu");
  PHRASE("John Doe Jr", 0, "John Doe Jr");
  PHRASE("O'Neill & Sons", 0, "O'Neill & Sons");
  PHRASE("Who? a=b", 0, "Who? a=b");
}

static void quotes_what_atoms_cannot_hold(void) {
  PHRASE("Doe, John", 0, "\"Doe, John\"");
  PHRASE("J. Smith", 0, "\"J. Smith\"");
  PHRASE("a@b.com", 0, "\"a@b.com\"");
  PHRASE("say \"hi\" \\o/", 0, "\"say \\\"hi\\\" \\\\o/\"");
  PHRASE("a  b", 0, "\"a  b\"");
  PHRASE(" a", 0, "\" a\"");
  PHRASE("a ", 0, "\"a \"");
  PHRASE("a\tb", 0, "\"a\tb\"");
  PHRASE("", 0, "\"\"");
}

static void encodes_what_is_not_ascii(void) {
  PHRASE("エッツ", 0, "=?UTF-8?B?44Ko44OD44OE?=");
  PHRASE("エッツ", UTF8, "エッツ");
  PHRASE("エッツ, 山", UTF8, "\"エッツ, 山\"");
}

static int all_ascii(ettm_str s) {
  size_t i;
  for (i = 0; i < s.n; i++) {
    if ((unsigned char)s.p[i] > 126 || (unsigned char)s.p[i] < 32) {
      return 0;
    }
  }
  return 1;
}

static void hides_what_looks_like_an_encoded_word(void) {
  ettm_buffer out;
  ettm_buffer_init(&out, NULL, 1000);
  CHECK_INT(ettm_format_phrase(&out, ETTM_LIT("=?utf-8?Q?ok?="), 0), ETTM_OK);
  CHECK(!ettm_str_equal(ettm_buffer_view(&out), ETTM_LIT("=?utf-8?Q?ok?=")));
  CHECK(all_ascii(ettm_buffer_view(&out)));
  ettm_buffer_clear(&out);
  PHRASE("=?utf-8?Q?ok?=", UTF8, "=?UTF-8?B?PT91dGYtOD9RP29rPz0=?=");
  PHRASE("エ =?u?q?x?=", UTF8, "=?UTF-8?B?44KoID0/dT9xP3g/PQ==?=");
  PHRASE("=?x", UTF8, "\"=?x\"");
  PHRASE("=?=", UTF8, "\"=?=\"");
  PHRASE("?=", UTF8, "?=");
  PHRASE("?= =?", UTF8, "\"?= =?\"");
}

static void refuses_what_cannot_be_written(void) {
  NO_PHRASE("a\r\nBcc: b@c", 0, ETTM_E_UNSAFE);
  NO_PHRASE("a\0b", UTF8, ETTM_E_UNSAFE);
  NO_PHRASE("エ\x7F", 0, ETTM_E_UNSAFE);
  NO_PHRASE("a\xFF", 0, ETTM_E_UTF8);
  NO_PHRASE("a\xFF", UTF8, ETTM_E_UTF8);
  NO_LOCAL("a\nb", ETTM_E_UNSAFE);
  NO_LOCAL("a\xC3", ETTM_E_UTF8);
}

static size_t longest_word(ettm_str s) {
  size_t longest = 0;
  size_t n = 0;
  size_t i;
  for (i = 0; i < s.n; i++) {
    n = s.p[i] == ' ' ? 0 : n + 1;
    longest = n > longest ? n : longest;
  }
  return longest;
}

static void check_long_name(char c, unsigned flags) {
  char name[3000];
  ettm_buffer out;
  memset(name, c, sizeof name);
  name[0] = 'x';
  ettm_buffer_init(&out, NULL, 65536);
  CHECK_INT(ettm_format_phrase(&out, ettm_str_of(name, sizeof name), flags), ETTM_OK);
  CHECK(longest_word(ettm_buffer_view(&out)) < 900);
  CHECK(ettm_buffer_view(&out).p[0] == '=');
  ettm_buffer_clear(&out);
}

static void leaves_no_line_too_long_to_fold(void) {
  check_long_name('a', 0);
  check_long_name('"', 0);
  check_long_name('a', UTF8);
  check_long_name(' ', 0);
}

static void keeps_a_long_name_that_can_be_folded(void) {
  char name[3001];
  size_t i;
  for (i = 0; i < sizeof name; i++) {
    name[i] = i % 2 ? ' ' : 'a';
  }
  check_phrase(ettm_str_of(name, sizeof name), 0, ETTM_OK, ettm_str_of(name, sizeof name),
               __LINE__);
}

static void quotes_a_local_part_if_it_must(void) {
  LOCAL("a.b-c", "a.b-c");
  LOCAL("", "\"\"");
  LOCAL("a b", "\"a b\"");
  LOCAL("foo..bar", "\"foo..bar\"");
  LOCAL(".foo", "\".foo\"");
  LOCAL("foo.", "\"foo.\"");
  LOCAL("user@evil.com", "\"user@evil.com\"");
  LOCAL("a\"\\", "\"a\\\"\\\\\"");
  LOCAL("用户", "用户");
}

static void writes_mailboxes(void) {
  MAILBOX("", "a", "b.c", 0, "a@b.c");
  MAILBOX("Doe, John", "a b", "[192.0.2.1]", 0, "\"Doe, John\" <\"a b\"@[192.0.2.1]>");
  MAILBOX("エッツ", "a", "b.c", 0, "=?UTF-8?B?44Ko44OD44OE?= <a@b.c>");
  MAILBOX("エッツ", "用", "例え.jp", UTF8, "エッツ <用@例え.jp>");
  MAILBOX("", "a", "[x\\]y]", 0, "a@[x\\]y]");
}

static void needs_utf8_for_a_local_part(void) {
  NO_MAILBOX("N", "用", "b.c", 0, ETTM_E_NEEDS_SMTPUTF8);
  NO_MAILBOX("", "用", "b.c", 0, ETTM_E_NEEDS_SMTPUTF8);
}

static void writes_a_domain_as_a_labels(void) {
  if (ettm_idna_available()) {
    MAILBOX("N", "a", "例え.jp", 0, "N <a@xn--r8jz45g.jp>");
  } else {
    NO_MAILBOX("N", "a", "例え.jp", 0, ETTM_E_NO_IDNA);
  }
}

static void refuses_domains_that_would_be_read_otherwise(void) {
  NO_MAILBOX("N", "a", "b.c>, <x@y", 0, ETTM_E_ADDRESS);
  NO_MAILBOX("", "a", "b.c, x@y", 0, ETTM_E_ADDRESS);
  NO_MAILBOX("", "a", "b c", 0, ETTM_E_ADDRESS);
  NO_MAILBOX("", "a", "b..c", 0, ETTM_E_ADDRESS);
  NO_MAILBOX("", "a", "", 0, ETTM_E_ADDRESS);
  NO_MAILBOX("", "a", "[x]y]", 0, ETTM_E_ADDRESS);
  NO_MAILBOX("", "a", "[x\\]", 0, ETTM_E_ADDRESS);
  NO_MAILBOX("", "a", "[x", 0, ETTM_E_ADDRESS);
  NO_MAILBOX("", "a", "x]", 0, ETTM_E_ADDRESS);
  NO_MAILBOX("", "a", "[x y]", 0, ETTM_E_ADDRESS);
  NO_MAILBOX("", "a", "(b)c", 0, ETTM_E_ADDRESS);
  NO_MAILBOX("", "a", "b\r\nBcc: x", 0, ETTM_E_UNSAFE);
  NO_MAILBOX("", "a", "b\xFF", UTF8, ETTM_E_UTF8);
}

static void takes_views_of_nothing(void) {
  ettm_str none = ettm_str_of(NULL, 0);
  ettm_buffer out;
  ettm_buffer_init(&out, NULL, 100);
  CHECK_INT(ettm_format_phrase(&out, none, 0), ETTM_OK);
  CHECK_INT(ettm_format_mailbox(&out, none, none, ETTM_LIT("x"), 0), ETTM_OK);
  CHECK_INT(ettm_format_mailbox(&out, none, none, none, 0), ETTM_E_ADDRESS);
  CHECK_STR(ettm_buffer_view(&out), ETTM_LIT("\"\"\"\"@x"));
  ettm_buffer_clear(&out);
}

static void restores_a_full_buffer(void) {
  ettm_buffer out;
  size_t max;
  for (max = 4; max < 40; max++) {
    ettm_status status;
    ettm_buffer_init(&out, NULL, max);
    CHECK_INT(ettm_buffer_append(&out, ETTM_LIT("To: ")), ETTM_OK);
    status = ettm_format_mailbox(&out, ETTM_LIT("エ, x"), ETTM_LIT("a b"), ETTM_LIT("c.d"), UTF8);
    CHECK_INT(status, max < 24 ? ETTM_E_LIMIT : ETTM_OK);
    CHECK_INT(ettm_buffer_size(&out), max < 24 ? 4 : 24);
    ettm_buffer_clear(&out);
  }
}

/* ---- parse(format(a)) = a ---- */

static uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static size_t pick(uint32_t *state, size_t n) {
  return next_random(state) % n;
}

typedef struct text {
  char bytes[512];
  size_t n;
} text;

/* Up to `pieces` of the pool's words, one behind the other. */
static void make_text(text *t, uint32_t *state, const char *const *pool, size_t size,
                      size_t pieces) {
  size_t left = pick(state, pieces + 1);
  for (t->n = 0; left > 0; left--) {
    const char *piece = pool[pick(state, size)];
    size_t n = strlen(piece);
    memcpy(t->bytes + t->n, piece, n);
    t->n += n;
  }
}

static ettm_str view(const text *t) {
  return ettm_str_of(t->bytes, t->n);
}

#define COUNT(pool) (sizeof(pool) / sizeof((pool)[0]))

static const char *const ascii_pieces[] = {
    "a",  "Z",  "7", " ", "  ",   "\t",    ".",      ",",  "\"", "\\",         "(",       ")",
    "<",  ">",  "@", ":", ";",    "[",     "]",      "=?", "?=", "=?utf-8?Q?", "_",       "=",
    "??", "B?", "'", "~", "word", "John ", " <a@b>", "\\", "\"", "=?x?q?y?=",  "?utf-8?", " =?"};
static const char *const any_pieces[] = {
    "a",        " ", "  ", ".",        ",",        "\"", "\\",         "エ", "ッ", "ツ",
    "山田太郎", "é", "ß",  "😀",        "\t",       "_",  "=?",         "?",  "?=", "=",
    "@",        "(", ")",  "\xCC\x88", "\xC2\xA0", "　", "=?utf-8?B?", "x"};
static const char *const domain_pieces[] = {"a", "b-c", "0", "example", "X", "_", "{", "jp"};

static void make_domain(text *t, uint32_t *state) {
  size_t labels = pick(state, 4);
  if (pick(state, 8) == 0) {
    memcpy(t->bytes, "[a\\]@,b]", 8);
    t->n = 8;
    return;
  }
  for (t->n = 0; labels + 1 > 0 && t->n < 400; labels--) {
    const char *piece = domain_pieces[pick(state, COUNT(domain_pieces))];
    size_t n = strlen(piece);
    memcpy(t->bytes + t->n, piece, n);
    t->n += n;
    if (labels == 0) {
      break;
    }
    t->bytes[t->n++] = '.';
  }
}

static void check_again(const text *name, const text *local, const text *domain, unsigned flags) {
  ettm_buffer out;
  ettm_buffer arena;
  ettm_address_parser p;
  ettm_address a;
  ettm_buffer_init(&out, NULL, 65536);
  ettm_buffer_init(&arena, NULL, 65536);
  CHECK_INT(ettm_format_mailbox(&out, view(name), view(local), view(domain), flags), ETTM_OK);
  CHECK((flags & UTF8) != 0 || !memchr(ettm_buffer_view(&out).p, 0xE3, ettm_buffer_size(&out)));
  ettm_address_parser_init(&p, ettm_buffer_view(&out), ETTM_ADDRESS_ONE, &arena, NULL);
  CHECK_INT(ettm_address_next(&p, &a), ETTM_OK);
  if (p.status == ETTM_OK) {
    CHECK_STR(ettm_span_view(&arena, a.name), view(name));
    CHECK_STR(ettm_span_view(&arena, a.local), view(local));
    CHECK_STR(ettm_span_view(&arena, a.domain), view(domain));
    CHECK_INT(a.has_name, name->n > 0);
  }
  ettm_buffer_clear(&out);
  ettm_buffer_clear(&arena);
}

static void reads_back_what_it_wrote(void) {
  uint32_t state = 20261123;
  text name;
  text local;
  text domain;
  int i;
  for (i = 0; i < 20000; i++) {
    unsigned flags = pick(&state, 2) ? UTF8 : 0;
    if (pick(&state, 2)) {
      make_text(&name, &state, ascii_pieces, COUNT(ascii_pieces), 12);
    } else {
      make_text(&name, &state, any_pieces, COUNT(any_pieces), 20);
    }
    if (flags == UTF8) {
      make_text(&local, &state, any_pieces, COUNT(any_pieces), 8);
    } else {
      make_text(&local, &state, ascii_pieces, COUNT(ascii_pieces), 8);
    }
    make_domain(&domain, &state);
    check_again(&name, &local, &domain, flags);
  }
}

static void reads_back_long_names(void) {
  uint32_t state = 7;
  text name;
  text local;
  text domain;
  int i;
  memcpy(local.bytes, "a", 1);
  memcpy(domain.bytes, "b", 1);
  local.n = domain.n = 1;
  for (i = 0; i < 3000; i++) {
    if (pick(&state, 2)) {
      make_text(&name, &state, any_pieces, COUNT(any_pieces), 40);
    } else {
      make_text(&name, &state, ascii_pieces, COUNT(ascii_pieces), 45);
    }
    check_again(&name, &local, &domain, 0);
  }
}

static ettm_status write_with(check_heap *h, void *ud) {
  ettm_buffer out;
  ettm_status status = ETTM_OK;
  int i;
  (void)ud;
  ettm_buffer_init(&out, &h->alloc, 4096);
  for (i = 0; i < 40 && status == ETTM_OK; i++) {
    size_t size = ettm_buffer_size(&out);
    status = ettm_format_mailbox(&out, i % 2 ? ETTM_LIT("エッツ") : ETTM_LIT("Doe, John"),
                                 ETTM_LIT("a b"), ETTM_LIT("example.com"), 0);
    CHECK(status == ETTM_OK || ettm_buffer_size(&out) == size);
  }
  ettm_buffer_clear(&out);
  return status;
}

static void survives_every_failed_allocation(void) {
  check_every_failure(write_with, NULL);
}

static const check_case cases[] = {
    {"writes atoms as they are", writes_atoms_as_they_are},
    {"quotes what atoms cannot hold", quotes_what_atoms_cannot_hold},
    {"encodes what is not ASCII", encodes_what_is_not_ascii},
    {"hides what looks like an encoded word", hides_what_looks_like_an_encoded_word},
    {"refuses what cannot be written", refuses_what_cannot_be_written},
    {"leaves no line too long to fold", leaves_no_line_too_long_to_fold},
    {"keeps a long name that can be folded", keeps_a_long_name_that_can_be_folded},
    {"quotes a local part if it must", quotes_a_local_part_if_it_must},
    {"writes mailboxes", writes_mailboxes},
    {"needs UTF-8 for a local part that is not ASCII", needs_utf8_for_a_local_part},
    {"writes a domain as A-labels without UTF-8", writes_a_domain_as_a_labels},
    {"refuses domains that would be read otherwise", refuses_domains_that_would_be_read_otherwise},
    {"takes views of nothing", takes_views_of_nothing},
    {"restores a full buffer", restores_a_full_buffer},
    {"reads back 20000 addresses that it wrote", reads_back_what_it_wrote},
    {"reads back long names", reads_back_long_names},
    {"survives every failed allocation", survives_every_failed_allocation},
};

CHECK_MAIN("format", cases)
