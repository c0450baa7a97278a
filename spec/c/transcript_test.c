/* SPDX-License-Identifier: MIT */
#include "smtp/transcript.h"

#include <string.h>

#include "check.h"

static void add(ettm_transcript *t, char direction, const char *line) {
  ettm_transcript_add(t, direction, ettm_str_of(line, strlen(line)));
}

static void shows_lines(void) {
  ettm_transcript t;
  ettm_transcript_init(&t, NULL);
  CHECK_STR(ettm_transcript_view(&t), ETTM_LIT(""));
  add(&t, 'S', "220 mx");
  add(&t, 'C', "EHLO me");
  add(&t, 'S', "");
  CHECK_STR(ettm_transcript_view(&t), ETTM_LIT("S: 220 mx\nC: EHLO me\nS: \n"));
  ettm_transcript_clear(&t);
}

static void shows_unprintable_as_question_marks(void) {
  ettm_transcript t;
  ettm_transcript_init(&t, NULL);
  ettm_transcript_add(&t, 'S', ETTM_LIT("a\0b\r\nc\x7F\x1B[d\xFF\xE3\x81.\xC2\x9B \xE3\x81\x82"));
  CHECK_STR(ettm_transcript_view(&t), ETTM_LIT("S: a?b??c??[d???.? \xE3\x81\x82\n"));
  ettm_transcript_clear(&t);
}

static void bounds_line(void) {
  static char line[2000];
  size_t n;
  memset(line, 'x', sizeof line);
  for (n = ETTM_TRANSCRIPT_LINE - 10; n < ETTM_TRANSCRIPT_LINE + 10; n++) {
    ettm_transcript t;
    ettm_str shown;
    int whole = n + 4 <= ETTM_TRANSCRIPT_LINE;
    ettm_transcript_init(&t, NULL);
    ettm_transcript_add(&t, 'S', ettm_str_of(line, n));
    shown = ettm_transcript_view(&t);
    CHECK_INT(shown.n, whole ? n + 4 : ETTM_TRANSCRIPT_LINE);
    CHECK_STR(ettm_str_of(shown.p + shown.n - 4, 4), whole ? ETTM_LIT("xxx\n") : ETTM_LIT("...\n"));
    ettm_transcript_clear(&t);
  }
}

static void cuts_between_characters(void) {
  char line[1024];
  size_t shift;
  for (shift = 0; shift < 3; shift++) {
    ettm_transcript t;
    ettm_str shown;
    size_t n = shift;
    memset(line, 'x', shift);
    for (; n + 3 < sizeof line; n += 3) {
      memcpy(line + n, "\xE3\x81\x82", 3);
    }
    ettm_transcript_init(&t, NULL);
    ettm_transcript_add(&t, 'S', ettm_str_of(line, n));
    shown = ettm_transcript_view(&t);
    CHECK(shown.n <= ETTM_TRANSCRIPT_LINE && shown.n > ETTM_TRANSCRIPT_LINE - 4);
    CHECK_STR(ettm_str_of(shown.p + shown.n - 7, 7), ETTM_LIT("\xE3\x81\x82...\n"));
    ettm_transcript_clear(&t);
  }
}

static void keeps_youngest(void) {
  ettm_transcript t;
  check_heap h;
  char line[] = "line 00000";
  int i;
  check_heap_init(&h);
  ettm_transcript_init(&t, &h.alloc);
  for (i = 0; i < 20000; i++) {
    ettm_str all;
    int rest = i;
    int place;
    for (place = 9; place > 4; place--, rest /= 10) {
      line[place] = (char)('0' + rest % 10);
    }
    add(&t, 'C', line);
    all = ettm_transcript_view(&t);
    CHECK(all.n <= ETTM_TRANSCRIPT_SIZE);
    CHECK_INT(all.n % 14, 0);
    CHECK_STR(ettm_str_of(all.p + all.n - 11, 10), ETTM_LIT(line));
  }
  CHECK_INT(ettm_transcript_view(&t).n, ETTM_TRANSCRIPT_SIZE / 14 * 14);
  CHECK(h.peak <= 4 * ETTM_TRANSCRIPT_SIZE);
  CHECK(h.calls < 4000);
  ettm_transcript_clear(&t);
  CHECK_INT(h.blocks, 0);
}

static void gives_fresh_lines_once(void) {
  ettm_transcript t;
  int i;
  ettm_transcript_init(&t, NULL);
  CHECK_STR(ettm_transcript_take(&t), ETTM_LIT(""));
  add(&t, 'C', "one");
  add(&t, 'C', "two");
  CHECK_STR(ettm_transcript_take(&t), ETTM_LIT("C: one\nC: two\n"));
  CHECK_STR(ettm_transcript_take(&t), ETTM_LIT(""));
  add(&t, 'C', "three");
  CHECK_STR(ettm_transcript_take(&t), ETTM_LIT("C: three\n"));
  CHECK_STR(ettm_transcript_view(&t), ETTM_LIT("C: one\nC: two\nC: three\n"));
  for (i = 0; i < 5000; i++) {
    add(&t, 'C', "many");
  }
  CHECK_INT(ettm_transcript_take(&t).n, ettm_transcript_view(&t).n);
  ettm_transcript_clear(&t);
}

