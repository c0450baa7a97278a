/* SPDX-License-Identifier: MIT */
/* ettsumailer.scan, and the functions that help to compose: a look through content that comes in
 * pieces, the fields of a header section, a file's size, a parameter, a date.
 *
 * A scan is a plain struct in its userdata, so there is nothing to close. */
#include <string.h>

#include "base/date.h"
#include "lua/classes.h"
#include "mime/parameter.h"

const char ETTML_SCAN[] = "ettsumailer.scan";

#define PARAMETER_MAX (64 * 1024)

typedef struct content_scan {
  ettm_content_scan scan;
  ettm_content_facts facts;
  int is_finished;
} content_scan;

static content_scan *check_scan(lua_State *L, int arg) {
  return (content_scan *)ettml_object_check(L, arg, ETTML_SCAN);
}

const ettm_content_facts *ettml_scan_opt(lua_State *L, int arg) {
  const content_scan *s;
  if (lua_isnoneornil(L, arg)) {
    return NULL;
  }
  s = check_scan(L, arg);
  luaL_argcheck(L, s->is_finished, arg, "the scan is not finished");
  return &s->facts;
}

/* core.scan() */
static int scan_new(lua_State *L) {
  content_scan *s = (content_scan *)ettml_object_new(L, ETTML_SCAN, sizeof *s);
  ettm_content_scan_init(&s->scan);
  return 1;
}

/* scan:feed(piece [, start]) */
static int scan_feed(lua_State *L) {
  content_scan *s = check_scan(L, 1);
  ettm_str piece = ettml_check_str(L, 2);
  size_t skip = (size_t)ettml_opt_size(L, 3, 1, (int64_t)piece.n + 1, 1) - 1;
  luaL_argcheck(L, !s->is_finished, 1, "the scan is finished");

  ettm_content_scan_feed(&s->scan, ettm_str_of(piece.p + skip, piece.n - skip));

  return ettml_answer_true(L);
}

/* A line's number, or nothing. */
static void set_line(lua_State *L, const char *field, uint64_t line) {
  if (line > 0) {
    ettml_set_size(L, field, line);
  }
}

/* The facts; more than once is fine. */
static int scan_finish(lua_State *L) {
  content_scan *s = check_scan(L, 1);

  if (!s->is_finished) {
    ettm_content_scan_finish(&s->scan, &s->facts);
    s->is_finished = 1;
  }

  lua_newtable(L);
  ettml_set_size(L, "size", s->facts.size);
  ettml_set_size(L, "high", s->facts.high);
  set_line(L, "long_line", s->facts.long_line);
  set_line(L, "bare_line", s->facts.bare_line);
  set_line(L, "nul_line", s->facts.nul_line);
  return 1;
}

static int scan_tostring(lua_State *L) {
  return ettml_push_name(L, ETTML_SCAN, check_scan(L, 1)->is_finished ? "finished" : "open");
}

/* core.file_size(path): of a regular file that can be read */
static int file_size(lua_State *L) {
  ettm_str path = ettml_check_str(L, 1);
  char reason[ETTML_REASON];
  uint64_t size;

  if (!ettml_file_look(path, &size, reason)) {
    lua_pushfstring(L, "cannot open %s: %s", path.p, reason);
    return ettml_fail_top(L, ETTM_E_SOURCE);
  }
  lua_pushinteger(L, (lua_Integer)size);
  return 1;
}

/* Header sections. */

static const char *section_problem(const ettm_section *s, ettm_status status) {
  switch (status) {
  case ETTM_E_NAME: return "this is no header field";
  case ETTM_E_LIMIT: return "it has more than 998 octets";
  case ETTM_E_UNSAFE:
    return s->is_strict ? "a control character, or a line end that is no CRLF"
                        : ettm_status_sentence(status);
  default: return ettm_status_sentence(status);
  }
}

int ettml_section_fail(lua_State *L, const ettm_section *s, ettm_status status) {
  lua_pushfstring(L, "line %d: %s", (int)s->line, section_problem(s, status));
  return ettml_fail_top(L, status);
}

/* Appends the value without its line ends, which are the folds (RFC 5322 2.2.3). */
static void push_unfolded(lua_State *L, ettm_str body) {
  luaL_Buffer b;
  size_t i;
  luaL_buffinit(L, &b);
  for (i = 0; i < body.n; i++) {
    if (body.p[i] != '\r' && body.p[i] != '\n') {
      luaL_addchar(&b, body.p[i]);
    }
  }
  luaL_pushresult(&b);
}

static void push_field(lua_State *L, const ettm_field *field) {
  lua_createtable(L, 0, 3);
  ettml_set_str(L, "name", field->name);
  push_unfolded(L, field->body);
  lua_setfield(L, -2, "value");
  ettml_set_size(L, "line", field->line);
}

/* core.read_header(text [, whole [, strict]]): the list of its fields { name, value, line }, where
 * its body begins, and the number of that line; nil, "MORE" when text is not whole and the section
 * goes on. */
static int read_header(lua_State *L) {
  ettm_str text = ettml_check_str(L, 1);
  int count = 0;
  ettm_section section;
  ettm_field field;
  ettm_status status;
  lua_settop(L, 3);
  ettm_section_init(&section, text, lua_toboolean(L, 2), lua_toboolean(L, 3));
  lua_newtable(L);
  while ((status = ettm_section_next(&section, &field)) == ETTM_OK) {
    push_field(L, &field);
    lua_rawseti(L, -2, ++count);
  }
  if (status == ETTM_NEED_INPUT) {
    return ettml_answer_not_now(L, "MORE");
  }
  if (status != ETTM_DONE) {
    return ettml_section_fail(L, &section, status);
  }
  lua_pushinteger(L, (lua_Integer)(text.n - section.rest.n) + 1);
  lua_pushinteger(L, (lua_Integer)section.line);
  return 3;
}

/* core.parameter(name, value): "; name=value", as RFC 2045 or RFC 2231 has it */
static int parameter(lua_State *L) {
  ettm_str name = ettml_check_str(L, 1);
  ettm_str value = ettml_check_str(L, 2);
  ettm_buffer *out = ettml_scratch_new(L, PARAMETER_MAX);

  ettm_status status = ettm_parameter_append(out, name, value);

  return status == ETTM_OK ? ettml_push_str(L, ettm_buffer_view(out)) : ettml_fail(L, status);
}

/* core.date([epoch [, zone]]): as RFC 5322 writes it; by default now, in the local zone */
static int date(lua_State *L) {
  char text[ETTM_DATE_SIZE];
  int zone_now = 0;
  int64_t now = ettm_clock_now(&zone_now);
  int64_t epoch = ettml_opt_size(L, 1, -ETTML_WHOLE_MAX, ETTML_WHOLE_MAX, now);
  int zone = (int)ettml_opt_size(L, 2, -1440, 1440, zone_now);

  ettm_status status = ettm_date_format(epoch, zone, text);

  return status == ETTM_OK ? ettml_push_str(L, ettm_str_of(text, strlen(text)))
                           : ettml_fail(L, status);
}

static const luaL_Reg methods[] = {{"feed", scan_feed}, {"finish", scan_finish}, {NULL, NULL}};

static const luaL_Reg events[] = {{"__tostring", scan_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"scan", scan_new},       {"file_size", file_size}, {"read_header", read_header},
    {"parameter", parameter}, {"date", date},           {NULL, NULL}};

void ettml_content_open(lua_State *L) {
  static const ettml_class scan_class = {ETTML_SCAN, methods, NULL, events};
  ettml_class_register(L, &scan_class);
  ettml_set_functions(L, functions);
}
