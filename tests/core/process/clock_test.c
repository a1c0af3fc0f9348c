/* clock_test.c - Poisson clocks: the law of gaps and choices, one sequence however it is taken, states, bad rates. */
#include <perigee/process.h>
#include "../random/statistics.h"
#include "damage.h"

static double exponential_cdf(double x, const double *p) { return -expm1(-p[0] * x); }
static double gamma_k_cdf(double t, const double *p) { /* P(T_k <= t) = P(Poisson(t) >= k) */
  double below = 0;
  for (int j = 0; j < (int)p[0]; j++) below += exp(j * log(t) - t - lgamma(j + 1.0));
  return 1 - below;
}

/* m rates in [1/2, 3/2) */
static void some_rates(double *w, int m, double *sum) {
  uint64_t seed = 3;
  *sum = 0;
  for (int i = 0; i < m; i++) *sum += w[i] = 1 + support_uniform(&seed) / 2;
}

static void gaps_and_choices_have_their_laws(void **state) {
  peri_ctx *cx = *state;
  enum { M = 1000, EVENTS = 1000000 };
  static double w[M], p[M];
  static int64_t count[M];
  double sum;
  some_rates(w, M, &sum);
  peri_stream s = peri_stream_root(1);
  peri_clock *c = peri_clock_new(cx, w, M, &s);
  peri_tensor *t, *dt, *i;
  EXPECT_OK(peri_clock_batch(c, EVENTS, &t, &dt, &i));
  double end = ((double *)t->data)[EVENTS - 1];
  NEAR(end / EVENTS * sum, 1, 5e-3); /* five standard errors of the mean of a million gaps */
  NEAR(peri_clock_rate(c), sum, 1e-12 * sum);
  for (int k = 0; k < EVENTS; k++) count[((int64_t *)i->data)[k]]++;
  for (int k = 0; k < M; k++) p[k] = w[k] / sum;
  assert_true(fabs(stat_pearson(count, p, M, EVENTS)) < 5);
  double last = 0, correlation = 0;
  for (int k = 0; k < EVENTS; k++) { /* gaps and choices independent */
    assert_true(((double *)t->data)[k] > last);
    last = ((double *)t->data)[k];
    correlation += (((double *)dt->data)[k] * sum - 1) * ((double)((int64_t *)i->data)[k] - 499.5) / 288.7;
  }
  assert_true(fabs(correlation) / sqrt(EVENTS) < 5);
  assert_true(stat_ks(dt->data, EVENTS, exponential_cdf, &sum) < KS_BOUND);
  peri_release(t), peri_release(dt), peri_release(i);
  peri_clock_free(c);
}

/* Batches of any sizes and single events: the same bits. */
static void batches_are_the_single_events(void **state) {
  peri_ctx *cx = *state;
  double w[100], sum;
  some_rates(w, 100, &sum);
  peri_stream s = peri_stream_root(2), r = s;
  peri_clock *a = peri_clock_new(cx, w, 100, &s), *b = peri_clock_new(cx, w, 100, &r);
  assert_memory_equal(&s, &r, sizeof s);
  int64_t seen = 0;
  for (int64_t n = 0; n < 1500; n += 1 + n / 3) {
    peri_tensor *t, *dt, *i;
    EXPECT_OK(peri_clock_batch(a, n, &t, &dt, &i));
    for (int64_t k = 0; k < n; k++) {
      peri_event e = peri_clock_next(b);
      assert_true(e.t == ((double *)t->data)[k] && e.dt == ((double *)dt->data)[k] && e.index == ((int64_t *)i->data)[k]);
    }
    seen += n;
    assert_true(peri_clock_count(a) == seen && peri_clock_count(b) == seen);
    assert_true(peri_clock_time(a) == peri_clock_time(b));
    peri_release(t), peri_release(dt), peri_release(i);
  }
  assert_true(seen > 3000);
  peri_clock_free(a), peri_clock_free(b);
}

/* Times are gaps added up without piling up roundings: against 113 bits over three million events, where a running sum in
** double would be off by hundreds of units. At first, while t is not much larger than a gap, the sum of 32 shows. */
static void times_are_sums_of_gaps(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(3);
  double rate = 1e-3;
  peri_clock *c = peri_clock_new(cx, &rate, 1, &s);
  __float128 sum = 0;
  for (int k = 0; k < 3000000; k++) {
    peri_event e = peri_clock_next(c);
    sum += e.dt;
    double off = fabs((double)(sum - e.t)), unit = ldexp(1, ilogb(e.t) - 52);
    assert_true(off <= (k < 20000 ? 16 : 0.6) * unit);
  }
  assert_true(sum > 2.9e9);
  peri_clock_free(c);
}

