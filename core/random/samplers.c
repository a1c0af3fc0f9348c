/* samplers.c - laws that take a varying number of words.
**
** gamma      Marsaglia & Tsang, A simple method for generating gamma variables, ACM TOMS 26 (2000): x = d v, d = a - 1/3,
**            v = (1 + z / sqrt(9 d))^3, by rejection; below shape 1, x U^(1/a) with the variate of shape a + 1.
** beta       X / (X + Y) of two gammas, by their logarithms, which do not underflow where small shapes do.
** Poisson    below mean 10 inversion by adding up probabilities; above, transformed rejection: Hoermann, The transformed rejection
**            method for generating Poisson random variables, Insurance: Mathematics and Economics 12 (1993), PTRS.
** binomial   likewise: inversion while n p < 10, else Hoermann, The generation of binomial random variates, J. Statist. Comput.
**            Simul. 46 (1993), BTRS. p > 1/2 by symmetry.
**
** Probabilities of counts are taken in Loader's form (Fast and accurate computation of binomial probabilities, 2000): with lgamma
** the acceptance test would lose all digits for counts beyond 1e12.
*/
#include "random/random.h"
#include <math.h>

/* ---- gamma and its relatives ---- */

/* c: d, 1/sqrt(9 d), 1/a or 0 (the power of a boost), scale */
static void gamma_constants(double *c, double shape, double scale) {
  double a = shape < 1 ? shape + 1 : shape;
  c[0] = a - 1.0 / 3;
  c[1] = 1 / sqrt(9 * c[0]);
  c[2] = shape < 1 ? 1 / shape : 0;
  c[3] = scale;
}

/* d v of unit scale, shape at least 1 */
static double marsaglia_tsang(const double *c, pri_rng *g) {
  for (;;) {
    double z = pri_one_normal(g), v = 1 + c[1] * z;
    if (v <= 0) continue;
    v = v * v * v;
    double u = pri_open(g), z2 = z * z;
    if (u < 1 - 0.0331 * z2 * z2) return c[0] * v;
    if (pri_log(g, u) < 0.5 * z2 + c[0] * (1 - v + pri_log(g, v))) return c[0] * v;
  }
}

static double gamma_variate(const double *c, pri_rng *g) {
  double x = marsaglia_tsang(c, g);
  return c[3] * (c[2] > 0 ? x * pri_exp(g, pri_log(g, pri_open(g)) * c[2]) : x);
}
static double log_gamma_variate(const double *c, pri_rng *g) {
  double x = pri_log(g, marsaglia_tsang(c, g));
  return c[2] > 0 ? x + pri_log(g, pri_open(g)) * c[2] : x;
}

/* chi square of nu degrees is a gamma of shape nu/2 and scale 2 */
void pri_prepare_gamma(pri_ready *p, const pri_rng *g) {
  (void)g;
  bool is_gamma = p->law.kind == PERI_GAMMA;
  gamma_constants(p->c, is_gamma ? p->law.a : p->law.a / 2, is_gamma ? p->law.b : 2);
}
void pri_prepare_beta(pri_ready *p, const pri_rng *g) {
  (void)g;
  gamma_constants(p->c, p->law.a, 1);
  gamma_constants(p->c + 4, p->law.b, 1);
}

void pri_serial_gamma(const pri_ready *p, pri_rng *g, void *r, int64_t n) {
  double *x = r;
  for (int64_t i = 0; i < n; i++) x[i] = gamma_variate(p->c, g);
}
void pri_serial_beta(const pri_ready *p, pri_rng *g, void *r, int64_t n) {
  double *x = r;
  bool tiny = p->law.a < 1 || p->law.b < 1;
  for (int64_t i = 0; i < n; i++) {
    if (tiny) {
      double a = log_gamma_variate(p->c, g), b = log_gamma_variate(p->c + 4, g);
      x[i] = 1 / (1 + pri_exp(g, b - a));
    } else {
      double a = gamma_variate(p->c, g), b = gamma_variate(p->c + 4, g);
      x[i] = a / (a + b);
    }
  }
}
void pri_serial_student(const pri_ready *p, pri_rng *g, void *r, int64_t n) {
  double *x = r;
  for (int64_t i = 0; i < n; i++) {
    double z = pri_one_normal(g), chi2 = gamma_variate(p->c, g);
    x[i] = z / sqrt(chi2 / p->law.a);
  }
}

