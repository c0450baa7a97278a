/* SPDX-License-Identifier: MIT */
#include "address/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define ONE      ETTM_ADDRESS_ONE
#define BARE     ETTM_ADDRESS_BARE
#define LENIENT  ETTM_ADDRESS_LENIENT
#define CARRIERS ETTM_ADDRESS_CARRIERS

/* What a parse found, as text: "local|domain", "name|local|domain" (members parted by " / "),
 * "name:" and ";" around a group's, and at an error "!CODE token_at error_at expected". */
typedef struct dump {
  char text[4096];
  size_t n;
} dump;

static void put(dump *d, ettm_str s) {
  if (s.n < sizeof d->text - d->n) {
    memcpy(d->text + d->n, s.p, s.n);
    d->n += s.n;
  }
}

static void put_address(dump *d, const ettm_buffer *arena, const ettm_address *a) {
  put(d, d->n > 0 ? ETTM_LIT(" / ") : ETTM_LIT(""));
  if (a->kind == ETTM_ADDRESS_GROUP_CLOSE) {
    put(d, ETTM_LIT(";"));
    return;
  }
  put(d, ettm_span_view(arena, a->name));
  if (a->kind == ETTM_ADDRESS_GROUP_OPEN) {
    put(d, ETTM_LIT(":"));
    return;
  }
  put(d, a->has_name ? ETTM_LIT("|") : ETTM_LIT(""));
  put(d, ettm_span_view(arena, a->local));
  put(d, ETTM_LIT("|"));
  put(d, ettm_span_view(arena, a->domain));
}

static const char *name_of(ettm_status status) {
  switch (status) {
  case ETTM_E_ADDRESS: return "ADDRESS";
  case ETTM_E_UNSAFE: return "UNSAFE";
  case ETTM_E_UTF8: return "UTF8";
  case ETTM_E_LIMIT: return "LIMIT";
  default: return "OTHER";
  }
}

static void put_error(dump *d, const ettm_address_parser *p) {
  char text[256];
  int n = snprintf(text, sizeof text, "%s!%s %d %d %s", d->n > 0 ? " / " : "", name_of(p->status),
                   (int)p->token_at, (int)p->error_at, p->expected);
  put(d, ettm_str_of(text, (size_t)n));
}

/* A view of nothing may be NULL. */
static void takes_a_view_of_nothing(void) {
  ettm_buffer arena;
  ettm_address_parser p;
  ettm_address a;
  ettm_buffer_init(&arena, NULL, 0);
  ettm_address_parser_init(&p, ettm_str_of(NULL, 0), 0, &arena, NULL);
  CHECK_INT(ettm_address_next(&p, &a), ETTM_DONE);
  ettm_address_parser_init(&p, ettm_str_of(NULL, 0), ONE, &arena, NULL);
  CHECK_INT(ettm_address_next(&p, &a), ETTM_E_ADDRESS);
}

static void dump_parse(dump *d, ettm_str in, unsigned flags, const ettm_charset *charset) {
  ettm_buffer arena;
  ettm_address_parser p;
  ettm_address a;
  d->n = 0;
  ettm_buffer_init(&arena, NULL, 65536);
  ettm_address_parser_init(&p, in, flags, &arena, charset);
  while (ettm_address_next(&p, &a) == ETTM_OK) {
    put_address(d, &arena, &a);
  }
  if (p.status != ETTM_DONE) {
    put_error(d, &p);
  }
  CHECK_INT(ettm_address_next(&p, &a), p.status);
  ettm_buffer_clear(&arena);
}

/* Parses `in` right before an unreadable page, and again with octets behind it that would change
 * the result if they were read. */
