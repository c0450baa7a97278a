/* SPDX-License-Identifier: MIT */
/* ettsumailer.message, continued: address fields, read and written in one go.
 *
 * This is for what is there most often: mailboxes without groups, and no mistake among them. For
 * all else nil is the answer, and nothing was added: the Lua layer then reads item by item, which
 * finds what is wrong with which. */
#include "lua/converter.h"
#include "lua/mailbox.h"
#include "mime/address_field.h"

/* The arguments, and the list of what was read. */
enum { ARG_NAME = 2, ARG_VALUE = 3, ARG_MODE = 4, LIST = 5 };

typedef struct reading {
  ettm_address_field field;
  ettm_buffer *arena;
  unsigned flags;
  int count;
} reading;

/* Adds the mailbox on top to the list, and what it is made of to the field. */
static void take(lua_State *L, reading *r, const ettm_str parts[ETTML_PARTS]) {
  ettm_address_field_mailbox(&r->field, parts[ETTML_PART_NAME], parts[ETTML_PART_LOCAL],
                             parts[ETTML_PART_DOMAIN]);
  lua_rawseti(L, LIST, ++r->count);
}

static int take_text(lua_State *L, reading *r, ettm_str text) {
  ettm_address_parser parser;
  ettm_address found;
  ettm_status status;
  ettm_address_parser_init(&parser, text, r->flags, r->arena, &ettml_charset_reader);
  while ((status = ettm_address_next(&parser, &found)) == ETTM_OK &&
         found.kind == ETTM_ADDRESS_MAILBOX) {
    ettm_str parts[ETTML_PARTS];
    ettml_mailbox_found(parts, r->arena, &found);
    ettml_mailbox_push(L, parts);
    take(L, r, parts);
    ettm_buffer_truncate(r->arena, 0);
  }
  return status == ETTM_DONE;
}

static int take_mailbox(lua_State *L, reading *r, const ettml_mailbox *a) {
  ettm_str parts[ETTML_PARTS];
  int i;
  for (i = 0; i < ETTML_PARTS; i++) {
    parts[i] = ettml_mailbox_part(a, i);
  }
  lua_pushvalue(L, -1);
  take(L, r, parts);
  return !a->has_group;
}

/* The value on top: a text or an address. Returns 0 for anything else, and for what has a group. */
static int take_item(lua_State *L, reading *r) {
  const ettml_mailbox *a;
  if (lua_type(L, -1) == LUA_TSTRING) {
    return take_text(L, r, ettml_str_at(L, -1));
  }
  a = (const ettml_mailbox *)ettml_object_test(L, -1, ETTML_ADDRESS);
  return a != NULL && take_mailbox(L, r, a);
}

static int take_list(lua_State *L, reading *r) {
  int i;
  for (i = 1;; i++) {
    int is_end, is_taken;
    lua_rawgeti(L, ARG_VALUE, i);
    is_end = lua_isnil(L, -1);
    is_taken = !is_end && take_item(L, r);
    lua_settop(L, LIST + ETTML_SCRATCHES);
    if (is_end || !is_taken) {
      return is_end;
    }
  }
}

static int take_value(lua_State *L, reading *r) {
  if (lua_type(L, ARG_VALUE) != LUA_TTABLE) {
    lua_pushvalue(L, ARG_VALUE);
    return take_item(L, r);
  }
  return !lua_getmetatable(L, ARG_VALUE) && take_list(L, r);
}

int ettml_message_addresses(lua_State *L) {
  ettm_headers *h = ettm_message_headers(ettml_message_check(L));
  ettm_str name = ettml_check_str(L, ARG_NAME);
  unsigned flags =
      lua_isnoneornil(L, ARG_MODE) ? ETTM_ADDRESS_CARRIERS : ettml_address_flags(L, ARG_MODE);
  ettm_buffer *value;
  reading r;
  luaL_checkany(L, ARG_VALUE);
  luaL_argcheck(L, h != NULL, 1, "the message is sealed");
  lua_settop(L, ARG_MODE);
  lua_createtable(L, 1, 0);
  value = ettml_scratch_again(L, ETTML_SCRATCH_OUT, ETTM_HEADER_MAX);
  r.arena = ettml_scratch_again(L, ETTML_SCRATCH_ARENA, ETTM_HEADER_MAX);
  r.flags = flags;
  r.count = 0;

  if (ettm_address_field_begin(&r.field, h, name, value) != ETTM_OK || !take_value(L, &r) ||
      ettm_address_field_end(&r.field) != ETTM_OK) {
    return ettml_answer_nil(L);
  }

  lua_settop(L, LIST);
  return 1;
}
