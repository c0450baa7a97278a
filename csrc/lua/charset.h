/* Charsets for the binding: what holds a converter while the core works with it.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_LUA_CHARSET_H
#define ETTM_LUA_CHARSET_H

#include "lua/converter.h"
#include "lua/object.h"

extern const char ETTML_CHARSET[]; /* the class */

/* Registers the class and sets core.convert, core.encode_words and core.decode_words in the table
 * on top. */
void ettml_charset_open(lua_State *L);

/* Pushes a userdata that holds a converter to charset `name`. *encoder lives as long as that stays
 * on the stack and is not closed; it is NULL for UTF-8. Returns ETTM_OK, or a failure, which
 * ettml_charset_fail explains: the userdata was pushed all the same. */
ETTM_MUST_USE ettm_status ettml_charset_push(lua_State *L, ettm_str name, int is_strict,
                                             const ettm_charset_encoder **encoder);

/* Frees the converter of the userdata at index at once, not when it is collected. Cannot throw. */
void ettml_charset_close(lua_State *L, int index);

/* True (1) when the last text that the encoder of the userdata at index (positive, closed or not)
 * was given did not fit, and that is an error: the encoder is strict. */
int ettml_charset_has_misfit(lua_State *L, int index);

/* Of that userdata: pushes nil, code and a sentence that names the charset, and the character that
 * does not fit it with its place in the text that the encoder was given: one display name of an
 * address field. For what ettml_charset_push returned, and where there is a misfit. Returns the
 * number of values. */
int ettml_charset_fail(lua_State *L, int index, ettm_status status);

/* Pushes that sentence alone. */
void ettml_charset_push_problem(lua_State *L, int index, ettm_status status);

#endif
