/* What a SASL exchange keeps, for the files that make its steps.
 *
 * SPDX-License-Identifier: MIT */
#ifndef ETTM_SMTP_SASL_STATE_H
#define ETTM_SMTP_SASL_STATE_H

#include "smtp/sasl.h"

/* One step: appends the message that answers a challenge, both decoded. Returns ETTM_OK, or what
 * ettm_sasl_answer may; with ETTM_E_PROTOCOL it has set the problem. */
typedef ettm_status (*ettm_sasl_step)(ettm_sasl *m, ettm_str challenge, ettm_buffer *message);

/* One mechanism: its steps in their order, the first of which may be the initial response. */
typedef struct ettm_sasl_kind {
  const char *name;
  ettm_sasl_needs needs;
  int is_client_first;
  int reads_challenges; /* they are decoded; else only looked at */
  int is_scram;
  int is_bound; /* -PLUS */
  ettm_hash hash;
  ettm_sasl_step steps[3];
} ettm_sasl_kind;

struct ettm_sasl {
  ettm_alloc alloc;
  const ettm_sasl_kind *kind;
  const ettm_sasl_crypto *crypto;
  ettm_buffer user;
  ettm_buffer secret;
  ettm_buffer host;
  unsigned port;
  unsigned step;
  int is_proven;
  const char *problem;
  /* SCRAM (RFC 5802 7): */
  ettm_buffer header; /* gs2-header and the octets of the binding */
  size_t gs2_size;    /* of the former */
  ettm_buffer auth;   /* client-first-message-bare, which grows to the AuthMessage */
  size_t nonce_size;  /* of the nonce at the end of the former */
  unsigned char signature[ETTM_HASH_MAX]; /* the server's, as it has to be */
  uint32_t worked;                        /* iterations that are done of the SaltedPassword */
  unsigned char last[ETTM_HASH_MAX];      /* the last one of them */
  unsigned char salted[ETTM_HASH_MAX];    /* all of them */
};

/* Sets the problem. Returns ETTM_E_PROTOCOL. */
ETTM_MUST_USE ettm_status ettm_sasl_refuse(ettm_sasl *m, const char *problem);

/* Appends pieces up to an empty one whose p is NULL. */
ETTM_MUST_USE ettm_status ettm_sasl_join(ettm_buffer *out, const ettm_str *pieces);

/* Appends a saslname: the comma and the equals sign, which mean something, as what stands for them
 * (RFC 5801 4, RFC 5802 5.1). */
ETTM_MUST_USE ettm_status ettm_sasl_append_name(ettm_buffer *out, ettm_str name);

/* Appends the credential as SCRAM takes it: prepared by RFC 4013. */
ETTM_MUST_USE ettm_status ettm_scram_prepare(const ettm_sasl *m, ettm_buffer *out, ettm_str s);

/* Makes the first message, once the credentials are in m. */
ETTM_MUST_USE ettm_status ettm_scram_start(ettm_sasl *m, const ettm_credentials *c);

/* The three steps. */
ettm_status ettm_scram_first(ettm_sasl *m, ettm_str challenge, ettm_buffer *message);
ettm_status ettm_scram_final(ettm_sasl *m, ettm_str challenge, ettm_buffer *message);
ettm_status ettm_scram_verify(ettm_sasl *m, ettm_str challenge, ettm_buffer *message);

/* As ettm_sasl_work; the challenge is decoded. */
ettm_status ettm_scram_work(ettm_sasl *m, ettm_str challenge, uint32_t most);

#endif
