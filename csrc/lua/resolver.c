/* SPDX-License-Identifier: MIT */
/* ettsumailer.resolver: host names to addresses; and what else plain Lua needs to wait: poll and
 * the clocks. */
#define _POSIX_C_SOURCE 200809L

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lua/classes.h"
#include "net/resolver.h"

const char ETTML_RESOLVER[] = "ettsumailer.resolver";

typedef struct resolver_box {
  ettm_resolver *resolver; /* NULL: closed */
} resolver_box;

static ettm_resolver *check_resolver(lua_State *L) {
  const resolver_box *r = (resolver_box *)ettml_object_check(L, 1, ETTML_RESOLVER);
  if (r->resolver == NULL) {
    ettml_raise_closed(L, 1, ETTML_RESOLVER);
  }
  return r->resolver;
}

int ettml_resolver_descriptor(lua_State *L, int index) {
  const resolver_box *r = (resolver_box *)ettml_object_test(L, index, ETTML_RESOLVER);
  return r != NULL && r->resolver != NULL ? ettm_resolver_fd(r->resolver) : -1;
}

/* core.resolve(host, port) */
static int resolver_new(lua_State *L) {
  ettm_str host = ettml_check_str(L, 1);
  int port = (int)ettml_check_size(L, 2, 0, 65535);
  resolver_box *r = (resolver_box *)ettml_object_new(L, ETTML_RESOLVER, sizeof *r);

  ettm_status status = ettm_resolver_start(&r->resolver, host, port);

  if (status == ETTM_OK) {
    return 1;
  }
  if (status == ETTM_E_ARGUMENT) {
    return ettml_fail_text(L, status, "this is not a host name");
  }
  return status == ETTM_E_LIMIT ? ettml_fail_text(L, status, "too many names are being looked up")
                                : ettml_fail(L, status);
}

static void push_endpoint(lua_State *L, const ettm_endpoint *e) {
  char host[128];
  lua_createtable(L, 0, 2);
  ettml_set_text(L, "host", ettm_endpoint_host(e, host));
  ettml_set_text(L, "family", e->family == AF_INET6 ? "inet6" : "inet");
}

static int resolver_take(lua_State *L) {
  ettm_resolver *r = check_resolver(L);
  ettm_endpoint list[ETTM_RESOLVER_ENDPOINTS];
  const char *reason = ettm_status_sentence(ETTM_E_DNS);
  size_t i, count = 0;

  ettm_status status = ettm_resolver_take(r, list, ETTM_RESOLVER_ENDPOINTS, &count, &reason);

  if (status == ETTM_E_DNS) {
    ettml_fail_text(L, status, reason);
    lua_pushboolean(L, ettm_resolver_may_pass(r));
    return 4;
  }
  if (status != ETTM_OK) {
    return ettml_answer(L, status);
  }
  lua_createtable(L, (int)count, 0);
  for (i = 0; i < count; i++) {
    push_endpoint(L, &list[i]);
    lua_rawseti(L, -2, (int)i + 1);
  }
  return 1;
}

static int resolver_fd(lua_State *L) {
  lua_pushinteger(L, ettm_resolver_fd(check_resolver(L)));
  return 1;
}

static int resolver_close(lua_State *L) {
  resolver_box *r = (resolver_box *)ettml_object_check(L, 1, ETTML_RESOLVER);
  ettm_resolver *resolver = r->resolver;
  r->resolver = NULL;
  if (resolver != NULL) {
    ettm_resolver_free(resolver);
  }
  return 0;
}

static int resolver_tostring(lua_State *L) {
  const resolver_box *r = (resolver_box *)ettml_object_check(L, 1, ETTML_RESOLVER);
  return ettml_push_name(L, ETTML_RESOLVER, r->resolver != NULL ? "open" : "closed");
}

/* Waiting. The names stand where their bits say: 1 is read, 2 is write. */
static const char *const directions[] = {NULL, "r", "w", "rw"};

/* The ETTM_POLL_ bits of a name, 0 for none that is known. */
static unsigned direction_at(lua_State *L, int index) {
  const char *name = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "";
  unsigned bits;
  for (bits = ETTM_POLL_READ | ETTM_POLL_WRITE; bits > 0; bits--) {
    if (strcmp(name, directions[bits]) == 0) {
      return bits;
    }
  }
  return 0;
}

/* Fills item from the two values at first and first + 1; returns what is wrong with them, or NULL.
 */
