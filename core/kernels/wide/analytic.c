/* analytic.c - exponentials, logarithms, trigonometric and special functions of f64 and f32.
**
** f64: our own kernels of math.h, trig.h, inverse.h, erf.h and quantile.h; lgamma is libm's. f32 is computed in double
** and rounded once. Where special arguments cost time, a block of 1024 is looked at first, by integer arithmetic alone, and
** takes the fast loop if all of it lies in the ordinary range; both loops give the same bits there, so that no value
** depends on its neighbours.
*/
#include <math.h>

#include "kernels/wide/erf.h"
#include "kernels/wide/inverse.h"
#include "kernels/wide/loops.h"
#include "kernels/wide/quantile.h"
#include "kernels/wide/trig.h"

/* Whether |x| <= limit for all, limit given by its bits. */
PRI_INLINE int all_within(const double *x, int64_t n, uint64_t limit) {
  uint64_t bad = 0;
  for (int64_t i = 0; i < n; i++) bad |= limit - (pri_bits(x[i]) & 0x7fffffffffffffff);
  return (int64_t)bad >= 0;
}

/* Whether all are positive, normal and finite. */
PRI_INLINE int all_positive(const double *x, int64_t n, uint64_t unused) {
  uint64_t bad = unused;
  for (int64_t i = 0; i < n; i++) {
    uint64_t b = pri_bits(x[i]);
    bad |= (b - 0x0010000000000000) | (0x7fefffffffffffff - b);
  }
  return (int64_t)bad >= 0;
}

/* The f64 kernel in blocks: `fast` where test(x, n, limit), else `full`; FULL_HINT: is the full one to be vectorised. */
#define BLOCKED(name, test, limit, fast, FULL_HINT, full)                                                          \
  void PRI_WIDE(name##_f64)(void *r_, const void *x_, int64_t n) {                                                 \
    for (int64_t at = 0; at < n; at += PRI_BLOCK) {                                                                \
      double *r = (double *)r_ + at;                                                                               \
      const double *x = (const double *)x_ + at;                                                                   \
      int64_t m = n - at < PRI_BLOCK ? n - at : PRI_BLOCK;                                                         \
      if (test(x, m, limit)) {                                                                                     \
        PRI_IVDEP                                                                                                  \
        for (int64_t i = 0; i < m; i++) r[i] = fast(x[i]);                                                         \
      } else {                                                                                                     \
        FULL_HINT                                                                                                  \
        for (int64_t i = 0; i < m; i++) r[i] = full(x[i]);                                                         \
      }                                                                                                            \
    }                                                                                                              \
  }

/* The f32 kernel of an f64 kernel: converted in blocks, mapped, rounded. */
#define NARROW(name)                                                                                               \
  void PRI_WIDE(name##_f32)(void *r_, const void *x_, int64_t n) {                                                 \
    double y[PRI_BLOCK];                                                                                           \
    for (int64_t at = 0; at < n; at += PRI_BLOCK) {                                                                \
      float *r = (float *)r_ + at;                                                                                 \
      const float *x = (const float *)x_ + at;                                                                     \
      int64_t m = n - at < PRI_BLOCK ? n - at : PRI_BLOCK;                                                         \
      for (int64_t i = 0; i < m; i++) y[i] = x[i];                                                                 \
      PRI_WIDE(name##_f64)(y, y, m);                                                                               \
      for (int64_t i = 0; i < m; i++) r[i] = (float)y[i];                                                          \
    }                                                                                                              \
  }

#define LIMIT_708 0x4086200000000000   /* 708.0 */
#define LIMIT_60 0x404e000000000000    /* 60.0 */
#define LIMIT_2_30 0x41d0000000000000  /* 2^30 */

BLOCKED(exp, all_within, LIMIT_708, m_exp_fast, PRI_IVDEP, m_exp)             NARROW(exp)
BLOCKED(expm1, all_within, LIMIT_60, m_expm1_fast, PRI_IVDEP, m_expm1)        NARROW(expm1)
BLOCKED(log, all_positive, 0, m_log_fast, PRI_IVDEP, m_log)                   NARROW(log)
BLOCKED(sin, all_within, LIMIT_2_30, m_sin_fast, , m_sin)                     NARROW(sin)
BLOCKED(cos, all_within, LIMIT_2_30, m_cos_fast, , m_cos)                     NARROW(cos)
BLOCKED(tan, all_within, LIMIT_2_30, m_tan_fast, , m_tan)                     NARROW(tan)

#define OWN(name) PRI_LOOP1(name##_f64, double, double, m_##name(x)) NARROW(name)
OWN(exp2) OWN(log2) OWN(log10) OWN(log1p) OWN(sinh) OWN(cosh) OWN(sigmoid)
OWN(asin) OWN(acos) OWN(atan) OWN(asinh) OWN(acosh) OWN(atanh) OWN(cbrt) OWN(erfc) OWN(normal_cdf)

/* libm's reentrant one: lgamma writes a global sign. */
PRI_INLINE double log_gamma(double x) { int sign; return lgamma_r(x, &sign); }
PRI_SERIAL1(lgamma_f64, double, double, log_gamma(x))
NARROW(lgamma)

/* In blocks, a loop of `first`, whose results wait in the cache, and one of `second`: for chains too long to overlap. */
#define HALVES(name, first, second)                                                                                \
  void PRI_WIDE(name##_f64)(void *r_, const void *x_, int64_t n) {                                                 \
    enum { PART = 256 };                                                                                           \
    double hi[PART], lo[PART];                                                                                     \
    for (int64_t at = 0; at < n; at += PART) {                                                                     \
      double *r = (double *)r_ + at;                                                                               \
      const double *x = (const double *)x_ + at;                                                                   \
      int64_t m = n - at < PART ? n - at : PART;                                                                   \
      for (int64_t i = 0; i < m; i++) {                                                                            \
        m_pair half = first(x[i]);                                                                                 \
        hi[i] = half.hi, lo[i] = half.lo;                                                                          \
      }                                                                                                            \
      PRI_IVDEP                                                                                                    \
      for (int64_t i = 0; i < m; i++) r[i] = second((m_pair){hi[i], lo[i]}, x[i]);                                 \
    }                                                                                                              \
  }

HALVES(tanh, m_tanh_first, m_tanh_second)
HALVES(softplus, m_softplus_first, m_softplus_second)
HALVES(erf, m_erf_first, m_erf_second)
NARROW(erf)
NARROW(softplus)
NARROW(tanh)

void PRI_WIDE(normal_quantile_f64)(void *r, const void *x, int64_t n) { q_quantiles(r, x, n); }
NARROW(normal_quantile)
