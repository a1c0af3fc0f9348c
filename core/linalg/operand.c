/* operand.c - tensors as BLAS and LAPACK want them: element types, layouts, stacks of matrices. */
#include "linalg/linalg.h"
#include "linalg/lapack.h"

peri_dtype pri_float_dtype(const peri_tensor *a, const peri_tensor *b) {
  peri_dtype t = b ? peri_promote(a, b) : (peri_dtype)a->dtype;
  return t < PERI_F32 ? PERI_F64 : t;
}

/* Whether an axis of length n whose elements must be neighbours has them so. */
static bool dense(int64_t n, int64_t stride) { return n <= 1 || stride == 1; }

/* Whether `outer` lines of `inner` elements can be given by a leading dimension. */
static bool spaced(int64_t outer, int64_t stride, int64_t inner) {
  return outer <= 1 || (stride >= inner && stride >= 1);
}

static bool suits_blas(const peri_tensor *t) {
  const int64_t *d = t->dims + t->ndim - 2, *s = t->strides + t->ndim - 2;
  return (dense(d[1], s[1]) && spaced(d[0], s[0], d[1])) || (dense(d[0], s[0]) && spaced(d[1], s[1], d[0]));
}

peri_tensor *pri_blas_operand(peri_tensor *t, peri_dtype to) {
  return t->dtype == to && suits_blas(t) ? peri_retain(t) : peri_cast(t, to);
}

peri_status pri_batch_shape(const char *who, const peri_tensor *a, const peri_tensor *b, int inner, int *nd,
                            int64_t *dims) {
  int na = a->ndim - inner, nb = b->ndim - inner;
  *nd = na > nb ? na : nb;
  for (int i = 0; i < *nd; i++) {
    int ia = na - 1 - i, ib = nb - 1 - i;
    int64_t da = ia >= 0 ? a->dims[ia] : 1, db = ib >= 0 ? b->dims[ib] : 1;
    if (da != db && da != 1 && db != 1)
      return peri_fail(a->cx, PERI_ERR_SHAPE, "%s: leading axes do not broadcast: %s and %s", who, peri_shape(a),
                       peri_shape(b));
    dims[*nd - 1 - i] = da == 1 ? db : da;
  }
  return PERI_OK;
}

pri_batch pri_batch_make(int nd, const int64_t *dims) {
  pri_batch b = {.nd = nd, .count = 1};
  for (int i = 0; i < nd; i++) b.count *= b.dims[i] = dims[i];
  return b;
}

void pri_batch_strides(const pri_batch *batch, const peri_tensor *t, int inner, int64_t *strides) {
  for (int i = 0; i < batch->nd; i++) {
    int k = t->ndim - inner - batch->nd + i;
    strides[i] = k < 0 || t->dims[k] == 1 ? 0 : t->strides[k];
  }
}

int64_t pri_batch_offset(const pri_batch *batch, const int64_t *strides, int64_t i) {
  int64_t offset = 0;
  for (int k = batch->nd - 1; k >= 0; k--) {
    offset += i % batch->dims[k] * strides[k];
    i /= batch->dims[k];
  }
  return offset;
}

peri_status pri_square(const char *who, const peri_tensor *t, int64_t *n) {
  if (t->ndim < 2) return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: a matrix is needed, got shape %s", who, peri_shape(t));
  *n = t->dims[t->ndim - 1];
  if (t->dims[t->ndim - 2] != *n)
    return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: the matrix is not square: %s", who, peri_shape(t));
  if (!pri_fits_blas(*n))
    return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: %s is beyond LAPACK's largest dimension, 2147483647", who,
                     peri_shape(t));
  return PERI_OK;
}

#define FIRST_BAD(name, T)                                                                                             \
  static int64_t name(const T *x, int64_t n) {                                                                         \
    for (int64_t i = 0; i < n; i++)                                                                                    \
      if (x[i] - x[i] != 0) return i;                                                                                  \
    return -1;                                                                                                         \
  }
FIRST_BAD(first_bad_f64, double)
FIRST_BAD(first_bad_f32, float)

peri_status pri_finite(peri_ctx *cx, const char *who, peri_dtype t, const void *matrix, int64_t n, bool columns) {
  int64_t parts = t == PERI_C128 ? 2 : 1, size = n * n * parts;
  int64_t at = t == PERI_F32 ? first_bad_f32(matrix, size) : first_bad_f64(matrix, size);
  if (at < 0) return PERI_OK;
  double value = t == PERI_F32 ? ((const float *)matrix)[at] : ((const double *)matrix)[at];
  at /= parts;
  int64_t row = columns ? at % n : at / n, column = columns ? at / n : at % n;
  return peri_fail(cx, PERI_ERR_NUMERIC, "%s: the matrix holds %g at row %lld, column %lld", who, value,
                   (long long)row + 1, (long long)column + 1);
}

void pri_to_columns(void *dst, int64_t ldd, const void *src, int64_t s0, int64_t s1, int64_t rows, int64_t cols,
                    size_t bytes) {
  enum { TILE = 32 };
  const int64_t size = (int64_t)bytes;
  int64_t run = s0 == 1 ? rows : TILE; /* a line that is contiguous already is copied whole */
  for (int64_t i = 0; i < rows; i += run)
    for (int64_t j = 0; j < cols; j++) {
      int64_t m = rows - i < run ? rows - i : run;
      pri_gather((char *)dst + (i + j * ldd) * size, (const char *)src + (i * s0 + j * s1) * size, s0, m, bytes);
    }
}
