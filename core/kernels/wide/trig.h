/* trig.h - sine, cosine and tangent; the rules of math.h apply.
**
** x = k pi/2 + r, |r| <= pi/4, with r as an unevaluated sum r.hi + r.lo.
** |x| <= 2^30 (Cody and Waite): pi/2 = P1 + P2 + P3, 53 bits each. x - k P1 is exact in one fma; k P2 is taken with its
** rounding error. No double of that range comes closer than 2^-62 to a multiple of pi/2, so 159 bits of pi/2 suffice.
** Larger (Payne and Hanek): the 53-bit significand times those 192 bits of 2/pi that decide x 2/pi mod 4.
** Sources: Cody & Waite, Software Manual for the Elementary Functions (1980); Payne & Hanek, SIGNUM Newsletter 18 (1983).
*/
#ifndef PRI_WIDE_TRIG_H
#define PRI_WIDE_TRIG_H

#include "kernels/wide/math.h"

#define K_PIO2_1 0x1.921fb54442d18p0
#define K_PIO2_2 0x1.1a62633145c07p-54
#define K_PIO2_3 -0x1.f1976b7ed8fbcp-110
#define K_2OPI 0x1.45f306dc9c883p-1
#define K_TRIG_FAST 0x1p30 /* limit of the first reduction */

typedef struct { uint64_t q; m_pair r; } m_quadrant; /* only the low two bits of q count */

/* |x| <= 2^30. */
PRI_INLINE m_quadrant m_reduce_pio2(double x) {
  double kd = K_FMA(x, K_2OPI, K_SHIFT), k = kd - K_SHIFT;
  double h = K_FMA(-k, K_PIO2_1, x);        /* exact */
  double w = k * K_PIO2_2, wl = K_FMA(k, K_PIO2_2, -w);
  m_pair r = m_two_sum(h, -w);
  return (m_quadrant){pri_bits(kd), {r.hi, r.lo - K_FMA(k, K_PIO2_3, wl)}};
}

/* Any finite x with |x| >= 2^30. Scalar: such arguments are rare. */
static __attribute__((unused, noinline)) m_quadrant m_reduce_huge(double x) {
  static const uint64_t two_over_pi[21] = { /* first word: 64 bits before the binary point */
    0,
    0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
    0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
    0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d,
  };
  uint64_t b = pri_bits(x), m = (b & 0x000fffffffffffff) | 0x0010000000000000;
  int e = (int)(b >> 52 & 0x7ff) - 1075;          /* |x| = m 2^e, -22 <= e <= 971 */
  int at = e - 2 + 64, i = at / 64, s = at % 64;  /* earlier bits contribute multiples of 4 */
  uint64_t w[3];
  for (int j = 0; j < 3; j++)
    w[j] = s ? two_over_pi[i + j] << s | two_over_pi[i + j + 1] >> (64 - s) : two_over_pi[i + j];

  unsigned __int128 p2 = (unsigned __int128)m * w[2], p1 = (unsigned __int128)m * w[1] + (uint64_t)(p2 >> 64);
  uint64_t top = m * w[0] + (uint64_t)(p1 >> 64), mid = (uint64_t)p1, low = (uint64_t)p2;
  uint64_t q = top >> 62;                         /* x 2/pi mod 4 = q + fraction */
  uint64_t fh = top << 2 | mid >> 62, fl = mid << 2 | low >> 62;
  unsigned __int128 f = (unsigned __int128)fh << 64 | fl;
  int up = fh >> 63;                              /* to the nearest multiple: the remainder may be negative */
  if (up) f = -f, q++;
  double hi = (double)f, lo = (double)(__int128)(f - (unsigned __int128)hi);
  double r = hi * K_PIO2_1, rl = K_FMA(hi, K_PIO2_1, -r) + K_FMA(hi, K_PIO2_2, lo * K_PIO2_1);
  double scale = up ? -0x1p-128 : 0x1p-128;
  double s1 = r + rl, s2 = rl - (s1 - r);
  int negative = b >> 63;
  if (negative) scale = -scale, q = -q;
  return (m_quadrant){q, {s1 * scale, s2 * scale}};
}

