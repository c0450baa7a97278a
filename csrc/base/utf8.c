/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <string.h>

#include "base/chars.h"

/* The octets that a code point has by its first one; 0 where none can begin. */
static size_t length_from(unsigned char first) {
  if (first < 0x80) {
    return 1;
  }
  if (first < 0xC2 || first > 0xF4) { /* 0xC0 and 0xC1 could only begin overlong forms */
    return 0;
  }
  return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

static int is_tail(char c) {
  return ((unsigned char)c & 0xC0) == 0x80;
}

/* Not overlong, no surrogate, not beyond Unicode: what n octets may stand for. */
static int is_scalar(uint32_t value, size_t n) {
  static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
  return value >= smallest[n] && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
}

size_t ettm_utf8_next(ettm_str s, uint32_t *code_point) {
  unsigned char first = s.n > 0 ? (unsigned char)s.p[0] : 0xFF;
  size_t n = length_from(first);
  size_t i;
  uint32_t value;
  if (n == 0 || n > s.n) {
    return 0;
  }
  value = n == 1 ? first : first & (0x7Fu >> n);
  for (i = 1; i < n; i++) {
    if (!is_tail(s.p[i])) {
      return 0;
    }
    value = value << 6 | ((unsigned char)s.p[i] & 0x3Fu);
  }
  if (!is_scalar(value, n)) {
    return 0;
  }
  if (code_point != NULL) {
    *code_point = value;
  }
  return n;
}

/* How many octets at the front are ASCII. */
static size_t skip_ascii(const char *p, size_t n) {
  uint64_t eight;
  size_t i = 0;
  for (; n - i >= sizeof eight; i += sizeof eight) {
    memcpy(&eight, p + i, sizeof eight);
    if ((eight & UINT64_C(0x8080808080808080)) != 0) {
      break;
    }
  }
  while (i < n && (unsigned char)p[i] < 0x80) {
    i++;
  }
  return i;
}

static uint32_t four_at(const char *p) {
  uint32_t four;
  memcpy(&four, p, sizeof four);
  return four;
}

/* How many octets at the front are code points of three octets with no special case among them:
 * what most of the text in East Asia is made of. Looks at four octets at once, so the last one is
 * left. */
static size_t skip_three(const char *p, size_t n) {
  const uint32_t mask = four_at("\xF0\xC0\xC0");
  const uint32_t shape = four_at("\xE0\x80\x80");
  size_t i = 0;
  while (n - i >= 4 && (four_at(p + i) & mask) == shape && (unsigned char)p[i] != 0xE0 &&
         (unsigned char)p[i] != 0xED) {
    i += 3;
  }
  return i;
}

int ettm_utf8_valid(ettm_str s) {
  size_t i = 0;
  while (i < s.n) {
    ettm_str rest = ettm_str_of(s.p + i, s.n - i);
    size_t n =
        (unsigned char)rest.p[0] < 0x80 ? skip_ascii(rest.p, rest.n) : skip_three(rest.p, rest.n);
    n = n > 0 ? n : ettm_utf8_next(rest, NULL);
    if (n == 0) {
      return 0;
    }
    i += n;
  }
  return 1;
}

#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

/* Eight octets as one number, the first one lowest, which compilers know for one load. */
static uint64_t eight_at(const char *place) {
  const unsigned char *p = (const unsigned char *)place;
  return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
         (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* How many octets are below the lowest one that has its top bit set in tops; some has. */
static size_t octets_below(uint64_t tops) {
  uint64_t below = (tops & (~tops + 1)) - 1;
  return (size_t)((below & EACH(1)) * EACH(1) >> 56) - 1;
}

/* How many octets at the front are ASCII, and no control characters. The first octet that is none
 * has its top bit set in one of three: itself, with one more, with 32 less. A carry or borrow
 * reaches only the octets behind it. */
static size_t skip_printable(const char *p, size_t n) {
  size_t i = 0;
  for (; n - i >= 8; i += 8) {
    uint64_t x = eight_at(p + i);
    uint64_t tops = (x | (x + EACH(1)) | (x - EACH(32))) & EACH(128);
    if (tops != 0) {
      return i + octets_below(tops);
    }
  }
  while (i < n && (unsigned char)p[i] >= 32 && (unsigned char)p[i] < 127) {
    i++;
  }
  return i;
}

size_t ettm_utf8_skip_text(ettm_str s, size_t *high) {
  size_t i = 0;
  while (i < s.n) {
    size_t n;
    if ((unsigned char)s.p[i] < 128) {
      n = skip_printable(s.p + i, s.n - i);
    } else {
      n = skip_three(s.p + i, s.n - i);
      n = n > 0 ? n : ettm_utf8_next(ettm_str_of(s.p + i, s.n - i), NULL);
      *high += n;
    }
    if (n == 0) {
      break;
    }
    i += n;
  }
  return i;
}

ettm_status ettm_utf8_check_text(ettm_str s) {
  size_t high = 0;
  if (ettm_utf8_skip_text(s, &high) == s.n) { /* as it is most often */
    return ETTM_OK;
  }
  if (ettm_has_unsafe(s)) {
    return ETTM_E_UNSAFE;
  }
  return ettm_utf8_valid(s) ? ETTM_OK : ETTM_E_UTF8;
}

size_t ettm_utf8_cut(ettm_str s, size_t n) {
  if (n >= s.n) {
    return s.n;
  }
  while (n > 0 && is_tail(s.p[n])) {
    n--;
  }
  return n;
}
