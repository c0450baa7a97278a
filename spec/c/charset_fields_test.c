/* Header fields, names and parameters in a charset other than UTF-8, and the text of such charsets.
 *
 * SPDX-License-Identifier: MIT */
#include "address/format.h"
#include "message_samples.h"
#include "mime/header.h"
#include "mime/parameter.h"
#include "own_charset.h"

#define A   "\xE3\x81\x82" /* HIRAGANA LETTER A */
#define A10 A A A A A A A A A A
#define KAN "\xE6\xBC\xA2" /* not in the charset */

/* The words of A and of two of them. */
#define WORD_A  "=?x-shift?B?GyRCJTIbKEI=?="
#define WORD_AA "=?x-shift?B?GyRCJTIlMhsoQg==?="

static void shift_init(own *o, int is_strict) {
  own_init(o, "x-shift", 1);
  o->encoder.is_strict = is_strict;
}

/* --- fields --- */

typedef ettm_status (*adder)(ettm_headers *h, ettm_str name, ettm_str value);

static void check_field(adder add, int is_strict, const char *name, const char *value,
                        const char *wanted) {
  own o;
  ettm_headers h;
  shift_init(&o, is_strict);
  ettm_headers_init(&h, NULL);
  h.encoder = &o.encoder;
  CHECK_INT(add(&h, text_of(name), text_of(value)), wanted != NULL ? ETTM_OK : ETTM_E_ARGUMENT);
  CHECK_STR(ettm_headers_view(&h), text_of(wanted != NULL ? wanted : ""));
  ettm_headers_clear(&h);
}

static void texts(void) {
  check_field(ettm_headers_add_text, 1, "Subject", "plain", "Subject: plain\r\n");
  check_field(ettm_headers_add_text, 1, "Subject", A, "Subject: " WORD_A "\r\n");
  check_field(ettm_headers_add_text, 0, "Subject", KAN, "Subject: =?UTF-8?B?5ryi?=\r\n");
  check_field(ettm_headers_add_text, 1, "Subject", A KAN, NULL);
}

static void names(void) {
  adder add = ettm_headers_add_addresses;
  check_field(add, 1, "To", "Plain <a@b.c>", "To: Plain <a@b.c>\r\n");
  check_field(add, 1, "To", A " <a@b.c>, " A A ": d@e.f;",
              "To: " WORD_A " <a@b.c>,\r\n " WORD_AA " : d@e.f;\r\n");
  check_field(add, 0, "To", A " <a@b.c>, " KAN " <d@e.f>",
              "To: " WORD_A " <a@b.c>, =?UTF-8?B?5ryi?= <d@e.f>\r\n");
  check_field(add, 1, "To", KAN " <a@b.c>", NULL);
  check_field(add, 1, "To", KAN ": a@b.c;", NULL);
}

static void mailboxes(void) {
  own o;
  ettm_buffer out;
  shift_init(&o, 1);
  ettm_buffer_init(&out, NULL, 1000);
  CHECK_INT(
      ettm_format_mailbox_charset(&out, ETTM_LIT(A), ETTM_LIT("a"), ETTM_LIT("b.c"), &o.encoder),
      ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), ETTM_LIT(WORD_A " <a@b.c>"));
  CHECK_INT(
      ettm_format_mailbox_charset(&out, ETTM_LIT(KAN), ETTM_LIT("a"), ETTM_LIT("b.c"), &o.encoder),
      ETTM_E_ARGUMENT);
  CHECK_INT(
      ettm_format_mailbox_charset(&out, ETTM_LIT(A), ETTM_LIT("a"), ETTM_LIT("b c"), &o.encoder),
      ETTM_E_ADDRESS);
  CHECK_STR(ettm_buffer_view(&out), ETTM_LIT(WORD_A " <a@b.c>"));
  ettm_buffer_clear(&out);
}

/* --- parameters --- */

