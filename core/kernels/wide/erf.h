/* erf.h - the error function; the rules of math.h apply.
**
** |x| < 0.875:        erf x = x (1 + P(x^2)), written as x + x P.
** 0.875 <= |x| < 5.93: erf x = 1 - e^-g, g = -log erfc x = x + x Q(x), with the roundings of x Q and of the sum carried into
**                     the reduced argument of exp. Weighted fit: what counts is the error of erfc, at most 0.22.
** Beyond, 1: erfc 5.93 = 5e-17, less than half an ulp.
** erfc x = e^(-x^2) F(t) / (1 + 2 x), t = (x - 4)/(x + 4), for x >= 1/2, with the rounding of x^2 carried into exp;
** 2 - erfc(-x) below -1/2, 1 - erf x between. The variable is that of Shepherd & Laframboise, Math. Comp. 36 (1981).
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

/* Q, degree 18 on [0.869, 5.93], error of erfc 8e-18; its even and odd parts by Horner side by side. */
PRI_INLINE double m_erf_exponent(double x) {
  double z = x * x, u = 0x1.9dc258a89fe77p-43, v = -0x1.457580a6ea4adp-37;
  u = K_FMA(u, z, 0x1.e14a8f793b982p-33);
  u = K_FMA(u, z, 0x1.1ffa43b75430ep-25);
  v = K_FMA(v, z, -0x1.bcd06b6a4681ap-29);
  u = K_FMA(u, z, 0x1.99a2c93e07711p-20);
  v = K_FMA(v, z, -0x1.15248907f1876p-22);
  u = K_FMA(u, z, 0x1.a59108f54dbaap-16);
  v = K_FMA(v, z, -0x1.d7caed2f8d649p-18);
  u = K_FMA(u, z, 0x1.e6000e2c385f9p-14);
  v = K_FMA(v, z, -0x1.195c4a6314a3ep-14);
  u = K_FMA(u, z, -0x1.1b0488119ddedp-11);
  v = K_FMA(v, z, -0x1.039b3bb2ea61ap-15);
  u = K_FMA(u, z, -0x1.8ed12e9d445f1p-13);
  v = K_FMA(v, z, 0x1.b36c5927b7a56p-10);
  u = K_FMA(u, z, 0x1.a4f726a6df47fp-4);
  v = K_FMA(v, z, -0x1.3986a507d349ep-6);
  u = K_FMA(u, z, 0x1.06ebac5d3d658p-3);
  v = K_FMA(v, z, 0x1.45f2fa14c7c49p-1);
  return K_FMA(v, x, u);
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

/* In two halves, as tanh: the formula for large arguments, then the other and the choice. */
PRI_INLINE m_pair m_erf_first(double x) {
  double a = m_abs(x), b = a > 5.93 ? 5.93 : a;
  return (m_pair){m_erf_large(b < 0.875 ? 0.875 : b), 0.0};
}
PRI_INLINE double m_erf_second(m_pair large, double x) {
  double a = m_abs(x), small = m_erf_small(a < 0.875 ? a : 0.875);
  return m_copysign(a < 0.875 ? small : a == a ? large.hi : x, x);
}

/* F on x in [0.46, 28], degree 22, relative error 4.5e-17, as an unevaluated sum. */
PRI_INLINE m_pair m_erfc_factor(double t) {
  double t2 = t * t, t4 = t2 * t2, t8 = t4 * t4;
  double p0 = K_FMA(t, 0x1.f7f5df66fd712p-7, -0x1.1df1ad154a28ep-3);
  double p1 = K_FMA(t, -0x1.9ddb23c3e8addp-4, 0x1.16ecefcfa52bep-4);
  double p2 = K_FMA(t, -0x1.0fb06dfe53b8p-4, 0x1.7fee004e14a92p-4);
  double p3 = K_FMA(t, -0x1.09623882bfb58p-6, 0x1.3079edf622ccep-5);
  double p4 = K_FMA(t, -0x1.8d4a9c4bdfa9cp-11, 0x1.49c672a8814aap-8);
  double p5 = K_FMA(t, 0x1.3be06dea94cdap-13, -0x1.a1df438b4ec2ap-13);
  double p6 = K_FMA(t, -0x1.788e7e3a48dd1p-17, -0x1.9955058b19e7cp-16);
  double p7 = K_FMA(t, 0x1.3c154d7720b4ep-22, 0x1.7ef68159dbd71p-18);
  double p8 = K_FMA(t, 0x1.3ce8b97dababdp-24, -0x1.b80d26a245f3fp-21);
  double p9 = K_FMA(t, -0x1.27ca2dc51e49cp-26, 0x1.bc0aae5e44ed4p-24);
  double pa = K_FMA(t, 0x1.b64dc19bb2e16p-30, -0x1.4d46f5df69b7ep-27);
  double q0 = K_FMA(t2, p1, p0), q1 = K_FMA(t2, p3, p2), q2 = K_FMA(t2, p5, p4), q3 = K_FMA(t2, p7, p6), q4 = K_FMA(t2, p9, p8);
  double r0 = K_FMA(t4, q1, q0), r1 = K_FMA(t4, q3, q2), r2 = K_FMA(t4, pa, q4);
  double p = t * K_FMA(t8, K_FMA(t8, r2, r1), r0), f = 0x1.3ba5916e9fd7fp0 + p;
  return (m_pair){f, (0x1.3ba5916e9fd7fp0 - f) + p};
}

/* erfc(x + xl) 2^j, j = 0 or -1; scaled before it is rounded to a subnormal. */
PRI_INLINE double m_erfc_scaled(double x, double xl, double j) {
  double a = m_abs(x), al = x < 0.0 ? -xl : xl;
  double b = a > 28.0 ? 28.0 : a, bl = a > 28.0 ? 0.0 : al, unit = j < 0.0 ? 0.5 : 1.0;
  double h = b * b, hl = K_FMA(b + b, bl, K_FMA(b, b, -h));
  m_reduced e = m_reduce_ln2(-h);
  m_pair r = m_two_sum(e.r, e.rl - hl); /* hl may reach 2^-44 and must count in full */
  m_pair f = m_erfc_factor((b - 4.0) / (b + 4.0)), g = m_exp_pair(r.hi, r.lo);
  double d = K_FMA(2.0, b, 1.0), dl = K_FMA(2.0, b, 1.0 - d), inverse = 1.0 / d;
  double p = g.hi * f.hi, pl = K_FMA(g.hi, f.hi, -p) + K_FMA(g.hi, f.lo, g.lo * f.hi); /* q = p/d with all low parts */
  double q = p * inverse;
  q = K_FMA(K_FMA(-q, d, p) + K_FMA(-q, dl, pl), inverse, q);
  double tail = m_scale(q, e.k + j, e.kd + j);
  double middle = unit - unit * m_erf_small(a < 0.5 ? x : 0.5);
  double y = x < 0.0 ? 2.0 * unit - tail : tail;
  return a < 0.5 ? middle : y;
}

PRI_INLINE double m_erfc(double x) { return m_erfc_scaled(x, 0.0, 0.0); }

/* erfc(-x / sqrt 2) / 2. In the tail erfc multiplies the relative error of its argument by x^2: its rounding is carried. */
PRI_INLINE double m_normal_cdf(double x) {
  const double c = -0x1.6a09e667f3bcdp-1, cl = 0x1.bdd3413b26456p-55; /* -sqrt(1/2) */
  double y = x > 60.0 ? 60.0 : x;
  y = y < -60.0 ? -60.0 : y;
  double t = y * c;
  return m_erfc_scaled(t, K_FMA(y, c, -t) + y * cl, -1.0);
}

#endif