/* ---- probabilities of counts ---- */

/* log k! - log(sqrt(2 pi k) (k/e)^k) */
static double stirling_error(double k) {
  static const double table[16] = {
    0, /* k = 0 is never asked for */
    0x1.4c071bcda0a5bp-4, 0x1.52a9b923ea649p-5, 0x1.c579a268d80b3p-6,
    0x1.54a2662fd78a9p-6, 0x1.10b4e513fcbedp-6, 0x1.c6b167bebdf36p-7,
    0x1.85d4d612e4a86p-7, 0x1.552805e7b3076p-7, 0x1.2f4871b12ab64p-7,
    0x1.10f9d4c0743a7p-7, 0x1.f0593088014f8p-8, 0x1.c7018733aa9c6p-8,
    0x1.a40514700f36cp-8, 0x1.86076c002d4a7p-8, 0x1.6c08f6f194a10p-8,
  };
  if (k < 16) return table[(int)k];
  double k2 = k * k;
  return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / k2) / k2) / k2) / k2) / k;
}

/* x log(x/m) + m - x, without cancellation near x = m */
static double deviance(const pri_rng *g, double x, double m) {
  if (fabs(x - m) >= 0.1 * (x + m)) return x * pri_log(g, x / m) + m - x;
  double v = (x - m) / (x + m), s = (x - m) * v, e = 2 * x * v;
  for (int j = 1; j < 1000; j++) {
    e *= v * v;
    double next = s + e / (2 * j + 1);
    if (next == s) break;
    s = next;
  }
  return s;
}

/* log of the Poisson probability of k, up to -log(2 pi)/2 when k > 0 */
#define HALF_LOG_2PI 0.918938533204672741780329736405617640
static double log_poisson(const pri_rng *g, double k, double mean) {
  if (k == 0) return -mean;
  return -stirling_error(k) - deviance(g, k, mean) - HALF_LOG_2PI - 0.5 * pri_log(g, k);
}

static double log_binomial(const pri_rng *g, double k, double n, double p, double q) {
  if (k == 0) return n * pri_log1p(g, -p);
  if (k == n) return n * pri_log(g, p);
  double l = stirling_error(n) - stirling_error(k) - stirling_error(n - k) - deviance(g, k, n * p) - deviance(g, n - k, n * q);
  return l - HALF_LOG_2PI + 0.5 * (pri_log(g, n / k) - pri_log(g, n - k));
}

/* ---- Poisson ---- */

enum { INVERSION_END = 128 }; /* beyond it a law of mean 10 has less than 2^-200; rounding could run on */

/* c: p(0); or mean, b, a, 1/alpha, v_r of PTRS */
void pri_prepare_poisson(pri_ready *p, const pri_rng *g) {
  double mean = p->law.a, b = 0.931 + 2.53 * sqrt(mean);
  if (mean < 10) {
    p->c[0] = pri_exp(g, -mean);
    return;
  }
  p->c[1] = b;
  p->c[2] = -0.059 + 0.02483 * b;
  p->c[3] = 1.1239 + 1.1328 / (b - 3.4);
  p->c[4] = 0.9277 - 3.6224 / (b - 2);
}

static int64_t poisson_inversion(const pri_ready *p, pri_rng *g) {
  for (;;) {
    double u = pri_open(g), q = p->c[0];
    for (int k = 0; k < INVERSION_END; k++) {
      if (u < q) return k;
      u -= q;
      q *= p->law.a / (k + 1);
    }
  }
}

