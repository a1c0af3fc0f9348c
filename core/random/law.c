/* law.c - the laws: parameter checks, and the maps of those that use one word a variate. */
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

/* ---- one word, one variate ---- */

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
  [PERI_UNIFORM] = {"random.uniform", false, check_uniform, prepare_uniform, map_uniform, NULL},
  [PERI_NORMAL] = {"random.normal", false, check_normal, prepare_none, map_normal, NULL},
  [PERI_EXPONENTIAL] = {"random.exponential", false, check_rate, prepare_exponential, map_exponential, NULL},
  [PERI_GAMMA] = {"random.gamma", false, check_gamma, pri_prepare_gamma, NULL, pri_serial_gamma},
  [PERI_BETA] = {"random.beta", false, check_beta, pri_prepare_beta, NULL, pri_serial_beta},
  [PERI_CHI_SQUARE] = {"random.chi_square", false, check_degrees, pri_prepare_gamma, NULL, pri_serial_gamma},
  [PERI_STUDENT_T] = {"random.student_t", false, check_degrees, pri_prepare_gamma, NULL, pri_serial_student},
  [PERI_POISSON] = {"random.poisson", true, check_poisson, pri_prepare_poisson, NULL, pri_serial_poisson},
  [PERI_BINOMIAL] = {"random.binomial", true, check_binomial, pri_prepare_binomial, NULL, pri_serial_binomial},
  [PERI_GEOMETRIC] = {"random.geometric", true, check_geometric, prepare_geometric, map_geometric, NULL},
  [PERI_BERNOULLI] = {"random.bernoulli", true, check_probability, prepare_bernoulli, map_bernoulli, NULL},
  [PERI_RADEMACHER] = {"random.rademacher", true, check_none, prepare_none, map_rademacher, NULL},
  [PERI_INTEGERS] = {"random.integers", true, check_integers, prepare_integers, NULL, pri_serial_integers},
  [PERI_CATEGORICAL] = {"random.categorical", true, check_categorical, prepare_none, map_categorical, NULL},
};

bool peri_law_is_integer(peri_law law) { return pri_law_rows[law.kind].integer; }
