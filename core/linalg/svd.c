/* svd.c - the singular value decomposition A = U diag(s) V^T by divide and conquer (LAPACK gesdd), and what follows from it.
**
** LAPACK reads our rows as columns, so it is given A^T = V diag(s) U^T: its left vectors, in columns, are V^T in our rows, and its right
** ones, U^T in columns, are U in our rows. Nothing is transposed. U is (m, k), V^T (k, n), k = min(m, n); s descends.
*/
#include "linalg/linalg.h"
#include "linalg/lapack.h"
#include "tensor/rules.h"
#include <float.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>

typedef struct {
  peri_ctx *cx;
  const char *who, *job; /* "S": vectors too, "N": values alone */
  peri_dtype dtype;
  int m, n, k, lwork;
  void *work;
  int *iwork;
} solver;

static pri_gesdd *routine(const solver *s) { return s->dtype == PERI_F32 ? sgesdd_ : dgesdd_; }
static size_t work_bytes(const solver *s) { return (size_t)s->lwork * peri_sizeof(s->dtype); }
static size_t iwork_bytes(const solver *s) { return 8 * (size_t)s->k * sizeof(int); }

static peri_status solver_open(solver *s) {
  int info = 0, query = -1, unused;
  union {
    double f64;
    float f32;
  } size = {0};
  routine(s)(s->job, &s->n, &s->m, NULL, &s->n, NULL, NULL, &s->n, NULL, &s->k, &size, &query, &unused, &info, 1);
  if (pri_work_size(s->cx, s->who, s->dtype == PERI_F32 ? size.f32 : size.f64, &s->lwork)) return s->cx->code;
  if (!(s->work = peri_alloc(s->cx, work_bytes(s)))) return s->cx->code;
  return (s->iwork = peri_alloc(s->cx, iwork_bytes(s))) ? PERI_OK : s->cx->code;
}

static void solver_close(solver *s) {
  if (s->work) peri_free(s->cx, s->work, work_bytes(s));
  if (s->iwork) peri_free(s->cx, s->iwork, iwork_bytes(s));
}

/* Matrix `which` of the copies a, which are destroyed. u and vt may be NULL. */
static peri_status solve_one(solver *s, peri_tensor *a, peri_tensor *u, peri_tensor *w, peri_tensor *vt,
                             int64_t which) {
  const int64_t bytes = (int64_t)peri_sizeof(s->dtype), m = s->m, n = s->n, k = s->k;
  char *at = (char *)a->data + which * m * n * bytes, *values = (char *)w->data + which * k * bytes, text[48];
  char *left = vt ? (char *)vt->data + which * k * n * bytes : NULL,
       *right = u ? (char *)u->data + which * m * k * bytes : NULL;
  int info = 0;
  if (peri_check_interrupt(s->cx) || pri_finite_lines(s->cx, s->who, "matrix", s->dtype, at, m, n, false))
    return s->cx->code;
  routine(s)(s->job, &s->n, &s->m, at, &s->n, values, left, &s->n, right, &s->k, s->work, &s->lwork, s->iwork, &info,
             1);
  if (info == 0) return PERI_OK;
  return peri_fail(s->cx, PERI_ERR_NUMERIC,
                   "%s: %s: the iteration for singular values did not converge (LAPACK info %d)", s->who,
                   pri_subject(text, which, pri_count_matrices(a)), info);
}

/* vectors is NULL or receives U and V^T. */
static peri_status decompose(const peri_op *op, peri_tensor *a, peri_tensor **values, peri_tensor *vectors[2]) {
  int64_t m, n;
  peri_dtype t;
  if (pri_matrices(op->name, a, &m, &n) || pri_real_dtype(op->name, a, NULL, &t)) return a->cx->code;
  int64_t k = m < n ? m : n;
  if (pri_work_fits(a->cx, op->name, 5. * (double)k * (double)k + 70. * (double)(m + n))) return a->cx->code;
  solver s = {
      .cx = a->cx, .who = op->name, .job = vectors ? "S" : "N", .dtype = t, .m = (int)m, .n = (int)n, .k = (int)k};
  peri_tensor *w = pri_like_stack(a, t, 1, 0, k), *copy = w ? peri_cast(a, t) : NULL;
  peri_tensor *u = copy && vectors ? pri_like_stack(a, t, 2, m, k) : NULL,
              *vt = u ? pri_like_stack(a, t, 2, k, n) : NULL;
  peri_status st = copy && (vt || !vectors) ? PERI_OK : a->cx->code;
  if (!st && copy->size) st = solver_open(&s);
  for (int64_t i = 0; !st && copy->size && i < pri_count_matrices(a); i++) st = solve_one(&s, copy, u, w, vt, i);
  solver_close(&s);
  peri_release(copy);
  if (st) return peri_release(w), peri_release(u), peri_release(vt), st;
  *values = w;
  if (vectors) vectors[0] = u, vectors[1] = vt;
  return PERI_OK;
}

static peri_status run_svdvals(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  return decompose(op, in[0], out, NULL);
}

