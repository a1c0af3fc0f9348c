/* cholesky.c - the Cholesky factor of a symmetric positive definite matrix, and logarithms of determinants.
**
** A = L L^T, L lower triangular with a positive diagonal (blocked.c). log det A = 2 sum log L_ii; of a general matrix from the pivots of its LU
** factorisation, with the sign of det A apart.
*/
#include "linalg/linalg.h"
#include "linalg/lapack.h"
#include <math.h>

static double diagonal(peri_dtype t, const void *a, int64_t n, int64_t i) {
  return t == PERI_F32 ? ((const float *)a)[i * (n + 1)] : ((const double *)a)[i * (n + 1)];
}

/* L over A, (n, n) row-major; what is above the diagonal stays. */
static peri_status factorise(peri_ctx *cx, const char *who, peri_dtype t, void *a, int64_t n, int64_t which,
                             int64_t count) {
  char text[48];
  if (pri_symmetric(cx, who, t, a, n)) return cx->code;
  int info = pri_blocked_cholesky(cx, t, a, n);
  if (info == 0) return peri_check_interrupt(cx);
  if (info < 0) return peri_fail(cx, PERI_ERR_NUMERIC, "%s: LAPACK refused argument %d", who, -info);
  return peri_fail(cx, PERI_ERR_NUMERIC, "%s: %s is not positive definite (pivot %d is %.2g); add jitter or symmetrise",
                   who, pri_subject(text, which, count), info, diagonal(t, a, n, info - 1));
}

static void clear_above(void *a, int64_t n, size_t bytes) {
  for (int64_t i = 0; i + 1 < n; i++)
    memset((char *)a + (size_t)(i * n + i + 1) * bytes, 0, (size_t)(n - 1 - i) * bytes);
}

/* A copy of the stack in which every matrix is replaced by its factor. */
static peri_tensor *factors(const char *who, peri_tensor *a) {
  peri_ctx *cx = a->cx;
  peri_dtype t;
  int64_t n;
  if (pri_square(who, a, &n) || pri_real_dtype(who, a, NULL, &t)) return NULL;
  peri_tensor *l = peri_cast(a, t);
  size_t bytes = peri_sizeof(t);
  int64_t count = pri_count_matrices(a);
  for (int64_t i = 0; l && n && i < count; i++) {
    char *at = (char *)l->data + (size_t)(i * n * n) * bytes;
    if (peri_check_interrupt(cx) || factorise(cx, who, t, at, n, i, count)) return peri_release(l), NULL;
    clear_above(at, n, bytes);
  }
  return l;
}

static peri_status run_cholesky(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  out[0] = factors(op->name, in[0]);
  return out[0] ? PERI_OK : in[0]->cx->code;
}

static void store(peri_tensor *t, int64_t i, double value) {
  if (t->dtype == PERI_F32)
    ((float *)t->data)[i] = (float)value;
  else
    ((double *)t->data)[i] = value;
}

/* A new tensor of one number for each matrix of the stack. */
static peri_tensor *one_each(const peri_tensor *a, peri_dtype t) { return peri_new(a->cx, t, a->ndim - 2, a->dims); }

static peri_status run_logdet(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  peri_tensor *l = factors(op->name, in[0]), *r = l ? one_each(l, (peri_dtype)l->dtype) : NULL;
  for (int64_t i = 0; r && i < r->size; i++) {
    int64_t n = l->dims[l->ndim - 1];
    const char *at = (const char *)l->data + (size_t)(i * n * n) * peri_sizeof((peri_dtype)l->dtype);
    double sum = 0;
    for (int64_t k = 0; k < n; k++) sum += log(diagonal((peri_dtype)l->dtype, at, n, k));
    store(r, i, 2 * sum);
  }
  peri_release(l);
  out[0] = r;
  return r ? PERI_OK : in[0]->cx->code;
}

