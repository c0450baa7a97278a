/* SPDX-License-Identifier: MIT */
/* ettsumailer.address: one mailbox, immutable; and the lists that hold many.
 *
 * A parser's arena is a scratch userdata: results may be pushed while the list is still being read.
 */
#include <string.h>

#include "address/address.h"
#include "address/format.h"
#include "address/idna.h"
#include "base/chars.h"
#include "lua/classes.h"
#include "lua/converter.h"
#include "lua/mailbox.h"

static const ettml_mailbox *check_address(lua_State *L, int arg) {
  return (const ettml_mailbox *)ettml_object_check(L, arg, ETTML_ADDRESS);
}

int ettml_address_view(lua_State *L, int index, ettm_str *local, ettm_str *domain) {
  const ettml_mailbox *a = (const ettml_mailbox *)ettml_object_test(L, index, ETTML_ADDRESS);
  if (a == NULL) {
    return 0;
  }
  *local = ettml_mailbox_part(a, ETTML_PART_LOCAL);
  *domain = ettml_mailbox_part(a, ETTML_PART_DOMAIN);
  return 1;
}

unsigned ettml_address_flags(lua_State *L, int arg) {
  static const char *const options[] = {"strict", "lenient", NULL};
  static const unsigned flags[] = {ETTM_ADDRESS_CARRIERS, ETTM_ADDRESS_LENIENT};
  return flags[luaL_checkoption(L, arg, "strict", options)];
}

/* Pushes what was wrong, and where. */
static void push_problem(lua_State *L, const ettm_address_parser *p, ettm_status status) {
  const char *sentence = ettm_status_sentence(status);
  int position = (int)p->error_at + 1;
  if (status == ETTM_E_ADDRESS && p->expected[0] != '\0') {
    lua_pushfstring(L, "%s: expected %s at position %d", sentence, p->expected, position);
  } else {
    lua_pushfstring(L, "%s (position %d)", sentence, position);
  }
}

/* What is wrong with the text of an address is wrong with the address. */
static ettm_status as_address(ettm_status status) {
  switch (status) {
  case ETTM_E_UNSAFE:
  case ETTM_E_UTF8:
  case ETTM_E_LIMIT: return ETTM_E_ADDRESS;
  default: return status;
  }
}

int ettml_address_fail(lua_State *L, ettm_status status) {
  return ettml_fail_text(L, as_address(status), ettm_status_sentence(status));
}

static int parse_fail(lua_State *L, const ettm_address_parser *p, ettm_status status) {
  int answers;
  push_problem(L, p, status);
  answers = ettml_fail_top(L, as_address(status));
  lua_pushinteger(L, (lua_Integer)p->error_at + 1);
  return answers + 1;
}

void ettml_push_address_problem(lua_State *L, ettm_str list, unsigned flags) {
  ettm_address_parser parser;
  ettm_address found;
  ettm_status status;
  ettm_address_parser_init(&parser, list, flags,
                           ettml_mailbox_scratch(L, ETTML_SCRATCH_ARENA, list.n),
                           &ettml_charset_reader);
  do {
    status = ettm_address_next(&parser, &found);
  } while (status == ETTM_OK);
  if (status < 0) {
    push_problem(L, &parser, status);
  } else {
    lua_pushstring(L, ettm_status_sentence(ETTM_E_ADDRESS));
  }
  lua_remove(L, -2); /* the scratch buffer */
}

/* Reads exactly one mailbox. */
static ettm_status parse_one(ettm_address_parser *parser, ettm_address *found) {
  ettm_address more;
  ettm_status status = ettm_address_next(parser, found);
  if (status == ETTM_OK) {
    status = ettm_address_next(parser, &more);
    if (status == ETTM_DONE) {
      return ETTM_OK;
    }
  }
  return status < 0 ? status : ETTM_E_ADDRESS;
}

/* core.address(text [, options]) */
static int address_new(lua_State *L) {
  ettm_str text = ettml_check_str(L, 1);
  unsigned flags = ettml_address_flags(L, 2) | ETTM_ADDRESS_ONE;
  ettm_buffer *arena = ettml_mailbox_scratch(L, ETTML_SCRATCH_ARENA, text.n);
  ettm_str parts[ETTML_PARTS];
  ettm_address_parser parser;
  ettm_address found;
  ettm_status status;

  ettm_address_parser_init(&parser, text, flags, arena, &ettml_charset_reader);
  status = parse_one(&parser, &found);

  if (status != ETTM_OK) {
    return parse_fail(L, &parser, status);
  }
  ettml_mailbox_found(parts, arena, &found);
  ettml_mailbox_push(L, parts);
  return 1;
}

