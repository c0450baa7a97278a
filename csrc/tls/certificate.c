/* SPDX-License-Identifier: MIT */
#include "tls/certificate.h"

#include <limits.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define NAME_SIZE 254 /* a name and its NUL */

static const char fallback_name[] = "ettsumailer";

/* What is being made, and who signs it: itself, or an issuer read from PEM. */
typedef struct making {
  X509 *certificate;
  EVP_PKEY *key;
  X509 *issuer;
  EVP_PKEY *issuer_key;
} making;

static EVP_PKEY *make_key(void) {
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
  EVP_PKEY *key = NULL;
  int ok = context != NULL && EVP_PKEY_keygen_init(context) == 1 &&
           EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1 &&
           EVP_PKEY_keygen(context, &key) == 1;
  EVP_PKEY_CTX_free(context);
  return ok ? key : NULL;
}

/* Never a prompt: an encrypted key is simply not read. */
static int no_pass_phrase(char *out, int size, int is_writing, void *ud) {
  (void)out;
  (void)size;
  (void)is_writing;
  (void)ud;
  return -1;
}

static BIO *reader_of(ettm_str text) {
  return text.n > 0 && text.n <= INT_MAX ? BIO_new_mem_buf(text.p, (int)text.n) : NULL;
}

static ettm_status read_issuer(making *m, const ettm_certificate_options *o) {
  BIO *certificate = reader_of(o->issuer_certificate);
  BIO *key = reader_of(o->issuer_key);
  if (certificate != NULL) {
    m->issuer = PEM_read_bio_X509(certificate, NULL, NULL, NULL);
  }
  if (key != NULL) {
    m->issuer_key = PEM_read_bio_PrivateKey(key, NULL, no_pass_phrase, NULL);
  }
  BIO_free(certificate);
  BIO_free(key);
  return m->issuer != NULL && m->issuer_key != NULL ? ETTM_OK : ETTM_E_ARGUMENT;
}

/* ---- names ---- */

static int is_separator(char c) {
  return c == ' ' || c == ',';
}

/* Cuts the next word off the front of *rest: 0 when there is none. */
static int next_word(ettm_str *rest, ettm_str *word) {
  size_t start = 0;
  size_t end;
  if (rest->n == 0) {
    return 0; /* and p may be NULL */
  }
  while (start < rest->n && is_separator(rest->p[start])) {
    start++;
  }
  end = start;
  while (end < rest->n && !is_separator(rest->p[end])) {
    end++;
  }
  *word = ettm_str_of(rest->p + start, end - start);
  *rest = ettm_str_of(rest->p + end, rest->n - end);
  return word->n > 0;
}

static int copy_name(char out[NAME_SIZE], ettm_str name) {
  size_t i;
  if (name.n >= NAME_SIZE) {
    return 0;
  }
  for (i = 0; i < name.n; i++) {
    if (name.p[i] < ' ' || name.p[i] > '~') {
      return 0;
    }
    out[i] = name.p[i];
  }
  out[name.n] = '\0';
  return 1;
}

/* An iPAddress when it reads as one, else a dNSName. NULL without memory. */
static GENERAL_NAME *make_name(const char *text) {
  GENERAL_NAME *name = GENERAL_NAME_new();
  ASN1_OCTET_STRING *address = a2i_IPADDRESS(text);
  ASN1_IA5STRING *dns = NULL;
  if (name != NULL && address != NULL) {
    GENERAL_NAME_set0_value(name, GEN_IPADD, address);
    return name;
  }
  dns = ASN1_IA5STRING_new();
  if (name == NULL || dns == NULL || !ASN1_STRING_set(dns, text, (int)strlen(text))) {
    ASN1_IA5STRING_free(dns);
    ASN1_OCTET_STRING_free(address);
    GENERAL_NAME_free(name);
    return NULL;
  }
  GENERAL_NAME_set0_value(name, GEN_DNS, dns);
  return name;
}

static ettm_status push_name(GENERAL_NAMES *names, ettm_str word) {
  char text[NAME_SIZE];
  GENERAL_NAME *name;
  if (sk_GENERAL_NAME_num(names) >= ETTM_CERTIFICATE_NAMES || !copy_name(text, word)) {
    return ETTM_E_ARGUMENT;
  }
  name = make_name(text);
  if (name == NULL || !sk_GENERAL_NAME_push(names, name)) {
    GENERAL_NAME_free(name);
    return ETTM_E_MEMORY;
  }
  return ETTM_OK;
}

static ettm_status add_names(X509 *certificate, ettm_str rest) {
  GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
  ettm_status status = names != NULL ? ETTM_OK : ETTM_E_MEMORY;
  ettm_str word;
  while (status == ETTM_OK && next_word(&rest, &word)) {
    status = push_name(names, word);
  }
  if (status == ETTM_OK && sk_GENERAL_NAME_num(names) > 0 &&
      X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) != 1) {
    status = ETTM_E_TLS;
  }
  GENERAL_NAMES_free(names);
  return status;
}

/* ---- the certificate ---- */

static int set_serial(X509 *certificate) {
  unsigned char octets[16];
  BIGNUM *number = NULL;
  int ok = RAND_bytes(octets, (int)sizeof octets) == 1;
  octets[0] = (unsigned char)((octets[0] & 0x3f) | 0x40); /* positive, and always 16 octets */
  number = ok ? BN_bin2bn(octets, (int)sizeof octets, NULL) : NULL;
  ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
  BN_free(number);
  return ok;
}

