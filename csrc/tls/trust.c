/* SPDX-License-Identifier: MIT */
#include "tls/trust.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>

#include "tls/reason.h"

static const char *const usual_bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Ubuntu, Arch, Gentoo */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora, RHEL */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* RHEL, newer */
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem",  /* Arch */
    "/etc/ssl/ca-bundle.pem",                            /* openSUSE */
    "/etc/ssl/cert.pem",                                 /* Alpine, macOS, OpenBSD */
    "/usr/local/etc/ssl/cert.pem",                       /* FreeBSD's packages */
    "/usr/local/share/certs/ca-root-nss.crt",            /* FreeBSD, older */
    "/etc/openssl/certs/ca-certificates.crt",            /* NetBSD */
    "/opt/homebrew/etc/openssl@3/cert.pem",              /* Homebrew */
    "/usr/local/etc/openssl@3/cert.pem",
    "/opt/local/etc/openssl/cert.pem", /* MacPorts */
    NULL};

ettm_trust_places ettm_trust_of_system(void) {
  ettm_trust_places places;
  places.env_file = getenv(X509_get_default_cert_file_env());
  places.env_dir = getenv(X509_get_default_cert_dir_env());
  places.bundles = usual_bundles;
  places.default_file = X509_get_default_cert_file();
  places.default_dir = X509_get_default_cert_dir();
  return places;
}

/* Also an empty variable is an unset one. */
static int is_set(const char *text) {
  return text != NULL && text[0] != '\0';
}

static int load_file(SSL_CTX *ssl, const char *file) {
  int ok = is_set(file) && SSL_CTX_load_verify_locations(ssl, file, NULL) == 1;
  ERR_clear_error();
  return ok;
}

/* OpenSSL accepts any directory, even one that is not there, and looks into it only when a
 * certificate is wanted; so ask its store whether anything is in it. A list of directories is taken
 * as it is. */
static int has_entries(const char *dir) {
  OSSL_STORE_CTX *store =
      strchr(dir, ':') == NULL ? OSSL_STORE_open(dir, NULL, NULL, NULL, NULL) : NULL;
  OSSL_STORE_INFO *info;
  int found = 0;
  if (store == NULL) {
    return strchr(dir, ':') != NULL;
  }
  info = OSSL_STORE_load(store);
  found = info != NULL;
  OSSL_STORE_INFO_free(info);
  (void)OSSL_STORE_close(store);
  return found;
}

static int load_dir(SSL_CTX *ssl, const char *dir) {
  int ok = is_set(dir) && has_entries(dir) && SSL_CTX_load_verify_locations(ssl, NULL, dir) == 1;
  ERR_clear_error();
  return ok;
}

static const char *load_environment(SSL_CTX *ssl, const ettm_trust_places *places) {
  int has_file = load_file(ssl, places->env_file);
  int has_dir = load_dir(ssl, places->env_dir);
  if (has_file) {
    return places->env_file;
  }
  return has_dir ? places->env_dir : NULL;
}

static const char *load_usual(SSL_CTX *ssl, const ettm_trust_places *places) {
  const char *const *bundle = places->bundles;
  for (; bundle != NULL && *bundle != NULL; bundle++) {
    if (load_file(ssl, *bundle)) {
      return *bundle;
    }
  }
  if (load_file(ssl, places->default_file)) {
    return places->default_file;
  }
  return load_dir(ssl, places->default_dir) ? places->default_dir : NULL;
}

/* A variable that is set and leads nowhere is an error: what it was set for would not be in force.
 */
static ettm_status no_trust(const ettm_trust_places *places, char *reason) {
  const char *named = is_set(places->env_file) ? places->env_file : places->env_dir;
  if (is_set(named)) {
    ettm_reason_set(reason, is_set(places->env_file) ? "SSL_CERT_FILE is set to "
                                                     : "SSL_CERT_DIR is set to ");
    ettm_reason_add_field(reason, ettm_str_of(named, strlen(named)));
    ettm_reason_add(reason, ", which has no certificates that can be read");
  } else {
    ettm_reason_set(reason, "no trusted certificates were found on this system: install its "
                            "ca-certificates, or name a PEM file with ca_file");
  }
  return ETTM_E_TLS;
}

ettm_status ettm_trust_load(SSL_CTX *ssl, const ettm_trust_places *places, char *path, size_t n,
                            char *reason) {
  const char *found = is_set(places->env_file) || is_set(places->env_dir)
                          ? load_environment(ssl, places)
                          : load_usual(ssl, places);
  size_t length;
  if (found == NULL) {
    return no_trust(places, reason);
  }
  length = strlen(found) < n ? strlen(found) : n - 1;
  memcpy(path, found, length);
  path[length] = '\0';
  return ETTM_OK;
}

ettm_status ettm_trust_add_pem(SSL_CTX *ssl, ettm_str pem, char *reason) {
  BIO *bio = pem.n <= INT_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
  X509_STORE *store = SSL_CTX_get_cert_store(ssl);
  X509 *certificate;
  int count = 0;
  int ok = bio != NULL;
  while (ok && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
    ok = X509_STORE_add_cert(store, certificate);
    X509_free(certificate);
    count++;
  }
  /* The end of the text is told as "no start line"; anything else is a broken certificate. */
  ok = ok && count > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  BIO_free(bio);
  ERR_clear_error();
  if (!ok) {
    ettm_reason_set(reason, count == 0 ? "ca_pem holds no certificate in PEM form"
                                       : "ca_pem holds a certificate that cannot be read");
    return ETTM_E_ARGUMENT;
  }
  return ETTM_OK;
}