static void check_parse(ettm_str in, unsigned flags, const char *wanted, int line) {
  static const char behind[] = "\\x\"(@evil.com>,;:";
  dump guarded;
  dump loose;
  char *copy = (char *)malloc(in.n + sizeof behind);
  if (copy == NULL) {
    abort();
  }
  if (in.n > 0) {
    memcpy(copy, in.p, in.n);
  }
  memcpy(copy + in.n, behind, sizeof behind);
  dump_parse(&guarded, check_guarded(in), flags, NULL);
  dump_parse(&loose, ettm_str_of(copy, in.n), flags, NULL);
  check_str(ettm_str_of(guarded.text, guarded.n), ettm_str_of(wanted, strlen(wanted)), "the parse",
            __FILE__, line);
  check_str(ettm_str_of(loose.text, loose.n), ettm_str_of(guarded.text, guarded.n),
            "the parse with octets behind", __FILE__, line);
  free(copy);
}

#define PARSE(in, flags, wanted) check_parse(ETTM_LIT(in), (flags), (wanted), __LINE__)

/* ---- Mailboxes ---- */

static void takes_plain_addr_specs(void) {
  PARSE("a@b", 0, "a|b");
  PARSE("first.last@sub.example.com", 0, "first.last|sub.example.com");
  PARSE("a!#$%&'*+-/=?^_`{|}~1@example.com", 0, "a!#$%&'*+-/=?^_`{|}~1|example.com");
  PARSE("a@[192.0.2.1]", 0, "a|[192.0.2.1]");
  PARSE("a@[IPv6:2001:db8::1]", 0, "a|[IPv6:2001:db8::1]");
}

static void takes_names(void) {
  PARSE("Doe <a@b>", 0, "Doe|a|b");
  PARSE("John   Doe\t<a@b>", 0, "John Doe|a|b");
  PARSE("\"Doe, John\" <a@b>", 0, "Doe, John|a|b");
  PARSE("\"a \\\"b\\\" \\\\ c\" <a@b>", 0, "a \"b\" \\ c|a|b");
  PARSE("\"John\"\t\"Q, P\" Public <a@b>", 0, "John Q, P Public|a|b");
  PARSE("John \"Q, P\" (x) Public <a@b>", 0, "John Q, P Public|a|b");
  PARSE("John\"Q\"Public <a@b>", 0, "JohnQPublic|a|b");
  PARSE("<a@b>", 0, "a|b");
}

static void tells_an_empty_name_from_none(void) {
  ettm_buffer arena;
  ettm_address_parser p;
  ettm_address a;
  ettm_buffer_init(&arena, NULL, 100);
  ettm_address_parser_init(&p, ETTM_LIT("\"\" <a@b>, <c@d>"), 0, &arena, NULL);
  CHECK_INT(ettm_address_next(&p, &a), ETTM_OK);
  CHECK_INT(a.has_name, 1);
  CHECK_INT(a.name.n, 0);
  CHECK_INT(ettm_address_next(&p, &a), ETTM_OK);
  CHECK_INT(a.has_name, 0);
  ettm_buffer_clear(&arena);
}

static void takes_utf8_everywhere(void) {
  PARSE("エッツ <用户@例え.jp>", 0, "エッツ|用户|例え.jp");
  PARSE("\"売上, 担当\" <\"売 上\"@例え.jp> (コメント)", 0, "売上, 担当|売 上|例え.jp");
  PARSE("\"\\エ\" <a@b>", 0, "エ|a|b");
  PARSE("a@[タグ:x]", 0, "a|[タグ:x]");
}

static void refuses_bad_utf8_where_it_stands(void) {
  PARSE("a\xFF@b", 0, "!UTF8 0 1 an @, or an address in < >");
  PARSE("a@b\xC3", 0, "!UTF8 3 3 a comma or the end");
  PARSE("\"\xED\xA0\x80\" <a@b>", 0, "!UTF8 0 1 a closing quotation mark");
  PARSE("(\xC0\x80) a@b", 0, "!UTF8 0 1 a closing parenthesis");
  PARSE("\"\\\xFF\" <a@b>", 0, "!UTF8 0 1 a closing quotation mark");
}

static void unquotes_a_local_part(void) {
  PARSE("\"a b\"@c", 0, "a b|c");
  PARSE("\"a\\\"\\\\\\b\"@c", 0, "a\"\\b|c");
  PARSE("\"\"@c", 0, "|c");
  PARSE("\"ada\"@x, ada@x, \"\\a\\d\\a\"@x", 0, "ada|x / ada|x / ada|x");
  PARSE("\"user@evil.com\"@good.com", 0, "user@evil.com|good.com");
  PARSE("\"a,b;c\"@good.com", 0, "a,b;c|good.com");
}

