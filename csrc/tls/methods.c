/* SPDX-License-Identifier: MIT */
#include "tls/binding.h"
#include "tls/engine.h"

const ettm_tls_methods *ettm_tls_methods_of_openssl(void) {
  static const ettm_tls_methods methods = {
      ettm_tls_new,      ettm_tls_free,        ettm_tls_room,       ettm_tls_feed,
      ettm_tls_feed_eof, ettm_tls_peek,        ettm_tls_skip,       ettm_tls_handshake,
      ettm_tls_read,     ettm_tls_write,       ettm_tls_close,      ettm_tls_version,
      ettm_tls_cipher,   ettm_tls_is_verified, ettm_tls_is_resumed, ettm_tls_binding,
      ettm_tls_reason,   ettm_tls_failure_of,  ettm_tls_name};
  return &methods;
}
