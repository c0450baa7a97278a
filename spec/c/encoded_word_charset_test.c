/* Encoded words in other charsets: each complete in itself, however the text falls.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/utf8.h"
#include "own_charset.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define A            "\xE3\x81\x82" /* HIRAGANA LETTER A */
#define A5           A A A A A
#define E_ACUTE      "\xC3\xA9"

static ettm_str text_of(const char *s) {
  return ettm_str_of(s, strlen(s));
}

/* --- tests --- */

static void check_encodes(own *o, const char *text, ettm_word_place place, size_t first_line,
                          const char *wanted) {
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 100000);
  CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("old")), ETTM_OK);
  CHECK_INT(ettm_encoded_word_append_charset(&b, check_guarded(text_of(text)), place, first_line,
                                             &o->encoder),
            ETTM_OK);
  ettm_buffer_consume(&b, 3);
  CHECK_STR(ettm_buffer_view(&b), text_of(wanted));
  ettm_buffer_clear(&b);
}

static void shorter_of_two(void) {
  own o;
  own_init(&o, "X-Latin", 0);
  check_encodes(&o, "caf" E_ACUTE, ETTM_WORD_TEXT, 0, "=?X-Latin?Q?caf=E9?=");
  check_encodes(&o, E_ACUTE E_ACUTE E_ACUTE, ETTM_WORD_TEXT, 0, "=?X-Latin?B?6enp?=");
  check_encodes(&o, "Jos" E_ACUTE ", (jr)", ETTM_WORD_TEXT, 0, "=?X-Latin?Q?Jos=E9,_(jr)?=");
  check_encodes(&o, "J" E_ACUTE ", (jr) is he", ETTM_WORD_PHRASE, 0,
                "=?X-Latin?B?SuksIChqcikgaXMgaGU=?=");
  check_encodes(&o, "", ETTM_WORD_TEXT, 0, "");
  check_encodes(&o, " ", ETTM_WORD_TEXT, 0, "=?X-Latin?Q?_?=");
}

static void only_b(void) {
  own o;
  own_init(&o, "x-shift", 1);
  check_encodes(&o, A, ETTM_WORD_TEXT, 0, "=?x-shift?B?GyRCJTIbKEI=?=");
  check_encodes(&o, "plain ASCII text", ETTM_WORD_TEXT, 0,
                "=?x-shift?B?cGxhaW4gQVNDSUkgdGV4dA==?=");
}

static void sends_what_was_prepared(void) {
  own o;
  own_init(&o, "x-shift", 1);
  check_encodes(&o, TILDE, ETTM_WORD_TEXT, 0, "=?x-shift?B?GyRCJEwbKEI=?=");
  check_encodes(&o, WAVE, ETTM_WORD_TEXT, 0, "=?x-shift?B?GyRCJEwbKEI=?=");
}

/* Sixteen octets of frame leave 59: 56 in base64, which are 42 octets, six of them escape
 * sequences. */
static void cuts_at_characters(void) {
  own o;
  own_init(&o, "x-shift56", 1);
  check_encodes(&o, A5 A5 A5 "xyz" A5, ETTM_WORD_TEXT, 0,
                "=?x-shift56?B?GyRCJTIlMiUyJTIlMiUyJTIlMiUyJTIlMiUyJTIlMiUyGyhCeHl6?="
                " "
                "=?x-shift56?B?GyRCJTIlMiUyJTIlMhsoQg==?=");
  check_encodes(&o, A5 A5 A5 A A A A, ETTM_WORD_TEXT, 0,
                "=?x-shift56?B?GyRCJTIlMiUyJTIlMiUyJTIlMiUyJTIlMiUyJTIlMiUyJTIlMiUyGyhC?="
                " "
                "=?x-shift56?B?GyRCJTIbKEI=?=");
}

static void first_word_fits_its_line(void) {
  own o;
  own_init(&o, "x-shift", 1);
  check_encodes(&o, A A A, ETTM_WORD_TEXT, 50,
                "=?x-shift?B?GyRCJTIbKEI=?="
                " "
                "=?x-shift?B?GyRCJTIlMhsoQg==?=");
  check_encodes(&o, A A A, ETTM_WORD_TEXT, 51, "=?x-shift?B?GyRCJTIlMiUyGyhC?=");
  check_encodes(&o, A A A, ETTM_WORD_TEXT, 46, "=?x-shift?B?GyRCJTIlMiUyGyhC?=");
  check_encodes(&o, A A A, ETTM_WORD_TEXT, SIZE_MAX, "=?x-shift?B?GyRCJTIlMiUyGyhC?=");
}

