/* stable_test.c - stable variates: the formula in long double, every instruction set, the characteristic function, limits. */
#include <complex.h>
#include <perigee/random.h>
#include "random/random.h"
#include "statistics.h"

enum { N = 200000, WORDS = 4096 };

static const double parameters[][2] = {{0.05, 0},  {0.3, 1},    {0.5, 1},    {0.5, -0.4}, {0.8, 0},   {0.9, 0.999}, {0.999, 0.5}, {0.9999999, -1}, {1, 0},
                                       {1, 0.5},   {1, -1},     {1.0001, 1}, {1.2, -0.7}, {1.45, 0.2}, {1.5, 0},    {1.7, 0.5},   {1.99, 1},       {1.9999, -1},
                                       {2, 0},     {2, 0.7},    {1 - 0x1p-53, 0.3}};
enum { CASES = sizeof parameters / sizeof *parameters };

/* Pairs whose angles and times reach the ends. */
static void awkward_words(uint64_t *w) {
  pri_pcg g = {1, 2, 3, 5};
  pri_kernels_select("baseline")->pcg_dxsm(w, WORDS, &g);
  for (int i = 0; i < WORDS; i++) {
    int shift = i / 8 % 60;
    if (i % 4 == 0) w[i] = i % 8 ? w[i] >> shift : ~(w[i] >> shift);
    if (i % 7 == 0 && i % 2) w[i] = i % 14 == 7 ? w[i] >> shift : ~(w[i] >> shift);
  }
}

/* The textbook's formula, its angle from the nearer end so that cos V keeps its digits; wide is how far rounding is stretched by the
** terms that cancel in it. */
static long double by_formula(uint64_t angle, uint64_t time, double alpha, double beta, bool centred, long double *wide) {
  const long double pi = 3.141592653589793238462643383279502884L;
  uint64_t k = angle >> 63 ? ~angle : angle;
  long double t = pi * ldexpl((long double)k + 0.5L, -64), v = angle >> 63 ? pi / 2 - t : t - pi / 2;
  long double w = -logl(((long double)(time >> 12) + 0.5L) * 0x1p-52L), a = alpha, e = 1 - a, cosine = sinl(t), tangent = (angle >> 63 ? 1 : -1) / tanl(t);
  if (alpha == 1) {
    long double size = fabsl(beta), b = beta * v >= 0 ? pi / 2 + size * fabsl(v) : (1 - size) * pi / 2 + size * t, x = b * tangent;
    *wide = 1;
    return 2 / pi * (x - (beta != 0 ? beta * logl(pi / 2 * w * cosine / b) : 0));
  }
  long double z = alpha == 2 ? 0 : beta * tanl(pi * a / 2), d = cosl(e * v) + z * sinl(e * v), r = powl(d / (w * cosine), e / a);
  long double x = (sinl(a * v) + z * cosl(a * v)) / cosine * r;
  if (!(d > 0)) return *wide = INFINITY, 0; /* all digits of d are lost */
  *wide = 1 + (1 + fabsl(z)) * (r / cosine + r / fabsl(d));
  return centred ? x - z : x;
}

