/* math.h - exponentials and logarithms as branch-free scalar functions that vectorise in a plain loop.
**
** Rules that keep them vectorisable at SSE2, AVX2 and AVX-512 and equal to the bit: fused multiply-adds are written out;
** no conversion between int64 and double (round by adding 1.5 2^52: the integer then sits in the low bits of the sum); no
** arithmetic shift, no unsigned comparison, no table. Special values are chosen by selects. A name ending in _fast is the
** same formula without the selects, for arguments in the stated range; both agree to the bit there.
** Polynomials were fitted with Sollya's fpminimax; degree, interval and error of each stand beside it.
** Errors stated are the largest seen against long double (tests/core/kernels/math_test.c).
*/
#ifndef PRI_WIDE_MATH_H
#define PRI_WIDE_MATH_H

#include <math.h>

#include "kernels/wide/wide.h"

#define K_FMA(a, b, c) __builtin_fma(a, b, c)
#define K_SHIFT 0x1.8p52          /* x + K_SHIFT has rint(x) in its low bits, |x| < 2^51 */
#define K_LN2_HI 0x1.62e42fefa38p-1   /* 42 bits: k ln2_hi is exact for |k| < 2^11 */
#define K_LN2_LO 0x1.ef35793c7673p-45
#define K_LOG2E 0x1.71547652b82fep0
#define K_LOG2E_LO 0x1.777d0ffda0d24p-56
#define K_INF __builtin_inf()
#define K_NAN __builtin_nan("")

typedef struct { double hi, lo; } m_pair; /* the unevaluated sum hi + lo, |lo| <= ulp(hi) or so */

PRI_INLINE double m_abs(double x) { return pri_double(pri_bits(x) & 0x7fffffffffffffff); }

/* |x| with the sign bit of s. */
PRI_INLINE double m_copysign(double x, double s) {
  return pri_double((pri_bits(x) & 0x7fffffffffffffff) | (pri_bits(s) & 0x8000000000000000));
}

/* a + b = hi + lo exactly (Knuth). */
PRI_INLINE m_pair m_two_sum(double a, double b) {
  double s = a + b, t = s - a;
  return (m_pair){s, (a - (s - t)) + (b - t)};
}

/* 2^k from kd = k + K_SHIFT, -1022 <= k <= 1023: only the low bits of kd survive the shift. */
PRI_INLINE double m_pow2(double kd) { return pri_double((pri_bits(kd) + 1023) << 52); }

/* ---- exp ---- */

/* q(r) with e^r = 1 + r + r^2/2 + r^3 q(r), |r| <= 0.3467: degree 9, |error of e^r| < 1.5e-19. */
PRI_INLINE double m_exp_poly(double r, double r2) {
  double q01 = K_FMA(r, 0x1.5555555555552p-5, 0x1.5555555555557p-3);
  double q23 = K_FMA(r, 0x1.6c16c16c18932p-10, 0x1.1111111110051p-7);
  double q45 = K_FMA(r, 0x1.a01a0197be224p-16, 0x1.a01a01ac1e4dcp-13);
  double q67 = K_FMA(r, 0x1.27e500d7e405p-22, 0x1.71de01aa5e8a1p-19);
  double q89 = K_FMA(r, 0x1.1f3305b9c20fap-29, 0x1.af4ed2a30e822p-26);
  double r4 = r2 * r2, q03 = K_FMA(r2, q23, q01), q47 = K_FMA(r2, q67, q45);
  return K_FMA(r4, K_FMA(r4, q89, q47), q03);
}

/* e^r - 1 as hi + lo for r + rl. */
PRI_INLINE m_pair m_expm1_core(double r, double rl) {
  double r2 = r * r;
  return (m_pair){r, K_FMA(r2 * r, m_exp_poly(r, r2), K_FMA(0.5, r2, rl))}; /* the short way round */
}

/* The same with the rounding of r^2 kept, and rl to first order in r: where 1 is not added afterwards, both show. */
PRI_INLINE m_pair m_expm1_fine(double r, double rl) {
  double r2 = r * r, h = 0.5 * r2, hl = K_FMA(0.5 * r, r, -h);
  return (m_pair){r, h + K_FMA(r2 * r, m_exp_poly(r, r2), hl + K_FMA(r, rl, rl))};
}

typedef struct { double kd, k, r, rl; } m_reduced; /* x = k ln2 + r + rl */

