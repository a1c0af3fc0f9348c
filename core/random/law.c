/* law.c - the laws: parameter checks, and the maps of those that use one word or two a variate. */
#include "random/random.h"
#include <math.h>

static peri_law law2(peri_law_kind kind, double a, double b) { return (peri_law){.kind = kind, .a = a, .b = b}; }
peri_law peri_uniform(double lo, double hi) { return law2(PERI_UNIFORM, lo, hi); }
peri_law peri_normal(double mean, double sd) { return law2(PERI_NORMAL, mean, sd); }
peri_law peri_exponential(double rate) { return law2(PERI_EXPONENTIAL, rate, 0); }
peri_law peri_gamma(double shape, double scale) { return law2(PERI_GAMMA, shape, scale); }
peri_law peri_beta(double a, double b) { return law2(PERI_BETA, a, b); }
peri_law peri_chi_square(double nu) { return law2(PERI_CHI_SQUARE, nu, 0); }
peri_law peri_student_t(double nu) { return law2(PERI_STUDENT_T, nu, 0); }
peri_law peri_stable(double alpha, double beta, double scale, double location, peri_stable_form form) {
  return (peri_law){.kind = PERI_STABLE, .a = alpha, .b = beta, .c = scale, .d = location, .s0 = form == PERI_S0};
}
peri_law peri_positive_stable(double alpha, double scale) { return law2(PERI_POSITIVE_STABLE, alpha, scale); }
peri_law peri_pareto(double alpha, double least) { return law2(PERI_PARETO, alpha, least); }
peri_law peri_laplace(double location, double scale) { return law2(PERI_LAPLACE, location, scale); }
peri_law peri_inverse_gaussian(double mean, double shape) { return law2(PERI_INVERSE_GAUSSIAN, mean, shape); }
peri_law peri_poisson(double mean) { return law2(PERI_POISSON, mean, 0); }
peri_law peri_binomial(int64_t n, double p) { return (peri_law){.kind = PERI_BINOMIAL, .a = p, .hi = n}; }
peri_law peri_geometric(double p) { return law2(PERI_GEOMETRIC, p, 0); }
peri_law peri_bernoulli(double p) { return law2(PERI_BERNOULLI, p, 0); }
peri_law peri_rademacher(void) { return law2(PERI_RADEMACHER, 0, 0); }
peri_law peri_integers(int64_t lo, int64_t hi) { return (peri_law){.kind = PERI_INTEGERS, .lo = lo, .hi = hi}; }
peri_law peri_categorical(const peri_alias *table, int64_t first) { return (peri_law){.kind = PERI_CATEGORICAL, .lo = first, .table = table}; }

/* ---- checks ---- */

#define MAX_COUNT 1e15 /* of events or trials: counts and their neighbours stay exact in a double */

static peri_status bad(peri_ctx *cx, const char *who, const char *what, double got) {
  return peri_fail(cx, PERI_ERR_VALUE, "%s: %s, got %.15g", who, what, got);
}
static bool positive(double x) { return x > 0 && x < INFINITY; }

