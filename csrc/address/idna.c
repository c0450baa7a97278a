/* SPDX-License-Identifier: MIT */
#include "address/idna.h"

#include <string.h>

#include "base/chars.h"
#include "base/utf8.h"

#define ASCII_MAX 255
/* No label of 63 octets stands for more than 59 code points of at most 4 octets: what is longer has
 * no A-label form, and libidn2 is not asked. */
#define UTF8_MAX (4 * ASCII_MAX)

#ifdef ETTM_IDN2
#include <idn2.h>
#endif

static ettm_status append_lower(ettm_buffer *out, ettm_str domain) {
  char *place;
  size_t i;
  ettm_status status;
  if (domain.n == 0 || domain.n > ASCII_MAX) {
    return domain.n == 0 ? ETTM_OK : ETTM_E_LIMIT;
  }
  status = ettm_buffer_reserve(out, domain.n, &place);
  if (status != ETTM_OK) {
    return status;
  }
  for (i = 0; i < domain.n; i++) {
    place[i] = ettm_lower(domain.p[i]);
  }
  ettm_buffer_commit(out, domain.n);
  return ETTM_OK;
}

/* True (1) when a label begins with "xn--". */
static int has_a_label(ettm_str domain) {
  size_t at = 0;
  while (at + 4 <= domain.n) {
    const char *dot;
    if (ettm_str_equal_nocase(ettm_str_of(domain.p + at, 4), ETTM_LIT("xn--"))) {
      return 1;
    }
    dot = (const char *)memchr(domain.p + at, '.', domain.n - at);
    at = dot != NULL ? (size_t)(dot - domain.p) + 1 : domain.n;
  }
  return 0;
}

#ifdef ETTM_IDN2

/* Letters, digits, hyphens and single dots between labels: nothing that a mapping made of a
 * look-alike (a full-width "/", "@" or space) may pass, and no label that it made nothing of. */
static int is_ldh(ettm_str s) {
  char last = '.';
  size_t i;
  for (i = 0; i < s.n; i++) {
    if (s.p[i] == '.' ? last == '.' : s.p[i] != '-' && !ettm_char_is(s.p[i], ETTM_CHAR_LET_DIG)) {
      return 0;
    }
    last = s.p[i];
  }
  return last != '.';
}

/* libidn2 takes a NUL-terminated string; a control character ends the matter before it could. */
static ettm_status copy_checked(char place[UTF8_MAX + 1], ettm_str domain) {
  if (domain.n > UTF8_MAX) {
    return ETTM_E_LIMIT;
  }
  if (!ettm_utf8_valid(domain)) {
    return ETTM_E_UTF8;
  }
  if (ettm_has_control(domain)) {
    return ETTM_E_DOMAIN;
  }
  memcpy(place, domain.p, domain.n);
  place[domain.n] = '\0';
  return ETTM_OK;
}

static ettm_status status_of(int code) {
  switch (code) {
  case IDN2_OK: return ETTM_OK;
  case IDN2_MALLOC: return ETTM_E_MEMORY;
  case IDN2_PUNYCODE_BIG_OUTPUT:
  case IDN2_TOO_BIG_DOMAIN:
  case IDN2_TOO_BIG_LABEL: return ETTM_E_LIMIT;
  default: return ETTM_E_DOMAIN;
  }
}

/* The A-labels of domain in *ascii, which idn2_free frees. */
static ettm_status map_to_ascii(ettm_str domain, char **ascii) {
  char terminated[UTF8_MAX + 1];
  ettm_status status = copy_checked(terminated, domain);
  if (status == ETTM_OK) {
    *ascii = NULL;
    status = status_of(idn2_to_ascii_8z(terminated, ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT));
  }
  if (status != ETTM_OK) {
    return status;
  }
  if (!is_ldh(ettm_str_of(*ascii, strlen(*ascii)))) {
    idn2_free(*ascii);
    return ETTM_E_DOMAIN;
  }
  return ETTM_OK;
}

static ettm_status convert_to_ascii(ettm_buffer *out, ettm_str domain) {
  char *ascii;
  ettm_status status = map_to_ascii(domain, &ascii);
  if (status == ETTM_OK) {
    status = append_lower(out, ettm_str_of(ascii, strlen(ascii)));
    idn2_free(ascii);
  }
  return status;
}

/* True (1) when unicode has the A-labels that it came from: an A-label that hides something else
 * (RFC 5890 2.3.2.1) does not pass. */
static int leads_back(ettm_str unicode, ettm_str ascii) {
  char *again;
  int same;
  if (map_to_ascii(unicode, &again) != ETTM_OK) {
    return 0;
  }
  same = ettm_str_equal_nocase(ettm_str_of(again, strlen(again)), ascii);
  idn2_free(again);
  return same;
}

static ettm_status convert_to_unicode(ettm_buffer *out, ettm_str domain) {
  char *ascii;
  char *unicode = NULL;
  ettm_status status = map_to_ascii(domain, &ascii);
  if (status != ETTM_OK) {
    return status;
  }
  status = status_of(idn2_to_unicode_8z8z(ascii, &unicode, IDN2_NONTRANSITIONAL));
  if (status == ETTM_OK) {
    ettm_str found = ettm_str_of(unicode, strlen(unicode));
    status = leads_back(found, ettm_str_of(ascii, strlen(ascii))) ? ettm_buffer_append(out, found)
                                                                  : ETTM_E_DOMAIN;
    idn2_free(unicode);
  }
  idn2_free(ascii);
  return status;
}

int ettm_idna_available(void) {
  return 1;
}

#else

static ettm_status convert_to_ascii(ettm_buffer *out, ettm_str domain) {
  (void)out;
  return ettm_utf8_valid(domain) ? ETTM_E_NO_IDNA : ETTM_E_UTF8;
}

static ettm_status convert_to_unicode(ettm_buffer *out, ettm_str domain) {
  return convert_to_ascii(out, domain);
}

int ettm_idna_available(void) {
  return 0;
}

#endif

ettm_status ettm_idna_to_ascii(ettm_buffer *out, ettm_str domain) {
  if (domain.n > UTF8_MAX) {
    return ETTM_E_LIMIT;
  }
  return ettm_has_8bit(domain) ? convert_to_ascii(out, domain) : append_lower(out, domain);
}

ettm_status ettm_idna_to_unicode(ettm_buffer *out, ettm_str domain) {
  if (domain.n > UTF8_MAX) {
    return ETTM_E_LIMIT;
  }
  if (!ettm_has_8bit(domain) && !has_a_label(domain)) {
    return append_lower(out, domain);
  }
  return convert_to_unicode(out, domain);
}
