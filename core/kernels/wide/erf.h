/* erf.h - the error function; the rules of math.h apply.
**
** |x| < 1:      erf x = x (1 + P(x^2)), written as x + x P.
** 1 <= |x| < 6: erf x = 1 - e^-g, g = -log erfc x = x + x Q(x), with the roundings of x Q and of the sum carried into
**               the reduced argument of exp. Weighted fit: what counts is the error of erfc, at most 0.16.
** Beyond, 1 (erfc 6 = 2e-17).
*/
#ifndef PRI_WIDE_ERF_H
#define PRI_WIDE_ERF_H

#include "kernels/wide/math.h"

/* erf(x)/x - 1 = P(z), z = x^2 in [0, 1], degree 12, relative error of erf 1.1e-17. Near 1 the rounding of z would show;
** P' lies between -0.38 and -0.2, and -0.3 does for the correction. */
PRI_INLINE double m_erf_small(double x) {
  double z = x * x, zl = K_FMA(x, x, -z), z2 = z * z, z4 = z2 * z2;
  double p12 = K_FMA(z, 0x1.ce2f21a04343cp-4, -0x1.812746b0379fbp-2);
  double p34 = K_FMA(z, 0x1.565bcd1124a3ap-8, -0x1.b82ce312a249bp-6);
  double p56 = K_FMA(z, 0x1.f9a32e33cfe2ap-14, -0x1.c02db45a7337p-11);
  double p78 = K_FMA(z, 0x1.b9e886d7ff163p-20, -0x1.f4d2b3ab6f20bp-17);
  double p9a = K_FMA(z, 0x1.fa8c115e03fdp-27, -0x1.5f67a8f51014fp-23);
  double pbc = K_FMA(z, 0x1.1b15cd3ba977ap-34, -0x1.40da27a58a94cp-30);
  double p14 = K_FMA(z2, p34, p12), p58 = K_FMA(z2, p78, p56), p9c = K_FMA(z2, pbc, p9a);
  double p = K_FMA(z4, K_FMA(z4, p9c, p58), p14);
  return K_FMA(x, K_FMA(z, p, K_FMA(zl, -0.3, 0x1.06eba8214db69p-3)), x);
}

/* Q, degree 18 on [0.99, 5.95], error of erfc 5e-18; Horner, because the terms alternate and grow. */
PRI_INLINE double m_erf_exponent(double x) {
  double q = 0x1.c64bf093366fp-43;
  q = K_FMA(q, x, -0x1.5f220638b9c54p-37);
  q = K_FMA(q, x, 0x1.ff86ac8e5e053p-33);
  q = K_FMA(q, x, -0x1.d2cd7407e7f46p-29);
  q = K_FMA(q, x, 0x1.2b0abadf82ccp-25);
  q = K_FMA(q, x, -0x1.1d5295808057p-22);
  q = K_FMA(q, x, 0x1.a2d7a481c4cc2p-20);
  q = K_FMA(q, x, -0x1.dfdb28e7f4e48p-18);
  q = K_FMA(q, x, 0x1.ab230b53026e3p-16);
  q = K_FMA(q, x, -0x1.1c6afba1f5afep-14);
  q = K_FMA(q, x, 0x1.eb586068d987bp-14);
  q = K_FMA(q, x, -0x1.12733fb8d4529p-15);
  q = K_FMA(q, x, -0x1.1a0093a0c7a4dp-11);
  q = K_FMA(q, x, 0x1.b2fdbf11517edp-10);
  q = K_FMA(q, x, -0x1.8c94d252fd2d8p-13);
  q = K_FMA(q, x, -0x1.3988c41384a45p-6);
  q = K_FMA(q, x, 0x1.a4f7531e11125p-4);
  q = K_FMA(q, x, 0x1.45f2f8f5be1dbp-1);
  return K_FMA(q, x, 0x1.06ebacc88e79ep-3);
}

/* 1 <= x <= 6. */
PRI_INLINE double m_erf_large(double x) {
  double q = m_erf_exponent(x), s = x * q, sl = K_FMA(x, q, -s);
  m_pair g = m_two_sum(x, s);
  m_reduced a = m_reduce_ln2(-g.hi);
  m_pair e = m_expm1_core(a.r, a.rl - (g.lo + sl));
  double p = m_pow2(a.kd); /* 1 - 2^k (1 + r + lo) */
  return (1.0 - p) - p * (e.hi + e.lo);
}

PRI_INLINE double m_erf(double x) {
  double a = m_abs(x), b = a > 6.0 ? 6.0 : a, c = b < 1.0 ? 1.0 : b;
  double small = m_erf_small(a < 1.0 ? a : 1.0), large = m_erf_large(c);
  double y = b < 1.0 ? small : large;
  return m_copysign(a == a ? y : x, x);
}

#endif
