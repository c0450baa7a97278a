/* SPDX-License-Identifier: MIT */
#include "smtp/command.h"

#include <string.h>

#include "check.h"

static ettm_str text_of(const char *terminated) {
  return ettm_str_of(terminated, strlen(terminated));
}

static ettm_command command_of(ettm_verb verb, const char *argument, const char *parameters,
                               int utf8) {
  ettm_command c;
  memset(&c, 0, sizeof c);
  c.verb = verb;
  c.argument = text_of(argument);
  c.parameters = text_of(parameters);
  c.utf8 = utf8;
  return c;
}

/* Appends behind something else, which must stay, and checks that a failure leaves nothing. */
static void check_append(const ettm_command *c, ettm_status status, ettm_str line) {
  ettm_buffer out;
  ettm_str all;
  ettm_buffer_init(&out, NULL, 100000);
  CHECK_INT(ettm_buffer_append(&out, ETTM_LIT("before;")), ETTM_OK);
  CHECK_INT(ettm_command_append(&out, c), status);
  all = ettm_buffer_view(&out);
  CHECK_STR(ettm_str_of(all.p, 7), ETTM_LIT("before;"));
  CHECK_STR(ettm_str_of(all.p + 7, all.n - 7), line);
  ettm_buffer_clear(&out);
}

typedef struct good {
  ettm_verb verb;
  const char *argument;
  const char *parameters;
  int utf8;
  const char *line;
} good;

static const good goods[] = {
    {ETTM_VERB_EHLO, "client.example.com", "", 0, "EHLO client.example.com\r\n"},
    {ETTM_VERB_EHLO, "[192.0.2.1]", "", 0, "EHLO [192.0.2.1]\r\n"},
    {ETTM_VERB_EHLO, "[IPv6:2001:db8::1]", "", 0, "EHLO [IPv6:2001:db8::1]\r\n"},
    {ETTM_VERB_HELO, "client.example.com", "", 0, "HELO client.example.com\r\n"},
    {ETTM_VERB_STARTTLS, "", "", 0, "STARTTLS\r\n"},
    {ETTM_VERB_AUTH, "PLAIN", "AHUAcA==", 0, "AUTH PLAIN AHUAcA==\r\n"},
    {ETTM_VERB_AUTH, "plain", "=", 0, "AUTH PLAIN =\r\n"},
    {ETTM_VERB_AUTH, "SCRAM-SHA-256-PLUS", "", 0, "AUTH SCRAM-SHA-256-PLUS\r\n"},
    {ETTM_VERB_MAIL, "", "", 0, "MAIL FROM:<>\r\n"},
    {ETTM_VERB_MAIL, "a@b.example", "", 0, "MAIL FROM:<a@b.example>\r\n"},
    {ETTM_VERB_MAIL, "A.b+c%d!e@x.example", "SIZE=100 BODY=8BITMIME", 0,
     "MAIL FROM:<A.b+c%d!e@x.example> SIZE=100 BODY=8BITMIME\r\n"},
    {ETTM_VERB_MAIL, "a@b.example", "AUTH=<> SMTPUTF8", 0,
     "MAIL FROM:<a@b.example> AUTH=<> SMTPUTF8\r\n"},
    {ETTM_VERB_MAIL, "\xE3\x81\x82@b.example", "SMTPUTF8", 1,
     "MAIL FROM:<\xE3\x81\x82@b.example> SMTPUTF8\r\n"},
    {ETTM_VERB_RCPT, "a@b.example", "NOTIFY=NEVER ORCPT=rfc822;a@b.example", 0,
     "RCPT TO:<a@b.example> NOTIFY=NEVER ORCPT=rfc822;a@b.example\r\n"},
    {ETTM_VERB_RCPT, "Postmaster", "", 0, "RCPT TO:<Postmaster>\r\n"},
    {ETTM_VERB_RCPT, "\"a b\"@c.example", "", 0, "RCPT TO:<\"a b\"@c.example>\r\n"},
    {ETTM_VERB_RCPT, "a@[192.0.2.1]", "", 0, "RCPT TO:<a@[192.0.2.1]>\r\n"},
    {ETTM_VERB_RCPT, "a@b.example", "ORCPT=utf-8;\xC3\xA9@b", 1,
     "RCPT TO:<a@b.example> ORCPT=utf-8;\xC3\xA9@b\r\n"},
    {ETTM_VERB_DATA, "", "", 0, "DATA\r\n"},
    {ETTM_VERB_RSET, "", "", 0, "RSET\r\n"},
    {ETTM_VERB_NOOP, "", "", 0, "NOOP\r\n"},
    {ETTM_VERB_NOOP, "still here", "", 0, "NOOP still here\r\n"},
    {ETTM_VERB_VRFY, "ettsu", "", 0, "VRFY ettsu\r\n"},
    {ETTM_VERB_VRFY, "\xC3\xA9", "", 1, "VRFY \xC3\xA9 SMTPUTF8\r\n"},
    {ETTM_VERB_EXPN, "staff", "", 0, "EXPN staff\r\n"},
    {ETTM_VERB_HELP, "", "", 0, "HELP\r\n"},
    {ETTM_VERB_HELP, "MAIL", "", 0, "HELP MAIL\r\n"},
    {ETTM_VERB_QUIT, "", "", 0, "QUIT\r\n"},
    {ETTM_VERB_OTHER, "XCLIENT NAME=x ADDR=192.0.2.1", "", 0, "XCLIENT NAME=x ADDR=192.0.2.1\r\n"},
    {ETTM_VERB_OTHER, "DATAX", "", 0, "DATAX\r\n"},
};

