/* quantile.h - the inverse of the standard normal distribution function, by regions of t = sqrt(-2 log p).
**
**     middle, |q| <= 0.425, q = p - 1/2:   x = q (c + q^2 R(0.180625 - q^2)),        c = sqrt(2 pi)
**     tail, p < 0.075, p >= 2^-65:         x = -(t - 3/4 + S(t - 11/4)),             |S| < 0.1 where x is small
**     far tail, p < 2^-65:                 x = -(t + T(t)),                          down to the smallest subnormal
**
** with R 7/7, S 8/8, T 7/7 rational; the upper half by symmetry. The split at 0.425 and the variable 0.180625 - q^2 are
** those of Wichura, Algorithm AS 241, Applied Statistics 37 (1988): expanded at q = 0 the denominator would cancel. The
** coefficients are our own, weighted rational fits to 45 digits; their relative errors in x stand beside them. In the
** tails the rounding of log and square root is carried along. Largest error seen: 1.96 ulp in the middle, 0.92 beyond.
*/
#ifndef PRI_WIDE_QUANTILE_H
#define PRI_WIDE_QUANTILE_H

#include "kernels/wide/math.h"

#define Q_CENTRE 0.180625 /* 0.425^2 */
#define Q_TAIL 0.075      /* 1/2 - 0.425 */

/* R, relative error in x 8.4e-18 for q^2 <= 0.1807 */
PRI_INLINE double q_middle(double q) {
  double s = q * q, r = Q_CENTRE - s;
  double n = 0x1.131866680dcf4p+9, d = 0x1.2eea60445a1a7p+14;
  n = K_FMA(n, r, 0x1.1722bdc4a0ab7p+15), d = K_FMA(d, r, 0x1.038290e3e70c6p+16);
  n = K_FMA(n, r, 0x1.4a37b5e3095ccp+16), d = K_FMA(d, r, 0x1.0c4fc253a7bd8p+16);
  n = K_FMA(n, r, 0x1.df66607d6abafp+15), d = K_FMA(d, r, 0x1.e014e6ff5b8afp+14);
  n = K_FMA(n, r, 0x1.27e5dca636a33p+14), d = K_FMA(d, r, 0x1.ab0f849dfd75cp+12);
  n = K_FMA(n, r, 0x1.5a811de7e47e7p+11), d = K_FMA(d, r, 0x1.89f0fe5eb839dp+9);
  n = K_FMA(n, r, 0x1.7b69021fe27bep+7), d = K_FMA(d, r, 0x1.678539da1b894p+5);
  n = K_FMA(n, r, 0x1.37fc2a497deaap+2), d = K_FMA(d, r, 1.0);
  double h = K_FMA(s, n / d, -0x1.a6a0d6f814637p-53); /* R and the low part of c */
  return K_FMA(q, 0x1.40d931ff62706p+1, q * h);
}

/* S, relative error in x 1.9e-18 for 2.275 <= t <= 9.493 */
PRI_INLINE double q_ratio_tail(double t) {
  double v = t - 2.75; /* exact */
  double n = 0x1.a912be0196680p-26, d = 0x1.1c9aeaccebfd1p-25;
  n = K_FMA(n, v, 0x1.ac4f5f0c061bcp-19), d = K_FMA(d, v, 0x1.3184e278ed586p-18);
  n = K_FMA(n, v, 0x1.ed3d2adc5881cp-14), d = K_FMA(d, v, 0x1.88b6750316a6ep-13);
  n = K_FMA(n, v, 0x1.ee7818870a2d7p-10), d = K_FMA(d, v, 0x1.ca5925949a67dp-9);
  n = K_FMA(n, v, 0x1.01f4061c124c8p-6), d = K_FMA(d, v, 0x1.222c6511c315fp-5);
  n = K_FMA(n, v, 0x1.26e98161b5471p-4), d = K_FMA(d, v, 0x1.ac3e6c417da6bp-3);
  n = K_FMA(n, v, 0x1.5ab0198d16b7bp-3), d = K_FMA(d, v, 0x1.6f502305ba8b1p-1);
  n = K_FMA(n, v, 0x1.43abe11b5515cp-3), d = K_FMA(d, v, 0x1.51b29b33bfe38p+0);
  n = K_FMA(n, v, -0x1.ab654fd8b1b85p-11), d = K_FMA(d, v, 1.0);
  return n / d;
}

