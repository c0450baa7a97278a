/* SPDX-License-Identifier: MIT */
/* Charsets other than UTF-8: whole texts, and encoded words.
 *
 * The handles of iconv are in a userdata that was there before them. They are closed before a
 * result is pushed, as the collector does not know what they weigh; it only closes what an error
 * has left behind. */
#include "lua/charset.h"

#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"

const char ETTML_CHARSET[] = "ettsumailer.charset";

#define WORDS_MAX (1u << 24) /* octets of encoded words, or of what they show, at most */

typedef struct charset {
  ettml_converter converter;
  ettm_charset_encoder encoder;
  ettml_charset_problem problem;
  char name[ETTM_CHARSET_NAME_MAX + 1]; /* for a sentence: printable, and cut where too long */
} charset;

static charset *charset_at(lua_State *L, int index) {
  return (charset *)ettml_object_test(L, index, ETTML_CHARSET);
}

static int is_utf8_name(ettm_str name) {
  return ettm_str_equal_nocase(name, ETTM_LIT("UTF-8")) ||
         ettm_str_equal_nocase(name, ETTM_LIT("UTF8"));
}

static void copy_printable(char copy[ETTM_CHARSET_NAME_MAX + 1], ettm_str name) {
  size_t n = name.n < ETTM_CHARSET_NAME_MAX ? name.n : ETTM_CHARSET_NAME_MAX;
  size_t i;
  for (i = 0; i < n; i++) {
    copy[i] = name.p[i] > 31 && name.p[i] < 127 ? name.p[i] : '?';
  }
  copy[n] = '\0';
}

static charset *push_charset(lua_State *L, ettm_str name) {
  charset *c = (charset *)ettml_object_new(L, ETTML_CHARSET, sizeof *c);
  copy_printable(c->name, name);
  return c;
}

ettm_status ettml_charset_push(lua_State *L, ettm_str name, int is_strict,
                               const ettm_charset_encoder **encoder) {
  charset *c = push_charset(L, name);
  ettm_status status;
  *encoder = NULL;
  if (is_utf8_name(name)) {
    return ETTM_OK;
  }
  status = ettml_converter_open(&c->converter, name, &c->problem);
  if (status == ETTM_OK) {
    c->encoder.ud = &c->converter;
    c->encoder.name = ettm_str_of(c->converter.name, name.n);
    c->encoder.only_b = c->converter.only_b;
    c->encoder.is_strict = is_strict;
    c->encoder.prepare = ettml_converter_prepare;
    c->encoder.from_utf8 = ettml_converter_from_utf8;
    *encoder = &c->encoder;
  }
  return status;
}

void ettml_charset_close(lua_State *L, int index) {
  ettml_converter_close(&charset_at(L, index)->converter);
}

static int charset_gc(lua_State *L) {
  charset *c = (charset *)ettml_object_check(L, 1, ETTML_CHARSET);
  ettml_converter_close(&c->converter);
  return 0;
}

static int charset_tostring(lua_State *L) {
  const charset *c = (charset *)ettml_object_check(L, 1, ETTML_CHARSET);
  return ettml_push_name(L, ETTML_CHARSET, c->name);
}

/* --- problems --- */

static void push_misfit(lua_State *L, const charset *c) {
  static const char digits[] = "0123456789ABCDEF";
  char hex[] = "0000000";
  char *p = hex + sizeof hex - 1;
  uint32_t rest = c->converter.misfit;
  while (rest > 0 || p > hex + sizeof hex - 5) { /* four digits at least */
    *--p = digits[rest & 15];
    rest >>= 4;
  }
  lua_pushfstring(L, "the character U+%s at byte %d does not fit the charset %s", p,
                  (int)c->converter.misfit_at + 1, c->name);
}

