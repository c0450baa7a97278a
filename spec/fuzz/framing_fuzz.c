/* SPDX-License-Identifier: MIT */
/* The first two octets give the pieces that the rest is fed in and the room it is written to. The
 * wire must be the same as of the simplest framing there is, and its end must be its only end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/framing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int ok) {
  if (!ok) {
    abort();
  }
}

static size_t frame_simply(ettm_str in, char *out) {
  size_t made = 0;
  size_t i;
  for (i = 0; i < in.n; i++) {
    char c = in.p[i];
    if (c == '\n' && i > 0 && in.p[i - 1] == '\r') {
      continue;
    }
    if (c == '.' && (made == 0 || out[made - 1] == '\n')) {
      out[made++] = '.';
    }
    if (c == '\r' || c == '\n') {
      out[made++] = '\r';
      c = '\n';
    }
    out[made++] = c;
  }
  if (made > 0 && out[made - 1] != '\n') {
    out[made++] = '\r';
    out[made++] = '\n';
  }
  memcpy(out + made, ".\r\n", 3);
  return made + 3;
}

static size_t frame(ettm_str in, size_t step, size_t capacity, char *out) {
  ettm_framing f;
  size_t at = 0;
  size_t total = 0;
  char *block = (char *)malloc(capacity); /* of its exact size, for the sanitizer */
  demand(block != NULL);
  ettm_framing_init(&f);
  while (at < in.n) {
    size_t n = in.n - at < step ? in.n - at : step;
    size_t used;
    size_t made;
    ettm_framing_write(&f, ettm_str_of(in.p + at, n), &used, block, capacity, &made);
    demand(used > 0 && used <= n && made <= capacity);
    memcpy(out + total, block, made);
    at += used;
    total += made;
  }
  free(block);
  return total + ettm_framing_end(&f, out + total);
}

static void check_wire(const char *out, size_t n) {
  size_t i;
  demand(n == 3 || memcmp(out + n - 5, "\r\n.\r\n", 5) == 0);
  for (i = 0; i + 1 < n; i++) {
    demand((out[i] == '\r') == (out[i + 1] == '\n'));
    demand(i + 3 >= n || memcmp(out + i, ".\r\n", 3) != 0 || (i > 0 && out[i - 1] != '\n'));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *wanted;
  char *got;
  ettm_str in;
  size_t n;
  if (size < 2) {
    return 0;
  }
  in = ettm_str_of((const char *)data + 2, size - 2);
  wanted = (char *)malloc(2 * in.n + 8);
  got = (char *)malloc(2 * in.n + 8);
  demand(wanted != NULL && got != NULL);
  n = frame_simply(in, wanted);
  demand(frame(in, 1u + data[0], ETTM_FRAMING_ROOM + data[1], got) == n);
  demand(memcmp(wanted, got, n) == 0);
  check_wire(got, n);
  free(wanted);
  free(got);
  return 0;
}
