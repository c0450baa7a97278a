/* Whole sends, through Lua, while memory fails: at each allocation once, and from each one on.
 *
 * How it works. Each run has a Lua state of its own with an allocator that counts, into which
 * memory_failure.lua is loaded. Lua asks twice (it collects its garbage in between), so an
 * allocation that fails once is a failure for the core alone, and for Lua a collection at the worst
 * moment; when all fail from some point on, Lua raises its error too. Either way the run has to end
 * as a memory error, or well; the same state must be able to send afterwards, and the end of the
 * state must leave no byte and no descriptor behind.
 *
 * SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

int luaopen_ettsumailer_core(lua_State *L);
int luaopen_ettsumailer_openssl(lua_State *L);

#define SCRIPT          "spec/host/memory_failure.lua"
#define FILE_SIZE       70000u /* more than a reader reads of a file at once */
#define MOST_CALLS      100000 /* no scenario needs as many allocations */
#define MOST_COMPLAINTS 4
#define MODULES         256 /* that Lua files make */

enum { RUN = 1, JUDGE = 2 }; /* stack places of what the script returns */

/* A heap that runs short: of the calls since `begin`, number first and those up to last fail. */
typedef struct short_heap {
  check_heap heap;
  long calls, first, last; /* last < first: none */
} short_heap;

static char attachment[] = "/tmp/ettsumailer-memory-XXXXXX";
static const char *scenario;
static int complaints; /* of the scenario, so far */

/* Lua may count on it that shrinking succeeds. */
static void *heap_call(void *ud, void *ptr, size_t osize, size_t nsize) {
  short_heap *h = (short_heap *)ud;
  if (nsize > 0 && (ptr == NULL || nsize > osize)) {
    long call = h->calls++;
    if (call >= h->first && call <= h->last) {
      return NULL;
    }
  }
  return h->heap.alloc.fn(h->heap.alloc.ud, ptr, osize, nsize);
}

static void begin(short_heap *h, long first, long last) {
  h->calls = 0;
  h->first = first;
  h->last = last;
}

/* Compiled modules, for all states. */

static struct {
  char name[64];
  char *code;
  size_t size;
} modules[MODULES];
static size_t module_count;

static int kept(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  size_t i;
  for (i = 0; i < module_count; i++) {
    if (strcmp(modules[i].name, name) == 0) {
      lua_pushlstring(L, modules[i].code, modules[i].size);
      return 1;
    }
  }
  return 0;
}

static int keep(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  size_t size;
  const char *code = luaL_checklstring(L, 2, &size);
  if (module_count == MODULES || strlen(name) >= sizeof modules[0].name) {
    return luaL_error(L, "no room for %s", name);
  }
  strcpy(modules[module_count].name, name);
  modules[module_count].size = size;
  modules[module_count].code = (char *)malloc(size);
  if (modules[module_count].code == NULL) {
    abort();
  }
  memcpy(modules[module_count++].code, code, size);
  return 0;
}

static int load(lua_State *L) {
  luaL_openlibs(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_ettsumailer_core);
  lua_setfield(L, -2, "ettsumailer.core");
  lua_pushcfunction(L, luaopen_ettsumailer_openssl);
  lua_setfield(L, -2, "ettsumailer.openssl");
  lua_settop(L, 0);
  if (luaL_loadfile(L, SCRIPT) != LUA_OK) {
    return lua_error(L);
  }
  lua_pushstring(L, scenario);
  lua_pushstring(L, attachment);
  lua_pushcfunction(L, kept);
  lua_pushcfunction(L, keep);
  lua_call(L, 4, 2);
  return 2;
}

static void complain(lua_State *L, const char *when, long first) {
  printf("  %s, %s, failing from allocation %ld on: %s\n", scenario, when, first,
         lua_tostring(L, -1));
  complaints++;
  CHECK(0);
}

/* "sent" with all memory; else that, or the error for memory. */
static void check_end(lua_State *L, int status, const short_heap *h) {
  const char *text = lua_tostring(L, -1);
  int is_memory = status == LUA_ERRMEM || status == LUA_ERRRUN;
  int has_failed = h->last >= h->first && h->calls > h->first;
  if (status == LUA_OK && text != NULL && strcmp(text, "sent") == 0) {
    return;
  }
  if (!has_failed || !is_memory || text == NULL || strcmp(text, "not enough memory") != 0) {
    complain(L, "it ended with", h->first);
  }
}

