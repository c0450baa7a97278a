/* SPDX-License-Identifier: MIT */
#include "tls/channel.h"

#include <string.h>

static int channel_read(BIO *bio, char *out, int n) {
  ettm_tls_channel *channel = (ettm_tls_channel *)BIO_get_data(bio);
  ettm_str have = ettm_buffer_view(&channel->input);
  size_t take;
  BIO_clear_retry_flags(bio);
  if (n <= 0) {
    return 0;
  }
  if (have.n == 0) {
    if (channel->is_eof) {
      return 0;
    }
    BIO_set_retry_read(bio);
    return -1;
  }
  take = have.n < (size_t)n ? have.n : (size_t)n;
  memcpy(out, have.p, take);
  ettm_buffer_consume(&channel->input, take);
  return (int)take;
}

static int channel_write(BIO *bio, const char *in, int n) {
  ettm_tls_channel *channel = (ettm_tls_channel *)BIO_get_data(bio);
  size_t room = ettm_buffer_room(&channel->wire);
  size_t take;
  BIO_clear_retry_flags(bio);
  if (n <= 0) {
    return 0;
  }
  if (room == 0) {
    BIO_set_retry_write(bio);
    return -1;
  }
  take = room < (size_t)n ? room : (size_t)n;
  if (ettm_buffer_append(&channel->wire, ettm_str_of(in, take)) != ETTM_OK) {
    channel->has_no_memory = 1;
    return -1;
  }
  return (int)take;
}

static long channel_control(BIO *bio, int command, long number, void *pointer) {
  const ettm_tls_channel *channel = (const ettm_tls_channel *)BIO_get_data(bio);
  (void)number;
  (void)pointer;
  switch (command) {
  case BIO_CTRL_FLUSH: return 1;
  case BIO_CTRL_EOF: return channel->is_eof && ettm_buffer_size(&channel->input) == 0;
  case BIO_CTRL_PENDING: return (long)ettm_buffer_size(&channel->input);
  case BIO_CTRL_WPENDING: return (long)ettm_buffer_size(&channel->wire);
  default: return 0;
  }
}

/* The type is a memory BIO's: BIO_get_new_index would use up one of 128 numbers of the process. */
BIO_METHOD *ettm_tls_channel_method(void) {
  BIO_METHOD *method = BIO_meth_new(BIO_TYPE_MEM, "ettsumailer");
  if (method == NULL) {
    return NULL;
  }
  if (!BIO_meth_set_read(method, channel_read) || !BIO_meth_set_write(method, channel_write) ||
      !BIO_meth_set_ctrl(method, channel_control)) {
    BIO_meth_free(method);
    return NULL;
  }
  return method;
}

BIO *ettm_tls_channel_bio(const BIO_METHOD *method, ettm_tls_channel *channel) {
  BIO *bio = BIO_new(method);
  if (bio != NULL) {
    BIO_set_data(bio, channel);
    BIO_set_init(bio, 1);
  }
  return bio;
}
