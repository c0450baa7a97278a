/* Quoted-printable: the rules of RFC 2045 6.7, at every split of the input and with little room.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "check.h"
#include "codec/quoted_printable.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define OUT_MAX      8192
#define X10          "xxxxxxxxxx"
#define X70          X10 X10 X10 X10 X10 X10 X10

enum { TEXT = 1, BYTES = 0 };

typedef struct result {
  char bytes[OUT_MAX];
  size_t n;
} result;

static void add(result *r, const char *bytes, size_t n) {
  memcpy(r->bytes + r->n, bytes, n);
  r->n += n;
}

/* Feeds one piece until it is used up. */
static void feed(ettm_qp *e, ettm_str in, size_t room, result *r) {
  char out[OUT_MAX];
  size_t done = 0;
  size_t used, made;
  while (done < in.n) {
    ettm_qp_encode(e, ettm_str_of(in.p + done, in.n - done), &used, out, room, &made);
    CHECK(used <= in.n - done && made <= room);
    CHECK(used == in.n - done || made + 6 > room);
    if (used + made == 0) {
      return;
    }
    add(r, out, made);
    done += used;
  }
}

static void finish(ettm_qp *e, size_t room, result *r) {
  char out[OUT_MAX];
  size_t made;
  ettm_qp_finish(e, out, room, &made);
  CHECK(made <= room);
  add(r, out, made);
}

static void encode(ettm_str in, int is_text, size_t piece, size_t room, result *r) {
  ettm_qp e;
  size_t at;
  ettm_qp_init(&e, is_text);
  r->n = 0;
  for (at = 0; at < in.n; at += piece) {
    feed(&e, ettm_str_of(in.p + at, in.n - at < piece ? in.n - at : piece), room, r);
  }
  finish(&e, room, r);
}

/* Whole, in pieces of each small size, and cut in two at each place. */
static void check_encodes(ettm_str in, int is_text, ettm_str wanted) {
  static const size_t pieces[] = {OUT_MAX, 1, 2, 3, 4, 5, 6, 7, 9, 13};
  static const size_t rooms[] = {OUT_MAX, ETTM_ENCODER_ROOM, ETTM_ENCODER_ROOM + 1};
  ettm_str guarded = check_guarded(in);
  result r;
  size_t i, j;
  for (i = 0; i < COUNT(pieces); i++) {
    for (j = 0; j < COUNT(rooms); j++) {
      encode(guarded, is_text, pieces[i], rooms[j], &r);
      CHECK_STR(ettm_str_of(r.bytes, r.n), wanted);
    }
  }
  for (i = 0; i <= in.n; i++) {
    ettm_qp e;
    ettm_qp_init(&e, is_text);
    r.n = 0;
    feed(&e, ettm_str_of(in.p, i), OUT_MAX, &r);
    feed(&e, ettm_str_of(in.p + i, in.n - i), OUT_MAX, &r);
    finish(&e, OUT_MAX, &r);
    CHECK_STR(ettm_str_of(r.bytes, r.n), wanted);
  }
}

typedef struct vector {
  const char *in;
  const char *out;
} vector;

static void check_table(const vector *table, size_t n, int is_text) {
  size_t i;
  for (i = 0; i < n; i++) {
    check_encodes(ettm_str_of(table[i].in, strlen(table[i].in)), is_text,
                  ettm_str_of(table[i].out, strlen(table[i].out)));
  }
}
#define CHECK_TABLE(table, is_text) check_table((table), COUNT(table), (is_text))

static void octets(void) {
  static const vector table[] = {
      {"a=b\n", "a=3Db\r\n"},
      {"\xE3\x81\x82\n", "=E3=81=82\r\n"},
      {"a\x01\x7F\xFFz\n", "a=01=7F=FFz\r\n"},
      {"!\"#$%&'()*+,-/:;<>?@[\\]^_`{|}~\n", "!\"#$%&'()*+,-/:;<>?@[\\]^_`{|}~\r\n"},
      {"a\tb c\n", "a\tb c\r\n"},
      {"=_\n", "=3D_\r\n"},
  };
  CHECK_TABLE(table, TEXT);
  check_encodes(ETTM_LIT("a\0b\n"), TEXT, ETTM_LIT("a=00b\r\n"));
}

static void line_ends(void) {
  static const vector table[] = {
      {"a\r\nb\r\n", "a\r\nb\r\n"}, {"a\nb\n", "a\r\nb\r\n"},     {"a\rb\r", "a\r\nb\r\n"},
      {"\n\r\n\r", "\r\n\r\n\r\n"}, {"\r\r\n\n", "\r\n\r\n\r\n"}, {"\n\r", "\r\n\r\n"},
  };
  CHECK_TABLE(table, TEXT);
}

