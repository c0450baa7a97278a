/* SPDX-License-Identifier: MIT */
/* What the parser of addresses may cost, and what it leaves behind when it fails. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "address/address.h"
#include "check.h"

static void tells_what_is_wrong_with_ten_thousand_groups_at_once(void) {
  char text[20000];
  ettm_buffer arena;
  ettm_address_parser p;
  ettm_address a;
  size_t i;
  for (i = 0; i < sizeof text; i += 2) {
    memcpy(text + i, "g:", 2);
  }
  ettm_buffer_init(&arena, NULL, 100);
  ettm_address_parser_init(&p, ettm_str_of(text, sizeof text), 0, &arena, NULL);
  CHECK_INT(ettm_address_next(&p, &a), ETTM_OK);
  CHECK_INT(ettm_address_next(&p, &a), ETTM_E_ADDRESS);
  CHECK_INT(p.error_at, 3);
  ettm_buffer_clear(&arena);
}

typedef struct effort {
  double seconds;
  size_t peak;
} effort;

static char *repeat(const char *unit, size_t n) {
  size_t length = strlen(unit);
  char *text = (char *)malloc(n);
  size_t i;
  if (text == NULL) {
    abort();
  }
  for (i = 0; i < n; i++) {
    text[i] = unit[i % length];
  }
  return text;
}

static effort parse_once(ettm_str in) {
  effort spent;
  check_heap heap;
  ettm_buffer arena;
  ettm_address_parser p;
  ettm_address a;
  clock_t start = clock();
  check_heap_init(&heap);
  ettm_buffer_init(&arena, &heap.alloc, 8 * in.n);
  ettm_address_parser_init(&p, in, ETTM_ADDRESS_LENIENT, &arena, NULL);
  while (ettm_address_next(&p, &a) == ETTM_OK) {
  }
  spent.seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
  spent.peak = heap.peak;
  ettm_buffer_clear(&arena);
  return spent;
}

/* The least of three, so that a busy machine does not count. */
static effort parse_repeated(const char *unit, size_t n) {
  char *text = repeat(unit, n);
  effort least = parse_once(ettm_str_of(text, n));
  int i;
  for (i = 0; i < 2; i++) {
    effort again = parse_once(ettm_str_of(text, n));
    least.seconds = again.seconds < least.seconds ? again.seconds : least.seconds;
  }
  free(text);
  return least;
}

/* Eight times the input: eight times the time if linear, 64 times if quadratic. */
static void grows_linearly(void) {
  static const char *const units[] = {
      "a,",       "a(x)",      "word ",        "(",    "\"\\\\\"",
      "a@b,",     "\"\\\\\" ", "a.",           ".",    "a@b ",
      "<",        "g:;,",      "x <a@b>,",     "(a)",  "\"a\"b",
      "=?u?q?a ", "@",         "a@[x\\]",      "<@a,", "=?utf-8?q?a?= ",
      ",",        "\r\n ",     "\"a\" b (c) ", "\"\\"};
  size_t i;
  for (i = 0; i < sizeof units / sizeof units[0]; i++) {
    effort small = parse_repeated(units[i], 128 * 1024);
    effort large = parse_repeated(units[i], 1024 * 1024);
    double floor = small.seconds < 0.002 ? 0.002 : small.seconds;
    check_true(large.seconds < 24 * floor, units[i], __FILE__, __LINE__);
    check_true(large.peak <= 8 * 1024 * 1024, units[i], __FILE__, __LINE__);
  }
}

static void reports_a_full_arena(void) {
  ettm_buffer arena;
  ettm_address_parser p;
  ettm_address a;
  ettm_buffer_init(&arena, NULL, 6);
  ettm_address_parser_init(&p, ETTM_LIT("ab@cd, ef@gh"), 0, &arena, NULL);
  CHECK_INT(ettm_address_next(&p, &a), ETTM_OK);
  CHECK_INT(ettm_address_next(&p, &a), ETTM_E_LIMIT);
  CHECK_INT(ettm_buffer_size(&arena), 4);
  CHECK_STR(ettm_span_view(&arena, a.local), ETTM_LIT("ab"));
  ettm_buffer_clear(&arena);
}

static void leaves_what_is_in_the_arena(void) {
  ettm_buffer arena;
  ettm_address_parser p;
  ettm_address a;
  ettm_buffer_init(&arena, NULL, 1000);
  CHECK_INT(ettm_buffer_append(&arena, ETTM_LIT("before")), ETTM_OK);
  ettm_address_parser_init(&p, ETTM_LIT("N <@r:a@b>, c@"), 0, &arena, NULL);
  CHECK_INT(ettm_address_next(&p, &a), ETTM_OK);
  CHECK_STR(ettm_span_view(&arena, a.name), ETTM_LIT("N"));
  CHECK_INT(ettm_address_next(&p, &a), ETTM_E_ADDRESS);
  CHECK_STR(ettm_buffer_view(&arena), ETTM_LIT("beforeNab"));
  CHECK_STR(ettm_span_view(&arena, a.domain), ETTM_LIT("b"));
  ettm_buffer_clear(&arena);
}

static ettm_status parse_with(check_heap *h, void *ud) {
  ettm_buffer arena;
  ettm_address_parser p;
  ettm_address a;
  ettm_status status;
  const char *text = (const char *)ud;
  ettm_buffer_init(&arena, &h->alloc, 65536);
  ettm_address_parser_init(&p, ettm_str_of(text, strlen(text)), 0, &arena, NULL);
  do {
    status = ettm_address_next(&p, &a);
  } while (status == ETTM_OK);
  ettm_buffer_clear(&arena);
  return status == ETTM_DONE ? ETTM_OK : status;
}

static void survives_every_failed_allocation(void) {
  static char text[4096];
  size_t i;
  for (i = 0; i < 12; i++) {
    strcat(text, "=?utf-8?B?44Ko44OD44OE?= \"Q, \\\"R\\\"\" x. <@r:\"a b\".c@sub.example.com>,");
    strcat(text, "A long name of a group that fills the arena: a@[1.2 .3.4];,");
  }
  check_every_failure(parse_with, text);
}

static const check_case cases[] = {
    {"refuses ten thousand groups at the second",
     tells_what_is_wrong_with_ten_thousand_groups_at_once},
    {"grows linearly in time and memory", grows_linearly},
    {"reports a full arena", reports_a_full_arena},
    {"leaves what is in the arena before it", leaves_what_is_in_the_arena},
    {"survives every failed allocation", survives_every_failed_allocation},
};

CHECK_MAIN("address bounds", cases)
