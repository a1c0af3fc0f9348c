/* hashed.c - rows of numbers and categories, separated by tabs: numbers as they are, categories hashed into a fixed number of bins.
**
** The bin of a category is the top bits of a 64-bit FNV-1a hash of its column's place and its text, spread by a multiplication (splitmix64's last
** step): it depends on nothing else in the file, so parts of a file and other files of the same form agree on it.
*/
#define _GNU_SOURCE /* newlocale */
#include "io/file.h"
#include "io/number.h"
#include <math.h>
#include <stdio.h>

enum { BUFFER = 1 << 16, LONGEST = 1 << 16, MOST_COLUMNS = 1024, MOST_BITS = 30 };

/* A growing array of bytes. */
typedef struct { char *at; int64_t used, room; } bytes;

typedef struct {
  pri_source s;
  const peri_hashed_options *o;
  locale_t c;
  char *buffer, *line;
  int64_t at, have, length, number, columns;
  int64_t reals, categories;            /* of a row */
  double *real;                         /* the row being read */
  int64_t *bin, label;
  bytes x, bins, y;
  int64_t rows, skipped;
  char what[160];                       /* what is wrong with the line */
} reader;

static peri_ctx *context_of(const reader *r) { return r->s.cx; }

/* The next line, without its end, into r->line; false at the end of the file or on error. A line beyond LONGEST is cut, and too long. */
static bool next_line(reader *r, peri_status *st) {
  r->length = 0;
  for (;;) {
    if (r->at == r->have) {
      r->have = pri_source_read(&r->s, r->buffer, BUFFER);
      r->at = 0;
      if (r->have < 0) return *st = context_of(r)->code, false;
      if (r->have == 0) return r->length > 0 ? (r->number++, true) : false;
    }
    char c = r->buffer[r->at++];
    if (c == '\n') return r->number++, true;
    if (r->length <= LONGEST) r->line[r->length++] = c;
  }
}

static peri_status append(reader *r, bytes *b, const void *from, int64_t n) {
  if (b->used + n > b->room) {
    int64_t room = b->room ? 2 * b->room : 4096 + 2 * n;
    char *at = peri_alloc(context_of(r), (size_t)room);
    if (!at) return context_of(r)->code;
    if (b->at) {
      memcpy(at, b->at, (size_t)b->used);
      peri_free(context_of(r), b->at, (size_t)b->room);
    }
    b->at = at, b->room = room;
  }
  memcpy(b->at + b->used, from, (size_t)n);
  b->used += n;
  return PERI_OK;
}

/* ---- fields; false with r->what if one is malformed ---- */

static bool wrong(reader *r, int64_t column, const char *what, const char *text, int64_t n) {
  snprintf(r->what, sizeof r->what, "column %lld: '%.*s' %s", (long long)column + 1, (int)(n < 40 ? n : 40), text, what);
  for (char *p = r->what; *p; p++)
    if ((unsigned char)*p < 32) *p = '?';
  return false;
}

static int64_t bin_of(const reader *r, int64_t column, const char *text, int64_t n) {
  uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)column;
  h *= 0x100000001b3u;
  for (int64_t i = 0; i < n; i++) h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
  h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
  h = (h ^ h >> 27) * 0x94d049bb133111ebu;
  return (int64_t)((h ^ h >> 31) >> (64 - r->o->bits));
}

static bool is_hex(const char *text, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f')) return false;
  return n == 8;
}

static bool is_missing(const reader *r, const char *text, int64_t n) {
  return n == (int64_t)strlen(r->o->missing) && memcmp(text, r->o->missing, (size_t)n) == 0;
}

static bool take_number(reader *r, int64_t column, bool whole, const char *text, int64_t n, double *x) {
  if (is_missing(r, text, n)) return *x = NAN, true;
  if (pri_read_double(text, n, r->c, x) != PRI_NUMBER || !isfinite(*x)) return wrong(r, column, "is no number", text, n);
  return !whole || *x == floor(*x) || wrong(r, column, "is no integer", text, n);
}

static bool take_field(reader *r, int64_t column, const char *text, int64_t n, int64_t *reals, int64_t *bins) {
  char role = column < r->columns ? r->o->roles[column] : '-';
  switch (role) {
  case 'y':
    if (n != 1 || (*text != '0' && *text != '1')) return wrong(r, column, "is no label 0 or 1", text, n);
    r->label = *text - '0';
    return true;
  case 'i':
  case 'f': return take_number(r, column, role == 'i', text, n, &r->real[(*reals)++]);
  case 'h':
    if (n > 0 && !is_hex(text, n)) return wrong(r, column, "is no category of 8 lowercase hexadecimal digits", text, n);
    break;
  case 'c': break;
  default: return true;
  }
  r->bin[(*bins)++] = bin_of(r, column, text, n);
  return true;
}

static bool take_line(reader *r) {
  int64_t column = 0, reals = 0, bins = 0;
  if (r->length > LONGEST) return snprintf(r->what, sizeof r->what, "it is longer than %d bytes", LONGEST), false;
  if (r->length && r->line[r->length - 1] == '\r') r->length--;
  for (char *text = r->line, *end = r->line + r->length;; column++) {
    char *tab = memchr(text, '\t', (size_t)(end - text));
    if (!take_field(r, column, text, (tab ? tab : end) - text, &reals, &bins)) return false;
    if (!tab) break;
    text = tab + 1;
  }
  if (column + 1 == r->columns) return true;
  snprintf(r->what, sizeof r->what, "%lld fields instead of %lld", (long long)column + 1, (long long)r->columns);
  return false;
}