static void bytes_have_no_line_ends(void) {
  static const vector table[] = {
      {"a\r\nb", "a=0D=0Ab=\r\n"},
      {"\n", "=0A=\r\n"},
      {"\r", "=0D=\r\n"},
      {"a \n", "a =0A=\r\n"},
      {X70 "abcd\r\n", X70 "abcd=\r\n=0D=0A=\r\n"},
  };
  CHECK_TABLE(table, BYTES);
}

static void white_space_at_the_end(void) {
  static const vector table[] = {
      {"a \n", "a=20\r\n"},
      {"a\t\r\n", "a=09\r\n"},
      {"a  \r", "a =20\r\n"},
      {" \n \n", "=20\r\n=20\r\n"},
      {"a \t", "a =09=\r\n"},
      {"-- \n", "--=20\r\n"},
      {" a\n", " a\r\n"},
      {X70 "abcde \n", X70 "abcde=\r\n=20\r\n"},
      {X70 "abc \n", X70 "abc=20\r\n"},
      {X70 "abcd \n", X70 "abcd=\r\n=20\r\n"},
  };
  CHECK_TABLE(table, TEXT);
}

static void last_line_without_end(void) {
  static const vector table[] = {
      {"", ""},
      {"a", "a=\r\n"},
      {X70 "abcde", X70 "abcde=\r\n"},
      {X70 "abcdef", X70 "abcde=\r\nf=\r\n"},
      {"From", "From=\r\n"},
      {"F", "F=\r\n"},
  };
  CHECK_TABLE(table, TEXT);
  CHECK_TABLE(table, BYTES);
}

static void lines_of_76(void) {
  static const vector table[] = {
      {X70 "abcde\n", X70 "abcde\r\n"},
      {X70 "abcdef\n", X70 "abcdef\r\n"},
      {X70 "abcdefg\n", X70 "abcde=\r\nfg\r\n"},
      {X70 "abc\xFF\n", X70 "abc=FF\r\n"},
      {X70 "ab\xFF\xFF\n", X70 "ab=FF=\r\n=FF\r\n"},
      {X70 "abcd\xFF\n", X70 "abcd=\r\n=FF\r\n"},
      {X70 "abcde\xFF\n", X70 "abcde=\r\n=FF\r\n"},
      {X70 X70 X10 "\n", X70 "xxxxx=\r\n" X70 "xxxxx\r\n"},
      {X70 X70 X10 "xx\n", X70 "xxxxx=\r\n" X70 "xxxxx=\r\nxx\r\n"},
  };
  CHECK_TABLE(table, TEXT);
}

static void from_at_line_start(void) {
  static const vector table[] = {
      {"From me\n", "=46rom me\r\n"},
      {"a\nFrom me\n", "a\r\n=46rom me\r\n"},
      {"From\tme\n", "From\tme\r\n"},
      {"From\nFro\nF\n", "From\r\nFro\r\nF\r\n"},
      {"From ", "=46rom=20=\r\n"},
      {"From \n", "=46rom=20\r\n"},
      {"FFrom From me\n", "FFrom From me\r\n"},
      {"from me\n>From me\n", "from me\r\n>From me\r\n"},
      {X70 "abcdeFrom me\n", X70 "abcde=\r\n=46rom me\r\n"},
      {X70 "abcdeFrom\n", X70 "abcde=\r\nFrom\r\n"},
      {X70 "abcdeF\n", X70 "abcdeF\r\n"},
      {X70 "abcdFrom me\n", X70 "abcdF=\r\nrom me\r\n"},
  };
  CHECK_TABLE(table, TEXT);
}

static void dot_at_line_start(void) {
  static const vector table[] = {
      {".\n", "=2E\r\n"},
      {"a\n.\nb\n", "a\r\n=2E\r\nb\r\n"},
      {"..a\n", "=2E.a\r\n"},
      {"a.\n", "a.\r\n"},
      {X70 "abcde.a\n", X70 "abcde=\r\n=2Ea\r\n"},
      {X70 "abcde.\n", X70 "abcde.\r\n"},
      {".", "=2E=\r\n"},
  };
  CHECK_TABLE(table, TEXT);
  check_encodes(ETTM_LIT(".\n."), BYTES, ETTM_LIT("=2E=0A.=\r\n"));
}

/* RFC 2045 6.7, the example with a soft line break. */
static void example(void) {
  check_encodes(ETTM_LIT("Now's the time for all folk to come to the aid of their country."), TEXT,
                ETTM_LIT("Now's the time for all folk to come to the aid of their country.=\r\n"));
}

