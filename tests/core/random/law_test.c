/* law_test.c - laws against closed forms: mean, variance and the whole distribution, at five standard errors. */
#include <perigee/random.h>
#include "statistics.h"

enum { N = 200000 };

/* ---- distribution functions, slow and plain ---- */

static double uniform_cdf(double x, const double *p) { return (x - p[0]) / (p[1] - p[0]); }
static double normal_cdf(double x, const double *p) { return 0.5 * erfc(-(x - p[0]) / p[1] / sqrt(2)); }
static double exponential_cdf(double x, const double *p) { return -expm1(-p[0] * x); }

/* Regularised lower incomplete gamma: series below a + 1, Lentz's continued fraction above. */
static double gamma_p(double a, double x) {
  if (x <= 0) return 0;
  double front = exp(a * log(x) - x - lgamma(a)), sum = 1 / a, term = sum;
  if (x < a + 1) {
    for (int n = 1; n < 3000 && term > 1e-17 * sum; n++) sum += term *= x / (a + n);
    return front * sum;
  }
  double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
  for (int i = 1; i < 3000; i++) {
    double an = -i * (i - a);
    b += 2, d = 1 / (an * d + b), c = b + an / c;
    h *= d * c;
    if (fabs(d * c - 1) < 1e-16) break;
  }
  return 1 - front * h;
}
static double gamma_cdf(double x, const double *p) { return gamma_p(p[0], x / p[1]); }
static double chi_square_cdf(double x, const double *p) { return gamma_p(p[0] / 2, x / 2); }

/* Regularised incomplete beta, continued fraction. */
static double beta_i(double a, double b, double x) {
  if (x <= 0 || x >= 1) return x >= 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - beta_i(b, a, 1 - x);
  double c = 1, d = 1 - (a + b) * x / (a + 1), h;
  d = 1 / d, h = d;
  for (int m = 1; m < 3000; m++) {
    double e = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + e * d), c = 1 + e / c, h *= d * c;
    e = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + e * d), c = 1 + e / c, h *= d * c;
    if (fabs(d * c - 1) < 1e-15) break;
  }
  return exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a * h;
}
static double beta_cdf(double x, const double *p) { return beta_i(p[0], p[1], x); }
static double student_cdf(double x, const double *p) {
  double tail = 0.5 * beta_i(p[0] / 2, 0.5, p[0] / (p[0] + x * x));
  return x > 0 ? 1 - tail : tail;
}

static double pareto_cdf(double x, const double *p) { return x < p[1] ? 0 : 1 - pow(p[1] / x, p[0]); }
static double laplace_cdf(double x, const double *p) {
  double h = 0.5 * exp(-fabs(x - p[0]) / p[1]);
  return x < p[0] ? h : 1 - h;
}
static double inverse_gaussian_cdf(double x, const double *p) {
  double r = sqrt(p[1] / x), u = x / p[0];
  return 0.5 * erfc(-r * (u - 1) / sqrt(2)) + exp(2 * p[1] / p[0]) * 0.5 * erfc(r * (u + 1) / sqrt(2));
}

/* ---- real laws ---- */

typedef struct {
  peri_law law;
  double (*cdf)(double, const double *);
  double p[2], mean, variance, excess; /* excess kurtosis; variance 0: not finite, not tested */
} real_case;

static void expect_moments(const double *x, int64_t n, double mean, double variance, double excess) {
  double m = 0, v = 0;
  for (int64_t i = 0; i < n; i++) m += x[i] / (double)n;
  for (int64_t i = 0; i < n; i++) v += (x[i] - mean) * (x[i] - mean) / (double)n;
  NEAR(m, mean, 5 * sqrt(variance / (double)n));
  NEAR(v, variance, 5 * variance * sqrt((2 + excess) / (double)n));
}

