/* The one place where a command line is made (RFC 5321 4.1.1): validated, bounded, rebuilt.
 *
 * No line holds a control character before its CRLF, nor an octet above 127 unless SMTPUTF8 is in
 * force; a line that would is refused whole, never changed. Mailboxes go through address/path.h.
 * Pure functions; O(n).
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_COMMAND_H
#define ETTM_SMTP_COMMAND_H

#include <stdint.h>

#include "base/buffer.h"

#define ETTM_COMMAND_LINE                                                                          \
  2048 /* octets with CRLF: 512 and what extensions add (RFC 5321 4.5.3.1.4) */
#define ETTM_AUTH_LINE 12288 /* the same for AUTH and its responses (RFC 4954 4) */

typedef enum ettm_verb {
  ETTM_VERB_EHLO,
  ETTM_VERB_HELO,
  ETTM_VERB_STARTTLS,
  ETTM_VERB_AUTH,
  ETTM_VERB_MAIL,
  ETTM_VERB_RCPT,
  ETTM_VERB_DATA,
  ETTM_VERB_RSET,
  ETTM_VERB_NOOP,
  ETTM_VERB_VRFY,
  ETTM_VERB_EXPN,
  ETTM_VERB_HELP,
  ETTM_VERB_QUIT,
  ETTM_VERB_OTHER /* argument is the whole line; never pipelined */
} ettm_verb;

/* One command. All views are borrowed for the call. */
typedef struct ettm_command {
  ettm_verb verb;
  ettm_str argument; /* EHLO, HELO: domain or address literal. MAIL, RCPT: a mailbox as text, empty
                        for the null reverse-path. AUTH: the mechanism. NOOP, VRFY, EXPN, HELP: a
                        string. OTHER: the whole line. */
  ettm_str parameters; /* MAIL, RCPT: esmtp-parameters parted by one space, checked by RFC 5321
                          4.1.2. AUTH: the initial response, base64 or "=", never shown. */
  int utf8;            /* SMTPUTF8 is in force for the mailbox or string */
  uint32_t tag;        /* the caller's own number, given back with the event that answers it */
} ettm_command;

/* Appends the line with its CRLF. Returns ETTM_OK, or (nothing was appended): ETTM_E_UNSAFE: a
 * control character; ETTM_E_LIMIT: too long; ETTM_E_NAME: a parameter or mechanism by no grammar;
 * ETTM_E_ARGUMENT: an argument where none may be, or none where one must be; ETTM_E_DOMAIN (EHLO);
 * ETTM_E_ADDRESS, ETTM_E_NEEDS_SMTPUTF8, ETTM_E_NO_IDNA, ETTM_E_UTF8 (MAIL, RCPT);
 * ETTM_E_MEMORY. */
ETTM_MUST_USE ettm_status ettm_command_append(ettm_buffer *out, const ettm_command *c);

/* "MAIL", "RCPT", ...; "" for OTHER. Static. */
const char *ettm_verb_name(ettm_verb verb);

/* True (1) when other commands may follow in the same flight (RFC 2920 3.1): RSET, MAIL, RCPT. */
int ettm_verb_is_pipelinable(ettm_verb verb);

#endif
