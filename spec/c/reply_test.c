/* SPDX-License-Identifier: MIT */
#include "smtp/reply.h"

#include <string.h>

#include "check.h"

/* Feeds the input in pieces of `step` octets, each right before an unreadable page, and stops at
 * the first reply or error. *used counts over all pieces. */
static ettm_status parse_in_steps(ettm_reply_parser *p, ettm_str in, size_t step, size_t *used) {
  ettm_status status = ETTM_NEED_INPUT;
  *used = 0;
  while (status == ETTM_NEED_INPUT && *used < in.n) {
    size_t n = in.n - *used < step ? in.n - *used : step;
    size_t taken = 99;
    status = ettm_reply_parse(p, check_guarded(ettm_str_of(in.p + *used, n)), &taken);
    CHECK(taken <= n);
    if (status == ETTM_NEED_INPUT) {
      CHECK_INT(taken, n);
    }
    *used += taken;
  }
  return status;
}

typedef struct good {
  const char *in;
  int code;
  uint32_t lines;
  const char *text;
  const char *raw;
  int enhanced[3];
} good;

static const good goods[] = {
    {"250 OK\r\n", 250, 1, "OK", "OK", {0, 0, 0}},
    {"250\r\n", 250, 1, "", "", {0, 0, 0}},
    {"250 \r\n", 250, 1, "", "", {0, 0, 0}},
    {"250-a\r\n250-\r\n250 b\r\n", 250, 3, "a\n\nb", "a\n\nb", {0, 0, 0}},
    {"250-a\r\n250\r\n", 250, 2, "a\n", "a\n", {0, 0, 0}},
    {"250-\r\n250 \r\n", 250, 2, "\n", "\n", {0, 0, 0}},
    {"250 2.1.5 fine\r\n", 250, 1, "fine", "2.1.5 fine", {2, 1, 5}},
    {"550-5.1.1 no\r\n550 5.1.1 body\r\n", 550, 2, "no\nbody", "5.1.1 no\n5.1.1 body", {5, 1, 1}},
    {"550-see\r\n550 5.7.26 why\r\n", 550, 2, "see\nwhy", "see\n5.7.26 why", {5, 7, 26}},
    {"452 4.5.3\r\n", 452, 1, "", "4.5.3", {4, 5, 3}},
    {"452 4.5.3 \r\n", 452, 1, "", "4.5.3 ", {4, 5, 3}},
    {"250 5.1.1 x\r\n", 250, 1, "5.1.1 x", "5.1.1 x", {0, 0, 0}},
    {"250 2.1 x\r\n", 250, 1, "2.1 x", "2.1 x", {0, 0, 0}},
    {"250 2.1.5x\r\n", 250, 1, "2.1.5x", "2.1.5x", {0, 0, 0}},
    {"250 2.1.5.6 x\r\n", 250, 1, "2.1.5.6 x", "2.1.5.6 x", {0, 0, 0}},
    {"250 2.1111.5 x\r\n", 250, 1, "2.1111.5 x", "2.1111.5 x", {0, 0, 0}},
    {"250 02.1.5 x\r\n", 250, 1, "02.1.5 x", "02.1.5 x", {0, 0, 0}},
    {"250 2..5 x\r\n", 250, 1, "2..5 x", "2..5 x", {0, 0, 0}},
    {"250  2.1.5 x\r\n", 250, 1, " 2.1.5 x", " 2.1.5 x", {0, 0, 0}},
    {"599 x\r\n", 599, 1, "x", "x", {0, 0, 0}},
    {"299-\t\r\n299 y\r\n", 299, 2, "\t\ny", "\t\ny", {0, 0, 0}},
};

static void check_good(const good *g, const char *behind, size_t step) {
  ettm_reply_parser p;
  check_heap h;
  char in[256];
  size_t used;
  const ettm_reply *reply;
  size_t n = strlen(g->in);
  strcpy(in, g->in);
  strcpy(in + n, behind);
  check_heap_init(&h);
  ettm_reply_parser_init(&p, &h.alloc);
  CHECK_INT(parse_in_steps(&p, ettm_str_of(in, strlen(in)), step, &used), ETTM_OK);
  CHECK_INT(used, n);
  CHECK(!ettm_reply_is_partial(&p));
  reply = ettm_reply_get(&p);
  CHECK_INT(reply->code, g->code);
  CHECK_INT(reply->lines, g->lines);
  CHECK_STR(reply->text, ettm_str_of(g->text, strlen(g->text)));
  CHECK_STR(reply->raw_text, ettm_str_of(g->raw, strlen(g->raw)));
  CHECK(memcmp(reply->enhanced, g->enhanced, sizeof g->enhanced) == 0);
  CHECK(!reply->has_8bit);
  ettm_reply_parser_clear(&p);
  CHECK_INT(h.blocks, 0);
}

