/* Encoded words: cut and chosen when written, and what readers must cope with.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"
#include "check.h"
#include "codec/encoded_word.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define A            "\xE3\x81\x82" /* HIRAGANA LETTER A */
#define A5           A A A A A
#define A20          A5 A5 A5 A5
#define B64_A5       "44GC44GC44GC44GC44GC"

static ettm_str text_of(const char *s) {
  return ettm_str_of(s, strlen(s));
}

/* --- charsets of the tests' own --- */

/* "x-plus": each octet stands for the next one. "x-fails": no memory. "x-half": fails half-way.
 * "x-wrong": makes what is not UTF-8. iso-8859-2: its ASCII half. */
static ettm_status to_utf8(void *ud, ettm_str charset, ettm_str in, ettm_buffer *out) {
  ettm_status status = ETTM_OK;
  size_t i;
  ++*(int *)ud;
  if (ettm_str_equal_nocase(charset, ETTM_LIT("iso-8859-2"))) {
    return ettm_buffer_append(out, in);
  }
  if (ettm_str_equal_nocase(charset, ETTM_LIT("x-plus"))) {
    for (i = 0; i < in.n && status == ETTM_OK; i++) {
      status = ettm_buffer_append_char(out, (char)(in.p[i] + 1));
    }
    return status;
  }
  if (ettm_str_equal_nocase(charset, ETTM_LIT("x-fails"))) {
    return ETTM_E_MEMORY;
  }
  if (ettm_str_equal_nocase(charset, ETTM_LIT("x-wrong"))) {
    return ettm_buffer_append(out, ETTM_LIT("\xC3"));
  }
  if (ettm_str_equal_nocase(charset, ETTM_LIT("x-half"))) {
    status = ettm_buffer_append(out, ETTM_LIT("half"));
  }
  return status == ETTM_OK ? ETTM_E_ARGUMENT : status;
}

static ettm_charset own_charsets(int *calls) {
  ettm_charset charset;
  *calls = 0;
  charset.ud = calls;
  charset.to_utf8 = to_utf8;
  return charset;
}

static void check_shows(ettm_str in, const ettm_charset *charset, ettm_str wanted) {
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 100000);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("kept ")), ETTM_OK);
  CHECK_INT(ettm_encoded_word_decode(&b, check_guarded(in), charset), ETTM_OK);
  ettm_buffer_consume(&b, 5);
  CHECK_STR(ettm_buffer_view(&b), wanted);
  ettm_buffer_clear(&b);
}

typedef struct vector {
  const char *in;
  const char *shown; /* NULL: as it is */
} vector;

static void check_table(const vector *table, size_t n) {
  int calls;
  ettm_charset charset = own_charsets(&calls);
  size_t i;
  for (i = 0; i < n; i++) {
    check_shows(text_of(table[i].in), &charset,
                text_of(table[i].shown != NULL ? table[i].shown : table[i].in));
  }
}
#define CHECK_TABLE(table) check_table((table), COUNT(table))

/* --- encoding --- */

static void check_encodes(const char *text, ettm_word_place place, size_t first_line,
                          const char *wanted) {
  ettm_buffer b;
  ettm_str in = check_guarded(text_of(text));
  ettm_buffer_init(&b, NULL, 100000);
  CHECK_INT(ettm_encoded_word_append(&b, in, place, first_line), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&b), text_of(wanted));
  check_shows(ettm_buffer_view(&b), NULL, in);
  ettm_buffer_clear(&b);
}

static void what_needs_encoding(void) {
  static const struct {
    const char *text;
    int is_needed;
  } table[] = {
      {"", 0},
      {"plain text, with (all) \"specials\"\t<>", 0},
      {"caf\xC3\xA9", 1},
      {"a\rb", 1},
      {"a\x7F", 1},
      {"\x1B$B", 1},
      {"=?utf-8?Q?ok?=", 1},
      {"see =?utf-8?Q?a b?= here", 1},
      {"=?utf-8?Q?never closed", 0},
      {"?= =?", 0},
      {"=?=", 0},
      {"a =? b ?= c", 1},
      {"=?\?=", 1},
      {"what=? why?", 0},
  };
  size_t i;
  for (i = 0; i < COUNT(table); i++) {
    CHECK_INT(ettm_encoded_word_needed(check_guarded(text_of(table[i].text))), table[i].is_needed);
  }
  CHECK(ettm_encoded_word_needed(ETTM_LIT("a\0b")));
}

