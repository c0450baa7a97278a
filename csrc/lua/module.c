/* SPDX-License-Identifier: MIT */
/* ettsumailer.core: the module, and the few functions that belong to no class.
 *
 * Re-entrant: there is nothing that is not of the Lua state it is opened in. */
#include "address/format.h"
#include "address/idna.h"
#include "codec/base64.h"
#include "lua/charset.h"
#include "lua/classes.h"
#include "net/random.h"

#define RANDOM_MAX      1024
#define BASE64_MAX      (1u << 26) /* octets that base64_encode and base64_decode make at most */
#define HEADER_TEXT_MAX (1u << 24) /* octets that encode_header makes at most */

ETTML_EXPORT int luaopen_ettsumailer_core(lua_State *L);

/* core.random(n) */
static int random_bytes(lua_State *L) {
  size_t n = (size_t)ettml_check_size(L, 1, 1, RANDOM_MAX);
  char bytes[RANDOM_MAX];

  ettm_status status = ettm_random(bytes, n);

  if (status != ETTM_OK) {
    return ettml_fail(L, status);
  }
  ettml_push_str(L, ettm_str_of(bytes, n));
  ettm_wipe(bytes, n);
  return 1;
}

/* core.base64_encode(s): one line. */
static int base64_encode(lua_State *L) {
  ettm_str in = ettml_check_str(L, 1);
  ettm_buffer *out = ettml_scratch_new(L, BASE64_MAX);

  ettm_status status = ettm_base64_append(out, in);

  return status == ETTM_OK ? ettml_push_str(L, ettm_buffer_view(out)) : ettml_fail(L, status);
}

/* core.base64_decode(s): one line, strict. */
static int base64_decode(lua_State *L) {
  ettm_str in = ettml_check_str(L, 1);
  ettm_buffer *out = ettml_scratch_new(L, BASE64_MAX);

  ettm_status status = ettm_base64_decode(out, in);

  return status == ETTM_OK ? ettml_push_str(L, ettm_buffer_view(out)) : ettml_fail(L, status);
}

static ettm_status encode_text(ettm_buffer *out, ettm_str text) {
  if (ettm_encoded_word_needed(text)) {
    return ettm_encoded_word_append(out, text, ETTM_WORD_TEXT, 0);
  }
  return ettm_buffer_append(out, text);
}

/* core.encode_header(text [, "phrase"]) */
static int encode_header(lua_State *L) {
  static const char *const places[] = {"text", "phrase", NULL};
  ettm_str text = ettml_check_str(L, 1);
  int is_phrase = luaL_checkoption(L, 2, "text", places);
  ettm_buffer *out = ettml_scratch_new(L, HEADER_TEXT_MAX);

  ettm_status status = is_phrase ? ettm_format_phrase(out, text, 0) : encode_text(out, text);

  return status == ETTM_OK ? ettml_push_str(L, ettm_buffer_view(out)) : ettml_fail(L, status);
}

/* core.may_yield() */
static int may_yield(lua_State *L) {
  lua_pushboolean(L, ettml_may_yield(L));
  return 1;
}

static const luaL_Reg functions[] = {
    {"random", random_bytes},         {"base64_encode", base64_encode},
    {"base64_decode", base64_decode}, {"encode_header", encode_header},
    {"may_yield", may_yield},         {NULL, NULL}};

int luaopen_ettsumailer_core(lua_State *L) {
  lua_newtable(L);
  ettml_set_functions(L, functions);
  ettml_set_text(L, "version", ETTM_VERSION);
  lua_pushboolean(L, ettm_idna_available());
  lua_setfield(L, -2, "has_idna");
  ettml_scratch_register(L);
  ettml_session_open(L);
  ettml_message_open(L);
  ettml_reader_open(L);
  ettml_content_open(L);
  ettml_charset_open(L);
  ettml_address_open(L);
  ettml_socket_open(L);
  ettml_resolver_open(L);
  ettml_process_open(L);
  ettml_watch_open(L);
  ettml_folder_open(L);
  ettml_session_auth_open(L);
  ettml_session_mail_open(L);
  ettml_openssl_open(L);
  return 1;
}
