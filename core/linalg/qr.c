/* qr.c - the QR decomposition by Householder reflections (LAPACK geqrf, orgqr), and least squares of minimal norm (LAPACK gelsd).
**
** A = Q R with A (m, n), Q (m, k) of orthonormal columns, R (k, n) upper triangular, k = min(m, n). Signs of R's diagonal are LAPACK's.
*/
#include "linalg/linalg.h"
#include "linalg/lapack.h"
#include <float.h>
#include <perigee/shape.h>

/* Columns of every matrix of a, one after the other, in a new stack (..., n, m) of rows. */
static peri_tensor *columns_of(peri_tensor *a, peri_dtype t) {
  peri_tensor *view = peri_transpose(a, -1, -2), *r = view ? peri_cast(view, t) : NULL;
  peri_release(view);
  return r;
}

/* ---- qr ---- */

typedef struct {
  peri_ctx *cx;
  const char *who;
  peri_dtype dtype;
  int m, n, k, lwork;
  char *tau, *work;
} solver;

static size_t bytes_of(const solver *s, int64_t elements) { return (size_t)elements * peri_sizeof(s->dtype); }

static peri_status solver_open(solver *s) {
  int info = 0, query = -1;
  union {
    double f64;
    float f32;
  } factor = {0}, form = {0};
  (s->dtype == PERI_F32 ? sgeqrf_ : dgeqrf_)(&s->m, &s->n, NULL, &s->m, NULL, &factor, &query, &info);
  (s->dtype == PERI_F32 ? sorgqr_ : dorgqr_)(&s->m, &s->k, &s->k, NULL, &s->m, NULL, &form, &query, &info);
  double a = s->dtype == PERI_F32 ? factor.f32 : factor.f64, b = s->dtype == PERI_F32 ? form.f32 : form.f64;
  if (pri_work_size(s->cx, s->who, a > b ? a : b, &s->lwork)) return s->cx->code;
  if (!(s->tau = peri_alloc(s->cx, bytes_of(s, s->k)))) return s->cx->code;
  return (s->work = peri_alloc(s->cx, bytes_of(s, s->lwork))) ? PERI_OK : s->cx->code;
}

static void solver_close(solver *s) {
  if (s->tau) peri_free(s->cx, s->tau, bytes_of(s, s->k));
  if (s->work) peri_free(s->cx, s->work, bytes_of(s, s->lwork));
}

/* q (m, k) and r (k, n) from the columns at `a`, which are destroyed. */
static peri_status factorise(solver *s, char *a, char *q, char *r) {
  const int64_t m = s->m, n = s->n, k = s->k;
  const size_t bytes = peri_sizeof(s->dtype);
  int info = 0;
  if (pri_finite_lines(s->cx, s->who, "matrix", s->dtype, a, n, m, true)) return s->cx->code;
  (s->dtype == PERI_F32 ? sgeqrf_ : dgeqrf_)(&s->m, &s->n, a, &s->m, s->tau, s->work, &s->lwork, &info);
  pri_to_columns(r, n, a, m, 1, n, k, bytes); /* the columns of R^T are the rows of R */
  for (int64_t i = 1; i < k; i++) memset(r + (size_t)(i * n) * bytes, 0, (size_t)i * bytes);
  (s->dtype == PERI_F32 ? sorgqr_ : dorgqr_)(&s->m, &s->k, &s->k, a, &s->m, s->tau, s->work, &s->lwork, &info);
  pri_to_columns(q, k, a, m, 1, k, m, bytes);
  return PERI_OK;
}

static peri_status factorise_all(solver *s, peri_tensor *columns, peri_tensor *q, peri_tensor *r) {
  const int64_t m = s->m, n = s->n, k = s->k, bytes = (int64_t)peri_sizeof(s->dtype);
  if (solver_open(s)) return s->cx->code;
  for (int64_t i = 0, count = pri_count_matrices(columns); i < count; i++) {
    char *a = (char *)columns->data + i * m * n * bytes;
    if (peri_check_interrupt(s->cx) ||
        factorise(s, a, (char *)q->data + i * m * k * bytes, (char *)r->data + i * k * n * bytes))
      return s->cx->code;
  }
  return PERI_OK;
}

