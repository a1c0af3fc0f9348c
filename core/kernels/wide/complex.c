/* complex.c - c128, pairs of doubles (re, im).
**
** Products and quotients are written out, without C's complex types, so that every build rounds alike. A quotient is scaled
** by a power of two of the divisor's larger part; |z| is hypot, free of spurious overflow. exp, log, sqrt, pow follow the
** principal branches: log z = log|z| + i arg z with arg in [-pi, pi], cut along the negative real axis, z^w = e^(w log z).
*/
#include <math.h>

#include "kernels/wide/loops.h"
#include "kernels/wide/math.h"
#include "kernels/wide/trig.h"

typedef struct { double re, im; } c128;

/* -x that is not seen as a negation: gcc 12 turns a pair of sums (a b - c d, a d + c b) into one fused multiply-add-subtract
** even under -ffp-contract=off, and the builds would round differently. A pair of like sums it leaves alone. */
PRI_INLINE double opposite(double x) { return pri_double(pri_bits(x) ^ 0x8000000000000000); }

PRI_INLINE c128 c_mul(c128 x, c128 y) {
  return (c128){x.re * y.re + opposite(x.im) * y.im, x.re * y.im + x.im * y.re};
}

/* 2^-k for the exponent k of the larger part of y, kept away from the ends of the range. */
PRI_INLINE double inverse_scale(c128 y) {
  double a = m_abs(y.re), b = m_abs(y.im), m = a > b ? a : b;
  m = m > 0x1p1000 ? 0x1p1000 : m < 0x1p-1000 ? 0x1p-1000 : m;
  return pri_double(0x7fe0000000000000 - (pri_bits(m) & 0x7ff0000000000000));
}

PRI_INLINE c128 c_div(c128 x, c128 y) {
  double s = inverse_scale(y), c = y.re * s, d = y.im * s;
  double n = c * c + d * d;
  c128 q = {(x.re * c + x.im * d) / n * s, (x.im * c + opposite(x.re) * d) / n * s};
  if (d == 0.0 && y.im == 0.0) q = (c128){x.re / y.re, x.im / y.re}; /* also keeps division by zero infinite */
  return q;
}

PRI_INLINE c128 c_reciprocal(c128 y) {
  double s = inverse_scale(y), c = y.re * s, d = y.im * s, n = c * c + d * d;
  return y.im == 0.0 ? (c128){1.0 / y.re, -y.im} : (c128){c / n * s, opposite(d) / n * s};
}

PRI_INLINE c128 c_exp(c128 x) {
  if (x.im == 0.0) return (c128){m_exp(x.re), x.im};
  double h = m_exp_scaled(x.re, -1.0), c = m_cos(x.im), s = m_sin(x.im); /* halved: e^re may overflow where the product does not */
  return (c128){h * c * 2.0, h * s * 2.0};
}

/* log|z| loses its digits near |z| = 1: there, log1p(re^2 - 1 + im^2)/2. */
PRI_INLINE c128 c_log(c128 x) {
  double a = m_abs(x.re), b = m_abs(x.im), big = a > b ? a : b, small = a > b ? b : a, m = hypot(a, b);
  double l = m > 0.5 && m < 2.0 ? 0.5 * m_log1p(K_FMA(big - 1.0, big + 1.0, small * small)) : m_log(m);
  if (m == K_INF && big < K_INF) l = m_log(hypot(0.5 * a, 0.5 * b)) + 0x1.62e42fefa39efp-1;
  return (c128){l, atan2(x.im, x.re)};
}

