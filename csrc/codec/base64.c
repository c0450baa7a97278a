/* SPDX-License-Identifier: MIT */
#include "codec/base64.h"

#include <string.h>

/* How it works: twelve bits at a time. A table of all 4,096 pairs of digits turns three octets into
 * four with two look-ups, which is what makes the inner loop fast without vector instructions. */

#define R8(x, a, b, c, d, e, f, g, h)                                                              \
  {x, a}, {x, b}, {x, c}, {x, d}, {x, e}, {x, f}, {x, g}, {                                        \
    x, h                                                                                           \
  }
/* clang-format off */
#define ROW(x)                                                                                     \
  R8(x, 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'), R8(x, 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P'),    \
  R8(x, 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X'), R8(x, 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f'),    \
  R8(x, 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n'), R8(x, 'o', 'p', 'q', 'r', 's', 't', 'u', 'v'),    \
  R8(x, 'w', 'x', 'y', 'z', '0', '1', '2', '3'), R8(x, '4', '5', '6', '7', '8', '9', '+', '/')
/* clang-format on */
#define ROWS(a, b, c, d) ROW(a), ROW(b), ROW(c), ROW(d)

static const char pairs[4096][2] = {
    ROWS('A', 'B', 'C', 'D'), ROWS('E', 'F', 'G', 'H'), ROWS('I', 'J', 'K', 'L'),
    ROWS('M', 'N', 'O', 'P'), ROWS('Q', 'R', 'S', 'T'), ROWS('U', 'V', 'W', 'X'),
    ROWS('Y', 'Z', 'a', 'b'), ROWS('c', 'd', 'e', 'f'), ROWS('g', 'h', 'i', 'j'),
    ROWS('k', 'l', 'm', 'n'), ROWS('o', 'p', 'q', 'r'), ROWS('s', 't', 'u', 'v'),
    ROWS('w', 'x', 'y', 'z'), ROWS('0', '1', '2', '3'), ROWS('4', '5', '6', '7'),
    ROWS('8', '9', '+', '/')};

static void encode_group(const unsigned char *in, char *out) {
  unsigned bits = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];
  memcpy(out, pairs[bits >> 12], 2);
  memcpy(out + 2, pairs[bits & 0xFFF], 2);
}

/* Encodes whole groups of three. While three are left, eight octets are read as one number, which
 * compilers know for one load, and six of them used. */
static char *encode_groups(const unsigned char *in, size_t groups, char *out) {
  for (; groups >= 3; groups -= 2) {
    uint64_t bits = (uint64_t)in[0] << 56 | (uint64_t)in[1] << 48 | (uint64_t)in[2] << 40 |
                    (uint64_t)in[3] << 32 | (uint64_t)in[4] << 24 | (uint64_t)in[5] << 16 |
                    (uint64_t)in[6] << 8 | in[7];
    memcpy(out, pairs[bits >> 52], 2);
    memcpy(out + 2, pairs[bits >> 40 & 0xFFF], 2);
    memcpy(out + 4, pairs[bits >> 28 & 0xFFF], 2);
    memcpy(out + 6, pairs[bits >> 16 & 0xFFF], 2);
    in += 6;
    out += 8;
  }
  for (; groups > 0; groups--) {
    encode_group(in, out);
    in += 3;
    out += 4;
  }
  return out;
}

/* Encodes the last one or two octets, padded (RFC 4648 4). */
static char *encode_tail(const unsigned char *in, size_t n, char *out) {
  unsigned char group[3] = {0, 0, 0};
  if (n == 0) {
    return out;
  }
  memcpy(group, in, n);
  encode_group(group, out);
  out[3] = '=';
  if (n == 1) {
    out[2] = '=';
  }
  return out + 4;
}

void ettm_base64_init(ettm_base64 *e, unsigned line_length) {
  memset(e, 0, sizeof *e);
  e->line_length = line_length;
}

/* Moves the column on, and ends a line that is full. */
static char *advance(ettm_base64 *e, size_t groups, char *out) {
  if (e->line_length == 0) {
    return out;
  }
  e->column += (unsigned)groups * 4;
  if (e->column == e->line_length) {
    *out++ = '\r';
    *out++ = '\n';
    e->column = 0;
  }
  return out;
}

static size_t smaller(size_t a, size_t b) {
  return a < b ? a : b;
}

/* How many of the groups at hand go out in one piece: up to the line's end, and to the room's. */
static size_t groups_now(const ettm_base64 *e, size_t groups, size_t room) {
  size_t fit = room < 2 ? 0 : (room - 2) / 4; /* the 2 are a CRLF */
  size_t now = smaller(groups, fit);
  return e->line_length == 0 ? now : smaller(now, (e->line_length - e->column) / 4);
}

