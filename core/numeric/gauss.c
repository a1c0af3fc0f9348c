/* gauss.c - nodes and weights of Gauss's rules.
**
** The orthonormal polynomials obey  s_{j+1} p_{j+1} = (x - c_j) p_j - s_j p_{j-1},  s_j^2 = b_j. The nodes are the eigenvalues of the
** symmetric
** tridiagonal matrix of c and s (Golub and Welsch), polished by Newton's steps on p_n, which gives the small ones of Laguerre's rule
** their relative accuracy;
** the weights are mu_0 / sum_{j<n} (p_j / p_0)^2, a sum without cancellation, carried with a scale so that neither it nor the
** weights' logarithms overflow. O(n^2). Source: Gautschi, Orthogonal Polynomials (2004), 3.1.
*/
#include "base/base.h"
#include "numeric/special.h"
#include <string.h>

#define WHO "numeric.gauss"

void dsterf_(const int *n, double *diagonal, double *off, int *info); /* LAPACK: eigenvalues of a symmetric tridiagonal matrix, ascending */

typedef struct {
  peri_gauss_kind kind;
  double alpha, beta;
} weight;

static void recurrence(const weight *w, int64_t j, long double *c, long double *b) {
  long double a = w->alpha, e = w->beta, t = 2 * j + a + e;
  switch (w->kind) {
  case PERI_GAUSS_LEGENDRE: *c = 0, *b = (long double)j * j / (4.0L * j * j - 1); break;
  case PERI_GAUSS_LAGUERRE: *c = 2 * j + 1 + a, *b = j * (j + a); break;
  case PERI_GAUSS_HERMITE: *c = 0, *b = j / 2.0L; break;
  case PERI_GAUSS_JACOBI:
    *c = j == 0 ? (e - a) / (a + e + 2) : (e - a) * (e + a) / (t * (t + 2));
    *b = j == 1 ? 4 * (1 + a) * (1 + e) / ((2 + a + e) * (2 + a + e) * (3 + a + e))
                : 4 * j * (j + a) * (j + e) * (j + a + e) / (t * t * (t + 1) * (t - 1));
    break;
  }
}

static long double log_mass(const weight *w) {
  switch (w->kind) {
  case PERI_GAUSS_LAGUERRE: return lgammal(1 + (long double)w->alpha);
  case PERI_GAUSS_HERMITE: return 0.5L * logl(PRI_PI);
  case PERI_GAUSS_JACOBI: return (w->alpha + w->beta + 1) * PRI_LN2 + peri_fn_log_beta(w->alpha + 1, w->beta + 1);
  default: return PRI_LN2;
  }
}

/* At x: p_n / p_n', and the logarithm of sum_{j<n} (p_j / p_0)^2. By Christoffel and Darboux the sum is s_n (p_n' p_{n-1} - p_{n-1}' p_n), so near
** a zero of p_n the ratio is s_n p_n p_{n-1} / sum up to its square, and no derivative is needed. c (n), s and its inverses (n + 1). */
static long double evaluate(const long double *c, const long double *s, const long double *inverse, int64_t n, long double x, long double *log_sum) {
  const long double big = 0x1p500L;
  long double p = 1, before = 0, sum = 0, log_scale = 0;
  for (int64_t j = 0; j < n; j++) {
    sum += p * p;
    long double next = ((x - c[j]) * p - s[j] * before) * inverse[j + 1];
    before = p, p = next;
    if (fabsl(p) > big) {
      p /= big, before /= big, sum /= big * big;
      log_scale += 500 * PRI_LN2;
    }
  }
  *log_sum = logl(sum) + 2 * log_scale;
  return s[n] * p * before / sum;
}

static peri_status polish(peri_ctx *cx, const weight *w, const long double *c, const long double *s, const long double *inverse, int64_t n,
                          const double *guess, double *nodes, double *weights, double *log_weights) {
  bool even = w->kind == PERI_GAUSS_LEGENDRE || w->kind == PERI_GAUSS_HERMITE || (w->kind == PERI_GAUSS_JACOBI && w->alpha == w->beta);
  long double mass = log_mass(w);
  for (int64_t i = even ? n / 2 : 0; i < n; i++) { /* of a symmetric rule the upper half, and the middle, which is exactly 0 */
    if (pri_stopped(cx)) return peri_check_interrupt(cx);
    bool middle = even && 2 * i + 1 == n;
    long double x = middle ? 0 : guess[i], log_sum;
    for (int k = 0; k < 6; k++) {
      long double step = evaluate(c, s, inverse, n, x, &log_sum);
      if (middle || !(fabsl(step) > 1e-17L * fabsl(x))) break;
      x -= step;
    }
    long double log_w = mass - log_sum;
    int64_t mirror = even ? n - 1 - i : i;
    if (nodes) nodes[mirror] = (double)-x, nodes[i] = (double)x;
    if (weights) weights[mirror] = weights[i] = (double)expl(log_w);
    if (log_weights) log_weights[mirror] = log_weights[i] = (double)log_w;
  }
  return PERI_OK;
}

static peri_status check(peri_ctx *cx, peri_gauss_kind kind, int64_t n, double alpha, double beta) {
  if (n < 1 || n > 100000) return peri_fail(cx, PERI_ERR_VALUE, WHO ": the number of points must lie in 1..100000, got %lld", (long long)n);
  bool needs_alpha = kind == PERI_GAUSS_LAGUERRE || kind == PERI_GAUSS_JACOBI;
  if (needs_alpha && !(alpha > -1 && alpha < 1e4))
    return peri_fail(cx, PERI_ERR_VALUE, WHO ": alpha must lie in (-1, 10000), got %g", alpha);
  if (kind == PERI_GAUSS_JACOBI && !(beta > -1 && beta < 1e4))
    return peri_fail(cx, PERI_ERR_VALUE, WHO ": beta must lie in (-1, 10000), got %g", beta);
  return PERI_OK;
}

peri_status peri_gauss(peri_ctx *cx, peri_gauss_kind kind, int64_t n, double alpha, double beta, double *nodes, double *weights,
                       double *log_weights) {
  if (check(cx, kind, n, alpha, beta)) return peri_errcode(cx);
  weight w = {.kind = kind, .alpha = alpha, .beta = beta};
  size_t bytes = (size_t)(3 * n + 2) * sizeof(long double) + (size_t)(2 * n) * sizeof(double);
  long double *c = peri_alloc(cx, bytes), *s = c ? c + n : NULL, *inverse = c ? s + n + 1 : NULL;
  if (!c) return peri_errcode(cx);
  double *diagonal = (double *)(inverse + n + 1), *off = diagonal + n;
  s[0] = inverse[0] = 0;
  for (int64_t j = 0; j < n; j++) {
    long double b;
    recurrence(&w, j, &c[j], &b);
    diagonal[j] = (double)c[j];
    recurrence(&w, j + 1, &(long double){0}, &b);
    s[j + 1] = sqrtl(b);
    inverse[j + 1] = 1 / s[j + 1];
    off[j] = (double)s[j + 1];
  }
  int order = (int)n, info = 0;
  dsterf_(&order, diagonal, off, &info);
  peri_status st = info ? peri_fail(cx, PERI_ERR_NUMERIC, WHO ": the eigenvalues of the recurrence did not converge") : PERI_OK;
  if (!st) st = polish(cx, &w, c, s, inverse, n, diagonal, nodes, weights, log_weights);
  peri_free(cx, c, bytes);
  return st;
}