static int64_t poisson_ptrs(const pri_ready *p, pri_rng *g) {
  double mean = p->law.a, b = p->c[1], a = p->c[2];
  for (;;) {
    double u = pri_open(g) - 0.5, v = pri_open(g), us = 0.5 - fabs(u);
    double k = floor((2 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= p->c[4]) return (int64_t)k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    if (pri_log(g, v * p->c[3] / (a / (us * us) + b)) <= log_poisson(g, k, mean)) return (int64_t)k;
  }
}

void pri_serial_poisson(const pri_ready *p, pri_rng *g, void *r, int64_t n) {
  int64_t *x = r;
  int64_t (*one)(const pri_ready *, pri_rng *) = p->law.a < 10 ? poisson_inversion : poisson_ptrs;
  for (int64_t i = 0; i < n; i++) x[i] = one(p, g);
}

/* ---- binomial ---- */

/* c: p <= 1/2, 1 - p, then p(0); or b, a, c, v_r, alpha, log of the probability of the mode, of BTRS */
void pri_prepare_binomial(pri_ready *r, const pri_rng *g) {
  double n = (double)r->law.hi, p = r->law.a <= 0.5 ? r->law.a : 1 - r->law.a, q = 1 - p, *c = r->c;
  c[0] = p, c[1] = q;
  if (n * p < 10) {
    c[2] = pri_exp(g, n * pri_log1p(g, -p));
    return;
  }
  double s = sqrt(n * p * q), b = 1.15 + 2.53 * s;
  c[2] = b;
  c[3] = -0.0873 + 0.0248 * b + 0.01 * p;
  c[4] = n * p + 0.5;
  c[5] = 0.92 - 4.2 / b;
  c[6] = (2.83 + 5.1 / b) * s;
  c[7] = log_binomial(g, floor((n + 1) * p), n, p, q);
}

static int64_t binomial_inversion(const pri_ready *r, pri_rng *g) {
  double n = (double)r->law.hi, odds = r->c[0] / r->c[1];
  for (;;) {
    double u = pri_open(g), f = r->c[2];
    for (int k = 0; k < INVERSION_END && k <= n; k++) {
      if (u < f) return k;
      u -= f;
      f *= odds * (n - k) / (k + 1);
    }
  }
}

static int64_t binomial_btrs(const pri_ready *r, pri_rng *g) {
  const double *c = r->c;
  double n = (double)r->law.hi, b = c[2], a = c[3];
  for (;;) {
    double u = pri_open(g) - 0.5, v = pri_open(g), us = 0.5 - fabs(u);
    double k = floor((2 * a / us + b) * u + c[4]);
    if (us >= 0.07 && v <= c[5]) return (int64_t)k;
    if (k < 0 || k > n) continue;
    if (pri_log(g, v * c[6] / (a / (us * us) + b)) <= log_binomial(g, k, n, c[0], c[1]) - c[7]) return (int64_t)k;
  }
}

void pri_serial_binomial(const pri_ready *p, pri_rng *g, void *r, int64_t n) {
  int64_t *x = r;
  bool small = (double)p->law.hi * p->c[0] < 10, flip = p->law.a > 0.5;
  for (int64_t i = 0; i < n; i++) {
    int64_t k = small ? binomial_inversion(p, g) : binomial_btrs(p, g);
    x[i] = flip ? p->law.hi - k : k;
  }
}

/* ---- integers ---- */

/* Lemire's products from blocks of words; a block in which one might have to be rejected is done again word by word. */
void pri_serial_integers(const pri_ready *p, pri_rng *g, void *r, int64_t n) {
  enum { BLOCK = 256 };
  uint64_t w[BLOCK], lo = (uint64_t)p->law.lo, *x = r;
  for (int64_t done = 0; done < n; done += BLOCK) {
    int64_t m = n - done < BLOCK ? n - done : BLOCK;
    pri_rng before = *g;
    bool redo = false;
    pri_words(g, w, m);
    if (p->range == 0) { /* all 2^64 */
      for (int64_t i = 0; i < m; i++) x[done + i] = lo + w[i];
      continue;
    }
    for (int64_t i = 0; i < m; i++) {
      pri_u128 product = (pri_u128)w[i] * p->range;
      redo |= (uint64_t)product < p->range;
      x[done + i] = lo + (uint64_t)(product >> 64);
    }
    if (!redo) continue;
    *g = before;
    for (int64_t i = 0; i < m; i++) x[done + i] = lo + pri_below(g, p->range);
  }
}
