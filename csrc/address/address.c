/* SPDX-License-Identifier: MIT */
/* How it works. Words in front of "@", "<" or ":" may be a local part or a name: only what follows
 * them tells. scan_words therefore walks over them without output and notes what forbids either
 * reading; a second walk writes the reading that it turned out to be. So no octet is read more than
 * a few times, whatever the input. */
#include "address/address.h"

#include <string.h>

#include "address/token.h"
#include "base/chars.h"
#include "base/utf8.h"

#define NOWHERE ((size_t)-1)

/* What scan_words walked over. */
typedef struct words {
  size_t at;       /* where the first begins */
  size_t end;      /* behind the last */
  size_t count;    /* without the dots */
  size_t joint_at; /* a word right behind a word: this is no local part */
  size_t odd_at;   /* no word where a dot asks for one: a local part only if lenient */
} words;

/* Carriers that gave out local parts like "foo." and "foo..bar", which are still in use. */
static const char *const carriers[] = {"docomo.ne.jp", "ezweb.ne.jp"};

static int at_end(const ettm_address_parser *p) {
  return p->at == p->in.n;
}

static void note_word(words *w, size_t at, ettm_token kind, int behind_dot) {
  if (kind != ETTM_TOKEN_DOT) {
    w->count++;
    if (!behind_dot && w->joint_at == NOWHERE) {
      w->joint_at = at;
    }
  } else if (behind_dot && w->odd_at == NOWHERE) {
    w->odd_at = at;
  }
}

/* Walks over words and dots, and the comments and white space among and behind them. */
static ettm_status scan_words(ettm_address_parser *p, words *w) {
  ettm_status status;
  int behind_dot = 1; /* a word is as welcome in front as behind a dot */
  w->at = w->end = p->at;
  w->count = 0;
  w->joint_at = w->odd_at = NOWHERE;
  for (;;) {
    size_t token_at = p->at;
    ettm_token kind;
    status = ettm_token_scan_word(p, &kind);
    if (status != ETTM_OK || kind == ETTM_TOKEN_NONE) {
      break;
    }
    note_word(w, token_at, kind, behind_dot);
    behind_dot = kind == ETTM_TOKEN_DOT;
    w->end = p->at;
    status = ettm_token_skip_cfws(p);
    if (status != ETTM_OK) {
      break;
    }
  }
  if (behind_dot && w->odd_at == NOWHERE) {
    w->odd_at = p->at;
  }
  return status;
}

/* ---- The second walk: words into the arena; it ends where the first one did ---- */

/* The content of a quoted-string that scan_quoted has walked over: without line breaks and the
 * backslashes of pairs. */
static ettm_status append_unquoted(ettm_buffer *arena, ettm_str in) {
  char *place = NULL;
  size_t i;
  size_t n = 0;
  ettm_status status = in.n > 0 ? ettm_buffer_reserve(arena, in.n, &place) : ETTM_OK;
  if (status != ETTM_OK || in.n == 0) {
    return status;
  }
  for (i = 0; i < in.n; i++) {
    char c = in.p[i] == '\\' ? in.p[++i] : in.p[i];
    if (c != '\r' && c != '\n') {
      place[n++] = c;
    }
  }
  ettm_buffer_commit(arena, n);
  return ETTM_OK;
}

/* Scans one word again and appends what it stands for. */
static ettm_status append_word(ettm_address_parser *p) {
  size_t token_at = p->at;
  ettm_token kind;
  ettm_status status = ettm_token_scan_word(p, &kind);
  if (status != ETTM_OK) {
    return status;
  }
  return kind == ETTM_TOKEN_QUOTED
             ? append_unquoted(p->arena, ettm_token_slice(p, token_at + 1, p->at - 1))
             : ettm_buffer_append(p->arena, ettm_token_slice(p, token_at, p->at));
}

static ettm_status append_local(ettm_address_parser *p, const words *w, ettm_span *local) {
  ettm_status status = ETTM_OK;
  local->at = ettm_buffer_size(p->arena);
  p->at = w->at;
  while (status == ETTM_OK && p->at < w->end) {
    status = append_word(p);
    if (status == ETTM_OK) {
      status = ettm_token_skip_cfws(p);
    }
  }
  local->n = ettm_buffer_size(p->arena) - local->at;
  return status;
}

/* Decodes the encoded words in the arena from run_at on. What would come out with a control
 * character stays encoded: a name must not carry a line break to whoever prints it. */