/* Sign and log |det| of the matrix at `a`, which is destroyed. The determinant does not mind the transposition. */
static peri_status sign_and_log(peri_ctx *cx, const char *who, peri_dtype t, void *a, int64_t n, int *pivots,
                                double *sign, double *logarithm) {
  if (pri_finite(cx, who, t, a, n, false)) return cx->code;
  int info = pri_blocked_lu(cx, t, a, n, pivots);
  if (info < 0) return peri_fail(cx, PERI_ERR_NUMERIC, "%s: LAPACK refused argument %d", who, -info);
  if (peri_check_interrupt(cx)) return cx->code;
  *sign = 1, *logarithm = 0;
  for (int64_t k = 0; k < n; k++) {
    double d = diagonal(t, a, n, k);
    if ((d < 0) != (pivots[k] != k + 1)) *sign = -*sign;
    if (d == 0) *sign = 0;
    *logarithm += log(fabs(d));
  }
  if (*sign == 0) *logarithm = -INFINITY;
  return PERI_OK;
}

static peri_status run_slogdet(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  peri_ctx *cx = in[0]->cx;
  peri_dtype t;
  int64_t n, count = pri_count_matrices(in[0]);
  if (pri_square(op->name, in[0], &n) || pri_real_dtype(op->name, in[0], NULL, &t)) return cx->code;
  peri_tensor *lu = peri_cast(in[0], t), *sign = lu ? one_each(lu, t) : NULL, *value = sign ? one_each(lu, t) : NULL;
  int *pivots = value ? peri_alloc(cx, (size_t)(n + 1) * sizeof *pivots) : NULL;
  peri_status st = pivots ? PERI_OK : cx->code;
  for (int64_t i = 0; i < count && !st; i++) {
    double s = 1, l = 0;
    if ((st = peri_check_interrupt(cx))) break;
    st = sign_and_log(cx, op->name, t, (char *)lu->data + (size_t)(i * n * n) * peri_sizeof(t), n, pivots, &s, &l);
    if (!st) store(sign, i, s), store(value, i, l);
  }
  if (pivots) peri_free(cx, pivots, (size_t)(n + 1) * sizeof *pivots);
  peri_release(lu);
  if (st) return peri_release(sign), peri_release(value), st;
  out[0] = sign;
  out[1] = value;
  return PERI_OK;
}

const peri_op pri_op_cholesky = {.name = "linalg.cholesky",
                                 .arity = 1,
                                 .outputs = 1,
                                 .result = PERI_RESULT_OWN,
                                 .run = run_cholesky,
                                 .vjp = pri_vjp_cholesky,
                                 .samples = "positive definite",
                                 .signature = "linalg.cholesky(a)",
                                 .help = "Lower triangular L with L L^T = a."};
const peri_op pri_op_logdet = {.name = "linalg.logdet",
                               .arity = 1,
                               .outputs = 1,
                               .result = PERI_RESULT_OWN,
                               .run = run_logdet,
                               .vjp = pri_vjp_logdet,
                               .samples = "positive definite",
                               .signature = "linalg.logdet(a)",
                               .help = "Logarithm of the determinant of a symmetric positive definite matrix."};
const peri_op pri_op_slogdet = {.name = "linalg.slogdet",
                                .arity = 1,
                                .outputs = 2,
                                .result = PERI_RESULT_OWN,
                                .run = run_slogdet,
                                .vjp = pri_vjp_slogdet,
                                .samples = "square",
                                .signature = "linalg.slogdet(a)",
                                .help = "Sign of the determinant and logarithm of its absolute value."};

peri_tensor *peri_cholesky(peri_tensor *a) { return peri_apply(&pri_op_cholesky, &a, NULL); }
peri_tensor *peri_logdet(peri_tensor *a) { return peri_apply(&pri_op_logdet, &a, NULL); }
peri_status peri_slogdet(peri_tensor *a, peri_tensor **sign, peri_tensor **logarithm) {
  peri_tensor *out[2] = {NULL, NULL};
  peri_status st = peri_apply_many(&pri_op_slogdet, &a, NULL, out);
  *sign = out[0];
  *logarithm = out[1];
  return st;
}