static void chooses_the_shorter(void) {
  check_encodes("caf\xC3\xA9 au lait", ETTM_WORD_TEXT, 0, "=?UTF-8?Q?caf=C3=A9_au_lait?=");
  check_encodes(A5, ETTM_WORD_TEXT, 0, "=?UTF-8?B?" B64_A5 "?=");
  check_encodes("\xC3\xA9", ETTM_WORD_TEXT, 0, "=?UTF-8?B?w6k=?=");
  check_encodes("ab\xC3\xA9", ETTM_WORD_TEXT, 0, "=?UTF-8?Q?ab=C3=A9?=");
  check_encodes("abcd" A, ETTM_WORD_TEXT, 0, "=?UTF-8?B?YWJjZOOBgg==?=");
}

static void q_in_text(void) {
  check_encodes("=?_ (\"c\"), d.e; what a text may be", ETTM_WORD_TEXT, 0,
                "=?UTF-8?Q?=3D=3F=5F_(\"c\"),_d.e;_what_a_text_may_be?=");
  check_encodes("tab\there, that is all there is", ETTM_WORD_TEXT, 0,
                "=?UTF-8?Q?tab=09here,_that_is_all_there_is?=");
}

/* RFC 2047 5 (3): letters, digits and !*+-/ only. */
static void q_in_phrase(void) {
  check_encodes("Jos\xC3\xA9 Maria da Silva, jr.", ETTM_WORD_PHRASE, 0,
                "=?UTF-8?Q?Jos=C3=A9_Maria_da_Silva=2C_jr=2E?=");
  check_encodes("!*+-/Aa0 plain letters \"(", ETTM_WORD_PHRASE, 0,
                "=?UTF-8?Q?!*+-/Aa0_plain_letters_=22=28?=");
}

static void every_octet_in_phrase(void) {
  int octet;
  for (octet = 32; octet < 127; octet++) {
    char text[] = "abcdefghijklmnopqrstuvwxyz?";
    ettm_buffer b;
    ettm_str payload;
    text[26] = (char)octet;
    ettm_buffer_init(&b, NULL, 1000);
    CHECK_INT(ettm_encoded_word_append(&b, text_of(text), ETTM_WORD_PHRASE, 0), ETTM_OK);
    payload = ettm_buffer_view(&b);
    payload = ettm_str_of(payload.p + 36, payload.n - 38);
    if (payload.n == 1) {
      CHECK(octet == ' ' ? payload.p[0] == '_'
                         : (ettm_char_is((char)octet, ETTM_CHAR_LET_DIG) ||
                            strchr("!*+-/", octet) != NULL) &&
                               payload.p[0] == octet);
    } else {
      CHECK(payload.n == 3 && payload.p[0] == '=');
    }
    ettm_buffer_clear(&b);
  }
}

static void long_text_is_cut(void) {
  check_encodes(A20, ETTM_WORD_TEXT, 0,
                "=?UTF-8?B?" B64_A5 B64_A5 B64_A5 "?= =?UTF-8?B?" B64_A5 "?=");
}

static void first_word_fits_its_line(void) {
  check_encodes(A5, ETTM_WORD_TEXT, 60, "=?UTF-8?B?44GC?= =?UTF-8?B?44GC44GC44GC44GC?=");
  check_encodes(A5, ETTM_WORD_TEXT, 57, "=?UTF-8?B?44GC?= =?UTF-8?B?44GC44GC44GC44GC?=");
  check_encodes(A5, ETTM_WORD_TEXT, 56, "=?UTF-8?B?44GC44GC?= =?UTF-8?B?44GC44GC44GC?=");
  check_encodes(A5, ETTM_WORD_TEXT, 61, "=?UTF-8?B?" B64_A5 "?=");
  check_encodes(A5, ETTM_WORD_TEXT, 76, "=?UTF-8?B?" B64_A5 "?=");
  check_encodes(A5, ETTM_WORD_TEXT, SIZE_MAX, "=?UTF-8?B?" B64_A5 "?=");
}

