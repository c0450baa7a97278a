/* Seconds since the epoch and an offset to the date-time of RFC 5322 3.3: English names whatever
 * the locale, a numeric zone, a year of four digits. A pure function: no clock, no time zone data.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_BASE_DATE_H
#define ETTM_BASE_DATE_H

#include <stdint.h>

#include "base/status.h"

#define ETTM_DATE_SIZE 32 /* "Mon, 23 Nov 2026 22:28:01 +0900" and a NUL */

/* Writes the date of the second `epoch` (Unix time) as a clock `offset_minutes` east of UTC shows
 * it. Returns ETTM_OK, or ETTM_E_ARGUMENT when the year is not 1900 to 9999 or the offset is beyond
 * +-24 hours. */
ETTM_MUST_USE ettm_status ettm_date_format(int64_t epoch, int offset_minutes,
                                           char out[ETTM_DATE_SIZE]);

#endif
