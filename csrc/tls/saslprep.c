/* SPDX-License-Identifier: MIT */
#include "tls/saslprep.h"

#ifdef ETTM_UNISTRING

#include <stdlib.h>

#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/utf8.h"

#define SASLPREP_MAX 4096u /* code points */

typedef struct point_range {
  uint32_t first, last;
} point_range;

static int is_among(uint32_t point, const point_range *ranges, size_t count) {
  size_t i;
  for (i = 0; i < count; i++) {
    if (point >= ranges[i].first && point <= ranges[i].last) {
      return 1;
    }
  }
  return 0;
}

#define IS_AMONG(point, ranges) is_among(point, ranges, sizeof(ranges) / sizeof((ranges)[0]))

/* RFC 3454 C.1.2: mapped to a space. */
static const point_range spaces[] = {{0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200B},
                                     {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};

/* B.1: mapped to nothing. */
static const point_range nothing[] = {{0xAD, 0xAD},     {0x34F, 0x34F},   {0x1806, 0x1806},
                                      {0x180B, 0x180D}, {0x200C, 0x200D}, {0x2060, 0x2060},
                                      {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}};

/* C.2.1, C.2.2, C.3 to C.9, without what is of a form (the non-characters at the planes' ends). */
static const point_range prohibited[] = {
    {0, 0x1F},          {0x7F, 0x9F},       {0x340, 0x341},     {0x6DD, 0x6DD},
    {0x70F, 0x70F},     {0x180E, 0x180E},   {0x200C, 0x200F},   {0x2028, 0x202E},
    {0x2060, 0x2063},   {0x206A, 0x206F},   {0x2FF0, 0x2FFB},   {0xD800, 0xF8FF},
    {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF},   {0xFFF9, 0xFFFD},   {0x1D173, 0x1D17A},
    {0xE0001, 0xE0001}, {0xE0020, 0xE007F}, {0xF0000, 0xFFFFD}, {0x100000, 0x10FFFD}};

static int is_prohibited(uint32_t point) {
  return (point & 0xFFFE) == 0xFFFE || IS_AMONG(point, prohibited);
}

/* Decodes and maps (RFC 4013 2.1). Returns the number of code points. */
static size_t map_points(ettm_str s, uint32_t *points) {
  size_t count = 0;
  while (s.n > 0) {
    uint32_t point = 0;
    size_t n = ettm_utf8_next(s, &point);
    if (IS_AMONG(point, spaces)) {
      points[count++] = ' ';
    } else if (!IS_AMONG(point, nothing)) {
      points[count++] = point;
    }
    s = ettm_str_of(s.p + n, s.n - n);
  }
  return count;
}

static int is_right_to_left(uint32_t point) {
  int category = uc_bidi_category(point);
  return category == UC_BIDI_R || category == UC_BIDI_AL;
}

/* RFC 3454 6: letters from right to left at both ends, and none from left to right, or none of
 * them at all. */
static int has_good_direction(const uint32_t *points, size_t count) {
  size_t right = 0;
  size_t left = 0;
  size_t i;
  for (i = 0; i < count; i++) {
    right += (size_t)is_right_to_left(points[i]);
    left += uc_bidi_category(points[i]) == UC_BIDI_L;
  }
  return right == 0 ||
         (left == 0 && is_right_to_left(points[0]) && is_right_to_left(points[count - 1]));
}

static ettm_status append_points(ettm_buffer *out, const uint32_t *points, size_t count) {
  size_t i;
  for (i = 0; i < count; i++) {
    uint8_t octets[6];
    int n;
    ettm_status status;
    if (is_prohibited(points[i])) {
      return ETTM_E_SASLPREP;
    }
    n = u8_uctomb(octets, points[i], (ptrdiff_t)sizeof octets);
    status = n > 0 ? ettm_buffer_append(out, ettm_str_of((const char *)octets, (size_t)n))
                   : ETTM_E_SASLPREP;
    if (status != ETTM_OK) {
      return status;
    }
  }
  return ETTM_OK;
}

ettm_status ettm_saslprep(ettm_buffer *out, ettm_str s) {
  uint32_t points[SASLPREP_MAX];
  uint32_t *normal;
  size_t count;
  size_t n = 0;
  ettm_status status;
  if (!ettm_utf8_valid(s)) {
    return ETTM_E_UTF8;
  }
  if (s.n > SASLPREP_MAX) {
    return ETTM_E_LIMIT;
  }
  count = map_points(s, points);
  normal = u32_normalize(UNINORM_NFKC, points, count, NULL, &n);
  ettm_wipe(points, sizeof points);
  if (normal == NULL) {
    return count > 0 ? ETTM_E_MEMORY : ETTM_OK;
  }
  status = has_good_direction(normal, n) ? append_points(out, normal, n) : ETTM_E_SASLPREP;
  ettm_wipe(normal, n * sizeof *normal);
  free(normal);
  return status;
}

#else

typedef int ettm_saslprep_is_not_built; /* C99 wants something in a file */

#endif
