/* operand.c - tensors as BLAS and LAPACK want them: element types, layouts, stacks of matrices. */
#include "linalg/linalg.h"
#include "linalg/lapack.h"
#include <float.h>
#include <math.h>
#include <stdio.h>

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

static double element(peri_dtype t, const void *x, int64_t at) {
  return t == PERI_F32 ? ((const float *)x)[at] : ((const double *)x)[at];
}

peri_status pri_finite_lines(peri_ctx *cx, const char *who, const char *what, peri_dtype t, const void *matrix,
                             int64_t lines, int64_t length, bool columns) {
  int64_t parts = t == PERI_C128 ? 2 : 1, size = lines * length * parts;
  int64_t at = t == PERI_F32 ? first_bad_f32(matrix, size) : first_bad_f64(matrix, size);
  if (at < 0) return PERI_OK;
  double value = element(t, matrix, at);
  int64_t line = at / parts / length, along = at / parts % length;
  return peri_fail(cx, PERI_ERR_NUMERIC, "%s: the %s holds %g at row %lld, column %lld", who, what, value,
                   (long long)(columns ? along : line) + 1, (long long)(columns ? line : along) + 1);
}

peri_status pri_finite(peri_ctx *cx, const char *who, peri_dtype t, const void *matrix, int64_t n, bool columns) {
  return pri_finite_lines(cx, who, "matrix", t, matrix, n, n, columns);
}

/* ---- symmetry ---- */

/* Whether all is finite, and max |x| if so: without their signs, floating-point numbers are ordered as their bits are, infinities and NaN
** last. */
#define LARGEST(name, T, U, SIGN, INFINITE)                                                                            \
  static bool name(const T *x, int64_t n, double *largest) {                                                           \
    U most = 0;                                                                                                        \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
      U bits;                                                                                                          \
      memcpy(&bits, x + i, sizeof bits);                                                                               \
      bits &= ~(SIGN);                                                                                                 \
      most = bits > most ? bits : most;                                                                                \
    }                                                                                                                  \
    T value;                                                                                                           \
    memcpy(&value, &most, sizeof value);                                                                               \
    *largest = (double)value;                                                                                          \
    return most < (INFINITE);                                                                                          \
  }
LARGEST(largest_f64, double, uint64_t, UINT64_C(1) << 63, UINT64_C(0x7ff) << 52)
LARGEST(largest_f32, float, uint32_t, UINT32_C(1) << 31, UINT32_C(0xff) << 23)

enum { SYMMETRY_TILE = 32 };

/* max |a_ij - a_ji|, tile by tile. */
#define ASYMMETRY(name, T)                                                                                             \
  static double name(const T *a, int64_t n) {                                                                          \
    T most = 0;                                                                                                        \
    for (int64_t i0 = 0; i0 < n; i0 += SYMMETRY_TILE)                                                                  \
      for (int64_t j0 = 0; j0 <= i0; j0 += SYMMETRY_TILE) {                                                            \
        int64_t i1 = i0 + SYMMETRY_TILE < n ? i0 + SYMMETRY_TILE : n, j1 = j0 + SYMMETRY_TILE;                         \
        for (int64_t i = i0; i < i1; i++)                                                                              \
          for (int64_t j = j0, end = j1 < i ? j1 : i; j < end; j++) {                                                  \
            T d = a[i * n + j] - a[j * n + i];                                                                         \
            d = d < 0 ? -d : d;                                                                                        \
            most = d > most ? d : most;                                                                                \
          }                                                                                                            \
      }                                                                                                                \
    return (double)most;                                                                                               \
  }
ASYMMETRY(asymmetry_f64, double)
ASYMMETRY(asymmetry_f32, float)

static peri_status refuse_asymmetric(peri_ctx *cx, const char *who, peri_dtype t, const void *a, int64_t n,
                                     double allowed) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++) {
      double x = element(t, a, i * n + j), y = element(t, a, j * n + i);
      if (fabs(x - y) > allowed)
        return peri_fail(
            cx, PERI_ERR_VALUE,
            "%s: the matrix is not symmetric (row %lld, column %lld holds %g, its mirror image %g); symmetrise "
            "it: (a + a:t()) / 2",
            who, (long long)i + 1, (long long)j + 1, x, y);
    }
  return PERI_OK;
}

peri_status pri_symmetric(peri_ctx *cx, const char *who, peri_dtype t, const void *a, int64_t n) {
  double largest, epsilon = t == PERI_F32 ? FLT_EPSILON : DBL_EPSILON;
  bool finite = t == PERI_F32 ? largest_f32(a, n * n, &largest) : largest_f64(a, n * n, &largest);
  if (!finite) return pri_finite(cx, who, t, a, n, false);
  double allowed = sqrt(epsilon) * largest, found = t == PERI_F32 ? asymmetry_f32(a, n) : asymmetry_f64(a, n);
  return found <= allowed ? PERI_OK : refuse_asymmetric(cx, who, t, a, n, allowed);
}

/* ---- factorisations ---- */

peri_status pri_real_dtype(const char *who, const peri_tensor *a, const peri_tensor *b, peri_dtype *t) {
  *t = pri_float_dtype(a, b);
  if (pri_is_float(*t)) return PERI_OK;
  return peri_fail(a->cx, PERI_ERR_DTYPE, "%s: not defined for %s; it takes real matrices", who, peri_dtype_name(*t));
}

peri_status pri_matrices(const char *who, const peri_tensor *t, int64_t *rows, int64_t *cols) {
  if (t->ndim < 2) return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: a matrix is needed, got shape %s", who, peri_shape(t));
  *rows = t->dims[t->ndim - 2];
  *cols = t->dims[t->ndim - 1];
  if (!pri_fits_blas(*rows) || !pri_fits_blas(*cols))
    return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: %s is beyond LAPACK's largest dimension, 2147483647", who,
                     peri_shape(t));
  return PERI_OK;
}

int64_t pri_count_matrices(const peri_tensor *t) {
  int64_t n = 1;
  for (int i = 0; i < t->ndim - 2; i++) n *= t->dims[i];
  return n;
}

peri_tensor *pri_like_stack(const peri_tensor *a, peri_dtype t, int inner, int64_t rows, int64_t cols) {
  int64_t dims[PERI_MAXDIM];
  int nd = a->ndim - 2;
  memcpy(dims, a->dims, sizeof dims);
  if (inner == 2) dims[nd++] = rows;
  dims[nd++] = cols;
  return peri_new(a->cx, t, nd, dims);
}

const char *pri_subject(char text[48], int64_t which, int64_t count) {
  if (count == 1) return "matrix";
  snprintf(text, 48, "matrix %lld of the stack", (long long)which + 1);
  return text;
}

peri_status pri_work_fits(peri_ctx *cx, const char *who, double elements) {
  if (elements < (double)INT32_MAX) return PERI_OK;
  return peri_fail(cx, PERI_ERR_SHAPE, "%s: the matrix is too large, LAPACK's work space would have %.3g elements", who,
                   elements);
}

peri_status pri_work_size(peri_ctx *cx, const char *who, double answer, int *size) {
  double needed = ceil(answer * (1 + FLT_EPSILON)); /* f32 answers may be rounded down */
  if (pri_work_fits(cx, who, needed)) return cx->code;
  *size = needed < 1 ? 1 : (int)needed;
  return PERI_OK;
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
