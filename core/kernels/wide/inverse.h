/* inverse.h - inverse trigonometric and hyperbolic functions and the cube root; the rules of math.h apply.
**
** atan and asin are odd polynomials on a reduced argument, t + t z P(z) with z = t^2; the reductions are exact identities
** whose roundings are carried: atan x = pi/2 - atan(1/x) for |x| > 1, asin x = pi/2 - 2 asin sqrt((1 - x)/2) for
** |x| > 1/2. The hyperbolic inverses are log1p of an expression without cancellation. The cube root refines a polynomial
** for m^-1/3 by one step of fourth order and corrects the result by its exact residual.
*/
#ifndef PRI_WIDE_INVERSE_H
#define PRI_WIDE_INVERSE_H

#include "kernels/wide/math.h"

#define K_PIO2_HI 0x1.921fb54442d18p0
#define K_PIO2_LO 0x1.1a62633145c07p-54
#define K_LN2 0x1.62e42fefa39efp-1

/* P of atan on z in [0, 1], degree 20, relative error of atan 2.7e-18. */
PRI_INLINE double m_atan_poly(double z) {
  double z2 = z * z, z4 = z2 * z2, z8 = z4 * z4;
  double p0 = K_FMA(z, 0x1.999999999987dp-3, -0x1.5555555555555p-2);
  double p1 = K_FMA(z, 0x1.c71c71c3cae8bp-4, -0x1.249249248a2dfp-3);
  double p2 = K_FMA(z, 0x1.3b13aa3c5fbedp-4, -0x1.745d16e4bbaddp-4);
  double p3 = K_FMA(z, 0x1.e1dbb410a57f7p-5, -0x1.1110b93cf7801p-4);
  double p4 = K_FMA(z, 0x1.8543df3e4549ap-5, -0x1.aefeffa29ce64p-5);
  double p5 = K_FMA(z, 0x1.3d12a94c9468bp-5, -0x1.60d8685c31f1bp-5);
  double p6 = K_FMA(z, 0x1.c2cad49d53c76p-6, -0x1.142b2ce406ad1p-5);
  double p7 = K_FMA(z, 0x1.a05a42e6ef6f3p-7, -0x1.4a9f5a58ce88bp-6);
  double p8 = K_FMA(z, 0x1.55d5dd0bb7e5p-9, -0x1.acd7a7ba77a69p-8);
  double p9 = K_FMA(z, 0x1.1d0b79ba06ffcp-13, -0x1.87a8b7bce868ep-11);
  double q0 = K_FMA(z2, p1, p0), q1 = K_FMA(z2, p3, p2), q2 = K_FMA(z2, p5, p4), q3 = K_FMA(z2, p7, p6);
  double q4 = K_FMA(z4, -0x1.8a1ab2faebde1p-17, K_FMA(z2, p9, p8));
  double r0 = K_FMA(z4, q1, q0), r1 = K_FMA(z4, q3, q2);
  return K_FMA(z8, K_FMA(z8, q4, r1), r0);
}

/* For |x| > 1, t = -1/|x| and what t lacks, which reaches the result divided by 1 + z, about 1 - z/2. */
PRI_INLINE double m_atan(double x) {
  double a = m_abs(x), inverse = -1.0 / (a > 1.0 ? a : 1.0);
  double t = a > 1.0 ? inverse : a, z = t * t;
  double tl = a > 1.0 ? t * K_FMA(t, a < 0x1p500 ? a : 0x1p500, 1.0) : 0.0;
  double base = a > 1.0 ? K_PIO2_HI : 0.0, base_lo = a > 1.0 ? K_PIO2_LO : 0.0;
  tl = a < 0x1p500 ? K_FMA(-0.5 * z, tl, tl) : 0.0;
  double s = base + t, sl = (base - s) + t; /* base is 0 or the larger: exact */
  return m_copysign(s + (sl + K_FMA(t * z, m_atan_poly(z), base_lo + tl)), x);
}

/* P of asin on z in [0, 1/4], degree 12, relative error of asin 3.5e-18. */
PRI_INLINE double m_asin_poly(double z) {
  double z2 = z * z, z4 = z2 * z2, z8 = z4 * z4;
  double p0 = K_FMA(z, 0x1.3333333332dc8p-4, 0x1.5555555555556p-3);
  double p1 = K_FMA(z, 0x1.f1c71c1478c97p-6, 0x1.6db6db6e442c2p-5);
  double p2 = K_FMA(z, 0x1.1c4d1a7281b7dp-6, 0x1.6e8bb30e1ed27p-6);
  double p3 = K_FMA(z, 0x1.780afddeca385p-7, 0x1.c9d1fdde35854p-7);
  double p4 = K_FMA(z, 0x1.60375608f827dp-8, 0x1.52eb71997a6a2p-7);
  double p5 = K_FMA(z, -0x1.f17002548e54ap-7, 0x1.20a9f2e0b6868p-6);
  double q0 = K_FMA(z2, p1, p0), q1 = K_FMA(z2, p3, p2), q2 = K_FMA(z2, p5, p4);
  return K_FMA(z8, K_FMA(z4, 0x1.dabba2b51b48dp-6, q2), K_FMA(z4, q1, q0));
}

