/* SPDX-License-Identifier: MIT */
/* ettsumailer.reader: pulls the bytes of a sealed message, its files and Lua content included.
 *
 * How it works. The core's reader says which part wants content (wanted); only then is something
 * handed over, from where that part's content comes: an anchored string, a file, a string supplied
 * by Lua. How much of it was used is kept in `at`, so the same piece may be handed over many times.
 * What the core made waits in `block` until it was taken, whatever that takes. */
#define _POSIX_C_SOURCE   200809L
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lua/classes.h"

const char ETTML_READER[] = "ettsumailer.reader";

#define BLOCK_KEPT 8192 /* octets of the block that a closed reader keeps at most */

enum { ANCHOR_SOURCES = 1, ANCHOR_SUPPLY = 2, ANCHOR_REASON = 3 };

struct ettml_reader {
  ettm_reader *reader; /* NULL: closed */
  ettm_alloc alloc;
  ettm_status status; /* ETTM_DONE or a failure, for ever */
  int has_anchors;    /* some content is external */
  int wanted;         /* the content of `part` is asked for */
  ettm_part part;
  int kind;  /* where it comes from: ETTML_SOURCE_, NONE before the first part */
  int ended; /* nothing comes behind what is there now */
  size_t at; /* octets used of the string, or of the file's block */
  int fd;
  char *file_block; /* made with the first file */
  size_t file_end;
  char reason[ETTML_REASON]; /* why a file could not be read */
  size_t block_at, block_end, block_size;
  char *block; /* made with the first read */
};

ettml_reader *ettml_reader_check(lua_State *L, int arg) {
  ettml_reader *r = (ettml_reader *)ettml_object_check(L, arg, ETTML_READER);
  if (r->reader == NULL) {
    ettml_raise_closed(L, arg, ETTML_READER);
  }
  return r;
}

/* A small message needs no more than its size, rounded so that few sizes are asked for. */
static size_t block_size_for(uint64_t message_size) {
  if (message_size > ETTML_BLOCK - ETTML_BLOCK_MIN) {
    return ETTML_BLOCK;
  }
  return ((size_t)message_size / ETTML_BLOCK_MIN + 1) * ETTML_BLOCK_MIN;
}

/* Gives the reader on top a table of its own, with the table below. */
static void anchor_sources(lua_State *L) {
  ettml_anchors_new(L);
  ettml_push_user_table(L, -1);
  lua_pushvalue(L, -3);
  lua_rawseti(L, -2, ANCHOR_SOURCES);
  lua_pop(L, 1);
}

static void free_block(ettml_reader *r) {
  ettm_free(&r->alloc, r->block, r->block_size);
  r->block = NULL;
}

/* The reader at old as if it were new, but for its block, if that is large enough; or NULL. */
static ettml_reader *push_again(lua_State *L, int old, size_t block_size) {
  ettml_reader *r = (ettml_reader *)ettml_object_test(L, old, ETTML_READER);
  char *block;
  if (r == NULL || r->reader != NULL) {
    return NULL;
  }
  if (r->block != NULL && r->block_size < block_size) {
    free_block(r);
  }
  block = r->block;
  block_size = block != NULL ? r->block_size : block_size;
  memset(r, 0, sizeof *r);
  r->block = block;
  r->block_size = block_size;
  lua_pushvalue(L, old);
  return r;
}

static ettml_reader *push_new(lua_State *L, size_t block_size) {
  ettml_reader *r = (ettml_reader *)ettml_object_new(L, ETTML_READER, sizeof *r);
  r->block_size = block_size;
  return r;
}

ettm_status ettml_reader_push(lua_State *L, ettm_message *m, int old) {
  size_t block_size = block_size_for(ettm_message_size(m));
  ettml_reader *r = push_again(L, old, block_size);
  r = r != NULL ? r : push_new(L, block_size);
  r->fd = -1;
  r->alloc = ettml_alloc_of(L);
  if (ettm_message_is_external(m)) {
    anchor_sources(L);
    r->has_anchors = 1;
  }
  lua_remove(L, -2);
  return ettm_reader_new(&r->reader, m, &r->alloc);
}

static void close_file(ettml_reader *r) {
  if (r->fd >= 0) {
    close(r->fd);
    r->fd = -1;
  }
}

static void close_reader(ettml_reader *r) {
  if (r->reader != NULL) {
    ettm_reader_free(r->reader);
    r->reader = NULL;
    close_file(r);
    ettm_free(&r->alloc, r->file_block, ETTML_FILE_BLOCK);
    r->file_block = NULL;
  }
}

