/* SPDX-License-Identifier: MIT */
#include "base/status.h"

#include <string.h>

typedef struct status_text {
  ettm_status status;
  const char *code;
  const char *sentence;
} status_text;

static const status_text texts[] = {
    {ETTM_OK, "OK", "done"},
    {ETTM_DONE, "OK", "there is no more"},
    {ETTM_NEED_INPUT, "OK", "more input is needed"},
    {ETTM_FULL, "OK", "something has to be taken out first"},
    {ETTM_E_ARGUMENT, "CONFIG", "a value is outside of what is allowed"},
    {ETTM_E_STATE, "STATE", "this is not possible now"},
    {ETTM_E_UNSAFE, "CONFIG", "a control character is not allowed here"},
    {ETTM_E_LIMIT, "CONFIG", "a value is longer than its bound"},
    {ETTM_E_ADDRESS, "ADDRESS", "this is not an e-mail address"},
    {ETTM_E_UTF8, "CONFIG", "the text is not valid UTF-8"},
    {ETTM_E_NEEDS_SMTPUTF8, "SMTPUTF8_REQUIRED",
     "the address has a non-ASCII local part, and the server does not offer SMTPUTF8"},
    {ETTM_E_DOMAIN, "ADDRESS", "this is not a domain name"},
    {ETTM_E_NO_IDNA, "ADDRESS", "this build has no libidn2, which a non-ASCII domain needs"},
    {ETTM_E_NAME, "CONFIG", "this is not a valid name of a header field or parameter"},
    {ETTM_E_DUPLICATE, "CONFIG", "this header field may be there only once"},
    {ETTM_E_TOO_LARGE, "TOO_LARGE", "the message is larger than the server takes"},
    {ETTM_E_SOURCE, "SOURCE", "the content could not be read to its end"},
    {ETTM_E_NOT_OFFERED, "CONFIG", "the server does not offer the extension that this needs"},
    {ETTM_E_DEPTH, "CONFIG", "the parts are nested too deeply"},
    {ETTM_E_SASLPREP, "CONFIG", "the user name or password holds what SASLprep (RFC 4013) forbids"},
    {ETTM_E_NO_SASLPREP, "CONFIG",
     "this build has no libunistring, which SCRAM needs for a user name or password that is not "
     "ASCII; name another of the mechanisms"},
    {ETTM_E_NO_DIGEST, "CONFIG", "OpenSSL or its policy does not give the digest that this needs"},
    {ETTM_E_PROTOCOL, "PROTOCOL", "the server broke the protocol"},
    {ETTM_E_CLOSED, "CLOSED", "the server closed the connection"},
    {ETTM_E_REPLY_SIZE, "PROTOCOL", "the server sent a reply that is too long"},
    {ETTM_E_INJECTED, "PROTOCOL", "the server sent data in the clear behind its reply to STARTTLS"},
    {ETTM_E_TLS, "TLS", "TLS failed"},
    {ETTM_E_TLS_VERIFY, "TLS_VERIFY", "the server's certificate was not accepted"},
    {ETTM_E_TLS_MODE, "TLS_MODE", "one side speaks TLS and the other does not"},
    {ETTM_E_TLS_PIN, "TLS_PIN", "the server's certificate is not the pinned one"},
    {ETTM_E_TRUNCATED, "CLOSED", "the connection ended without TLS's close_notify"},
    {ETTM_E_MEMORY, "MEMORY", "not enough memory"},
    {ETTM_E_DNS, "DNS", "the host name has no address"},
    {ETTM_E_CONNECT, "CONNECT", "the connection could not be made"},
    {ETTM_E_IO, "CLOSED", "the connection failed"},
    {ETTM_E_TIMEOUT, "TIMEOUT", "the time is over"},
    {ETTM_E_RANDOM, "CONFIG", "the system gave no random bytes"},
};

static const status_text *find_text(ettm_status status) {
  size_t i;
  for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    if (texts[i].status == status) {
      return &texts[i];
    }
  }
  return NULL;
}

int ettm_str_equal(ettm_str a, ettm_str b) {
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static int lower(char c) {
  return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

int ettm_str_equal_nocase(ettm_str a, ettm_str b) {
  size_t i;
  if (a.n != b.n) {
    return 0;
  }
  for (i = 0; i < a.n; i++) {
    if (a.p[i] != b.p[i] && lower(a.p[i]) != lower(b.p[i])) {
      return 0;
    }
  }
  return 1;
}

int ettm_status_is_fatal(ettm_status status) {
  return status <= -101;
}

const char *ettm_status_code(ettm_status status) {
  const status_text *text = find_text(status);
  return text != NULL ? text->code : "STATE";
}

const char *ettm_status_sentence(ettm_status status) {
  const status_text *text = find_text(status);
  return text != NULL ? text->sentence : "an unknown status was returned";
}
