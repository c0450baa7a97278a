/* SPDX-License-Identifier: MIT */
#include "lua/converter.h"

#include <errno.h>
#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"
#include "codec/jis.h"

#define BLOCK      1024 /* octets that one call of iconv makes at most */
#define SLACK      16   /* behind them: converters have been known to write over the end */
#define PIECE      512  /* octets of text that are checked at a time */
#define OCTETS_MAX (16 * PIECE)

/* --- names --- */

/* Names are compared without "-" and "_" and without case, as everybody writes them otherwise. '#'
 * stands for one or two digits, '*' for any rest. */
typedef struct name_row {
  const char *name;
  const char *read_as; /* or NULL: as it is called */
} name_row;

/* What mail is written in. Some names mean the larger charset that everybody uses under that name
 * (as in the WHATWG's Encoding Standard). Not here, so that a stranger's header cannot call for
 * them: what the system has for its own use, and what has no place in a header (UTF-16, UTF-7). */
static const name_row readable[] = {
    {"iso8859#", NULL},
    {"iso88596i", "ISO-8859-6"},
    {"iso88598i", "ISO-8859-8"},
    {"windows125#", NULL},
    {"cp125#", NULL},
    {"windows874", "CP874"},
    {"koi8r", NULL},
    {"koi8u", NULL},
    {"tis620", NULL},
    {"macintosh", NULL},
    {"iso2022jp", NULL},
    {"iso2022jp1", NULL},
    {"iso2022jp2", NULL},
    {"csiso2022jp", "ISO-2022-JP"},
    {"iso2022jpms", "ISO-2022-JP"},
    {"eucjp", NULL},
    {"xeucjp", "EUC-JP"},
    {"shiftjis", "CP932"},
    {"sjis", "CP932"},
    {"xsjis", "CP932"},
    {"mskanji", "CP932"},
    {"windows31j", "CP932"},
    {"cp932", NULL},
    {"gb2312", "GB18030"},
    {"gbk", "GB18030"},
    {"cp936", "GB18030"},
    {"gb18030", NULL},
    {"big5", NULL},
    {"big5hkscs", NULL},
    {"euckr", "CP949"},
    {"ksc56011987", "CP949"},
    {"cp949", NULL},
    {"iso2022kr", NULL},
};

/* What its text needs; the first row that fits counts. */
static const struct {
  const char *name;
  unsigned jis;
  int only_b;
} needs[] = {
    {"iso2022jp*", ETTM_JIS_TWINS | ETTM_JIS_WIDEN, 1},
    {"csiso2022jp*", ETTM_JIS_TWINS | ETTM_JIS_WIDEN, 1},
    {"iso2022*", 0, 1},
    {"csiso2022*", 0, 1},
    {"eucjp", ETTM_JIS_TWINS, 0},
    {"xeucjp", ETTM_JIS_TWINS, 0},
    {"ujis", ETTM_JIS_TWINS, 0},
    {"shiftjis", ETTM_JIS_TWINS, 0},
    {"csshiftjis", ETTM_JIS_TWINS, 0},
    {"sjis", ETTM_JIS_TWINS, 0},
    {"mskanji", ETTM_JIS_TWINS, 0},
};

static int is_digit(char c) {
  return ettm_char_is(c, ETTM_CHAR_DIGIT);
}

/* name without "-" and "_", in lower case. */
static void squash(const char *name, char squashed[ETTM_CHARSET_NAME_MAX + 1]) {
  size_t n = 0;
  for (; *name != '\0'; name++) {
    if (*name != '-' && *name != '_') {
      squashed[n++] = ettm_lower(*name);
    }
  }
  squashed[n] = '\0';
}

static int matches(const char *pattern, const char *squashed) {
  for (; *pattern != '\0' && *pattern != '*'; pattern++) {
    if (*pattern == '#') {
      if (!is_digit(*squashed)) {
        return 0;
      }
      squashed += is_digit(squashed[1]) ? 2 : 1;
    } else if (*pattern != *squashed++) {
      return 0;
    }
  }
  return *pattern == '*' || *squashed == '\0';
}

static const name_row *find_readable(const char *name) {
  char squashed[ETTM_CHARSET_NAME_MAX + 1];
  size_t i;
  squash(name, squashed);
  for (i = 0; i < sizeof readable / sizeof readable[0]; i++) {
    if (matches(readable[i].name, squashed)) {
      return &readable[i];
    }
  }
  return NULL;
}

