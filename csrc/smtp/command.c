/* SPDX-License-Identifier: MIT */
#include "smtp/command.h"

#include <string.h>

#include "address/path.h"
#include "base/chars.h"
#include "base/utf8.h"

/* How it works: the verb's row says which form its line has; each form appends its line without
 * CRLF; ettm_command_append looks the views over before, adds CRLF, and takes everything back when
 * a step failed. */
typedef enum line_form {
  FORM_BARE,
  FORM_DOMAIN,
  FORM_AUTH,
  FORM_PATH,
  FORM_TEXT,
  FORM_LINE
} line_form;

typedef enum flight_place { FLIGHT_ALONE, FLIGHT_LAST, FLIGHT_ANY } flight_place;

typedef struct verb_row {
  const char *name;
  const char *before; /* what the line begins with; NULL: the name */
  line_form form;
  int optional; /* the argument may be left out */
  flight_place flight;
} verb_row;

static const verb_row verbs[] = {
    {"EHLO", NULL, FORM_DOMAIN, 0, FLIGHT_ALONE},
    {"HELO", NULL, FORM_DOMAIN, 0, FLIGHT_ALONE},
    {"STARTTLS", NULL, FORM_BARE, 1, FLIGHT_ALONE},
    {"AUTH", NULL, FORM_AUTH, 0, FLIGHT_ALONE},
    {"MAIL", "MAIL FROM:<", FORM_PATH, 1, FLIGHT_ANY},
    {"RCPT", "RCPT TO:<", FORM_PATH, 0, FLIGHT_ANY},
    {"DATA", NULL, FORM_BARE, 1, FLIGHT_LAST},
    {"RSET", NULL, FORM_BARE, 1, FLIGHT_ANY},
    {"NOOP", NULL, FORM_TEXT, 1, FLIGHT_LAST},
    {"VRFY", NULL, FORM_TEXT, 0, FLIGHT_LAST},
    {"EXPN", NULL, FORM_TEXT, 0, FLIGHT_LAST},
    {"HELP", NULL, FORM_TEXT, 1, FLIGHT_ALONE}, /* RFC 2920 3.1 does not say */
    {"QUIT", NULL, FORM_BARE, 1, FLIGHT_LAST},
    {"", NULL, FORM_LINE, 0, FLIGHT_ALONE},
};

static const verb_row *row_of(ettm_verb verb) {
  return &verbs[(unsigned)verb < ETTM_VERB_OTHER ? verb : ETTM_VERB_OTHER];
}

static ettm_str text_of(const char *terminated) {
  return ettm_str_of(terminated, strlen(terminated));
}

const char *ettm_verb_name(ettm_verb verb) {
  return row_of(verb)->name;
}

int ettm_verb_is_pipelinable(ettm_verb verb) {
  return row_of(verb)->flight == FLIGHT_ANY;
}

int ettm_verb_ends_flight(ettm_verb verb) {
  return row_of(verb)->flight != FLIGHT_ALONE;
}

static int is_alphanumeric(char c) {
  return ettm_char_is(c, ETTM_CHAR_ALPHA | ETTM_CHAR_DIGIT);
}

static int is_value_octet(char c) {
  return ettm_char_is(c, ETTM_CHAR_ESMTP_VALUE) || (unsigned char)c > 127;
}

/* RFC 5321 4.1.2: esmtp-keyword. Returns its end; p where there is none. */
static const char *scan_keyword(const char *p, const char *end) {
  if (p == end || !is_alphanumeric(*p)) {
    return p;
  }
  while (p < end && (is_alphanumeric(*p) || *p == '-')) {
    p++;
  }
  return p;
}

static const char *scan_value(const char *p, const char *end) {
  while (p < end && is_value_octet(*p)) {
    p++;
  }
  return p;
}

int ettm_esmtp_parameter_next(ettm_str *rest, ettm_str *keyword, ettm_str *value) {
  const char *end = rest->n > 0 ? rest->p + rest->n : rest->p;
  const char *p = scan_keyword(rest->p, end);
  const char *start = p;
  if (p == rest->p) {
    return 0;
  }
  *keyword = ettm_str_of(rest->p, (size_t)(p - rest->p));
  if (p < end && *p == '=') {
    start = p + 1;
    p = scan_value(start, end);
    if (p == start) {
      return 0;
    }
  }
  *value = ettm_str_of(start, (size_t)(p - start));
  if (p < end && (*p != ' ' || p + 1 == end)) {
    return 0;
  }
  p += p < end;
  *rest = ettm_str_of(p, (size_t)(end - p));
  return 1;
}

