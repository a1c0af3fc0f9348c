/* libsvm.c - labelled sparse rows, "label index:value index:value ...", read into a dense matrix.
**
** Indices count from 1 and increase within a line. Two passes over the numbers would need the file twice; instead entries are kept
** as they come, and laid out once the largest index is known.
*/
#include "io/file.h"
#include "io/number.h"
#include <stdlib.h>

enum { BUFFER = 1 << 16, LONGEST = 1 << 16, MOST_COLUMNS = 1 << 24 };

typedef struct { int64_t row, column; double value; } entry;

typedef struct {
  pri_source s;
  locale_t c;
  char *buffer, *line;      /* BUFFER bytes read ahead; the current line */
  int64_t at, have, length, number;
  entry *entries;
  double *labels;
  int64_t n, room, rows, label_room, columns;
} reader;

/* The next line, without its end, into r->line; false at the end of the file or on error. */
static bool next_line(reader *r, peri_status *st) {
  r->length = 0;
  for (;;) {
    if (r->at == r->have) {
      r->have = pri_source_read(&r->s, r->buffer, BUFFER);
      r->at = 0;
      if (r->have < 0) return *st = r->s.cx->code, false;
      if (r->have == 0) return r->length > 0 ? (r->number++, true) : false;
    }
    char c = r->buffer[r->at++];
    if (c == '\n') return r->number++, true;
    if (r->length == LONGEST) return *st = pri_malformed(&r->s, "line %lld is longer than %d bytes", (long long)r->number + 1, LONGEST), false;
    r->line[r->length++] = c;
  }
}

static peri_status grow(reader *r, void **array, int64_t *room, size_t bytes) {
  int64_t more = *room ? 2 * *room : 1024;
  void *wider = peri_alloc(r->s.cx, (size_t)more * bytes);
  if (!wider) return r->s.cx->code;
  if (*room) memcpy(wider, *array, (size_t)*room * bytes);
  peri_free(r->s.cx, *array, (size_t)*room * bytes);
  *array = wider;
  *room = more;
  return PERI_OK;
}

static peri_status bad(reader *r, const char *what, int64_t from, int64_t to) {
  return pri_malformed(&r->s, "line %lld: %s '%.*s'", (long long)r->number, what, (int)(to - from < 40 ? to - from : 40), r->line + from);
}

static peri_status take_entry(reader *r, int64_t from, int64_t to, int64_t *last) {
  int64_t colon = from, index = 0;
  double value;
  while (colon < to && r->line[colon] != ':') colon++;
  if (colon == to || colon == from) return bad(r, "expected index:value, got", from, to);
  for (int64_t i = from; i < colon; i++) {
    if (r->line[i] < '0' || r->line[i] > '9') return bad(r, "the index is no number:", from, to);
    if (index > MOST_COLUMNS) break;
    index = 10 * index + (r->line[i] - '0');
  }
  if (index < 1 || index > MOST_COLUMNS) return bad(r, "the index must lie in 1..16777216, got", from, colon);
  if (index <= *last) return bad(r, "indices must increase, got", from, colon);
  if (pri_read_double(r->line + colon + 1, to - colon - 1, r->c, &value) != PRI_NUMBER || value != value || value - value != 0)
    return bad(r, "the value must be a finite number, got", colon + 1, to);
  *last = index;
  if (index > r->columns) r->columns = index;
  if (r->n == r->room && grow(r, (void **)&r->entries, &r->room, sizeof *r->entries)) return r->s.cx->code;
  r->entries[r->n++] = (entry){r->rows, index - 1, value};
  return PERI_OK;
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static peri_status take_line(reader *r) {
  int64_t at = 0, last = 0, word = 0;
  while (at < r->length && r->line[at] != '#') {
    if (blank(r->line[at])) {
      at++;
      continue;
    }
    int64_t from = at;
    while (at < r->length && !blank(r->line[at]) && r->line[at] != '#') at++;
    if (word++ > 0) {
      if (take_entry(r, from, at, &last)) return r->s.cx->code;
      continue;
    }
    double label;
    if (pri_read_double(r->line + from, at - from, r->c, &label) != PRI_NUMBER || label - label != 0)
      return bad(r, "the label must be a finite number, got", from, at);
    if (r->rows == r->label_room && grow(r, (void **)&r->labels, &r->label_room, sizeof *r->labels)) return r->s.cx->code;
    r->labels[r->rows] = label;
  }
  if (word) r->rows++;
  return PERI_OK;
}

static peri_status lay_out(reader *r, int64_t columns, peri_tensor **x, peri_tensor **y) {
  peri_ctx *cx = r->s.cx;
  if (columns > 0 && r->columns > columns)
    return pri_malformed(&r->s, "index %lld, but only %lld columns were asked for", (long long)r->columns, (long long)columns);
  int64_t d = columns > 0 ? columns : r->columns;
  *x = peri_zeros(cx, PERI_F64, 2, (int64_t[]){r->rows, d});
  *y = *x ? peri_new(cx, PERI_F64, 1, &r->rows) : NULL;
  if (!*y) return cx->code;
  for (int64_t i = 0; i < r->n; i++) ((double *)(*x)->data)[r->entries[i].row * d + r->entries[i].column] = r->entries[i].value;
  if (r->rows) memcpy((*y)->data, r->labels, (size_t)r->rows * sizeof *r->labels);
  return PERI_OK;
}

peri_status peri_libsvm_read(peri_ctx *cx, const char *path, int64_t columns, peri_tensor **x, peri_tensor **y) {
  reader r = {0};
  *x = *y = NULL;
  if (pri_source_open(&r.s, cx, "io.load_libsvm", path)) return cx->code;
  r.c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  r.buffer = peri_alloc(cx, BUFFER);
  r.line = r.buffer ? peri_alloc(cx, LONGEST) : NULL;
  peri_status st = r.c && r.line ? PERI_OK : r.c ? cx->code : peri_fail(cx, PERI_ERR_MEMORY, "io.load_libsvm: out of memory");
  while (!st && next_line(&r, &st)) {
    st = take_line(&r);
    if (!st && r.number % 1024 == 0) st = peri_check_interrupt(cx);
  }
  if (!st) st = lay_out(&r, columns, x, y);
  peri_free(cx, r.entries, (size_t)r.room * sizeof *r.entries);
  peri_free(cx, r.labels, (size_t)r.label_room * sizeof *r.labels);
  peri_free(cx, r.buffer, BUFFER);
  peri_free(cx, r.line, LONGEST);
  if (r.c) freelocale(r.c);
  pri_source_close(&r.s);
  if (!st) return PERI_OK;
  peri_release(*x);
  peri_release(*y);
  *x = *y = NULL;
  return st;
}