static void set_needs(ettml_converter *c) {
  char squashed[ETTM_CHARSET_NAME_MAX + 1];
  size_t i;
  squash(c->name, squashed);
  for (i = 0; i < sizeof needs / sizeof needs[0]; i++) {
    if (matches(needs[i].name, squashed)) {
      c->jis = needs[i].jis;
      c->only_b = needs[i].only_b;
      return;
    }
  }
}

/* The name with a NUL behind it; 0 when it is none. */
static int copy_name(ettm_str name, char copy[ETTM_CHARSET_NAME_MAX + 1]) {
  if (!ettm_charset_is_name(name)) {
    return 0;
  }
  memcpy(copy, name.p, name.n);
  copy[name.n] = '\0';
  return 1;
}

static ettm_status open_handle(const char *to, const char *from, iconv_t *handle) {
  *handle = iconv_open(to, from);
  if (*handle != (iconv_t)-1) {
    return ETTM_OK;
  }
  return errno == ENOMEM ? ETTM_E_MEMORY : ETTM_E_ARGUMENT;
}

/* --- conversion --- */

/* One call of iconv; at the end of in, the one that goes back to the initial state. Returns
 * ETTM_OK; ETTM_FULL: the block is; ETTM_E_ARGUMENT: it cannot go on, or does not. */
static ettm_status step(iconv_t handle, ettm_str *in, char *block, size_t *made) {
  char *p = (char *)in->p; /* iconv's type; it only reads */
  char *q = block;
  size_t left = in->n;
  size_t room = BLOCK;
  int is_last = left == 0;
  size_t result = iconv(handle, is_last ? NULL : &p, is_last ? NULL : &left, &q, &room);
  int is_full = result == (size_t)-1 && errno == E2BIG;
  int moved = room < BLOCK || left < in->n;
  *made = BLOCK - room;
  *in = ettm_str_of(in->p + (in->n - left), left);
  if (result != (size_t)-1) {
    return moved || is_last ? ETTM_OK : ETTM_E_ARGUMENT;
  }
  return is_full && moved ? ETTM_FULL : ETTM_E_ARGUMENT;
}

/* Converts in, from the initial state and back to it. *stopped: where it could not go on. */
static ettm_status run(iconv_t handle, ettm_str in, ettm_buffer *out, size_t *stopped) {
  char block[BLOCK + SLACK];
  size_t n = in.n;
  int is_last = 0;
  (void)iconv(handle, NULL, NULL, NULL, NULL);
  while (!is_last) {
    size_t made;
    int at_end = in.n == 0;
    ettm_status status = step(handle, &in, block, &made);
    ettm_status appended = ettm_buffer_append(out, ettm_str_of(block, made));
    *stopped = n - in.n;
    if (status < 0 || appended != ETTM_OK) {
      return appended != ETTM_OK ? appended : status;
    }
    is_last = at_end && status == ETTM_OK;
  }
  return ETTM_OK;
}

/* --- writing --- */

/* Text of a few characters, converted: is it these octets? */
static ettm_status becomes(ettml_converter *c, ettm_str text, ettm_str octets, int *same) {
  size_t ignored;
  ettm_buffer made;
  ettm_status status;
  ettm_buffer_init(&made, NULL, OCTETS_MAX);
  status = run(c->there, text, &made, &ignored);
  *same = status == ETTM_OK && ettm_str_equal(ettm_buffer_view(&made), octets);
  ettm_buffer_clear(&made);
  return status == ETTM_E_ARGUMENT ? ETTM_OK : status;
}

/* All of ASCII that a message is made of has to stay what it is; \ and ~ are others in some
 * national charsets, which is no harm. */
static ettm_status probe(ettml_converter *c, int *is_ascii) {
  static const char ascii[] = "\t\r\n !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ["
                              "]^_`abcdefghijklmnopqrstuvwxyz{|}";
  int is_yen = 0, is_overline = 0;
  ettm_status status = becomes(c, ETTM_LIT(ascii), ETTM_LIT(ascii), is_ascii);
  if (status == ETTM_OK) {
    status = becomes(c, ETTM_LIT("\xC2\xA5"), ETTM_LIT("\\"), &is_yen);
  }
  if (status == ETTM_OK) {
    status = becomes(c, ETTM_LIT("\xE2\x80\xBE"), ETTM_LIT("~"), &is_overline);
  }
  c->is_roman = is_yen || is_overline;
  return status;
}

