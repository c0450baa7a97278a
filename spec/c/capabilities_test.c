/* SPDX-License-Identifier: MIT */
#include "smtp/capabilities.h"

#include <string.h>

#include "check.h"

/* Reads a reply to EHLO as it comes over the wire. */
static ettm_status read_from(ettm_capabilities *c, const char *wire, const char *without) {
  ettm_reply_parser p;
  size_t used;
  ettm_status status;
  ettm_reply_parser_init(&p, NULL);
  status = ettm_reply_parse(&p, ettm_str_of(wire, strlen(wire)), &used);
  CHECK_INT(status, ETTM_OK);
  status = ettm_capabilities_read(c, ettm_reply_get(&p), ettm_str_of(without, strlen(without)));
  ettm_reply_parser_clear(&p);
  return status;
}

static const char usual[] = "250-mx.example at your service\r\n"
                            "250-PIPELINING\r\n"
                            "250-size 35882577\r\n"
                            "250-8BitMime\r\n"
                            "250-AUTH PLAIN  LOGIN XOAUTH2 \r\n"
                            "250-ENHANCEDSTATUSCODES\r\n"
                            "250-XVENDOR one two\r\n"
                            "250 SMTPUTF8\r\n";

static void reads_usual(void) {
  ettm_capabilities c;
  ettm_str parameters;
  ettm_capabilities_init(&c, NULL);
  CHECK_INT(read_from(&c, usual, ""), ETTM_OK);
  CHECK_INT(c.known, ETTM_EXT_PIPELINING | ETTM_EXT_SIZE | ETTM_EXT_8BITMIME | ETTM_EXT_AUTH |
                         ETTM_EXT_ENHANCEDSTATUSCODES | ETTM_EXT_SMTPUTF8);
  CHECK_INT(c.size_max, 35882577);
  CHECK(ettm_capabilities_find(&c, ETTM_LIT("auth"), &parameters));
  CHECK_STR(parameters, ETTM_LIT("PLAIN  LOGIN XOAUTH2"));
  CHECK(ettm_capabilities_find(&c, ETTM_LIT("xVendor"), &parameters));
  CHECK_STR(parameters, ETTM_LIT("one two"));
  CHECK(ettm_capabilities_find(&c, ETTM_LIT("PIPELINING"), &parameters));
  CHECK_STR(parameters, ETTM_LIT(""));
  CHECK_STR(ettm_capabilities_view(&c),
            ETTM_LIT("PIPELINING\nSIZE 35882577\n8BITMIME\nAUTH PLAIN  LOGIN XOAUTH2\n"
                     "ENHANCEDSTATUSCODES\nXVENDOR one two\nSMTPUTF8\n"));
  ettm_capabilities_clear(&c);
}

static void knows_every_bit(void) {
  static const char *const names[] = {
      "PIPELINING", "SIZE",       "8BITMIME", "SMTPUTF8", "STARTTLS", "AUTH", "ENHANCEDSTATUSCODES",
      "CHUNKING",   "BINARYMIME", "DSN",      "VRFY",     "EXPN",     "HELP", "REQUIRETLS",
      "LIMITS"};
  size_t i;
  for (i = 0; i < sizeof names / sizeof names[0]; i++) {
    ettm_capabilities c;
    char wire[64] = "250-me\r\n250 ";
    strcat(wire, names[i]);
    strcat(wire, "\r\n");
    ettm_capabilities_init(&c, NULL);
    CHECK_INT(read_from(&c, wire, ""), ETTM_OK);
    CHECK_INT(c.known, 1u << i);
    ettm_capabilities_clear(&c);
  }
}

