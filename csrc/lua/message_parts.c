/* SPDX-License-Identifier: MIT */
/* ettsumailer.message, continued: its parts, and where their content comes from.
 *
 * Content that is not copied stays in the message's anchors (a large string), on the disk (a file)
 * or with Lua; what the slots say of it is all that a reader needs, so a reader holds the anchors
 * and not the message. */
#include <string.h>
#include <unistd.h>

#include "lua/classes.h"

#define COPY_MAX 4096 /* octets of content that are copied; a longer string is anchored */

/* The arguments of leaf, leaf_file and leaf_source. */
enum { ARG_LEAF = 3, ARG_CONTENT = 4, ARG_SOURCE = 5, ARG_SCAN = 6, ARGS = 6 };

static ettm_part check_parent(lua_State *L) {
  return (ettm_part)ettml_opt_size(L, 2, 0, UINT32_MAX, 0);
}

static int answer_part(lua_State *L, ettm_status status, ettm_part part) {
  if (status != ETTM_OK) {
    return ettml_message_fail(L, status);
  }
  lua_pushinteger(L, (lua_Integer)part);
  return 1;
}

static int message_multipart(lua_State *L) {
  ettm_message *m = ettml_message_check(L);
  ettm_part parent = check_parent(L);
  ettm_str subtype = ettml_check_str(L, 3);
  ettm_str parameters = ettml_opt_str(L, 4);
  ettm_part part = 0;

  ettm_status status = ettm_message_add_multipart(m, parent, subtype, parameters, &part);

  return answer_part(L, status, part);
}

/* What a leaf is, from its table; and nothing above the arguments but the strings of its fields. */
static void check_leaf(lua_State *L, ettm_leaf *leaf) {
  static const char *const known[] = {"type", "charset",    "disposition", "filename", "content_id",
                                      "text", "allow_8bit", "ready",       NULL};
  lua_settop(L, ARGS);
  ettml_check_fields(L, ARG_LEAF, known);
  leaf->type = ettml_field_str(L, ARG_LEAF, "type");
  leaf->charset = ettml_field_str(L, ARG_LEAF, "charset");
  leaf->disposition = ettml_field_str(L, ARG_LEAF, "disposition");
  leaf->file_name = ettml_field_str(L, ARG_LEAF, "filename");
  leaf->content_id = ettml_field_str(L, ARG_LEAF, "content_id");
  leaf->is_text = ettml_field_flag(L, ARG_LEAF, "text");
  leaf->allow_8bit = ettml_field_flag(L, ARG_LEAF, "allow_8bit");
  leaf->is_ready = ettml_field_flag(L, ARG_LEAF, "ready");
}

/* Remembers where the content of part comes from: the value at index, from its octet `start` on.
 * The kind comes last, so that it is never there without its value. */
static void anchor_source(lua_State *L, ettm_part part, int kind, int index, size_t start) {
  ettml_push_user_table(L, 1);
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, ETTML_SLOT_VALUE(part));
  lua_pushinteger(L, (lua_Integer)start);
  lua_rawseti(L, -2, ETTML_SLOT_START(part));
  lua_pushinteger(L, kind);
  lua_rawseti(L, -2, ETTML_SLOT_KIND(part));
  lua_pop(L, 1);
}

/* Content that stays in Lua: it is looked through, if nobody has done so. */
static ettm_status add_anchored(ettm_message *m, ettm_part parent, const ettm_leaf *leaf,
                                ettm_str content, const ettm_content_facts *known,
                                ettm_part *part) {
  if (known == NULL) {
    return ettm_message_add_kept(m, parent, leaf, content, part);
  }
  return ettm_message_add_external(m, parent, leaf, content.n, known, part);
}

/* Adds a leaf whose content is the string at ARG_CONTENT, from its octet `start` on. */
static int add_string(lua_State *L, ettm_message *m, const ettm_leaf *leaf, size_t start,
                      const ettm_content_facts *facts) {
  ettm_part parent = check_parent(L);
  ettm_str content = ettml_str_at(L, ARG_CONTENT);
  ettm_part part = 0;
  ettm_status status;
  content = ettm_str_of(content.p + start, content.n - start);

  if (content.n <= COPY_MAX) {
    status = ettm_message_add_leaf(m, parent, leaf, content, &part);
  } else {
    status = add_anchored(m, parent, leaf, content, facts, &part);
  }

  if (status == ETTM_OK && content.n > COPY_MAX) {
    anchor_source(L, part, ETTML_SOURCE_STRING, ARG_CONTENT, start);
  }
  return answer_part(L, status, part);
}

/* message:leaf(parent, leaf, content [, start [, scan]]) */
static int message_leaf(lua_State *L) {
  ettm_message *m = ettml_message_check(L);
  ettm_str content = ettml_check_str(L, ARG_CONTENT);
  size_t start = (size_t)ettml_opt_size(L, 5, 1, (int64_t)content.n + 1, 1) - 1;
  const ettm_content_facts *facts = ettml_scan_opt(L, ARG_SCAN);
  ettm_leaf leaf;
  check_leaf(L, &leaf);
  return add_string(L, m, &leaf, start, facts);
}

