/* Dates: a table of edges, and every day of 400 years.
 *
 * SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/date.h"
#include "check.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static ettm_str text_of(const char *s) {
  return ettm_str_of(s, strlen(s));
}

static const struct {
  int64_t epoch;
  int offset;
  const char *text;
} dates[] = {
    {0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"},
    {-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000"},
    {INT64_C(1795439281), 540, "Mon, 23 Nov 2026 22:08:01 +0900"},
    {INT64_C(951782400), 0, "Tue, 29 Feb 2000 00:00:00 +0000"},
    {INT64_C(951782400), -1, "Mon, 28 Feb 2000 23:59:00 -0001"},
    {INT64_C(1709251199), 0, "Thu, 29 Feb 2024 23:59:59 +0000"},
    {INT64_C(4107542400), 0, "Mon, 01 Mar 2100 00:00:00 +0000"},
    {INT64_C(4107542399), 0, "Sun, 28 Feb 2100 23:59:59 +0000"},
    {INT64_C(-2208988800), 0, "Mon, 01 Jan 1900 00:00:00 +0000"},
    {INT64_C(-2208988800) + 60, -1, "Mon, 01 Jan 1900 00:00:00 -0001"},
    {INT64_C(253402300799), 0, "Fri, 31 Dec 9999 23:59:59 +0000"},
    {INT64_C(2147483648), -210, "Mon, 18 Jan 2038 23:44:08 -0330"},
    {INT64_C(86400), -1440, "Thu, 01 Jan 1970 00:00:00 -2400"},
    {0, 1440, "Fri, 02 Jan 1970 00:00:00 +2400"},
    /* refused */
    {INT64_C(-2208988801), 0, NULL},
    {INT64_C(-2208988800), -1, NULL},
    {INT64_C(253402300800), 0, NULL},
    {INT64_C(253402300799), 1, NULL},
    {0, 1441, NULL},
    {0, -1441, NULL},
    {0, INT_MAX, NULL},
    {0, INT_MIN, NULL},
    {INT64_MAX, 1440, NULL},
    {INT64_MIN, -1440, NULL},
};

static void date_table(void) {
  size_t i;
  for (i = 0; i < COUNT(dates); i++) {
    char out[ETTM_DATE_SIZE] = "untouched";
    ettm_status status = ettm_date_format(dates[i].epoch, dates[i].offset, out);
    CHECK_INT(status, dates[i].text != NULL ? ETTM_OK : ETTM_E_ARGUMENT);
    CHECK_STR(text_of(out), text_of(dates[i].text != NULL ? dates[i].text : "untouched"));
  }
}

/* Days in a row for 400 years: the day of the week goes on by one, and the date is the next one. */
static void date_every_day(void) {
  static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  static const char week[] = "MonTueWedThuFriSatSun";
  int year = 1900, month = 0, day = 1;
  int64_t i;
  int wrong = 0;
  for (i = 0; i < 146097; i++) {
    char out[ETTM_DATE_SIZE];
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    wrong += ettm_date_format(INT64_C(-2208988800) + i * 86400, 0, out) != ETTM_OK;
    wrong += memcmp(out, week + i % 7 * 3, 3) != 0 || memcmp(out + 8, names + month * 3, 3) != 0;
    wrong += (out[5] - '0') * 10 + out[6] - '0' != day;
    wrong +=
        (out[12] - '0') * 1000 + (out[13] - '0') * 100 + (out[14] - '0') * 10 + out[15] - '0' !=
        year;
    if (++day > month_days[month] + (month == 1 && leap)) {
      day = 1;
      month = (month + 1) % 12;
      year += month == 0;
    }
  }
  CHECK_INT(wrong, 0);
  CHECK_INT(year, 2300);
}

static const check_case cases[] = {
    {"formats dates from 1900 to 9999 and refuses others", date_table},
    {"names every day of 400 years rightly", date_every_day},
};

CHECK_MAIN("date", cases)