static void real_laws_have_their_distribution(void **state) {
  peri_ctx *cx = *state;
  const real_case cases[] = {
    {peri_uniform(0, 1), uniform_cdf, {0, 1}, 0.5, 1.0 / 12, -1.2},
    {peri_uniform(-3, 5), uniform_cdf, {-3, 5}, 1, 64.0 / 12, -1.2},
    {peri_normal(0, 1), normal_cdf, {0, 1}, 0, 1, 0},
    {peri_normal(-2, 3), normal_cdf, {-2, 3}, -2, 9, 0},
    {peri_exponential(1), exponential_cdf, {1, 0}, 1, 1, 6},
    {peri_exponential(4), exponential_cdf, {4, 0}, 0.25, 1.0 / 16, 6},
    {peri_gamma(0.1, 1), gamma_cdf, {0.1, 1}, 0.1, 0.1, 60},
    {peri_gamma(0.7, 2), gamma_cdf, {0.7, 2}, 1.4, 2.8, 6 / 0.7},
    {peri_gamma(1, 1), gamma_cdf, {1, 1}, 1, 1, 6},
    {peri_gamma(3.5, 0.5), gamma_cdf, {3.5, 0.5}, 1.75, 0.875, 6 / 3.5},
    {peri_gamma(400, 1), gamma_cdf, {400, 1}, 400, 400, 6.0 / 400},
    {peri_chi_square(1), chi_square_cdf, {1, 0}, 1, 2, 12},
    {peri_chi_square(7), chi_square_cdf, {7, 0}, 7, 14, 12.0 / 7},
    {peri_beta(2, 3), beta_cdf, {2, 3}, 0.4, 0.04, 6.0 * (1 * 6 - 6 * 7) / (6 * 7 * 8)},
    {peri_beta(0.5, 0.5), beta_cdf, {0.5, 0.5}, 0.5, 0.125, -1.5},
    {peri_beta(0.3, 4), beta_cdf, {0.3, 4}, 0.3 / 4.3, 1.2 / (4.3 * 4.3 * 5.3), 7.07},
    {peri_student_t(9), student_cdf, {9, 0}, 0, 9.0 / 7, 1.2},
    {peri_student_t(1), student_cdf, {1, 0}, 0, 0, 0},
    {peri_student_t(0.5), student_cdf, {0.5, 0}, 0, 0, 0},
    {peri_pareto(1.5, 2), pareto_cdf, {1.5, 2}, 0, 0, 0},
    {peri_pareto(9, 1), pareto_cdf, {9, 1}, 9.0 / 8, 9.0 / (64 * 7), 20},
    {peri_laplace(0, 1), laplace_cdf, {0, 1}, 0, 2, 3},
    {peri_laplace(-1, 0.5), laplace_cdf, {-1, 0.5}, -1, 0.5, 3},
    {peri_inverse_gaussian(1, 1), inverse_gaussian_cdf, {1, 1}, 1, 1, 15},
    {peri_inverse_gaussian(3, 0.5), inverse_gaussian_cdf, {3, 0.5}, 3, 54, 90},
    {peri_inverse_gaussian(0.5, 20), inverse_gaussian_cdf, {0.5, 20}, 0.5, 0.00625, 0.375},
  };
  int64_t n = N;
  peri_tensor *x = MADE(peri_new(cx, PERI_F64, 1, &n));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const real_case *c = &cases[i];
    peri_stream root = peri_stream_root(2024), s = peri_stream_sub(&root, "law", (int64_t)i);
    EXPECT_OK(peri_fill(x, &s, c->law));
    if (c->variance > 0) expect_moments(x->data, N, c->mean, c->variance, c->excess);
    double ks = stat_ks(x->data, N, c->cdf, c->p);
    if (!(ks < KS_BOUND)) fail_msg("case %zu: Kolmogorov-Smirnov %g", i, ks);
  }
  peri_release(x);
}

/* ---- integer laws ---- */

static double log_choose(double n, double k) { return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1); }
static double poisson_pmf(double k, const double *p) { return p[0] == 0 ? k == 0 : exp(k * log(p[0]) - p[0] - lgamma(k + 1)); }
static double binomial_pmf(double k, const double *p) {
  return k > p[0] ? 0 : exp(log_choose(p[0], k) + k * log(p[1]) + (p[0] - k) * log1p(-p[1]));
}
static double geometric_pmf(double k, const double *p) { return k < 1 ? 0 : p[0] * pow(1 - p[0], k - 1); }
static double bernoulli_pmf(double k, const double *p) { return k == 1 ? p[0] : k == 0 ? 1 - p[0] : 0; }
static double range_pmf(double k, const double *p) { return k >= p[0] && k <= p[1] ? 1 / (p[1] - p[0] + 1) : 0; }
static double weights_pmf(double k, const double *p) { (void)p; return k >= 1 && k <= 4 ? (double[]){0.1, 0, 0.6, 0.3}[(int)k - 1] : 0; }