/* ---- the file ---- */

/* The first line is a header if it begins with this word, in either case of its first letter. */
static bool is_header(const reader *r) {
  const char *word = r->o->header;
  int64_t n = word ? (int64_t)strlen(word) : 0;
  return r->number == 1 && n && r->length >= n && (r->line[0] | 32) == (word[0] | 32) && memcmp(r->line + 1, word + 1, (size_t)n - 1) == 0;
}

static peri_status read_rows(reader *r) {
  peri_status st = PERI_OK;
  for (int64_t line = 0; (r->o->rows == 0 || line < r->o->first + r->o->rows) && next_line(r, &st);) {
    if (is_header(r)) continue;
    if (line++ < r->o->first) continue;
    if (!take_line(r)) {
      if (!r->o->skip_bad) return pri_malformed(&r->s, "line %lld: %s; with skip_bad such lines are left out and counted", (long long)r->number, r->what);
      r->skipped++;
      continue;
    }
    if (append(r, &r->x, r->real, r->reals * (int64_t)sizeof(double)) || append(r, &r->bins, r->bin, r->categories * (int64_t)sizeof(int64_t)) ||
        append(r, &r->y, &r->label, (int64_t)sizeof r->label))
      return context_of(r)->code;
    r->rows++;
    if ((r->rows & 0xffff) == 0 && peri_check_interrupt(context_of(r))) return context_of(r)->code;
  }
  return st;
}

static peri_status check(peri_ctx *cx, const peri_hashed_options *o) {
  if (o->bits < 1 || o->bits > MOST_BITS) return peri_fail(cx, PERI_ERR_VALUE, "io.read_hashed: bits must lie in 1..%d, got %lld", MOST_BITS, (long long)o->bits);
  if (o->first < 0 || o->rows < 0) return peri_fail(cx, PERI_ERR_VALUE, "io.read_hashed: first and rows must not be negative, got %lld and %lld", (long long)o->first, (long long)o->rows);
  size_t n = strlen(o->roles);
  if (n < 1 || n > MOST_COLUMNS || strspn(o->roles, "yifhc-") != n || !strchr(o->roles, 'y') || strchr(o->roles, 'y') != strrchr(o->roles, 'y'))
    return peri_fail(cx, PERI_ERR_VALUE, "io.read_hashed: roles must be 1 to %d of the letters y, i, f, h, c, -, with one y, got '%.60s'", MOST_COLUMNS, o->roles);
  return PERI_OK;
}

static peri_status start(reader *r) {
  for (const char *role = r->o->roles; *role; role++) {
    r->columns++;
    r->reals += *role == 'i' || *role == 'f';
    r->categories += *role == 'c' || *role == 'h';
  }
  peri_ctx *cx = context_of(r);
  r->buffer = peri_alloc(cx, BUFFER);
  r->line = peri_alloc(cx, LONGEST + 1);
  r->real = peri_alloc(cx, (size_t)r->columns * sizeof *r->real);
  r->bin = peri_alloc(cx, (size_t)r->columns * sizeof *r->bin);
  r->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!r->buffer || !r->line || !r->real || !r->bin) return cx->code;
  return r->c ? PERI_OK : peri_fail(cx, PERI_ERR_MEMORY, "io.read_hashed: out of memory");
}

static void close_reader(reader *r) {
  peri_ctx *cx = context_of(r);
  bytes *all[] = {&r->x, &r->bins, &r->y};
  for (int i = 0; i < 3; i++)
    if (all[i]->at) peri_free(cx, all[i]->at, (size_t)all[i]->room);
  if (r->buffer) peri_free(cx, r->buffer, BUFFER);
  if (r->line) peri_free(cx, r->line, LONGEST + 1);
  if (r->real) peri_free(cx, r->real, (size_t)r->columns * sizeof *r->real);
  if (r->bin) peri_free(cx, r->bin, (size_t)r->columns * sizeof *r->bin);
  if (r->c) freelocale(r->c);
  pri_source_close(&r->s);
}

static peri_tensor *matrix(reader *r, peri_dtype type, int nd, int64_t columns, const bytes *from) {
  static const int64_t none;
  return peri_from(context_of(r), type, nd, (int64_t[]){r->rows, columns}, from->used ? (const void *)from->at : &none);
}

peri_status peri_hashed_read(peri_ctx *cx, const char *path, const peri_hashed_options *options, peri_hashed *out) {
  reader r = {.o = options};
  *out = (peri_hashed){0};
  if (check(cx, options) || pri_source_open(&r.s, cx, "io.read_hashed", path)) return cx->code;
  peri_status st = start(&r);
  if (!st) st = read_rows(&r);
  if (!st && (!(out->x = matrix(&r, PERI_F64, 2, r.reals, &r.x)) || !(out->bins = matrix(&r, PERI_I64, 2, r.categories, &r.bins)) ||
              !(out->y = matrix(&r, PERI_I64, 1, 1, &r.y))))
    st = cx->code;
  out->skipped = r.skipped;
  close_reader(&r);
  if (!st) return PERI_OK;
  peri_release(out->x), peri_release(out->bins), peri_release(out->y);
  *out = (peri_hashed){0};
  return st;
}