static peri_status run_svd(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  peri_tensor *vectors[2];
  peri_status st = decompose(op, in[0], out + 1, vectors);
  if (!st) out[0] = vectors[0], out[2] = vectors[1];
  return st;
}

/* ---- pseudo-inverse and rank ---- */

/* The share of the largest singular value below which one counts as 0. */
static double cut(const peri_tensor *a, const peri_tensor *s, double rcond) {
  int64_t m = a->dims[a->ndim - 2], n = a->dims[a->ndim - 1];
  return rcond >= 0 ? rcond : (double)(m > n ? m : n) * (s->dtype == PERI_F32 ? FLT_EPSILON : DBL_EPSILON);
}

/* Whether each singular value (..., k), k > 0, counts. */
static peri_tensor *counted(const peri_tensor *a, peri_tensor *s, double rcond) {
  peri_tensor *largest = peri_narrow(s, -1, 0, 1);
  return largest ? r2(peri_gt, keep(s), r2(peri_mul, largest, number(s, cut(a, s, rcond)))) : NULL;
}

static peri_tensor *last_unsqueezed(peri_tensor *t) { return peri_unsqueeze(t, t->ndim); }
static peri_tensor *matrix_transposed(peri_tensor *t) { return peri_transpose(t, -1, -2); }

/* V diag(1 / s) U^T, 0 for 1 / s where s does not count. */
static peri_tensor *inverse_of(const peri_tensor *a, peri_tensor *u, peri_tensor *s, peri_tensor *vt, double rcond) {
  peri_tensor *counts = counted(a, s, rcond), *reciprocal = counts ? peri_reciprocal(s) : NULL,
              *nought = reciprocal ? number(s, 0) : NULL;
  peri_tensor *weights = nought ? peri_where(counts, reciprocal, nought) : NULL;
  peri_release(counts);
  peri_release(reciprocal);
  peri_release(nought);
  peri_tensor *scaled = weights ? r2(peri_mul, r1(last_unsqueezed, weights), r1(matrix_transposed, keep(u))) : NULL;
  return scaled ? r2(peri_bmm, r1(matrix_transposed, keep(vt)), scaled) : NULL;
}

static peri_status run_pinv(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *s = NULL, *vectors[2] = {NULL, NULL};
  peri_ctx *cx = in[0]->cx;
  if (decompose(op, in[0], &s, vectors)) return cx->code;
  int64_t m = in[0]->dims[in[0]->ndim - 2], n = in[0]->dims[in[0]->ndim - 1];
  out[0] = in[0]->size ? inverse_of(in[0], vectors[0], s, vectors[1], args->f[0])
                       : pri_like_stack(in[0], (peri_dtype)s->dtype, 2, n, m); /* nothing in it */
  peri_release(s);
  peri_release(vectors[0]);
  peri_release(vectors[1]);
  return out[0] ? PERI_OK : cx->code;
}

peri_tensor *peri_matrix_rank(peri_tensor *a, double rcond) {
  peri_tensor *s = peri_svdvals(a), *counts = NULL, *r = NULL;
  if (s && s->dims[s->ndim - 1] == 0)
    r = peri_zeros(a->cx, PERI_I64, s->ndim - 1, s->dims);
  else if (s && (counts = counted(a, s, rcond)))
    r = peri_sum(counts, 1u << (s->ndim - 1), false);
  peri_release(counts);
  peri_release(s);
  return r;
}

const peri_op pri_op_svdvals = {.name = "linalg.svdvals",
                                .arity = 1,
                                .outputs = 1,
                                .result = PERI_RESULT_OWN,
                                .run = run_svdvals,
                                .vjp = pri_vjp_svdvals,
                                .samples = "matrix",
                                .signature = "linalg.svdvals(a)",
                                .help = "Singular values of a matrix, descending."};
const peri_op pri_op_svd = {.name = "linalg.svd",
                            .arity = 1,
                            .outputs = 3,
                            .result = PERI_RESULT_OWN,
                            .run = run_svd,
                            .vjp = pri_vjp_svd,
                            .samples = "matrix",
                            .signature = "linalg.svd(a)",
                            .help = "U, s and V^T of the singular value decomposition, min(m, n) of them."};
const peri_op pri_op_pinv = {.name = "linalg.pinv",
                             .arity = 1,
                             .outputs = 1,
                             .result = PERI_RESULT_OWN,
                             .run = run_pinv,
                             .samples = "matrix",
                             .signature = "linalg.pinv(a)",
                             .help = "Pseudo-inverse of a matrix."};

peri_tensor *peri_svdvals(peri_tensor *a) { return peri_apply(&pri_op_svdvals, &a, NULL); }
peri_status peri_svd(peri_tensor *a, peri_tensor **u, peri_tensor **s, peri_tensor **vt) {
  peri_tensor *out[3] = {NULL, NULL, NULL};
  peri_status st = peri_apply_many(&pri_op_svd, &a, NULL, out);
  *u = out[0];
  *s = out[1];
  *vt = out[2];
  return st;
}
peri_tensor *peri_pinv(peri_tensor *a, double rcond) {
  return peri_apply(&pri_op_pinv, &a, &(peri_args){.f = {rcond}});
}
