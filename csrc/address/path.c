/* SPDX-License-Identifier: MIT */
#include "address/path.h"

#include <string.h>

#include "address/address.h"
#include "address/format.h"
#include "address/idna.h"
#include "base/chars.h"
#include "base/utf8.h"

#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

/* ---- Domains and address literals: RFC 5321 4.1.2 and 4.1.3 ---- */

/* sub-domain: letters, digits and hyphens, with no hyphen first or last. */
static ettm_status check_label(ettm_str label) {
  size_t i;
  if (label.n == 0 || label.p[0] == '-' || label.p[label.n - 1] == '-') {
    return ETTM_E_DOMAIN;
  }
  for (i = 0; i < label.n; i++) {
    if (label.p[i] != '-' && !ettm_char_is(label.p[i], ETTM_CHAR_LET_DIG)) {
      return ETTM_E_DOMAIN;
    }
  }
  return label.n > LABEL_MAX ? ETTM_E_LIMIT : ETTM_OK;
}

static ettm_status check_name(ettm_str domain) {
  size_t start = 0;
  size_t i;
  for (i = 0; i <= domain.n; i++) {
    if (i == domain.n || domain.p[i] == '.') {
      ettm_status status = check_label(ettm_str_of(domain.p + start, i - start));
      if (status != ETTM_OK) {
        return status;
      }
      start = i + 1;
    }
  }
  return ETTM_OK;
}

/* Snum 3("." Snum), to the end. */
static int is_ipv4(const char *p, const char *end) {
  int part;
  for (part = 0; part < 4; part++) {
    unsigned value = 0;
    int digits = 0;
    while (p < end && digits < 3 && ettm_char_is(*p, ETTM_CHAR_DIGIT)) {
      value = value * 10 + (unsigned)(*p++ - '0');
      digits++;
    }
    if (digits == 0 || value > 255) {
      return 0;
    }
    if (part < 3 && (p == end || *p++ != '.')) {
      return 0;
    }
  }
  return p == end;
}

static int is_hex(char c) {
  char low = ettm_lower(c);
  return ettm_char_is(c, ETTM_CHAR_DIGIT) || (low >= 'a' && low <= 'f');
}

static const char *skip_hex(const char *p, const char *end) {
  const char *limit = end - p > 4 ? p + 4 : end;
  while (p < limit && is_hex(*p)) {
    p++;
  }
  return p;
}

/* What was read of an IPv6 address. */
typedef struct ipv6 {
  const char *p;
  const char *end;
  int groups; /* of 16 bits */
  int gaps;   /* "::" */
} ipv6;

static int skip_gap(ipv6 *a) {
  if (a->end - a->p < 2 || a->p[0] != ':' || a->p[1] != ':') {
    return 0;
  }
  a->p += 2;
  a->gaps++;
  return 1;
}

/* A group, or the IPv4 address that stands for the last two. */
static int skip_group(ipv6 *a) {
  const char *group = a->p;
  a->p = skip_hex(group, a->end);
  a->groups++;
  if (a->p < a->end && *a->p == '.') {
    a->groups++;
    a->p = a->end;
    return is_ipv4(group, a->end);
  }
  return a->p > group;
}

/* What stands between two groups: ":" with a group behind it, or "::". */
static int skip_colon(ipv6 *a) {
  if (skip_gap(a)) {
    return 1;
  }
  return *a->p++ == ':' && a->p < a->end;
}

/* IPv6-addr: eight groups, or "::" at most once, which stands for two or more of them. */
static int is_ipv6(const char *p, const char *end) {
  ipv6 a = {NULL, NULL, 0, 0};
  a.p = p;
  a.end = end;
  if (p == end) {
    return 0;
  }
  (void)skip_gap(&a);
  while (a.p < a.end) {
    if (!skip_group(&a) || (a.p < a.end && !skip_colon(&a))) {
      return 0;
    }
  }
  return a.gaps == 0 ? a.groups == 8 : a.gaps == 1 && a.groups <= 6;
}

/* No tag but IPv6 is registered for General-address-literal. */
static ettm_status check_literal(ettm_str literal) {
  const char *p = literal.p + 1;
  const char *end = literal.p + literal.n - 1;
  if (literal.n < 2 || *end != ']') {
    return ETTM_E_DOMAIN;
  }
  if (end - p > 5 && ettm_str_equal_nocase(ettm_str_of(p, 5), ETTM_LIT("IPv6:"))) {
    return is_ipv6(p + 5, end) ? ETTM_OK : ETTM_E_DOMAIN;
  }
  return is_ipv4(p, end) ? ETTM_OK : ETTM_E_DOMAIN;
}

ettm_status ettm_path_check_domain(ettm_str domain) {
  if (domain.n == 0 || domain.n > ETTM_DOMAIN_MAX) {
    return domain.n == 0 ? ETTM_E_DOMAIN : ETTM_E_LIMIT;
  }
  if (ettm_has_control(domain)) {
    return ETTM_E_UNSAFE;
  }
  return domain.p[0] == '[' ? check_literal(domain) : check_name(domain);
}