static void takes_the_obsolete_local_part(void) {
  PARSE("\"a b\".c.\"d\"@x", 0, "a b.c.d|x");
  PARSE("a . (x) b@x", 0, "a.b|x");
  PARSE("\"a\"b@x", 0, "!ADDRESS 0 3 a dot or an @ (behind a name, the address stands in < >)");
}

static void takes_folds_as_white_space(void) {
  PARSE("a@b,\r\n c@d", 0, "a|b / c|d");
  PARSE("\r\n \r\n\t a@b\r\n ", 0, "a|b");
  PARSE("\"a\r\n b\r\n\tc\" <a@b>", 0, "a b\tc|a|b");
  PARSE("\"a\r\n  b\"@c", 0, "a  b|c");
  PARSE("a@[1.2\r\n .3 .4 ]", 0, "a|[1.2.3.4]");
}

static void refuses_line_breaks_that_fold_nothing(void) {
  PARSE("a@b\r\n", 0, "!UNSAFE 3 3 a comma or the end");
  PARSE("a@b\n ,c@d", 0, "!UNSAFE 3 3 a comma or the end");
  PARSE("\"a\r\nBcc: x\" <a@b>", 0, "!UNSAFE 0 2 a closing quotation mark");
  PARSE("a\r@b", 0, "!UNSAFE 0 1 an @, or an address in < >");
  PARSE("a@b\r\nc", 0, "!UNSAFE 3 3 a comma or the end");
}

static void refuses_control_characters(void) {
  PARSE("a\0b@c", 0, "!UNSAFE 0 1 an @, or an address in < >");
  PARSE("\"a\0b\"@c", 0, "!UNSAFE 0 2 a closing quotation mark");
  PARSE("\"a\\\0b\"@c", 0, "!UNSAFE 0 2 a closing quotation mark");
  PARSE("a@b.c\x7F", 0, "!UNSAFE 5 5 a comma or the end");
  PARSE("(\x01) a@b", 0, "!UNSAFE 0 1 a closing parenthesis");
  PARSE("a@[\x01]", 0, "!UNSAFE 2 3 a closing square bracket");
}

static void keeps_quoted_pairs_of_a_literal(void) {
  PARSE("a@[x\\]y]", 0, "a|[x\\]y]");
  PARSE("a@[x", 0, "!ADDRESS 2 4 a closing square bracket");
  PARSE("a@[x[y]", 0, "!ADDRESS 2 4 a closing square bracket");
}

static void takes_names_with_dots(void) {
  PARSE("John Q. Public <a@b>", 0, "John Q. Public|a|b");
  PARSE("J.R.R. Tolkien <a@b>", 0, "J.R.R. Tolkien|a|b");
  PARSE("Dr . Who <a@b>", 0, "Dr . Who|a|b");
  PARSE("\"J\". Smith <a@b>", 0, "J. Smith|a|b");
  PARSE(".J <a@b>", 0, "!ADDRESS 0 0 a name that begins with a word");
}

/* ---- Encoded words ---- */

static ettm_status fake_charset(void *ud, ettm_str charset, ettm_str in, ettm_buffer *out) {
  (void)in;
  return ettm_str_equal_nocase(charset, ETTM_LIT("x-test"))
             ? ettm_buffer_append(out, ettm_str_of((const char *)ud, strlen((const char *)ud)))
             : ETTM_E_ARGUMENT;
}

static void decodes_encoded_words_in_atoms(void) {
  PARSE("=?utf-8?B?44Ko44OD44OE?= <a@b>", 0, "エッツ|a|b");
  PARSE("=?UTF-8?Q?Andr=C3=A9?= Pirard <a@b>", 0, "André Pirard|a|b");
  PARSE("=?utf-8?q?a?=\r\n =?utf-8?q?b?= c <a@b>", 0, "ab c|a|b");
  PARSE("=?utf-8?q?G=2E?=: a@b;", 0, "G.: / a|b / ;");
  PARSE("\"Doe,\" =?utf-8?q?J=C3=B6?= <a@b>", 0, "Doe, Jö|a|b");
}