/* Reads words off the front, checks each by itself, and returns how many there were. */
static size_t check_words(ettm_str s, size_t first_line) {
  size_t count = 0;
  while (s.n > 0) {
    const char *space = (const char *)memchr(s.p, ' ', s.n);
    size_t n = space != NULL ? (size_t)(space - s.p) : s.n;
    ettm_buffer b;
    CHECK(n > 12 && n <= 75);
    CHECK(count > 0 || n + first_line <= 76 || first_line > 46);
    ettm_buffer_init(&b, NULL, 1000);
    CHECK_INT(ettm_encoded_word_decode(&b, ettm_str_of(s.p, n), NULL), ETTM_OK);
    CHECK(ettm_utf8_valid(ettm_buffer_view(&b)));
    CHECK(ettm_buffer_size(&b) < n);
    ettm_buffer_clear(&b);
    s = ettm_str_of(s.p + n + (space != NULL), s.n - n - (space != NULL));
    count++;
  }
  return count;
}

/* Texts of every length up to 120 characters, of one to four octets each. */
static void every_length(void) {
  static const char *const characters[] = {"x", "\xC3\xA9", A, "\xF0\x9F\x98\x80", "."};
  size_t kind, n, i;
  for (kind = 0; kind < COUNT(characters); kind++) {
    for (n = 1; n < 120; n++) {
      char text[500] = "";
      size_t first_line = n * 7 % 80;
      ettm_word_place place = n % 2 == 0 ? ETTM_WORD_TEXT : ETTM_WORD_PHRASE;
      ettm_buffer b;
      for (i = 0; i < n; i++) {
        strcat(text, characters[(kind + (i % 11 == 3)) % COUNT(characters)]);
      }
      ettm_buffer_init(&b, NULL, 10000);
      CHECK_INT(ettm_encoded_word_append(&b, text_of(text), place, first_line), ETTM_OK);
      CHECK(check_words(ettm_buffer_view(&b), first_line) > 0);
      check_shows(ettm_buffer_view(&b), NULL, text_of(text));
      ettm_buffer_clear(&b);
    }
  }
}

static void white_space_is_kept(void) {
  check_encodes("  \xC3\xA9 \t\xC3\xA8  ", ETTM_WORD_TEXT, 0, "=?UTF-8?B?ICDDqSAJw6ggIA==?=");
  check_encodes(" ", ETTM_WORD_PHRASE, 0, "=?UTF-8?Q?_?=");
}

static void refuses(void) {
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 1000);
  CHECK_INT(ettm_encoded_word_append(&b, ETTM_LIT("a\xC3"), ETTM_WORD_TEXT, 0), ETTM_E_UTF8);
  CHECK_INT(ettm_encoded_word_append(&b, ETTM_LIT("a\nb"), ETTM_WORD_TEXT, 0), ETTM_E_UNSAFE);
  CHECK_INT(ettm_encoded_word_append(&b, ETTM_LIT("a\0b"), ETTM_WORD_TEXT, 0), ETTM_E_UNSAFE);
  CHECK_INT(ettm_encoded_word_append(&b, ETTM_LIT("a\x7F"), ETTM_WORD_PHRASE, 0), ETTM_E_UNSAFE);
  CHECK_INT(ettm_encoded_word_append(&b, ettm_str_of("x", SIZE_MAX), ETTM_WORD_TEXT, 0),
            ETTM_E_LIMIT);
  CHECK_INT(ettm_encoded_word_append(&b, ettm_str_of(NULL, 0), ETTM_WORD_TEXT, 0), ETTM_OK);
  CHECK_INT(ettm_buffer_size(&b), 0);
  ettm_buffer_clear(&b);
}

static void appends_all_or_nothing(void) {
  ettm_buffer b;
  size_t max;
  for (max = 3; max < 3 + 72 + 1 + 32; max++) {
    ettm_buffer_init(&b, NULL, max);
    CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("old")), ETTM_OK);
    CHECK_INT(ettm_encoded_word_append(&b, text_of(A20), ETTM_WORD_TEXT, 0), ETTM_E_LIMIT);
    CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("old"));
    ettm_buffer_clear(&b);
  }
}