void ettm_base64_encode(ettm_base64 *e, ettm_str in, size_t *used, char *out, size_t capacity,
                        size_t *made) {
  const unsigned char *p = (const unsigned char *)in.p;
  const unsigned char *end;
  char *start = out;
  size_t groups;
  *used = *made = 0;
  if (in.n == 0) {
    return;
  }
  end = p + in.n;
  while (e->rest_size > 0 && e->rest_size < 3 && p < end) {
    e->rest[e->rest_size++] = *p++;
  }
  if (e->rest_size == 3 && capacity >= 6) {
    out = encode_groups(e->rest, 1, out);
    out = advance(e, 1, out);
    e->rest_size = 0;
  }
  if (e->rest_size == 0) {
    while ((groups = groups_now(e, (size_t)(end - p) / 3, capacity - (size_t)(out - start))) > 0) {
      out = encode_groups(p, groups, out);
      out = advance(e, groups, out);
      p += groups * 3;
    }
    if (end - p < 3) {
      e->rest_size = (unsigned)(end - p);
      memcpy(e->rest, p, e->rest_size);
      p = end;
    }
  }
  *used = in.n - (size_t)(end - p);
  *made = (size_t)(out - start);
}

void ettm_base64_finish(ettm_base64 *e, char *out, size_t capacity, size_t *made) {
  char *start = out;
  (void)capacity;
  out = encode_tail(e->rest, e->rest_size, out);
  out = advance(e, e->rest_size > 0, out);
  if (e->column > 0) {
    *out++ = '\r';
    *out++ = '\n';
    e->column = 0;
  }
  e->rest_size = 0;
  *made = (size_t)(out - start);
}

uint64_t ettm_base64_size(uint64_t n, unsigned line_length) {
  uint64_t groups = n / 3 + (n % 3 != 0);
  uint64_t digits, lines;
  if (groups > UINT64_MAX / 4) {
    return UINT64_MAX;
  }
  digits = groups * 4;
  if (line_length == 0) {
    return digits;
  }
  lines = digits / line_length + (digits % line_length != 0);
  return lines > (UINT64_MAX - digits) / 2 ? UINT64_MAX : digits + lines * 2;
}

ettm_status ettm_base64_append(ettm_buffer *out, ettm_str s) {
  const unsigned char *in = (const unsigned char *)s.p;
  uint64_t size = ettm_base64_size(s.n, 0);
  char *place, *end;
  ettm_status status;
  if (size > ettm_buffer_room(out)) {
    return ETTM_E_LIMIT;
  }
  if (size == 0) {
    return ETTM_OK;
  }
  status = ettm_buffer_reserve(out, (size_t)size, &place);
  if (status == ETTM_OK) {
    end = encode_groups(in, s.n / 3, place);
    end = encode_tail(in + s.n / 3 * 3, s.n % 3, end);
    ettm_buffer_commit(out, (size_t)(end - place));
  }
  return status;
}

/* The six bits of a digit; 64 for what is none. */
static unsigned value_of(char c) {
  if (c >= 'A' && c <= 'Z') {
    return (unsigned)(c - 'A');
  }
  if (c >= 'a' && c <= 'z') {
    return (unsigned)(c - 'a') + 26;
  }
  if (c >= '0' && c <= '9') {
    return (unsigned)(c - '0') + 52;
  }
  return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Decodes n digits that are 2 to 4 of one group. Returns 0 where one is no digit, or where the bits
 * that the padding drops are not zero (RFC 4648 3.5). */
static int decode_group(const char *in, size_t n, char *out) {
  uint32_t bits = 0;
  size_t i;
  for (i = 0; i < 4; i++) {
    unsigned value = i < n ? value_of(in[i]) : 0;
    if (value == 64) {
      return 0;
    }
    bits = bits << 6 | value;
  }
  if ((n == 2 && (bits & 0xFFFF) != 0) || (n == 3 && (bits & 0xFF) != 0)) {
    return 0;
  }
  for (i = 0; i + 1 < n; i++) {
    out[i] = (char)(bits >> (16 - 8 * i) & 0xFF);
  }
  return 1;
}

/* The digits of s without its padding; at most two "=" are padding. */
static size_t digits_of(ettm_str s) {
  size_t n = s.n;
  while (n > 0 && s.n - n < 2 && s.p[n - 1] == '=') {
    n--;
  }
  return n;
}

ettm_status ettm_base64_decode(ettm_buffer *out, ettm_str s) {
  size_t digits, i;
  size_t size = 0;
  char *place;
  ettm_status status;
  if (s.n % 4 != 0) {
    return ETTM_E_ARGUMENT;
  }
  if (s.n == 0) {
    return ETTM_OK;
  }
  digits = digits_of(s);
  status = ettm_buffer_reserve(out, digits / 4 * 3 + (digits % 4 > 0 ? digits % 4 - 1 : 0), &place);
  if (status != ETTM_OK) {
    return status;
  }
  for (i = 0; i < digits; i += 4) {
    size_t n = smaller(digits - i, 4);
    if (!decode_group(s.p + i, n, place + size)) {
      return ETTM_E_ARGUMENT;
    }
    size += n - 1;
  }
  ettm_buffer_commit(out, size);
  return ETTM_OK;
}