/* Reads words off the front; each is short enough and shows its part by itself. */
static void check_words(own *o, ettm_str words, size_t first_line, ettm_str text) {
  ettm_buffer shown;
  size_t count = 0;
  ettm_buffer_init(&shown, NULL, 100000);
  while (words.n > 0) {
    const char *space = (const char *)memchr(words.p, ' ', words.n);
    size_t n = space != NULL ? (size_t)(space - words.p) : words.n;
    size_t before = ettm_buffer_size(&shown);
    CHECK(n <= ETTM_ENCODED_WORD_MAX);
    CHECK(count++ > 0 || first_line > 76 - 35 || n + first_line <= 76);
    CHECK_INT(ettm_encoded_word_decode(&shown, ettm_str_of(words.p, n), &o->reader), ETTM_OK);
    CHECK(ettm_buffer_size(&shown) > before);
    words = ettm_str_of(words.p + n + (space != NULL), words.n - n - (space != NULL));
  }
  CHECK_STR(ettm_buffer_view(&shown), text);
  ettm_buffer_clear(&shown);
}

static void every_length(void) {
  static const char *const characters[] = {"x", E_ACUTE, " ", A, "?", WAVE};
  size_t n, i, kind;
  for (kind = 0; kind < 6; kind++) {
    for (n = 1; n < 200; n++) {
      char text[800] = "";
      size_t first_line = n * 7 % 80;
      ettm_word_place place = n % 2 == 0 ? ETTM_WORD_TEXT : ETTM_WORD_PHRASE;
      ettm_buffer b;
      own o;
      own_init(&o, kind < 3 ? "X-Latin" : "x-shift", kind >= 3);
      for (i = 0; i < n; i++) {
        /* ASCII comes in now and then, so that the state changes. */
        const char *next = i % (kind + 3) == 2 ? "y" : characters[kind];
        memcpy(text + strlen(text), next, strlen(next) + 1);
      }
      ettm_buffer_init(&b, NULL, 100000);
      CHECK_INT(ettm_encoded_word_append_charset(&b, text_of(text), place, first_line, &o.encoder),
                ETTM_OK);
      check_words(&o, ettm_buffer_view(&b), first_line, text_of(text));
      ettm_buffer_clear(&b);
    }
  }
}

static void longest_name(void) {
  own o;
  own_init(&o, "x-shift-with-a-name-of-forty-octets-2345", 1);
  check_encodes(&o, A5 A A A, ETTM_WORD_TEXT, 0,
                "=?x-shift-with-a-name-of-forty-octets-2345?B?GyRCJTIlMiUyJTIlMiUyJTIbKEI=?="
                " "
                "=?x-shift-with-a-name-of-forty-octets-2345?B?GyRCJTIbKEI=?=");
}

static void check_refuses(own *o, ettm_str text, ettm_status wanted) {
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 1000);
  CHECK_INT(ettm_encoded_word_append_charset(&b, text, ETTM_WORD_TEXT, 0, &o->encoder), wanted);
  CHECK_INT(ettm_buffer_size(&b), 0);
  ettm_buffer_clear(&b);
}

static void names(void) {
  static const char *const bad[] = {"",
                                    "a?b",
                                    "a/b",
                                    "UTF-8//TRANSLIT",
                                    "a b",
                                    "a'b",
                                    "a*b",
                                    "a=b",
                                    "a,b",
                                    "a\"b",
                                    "a.b",
                                    "a(b",
                                    "\xC3\xA9",
                                    "a\rb",
                                    "x-shift-with-a-name-of-more-than-forty-oct"};
  size_t i;
  own o;
  for (i = 0; i < COUNT(bad); i++) {
    CHECK(!ettm_charset_is_name(check_guarded(text_of(bad[i]))));
    own_init(&o, bad[i], 0);
    check_refuses(&o, ETTM_LIT("text"), ETTM_E_ARGUMENT);
  }
  CHECK(!ettm_charset_is_name(ETTM_LIT("a\0b")));
  CHECK(ettm_charset_is_name(check_guarded(ETTM_LIT("ISO-8859-1"))));
  CHECK(ettm_charset_is_name(ETTM_LIT("ISO_8859+a")));
}

static void misfit_goes_as_utf8(void) {
  own o;
  own_init(&o, "X-Latin", 0);
  check_encodes(&o, E_ACUTE A5, ETTM_WORD_TEXT, 0, "=?UTF-8?B?w6njgYLjgYLjgYLjgYLjgYI=?=");
}

static void misfit_is_an_error_when_strict(void) {
  own o;
  own_init(&o, "X-Latin", 0);
  o.encoder.is_strict = 1;
  check_refuses(&o, ETTM_LIT(E_ACUTE A5), ETTM_E_ARGUMENT);
  check_encodes(&o, E_ACUTE "a", ETTM_WORD_TEXT, 0, "=?X-Latin?Q?=E9a?=");
}