/* ---- The mailbox ---- */

static ettm_status append_local(ettm_buffer *out, ettm_str local, int utf8) {
  size_t size = ettm_buffer_size(out);
  ettm_status status;
  if (ettm_has_control(local)) {
    return ETTM_E_UNSAFE;
  }
  if (local.n > ETTM_LOCAL_MAX) {
    return ETTM_E_LIMIT;
  }
  status = ettm_format_local(out, local);
  if (status == ETTM_OK && !utf8 && ettm_has_8bit(local)) {
    status = ETTM_E_NEEDS_SMTPUTF8;
  }
  if (status == ETTM_OK && ettm_buffer_size(out) - size > ETTM_LOCAL_MAX) {
    status = ETTM_E_LIMIT;
  }
  return status;
}

/* Appends the A-labels of a domain, if they make one. */
static ettm_status append_ascii(ettm_buffer *out, ettm_str domain) {
  size_t size = ettm_buffer_size(out);
  ettm_status status = ettm_idna_to_ascii(out, domain);
  ettm_str all = ettm_buffer_view(out);
  if (status == ETTM_OK) {
    status = ettm_path_check_domain(ettm_str_of(all.p + size, all.n - size));
  }
  return status;
}

/* U-labels go through their A-labels all the same: only what has these is a domain, and what comes
 * back is the form without capitals, soft hyphens and other dots that RFC 5890 calls a U-label. */
static ettm_status append_unicode(ettm_buffer *out, ettm_str domain) {
  size_t size = ettm_buffer_size(out);
  ettm_status status = append_ascii(out, domain);
  ettm_buffer_truncate(out, size);
  if (status == ETTM_OK) {
    status = ettm_idna_to_unicode(out, domain);
  }
  return status == ETTM_OK && ettm_buffer_size(out) - size > ETTM_DOMAIN_MAX ? ETTM_E_LIMIT
                                                                             : status;
}

static ettm_status append_domain(ettm_buffer *out, ettm_str domain, int utf8, int utf8_local) {
  size_t size = ettm_buffer_size(out);
  ettm_status status;
  if (ettm_has_control(domain)) {
    return ETTM_E_UNSAFE;
  }
  if (ettm_has_8bit(domain)) {
    return utf8 ? append_unicode(out, domain) : append_ascii(out, domain);
  }
  status = ettm_path_check_domain(domain);
  if (status != ETTM_OK) {
    return status;
  }
  if (utf8_local && domain.p[0] != '[') {
    /* RFC 6531 3.7: U-labels are better here; A-labels are as valid, where there are none. */
    status = append_unicode(out, domain);
    if (status == ETTM_OK || status == ETTM_E_MEMORY) {
      return status;
    }
    ettm_buffer_truncate(out, size);
  }
  return ettm_buffer_append(out, domain);
}

static ettm_status append_mailbox(ettm_buffer *out, ettm_str local, ettm_str domain, int utf8) {
  size_t size = ettm_buffer_size(out);
  ettm_status status = append_local(out, local, utf8);
  if (status == ETTM_OK) {
    status = ettm_buffer_append_char(out, '@');
  }
  if (status == ETTM_OK) {
    status = append_domain(out, domain, utf8, ettm_has_8bit(local));
  }
  return status == ETTM_OK && ettm_buffer_size(out) - size > ETTM_MAILBOX_MAX ? ETTM_E_LIMIT
                                                                              : status;
}

ettm_status ettm_path_append(ettm_buffer *out, ettm_str local, ettm_str domain, int utf8) {
  size_t size = ettm_buffer_size(out);
  ettm_status status = append_mailbox(out, local, domain, utf8);
  if (status != ETTM_OK) {
    ettm_buffer_truncate(out, size);
  }
  return status;
}

ettm_status ettm_path_from_text(ettm_buffer *out, ettm_str text, int utf8, int bare_postmaster) {
  ettm_address_parser parser;
  ettm_address address;
  ettm_buffer arena;
  ettm_status status;
  if (bare_postmaster && ettm_str_equal_nocase(text, ETTM_LIT("postmaster"))) {
    return ettm_buffer_append(out, text);
  }
  ettm_buffer_init(&arena, &out->alloc, text.n); /* the parts are never longer than the text */
  ettm_address_parser_init(
      &parser, text, ETTM_ADDRESS_ONE | ETTM_ADDRESS_BARE | ETTM_ADDRESS_CARRIERS, &arena, NULL);
  status = ettm_address_next(&parser, &address);
  if (status == ETTM_OK) {
    status = ettm_path_append(out, ettm_span_view(&arena, address.local),
                              ettm_span_view(&arena, address.domain), utf8);
  }
  ettm_buffer_clear(&arena);
  return status;
}
