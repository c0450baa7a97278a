/* SPDX-License-Identifier: MIT */
#include "net/random.h"

#include <string.h>

#include "check.h"

static void random_octets_differ_from_call_to_call(void) {
  char a[32];
  char b[32];
  memset(a, 0, sizeof a);
  memset(b, 0, sizeof b);
  CHECK_INT(ettm_random(a, sizeof a), ETTM_OK);
  CHECK_INT(ettm_random(b, sizeof b), ETTM_OK);
  CHECK(memcmp(a, b, sizeof a) != 0);
}

static void random_fills_exactly_what_was_asked(void) {
  char a[16];
  memset(a, 'x', sizeof a);
  CHECK_INT(ettm_random(a, 0), ETTM_OK);
  CHECK_INT(ettm_random(a, 8), ETTM_OK);
  CHECK_STR(ettm_str_of(a + 8, 8), ETTM_LIT("xxxxxxxx"));
}

static const check_case cases[] = {
    {"gives random octets that differ from call to call", random_octets_differ_from_call_to_call},
    {"fills exactly what was asked for", random_fills_exactly_what_was_asked},
};

CHECK_MAIN("random", cases)