static const char *read_item(lua_State *L, int first, ettm_poll_item *item) {
  item->wanted = direction_at(L, first + 1);
  item->fd = ettml_socket_descriptor(L, first);
  if (item->fd < 0) {
    item->fd = ettml_resolver_descriptor(L, first);
  }
  if (item->fd < 0) {
    item->fd = ettml_process_descriptor(L, first, item->wanted);
  }
  if (item->fd < 0) {
    item->fd = ettml_watch_descriptor(L, first);
  }
  item->ready = 0;
  if (item->fd < 0) {
    return "an open socket, resolver, process or watch expected";
  }
  return item->wanted == 0 ? "'r', 'w' or 'rw' expected" : NULL;
}

static int poll_answer(lua_State *L, ettm_status status, int sys_error) {
  char text[128];
  if (status == ETTM_E_IO && sys_error != 0) {
    return ettml_fail_text(L, status, ettm_system_text(sys_error, text));
  }
  return ettml_answer(L, status);
}

/* core.wait(object, direction [, deadline_ms]) */
static int net_wait(lua_State *L) {
  ettm_poll_item item;
  const char *problem = read_item(L, 1, &item);
  int64_t deadline = ettml_opt_deadline(L, 3);
  int sys_error = 0;
  ettm_status status;
  luaL_argcheck(L, problem == NULL, item.fd < 0 ? 1 : 2, problem);

  status = ettm_poll(&item, 1, deadline, &sys_error);

  if (status != ETTM_OK) {
    return poll_answer(L, status, sys_error);
  }
  lua_pushstring(L, directions[item.ready & 3]);
  return 1;
}

size_t ettml_check_items(lua_State *L, ettm_poll_item items[ETTM_POLL_ITEMS]) {
  size_t i, count;
  luaL_checktype(L, 1, LUA_TTABLE);
  count = ettml_raw_length(L, 1);
  luaL_argcheck(L, count <= ETTM_POLL_ITEMS, 1, "too many items");
  for (i = 0; i < count; i++) {
    const char *problem = "a table expected";
    int top = lua_gettop(L);
    lua_rawgeti(L, 1, (int)i + 1);
    if (lua_istable(L, -1)) {
      lua_rawgeti(L, top + 1, 1);
      lua_rawgeti(L, top + 1, 2);
      problem = read_item(L, top + 2, &items[i]);
    }
    if (problem != NULL) {
      luaL_argerror(L, 1, lua_pushfstring(L, "item %d: %s", (int)i + 1, problem));
    }
    lua_settop(L, top);
  }
  return count;
}

static void set_ready(lua_State *L, const ettm_poll_item *items, size_t count) {
  size_t i;
  for (i = 0; i < count; i++) {
    const char *ready = directions[items[i].ready & 3];
    lua_rawgeti(L, 1, (int)i + 1);
    lua_pushliteral(L, "ready");
    if (ready != NULL) {
      lua_pushstring(L, ready);
    } else {
      lua_pushnil(L);
    }
    lua_rawset(L, -3);
    lua_pop(L, 1);
  }
}

/* core.poll(items [, deadline_ms]) */
static int net_poll(lua_State *L) {
  int64_t deadline = ettml_opt_deadline(L, 2);
  ettm_poll_item items[ETTM_POLL_ITEMS];
  int sys_error = 0;
  ettm_status status;
  size_t count = ettml_check_items(L, items);
  luaL_argcheck(L, count > 0 || deadline >= 0, 1, "nothing to wait for");

  status = ettm_poll(items, count, deadline, &sys_error);

  if (status == ETTM_OK || status == ETTM_E_TIMEOUT) {
    set_ready(L, items, count);
  }
  return poll_answer(L, status, sys_error);
}

/* The clocks and the host's name. */

static int net_clock(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)ettm_clock_ms());
  return 1;
}

static int net_now(lua_State *L) {
  int zone = 0;
  lua_pushinteger(L, (lua_Integer)ettm_clock_now(&zone));
  lua_pushinteger(L, zone);
  return 2;
}

static int net_process_id(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)getpid());
  return 1;
}

static int net_host_name(lua_State *L) {
  char name[256];
  lua_pushstring(L, ettm_host_name(name));
  return 1;
}

static const luaL_Reg methods[] = {
    {"take", resolver_take}, {"fd", resolver_fd}, {"close", resolver_close}, {NULL, NULL}};

static const luaL_Reg events[] = {{"__gc", resolver_close},
                                  {"__close", resolver_close},
                                  {"__tostring", resolver_tostring},
                                  {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"resolve", resolver_new},      {"wait", net_wait}, {"poll", net_poll},
    {"clock", net_clock},           {"now", net_now},   {"host_name", net_host_name},
    {"process_id", net_process_id}, {NULL, NULL}};

void ettml_resolver_open(lua_State *L) {
  static const ettml_class resolver_class = {ETTML_RESOLVER, methods, NULL, events};
  ettml_class_register(L, &resolver_class);
  ettml_set_functions(L, functions);
}