static void leaves_encoded_words_in_quotes_alone(void) {
  PARSE("\"=?utf-8?q?a?=\" <a@b>", 0, "=?utf-8?q?a?=|a|b");
  PARSE("\"=?utf-8?q?a?=\" =?utf-8?q?b?= <a@b>", 0, "=?utf-8?q?a?= b|a|b");
}

static void never_decodes_an_address(void) {
  PARSE("=?utf-8?q?a=40evil=2Ecom?=@b", 0, "=?utf-8?q?a=40evil=2Ecom?=|b");
  PARSE("=?utf-8?q?a=40evil=2Ecom=2C?= <a@b>", 0, "a@evil.com,|a|b");
}

static void keeps_a_word_encoded_that_hides_a_control_character(void) {
  PARSE("=?utf-8?q?a=0D=0ABcc=3A?= <a@b>", 0, "=?utf-8?q?a=0D=0ABcc=3A?=|a|b");
  PARSE("=?utf-8?q?a=00?= <a@b>", 0, "=?utf-8?q?a=00?=|a|b");
}

static void asks_for_a_foreign_charset(void) {
  static char text[] = "千";
  static char hostile[] = "a\nb";
  static char invalid[] = "\xFF";
  ettm_charset charset;
  dump d;
  charset.to_utf8 = fake_charset;
  charset.ud = text;
  dump_parse(&d, ETTM_LIT("=?x-test?q?a?= <a@b>"), 0, &charset);
  CHECK_STR(ettm_str_of(d.text, d.n), ETTM_LIT("千|a|b"));
  dump_parse(&d, ETTM_LIT("=?x-other?q?a?= <a@b>"), 0, &charset);
  CHECK_STR(ettm_str_of(d.text, d.n), ETTM_LIT("=?x-other?q?a?=|a|b"));
  charset.ud = hostile;
  dump_parse(&d, ETTM_LIT("=?x-test?q?a?= <a@b>"), 0, &charset);
  CHECK_STR(ettm_str_of(d.text, d.n), ETTM_LIT("=?x-test?q?a?=|a|b"));
  charset.ud = invalid;
  dump_parse(&d, ETTM_LIT("=?x-test?q?a?= <a@b>"), 0, &charset);
  CHECK_STR(ettm_str_of(d.text, d.n), ETTM_LIT("=?x-test?q?a?=|a|b"));
}

/* ---- Lists and groups ---- */

static void takes_lists_with_empty_members(void) {
  PARSE("a@b,c@d", 0, "a|b / c|d");
  PARSE(",, a@b ,, (x), c@d,", 0, "a|b / c|d");
  PARSE("", 0, "");
  PARSE(" (nobody) ", 0, "");
  PARSE(",,", 0, "!ADDRESS 2 2 an address");
}

static void takes_groups(void) {
  PARSE("G: a@x, \"b;c\" <d@x>;", 0, "G: / a|x / b;c|d|x / ;");
  PARSE("Undisclosed recipients:;", 0, "Undisclosed recipients: / ;");
  PARSE("A:,,(x),;, b@c, \"D, E\": f@g;, h@i", 0, "A: / ; / b|c / D, E: / f|g / ; / h|i");
  PARSE("Team.A: Jo <a@b>,;", 0, "Team.A: / Jo|a|b / ;");
}

static void refuses_broken_groups(void) {
  PARSE("G: a@b", 0, "G: / !ADDRESS 6 6 a comma, or a ; at the end of the group");
  PARSE("G:", 0, "G: / !ADDRESS 2 2 a ; at the end of the group");
  PARSE("G: a@b; c@d", 0, "G: / a|b / !ADDRESS 8 8 a comma or the end");
  PARSE("G: H: a@b;;", 0, "G: / !ADDRESS 3 4 an address: groups do not nest");
  PARSE(": a@b;", 0, "!ADDRESS 0 0 an address");
  PARSE("a@b;", 0, "!ADDRESS 3 3 a comma or the end");
  PARSE("; a@b", 0, "!ADDRESS 0 0 an address");
}

