/* What a leaf is sent as: its media type read, its transfer encoding chosen, its header fields
 * made. Internal to mime.
 *
 * The encoding follows from the content alone: 7bit or 8bit where that is safe, else
 * quoted-printable or base64 by which is shorter. Text of ISO-2022 charsets, which is of 7 bits by
 * itself and whose readers may know no other encoding, goes as 7bit wherever its lines allow that
 * (RFC 1468, RFC 1557). O(n) of the fields.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_MIME_LEAF_H
#define ETTM_MIME_LEAF_H

#include "mime/part.h"

/* A media type as the caller gave it; lent. */
typedef struct ettm_media_type {
  ettm_str name;       /* "text/plain" */
  ettm_str parameters; /* "; name=value ..." */
  ettm_str charset;    /* among the parameters; empty: none */
} ettm_media_type;

/* Reads the type of a leaf; text/plain when text is empty. Returns ETTM_OK or ETTM_E_NAME. */
ETTM_MUST_USE ettm_status ettm_media_type_parse(ettm_str text, ettm_media_type *t);

/* True (1) for message/... that may not be encoded (RFC 2046 5.2.1). */
int ettm_media_type_is_message(const ettm_media_type *t);

/* Checks a leaf against the facts of its content (NULL: nothing is known), chooses its encoding and
 * writes its fields. p has is_text and size. Returns as ettm_message_add_leaf. */
ETTM_MUST_USE ettm_status ettm_leaf_make(ettm_part_data *p, const ettm_leaf *leaf,
                                         const ettm_media_type *t, const ettm_content_facts *facts);

#endif