static peri_status check_uniform(peri_ctx *cx, const char *who, const peri_law *l) {
  if (l->a < l->b && isfinite(l->b - l->a)) return PERI_OK;
  return peri_fail(cx, PERI_ERR_VALUE, "%s: lo must be below hi, both finite, got lo %.15g, hi %.15g", who, l->a, l->b);
}
static peri_status check_normal(peri_ctx *cx, const char *who, const peri_law *l) {
  if (!isfinite(l->a)) return bad(cx, who, "the mean must be finite", l->a);
  return l->b >= 0 && l->b < INFINITY ? PERI_OK : bad(cx, who, "the standard deviation must be finite and not negative", l->b);
}
static peri_status check_rate(peri_ctx *cx, const char *who, const peri_law *l) {
  return positive(l->a) ? PERI_OK : bad(cx, who, "rate must be positive", l->a);
}
static peri_status check_gamma(peri_ctx *cx, const char *who, const peri_law *l) {
  if (!positive(l->a)) return bad(cx, who, "shape must be positive", l->a);
  return positive(l->b) ? PERI_OK : bad(cx, who, "scale must be positive", l->b);
}
static peri_status check_beta(peri_ctx *cx, const char *who, const peri_law *l) {
  if (!positive(l->a)) return bad(cx, who, "a must be positive", l->a);
  return positive(l->b) ? PERI_OK : bad(cx, who, "b must be positive", l->b);
}
static peri_status check_degrees(peri_ctx *cx, const char *who, const peri_law *l) {
  return positive(l->a) ? PERI_OK : bad(cx, who, "the degrees of freedom must be positive", l->a);
}
static peri_status check_stable(peri_ctx *cx, const char *who, const peri_law *l) {
  if (!(l->a > 0 && l->a <= 2)) return bad(cx, who, "alpha must lie in (0, 2]", l->a);
  if (!(l->b >= -1 && l->b <= 1)) return bad(cx, who, "beta must lie in [-1, 1]", l->b);
  if (!positive(l->c)) return bad(cx, who, "scale must be positive", l->c);
  return isfinite(l->d) ? PERI_OK : bad(cx, who, "location must be finite", l->d);
}
static peri_status check_positive_stable(peri_ctx *cx, const char *who, const peri_law *l) {
  if (!(l->a > 0 && l->a <= 1)) return bad(cx, who, "alpha must lie in (0, 1]", l->a);
  return positive(l->b) ? PERI_OK : bad(cx, who, "scale must be positive", l->b);
}
static peri_status check_pareto(peri_ctx *cx, const char *who, const peri_law *l) {
  if (!positive(l->a)) return bad(cx, who, "alpha must be positive", l->a);
  return positive(l->b) ? PERI_OK : bad(cx, who, "the least value must be positive", l->b);
}
static peri_status check_laplace(peri_ctx *cx, const char *who, const peri_law *l) {
  if (!isfinite(l->a)) return bad(cx, who, "location must be finite", l->a);
  return positive(l->b) ? PERI_OK : bad(cx, who, "scale must be positive", l->b);
}
static peri_status check_inverse_gaussian(peri_ctx *cx, const char *who, const peri_law *l) {
  if (!positive(l->a)) return bad(cx, who, "the mean must be positive", l->a);
  return positive(l->b) ? PERI_OK : bad(cx, who, "shape must be positive", l->b);
}
static peri_status check_poisson(peri_ctx *cx, const char *who, const peri_law *l) {
  return l->a >= 0 && l->a <= MAX_COUNT ? PERI_OK : bad(cx, who, "mean must lie in [0, 1e15]", l->a);
}
static peri_status check_probability(peri_ctx *cx, const char *who, const peri_law *l) {
  return l->a >= 0 && l->a <= 1 ? PERI_OK : bad(cx, who, "p must lie in [0, 1]", l->a);
}
static peri_status check_binomial(peri_ctx *cx, const char *who, const peri_law *l) {
  if (l->hi < 0 || l->hi > (int64_t)MAX_COUNT)
    return peri_fail(cx, PERI_ERR_VALUE, "%s: n must lie in 0..1e15, got %lld", who, (long long)l->hi);
  return check_probability(cx, who, l);
}
static peri_status check_geometric(peri_ctx *cx, const char *who, const peri_law *l) {
  return l->a > 0 && l->a <= 1 ? PERI_OK : bad(cx, who, "p must lie in (0, 1]", l->a);
}
static peri_status check_none(peri_ctx *cx, const char *who, const peri_law *l) {
  (void)cx, (void)who, (void)l;
  return PERI_OK;
}
static peri_status check_integers(peri_ctx *cx, const char *who, const peri_law *l) {
  if (l->lo <= l->hi) return PERI_OK;
  return peri_fail(cx, PERI_ERR_VALUE, "%s: lo must not exceed hi, got lo %lld, hi %lld", who, (long long)l->lo, (long long)l->hi);
}
static peri_status check_categorical(peri_ctx *cx, const char *who, const peri_law *l) {
  return l->table ? PERI_OK : peri_fail(cx, PERI_ERR_VALUE, "%s: a table of weights is needed", who);
}

/* ---- constants ---- */

static void prepare_none(pri_ready *p, const pri_rng *g) { (void)p, (void)g; }