static int reader_gc(lua_State *L) {
  ettml_reader *r = (ettml_reader *)ettml_object_check(L, 1, ETTML_READER);
  close_reader(r);
  free_block(r);
  return 0;
}

/* A small block stays: the object may be used again. */
static int reader_close(lua_State *L) {
  ettml_reader *r = (ettml_reader *)ettml_object_check(L, 1, ETTML_READER);
  int slot;
  close_reader(r);
  if (r->block_size > BLOCK_KEPT) {
    free_block(r);
  }
  for (slot = ANCHOR_SOURCES; r->has_anchors && slot <= ANCHOR_REASON; slot++) {
    ettml_push_user_table(L, 1);
    lua_pushnil(L);
    lua_rawseti(L, -2, slot);
    lua_pop(L, 1);
  }
  return 0;
}

static int reader_tostring(lua_State *L) {
  const ettml_reader *r = (ettml_reader *)ettml_object_check(L, 1, ETTML_READER);
  return ettml_push_name(L, ETTML_READER, r->reader != NULL ? "open" : "closed");
}

static void set_reason(char reason[ETTML_REASON], const char *text) {
  snprintf(reason, ETTML_REASON, "%s", text);
}

/* O_NONBLOCK: opening a FIFO must not wait for its writer. Regular files do not heed it. */
int ettml_file_open(const char *path, uint64_t *size, char reason[ETTML_REASON]) {
  struct stat facts;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 || fstat(fd, &facts) != 0) {
    ettm_system_text(errno, reason);
  } else if (!S_ISREG(facts.st_mode)) {
    set_reason(reason, "it is not a regular file");
  } else {
    *size = (uint64_t)facts.st_size;
    return fd;
  }
  if (fd >= 0) {
    close(fd);
  }
  return -1;
}

int ettml_file_look(ettm_str path, uint64_t *size, char reason[ETTML_REASON]) {
  int fd = -1;
  if (memchr(path.p, '\0', path.n) != NULL) {
    set_reason(reason, "there is a NUL in its name");
  } else {
    fd = ettml_file_open(path.p, size, reason);
  }
  if (fd >= 0) {
    close(fd);
  }
  return fd >= 0;
}

/* Pushes the value that part has in the sources, which are at index. */
static void push_source(lua_State *L, int index, const ettml_reader *r) {
  lua_rawgeti(L, index, ETTML_SLOT_VALUE(r->part));
}

static ettm_status begin_file(lua_State *L, int sources, ettml_reader *r, size_t start) {
  uint64_t size;
  if (r->file_block == NULL) {
    r->file_block = (char *)ettm_resize(&r->alloc, NULL, 0, ETTML_FILE_BLOCK);
  }
  if (r->file_block == NULL) {
    return ETTM_E_MEMORY;
  }
  push_source(L, sources, r);
  r->fd = ettml_file_open(lua_tostring(L, -1), &size, r->reason);
  lua_pop(L, 1);
  r->at = r->file_end = 0;
  if (r->fd >= 0 && lseek(r->fd, (off_t)start, SEEK_SET) < 0) {
    ettm_system_text(errno, r->reason);
    return ETTM_E_SOURCE;
  }
  return r->fd >= 0 ? ETTM_OK : ETTM_E_SOURCE;
}

static lua_Integer slot_number(lua_State *L, int sources, int slot) {
  lua_Integer number;
  lua_rawgeti(L, sources, slot);
  number = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return number;
}

/* The core asks for part's content: for more of it, or for the first of another's. */
static ettm_status begin_part(lua_State *L, int sources, ettml_reader *r, ettm_part part) {
  if (part == r->part && r->kind != ETTML_SOURCE_NONE) {
    return ETTM_OK;
  }
  close_file(r);
  r->part = part;
  r->ended = 0;
  r->at = (size_t)slot_number(L, sources, ETTML_SLOT_START(part));
  r->kind = (int)slot_number(L, sources, ETTML_SLOT_KIND(part));
  if (r->kind == ETTML_SOURCE_NONE) {
    set_reason(r->reason, "it was never given"); /* there was no memory to anchor it */
    return ETTM_E_SOURCE;
  }
  return r->kind == ETTML_SOURCE_FILE ? begin_file(L, sources, r, r->at) : ETTM_OK;
}

/* Each of these sets what the core may take next; a string it lends is left on the stack. */