static void takes_exactly_one_if_asked(void) {
  PARSE("A B <a@b> (x)", ONE, "A B|a|b");
  PARSE("", ONE, "!ADDRESS 0 0 an address");
  PARSE("(a@b)", ONE, "!ADDRESS 5 5 an address");
  PARSE("a@b, c@d", ONE, "!ADDRESS 3 3 nothing behind the address");
  PARSE("a@b,", ONE, "!ADDRESS 3 3 nothing behind the address");
  PARSE(",a@b", ONE, "!ADDRESS 0 0 an address");
  PARSE("G: a@b;", ONE, "!ADDRESS 0 1 no group");
}

static void takes_bare_addr_specs_if_asked(void) {
  PARSE("a@b", ONE | BARE, "a|b");
  PARSE("<a@b>", ONE | BARE, "!ADDRESS 0 0 an address");
  PARSE("A <a@b>", ONE | BARE, "!ADDRESS 0 2 an @");
  PARSE("G: a@b;", BARE, "!ADDRESS 0 1 an @");
}

static void says_where_and_what(void) {
  PARSE("a", 0, "!ADDRESS 0 1 an @, or an address in < >");
  PARSE("a@", 0, "!ADDRESS 2 2 a domain");
  PARSE("a@b.", 0, "!ADDRESS 4 4 a label behind the dot of the domain");
  PARSE("a@b..c", 0, "!ADDRESS 4 4 a label behind the dot of the domain");
  PARSE("a@.b", 0, "!ADDRESS 2 2 a domain");
  PARSE("@b", 0, "!ADDRESS 0 0 a local part");
  PARSE("x@y, \"abc", 0, "x|y / !ADDRESS 5 9 a closing quotation mark");
  PARSE("\"abc\\", 0, "!ADDRESS 0 4 a closing quotation mark");
  PARSE("a@b (c", 0, "!ADDRESS 4 6 a closing parenthesis");
  PARSE("A <a@b", 0, "!ADDRESS 2 6 a closing >");
  PARSE("A <a>", 0, "!ADDRESS 3 4 an @");
  PARSE("A <>", 0, "!ADDRESS 3 3 an address");
  PARSE("A B@c", 0, "!ADDRESS 0 2 a dot or an @ (behind a name, the address stands in < >)");
  PARSE("<<a@b>>", 0, "!ADDRESS 1 1 an address");
  PARSE("a\\b@c", 0, "!ADDRESS 0 1 an @, or an address in < >");
}

/* ---- Dots in odd places ---- */

static void refuses_odd_dots(void) {
  PARSE("foo..bar@docomo.ne.jp", 0,
        "!ADDRESS 0 4 a word before and behind each dot of the local part");
  PARSE("foo.@ezweb.ne.jp", 0, "!ADDRESS 0 4 a word before and behind each dot of the local part");
  PARSE(".foo@ezweb.ne.jp", 0, "!ADDRESS 0 0 a word before and behind each dot of the local part");
}

static void takes_carriers_odd_dots_if_asked(void) {
  PARSE("foo..bar@docomo.ne.jp", CARRIERS, "foo..bar|docomo.ne.jp");
  PARSE("Ｋ <foo.@EZweb.ne.jp>", CARRIERS, "Ｋ|foo.|EZweb.ne.jp");
  PARSE(".foo.@docomo.ne.jp, ..a@docomo . ne.jp", CARRIERS,
        ".foo.|docomo.ne.jp / ..a|docomo.ne.jp");
  PARSE("foo.@example.com", CARRIERS,
        "!ADDRESS 0 4 a word before and behind each dot of the local part");
  PARSE("foo.@xdocomo.ne.jp", CARRIERS,
        "!ADDRESS 0 4 a word before and behind each dot of the local part");
  PARSE("foo.@docomo.ne.jp.evil.com", CARRIERS,
        "!ADDRESS 0 4 a word before and behind each dot of the local part");
  PARSE("...@docomo.ne.jp", CARRIERS, "!ADDRESS 0 0 a local part");
}