/* A decoder of its own, as strict as the encoder is meant to be. */
static int hex(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static size_t decode(ettm_str in, char *out) {
  size_t i = 0;
  size_t n = 0;
  while (i < in.n) {
    if (in.p[i] != '=') {
      out[n++] = in.p[i++];
      continue;
    }
    CHECK(i + 2 < in.n);
    if (in.p[i + 1] != '\r') {
      CHECK(hex(in.p[i + 1]) >= 0 && hex(in.p[i + 2]) >= 0);
      out[n++] = (char)(hex(in.p[i + 1]) << 4 | hex(in.p[i + 2]));
    }
    i += 3;
  }
  return n;
}

static void check_lines(ettm_str s) {
  size_t i;
  size_t column = 0;
  for (i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    if (c == '\r') {
      CHECK(i + 1 < s.n && s.p[i + 1] == '\n');
      CHECK(i == 0 || (s.p[i - 1] != ' ' && s.p[i - 1] != '\t'));
      i++;
      column = 0;
      continue;
    }
    CHECK(c == '\t' || (c >= 32 && c < 127));
    CHECK(column > 0 || (c != '.' && (s.n - i < 5 || memcmp(s.p + i, "From ", 5) != 0)));
    CHECK(++column <= 76);
  }
  CHECK_INT(column, 0);
}

/* Random texts of the pieces that matter, from a generator of fixed seed. */
static void random_texts(void) {
  static const char *const parts[] = {"From ", "From", ".",    " ",    "\t",   "\r",  "\n",
                                      "\r\n",  "=",    "\xE9", "word", "=_=_", "Fro", X10 X10 X10};
  uint32_t seed = 1;
  int round;
  for (round = 0; round < 2000; round++) {
    char in[1000], back[OUT_MAX];
    size_t n = 0;
    result whole, cut;
    while (n < 500 && (seed & 0xF0000) != 0) {
      const char *part;
      seed = seed * 1664525 + 1013904223;
      part = parts[(seed >> 24) % COUNT(parts)];
      memcpy(in + n, part, strlen(part));
      n += strlen(part);
    }
    seed = seed * 1664525 + 1013904223;
    encode(ettm_str_of(in, n), BYTES, OUT_MAX, OUT_MAX, &whole);
    encode(ettm_str_of(in, n), BYTES, 1 + seed % 9, ETTM_ENCODER_ROOM, &cut);
    CHECK_STR(ettm_str_of(cut.bytes, cut.n), ettm_str_of(whole.bytes, whole.n));
    check_lines(ettm_str_of(whole.bytes, whole.n));
    CHECK_STR(ettm_str_of(back, decode(ettm_str_of(whole.bytes, whole.n), back)),
              ettm_str_of(in, n));
    encode(ettm_str_of(in, n), TEXT, OUT_MAX, OUT_MAX, &whole);
    encode(ettm_str_of(in, n), TEXT, 1 + seed % 9, ETTM_ENCODER_ROOM + 1, &cut);
    CHECK_STR(ettm_str_of(cut.bytes, cut.n), ettm_str_of(whole.bytes, whole.n));
    check_lines(ettm_str_of(whole.bytes, whole.n));
  }
}

static void state_is_bounded(void) {
  static const char in[] = "From From \r\r\nFro\n F.";
  ettm_qp e;
  size_t i;
  char out[ETTM_ENCODER_ROOM];
  ettm_qp_init(&e, TEXT);
  for (i = 0; i + 1 < sizeof in; i++) {
    size_t used, made;
    ettm_qp_encode(&e, ettm_str_of(in + i, 1), &used, out, sizeof out, &made);
    CHECK_INT(used, 1);
    CHECK(e.held_size <= 4);
  }
}

static void nothing_in(void) {
  ettm_qp e;
  size_t used = 9, made = 9;
  char out[ETTM_ENCODER_ROOM];
  ettm_qp_init(&e, TEXT);
  ettm_qp_encode(&e, ettm_str_of(NULL, 0), &used, out, sizeof out, &made);
  CHECK_INT(used + made, 0);
}

static const check_case cases[] = {
    {"encodes what may not stand for itself", octets},
    {"makes CRLF of every line end of a text", line_ends},
    {"encodes CR and LF of bytes", bytes_have_no_line_ends},
    {"encodes white space at a line's end", white_space_at_the_end},
    {"adds no line end to the content", last_line_without_end},
    {"uses all 76 octets of a line and never more", lines_of_76},
    {"encodes From at a line's start", from_at_line_start},
    {"encodes a dot at a line's start", dot_at_line_start},
    {"leaves a short plain text readable", example},
    {"makes lines that decode to the input, however it is cut", random_texts},
    {"holds back four octets at most", state_is_bounded},
    {"makes nothing of nothing", nothing_in},
};

CHECK_MAIN("quoted_printable", cases)
