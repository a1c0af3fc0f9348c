/* product.c - matrix products through BLAS, in panels on our pool.
**
** OpenBLAS gives other bits with other thread counts, so it is given one panel of C at a time and the pool runs several. The
** grid of panels is a function of (m, n, k): full-width row panels of about 448 rows and never under 192 (B is packed again
** for each panel: 5 % of the time at 128 rows, 2 % at 512), or full-height column panels when C is too flat for rows. k is never cut. A
** panel is also bounded in work, so that the stop flag is read every fraction of a second. One-column and one-row products
** go to gemv.
*/
#include "linalg/linalg.h"
#include "linalg/example_rules.h"
#include "linalg/lapack.h"
#include <perigee/ops.h>
#include <cblas.h>
#include <math.h>

/* One operand, row-major with leading dimension ld, or (trans) column-major. */
typedef struct {
  const char *data;
  int64_t ld;
  bool trans;
  int64_t batch_strides[PERI_MAXDIM];
} factor;

typedef struct {
  const peri_ctx *cx; /* for its stop flag */
  peri_dtype dtype;
  int64_t m, n, k;
  factor a, b;
  char *c; /* contiguous (m, n) matrices, one after the other */
  pri_batch batch;
  int64_t rows, cols;             /* of a panel */
  int64_t down, across, together; /* panels of a matrix; matrices of a task (1 unless down = across = 1) */
} product;

/* Work, in multiply-adds: below WHOLE a product is not cut; a task has EACH at least; a panel MOST at most, if it can be. */
static const double WHOLE = 1 << 21, EACH = 1 << 20, MOST = 4294967296.0;

static int64_t at_least(int64_t lines, double work_of_line) {
  double needed = ceil(EACH / work_of_line);
  return needed > (double)lines ? (int64_t)needed : lines;
}

/* `total` lines (at least two minimal parts) in an even number of parts of about `part`, each a multiple of 16 but the last. */
static int64_t even_parts(int64_t total, int64_t part) {
  int64_t pairs = (total + part) / (2 * part), parts = pairs > 1 ? 2 * pairs : 2;
  return ((total + parts - 1) / parts + 15) / 16 * 16;
}

static void choose_grid(product *p) {
  double m = (double)p->m, n = (double)p->n, k = (double)p->k;
  p->rows = p->m;
  p->cols = p->n;
  if (m * n * k >= WHOLE) {
    if (p->m >= 384)
      p->rows = even_parts(p->m, at_least(448, n * k));
    else if (p->n >= 1024)
      p->cols = even_parts(p->n, at_least(512, m * k));
  }
  while ((double)p->rows * (double)p->cols * k > MOST && (p->rows > 128 || p->cols > 128)) {
    int64_t *longer = p->rows > p->cols ? &p->rows : &p->cols;
    *longer = (*longer / 2 + 15) / 16 * 16;
  }
  p->down = (p->m + p->rows - 1) / p->rows;
  p->across = (p->n + p->cols - 1) / p->cols;
  p->together = p->down * p->across > 1 ? 1 : at_least(1, 8 * m * n * k);
}

static const double one[2] = {1, 0}, zero[2] = {0, 0};

/* C (m, n; ldc) = A B, with m, n, k >= 1. */
static void gemm(peri_dtype t, CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, const void *a, int lda,
                 const void *b, int ldb, void *c, int ldc) {
  switch (t) {
  case PERI_F32: cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, ldc); break;
  case PERI_F64: cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, ldc); break;
  default: cblas_zgemm(CblasRowMajor, ta, tb, m, n, k, one, a, lda, b, ldb, zero, c, ldc); break;
  }
}

/* y (dense) = op(A) x, where A as stored is (m, n). y is cleared first: some releases of OpenBLAS scale it by beta = 0, which
** keeps a NaN found there. */
static void gemv(peri_dtype t, CBLAS_TRANSPOSE ta, int m, int n, const void *a, int lda, const void *x, int incx,
                 void *y) {
  memset(y, 0, (size_t)(ta == CblasTrans ? n : m) * peri_sizeof(t));
  switch (t) {
  case PERI_F32: cblas_sgemv(CblasRowMajor, ta, m, n, 1, a, lda, x, incx, 0, y, 1); break;
  case PERI_F64: cblas_dgemv(CblasRowMajor, ta, m, n, 1, a, lda, x, incx, 0, y, 1); break;
  default: cblas_zgemv(CblasRowMajor, ta, m, n, one, a, lda, x, incx, zero, y, 1); break;
  }
}