static void takes_anyones_odd_dots_if_lenient(void) {
  PARSE("foo..bar@example.com", LENIENT, "foo..bar|example.com");
  PARSE("\"a b\"..c.@example.com", LENIENT, "a b..c.|example.com");
  PARSE("foo bar@example.com", LENIENT,
        "!ADDRESS 0 4 a dot or an @ (behind a name, the address stands in < >)");
  PARSE("foo@example..com", LENIENT, "!ADDRESS 12 12 a label behind the dot of the domain");
}

/* ---- What sent mail to the wrong place elsewhere ---- */

static void space_or_comment_at_a_dot_ends_no_domain(void) {
  PARSE("user@victim.example .allowed.example", 0, "user|victim.example.allowed.example");
  PARSE("user@victim.example(x).allowed.example", 0, "user|victim.example.allowed.example");
  PARSE("user@victim.example\xC2\xA0.allowed.example", 0,
        "user|victim.example\xC2\xA0.allowed.example");
}

static void a_comment_glues_no_atoms(void) {
  PARSE("user@example.com(x)evil.com", 0, "!ADDRESS 19 19 a comma or the end");
  PARSE("<user@example.com(x)evil.com>", 0, "!ADDRESS 0 20 a closing >");
  PARSE("us(x)er@example.com", 0,
        "!ADDRESS 0 5 a dot or an @ (behind a name, the address stands in < >)");
}

static void a_comment_supplies_no_mailbox(void) {
  PARSE("(a@evil.com)", 0, "");
  PARSE("\"Display Name\" <(a comment)>", 0, "!ADDRESS 27 27 an address");
  PARSE("a@b (c@d)", 0, "a|b");
}

static void nested_comments_end_at_the_right_place(void) {
  PARSE("(a (b) \\) c) u@x.com", 0, "u|x.com");
  PARSE("((a)) (b(c)(d(e))) A (x) B (y) <(z)u(\\()@(@)x.com(,)> ( \r\n \\\\)", 0, "A B|u|x.com");
}

static void loose_text_is_refused(void) {
  PARSE("user@good.com (x) evil@evil.com", 0, "!ADDRESS 18 18 a comma or the end");
  PARSE("user@company(x).com@attacker.net", 0, "!ADDRESS 19 19 a comma or the end");
  PARSE("<user@e.com user@e.com>", 0, "!ADDRESS 0 12 a closing >");
  PARSE("<a@b> c", 0, "!ADDRESS 6 6 a comma or the end");
  PARSE("xclow3n@gmail.com x@internal.domain", 0, "!ADDRESS 18 18 a comma or the end");
  PARSE("\"foo@psres.net> ORCPT=admin@admin.com\"@test.com", 0,
        "foo@psres.net> ORCPT=admin@admin.com|test.com");
}

static void brackets_inside_other_tokens_are_text(void) {
  PARSE("\"a<b\"@victim.com", 0, "a<b|victim.com");
  PARSE("(<x@evil.com>) a@victim.com", 0, "a|victim.com");
  PARSE("a@[x<y@evil.com>z]", 0, "a|[x<y@evil.com>z]");
  PARSE("a@[x@evil.com]", 0, "a|[x@evil.com]");
  PARSE("a[@b.com, c@d.com]", 0, "!ADDRESS 0 1 an @, or an address in < >");
  PARSE("a@[1.2.3.4].com", 0, "!ADDRESS 11 11 a comma or the end");
}

static void a_source_route_is_dropped(void) {
  PARSE("<@r1,@r2:u@e.com>", 0, "u|e.com");
  PARSE("N < , @r1 , , (x) @[1.2.3.4], : u@e.com>", 0, "N|u|e.com");
  PARSE("<@r1:>", 0, "!ADDRESS 5 5 an address");
  PARSE("<@r1 @r2:u@e.com>", 0, "!ADDRESS 1 5 a : at the end of the route");
  PARSE("<@r1,u@e.com>", 0, "!ADDRESS 1 5 a : at the end of the route");
  PARSE("<,u@e.com>", 0, "!ADDRESS 1 2 an address");
  PARSE("@r1:u@e.com", 0, "!ADDRESS 0 0 a local part");
}