static void no_encoder_is_utf8(void) {
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 1000);
  CHECK_INT(ettm_encoded_word_append_charset(&b, ETTM_LIT(A), ETTM_WORD_TEXT, 0, NULL), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("=?UTF-8?B?44GC?="));
  ettm_buffer_clear(&b);
}

static void refuses_what_is_no_text(void) {
  own o;
  own_init(&o, "X-Latin", 0);
  check_refuses(&o, ETTM_LIT("a\xC3"), ETTM_E_UTF8);
  check_refuses(&o, ETTM_LIT("a\nb"), ETTM_E_UNSAFE);
  check_refuses(&o, ETTM_LIT("a\0b"), ETTM_E_UNSAFE);
  check_refuses(&o, ettm_str_of("x", SIZE_MAX), ETTM_E_LIMIT);
  CHECK_INT(o.calls, 0);
}

static void conversion_fails(void) {
  own o;
  own_init(&o, "X-Latin", 0);
  o.fails = ETTM_E_MEMORY;
  check_refuses(&o, ETTM_LIT("a"), ETTM_E_MEMORY);
}

static void appends_all_or_nothing(void) {
  size_t max;
  own o;
  own_init(&o, "x-shift56", 1);
  for (max = 3; max < 3 + 72 + 1 + 28; max++) {
    ettm_buffer b;
    ettm_buffer_init(&b, NULL, max);
    CHECK_INT(ettm_buffer_append(&b, ETTM_LIT("old")), ETTM_OK);
    CHECK_INT(ettm_encoded_word_append_charset(&b, ETTM_LIT(A5 A5 A5 A A A A), ETTM_WORD_TEXT, 0,
                                               &o.encoder),
              ETTM_E_LIMIT);
    CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("old"));
    ettm_buffer_clear(&b);
  }
}

static int calls_for(size_t characters) {
  char text[30000];
  size_t i;
  ettm_buffer b;
  own o;
  own_init(&o, "X-Latin", 0);
  for (i = 0; i < characters; i++) {
    memcpy(text + 2 * i, E_ACUTE, 2);
  }
  ettm_buffer_init(&b, NULL, 1000000);
  CHECK_INT(ettm_encoded_word_append_charset(&b, ettm_str_of(text, 2 * characters), ETTM_WORD_TEXT,
                                             0, &o.encoder),
            ETTM_OK);
  ettm_buffer_clear(&b);
  return o.calls;
}

static void linear_conversion(void) {
  int once = calls_for(6000);
  int twice = calls_for(12000);
  CHECK(twice <= 2 * once + 20);
}

static ettm_status encode(check_heap *h, void *ud) {
  ettm_status status;
  ettm_buffer b;
  own o;
  (void)ud;
  own_init(&o, "X-Latin", 0);
  ettm_buffer_init(&b, &h->alloc, 10000);
  status = ettm_encoded_word_append_charset(
      &b,
      ETTM_LIT(E_ACUTE E_ACUTE E_ACUTE "and a long text behind it that makes some words, three "
                                       "or four of them, as it is long"),
      ETTM_WORD_TEXT, 0, &o.encoder);
  CHECK(status == ETTM_OK || ettm_buffer_size(&b) == 0);
  ettm_buffer_clear(&b);
  return status;
}

static void memory_fails(void) {
  check_every_failure(encode, NULL);
}

static const check_case cases[] = {
    {"chooses B or Q by which is shorter", shorter_of_two},
    {"writes B alone where there are escape sequences", only_b},
    {"sends what was prepared", sends_what_was_prepared},
    {"cuts a text between characters, back in the initial state", cuts_at_characters},
    {"fits the first word to the rest of its line", first_word_fits_its_line},
    {"makes words of at most 75 octets, each complete in itself", every_length},
    {"leaves room for text behind the longest name", longest_name},
    {"refuses names that no word can bear", names},
    {"sends a text that does not fit as UTF-8", misfit_goes_as_utf8},
    {"refuses a text that does not fit when it is strict", misfit_is_an_error_when_strict},
    {"writes UTF-8 without an encoder", no_encoder_is_utf8},
    {"refuses invalid UTF-8 and control characters", refuses_what_is_no_text},
    {"passes a failure of the conversion on", conversion_fails},
    {"appends all or nothing", appends_all_or_nothing},
    {"converts in linear time", linear_conversion},
    {"is clean when memory fails", memory_fails},
};

CHECK_MAIN("encoded_word_charset", cases)