/* c0 + c1 u, kept below hi: the sum may round up to it. */
static void prepare_uniform(pri_ready *p, const pri_rng *g) {
  (void)g;
  p->c[0] = p->law.a, p->c[1] = p->law.b - p->law.a, p->c[2] = nextafter(p->law.b, -INFINITY);
}
static void prepare_exponential(pri_ready *p, const pri_rng *g) {
  (void)g;
  p->c[1] = 1 / p->law.a;
}
static void prepare_geometric(pri_ready *p, const pri_rng *g) {
  p->c[0] = -1 / pri_log1p(g, -p->law.a); /* p = 1: 0 */
}
static void prepare_bernoulli(pri_ready *p, const pri_rng *g) {
  (void)g;
  p->range = p->law.a >= 1 ? 0 : (uint64_t)(p->law.a * 0x1p64); /* p = 1 does not fit: all words succeed */
}
static void prepare_integers(pri_ready *p, const pri_rng *g) {
  (void)g;
  p->range = (uint64_t)p->law.hi - (uint64_t)p->law.lo + 1; /* 0: all 2^64 */
}

static void prepare_pareto(pri_ready *p, const pri_rng *g) {
  (void)g;
  p->c[0] = 1 / p->law.a;
}

/* ---- a fixed number of words to each variate ---- */

/* r = shift + scale r, rounded once */
static void affine(const pri_kernels *k, double *r, double scale, double shift, int64_t n) {
  if (scale == 1 && shift == 0) return;
  k->map3[PRI_MAP3_fma][PERI_F64](r, r, 1, &scale, 0, &shift, 0, n);
}
static void map_uniform(const pri_ready *p, const pri_kernels *k, void *r, const uint64_t *w, int64_t n) {
  k->uniform(r, w, n);
  affine(k, r, p->c[1], p->c[0], n);
  if (p->law.a == 0 && p->c[2] == 1 - 0x1p-53) return; /* on [0, 1) nothing rounds */
  k->map2[PRI_MAP2_minimum][PERI_F64](r, r, 1, &p->c[2], 0, n);
}
static void map_normal(const pri_ready *p, const pri_kernels *k, void *r, const uint64_t *w, int64_t n) {
  k->normal(r, w, n);
  affine(k, r, p->law.b, p->law.a, n);
}
static void map_exponential(const pri_ready *p, const pri_kernels *k, void *r, const uint64_t *w, int64_t n) {
  k->exponential(r, w, n);
  affine(k, r, p->c[1], 0, n);
}

/* x0 e^(E/alpha) */
static void map_pareto(const pri_ready *p, const pri_kernels *k, void *r, const uint64_t *w, int64_t n) {
  double zero = 0;
  k->exponential(r, w, n);
  affine(k, r, p->c[0], 0, n);
  k->map1[PRI_MAP1_exp][PERI_F64](r, r, n);
  k->map3[PRI_MAP3_fma][PERI_F64](r, r, 1, &p->law.b, 0, &zero, 0, n);
}
static void map_laplace(const pri_ready *p, const pri_kernels *k, void *r, const uint64_t *w, int64_t n) {
  k->laplace(r, w, n);
  affine(k, r, p->law.b, p->law.a, n);
}

/* With v = z^2 mean/shape, z normal, the smaller root of the quadratic that v solves is mean / (1 + v/2 + sqrt(v + v^2/4)); it is taken
** with probability mean / (mean + root), else the other, mean^2 / root. Source: Michael, Schucany & Haas, Amer. Statist. 30 (1976). */
static void map_inverse_gaussian(const pri_ready *p, const pri_kernels *k, void *r, const uint64_t *w, int64_t n) {
  enum { PART = 128 };
  uint64_t first[PART], second[PART];
  double z[PART], u[PART], *x = r, ratio = p->law.a / p->law.b;
  for (int64_t at = 0; at < n; at += PART) {
    int64_t m = n - at < PART ? n - at : PART;
    for (int64_t i = 0; i < m; i++) first[i] = w[2 * (at + i)], second[i] = w[2 * (at + i) + 1];
    k->normal(z, first, m);
    k->uniform(u, second, m);
    for (int64_t i = 0; i < m; i++) {
      double v = z[i] * z[i] * ratio, q = 1 + v / 2 + sqrt(v + v * v / 4);
      x[at + i] = p->law.a * (u[i] * (1 + 1 / q) < 1 ? 1 / q : q);
    }
  }
}