static ettm_status open_both(ettml_converter *c, const char *name) {
  ettm_status status = open_handle(name, "UTF-8", &c->there);
  c->is_there = status == ETTM_OK;
  if (status == ETTM_OK) {
    status = open_handle("UTF-8", name, &c->back);
    c->is_back = status == ETTM_OK;
  }
  if (status != ETTM_OK) {
    ettml_converter_close(c);
  }
  return status;
}

ettm_status ettml_converter_open(ettml_converter *c, ettm_str name,
                                 ettml_charset_problem *problem) {
  const name_row *row;
  ettm_status status;
  int is_ascii = 0;
  memset(c, 0, sizeof *c);
  *problem = ETTML_CHARSET_NAME;
  if (!copy_name(name, c->name)) {
    return ETTM_E_ARGUMENT;
  }
  *problem = ETTML_CHARSET_UNKNOWN;
  status = open_both(c, c->name);
  row = find_readable(c->name);
  if (status == ETTM_E_ARGUMENT && row != NULL && row->read_as != NULL) {
    status = open_both(c, row->read_as);
  }
  if (status == ETTM_OK) {
    set_needs(c);
    *problem = ETTML_CHARSET_ASCII;
    status = probe(c, &is_ascii);
    if (status == ETTM_OK && !is_ascii) {
      status = ETTM_E_ARGUMENT;
    }
  }
  if (status != ETTM_OK) {
    ettml_converter_close(c);
  }
  return status;
}

void ettml_converter_close(ettml_converter *c) {
  if (c->is_there) {
    iconv_close(c->there);
  }
  if (c->is_back) {
    iconv_close(c->back);
  }
  c->is_there = c->is_back = 0;
}

/* True (1) when a character that came back as another is the same to every reader: Shift_JIS's \
 * and ~ are there by the name of JIS X 0201. Then YEN SIGN and OVERLINE themselves do not fit. */
static int is_same(const ettml_converter *c, uint32_t sent, uint32_t read) {
  if (c->is_roman && (sent == 0xA5 || sent == 0x203E)) {
    return 0;
  }
  return sent == read || (sent == '\\' && read == 0xA5) || (sent == '~' && read == 0x203E);
}

/* The octets at the front of text that came back the same. */
static size_t compare(const ettml_converter *c, ettm_str text, ettm_str back) {
  size_t n = 0;
  while (n < text.n) {
    uint32_t sent = 0, read = 0;
    size_t used = ettm_utf8_next(ettm_str_of(text.p + n, text.n - n), &sent);
    size_t back_used = ettm_utf8_next(back, &read);
    if (back_used == 0 || !is_same(c, sent, read)) {
      return n;
    }
    back = ettm_str_of(back.p + back_used, back.n - back_used);
    n += used;
  }
  return back.n == 0 ? n : 0;
}

typedef struct checker {
  ettm_buffer octets, back;
} checker;

/* Converts a piece there and back. *good: how much of it fits. */
static ettm_status check_piece(ettml_converter *c, checker *k, ettm_str piece, size_t *good) {
  ettm_status status;
  size_t ignored;
  ettm_buffer_truncate(&k->octets, 0);
  ettm_buffer_truncate(&k->back, 0);
  status = run(c->there, piece, &k->octets, good);
  if (status != ETTM_OK) {
    return status;
  }
  status = run(c->back, ettm_buffer_view(&k->octets), &k->back, &ignored);
  *good = compare(c, piece, ettm_buffer_view(&k->back));
  return status == ETTM_OK && *good < piece.n ? ETTM_E_ARGUMENT : status;
}

/* Checks all of text (valid UTF-8). *good: how much fits. */
static ettm_status check(ettml_converter *c, ettm_str text, const ettm_alloc *alloc, size_t *good) {
  ettm_status status = ETTM_OK;
  checker k;
  size_t n = 0;
  *good = 0;
  ettm_buffer_init(&k.octets, alloc, OCTETS_MAX);
  ettm_buffer_init(&k.back, alloc, OCTETS_MAX);
  while (status == ETTM_OK && n < text.n) {
    ettm_str rest = ettm_str_of(text.p + n, text.n - n);
    ettm_str piece = ettm_str_of(rest.p, ettm_utf8_cut(rest, PIECE));
    size_t fits;
    status = check_piece(c, &k, piece, &fits);
    *good = n + fits;
    n += piece.n;
  }
  ettm_buffer_clear(&k.octets);
  ettm_buffer_clear(&k.back);
  return status;
}