static void reads_good(void) {
  size_t i;
  for (i = 0; i < sizeof goods / sizeof goods[0]; i++) {
    size_t step;
    for (step = 1; step <= 16; step *= 2) {
      check_good(&goods[i], "", step);
      check_good(&goods[i], "250 ", step);
      check_good(&goods[i], "\xFF", step);
    }
    check_good(&goods[i], "250 next\r\n", 256);
  }
}

typedef struct bad {
  const char *in;
  size_t at; /* octets taken with the one that is wrong */
} bad;

static const bad bads[] = {
    {"\r\n", 1},
    {"1", 1},
    {"6", 1},
    {"099 x", 1},
    {" 250", 1},
    {"2x0", 2},
    {"25\r\n", 3},
    {"2500 x\r\n", 4},
    {"250_x", 4},
    {"250\n", 4},
    {"250\tx", 4},
    {"250\r250", 5},
    {"250\r\r\n", 5},
    {"250-x\r\nhello", 8},
    {"250-x\r\n251 y\r\n", 11},
    {"250-x\r\n550 y\r\n", 11},
    {"\n", 1},
    {"-1", 1},
    {"250-x\r\n\r\n", 8},
};

static void refuses_bad(void) {
  size_t i;
  for (i = 0; i < sizeof bads / sizeof bads[0]; i++) {
    size_t step;
    for (step = 1; step < 64; step = step * 2 + 1) {
      ettm_reply_parser p;
      size_t used;
      ettm_reply_parser_init(&p, NULL);
      CHECK_INT(parse_in_steps(&p, ettm_str_of(bads[i].in, strlen(bads[i].in)), step, &used),
                ETTM_E_PROTOCOL);
      CHECK_INT(used, bads[i].at);
      CHECK_INT(ettm_reply_parse(&p, ETTM_LIT("250 ok\r\n"), &used), ETTM_E_PROTOCOL);
      ettm_reply_parser_clear(&p);
    }
  }
}

static void refuses_bare_in_text(void) {
  static const char *const texts[] = {"250 a\nb\r\n", "250 a\rb\r\n", "250 \n", "250-a\n250 b\r\n",
                                      "250 a\r\rb"};
  size_t i;
  for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    size_t step;
    for (step = 1; step < 64; step = step * 2 + 1) {
      ettm_reply_parser p;
      size_t used;
      ettm_reply_parser_init(&p, NULL);
      CHECK_INT(parse_in_steps(&p, ettm_str_of(texts[i], strlen(texts[i])), step, &used),
                ETTM_E_PROTOCOL);
      ettm_reply_parser_clear(&p);
    }
  }
}

static void keeps_any_octet(void) {
  ettm_reply_parser p;
  size_t used;
  ettm_reply_parser_init(&p, NULL);
  CHECK_INT(ettm_reply_parse(&p, ETTM_LIT("250 a\0b\x01\xE9\r\n"), &used), ETTM_OK);
  CHECK_STR(ettm_reply_get(&p)->text, ETTM_LIT("a\0b\x01\xE9"));
  CHECK_INT(ettm_reply_get(&p)->has_8bit, 1);
  CHECK_INT(ettm_reply_parse(&p, ETTM_LIT("250 a\r\n"), &used), ETTM_OK);
  CHECK_INT(ettm_reply_get(&p)->has_8bit, 0);
  ettm_reply_parser_clear(&p);
}

static void reads_one_after_the_other(void) {
  ettm_reply_parser p;
  size_t used;
  ettm_str in = ETTM_LIT("250-2.1.0 a\r\n250 b\r\n354 go\r\n");
  ettm_reply_parser_init(&p, NULL);
  CHECK_INT(ettm_reply_parse(&p, in, &used), ETTM_OK);
  CHECK_INT(used, 20);
  CHECK_STR(ettm_reply_get(&p)->text, ETTM_LIT("a\nb"));
  in = ettm_str_of(in.p + used, in.n - used);
  CHECK_INT(ettm_reply_parse(&p, in, &used), ETTM_OK);
  CHECK_INT(used, in.n);
  CHECK_INT(ettm_reply_get(&p)->code, 354);
  CHECK_INT(ettm_reply_get(&p)->lines, 1);
  CHECK_INT(ettm_reply_get(&p)->enhanced[0], 0);
  CHECK_STR(ettm_reply_get(&p)->text, ETTM_LIT("go"));
  CHECK_INT(ettm_reply_parse(&p, ETTM_LIT(""), &used), ETTM_NEED_INPUT);
  CHECK_INT(used, 0);
  ettm_reply_parser_clear(&p);
}