static void variates_are_the_formula_of_their_words(void **state) {
  peri_ctx *cx = *state;
  static uint64_t w[WORDS];
  static double x[WORDS / 2];
  awkward_words(w);
  for (int c = 0; c < CASES; c++)
    for (int s0 = 0; s0 < 2; s0++) {
      double alpha = parameters[c][0], beta = parameters[c][1];
      pri_ready p = {.law = peri_stable(alpha, beta, 1, 0, s0 ? PERI_S0 : PERI_S1)};
      pri_rng g = {.k = cx->k};
      pri_prepare_stable(&p, &g);
      pri_map_stable(&p, cx->k, x, w, WORDS / 2);
      for (int i = 0; i < WORDS / 2; i++) {
        long double wide, want = by_formula(w[2 * i], w[2 * i + 1], alpha, beta, s0, &wide), size = fabsl(want);
        /* relative to the variate, a tail grown by e/alpha times the rounding of a logarithm; and what the oracle itself loses */
        long double slack = 40 * 0x1p-52L * size * (1 + 40 * fabsl(1 - (long double)alpha) / alpha) + 8 * 0x1p-52L + 60 * 0x1p-64L * wide * (size + 1);
        if (alpha > 0.9 && alpha < 1.1 && beta != 0 && !s0) slack += 4 * 0x1p-52L * fabsl(tanl(1.5707963267948966192L * alpha)); /* of z */
        if (!(fabsl(x[i] - want) <= slack || (size > 1.7e308L && isinf(x[i]))))
          fail_msg("alpha %.17g beta %g s%d words %016llx %016llx: %.17g, expected %.17Lg", alpha, beta, !s0, (unsigned long long)w[2 * i],
                   (unsigned long long)w[2 * i + 1], x[i], want);
      }
    }
}

static void variates_have_the_same_bits_everywhere(void **state) {
  (void)state;
  static uint64_t w[WORDS];
  static double want[WORDS / 2], got[WORDS / 2];
  static const char *const isas[] = {"baseline", "avx2", "avx512"};
  awkward_words(w);
  for (int c = 0; c < CASES; c++)
    for (int k = 0; k < 3; k++) {
      pri_rng g = {.k = pri_kernels_select(isas[k])};
      pri_ready p = {.law = peri_stable(parameters[c][0], parameters[c][1], 3, 0.5, c % 2 ? PERI_S0 : PERI_S1)};
      if (!g.k) continue;
      pri_prepare_stable(&p, &g);
      pri_map_stable(&p, g.k, k ? got : want, w, WORDS / 2);
      if (k) assert_memory_equal(got, want, sizeof want);
      for (int i = 0; k && i < WORDS / 2; i += 5) { /* whatever stands beside it */
        double one;
        pri_map_stable(&p, g.k, &one, w + 2 * i, 1);
        assert_memory_equal(&one, want + i, sizeof one);
      }
    }
}

/* ---- laws ---- */

/* log E exp(itX), t > 0, straight from the header */
static double complex exponent(double t, double alpha, double beta, double scale, double location, bool s0) {
  double st = scale * t, pi = acos(-1);
  if (alpha == 1 || (s0 && fabs(1 - alpha) < 1e-9)) { /* as near as that, the tangents below have no digits left */
    double mu = s0 ? location - 2 / pi * beta * scale * log(scale) : location;
    return -st * (1 + I * beta * 2 / pi * log(t)) + I * mu * t;
  }
  double skew = beta * tan(pi * alpha / 2), mu = s0 ? location - scale * skew : location;
  return -pow(st, alpha) * (1 - I * skew) + I * mu * t;
}

static void expect_characteristic(const double *x, int64_t n, double t, double complex want, const char *what, double alpha, double beta) {
  double c = 0, s = 0;
  for (int64_t i = 0; i < n; i++) c += cos(t * x[i]), s += sin(t * x[i]);
  double complex got = (c + I * s) / (double)n;
  if (!(cabs(got - want) <= 5 / sqrt((double)n))) /* |e^(itX)| = 1 */
    fail_msg("%s alpha %g beta %g t %g: %g%+gi, expected %g%+gi", what, alpha, beta, t, creal(got), cimag(got), creal(want), cimag(want));
}

static void variates_have_their_characteristic_function(void **state) {
  peri_ctx *cx = *state;
  int64_t n = N;
  peri_tensor *x = MADE(peri_new(cx, PERI_F64, 1, &n));
  peri_stream root = peri_stream_root(7);
  for (int c = 0; c < CASES; c++)
    for (int s0 = 0; s0 < 2; s0++) {
      double alpha = parameters[c][0], beta = parameters[c][1];
      peri_stream s = peri_stream_sub(&root, "cf", 2 * c + s0);
      EXPECT_OK(peri_fill(x, &s, peri_stable(alpha, beta, 1.3, 0.4, s0 ? PERI_S0 : PERI_S1)));
      if (!s0 && fabs(1 - alpha) < 1e-6 && alpha != 1) continue; /* its location is 10^7 and more: no digits left to test */
      for (double t = 0.2; t < 3; t *= 2.2)
        expect_characteristic(x->data, n, t, cexp(exponent(t, alpha, beta, 1.3, 0.4, s0)), s0 ? "S0" : "S1", alpha, beta);
    }
  peri_release(x);
}

