/* graph_lanczos.c - the ends of the spectrum of a large graph.
**
** Lanczos within the vectors of mean 0, the basis kept orthogonal by two passes: with L^+, whose largest eigenvalues stand apart where the smallest
** of L crowd, and with L itself for the other end. The gap is then the Rayleigh quotient of the vector, a sum of squares.
** Source: Parlett, The symmetric eigenvalue problem (1998), chapter 13.
*/
#include "process/graph.h"
#include "linalg/lapack.h"
#include <math.h>
#include <string.h>

typedef long long ll;

enum { STEPS = 400, LOOK = 5 };
typedef peri_status apply_fn(void *ud, const double *x, double *y);
typedef struct {
  peri_ctx *cx;
  int64_t n, m;                      /* vectors in the basis: m + 1, orthonormal, mean 0 */
  double *q[STEPS + 1], alpha[STEPS], beta[STEPS];
  double *t, *theta, *work;          /* (STEPS, STEPS): eigenvectors of the tridiagonal matrix as columns; its eigenvalues, ascending; scratch */
  int *iwork;
} basis;

enum { T_SIZE = STEPS * STEPS, WORK_SIZE = 1 + 6 * STEPS + 2 * STEPS * STEPS, IWORK_SIZE = 3 + 5 * STEPS };

static void close_basis(basis *b) {
  for (int i = 0; i <= STEPS; i++) pri_drop(b->cx, b->q[i], b->n);
  pri_drop(b->cx, b->t, T_SIZE), pri_drop(b->cx, b->theta, STEPS), pri_drop(b->cx, b->work, WORK_SIZE);
  if (b->iwork) peri_free(b->cx, b->iwork, IWORK_SIZE * sizeof(int));
  peri_free(b->cx, b, sizeof *b);
}

/* The start vector is fixed: the same graph has the same bits. */
static basis *open_basis(peri_ctx *cx, int64_t n) {
  basis *b = peri_alloc(cx, sizeof *b);
  if (!b) return NULL;
  memset(b, 0, sizeof *b);
  b->cx = cx, b->n = n;
  bool ok = (b->q[0] = pri_doubles(cx, n)) && (b->t = pri_doubles(cx, T_SIZE)) && (b->theta = pri_doubles(cx, STEPS)) &&
            (b->work = pri_doubles(cx, WORK_SIZE)) && (b->iwork = peri_alloc(cx, IWORK_SIZE * sizeof(int)));
  if (!ok) return close_basis(b), NULL;
  uint64_t x = 1;
  for (int64_t i = 0; i < n; i++) b->q[0][i] = (double)(x = x * 6364136223846793005u + 1442695040888963407u) * 0x1p-64 - 0.5;
  pri_subtract_mean(n, b->q[0]);
  double norm = sqrt(pri_dot(n, b->q[0], b->q[0]));
  for (int64_t i = 0; i < n; i++) b->q[0][i] /= norm;
  return b;
}

/* One more vector. *grown is false if the space is invariant. */
static peri_status grow_basis(basis *b, apply_fn *apply, void *ud, bool *grown) {
  int64_t n = b->n, m = b->m;
  double *r = b->q[m + 1] = pri_doubles(b->cx, n);
  if (!r || apply(ud, b->q[m], r)) return peri_errcode(b->cx);
  double before = sqrt(pri_dot(n, r, r));
  b->alpha[m] = pri_dot(n, r, b->q[m]);
  for (int pass = 0; pass < 2; pass++) {
    pri_subtract_mean(n, r);
    for (int64_t k = m; k >= 0; k--) {
      double c = pri_dot(n, r, b->q[k]);
      for (int64_t i = 0; i < n; i++) r[i] -= c * b->q[k][i];
    }
  }
  b->beta[m] = sqrt(pri_dot(n, r, r));
  *grown = b->beta[m] > 1e-13 * before;
  if (!*grown) b->beta[m] = 0;
  for (int64_t i = 0; *grown && i < n; i++) r[i] /= b->beta[m];
  b->m++;
  return PERI_OK;
}

