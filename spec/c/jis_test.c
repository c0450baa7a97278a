/* Text for JIS X 0208: twins exchanged, half-width kana widened with their marks.
 *
 * SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/utf8.h"
#include "check.h"
#include "codec/jis.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BOTH         (ETTM_JIS_TWINS | ETTM_JIS_WIDEN)

static void check_becomes(const char *text, unsigned flags, const char *wanted) {
  char made[200];
  size_t size = 0;
  ettm_str rest = check_guarded(ettm_str_of(text, strlen(text)));
  while (rest.n > 0) {
    size_t more;
    size_t used = ettm_jis_next(rest, flags, made + size, &more);
    CHECK(used > 0 && used <= rest.n && more > 0 && more <= used && more <= 4);
    size += more;
    rest = ettm_str_of(rest.p + used, rest.n - used);
  }
  CHECK_STR(ettm_str_of(made, size), ettm_str_of(wanted, strlen(wanted)));
}

/* Twins: in the order of the table of RFC 1468's users, from and to. */
#define MARKS_OF_WINDOWS                                                                           \
  "\xE2\x80\x94\xE2\x88\xA5\xEF\xBC\x8D\xEF\xBD\x9E\xEF\xBF\xA0\xEF\xBF\xA1\xEF\xBF\xA2"
#define MARKS_OF_JIS "\xE2\x80\x95\xE2\x80\x96\xE2\x88\x92\xE3\x80\x9C\xC2\xA2\xC2\xA3\xC2\xAC"

static void exchanges_twins(void) {
  check_becomes(MARKS_OF_WINDOWS, BOTH, MARKS_OF_JIS);
  check_becomes(MARKS_OF_WINDOWS, ETTM_JIS_TWINS, MARKS_OF_JIS);
  check_becomes(MARKS_OF_JIS, BOTH, MARKS_OF_JIS);
}

static void changes_only_what_is_asked(void) {
  check_becomes(MARKS_OF_WINDOWS, ETTM_JIS_WIDEN, MARKS_OF_WINDOWS);
  check_becomes(MARKS_OF_WINDOWS, 0, MARKS_OF_WINDOWS);
  check_becomes("\xEF\xBD\xB6\xEF\xBE\x9E", ETTM_JIS_TWINS, "\xEF\xBD\xB6\xEF\xBE\x9E");
}

/* The rows of the kana, half-width and wide. */
static void widens_kana(void) {
  static const struct {
    const char *half, *wide;
  } rows[] = {
      {"｡｢｣､･ｦｧｨｩｪｫｬｭｮｯｰ", "。「」、・ヲァィゥェォャュョッー"},
      {"ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿ", "アイウエオカキクケコサシスセソ"},
      {"ﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎ", "タチツテトナニヌネノハヒフヘホ"},
      {"ﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜﾝ", "マミムメモヤユヨラリルレロワン"},
      {"ｶﾞｷﾞｸﾞｹﾞｺﾞｻﾞｼﾞｽﾞｾﾞｿﾞ", "ガギグゲゴザジズゼゾ"},
      {"ﾀﾞﾁﾞﾂﾞﾃﾞﾄﾞﾊﾞﾋﾞﾌﾞﾍﾞﾎﾞ", "ダヂヅデドバビブベボ"},
      {"ﾊﾟﾋﾟﾌﾟﾍﾟﾎﾟｳﾞ", "パピプペポヴ"},
      {"ﾞﾟ", "゛゜"},
      {"ｱﾞﾅﾞｶﾟﾜﾞｯﾞ", "ア゛ナ゛カ゜ワ゛ッ゛"},
      {"ﾞｶﾞﾞﾊﾟﾞﾊ", "゛ガ゛パ゛ハ"},
      {"ｶ゛カﾞｶa", "カ゛カ゛カa"},
      {"ﾃﾞｰﾀ ﾍﾞｰｽ", "データ ベース"},
  };
  size_t i;
  for (i = 0; i < COUNT(rows); i++) {
    check_becomes(rows[i].half, BOTH, rows[i].wide);
    check_becomes(rows[i].half, ETTM_JIS_WIDEN, rows[i].wide);
    check_becomes(rows[i].wide, BOTH, rows[i].wide);
  }
}

static void keeps_the_rest(void) {
  check_becomes("a\\~\x7F é 漢字 ① 髙 \xF0\x9F\x98\x80 \xEF\xBE\xA0 \xEF\xBD\xA0", BOTH,
                "a\\~\x7F é 漢字 ① 髙 \xF0\x9F\x98\x80 \xEF\xBE\xA0 \xEF\xBD\xA0");
}

static void keeps_nul(void) {
  char made[4];
  size_t size;
  CHECK_INT(ettm_jis_next(ETTM_LIT("\0x"), BOTH, made, &size), 1);
  CHECK(size == 1 && made[0] == '\0');
}

static const check_case cases[] = {
    {"exchanges characters for the twins that JIS X 0208 has", exchanges_twins},
    {"changes only what the flags ask for", changes_only_what_is_asked},
    {"widens half-width kana, each with its mark", widens_kana},
    {"keeps everything else", keeps_the_rest},
    {"keeps NUL", keeps_nul},
};

CHECK_MAIN("jis", cases)
