/* Exact moments of the continuized iteration: reference values of an independent prototype (A3 to A6), closed forms, a simulation of
** the algorithm, the singular start against tiny steps, and the limits of the arguments. */
#include "support.h"
#include <perigee/diag.h>
#include <perigee/reduce.h>
#include <stdlib.h>

#define RELATIVE(got, want, tolerance) NEAR(got, want, (tolerance)*fabs((double)(want)))

static peri_tensor *vector(peri_ctx *cx, int64_t n, const double *x) { return MADE(peri_from(cx, PERI_F64, 1, &n, x)); }

typedef struct {
  peri_quadratic q;
  double theta;
} problem;

/* f = sum lambda (x - 1)^2 / 2 from x = z = 0, with the strongly convex parameters; noise of `variance` per coordinate. */
static problem strong(peri_ctx *cx, double mu, double L, double variance) {
  double lambda[3] = {mu, 3 * mu, L};
  problem p = {.theta = sqrt(mu / L)};
  p.q = (peri_quadratic){.lambda = vector(cx, 3, lambda),
                         .x0 = MADE(peri_scalar(cx, -1)),
                         .theta = p.theta,
                         .gamma = 1 / L,
                         .gammap = 1 / sqrt(mu * L)};
  if (variance > 0) p.q.variance = MADE(peri_scalar(cx, variance));
  return p;
}

/* lambda_i = i^-2, minimiser 1/i, start 0, d = 100, L = 1. */
static problem convex(peri_ctx *cx, double variance) {
  double lambda[100], x0[100];
  for (int i = 0; i < 100; i++) lambda[i] = 1. / (i + 1) / (i + 1), x0[i] = -1. / (i + 1);
  problem p = {.q = {.lambda = vector(cx, 100, lambda), .x0 = vector(cx, 100, x0)}};
  if (variance > 0) p.q.variance = MADE(peri_scalar(cx, variance));
  return p;
}

static void drop(problem *p) {
  peri_release(p->q.lambda);
  peri_release(p->q.x0);
  peri_release(p->q.z0);
  peri_release(p->q.variance);
}

/* E f of moments (count, n, 3), which are released. */
static void values(peri_ctx *cx, const problem *p, peri_tensor *moments, double *f) {
  peri_tensor *v = MADE(peri_moments_value(p->q.lambda, moments));
  for (int64_t j = 0; j < v->size; j++) f[j] = peri_item(v, j);
  peri_release(v);
  peri_release(moments);
}

static void values_at_jumps(void **state) { /* A3 */
  peri_ctx *cx = *state;
  static const int64_t ks[6] = {10, 50, 100, 200, 400, 0};
  static const double plain[5] = {1.591049e-3, 1.387921e-4, 1.661540e-5, 6.602923e-8, 8.821449e-13};
  static const double weighted[5] = {2.183726e-3, 6.823110e-4, 4.026510e-4, 4.823053e-5, 5.660541e-7};
  problem p = strong(cx, 1e-3, 1, 0);
  double f[6], w[6];
  values(cx, &p, MADE(peri_moments_at_jumps(&p.q, 6, ks, 0)), f);
  values(cx, &p, MADE(peri_moments_at_jumps(&p.q, 6, ks, p.theta)), w);
  for (int j = 0; j < 5; j++) {
    RELATIVE(f[j], plain[j], 1e-6);
    RELATIVE(w[j], weighted[j], 1e-6);
    assert_true(w[j] <= 0.5035);
  }
  RELATIVE(f[5], 0.502, 1e-15); /* f(x_0), and after a step backwards in the list */
  RELATIVE(w[5], 0.502, 1e-15);
  drop(&p);
}

static void values_in_time(void **state) { /* A3 */
  peri_ctx *cx = *state;
  static const double ts[4] = {10, 100, 200, 0}, want[4] = {1.799746e-1, 6.557179e-4, 1.325791e-6, 0.502};
  problem p = strong(cx, 1e-3, 1, 0);
  double f[4];
  values(cx, &p, MADE(peri_moments_at_times(&p.q, 4, ts)), f);
  for (int j = 0; j < 4; j++) RELATIVE(f[j], want[j], 1e-6);
  drop(&p);
}

