/* Status codes of the whole core, their class, their public name and their sentence.
 *
 * Knows nothing of the modules that return them. Every function that can fail returns an
 * ettm_status and nothing else; results go through out-parameters, which are set on success only.
 *
 *      0            done what was asked
 *    > 0            not an error, but not finished
 *   -1 ..  -99      the caller's fault: the object is unchanged and usable
 * -101 .. -199      the peer's fault \
 * -201 .. -299      TLS               } the object has failed: every later call returns the same
 * -301 .. -399      the system       /
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_BASE_STATUS_H
#define ETTM_BASE_STATUS_H

#include <stddef.h>

#if defined(__GNUC__)
#define ETTM_MUST_USE __attribute__((warn_unused_result))
#else
#define ETTM_MUST_USE
#endif

typedef enum ettm_status {
  ETTM_OK = 0,
  ETTM_DONE = 1,       /* there is no more */
  ETTM_NEED_INPUT = 2, /* nothing can be done before more comes in */
  ETTM_FULL = 3,       /* nothing can be done before something is taken out */

  ETTM_E_ARGUMENT = -1,       /* a value that is outside what the function takes */
  ETTM_E_STATE = -2,          /* not possible at this point of the object's life */
  ETTM_E_UNSAFE = -3,         /* a control character where none may be */
  ETTM_E_LIMIT = -4,          /* longer, deeper or more than the bound allows */
  ETTM_E_ADDRESS = -5,        /* not an address (RFC 5322) or not a mailbox (RFC 5321) */
  ETTM_E_UTF8 = -6,           /* not valid UTF-8 */
  ETTM_E_NEEDS_SMTPUTF8 = -7, /* a non-ASCII local part without SMTPUTF8 (RFC 6531) */
  ETTM_E_DOMAIN = -8,         /* a domain that has no A-label form, or is no domain */
  ETTM_E_NO_IDNA = -9,        /* a non-ASCII domain in a build without libidn2 */
  ETTM_E_NAME = -10,          /* not a header name, parameter name or token */
  ETTM_E_DUPLICATE = -11,     /* a header field that may stand only once (RFC 5322 3.6) */
  ETTM_E_TOO_LARGE = -12,     /* larger than the server takes (RFC 1870) */
  ETTM_E_SOURCE = -13,        /* content that failed, or was not as long as it said */
  ETTM_E_NOT_OFFERED = -14,   /* the server does not offer the extension this needs */
  ETTM_E_DEPTH = -15,         /* nested deeper than the bound allows */
  ETTM_E_SASLPREP = -16,      /* a user name or password that SASLprep forbids (RFC 4013) */
  ETTM_E_NO_SASLPREP = -17,   /* a non-ASCII one in a build without libunistring */
  ETTM_E_NO_DIGEST = -18,     /* a digest that OpenSSL or its policy does not give */

  ETTM_E_PROTOCOL = -101,   /* the peer broke the protocol */
  ETTM_E_CLOSED = -102,     /* the peer closed the connection */
  ETTM_E_REPLY_SIZE = -103, /* a reply longer than the bound */
  ETTM_E_INJECTED = -104,   /* octets in the clear behind the 220 of STARTTLS (RFC 3207) */

  ETTM_E_TLS = -201,        /* the handshake or a record failed */
  ETTM_E_TLS_VERIFY = -202, /* the certificate was not accepted */
  ETTM_E_TLS_MODE = -203,   /* one side speaks TLS, the other does not */
  ETTM_E_TLS_PIN = -204,    /* the certificate is not the pinned one */
  ETTM_E_TRUNCATED = -205,  /* the end came without close_notify */

  ETTM_E_MEMORY = -301,  /* the allocator returned nothing */
  ETTM_E_DNS = -302,     /* the host's name has no address */
  ETTM_E_CONNECT = -303, /* the connection could not be made */
  ETTM_E_IO = -304,      /* a system call failed */
  ETTM_E_TIMEOUT = -305, /* the deadline is over */
  ETTM_E_RANDOM = -306   /* the system gave no random bytes */
} ettm_status;

/* A view of bytes: not terminated, may hold any octet. Who owns them is said where it is used. */
typedef struct ettm_str {
  const char *p;
  size_t n;
} ettm_str;

/* The view of a string literal. */
#define ETTM_LIT(literal) ettm_str_of((literal), sizeof(literal) - 1)

/* The view of the n bytes at p. Borrows p. */
static inline ettm_str ettm_str_of(const char *p, size_t n) {
  ettm_str s;
  s.p = p;
  s.n = n;
  return s;
}

/* True (1) when both views hold the same octets. */
int ettm_str_equal(ettm_str a, ettm_str b);

/* True (1) when both are equal but for the case of ASCII letters. */
int ettm_str_equal_nocase(ettm_str a, ettm_str b);

/* True (1) from -101 on: the object that returned it is of no more use. */
int ettm_status_is_fatal(ettm_status status);

/* The public error code, such as "PROTOCOL"; "OK" for what is no failure. Static. */
const char *ettm_status_code(ettm_status status);

/* One sentence without a full stop, such as "the server closed the connection". Static. */
const char *ettm_status_sentence(ettm_status status);

#endif
