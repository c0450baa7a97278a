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
  2048                      /* octets with CRLF: 512 and what extensions add (RFC 5321 4.5.3.1.4) */
#define ETTM_PLAIN_LINE 512 /* the same where extensions add nothing but SMTPUTF8's 10 */
#define ETTM_AUTH_LINE  12288 /* the same for AUTH and its responses (RFC 4954 4) */

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
  ETTM_VERB_OTHER /* argument is the whole line; never pipelined. Not for the verbs above nor for
                     BDAT: those change what the next reply or the next octets mean. */
} ettm_verb;

/* One command. All views are borrowed for the call. */
typedef struct ettm_command {
  ettm_verb verb;
  ettm_str argument; /* EHLO, HELO: domain or address literal. MAIL, RCPT: a mailbox as text, empty
                        for the null reverse-path. AUTH: the mechanism, of any case. VRFY, EXPN: a
                        string; NOOP, HELP: one or none. OTHER: the whole line. */
  ettm_str domain;   /* MAIL, RCPT: not empty: the argument is the local part, as it is meant */
  ettm_str parameters; /* MAIL, RCPT: esmtp-parameters parted by one space, checked by RFC 5321
                          4.1.2. AUTH: the initial response, base64 or "=", never shown. */
  int utf8;            /* SMTPUTF8 is in force for the mailbox or string. VRFY and EXPN then get
                          the parameter (RFC 6531 3.7.4.2); to MAIL the caller gives it. */
  uint32_t tag;        /* the caller's own number, given back with the event that answers it */
} ettm_command;

/* Appends the line with its CRLF. Returns ETTM_OK, or (nothing was appended): ETTM_E_UNSAFE: a
 * control character; ETTM_E_LIMIT: too long; ETTM_E_NAME: a parameter or mechanism by no grammar;
 * ETTM_E_ARGUMENT: an argument where none may be, none where one must be, an initial response that
 * is no base64, a verb that OTHER is not for; ETTM_E_DOMAIN (EHLO); ETTM_E_ADDRESS, ETTM_E_DOMAIN,
 * ETTM_E_NO_IDNA (MAIL, RCPT); ETTM_E_NEEDS_SMTPUTF8: octets above 127 without utf8; ETTM_E_UTF8;
 * ETTM_E_MEMORY. */
ETTM_MUST_USE ettm_status ettm_command_append(ettm_buffer *out, const ettm_command *c);

/* "MAIL", "RCPT", ...; "" for OTHER. Static. */
const char *ettm_verb_name(ettm_verb verb);

/* True (1) when other commands may follow in the same flight (RFC 2920 3.1): RSET, MAIL, RCPT. */
int ettm_verb_is_pipelinable(ettm_verb verb);

/* True (1) when it may be the last of a flight: those and DATA, NOOP, VRFY, EXPN, QUIT. The others
 * travel alone. */
int ettm_verb_ends_flight(ettm_verb verb);

/* Takes the next esmtp-param off the front of *rest, where they are parted by one space: 1, with
 * its keyword and value (empty when it has none); 0 at the end or where there is none by RFC 5321
 * 4.1.2, which leaves *rest non-empty. Octets above 127 pass as part of a value. */
int ettm_esmtp_parameter_next(ettm_str *rest, ettm_str *keyword, ettm_str *value);

/* True (1) for base64 (RFC 4648 4) of whole quantums; so for an empty s. */
int ettm_is_base64(ettm_str s);

#endif