/* a X1 + b X2 with a^alpha + b^alpha = 1, X strictly stable, has the law of X. */
static void sums_are_stable(void **state) {
  peri_ctx *cx = *state;
  int64_t n = N;
  peri_tensor *x = MADE(peri_new(cx, PERI_F64, 1, &n)), *y = MADE(peri_new(cx, PERI_F64, 1, &n));
  peri_stream s = peri_stream_root(8);
  for (int c = 1; c < 16; c++) {
    double alpha = parameters[c][0], beta = alpha == 1 ? 0 : parameters[c][1], a = pow(0.3, 1 / alpha), b = pow(0.7, 1 / alpha), *p = x->data, *q = y->data;
    EXPECT_OK(peri_fill(x, &s, peri_stable(alpha, beta, 1, 0, PERI_S1)));
    EXPECT_OK(peri_fill(y, &s, peri_stable(alpha, beta, 1, 0, PERI_S1)));
    for (int64_t i = 0; i < n; i++) p[i] = a * p[i] + b * q[i];
    if (fabs(1 - alpha) < 1e-6 && alpha != 1) continue;
    for (double t = 0.3; t < 2; t *= 2) expect_characteristic(p, n, t, cexp(exponent(t, alpha, beta, 1, 0, false)), "sum", alpha, beta);
  }
  peri_release(x);
  peri_release(y);
}

/* The same words at alpha = 1 -+ h give variates that differ by O(h): in S0, and with beta = 0 in both forms. */
static void s0_is_continuous_through_one(void **state) {
  peri_ctx *cx = *state;
  int64_t n = 2000;
  peri_tensor *x = MADE(peri_new(cx, PERI_F64, 1, &n)), *y = MADE(peri_new(cx, PERI_F64, 1, &n));
  for (int k = 0; k < 24; k++) {
    double h = ldexp(k % 2 ? 1 : -1, -8 - 2 * (k / 2)), beta = (k % 3 - 1) * 0.9;
    peri_stream s = peri_stream_root(9), t = s;
    EXPECT_OK(peri_fill(x, &s, peri_stable(1, beta, 1, 0, PERI_S0)));
    EXPECT_OK(peri_fill(y, &t, peri_stable(1 + h, beta, 1, 0, PERI_S0)));
    for (int i = 0; i < n; i++) {
      double p = ((double *)x->data)[i], q = ((double *)y->data)[i], size = 1 + fabs(p);
      NEAR(q, p, 4 * fabs(h) * size * (1 + log(size) * log(size)) + 1e-14 * size);
    }
  }
  peri_release(x);
  peri_release(y);
}

static double normal_cdf(double x, const double *p) { return 0.5 * erfc(-x / p[0] / sqrt(2)); }
static double cauchy_cdf(double x, const double *p) { return 0.5 + atan(x / p[0]) / acos(-1); }
static double levy_cdf(double x, const double *p) { return x <= 0 ? 0 : erfc(sqrt(p[0] / (2 * x))); }