typedef struct {
  peri_law law;
  double (*pmf)(double, const double *);
  double p[2];
  int64_t from; /* 512 cells from here on; what falls outside must be improbable */
  double mean, variance, excess;
} integer_case;

static void integer_laws_have_their_distribution(void **state) {
  peri_ctx *cx = *state;
  peri_alias *table = peri_alias_new(cx, "test", (double[]){1, 0, 6, 3}, 4);
  const integer_case cases[] = {
    {peri_poisson(0.01), poisson_pmf, {0.01, 0}, 0, 0.01, 0.01, 100},
    {peri_poisson(3), poisson_pmf, {3, 0}, 0, 3, 3, 1 / 3.0},
    {peri_poisson(9.99), poisson_pmf, {9.99, 0}, 0, 9.99, 9.99, 0.1},
    {peri_poisson(10), poisson_pmf, {10, 0}, 0, 10, 10, 0.1},
    {peri_poisson(150), poisson_pmf, {150, 0}, 0, 150, 150, 0},
    {peri_poisson(1200), poisson_pmf, {1200, 0}, 944, 1200, 1200, 0},
    {peri_binomial(10, 0.3), binomial_pmf, {10, 0.3}, 0, 3, 2.1, -0.12},
    {peri_binomial(7, 0.9), binomial_pmf, {7, 0.9}, 0, 6.3, 0.63, 0.8},
    {peri_binomial(100, 0.5), binomial_pmf, {100, 0.5}, 0, 50, 25, 0},
    {peri_binomial(400, 0.8), binomial_pmf, {400, 0.8}, 0, 320, 64, 0},
    {peri_binomial(100000, 0.003), binomial_pmf, {100000, 0.003}, 0, 300, 299.1, 0},
    {peri_geometric(0.2), geometric_pmf, {0.2, 0}, 0, 5, 20, 6.05},
    {peri_geometric(0.9), geometric_pmf, {0.9, 0}, 0, 1 / 0.9, 0.1 / 0.81, 14.1},
    {peri_bernoulli(0.3), bernoulli_pmf, {0.3, 0}, 0, 0.3, 0.21, -1.2},
    {peri_integers(-3, 6), range_pmf, {-3, 6}, -10, 1.5, 99.0 / 12, -1.2},
    {peri_categorical(table, 1), weights_pmf, {0, 0}, 0, 3.1, 0.69, 1.5},
  };
  int64_t n = N;
  peri_tensor *v = MADE(peri_new(cx, PERI_I64, 1, &n));
  static double x[N];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const integer_case *c = &cases[i];
    peri_stream root = peri_stream_root(7), s = peri_stream_sub(&root, "law", (int64_t)i);
    int64_t count[512] = {0}, outside = 0;
    double p[512];
    EXPECT_OK(peri_fill(v, &s, c->law));
    for (int64_t k = 0; k < N; k++) {
      int64_t at = ((int64_t *)v->data)[k] - c->from;
      x[k] = (double)((int64_t *)v->data)[k];
      if (at >= 0 && at < 512) count[at]++;
      else outside++;
    }
    for (int k = 0; k < 512; k++) {
      p[k] = c->pmf((double)(c->from + k), c->p);
      if (p[k] == 0) assert_int_equal(count[k], 0);
    }
    assert_int_equal(outside, 0);
    expect_moments(x, N, c->mean, c->variance, c->excess);
    double z = stat_pearson(count, p, 512, N);
    if (!(fabs(z) < 5)) fail_msg("case %zu: chi-square at %g standard errors", i, z);
  }
  peri_release(v);
  peri_alias_free(table);
}