PRI_INLINE m_reduced m_reduce_ln2(double x) {
  double kd = K_FMA(x, K_LOG2E, K_SHIFT), k = kd - K_SHIFT;
  double h = K_FMA(k, -K_LN2_HI, x);        /* exact */
  double r = K_FMA(k, -K_LN2_LO, h);
  return (m_reduced){kd, k, r, K_FMA(k, -K_LN2_LO, h - r)};
}

/* e^(r + rl) in [0.7, 1.42], unrounded and rounded. */
PRI_INLINE m_pair m_exp_pair(double r, double rl) {
  m_pair e = m_expm1_core(r, rl);
  double s = 1.0 + e.hi;
  return (m_pair){s, (1.0 - s) + e.hi + e.lo};
}
PRI_INLINE double m_exp_core(double r, double rl) {
  m_pair e = m_exp_pair(r, rl);
  return e.hi + e.lo;
}

/* y 2^k with one rounding, in two steps so that neither factor overflows; |k| < 2045. */
PRI_INLINE double m_scale(double y, double k, double kd) {
  double jd = K_FMA(k, 0.5, K_SHIFT);
  double first = m_pow2(jd);
  double second = pri_double((pri_bits(kd) - pri_bits(jd) + 1023) << 52);
  return y * first * second;
}

/* e^x for |x| <= 708. */
PRI_INLINE double m_exp_fast(double x) {
  m_reduced a = m_reduce_ln2(x);
  return pri_double(pri_bits(m_exp_core(a.r, a.rl)) + (pri_bits(a.kd) << 52));
}

/* e^x. 0.68 ulp; results below 2^-1022 add half a unit of the last subnormal place. */
PRI_INLINE double m_exp(double x) {
  double y = x > 710.0 ? 710.0 : x;
  y = y < -746.0 ? -746.0 : y;
  m_reduced a = m_reduce_ln2(y);
  return m_scale(m_exp_core(a.r, a.rl), a.k, a.kd);
}

/* e^x 2^j for integral |j| <= 64: e^x without its overflow. */
PRI_INLINE double m_exp_scaled(double x, double j) {
  double y = x > 800.0 ? 800.0 : x;
  y = y < -800.0 ? -800.0 : y;
  m_reduced a = m_reduce_ln2(y);
  return m_scale(m_exp_core(a.r, a.rl), a.k + j, a.kd + j);
}

/* 2^x. 0.68 ulp. */
PRI_INLINE double m_exp2(double x) {
  double y = x > 1025.0 ? 1025.0 : x;
  y = y < -1076.0 ? -1076.0 : y;
  double kd = y + K_SHIFT, k = kd - K_SHIFT, f = y - k;
  double r = f * 0x1.62e42fefa39efp-1;
  double rl = K_FMA(f, 0x1.abc9e3b39803fp-56, K_FMA(f, 0x1.62e42fefa39efp-1, -r));
  return m_scale(m_exp_core(r, rl), k, kd);
}

/* s (1 + e) - one = hi + lo, s = 2^k, where t = s - one as a pair: for k > 53 or k < -53 it is inexact. */
PRI_INLINE m_pair m_expm1_join(m_pair e, double s, m_pair t) {
  double p = e.hi + e.lo, pl = (e.hi - p) + e.lo;
  m_pair h = m_two_sum(t.hi, s * p);
  return (m_pair){h.hi, h.lo + K_FMA(s, pl, t.lo)};
}

/* e^x - 1 as an unevaluated sum, -60 <= x <= 700. */
PRI_INLINE m_pair m_expm1_pair(double x) {
  m_reduced a = m_reduce_ln2(x);
  double s = m_pow2(a.kd);
  return m_expm1_join(m_expm1_fine(a.r, a.rl), s, m_two_sum(s, -1.0));
}

/* A cheaper one for x <= 0: as |s - 1| >= |s p| or s = 1, three operations find the rounding of their sum. The bias of the
** exponent rides on the rounding constant. */
PRI_INLINE m_pair m_expm1_negative(double x) {
  const double shift = K_SHIFT + 1023.0;
  double kd = K_FMA(x, K_LOG2E, shift), k = kd - shift, s = pri_double(pri_bits(kd) << 52), t = s - 1.0;
  double u = K_FMA(k, -K_LN2_HI, x), r = K_FMA(k, -K_LN2_LO, u);
  m_pair e = m_expm1_core(r, K_FMA(k, -K_LN2_LO, u - r));
  double p = e.hi + e.lo, pl = (e.hi - p) + e.lo;
  double sp = s * p, h = t + sp;
  return (m_pair){h, (sp - (h - t)) + K_FMA(s, pl, s - (t + 1.0))};
}

