/* solve.c - linear systems and inverses by LU factorisation with partial pivoting (blocked.c; LAPACK getrs, getri).
**
** LAPACK wants column-major matrices, so everything is copied into columns and back, in tiles. (Handing over a row-major A as
** it lies would factor A^T, and the pivot that a message names would depend on the layout.)
*/
#include "linalg/linalg.h"
#include "linalg/lapack.h"

typedef struct {
  pri_getrs *getrs;
  pri_getri *getri;
} routines;

static routines routines_of(peri_dtype t) {
  switch (t) {
  case PERI_F32: return (routines){sgetrs_, sgetri_};
  case PERI_F64: return (routines){dgetrs_, dgetri_};
  default: return (routines){zgetrs_, zgetri_};
  }
}

/* The n x n block at `lu` is factored; `which` (from 0) of `count` names it in the message. */
static peri_status factorise(peri_ctx *cx, const char *who, peri_dtype t, int n, void *lu, int *pivots, int64_t which,
                             int64_t count) {
  int info = pri_blocked_lu(cx, t, lu, n, pivots);
  if (info == 0) return peri_check_interrupt(cx);
  if (info < 0) return peri_fail(cx, PERI_ERR_NUMERIC, "%s: LAPACK refused argument %d", who, -info);
  if (count == 1) return peri_fail(cx, PERI_ERR_NUMERIC, "%s: matrix is singular (pivot %d is 0)", who, info);
  return peri_fail(cx, PERI_ERR_NUMERIC, "%s: matrix %lld of the stack is singular (pivot %d is 0)", who,
                   (long long)which + 1, info);
}

/* ---- solve ---- */

/* One call: the factors of the current A, its right-hand sides in columns. */
typedef struct {
  peri_ctx *cx;
  const char *who;
  peri_dtype dtype;
  size_t bytes; /* of an element */
  routines r;
  int n, columns;
  char *lu, *b;
  int *pivots;
} solver;

static size_t lu_bytes(const solver *s) { return (size_t)s->n * (size_t)s->n * s->bytes; }
static size_t b_bytes(const solver *s) { return (size_t)s->n * (size_t)s->columns * s->bytes; }

static peri_status solver_open(solver *s) {
  s->r = routines_of(s->dtype);
  s->bytes = peri_sizeof(s->dtype);
  s->lu = peri_alloc(s->cx, lu_bytes(s));
  s->b = s->lu ? peri_alloc(s->cx, b_bytes(s)) : NULL;
  s->pivots = s->b ? peri_alloc(s->cx, (size_t)s->n * sizeof(int)) : NULL;
  return s->pivots ? PERI_OK : s->cx->code;
}

static void solver_close(solver *s) {
  peri_free(s->cx, s->lu, lu_bytes(s));
  peri_free(s->cx, s->b, b_bytes(s));
  peri_free(s->cx, s->pivots, (size_t)s->n * sizeof(int));
}

/* Factors the matrix at `a`, whose axes have strides s0 and s1. */
static peri_status solver_load(solver *s, const char *a, int64_t s0, int64_t s1, int64_t which, int64_t count) {
  pri_to_columns(s->lu, s->n, a, s0, s1, s->n, s->n, s->bytes);
  peri_status st = pri_finite(s->cx, s->who, s->dtype, s->lu, s->n, true);
  return st ? st : factorise(s->cx, s->who, s->dtype, s->n, s->lu, s->pivots, which, count);
}

/* X (n, columns), row-major at `x`, from B at `b` with strides s0 and s1. */
static void solver_solve(solver *s, char *x, const char *b, int64_t s0, int64_t s1) {
  int info = 0;
  pri_to_columns(s->b, s->n, b, s0, s1, s->n, s->columns, s->bytes);
  s->r.getrs("N", &s->n, &s->columns, s->lu, &s->n, s->pivots, s->b, &s->n, &info, 1);
  pri_to_columns(x, s->columns, s->b, s->n, 1, s->columns, s->n, s->bytes); /* the columns of X^T are the rows of X */
}

/* x = a^-1 b, all of dtype s->dtype; b is (..., n, columns), or a vector when `vector`. */
static peri_status solve_all(solver *s, peri_tensor *x, const peri_tensor *a, const peri_tensor *b, bool vector,
                             const pri_batch *batch) {
  int64_t sa[PERI_MAXDIM], sb[PERI_MAXDIM], size = (int64_t)s->n * s->columns * (int64_t)s->bytes, loaded = -1;
  const int64_t *ta = a->strides + a->ndim - 2, *tb = b->strides + b->ndim - (vector ? 1 : 2);
  pri_batch_strides(batch, a, 2, sa);
  pri_batch_strides(batch, b, vector ? 1 : 2, sb);
  for (int64_t i = 0; i < batch->count; i++) {
    int64_t at = pri_batch_offset(batch, sa, i), from = pri_batch_offset(batch, sb, i);
    if (pri_stopped(s->cx)) return peri_check_interrupt(s->cx);
    if (at != loaded && solver_load(s, (const char *)a->data + at * (int64_t)s->bytes, ta[0], ta[1], i, batch->count))
      return s->cx->code;
    loaded = at;
    solver_solve(s, (char *)x->data + i * size, (const char *)b->data + from * (int64_t)s->bytes, tb[0],
                 vector ? 1 : tb[1]);
  }
  return PERI_OK;
}