/* floor of E / -log(1 - p), plus one; what exceeds int64_t saturates */
static void map_geometric(const pri_ready *p, const pri_kernels *k, void *r, const uint64_t *w, int64_t n) {
  double e[64];
  int64_t *v = r;
  for (int64_t done = 0; done < n; done += 64) {
    int64_t m = n - done < 64 ? n - done : 64;
    k->exponential(e, w + done, m);
    for (int64_t i = 0; i < m; i++) {
      double x = e[i] * p->c[0];
      v[done + i] = x < 0x1p63 ? (int64_t)x + ((int64_t)x < INT64_MAX) : INT64_MAX;
    }
  }
}
static void map_bernoulli(const pri_ready *p, const pri_kernels *k, void *r, const uint64_t *w, int64_t n) {
  (void)k;
  int64_t *v = r;
  int64_t always = p->law.a >= 1;
  for (int64_t i = 0; i < n; i++) v[i] = (w[i] < p->range) | always;
}
static void map_rademacher(const pri_ready *p, const pri_kernels *k, void *r, const uint64_t *w, int64_t n) {
  (void)p, (void)k;
  int64_t *v = r;
  for (int64_t i = 0; i < n; i++) v[i] = 2 * (int64_t)(w[i] >> 63) - 1;
}
static void map_categorical(const pri_ready *p, const pri_kernels *k, void *r, const uint64_t *w, int64_t n) {
  (void)k;
  int64_t *v = r;
  for (int64_t i = 0; i < n; i++) v[i] = p->law.lo + pri_alias_of(p->law.table, w[i]);
}

const pri_law_row pri_law_rows[PERI_LAWS] = {
  [PERI_UNIFORM] = {"random.uniform", false, 1, check_uniform, prepare_uniform, map_uniform, NULL},
  [PERI_NORMAL] = {"random.normal", false, 1, check_normal, prepare_none, map_normal, NULL},
  [PERI_EXPONENTIAL] = {"random.exponential", false, 1, check_rate, prepare_exponential, map_exponential, NULL},
  [PERI_GAMMA] = {"random.gamma", false, 0, check_gamma, pri_prepare_gamma, NULL, pri_serial_gamma},
  [PERI_BETA] = {"random.beta", false, 0, check_beta, pri_prepare_beta, NULL, pri_serial_beta},
  [PERI_CHI_SQUARE] = {"random.chi_square", false, 0, check_degrees, pri_prepare_gamma, NULL, pri_serial_gamma},
  [PERI_STUDENT_T] = {"random.student_t", false, 0, check_degrees, pri_prepare_gamma, NULL, pri_serial_student},
  [PERI_STABLE] = {"random.stable", false, 2, check_stable, pri_prepare_stable, pri_map_stable, NULL},
  [PERI_POSITIVE_STABLE] = {"random.positive_stable", false, 2, check_positive_stable, pri_prepare_positive_stable, pri_map_stable, NULL},
  [PERI_PARETO] = {"random.pareto", false, 1, check_pareto, prepare_pareto, map_pareto, NULL},
  [PERI_LAPLACE] = {"random.laplace", false, 1, check_laplace, prepare_none, map_laplace, NULL},
  [PERI_INVERSE_GAUSSIAN] = {"random.inverse_gaussian", false, 2, check_inverse_gaussian, prepare_none, map_inverse_gaussian, NULL},
  [PERI_POISSON] = {"random.poisson", true, 0, check_poisson, pri_prepare_poisson, NULL, pri_serial_poisson},
  [PERI_BINOMIAL] = {"random.binomial", true, 0, check_binomial, pri_prepare_binomial, NULL, pri_serial_binomial},
  [PERI_GEOMETRIC] = {"random.geometric", true, 1, check_geometric, prepare_geometric, map_geometric, NULL},
  [PERI_BERNOULLI] = {"random.bernoulli", true, 1, check_probability, prepare_bernoulli, map_bernoulli, NULL},
  [PERI_RADEMACHER] = {"random.rademacher", true, 1, check_none, prepare_none, map_rademacher, NULL},
  [PERI_INTEGERS] = {"random.integers", true, 0, check_integers, prepare_integers, NULL, pri_serial_integers},
  [PERI_CATEGORICAL] = {"random.categorical", true, 1, check_categorical, prepare_none, map_categorical, NULL},
};

bool peri_law_is_integer(peri_law law) { return pri_law_rows[law.kind].integer; }
