/* SPDX-License-Identifier: MIT */
#include "smtp/hidden.h"

#include <string.h>

#include "check.h"

static void check_masked(const char *response, const char *secret, const char *text,
                         const char *wanted) {
  ettm_hidden h;
  ettm_buffer b;
  ettm_hidden_init(&h, NULL);
  ettm_buffer_init(&b, NULL, 1000);
  CHECK_INT(ettm_hidden_response(&h, ettm_str_of(response, strlen(response))), ETTM_OK);
  CHECK_INT(ettm_hidden_secret(&h, ettm_str_of(secret, strlen(secret))), ETTM_OK);
  CHECK_INT(ettm_buffer_append(&b, ettm_str_of(text, strlen(text))), ETTM_OK);
  ettm_hidden_mask(&h, &b);
  CHECK_STR(ettm_buffer_view(&b), ettm_str_of(wanted, strlen(wanted)));
  ettm_hidden_clear(&h);
  ettm_buffer_clear(&b);
}

static void masks(void) {
  check_masked("AHRpbQB0YW4=", "tanstaaf", "what: AHRpbQB0YW4=?", "what: ************?");
  check_masked("AHRpbQB0YW4=", "tanstaaf", "tanstaaf", "********");
  check_masked("AHRpbQB0YW4=", "tanstaaf", "cut AHRpbQB0Y", "cut *********");
  check_masked("AHRpbQB0YW4=", "tanstaaf",
               "AAHRpbQB0YW4=AHRpbQB0YW4=", "A************************");
  check_masked("AHRpbQB0YW4=", "tanstaaf", "", "");
}

static void leaves(void) {
  check_masked("AHRpbQB0YW4=", "tanstaaf", "AHRpbQB tanstaa", "AHRpbQB tanstaa");
  check_masked("", "", "nothing is hidden", "nothing is hidden");
  check_masked("dQ==", "short", "short dQ==", "short dQ==");
}

/* n octets of a text that begins like the response again and again cost a few steps each. */
static void steps(void) {
  static char text[60000];
  static char response[6000];
  ettm_hidden h;
  ettm_buffer b;
  memset(text, 'A', sizeof text);
  memset(response, 'A', sizeof response);
  response[7] = 'B';
  ettm_hidden_init(&h, NULL);
  ettm_buffer_init(&b, NULL, sizeof text);
  CHECK_INT(ettm_hidden_response(&h, ettm_str_of(response, sizeof response)), ETTM_OK);
  CHECK_INT(ettm_buffer_append(&b, ettm_str_of(text, sizeof text)), ETTM_OK);
  ettm_hidden_mask(&h, &b);
  CHECK_STR(ettm_buffer_view(&b), ettm_str_of(text, sizeof text));
  ettm_hidden_clear(&h);
  ettm_buffer_clear(&b);
}

static const check_case cases[] = {
    {"masks what was sent and what is secret, whole and cut", masks},
    {"leaves short words alone", leaves},
    {"leaves a long text alone that only begins alike", steps},
};

CHECK_MAIN("hidden", cases)