static void closed_forms(void **state) {
  peri_ctx *cx = *state;
  int64_t n = N;
  peri_tensor *x = MADE(peri_new(cx, PERI_F64, 1, &n));
  peri_stream s = peri_stream_root(10);
  const struct { peri_law law; double (*cdf)(double, const double *); double p; } cases[] = {
    {peri_stable(2, 0, 1, 0, PERI_S1), normal_cdf, sqrt(2)}, {peri_stable(2, 1, 0.5, 0, PERI_S0), normal_cdf, sqrt(0.5)},
    {peri_stable(1, 0, 2, 0, PERI_S1), cauchy_cdf, 2},       {peri_stable(0.5, 1, 3, 0, PERI_S1), levy_cdf, 3},
    {peri_stable(0.5, 1, 1, 1, PERI_S0), levy_cdf, 1},       {peri_positive_stable(0.5, 2), levy_cdf, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    EXPECT_OK(peri_fill(x, &s, cases[i].law));
    double ks = stat_ks(x->data, N, cases[i].cdf, &cases[i].p);
    if (!(ks < KS_BOUND)) fail_msg("case %zu: Kolmogorov-Smirnov %g", i, ks);
  }
  peri_release(x);
}

/* E e^(-qA) = e^(-q^a), down to the point mass at a = 1; no variate is negative. */
static void positive_laws_have_their_laplace_transform(void **state) {
  peri_ctx *cx = *state;
  int64_t n = N;
  peri_tensor *x = MADE(peri_new(cx, PERI_F64, 1, &n));
  peri_stream s = peri_stream_root(11);
  const double index[] = {0.1, 0.4, 0.75, 0.95, 0.9999, 1};
  for (int k = 0; k < 6; k++) {
    EXPECT_OK(peri_fill(x, &s, peri_positive_stable(index[k], 1)));
    for (double q = 0.1; q < 5; q *= 3) {
      double m = 0, want = exp(-pow(q, index[k])), v = exp(-pow(2 * q, index[k])) - want * want;
      for (int64_t i = 0; i < n; i++) {
        double a = ((double *)x->data)[i];
        assert_true(a > 0);
        m += exp(-q * a) / (double)n;
      }
      NEAR(m, want, 5 * sqrt(fmax(v, 0) / (double)n) + 1e-11);
    }
  }
  peri_release(x);
}

/* Projections on two directions have the scalar law; the first vectors do not depend on how many are drawn, nor on chunks. */
static void vectors_are_isotropic(void **state) {
  peri_ctx *cx = *state;
  const double alphas[] = {0.7, 1, 1.6, 2};
  for (int k = 0; k < 4; k++) {
    int64_t dims[2] = {N / 4, 5};
    peri_tensor *x = MADE(peri_new(cx, PERI_F64, 2, dims));
    peri_stream s = peri_stream_root(12 + (uint64_t)k), t = s, u = s;
    EXPECT_OK(peri_fill_stable_vectors(x, &s, alphas[k], 1.5));
    double *v = x->data, *p = malloc(sizeof *p * N / 4);
    for (int way = 0; way < 2; way++) {
      for (int i = 0; i < N / 4; i++) p[i] = way ? v[5 * i] : 0.6 * v[5 * i + 1] - 0.8 * v[5 * i + 4];
      for (double q = 0.2; q < 2; q *= 2) expect_characteristic(p, N / 4, q, exp(-pow(1.5 * q, alphas[k])), "vector", alphas[k], 0);
    }
    free(p);
    int64_t few[2] = {3, 5};
    peri_tensor *y = MADE(peri_new(cx, PERI_F64, 2, few));
    peri_stream_jump(&t, 7 * 4000);
    EXPECT_OK(peri_fill_stable_vectors(y, &t, alphas[k], 1.5));
    assert_memory_equal(y->data, v + 5 * 4000, 15 * sizeof *v);
    peri_stream_jump(&u, 7 * (N / 4));
    assert_memory_equal(&s, &u, sizeof s);
    peri_release(x);
    peri_release(y);
  }
}

static void vectors_of_blocks_and_views(void **state) {
  peri_ctx *cx = *state;
  peri_stream root = peri_stream_root(20), row = peri_stream_sub(&root, "rows", 2);
  peri_block *b = peri_block_new(cx, &root, "rows", 0, 4);
  peri_tensor *x = MADE(peri_new(cx, PERI_F64, 3, (int64_t[]){4, 2, 3})), *y = MADE(peri_new(cx, PERI_F64, 2, (int64_t[]){2, 3}));
  peri_tensor *wide = MADE(peri_new(cx, PERI_F32, 2, (int64_t[]){3, 2})), *view = MADE(peri_view(wide, 2, (int64_t[]){2, 3}, (int64_t[]){1, 2}, 0));
  EXPECT_OK(peri_block_fill_stable_vectors(x, b, 1.3, 1));
  peri_stream again = row;
  EXPECT_OK(peri_fill_stable_vectors(y, &row, 1.3, 1));
  assert_memory_equal(y->data, (double *)x->data + 2 * 6, 6 * sizeof(double));
  EXPECT_OK(peri_fill_stable_vectors(view, &again, 1.3, 1));
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 3; j++) assert_true(((float *)wide->data)[i + 2 * j] == (float)((double *)y->data)[3 * i + j]);
  EXPECT_FAILS(peri_block_fill_stable_vectors(y, b, 1.3, 1), PERI_ERR_SHAPE, "a block of 4 rows cannot fill a tensor of shape (2, 3)");
  EXPECT_FAILS(peri_fill_stable_vectors(y, &row, 2.5, 1), PERI_ERR_VALUE, "random.stable_vector: alpha must lie in (0, 2], got 2.5");
  EXPECT_FAILS(peri_fill_stable_vectors(y, &row, 1, -1), PERI_ERR_VALUE, "random.stable_vector: scale must be positive, got -1");
  assert_memory_equal(&row, &again, sizeof row);
  peri_release(x), peri_release(y), peri_release(view), peri_release(wide);
  peri_block_free(b);
}