static peri_status run_qr(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  peri_tensor *a = in[0];
  int64_t m, n;
  peri_dtype t;
  if (pri_matrices(op->name, a, &m, &n) || pri_real_dtype(op->name, a, NULL, &t)) return a->cx->code;
  int64_t k = m < n ? m : n;
  if (pri_work_fits(a->cx, op->name, 70. * (double)(m + n))) return a->cx->code;
  solver s = {.cx = a->cx, .who = op->name, .dtype = t, .m = (int)m, .n = (int)n, .k = (int)k};
  peri_tensor *columns = columns_of(a, t), *q = columns ? pri_like_stack(a, t, 2, m, k) : NULL,
              *r = q ? pri_like_stack(a, t, 2, k, n) : NULL;
  peri_status st = !r ? a->cx->code : a->size ? factorise_all(&s, columns, q, r) : PERI_OK;
  solver_close(&s);
  peri_release(columns);
  if (st) return peri_release(q), peri_release(r), st;
  out[0] = q;
  out[1] = r;
  return PERI_OK;
}

/* ---- lstsq ---- */

typedef struct {
  solver s;          /* its tau is not used */
  int columns, rows; /* right-hand sides, and max(m, n), the rows of their array */
  char *b;
  int *iwork, liwork;
} least_squares;

static size_t b_bytes(const least_squares *w) {
  return bytes_of(&w->s, (int64_t)w->rows * (w->columns + 1));
} /* never 0 */

static peri_status squares_open(least_squares *w) {
  solver *s = &w->s;
  int info = 0, query = -1, isize = 1, rank;
  union {
    double f64;
    float f32;
  } size = {0}, rcond = {0};
  (s->dtype == PERI_F32 ? sgelsd_ : dgelsd_)(&s->m, &s->n, &w->columns, NULL, &s->m, NULL, &w->rows, NULL, &rcond,
                                             &rank, &size, &query, &isize, &info);
  if (pri_work_size(s->cx, s->who, s->dtype == PERI_F32 ? size.f32 : size.f64, &s->lwork)) return s->cx->code;
  w->liwork = isize > 1 ? isize : 1;
  if (!(s->work = peri_alloc(s->cx, bytes_of(s, s->lwork)))) return s->cx->code;
  if (!(w->iwork = peri_alloc(s->cx, (size_t)w->liwork * sizeof(int)))) return s->cx->code;
  return (w->b = peri_alloc(s->cx, b_bytes(w))) ? PERI_OK : s->cx->code;
}

static void squares_close(least_squares *w) {
  solver_close(&w->s);
  if (w->iwork) peri_free(w->s.cx, w->iwork, (size_t)w->liwork * sizeof(int));
  if (w->b) peri_free(w->s.cx, w->b, b_bytes(w));
}

/* x (n, columns) and the singular values from the columns of A, destroyed, and b (m, columns), contiguous. */
static peri_status squares_solve(least_squares *w, peri_tensor *columns, const peri_tensor *b, double rcond,
                                 peri_tensor *x, peri_tensor *values) {
  solver *s = &w->s;
  const size_t bytes = peri_sizeof(s->dtype);
  int info = 0, rank;
  float rcond32 = (float)rcond;
  if (pri_finite_lines(s->cx, s->who, "matrix", s->dtype, columns->data, s->n, s->m, true)) return s->cx->code;
  if (pri_finite_lines(s->cx, s->who, "right-hand side", s->dtype, b->data, s->m, w->columns, false))
    return s->cx->code;
  pri_to_columns(w->b, w->rows, b->data, w->columns, 1, s->m, w->columns, bytes);
  (s->dtype == PERI_F32 ? sgelsd_ : dgelsd_)(&s->m, &s->n, &w->columns, columns->data, &s->m, w->b, &w->rows,
                                             values->data, s->dtype == PERI_F32 ? (const void *)&rcond32 : &rcond,
                                             &rank, s->work, &s->lwork, w->iwork, &info);
  if (info)
    return peri_fail(s->cx, PERI_ERR_NUMERIC, "%s: the iteration for singular values did not converge (LAPACK info %d)",
                     s->who, info);
  pri_to_columns(x->data, w->columns, w->b, w->rows, 1, w->columns, s->n, bytes);
  return PERI_OK;
}