peri_status pri_check_system(const char *who, const peri_tensor *a, const peri_tensor *b, int64_t *n) {
  if (pri_square(who, a, n)) return a->cx->code;
  if (b->ndim < 1)
    return peri_fail(a->cx, PERI_ERR_SHAPE, "%s: the right-hand side must be a vector or matrices, got a scalar", who);
  int64_t rows = b->ndim == 1 ? b->dims[0] : b->dims[b->ndim - 2];
  if (rows != *n)
    return peri_fail(a->cx, PERI_ERR_SHAPE, "%s: the right-hand side has %lld rows, the matrix %lld: %s and %s", who,
                     (long long)rows, (long long)*n, peri_shape(a), peri_shape(b));
  if (b->ndim > 1 && !pri_fits_blas(b->dims[b->ndim - 1]))
    return peri_fail(a->cx, PERI_ERR_SHAPE, "%s: %s is beyond LAPACK's largest dimension, 2147483647", who,
                     peri_shape(b));
  return PERI_OK;
}

static peri_tensor *as_dtype(peri_tensor *t, peri_dtype to) {
  return t->dtype == to ? peri_retain(t) : peri_cast(t, to);
}

static peri_status run_solve(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  peri_ctx *cx = in[0]->cx;
  int64_t n, dims[PERI_MAXDIM];
  int nd;
  bool vector = in[1]->ndim == 1;
  if (pri_check_system(op->name, in[0], in[1], &n)) return cx->code;
  if (vector) {
    nd = in[0]->ndim - 2;
    memcpy(dims, in[0]->dims, sizeof dims);
  } else if (pri_batch_shape(op->name, in[0], in[1], 2, &nd, dims))
    return cx->code;
  pri_batch batch = pri_batch_make(nd, dims);
  dims[nd] = n;
  if (!vector) dims[nd + 1] = in[1]->dims[in[1]->ndim - 1];
  solver s = {.cx = cx,
              .who = op->name,
              .dtype = pri_float_dtype(in[0], in[1]),
              .n = (int)n,
              .columns = vector ? 1 : (int)dims[nd + 1]};
  peri_tensor *x = peri_new(cx, s.dtype, nd + (vector ? 1 : 2), dims), *a = x ? as_dtype(in[0], s.dtype) : NULL;
  peri_tensor *b = a ? as_dtype(in[1], s.dtype) : NULL;
  peri_status st = b ? PERI_OK : cx->code;
  if (!st && x->size > 0) {
    st = solver_open(&s);
    if (!st) st = solve_all(&s, x, a, b, vector, &batch);
    solver_close(&s);
  }
  peri_release(a);
  peri_release(b);
  if (st)
    peri_release(x);
  else
    out[0] = x;
  return st;
}

/* ---- inverse ---- */

/* x = a^-1, both of dtype s->dtype; s->b is the work space of getri. */
static peri_status invert_all(solver *s, peri_tensor *x, const peri_tensor *a, const pri_batch *batch) {
  int64_t sa[PERI_MAXDIM], size = (int64_t)s->n * s->n * (int64_t)s->bytes;
  const int64_t *ta = a->strides + a->ndim - 2;
  int info = 0, lwork = s->n * s->columns;
  pri_batch_strides(batch, a, 2, sa);
  for (int64_t i = 0; i < batch->count; i++) {
    int64_t at = pri_batch_offset(batch, sa, i);
    if (pri_stopped(s->cx)) return peri_check_interrupt(s->cx);
    if (solver_load(s, (const char *)a->data + at * (int64_t)s->bytes, ta[0], ta[1], i, batch->count))
      return s->cx->code;
    s->r.getri(&s->n, s->lu, &s->n, s->pivots, s->b, &lwork, &info);
    pri_to_columns((char *)x->data + i * size, s->n, s->lu, s->n, 1, s->n, s->n, s->bytes);
  }
  return PERI_OK;
}

static peri_status run_inverse(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  enum { BLOCK = 64 }; /* columns that getri works on together */
  peri_ctx *cx = in[0]->cx;
  int64_t n;
  if (pri_square(op->name, in[0], &n)) return cx->code;
  pri_batch batch = pri_batch_make(in[0]->ndim - 2, in[0]->dims);
  solver s = {.cx = cx,
              .who = op->name,
              .dtype = pri_float_dtype(in[0], NULL),
              .n = (int)n,
              .columns = n <= INT32_MAX / BLOCK ? BLOCK : 1};
  peri_tensor *x = peri_new(cx, s.dtype, in[0]->ndim, in[0]->dims), *a = x ? as_dtype(in[0], s.dtype) : NULL;
  peri_status st = a ? PERI_OK : cx->code;
  if (!st && x->size > 0) {
    st = solver_open(&s);
    if (!st) st = invert_all(&s, x, a, &batch);
    solver_close(&s);
  }
  peri_release(a);
  if (st)
    peri_release(x);
  else
    out[0] = x;
  return st;
}

const peri_op pri_op_solve = {.name = "linalg.solve",
                              .arity = 2,
                              .outputs = 1,
                              .result = PERI_RESULT_OWN,
                              .run = run_solve,
                              .vjp = pri_vjp_solve,
                              .samples = "system",
                              .signature = "linalg.solve(a, b)",
                              .help = "X with a X = b for square matrices a; b is a vector or matrices of columns."};
const peri_op pri_op_inverse = {.name = "linalg.inverse",
                                .arity = 1,
                                .outputs = 1,
                                .result = PERI_RESULT_OWN,
                                .run = run_inverse,
                                .vjp = pri_vjp_inverse,
                                .samples = "square",
                                .signature = "linalg.inverse(a)",
                                .help = "Inverse of each square matrix of a."};

peri_tensor *peri_solve(peri_tensor *a, peri_tensor *b) {
  return peri_apply(&pri_op_solve, (peri_tensor *[]){a, b}, NULL);
}
peri_tensor *peri_inverse(peri_tensor *a) { return peri_apply(&pri_op_inverse, &a, NULL); }