static ettm_status decode_run(ettm_address_parser *p, size_t run_at) {
  ettm_buffer decoded;
  ettm_str run = ettm_buffer_view(p->arena);
  ettm_status status;
  run = ettm_str_of(run.p + run_at, run.n - run_at);
  if (!ettm_token_may_be_encoded(run)) {
    return ETTM_OK;
  }
  ettm_buffer_init(&decoded, &p->arena->alloc, p->arena->max);
  status = ettm_encoded_word_decode(&decoded, run, p->charset);
  if (status == ETTM_OK && ettm_utf8_check_text(ettm_buffer_view(&decoded)) == ETTM_OK) {
    ettm_buffer_truncate(p->arena, run_at);
    status = ettm_buffer_append(p->arena, ettm_buffer_view(&decoded));
  }
  ettm_buffer_clear(&decoded);
  return status;
}

/* Atoms and dots up to a quoted-string or end, with one space for what parts them. Only these may
 * hold encoded words (RFC 2047 5 (3)): what a quoted-string shows is what it says. */
static ettm_status append_atoms(ettm_address_parser *p, size_t end) {
  size_t run_at = ettm_buffer_size(p->arena);
  for (;;) {
    size_t gap_at;
    ettm_status status = append_word(p);
    gap_at = p->at;
    if (status == ETTM_OK) {
      status = ettm_token_skip_cfws(p);
    }
    if (status == ETTM_OK && (p->at >= end || ettm_token_next_is(p, '"'))) {
      p->at = gap_at;
      return decode_run(p, run_at);
    }
    if (status == ETTM_OK && p->at > gap_at) {
      status = ettm_buffer_append_char(p->arena, ' ');
    }
    if (status != ETTM_OK) {
      return status;
    }
  }
}

static ettm_status append_phrase(ettm_address_parser *p, const words *w, ettm_span *name) {
  ettm_status status = ETTM_OK;
  name->at = ettm_buffer_size(p->arena);
  p->at = w->at;
  while (status == ETTM_OK && p->at < w->end) {
    size_t gap_at;
    status = ettm_token_next_is(p, '"') ? append_word(p) : append_atoms(p, w->end);
    gap_at = p->at;
    if (status == ETTM_OK) {
      status = ettm_token_skip_cfws(p);
    }
    if (status == ETTM_OK && p->at > gap_at && p->at < w->end) {
      status = ettm_buffer_append_char(p->arena, ' ');
    }
  }
  name->n = ettm_buffer_size(p->arena) - name->at;
  return status;
}

/* ---- Addresses: RFC 5322 3.4 and 4.4 ---- */

/* A domain literal: white space is dropped, quoted pairs (obs-dtext) stay as they are given. */
static ettm_status append_literal(ettm_address_parser *p) {
  size_t token_at = p->at;
  size_t piece_at = p->at++;
  ettm_status status = ETTM_OK;
  while (status == ETTM_OK && !ettm_token_next_is(p, ']')) {
    size_t fold = ettm_token_fold_length(p);
    size_t n = fold > 0 ? fold : ettm_token_content_length(p, ETTM_CHAR_DTEXT);
    if (n == 0) {
      return ettm_token_refuse(p, token_at, "a closing square bracket");
    }
    if (fold > 0) {
      status = ettm_buffer_append(p->arena, ettm_token_slice(p, piece_at, p->at));
      piece_at = p->at + n;
    }
    p->at += n;
  }
  if (status == ETTM_OK) {
    p->at++;
    status = ettm_buffer_append(p->arena, ettm_token_slice(p, piece_at, p->at));
  }
  return status;
}

/* dot-atom and obs-domain: white space and comments around a dot end nothing. */
static ettm_status append_labels(ettm_address_parser *p) {
  const char *expected = "a domain";
  for (;;) {
    size_t label_at = p->at;
    ettm_status status;
    ettm_token_scan_atom(p);
    if (p->at == label_at) {
      return ettm_token_refuse(p, label_at, expected);
    }
    status = ettm_buffer_append(p->arena, ettm_token_slice(p, label_at, p->at));
    if (status == ETTM_OK) {
      status = ettm_token_skip_cfws(p);
    }
    if (status != ETTM_OK || !ettm_token_next_is(p, '.')) {
      return status;
    }
    p->at++;
    expected = "a label behind the dot of the domain";
    status = ettm_buffer_append_char(p->arena, '.');
    if (status == ETTM_OK) {
      status = ettm_token_skip_cfws(p);
    }
    if (status != ETTM_OK) {
      return status;
    }
  }
}