void ettml_charset_push_problem(lua_State *L, int index, ettm_status status) {
  static const char *const formats[] = {
      "'%s' is no charset's name",                             /* ETTML_CHARSET_NAME */
      "the charset '%s' is not known here",                    /* ETTML_CHARSET_UNKNOWN */
      "the charset '%s' changes ASCII, which a mail must not", /* ETTML_CHARSET_ASCII */
  };
  const charset *c = charset_at(L, index);
  int is_opened = c->encoder.ud != NULL;
  if (is_opened && c->converter.misfit != 0) {
    push_misfit(L, c);
  } else if (is_opened || status != ETTM_E_ARGUMENT) {
    lua_pushstring(L, ettm_status_sentence(status));
  } else {
    lua_pushfstring(L, formats[c->problem], c->name);
  }
}

int ettml_charset_has_misfit(lua_State *L, int index) {
  const charset *c = charset_at(L, index);
  return c->encoder.is_strict && c->converter.misfit != 0;
}

int ettml_charset_fail(lua_State *L, int index, ettm_status status) {
  ettml_charset_push_problem(L, index, status);
  return ettml_fail_top(L, status);
}

/* The text does not fit: the character's position behind the rest, and when that is no error the
 * word that says so in place of the code. */
static int answer_misfit(lua_State *L, int index, int is_strict) {
  const charset *c = charset_at(L, index);
  ettml_charset_fail(L, index, ETTM_E_ARGUMENT);
  if (!is_strict) {
    lua_pushliteral(L, "UNFIT");
    lua_replace(L, -3);
  }
  lua_pushinteger(L, (lua_Integer)c->converter.misfit_at + 1);
  return 4;
}

/* --- core.convert --- */

/* What n octets can become, in a buffer that the collector frees. The most are nine for four: the
 * escape sequences around each character; here twice as many for one. */
static ettm_buffer *push_room(lua_State *L, size_t n) {
  size_t max;
  if (!ettm_size_mul(n, 8, &max) || !ettm_size_add(max, 64, &max)) {
    max = n;
  }
  return ettml_scratch_new(L, max);
}

static int fail_octet(lua_State *L, ettm_str name, size_t stopped) {
  char printable[ETTM_CHARSET_NAME_MAX + 1];
  copy_printable(printable, name);
  lua_pushfstring(L, "the text is not %s (byte %d)", printable, (int)stopped + 1);
  ettml_fail_top(L, ETTM_E_ARGUMENT);
  lua_pushinteger(L, (lua_Integer)stopped + 1);
  return 4;
}

static size_t valid_front(ettm_str text) {
  size_t n = 0;
  size_t used;
  while ((used = ettm_utf8_next(ettm_str_of(text.p + n, text.n - n), NULL)) > 0) {
    n += used;
  }
  return n;
}

/* text in UTF-8, into a buffer that is pushed. Returns the number of values of a failure, or 0. */
static int push_utf8(lua_State *L, ettm_str text, ettm_str name, ettm_str *result) {
  charset *c = push_charset(L, name);
  ettm_buffer *out = push_room(L, text.n);
  ettm_status status = ETTM_OK;
  size_t stopped = SIZE_MAX;
  *result = text;
  if (!is_utf8_name(name)) {
    status = ettml_convert_to_utf8(name, text, out, &c->problem, &stopped);
    *result = ettm_buffer_view(out);
  }
  if (status == ETTM_OK && !ettm_utf8_valid(*result)) {
    status = ETTM_E_ARGUMENT;
    stopped = is_utf8_name(name) ? valid_front(text) : 0;
  }
  if (status == ETTM_E_ARGUMENT && stopped != SIZE_MAX) {
    return fail_octet(L, name, stopped);
  }
  return status == ETTM_OK ? 0 : ettml_charset_fail(L, lua_gettop(L) - 1, status);
}

static ettm_status from_utf8(const ettm_charset_encoder *encoder, ettm_str text,
                             ettm_buffer *prepared, ettm_buffer *out) {
  ettm_status status = encoder->prepare(encoder->ud, text, prepared);
  if (status == ETTM_OK) {
    status = encoder->from_utf8(encoder->ud, ettm_buffer_view(prepared), out);
  }
  return status;
}