static int lowest_descriptor(void) {
  int fd = dup(STDIN_FILENO);
  if (fd >= 0) {
    close(fd);
  }
  return fd;
}

/* One run in a state of its own. Returns the number of allocations it asked for. */
static long run(long first, long last) {
  short_heap h;
  lua_State *L;
  long calls;
  int descriptor = lowest_descriptor();
  check_heap_init(&h.heap);
  begin(&h, 0, -1);
  L = lua_newstate(heap_call, &h);
  lua_pushcfunction(L, load);
  if (lua_pcall(L, 0, 2, 0) != LUA_OK) {
    complain(L, "it was not loaded", first);
    lua_close(L);
    return MOST_CALLS;
  }
  lua_pushvalue(L, RUN);
  begin(&h, first, last);
  check_end(L, lua_pcall(L, 0, 1, 0), &h);
  calls = h.calls;
  begin(&h, 0, -1);
  lua_pushvalue(L, JUDGE);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
    complain(L, "judged", first);
  }
  lua_close(L);
  CHECK_INT(h.heap.blocks, 0);
  CHECK_INT(h.heap.bytes, 0);
  CHECK_INT(lowest_descriptor(), descriptor);
  return calls;
}

static void fail_each(const char *name, int lasting) {
  long i, calls;
  scenario = name;
  complaints = 0;
  calls = run(0, -1);
  CHECK(calls > 0);
  for (i = 0; i < calls && i < MOST_CALLS && complaints < MOST_COMPLAINTS; i++) {
    calls = run(i, lasting ? MOST_CALLS : i);
  }
  CHECK(i < MOST_CALLS);
  printf("%s: %ld allocations failed, one a run\n", name, i);
}

static void mailer_once(void) {
  fail_each("mailer", 0);
}

static void mailer_lasting(void) {
  fail_each("mailer", 1);
}

static void rejection_once(void) {
  fail_each("rejection", 0);
}

static void rejection_lasting(void) {
  fail_each("rejection", 1);
}

static void connection_once(void) {
  fail_each("connection", 0);
}

static void connection_lasting(void) {
  fail_each("connection", 1);
}

static void login_once(void) {
  fail_each("login", 0);
}

static void login_lasting(void) {
  fail_each("login", 1);
}

static void charset_once(void) {
  fail_each("charset", 0);
}

static void charset_lasting(void) {
  fail_each("charset", 1);
}

static void starttls_once(void) {
  fail_each("starttls", 0);
}

static void starttls_lasting(void) {
  fail_each("starttls", 1);
}

static void tls_once(void) {
  fail_each("tls", 0);
}

static void tls_lasting(void) {
  fail_each("tls", 1);
}

static const check_case cases[] = {
    {"survives each allocation of a mailer's sends failing once", mailer_once},
    {"survives memory ending at each allocation of a mailer's sends", mailer_lasting},
    {"survives each allocation of a refused send failing once", rejection_once},
    {"survives memory ending at each allocation of a refused send", rejection_lasting},
    {"survives each allocation of a commanded dialogue failing once", connection_once},
    {"survives memory ending at each allocation of a commanded dialogue", connection_lasting},
    {"survives each allocation of the logins failing once", login_once},
    {"survives memory ending at each allocation of the logins", login_lasting},
    {"survives each allocation of composing in a charset failing once", charset_once},
    {"survives memory ending at each allocation of composing in a charset", charset_lasting},
    {"survives each allocation of a handshake failing once", starttls_once},
    {"survives memory ending at each allocation of a handshake", starttls_lasting},
    {"survives each allocation of a send over TLS failing once", tls_once},
    {"survives memory ending at each allocation of a send over TLS", tls_lasting}};

static int make_attachment(void) {
  static char content[FILE_SIZE];
  int fd = mkstemp(attachment);
  ssize_t written;
  if (fd < 0) {
    return 0;
  }
  memset(content, 'f', sizeof content);
  written = write(fd, content, sizeof content);
  close(fd);
  return written == (ssize_t)sizeof content;
}

int main(void) {
  int failed;
  if (!make_attachment()) {
    perror("cannot make a file to attach");
    return 1;
  }
  failed = check_main("memory failure", cases, sizeof cases / sizeof cases[0]);
  remove(attachment);
  return failed;
}