/* Where a naive lgamma loses all digits the shape must still be right: variance to one percent, skewness to the sign. */
static void counts_beyond_1e12_keep_their_spread(void **state) {
  peri_ctx *cx = *state;
  int64_t n = N;
  peri_tensor *v = MADE(peri_new(cx, PERI_I64, 1, &n));
  peri_stream s = peri_stream_root(3);
  static double x[N];
  const struct { peri_law law; double mean, variance; } cases[] = {
    {peri_poisson(1e14), 1e14, 1e14}, {peri_binomial(1000000000000000, 0.25), 2.5e14, 1.875e14}};
  for (int c = 0; c < 2; c++) {
    EXPECT_OK(peri_fill(v, &s, cases[c].law));
    for (int i = 0; i < N; i++) x[i] = ((double)((int64_t *)v->data)[i] - cases[c].mean) / sqrt(cases[c].variance);
    expect_moments(x, N, 0, 1, 0);
    assert_true(stat_ks(x, N, normal_cdf, (double[]){0, 1}) < KS_BOUND);
  }
  peri_release(v);
}

static void degenerate_parameters_are_exact(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1);
  const struct { peri_law law; int64_t want; } cases[] = {
    {peri_poisson(0), 0}, {peri_binomial(0, 0.5), 0}, {peri_binomial(9, 0), 0}, {peri_binomial(9, 1), 9}, {peri_binomial(1000000, 1), 1000000},
    {peri_geometric(1), 1}, {peri_bernoulli(0), 0}, {peri_bernoulli(1), 1}, {peri_integers(5, 5), 5}, {peri_geometric(1e-300), INT64_MAX}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int k = 0; k < 200; k++) {
      int64_t x;
      EXPECT_OK(peri_draw_i64(cx, &s, cases[i].law, &x));
      assert_true(x == cases[i].want);
    }
  double x;
  EXPECT_OK(peri_draw(cx, &s, peri_normal(3, 0), &x));
  assert_true(x == 3);
  for (int k = 0; k < 1000; k++) {
    EXPECT_OK(peri_draw(cx, &s, peri_beta(1e-3, 1e-3), &x));
    assert_true(x >= 0 && x <= 1);
  }
}

static void the_widest_integers_are_words(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1), t = s;
  int64_t x, n = 1000;
  for (int i = 0; i < 100; i++) {
    EXPECT_OK(peri_draw_i64(cx, &s, peri_integers(INT64_MIN, INT64_MAX), &x));
    assert_true((uint64_t)x == (peri_stream_next(&t) ^ (1ull << 63)));
  }
  /* a range just above 2^63 rejects nearly half its words: the upper half of it must come up as often */
  peri_tensor *v = MADE(peri_new(cx, PERI_I64, 1, &n));
  EXPECT_OK(peri_fill(v, &s, peri_integers(INT64_MIN, 1)));
  int64_t upper = 0;
  for (int i = 0; i < n; i++) {
    upper += ((int64_t *)v->data)[i] >= INT64_MIN / 2;
    assert_true(((int64_t *)v->data)[i] <= 1);
  }
  NEAR((double)upper, 500, 5 * sqrt(250));
  peri_release(v);
}

static void uniforms_stay_below_their_end(void **state) {
  peri_ctx *cx = *state;
  int64_t n = 100000;
  peri_stream s = peri_stream_root(1);
  peri_tensor *x = MADE(peri_new(cx, PERI_F64, 1, &n)), *y = MADE(peri_new(cx, PERI_F32, 1, &n));
  EXPECT_OK(peri_fill(x, &s, peri_uniform(1, 1 + 0x1p-50))); /* four values and a bit */
  EXPECT_OK(peri_fill(y, &s, peri_uniform(0, 1e-40)));
  for (int i = 0; i < n; i++) assert_true(((double *)x->data)[i] >= 1 && ((double *)x->data)[i] < 1 + 0x1p-50);
  for (int i = 0; i < n; i++) assert_true(((float *)y->data)[i] >= 0 && (double)((float *)y->data)[i] < 1e-40);
  peri_release(x), peri_release(y);
}

