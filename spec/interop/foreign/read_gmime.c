/* SPDX-License-Identifier: MIT */
/* Reads every .eml file of a folder with GMime, and prints what it understood: one JSON object a
 * line, see foreign_spec.lua. Built and run by the specs only. */
#include <gmime/gmime.h>
#include <stdio.h>
#include <string.h>

/* --- JSON --- */

static void put_string(GString *out, const char *text) {
  const unsigned char *p = (const unsigned char *)text;
  if (text == NULL) {
    g_string_append(out, "null");
    return;
  }
  g_string_append_c(out, '"');
  for (; *p != '\0'; p++) {
    if (*p == '"' || *p == '\\') {
      g_string_append_c(out, '\\');
    }
    if (*p < 32) {
      g_string_append_printf(out, "\\u%04x", *p);
    } else {
      g_string_append_c(out, (char)*p);
    }
  }
  g_string_append_c(out, '"');
}

/* ,"name": */
static void put_name(GString *out, const char *name) {
  char last = out->str[out->len - 1];
  if (last != '{' && last != '[') {
    g_string_append_c(out, ',');
  }
  if (name != NULL) {
    put_string(out, name);
    g_string_append_c(out, ':');
  }
}

static void put_member(GString *out, const char *name, const char *value) {
  put_name(out, name);
  put_string(out, value);
}

/* --- Addresses --- */

static void put_list(GString *out, InternetAddressList *list);

static void put_address(GString *out, InternetAddress *address) {
  put_name(out, NULL);
  g_string_append_c(out, '{');
  if (INTERNET_ADDRESS_IS_GROUP(address)) {
    put_member(out, "group", internet_address_get_name(address));
    put_name(out, "members");
    put_list(out, internet_address_group_get_members(INTERNET_ADDRESS_GROUP(address)));
  } else {
    put_member(out, "name", internet_address_get_name(address));
    put_member(out, "address",
               internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address)));
  }
  g_string_append_c(out, '}');
}

static void put_list(GString *out, InternetAddressList *list) {
  int i;
  int n = internet_address_list_length(list);
  g_string_append_c(out, '[');
  for (i = 0; i < n; i++) {
    put_address(out, internet_address_list_get_address(list, i));
  }
  g_string_append_c(out, ']');
}

static void put_addresses(GString *out, GMimeMessage *message) {
  static const struct {
    const char *name;
    GMimeAddressType type;
  } headers[] = {{"from", GMIME_ADDRESS_TYPE_FROM},
                 {"sender", GMIME_ADDRESS_TYPE_SENDER},
                 {"reply-to", GMIME_ADDRESS_TYPE_REPLY_TO},
                 {"to", GMIME_ADDRESS_TYPE_TO},
                 {"cc", GMIME_ADDRESS_TYPE_CC}};
  size_t i;
  g_string_append_c(out, '{');
  for (i = 0; i < G_N_ELEMENTS(headers); i++) {
    if (g_mime_object_get_header(GMIME_OBJECT(message), headers[i].name) != NULL) {
      put_name(out, headers[i].name);
      put_list(out, g_mime_message_get_addresses(message, headers[i].type));
    }
  }
  g_string_append_c(out, '}');
}

/* --- Fields --- */

/* What is about the content is kept with the top part. */
static void put_header_names(GString *out, GMimeHeaderList *headers) {
  int i;
  for (i = 0; i < g_mime_header_list_get_count(headers); i++) {
    GMimeHeader *header = g_mime_header_list_get_header_at(headers, i);
    char *name = g_ascii_strdown(g_mime_header_get_name(header), -1);
    put_member(out, NULL, name);
    g_free(name);
  }
}

static void put_fields(GString *out, GMimeHeaderList *headers) {
  int i;
  g_string_append_c(out, '{');
  for (i = 0; i < g_mime_header_list_get_count(headers); i++) {
    GMimeHeader *header = g_mime_header_list_get_header_at(headers, i);
    char *name = g_ascii_strdown(g_mime_header_get_name(header), -1);
    put_member(out, name, g_mime_header_get_value(header));
    g_free(name);
  }
  g_string_append_c(out, '}');
}

/* --- Parts --- */

static void put_content(GString *out, GMimePart *part) {
  GMimeStream *stream = g_mime_stream_mem_new();
  GMimeDataWrapper *content = g_mime_part_get_content(part);
  GByteArray *octets;
  char *sum;
  if (content != NULL) {
    g_mime_data_wrapper_write_to_stream(content, stream);
  }
  octets = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
  put_name(out, "size");
  g_string_append_printf(out, "%u", octets->len);
  sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, octets->data, octets->len);
  put_member(out, "sha256", sum);
  g_free(sum);
  g_object_unref(stream);
}

static char *type_of(GMimeObject *part) {
  char *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(part));
  char *lower = g_ascii_strdown(type, -1);
  g_free(type);
  return lower;
}

