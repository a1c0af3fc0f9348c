/* passes.c - butterflies of radix 2, 3, 4, 5, 7, 8, 11, 13 over rows of lanes; see kernels.h for what a pass computes.
**
** Radix 8 is two of radix 4, whose odd outputs are turned by multiples of pi/4. Odd radices above 5 use sums and differences of
** mirror images: y_k, y_(R-k) = a_0 + sum_j c_jk (a_j + a_(R-j)) -+ i sum_j s_jk (a_j - a_(R-j)).
** Source: Stockham (1966); the butterflies are in Nussbaumer, Fast Fourier Transform and Convolution Algorithms (1982).
*/
#include "fft/wide/wide.h"

INLINE void butterfly2(cv *a) {
  cv t = a[0];
  a[0] = add(t, a[1]);
  a[1] = sub(t, a[1]);
}

INLINE void butterfly3(cv *a) {
  cv t = add(a[1], a[2]), d = scale(sub(a[1], a[2]), 0x1.bb67ae8584caap-1); /* sin 60 */
  cv m = sub(a[0], scale(t, 0.5));
  a[0] = add(a[0], t);
  a[1] = sub_i(m, d);
  a[2] = add_i(m, d);
}

INLINE void butterfly4(cv *a) {
  cv s02 = add(a[0], a[2]), d02 = sub(a[0], a[2]), s13 = add(a[1], a[3]), d13 = sub(a[1], a[3]);
  a[0] = add(s02, s13);
  a[1] = sub_i(d02, d13);
  a[2] = sub(s02, s13);
  a[3] = add_i(d02, d13);
}

INLINE void butterfly5(cv *a) {
  const double c1 = 0x1.3c6ef372fe950p-2, c2 = -0x1.9e3779b97f4a8p-1; /* cos 72, cos 144 */
  const double s1 = 0x1.e6f0e134454ffp-1, s2 = 0x1.2cf2304755a5ep-1;
  cv t1 = add(a[1], a[4]), t2 = add(a[2], a[3]), d1 = sub(a[1], a[4]), d2 = sub(a[2], a[3]);
  cv m1 = add(a[0], add(scale(t1, c1), scale(t2, c2))), m2 = add(a[0], add(scale(t1, c2), scale(t2, c1)));
  cv n1 = add(scale(d1, s1), scale(d2, s2)), n2 = sub(scale(d1, s2), scale(d2, s1));
  a[0] = add(a[0], add(t1, t2));
  a[1] = sub_i(m1, n1);
  a[4] = add_i(m1, n1);
  a[2] = sub_i(m2, n2);
  a[3] = add_i(m2, n2);
}

INLINE void butterfly8(cv *a) {
  const double h = 0x1.6a09e667f3bcdp-1; /* sqrt(1/2) */
  cv e[4] = {add(a[0], a[4]), add(a[1], a[5]), add(a[2], a[6]), add(a[3], a[7])};
  cv o[4] = {sub(a[0], a[4]), sub(a[1], a[5]), sub(a[2], a[6]), sub(a[3], a[7])};
  cv o1 = {(o[1].r + o[1].i) * h, (o[1].i - o[1].r) * h}, o3 = {(o[3].i - o[3].r) * h, (o[3].r + o[3].i) * -h};
  cv b0 = sub_i(o[0], o[2]), b1 = add_i(o[0], o[2]), c0 = add(o1, o3), c1 = sub(o1, o3);
  butterfly4(e);
  a[0] = e[0], a[2] = e[1], a[4] = e[2], a[6] = e[3];
  a[1] = add(b0, c0);
  a[5] = sub(b0, c0);
  a[3] = sub_i(b1, c1);
  a[7] = add_i(b1, c1);
}

/* cos and sin of 2 pi j / R, j = 1 .. (R-1)/2 */
static const double cos7[] = {0x1.3f3a0e28bedd1p-1, -0x1.c7b90e3024582p-3, -0x1.cd4bca9cb5c71p-1};
static const double sin7[] = {0x1.904c37505de4bp-1, 0x1.f329c0558e969p-1, 0x1.bc4c04d71abc1p-2};
static const double cos11[] = {0x1.aeb8c8764f0bap-1, 0x1.a9628d9c712b6p-2, -0x1.2375f640f44dbp-3, -0x1.4f49e7f775887p-1, -0x1.eb42a9bcd5057p-1};
static const double sin11[] = {0x1.14cedf8bb580bp-1, 0x1.d1bb48eee2c13p-1, 0x1.fac9e043842efp-1, 0x1.82f19bb3a28a1p-1, 0x1.207e7fd768dbfp-2};
static const double cos13[] = {0x1.c55a7e00740e9p-1, 0x1.22d961ea71119p-1, 0x1.edb7debaa3ed8p-4, -0x1.6b1d8b2365da1p-2, -0x1.7f3ccd0032e0cp-1, -0x1.f11f493053d00p-1};
static const double sin13[] = {0x1.dbe064267c47cp-2, 0x1.a55e242a4c3d2p-1, 0x1.fc44566966769p-1, 0x1.deba72ef20147p-1, 0x1.5384d024c2f84p-1, 0x1.ea1e54bc48dbfp-3};