static void makes_good_lines(void) {
  size_t i;
  for (i = 0; i < sizeof goods / sizeof goods[0]; i++) {
    const good *g = &goods[i];
    ettm_command c = command_of(g->verb, g->argument, g->parameters, g->utf8);
    check_append(&c, ETTM_OK, text_of(g->line));
  }
}

typedef struct bad {
  ettm_verb verb;
  const char *argument;
  const char *parameters;
  int utf8;
  ettm_status status;
} bad;

static const bad bads[] = {
    {ETTM_VERB_EHLO, "", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_EHLO, "two words", "", 0, ETTM_E_DOMAIN},
    {ETTM_VERB_EHLO, "under_score.example", "", 0, ETTM_E_DOMAIN},
    {ETTM_VERB_EHLO, "\xE3\x81\x82.example", "", 1, ETTM_E_DOMAIN},
    {ETTM_VERB_EHLO, "[1.2.3]", "", 0, ETTM_E_DOMAIN},
    {ETTM_VERB_EHLO, "a.example", "X", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_STARTTLS, "x", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_DATA, "x", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_RSET, "x", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_QUIT, "", "x", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_AUTH, "", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_AUTH, "PLAIN LOGIN", "", 0, ETTM_E_NAME},
    {ETTM_VERB_AUTH, "A23456789012345678901", "", 0, ETTM_E_NAME},
    {ETTM_VERB_AUTH, "PL\xC3\xA9", "", 0, ETTM_E_NAME},
    {ETTM_VERB_AUTH, "PLAIN", "AHUAcA", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_AUTH, "PLAIN", "A=== ", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_AUTH, "PLAIN", "A===", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_AUTH, "PLAIN", "AA=A", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_AUTH, "PLAIN", "AAA BBB ", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_AUTH, "PLAIN", "*", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_MAIL, "no domain", "", 0, ETTM_E_ADDRESS},
    {ETTM_VERB_MAIL, "postmaster", "", 0, ETTM_E_ADDRESS},
    {ETTM_VERB_MAIL, "a@b.example> SIZE=1", "", 0, ETTM_E_ADDRESS},
    {ETTM_VERB_MAIL, "a@b.example", " SIZE=1", 0, ETTM_E_NAME},
    {ETTM_VERB_MAIL, "a@b.example", "SIZE=1 ", 0, ETTM_E_NAME},
    {ETTM_VERB_MAIL, "a@b.example", "SIZE=1  BODY=7BIT", 0, ETTM_E_NAME},
    {ETTM_VERB_MAIL, "a@b.example", "SIZE=", 0, ETTM_E_NAME},
    {ETTM_VERB_MAIL, "a@b.example", "=1", 0, ETTM_E_NAME},
    {ETTM_VERB_MAIL, "a@b.example", "-X", 0, ETTM_E_NAME},
    {ETTM_VERB_MAIL, "a@b.example", "X_Y", 0, ETTM_E_NAME},
    {ETTM_VERB_MAIL, "a@b.example", "ENVID=a=b", 0, ETTM_E_NAME},
    {ETTM_VERB_MAIL, "a@b.example", "ENVID=\xC3\xA9", 0, ETTM_E_NEEDS_SMTPUTF8},
    {ETTM_VERB_MAIL, "a@b.example", "ENVID=\xC3", 1, ETTM_E_UTF8},
    {ETTM_VERB_MAIL, "\xE3\x81\x82@b.example", "", 0, ETTM_E_NEEDS_SMTPUTF8},
    {ETTM_VERB_RCPT, "", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_RCPT, "@r.example:a@b.example", "", 0, ETTM_E_ADDRESS},
    {ETTM_VERB_VRFY, "", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_VRFY, "\xC3\xA9", "", 0, ETTM_E_NEEDS_SMTPUTF8},
    {ETTM_VERB_VRFY, "\xC3", "", 1, ETTM_E_UTF8},
    {ETTM_VERB_EXPN, "", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_NOOP, "", "x", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_OTHER, "", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_OTHER, " NOOP", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_OTHER, "X", "Y", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_OTHER, "X \xC3\xA9", "", 0, ETTM_E_NEEDS_SMTPUTF8},
    {ETTM_VERB_OTHER, "data", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_OTHER, "Bdat 5 LAST", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_OTHER, "auth plain AHUAcA==", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_OTHER, "STARTTLS", "", 0, ETTM_E_ARGUMENT},
    {ETTM_VERB_OTHER, "MAIL FROM:<a@b>", "", 0, ETTM_E_ARGUMENT},
};

