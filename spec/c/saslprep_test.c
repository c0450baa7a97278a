/* SPDX-License-Identifier: MIT */
#include "tls/saslprep.h"

#include <string.h>

#include "check.h"

#ifdef ETTM_UNISTRING

static void check_prepared(const char *in, const char *wanted) {
  ettm_buffer out;
  ettm_buffer_init_secret(&out, NULL, 10000);
  CHECK_INT(ettm_saslprep(&out, check_guarded(ettm_str_of(in, strlen(in)))), ETTM_OK);
  CHECK_STR(ettm_buffer_view(&out), ettm_str_of(wanted, strlen(wanted)));
  ettm_buffer_clear(&out);
}

static void examples(void) { /* RFC 4013 3 */
  check_prepared("I\xC2\xADX", "IX");
  check_prepared("user", "user");
  check_prepared("USER", "USER");
  check_prepared("\xC2\xAA", "a");
  check_prepared("\xE2\x85\xA8", "IX");
  check_prepared("", "");
  check_prepared("a\xC2\xA0"
                 "b\xE3\x80\x80"
                 "c",
                 "a b c");
  check_prepared("\xEF\xBC\xA1\xEF\xBD\xB6\xEF\xBE\x9E", "A\xE3\x82\xAC"); /* full and half width */
  check_prepared("\xE3\x81\x86\xE3\x81\xAA\xE3\x81\x8E", "\xE3\x81\x86\xE3\x81\xAA\xE3\x81\x8E");
  check_prepared("\xD8\xA7\x31\xD8\xA8", "\xD8\xA7\x31\xD8\xA8");
}

static ettm_status try_prepare(const char *in) {
  ettm_buffer out;
  ettm_status status;
  ettm_buffer_init_secret(&out, NULL, 10000);
  status = ettm_saslprep(&out, ettm_str_of(in, strlen(in)));
  ettm_buffer_clear(&out);
  return status;
}

static void prohibited(void) {
  static const char *const bad[] = {"\a",
                                    "a\x7F",
                                    "\xC2\x80",
                                    "\xD8\xA7\x31",
                                    "\xD8\xA7\x61\xD8\xA8",
                                    "\xEE\x80\x80",
                                    "\xEF\xBF\xBE",
                                    "\xEF\xBF\xBD",
                                    "\xE2\x80\xA8",
                                    "\xE2\x80\x8E",
                                    "\xE2\xBF\xB0",
                                    "\xF3\xA0\x80\x81",
                                    "\xF4\x80\x80\x80",
                                    "\xEF\xB7\x90",
                                    "\xF0\x9F\xBF\xBE"};
  size_t i;
  for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    CHECK_INT(try_prepare(bad[i]), ETTM_E_SASLPREP);
  }
  CHECK_INT(try_prepare("\xED\xA0\x80"), ETTM_E_UTF8);
  CHECK_INT(try_prepare("\xC0\x80"), ETTM_E_UTF8);
}

static void bounds(void) {
  static char longest[4097];
  ettm_buffer out;
  memset(longest, 'x', sizeof longest);
  ettm_buffer_init_secret(&out, NULL, 4096);
  CHECK_INT(ettm_saslprep(&out, ettm_str_of(longest, 4097)), ETTM_E_LIMIT);
  CHECK_INT(ettm_saslprep(&out, ettm_str_of(longest, 4096)), ETTM_OK);
  CHECK_INT(ettm_saslprep(&out, ETTM_LIT("x")), ETTM_E_LIMIT);
  ettm_buffer_clear(&out);
}

static const check_case cases[] = {
    {"prepares as RFC 4013 shows it", examples},
    {"refuses what is prohibited, and mixed directions", prohibited},
    {"keeps its bounds", bounds},
};

#else

static void nothing(void) {
}

static const check_case cases[] = {{"is not built without libunistring", nothing}};

#endif

CHECK_MAIN("saslprep", cases)
