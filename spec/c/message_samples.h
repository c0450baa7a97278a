/* What the tests of messages share: small builders, and an entropy that shows in the output.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SPEC_MESSAGE_SAMPLES_H
#define ETTM_SPEC_MESSAGE_SAMPLES_H

#include <string.h>

#include "check.h"
#include "mime/message.h"

#define ID_HEX       "00112233445566778899aabbccddeeff"
#define BOUNDARY_HEX "0f0e0d0c0b0a09080706050403020100"
#define BOUNDARY     "=_" BOUNDARY_HEX "_"

static const char sample_entropy[] =
    "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xAA\xBB\xCC\xDD\xEE\xFF"
    "\x0F\x0E\x0D\x0C\x0B\x0A\x09\x08\x07\x06\x05\x04\x03\x02\x01\x00";

static inline ettm_str text_of(const char *s) {
  return ettm_str_of(s, strlen(s));
}

static inline ettm_seal seal_options(void) {
  ettm_seal seal;
  memset(&seal, 0, sizeof seal);
  seal.now = 1795440481; /* Mon, 23 Nov 2026 22:28:01 +0900 */
  seal.zone_minutes = 540;
  seal.entropy = ettm_str_of(sample_entropy, ETTM_ENTROPY_SIZE);
  return seal;
}

static inline ettm_message *new_message(void) {
  ettm_message *m = NULL;
  CHECK_INT(ettm_message_new(&m, NULL), ETTM_OK);
  CHECK_INT(ettm_headers_add_addresses(ettm_message_headers(m), ETTM_LIT("From"),
                                       ETTM_LIT("E <e@example.jp>")),
            ETTM_OK);
  return m;
}

static inline ettm_leaf text_leaf(void) {
  ettm_leaf leaf;
  memset(&leaf, 0, sizeof leaf);
  leaf.is_text = 1;
  return leaf;
}

static inline ettm_leaf file_leaf(const char *type, const char *name) {
  ettm_leaf leaf;
  memset(&leaf, 0, sizeof leaf);
  leaf.type = text_of(type);
  leaf.disposition = ETTM_LIT("attachment");
  leaf.file_name = text_of(name);
  return leaf;
}

static inline ettm_part add_leaf(ettm_message *m, ettm_part parent, const ettm_leaf *leaf,
                                 ettm_str content) {
  ettm_part part = 0;
  CHECK_INT(ettm_message_add_leaf(m, parent, leaf, content, &part), ETTM_OK);
  return part;
}

static inline ettm_part add_multipart(ettm_message *m, ettm_part parent, const char *subtype) {
  ettm_part part = 0;
  CHECK_INT(ettm_message_add_multipart(m, parent, text_of(subtype), ettm_str_of(NULL, 0), &part),
            ETTM_OK);
  return part;
}

static inline void seal(ettm_message *m) {
  ettm_seal options = seal_options();
  CHECK_INT(ettm_message_seal(m, &options), ETTM_OK);
}

#endif
