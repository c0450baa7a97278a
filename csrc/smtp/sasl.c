/* SPDX-License-Identifier: MIT */
#include "smtp/sasl.h"

#include <string.h>

#include "base/utf8.h"
#include "codec/base64.h"
#include "smtp/command.h"

/* One mechanism: its steps in their order, the first of which may be the initial response. */
typedef ettm_status (*sasl_step)(ettm_sasl *m, ettm_buffer *response);

typedef struct sasl_mechanism {
  const char *name;
  int is_client_first;
  sasl_step steps[2];
} sasl_mechanism;

struct ettm_sasl {
  ettm_alloc alloc;
  const sasl_mechanism *mechanism;
  ettm_buffer user;
  ettm_buffer password;
  unsigned step;
};

/* message = [authzid] NUL authcid NUL passwd (RFC 4616 2); the authzid is left to the server. */
static ettm_status plain_message(ettm_sasl *m, ettm_buffer *response) {
  ettm_buffer message;
  ettm_status status;
  ettm_buffer_init_secret(&message, &m->alloc, 2 * ETTM_SASL_SECRET + 2);
  status = ettm_buffer_append_char(&message, '\0');
  if (status == ETTM_OK) {
    status = ettm_buffer_append(&message, ettm_buffer_view(&m->user));
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append_char(&message, '\0');
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append(&message, ettm_buffer_view(&m->password));
  }
  if (status == ETTM_OK) {
    status = ettm_base64_append(response, ettm_buffer_view(&message));
  }
  ettm_buffer_clear(&message);
  return status;
}

static ettm_status login_user(ettm_sasl *m, ettm_buffer *response) {
  return ettm_base64_append(response, ettm_buffer_view(&m->user));
}

static ettm_status login_password(ettm_sasl *m, ettm_buffer *response) {
  return ettm_base64_append(response, ettm_buffer_view(&m->password));
}

static const sasl_mechanism mechanisms[] = {
    {"PLAIN", 1, {plain_message, NULL}},
    {"LOGIN", 0, {login_user, login_password}},
};

static const sasl_mechanism *find_mechanism(ettm_str name) {
  size_t i;
  for (i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
    const char *known = mechanisms[i].name;
    if (ettm_str_equal_nocase(name, ettm_str_of(known, strlen(known)))) {
      return &mechanisms[i];
    }
  }
  return NULL;
}

ettm_str ettm_sasl_mechanism(unsigned i) {
  if (i >= sizeof mechanisms / sizeof mechanisms[0]) {
    return ETTM_LIT("");
  }
  return ettm_str_of(mechanisms[i].name, strlen(mechanisms[i].name));
}

int ettm_sasl_knows(ettm_str mechanism) {
  return find_mechanism(mechanism) != NULL;
}

static ettm_status check_credential(ettm_str s) {
  if (s.n > ETTM_SASL_SECRET) {
    return ETTM_E_LIMIT;
  }
  if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL) {
    return ETTM_E_UNSAFE;
  }
  return ettm_utf8_valid(s) ? ETTM_OK : ETTM_E_UTF8;
}

static ettm_status copy_credentials(ettm_sasl *m, const ettm_credentials *c) {
  ettm_status status = check_credential(c->user);
  if (status == ETTM_OK) {
    status = check_credential(c->password);
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append(&m->user, c->user);
  }
  if (status == ETTM_OK) {
    status = ettm_buffer_append(&m->password, c->password);
  }
  return status;
}

ettm_status ettm_sasl_new(ettm_sasl **out, ettm_str mechanism, const ettm_credentials *c,
                          const ettm_alloc *a) {
  const sasl_mechanism *known = find_mechanism(mechanism);
  ettm_sasl *m;
  ettm_status status;
  if (known == NULL) {
    return ETTM_E_ARGUMENT;
  }
  m = (ettm_sasl *)ettm_new(a, sizeof *m);
  if (m == NULL) {
    return ETTM_E_MEMORY;
  }
  m->alloc = ettm_alloc_of(a);
  m->mechanism = known;
  ettm_buffer_init_secret(&m->user, a, ETTM_SASL_SECRET);
  ettm_buffer_init_secret(&m->password, a, ETTM_SASL_SECRET);
  status = copy_credentials(m, c);
  if (status != ETTM_OK) {
    ettm_sasl_free(m);
    return status;
  }
  *out = m;
  return ETTM_OK;
}

void ettm_sasl_free(ettm_sasl *m) {
  if (m == NULL) {
    return;
  }
  ettm_buffer_clear(&m->user);
  ettm_buffer_clear(&m->password);
  ettm_free(&m->alloc, m, sizeof *m);
}

ettm_str ettm_sasl_name(const ettm_sasl *m) {
  return ettm_str_of(m->mechanism->name, strlen(m->mechanism->name));
}

static ettm_status run_step(ettm_sasl *m, ettm_buffer *response) {
  const unsigned count = sizeof m->mechanism->steps / sizeof m->mechanism->steps[0];
  if (m->step >= count || m->mechanism->steps[m->step] == NULL) {
    return ETTM_E_PROTOCOL;
  }
  return m->mechanism->steps[m->step++](m, response);
}

ettm_status ettm_sasl_begin(ettm_sasl *m, ettm_buffer *response) {
  return m->mechanism->is_client_first ? run_step(m, response) : ETTM_DONE;
}

void ettm_sasl_hold(ettm_sasl *m) {
  m->step = 0;
}

/* PLAIN and LOGIN take no notice of what a challenge says, but it has to be base64: a client must
 * cancel at one that it cannot decode (RFC 4954 4). */
ettm_status ettm_sasl_answer(ettm_sasl *m, ettm_str challenge, ettm_buffer *response) {
  return ettm_is_base64(challenge) ? run_step(m, response) : ETTM_E_PROTOCOL;
}