static void refuses_bad_commands(void) {
  size_t i;
  for (i = 0; i < sizeof bads / sizeof bads[0]; i++) {
    const bad *b = &bads[i];
    ettm_command c = command_of(b->verb, b->argument, b->parameters, b->utf8);
    check_append(&c, b->status, ETTM_LIT(""));
  }
}

/* A good command of each verb, whose argument and parameters are then spoilt. */
static const good samples[] = {
    {ETTM_VERB_EHLO, "a.example", "", 0, ""},
    {ETTM_VERB_HELO, "a.example", "", 0, ""},
    {ETTM_VERB_AUTH, "PLAIN", "AAAA", 0, ""},
    {ETTM_VERB_MAIL, "a@b.example", "SIZE=1", 0, ""},
    {ETTM_VERB_RCPT, "a@b.example", "NOTIFY=NEVER", 0, ""},
    {ETTM_VERB_NOOP, "x", "", 0, ""},
    {ETTM_VERB_VRFY, "x", "", 0, ""},
    {ETTM_VERB_EXPN, "x", "", 0, ""},
    {ETTM_VERB_HELP, "x", "", 0, ""},
    {ETTM_VERB_OTHER, "XNOOP", "", 0, ""},
};

/* Puts the octet at each place of s. */
static void check_spoilt(const ettm_command *good_one, int in_parameters, char octet) {
  ettm_str from = in_parameters ? good_one->parameters : good_one->argument;
  size_t at;
  for (at = 0; at <= from.n; at++) {
    char text[64];
    ettm_command c = *good_one;
    ettm_str spoilt = ettm_str_of(text, from.n + 1);
    memcpy(text, from.p, at);
    text[at] = octet;
    memcpy(text + at + 1, from.p + at, from.n - at);
    *(in_parameters ? &c.parameters : &c.argument) = spoilt;
    check_append(&c, ETTM_E_UNSAFE, ETTM_LIT(""));
    c.utf8 = 1;
    check_append(&c, ETTM_E_UNSAFE, ETTM_LIT(""));
  }
}