static void space_beside_the_at_sign_is_nothing(void) {
  PARSE("user @ good.com", 0, "user|good.com");
  PARSE("user(x)@(y)good.com", 0, "user|good.com");
}

static void bounds_the_nesting_of_comments(void) {
  char text[2 * ETTM_COMMENT_DEPTH + 16];
  size_t n = 0;
  size_t i;
  for (i = 0; i < ETTM_COMMENT_DEPTH; i++) {
    text[n++] = '(';
  }
  for (i = 0; i < ETTM_COMMENT_DEPTH; i++) {
    text[n++] = ')';
  }
  memcpy(text + n, "a@b", 3);
  check_parse(ettm_str_of(text, n + 3), 0, "a|b", __LINE__);
  memmove(text + 1, text, n);
  text[n + 1] = ')';
  memcpy(text + n + 2, "a@b", 3);
  check_parse(ettm_str_of(text, n + 5), 0, "!ADDRESS 0 64 comments that are nested less deeply",
              __LINE__);
}

static const check_case cases[] = {
    {"takes a view of nothing", takes_a_view_of_nothing},
    {"takes plain addr-specs", takes_plain_addr_specs},
    {"takes display names as atoms and quoted-strings", takes_names},
    {"tells an empty name from none", tells_an_empty_name_from_none},
    {"takes UTF-8 in every part", takes_utf8_everywhere},
    {"refuses bad UTF-8 where it stands", refuses_bad_utf8_where_it_stands},
    {"unquotes a local part", unquotes_a_local_part},
    {"takes the obsolete local part", takes_the_obsolete_local_part},
    {"takes folds as white space", takes_folds_as_white_space},
    {"refuses line breaks that fold nothing", refuses_line_breaks_that_fold_nothing},
    {"refuses control characters", refuses_control_characters},
    {"keeps the quoted pairs of a domain literal", keeps_quoted_pairs_of_a_literal},
    {"takes names with dots", takes_names_with_dots},
    {"decodes encoded words in the atoms of a name", decodes_encoded_words_in_atoms},
    {"leaves encoded words in quotes alone", leaves_encoded_words_in_quotes_alone},
    {"never decodes an address", never_decodes_an_address},
    {"keeps a word encoded that hides a control character",
     keeps_a_word_encoded_that_hides_a_control_character},
    {"asks for a foreign charset", asks_for_a_foreign_charset},
    {"takes lists with empty members", takes_lists_with_empty_members},
    {"takes groups", takes_groups},
    {"refuses broken groups", refuses_broken_groups},
    {"takes exactly one mailbox if asked", takes_exactly_one_if_asked},
    {"takes bare addr-specs if asked", takes_bare_addr_specs_if_asked},
    {"says where it went wrong and what was expected", says_where_and_what},
    {"refuses dots in odd places", refuses_odd_dots},
    {"takes the carriers' dots in odd places if asked", takes_carriers_odd_dots_if_asked},
    {"takes anyone's dots in odd places if lenient", takes_anyones_odd_dots_if_lenient},
    {"ends no domain at a space or comment beside a dot", space_or_comment_at_a_dot_ends_no_domain},
    {"glues no atoms over a comment", a_comment_glues_no_atoms},
    {"takes no mailbox out of a comment", a_comment_supplies_no_mailbox},
    {"ends nested comments at the right place", nested_comments_end_at_the_right_place},
    {"refuses loose text around an address", loose_text_is_refused},
    {"takes brackets inside other tokens as text", brackets_inside_other_tokens_are_text},
    {"drops a source route", a_source_route_is_dropped},
    {"drops space beside the at sign", space_beside_the_at_sign_is_nothing},
    {"bounds the nesting of comments", bounds_the_nesting_of_comments},
};

CHECK_MAIN("address", cases)