/* message:text(parent, type, content [, charset [, allow_8bit [, scan]]]): a leaf that is text,
 * without the table. */
static int message_text(lua_State *L) {
  ettm_message *m = ettml_message_check(L);
  ettm_leaf leaf;
  memset(&leaf, 0, sizeof leaf);
  leaf.type = ettml_check_str(L, ARG_LEAF);
  ettml_check_str(L, ARG_CONTENT);
  leaf.charset = ettml_opt_str(L, ARG_CONTENT + 1);
  leaf.allow_8bit = lua_toboolean(L, ARG_CONTENT + 2);
  leaf.is_text = 1;
  return add_string(L, m, &leaf, 0, ettml_scan_opt(L, ARG_CONTENT + 3));
}

/* message:leaf_file(parent, leaf, path [, start [, scan]]) */
static int message_leaf_file(lua_State *L) {
  ettm_message *m = ettml_message_check(L);
  ettm_part parent = check_parent(L);
  ettm_str path = ettml_check_str(L, ARG_CONTENT);
  size_t start = (size_t)ettml_opt_size(L, 5, 1, ETTML_WHOLE_MAX, 1) - 1;
  const ettm_content_facts *facts = ettml_scan_opt(L, ARG_SCAN);
  ettm_part part = 0;
  ettm_status status;
  ettm_leaf leaf;
  char reason[ETTML_REASON];
  uint64_t size;
  check_leaf(L, &leaf);

  if (!ettml_file_look(path, &size, reason)) {
    lua_pushfstring(L, "cannot open %s: %s", path.p, reason);
    return ettml_fail_top(L, ETTM_E_SOURCE);
  }
  size = size > start ? size - start : 0;
  status = ettm_message_add_external(m, parent, &leaf, size, facts, &part);

  if (status == ETTM_OK) {
    anchor_source(L, part, ETTML_SOURCE_FILE, ARG_CONTENT, start);
  }
  return answer_part(L, status, part);
}

/* message:leaf_source(parent, leaf [, size [, source [, scan]]]) */
static int message_leaf_source(lua_State *L) {
  ettm_message *m = ettml_message_check(L);
  ettm_part parent = check_parent(L);
  int64_t size = ettml_opt_size(L, ARG_CONTENT, 0, ETTML_WHOLE_MAX, -1);
  const ettm_content_facts *facts = ettml_scan_opt(L, ARG_SCAN);
  ettm_part part = 0;
  ettm_status status;
  ettm_leaf leaf;
  check_leaf(L, &leaf);

  status = ettm_message_add_external(m, parent, &leaf,
                                     size < 0 ? ETTM_SIZE_UNKNOWN : (uint64_t)size, facts, &part);

  if (status == ETTM_OK) {
    anchor_source(L, part, ETTML_SOURCE_LUA, ARG_SOURCE, 0);
  }
  return answer_part(L, status, part);
}

/* The slots are at index 2. */
static int has_sources(lua_State *L, ettm_part count) {
  int found = 0;
  ettm_part part;
  for (part = 0; part < count && !found; part++) {
    lua_Integer kind;
    lua_rawgeti(L, 2, ETTML_SLOT_KIND(part));
    kind = lua_tointeger(L, -1);
    found = kind == ETTML_SOURCE_LUA || kind == ETTML_SOURCE_FILE;
    lua_pop(L, 1);
  }
  return found;
}

/* message:sources(): what is read from elsewhere each time: the values that leaf_source was given,
 * and the paths of files; two lists, in the order of the parts. nil: there is nothing. */
static int message_sources(lua_State *L) {
  ettm_part part, count = ettm_message_count(ettml_message_check(L));
  int used[4] = {0, 0, 0, 0};
  lua_settop(L, 1);
  ettml_push_user_table(L, 1); /* 2 */
  if (!has_sources(L, count)) {
    return ettml_answer_nil(L);
  }
  lua_newtable(L); /* 3: of Lua */
  lua_newtable(L); /* 4: files */
  for (part = 0; part < count; part++) {
    int kind;
    lua_rawgeti(L, 2, ETTML_SLOT_KIND(part));
    kind = (int)lua_tointeger(L, -1);
    lua_rawgeti(L, 2, ETTML_SLOT_VALUE(part));
    if (!lua_isnil(L, -1) && (kind == ETTML_SOURCE_LUA || kind == ETTML_SOURCE_FILE)) {
      lua_rawseti(L, kind == ETTML_SOURCE_LUA ? 3 : 4, ++used[kind]);
    }
    lua_settop(L, 4);
  }
  return 2;
}

const luaL_Reg ettml_message_parts[] = {{"multipart", message_multipart},
                                        {"text", message_text},
                                        {"leaf", message_leaf},
                                        {"leaf_file", message_leaf_file},
                                        {"leaf_source", message_leaf_source},
                                        {"sources", message_sources},
                                        {NULL, NULL}};