/* --- decoding --- */

static void rfc_2047_headers(void) {
  static const vector table[] = {
      {"=?US-ASCII?Q?Keith_Moore?=", "Keith Moore"},
      {"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld J\xC3\xB8rn Simonsen"},
      {"=?ISO-8859-1?Q?Andr=E9?= Pirard", "Andr\xC3\xA9 Pirard"},
      {"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
       "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
       "If you can read this you understand the example."},
      {"=?ISO-8859-1?Q?Olle_J=E4rnefors?=", "Olle J\xC3\xA4rnefors"},
      {"=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?=", "Patrik F\xC3\xA4ltstr\xC3\xB6m"},
      {"Nathaniel Borenstein (=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=)", NULL},
  };
  CHECK_TABLE(table);
}

static void rfc_2047_comments(void) {
  static const vector table[] = {
      {"(=?ISO-8859-1?Q?a?=)", "(a)"},
      {"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
      {"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
      {"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"},
      {"(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"},
      {"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
      {"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"},
  };
  CHECK_TABLE(table);
}

static void any_case(void) {
  static const vector table[] = {
      {"=?utf-8?q?=c3=A9?=", "\xC3\xA9"},
      {"=?UTF-8?b?w6k=?=", "\xC3\xA9"},
      {"=?Utf8?B?w6k=?=", "\xC3\xA9"},
      {"=?us-ascii?q?a?=", "a"},
      {"=?X-PLUS?Q?GCK?=", "HDL"},
      {"=?utf-8*ja?B?44GC?=", A},
      {"=?utf-8*?B?44GC?=", A},
      {"=?iso-8859-1?Q?=A3_=7F=80?=", NULL},
      {"=?iso-8859-1?Q?=80=FF?=", "\xC2\x80\xC3\xBF"},
  };
  CHECK_TABLE(table);
}

static void neighbours(void) {
  static const vector table[] = {
      {"a =?utf-8?Q?b?= c", "a b c"},
      {"=?utf-8?Q?a?= =?utf-8?B?Yg==?= =?UTF-8?q?c?=", "abc"},
      {"=?utf-8?Q?a?=\t\r\n =?x-plus?Q?a?=", "ab"},
      {"=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"},
      {"x=?utf-8?Q?a?=y", "xay"},
      {"=?utf-8?Q?a?=, =?utf-8?Q?b?=", "a, b"},
      {"  =?utf-8?Q?a?=  ", "  a  "},
      {"=?utf-8?Q?\?=", ""},
      {"=?utf-8?Q?a?= =?utf-8?Q?\?= =?utf-8?Q?b?=", "ab"},
  };
  CHECK_TABLE(table);
}

static void character_over_two_words(void) {
  static const vector table[] = {
      {"=?utf-8?B?44E=?= =?utf-8?B?gg==?=", A},
      {"=?utf-8?Q?a=E3?=\r\n =?UTF-8?Q?=81?= =?utf-8?B?gmI=?=", "a" A "b"},
      {"=?utf-8?Q?=E3?= =?utf-8?Q?=81?=", NULL},
      {"=?utf-8?Q?=E3=81?= x =?utf-8?Q?=82?=", NULL},
      {"=?utf-8?Q?=E3=81?= =?iso-8859-1?Q?a?=", "=?utf-8?Q?=E3=81?= a"},
  };
  CHECK_TABLE(table);
}

static void broken_words_stay(void) {
  static const vector table[] = {
      {"=?utf-8?Q?a b?=", NULL},
      {"=?utf-8?Q?=4?=", NULL},
      {"=?utf-8?Q?=4G?=", NULL},
      {"=?utf-8?Q?a=?=", NULL},
      {"=?utf-8?B?w6k?=", NULL},
      {"=?utf-8?B?w6k=x?=", NULL},
      {"=?utf-8?X?a?=", NULL},
      {"=?utf-8?QQ?a?=", NULL},
      {"=??Q?a?=", NULL},
      {"=?*ja?Q?a?=", NULL},
      {"=?utf 8?Q?a?=", NULL},
      {"=?utf-8?Q?a", NULL},
      {"=?utf-8?Q?a?", NULL},
      {"=?utf-8?Q", NULL},
      {"=?utf-8", NULL},
      {"=?", NULL},
      {"=", NULL},
      {"?=", NULL},
      {"=?utf-8?Q?\xC3\xA9?=", NULL},
      {"=?utf-8?Q?=FF?=", NULL},
      {"=?us-ascii?Q?=E9?=", NULL},
      {"=?x-unknown?Q?a?=", NULL},
      {"=?x-half?Q?a?=", NULL},
      {"=?x-wrong?Q?a?=", NULL},
      {"=?utf-8?Q?=?utf-8?Q?a?=", "=?utf-8?Q?a"},
      {"=?utf-8?Q?a?= =?utf-8?Q?=FF?= =?utf-8?Q?b?=", "a =?utf-8?Q?=FF?= b"},
      {"=?utf-8?Q?=FF?= =?utf-8?Q?a?=\t=?utf-8?Q?b?=", "=?utf-8?Q?=FF?= ab"},
      {"=?us-ascii?Q?a?= =?utf-8?Q?b?= =?utf-8?B?!?=", "ab =?utf-8?B?!?="},
  };
  CHECK_TABLE(table);
}

static void control_characters_stay(void) {
  static const vector table[] = {
      {"=?utf-8?Q?a=0D=0ABcc:_b?=", NULL}, {"=?utf-8?B?YQpi?=", NULL},
      {"=?utf-8?Q?=00?=", NULL},           {"=?x-plus?Q?=09?=", NULL},
      {"=?utf-8?Q?=7F?=", NULL},           {"=?utf-8?Q?a=09b?=", "a\tb"},
  };
  CHECK_TABLE(table);
}

static void plain_text_stays(void) {
  check_shows(ETTM_LIT(""), NULL, ETTM_LIT(""));
  check_shows(ETTM_LIT("1 + 1 = 2?"), NULL, ETTM_LIT("1 + 1 = 2?"));
  check_shows(ETTM_LIT("a\0=\xFF\r\n b"), NULL, ETTM_LIT("a\0=\xFF\r\n b"));
}

static void knows_three_charsets(void) {
  check_shows(ETTM_LIT("=?iso-8859-1?Q?=E9?= =?us-ascii?Q?a?= =?utf-8?Q?b?="), NULL,
              ETTM_LIT("\xC3\xA9"
                       "ab"));
  check_shows(ETTM_LIT("=?x-plus?Q?a?="), NULL, ETTM_LIT("=?x-plus?Q?a?="));
}

static void fatal_conversion(void) {
  int calls;
  ettm_charset charset = own_charsets(&calls);
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 1000);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("old")), ETTM_OK);
  CHECK_INT(ettm_encoded_word_decode(&b, ETTM_LIT("text =?x-fails?Q?a?="), &charset),
            ETTM_E_MEMORY);
  CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("old"));
  ettm_buffer_clear(&b);
}