static ettm_status check_parameters(ettm_str parameters) {
  ettm_str keyword;
  ettm_str value;
  while (ettm_esmtp_parameter_next(&parameters, &keyword, &value)) {
  }
  return parameters.n == 0 ? ETTM_OK : ETTM_E_NAME;
}

static int is_base64_octet(char c) {
  return is_alphanumeric(c) || c == '+' || c == '/';
}

int ettm_is_base64(ettm_str s) {
  size_t i;
  size_t n = s.n;
  if (n % 4 != 0) {
    return 0;
  }
  for (i = 0; i < 2 && n > 0 && s.p[n - 1] == '='; i++) {
    n--;
  }
  for (i = 0; i < n; i++) {
    if (!is_base64_octet(s.p[i])) {
      return 0;
    }
  }
  return 1;
}

/* Appends the parts in turn, as far as they are not empty. */
static ettm_status append_parts(ettm_buffer *out, const ettm_str *parts, size_t count) {
  ettm_status status = ETTM_OK;
  size_t i;
  for (i = 0; i < count && status == ETTM_OK; i++) {
    status = ettm_buffer_append(out, parts[i]);
  }
  return status;
}

/* Appends the name and, where it is not empty, SP and the argument. */
static ettm_status append_plain(ettm_buffer *out, const verb_row *row, ettm_str argument) {
  ettm_str parts[3];
  parts[0] = text_of(row->name);
  parts[1] = ETTM_LIT(" ");
  parts[2] = argument;
  return append_parts(out, parts, argument.n > 0 ? 3 : 1);
}

static ettm_status append_domain(ettm_buffer *out, const ettm_command *c) {
  ettm_status status = ettm_path_check_domain(c->argument);
  if (status == ETTM_OK && ettm_has_8bit(c->argument)) {
    status = ETTM_E_DOMAIN; /* RFC 6531 3.7.1: ASCII, always */
  }
  return status == ETTM_OK ? append_plain(out, row_of(c->verb), c->argument) : status;
}

/* RFC 4422 3.1: sasl-mech. */
static ettm_status append_mechanism(ettm_buffer *out, ettm_str mechanism) {
  size_t i;
  ettm_status status = mechanism.n <= 20 ? ETTM_OK : ETTM_E_NAME;
  for (i = 0; i < mechanism.n && status == ETTM_OK; i++) {
    char c = mechanism.p[i];
    int known = is_alphanumeric(c) || c == '-' || c == '_';
    status = known ? ettm_buffer_append_char(out, ettm_upper(c)) : ETTM_E_NAME;
  }
  return status;
}

static ettm_status append_auth(ettm_buffer *out, const ettm_command *c) {
  int response = c->parameters.n > 0;
  ettm_status status = ettm_buffer_append(out, ETTM_LIT("AUTH "));
  if (response && !ettm_is_base64(c->parameters) && !ettm_str_equal(c->parameters, ETTM_LIT("="))) {
    return ETTM_E_ARGUMENT;
  }
  if (status == ETTM_OK) {
    status = append_mechanism(out, c->argument);
  }
  if (status == ETTM_OK && response) {
    ettm_str parts[2];
    parts[0] = ETTM_LIT(" ");
    parts[1] = c->parameters;
    status = append_parts(out, parts, 2);
  }
  return status;
}

static ettm_status append_path(ettm_buffer *out, const ettm_command *c) {
  ettm_status status = ettm_buffer_append(out, text_of(row_of(c->verb)->before));
  if (status == ETTM_OK && c->domain.n > 0) {
    status = ettm_path_append(out, c->argument, c->domain, c->utf8);
  } else if (status == ETTM_OK && c->argument.n > 0) {
    status = ettm_path_from_text(out, c->argument, c->utf8, c->verb == ETTM_VERB_RCPT);
  }
  if (status == ETTM_OK) {
    status = check_parameters(c->parameters);
  }
  if (status == ETTM_OK) {
    ettm_str parts[2];
    parts[0] = c->parameters.n > 0 ? ETTM_LIT("> ") : ETTM_LIT(">");
    parts[1] = c->parameters;
    status = append_parts(out, parts, 2);
  }
  return status;
}