/* e^x - 1 for -60 <= x <= 700. */
PRI_INLINE double m_expm1_fast(double x) {
  m_pair h = m_expm1_pair(x);
  return m_copysign(h.hi + h.lo, x); /* for the sign of zero */
}

/* e^x - 1. Large results are computed halved, so that 2^1024 does not occur. */
PRI_INLINE double m_expm1(double x) {
  double y = x > 710.0 ? 710.0 : x;
  y = y < -60.0 ? -60.0 : y;
  m_reduced a = m_reduce_ln2(y);
  double half = a.k > 1000.0 ? 0.5 : 1.0, twice = a.k > 1000.0 ? 2.0 : 1.0;
  double kd = a.k > 1000.0 ? a.kd - 1.0 : a.kd;
  double s = m_pow2(kd);
  m_pair h = m_expm1_join(m_expm1_fine(a.r, a.rl), s, m_two_sum(s, -half));
  return m_copysign((h.hi + h.lo) * twice, x);
}

/* tanh x = -E / (E + 2), E = expm1(-2|x|). One reciprocal; the quotient is corrected with all low parts, because the
** rounding of E + 2 alone would cost half an ulp. In two halves: the whole chain is longer than a core can look ahead, and
** a loop over each is faster than one over both. */
PRI_INLINE m_pair m_tanh_first(double x) {
  double a = m_abs(x), t = a > 30.0 ? 30.0 : a;
  return m_expm1_negative(-2.0 * t);
}
PRI_INLINE double m_tanh_second(m_pair e, double x) {
  double d = e.hi + 2.0, dl = (e.hi - (d - 2.0)) + e.lo;
  double y = 1.0 / d, q = e.hi * y;
  q = K_FMA(K_FMA(-q, d, e.hi) + K_FMA(-q, dl, e.lo), y, q);
  return m_copysign(q, x);
}