/* T, relative error in x 2.2e-18 for 9.49 <= t <= 38.6 */
PRI_INLINE double q_ratio_far(double t) {
  double n = -0x1.c77ea5d37ab79p-35, d = 0x1.01537e1f3ae85p-24;
  n = K_FMA(n, t, -0x1.00dbf1f0e8085p-21), d = K_FMA(d, t, 0x1.b080fb12aca85p-16);
  n = K_FMA(n, t, -0x1.4d81d1088ade7p-13), d = K_FMA(d, t, 0x1.5840b500e4ff2p-9);
  n = K_FMA(n, t, -0x1.ab5cfd8a4fcc1p-7), d = K_FMA(d, t, 0x1.6ce9bdd45e307p-4);
  n = K_FMA(n, t, -0x1.6734b459117ddp-2), d = K_FMA(d, t, 0x1.184c8d1058433p+0);
  n = K_FMA(n, t, -0x1.9ad8696d19fb6p+1), d = K_FMA(d, t, 0x1.263edbce9f5cfp+2);
  n = K_FMA(n, t, -0x1.0ec0fee9d5d08p+3), d = K_FMA(d, t, 0x1.49a98f763b0f1p+2);
  n = K_FMA(n, t, -0x1.8fed024077b24p+1), d = K_FMA(d, t, 1.0);
  return n / d;
}

/* sqrt(-2 log p) as hi + lo, p = 2^k (1 + f) */
PRI_INLINE m_pair q_root_log(double k, double f) {
  m_pair l = m_log1p_pair(f), h = m_two_sum(k * K_LN2_HI, l.hi + K_FMA(k, K_LN2_LO, l.lo));
  double y = -2.0 * h.hi, t = __builtin_sqrt(y);
  return (m_pair){t, (0.5 * K_FMA(-t, t, y) - h.lo) / t};
}

/* -x for 2^-65 <= p < Q_TAIL */
PRI_INLINE double q_tail(double p) {
  m_split a = m_split_log(p);
  m_pair t = q_root_log(a.k, a.f);
  return (t.hi - 0.75) + (q_ratio_tail(t.hi) + t.lo);
}

/* Outside the middle, any argument: 0 gives -inf, 1 gives inf, what is no probability NaN. */
PRI_INLINE double q_outer(double p) {
  double low = p < 0.5 ? p : 1.0 - p, k0; /* exact */
  double y = low > 0.0 ? low : 0.5;
  y = m_normalise(y, &k0);
  m_split a = m_split_log(y);
  m_pair t = q_root_log(a.k + k0, a.f);
  double near = (t.hi - 0.75) + (q_ratio_tail(t.hi) + t.lo), far = t.hi + (q_ratio_far(t.hi) + t.lo);
  double x = t.hi > 9.4925 ? far : near;
  x = low == 0.0 ? K_INF : x;
  x = low >= 0.0 ? x : K_NAN;
  return p < 0.5 ? -x : x;
}

PRI_INLINE int q_in_middle(double p) { return p >= Q_TAIL && p <= 1.0 - Q_TAIL; }

/* The quantile of p as one expression. */
PRI_INLINE double q_quantile(double p) {
  double m = q_middle(p - 0.5), x = q_outer(p);
  return q_in_middle(p) ? m : x;
}

/* r[i] = quantile of p[i]; r may be p. The middle formula for all, then the few others, gathered. */
enum { Q_BLOCK = 512 };
PRI_INLINE void q_quantiles(double *r, const double *p, int64_t n) {
  double y[Q_BLOCK], rare[Q_BLOCK];
  int32_t at[Q_BLOCK];
  for (int64_t done = 0; done < n; done += Q_BLOCK) {
    int m = n - done < Q_BLOCK ? (int)(n - done) : Q_BLOCK, c = 0;
    for (int i = 0; i < m; i++) y[i] = q_middle(p[done + i] - 0.5);
    for (int i = 0; i < m; i++) at[c] = i, c += !q_in_middle(p[done + i]);
    for (int i = 0; i < c; i++) rare[i] = p[done + at[i]];
    for (int i = 0; i < c; i++) rare[i] = q_outer(rare[i]);
    for (int i = 0; i < c; i++) y[at[i]] = rare[i];
    memcpy(r + done, y, (size_t)m * sizeof *y);
  }
}

#endif