static ettm_status provide_string(lua_State *L, int sources, ettml_reader *r,
                                  ettm_reader_step *step) {
  push_source(L, sources, r);
  step->in = ettml_str_at(L, -1);
  r->ended = 1;
  return ETTM_OK;
}

static ettm_status provide_supplied(lua_State *L, int sources, ettml_reader *r,
                                    ettm_reader_step *step) {
  lua_rawgeti(L, sources - 1, ANCHOR_SUPPLY);
  step->in = lua_isnil(L, -1) ? ETTM_LIT("") : ettml_str_at(L, -1);
  return r->ended || r->at < step->in.n ? ETTM_OK : ETTM_NEED_INPUT;
}

static ettm_status provide_file(lua_State *L, int sources, ettml_reader *r,
                                ettm_reader_step *step) {
  ssize_t got;
  (void)L;
  (void)sources;
  if (r->at == r->file_end && !r->ended) {
    do {
      got = read(r->fd, r->file_block, ETTML_FILE_BLOCK);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
      ettm_system_text(errno, r->reason);
      return ETTM_E_SOURCE;
    }
    r->ended = got == 0;
    r->at = 0;
    r->file_end = (size_t)got;
  }
  step->in = ettm_str_of(r->file_block, r->file_end);
  return ETTM_OK;
}

typedef ettm_status (*provider)(lua_State *L, int sources, ettml_reader *r, ettm_reader_step *step);
static const provider providers[] = {NULL, provide_string, provide_file, provide_supplied};

/* One call of the core's reader. sources: stack index, the reader's anchors are right below; both
 * are there where some content is external. */
static ettm_status make_block(lua_State *L, int sources, ettml_reader *r) {
  ettm_reader_step step;
  ettm_status status;
  if (r->block == NULL) {
    r->block = (char *)ettm_resize(&r->alloc, NULL, 0, r->block_size);
  }
  if (r->block == NULL) {
    return ETTM_E_MEMORY;
  }
  memset(&step, 0, sizeof step);
  step.in = ETTM_LIT("");
  step.out = r->block;
  step.capacity = r->block_size;
  if (r->wanted) {
    status = providers[r->kind](L, sources, r, &step);
    if (status != ETTM_OK) {
      return status;
    }
    step.in = ettm_str_of(step.in.p + r->at, step.in.n - r->at);
    step.in_ends = r->ended;
  }
  status = ettm_reader_read(r->reader, &step);
  r->at += step.used;
  r->block_at = 0;
  r->block_end = status < 0 ? 0 : step.made;
  r->wanted = status == ETTM_NEED_INPUT;
  return r->wanted ? begin_part(L, sources, r, ettm_reader_needs(r->reader)) : status;
}

ettm_status ettml_reader_pull(lua_State *L, int arg, ettml_reader *r) {
  int top = lua_gettop(L);
  ettm_status status = ETTM_OK;
  if (r->block_at < r->block_end) {
    return ETTM_OK;
  }
  if (r->status != ETTM_OK) {
    return r->status;
  }
  if (r->has_anchors) {
    ettml_push_user_table(L, arg);
    lua_rawgeti(L, -1, ANCHOR_SOURCES);
  }
  while (status == ETTM_OK && r->block_at == r->block_end) {
    status = make_block(L, top + 2, r);
    if (r->has_anchors) {
      lua_settop(L, top + 2);
    }
  }
  lua_settop(L, top);
  if (status != ETTM_NEED_INPUT) {
    r->status = status;
  }
  return r->block_at < r->block_end ? ETTM_OK : status;
}

ettm_str ettml_reader_rest(const ettml_reader *r) {
  return ettm_str_of(r->block + r->block_at, r->block_end - r->block_at);
}

void ettml_reader_skip(ettml_reader *r, size_t n) {
  r->block_at += n;
}

/* Pushes what went wrong with the content asked for last. */
static void push_source_problem(lua_State *L, int arg, const ettml_reader *r) {
  ettml_push_user_table(L, arg);
  lua_rawgeti(L, -1, ANCHOR_REASON);
  if (!lua_isnil(L, -1)) {
    return; /* Lua said it */
  }
  if (r->kind == ETTML_SOURCE_NONE || r->kind == ETTML_SOURCE_LUA) {
    lua_pushfstring(L, "the content of part %d: %s", (int)r->part,
                    r->reason[0] != '\0' ? r->reason : "it was not as long as it was said to be");
    return;
  }
  ettml_push_user_table(L, arg);
  lua_rawgeti(L, -1, ANCHOR_SOURCES);
  push_source(L, lua_gettop(L), r);
  if (r->kind == ETTML_SOURCE_STRING) {
    lua_pushstring(L, ettm_status_sentence(ETTM_E_SOURCE));
  } else if (r->reason[0] != '\0') {
    lua_pushfstring(L, "cannot read %s: %s", lua_tostring(L, -1), r->reason);
  } else {
    lua_pushfstring(L, "%s: its size has changed", lua_tostring(L, -1));
  }
}

