/* blocked.c - Cholesky and LU factorisations in blocks, so that the pool shares their work.
**
** A step factors the next block of columns with LAPACK and takes it out of what is left,
**     Cholesky (row-major, lower):  L11 = chol(A11),  L21 = A21 L11^-T,  A22 -= L21 L21^T
**     LU (column-major):            P (A11; A21) = (L11; L21) U11,  U12 = L11^-1 A12,  A22 -= L21 U12
** and of that only the first part is serial: of order n^2 BLOCK of the n^3 operations. What is left is cut into panels by the size
** alone, each computed by one call of BLAS, so the bits do not depend on the number of threads.
** Small matrices (below WHOLE) go to LAPACK in one piece.
** Source: Golub & Van Loan, Matrix Computations, 4th ed., sections 3.2.11 and 4.2.9.
*/
#include "linalg/linalg.h"
#include "linalg/lapack.h"
#include <cblas.h>

enum { WHOLE = 384, CHOLESKY_BLOCK = 128, CHOLESKY_PANEL = 128, LU_BLOCK = 64, LU_PANEL = 128 };

typedef struct {
  const peri_ctx *cx; /* for its stop flag */
  peri_dtype dtype;
  int64_t n, from, to; /* the block: rows and columns from .. to - 1 */
  char *a;
  const int *pivots; /* of the block, from 1, relative to `from` */
} step;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t panels_of(int64_t length, int64_t panel) { return (length + panel - 1) / panel; }

/* Element at line i, place j of lines of length n. */
static void *at(const step *s, int64_t i, int64_t j) { return s->a + (i * s->n + j) * (int64_t)peri_sizeof(s->dtype); }

static const double one[2] = {1, 0}, minus_one[2] = {-1, 0};

/* C (m, n) -= A B, or (bt) A B^T. */
static void subtract_product(const step *s, CBLAS_ORDER order, bool bt, int64_t m, int64_t n, int64_t k, const void *a,
                             const void *b, void *c) {
  CBLAS_TRANSPOSE t = bt ? CblasTrans : CblasNoTrans;
  int ld = (int)s->n;
  switch (s->dtype) {
  case PERI_F32: cblas_sgemm(order, CblasNoTrans, t, (int)m, (int)n, (int)k, -1, a, ld, b, ld, 1, c, ld); break;
  case PERI_F64: cblas_dgemm(order, CblasNoTrans, t, (int)m, (int)n, (int)k, -1, a, ld, b, ld, 1, c, ld); break;
  default: cblas_zgemm(order, CblasNoTrans, t, (int)m, (int)n, (int)k, minus_one, a, ld, b, ld, one, c, ld); break;
  }
}

/* ---- Cholesky: panels are rows behind the block ---- */

static void rows_of_panel(const step *s, int64_t task, int64_t *i, int64_t *m) {
  *i = s->to + task * CHOLESKY_PANEL;
  *m = least(CHOLESKY_PANEL, s->n - *i);
}

static void cholesky_columns(void *ud, int64_t task) { /* L21 of a panel */
  const step *s = ud;
  int64_t i, m;
  int ld = (int)s->n, k = (int)(s->to - s->from);
  rows_of_panel(s, task, &i, &m);
  if (s->dtype == PERI_F32)
    cblas_strsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)m, k, 1, at(s, s->from, s->from), ld,
                at(s, i, s->from), ld);
  else
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)m, k, 1, at(s, s->from, s->from), ld,
                at(s, i, s->from), ld);
}

static void cholesky_rest(void *ud, int64_t task) { /* A22 of a panel, up to the diagonal */
  const step *s = ud;
  int64_t i, m, last = panels_of(s->n - s->to, CHOLESKY_PANEL) - 1;
  rows_of_panel(s, last - task, &i, &m); /* the longest first */
  if (!pri_stopped(s->cx))
    subtract_product(s, CblasRowMajor, true, m, i + m - s->to, s->to - s->from, at(s, i, s->from), at(s, s->to, s->from),
                     at(s, i, s->to));
}

int pri_blocked_cholesky(peri_ctx *cx, peri_dtype t, void *a, int64_t n) {
  step s = {.cx = cx, .dtype = t, .n = n, .a = a};
  int64_t block = n < WHOLE ? n : CHOLESKY_BLOCK;
  int ld = (int)n;
  for (s.from = 0; s.from < n && !pri_stopped(cx); s.from = s.to) {
    s.to = least(s.from + block, n);
    int width = (int)(s.to - s.from), info = 0;
    (t == PERI_F32 ? spotrf_ : dpotrf_)("U", &width, at(&s, s.from, s.from), &ld, &info, 1);
    if (info) return info < 0 ? info : info + (int)s.from;
    int64_t panels = panels_of(n - s.to, CHOLESKY_PANEL);
    pri_parallel(cx, panels, cholesky_columns, &s);
    pri_parallel(cx, panels, cholesky_rest, &s);
  }
  return 0;
}

/* ---- LU: panels are columns, before and behind the block ---- */

static void lu_panel(void *ud, int64_t task) {
  const step *s = ud;
  int64_t behind = panels_of(s->n - s->to, LU_PANEL);
  bool done = task >= behind; /* its columns are behind us: only rows are exchanged */
  int64_t j = done ? (task - behind) * LU_PANEL : s->to + task * LU_PANEL;
  int64_t width = least(LU_PANEL, (done ? s->from : s->n) - j);
  int ld = (int)s->n, n = (int)width, k = (int)(s->to - s->from), first = 1, step1 = 1;
  if (pri_stopped(s->cx)) return;
  (s->dtype == PERI_F32 ? slaswp_ : s->dtype == PERI_F64 ? dlaswp_ : zlaswp_)(&n, at(s, j, s->from), &ld, &first, &k, s->pivots, &step1);
  if (done) return;
  switch (s->dtype) {
  case PERI_F32:
    cblas_strsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasUnit, k, n, 1, at(s, s->from, s->from), ld, at(s, j, s->from), ld);
    break;
  case PERI_F64:
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasUnit, k, n, 1, at(s, s->from, s->from), ld, at(s, j, s->from), ld);
    break;
  default:
    cblas_ztrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasUnit, k, n, one, at(s, s->from, s->from), ld, at(s, j, s->from), ld);
  }
  subtract_product(s, CblasColMajor, false, s->n - s->to, width, k, at(s, s->from, s->to), at(s, j, s->from), at(s, j, s->to));
}

int pri_blocked_lu(peri_ctx *cx, peri_dtype t, void *a, int64_t n, int *pivots) {
  step s = {.cx = cx, .dtype = t, .n = n, .a = a};
  pri_getrf *getrf = t == PERI_F32 ? sgetrf_ : t == PERI_F64 ? dgetrf_ : zgetrf_;
  int64_t block = n < WHOLE ? n : LU_BLOCK;
  int ld = (int)n, singular = 0;
  for (s.from = 0; s.from < n && !pri_stopped(cx); s.from = s.to) {
    s.to = least(s.from + block, n);
    int rows = (int)(n - s.from), width = (int)(s.to - s.from), info = 0;
    s.pivots = pivots + s.from;
    getrf(&rows, &width, at(&s, s.from, s.from), &ld, pivots + s.from, &info);
    if (info < 0) return info;
    if (info && !singular) singular = info + (int)s.from;
    pri_parallel(cx, panels_of(n - s.to, LU_PANEL) + panels_of(s.from, LU_PANEL), lu_panel, &s);
    for (int64_t i = s.from; i < s.to; i++) pivots[i] += (int)s.from;
  }
  return singular;
}
