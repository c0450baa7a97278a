/* SPDX-License-Identifier: MIT */
/* The first octet gives SMTPUTF8 and what the rest is: the text of an addr-spec, a domain, or a
 * local part and a domain with a LF between. A path that is made has nothing in it that could end
 * it, and is its own path. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "address/idna.h"
#include "address/path.h"
#include "base/chars.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int ok) {
  if (!ok) {
    abort();
  }
}

/* The place behind the local part, quoted or not. */
static size_t skip_local(ettm_str path) {
  size_t i = 1;
  if (path.p[0] != '"') {
    for (i = 0; path.p[i] != '@'; i++) {
      demand(ettm_char_is(path.p[i], ETTM_CHAR_ATEXT) || path.p[i] == '.' ||
             (unsigned char)path.p[i] > 127);
    }
    return i;
  }
  for (; path.p[i] != '"'; i++) {
    i += path.p[i] == '\\';
    demand(i + 1 < path.n);
  }
  return i + 1;
}

static void check_path(ettm_str path, int utf8) {
  size_t at;
  ettm_buffer again;
  demand(path.n >= 3 && path.n <= ETTM_MAILBOX_MAX);
  demand(!ettm_has_control(path) && (utf8 || !ettm_has_8bit(path)));
  at = skip_local(path);
  demand(at <= ETTM_LOCAL_MAX && at + 1 < path.n && path.p[at] == '@');
  for (; ++at < path.n;) {
    demand(strchr("<> \"\\(),;@", path.p[at]) == NULL);
  }
  ettm_buffer_init(&again, NULL, 4096);
  demand(ettm_path_from_text(&again, path, utf8, 0) == ETTM_OK);
  demand(ettm_str_equal(ettm_buffer_view(&again), path));
  ettm_buffer_clear(&again);
}

static ettm_status append_pair(ettm_buffer *out, ettm_str text, int utf8) {
  const char *lf = text.n > 0 ? (const char *)memchr(text.p, '\n', text.n) : NULL;
  size_t n = lf != NULL ? (size_t)(lf - text.p) : text.n;
  size_t skip = lf != NULL ? n + 1 : n;
  return ettm_path_append(out, ettm_str_of(text.p, n), ettm_str_of(text.p + skip, text.n - skip),
                          utf8);
}

static void convert(ettm_buffer *out, ettm_str text) {
  if (ettm_path_check_domain(text) == ETTM_OK) {
    demand(text.n > 0 && text.n <= ETTM_DOMAIN_MAX && !ettm_has_8bit(text));
  }
  if (ettm_idna_to_ascii(out, text) == ETTM_OK) {
    demand(!ettm_has_8bit(ettm_buffer_view(out)));
  }
  ettm_buffer_truncate(out, 0);
  (void)!ettm_idna_to_unicode(out, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ettm_buffer out;
  ettm_str text;
  int utf8;
  ettm_status status;
  if (size == 0) {
    return 0;
  }
  text = ettm_str_of((const char *)data + 1, size - 1);
  utf8 = data[0] & 1;
  ettm_buffer_init(&out, NULL, 4096);
  if ((data[0] & 6) == 4) {
    convert(&out, text);
  } else {
    status = (data[0] & 2) != 0 ? append_pair(&out, text, utf8)
                                : ettm_path_from_text(&out, text, utf8, 0);
    if (status == ETTM_OK) {
      check_path(ettm_buffer_view(&out), utf8);
    }
  }
  ettm_buffer_clear(&out);
  return 0;
}