static void contraction_per_jump(void **state) { /* A4 */
  peri_ctx *cx = *state;
  static const double want[3] = {0.94627484, 0.93962859, 0.83657788};
  problem p = strong(cx, 1e-3, 1, 0);
  peri_tensor *c = MADE(peri_moments_contraction(&p.q));
  for (int i = 0; i < 3; i++) RELATIVE(peri_item(c, i), want[i], 1e-6);
  /* in the slowest direction, which does not oscillate, it is the ratio of late values */
  peri_tensor *m = MADE(peri_moments_at_jumps(&p.q, 2, (int64_t[]){3000, 3001}, 0));
  RELATIVE(peri_item(m, 9 + 2) / peri_item(m, 2), peri_item(c, 0), 1e-9);
  peri_release(c);
  peri_release(m);
  drop(&p);
}

static void values_in_time_of_the_convex_case(void **state) { /* A5 */
  peri_ctx *cx = *state;
  static const double ts[4] = {5, 10, 20, 50}, want[4] = {1.79630e-2, 2.31965e-3, 2.89847e-4, 1.86619e-5};
  problem p = convex(cx, 0);
  double f[4];
  values(cx, &p, MADE(peri_moments_convex(&p.q, 1, 4, ts)), f);
  for (int j = 0; j < 4; j++) {
    RELATIVE(f[j], want[j], 1e-4);
    assert_true(f[j] <= 2 * 1.63498390 / ts[j] / ts[j]);
  }
  drop(&p);
}

static void noise(void **state) { /* A6 */
  peri_ctx *cx = *state;
  problem p = strong(cx, 0.01, 1, 0.01 / 3);
  double at_jumps, in_time, late, later, f[2];
  values(cx, &p, MADE(peri_moments_stationary(&p.q, false)), &at_jumps);
  values(cx, &p, MADE(peri_moments_stationary(&p.q, true)), &in_time);
  RELATIVE(at_jumps, 0.01032635, 1e-6);
  RELATIVE(in_time, 0.02061093, 1e-6);
  values(cx, &p, MADE(peri_moments_at_jumps(&p.q, 1, (int64_t[]){3000}, 0)), &late); /* the limits are limits */
  values(cx, &p, MADE(peri_moments_at_times(&p.q, 1, (double[]){3000})), &later);
  RELATIVE(late, at_jumps, 1e-12);
  RELATIVE(later, in_time, 1e-12);
  drop(&p);
  p = convex(cx, 1e-4);
  values(cx, &p, MADE(peri_moments_convex(&p.q, 1, 2, (double[]){100, 200})), f);
  RELATIVE(f[0], 3.276e-2, 1e-3);
  RELATIVE(f[1], 9.698e-2, 1e-3);
  drop(&p);
}

/* A direction of curvature 0 never moves, so its weighted moments are E e^(r T_k) = (1 - r)^-k; with noise it walks. */
static void the_weight_is_that_of_a_gamma_time(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *lambda = MADE(peri_zeros(cx, PERI_F64, 1, (int64_t[]){1})), *one = MADE(peri_scalar(cx, 1)),
              *s2 = MADE(peri_scalar(cx, 0.25));
  peri_quadratic q = {.lambda = lambda, .x0 = one, .theta = 0.1, .gamma = 0.5, .gammap = 0.5};
  peri_tensor *m = MADE(peri_moments_at_jumps(&q, 2, (int64_t[]){7, 1000}, 0.02));
  for (int i = 0; i < 3; i++) {
    RELATIVE(peri_item(m, i), pow(0.98, -7), 1e-13);
    RELATIVE(peri_item(m, 3 + i), pow(0.98, -1000), 1e-12);
  }
  peri_release(m);
  q.variance = s2; /* x = z walks: E x^2 after k jumps is 1 + k s^2 gamma^2 */
  m = MADE(peri_moments_at_jumps(&q, 2, (int64_t[]){7, 1000}, 0));
  RELATIVE(peri_item(m, 0), 1 + 7 * 0.0625, 1e-13);
  RELATIVE(peri_item(m, 3), 1 + 1000 * 0.0625, 1e-12);
  peri_release(m);
  EXPECT_FAILS(peri_moments_stationary(&q, false), PERI_ERR_NUMERIC, "direction 1 has no stationary law");
  peri_release(lambda);
  peri_release(one);
  peri_release(s2);
}

