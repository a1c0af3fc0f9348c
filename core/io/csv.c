/* csv.c - reading a table of numbers from text.
**
** Fields are taken one by one from a buffer that holds at least the current one, so memory is bounded by the numbers
** themselves, however long a line is. They are collected in blocks of growing size and copied into the matrix at the
** end, when the number of rows is known. Bytes that end or open a field are found through a table of 256 classes.
*/
#include "io/file.h"
#include "io/number.h"
#include <stdio.h>

enum { BUFFER = 1 << 18, LONGEST_FIELD = 1 << 16, FIRST_BLOCK = 1 << 10, LARGEST_BLOCK = 1 << 20 };

/* ---- growing arrays ---- */

typedef struct block {
  struct block *next;
  int64_t n, room;
  double v[];
} block;

typedef struct {
  void *data;
  int64_t used, room;
} bytes;

static size_t block_size(int64_t room) { return sizeof(block) + (size_t)room * sizeof(double); }

static peri_status reserve(peri_ctx *cx, bytes *b, int64_t more) {
  if (b->room - b->used >= more) return PERI_OK;
  int64_t room = 2 * b->room > b->used + more ? 2 * b->room : b->used + more + 64;
  void *p = peri_alloc(cx, (size_t)room);
  if (!p) return cx->code;
  if (b->data) {
    memcpy(p, b->data, (size_t)b->used);
    peri_free(cx, b->data, (size_t)b->room);
  }
  b->data = p;
  b->room = room;
  return PERI_OK;
}

static peri_status append(peri_ctx *cx, bytes *b, const void *p, int64_t n) {
  if (reserve(cx, b, n)) return cx->code;
  if (n) memcpy((char *)b->data + b->used, p, (size_t)n);
  b->used += n;
  return PERI_OK;
}

static void drop_bytes(peri_ctx *cx, bytes *b) {
  if (b->data) peri_free(cx, b->data, (size_t)b->room);
  b->data = NULL;
}

/* ---- the reader ---- */

typedef enum { FIELD, LINE, FILE_END } ending; /* what stands behind a field */

typedef struct {
  pri_source s;
  peri_ctx *cx;
  const peri_csv_options *opt;
  char *buffer, *at, *end;
  bool finished; /* the file has no more */
  char separator, comment;
  uint8_t class[256]; /* 0: inside a field */
  int64_t line;       /* number of the current one */
  locale_t c;

  int64_t columns, first_line; /* of the file: set by its first line */
  bytes header, text;          /* int64_t offsets into text, one a field; the names one behind another */
  bytes place;                 /* int64_t place of a column among the wanted ones, or -1; empty: all are wanted */
  bytes row;                   /* doubles of the current row, if columns are picked */
  int64_t wanted;
  block *first, *last;
  int64_t values;
} reader;

static peri_status spoiled(const reader *r, const char *what) {
  return pri_malformed(&r->s, "line %lld: %s", (long long)r->line, what);
}

/* More bytes behind `keep`, which moves to the start of the buffer; *keep and r->at follow. */
static peri_status more(reader *r, char **keep) {
  int64_t kept = r->end - *keep, offset = r->at - *keep;
  if (kept > LONGEST_FIELD) return spoiled(r, "a field is longer than 65536 bytes; this is no table of numbers");
  memmove(r->buffer, *keep, (size_t)kept);
  *keep = r->buffer;
  r->at = r->buffer + offset;
  int64_t got = pri_source_read(&r->s, r->buffer + kept, BUFFER - kept);
  if (got < 0) return r->cx->code;
  r->end = r->buffer + kept + got;
  r->finished = got == 0;
  return PERI_OK;
}

/* Whether a byte stands at r->at, keeping those from *keep on. */
static inline bool there(reader *r, char **keep, peri_status *st) {
  if (r->at < r->end) return true;
  if (!r->finished) *st = more(r, keep);
  return !*st && r->at < r->end;
}

