/* SPDX-License-Identifier: MIT */
#include "smtp/capabilities.h"

#include <string.h>

#include "base/chars.h"
#include "smtp/command.h"

typedef struct extension {
  const char *keyword;
  unsigned bit;
} extension;

static const extension extensions[] = {{"PIPELINING", ETTM_EXT_PIPELINING},
                                       {"SIZE", ETTM_EXT_SIZE},
                                       {"8BITMIME", ETTM_EXT_8BITMIME},
                                       {"SMTPUTF8", ETTM_EXT_SMTPUTF8},
                                       {"STARTTLS", ETTM_EXT_STARTTLS},
                                       {"AUTH", ETTM_EXT_AUTH},
                                       {"CHUNKING", ETTM_EXT_CHUNKING},
                                       {"ENHANCEDSTATUSCODES", ETTM_EXT_ENHANCEDSTATUSCODES},
                                       {"BINARYMIME", ETTM_EXT_BINARYMIME},
                                       {"DSN", ETTM_EXT_DSN},
                                       {"VRFY", ETTM_EXT_VRFY},
                                       {"EXPN", ETTM_EXT_EXPN},
                                       {"HELP", ETTM_EXT_HELP},
                                       {"REQUIRETLS", ETTM_EXT_REQUIRETLS},
                                       {"LIMITS", ETTM_EXT_LIMITS}};

/* Parameters of MAIL and RCPT whose extension has another name. */
typedef struct definition {
  const char *parameter;
  const char *keyword;
} definition;

static const definition definitions[] = {{"BODY", "8BITMIME"}, {"RET", "DSN"},
                                         {"ENVID", "DSN"},     {"NOTIFY", "DSN"},
                                         {"ORCPT", "DSN"},     {"BY", "DELIVERBY"}};

static ettm_str text_of(const char *terminated) {
  return ettm_str_of(terminated, strlen(terminated));
}

/* Takes what stands before the separator off the front of *rest, and the separator. */
static ettm_str take_before(ettm_str *rest, char separator) {
  const char *at = rest->n > 0 ? (const char *)memchr(rest->p, separator, rest->n) : NULL;
  size_t n = at != NULL ? (size_t)(at - rest->p) : rest->n;
  size_t gone = at != NULL ? n + 1 : n;
  ettm_str front = ettm_str_of(rest->p, n);
  *rest = ettm_str_of(gone > 0 ? rest->p + gone : rest->p, rest->n - gone);
  return front;
}

static int has_word(ettm_str words, ettm_str word) {
  while (words.n > 0) {
    if (ettm_str_equal_nocase(take_before(&words, ' '), word)) {
      return 1;
    }
  }
  return 0;
}

static ettm_str trimmed(ettm_str s) {
  while (s.n > 0 && s.p[0] == ' ') {
    s = ettm_str_of(s.p + 1, s.n - 1);
  }
  while (s.n > 0 && s.p[s.n - 1] == ' ') {
    s.n--;
  }
  return s;
}

/* Parts a line into keyword and parameters. Returns 0 when it has no keyword. */
static int part_line(ettm_str line, ettm_str *keyword, ettm_str *parameters) {
  if (ettm_has_control(line)) {
    return 0;
  }
  *parameters = line;
  *keyword = take_before(parameters, ' ');
  if (keyword->n > 5 && ettm_str_equal_nocase(ettm_str_of(line.p, 5), ETTM_LIT("AUTH="))) {
    *keyword = ettm_str_of(line.p, 4);
    *parameters = ettm_str_of(line.p + 5, line.n - 5);
  }
  *parameters = trimmed(*parameters);
  return keyword->n > 0;
}

/* RFC 1870 4: up to 20 digits; nothing, zero or what is no number: no limit is told. */
static uint64_t read_size(ettm_str digits) {
  uint64_t size = 0;
  size_t i;
  for (i = 0; i < digits.n; i++) {
    unsigned digit = (unsigned)(unsigned char)digits.p[i] - '0';
    if (digit > 9) {
      return 0;
    }
    if (size > (UINT64_MAX - digit) / 10) {
      return UINT64_MAX;
    }
    size = size * 10 + digit;
  }
  return size;
}