static CBLAS_TRANSPOSE flag(bool trans) { return trans ? CblasTrans : CblasNoTrans; }

/* The panel (rows i.., cols j..) of matrix q of the stack. */
static void run_panel(const product *p, int64_t q, int64_t i, int64_t j) {
  const int64_t bytes = (int64_t)peri_sizeof(p->dtype);
  int m = (int)(p->m - i < p->rows ? p->m - i : p->rows), n = (int)(p->n - j < p->cols ? p->n - j : p->cols),
      k = (int)p->k;
  int lda = (int)p->a.ld, ldb = (int)p->b.ld;
  const char *a =
      p->a.data + (pri_batch_offset(&p->batch, p->a.batch_strides, q) + (p->a.trans ? i : i * p->a.ld)) * bytes;
  const char *b =
      p->b.data + (pri_batch_offset(&p->batch, p->b.batch_strides, q) + (p->b.trans ? j * p->b.ld : j)) * bytes;
  char *c = p->c + (q * p->m * p->n + i * p->n + j) * bytes;
  if (p->n == 1)
    gemv(p->dtype, flag(p->a.trans), p->a.trans ? k : m, p->a.trans ? m : k, a, lda, b, p->b.trans ? 1 : ldb, c);
  else if (p->m == 1)
    gemv(p->dtype, flag(!p->b.trans), p->b.trans ? n : k, p->b.trans ? k : n, b, ldb, a, p->a.trans ? lda : 1, c);
  else
    gemm(p->dtype, flag(p->a.trans), flag(p->b.trans), m, n, k, a, lda, b, ldb, c, (int)p->n);
}

static void run_task(void *ud, int64_t task) {
  const product *p = ud;
  int64_t panels = p->down * p->across, panel = task % panels;
  int64_t q = task / panels * p->together, end = q + p->together < p->batch.count ? q + p->together : p->batch.count;
  for (; q < end && !pri_stopped(p->cx); q++) run_panel(p, q, panel / p->across * p->rows, panel % p->across * p->cols);
}

static void run_product(peri_ctx *cx, product *p) {
  size_t bytes = (size_t)(p->batch.count * p->m * p->n) * peri_sizeof(p->dtype);
  if (bytes == 0) return;
  if (p->k == 0) {
    memset(p->c, 0, bytes);
    return;
  }
  p->cx = cx;
  choose_grid(p);
  int64_t tasks = (p->batch.count + p->together - 1) / p->together * p->down * p->across;
  if (tasks == 1)
    run_task(p, 0);
  else
    pri_parallel(cx, tasks, run_task, p);
}

/* ---- from tensors ---- */

/* rows and cols of the last two axes; t suits BLAS. */
static factor make_factor(const peri_tensor *t, const pri_batch *batch) {
  const int64_t *d = t->dims + t->ndim - 2, *s = t->strides + t->ndim - 2;
  factor f = {.data = t->data};
  f.trans = !((d[1] <= 1 || s[1] == 1) && (d[0] <= 1 || (s[0] >= d[1] && s[0] >= 1)));
  int64_t outer = d[f.trans], inner = d[!f.trans];
  f.ld = outer > 1 ? s[f.trans] : inner > 1 ? inner : 1;
  pri_batch_strides(batch, t, 2, f.batch_strides);
  return f;
}

static peri_status check_product(const peri_op *op, const peri_tensor *a, const peri_tensor *b, int64_t rows_of_b) {
  peri_ctx *cx = a->cx;
  if (a->dims[a->ndim - 1] != rows_of_b)
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: inner dimensions differ: %s x %s", op->name, peri_shape(a),
                     peri_shape(b));
  peri_dtype t = peri_promote(a, b);
  if (t < PERI_F32)
    return peri_fail(cx, PERI_ERR_DTYPE, "%s: not defined for %s x %s; cast one operand to f64", op->name,
                     peri_dtype_name((peri_dtype)a->dtype), peri_dtype_name((peri_dtype)b->dtype));
  return PERI_OK;
}