static void takes_whole_words_only(void) {
  ettm_capabilities c;
  ettm_str parameters;
  ettm_capabilities_init(&c, NULL);
  CHECK_INT(read_from(&c, "250-PIPELINING\r\n250-SIZEX 5\r\n250-AUT\r\n250 X-DSN DSN\r\n", ""),
            ETTM_OK);
  CHECK_INT(c.known, 0);
  CHECK(!ettm_capabilities_find(&c, ETTM_LIT("PIPELINING"), &parameters));
  CHECK(!ettm_capabilities_find(&c, ETTM_LIT("SIZE"), &parameters));
  CHECK(!ettm_capabilities_find(&c, ETTM_LIT(""), &parameters));
  CHECK_INT(read_from(&c, "250 SIZE 10\r\n", ""), ETTM_OK);
  CHECK_INT(c.known, 0);
  ettm_capabilities_clear(&c);
}

static void switches_off(void) {
  ettm_capabilities c;
  ettm_str parameters;
  ettm_capabilities_init(&c, NULL);
  CHECK_INT(read_from(&c, usual, "size  pipelining xvendor XOAUTH2"), ETTM_OK);
  CHECK_INT(c.known,
            ETTM_EXT_8BITMIME | ETTM_EXT_AUTH | ETTM_EXT_ENHANCEDSTATUSCODES | ETTM_EXT_SMTPUTF8);
  CHECK_INT(c.size_max, 0);
  CHECK(!ettm_capabilities_find(&c, ETTM_LIT("SIZE"), &parameters));
  CHECK(!ettm_capabilities_find(&c, ETTM_LIT("XVENDOR"), &parameters));
  CHECK(ettm_capabilities_find(&c, ETTM_LIT("8BITMIME"), &parameters));
  ettm_capabilities_clear(&c);
}

typedef struct size_case {
  const char *wire;
  uint64_t size;
} size_case;

static void reads_sizes(void) {
  static const size_case sizes[] = {
      {"250-x\r\n250 SIZE\r\n", 0},
      {"250-x\r\n250 SIZE 0\r\n", 0},
      {"250-x\r\n250 SIZE 1000\r\n", 1000},
      {"250-x\r\n250 SIZE 18446744073709551615\r\n", UINT64_MAX},
      {"250-x\r\n250 SIZE 99999999999999999999\r\n", UINT64_MAX},
      {"250-x\r\n250 SIZE 10k\r\n", 0},
      {"250-x\r\n250 SIZE -1\r\n", 0},
  };
  size_t i;
  for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    ettm_capabilities c;
    ettm_capabilities_init(&c, NULL);
    CHECK_INT(read_from(&c, sizes[i].wire, ""), ETTM_OK);
    CHECK_INT(c.known, ETTM_EXT_SIZE);
    CHECK(c.size_max == sizes[i].size);
    ettm_capabilities_clear(&c);
  }
}

static void reads_old_auth(void) {
  ettm_capabilities c;
  ettm_str parameters;
  ettm_capabilities_init(&c, NULL);
  CHECK_INT(read_from(&c, "250-x\r\n250 AUTH=PLAIN LOGIN\r\n", ""), ETTM_OK);
  CHECK_INT(c.known, ETTM_EXT_AUTH);
  CHECK(ettm_capabilities_find(&c, ETTM_LIT("AUTH"), &parameters));
  CHECK_STR(parameters, ETTM_LIT("PLAIN LOGIN"));
  CHECK_INT(read_from(&c, "250-x\r\n250-AUTH GSSAPI\r\n250 AUTH=LOGIN\r\n", ""), ETTM_OK);
  CHECK(ettm_capabilities_find(&c, ETTM_LIT("AUTH"), &parameters));
  CHECK_STR(parameters, ETTM_LIT("GSSAPI"));
  CHECK_INT(read_from(&c, "250-x\r\n250 AUTH=LOGIN\r\n", "auth"), ETTM_OK);
  CHECK_INT(c.known, 0);
  ettm_capabilities_clear(&c);
}

static void passes_over_odd_lines(void) {
  ettm_capabilities c;
  ettm_capabilities_init(&c, NULL);
  CHECK_INT(
      read_from(&c, "250-x\r\n250-\r\n250- DSN\r\n250-VRFY\x01\r\n250-EX\tPN\r\n250 HELP\r\n", ""),
      ETTM_OK);
  CHECK_STR(ettm_capabilities_view(&c), ETTM_LIT("HELP\n"));
  ettm_capabilities_clear(&c);
}

