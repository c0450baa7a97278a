/* SPDX-License-Identifier: MIT */
/* ettsumailer.watch: several descriptors and a deadline as one descriptor, for event loops that
 * know no more than to wait until one can be read. */
#include "net/watch.h"

const char ETTML_WATCH[] = "ettsumailer.watch";
#include "lua/classes.h"

int ettml_watch_descriptor(lua_State *L, int index) {
  const ettm_watch *w = (ettm_watch *)ettml_object_test(L, index, ETTML_WATCH);
  return w != NULL ? w->fd : -1;
}

/* core.watch(items [, deadline_ms]), of the same items as core.poll */
static int watch_new(lua_State *L) {
  int64_t deadline = ettml_opt_deadline(L, 2);
  ettm_poll_item items[ETTM_POLL_ITEMS];
  size_t count = ettml_check_items(L, items);
  ettm_watch *w = (ettm_watch *)ettml_object_new(L, ETTML_WATCH, sizeof *w);
  char text[128];
  int sys_error = 0;
  w->fd = w->timer = -1;

  ettm_status status = ettm_watch_open(w, items, count, deadline, &sys_error);

  if (status == ETTM_OK) {
    return 1;
  }
  return ettml_fail_text(L, status, ettm_system_text(sys_error, text));
}

static int watch_fd(lua_State *L) {
  const ettm_watch *w = (ettm_watch *)ettml_object_check(L, 1, ETTML_WATCH);
  if (w->fd < 0) {
    ettml_raise_closed(L, 1, ETTML_WATCH);
  }
  lua_pushinteger(L, w->fd);
  return 1;
}

static int watch_close(lua_State *L) {
  ettm_watch_close((ettm_watch *)ettml_object_check(L, 1, ETTML_WATCH));
  return 0;
}

static int watch_tostring(lua_State *L) {
  const ettm_watch *w = (ettm_watch *)ettml_object_check(L, 1, ETTML_WATCH);
  return ettml_push_name(L, ETTML_WATCH, w->fd >= 0 ? "open" : "closed");
}

static const luaL_Reg methods[] = {{"fd", watch_fd}, {"close", watch_close}, {NULL, NULL}};

static const luaL_Reg events[] = {
    {"__gc", watch_close}, {"__close", watch_close}, {"__tostring", watch_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"watch", watch_new}, {NULL, NULL}};

void ettml_watch_open(lua_State *L) {
  static const ettml_class watch_class = {ETTML_WATCH, methods, NULL, events};
  ettml_class_register(L, &watch_class);
  ettml_set_functions(L, functions);
}