/* sqrt z = t + i im/(2t), t = sqrt((|re| + |z|)/2); scaled so that neither the sum nor |z| leaves the range. */
PRI_INLINE c128 c_sqrt(c128 x) {
  if (x.re == 0.0 && x.im == 0.0) return (c128){0.0, x.im};
  if (m_abs(x.im) == K_INF) return (c128){K_INF, x.im};
  if (x.re != x.re || x.im != x.im) return (c128){K_NAN, K_NAN};
  if (m_abs(x.re) == K_INF)
    return x.re > 0.0 ? (c128){x.re, m_copysign(0.0, x.im)} : (c128){0.0, m_copysign(K_INF, x.im)};
  double up = m_abs(x.re) < 0x1p-1000 && m_abs(x.im) < 0x1p-1000 ? 0x1p60 : 0x1p-2;
  double down = up > 1.0 ? 0x1p-30 : 2.0;
  double a = m_abs(x.re) * up, b = x.im * up;
  double t = __builtin_sqrt(0.5 * (a + hypot(a, b))), u = b / (2.0 * t);
  t *= down, u *= down;
  return x.re >= 0.0 ? (c128){t, u} : (c128){m_abs(u), m_copysign(t, x.im)};
}

/* Whole exponents up to 64 by repeated squaring: exact for small Gaussian integers. 0^w is 1 for w = 0 and 0 for re w > 0. */
PRI_INLINE c128 c_pow(c128 x, c128 y) {
  if (y.re == 0.0 && y.im == 0.0) return (c128){1.0, 0.0};
  if (x.re == 0.0 && x.im == 0.0 && y.re > 0.0) return (c128){0.0, 0.0};
  if (y.im == 0.0 && m_abs(y.re) <= 64.0 && y.re == __builtin_trunc(y.re)) {
    c128 r = {1.0, 0.0}, s = y.re < 0.0 ? c_reciprocal(x) : x;
    for (int e = (int)m_abs(y.re); e; e >>= 1, s = c_mul(s, s))
      if (e & 1) r = c_mul(r, s);
    return r;
  }
  return c_exp(c_mul(y, c_log(x)));
}

PRI_INLINE int c_isnan(c128 x) { return x.re != x.re || x.im != x.im; }
PRI_INLINE int c_isinf(c128 x) { return m_abs(x.re) == K_INF || m_abs(x.im) == K_INF; }

PRI_LOOP1(neg_c128, c128, c128, ((c128){-x.re, -x.im}))
PRI_LOOP1(conj_c128, c128, c128, ((c128){x.re, -x.im}))
PRI_LOOP1(square_c128, c128, c128, c_mul(x, x))
PRI_LOOP1(reciprocal_c128, c128, c128, c_reciprocal(x))
PRI_SERIAL1(sqrt_c128, c128, c128, c_sqrt(x))
PRI_SERIAL1(exp_c128, c128, c128, c_exp(x))
PRI_SERIAL1(log_c128, c128, c128, c_log(x))
PRI_SERIAL1(abs_c128, c128, double, hypot(x.re, x.im))
PRI_SERIAL1(angle_c128, c128, double, atan2(x.im, x.re))
PRI_LOOP1(real_c128, c128, double, x.re)
PRI_LOOP1(imag_c128, c128, double, x.im)
PRI_LOOP1(lnot_c128, c128, uint8_t, x.re == 0.0 && x.im == 0.0)
PRI_LOOP1(isnan_c128, c128, uint8_t, c_isnan(x))
PRI_LOOP1(isinf_c128, c128, uint8_t, c_isinf(x))
PRI_LOOP1(isfinite_c128, c128, uint8_t, !c_isnan(x) && !c_isinf(x))

PRI_LOOP2(add_c128, c128, c128, ((c128){x.re + y.re, x.im + y.im}))
PRI_LOOP2(sub_c128, c128, c128, ((c128){x.re - y.re, x.im - y.im}))
PRI_LOOP2(mul_c128, c128, c128, c_mul(x, y))
PRI_LOOP2(div_c128, c128, c128, c_div(x, y))
PRI_SERIAL2(pow_c128, c128, c128, c_pow(x, y))
PRI_LOOP2(eq_c128, c128, uint8_t, x.re == y.re && x.im == y.im)
PRI_LOOP2(ne_c128, c128, uint8_t, x.re != y.re || x.im != y.im)
PRI_LOOP2(complex_f64, double, c128, ((c128){x, y}))
PRI_LOOP3(where_c128, uint8_t, c128, x ? y : z)
