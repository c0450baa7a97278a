/* Base64: the encoder at every split and room, sizes, and the strict decoder.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "check.h"
#include "codec/base64.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OUT_MAX      4096

typedef struct result {
  char bytes[OUT_MAX];
  size_t n;
} result;

static ettm_str view(const result *r) {
  return ettm_str_of(r->bytes, r->n);
}

/* Feeds pieces of `piece` octets, offers `room` octets at a time, and joins what comes out. */
static void encode(ettm_str in, size_t piece, size_t room, unsigned line_length, result *r) {
  ettm_base64 e;
  size_t done = 0;
  size_t used, made;
  char out[OUT_MAX];
  ettm_base64_init(&e, line_length);
  r->n = 0;
  while (done < in.n) {
    size_t n = in.n - done < piece ? in.n - done : piece;
    ettm_base64_encode(&e, ettm_str_of(in.p + done, n), &used, out, room, &made);
    CHECK(used > 0 && used <= n && made <= room);
    CHECK(used == n || made + 6 > room);
    if (used == 0) {
      return;
    }
    memcpy(r->bytes + r->n, out, made);
    r->n += made;
    done += used;
  }
  ettm_base64_finish(&e, out, room, &made);
  CHECK(made <= room);
  memcpy(r->bytes + r->n, out, made);
  r->n += made;
}

static void check_encodes(ettm_str in, unsigned line_length, ettm_str wanted) {
  static const size_t pieces[] = {1, 2, 3, 4, 5, 57, 58, 100, 100000};
  static const size_t rooms[] = {ETTM_ENCODER_ROOM, ETTM_ENCODER_ROOM + 1, 200, OUT_MAX};
  size_t i, j;
  for (i = 0; i < COUNT(pieces); i++) {
    for (j = 0; j < COUNT(rooms); j++) {
      result r;
      encode(in, pieces[i], rooms[j], line_length, &r);
      CHECK_STR(view(&r), wanted);
    }
  }
}

static const struct {
  const char *plain;
  const char *coded;
} vectors[] = {/* RFC 4648 10 */
               {"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"},
               {"\xFB\xEF\xBE\xFF\xFF\xFF", "++++////"}};

static ettm_str text_of(const char *s) {
  return ettm_str_of(s, strlen(s));
}

static void vectors_encode(void) {
  size_t i;
  for (i = 0; i < COUNT(vectors); i++) {
    check_encodes(text_of(vectors[i].plain), 0, text_of(vectors[i].coded));
  }
}

static void vectors_append(void) {
  size_t i;
  for (i = 0; i < COUNT(vectors); i++) {
    ettm_buffer b;
    ettm_buffer_init(&b, NULL, 100);
    CHECK_INT(ettm_base64_append(&b, check_guarded(text_of(vectors[i].plain))), ETTM_OK);
    CHECK_STR(ettm_buffer_view(&b), text_of(vectors[i].coded));
    ettm_buffer_clear(&b);
  }
}

static void lines_of_76(void) {
  char in[171], wanted[300];
  memset(in, 0, sizeof in);
  memset(wanted, 'A', sizeof wanted);
  memcpy(wanted + 75, "=\r\n", 3);
  check_encodes(ettm_str_of(in, 56), 76, ettm_str_of(wanted, 78));
  wanted[75] = 'A';
  memcpy(wanted + 76, "\r\n", 2);
  check_encodes(ettm_str_of(in, 57), 76, ettm_str_of(wanted, 78));
  memcpy(wanted + 78, "AA==\r\n", 6);
  check_encodes(ettm_str_of(in, 58), 76, ettm_str_of(wanted, 84));
  memset(wanted + 78, 'A', 76);
  memcpy(wanted + 154, "\r\n", 2);
  check_encodes(ettm_str_of(in, 114), 76, ettm_str_of(wanted, 156));
}

static void short_lines(void) {
  check_encodes(ETTM_LIT("foobar!"), 4, ETTM_LIT("Zm9v\r\nYmFy\r\nIQ==\r\n"));
  check_encodes(ETTM_LIT("foobar"), 8, ETTM_LIT("Zm9vYmFy\r\n"));
}