static bool blank(const reader *r, char ch) { return ch == ' ' || (ch == '\t' && r->separator != '\t'); }

static peri_status skip_blanks(reader *r) {
  peri_status st = PERI_OK;
  char *keep = r->at;
  while (there(r, &keep, &st) && blank(r, *r->at)) keep = ++r->at;
  return st;
}

/* Behind a field: eats the separator or the end of the line. */
static peri_status take_ending(reader *r, char **keep, ending *e) {
  peri_status st = PERI_OK;
  *e = FILE_END;
  if (!there(r, keep, &st)) return st;
  *e = *r->at == '\n' ? LINE : FIELD;
  r->at++;
  return PERI_OK;
}

/* Behind a closing quote: blanks, then the separator (which may have been those blanks) or the end of the line. */
static peri_status behind_quote(reader *r, char **keep, ending *e) {
  peri_status st = PERI_OK;
  int64_t skipped = 0;
  for (; there(r, keep, &st) && (blank(r, *r->at) || *r->at == '\r'); r->at++) skipped++;
  if (st) return st;
  if (r->at < r->end && *r->at != '\n' && *r->at != r->separator) {
    *e = FIELD;
    return r->separator == ' ' && skipped ? PERI_OK : spoiled(r, "text follows a closing quote");
  }
  return take_ending(r, keep, e);
}

/* "a ""b""": the text between the quotes, doubled ones undone in place. */
static peri_status quoted_field(reader *r, char **text, int64_t *n, ending *e) {
  peri_status st = PERI_OK;
  char *keep = r->at++;
  int64_t out = 0;
  for (;;) {
    if (!there(r, &keep, &st)) return st ? st : spoiled(r, "a quote is not closed");
    char ch = *r->at;
    if (ch == '\n') return spoiled(r, "a quote is not closed");
    if (ch == 0) return spoiled(r, "a NUL byte; this is no text");
    if (ch == '"') {
      r->at++;
      if (!there(r, &keep, &st) || *r->at != '"') break;
    }
    keep[out++] = ch;
    r->at++;
  }
  *n = out;
  st = st ? st : behind_quote(r, &keep, e);
  *text = keep;
  return st;
}