static void ranges_are_checked_with_their_values(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1), before = s;
  double x;
  const struct { peri_law law; const char *text; } cases[] = {
    {peri_uniform(1, 1), "random.uniform: lo must be below hi, both finite, got lo 1, hi 1"},
    {peri_uniform(0, INFINITY), "random.uniform: lo must be below hi"},
    {peri_normal(0, -1), "random.normal: the standard deviation must be finite and not negative, got -1"},
    {peri_normal(NAN, 1), "random.normal: the mean must be finite, got nan"},
    {peri_exponential(0), "random.exponential: rate must be positive, got 0"},
    {peri_gamma(-1, 1), "random.gamma: shape must be positive, got -1"},
    {peri_gamma(1, 0), "random.gamma: scale must be positive, got 0"},
    {peri_beta(0, 1), "random.beta: a must be positive, got 0"},
    {peri_beta(1, NAN), "random.beta: b must be positive, got nan"},
    {peri_chi_square(-2), "random.chi_square: the degrees of freedom must be positive, got -2"},
    {peri_student_t(0), "random.student_t: the degrees of freedom must be positive, got 0"},
    {peri_poisson(-0.5), "random.poisson: mean must lie in [0, 1e15], got -0.5"},
    {peri_poisson(1e16), "got 1e+16"},
    {peri_binomial(-1, 0.5), "random.binomial: n must lie in 0..1e15, got -1"},
    {peri_binomial(1, 1.5), "random.binomial: p must lie in [0, 1], got 1.5"},
    {peri_geometric(0), "random.geometric: p must lie in (0, 1], got 0"},
    {peri_bernoulli(2), "random.bernoulli: p must lie in [0, 1], got 2"},
    {peri_integers(3, 2), "random.integers: lo must not exceed hi, got lo 3, hi 2"},
    {peri_categorical(NULL, 0), "random.categorical: a table of weights is needed"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) EXPECT_FAILS(peri_draw(cx, &s, cases[i].law, &x), PERI_ERR_VALUE, cases[i].text);
  EXPECT_FAILS(peri_alias_new(cx, "random.categorical", (double[]){1, 2, -1}, 3), PERI_ERR_VALUE, "random.categorical: weight 3 is -1");
  EXPECT_FAILS(peri_alias_new(cx, "x", (double[]){0, 0}, 2), PERI_ERR_VALUE, "all 2 weights are zero");
  EXPECT_FAILS(peri_alias_new(cx, "x", (double[]){1, INFINITY}, 2), PERI_ERR_VALUE, "weight 2 is inf");
  EXPECT_FAILS(peri_alias_new(cx, "x", NULL, 0), PERI_ERR_VALUE, "at least one weight");
  int64_t n = 3, i;
  peri_tensor *b = MADE(peri_zeros(cx, PERI_BOOL, 1, &n)), *v = MADE(peri_zeros(cx, PERI_I64, 1, &n));
  EXPECT_FAILS(peri_fill_normal(v, &s), PERI_ERR_DTYPE, "random.normal: cannot fill a tensor of dtype i64; use f64, f32");
  EXPECT_FAILS(peri_fill(b, &s, peri_poisson(1)), PERI_ERR_DTYPE, "use f64, f32 or i64");
  EXPECT_FAILS(peri_draw_i64(cx, &s, peri_normal(0, 1), &i), PERI_ERR_DTYPE, "random.normal: not a law on the integers");
  assert_memory_equal(&s, &before, sizeof s);
  peri_release(b), peri_release(v);
}

/* Weights over twelve decades, and more cells than fit a cache line: every cell in proportion. */
static void alias_tables_hold_their_weights(void **state) {
  peri_ctx *cx = *state;
  enum { M = 300 };
  double w[M], p[M], sum = 0;
  int64_t count[M] = {0}, n = N;
  for (int i = 0; i < M; i++) sum += w[i] = 1e300 * pow(10, -12.0 * ((i * 7) % M) / M);
  for (int i = 0; i < M; i++) p[i] = w[i] / sum;
  peri_alias *a = peri_alias_new(cx, "test", w, M);
  peri_tensor *v = MADE(peri_new(cx, PERI_I64, 1, &n));
  peri_stream s = peri_stream_root(8);
  EXPECT_OK(peri_fill(v, &s, peri_categorical(a, 0)));
  for (int i = 0; i < N; i++) count[((int64_t *)v->data)[i]]++;
  assert_true(fabs(stat_pearson(count, p, M, N)) < 5);
  peri_alias_free(a);
  peri_release(v);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(real_laws_have_their_distribution), TEST(integer_laws_have_their_distribution), TEST(counts_beyond_1e12_keep_their_spread),
    TEST(degenerate_parameters_are_exact), TEST(the_widest_integers_are_words), TEST(uniforms_stay_below_their_end),
    TEST(ranges_are_checked_with_their_values), TEST(alias_tables_hold_their_weights),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
