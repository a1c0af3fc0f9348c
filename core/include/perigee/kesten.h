/* perigee/kesten.h (process) - random affine recursions x <- M x + q: how heavy the tail of their stationary law is, exactly, and chains.
**
** With the moments h(r) = E |M e|^r, e a unit vector whatever its direction, a stationary law exists if h'(0) = E log |M e| < 0, and then
** P(|x| > t) falls like t^-alpha, h(alpha) = 1 (Kesten, 1973). The recursions:
**
** gauss      SGD of batch b and step size eta on least squares with fresh rows a ~ N(0, s^2 I_d): M = I - (eta/b) sum a a^T. In units of
**            c = eta s^2 and of the noise sd over s,  x <- x - (c/b) sum_i g_i (g_i . x - noise e_i),  g_i, e_i standard normal; x is the distance to the solution.
** norm       the norm of the same, exactly in law: with g, e ~ N(0, I_b), r = rho g - noise e, chi2 of d - 1 degrees,
**            rho'^2 = (rho - (c/b) g.r)^2 + (c/b)^2 |r|^2 chi2.
** lognormal  x <- e^(mu + s N) x + 1, alpha = -2 mu/s^2.
** arch       x <- sqrt(g + lam x^2) N:  (2 lam)^(alpha/2) Gamma((alpha+1)/2) = sqrt(pi).
** data       SGD with step size c on rows A (n, d) and targets y (n) that stay: x <- x - (c/b) sum_i a_i (a_i . x - y_i) over b of the n rows
**            without replacement. Chains only: it has no index of this kind.
*/
#ifndef PERIGEE_KESTEN_H
#define PERIGEE_KESTEN_H

#include <perigee/random.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { PERI_KESTEN_GAUSS, PERI_KESTEN_NORM, PERI_KESTEN_LOGNORMAL, PERI_KESTEN_ARCH, PERI_KESTEN_DATA } peri_kesten_kind;

typedef struct {
  peri_kesten_kind kind;
  double c;              /* gauss, norm, data: > 0 */
  int64_t b, d;          /* gauss, norm: batch and dimension, >= 1; data: b, from 1 to n */
  double noise;          /* gauss, norm: >= 0 */
  double mu, s;          /* lognormal: s >= 0 */
  double lam, g;         /* arch: lam >= 0, g >= 0 */
  peri_tensor *A, *y;    /* data, borrowed: (n, d) and (n) */
} peri_kesten;

/* ---- the exact index; what concerns the noise is not looked at ---- */

typedef enum {
  PERI_TAIL_FINITE, /* alpha solves h(alpha) = 1 */
  PERI_TAIL_NONE,   /* no stationary law: h'(0) >= 0; alpha is NaN */
  PERI_TAIL_LIGHT   /* h < 1 up to r = 4096: no finite index, or none that could be told from it; alpha is infinite */
} peri_tail_verdict;
typedef struct { peri_tail_verdict verdict; double alpha, drift; } peri_tail; /* drift = h'(0); the law relaxes in 1/|drift| steps */

/* alpha to 1e-10 relative to its size. PERI_ERR_VALUE for parameters out of range and for data. */
PERI_API peri_status peri_kesten_index(peri_ctx *cx, const peri_kesten *k, peri_tail *tail);
/* log h(r), 0 <= r <= 4096; exact where h would overflow, too. */
PERI_API peri_status peri_kesten_log_moment(peri_ctx *cx, const peri_kesten *k, double r, double *log_h);
/* The c at which h'(0) = 0, for gauss and norm: from there on nothing is stationary. */
PERI_API peri_status peri_kesten_critical(peri_ctx *cx, int64_t b, int64_t d, double *c);

/* ---- chains ---- */

/* Chain i runs from row i of `start`, (n) or (n, width) for n streams, or from 0 if it is NULL, by stream i of the block; width is d, and 1 for norm,
** lognormal and arch. |x| is recorded after burn + gap, burn + 2 gap, ... steps; the average is that of the last `average` steps. */
typedef struct { int64_t steps, burn, gap, average; } peri_kesten_plan; /* steps >= 1, 0 <= burn < steps, 1 <= gap <= steps - burn, 0 <= average <= steps */
typedef struct {
  peri_tensor *norms;    /* (n, records), records = (steps - burn) / gap, rounded down */
  peri_tensor *last;     /* (n, width) after all steps */
  peri_tensor *average;  /* (n, width), NULL without */
} peri_kesten_chains_result;

/* A chain that leaves the range of doubles is infinite in all that is recorded of it from then on, in every coordinate; none is dropped. Continues the
** streams of the block; after an error they are where they were. What a chain does depends on its stream, the law and `steps`
** only: not on the other chains, threads, or what is recorded. */
PERI_API peri_status peri_kesten_chains(peri_block *b, const peri_kesten *k, peri_tensor *start, const peri_kesten_plan *plan, peri_kesten_chains_result *r);

#ifdef __cplusplus
}
#endif
#endif