/* What follows an "@", which is skipped. */
static ettm_status parse_domain(ettm_address_parser *p, ettm_span *domain) {
  ettm_status status;
  p->at++;
  status = ettm_token_skip_cfws(p);
  if (status != ETTM_OK) {
    return status;
  }
  domain->at = ettm_buffer_size(p->arena);
  status = ettm_token_next_is(p, '[') ? append_literal(p) : append_labels(p);
  domain->n = ettm_buffer_size(p->arena) - domain->at;
  return status == ETTM_OK ? ettm_token_skip_cfws(p) : status;
}

static int is_carrier(ettm_str domain) {
  size_t i;
  for (i = 0; i < sizeof carriers / sizeof carriers[0]; i++) {
    if (ettm_str_equal_nocase(domain, ettm_str_of(carriers[i], strlen(carriers[i])))) {
      return 1;
    }
  }
  return 0;
}

static ettm_status refuse_odd_dot(ettm_address_parser *p, const words *w) {
  p->at = w->odd_at;
  return ettm_token_refuse(p, w->at, "a word before and behind each dot of the local part");
}

/* The rest of an addr-spec: p stands on the "@" behind the words w. */
static ettm_status parse_spec(ettm_address_parser *p, const words *w, ettm_address *out) {
  int odd = w->odd_at != NOWHERE;
  ettm_status status;
  if (w->count == 0) {
    p->at = w->at;
    return ettm_token_refuse(p, w->at, "a local part");
  }
  if (w->joint_at != NOWHERE) {
    p->at = w->joint_at;
    return ettm_token_refuse(p, w->at, "a dot or an @ (behind a name, the address stands in < >)");
  }
  if (odd && (p->flags & (ETTM_ADDRESS_LENIENT | ETTM_ADDRESS_CARRIERS)) == 0) {
    return refuse_odd_dot(p, w);
  }
  status = append_local(p, w, &out->local);
  if (status == ETTM_OK) {
    status = parse_domain(p, &out->domain);
  }
  if (status == ETTM_OK && odd && (p->flags & ETTM_ADDRESS_LENIENT) == 0 &&
      !is_carrier(ettm_span_view(p->arena, out->domain))) {
    return refuse_odd_dot(p, w);
  }
  return status;
}

/* Skips commas and the white space and comments around them; *count of them. */
static ettm_status skip_commas(ettm_address_parser *p, size_t *count) {
  ettm_status status = ettm_token_skip_cfws(p);
  *count = 0;
  while (status == ETTM_OK && ettm_token_next_is(p, ',')) {
    p->at++;
    (*count)++;
    status = ettm_token_skip_cfws(p);
  }
  return status;
}

/* obs-route: read and dropped, as RFC 5322 4.4 says. */
static ettm_status skip_route(ettm_address_parser *p) {
  size_t token_at = p->at;
  size_t size = ettm_buffer_size(p->arena);
  size_t hops = 0;
  size_t commas;
  ettm_status status = skip_commas(p, &commas);
  while (status == ETTM_OK && ettm_token_next_is(p, '@') && (hops == 0 || commas > 0)) {
    ettm_span hop;
    status = parse_domain(p, &hop);
    ettm_buffer_truncate(p->arena, size);
    hops++;
    if (status == ETTM_OK) {
      status = skip_commas(p, &commas);
    }
  }
  if (status != ETTM_OK) {
    return status;
  }
  if (hops == 0 || !ettm_token_next_is(p, ':')) {
    return ettm_token_refuse(p, token_at, hops == 0 ? "an address" : "a : at the end of the route");
  }
  p->at++;
  return ettm_token_skip_cfws(p);
}

/* Route, addr-spec and ">": p stands on the "<". */
static ettm_status parse_angle(ettm_address_parser *p, ettm_address *out) {
  size_t token_at = p->at++;
  words w;
  ettm_status status = ettm_token_skip_cfws(p);
  if (status == ETTM_OK && (ettm_token_next_is(p, '@') || ettm_token_next_is(p, ','))) {
    status = skip_route(p);
  }
  if (status == ETTM_OK) {
    status = scan_words(p, &w);
  }
  if (status != ETTM_OK) {
    return status;
  }
  if (!ettm_token_next_is(p, '@')) {
    return ettm_token_refuse(p, w.at, w.count == 0 ? "an address" : "an @");
  }
  status = parse_spec(p, &w, out);
  if (status == ETTM_OK && !ettm_token_next_is(p, '>')) {
    return ettm_token_refuse(p, token_at, "a closing >");
  }
  p->at += status == ETTM_OK;
  return status;
}

/* A display name, where there is one: phrase and obs-phrase. */
static ettm_status parse_name(ettm_address_parser *p, const words *w, ettm_address *out) {
  if (w->end == w->at) {
    return ETTM_OK;
  }
  if (w->odd_at == w->at) {
    p->at = w->at;
    return ettm_token_refuse(p, w->at, "a name that begins with a word");
  }
  out->has_name = 1;
  return append_phrase(p, w, &out->name);
}

