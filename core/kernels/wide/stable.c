/* stable.c - from two words to a stable variate of unit scale, by the method of Chambers, Mallows and Stuck.
**
** V uniform on (-pi/2, pi/2), W exponential, e = 1 - alpha, z = beta tan(pi alpha/2). In the form S1
**
**     X = A R^(e/alpha),  A = (sin alpha V + z cos alpha V) / cos V,  R = D / (W cos V),  D = cos eV + z sin eV.
**
** Beta < 0 is the mirror image, so 0 <= beta <= 1 here. Written with U = V + pi/2, nothing cancels where a factor is small:
**
**     D = (sin eU - (1 - beta) cos(pi e/2) sin eV) / sin(pi e/2)
**     sin alpha V + z cos alpha V = (sin alpha U - (1 - beta) sin(pi alpha/2) cos alpha V) / cos(pi alpha/2)
**
** and t, the distance of V from the nearer end, keeps all its digits down to 2^-65 pi. Near alpha = 1, where z is large, the form
** S0, X - z, comes without z: with A = D tan V + z cos eV - sin eV and y = (e/alpha) log R
**
**     X - z = e^y (D tan V - 2 z sin^2(eV/2) - sin eV) + z (e^y - 1),   z e -> 2 beta/pi.
**
** Source: Chambers, Mallows & Stuck, J. Amer. Statist. Assoc. 71 (1976); Kanter, Ann. Probab. 3 (1975) for positive laws.
*/
#include "kernels/wide/math.h"
#include "kernels/wide/trig.h"
#include "kernels/wide/words.h"

enum { PART = 256 };

/* Of each variate: t and v = pi/2 - t = |V|, R without its D, and +1 or -1: the sign of V. */
typedef struct { double t[PART], v[PART], rest[PART], side[PART]; } angles;

#define K_PI 0x1.921fb54442d18p1

PRI_INLINE void prepare(angles *g, const uint64_t *w, uint64_t mirror, int n) {
  double wait[PART];
  uint64_t first[PART];
  for (int i = 0; i < n; i++) first[i] = w[2 * i];
  for (int i = 0; i < n; i++) wait[i] = -m_log_fast((pri_double(w[2 * i + 1] >> 12 | 0x3ff0000000000000) - 1.0) + 0x1p-53);
  for (int i = 0; i < n; i++) {
    uint64_t k = 2 * end_distance(first[i]) + 1;
    double t = K_PI * (from_u64(k) * 0x1p-65);
    g->t[i] = t;
    g->v[i] = K_PI * (from_u64(0 - k) * 0x1p-65);
    g->rest[i] = wait[i] * m_sin_fast(t);
    g->side[i] = pri_double(pri_bits(1.0) | (sign_bit(first[i]) ^ mirror));
  }
}

/* e^y within the range of doubles, so that no infinity meets a zero */
PRI_INLINE double power(double log_ratio, double exponent) {
  double y = exponent * log_ratio;
  y = y > 709.7 ? 709.7 : y;
  return m_exp(y);
}

/* beta = 0: X = sin(alpha V) / cos V (cos eV / (W cos V))^(e/alpha) */
static void symmetric(double *r, const angles *g, const pri_stable *c, int n) {
  double a[PART], l[PART];
  for (int i = 0; i < n; i++) {
    double t = g->t[i], far = K_FMA(c->sine_slope, t, c->sine_shift), near = c->alpha * g->v[i];
    a[i] = m_sin_fast(g->v[i] < t ? near : far) / m_sin_fast(t);
  }
  for (int i = 0; i < n; i++) l[i] = m_log_fast(m_sin_fast(K_FMA(c->abs_e, g->t[i], c->cosine_shift)) / g->rest[i]);
  for (int i = 0; i < n; i++) r[i] = g->side[i] * (a[i] * power(l[i], c->exponent));
}

/* D, with sin |e|v beside it */
PRI_INLINE double denominator(const pri_stable *c, double t, double side, double sine) {
  double upper = K_FMA(c->d_slope, t, c->d_shift), lower = c->abs_e * t;
  double d = c->d_scale * m_sin_fast(side > 0.0 ? upper : lower);
  return d - side * (c->d_rest * sine);
}

static void direct(double *r, const angles *g, const pri_stable *c, int n) {
  double a[PART], l[PART];
  for (int i = 0; i < n; i++) {
    double t = g->t[i], up = g->side[i], lower = c->alpha * t, upper = K_FMA(c->sine_slope, t, c->sine_shift);
    double s = m_sin_fast(up > 0.0 ? upper : lower) * (up > 0.0 ? c->sine_upper : c->sine_scale);
    a[i] = (s - c->sine_rest * m_sin_fast(lower + c->cosine_shift)) / m_sin_fast(t);
  }
  for (int i = 0; i < n; i++)
    l[i] = m_log_fast(denominator(c, g->t[i], g->side[i], m_sin_fast(c->abs_e * g->v[i])) / g->rest[i]);
  for (int i = 0; i < n; i++) r[i] = c->sign * (a[i] * power(l[i], c->exponent));
}

static void centred(double *r, const angles *g, const pri_stable *c, int n) {
  double a[PART], y[PART];
  for (int i = 0; i < n; i++) {
    double t = g->t[i], v = g->v[i], up = g->side[i], sine = m_sin_fast(c->abs_e * v), half = m_sin_fast(0.5 * c->abs_e * v);
    double d = denominator(c, t, up, sine);
    a[i] = up * (d * (m_sin_fast(v) / m_sin_fast(t)) - c->sign_e * sine) - 2.0 * c->z * (half * half);
    y[i] = d / g->rest[i];
  }
  for (int i = 0; i < n; i++) {
    double p = m_expm1(c->exponent * m_log_fast(y[i]));
    r[i] = c->sign * (a[i] + p * (a[i] + c->z));
  }
}

void PRI_WIDE(stable)(double *r, const uint64_t *w, const pri_stable *c, int64_t n) {
  angles g;
  uint64_t mirror = c->sign < 0 ? 0x8000000000000000 : 0;
  for (int64_t at = 0; at < n; at += PART) {
    int m = n - at < PART ? (int)(n - at) : PART;
    prepare(&g, w + 2 * at, mirror, m);
    if (c->form == PRI_STABLE_SYMMETRIC) symmetric(r + at, &g, c, m);
    else if (c->form == PRI_STABLE_DIRECT) direct(r + at, &g, c, m);
    else centred(r + at, &g, c, m);
  }
}
