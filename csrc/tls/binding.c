/* SPDX-License-Identifier: MIT */
#include "tls/binding.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tls/internal.h"

/* The digest that the certificate was signed with; SHA-256 for the broken ones (RFC 5929 4.1), and
 * where the signature has none of its own. */
static const EVP_MD *function_of(const X509 *certificate) {
  int digest = NID_undef;
  int ok = X509_get_signature_info((X509 *)certificate, &digest, NULL, NULL, NULL);
  const EVP_MD *function = NULL;
  if (ok && digest != NID_md5 && digest != NID_sha1) {
    function = EVP_get_digestbynid(digest);
  }
  return function != NULL ? function : EVP_sha256();
}

static int digest_certificate(SSL *ssl, ettm_binding *out) {
  X509 *peer = NULL;
  const X509 *certificate;
  unsigned int length = 0;
  int ok;
  if (SSL_is_server(ssl)) {
    certificate = SSL_get_certificate(ssl);
  } else {
    peer = SSL_get_peer_certificate(ssl);
    certificate = peer;
  }
  ok = certificate != NULL &&
       X509_digest(certificate, function_of(certificate), out->octets, &length) == 1;
  out->n = length;
  X509_free(peer);
  return ok;
}

ettm_status ettm_tls_binding(const ettm_tls *t, ettm_binding *out) {
  SSL *ssl = ettm_tls_ssl(t);
  int ok;
  if (ssl == NULL) {
    return ETTM_E_STATE;
  }
  ERR_clear_error();
  if (SSL_version(ssl) >= TLS1_3_VERSION) {
    out->name = "tls-exporter";
    out->n = 32;
    ok = ettm_tls_exporter(t, out->octets) == ETTM_OK;
  } else {
    out->name = "tls-server-end-point";
    ok = digest_certificate(ssl, out);
  }
  ERR_clear_error();
  return ok ? ETTM_OK : ETTM_E_TLS;
}
