/* eigh.c - eigenvalues and eigenvectors of symmetric matrices, A = V diag(w) V^T, by divide and conquer (LAPACK syevd).
**
** A is symmetric, so it does not matter that LAPACK reads our rows as columns. The vectors come out as its columns, our rows, and are
** transposed at the end.
*/
#include "linalg/linalg.h"
#include "linalg/lapack.h"
#include <perigee/shape.h>

typedef struct {
  peri_ctx *cx;
  const char *who, *job; /* "V": vectors too */
  peri_dtype dtype;
  int n, lwork, liwork;
  void *work;
  int *iwork;
} solver;

static pri_syevd *routine(const solver *s) { return s->dtype == PERI_F32 ? ssyevd_ : dsyevd_; }
static size_t work_bytes(const solver *s) { return (size_t)s->lwork * peri_sizeof(s->dtype); }

static peri_status solver_open(solver *s) {
  int info = 0, query = -1, isize = 1, one = 1;
  union {
    double f64;
    float f32;
  } size = {0};
  routine(s)(s->job, "U", &s->n, NULL, s->n ? &s->n : &one, NULL, &size, &query, &isize, &query, &info, 1, 1);
  if (pri_work_size(s->cx, s->who, s->dtype == PERI_F32 ? size.f32 : size.f64, &s->lwork)) return s->cx->code;
  s->liwork = isize;
  if (!(s->work = peri_alloc(s->cx, work_bytes(s)))) return s->cx->code;
  return (s->iwork = peri_alloc(s->cx, (size_t)s->liwork * sizeof(int))) ? PERI_OK : s->cx->code;
}

static void solver_close(solver *s) {
  if (s->work) peri_free(s->cx, s->work, work_bytes(s));
  if (s->iwork) peri_free(s->cx, s->iwork, (size_t)s->liwork * sizeof(int));
}

/* w (n) from a (n, n), which becomes the vectors, one a row, or is destroyed. */
static peri_status solve_one(solver *s, void *a, void *w, int64_t which, int64_t count) {
  int info = 0;
  char text[48];
  if (pri_symmetric(s->cx, s->who, s->dtype, a, s->n)) return s->cx->code;
  routine(s)(s->job, "U", &s->n, a, &s->n, w, s->work, &s->lwork, s->iwork, &s->liwork, &info, 1, 1);
  if (info == 0) return PERI_OK;
  return peri_fail(s->cx, PERI_ERR_NUMERIC, "%s: %s: the eigenvalue iteration did not converge (LAPACK info %d)",
                   s->who, pri_subject(text, which, count), info);
}

/* w and, in place of the matrices of a, their vectors, one a row; a is contiguous, of the solver's dtype. */
static peri_status solve_all(solver *s, peri_tensor *a, peri_tensor *w) {
  const size_t bytes = peri_sizeof(s->dtype), n = (size_t)s->n;
  int64_t count = pri_count_matrices(a);
  peri_status st = a->size ? solver_open(s) : PERI_OK;
  for (int64_t i = 0; i < count && a->size && !st; i++)
    if (!(st = peri_check_interrupt(s->cx)))
      st = solve_one(s, (char *)a->data + (size_t)i * n * n * bytes, (char *)w->data + (size_t)i * n * bytes, i, count);
  solver_close(s);
  return st;
}

static peri_status decompose(const peri_op *op, peri_tensor *a, const char *job, peri_tensor **values,
                             peri_tensor **vectors) {
  peri_dtype t;
  int64_t n;
  if (pri_square(op->name, a, &n) || pri_real_dtype(op->name, a, NULL, &t) ||
      pri_work_fits(a->cx, op->name, 2. * (double)n * (double)n + 70. * (double)n + 1))
    return a->cx->code;
  solver s = {.cx = a->cx, .who = op->name, .job = job, .dtype = t, .n = (int)n};
  peri_tensor *w = pri_like_stack(a, t, 1, 0, n), *rows = w ? peri_cast(a, t) : NULL, *v = NULL;
  peri_status st = rows ? solve_all(&s, rows, w) : a->cx->code;
  if (!st && vectors && !((v = peri_transpose(rows, -1, -2)) && (*vectors = peri_contiguous(v)))) st = a->cx->code;
  peri_release(rows);
  peri_release(v);
  if (st) return peri_release(w), st;
  *values = w;
  return PERI_OK;
}

static peri_status run_eigvalsh(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  return decompose(op, in[0], "N", out, NULL);
}

static peri_status run_eigh(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  (void)args;
  return decompose(op, in[0], "V", out, out + 1);
}

const peri_op pri_op_eigvalsh = {.name = "linalg.eigvalsh",
                                 .arity = 1,
                                 .outputs = 1,
                                 .result = PERI_RESULT_OWN,
                                 .run = run_eigvalsh,
                                 .vjp = pri_vjp_eigvalsh,
                                 .samples = "symmetric",
                                 .signature = "linalg.eigvalsh(a)",
                                 .help = "Eigenvalues of a symmetric matrix, ascending."};
const peri_op pri_op_eigh = {
    .name = "linalg.eigh",
    .arity = 1,
    .outputs = 2,
    .result = PERI_RESULT_OWN,
    .run = run_eigh,
    .vjp = pri_vjp_eigh,
    .samples = "symmetric",
    .signature = "linalg.eigh(a)",
    .help = "Eigenvalues of a symmetric matrix, ascending, and its orthonormal eigenvectors as columns."};

peri_tensor *peri_eigvalsh(peri_tensor *a) { return peri_apply(&pri_op_eigvalsh, &a, NULL); }
peri_status peri_eigh(peri_tensor *a, peri_tensor **values, peri_tensor **vectors) {
  peri_tensor *out[2] = {NULL, NULL};
  peri_status st = peri_apply_many(&pri_op_eigh, &a, NULL, out);
  *values = out[0];
  *vectors = out[1];
  return st;
}