static void check_parameter(int is_strict, const char *value, const char *wanted) {
  own o;
  ettm_buffer out;
  shift_init(&o, is_strict);
  ettm_buffer_init(&out, NULL, 10000);
  CHECK_INT(ettm_parameter_append_charset(&out, ETTM_LIT("filename"), check_guarded(text_of(value)),
                                          &o.encoder),
            wanted != NULL ? ETTM_OK : ETTM_E_ARGUMENT);
  CHECK_STR(ettm_buffer_view(&out), text_of(wanted != NULL ? wanted : ""));
  ettm_buffer_clear(&out);
}

static void parameters(void) {
  check_parameter(1, "a b.txt", "; filename=\"a b.txt\"");
  check_parameter(1, A, "; filename*=x-shift''%1B$B%252%1B%28B");
  check_parameter(0, KAN, "; filename*=UTF-8''%E6%BC%A2");
  check_parameter(1, KAN, NULL);
  check_parameter(1, A10 A10,
                  "; filename*0*=x-shift''%1B$B%252%252%252%252%252%252%252%252%252%252%1B%28B"
                  "; filename*1*=%1B$B%252%252%252%252%252%252%252%252%252%252%1B%28B");
}

/* Every segment is at most 75 octets and ends in the state that it began with. */
static void segments(void) {
  char text[3 * 60];
  size_t n, i;
  for (i = 0; i < sizeof text; i += 3) {
    memcpy(text + i, A, 3);
  }
  for (n = 0; n < sizeof text; n += 3) {
    own o;
    ettm_buffer out;
    ettm_str rest;
    shift_init(&o, 1);
    ettm_buffer_init(&out, NULL, 10000);
    CHECK_INT(ettm_parameter_append_charset(&out, ETTM_LIT("filename"), ettm_str_of(text, n + 3),
                                            &o.encoder),
              ETTM_OK);
    rest = ettm_buffer_view(&out);
    while (rest.n > 0) {
      const char *end = (const char *)memchr(rest.p + 1, ';', rest.n - 1);
      size_t size = end != NULL ? (size_t)(end - rest.p) : rest.n;
      CHECK(size <= 75 + 2);
      CHECK_STR(ettm_str_of(rest.p + size - 7, 7), ETTM_LIT("%1B%28B"));
      rest = ettm_str_of(rest.p + size, rest.n - size);
    }
    ettm_buffer_clear(&out);
  }
}

static void legacy(void) {
  own o;
  ettm_buffer out;
  shift_init(&o, 1);
  ettm_buffer_init(&out, NULL, 10000);
  CHECK_INT(ettm_parameter_append_legacy(&out, ETTM_LIT("name"), ETTM_LIT(A), &o.encoder), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), ETTM_LIT("; name=\"" WORD_A "\""));
  CHECK_INT(ettm_parameter_append_legacy(&out, ETTM_LIT("name"), ETTM_LIT(KAN), &o.encoder),
            ETTM_E_ARGUMENT);
  CHECK_STR(ettm_buffer_view(&out), ETTM_LIT("; name=\"" WORD_A "\""));
  ettm_buffer_clear(&out);
}

static void charset_names(void) {
  own o;
  ettm_buffer out;
  shift_init(&o, 0);
  o.encoder.name = ETTM_LIT("it's");
  ettm_buffer_init(&out, NULL, 10000);
  CHECK_INT(ettm_parameter_append_charset(&out, ETTM_LIT("x"), ETTM_LIT(A), &o.encoder),
            ETTM_E_ARGUMENT);
  o.encoder.name = ETTM_LIT("x23456789-123456789-123456789-123456789-");
  CHECK_INT(ettm_parameter_append_charset(&out,
                                          ETTM_LIT("x23456789-123456789-123456789-123456789-"),
                                          ETTM_LIT(A A), &o.encoder),
            ETTM_OK);
  ettm_buffer_clear(&out);
}

