/* Fuzzes the base64 and quoted-printable encoders: however the input is cut and whatever the room,
 * the output is the same, keeps to its rules, and decodes to the input.
 *
 * The first octet chooses the room, the second the cuts; the rest is what is encoded.
 *
 * SPDX-License-Identifier: MIT */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/quoted_printable.h"

#define INPUT_MAX       4096
#define MUST(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef enum encoding { BASE64, QP_BYTES, QP_TEXT } encoding;

typedef struct encoder {
  encoding form;
  ettm_base64 base64;
  ettm_qp qp;
} encoder;

static void init(encoder *e, encoding f) {
  e->form = f;
  ettm_base64_init(&e->base64, ETTM_BASE64_LINE);
  ettm_qp_init(&e->qp, f == QP_TEXT);
}

static void step(encoder *e, ettm_str in, size_t *used, char *out, size_t room, size_t *made) {
  if (e->form == BASE64) {
    ettm_base64_encode(&e->base64, in, used, out, room, made);
  } else {
    ettm_qp_encode(&e->qp, in, used, out, room, made);
  }
  MUST(*used <= in.n && *made <= room);
  MUST(*used == in.n || *used + *made > 0);
}

static void finish(encoder *e, char *out, size_t room, size_t *made) {
  if (e->form == BASE64) {
    ettm_base64_finish(&e->base64, out, room, made);
  } else {
    ettm_qp_finish(&e->qp, out, room, made);
  }
  MUST(*made <= room);
}

/* Encodes pieces of 1 to `cut` octets in turn; each output gets a block of exactly `room`, so that
 * the sanitizer sees what is written behind it. */
static ettm_str encode(encoding f, ettm_str in, size_t cut, size_t room) {
  encoder e;
  char *all = (char *)malloc(in.n * 4 + 4096);
  char *out = (char *)malloc(room);
  size_t n = 0;
  size_t done = 0;
  size_t made, used;
  size_t piece = 0;
  MUST(all != NULL && out != NULL);
  init(&e, f);
  while (done < in.n) {
    piece = piece % cut + 1;
    if (piece > in.n - done) {
      piece = in.n - done;
    }
    step(&e, ettm_str_of(in.p + done, piece), &used, out, room, &made);
    memcpy(all + n, out, made);
    n += made;
    done += used;
  }
  finish(&e, out, room, &made);
  memcpy(all + n, out, made);
  free(out);
  return ettm_str_of(all, n + made);
}

/* Lines of at most 76 octets, each ended by CRLF, printable; no bare CR or LF. */
static void check_lines(ettm_str s) {
  size_t column = 0;
  size_t i;
  for (i = 0; i < s.n; i++) {
    if (s.p[i] == '\r') {
      MUST(++i < s.n && s.p[i] == '\n');
      column = 0;
    } else {
      MUST(s.p[i] == '\t' || (s.p[i] >= ' ' && s.p[i] <= '~'));
      MUST(++column <= 76);
    }
  }
  MUST(column == 0);
}

static void check_qp_lines(ettm_str s) {
  size_t i;
  for (i = 0; i < s.n; i++) {
    int at_start = i == 0 || s.p[i - 1] == '\n';
    MUST(!at_start || s.p[i] != '.');
    MUST(!at_start || s.n - i < 5 || memcmp(s.p + i, "From ", 5) != 0);
    MUST(s.p[i] != '_' || i == 0 || s.p[i - 1] != '=');
    MUST((s.p[i] != ' ' && s.p[i] != '\t') || (i + 1 < s.n && s.p[i + 1] != '\r'));
  }
}

static unsigned digit(char c) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *at = (const char *)memchr(digits, c, 64);
  MUST(at != NULL);
  return (unsigned)(at - digits);
}

static size_t decode_base64(ettm_str s, char *out) {
  uint32_t bits = 0;
  size_t count = 0;
  size_t n = 0;
  size_t i;
  for (i = 0; i < s.n; i++) {
    if (s.p[i] == '\r' || s.p[i] == '\n') {
      continue;
    }
    if (s.p[i] == '=') {
      MUST(count % 4 >= 2 && s.n - i <= 4);
      break;
    }
    bits = bits << 6 | digit(s.p[i]);
    if (++count % 4 != 1) {
      out[n++] = (char)(bits >> (6 - 2 * ((count - 1) % 4)) & 0xFF);
    }
  }
  return n;
}

static unsigned hex(char c) {
  MUST((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'));
  return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'A') + 10;
}

static size_t decode_qp(ettm_str s, char *out) {
  size_t n = 0;
  size_t i = 0;
  while (i < s.n) {
    if (s.p[i] != '=') {
      out[n++] = s.p[i++];
      continue;
    }
    MUST(s.n - i >= 3);
    if (s.p[i + 1] != '\r') {
      out[n++] = (char)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
    }
    i += 3;
  }
  return n;
}

static size_t to_crlf(ettm_str s, char *out) {
  size_t n = 0;
  size_t i;
  for (i = 0; i < s.n; i++) {
    if (s.p[i] != '\r' && s.p[i] != '\n') {
      out[n++] = s.p[i];
      continue;
    }
    out[n++] = '\r';
    out[n++] = '\n';
    if (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n') {
      i++;
    }
  }
  return n;
}

static void check_form(encoding f, ettm_str in, size_t cut, size_t room) {
  static char decoded[INPUT_MAX * 4], wanted[INPUT_MAX * 4];
  ettm_str whole = encode(f, in, in.n + 1, INPUT_MAX * 4);
  ettm_str in_pieces = encode(f, in, cut, room);
  size_t n = in.n;
  MUST(ettm_str_equal(whole, in_pieces));
  check_lines(whole);
  if (n > 0) {
    memcpy(wanted, in.p, n);
  }
  if (f == BASE64) {
    MUST(whole.n == ettm_base64_size(in.n, ETTM_BASE64_LINE));
    MUST(decode_base64(whole, decoded) == n);
  } else {
    n = f == QP_TEXT ? to_crlf(in, wanted) : n;
    check_qp_lines(whole);
    MUST(decode_qp(whole, decoded) == n);
  }
  MUST(memcmp(decoded, wanted, n) == 0);
  free((void *)(uintptr_t)whole.p);
  free((void *)(uintptr_t)in_pieces.p);
}

/* What the strict decoder takes is what the encoder makes. */
static void check_decoder(ettm_str in) {
  ettm_buffer plain, coded;
  ettm_buffer_init(&plain, NULL, INPUT_MAX);
  ettm_buffer_init(&coded, NULL, INPUT_MAX);
  if (in.n > 0 && ettm_base64_decode(&plain, in) == ETTM_OK) {
    MUST(ettm_buffer_size(&plain) > 0);
    MUST(ettm_base64_append(&coded, ettm_buffer_view(&plain)) == ETTM_OK);
    MUST(ettm_str_equal(ettm_buffer_view(&coded), in));
  }
  ettm_buffer_clear(&plain);
  ettm_buffer_clear(&coded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ettm_str in;
  size_t room, cut;
  if (size < 2 || size > INPUT_MAX) {
    return 0;
  }
  room = ETTM_ENCODER_ROOM + data[0];
  cut = (size_t)data[1] + 1;
  in = ettm_str_of((const char *)data + 2, size - 2);
  check_form(BASE64, in, cut, room);
  check_form(QP_BYTES, in, cut, room);
  check_form(QP_TEXT, in, cut, room);
  check_decoder(in);
  return 0;
}