/* Where the group that was opened last stands in the list: { name, first, last }. */
static void set_group(lua_State *L, int index, ettm_str name, int first, int last) {
  lua_newtable(L);
  ettml_set_str(L, "name", name);
  ettml_set_size(L, "first", (uint64_t)first);
  ettml_set_size(L, "last", (uint64_t)last);
  lua_rawseti(L, -2, index);
}

/* One more of a list as people read it. What could not be written has lost the whole. */
static void write_one(ettm_buffer *out, const ettm_str parts[ETTML_PARTS], ettm_status *status) {
  if (*status == ETTM_OK && ettm_buffer_size(out) > 0) {
    *status = ettm_buffer_append(out, ETTM_LIT(", "));
  }
  if (*status == ETTM_OK) {
    *status = ettm_format_mailbox(out, parts[ETTML_PART_NAME], parts[ETTML_PART_LOCAL],
                                  parts[ETTML_PART_DOMAIN], ETTM_FORMAT_UTF8);
  }
}

static int answer_list(lua_State *L, const ettm_buffer *out, ettm_status written) {
  if (written != ETTM_OK) {
    return 2;
  }
  ettml_push_str(L, ettm_buffer_view(out));
  return 3;
}

/* core.address_list(text [, options]): the mailboxes; the groups in their order, an empty one ends
 * before it begins; and, where there is no group, the list as text in UTF-8. */
static int address_list(lua_State *L) {
  ettm_str text = ettml_check_str(L, 1);
  unsigned flags = ettml_address_flags(L, 2);
  ettm_buffer *out = ettml_mailbox_scratch(L, ETTML_SCRATCH_OUT, text.n);
  ettm_buffer *arena = ettml_mailbox_scratch(L, ETTML_SCRATCH_ARENA, text.n);
  ettm_span group = {0, 0};
  int in_group = 0, count = 0, first = 0, groups = 0;
  ettm_address_parser parser;
  ettm_address found;
  ettm_status status, written = ETTM_OK;
  lua_newtable(L);
  lua_newtable(L);
  ettm_address_parser_init(&parser, text, flags, arena, &ettml_charset_reader);
  while ((status = ettm_address_next(&parser, &found)) == ETTM_OK) {
    ettm_str parts[ETTML_PARTS];
    if (found.kind == ETTM_ADDRESS_MAILBOX) {
      ettml_mailbox_found(parts, arena, &found);
      if (in_group) {
        parts[ETTML_PART_GROUP] = ettm_span_view(arena, group);
      }
      ettml_mailbox_push(L, parts);
      lua_rawseti(L, -3, ++count);
      write_one(out, parts, &written);
      continue;
    }
    in_group = found.kind == ETTM_ADDRESS_GROUP_OPEN;
    written = ETTM_DONE;
    if (in_group) {
      group = found.name;
      first = count + 1;
    } else {
      set_group(L, ++groups, ettm_span_view(arena, group), first, count);
    }
  }
  return status == ETTM_DONE ? answer_list(L, out, written) : parse_fail(L, &parser, status);
}

static int is_same(const ettm_str parts[ETTML_PARTS], const ettm_buffer *arena,
                   const ettm_address *found) {
  return ettm_str_equal(parts[ETTML_PART_NAME], ettm_span_view(arena, found->name)) &&
         ettm_str_equal(parts[ETTML_PART_LOCAL], ettm_span_view(arena, found->local)) &&
         ettm_str_equal(parts[ETTML_PART_DOMAIN], ettm_span_view(arena, found->domain));
}

/* The parts are good when what is written of them reads as the same parts. */
static ettm_status check_parts(const ettm_str parts[ETTML_PARTS], ettm_buffer *text,
                               ettm_buffer *arena) {
  ettm_address_parser parser;
  ettm_address found;
  ettm_status status = ettm_format_phrase(text, parts[ETTML_PART_GROUP], 0);
  ettm_buffer_truncate(text, 0);
  if (status == ETTM_OK) {
    status = ettm_format_mailbox(text, parts[ETTML_PART_NAME], parts[ETTML_PART_LOCAL],
                                 parts[ETTML_PART_DOMAIN], ETTM_FORMAT_UTF8);
  }
  if (status != ETTM_OK) {
    return status;
  }
  ettm_address_parser_init(&parser, ettm_buffer_view(text), ETTM_ADDRESS_ONE, arena, NULL);
  status = parse_one(&parser, &found);
  if (status == ETTM_OK && !is_same(parts, arena, &found)) {
    status = ETTM_E_ADDRESS;
  }
  return status;
}