static void note_extension(ettm_capabilities *c, ettm_str keyword, ettm_str parameters) {
  size_t i;
  for (i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
    if (ettm_str_equal_nocase(keyword, text_of(extensions[i].keyword))) {
      c->known |= extensions[i].bit;
      if (extensions[i].bit == ETTM_EXT_SIZE) {
        c->size_max = read_size(parameters);
      }
    }
  }
}

static ettm_status append_line(ettm_capabilities *c, ettm_str keyword, ettm_str parameters) {
  char *place;
  size_t i;
  ettm_status status = ettm_buffer_reserve(&c->lines, keyword.n + parameters.n + 2, &place);
  if (status != ETTM_OK) {
    return status;
  }
  for (i = 0; i < keyword.n; i++) {
    *place++ = ettm_upper(keyword.p[i]);
  }
  if (parameters.n > 0) {
    *place++ = ' ';
    memcpy(place, parameters.p, parameters.n);
    place += parameters.n;
  }
  *place = '\n';
  ettm_buffer_commit(&c->lines, keyword.n + parameters.n + (parameters.n > 0 ? 2 : 1));
  return ETTM_OK;
}

void ettm_capabilities_init(ettm_capabilities *c, const ettm_alloc *a) {
  memset(c, 0, sizeof *c);
  /* One octet more a line than the reply, at most: the LF behind the last. */
  ettm_buffer_init(&c->lines, a, ETTM_REPLY_SIZE + 2);
}

void ettm_capabilities_clear(ettm_capabilities *c) {
  ettm_buffer_clear(&c->lines);
  c->known = 0;
  c->size_max = 0;
}

ettm_status ettm_capabilities_read(ettm_capabilities *c, const ettm_reply *reply,
                                   ettm_str without) {
  ettm_str rest = reply->raw_text;
  ettm_status status = ETTM_OK;
  ettm_capabilities_clear(c);
  take_before(&rest, '\n');
  while (status == ETTM_OK && rest.n > 0) {
    ettm_str keyword;
    ettm_str parameters;
    if (part_line(take_before(&rest, '\n'), &keyword, &parameters) && !has_word(without, keyword)) {
      status = append_line(c, keyword, parameters);
      note_extension(c, keyword, parameters);
    }
  }
  if (status != ETTM_OK) {
    ettm_capabilities_clear(c);
  }
  return status;
}

int ettm_capabilities_find(const ettm_capabilities *c, ettm_str keyword, ettm_str *parameters) {
  ettm_str rest = ettm_buffer_view(&c->lines);
  while (rest.n > 0) {
    ettm_str line = take_before(&rest, '\n');
    ettm_str first = take_before(&line, ' ');
    if (ettm_str_equal_nocase(first, keyword)) {
      *parameters = line;
      return 1;
    }
  }
  return 0;
}

static ettm_str keyword_of_parameter(ettm_str parameter, ettm_str value) {
  size_t i;
  if (ettm_str_equal_nocase(parameter, ETTM_LIT("BODY")) &&
      ettm_str_equal_nocase(value, ETTM_LIT("BINARYMIME"))) {
    return value; /* RFC 3030 3 */
  }
  for (i = 0; i < sizeof definitions / sizeof definitions[0]; i++) {
    if (ettm_str_equal_nocase(parameter, text_of(definitions[i].parameter))) {
      return text_of(definitions[i].keyword);
    }
  }
  return parameter;
}

int ettm_capabilities_allow(const ettm_capabilities *c, ettm_str parameters) {
  ettm_str parameter;
  ettm_str value;
  ettm_str unused;
  while (ettm_esmtp_parameter_next(&parameters, &parameter, &value)) {
    if (!ettm_capabilities_find(c, keyword_of_parameter(parameter, value), &unused)) {
      return 0;
    }
  }
  return 1;
}

ettm_str ettm_capabilities_view(const ettm_capabilities *c) {
  return ettm_buffer_view(&c->lines);
}
