/* csv_write.c - writing tensors as columns of a text table. */
#include "io/file.h"
#include "io/number.h"
#include <stdio.h>

typedef struct {
  pri_sink s;
  char separator;
  locale_t c;
} writer;

static bool needs_quotes(const char *name, char separator) {
  return *name == '#' || *name == ' ' || strchr(name, '"') || strchr(name, '\n') || strchr(name, '\r') ||
         strchr(name, separator);
}

static peri_status put_name(writer *w, const char *name) {
  if (!needs_quotes(name, w->separator)) return pri_sink_write(&w->s, name, (int64_t)strlen(name));
  peri_status st = pri_sink_write(&w->s, "\"", 1);
  for (; *name && !st; name++) {
    if (*name == '"') st = pri_sink_write(&w->s, "\"", 1);
    if (!st) st = pri_sink_write(&w->s, *name == '\n' || *name == '\r' ? " " : name, 1);
  }
  return st ? st : pri_sink_write(&w->s, "\"", 1);
}

static peri_status put_value(writer *w, const peri_tensor *t, int64_t k) {
  char text[PRI_NUMBER_TEXT];
  int n = t->dtype <= PERI_I64 ? snprintf(text, sizeof text, "%lld", (long long)peri_item_i64(t, k))
                               : pri_write_double(text, peri_item(t, k), t->dtype == PERI_F32, w->c);
  return pri_sink_write(&w->s, text, n);
}

static int64_t width(const peri_tensor *t) { return t->ndim == 1 ? 1 : t->dims[1]; }

static peri_status put_row(writer *w, int64_t row, int64_t n, peri_tensor *const *columns) {
  bool first = true;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < width(columns[i]); j++) {
      if (!first && pri_sink_write(&w->s, &w->separator, 1)) return w->s.cx->code;
      if (put_value(w, columns[i], row * width(columns[i]) + j)) return w->s.cx->code;
      first = false;
    }
  return pri_sink_write(&w->s, "\n", 1);
}

static peri_status put_header(writer *w, int64_t named, const char *const *names) {
  for (int64_t i = 0; i < named; i++)
    if ((i && pri_sink_write(&w->s, &w->separator, 1)) || put_name(w, names[i])) return w->s.cx->code;
  return pri_sink_write(&w->s, "\n", 1);
}

static peri_status put_all(writer *w, int64_t n, peri_tensor *const *columns, int64_t named, const char *const *names) {
  peri_status st = names ? put_header(w, named, names) : PERI_OK;
  for (int64_t row = 0; n && row < columns[0]->dims[0] && !st; row++) {
    st = put_row(w, row, n, columns);
    if (!st && row % 1024 == 0) st = peri_check_interrupt(w->s.cx);
  }
  return st;
}

static peri_status check(peri_ctx *cx, const char *path, int64_t n, peri_tensor *const *columns, int64_t named,
                         const char *const *names) {
  int64_t total = 0;
  for (int64_t i = 0; i < n; i++) {
    const peri_tensor *t = columns[i];
    if (t->cx != cx)
      return peri_fail(cx, PERI_ERR_STATE, "io.write_csv: column %lld belongs to another context", (long long)i + 1);
    if (t->dtype == PERI_C128)
      return peri_fail(cx, PERI_ERR_DTYPE,
                       "io.write_csv: '%.200s': a table holds real numbers; write real() and imag() of c128", path);
    if (t->ndim < 1 || t->ndim > 2)
      return peri_fail(cx, PERI_ERR_SHAPE, "io.write_csv: '%.200s': columns are vectors or matrices, got shape %s",
                       path, peri_shape(t));
    if (t->dims[0] != columns[0]->dims[0])
      return peri_fail(cx, PERI_ERR_SHAPE, "io.write_csv: '%.200s': the numbers of rows differ: %lld and %lld", path,
                       (long long)columns[0]->dims[0], (long long)t->dims[0]);
    total += width(t);
  }
  if (names && named != total)
    return peri_fail(cx, PERI_ERR_SHAPE, "io.write_csv: '%.200s': %lld names for %lld columns", path, (long long)named,
                     (long long)total);
  return PERI_OK;
}

peri_status peri_csv_write(peri_ctx *cx, const char *path, int64_t n, peri_tensor *const *columns, int64_t named,
                           const char *const *names, char separator) {
  writer w = {.separator = separator ? separator : ','};
  peri_status st = check(cx, path, n, columns, named, names);
  if (st || (st = pri_sink_open(&w.s, cx, "io.write_csv", path))) return st;
  w.c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!w.c) return pri_sink_close(&w.s, peri_fail(cx, PERI_ERR_MEMORY, "io.write_csv: out of memory"));
  locale_t before = uselocale(w.c); /* this thread's only: printf must write a point */
  st = put_all(&w, n, columns, named, names);
  uselocale(before);
  freelocale(w.c);
  return pri_sink_close(&w.s, st);
}