/* A part that may be absent: nil, or no octets. */
static ettm_str check_optional(lua_State *L, int arg) {
  ettm_str text = ettml_opt_str(L, arg);
  return text.n > 0 ? text : ettm_str_of(NULL, 0);
}

/* core.address_parts(name, local_part, domain [, group]) */
static int address_parts(lua_State *L) {
  ettm_str parts[ETTML_PARTS];
  ettm_buffer *text, *arena;
  ettm_status status;
  size_t size;
  parts[ETTML_PART_NAME] = check_optional(L, 1);
  parts[ETTML_PART_LOCAL] = ettml_check_str(L, 2);
  parts[ETTML_PART_DOMAIN] = ettml_check_str(L, 3);
  parts[ETTML_PART_GROUP] = check_optional(L, 4);
  size = parts[ETTML_PART_GROUP].n + parts[ETTML_PART_NAME].n + parts[ETTML_PART_LOCAL].n +
         parts[ETTML_PART_DOMAIN].n;
  text = ettml_mailbox_scratch(L, ETTML_SCRATCH_OUT, size);
  arena = ettml_mailbox_scratch(L, ETTML_SCRATCH_ARENA, size);

  status = check_parts(parts, text, arena);

  if (status != ETTM_OK) {
    return ettml_address_fail(L, status);
  }
  ettml_mailbox_push(L, parts);
  return 1;
}

/* Methods. */

static size_t size_of(const ettml_mailbox *a) {
  return a->sizes[ETTML_PART_NAME] + a->sizes[ETTML_PART_LOCAL] + a->sizes[ETTML_PART_DOMAIN];
}

static int answer_buffer(lua_State *L, ettm_status status, const ettm_buffer *out) {
  return status == ETTM_OK ? ettml_push_str(L, ettm_buffer_view(out))
                           : ettml_address_fail(L, status);
}

/* For people: UTF-8 as it is. */
static int address_tostring(lua_State *L) {
  const ettml_mailbox *a = check_address(L, 1);
  ettm_buffer *out = ettml_mailbox_scratch(L, ETTML_SCRATCH_OUT, size_of(a));

  ettm_status status = ettm_format_mailbox(
      out, ettml_mailbox_part(a, ETTML_PART_NAME), ettml_mailbox_part(a, ETTML_PART_LOCAL),
      ettml_mailbox_part(a, ETTML_PART_DOMAIN), ETTM_FORMAT_UTF8);

  if (status != ETTM_OK && status != ETTM_E_MEMORY) {
    return ettml_push_name(L, ETTML_ADDRESS, ettm_status_sentence(status));
  }
  return answer_buffer(L, status, out);
}

/* For a header: ASCII, so a non-ASCII domain as A-labels. */
static int address_format(lua_State *L) {
  const ettml_mailbox *a = check_address(L, 1);
  ettm_buffer *out = ettml_mailbox_scratch(L, ETTML_SCRATCH_OUT, size_of(a));

  ettm_status status = ettm_format_mailbox(out, ettml_mailbox_part(a, ETTML_PART_NAME),
                                           ettml_mailbox_part(a, ETTML_PART_LOCAL),
                                           ettml_mailbox_part(a, ETTML_PART_DOMAIN), 0);

  return answer_buffer(L, status, out);
}

static int address_path(lua_State *L) {
  const ettml_mailbox *a = check_address(L, 1);
  int utf8 = lua_toboolean(L, 2);
  ettm_buffer *out = ettml_mailbox_scratch(L, ETTML_SCRATCH_OUT, size_of(a));

  ettm_status status = ettm_path_append(out, ettml_mailbox_part(a, ETTML_PART_LOCAL),
                                        ettml_mailbox_part(a, ETTML_PART_DOMAIN), utf8);

  return answer_buffer(L, status, out);
}

/* The octets by which domains are told apart: the A-label form, or what there is where it has none.
 */
static ettm_str comparable(ettm_buffer *out, ettm_str domain) {
  return ettm_idna_to_ascii(out, domain) == ETTM_OK ? ettm_buffer_view(out) : domain;
}