/* RFC 6531 3.7.4.2: with the parameter the server may answer VRFY and EXPN in UTF-8. */
static ettm_status append_text(ettm_buffer *out, const ettm_command *c) {
  int search = c->verb == ETTM_VERB_VRFY || c->verb == ETTM_VERB_EXPN;
  ettm_status status = append_plain(out, row_of(c->verb), c->argument);
  if (status == ETTM_OK && search && c->utf8) {
    status = ettm_buffer_append(out, ETTM_LIT(" SMTPUTF8"));
  }
  return status;
}

/* A line of the caller's own must not pretend to be a command that this code keeps track of. */
static ettm_status append_line(ettm_buffer *out, const ettm_command *c) {
  const char *space = (const char *)memchr(c->argument.p, ' ', c->argument.n);
  size_t n = space != NULL ? (size_t)(space - c->argument.p) : c->argument.n;
  ettm_str word = ettm_str_of(c->argument.p, n);
  size_t i;
  for (i = 0; i < ETTM_VERB_OTHER; i++) {
    if (ettm_str_equal_nocase(word, text_of(verbs[i].name))) {
      return ETTM_E_ARGUMENT;
    }
  }
  if (n == 0 || ettm_str_equal_nocase(word, ETTM_LIT("BDAT"))) {
    return ETTM_E_ARGUMENT;
  }
  return ettm_buffer_append(out, c->argument);
}

static ettm_status append_form(ettm_buffer *out, const ettm_command *c) {
  switch (row_of(c->verb)->form) {
  case FORM_DOMAIN: return append_domain(out, c);
  case FORM_AUTH: return append_auth(out, c);
  case FORM_PATH: return append_path(out, c);
  case FORM_TEXT: return append_text(out, c);
  case FORM_LINE: return append_line(out, c);
  default: return append_plain(out, row_of(c->verb), c->argument);
  }
}

/* What holds for every line, whatever its form. Mailboxes, domains and mechanisms have checks of
 * their own for what is above 127: a non-ASCII domain has A-labels, for one. */
static ettm_status check_octets(const ettm_command *c) {
  line_form f = row_of(c->verb)->form;
  ettm_str free_text = f == FORM_PATH ? c->parameters : c->argument;
  if (ettm_has_control(c->argument) || ettm_has_control(c->domain) ||
      ettm_has_control(c->parameters)) {
    return ETTM_E_UNSAFE;
  }
  if ((f != FORM_PATH && f != FORM_TEXT && f != FORM_LINE) || !ettm_has_8bit(free_text)) {
    return ETTM_OK;
  }
  if (!c->utf8) {
    return ETTM_E_NEEDS_SMTPUTF8;
  }
  return ettm_utf8_valid(free_text) ? ETTM_OK : ETTM_E_UTF8;
}

static ettm_status check_presence(const ettm_command *c) {
  const verb_row *row = row_of(c->verb);
  int wants_parameters = row->form == FORM_PATH || row->form == FORM_AUTH;
  if (c->argument.n == 0 && !row->optional) {
    return ETTM_E_ARGUMENT;
  }
  if (c->argument.n > 0 && row->form == FORM_BARE) {
    return ETTM_E_ARGUMENT;
  }
  return c->parameters.n > 0 && !wants_parameters ? ETTM_E_ARGUMENT : ETTM_OK;
}

static size_t limit_of(const ettm_command *c) {
  switch (row_of(c->verb)->form) {
  case FORM_AUTH: return ETTM_AUTH_LINE;
  case FORM_PATH:
  case FORM_LINE: return ETTM_COMMAND_LINE;
  default: return ETTM_PLAIN_LINE + (c->utf8 ? 10 : 0); /* RFC 6531 3.7.4.2 */
  }
}

ettm_status ettm_command_append(ettm_buffer *out, const ettm_command *c) {
  size_t before = ettm_buffer_size(out);
  size_t limit = limit_of(c);
  ettm_status status;
  if (c->argument.n > limit || c->domain.n > limit || c->parameters.n > limit) {
    return ETTM_E_LIMIT;
  }
  status = check_octets(c);
  if (status == ETTM_OK) {
    status = check_presence(c);
  }
  if (status == ETTM_OK) {
    status = append_form(out, c);
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append(out, ETTM_LIT("\r\n"));
  }
  if (status == ETTM_OK && ettm_buffer_size(out) - before > limit) {
    status = ETTM_E_LIMIT;
  }
  if (status != ETTM_OK) {
    ettm_buffer_truncate(out, before);
  }
  return status;
}