/* sin r, |r| <= pi/4: r + r^3 S(r^2), S of degree 5, relative error 1.3e-17. */
PRI_INLINE double m_sin_core(m_pair r) {
  double z = r.hi * r.hi, z2 = z * z;
  double s01 = K_FMA(z, 0x1.1111111110c7ap-7, -0x1.5555555555555p-3);
  double s23 = K_FMA(z, 0x1.71de37af35646p-19, -0x1.a01a019e9f08cp-13);
  double s45 = K_FMA(z, 0x1.5e10c280dcea7p-33, -0x1.ae601e913750bp-26);
  double s = K_FMA(z2, K_FMA(z2, s45, s23), s01);
  return r.hi + K_FMA(z * r.hi, s, K_FMA(-0.5 * z, r.lo, r.lo));
}

/* cos r, |r| <= pi/4: 1 - z/2 + z^2 C(z), z = r^2, C of degree 5, error 4.5e-19. The roundings of z and of 1 - z/2 are kept. */
PRI_INLINE double m_cos_core(m_pair r) {
  double z = r.hi * r.hi, z2 = z * z, h = 0.5 * z;
  double zl = K_FMA(r.hi, r.hi, -z);
  double c01 = K_FMA(z, -0x1.6c16c16c168cap-10, 0x1.5555555555555p-5);
  double c23 = K_FMA(z, -0x1.27e4fa02dc336p-22, 0x1.a01a019f38357p-16);
  double c45 = K_FMA(z, -0x1.90737ce5674fep-37, 0x1.1eeb57c9019b5p-29);
  double c = K_FMA(z2, K_FMA(z2, c45, c23), c01);
  double w = 1.0 - h;
  return w + (((1.0 - w) - h) + K_FMA(z2, c, -K_FMA(r.hi, r.lo, 0.5 * zl)));
}

/* sin(q pi/2 + r): the cosine for odd q, minus for q = 2, 3. */
PRI_INLINE double m_sin_quadrant(m_quadrant a) {
  double s = m_sin_core(a.r), c = m_cos_core(a.r);
  double y = (a.q & 1) == 0 ? s : c;
  return pri_double(pri_bits(y) ^ ((a.q << 62) & 0x8000000000000000));
}

PRI_INLINE double m_tan_quadrant(m_quadrant a) {
  double s = m_sin_core(a.r), c = m_cos_core(a.r);
  double top = (a.q & 1) == 0 ? s : -c, bottom = (a.q & 1) == 0 ? c : s;
  return top / bottom;
}

/* |x| <= 2^30. The select keeps the sign of zero. */
PRI_INLINE double m_sin_fast(double x) { double y = m_sin_quadrant(m_reduce_pio2(x)); return x == 0.0 ? x : y; }
PRI_INLINE double m_tan_fast(double x) { double y = m_tan_quadrant(m_reduce_pio2(x)); return x == 0.0 ? x : y; }
PRI_INLINE double m_cos_fast(double x) {
  m_quadrant a = m_reduce_pio2(x);
  a.q++;
  return m_sin_quadrant(a);
}

/* Any x; scalar. Infinities give NaN. */
PRI_INLINE double m_sin(double x) {
  if (m_abs(x) <= K_TRIG_FAST) return m_sin_fast(x);
  return m_abs(x) < K_INF ? m_sin_quadrant(m_reduce_huge(x)) : x - x;
}
PRI_INLINE double m_tan(double x) {
  if (m_abs(x) <= K_TRIG_FAST) return m_tan_fast(x);
  return m_abs(x) < K_INF ? m_tan_quadrant(m_reduce_huge(x)) : x - x;
}
PRI_INLINE double m_cos(double x) {
  if (m_abs(x) <= K_TRIG_FAST) return m_cos_fast(x);
  if (!(m_abs(x) < K_INF)) return x - x;
  m_quadrant a = m_reduce_huge(x);
  a.q++;
  return m_sin_quadrant(a);
}

#endif