static void decode_limit(void) {
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 4);
  CHECK_INT(ettm_encoded_word_decode(&b, ETTM_LIT("=?utf-8?Q?abcde?="), NULL), ETTM_E_LIMIT);
  CHECK_INT(ettm_encoded_word_decode(&b, ETTM_LIT("ab =?utf-8?Q?cd?="), NULL), ETTM_E_LIMIT);
  CHECK_INT(ettm_buffer_size(&b), 0);
  CHECK_INT(ettm_encoded_word_decode(&b, ETTM_LIT("a =?utf-8?Q?bc?="), NULL), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("a bc"));
  ettm_buffer_clear(&b);
}

/* A run is converted in one call, and word by word at most once more: no more calls than that. */
static void linear_conversion(void) {
  int calls;
  ettm_charset charset = own_charsets(&calls);
  ettm_buffer text, shown;
  int i;
  ettm_buffer_init(&text, NULL, 1000000);
  ettm_buffer_init(&shown, NULL, 1000000);
  for (i = 0; i < 2000; i++) {
    CHECK_INT(ettm_buffer_append(&text, ETTM_LIT("=?x-plus?Q?a?= ")), ETTM_OK);
  }
  CHECK_INT(ettm_encoded_word_decode(&shown, ettm_buffer_view(&text), &charset), ETTM_OK);
  CHECK_INT(calls, 1);
  CHECK_INT(ettm_buffer_size(&shown), 2001);
  CHECK_INT(ettm_buffer_append(&text, ETTM_LIT("=?x-plus?Q?=FE?=")), ETTM_OK);
  CHECK_INT(ettm_encoded_word_decode(&shown, ettm_buffer_view(&text), &charset), ETTM_OK);
  CHECK_INT(calls, 1 + 1 + 2001);
  ettm_buffer_clear(&text);
  ettm_buffer_clear(&shown);
}