static peri_status check_lstsq(const peri_op *op, const peri_tensor *a, const peri_tensor *b, int64_t *m, int64_t *n) {
  if (a->ndim != 2)
    return peri_fail(a->cx, PERI_ERR_SHAPE, "%s: one matrix is needed, got shape %s", op->name, peri_shape(a));
  if (pri_matrices(op->name, a, m, n)) return a->cx->code;
  if (b->ndim < 1 || b->ndim > 2)
    return peri_fail(a->cx, PERI_ERR_SHAPE, "%s: the right-hand side must be a vector or a matrix, got shape %s",
                     op->name, peri_shape(b));
  if (b->dims[0] != *m)
    return peri_fail(a->cx, PERI_ERR_SHAPE, "%s: the right-hand side has %lld rows, the matrix %lld: %s and %s",
                     op->name, (long long)b->dims[0], (long long)*m, peri_shape(a), peri_shape(b));
  if (b->ndim == 2 && !pri_fits_blas(b->dims[1]))
    return peri_fail(a->cx, PERI_ERR_SHAPE, "%s: %s is beyond LAPACK's largest dimension, 2147483647", op->name,
                     peri_shape(b));
  return PERI_OK;
}

static peri_status run_lstsq(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *a = in[0], *b = in[1];
  peri_ctx *cx = a->cx;
  int64_t m, n;
  peri_dtype t;
  if (check_lstsq(op, a, b, &m, &n) || pri_real_dtype(op->name, a, b, &t)) return cx->code;
  int64_t k = m < n ? m : n, sides = b->ndim == 2 ? b->dims[1] : 1;
  if (pri_work_fits(cx, op->name,
                    5. * (double)k * (double)k + (400. + (double)sides) * (double)k + 70. * (double)(m + n + sides)))
    return cx->code;
  least_squares w = {.s = {.cx = cx, .who = op->name, .dtype = t, .m = (int)m, .n = (int)n, .k = (int)k},
                     .columns = (int)sides,
                     .rows = (int)(m > n ? m : n)};
  double rcond = args->f[0] >= 0 ? args->f[0] : w.rows * (t == PERI_F32 ? (double)FLT_EPSILON : DBL_EPSILON);
  peri_tensor *columns = columns_of(a, t), *rhs = columns ? peri_cast(b, t) : NULL;
  peri_tensor *x = rhs ? peri_zeros(cx, t, b->ndim, (int64_t[]){n, sides}) : NULL,
              *values = x ? peri_new(cx, t, 1, &k) : NULL;
  peri_status st = values ? PERI_OK : cx->code;
  if (!st && k && !(st = squares_open(&w))) st = squares_solve(&w, columns, rhs, rcond, x, values);
  squares_close(&w);
  peri_release(columns);
  peri_release(rhs);
  if (st) return peri_release(x), peri_release(values), st;
  out[0] = x;
  out[1] = values;
  return PERI_OK;
}

const peri_op pri_op_qr = {.name = "linalg.qr",
                           .arity = 1,
                           .outputs = 2,
                           .result = PERI_RESULT_OWN,
                           .run = run_qr,
                           .samples = "matrix",
                           .signature = "linalg.qr(a)",
                           .help = "Q with orthonormal columns and upper triangular R, a = Q R."};
const peri_op pri_op_lstsq = {.name = "linalg.lstsq",
                              .arity = 2,
                              .outputs = 2,
                              .result = PERI_RESULT_OWN,
                              .run = run_lstsq,
                              .samples = "least squares",
                              .signature = "linalg.lstsq(a, b)",
                              .help = "The x of least norm that minimises |a x - b|, and the singular values of a."};

peri_status peri_qr(peri_tensor *a, peri_tensor **q, peri_tensor **r) {
  peri_tensor *out[2] = {NULL, NULL};
  peri_status st = peri_apply_many(&pri_op_qr, &a, NULL, out);
  *q = out[0];
  *r = out[1];
  return st;
}
peri_status peri_lstsq(peri_tensor *a, peri_tensor *b, double rcond, peri_tensor **x, peri_tensor **s) {
  peri_tensor *out[2] = {NULL, NULL};
  peri_status st = peri_apply_many(&pri_op_lstsq, (peri_tensor *[]){a, b}, &(peri_args){.f = {rcond}}, out);
  *x = out[0];
  *s = out[1];
  return st;
}