static void parameters_out_of_range_are_refused(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1);
  double x;
  EXPECT_FAILS(peri_draw(cx, &s, peri_stable(-1, 0, 1, 0, PERI_S1), &x), PERI_ERR_VALUE, "random.stable: alpha must lie in (0, 2], got -1");
  EXPECT_FAILS(peri_draw(cx, &s, peri_stable(NAN, 0, 1, 0, PERI_S1), &x), PERI_ERR_VALUE, "alpha must lie in (0, 2]");
  EXPECT_FAILS(peri_draw(cx, &s, peri_stable(1, 1.5, 1, 0, PERI_S1), &x), PERI_ERR_VALUE, "random.stable: beta must lie in [-1, 1], got 1.5");
  EXPECT_FAILS(peri_draw(cx, &s, peri_stable(1, 0, 0, 0, PERI_S1), &x), PERI_ERR_VALUE, "random.stable: scale must be positive, got 0");
  EXPECT_FAILS(peri_draw(cx, &s, peri_stable(1, 0, 1, INFINITY, PERI_S0), &x), PERI_ERR_VALUE, "random.stable: location must be finite, got inf");
  EXPECT_FAILS(peri_draw(cx, &s, peri_positive_stable(1.5, 1), &x), PERI_ERR_VALUE, "random.positive_stable: alpha must lie in (0, 1], got 1.5");
  EXPECT_FAILS(peri_draw(cx, &s, peri_pareto(0, 1), &x), PERI_ERR_VALUE, "random.pareto: alpha must be positive, got 0");
  EXPECT_FAILS(peri_draw(cx, &s, peri_laplace(0, -2), &x), PERI_ERR_VALUE, "random.laplace: scale must be positive, got -2");
  EXPECT_FAILS(peri_draw(cx, &s, peri_inverse_gaussian(1, 0), &x), PERI_ERR_VALUE, "random.inverse_gaussian: shape must be positive, got 0");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(variates_are_the_formula_of_their_words), TEST(variates_have_the_same_bits_everywhere), TEST(variates_have_their_characteristic_function),
    TEST(sums_are_stable), TEST(s0_is_continuous_through_one), TEST(closed_forms), TEST(positive_laws_have_their_laplace_transform),
    TEST(vectors_are_isotropic), TEST(vectors_of_blocks_and_views), TEST(parameters_out_of_range_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