static int set_dates(X509 *certificate, const ettm_certificate_options *o) {
  long before = o->not_before != 0 ? o->not_before : -3600L;
  long after = o->not_after != 0 ? o->not_after : 30L * 86400;
  return X509_gmtime_adj(X509_getm_notBefore(certificate), before) != NULL &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), after) != NULL;
}

static ettm_status set_subject(X509 *certificate, const ettm_certificate_options *o) {
  char text[NAME_SIZE];
  ettm_str rest = o->names;
  ettm_str name = o->common_name;
  X509_NAME *subject = X509_get_subject_name(certificate);
  if (name.n == 0 && !next_word(&rest, &name)) {
    name = ettm_str_of(fallback_name, sizeof fallback_name - 1);
  }
  /* RFC 5280 upper bound of a common name; names beyond it stand in subjectAltName only. */
  if (o->common_name.n == 0 && name.n > 64) {
    name = ettm_str_of(fallback_name, sizeof fallback_name - 1);
  }
  if (name.n > 64 || !copy_name(text, name)) {
    return ETTM_E_ARGUMENT;
  }
  return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)text, -1,
                                    -1, 0)
             ? ETTM_OK
             : ETTM_E_TLS;
}

static int add_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
  X509V3_CTX context;
  X509_EXTENSION *extension;
  int ok;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
  extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  ok = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return ok;
}

static int add_extensions(X509 *certificate, X509 *issuer, int is_ca) {
  return add_extension(certificate, issuer, NID_basic_constraints,
                       is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
         add_extension(certificate, issuer, NID_key_usage,
                       is_ca ? "critical,keyCertSign,cRLSign,digitalSignature"
                             : "critical,digitalSignature") &&
         add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
         (issuer == certificate ||
          add_extension(certificate, issuer, NID_authority_key_identifier, "keyid"));
}

static int set_fields(X509 *certificate, X509 *issuer, EVP_PKEY *key,
                      const ettm_certificate_options *o) {
  return X509_set_version(certificate, 2) && set_serial(certificate) && set_dates(certificate, o) &&
         X509_set_pubkey(certificate, key) &&
         X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) &&
         add_extensions(certificate, issuer, o->is_ca);
}

static ettm_status fill(making *m, const ettm_certificate_options *o) {
  X509 *issuer = m->issuer != NULL ? m->issuer : m->certificate;
  EVP_PKEY *signer = m->issuer_key != NULL ? m->issuer_key : m->key;
  ettm_status status = set_subject(m->certificate, o);
  if (status == ETTM_OK && !set_fields(m->certificate, issuer, m->key, o)) {
    status = ETTM_E_TLS;
  }
  if (status == ETTM_OK) {
    status = add_names(m->certificate, o->names);
  }
  if (status == ETTM_OK && X509_sign(m->certificate, signer, EVP_sha256()) == 0) {
    status = ETTM_E_TLS;
  }
  return status;
}

/* ---- PEM ---- */

static ettm_status append_written(ettm_buffer *out, BIO *bio) {
  char *text = NULL;
  long n = BIO_get_mem_data(bio, &text);
  return n > 0 ? ettm_buffer_append(out, ettm_str_of(text, (size_t)n)) : ETTM_E_TLS;
}

static ettm_status write_out(const making *m, ettm_buffer *certificate, ettm_buffer *key) {
  size_t before = ettm_buffer_size(certificate);
  BIO *text = BIO_new(BIO_s_mem());
  BIO *secret = BIO_new(BIO_s_secmem()); /* wiped by OpenSSL */
  ettm_status status = ETTM_E_MEMORY;
  if (text != NULL && secret != NULL) {
    status = PEM_write_bio_X509(text, m->certificate) == 1 &&
                     PEM_write_bio_PKCS8PrivateKey(secret, m->key, NULL, NULL, 0, NULL, NULL) == 1
                 ? append_written(certificate, text)
                 : ETTM_E_TLS;
  }
  if (status == ETTM_OK) {
    status = append_written(key, secret);
    if (status != ETTM_OK) {
      ettm_buffer_truncate(certificate, before);
    }
  }
  BIO_free(text);
  BIO_free(secret);
  return status;
}

ettm_status ettm_certificate_make(const ettm_certificate_options *o, ettm_buffer *certificate,
                                  ettm_buffer *key) {
  making m = {NULL, NULL, NULL, NULL};
  ettm_status status = ETTM_OK;
  ERR_clear_error();
  if (o->issuer_certificate.n > 0 || o->issuer_key.n > 0) {
    status = read_issuer(&m, o);
  }
  if (status == ETTM_OK) {
    m.certificate = X509_new();
    m.key = make_key();
    status = m.certificate != NULL && m.key != NULL ? fill(&m, o) : ETTM_E_TLS;
  }
  if (status == ETTM_OK) {
    status = write_out(&m, certificate, key);
  }
  X509_free(m.certificate);
  X509_free(m.issuer);
  EVP_PKEY_free(m.key);
  EVP_PKEY_free(m.issuer_key);
  ERR_clear_error();
  return status;
}