static void masks_auth(void) {
  ettm_transcript t;
  ettm_transcript_init(&t, NULL);
  ettm_transcript_add_command(&t, ETTM_VERB_AUTH, ETTM_LIT("AUTH PLAIN AHUAcA==\r\n"));
  ettm_transcript_add_command(&t, ETTM_VERB_AUTH, ETTM_LIT("AUTH A2345678901234567890 =\r\n"));
  ettm_transcript_add_command(&t, ETTM_VERB_AUTH, ETTM_LIT("AUTH LOGIN\r\n"));
  ettm_transcript_add_command(&t, ETTM_VERB_MAIL, ETTM_LIT("MAIL FROM:<a@b> AUTH=<>\r\n"));
  CHECK_STR(
      ettm_transcript_view(&t),
      ETTM_LIT("C: AUTH PLAIN <hidden>\nC: AUTH A2345678901234567890 <hidden>\nC: AUTH LOGIN\n"
               "C: MAIL FROM:<a@b> AUTH=<>\n"));
  ettm_transcript_clear(&t);
}

static void shows_replies(void) {
  static const char wire[] = "250-2.1.0 a\r\n250-\r\n250 c\r\n550\r\n";
  ettm_transcript t;
  ettm_reply_parser p;
  size_t used;
  size_t more;
  ettm_transcript_init(&t, NULL);
  ettm_reply_parser_init(&p, NULL);
  CHECK_INT(ettm_reply_parse(&p, ETTM_LIT(wire), &used), ETTM_OK);
  ettm_transcript_add_reply(&t, ettm_reply_get(&p));
  CHECK_INT(ettm_reply_parse(&p, ettm_str_of(wire + used, sizeof wire - 1 - used), &more), ETTM_OK);
  ettm_transcript_add_reply(&t, ettm_reply_get(&p));
  CHECK_STR(ettm_transcript_view(&t), ETTM_LIT("S: 250-2.1.0 a\nS: 250-\nS: 250 c\nS: 550\n"));
  ettm_reply_parser_clear(&p);
  ettm_transcript_clear(&t);
}

static void tells_content(void) {
  ettm_transcript t;
  ettm_transcript_init(&t, NULL);
  ettm_transcript_add_content(&t, 0);
  ettm_transcript_add_content(&t, UINT64_MAX);
  CHECK_STR(ettm_transcript_view(&t),
            ETTM_LIT("C: (content, 0 octets)\nC: (content, 18446744073709551615 octets)\n"));
  ettm_transcript_clear(&t);
}

static void keeps_what_a_watcher_has_not_taken(void) {
  ettm_transcript t;
  size_t lines = 0, taken;
  ettm_transcript_init(&t, NULL);
  CHECK(ettm_transcript_has_room(&t));
  t.watched = 1;
  while (ettm_transcript_has_room(&t)) {
    add(&t, 'C', "RCPT TO:<somebody@example.com>");
    lines++;
  }
  CHECK(lines > 1);
  for (taken = 0; taken < ETTM_REPLY_LINES; taken++, lines++) { /* one reply more */
    add(&t, 'S', "250-and so on and so on");
  }
  taken = ettm_transcript_take(&t).n;
  CHECK_INT(taken, (lines - ETTM_REPLY_LINES) * 34 + ETTM_REPLY_LINES * 27);
  CHECK(ettm_transcript_has_room(&t));
  add(&t, 'C', "DATA");
  CHECK(ettm_transcript_view(&t).n <= ETTM_TRANSCRIPT_SIZE);
  CHECK_STR(ettm_transcript_take(&t), ETTM_LIT("C: DATA\n"));
  ettm_transcript_clear(&t);
}

static void does_without_memory(void) {
  ettm_transcript t;
  check_heap h;
  check_heap_init(&h);
  h.fail_at = 0;
  ettm_transcript_init(&t, &h.alloc);
  add(&t, 'C', "lost");
  CHECK_STR(ettm_transcript_view(&t), ETTM_LIT(""));
  CHECK_STR(ettm_transcript_take(&t), ETTM_LIT(""));
  add(&t, 'C', "kept");
  CHECK_STR(ettm_transcript_take(&t), ETTM_LIT("C: kept\n"));
  ettm_transcript_clear(&t);
  CHECK_INT(h.blocks, 0);
}

static const check_case cases[] = {
    {"shows who said what", shows_lines},
    {"shows control characters and invalid UTF-8 as question marks",
     shows_unprintable_as_question_marks},
    {"bounds a line", bounds_line},
    {"cuts a line between characters", cuts_between_characters},
    {"keeps the youngest whole lines in bounded memory", keeps_youngest},
    {"gives each line once to who takes them", gives_fresh_lines_once},
    {"keeps whatever somebody who watches has not taken", keeps_what_a_watcher_has_not_taken},
    {"masks what follows the mechanism of AUTH", masks_auth},
    {"shows each line of a reply", shows_replies},
    {"tells the content by its size", tells_content},
    {"leaves out what there is no memory for", does_without_memory},
};
CHECK_MAIN("transcript", cases)