static ettm_status open_group(ettm_address_parser *p, const words *w, ettm_address *out) {
  ettm_status status;
  if (p->in_group || (p->flags & ETTM_ADDRESS_ONE) != 0) {
    return ettm_token_refuse(p, w->at, p->in_group ? "an address: groups do not nest" : "no group");
  }
  status = parse_name(p, w, out);
  if (status == ETTM_OK) {
    p->at++;
    p->in_group = 1;
    out->kind = ETTM_ADDRESS_GROUP_OPEN;
  }
  return status;
}

/* A member ends where the list goes on or ends: loose text behind it makes it ambiguous. */
static ettm_status check_behind(ettm_address_parser *p) {
  int one = (p->flags & ETTM_ADDRESS_ONE) != 0;
  ettm_status status = ettm_token_skip_cfws(p);
  if (status != ETTM_OK) {
    return status;
  }
  if (p->in_group) {
    return ettm_token_next_is(p, ',') || ettm_token_next_is(p, ';')
               ? ETTM_OK
               : ettm_token_refuse(p, p->at, "a comma, or a ; at the end of the group");
  }
  if (at_end(p) || (ettm_token_next_is(p, ',') && !one)) {
    return ETTM_OK;
  }
  return ettm_token_refuse(p, p->at, one ? "nothing behind the address" : "a comma or the end");
}

static ettm_status parse_member(ettm_address_parser *p, ettm_address *out) {
  int bare = (p->flags & ETTM_ADDRESS_BARE) != 0;
  words w;
  ettm_status status = scan_words(p, &w);
  if (status != ETTM_OK) {
    return status;
  }
  if (ettm_token_next_is(p, '@')) {
    status = parse_spec(p, &w, out);
  } else if (ettm_token_next_is(p, '<') && !bare) {
    status = parse_name(p, &w, out);
    status = status == ETTM_OK ? parse_angle(p, out) : status;
  } else if (ettm_token_next_is(p, ':') && w.count > 0 && !bare) {
    return open_group(p, &w, out);
  } else if (w.count == 0) {
    return ettm_token_refuse(p, w.at, "an address");
  } else {
    return ettm_token_refuse(p, w.at, bare ? "an @" : "an @, or an address in < >");
  }
  return status == ETTM_OK ? check_behind(p) : status;
}

static ettm_status find_end(ettm_address_parser *p, size_t commas) {
  if (p->in_group) {
    return ettm_token_refuse(p, p->at, "a ; at the end of the group");
  }
  if (p->count == 0 && (commas > 0 || (p->flags & ETTM_ADDRESS_ONE) != 0)) {
    return ettm_token_refuse(p, p->at, "an address");
  }
  return ETTM_DONE;
}

static ettm_status find_member(ettm_address_parser *p, ettm_address *out) {
  size_t commas = 0;
  ettm_status status =
      (p->flags & ETTM_ADDRESS_ONE) != 0 ? ettm_token_skip_cfws(p) : skip_commas(p, &commas);
  if (status != ETTM_OK) {
    return status;
  }
  if (at_end(p)) {
    return find_end(p, commas);
  }
  if (p->in_group && ettm_token_next_is(p, ';')) {
    p->at++;
    p->in_group = 0;
    out->kind = ETTM_ADDRESS_GROUP_CLOSE;
    return check_behind(p);
  }
  p->count += p->count < 2;
  return parse_member(p, out);
}

void ettm_address_parser_init(ettm_address_parser *p, ettm_str in, unsigned flags,
                              ettm_buffer *arena, const ettm_charset *charset) {
  memset(p, 0, sizeof *p);
  p->in = in.n > 0 ? in : ETTM_LIT("");
  p->flags = flags;
  p->arena = arena;
  p->charset = charset;
  p->expected = "";
}

ettm_status ettm_address_next(ettm_address_parser *p, ettm_address *out) {
  size_t size = ettm_buffer_size(p->arena);
  ettm_address found;
  if (p->status != ETTM_OK) {
    return p->status;
  }
  memset(&found, 0, sizeof found);
  p->status = find_member(p, &found);
  if (p->status == ETTM_OK) {
    *out = found;
  } else {
    ettm_buffer_truncate(p->arena, size);
  }
  return p->status;
}

ettm_str ettm_span_view(const ettm_buffer *arena, ettm_span span) {
  ettm_str all = ettm_buffer_view(arena);
  return span.n > 0 ? ettm_str_of(all.p + span.at, span.n) : ETTM_LIT("");
}
