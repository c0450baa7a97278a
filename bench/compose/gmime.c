/* gmime FILE: GMime composes a message with the file attached in base64, into /dev/null.
 *
 * SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <gmime/gmime.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static GMimeObject *text_part(void) {
  GMimeTextPart *part = g_mime_text_part_new_with_subtype("plain");
  g_mime_text_part_set_text(part, "See the attachment.\n");
  return GMIME_OBJECT(part);
}

static GMimeObject *file_part(int fd) {
  GMimePart *part = g_mime_part_new_with_type("application", "octet-stream");
  GMimeStream *stream = g_mime_stream_fs_new(fd);
  GMimeDataWrapper *content =
      g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
  g_mime_part_set_content(part, content);
  g_mime_part_set_filename(part, "attachment.bin");
  g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
  return GMIME_OBJECT(part);
}

int main(int argc, char **argv) {
  GMimeMessage *message;
  GMimeMultipart *mixed;
  GMimeStream *out;
  gint64 written;
  double start;
  int fd, null;
  if (argc != 2 || (fd = open(argv[1], O_RDONLY)) < 0 || (null = open("/dev/null", O_WRONLY)) < 0) {
    return 2;
  }
  g_mime_init();
  start = now();
  message = g_mime_message_new(TRUE);
  g_mime_message_add_mailbox(message, GMIME_ADDRESS_TYPE_FROM, NULL, "a@example.org");
  g_mime_message_add_mailbox(message, GMIME_ADDRESS_TYPE_TO, NULL, "b@example.org");
  g_mime_message_set_subject(message, "A large file", "utf-8");
  mixed = g_mime_multipart_new_with_subtype("mixed");
  g_mime_multipart_add(mixed, text_part());
  g_mime_multipart_add(mixed, file_part(fd));
  g_mime_message_set_mime_part(message, GMIME_OBJECT(mixed));
  out = g_mime_stream_fs_new(null);
  if (g_mime_object_write_to_stream(GMIME_OBJECT(message), NULL, out) < 0) {
    return 1;
  }
  written = g_mime_stream_tell(out); /* behind the encoder */
  printf("seconds %.6f octets %ld\n", now() - start, (long)written);
  return 0;
}