static void forgets(void) {
  ettm_capabilities c;
  ettm_str parameters;
  check_heap h;
  check_heap_init(&h);
  ettm_capabilities_init(&c, &h.alloc);
  CHECK_INT(read_from(&c, usual, ""), ETTM_OK);
  CHECK_INT(read_from(&c, "250-x\r\n250 DSN\r\n", ""), ETTM_OK);
  CHECK_INT(c.known, ETTM_EXT_DSN);
  CHECK_INT(c.size_max, 0);
  CHECK(!ettm_capabilities_find(&c, ETTM_LIT("AUTH"), &parameters));
  ettm_capabilities_clear(&c);
  CHECK_INT(c.known, 0);
  CHECK(!ettm_capabilities_find(&c, ETTM_LIT("DSN"), &parameters));
  CHECK_INT(h.blocks, 0);
}

typedef struct allow_case {
  const char *parameters;
  const char *offer; /* the one line that allows them */
} allow_case;

static const allow_case allowances[] = {
    {"SIZE=5", "SIZE"},
    {"body=8bitmime", "8BITMIME"},
    {"BODY=7BIT", "8BITMIME"},
    {"BODY=binarymime", "BINARYMIME"},
    {"SMTPUTF8", "SMTPUTF8"},
    {"RET=HDRS ENVID=x", "DSN"},
    {"NOTIFY=NEVER ORCPT=rfc822;a@b", "DSN"},
    {"AUTH=<>", "AUTH"},
    {"REQUIRETLS", "REQUIRETLS"},
    {"MT-PRIORITY=3", "MT-PRIORITY"},
    {"BY=120;R", "DELIVERBY"},
};

static void allows_by_offer(void) {
  size_t i;
  for (i = 0; i < sizeof allowances / sizeof allowances[0]; i++) {
    ettm_capabilities c;
    const allow_case *a = &allowances[i];
    char wire[128] = "250-x\r\n250 ";
    ettm_str parameters = ettm_str_of(a->parameters, strlen(a->parameters));
    strcat(strcat(wire, a->offer), "\r\n");
    ettm_capabilities_init(&c, NULL);
    CHECK(!ettm_capabilities_allow(&c, parameters));
    CHECK_INT(read_from(&c, usual, a->offer), ETTM_OK);
    CHECK(!ettm_capabilities_allow(&c, parameters));
    CHECK_INT(read_from(&c, wire, ""), ETTM_OK);
    CHECK(ettm_capabilities_allow(&c, parameters));
    CHECK(ettm_capabilities_allow(&c, ETTM_LIT("")));
    ettm_capabilities_clear(&c);
  }
}

static ettm_status read_with_heap(check_heap *h, void *ud) {
  ettm_capabilities c;
  ettm_status status;
  (void)ud;
  ettm_capabilities_init(&c, &h->alloc);
  status = read_from(&c, usual, "dsn");
  if (status != ETTM_OK) {
    CHECK_INT(c.known, 0);
  }
  ettm_capabilities_clear(&c);
  return status;
}

static void survives_failing_allocations(void) {
  check_every_failure(read_with_heap, NULL);
}

static const check_case cases[] = {
    {"reads the usual reply, whatever the case of its keywords", reads_usual},
    {"knows every extension by its name", knows_every_bit},
    {"takes whole words, and no keyword from the first line", takes_whole_words_only},
    {"leaves out what is switched off", switches_off},
    {"reads SIZE up to 20 digits and takes nonsense for no limit", reads_sizes},
    {"reads the old AUTH= form", reads_old_auth},
    {"passes over lines without a keyword or with control characters", passes_over_odd_lines},
    {"forgets everything with the next reading", forgets},
    {"allows a parameter where its extension is offered", allows_by_offer},
    {"survives every failing allocation and then offers nothing", survives_failing_allocations},
};
CHECK_MAIN("capabilities", cases)