static void refuses_control_characters(void) {
  size_t i;
  int octet;
  for (i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    const good *g = &samples[i];
    ettm_command c = command_of(g->verb, g->argument, g->parameters, 0);
    for (octet = 0; octet < 128; octet += octet == 31 ? 96 : 1) {
      check_spoilt(&c, 0, (char)octet);
      if (c.parameters.n > 0) {
        check_spoilt(&c, 1, (char)octet);
      }
    }
  }
}

/* The longest argument in steps of `step` octets, and the next. */
static void check_length(ettm_verb verb, size_t around, size_t limit, size_t step) {
  static char text[ETTM_AUTH_LINE + 16];
  size_t n;
  memset(text, 'A', sizeof text);
  for (n = (limit - around) / step * step; n <= limit - around + step; n += step) {
    ettm_buffer out;
    ettm_command c = command_of(verb, "PLAIN", "", 0);
    *(verb == ETTM_VERB_AUTH ? &c.parameters : &c.argument) = ettm_str_of(text, n);
    ettm_buffer_init(&out, NULL, 100000);
    CHECK_INT(ettm_command_append(&out, &c), n + around <= limit ? ETTM_OK : ETTM_E_LIMIT);
    CHECK_INT(ettm_buffer_size(&out), n + around <= limit ? n + around : 0);
    ettm_buffer_clear(&out);
  }
}

static void bounds_lines(void) {
  ettm_command c = command_of(ETTM_VERB_OTHER, "X", "", 0);
  check_length(ETTM_VERB_OTHER, 2, ETTM_COMMAND_LINE, 1);
  check_length(ETTM_VERB_VRFY, 7, ETTM_PLAIN_LINE, 1);
  check_length(ETTM_VERB_NOOP, 7, ETTM_PLAIN_LINE, 1);
  check_length(ETTM_VERB_AUTH, 13, ETTM_AUTH_LINE, 4);
  c.argument.n = (size_t)-1; /* not looked at */
  check_append(&c, ETTM_E_LIMIT, ETTM_LIT(""));
}

static void stops_at_full_buffer(void) {
  ettm_buffer out;
  ettm_command c = command_of(ETTM_VERB_NOOP, "12345", "", 0);
  size_t max;
  for (max = 0; max < 12; max++) {
    ettm_buffer_init(&out, NULL, max);
    CHECK_INT(ettm_command_append(&out, &c), ETTM_E_LIMIT);
    CHECK_INT(ettm_buffer_size(&out), 0);
    ettm_buffer_clear(&out);
  }
}

static void knows_flights(void) {
  int verb;
  for (verb = ETTM_VERB_EHLO; verb <= ETTM_VERB_OTHER; verb++) {
    int any = verb == ETTM_VERB_MAIL || verb == ETTM_VERB_RCPT || verb == ETTM_VERB_RSET;
    int last = verb == ETTM_VERB_DATA || verb == ETTM_VERB_NOOP || verb == ETTM_VERB_VRFY ||
               verb == ETTM_VERB_EXPN || verb == ETTM_VERB_QUIT;
    CHECK_INT(ettm_verb_is_pipelinable((ettm_verb)verb), any);
    CHECK_INT(ettm_verb_ends_flight((ettm_verb)verb), any || last);
  }
  CHECK_STR(text_of(ettm_verb_name(ETTM_VERB_STARTTLS)), ETTM_LIT("STARTTLS"));
  CHECK_STR(text_of(ettm_verb_name(ETTM_VERB_OTHER)), ETTM_LIT(""));
}

static void walks_parameters(void) {
  ettm_str rest = check_guarded(ETTM_LIT("SIZE=1 X-y RET=a;b"));
  ettm_str keyword;
  ettm_str value;
  CHECK(ettm_esmtp_parameter_next(&rest, &keyword, &value));
  CHECK_STR(keyword, ETTM_LIT("SIZE"));
  CHECK_STR(value, ETTM_LIT("1"));
  CHECK(ettm_esmtp_parameter_next(&rest, &keyword, &value));
  CHECK_STR(keyword, ETTM_LIT("X-y"));
  CHECK_STR(value, ETTM_LIT(""));
  CHECK(ettm_esmtp_parameter_next(&rest, &keyword, &value));
  CHECK_STR(keyword, ETTM_LIT("RET"));
  CHECK_STR(value, ETTM_LIT("a;b"));
  CHECK(!ettm_esmtp_parameter_next(&rest, &keyword, &value));
  CHECK_INT(rest.n, 0);
  rest = ettm_str_of(NULL, 0);
  CHECK(!ettm_esmtp_parameter_next(&rest, &keyword, &value));
}