/* The next field of the line, blanks around it removed. It stays where it is until the next call. */
static peri_status next_field(reader *r, char **text, int64_t *n, ending *e) {
  peri_status st = skip_blanks(r);
  char *keep = r->at;
  if (st) return st;
  if (there(r, &keep, &st) && *r->at == '"') return quoted_field(r, text, n, e);
  for (;;) {
    while (r->at < r->end && !r->class[(unsigned char)*r->at]) r->at++;
    if (r->at < r->end && *r->at == 0) return spoiled(r, "a NUL byte; this is no text");
    if (r->at < r->end || !there(r, &keep, &st)) break;
  }
  if (st) return st;
  int64_t length = r->at - keep;
  if (length > LONGEST_FIELD) return spoiled(r, "a field is longer than 65536 bytes; this is no table of numbers");
  if (length && keep[length - 1] == '\r' && (r->at == r->end || *r->at == '\n')) length--;
  while (length && blank(r, keep[length - 1])) length--;
  *n = length;
  st = take_ending(r, &keep, e);
  if (!st && r->separator == ' ' &&
      *e == FIELD) { /* a run of blanks separates once, and not at all before the end of the line */
    while (there(r, &keep, &st) && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r')) r->at++;
    if (!st && (!there(r, &keep, &st) || *r->at == '\n')) st = st ? st : take_ending(r, &keep, e);
  }
  *text = keep;
  return st;
}

/* ---- lines ---- */

/* Comes to the first byte of a line that is neither blank nor a comment; false at the end of the file. */
static bool next_line(reader *r, peri_status *st) {
  for (;;) {
    r->line++;
    char *keep = r->at;
    while (there(r, &keep, st) && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r')) {
      if (*r->at == '\t' && r->separator == '\t') break; /* an empty first field */
      keep = ++r->at;
    }
    if (*st || !there(r, &keep, st)) return false;
    if (*r->at != '\n' && *r->at != r->comment) return true;
    while (there(r, &keep, st) && *r->at != '\n') keep = ++r->at;
    if (*st || r->at == r->end) return false;
    r->at++;
  }
}

static peri_status skip_mark(reader *r) {
  char *keep = r->at;
  peri_status st = more(r, &keep);
  if (!st && r->end - r->at >= 3 && memcmp(r->at, "\xef\xbb\xbf", 3) == 0) r->at += 3;
  return st;
}

static void classify(reader *r) {
  memset(r->class, 0, sizeof r->class);
  r->class[0] = r->class['\n'] = r->class[(unsigned char)r->separator] = 1;
  if (r->separator == ' ') r->class['\t'] = 1;
}

/* The separator by the first line, as far as the buffer shows it. */
static void find_separator(reader *r) {
  static const char known[] = "\t;, ";
  char *end = memchr(r->at, '\n', (size_t)(r->end - r->at)), *from = r->at;
  if (!end) end = r->end;
  while (end > from && (end[-1] == ' ' || end[-1] == '\r')) end--;
  while (from < end && *from == ' ') from++;
  r->separator = ',';
  for (int i = 0; known[i]; i++) {
    bool inside = false;
    for (char *p = from; p < end; p++) {
      if (*p == '"') inside = !inside;
      if (!inside && *p == known[i]) {
        r->separator = known[i];
        return;
      }
    }
  }
}

/* ---- values ---- */

static peri_status push(reader *r, double x) {
  if (!r->last || r->last->n == r->last->room) {
    int64_t room = !r->last ? FIRST_BLOCK : r->last->room < LARGEST_BLOCK ? 2 * r->last->room : LARGEST_BLOCK;
    block *b = peri_alloc(r->cx, block_size(room));
    if (!b) return r->cx->code;
    b->next = NULL;
    b->n = 0;
    b->room = room;
    if (r->last)
      r->last->next = b;
    else
      r->first = b;
    r->last = b;
  }
  r->last->v[r->last->n++] = x;
  r->values++;
  return PERI_OK;
}

static peri_status read_value(reader *r, int64_t column, const char *text, int64_t n, double *x) {
  static const char *const what[] = {NULL, "no number", "too large for f64"};
  if (n == 0) {
    *x = __builtin_nan("");
    if (r->opt->missing) return PERI_OK;
    return pri_malformed(&r->s,
                         "line %lld, column %lld: the field is empty; with the option `missing` it is read as nan",
                         (long long)r->line, (long long)column + 1);
  }
  pri_reading got = pri_read_double(text, n, r->c, x);
  if (got == PRI_NUMBER) return PERI_OK;
  bool comma = r->separator != ',' && memchr(text, ',', (size_t)n);
  char shown[41] = "";
  for (int64_t i = 0; i < n && i < 40; i++) shown[i] = (unsigned char)text[i] < 32 ? '?' : text[i];
  return pri_malformed(&r->s, "line %lld, column %lld: '%s' is %s%s", (long long)r->line, (long long)column + 1, shown,
                       what[got], comma ? "; the decimal sign must be a point" : "");
}

static peri_status take_value(reader *r, int64_t column, const char *text, int64_t n) {
  double x;
  const int64_t *place = r->place.data;
  if (column >= r->columns) return PERI_OK; /* end_row will say so */
  if (!place) return read_value(r, column, text, n, &x) ? r->cx->code : push(r, x);
  if (place[column] < 0) return PERI_OK;
  return read_value(r, column, text, n, &((double *)r->row.data)[place[column]]);
}

static peri_status end_row(reader *r, int64_t fields) {
  if (fields != r->columns)
    return pri_malformed(&r->s, "line %lld has %lld fields; line %lld has %lld", (long long)r->line, (long long)fields,
                         (long long)r->first_line, (long long)r->columns);
  for (int64_t i = 0; r->place.data && i < r->wanted; i++)
    if (push(r, ((double *)r->row.data)[i])) return r->cx->code;
  return PERI_OK;
}

static peri_status read_row(reader *r) {
  char *text;
  int64_t n, fields = 0;
  ending e = FIELD;
  while (e == FIELD) {
    if (next_field(r, &text, &n, &e) || take_value(r, fields, text, n)) return r->cx->code;
    fields++;
  }
  return end_row(r, fields);
}

/* ---- the first line ---- */

/* All its fields into `text`, their offsets into `header`; *words: one of them is no number. */
static peri_status read_first(reader *r, bool *words) {
  char *text;
  int64_t n;
  ending e = FIELD;
  double x;
  *words = false;
  while (e == FIELD) {
    if (next_field(r, &text, &n, &e) || append(r->cx, &r->header, &r->text.used, sizeof(int64_t)) ||
        append(r->cx, &r->text, text, n) || append(r->cx, &r->text, "", 1))
      return r->cx->code;
    *words |= n && pri_read_double(text, n, r->c, &x) == PRI_NO_NUMBER;
  }
  r->columns = r->header.used / (int64_t)sizeof(int64_t);
  r->first_line = r->line;
  return PERI_OK;
}

static const char *name_of(const reader *r, int64_t column) {
  return (char *)r->text.data + ((int64_t *)r->header.data)[column];
}

static peri_status find_column(const reader *r, const char *name, int64_t *column) {
  *column = -1;
  for (int64_t k = 0; k < r->columns; k++) {
    if (strcmp(name_of(r, k), name) != 0) continue;
    if (*column >= 0)
      return pri_malformed(&r->s, "columns %lld and %lld are both named '%.60s'", (long long)*column + 1,
                           (long long)k + 1, name);
    *column = k;
  }
  return *column >= 0
             ? PERI_OK
             : peri_fail(r->cx, PERI_ERR_VALUE, "%s: '%s': there is no column '%.60s'", r->s.who, r->s.name, name);
}

/* Fills `place` from the columns asked for. */
static peri_status choose(reader *r, bool named) {
  const peri_csv_options *o = r->opt;
  r->wanted = o->count ? o->count : r->columns;
  if (!o->count) return PERI_OK;
  if (reserve(r->cx, &r->place, r->columns * (int64_t)sizeof(int64_t)) ||
      reserve(r->cx, &r->row, o->count * (int64_t)sizeof(double)))
    return r->cx->code;
  int64_t *place = r->place.data, k;
  for (int64_t i = 0; i < r->columns; i++) place[i] = -1;
  for (int64_t i = 0; i < o->count; i++) {
    if (o->columns && !named) return pri_malformed(&r->s, "columns are asked for by name, but the file has no header");
    if (o->columns && find_column(r, o->columns[i], &k)) return r->cx->code;
    if (!o->columns) k = o->numbers[i];
    if (k < 0 || k >= r->columns)
      return peri_fail(r->cx, PERI_ERR_INDEX, "%s: '%s': column %lld of %lld", r->s.who, r->s.name, (long long)k + 1,
                       (long long)r->columns);
    if (place[k] >= 0)
      return peri_fail(r->cx, PERI_ERR_VALUE, "%s: '%s': column %lld is asked for twice", r->s.who, r->s.name,
                       (long long)k + 1);
    place[k] = i;
  }
  return PERI_OK;
}

/* The first line as a row of numbers. */
static peri_status replay(reader *r) {
  for (int64_t k = 0; k < r->columns; k++)
    if (take_value(r, k, name_of(r, k), (int64_t)strlen(name_of(r, k)))) return r->cx->code;
  return end_row(r, r->columns);
}

static peri_status begin(reader *r, bool *named) {
  peri_status st = skip_mark(r);
  bool words;
  *named = false;
  r->comment = r->opt->comment ? r->opt->comment : '#';
  r->separator = r->opt->separator ? r->opt->separator : '\t';
  if (st || !next_line(r, &st)) return st ? st : pri_malformed(&r->s, "the file has no data");
  if (!r->opt->separator) find_separator(r);
  classify(r);
  if (read_first(r, &words)) return r->cx->code;
  *named = r->opt->header == PERI_HEADER_YES || (r->opt->header == PERI_HEADER_FIND && words);
  if (choose(r, *named)) return r->cx->code;
  return *named ? PERI_OK : replay(r);
}

/* ---- the result ---- */

static peri_tensor *matrix(reader *r) {
  peri_tensor *t = peri_new(r->cx, PERI_F64, 2, (int64_t[]){r->wanted ? r->values / r->wanted : 0, r->wanted});
  if (!t) return NULL;
  double *to = t->data;
  for (block *b = r->first; b; b = b->next) {
    memcpy(to, b->v, (size_t)b->n * sizeof *to);
    to += b->n;
  }
  return t;
}

/* One allocation: the pointers, then the names they point to. */
static peri_status take_names(reader *r, peri_csv *table) {
  size_t size = (size_t)r->wanted * sizeof(char *);
  const int64_t *place = r->place.data;
  for (int64_t k = 0; k < r->columns; k++)
    if (!place || place[k] >= 0) size += strlen(name_of(r, k)) + 1;
  char **names = peri_alloc(r->cx, size), *to = (char *)(names + r->wanted);
  if (!names) return r->cx->code;
  for (int64_t k = 0; k < r->columns; k++) {
    if (place && place[k] < 0) continue;
    names[place ? place[k] : k] = to;
    to = stpcpy(to, name_of(r, k)) + 1;
  }
  table->names = (const char *const *)names;
  table->names_size = size;
  return PERI_OK;
}

static void close_reader(reader *r) {
  bytes *all[] = {&r->header, &r->text, &r->place, &r->row};
  for (int i = 0; i < 4; i++) drop_bytes(r->cx, all[i]);
  while (r->first) {
    block *b = r->first;
    r->first = b->next;
    peri_free(r->cx, b, block_size(b->room));
  }
  if (r->buffer) peri_free(r->cx, r->buffer, BUFFER);
  if (r->c) freelocale(r->c);
  pri_source_close(&r->s);
}

static peri_status read_all(reader *r, peri_csv *table) {
  bool named;
  peri_status st = begin(r, &named);
  while (!st && next_line(r, &st)) st = read_row(r);
  if (!st && named) st = take_names(r, table);
  if (!st && !(table->values = matrix(r))) st = r->cx->code;
  return st;
}

static peri_status check_options(peri_ctx *cx, const peri_csv_options *o) {
  if (o->separator == '\n' || o->separator == '\r' || o->separator == '"' ||
      (o->separator && o->separator == (o->comment ? o->comment : '#')))
    return peri_fail(cx, PERI_ERR_VALUE,
                     "io.read_csv: the separator must not be a quote, the end of a line or the comment sign");
  return PERI_OK;
}

peri_status peri_csv_read(peri_ctx *cx, const char *path, const peri_csv_options *options, peri_csv *table) {
  static const peri_csv_options plain = {0};
  reader r = {.cx = cx, .opt = options ? options : &plain};
  *table = (peri_csv){.cx = cx};
  if (check_options(cx, r.opt) || pri_source_open(&r.s, cx, "io.read_csv", path)) return cx->code;
  r.c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  r.buffer = peri_alloc(cx, BUFFER);
  r.at = r.end = r.buffer;
  peri_status st = !r.buffer ? cx->code
                   : r.c     ? read_all(&r, table)
                             : peri_fail(cx, PERI_ERR_MEMORY, "io.read_csv: out of memory");
  table->columns = r.wanted;
  close_reader(&r);
  if (st) peri_csv_close(table);
  return st;
}

void peri_csv_close(peri_csv *table) {
  peri_release(table->values);
  if (table->names) peri_free(table->cx, (void *)(uintptr_t)table->names, table->names_size);
  table->values = NULL;
  table->names = NULL;
}
