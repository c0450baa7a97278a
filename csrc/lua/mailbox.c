/* SPDX-License-Identifier: MIT */
/* All bytes are in the userdata itself, one part behind the other, so there is nothing to close. */
#include "lua/mailbox.h"

#include <string.h>

const char ETTML_ADDRESS[] = "ettsumailer.address";

ettm_str ettml_mailbox_part(const ettml_mailbox *a, int part) {
  const char *p = (const char *)(a + 1);
  int i;
  for (i = 0; i < part; i++) {
    p += a->sizes[i];
  }
  return ettm_str_of(p, a->sizes[part]);
}

void ettml_mailbox_push(lua_State *L, const ettm_str parts[ETTML_PARTS]) {
  size_t size = sizeof(ettml_mailbox);
  ettml_mailbox *a;
  char *place;
  int i;
  for (i = 0; i < ETTML_PARTS; i++) {
    size += parts[i].n; /* together less than a Lua string that is there already, twice */
  }
  a = (ettml_mailbox *)ettml_object_new(L, ETTML_ADDRESS, size);
  place = (char *)(a + 1);
  for (i = 0; i < ETTML_PARTS; i++) {
    a->sizes[i] = parts[i].n;
    if (parts[i].n > 0) {
      memcpy(place, parts[i].p, parts[i].n);
    }
    place += parts[i].n;
  }
  a->has_name = parts[ETTML_PART_NAME].p != NULL;
  a->has_group = parts[ETTML_PART_GROUP].p != NULL;
}

void ettml_mailbox_found(ettm_str parts[ETTML_PARTS], const ettm_buffer *arena,
                         const ettm_address *found) {
  parts[ETTML_PART_NAME] = ettm_span_view(arena, found->name);
  if (!found->has_name || found->name.n == 0) {
    parts[ETTML_PART_NAME] = ettm_str_of(NULL, 0);
  }
  parts[ETTML_PART_LOCAL] = ettm_span_view(arena, found->local);
  parts[ETTML_PART_DOMAIN] = ettm_span_view(arena, found->domain);
  parts[ETTML_PART_GROUP] = ettm_str_of(NULL, 0);
}

ettm_buffer *ettml_mailbox_scratch(lua_State *L, ettml_scratch_slot slot, size_t n) {
  size_t max;
  if (!ettm_size_mul(n, 4, &max) || !ettm_size_add(max, 1024, &max)) {
    max = n;
  }
  return ettml_scratch_again(L, slot, max);
}