static void clocks_differ_but_replay(void **state) {
  peri_ctx *cx = *state;
  double w[2] = {1, 3}, four = 4;
  peri_stream s = peri_stream_root(4), copy = s, moved = s;
  peri_clock *a = peri_clock_new(cx, w, 2, &s), *b = peri_clock_new(cx, w, 2, &s), *c = peri_clock_new(cx, w, 2, &copy);
  peri_clock *one = peri_clock_new(cx, &four, 1, &moved);
  for (int k = 0; k < 3000; k++) {
    peri_event x = peri_clock_next(a), y = peri_clock_next(b), z = peri_clock_next(c), u = peri_clock_next(one);
    assert_true(x.t == z.t && x.index == z.index && x.t != y.t);
    assert_true(x.t == u.t && u.index == 0); /* the times do not depend on what is chosen from */
  }
  peri_clock_free(a), peri_clock_free(b), peri_clock_free(c), peri_clock_free(one);
}

/* Saved anywhere, also before the first event and at the seams of batches. */
static void states_resume(void **state) {
  peri_ctx *cx = *state;
  double w[10], sum;
  char text[640];
  some_rates(w, 10, &sum);
  const int64_t at[] = {0, 1, 1023, 1024, 1025, 2048, 5000};
  for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
    peri_stream s = peri_stream_root(5), other = peri_stream_root(6);
    peri_clock *a = peri_clock_new(cx, w, 10, &s), *b = peri_clock_new(cx, w, 10, &other);
    for (int64_t k = 0; k < at[i]; k++) peri_clock_next(a);
    peri_clock_save(a, text);
    for (int k = 0; k < 3; k++) peri_clock_next(b);
    EXPECT_OK(peri_clock_load(b, text));
    assert_true(peri_clock_count(b) == at[i] && peri_clock_time(b) == peri_clock_time(a));
    for (int k = 0; k < 3000; k++) {
      peri_event x = peri_clock_next(a), y = peri_clock_next(b);
      assert_true(x.t == y.t && x.dt == y.dt && x.index == y.index);
    }
    peri_clock_free(a), peri_clock_free(b);
  }
}

static void damaged_states_are_refused(void **state) {
  peri_ctx *cx = *state;
  double w[2] = {1, 2}, other[2] = {1, 2.5};
  char text[640];
  peri_stream s = peri_stream_root(1);
  peri_clock *a = peri_clock_new(cx, w, 2, &s), *b = peri_clock_new(cx, other, 2, &s), *twin;
  peri_clock_next(a);
  peri_clock_save(a, text);
  peri_stream r = peri_stream_root(1);
  twin = peri_clock_new(cx, w, 2, &r);
  peri_clock_next(twin);
  expect_damage_refused(cx, a, text, 3);
  EXPECT_FAILS(peri_clock_load(a, "garbage"), PERI_ERR_FORMAT, "process.state: this is not the state of a clock: 'garbage'");
  EXPECT_FAILS(peri_clock_load(b, text), PERI_ERR_FORMAT, "the state is of a clock with other rates");
  for (int k = 0; k < 2000; k++) assert_true(peri_clock_next(a).t == peri_clock_next(twin).t); /* unchanged by all this */
  peri_clock_free(a), peri_clock_free(b), peri_clock_free(twin);
}

static void rates_are_checked(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1), before = s;
  peri_tensor *t;
  EXPECT_FAILS(peri_clock_new(cx, (double[]){1, 2, -3}, 3, &s), PERI_ERR_VALUE,
               "process.poisson: rate 3 of 3 is -3; rates must be positive and finite");
  EXPECT_FAILS(peri_clock_new(cx, (double[]){1, 0}, 2, &s), PERI_ERR_VALUE, "rate 2 of 2 is 0");
  EXPECT_FAILS(peri_clock_new(cx, (double[]){INFINITY}, 1, &s), PERI_ERR_VALUE, "process.poisson: rate must be positive and finite, got inf");
  EXPECT_FAILS(peri_clock_new(cx, (double[]){1e308, 1e308}, 2, &s), PERI_ERR_VALUE, "total rate");
  EXPECT_FAILS(peri_clock_new(cx, NULL, 0, &s), PERI_ERR_VALUE, "at least one rate");
  assert_memory_equal(&s, &before, sizeof s);
  peri_clock *c = peri_clock_new(cx, (double[]){1}, 1, &s);
  EXPECT_FAILS(peri_clock_batch(c, -1, &t, NULL, NULL), PERI_ERR_VALUE, "the number of events must not be negative, got -1");
  peri_clock_free(c);
  peri_block *b = peri_block_new(cx, &s, "r", 0, 3);
  EXPECT_FAILS(peri_poisson_times(b, -1, 1, &t, NULL), PERI_ERR_VALUE, "process.poisson_times: steps must not be negative, got -1");
  EXPECT_FAILS(peri_poisson_times(b, 5, 0, &t, NULL), PERI_ERR_VALUE, "rate must be positive and finite, got 0");
  peri_block_free(b);
}