/* Another encoder, bit by bit. */
static size_t encode_slowly(ettm_str in, char *out) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t bit, n = 0;
  for (bit = 0; bit < in.n * 8; bit += 6) {
    unsigned value = 0;
    size_t k;
    for (k = bit; k < bit + 6; k++) {
      unsigned octet = k / 8 < in.n ? (unsigned char)in.p[k / 8] : 0;
      value = value << 1 | (octet >> (7 - k % 8) & 1);
    }
    out[n++] = digits[value];
  }
  while (n % 4 != 0) {
    out[n++] = '=';
  }
  return n;
}

/* Every group of twelve bits in both halves of a group of three, and every length to 60. */
static void all_groups(void) {
  char in[3 * 4096], wanted[4 * 4096 + 4];
  ettm_buffer b;
  size_t i;
  for (i = 0; i < 4096; i++) {
    in[3 * i] = (char)(i >> 4);
    in[3 * i + 1] = (char)((i << 4 & 0xF0) | (4095 - i) >> 8);
    in[3 * i + 2] = (char)((4095 - i) & 0xFF);
  }
  ettm_buffer_init(&b, NULL, sizeof wanted);
  CHECK_INT(ettm_base64_append(&b, ettm_str_of(in, sizeof in)), ETTM_OK);
  CHECK(ettm_str_equal(ettm_buffer_view(&b),
                       ettm_str_of(wanted, encode_slowly(ettm_str_of(in, sizeof in), wanted))));
  for (i = 0; i <= 60; i++) {
    ettm_str part = ettm_str_of(in + 700, i);
    check_encodes(part, 0, ettm_str_of(wanted, encode_slowly(part, wanted)));
  }
  ettm_buffer_clear(&b);
}

static void size_is_exact(void) {
  static const unsigned lengths[] = {0, 4, 8, 72, 76};
  static const char in[400] = "size";
  size_t i, n;
  for (i = 0; i < COUNT(lengths); i++) {
    for (n = 0; n < sizeof in; n += n < 20 ? 1 : 19) {
      result r;
      encode(ettm_str_of(in, n), sizeof in, OUT_MAX, lengths[i], &r);
      CHECK_INT(ettm_base64_size(n, lengths[i]), r.n);
    }
  }
}

static void size_saturates(void) {
  CHECK(ettm_base64_size(UINT64_MAX, 0) == UINT64_MAX);
  CHECK(ettm_base64_size(UINT64_MAX / 4 * 3, 76) == UINT64_MAX);
  CHECK(ettm_base64_size(UINT64_MAX / 4 * 3 - 3, 0) < UINT64_MAX);
  CHECK(ettm_base64_size(UINT64_MAX / 2, 76) < UINT64_MAX);
}

static void room_is_kept(void) {
  static const char in[1000] = "room";
  size_t room;
  for (room = ETTM_ENCODER_ROOM; room < ETTM_ENCODER_ROOM + 90; room++) {
    ettm_base64 e;
    size_t used, made;
    ettm_str out = check_guarded(ettm_str_of(in, room));
    ettm_base64_init(&e, 76);
    ettm_base64_encode(&e, ettm_str_of(in, sizeof in), &used, (char *)(uintptr_t)out.p, room,
                       &made);
    CHECK(made <= room && made + 6 > room && used < sizeof in);
  }
}

static void reads_no_further(void) {
  size_t n;
  for (n = 0; n < 70; n++) {
    char plain[70] = "";
    result r;
    encode(check_guarded(ettm_str_of(plain, n)), 100, OUT_MAX, 76, &r);
    CHECK_INT(r.n, ettm_base64_size(n, 76));
  }
}

static void nothing_in(void) {
  ettm_base64 e;
  size_t used = 9, made = 9;
  char out[ETTM_ENCODER_ROOM];
  ettm_base64_init(&e, 76);
  ettm_base64_encode(&e, ettm_str_of(NULL, 0), &used, out, sizeof out, &made);
  CHECK_INT(used + made, 0);
  ettm_base64_finish(&e, out, sizeof out, &made);
  CHECK_INT(made, 0);
}

static void decodes(void) {
  size_t i;
  for (i = 0; i < COUNT(vectors); i++) {
    ettm_buffer b;
    ettm_buffer_init(&b, NULL, 100);
    CHECK_INT(ettm_base64_decode(&b, check_guarded(text_of(vectors[i].coded))), ETTM_OK);
    CHECK_STR(ettm_buffer_view(&b), text_of(vectors[i].plain));
    ettm_buffer_clear(&b);
  }
}