static int address_eq(lua_State *L) {
  const ettml_mailbox *a = (const ettml_mailbox *)ettml_object_test(L, 1, ETTML_ADDRESS);
  const ettml_mailbox *b = (const ettml_mailbox *)ettml_object_test(L, 2, ETTML_ADDRESS);
  ettm_buffer *first, *second;
  ettm_str x, y;
  int same = a != NULL && b != NULL &&
             ettm_str_equal(ettml_mailbox_part(a, ETTML_PART_LOCAL),
                            ettml_mailbox_part(b, ETTML_PART_LOCAL));
  if (same) {
    x = ettml_mailbox_part(a, ETTML_PART_DOMAIN);
    y = ettml_mailbox_part(b, ETTML_PART_DOMAIN);
    first = ettml_mailbox_scratch(L, ETTML_SCRATCH_OUT, x.n);
    second = ettml_mailbox_scratch(L, ETTML_SCRATCH_ARENA, y.n);
    if (ettm_has_8bit(x) || ettm_has_8bit(y)) {
      x = comparable(first, x);
      y = comparable(second, y);
    }
    same = ettm_str_equal_nocase(x, y);
  }
  lua_pushboolean(L, same);
  return 1;
}

typedef ettm_status (*domain_converter)(ettm_buffer *out, ettm_str domain);

/* The domain in A-labels or in U-labels; nil where it has no such form (address_path tells why). */
static int push_domain(lua_State *L, const ettml_mailbox *a, domain_converter convert) {
  ettm_str domain = ettml_mailbox_part(a, ETTML_PART_DOMAIN);
  ettm_buffer *out = ettml_mailbox_scratch(L, ETTML_SCRATCH_OUT, domain.n);

  ettm_status status = convert(out, domain);

  if (status != ETTM_OK && status != ETTM_E_MEMORY) {
    return ettml_answer_nil(L);
  }
  return answer_buffer(L, status, out);
}

static int push_part(lua_State *L, const ettml_mailbox *a, int part) {
  int absent =
      (part == ETTML_PART_NAME && !a->has_name) || (part == ETTML_PART_GROUP && !a->has_group);
  return absent ? ettml_answer_nil(L) : ettml_push_str(L, ettml_mailbox_part(a, part));
}

/* The methods are the first upvalue. */
static int address_index(lua_State *L) {
  static const char *const fields[ETTML_PARTS] = {"name", "local_part", "domain", "group"};
  const ettml_mailbox *a = check_address(L, 1);
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  int part;
  for (part = 0; part < ETTML_PARTS; part++) {
    if (strcmp(key, fields[part]) == 0) {
      return push_part(L, a, part);
    }
  }
  if (strcmp(key, "domain_ascii") == 0) {
    return push_domain(L, a, ettm_idna_to_ascii);
  }
  if (strcmp(key, "domain_unicode") == 0) {
    return push_domain(L, a, ettm_idna_to_unicode);
  }
  lua_settop(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  return 1;
}

static int address_newindex(lua_State *L) {
  check_address(L, 1);
  return luaL_error(L, "an address cannot be changed");
}

static const luaL_Reg methods[] = {
    {"format", address_format}, {"path", address_path}, {NULL, NULL}};

static const luaL_Reg events[] = {{"__eq", address_eq},
                                  {"__newindex", address_newindex},
                                  {"__tostring", address_tostring},
                                  {NULL, NULL}};

/* core.address_phrase(name [, utf8]): a group's name as a header has it, or as people read it. */
static int address_phrase(lua_State *L) {
  ettm_str name = ettml_check_str(L, 1);
  unsigned flags = lua_toboolean(L, 2) ? ETTM_FORMAT_UTF8 : 0;
  ettm_buffer *out = ettml_mailbox_scratch(L, ETTML_SCRATCH_OUT, name.n);

  ettm_status status = ettm_format_phrase(out, name, flags);

  return answer_buffer(L, status, out);
}

static const luaL_Reg functions[] = {{"address", address_new},
                                     {"address_parts", address_parts},
                                     {"address_list", address_list},
                                     {"address_phrase", address_phrase},
                                     {NULL, NULL}};

void ettml_address_open(lua_State *L) {
  static const ettml_class address_class = {ETTML_ADDRESS, methods, NULL, events};
  ettml_class_register(L, &address_class);
  luaL_getmetatable(L, ETTML_ADDRESS);
  lua_getfield(L, -1, "__index");
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__methods"); /* for whoever looks for them; Lua 5.1 shows no upvalues of C */
  lua_pushcclosure(L, address_index, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  ettml_set_functions(L, functions);
}