/* t and asin t - t for t = x, or sqrt((1 - |x|)/2) where |x| > 1/2, with the rounding of the root. NaN for |x| > 1. */
typedef struct { double t, rest; int large; } m_half_angle;
PRI_INLINE m_half_angle m_asin_reduced(double x) {
  double a = m_abs(x), y = 0.5 - 0.5 * a, s = __builtin_sqrt(y);
  double sl = y > 0.0 ? K_FMA(-s, s, y) / (s + s) : 0.0;
  double t = a > 0.5 ? s : x, z = a > 0.5 ? y : x * x;
  return (m_half_angle){t, K_FMA(t * z, m_asin_poly(z), a > 0.5 ? sl : 0.0), a > 0.5};
}

PRI_INLINE double m_asin(double x) {
  m_half_angle h = m_asin_reduced(x);
  double s = K_PIO2_HI - 2.0 * h.t, sl = (K_PIO2_HI - s) - 2.0 * h.t;
  double large = s + (sl + K_FMA(-2.0, h.rest, K_PIO2_LO));
  return m_copysign(h.large ? large : h.t + h.rest, x);
}

/* pi/2 - asin x; 2 asin of the half angle near 1; pi minus that near -1. */
PRI_INLINE double m_acos(double x) {
  m_half_angle h = m_asin_reduced(x);
  double m = h.large ? (x > 0.0 ? 2.0 : -2.0) : -1.0;
  double turns = h.large ? (x > 0.0 ? 0.0 : 2.0) : 1.0;
  m_pair s = m_two_sum(turns * K_PIO2_HI, m * h.t);
  return s.hi + (s.lo + K_FMA(m, h.rest, turns * K_PIO2_LO));
}

/* log1p(a + a^2 / (1 + sqrt(1 + a^2))); above 2^60, log(2 a). */
PRI_INLINE double m_asinh(double x) {
  double a = m_abs(x), b = a < 0x1p60 ? a : 0.0, b2 = b * b;
  double u = b + b2 / (1.0 + __builtin_sqrt(1.0 + b2));
  double r = m_log1p(a < 0x1p60 ? u : a);
  return m_copysign(a < 0x1p60 ? r : r + K_LN2, x);
}

/* log1p(t + sqrt(2 t + t^2)), t = x - 1, which is exact where it matters. */
PRI_INLINE double m_acosh(double x) {
  double t = x - 1.0, b = t < 0x1p60 ? t : 0.0;
  double r = m_log1p(t < 0x1p60 ? b + __builtin_sqrt(K_FMA(b, b, 2.0 * b)) : t);
  r = t < 0x1p60 ? r : r + K_LN2;
  return x < 1.0 ? K_NAN : r;
}

/* log1p(2 a / (1 - a)) / 2. */
PRI_INLINE double m_atanh(double x) {
  double a = m_abs(x);
  return m_copysign(0.5 * m_log1p(2.0 * a / (1.0 - a)), x);
}

/* |x| = 8^k m, m in [1/2, 4). r = m^-1/3 from a polynomial of degree 4 (3.8e-5) on [1, 2) times a power of 2^1/3, then
** r (1 + h/3 + 2 h^2/9 + 14 h^3/81), h = 1 - m r^3. */
PRI_INLINE double m_cbrt(double x) {
  double k0, y = m_normalise(m_abs(x), &k0); /* k0 is -54 or 0, a multiple of 3 */
  uint64_t b = pri_bits(y);
  double e = pri_double((b >> 52) | 0x4330000000000000) - (0x1p52 + 1023.0);
  double f = pri_double((b & 0x000fffffffffffff) | 0x3ff0000000000000);
  double kd = K_FMA(e, 0x1.5555555555555p-2, K_SHIFT), k = kd - K_SHIFT, j = e - 3.0 * k; /* j: -1, 0, 1 */
  double m = f * (j > 0.0 ? 2.0 : j < 0.0 ? 0.5 : 1.0), c = j > 0.0 ? 0x1.965fea53d6e3dp-1 : j < 0.0 ? 0x1.428a2f98d728bp0 : 1.0;
  double f2 = f * f, p01 = K_FMA(f, -0x1.2c41e23e1e43cp0, 0x1.ab859043fa5a5p0);
  double p23 = K_FMA(f, -0x1.c5186105fc79cp-3, 0x1.6416505a18e9fp-1);
  double r = c * K_FMA(f2, K_FMA(f2, 0x1.d46f7d335b43fp-6, p23), p01);
  double h = K_FMA(-m * r, r * r, 1.0);
  double g = h * K_FMA(h, K_FMA(h, 0x1.61f9add3c0ca4p-3, 0x1.c71c71c71c71cp-3), 0x1.5555555555555p-2);
  r = K_FMA(r, g, r);
  double v = m * (r * r), v2 = v * v, v2l = K_FMA(v, v, -v2);
  double error = K_FMA(-v2, v, m) - v2l * v;           /* m - v^3 */
  v = K_FMA(error * 0x1.5555555555555p-2, r * r, v);
  double s = v * m_pow2(kd) * (k0 < 0.0 ? 0x1p-18 : 1.0);
  return x == 0.0 || !(m_abs(x) < K_INF) ? x + x : m_copysign(s, x);
}

#endif