static void decodes_all_octets(void) {
  char in[256];
  ettm_buffer coded, plain;
  size_t i;
  for (i = 0; i < sizeof in; i++) {
    in[i] = (char)i;
  }
  ettm_buffer_init(&coded, NULL, 1000);
  ettm_buffer_init(&plain, NULL, 256);
  CHECK_INT(ettm_base64_append(&coded, ettm_str_of(in, sizeof in)), ETTM_OK);
  CHECK_INT(ettm_base64_decode(&plain, ettm_buffer_view(&coded)), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&plain), ettm_str_of(in, sizeof in));
  ettm_buffer_clear(&coded);
  ettm_buffer_clear(&plain);
}

static void refuses(void) {
  static const char *const bad[] = {
      "Z",    "Zg",       "Zg=",      "Zm9",      "Zh==",     "Zm9=",
      "=",    "==",       "===",      "====",     "=AAA",     "AA=A",
      "A===", "Zg==Zg==", "!",        "Zm9\x80",  "Zm9v\r\n", "Zm9v Zg=",
      "Zm-_", "Z=g=",     "Zm8=Zm9v", "Zm9v====", "Zm9vZm9*", "Zm9v\r\nZm9v\r\n\r\n"};
  size_t i;
  for (i = 0; i < COUNT(bad); i++) {
    ettm_buffer b;
    ettm_buffer_init(&b, NULL, 100);
    CHECK_INT(ettm_base64_decode(&b, check_guarded(text_of(bad[i]))), ETTM_E_ARGUMENT);
    ettm_buffer_clear(&b);
  }
}

static void refuses_nul(void) {
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 100);
  CHECK_INT(ettm_base64_decode(&b, ETTM_LIT("Zm9\0")), ETTM_E_ARGUMENT);
  CHECK_INT(ettm_base64_decode(&b, ETTM_LIT("Zg==\0\0\0\0")), ETTM_E_ARGUMENT);
  ettm_buffer_clear(&b);
}

static void keeps_to_the_maximum(void) {
  ettm_buffer b;
  ettm_buffer_init(&b, NULL, 3);
  CHECK_INT(ettm_base64_append(&b, ETTM_LIT("a")), ETTM_E_LIMIT);
  CHECK_INT(ettm_base64_decode(&b, ETTM_LIT("Zm9vYg==")), ETTM_E_LIMIT);
  CHECK_INT(ettm_base64_decode(&b, ETTM_LIT("Zm9v")), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&b), ETTM_LIT("foo"));
  ettm_buffer_clear(&b);
}

static ettm_status append_and_decode(check_heap *h, void *ud) {
  ettm_buffer b, plain;
  ettm_status status;
  (void)ud;
  ettm_buffer_init(&b, &h->alloc, 100);
  ettm_buffer_init(&plain, &h->alloc, 100);
  status = ettm_base64_append(&b, ETTM_LIT("hello"));
  if (status == ETTM_OK) {
    status = ettm_base64_decode(&plain, ettm_buffer_view(&b));
  }
  ettm_buffer_clear(&b);
  ettm_buffer_clear(&plain);
  return status;
}

static void memory_fails(void) {
  check_every_failure(append_and_decode, NULL);
}

static const check_case cases[] = {
    {"encodes the vectors of RFC 4648 at every split", vectors_encode},
    {"appends the vectors of RFC 4648", vectors_append},
    {"breaks lines after 76 octets, and after the last", lines_of_76},
    {"breaks lines of other lengths", short_lines},
    {"encodes every group as a slow encoder does", all_groups},
    {"says the exact size beforehand", size_is_exact},
    {"saturates a size that does not fit", size_saturates},
    {"fills its room and never more", room_is_kept},
    {"reads no further than its input", reads_no_further},
    {"makes nothing of nothing", nothing_in},
    {"decodes the vectors of RFC 4648", decodes},
    {"decodes what it encoded of all octets", decodes_all_octets},
    {"refuses what is not strict base64", refuses},
    {"refuses NUL in base64", refuses_nul},
    {"keeps to the buffer's maximum", keeps_to_the_maximum},
    {"is clean when memory fails", memory_fails},
};

CHECK_MAIN("base64", cases)
