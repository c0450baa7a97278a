/* One mailbox as the binding holds it: the userdata of ettsumailer.address, and what it is made of.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_LUA_MAILBOX_H
#define ETTM_LUA_MAILBOX_H

#include "lua/classes.h"

enum { ETTML_PART_NAME, ETTML_PART_LOCAL, ETTML_PART_DOMAIN, ETTML_PART_GROUP, ETTML_PARTS };

typedef struct ettml_mailbox {
  size_t sizes[ETTML_PARTS];
  int has_name, has_group;
} ettml_mailbox; /* the bytes of the parts follow */

/* A part of it, lent while the userdata is there. */
ettm_str ettml_mailbox_part(const ettml_mailbox *a, int part);

/* Pushes a mailbox; an absent name or group has p == NULL. */
void ettml_mailbox_push(lua_State *L, const ettm_str parts[ETTML_PARTS]);

/* The parts of what a parser has found, views into its arena; without a group. */
void ettml_mailbox_found(ettm_str parts[ETTML_PARTS], const ettm_buffer *arena,
                         const ettm_address *found);

/* A scratch buffer for what n octets of addresses can become: decoded words and quoting can make
 * them longer. */
ettm_buffer *ettml_mailbox_scratch(lua_State *L, ettml_scratch_slot slot, size_t n);

#endif
