/* SPDX-License-Identifier: MIT */
#include "smtp/pending.h"

#include <string.h>

enum { ENTRY = sizeof(ettm_pending_entry) };

void ettm_pending_init(ettm_pending *p, const ettm_alloc *a, size_t line_max, size_t entry_max) {
  ettm_buffer_init_secret(&p->lines, a, line_max);
  ettm_buffer_init(&p->entries, a, entry_max * ENTRY);
  p->sent = 0;
}

void ettm_pending_clear(ettm_pending *p) {
  ettm_buffer_clear(&p->lines);
  ettm_buffer_clear(&p->entries);
  p->sent = 0;
}

size_t ettm_pending_count(const ettm_pending *p) {
  return ettm_buffer_size(&p->entries) / ENTRY;
}

ettm_pending_entry ettm_pending_get(const ettm_pending *p, size_t i) {
  ettm_pending_entry e;
  memcpy(&e, ettm_buffer_view(&p->entries).p + i * ENTRY, ENTRY);
  return e;
}

void ettm_pending_set(ettm_pending *p, size_t i, const ettm_pending_entry *e) {
  memcpy(p->entries.bytes + p->entries.start + i * ENTRY, e, ENTRY);
}

ettm_status ettm_pending_push(ettm_pending *p, const ettm_pending_entry *e) {
  ettm_status status = ettm_buffer_append(&p->entries, ettm_str_of((const char *)e, ENTRY));
  return status == ETTM_E_LIMIT ? ETTM_FULL : status;
}

ettm_status ettm_pending_add(ettm_pending *p, const ettm_command *c) {
  size_t before = ettm_buffer_size(&p->lines);
  size_t longest = c->verb == ETTM_VERB_AUTH ? ETTM_AUTH_LINE : ETTM_COMMAND_LINE;
  ettm_pending_entry e;
  ettm_status status;
  if (ettm_buffer_room(&p->lines) < longest) {
    return ETTM_FULL;
  }
  status = ettm_command_append(&p->lines, c);
  if (status != ETTM_OK) {
    return status;
  }
  memset(&e, 0, sizeof e);
  e.tag = c->tag;
  e.length = (uint32_t)(ettm_buffer_size(&p->lines) - before);
  e.verb = c->verb;
  e.phase = ettm_phase_of_verb(c->verb);
  status = ettm_pending_push(p, &e);
  if (status != ETTM_OK) {
    ettm_buffer_truncate(&p->lines, before);
  }
  return status;
}

ettm_str ettm_pending_line(const ettm_pending *p) {
  return ettm_str_of(ettm_buffer_view(&p->lines).p, ettm_pending_get(p, p->sent).length);
}

void ettm_pending_leave(ettm_pending *p, uint64_t end) {
  ettm_pending_entry e = ettm_pending_get(p, p->sent);
  e.end = end;
  ettm_pending_set(p, p->sent, &e);
  ettm_buffer_consume(&p->lines, e.length);
  p->sent++;
}

void ettm_pending_pop(ettm_pending *p) {
  if (p->sent > 0) {
    p->sent--;
  } else {
    ettm_buffer_consume(&p->lines, ettm_pending_get(p, 0).length);
  }
  ettm_buffer_consume(&p->entries, ENTRY);
}

void ettm_pending_rewind(ettm_pending *p, size_t count) {
  size_t left = ettm_pending_count(p);
  while (left > count && left > p->sent) {
    size_t length = ettm_pending_get(p, --left).length;
    ettm_buffer_truncate(&p->lines, ettm_buffer_size(&p->lines) - length);
  }
  ettm_buffer_truncate(&p->entries, left * ENTRY);
}
