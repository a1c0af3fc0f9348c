/* npy_write.c - writing an NPY array: the bytes of numpy.save.
**
** The header is padded twice, as NumPy 1.24 does: first so that the outermost dimension could grow to 21 digits,
** then so that the data start at a multiple of 64. An array whose memory is in Fortran order and not in C order is
** written as it lies.
*/
#include "io/npy.h"
#include <stdio.h>

enum { ALIGN = 64, GROWTH = 21, HEADER = 512, PIECE = 1 << 20 };

static bool fortran_order(const peri_tensor *t) {
  int64_t run = 1;
  if (pri_contiguous(t)) return false;
  for (int i = 0; i < t->ndim; i++) {
    if (t->dims[i] != 1 && t->strides[i] != run) return false;
    run *= t->dims[i];
  }
  return true;
}

static int header(const peri_tensor *t, char *b) {
  static const char *const descr[PERI_DTYPES] = {"|b1", "<i8", "<f4", "<f8", "<c16"};
  bool fortran = fortran_order(t);
  int n = 10 + snprintf(b + 10, HEADER - 10, "{'descr': '%s', 'fortran_order': %s, 'shape': (", descr[t->dtype],
                        fortran ? "True" : "False");
  for (int i = 0; i < t->ndim; i++)
    n += snprintf(b + n, (size_t)(HEADER - n), i ? ", %lld" : "%lld", (long long)t->dims[i]);
  n += snprintf(b + n, (size_t)(HEADER - n), t->ndim == 1 ? ",), }" : "), }");
  if (t->ndim) {
    int digits = snprintf(NULL, 0, "%lld", (long long)t->dims[fortran ? t->ndim - 1 : 0]);
    for (int i = digits; i < GROWTH; i++) b[n++] = ' ';
  }
  int pad = ALIGN - (n + 1) % ALIGN;
  memset(b + n, ' ', (size_t)pad);
  n += pad;
  b[n++] = '\n';
  memcpy(b, "\x93NUMPY\1\0", 8);
  pri_put_little((unsigned char *)b + 8, (uint64_t)(n - 10), 2);
  return n;
}

int64_t pri_npy_size(const peri_tensor *t) {
  char b[HEADER];
  return header(t, b) + t->size * (int64_t)peri_sizeof((peri_dtype)t->dtype);
}

typedef peri_status (*putter)(void *ud, const void *bytes, int64_t n);

/* Memory order is file order; on a big-endian machine the words of a piece would be swapped here. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "NPY data are written in the machine's order, which is taken to be little-endian");

static peri_status put_data(const peri_tensor *t, putter put, void *ud) {
  int64_t bytes = t->size * (int64_t)peri_sizeof((peri_dtype)t->dtype);
  peri_status st = PERI_OK;
  for (int64_t at = 0; at < bytes && !st; at += PIECE)
    st = put(ud, (const char *)t->data + at, bytes - at < PIECE ? bytes - at : PIECE);
  return st;
}

peri_status pri_npy_put(peri_tensor *t, putter put, void *ud) {
  char b[HEADER];
  peri_status st = put(ud, b, header(t, b));
  if (st) return st;
  if (pri_contiguous(t) || fortran_order(t)) return put_data(t, put, ud);
  peri_tensor *copy = peri_new(t->cx, (peri_dtype)t->dtype, t->ndim, t->dims);
  if (!copy) return t->cx->code;
  pri_copy_into(copy, t);
  st = put_data(copy, put, ud);
  peri_release(copy);
  return st;
}

static peri_status to_sink(void *ud, const void *bytes, int64_t n) { return pri_sink_write(ud, bytes, n); }

peri_status peri_npy_write(peri_tensor *t, const char *path) {
  pri_sink s;
  if (pri_sink_open(&s, t->cx, "io.save_npy", path)) return t->cx->code;
  return pri_sink_close(&s, pri_npy_put(t, to_sink, &s));
}