static peri_status check_fits(const peri_op *op, const product *p, const peri_tensor *a, const peri_tensor *b) {
  if (pri_fits_blas(p->k) && pri_fits_blas(p->n) && pri_fits_blas(p->a.ld) && pri_fits_blas(p->b.ld)) return PERI_OK;
  return peri_fail(a->cx, PERI_ERR_SHAPE, "%s: %s x %s is beyond BLAS's largest dimension, 2147483647", op->name,
                   peri_shape(a), peri_shape(b));
}

/* out (batch..., m, n), already there, becomes a b; both operands are at least 2-d and suit each other. */
static peri_status multiply(const peri_op *op, peri_tensor *a, peri_tensor *b, peri_dtype t, peri_tensor *out,
                            int batch_nd) {
  peri_ctx *cx = out->cx;
  product p = {
      .dtype = t, .m = a->dims[a->ndim - 2], .k = a->dims[a->ndim - 1], .n = b->dims[b->ndim - 1], .c = out->data};
  p.batch = pri_batch_make(batch_nd, out->dims);
  p.a.ld = p.b.ld = 1;
  if (check_fits(op, &p, a, b)) return cx->code; /* before a copy of something huge is attempted */
  peri_tensor *x = pri_blas_operand(a, t), *y = x ? pri_blas_operand(b, t) : NULL;
  peri_status st = x && y ? PERI_OK : cx->code;
  if (!st) {
    p.a = make_factor(x, &p.batch);
    p.b = make_factor(y, &p.batch);
    st = check_fits(op, &p, a, b);
  }
  if (!st) {
    run_product(cx, &p);
    st = peri_check_interrupt(cx);
  }
  peri_release(x);
  peri_release(y);
  return st;
}

static peri_status finish(peri_status st, peri_tensor *result, peri_tensor **out) {
  if (st)
    peri_release(result);
  else
    out[0] = result;
  return st;
}

static peri_status check_ndim(const peri_op *op, const peri_tensor *t, const char *which, int nd, const char *what) {
  if (t->ndim == nd) return PERI_OK;
  return peri_fail(t->cx, PERI_ERR_SHAPE, "%s: the %s operand must be %s, got shape %s", op->name, which, what,
                   peri_shape(t));
}

static peri_status run_mm(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  peri_tensor *a = in[0], *b = in[1];
  if (check_ndim(op, a, "first", 2, "a matrix") || check_ndim(op, b, "second", 2, "a matrix") ||
      check_product(op, a, b, b->dims[0]))
    return a->cx->code;
  peri_dtype t = pri_float_dtype(a, b);
  peri_tensor *r = peri_new(a->cx, t, 2, (int64_t[]){a->dims[0], b->dims[1]});
  if (!r) return a->cx->code;
  return finish(multiply(op, a, b, t, r, 0), r, out);
}

/* x (k) as a (k, 1) column. */
static peri_tensor *as_column(peri_tensor *x) {
  return peri_view(x, 2, (int64_t[]){x->dims[0], 1}, (int64_t[]){x->strides[0], 1}, 0);
}

static peri_status run_mv(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  peri_tensor *a = in[0], *x = in[1];
  peri_ctx *cx = a->cx;
  if (check_ndim(op, a, "first", 2, "a matrix") || check_ndim(op, x, "second", 1, "a vector") ||
      check_product(op, a, x, x->dims[0]))
    return cx->code;
  peri_dtype t = pri_float_dtype(a, x);
  peri_tensor *column = as_column(x), *r = column ? peri_new(cx, t, 1, a->dims) : NULL;
  peri_status st = r ? multiply(op, a, column, t, r, 0) : cx->code;
  peri_release(column);
  return finish(st, r, out);
}

static peri_status run_bmm(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  peri_tensor *a = in[0], *b = in[1];
  peri_ctx *cx = a->cx;
  int nd;
  int64_t dims[PERI_MAXDIM];
  if (a->ndim < 2 || b->ndim < 2)
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: both operands need two axes or more, got %s and %s", op->name,
                     peri_shape(a), peri_shape(b));
  if (check_product(op, a, b, b->dims[b->ndim - 2]) || pri_batch_shape(op->name, a, b, 2, &nd, dims)) return cx->code;
  peri_dtype t = pri_float_dtype(a, b);
  dims[nd] = a->dims[a->ndim - 2];
  dims[nd + 1] = b->dims[b->ndim - 1];
  peri_tensor *r = peri_new(cx, t, nd + 2, dims);
  if (!r) return cx->code;
  return finish(multiply(op, a, b, t, r, nd), r, out);
}

