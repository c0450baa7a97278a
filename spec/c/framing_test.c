/* SPDX-License-Identifier: MIT */
#include "smtp/framing.h"

#include <stdint.h>
#include <string.h>

#include "check.h"

enum { MOST = 4096 };

/* The same, written in the simplest way there is. */
static size_t frame_simply(ettm_str in, char *out) {
  size_t made = 0;
  size_t i;
  int line_start = 1;
  for (i = 0; i < in.n; i++) {
    char c = in.p[i];
    if (c == '\r' || c == '\n') {
      if (c == '\r' && i + 1 < in.n && in.p[i + 1] == '\n') {
        i++;
      }
      out[made++] = '\r';
      out[made++] = '\n';
      line_start = 1;
      continue;
    }
    if (c == '.' && line_start) {
      out[made++] = '.';
    }
    out[made++] = c;
    line_start = 0;
  }
  if (!line_start) {
    out[made++] = '\r';
    out[made++] = '\n';
  }
  memcpy(out + made, ".\r\n", 3);
  return made + 3;
}

/* The filter, fed `step` octets at a time into blocks of `capacity`, each before a guard. */
static size_t frame_in_steps(ettm_str in, size_t step, size_t capacity, char *out) {
  static char block[MOST + 1];
  ettm_framing f;
  size_t at = 0;
  size_t total = 0;
  ettm_framing_init(&f);
  while (at < in.n) {
    size_t n = in.n - at < step ? in.n - at : step;
    size_t used;
    size_t made;
    block[capacity] = 'G';
    ettm_framing_write(&f, ettm_str_of(in.p + at, n), &used, block, capacity, &made);
    CHECK(used <= n && used > 0);
    CHECK(made <= capacity);
    CHECK_INT(block[capacity], 'G');
    if (used == 0) {
      return 0;
    }
    memcpy(out + total, block, made);
    at += used;
    total += made;
  }
  total += ettm_framing_end(&f, out + total);
  return total;
}

static void check_all_cuts(ettm_str in) {
  static char wanted[MOST];
  static char got[MOST];
  size_t n = frame_simply(in, wanted);
  size_t step;
  size_t capacity;
  for (step = 1; step <= in.n + 1; step++) {
    for (capacity = ETTM_FRAMING_ROOM; capacity < 24; capacity++) {
      size_t made = frame_in_steps(in, step, capacity, got);
      CHECK_STR(ettm_str_of(got, made), ettm_str_of(wanted, n));
    }
  }
  CHECK_STR(ettm_str_of(got, frame_in_steps(check_guarded(in), in.n + 1, MOST, got)),
            ettm_str_of(wanted, n));
}

typedef struct framed {
  const char *in;
  const char *out;
} framed;

static const framed examples[] = {
    {"", ".\r\n"},
    {"a", "a\r\n.\r\n"},
    {"a\r\n", "a\r\n.\r\n"},
    {"a\n", "a\r\n.\r\n"},
    {"a\r", "a\r\n.\r\n"},
    {".", "..\r\n.\r\n"},
    {"..\r\n", "...\r\n.\r\n"},
    {"a.b\r\n.c", "a.b\r\n..c\r\n.\r\n"},
    {"\r\n.\r\n", "\r\n..\r\n.\r\n"},
    {"\n.\n", "\r\n..\r\n.\r\n"},
    {"\r.\r", "\r\n..\r\n.\r\n"},
    {"\r\n.\n", "\r\n..\r\n.\r\n"},
    {"x\r\r\ny", "x\r\n\r\ny\r\n.\r\n"},
    {"x\n\ry", "x\r\n\r\ny\r\n.\r\n"},
    {"bare\r.\rcr", "bare\r\n..\r\ncr\r\n.\r\n"},
};

static void frames_examples(void) {
  size_t i;
  for (i = 0; i < sizeof examples / sizeof examples[0]; i++) {
    char out[256];
    ettm_str in = ettm_str_of(examples[i].in, strlen(examples[i].in));
    CHECK_STR(ettm_str_of(out, frame_in_steps(in, 256, 256, out)),
              ettm_str_of(examples[i].out, strlen(examples[i].out)));
    check_all_cuts(in);
  }
}