static void tells_partial(void) {
  static const char whole[] = "250-a\r\n250 b\r\n";
  ettm_reply_parser p;
  size_t i;
  size_t used;
  ettm_reply_parser_init(&p, NULL);
  CHECK(!ettm_reply_is_partial(&p));
  for (i = 0; i + 2 < sizeof whole; i++) {
    CHECK_INT(ettm_reply_parse(&p, ettm_str_of(whole + i, 1), &used), ETTM_NEED_INPUT);
    CHECK(ettm_reply_is_partial(&p));
  }
  CHECK_INT(ettm_reply_parse(&p, ETTM_LIT("\n"), &used), ETTM_OK);
  CHECK(!ettm_reply_is_partial(&p));
  ettm_reply_parser_clear(&p);
}

static ettm_status parse_line_of(size_t octets, size_t step) {
  static char line[ETTM_REPLY_LINE + 2];
  ettm_reply_parser p;
  ettm_status status = ETTM_NEED_INPUT;
  size_t at = 0;
  memset(line, 'x', sizeof line);
  memcpy(line, "250 ", 4);
  memcpy(line + octets - 2, "\r\n", 2);
  ettm_reply_parser_init(&p, NULL);
  while (status == ETTM_NEED_INPUT && at < octets) {
    size_t used;
    size_t n = octets - at < step ? octets - at : step;
    status = ettm_reply_parse(&p, ettm_str_of(line + at, n), &used);
    at += used;
  }
  ettm_reply_parser_clear(&p);
  return status;
}

static void bounds_line(void) {
  CHECK_INT(parse_line_of(512, 512), ETTM_OK);
  CHECK_INT(parse_line_of(ETTM_REPLY_LINE, ETTM_REPLY_LINE + 2), ETTM_OK);
  CHECK_INT(parse_line_of(ETTM_REPLY_LINE, 1), ETTM_OK);
  CHECK_INT(parse_line_of(ETTM_REPLY_LINE + 1, ETTM_REPLY_LINE + 2), ETTM_E_REPLY_SIZE);
  CHECK_INT(parse_line_of(ETTM_REPLY_LINE + 1, 1), ETTM_E_REPLY_SIZE);
}

/* Feeds "250-" lines for ever. */
static ettm_status parse_endless(const char *line, check_heap *h, size_t *count) {
  ettm_reply_parser p;
  ettm_status status = ETTM_NEED_INPUT;
  ettm_reply_parser_init(&p, &h->alloc);
  for (*count = 0; status == ETTM_NEED_INPUT && *count < 1000000; ++*count) {
    size_t used;
    status = ettm_reply_parse(&p, ettm_str_of(line, strlen(line)), &used);
  }
  ettm_reply_parser_clear(&p);
  return status;
}

static void bounds_lines_and_size(void) {
  static char big[4096];
  check_heap h;
  size_t count;
  check_heap_init(&h);
  CHECK_INT(parse_endless("250-x\r\n", &h, &count), ETTM_E_REPLY_SIZE);
  CHECK_INT(count, ETTM_REPLY_LINES + 1);
  memset(big, 'y', sizeof big - 1);
  memcpy(big, "250-", 4);
  memcpy(big + sizeof big - 3, "\r\n", 2);
  CHECK_INT(parse_endless(big, &h, &count), ETTM_E_REPLY_SIZE);
  CHECK(count <= ETTM_REPLY_SIZE / 4000 + 1);
  CHECK(h.peak <= 4 * ETTM_REPLY_SIZE);
  CHECK_INT(h.blocks, 0);
}

static ettm_status parse_with_heap(check_heap *h, void *ud) {
  ettm_reply_parser p;
  ettm_status status = ETTM_NEED_INPUT;
  const char *in = "250-2.0.0 first line that is somewhat long\r\n250 2.0.0 second\r\n";
  size_t at = 0;
  (void)ud;
  ettm_reply_parser_init(&p, &h->alloc);
  while (status == ETTM_NEED_INPUT) {
    size_t used;
    status = ettm_reply_parse(&p, ettm_str_of(in + at, 1), &used);
    at += used;
  }
  ettm_reply_parser_clear(&p);
  return status;
}

static void survives_failing_allocations(void) {
  check_every_failure(parse_with_heap, NULL);
}

static const check_case cases[] = {
    {"reads replies however they are cut and leaves what stands behind", reads_good},
    {"refuses a broken reply at the octet that breaks it, and ever after", refuses_bad},
    {"refuses a bare CR and a bare LF in the text", refuses_bare_in_text},
    {"keeps NUL, control characters and 8-bit octets in the text", keeps_any_octet},
    {"reads one reply after the other out of one input", reads_one_after_the_other},
    {"tells a reply whose end has not come", tells_partial},
    {"takes a line of the bound and no octet more", bounds_line},
    {"bounds the lines and the octets of one reply", bounds_lines_and_size},
    {"survives every failing allocation", survives_failing_allocations},
};
CHECK_MAIN("reply", cases)