static peri_status run_outer(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  peri_ctx *cx = in[0]->cx;
  if (check_ndim(op, in[0], "first", 1, "a vector") || check_ndim(op, in[1], "second", 1, "a vector")) return cx->code;
  peri_tensor *column = as_column(in[0]);
  if (!column) return cx->code;
  out[0] = peri_mul(column, in[1]);
  peri_release(column);
  return out[0] ? PERI_OK : cx->code;
}

void pri_product(peri_ctx *cx, int64_t n, double *c, const double *a, const double *b) {
  product p = {.dtype = PERI_F64, .m = n, .n = n, .k = n, .c = (char *)c, .batch = {.count = 1}};
  p.a = (factor){.data = (const char *)a, .ld = n};
  p.b = (factor){.data = (const char *)b, .ld = n};
  run_product(cx, &p);
}

const peri_op pri_op_mm = {.name = "tensor.mm",
                           .arity = 2,
                           .outputs = 1,
                           .result = PERI_RESULT_OWN,
                           .run = run_mm,
                           .vjp = pri_vjp_mm,
                           .per_example = &pri_examples_mm,
                           .samples = "product",
                           .signature = "a:mm(b)",
                           .help = "Matrix product of a (m, k) and b (k, n)."};
const peri_op pri_op_mv = {.name = "tensor.mv",
                           .arity = 2,
                           .outputs = 1,
                           .result = PERI_RESULT_OWN,
                           .run = run_mv,
                           .vjp = pri_vjp_mv,
                           .per_example = &pri_examples_mv,
                           .samples = "product",
                           .signature = "a:mv(x)",
                           .help = "Product of a matrix a (m, k) and a vector x (k)."};
const peri_op pri_op_bmm = {.name = "tensor.bmm",
                            .arity = 2,
                            .outputs = 1,
                            .result = PERI_RESULT_OWN,
                            .run = run_bmm,
                            .vjp = pri_vjp_bmm,
                           .per_example = &pri_examples_bmm,
                            .samples = "product",
                            .signature = "a:bmm(b)",
                            .help =
                                "Matrix products of two stacks (..., m, k) and (..., k, n); leading axes broadcast."};
const peri_op pri_op_outer = {.name = "tensor.outer",
                              .arity = 2,
                              .outputs = 1,
                              .result = PERI_RESULT_OWN,
                              .run = run_outer,
                              .vjp = pri_vjp_outer,
                              .samples = "vectors",
                              .signature = "a:outer(b)",
                              .help = "The matrix a[i] b[j] of two vectors."};

static peri_tensor *apply2(const peri_op *op, peri_tensor *a, peri_tensor *b) {
  return peri_apply(op, (peri_tensor *[]){a, b}, NULL);
}
peri_tensor *peri_mm(peri_tensor *a, peri_tensor *b) { return apply2(&pri_op_mm, a, b); }
peri_tensor *peri_mv(peri_tensor *a, peri_tensor *x) { return apply2(&pri_op_mv, a, x); }
peri_tensor *peri_bmm(peri_tensor *a, peri_tensor *b) { return apply2(&pri_op_bmm, a, b); }
peri_tensor *peri_outer(peri_tensor *a, peri_tensor *b) { return apply2(&pri_op_outer, a, b); }

const peri_op *const *peri_linalg_ops(void) {
  static const peri_op *const list[] = {&pri_op_mm,       &pri_op_mv,      &pri_op_bmm,      &pri_op_outer,
                                        &pri_op_solve,    &pri_op_inverse, &pri_op_expm,     &pri_op_solve_triangular,
                                        &pri_op_cholesky, &pri_op_logdet,  &pri_op_slogdet,  &pri_op_pack_tril,
                                        &pri_op_eigvalsh, &pri_op_eigh,    &pri_op_svdvals,  &pri_op_unpack_tril,
                                        &pri_op_svd,      &pri_op_qr,      &pri_op_lstsq,    &pri_op_pinv,
                                        NULL};
  return list;
}