static ettm_status append_with_heap(check_heap *h, void *ud) {
  ettm_buffer out;
  ettm_status status;
  ettm_command c = command_of(ETTM_VERB_MAIL, "ettsu.long.local.part@example.com",
                              "SIZE=1000 BODY=8BITMIME ENVID=somewhat-long", 0);
  size_t i;
  (void)ud;
  ettm_buffer_init(&out, &h->alloc, 100000);
  status = ETTM_OK;
  for (i = 0; i < 5 && status == ETTM_OK; i++) {
    size_t before = ettm_buffer_size(&out);
    status = ettm_command_append(&out, &c);
    if (status != ETTM_OK) {
      CHECK_INT(ettm_buffer_size(&out), before);
    }
  }
  ettm_buffer_clear(&out);
  return status;
}

static void survives_failing_allocations(void) {
  check_every_failure(append_with_heap, NULL);
}

static ettm_status append_parts_of(ettm_verb verb, const char *local, const char *domain, int utf8,
                                   ettm_buffer *out) {
  ettm_command c;
  memset(&c, 0, sizeof c);
  c.verb = verb;
  c.argument = check_guarded(ettm_str_of(local, strlen(local)));
  c.domain = check_guarded(ettm_str_of(domain, strlen(domain)));
  c.utf8 = utf8;
  return ettm_command_append(out, &c);
}

static void takes_a_mailbox_in_parts(void) {
  ettm_buffer out;
  ettm_buffer_init(&out, NULL, 1000);
  CHECK_INT(append_parts_of(ETTM_VERB_MAIL, "a b", "x.example", 0, &out), ETTM_OK);
  CHECK_INT(append_parts_of(ETTM_VERB_RCPT, "c", "[127.0.0.1]", 0, &out), ETTM_OK);
  CHECK_INT(append_parts_of(ETTM_VERB_RCPT, "\xc3\xa9", "x.example", 1, &out), ETTM_OK);
  CHECK_INT(append_parts_of(ETTM_VERB_RCPT, "\xc3\xa9", "x.example", 0, &out),
            ETTM_E_NEEDS_SMTPUTF8);
  CHECK_INT(append_parts_of(ETTM_VERB_RCPT, "c\r\nd", "x.example", 0, &out), ETTM_E_UNSAFE);
  CHECK_INT(append_parts_of(ETTM_VERB_RCPT, "c", "x.example\r\nDATA", 0, &out), ETTM_E_UNSAFE);
  CHECK_INT(append_parts_of(ETTM_VERB_RCPT, "c", "x_.example>", 0, &out), ETTM_E_DOMAIN);
  CHECK_STR(ettm_buffer_view(&out),
            ETTM_LIT("MAIL FROM:<\"a b\"@x.example>\r\nRCPT TO:<c@[127.0.0.1]>\r\n"
                     "RCPT TO:<\xc3\xa9@x.example>\r\n"));
  ettm_buffer_clear(&out);
}

static const check_case cases[] = {
    {"takes a mailbox in its parts, and refuses in them what it refuses in a text",
     takes_a_mailbox_in_parts},
    {"makes the line of every verb", makes_good_lines},
    {"refuses what no line can be made of, and leaves nothing behind", refuses_bad_commands},
    {"refuses every control character at every place of every argument",
     refuses_control_characters},
    {"bounds lines: 512 octets, more for MAIL and RCPT, and AUTH", bounds_lines},
    {"leaves nothing in a buffer that is too small", stops_at_full_buffer},
    {"knows what may share a flight", knows_flights},
    {"walks parameters one by one", walks_parameters},
    {"survives every failing allocation", survives_failing_allocations},
};
CHECK_MAIN("command", cases)