static void frames_every_short_text(void) {
  static const char alphabet[] = {'a', '.', '\r', '\n'};
  char in[6];
  char wanted[64];
  char got[64];
  size_t code;
  for (code = 0; code < 4096; code++) {
    size_t rest = code;
    size_t i;
    size_t n;
    for (i = 0; i < 6; i++, rest /= 4) {
      in[i] = alphabet[rest % 4];
    }
    n = frame_simply(ettm_str_of(in, 6), wanted);
    for (i = 1; i <= 6; i++) {
      size_t made = frame_in_steps(ettm_str_of(in, 6), i, ETTM_FRAMING_ROOM, got);
      CHECK_STR(ettm_str_of(got, made), ettm_str_of(wanted, n));
    }
    CHECK_STR(ettm_str_of(got, frame_in_steps(ettm_str_of(in, 6), 6, 64, got)),
              ettm_str_of(wanted, n));
  }
}

static void frames_longer_texts(void) {
  check_all_cuts(
      ETTM_LIT("Subject: x\r\n\r\n.hidden\n..two\r\nno end\r.\r\n\n\n\n\nlast line without end"));
  check_all_cuts(ETTM_LIT("\n\n\n\n\n\n\n\n\n\n\n\nabcdefghijklmnop"));
  check_all_cuts(ETTM_LIT("\r\r\r\r\r\r.\r\r\r.....\r\n.\r\n.\r\n."));
  check_all_cuts(ETTM_LIT("nul \0 and \xFF\xFE.\0\r\n\0.\n"));
}

static void keeps_line_ends_paired(void) {
  static char in[512];
  static char out[MOST];
  uint32_t seed = 1;
  int round;
  for (round = 0; round < 2000; round++) {
    size_t i;
    size_t n;
    for (i = 0; i < sizeof in; i++) {
      seed = seed * 1664525u + 1013904223u;
      in[i] = "\r\n.aaaaa"[seed >> 29];
    }
    n = frame_in_steps(ettm_str_of(in, sizeof in), 1 + (seed >> 20) % 64, 8 + (seed >> 10) % 64,
                       out);
    CHECK(n > 3 && memcmp(out + n - 5, "\r\n.\r\n", 5) == 0);
    for (i = 0; i + 1 < n; i++) {
      if ((out[i] == '\r') != (out[i + 1] == '\n')) {
        check_true(0, "CR and LF stand together", __FILE__, __LINE__);
        return;
      }
      if (i > 1 && i + 4 < n && memcmp(out + i - 1, "\n.\r", 3) == 0) {
        check_true(0, "the end comes last", __FILE__, __LINE__);
        return;
      }
    }
  }
}

static void can_be_used_again(void) {
  ettm_framing f;
  char out[ETTM_FRAMING_ROOM];
  size_t used;
  size_t made;
  ettm_framing_init(&f);
  ettm_framing_write(&f, ETTM_LIT("x"), &used, out, sizeof out, &made);
  CHECK_INT(ettm_framing_end(&f, out), 5);
  CHECK_INT(ettm_framing_end(&f, out), 3);
  CHECK_STR(ettm_str_of(out, 3), ETTM_LIT(".\r\n"));
}

static void takes_nothing_from_nothing(void) {
  ettm_framing f;
  char out[ETTM_FRAMING_ROOM];
  size_t used = 9;
  size_t made = 9;
  ettm_framing_init(&f);
  ettm_framing_write(&f, ettm_str_of(NULL, 0), &used, out, sizeof out, &made);
  CHECK_INT(used, 0);
  CHECK_INT(made, 0);
}

static const check_case cases[] = {
    {"frames the examples of RFC 5321 4.5.2 and the attacks on it", frames_examples},
    {"frames every text of six octets out of a . CR LF", frames_every_short_text},
    {"frames longer texts the same however they are cut", frames_longer_texts},
    {"keeps CR and LF together and shows no end before the end", keeps_line_ends_paired},
    {"is as new after the end", can_be_used_again},
    {"takes nothing from nothing", takes_nothing_from_nothing},
};
CHECK_MAIN("framing", cases)