static void put_leaf(GString *out, GMimeObject *part) {
  const char *disposition = g_mime_object_get_disposition(part);
  char *type = type_of(part);
  put_name(out, NULL);
  g_string_append_c(out, '{');
  put_member(out, "type", type);
  put_member(out, "disposition", disposition);
  put_member(out, "id", g_mime_object_get_header(part, "Content-ID"));
  if (GMIME_IS_PART(part)) {
    put_member(out, "filename", g_mime_part_get_filename(GMIME_PART(part)));
  }
  if (GMIME_IS_TEXT_PART(part) && disposition == NULL) {
    char *text = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
    put_member(out, "text", text);
    g_free(text);
  } else if (GMIME_IS_PART(part)) {
    put_content(out, GMIME_PART(part));
  }
  g_string_append_c(out, '}');
  g_free(type);
}

static void put_leaves(GString *out, GMimeObject *part) {
  int i;
  if (!GMIME_IS_MULTIPART(part)) {
    put_leaf(out, part);
    return;
  }
  for (i = 0; i < g_mime_multipart_get_count(GMIME_MULTIPART(part)); i++) {
    put_leaves(out, g_mime_multipart_get_part(GMIME_MULTIPART(part), i));
  }
}

static void add_shape(GString *out, GMimeObject *part) {
  int i;
  if (!GMIME_IS_MULTIPART(part)) {
    char *type = type_of(part);
    g_string_append(out, type);
    g_free(type);
    return;
  }
  g_string_append(out, g_mime_content_type_get_media_subtype(g_mime_object_get_content_type(part)));
  for (i = 0; i < g_mime_multipart_get_count(GMIME_MULTIPART(part)); i++) {
    g_string_append_c(out, i == 0 ? '(' : ',');
    add_shape(out, g_mime_multipart_get_part(GMIME_MULTIPART(part), i));
  }
  g_string_append_c(out, ')');
}

/* --- Messages --- */

static void note_defect(gint64 offset, GMimeParserWarning code, const gchar *item, gpointer data) {
  g_string_append_printf((GString *)data, "%swarning %d at %ld",
                         ((GString *)data)->len > 0 ? ", " : "", (int)code, (long)offset);
  (void)item;
}

static void put_message(GString *out, GMimeMessage *message, const char *defects) {
  GMimeHeaderList *headers = g_mime_object_get_header_list(GMIME_OBJECT(message));
  GMimeObject *body = g_mime_message_get_mime_part(message);
  GString *shape = g_string_new("");
  put_name(out, "names");
  g_string_append_c(out, '[');
  put_header_names(out, headers);
  put_header_names(out, g_mime_object_get_header_list(body));
  g_string_append_c(out, ']');
  put_name(out, "fields");
  put_fields(out, headers);
  put_name(out, "addresses");
  put_addresses(out, message);
  put_name(out, "parts");
  g_string_append_c(out, '[');
  put_leaves(out, body);
  g_string_append_c(out, ']');
  add_shape(shape, body);
  put_member(out, "shape", shape->str);
  g_string_free(shape, TRUE);
  put_name(out, "defects");
  g_string_append_c(out, '[');
  if (defects[0] != '\0') {
    put_member(out, NULL, defects);
  }
  g_string_append_c(out, ']');
}

static void read_file(const char *folder, const char *name) {
  char *path = g_build_filename(folder, name, NULL);
  GMimeStream *stream = g_mime_stream_file_open(path, "rb", NULL);
  GMimeParser *parser = g_mime_parser_new_with_stream(stream);
  GMimeParserOptions *options = g_mime_parser_options_new();
  GString *out = g_string_new("{");
  GString *defects = g_string_new("");
  GMimeMessage *message;
  g_mime_parser_options_set_warning_callback(options, note_defect, defects);
  message = g_mime_parser_construct_message(parser, options);
  put_member(out, "file", name);
  if (message != NULL) {
    put_message(out, message, defects->str);
    g_object_unref(message);
  } else {
    put_member(out, "failed", "no message");
  }
  g_string_append_c(out, '}');
  puts(out->str);
  g_string_free(out, TRUE);
  g_string_free(defects, TRUE);
  g_mime_parser_options_free(options);
  g_object_unref(parser);
  g_object_unref(stream);
  g_free(path);
}

int main(int argc, char **argv) {
  GDir *folder = argc == 2 ? g_dir_open(argv[1], 0, NULL) : NULL;
  const char *name;
  if (folder == NULL) {
    return 2;
  }
  g_mime_init();
  while ((name = g_dir_read_name(folder)) != NULL) {
    if (g_str_has_suffix(name, ".eml")) {
      read_file(argv[1], name);
    }
  }
  g_dir_close(folder);
  g_mime_shutdown();
  return 0;
}