/* core.convert(text, to [, from [, strict]])
 *
 * Stack from 5 on: to's converter; from's charset, the text in UTF-8; the text prepared, and
 * converted. */
static int convert(lua_State *L) {
  ettm_str text = ettml_check_str(L, 1);
  ettm_str to = ettml_check_str(L, 2);
  ettm_str from = lua_isnoneornil(L, 3) ? ETTM_LIT("UTF-8") : ettml_check_str(L, 3);
  int is_strict = lua_toboolean(L, 4);
  const ettm_charset_encoder *encoder;
  ettm_buffer *prepared, *out;
  ettm_status status;
  int answers;
  lua_settop(L, 4);

  status = ettml_charset_push(L, to, is_strict, &encoder);
  if (status != ETTM_OK) {
    return ettml_charset_fail(L, 5, status);
  }
  answers = push_utf8(L, text, from, &text);
  if (answers > 0) {
    return answers;
  }
  if (encoder == NULL) {
    return ettml_push_str(L, text);
  }
  prepared = push_room(L, text.n);
  out = push_room(L, text.n);
  status = from_utf8(encoder, text, prepared, out);
  ettml_charset_close(L, 5);

  if (status == ETTM_E_ARGUMENT) {
    return answer_misfit(L, 5, is_strict);
  }
  return status == ETTM_OK ? ettml_push_str(L, ettm_buffer_view(out)) : ettml_fail(L, status);
}

/* --- words --- */

/* core.encode_words(text, charset [, place [, strict [, first_line]]]) */
static int encode_words(lua_State *L) {
  static const char *const places[] = {"text", "phrase", NULL};
  ettm_str text = ettml_check_str(L, 1);
  ettm_str name = ettml_check_str(L, 2);
  int place = luaL_checkoption(L, 3, "text", places);
  int is_strict = lua_toboolean(L, 4);
  size_t first_line = (size_t)ettml_opt_size(L, 5, 0, INT32_MAX, 0);
  const ettm_charset_encoder *encoder;
  ettm_buffer *out;
  ettm_status status;
  lua_settop(L, 5);
  out = ettml_scratch_new(L, WORDS_MAX);

  status = ettml_charset_push(L, name, is_strict, &encoder);
  if (status != ETTM_OK) {
    return ettml_charset_fail(L, 7, status);
  }
  status = ettm_encoded_word_append_charset(
      out, text, place == 0 ? ETTM_WORD_TEXT : ETTM_WORD_PHRASE, first_line, encoder);
  ettml_charset_close(L, 7);

  if (status == ETTM_E_ARGUMENT) {
    return answer_misfit(L, 7, 1);
  }
  return status == ETTM_OK ? ettml_push_str(L, ettm_buffer_view(out)) : ettml_fail(L, status);
}

/* core.decode_words(text) */
static int decode_words(lua_State *L) {
  ettm_str text = ettml_check_str(L, 1);
  ettm_buffer *out = ettml_scratch_new(L, WORDS_MAX);

  ettm_status status = ettm_encoded_word_decode(out, text, &ettml_charset_reader);

  return status == ETTM_OK ? ettml_push_str(L, ettm_buffer_view(out)) : ettml_fail(L, status);
}

static const luaL_Reg methods[] = {{NULL, NULL}};

static const luaL_Reg events[] = {
    {"__gc", charset_gc}, {"__close", charset_gc}, {"__tostring", charset_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"convert", convert},
                                     {"encode_words", encode_words},
                                     {"decode_words", decode_words},
                                     {NULL, NULL}};

void ettml_charset_open(lua_State *L) {
  static const ettml_class charset_class = {ETTML_CHARSET, methods, NULL, events};
  ettml_class_register(L, &charset_class);
  ettml_set_functions(L, functions);
}