/* ---- the matrix of jump times ---- */

static void columns_are_their_streams(void **state) {
  peri_ctx *cx = *state;
  enum { STEPS = 700, SEEDS = 21 };
  peri_stream root = peri_stream_root(9);
  peri_block *b = peri_block_new(cx, &root, "clock", 0, SEEDS), *few = peri_block_new(cx, &root, "clock", 0, 5);
  peri_tensor *t, *gaps, *t5;
  EXPECT_OK(peri_poisson_times(b, STEPS, 2, &t, &gaps));
  EXPECT_OK(peri_poisson_times(few, STEPS, 2, &t5, NULL));
  assert_true(t->ndim == 2 && t->dims[0] == STEPS && t->dims[1] == SEEDS);
  for (int j = 0; j < SEEDS; j++) {
    peri_stream s = peri_stream_sub(&root, "clock", j);
    double last = 0;
    for (int k = 0; k < STEPS; k++) {
      double e, x = ((double *)t->data)[k * SEEDS + j], gap = ((double *)gaps->data)[k * SEEDS + j];
      EXPECT_OK(peri_draw(cx, &s, peri_exponential(2), &e));
      assert_true(gap == e && gap > 0 && x > last);
      NEAR(x - last, gap, 1e-12);
      if (j < 5) assert_true(((double *)t5->data)[k * 5 + j] == x); /* the first 5 of 21 are the 5 */
      last = x;
    }
    peri_stream now = peri_block_stream(b, j);
    assert_memory_equal(&now, &s, sizeof s);
  }
  peri_release(t), peri_release(gaps), peri_release(t5);
  peri_block_free(b), peri_block_free(few);
}

static void the_kth_jump_is_gamma(void **state) {
  peri_ctx *cx = *state;
  enum { STEPS = 30, SEEDS = 20000 };
  static double column[SEEDS];
  peri_stream root = peri_stream_root(10);
  peri_block *b = peri_block_new(cx, &root, "clock", 0, SEEDS);
  peri_tensor *t;
  EXPECT_OK(peri_poisson_times(b, STEPS, 1, &t, NULL));
  for (int k = 0; k < STEPS; k += 29) {
    for (int j = 0; j < SEEDS; j++) column[j] = ((double *)t->data)[k * SEEDS + j];
    assert_true(stat_ks(column, SEEDS, gamma_k_cdf, (double[]){k + 1}) < KS_BOUND);
  }
  peri_release(t);
  peri_block_free(b);
}

static void failing_allocations_leave_nothing(void **state) {
  peri_ctx *cx = *state;
  for (int64_t n = 0; n < 100; n++) {
    peri_stream s = peri_stream_root(1);
    peri_tensor *t = NULL, *dt = NULL, *i = NULL, *m = NULL, *g = NULL;
    peri_clear_error(cx);
    peri_fail_allocation(cx, n);
    peri_clock *c = peri_clock_new(cx, (double[]){1, 2, 3}, 3, &s);
    peri_block *b = peri_block_new(cx, &s, "r", 0, 4);
    bool ok = c && peri_clock_batch(c, 10, &t, &dt, &i) == PERI_OK && b && peri_poisson_times(b, 5, 1, &m, &g) == PERI_OK;
    peri_fail_allocation(cx, -1);
    if (!ok) assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
    peri_release(t), peri_release(dt), peri_release(i), peri_release(m), peri_release(g);
    peri_clock_free(c), peri_block_free(b);
    if (ok) return;
  }
  fail_msg("never succeeded");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(gaps_and_choices_have_their_laws), TEST(batches_are_the_single_events), TEST(times_are_sums_of_gaps), TEST(clocks_differ_but_replay),
    TEST(states_resume), TEST(damaged_states_are_refused), TEST(rates_are_checked), TEST(columns_are_their_streams),
    TEST(the_kth_jump_is_gamma), TEST(failing_allocations_leave_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
