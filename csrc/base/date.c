/* SPDX-License-Identifier: MIT */
#include "base/date.h"

#include <string.h>

/* How it works: days are counted from 1 March of the year 0, so that the day a leap year adds is
 * the last of its year and every 400 years have the same 146,097 days. The local time is never
 * before 1900, so no division meets a negative number. */

#define DAY         86400
#define FIRST_LOCAL INT64_C(-2208988800)  /* Mon, 01 Jan 1900 00:00:00 */
#define LAST_LOCAL  INT64_C(253402300799) /* Fri, 31 Dec 9999 23:59:59 */
#define EPOCH_DAYS  719468                /* from 1 March 0000 to 1 January 1970 */

typedef struct civil_date {
  unsigned year;
  unsigned month; /* 0 to 11 */
  unsigned day;   /* 1 to 31 */
} civil_date;

static civil_date civil_from_days(unsigned days) {
  unsigned era = days / 146097;
  unsigned in_era = days % 146097;
  unsigned year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  unsigned in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned march_month = (5 * in_year + 2) / 153;
  civil_date date;
  date.day = in_year - (153 * march_month + 2) / 5 + 1;
  date.month = (march_month + 2) % 12;
  date.year = era * 400 + year_of_era + (march_month >= 10 ? 1 : 0);
  return date;
}

/* Writes the two decimal digits of a number below 100. */
static char *put_two(char *p, unsigned number) {
  *p++ = (char)('0' + number / 10);
  *p++ = (char)('0' + number % 10);
  return p;
}

static char *put(char *p, const char *text, size_t n) {
  memcpy(p, text, n);
  return p + n;
}

ettm_status ettm_date_format(int64_t epoch, int offset_minutes, char out[ETTM_DATE_SIZE]) {
  static const char week_days[] = "SunMonTueWedThuFriSat";
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  int64_t local;
  unsigned days, second, offset;
  civil_date date;
  char *p = out;
  if (offset_minutes < -24 * 60 || offset_minutes > 24 * 60 || epoch < FIRST_LOCAL - DAY ||
      epoch > LAST_LOCAL + DAY) {
    return ETTM_E_ARGUMENT;
  }
  local = epoch + (int64_t)offset_minutes * 60;
  if (local < FIRST_LOCAL || local > LAST_LOCAL) {
    return ETTM_E_ARGUMENT;
  }
  local += (int64_t)EPOCH_DAYS * DAY;
  days = (unsigned)(local / DAY);
  second = (unsigned)(local % DAY);
  offset = (unsigned)(offset_minutes < 0 ? -offset_minutes : offset_minutes);
  date = civil_from_days(days);
  p = put(p, week_days + (size_t)((days + 3) % 7) * 3, 3); /* 1 March 0000 was a Wednesday */
  p = put(p, ", ", 2);
  p = put_two(p, date.day);
  *p++ = ' ';
  p = put(p, months + (size_t)date.month * 3, 3);
  *p++ = ' ';
  p = put_two(put_two(p, date.year / 100), date.year % 100);
  *p++ = ' ';
  p = put_two(p, second / 3600);
  *p++ = ':';
  p = put_two(p, second / 60 % 60);
  *p++ = ':';
  p = put_two(p, second % 60);
  p = put(p, offset_minutes < 0 ? " -" : " +", 2);
  p = put_two(put_two(p, offset / 60), offset % 60);
  *p = '\0';
  return ETTM_OK;
}