/* The algorithm itself, x0 != z0, noise of one sign: sample means within five standard errors. */
static void moments_agree_with_a_simulation(void **state) {
  peri_ctx *cx = *state;
  enum { RUNS = 40000, JUMPS = 5 };
  const double lambda = 0.7, theta = 0.2, gamma = 0.8, gammap = 1.5, x0 = 1, z0 = -2, s = 0.3;
  uint64_t seed = 17;
  double sum[3] = {0}, squares[3] = {0};
  for (int run = 0; run < RUNS; run++) {
    double x = x0, z = z0;
    for (int k = 0; k < JUMPS; k++) {
      double gap = -log((support_uniform(&seed) + 1) / 2 + 0x1p-60), c = -expm1(-2 * theta * gap) / 2,
             y = x + c * (z - x), w = z + c * (x - z);
      double g = lambda * y + (support_uniform(&seed) < 0 ? -s : s);
      x = y - gamma * g;
      z = w - gammap * g;
    }
    double v[3] = {x * x, x * z, z * z};
    for (int i = 0; i < 3; i++) sum[i] += v[i], squares[i] += v[i] * v[i];
  }
  peri_tensor *l = vector(cx, 1, &lambda), *x = MADE(peri_scalar(cx, x0)), *z = MADE(peri_scalar(cx, z0)),
              *s2 = MADE(peri_scalar(cx, s * s));
  peri_quadratic q = {.lambda = l, .x0 = x, .z0 = z, .variance = s2, .theta = theta, .gamma = gamma, .gammap = gammap};
  peri_tensor *m = MADE(peri_moments_at_jumps(&q, 1, (int64_t[]){JUMPS}, 0));
  for (int i = 0; i < 3; i++) {
    double mean = sum[i] / RUNS, error = sqrt((squares[i] / RUNS - mean * mean) / RUNS);
    assert_true(error < 0.05 * fabs(mean));
    NEAR(mean, peri_item(m, i), 5 * error);
  }
  peri_tensor *all[] = {l, x, z, s2, m};
  for (int i = 0; i < 5; i++) peri_release(all[i]);
}

/* The convex flow against plain Euler-Heun steps in u = z - x, which need no care at the start beyond tiny steps. */
static void the_singular_start_is_the_limit_of_late_starts(void **state) {
  peri_ctx *cx = *state;
  const double lambda = 0.9, z0 = 1.5, t_end = 2, L = 1.2, s2 = 0.1;
  double p = 0, q = 0, r = z0 * z0, t = 1e-4;
  const int steps = 2000000;
  const double h = (t_end - t) / steps;
  for (int k = 0; k < steps; k++) {
    double d[2][3], v[3] = {p, q, r};
    for (int half = 0; half < 2; half++) {
      double at = t + half * h, g = at / (2 * L), b = g - 1 / L, A = 1 + b * lambda, B = b * lambda, C = 1 - g * lambda,
             D = g * lambda;
      d[half][0] = -4 / at * v[0] + (A * A - 1) * v[0] - 2 * A * B * v[1] + B * B * v[2] + b * b * s2;
      d[half][1] = -2 / at * v[1] + A * D * v[0] + (A * C - B * D - 1) * v[1] - B * C * v[2] + b * g * s2;
      d[half][2] = D * D * v[0] + 2 * C * D * v[1] + (C * C - 1) * v[2] + g * g * s2;
      for (int i = 0; i < 3 && half == 0; i++) v[i] += h * d[0][i];
    }
    p += h / 2 * (d[0][0] + d[1][0]);
    q += h / 2 * (d[0][1] + d[1][1]);
    r += h / 2 * (d[0][2] + d[1][2]);
    t += h;
  }
  peri_tensor *l = vector(cx, 1, &lambda), *x = MADE(peri_scalar(cx, -7)), *z = MADE(peri_scalar(cx, z0)),
              *s = MADE(peri_scalar(cx, s2));
  peri_quadratic quad = {.lambda = l, .x0 = x, .z0 = z, .variance = s};
  peri_tensor *m = MADE(peri_moments_convex(&quad, L, 4, (double[]){0, 1e-7, t_end, t_end}));
  RELATIVE(peri_item(m, 0), 49, 0); /* x0 counts at t = 0 only */
  RELATIVE(peri_item(m, 3), z0 * z0, 1e-6);
  RELATIVE(peri_item(m, 6), r - 2 * q + p, 1e-6);
  RELATIVE(peri_item(m, 7), r - q, 1e-6);
  RELATIVE(peri_item(m, 8), r, 1e-6);
  RELATIVE(peri_item(m, 9), peri_item(m, 6), 0);
  peri_tensor *all[] = {l, x, z, s, m};
  for (int i = 0; i < 5; i++) peri_release(all[i]);
}