static ettm_status append_once(check_heap *h, void *ud) {
  own o;
  ettm_buffer out;
  ettm_status status;
  (void)ud;
  shift_init(&o, 1);
  ettm_buffer_init(&out, &h->alloc, 10000);
  status = ettm_parameter_append_charset(&out, ETTM_LIT("filename"), ETTM_LIT(A10 A10), &o.encoder);
  if (status != ETTM_OK) {
    CHECK_INT(ettm_buffer_size(&out), 0);
  }
  ettm_buffer_clear(&out);
  return status;
}

static void no_memory(void) {
  check_every_failure(append_once, NULL);
}

/* --- content --- */

static void check_encoding(const char *charset, ettm_str content, const char *wanted) {
  ettm_message *m = new_message();
  ettm_leaf leaf = text_leaf();
  ettm_seal seal = seal_options();
  ettm_str field = ettm_str_of(NULL, 0);
  ettm_part part;
  leaf.charset = text_of(charset);
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, content, &part), ETTM_OK);
  CHECK_INT(ettm_message_seal(m, &seal), ETTM_OK);
  field = ettm_message_header_section(m);
  while (field.n > 27 && memcmp(field.p, "Content-Transfer-Encoding: ", 27) != 0) {
    field = ettm_str_of(field.p + 1, field.n - 1);
  }
  CHECK(field.n > 27 + strlen(wanted));
  CHECK_STR(ettm_str_of(field.p + 27, strlen(wanted)), text_of(wanted));
  ettm_message_release(m);
}

static void seven_bit(void) {
  static char line[999];
  ettm_str text = ETTM_LIT("a \x1B$B%2\x1B(B b\n");
  memset(line, 'x', sizeof line);
  memcpy(line, "\x1B(B", 3);
  check_encoding("iso-2022-jp", text, "7bit");
  check_encoding("ISO-2022-KR", ETTM_LIT("\x0E!!\x0F\n"), "7bit");
  check_encoding("iso-8859-1", text, "quoted-printable");
  check_encoding("", text, "quoted-printable");
  check_encoding("iso-2022-", text, "quoted-printable");
  check_encoding("iso-2022-jp", ettm_str_of(line, 998), "7bit");
  check_encoding("iso-2022-jp", ettm_str_of(line, 999), "quoted-printable");
  check_encoding("iso-2022-jp", ETTM_LIT("\x1B$B======\x1B(B \n"), "base64");
  check_encoding("iso-2022-jp", ETTM_LIT("\x1B(Ba\x01\n"), "quoted-printable");
}

static void whole_message(void) {
  own o;
  ettm_message *m = new_message();
  ettm_leaf leaf = file_leaf("a/b", "x/" A);
  ettm_part part;
  shift_init(&o, 1);
  CHECK_INT(ettm_message_add_multipart(m, 0, ETTM_LIT("mixed"), ettm_str_of(NULL, 0), &part),
            ETTM_OK);
  ettm_message_set_encoder(m, &o.encoder);
  CHECK_INT(ettm_headers_add_text(ettm_message_headers(m), ETTM_LIT("Subject"), ETTM_LIT(A)),
            ETTM_OK);
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, ETTM_LIT("x"), &part), ETTM_OK);
  leaf.file_name = ETTM_LIT(KAN);
  CHECK_INT(ettm_message_add_leaf(m, 0, &leaf, ETTM_LIT("x"), &part), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_message_count(m), 2);
  CHECK(ettm_headers_find(ettm_message_headers(m), ETTM_LIT("Subject"), NULL));
  ettm_message_release(m);
}

static const check_case cases[] = {
    {"a text goes in the charset, in UTF-8 where it does not fit, or not at all", texts},
    {"so do the names of mailboxes and groups", names},
    {"a mailbox is written whole or not at all", mailboxes},
    {"a parameter names the charset once, and each segment is complete", parameters},
    {"segments of any length of text fit their line", segments},
    {"the legacy name is of words in the charset", legacy},
    {"a charset's name is one, and may be as long as any", charset_names},
    {"leaks nothing when memory runs out", no_memory},
    {"text of ISO-2022 is 7bit where its lines allow that, and only there", seven_bit},
    {"all that is added to a message from now on goes in it", whole_message},
};

CHECK_MAIN("charset_fields", cases)
