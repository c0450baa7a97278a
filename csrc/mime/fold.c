/* SPDX-License-Identifier: MIT */
#include "mime/fold.h"

#include <string.h>

/* How it works: a value is cut into units, each white space with what is behind it up to the next
 * white space. Lines are filled with units as long as they fit. In a structured value units are
 * gathered into clauses, which end with a comma or semicolon, and a clause is parted only when it
 * has no room on a line of its own. A unit with white space in it is a quoted-string. */

typedef struct folder {
  ettm_buffer *out;
  size_t column;
  size_t goal;
  int is_fresh; /* only the field's name is on the line */
} folder;

static int is_space(char c) {
  return c == ' ' || c == '\t';
}

/* The size of the unit at the front; quoted strings are whole where quoted is set. */
static size_t unit_size(ettm_str s, int quoted) {
  size_t i = 0;
  int in_quotes = 0;
  while (i < s.n && is_space(s.p[i])) {
    i++;
  }
  while (!quoted && i < s.n && !is_space(s.p[i])) {
    i++;
  }
  while (quoted && i < s.n && (in_quotes || !is_space(s.p[i]))) {
    if (s.p[i] == '"') {
      in_quotes = !in_quotes;
    }
    /* A pair is never parted, not even one of a backslash and a space. */
    i += s.p[i] == '\\' && i + 1 < s.n ? 2 : 1;
  }
  return i;
}

/* The size of the clause at the front: units up to one that ends with a comma or semicolon. */
static size_t clause_size(ettm_str s) {
  size_t n = 0;
  do {
    n += unit_size(ettm_str_of(s.p + n, s.n - n), 1);
  } while (n < s.n && s.p[n - 1] != ',' && s.p[n - 1] != ';');
  return n;
}

static ettm_str cut(ettm_str *s, size_t n) {
  ettm_str front = ettm_str_of(s->p, n);
  s->p += n;
  s->n -= n;
  return front;
}

static ettm_status append(folder *f, ettm_str s) {
  f->column += s.n;
  f->is_fresh = 0;
  return f->column <= ETTM_LINE_MAX ? ettm_buffer_append(f->out, s) : ETTM_E_LIMIT;
}

static ettm_status break_line(folder *f) {
  f->column = 0;
  f->is_fresh = 0;
  return ettm_buffer_append(f->out, ETTM_LIT("\r\n"));
}

static int is_word(ettm_str unit) {
  return unit.n > 3 && unit.p[1] == '=' && unit.p[2] == '?';
}

/* A first line with nothing but the name is legal, but some readers stumble over it: only where a
 * line would be too long by the rules, not by taste. */
static int should_break(const folder *f, ettm_str unit) {
  size_t column = f->column + unit.n;
  if (f->column == 0 || column <= f->goal) {
    return 0;
  }
  return !f->is_fresh || is_word(unit) || column > ETTM_LINE_MAX;
}

static ettm_status put_unit(folder *f, ettm_str unit) {
  ettm_status status = should_break(f, unit) ? break_line(f) : ETTM_OK;
  return status == ETTM_OK ? append(f, unit) : status;
}

/* Every white space is a place to break; in a quoted-string not the one of a quoted pair. */
static ettm_status put_words(folder *f, ettm_str s, int is_quoted) {
  ettm_status status = ETTM_OK;
  while (status == ETTM_OK && s.n > 0) {
    size_t n = unit_size(s, 0);
    while (is_quoted && n < s.n && s.p[n - 1] == '\\') {
      n += unit_size(ettm_str_of(s.p + n, s.n - n), 0);
    }
    status = put_unit(f, cut(&s, n));
  }
  return status;
}

/* Encoded words in a quoted-string: the legacy form of a file's name (mime/parameter.h). */
static int has_word_gap(ettm_str s) {
  size_t i;
  for (i = 0; i + 5 <= s.n; i++) {
    if (memcmp(s.p + i, "?= =?", 5) == 0) {
      return 1;
    }
  }
  return 0;
}

static int must_part(const folder *f, ettm_str unit) {
  return unit.n > ETTM_LINE_MAX || (unit.n > f->goal && has_word_gap(unit));
}

static ettm_status put_clause(folder *f, ettm_str clause) {
  ettm_status status = ETTM_OK;
  if (f->column + clause.n > f->goal && f->column > 0 && !f->is_fresh) {
    status = break_line(f);
  }
  if (status == ETTM_OK && f->column + clause.n <= f->goal) {
    return append(f, clause);
  }
  while (status == ETTM_OK && clause.n > 0) {
    ettm_str unit = cut(&clause, unit_size(clause, 1));
    status = must_part(f, unit) ? put_words(f, unit, 1) : put_unit(f, unit);
  }
  return status;
}

static int has_word(ettm_str s) {
  const char *end = s.p + s.n;
  const char *p = s.p; /* the space that s begins with */
  while (s.n > 0 && (p = (const char *)memchr(p + 1, '?', (size_t)(end - p) - 1)) != NULL) {
    if (p[-1] == '=') {
      return 1;
    }
  }
  return 0;
}

ettm_status ettm_fold(ettm_buffer *out, size_t column, ettm_str value, int is_structured) {
  ettm_status status = ETTM_OK;
  folder f;
  f.out = out;
  f.column = column;
  f.goal = has_word(value) ? 76 : ETTM_LINE_GOAL;
  f.is_fresh = 1;
  if (!is_structured) {
    return put_words(&f, value, 0);
  }
  while (status == ETTM_OK && value.n > 0) {
    status = put_clause(&f, cut(&value, clause_size(value)));
  }
  return status;
}

int ettm_can_fold(ettm_str text) {
  size_t gap = 1;
  if (text.n + gap < ETTM_LINE_MAX) {
    return 1;
  }
  while (text.n > 0) {
    if (gap + cut(&text, unit_size(text, 0)).n >= ETTM_LINE_MAX) {
      return 0;
    }
    gap = 0;
  }
  return 1;
}