static void arguments_are_checked(void **state) {
  peri_ctx *cx = *state;
  problem p = strong(cx, 0.01, 1, 0), bad = p;
  int64_t k = 3, negative = -1;
  double t = -2;
  EXPECT_FAILS(peri_moments_at_jumps(&p.q, 1, &negative, 0), PERI_ERR_VALUE,
               "a number of jumps must lie in 0..10^15, got -1");
  EXPECT_FAILS(peri_moments_at_jumps(&p.q, 1, &k, 1), PERI_ERR_VALUE,
               "the rate of the weight must lie in [0, 1), got 1");
  EXPECT_FAILS(peri_moments_at_times(&p.q, 1, &t), PERI_ERR_VALUE, "a time must be >= 0, got -2");
  EXPECT_FAILS(peri_moments_convex(&p.q, 0, 0, NULL), PERI_ERR_VALUE, "L must be > 0, got 0");
  EXPECT_FAILS(peri_moments_convex(&p.q, 1, 2, (double[]){2, 1}), PERI_ERR_VALUE, "times must increase, got 1 after 2");
  bad.q.theta = 0;
  EXPECT_FAILS(peri_moments_contraction(&bad.q), PERI_ERR_VALUE, "theta must be > 0, got 0");
  bad = p;
  bad.q.gamma = NAN;
  EXPECT_FAILS(peri_moments_contraction(&bad.q), PERI_ERR_VALUE, "gamma must be finite, got nan");
  bad = p;
  bad.q.gamma = 3;
  EXPECT_FAILS(peri_moments_stationary(&bad.q, true), PERI_ERR_NUMERIC,
               "direction 3 has no stationary law: its second moments change by a factor ");
  bad = p;
  double two[2] = {1, 2}, minus[3] = {1, -2, 1};
  bad.q.x0 = vector(cx, 2, two);
  EXPECT_FAILS(peri_moments_contraction(&bad.q), PERI_ERR_SHAPE, "x0 has 2 directions, lambda 3");
  peri_release(bad.q.x0);
  bad = p;
  bad.q.variance = vector(cx, 3, minus);
  EXPECT_FAILS(peri_moments_contraction(&bad.q), PERI_ERR_VALUE, "variance must be >= 0, got -2 in direction 2");
  peri_release(bad.q.variance);
  peri_interrupt(cx);
  EXPECT_FAILS(peri_moments_at_jumps(&p.q, 1, &k, 0), PERI_ERR_INTERRUPT, "interrupted");
  EXPECT_FAILS(peri_moments_convex(&p.q, 1, 1, (double[]){5}), PERI_ERR_INTERRUPT, "interrupted");
  peri_clear_interrupt(cx);
  drop(&p);
}

static void allocations_may_fail(void **state) {
  peri_ctx *cx = *state;
  problem p = strong(cx, 0.01, 1, 0.1);
  for (int which = 0; which < 5; which++)
    for (int64_t n = 0;; n++) {
      int64_t k = 5, alive = peri_stats(cx).tensors;
      double t = 5;
      peri_fail_allocation(cx, n);
      peri_tensor *m = which == 0   ? peri_moments_at_jumps(&p.q, 1, &k, 0)
                       : which == 1 ? peri_moments_at_times(&p.q, 1, &t)
                       : which == 2 ? peri_moments_stationary(&p.q, true)
                       : which == 3 ? peri_moments_contraction(&p.q)
                                    : peri_moments_convex(&p.q, 1, 1, &t);
      bool failed = peri_allocation_failed(cx);
      peri_fail_allocation(cx, -1);
      if (!failed) {
        assert_non_null(m);
        peri_release(m);
        break;
      }
      assert_null(m);
      assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
      assert_int_equal(peri_stats(cx).tensors, alive);
    }
  drop(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(values_at_jumps),
      TEST(values_in_time),
      TEST(contraction_per_jump),
      TEST(values_in_time_of_the_convex_case),
      TEST(noise),
      TEST(the_weight_is_that_of_a_gamma_time),
      TEST(moments_agree_with_a_simulation),
      TEST(the_singular_start_is_the_limit_of_late_starts),
      TEST(arguments_are_checked),
      TEST(allocations_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
