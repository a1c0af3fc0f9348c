/* erf.h - the error function; the rules of math.h apply.
**
** |x| < 0.875:        erf x = x (1 + P(x^2)), written as x + x P.
** 0.875 <= |x| < 5.93: erf x = 1 - e^-g, g = -log erfc x = x + x Q(x), with the roundings of x Q and of the sum carried into
**                     the reduced argument of exp. Weighted fit: what counts is the error of erfc, at most 0.22.
** Beyond, 1: erfc 5.93 = 5e-17, less than half an ulp.
*/
#ifndef PRI_WIDE_ERF_H
#define PRI_WIDE_ERF_H

#include "kernels/wide/math.h"

/* erf(x)/x - 1 in z = x^2 on [0, 0.7657], degree 11, relative error of erf 1.1e-17. */
PRI_INLINE double m_erf_small(double x) {
  double z = x * x, z2 = z * z, z4 = z2 * z2;
  double p01 = K_FMA(z, -0x1.812746b037a0cp-2, 0x1.06eba8214db69p-3);
  double p23 = K_FMA(z, -0x1.b82ce312cbbc2p-6, 0x1.ce2f21a043ef3p-4);
  double p45 = K_FMA(z, -0x1.c02db515dacb5p-11, 0x1.565bcd16504e4p-8);
  double p67 = K_FMA(z, -0x1.f4d337ca102afp-17, 0x1.f9a33d1b8721p-14);
  double p89 = K_FMA(z, -0x1.5ed59692ebb2fp-23, 0x1.b9e4fb5ad91c2p-20);
  double pab = K_FMA(z, -0x1.fb69cd34173dp-31, 0x1.edcba3219019dp-27);
  double p03 = K_FMA(z2, p23, p01), p47 = K_FMA(z2, p67, p45), p8b = K_FMA(z2, pab, p89);
  return K_FMA(x, K_FMA(z4, K_FMA(z4, p8b, p47), p03), x);
}

/* Q, degree 18 on [0.869, 5.93], error of erfc 8e-18; Horner, because the terms alternate and grow. */
PRI_INLINE double m_erf_exponent(double x) {
  double q = 0x1.9dc258a89fe77p-43;
  q = K_FMA(q, x, -0x1.457580a6ea4adp-37);
  q = K_FMA(q, x, 0x1.e14a8f793b982p-33);
  q = K_FMA(q, x, -0x1.bcd06b6a4681ap-29);
  q = K_FMA(q, x, 0x1.1ffa43b75430ep-25);
  q = K_FMA(q, x, -0x1.15248907f1876p-22);
  q = K_FMA(q, x, 0x1.99a2c93e07711p-20);
  q = K_FMA(q, x, -0x1.d7caed2f8d649p-18);
  q = K_FMA(q, x, 0x1.a59108f54dbaap-16);
  q = K_FMA(q, x, -0x1.195c4a6314a3ep-14);
  q = K_FMA(q, x, 0x1.e6000e2c385f9p-14);
  q = K_FMA(q, x, -0x1.039b3bb2ea61ap-15);
  q = K_FMA(q, x, -0x1.1b0488119ddedp-11);
  q = K_FMA(q, x, 0x1.b36c5927b7a56p-10);
  q = K_FMA(q, x, -0x1.8ed12e9d445f1p-13);
  q = K_FMA(q, x, -0x1.3986a507d349ep-6);
  q = K_FMA(q, x, 0x1.a4f726a6df47fp-4);
  q = K_FMA(q, x, 0x1.45f2fa14c7c49p-1);
  return K_FMA(q, x, 0x1.06ebac5d3d658p-3);
}

/* 0.875 <= x <= 5.93. */
PRI_INLINE double m_erf_large(double x) {
  double q = m_erf_exponent(x), s = x * q, sl = K_FMA(x, q, -s);
  m_pair g = m_two_sum(x, s);
  m_reduced a = m_reduce_ln2(-g.hi);
  m_pair e = m_expm1_core(a.r, a.rl - (g.lo + sl));
  double p = m_pow2(a.kd); /* 1 - 2^k (1 + r + lo) */
  return (1.0 - p) - p * (e.hi + e.lo);
}

PRI_INLINE double m_erf(double x) {
  double a = m_abs(x), b = a > 5.93 ? 5.93 : a, c = b < 0.875 ? 0.875 : b;
  double small = m_erf_small(a < 0.875 ? a : 0.875), large = m_erf_large(c);
  double y = b < 0.875 ? small : large;
  return m_copysign(a == a ? y : x, x);
}

#endif