/* A megabyte of what may be the start of a word, again and again; a square of it would not end. */
static void linear_scanning(void) {
  static const char *const parts[] = {
      "=", "=?", "=?a?q?", "=?a?q?x", "?", "=?utf-8?Q?=FF?= ", "=?a?=", "=?a", " "};
  size_t i;
  for (i = 0; i < COUNT(parts); i++) {
    ettm_buffer text, shown;
    ettm_buffer_init(&text, NULL, 2000000);
    ettm_buffer_init(&shown, NULL, 4000000);
    while (ettm_buffer_size(&text) < 1000000) {
      CHECK_INT(ettm_buffer_append(&text, text_of(parts[i])), ETTM_OK);
    }
    CHECK_INT(ettm_encoded_word_decode(&shown, ettm_buffer_view(&text), NULL), ETTM_OK);
    CHECK(ettm_str_equal(ettm_buffer_view(&shown), ettm_buffer_view(&text)));
    (void)ettm_encoded_word_needed(ettm_buffer_view(&text));
    ettm_buffer_clear(&text);
    ettm_buffer_clear(&shown);
  }
}

static ettm_status encode_and_decode(check_heap *h, void *ud) {
  ettm_buffer words, shown;
  ettm_status status;
  (void)ud;
  ettm_buffer_init(&words, &h->alloc, 10000);
  ettm_buffer_init(&shown, &h->alloc, 10000);
  status = ettm_encoded_word_append(&words, text_of(A20 A20 A20 A20 A20), ETTM_WORD_PHRASE, 10);
  CHECK(status == ETTM_OK || ettm_buffer_size(&words) == 0);
  if (status == ETTM_OK) {
    status = ettm_encoded_word_decode(&shown, ettm_buffer_view(&words), NULL);
    CHECK(status == ETTM_OK || ettm_buffer_size(&shown) == 0);
  }
  ettm_buffer_clear(&words);
  ettm_buffer_clear(&shown);
  return status;
}

static void memory_fails(void) {
  check_every_failure(encode_and_decode, NULL);
}

static const check_case cases[] = {
    {"says which text has to be encoded", what_needs_encoding},
    {"chooses B or Q by which is shorter", chooses_the_shorter},
    {"writes Q words for unstructured text", q_in_text},
    {"writes Q words for a phrase", q_in_phrase},
    {"lets in a phrase only stand what RFC 2047 allows", every_octet_in_phrase},
    {"cuts a long Japanese text into whole words", long_text_is_cut},
    {"fits the first word to the rest of its line", first_word_fits_its_line},
    {"makes words of at most 75 octets, each complete in itself", every_length},
    {"keeps white space within the words", white_space_is_kept},
    {"refuses invalid UTF-8 and control characters", refuses},
    {"appends all or nothing", appends_all_or_nothing},
    {"shows the headers of RFC 2047 section 8", rfc_2047_headers},
    {"shows the comments of RFC 2047 section 8", rfc_2047_comments},
    {"takes charset, encoding and digits of any case", any_case},
    {"drops white space between two words only", neighbours},
    {"joins a character that was parted between two words", character_over_two_words},
    {"leaves broken words as they are", broken_words_stay},
    {"leaves words as they are that hide control characters", control_characters_stay},
    {"leaves plain text as it is", plain_text_stays},
    {"knows three charsets by itself", knows_three_charsets},
    {"passes a fatal failure of the conversion on", fatal_conversion},
    {"keeps to the buffer's maximum", decode_limit},
    {"converts a run of words in one call", linear_conversion},
    {"scans in linear time", linear_scanning},
    {"is clean when memory fails", memory_fails},
};

CHECK_MAIN("encoded_word", cases)