static peri_status diagonalise(basis *b) {
  int m = (int)b->m, lwork = WORK_SIZE, liwork = IWORK_SIZE, info = 0;
  memset(b->t, 0, (size_t)(m * m) * sizeof *b->t);
  for (int i = 0; i < m; i++) {
    b->t[i * m + i] = b->alpha[i];
    if (i + 1 < m) b->t[i * m + i + 1] = b->t[(i + 1) * m + i] = b->beta[i];
  }
  dsyevd_("V", "L", &m, b->t, &m, b->theta, b->work, &lwork, b->iwork, &liwork, &info, 1, 1);
  return info ? peri_fail(b->cx, PERI_ERR_NUMERIC, "process.graph: the eigenvalues of a tridiagonal matrix were not found") : PERI_OK;
}

/* Whether the `count` largest Ritz values have residuals up to tol of themselves. */
static bool settled(const basis *b, int count, double tol) {
  for (int k = 1; k <= count; k++) {
    double y = b->t[(b->m - k) * b->m + b->m - 1];
    if (!(b->beta[b->m - 1] * fabs(y) <= tol * b->theta[b->m - k])) return false;
  }
  return true;
}

/* The `count` largest eigenvalues of apply, as far as STEPS steps bring them. */
static peri_status run(basis *b, apply_fn *apply, void *ud, int count, double tol, const char *what) {
  int64_t most = b->n - 1 < STEPS ? b->n - 1 : STEPS;
  bool grown = true, done = false;
  while (!done && grown && b->m < most) {
    if (pri_stopped(b->cx)) return peri_check_interrupt(b->cx);
    if (grow_basis(b, apply, ud, &grown)) return peri_errcode(b->cx);
    if (b->m < count || (b->m % LOOK && grown && b->m < most)) continue;
    if (diagonalise(b)) return peri_errcode(b->cx);
    done = settled(b, count, tol);
  }
  if (done) return PERI_OK;
  return peri_fail(b->cx, PERI_ERR_NUMERIC, "process.graph: %s was not found in %lld steps of Lanczos", what, (ll)b->m);
}

/* Ritz vector k, counted from the largest. */
static void ritz_vector(const basis *b, int k, double *x) {
  memset(x, 0, (size_t)b->n * sizeof *x);
  for (int64_t j = 0; j < b->m; j++)
    for (int64_t i = 0; i < b->n; i++) x[i] += b->t[(b->m - 1 - k) * b->m + j] * b->q[j][i];
}

/* x' L x / x' x as a sum of squares: relative precision, and the square of the error of x. */
static double rayleigh(const peri_graph *g, const double *x) {
  double sum = 0;
  for (int64_t e = 0; e < g->m; e++) sum += g->w[e] * (x[g->u[e]] - x[g->v[e]]) * (x[g->u[e]] - x[g->v[e]]);
  return sum / pri_dot(g->n, x, x);
}

static peri_status apply_inverse(void *ud, const double *x, double *y) {
  pri_solver *s = ud;
  double reached = 0;
  if (pri_solve(s, x, 1e-11, y, &reached)) return peri_errcode(s->g->cx);
  if (reached <= 1e-6) return PERI_OK;
  return peri_fail(s->g->cx, PERI_ERR_NUMERIC, "process.graph.spectral_gap: a system with the Laplacian was solved to %.2g only", reached);
}
static peri_status apply_laplacian(void *ud, const double *x, double *y) {
  peri_graph_apply(ud, x, y);
  return PERI_OK;
}

peri_status pri_graph_smallest(const peri_graph *g, int count, double *values, double *vectors) {
  pri_solver s;
  if (pri_open_solver(&s, g)) return peri_errcode(g->cx);
  basis *b = open_basis(g->cx, g->n);
  double *x = b ? pri_doubles(g->cx, g->n) : NULL;
  peri_status st = x ? run(b, apply_inverse, &s, count, 1e-8, "the spectral gap") : peri_errcode(g->cx);
  for (int k = 0; !st && k < count; k++) {
    ritz_vector(b, k, x);
    values[k] = rayleigh(g, x);
    for (int64_t i = 0; vectors && i < g->n; i++) vectors[i * count + k] = x[i];
  }
  pri_drop(g->cx, x, g->n);
  if (b) close_basis(b);
  pri_close_solver(&s);
  return st;
}

peri_status pri_graph_largest(const peri_graph *g, double *value) {
  basis *b = open_basis(g->cx, g->n);
  if (!b) return peri_errcode(g->cx);
  peri_status st = run(b, apply_laplacian, (void *)g, 1, 1e-5, "the largest eigenvalue");
  if (!st) *value = b->theta[b->m - 1];
  close_basis(b);
  return st;
}
