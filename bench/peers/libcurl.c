/* Peer: libcurl itself, one easy handle reused, so one connection. It builds the MIME parts while
 * it sends, and cannot compose only. The header fields are put together by hand, as luacurl.lua
 * does it. ../README.md tells the contract. */
#define _POSIX_C_SOURCE 200809L
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIZE 65536

static const char *env(const char *name) {
  const char *value = getenv(name);
  return value != NULL ? value : "";
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A file of the fixture, its line ends as CRLF. */
static void read_fixture(const char *name, char out[SIZE]) {
  char path[4096];
  FILE *file;
  size_t n = 0;
  int c;
  snprintf(path, sizeof path, "%s/%s", env("BENCH_FIXTURE"), name);
  file = fopen(path, "rb");
  while (file != NULL && (c = getc(file)) != EOF && n + 3 < SIZE) {
    if (c == '\n') {
      out[n++] = '\r';
    }
    out[n++] = (char)c;
  }
  out[n] = '\0';
  if (file != NULL) {
    fclose(file);
  }
}

static char *put_base64(char *out, const unsigned char *in, size_t n) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t i;
  for (i = 0; i < n; i += 3) {
    unsigned bits = (unsigned)in[i] << 16 | (i + 1 < n ? (unsigned)in[i + 1] : 0) << 8 |
                    (i + 2 < n ? (unsigned)in[i + 2] : 0);
    *out++ = digits[bits >> 18];
    *out++ = digits[bits >> 12 & 63];
    *out++ = i + 1 < n ? digits[bits >> 6 & 63] : '=';
    *out++ = i + 2 < n ? digits[bits & 63] : '=';
  }
  return out;
}

/* RFC 2047 words of at most 45 octets, cut between characters. */
static void put_words(char *out, const char *value) {
  size_t left = strlen(value);
  while (left > 0) {
    size_t n = left < 45 ? left : 45;
    while (n < left && ((unsigned char)value[n] & 0xC0) == 0x80) {
      n--;
    }
    out += sprintf(out, "=?UTF-8?B?");
    out = put_base64(out, (const unsigned char *)value, n);
    value += n;
    left -= n;
    out += sprintf(out, "?=%s", left > 0 ? "\r\n " : "");
  }
}

static void add_text(curl_mime *to, const char *text, const char *type) {
  curl_mimepart *part = curl_mime_addpart(to);
  curl_mime_data(part, text, CURL_ZERO_TERMINATED);
  curl_mime_type(part, type);
  curl_mime_encoder(part, "base64");
}

static curl_mime *make_parts(CURL *easy, const char *text, const char *html) {
  curl_mime *whole = curl_mime_init(easy), *alternative = curl_mime_init(easy);
  curl_mimepart *part = curl_mime_addpart(whole);
  add_text(alternative, text, "text/plain; charset=utf-8");
  add_text(alternative, html, "text/html; charset=utf-8");
  curl_mime_subparts(part, alternative);
  curl_mime_type(part, "multipart/alternative");
  if (*env("BENCH_ATTACH") != '\0') {
    part = curl_mime_addpart(whole);
    curl_mime_filedata(part, env("BENCH_ATTACH"));
    curl_mime_filename(part, "attachment.bin");
    curl_mime_type(part, "application/octet-stream");
    curl_mime_encoder(part, "base64");
  }
  return whole;
}

static struct curl_slist *make_fields(const char *subject, const char *to, int number) {
  char line[SIZE];
  time_t t = time(NULL);
  struct tm utc;
  struct curl_slist *list = curl_slist_append(NULL, "From: bench@example.org");
  snprintf(line, sizeof line, "To: %s", to);
  list = curl_slist_append(list, line);
  snprintf(line, sizeof line, "Subject: %s", subject);
  list = curl_slist_append(list, line);
  gmtime_r(&t, &utc);
  strftime(line, sizeof line, "Date: %a, %d %b %Y %H:%M:%S +0000", &utc);
  list = curl_slist_append(list, line);
  snprintf(line, sizeof line, "Message-ID: <%ld.%d.%ld@example.org>", (long)t, number, random());
  return curl_slist_append(list, line);
}

static struct curl_slist *recipients(char to[SIZE]) {
  struct curl_slist *list = NULL;
  int i, count = atoi(env("BENCH_RCPTS"));
  size_t n = 0;
  for (i = 1; i <= count; i++) {
    char path[64];
    snprintf(path, sizeof path, "<user%d@example.net>", i);
    list = curl_slist_append(list, path);
    n += (size_t)snprintf(to + n, SIZE - n, "%suser%d@example.net", i > 1 ? ", " : "", i);
  }
  return list;
}

static int send_one(CURL *easy, const char *to, int number) {
  static char text[2 * SIZE], html[SIZE], subject[SIZE], words[2 * SIZE];
  struct curl_slist *fields;
  curl_mime *parts;
  CURLcode code;
  if (html[0] == '\0') {
    read_fixture("html.html", html);
  }
  read_fixture("text.txt", text);
  sprintf(text + strlen(text), "#%d\r\n", number);
  read_fixture("subject.txt", subject);
  sprintf(subject + strcspn(subject, "\r\n"), " #%d", number);
  put_words(words, subject);
  fields = make_fields(words, to, number);
  parts = make_parts(easy, text, html);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
  curl_easy_setopt(easy, CURLOPT_MIMEPOST, parts);
  code = curl_easy_perform(easy);
  curl_mime_free(parts);
  curl_slist_free_all(fields);
  if (code != CURLE_OK) {
    fprintf(stderr, "%s\n", curl_easy_strerror(code));
  }
  return code == CURLE_OK;
}

int main(void) {
  static char url[1024], to[SIZE];
  struct curl_slist *paths = recipients(to);
  double start = now();
  int i, count = atoi(env("BENCH_COUNT")), good = 1;
  CURL *easy;
  if (strcmp(env("BENCH_JOB"), "send") != 0) {
    return 3;
  }
  easy = curl_easy_init();
  snprintf(url, sizeof url, "smtp://%s:%s/bench.invalid", env("BENCH_HOST"), env("BENCH_PORT"));
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_MAIL_FROM, "<bench@example.org>");
  curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, paths);
  if (*env("BENCH_CA") != '\0') {
    curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
    curl_easy_setopt(easy, CURLOPT_CAINFO, env("BENCH_CA"));
  }
  if (*env("BENCH_USER") != '\0') {
    curl_easy_setopt(easy, CURLOPT_USERNAME, env("BENCH_USER"));
    curl_easy_setopt(easy, CURLOPT_PASSWORD, env("BENCH_PASSWORD"));
  }
  for (i = 1; good && i <= count; i++) {
    good = send_one(easy, to, i);
  }
  curl_easy_cleanup(easy);
  curl_slist_free_all(paths);
  printf("elapsed %.6f\n", now() - start);
  return good ? 0 : 1;
}