/* 1 / (1 + e^-x), from e^-|x| so that nothing overflows and small values keep their digits. */
PRI_INLINE double m_sigmoid(double x) {
  double e = m_exp(-m_abs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

/* sinh x = (E + E / (E + 1)) / 2 with E = expm1|x| below 1, e^|x|/2 - e^-|x|/2 above. */
PRI_INLINE double m_sinh(double x) {
  double a = m_abs(x), small = a > 1.0 ? 1.0 : a;
  m_pair e = m_expm1_pair(small);
  double v = e.hi + e.lo;
  double low = K_FMA(0.5, v, 0.5 * (v / (v + 1.0)));
  double h = m_exp_scaled(a, -1.0);
  double r = a > 1.0 ? h - 0.25 / h : low;
  return m_copysign(a == a ? r : a, x);
}

PRI_INLINE double m_cosh(double x) {
  double h = m_exp_scaled(m_abs(x), -1.0);
  return h + 0.25 / h;
}

/* ---- log ---- */

/* (2 atanh(s) - 2 s) / s = z Q(z), z = s^2 <= 0.02944; Q of degree 6, relative error 4.6e-16 (of a term below 0.01). */
PRI_INLINE double m_log_poly(double z) {
  double z2 = z * z;
  double q01 = K_FMA(z, 0x1.9999999995321p-2, 0x1.5555555555558p-1);
  double q23 = K_FMA(z, 0x1.c71c62e62a52ap-3, 0x1.2492492def064p-2);
  double q45 = K_FMA(z, 0x1.39fe57d253a12p-3, 0x1.7462b4c5f6e5fp-3);
  double q46 = K_FMA(z2, 0x1.2b58d77a1d4a2p-3, q45);
  return z * K_FMA(z2, K_FMA(z2, q46, q23), q01);
}

typedef struct { double k, f; } m_split; /* x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2) */

/* x positive, normal, finite. The exponent is read after subtracting the bits of sqrt(1/2). */
PRI_INLINE m_split m_split_log(double x) {
  uint64_t t = pri_bits(x) + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd);
  double k = pri_double((t >> 52) | 0x4330000000000000) - (0x1p52 + 1023.0);
  double m = pri_double((t & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd);
  return (m_split){k, m - 1.0};
}

/* k ln2 + log(1 + f) + c, with s = f / (2 + f): log(1 + f) = f - f^2/2 + s (f^2/2 + z Q(z)). */
PRI_INLINE double m_log_join(double k, double f, double c) {
  double s = f / (f + 2.0), h = 0.5 * f * f;
  double t = K_FMA(s, h + m_log_poly(s * s), K_FMA(k, K_LN2_LO, c));
  return K_FMA(k, K_LN2_HI, f - (h - t));
}

/* log x for x positive, normal and finite. */
PRI_INLINE double m_log_fast(double x) {
  m_split a = m_split_log(x);
  return m_log_join(a.k, a.f, 0.0);
}

/* Scales subnormals up; *k0 is what to add to the exponent. */
PRI_INLINE double m_normalise(double x, double *k0) {
  int tiny = x < 0x1p-1022;
  *k0 = tiny ? -54.0 : 0.0;
  return tiny ? x * 0x1p54 : x;
}

/* The value r of a logarithm at a regular x, or its limit at 0, inf, below 0 and at NaN. */
PRI_INLINE double m_log_limits(double r, double x) {
  r = x == 0.0 ? -K_INF : r;
  r = x < K_INF ? r : x + x;
  return x < 0.0 ? K_NAN : r;
}

/* log x. */
PRI_INLINE double m_log(double x) {
  double k0, y = m_normalise(x, &k0);
  m_split a = m_split_log(y);
  return m_log_limits(m_log_join(a.k + k0, a.f, 0.0), x);
}

/* log(1 + f) as hi + lo. */
PRI_INLINE m_pair m_log1p_pair(double f) {
  double s = f / (f + 2.0), h = 0.5 * f * f, hl = K_FMA(0.5 * f, f, -h);
  double hi = f - h;
  return (m_pair){hi, ((f - hi) - h) - hl + s * (h + m_log_poly(s * s))};
}

/* k + log(1 + f) / log b, with 1/log b = c + cl and the unit of k, log 2 / log b = u + ul, k u exact. */
PRI_INLINE double m_log_base(double x, double c, double cl, double u, double ul) {
  double k0, y = m_normalise(x, &k0);
  m_split a = m_split_log(y);
  m_pair l = m_log1p_pair(a.f);
  double k = a.k + k0, p = l.hi * c;
  double low = K_FMA(k, ul, K_FMA(l.hi, cl, K_FMA(l.lo, c, K_FMA(l.hi, c, -p))));
  m_pair h = m_two_sum(k * u, p);
  return m_log_limits(h.hi + (h.lo + low), x);
}

PRI_INLINE double m_log2(double x) { return m_log_base(x, K_LOG2E, K_LOG2E_LO, 1.0, 0.0); }
PRI_INLINE double m_log10(double x) {
  return m_log_base(x, 0x1.bcb7b1526e50ep-2, 0x1.95355baaafad3p-57, 0x1.34413509f6p-2, 0x1.9fef311f12b36p-42);
}

/* log(1 + x). With 2^k from 1 + x rounded, f = x 2^-k + (2^-k - 1) and its rounding error are both used. */
PRI_INLINE double m_log1p(double x) {
  double u = 1.0 + x;
  u = u < K_INF ? u : 1.0;                     /* inf and NaN come back below */
  u = u > 0.0 ? u : 1.0;
  uint64_t t = pri_bits(u) + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd);
  uint64_t e = t >> 52;                        /* k + 1023 */
  double k = pri_double(e | 0x4330000000000000) - (0x1p52 + 1023.0);
  double down = pri_double((2048 - e) << 52);  /* 2^(2-k): k may reach 1024 */
  m_pair f = m_two_sum(0.25 * x * down, 0.25 * down - 1.0);
  double r = m_log_join(k, f.hi, K_FMA(-f.lo, f.hi, f.lo));
  r = m_abs(x) < 0x1p-54 ? x : r;
  r = x == -1.0 ? -K_INF : r;
  r = x < K_INF ? r : x + x;
  return x < -1.0 ? K_NAN : r;
}

/* log(1 + e^x) = max(x, 0) + log1p(e^-|x|), in two halves like tanh. */
PRI_INLINE m_pair m_softplus_first(double x) { return (m_pair){m_exp(-m_abs(x)), 0.0}; }
PRI_INLINE double m_softplus_second(m_pair e, double x) { return (x > 0.0 ? x : 0.0) + m_log1p(e.hi); }

#endif