INLINE void butterfly_odd(cv *a, const int R, const double *c, const double *s) {
  cv t[PRI_RADIX_MAX / 2 + 1], d[PRI_RADIX_MAX / 2 + 1], m, n, y0 = a[0];
  const int h = R / 2;
#pragma GCC unroll 8
  for (int j = 1; j <= h; j++) {
    t[j] = add(a[j], a[R - j]);
    d[j] = sub(a[j], a[R - j]);
    y0 = add(y0, t[j]);
  }
#pragma GCC unroll 8
  for (int k = 1; k <= h; k++) {
    m = a[0];
    n = (cv){(vec){0}, (vec){0}};
#pragma GCC unroll 8
    for (int j = 1; j <= h; j++) {
      int i = j * k % R;
      m = add(m, scale(t[j], c[(i <= h ? i : R - i) - 1]));
      if (i <= h) n = add(n, scale(d[j], s[i - 1]));
      else n = sub(n, scale(d[j], s[R - i - 1]));
    }
    a[k] = sub_i(m, n);
    a[R - k] = add_i(m, n);
  }
  a[0] = y0;
}

INLINE void butterfly(const int R, cv *a) {
  if (R == 2) butterfly2(a);
  if (R == 3) butterfly3(a);
  if (R == 4) butterfly4(a);
  if (R == 5) butterfly5(a);
  if (R == 7) butterfly_odd(a, 7, cos7, sin7);
  if (R == 8) butterfly8(a);
  if (R == 11) butterfly_odd(a, 11, cos11, sin11);
  if (R == 13) butterfly_odd(a, 13, cos13, sin13);
}

/* One butterfly: rows j of x, `across` doubles apart, into rows k of y, `along` apart. t: its twiddles, NULL for 1. */
INLINE void step(const int R, const double *x, int64_t across, double *y, int64_t along, int64_t im, const double *t) {
  cv a[PRI_RADIX_MAX];
#pragma GCC unroll 13
  for (int j = 0; j < R; j++) a[j] = (cv){load(x + j * across), load(x + j * across + im)};
  butterfly(R, a);
  if (t) {
#pragma GCC unroll 13
    for (int k = 1; k < R; k++) a[k] = mul(a[k], spread(t[2 * k - 2]), spread(t[2 * k - 1]));
  }
#pragma GCC unroll 13
  for (int k = 0; k < R; k++) {
    store(y + k * along, a[k].r);
    store(y + k * along + im, a[k].i);
  }
}

INLINE void pass(const int R, const double *x, double *y, int64_t im, int64_t m, int64_t s, const double *t) {
  const int64_t row = 2 * s, across = m * row;
  for (int64_t q = 0; q < row; q += PRI_LINE)
    for (int h = 0; h < PRI_LANES; h += V) step(R, x + q + h, across, y + q + h, row, im, 0);
  for (int64_t p = 1; p < m; p++, t += 2 * (R - 1)) {
    const double *from = x + p * row;
    double *to = y + R * p * row;
    for (int64_t q = 0; q < row; q += PRI_LINE)
      for (int h = 0; h < PRI_LANES; h += V) step(R, from + q + h, across, to + q + h, row, im, t);
  }
}

#define PASS(R)                                                                                                        \
  static void pass##R(const double *x, double *y, int64_t im, int64_t m, int64_t s, const double *t) { pass(R, x, y, im, m, s, t); }
PASS(2) PASS(3) PASS(4) PASS(5) PASS(7) PASS(8) PASS(11) PASS(13)

void PRI_WIDE(pass)(int radix, const double *x, double *y, int64_t im, int64_t m, int64_t s, const double *t);
void PRI_WIDE(pass)(int radix, const double *x, double *y, int64_t im, int64_t m, int64_t s, const double *t) {
  switch (radix) {
  case 2: pass2(x, y, im, m, s, t); break;
  case 3: pass3(x, y, im, m, s, t); break;
  case 4: pass4(x, y, im, m, s, t); break;
  case 5: pass5(x, y, im, m, s, t); break;
  case 7: pass7(x, y, im, m, s, t); break;
  case 8: pass8(x, y, im, m, s, t); break;
  case 11: pass11(x, y, im, m, s, t); break;
  default: pass13(x, y, im, m, s, t); break;
  }
}