/* Remembers the character of text that is `good` octets behind the front of what was made of it. */
static void note_misfit(ettml_converter *c, ettm_str text, size_t good) {
  size_t n = 0, made = 0;
  while (n < text.n) {
    char character[4];
    ettm_str rest = ettm_str_of(text.p + n, text.n - n);
    size_t size;
    size_t used = ettm_jis_next(rest, c->jis, character, &size);
    made += size;
    if (made > good) {
      (void)ettm_utf8_next(rest, &c->misfit);
      c->misfit_at = n;
      return;
    }
    n += used;
  }
}

static ettm_status exchange(const ettml_converter *c, ettm_str text, ettm_buffer *out) {
  ettm_status status = ETTM_OK;
  if (c->jis == 0) {
    return ettm_buffer_append(out, text);
  }
  while (status == ETTM_OK && text.n > 0) {
    char made[4];
    size_t size;
    size_t used = ettm_jis_next(text, c->jis, made, &size);
    status = ettm_buffer_append(out, ettm_str_of(made, size));
    text = ettm_str_of(text.p + used, text.n - used);
  }
  return status;
}

ettm_status ettml_converter_prepare(void *ud, ettm_str text, ettm_buffer *out) {
  ettml_converter *c = (ettml_converter *)ud;
  size_t before = ettm_buffer_size(out);
  size_t good = 0;
  ettm_status status;
  c->misfit = 0;
  if (!ettm_utf8_valid(text)) {
    return ETTM_E_UTF8;
  }
  status = exchange(c, text, out);
  if (status == ETTM_OK && text.n > 0) {
    ettm_str made = ettm_buffer_view(out);
    status = check(c, ettm_str_of(made.p + before, made.n - before), &out->alloc, &good);
  }
  if (status == ETTM_E_ARGUMENT) {
    note_misfit(c, text, good);
  }
  if (status != ETTM_OK) {
    ettm_buffer_truncate(out, before);
  }
  return status;
}

static ettm_status run_whole(iconv_t handle, ettm_str in, ettm_buffer *out, size_t *stopped) {
  size_t before = ettm_buffer_size(out);
  ettm_status status = run(handle, in, out, stopped);
  if (status != ETTM_OK) {
    ettm_buffer_truncate(out, before);
  }
  return status;
}

ettm_status ettml_converter_from_utf8(void *ud, ettm_str piece, ettm_buffer *out) {
  size_t ignored;
  return run_whole(((ettml_converter *)ud)->there, piece, out, &ignored);
}

/* --- reading --- */

/* By the name that is meant; by its own where the system does not know that. */
static ettm_status open_reader(const name_row *row, const char *name, iconv_t *handle) {
  ettm_status status = ETTM_E_ARGUMENT;
  if (row != NULL && row->read_as != NULL) {
    status = open_handle("UTF-8", row->read_as, handle);
  }
  return status == ETTM_E_ARGUMENT ? open_handle("UTF-8", name, handle) : status;
}

ettm_status ettml_convert_to_utf8(ettm_str name, ettm_str in, ettm_buffer *out,
                                  ettml_charset_problem *problem, size_t *stopped) {
  char copy[ETTM_CHARSET_NAME_MAX + 1];
  ettm_status status;
  iconv_t handle;
  *stopped = SIZE_MAX;
  *problem = ETTML_CHARSET_NAME;
  if (!copy_name(name, copy)) {
    return ETTM_E_ARGUMENT;
  }
  *problem = ETTML_CHARSET_UNKNOWN;
  status = open_reader(find_readable(copy), copy, &handle);
  if (status == ETTM_OK) {
    status = run_whole(handle, in, out, stopped);
    iconv_close(handle);
  }
  return status;
}

static ettm_status to_utf8(void *ud, ettm_str charset, ettm_str in, ettm_buffer *out) {
  char copy[ETTM_CHARSET_NAME_MAX + 1];
  ettml_charset_problem ignored;
  size_t stopped;
  (void)ud;
  if (!copy_name(charset, copy) || find_readable(copy) == NULL) {
    return ETTM_E_ARGUMENT;
  }
  return ettml_convert_to_utf8(charset, in, out, &ignored, &stopped);
}

const ettm_charset ettml_charset_reader = {NULL, to_utf8};