int ettml_reader_answer(lua_State *L, int arg, ettml_reader *r, ettm_status status) {
  if (status == ETTM_NEED_INPUT) {
    ettml_answer_not_now(L, "NEED");
    lua_pushinteger(L, (lua_Integer)r->part);
    return 3;
  }
  if (status == ETTM_E_SOURCE) {
    push_source_problem(L, arg, r);
    return ettml_fail_top(L, status);
  }
  return ettml_answer(L, status);
}

static int reader_read(lua_State *L) {
  ettml_reader *r = ettml_reader_check(L, 1);
  uint64_t n = (uint64_t)ettml_check_size(L, 2, 1, ETTML_WHOLE_MAX);
  ettm_str out;
  ettm_status status;
  lua_settop(L, 2);

  status = ettml_reader_pull(L, 1, r);

  if (status != ETTM_OK) {
    return ettml_reader_answer(L, 1, r, status);
  }
  out = ettml_reader_rest(r);
  out.n = out.n > n ? (size_t)n : out.n;
  ettml_push_str(L, out);
  ettml_reader_skip(r, out.n);
  return 1;
}

/* True when a read has answered NEED and nothing that could be used has come since. */
static int lacks_supply(lua_State *L, const ettml_reader *r) {
  int lacks;
  if (r->status != ETTM_OK || !r->wanted || r->kind != ETTML_SOURCE_LUA || r->ended) {
    return 0;
  }
  ettml_push_user_table(L, 1);
  lua_rawgeti(L, -1, ANCHOR_SUPPLY);
  lacks = lua_isnil(L, -1) || r->at >= ettml_raw_length(L, -1);
  lua_pop(L, 2);
  return lacks;
}

static int reader_supply(lua_State *L) {
  ettml_reader *r = ettml_reader_check(L, 1);
  lua_settop(L, 2);
  if (!lua_isnil(L, 2)) {
    ettml_check_str(L, 2);
  }
  luaL_argcheck(L, lacks_supply(L, r), 1, "no content is asked for");
  ettml_push_user_table(L, 1);
  lua_pushvalue(L, 2);
  lua_rawseti(L, -2, ANCHOR_SUPPLY);

  r->at = 0;
  r->ended = lua_isnil(L, 2);

  return ettml_answer_true(L);
}

/* reader:source(): what leaf_source was given for the part whose content is asked for. */
static int reader_source(lua_State *L) {
  ettml_reader *r = ettml_reader_check(L, 1);
  lua_settop(L, 1);
  if (!lacks_supply(L, r)) {
    return ettml_answer_nil(L);
  }
  ettml_push_user_table(L, 1);
  lua_rawgeti(L, -1, ANCHOR_SOURCES);
  push_source(L, lua_gettop(L), r);
  return 1;
}

/* reader:fail(reason): the content that is asked for cannot be had; nothing more is read. */
static int reader_fail(lua_State *L) {
  ettml_reader *r = ettml_reader_check(L, 1);
  ettm_str reason = ettml_check_str(L, 2);
  luaL_argcheck(L, lacks_supply(L, r), 1, "no content is asked for");
  ettml_push_user_table(L, 1);
  lua_pushlstring(L, reason.p, reason.n);
  lua_rawseti(L, -2, ANCHOR_REASON);
  r->status = ETTM_E_SOURCE;
  return ettml_answer_true(L);
}

static const luaL_Reg methods[] = {{"read", reader_read},   {"supply", reader_supply},
                                   {"fail", reader_fail},   {"source", reader_source},
                                   {"close", reader_close}, {NULL, NULL}};

static const luaL_Reg events[] = {
    {"__gc", reader_gc}, {"__close", reader_close}, {"__tostring", reader_tostring}, {NULL, NULL}};

void ettml_reader_open(lua_State *L) {
  static const ettml_class reader_class = {ETTML_READER, methods, NULL, events};
  ettml_class_register(L, &reader_class);
  ettml_set_methods(L, ETTML_READER, "reader_methods");
}
