/* clocks_test.c - clocks of other kinds: the laws of heap, changing, inhomogeneous and Hawkes clocks, each against closed forms or the
** rescaling of time by its compensator; stops and states leave no trace. */
#include <perigee/process.h>
#include "../random/statistics.h"
#include "damage.h"

static double unit_exponential_cdf(double x, const double *p) { return (void)p, -expm1(-x); }

static void some_rates(double *w, int m, double *sum) {
  uint64_t seed = 3;
  *sum = 0;
  for (int i = 0; i < m; i++) *sum += w[i] = 1 + support_uniform(&seed) / 2;
}

typedef peri_clock *maker(peri_ctx *cx, const double *rates, int64_t m, peri_stream *s);
static maker *const makers[] = {peri_heap_new, peri_changing_new, peri_clock_new};

/* Gaps, choices, their independence: of each kind as of the alias clock. */
static void all_kinds_have_the_law_of_superposition(void **state) {
  peri_ctx *cx = *state;
  enum { M = 1000, EVENTS = 1000000 };
  static double w[M], p[M], gap[EVENTS];
  double sum;
  some_rates(w, M, &sum);
  for (int i = 0; i < M; i++) p[i] = w[i] / sum;
  for (int kind = 0; kind < 3; kind++) {
    peri_stream s = peri_stream_root(1);
    peri_clock *c = makers[kind](cx, w, M, &s);
    static int64_t count[M];
    memset(count, 0, sizeof count);
    double last = 0, correlation = 0;
    for (int k = 0; k < EVENTS; k++) {
      peri_event e = peri_clock_next(c);
      assert_true(e.t > last && e.dt > 0);
      last = e.t, gap[k] = e.dt * sum, count[e.index]++;
      correlation += (gap[k] - 1) * ((double)e.index - 499.5) / 288.7;
    }
    NEAR(last / EVENTS * sum, 1, 4e-3);
    NEAR(peri_clock_rate(c), sum, 1e-12 * sum);
    assert_true(fabs(stat_pearson(count, p, M, EVENTS)) < 5);
    assert_true(fabs(correlation) / sqrt(EVENTS) < 5);
    assert_true(stat_ks(gap, EVENTS, unit_exponential_cdf, NULL) < KS_BOUND);
    peri_clock_free(c);
  }
}

/* A clock of the heap alone is a Poisson clock: the gaps between the events of one of three, and of the two others together. */
static void each_clock_of_a_heap_is_poisson(void **state) {
  peri_ctx *cx = *state;
  enum { N = 300000 };
  const double w[3] = {0.5, 1, 3};
  static double gaps[3][N];
  int n[3] = {0};
  double last[3] = {0};
  peri_stream s = peri_stream_root(2);
  peri_clock *c = peri_heap_new(cx, w, 3, &s);
  for (int k = 0; k < N; k++) {
    peri_event e = peri_clock_next(c);
    gaps[e.index][n[e.index]++] = (e.t - last[e.index]) * w[e.index];
    last[e.index] = e.t;
  }
  for (int i = 0; i < 3; i++) assert_true(stat_ks(gaps[i], n[i], unit_exponential_cdf, NULL) < KS_BOUND);
  peri_clock_free(c);
}

/* Rates that change at random times, some to 0 and back: with Lambda_i = integral of rate i, the increments between the events of i are exponential. */
static void changing_rates_rescale_time(void **state) {
  peri_ctx *cx = *state;
  enum { M = 20, N = 200000 };
  static double increment[M][N];
  for (int kind = 0; kind < 2; kind++) {
    double w[M], sum, hazard[M] = {0}, now = 0;
    int n[M] = {0};
    uint64_t seed = 11;
    some_rates(w, M, &sum);
    peri_stream s = peri_stream_root(4);
    peri_clock *c = makers[kind](cx, w, M, &s);
    for (int k = 0; k < N; k++) {
      peri_event e;
      double stop = now + 0.1 * (1 + support_uniform(&seed)) / sum; /* many changes an event, many between events */
      EXPECT_OK(peri_clock_step(c, stop, &e));
      double t = e.index < 0 ? stop : e.t;
      for (int i = 0; i < M; i++) hazard[i] += w[i] * (t - now);
      now = t;
      assert_true(peri_clock_time(c) == now);
      if (e.index >= 0) increment[e.index][n[e.index]++] = hazard[e.index], hazard[e.index] = 0;
      int i = (int)((1 + support_uniform(&seed)) / 2 * M);
      w[i] = support_uniform(&seed) < -0.5 ? 0 : 1.2 + support_uniform(&seed);
      EXPECT_OK(peri_clock_set_rate(c, i, w[i]));
    }
    int64_t all = 0;
    for (int i = 0; i < M; i++) {
      assert_true(n[i] > 500);
      all += n[i];
      assert_true(stat_ks(increment[i], n[i], unit_exponential_cdf, NULL) < KS_BOUND);
    }
    assert_true(all == peri_clock_count(c));
    peri_tensor *r = MADE(peri_clock_rates(c));
    assert_memory_equal(r->data, w, sizeof w);
    peri_release(r);
    peri_clock_free(c);
  }
}

static void scheduled_events_ring_on_time(void **state) {
  peri_ctx *cx = *state;
  const double w[4] = {1, 0, 2, 0};
  peri_stream s = peri_stream_root(5);
  peri_clock *c = peri_heap_new(cx, w, 4, &s);
  EXPECT_OK(peri_clock_schedule(c, 1, 10.25));
  EXPECT_OK(peri_clock_schedule(c, 3, 10.25)); /* at the same time: the smaller one first */
  EXPECT_OK(peri_clock_schedule(c, 0, 3.5));   /* instead of what was drawn */
  int seen = 0, order[3] = {0};
  for (peri_event e = peri_clock_next(c); e.t < 50; e = peri_clock_next(c)) {
    if (e.index == 0 && e.t <= 3.5) assert_true(e.t == 3.5);
    if (e.index == 1 || e.index == 3) {
      assert_true(e.t == 10.25);
      order[seen++] = (int)e.index;
    }
  }
  assert_true(seen == 2 && order[0] == 1 && order[1] == 3);
  EXPECT_FAILS(peri_clock_schedule(c, 1, 2), PERI_ERR_VALUE, "process.schedule: the time must be finite and not before");
  EXPECT_FAILS(peri_clock_schedule(c, 4, 200), PERI_ERR_INDEX, "the clocks are 1 .. 4, got 5");
  EXPECT_FAILS(peri_clock_set_rate(c, 0, -1), PERI_ERR_VALUE, "process.set_rate: the rate must be 0 or positive and finite, got -1");
  EXPECT_OK(peri_clock_set_rate(c, 0, 0));
  EXPECT_OK(peri_clock_set_rate(c, 2, 0));
  peri_event e;
  EXPECT_FAILS(peri_clock_step(c, INFINITY, &e), PERI_ERR_STATE, "process.heap: there is no next event");
  EXPECT_OK(peri_clock_step(c, 1000, &e));
  assert_true(e.index == -1 && peri_clock_time(c) == 1000);
  EXPECT_OK(peri_clock_set_rate(c, 2, 2));
  assert_true(peri_clock_next(c).t > 1000);
  peri_clock_free(c);
}

/* At 1e9 a double has 1e-7 left: gaps keep their law and their digits because times are kept to twice the precision. */
static void large_times_keep_their_gaps(void **state) {
  peri_ctx *cx = *state;
  enum { N = 200000 };
  static double gap[N];
  const double w[2] = {3e6, 1e6};
  for (int kind = 0; kind < 2; kind++) {
    peri_stream s = peri_stream_root(6);
    peri_clock *c = makers[kind](cx, (double[]){0, 0}, 2, &s);
    peri_event e;
    EXPECT_OK(peri_clock_step(c, 1e9, &e));
    for (int i = 0; i < 2; i++) EXPECT_OK(peri_clock_set_rate(c, i, w[i]));
    __float128 sum = 1e9;
    e = peri_clock_next(c);
    sum = sum + (e.dt - 1e9);
    for (int k = 0; k < N; k++) {
      e = peri_clock_next(c);
      gap[k] = e.dt * 4e6;
      sum += e.dt;
    }
    assert_true(fabs((double)(sum - e.t)) < 1e-6);
    assert_true(stat_ks(gap, N, unit_exponential_cdf, NULL) < KS_BOUND);
    peri_clock_free(c);
  }
}

/* ---- inhomogeneous ---- */

typedef struct { int calls, fail_at; } record;
static peri_status wave(void *ud, double t, double *rate) {
  record *r = ud;
  if (r && ++r->calls == r->fail_at) return PERI_ERR_CALLBACK;
  *rate = 2 + 1.5 * sin(t);
  return PERI_OK;
}
static peri_status flat_bound(void *ud, double t, double *bound, double *until) { return (void)ud, (void)t, (void)until, *bound = 3.5, PERI_OK; }
static peri_status piecewise_bound(void *ud, double t, double *bound, double *until) {
  (void)ud;
  double end = floor(t * 2 + 1) / 2; /* in steps of a half, tight but for a Lipschitz margin */
  *bound = 2 + 1.5 * sin(t) + 1.5 * (end - t);
  *until = end;
  return PERI_OK;
}
static double wave_integral(double t) { return 2 * t + 1.5 * (1 - cos(t)); }

static void thinning_has_its_compensator(void **state) {
  peri_ctx *cx = *state;
  enum { N = 200000 };
  static double increment[N];
  for (int piecewise = 0; piecewise < 2; piecewise++) {
    peri_stream s = peri_stream_root(7);
    peri_clock *c = peri_inhomogeneous_new(cx, (peri_rate_function){wave, piecewise ? piecewise_bound : flat_bound, NULL}, &s);
    double last = 0;
    for (int k = 0; k < N; k++) {
      peri_event e;
      EXPECT_OK(peri_clock_step(c, INFINITY, &e));
      increment[k] = wave_integral(e.t) - wave_integral(last);
      last = e.t;
    }
    NEAR(wave_integral(last) / N, 1, 5 / sqrt(N));
    double lag = 0;
    for (int k = 1; k < N; k++) lag += (increment[k] - 1) * (increment[k - 1] - 1);
    assert_true(fabs(lag) / sqrt(N) < 5);
    assert_true(stat_ks(increment, N, unit_exponential_cdf, NULL) < KS_BOUND);
    peri_clock_free(c);
  }
}

static peri_status low_bound(void *ud, double t, double *bound, double *until) { return (void)ud, (void)t, (void)until, *bound = 1, PERI_OK; }
static peri_status stuck_bound(void *ud, double t, double *bound, double *until) { return (void)ud, *bound = 1, *until = t, PERI_OK; }
static peri_status nan_rate(void *ud, double t, double *rate) { return (void)ud, (void)t, *rate = NAN, PERI_OK; }

static void wrong_rates_and_bounds_are_named(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(8);
  peri_event e;
  peri_clock *low = peri_inhomogeneous_new(cx, (peri_rate_function){wave, low_bound, NULL}, &s);
  EXPECT_FAILS(peri_clock_step(low, INFINITY, &e), PERI_ERR_VALUE, "above its bound 1");
  peri_clock *stuck = peri_inhomogeneous_new(cx, (peri_rate_function){wave, stuck_bound, NULL}, &s);
  EXPECT_FAILS(peri_clock_step(stuck, INFINITY, &e), PERI_ERR_VALUE, "the bound at time 0 must hold until later");
  peri_clock *wrong = peri_inhomogeneous_new(cx, (peri_rate_function){nan_rate, low_bound, NULL}, &s);
  EXPECT_FAILS(peri_clock_step(wrong, INFINITY, &e), PERI_ERR_VALUE, "it must be finite and not negative");
  record r = {.fail_at = 20};
  peri_clock *failing = peri_inhomogeneous_new(cx, (peri_rate_function){wave, flat_bound, &r}, &s);
  peri_status st;
  while ((st = peri_clock_step(failing, INFINITY, &e)) == PERI_OK) {}
  assert_int_equal(st, PERI_ERR_CALLBACK);
  assert_int_equal(r.calls, 20);
  EXPECT_FAILS(peri_clock_set_rate(low, 0, 1), PERI_ERR_STATE, "process.set_rate: the rates of this clock are fixed");
  EXPECT_FAILS(peri_clock_schedule(low, 0, 1), PERI_ERR_STATE, "only the clocks of process.heap");
  EXPECT_FAILS(peri_clock_rates(low), PERI_ERR_STATE, "keeps no list of rates");
  peri_clock_free(low), peri_clock_free(stuck), peri_clock_free(wrong), peri_clock_free(failing);
}

/* ---- Hawkes ---- */

enum { D = 2 };
static const double mu[D] = {0.4, 0.2}, alpha[D * D] = {0.5, 0.3, 0.1, 0.8}, decays[D] = {1.5, 2};
static const double pair_decays[D * D] = {1.5, 1.2, 3, 2};

/* Integral of intensity i over (from, to], all events before `to` given: the sum over the whole past, O(events), no recursion. */
static double compensator(const double *t, const int64_t *which, int64_t n, int i, double from, double to, const double *beta) {
  double sum = mu[i] * (to - from);
  for (int64_t k = 0; k < n && t[k] < to; k++) {
    double b = beta[i * D + which[k]], start = t[k] > from ? t[k] : from;
    sum += alpha[i * D + which[k]] / b * (exp(-b * (start - t[k])) - exp(-b * (to - t[k])));
  }
  return sum;
}

static void hawkes_increments_are_exponential(void **state) {
  peri_ctx *cx = *state;
  enum { N = 4000 };
  for (int pairs = 0; pairs < 2; pairs++) {
    double beta[D * D], increment[D][N];
    for (int k = 0; k < D * D; k++) beta[k] = pairs ? pair_decays[k] : decays[k / D];
    peri_stream s = peri_stream_root(9);
    peri_clock *c = peri_hawkes_new(cx, &(peri_hawkes){.m = D, .mu = mu, .alpha = alpha, .beta = pairs ? pair_decays : decays, .beta_of_pairs = pairs}, &s);
    peri_tensor *t, *dt, *i;
    EXPECT_OK(peri_clock_batch(c, N, &t, &dt, &i));
    int n[D] = {0};
    double last[D] = {0};
    for (int k = 0; k < N; k++) {
      int j = (int)((int64_t *)i->data)[k];
      double now = ((double *)t->data)[k];
      increment[j][n[j]++] = compensator(t->data, i->data, N, j, last[j], now, beta);
      last[j] = now;
    }
    for (int j = 0; j < D; j++) {
      assert_true(n[j] > 1000);
      double lag = 0;
      for (int k = 1; k < n[j]; k++) lag += (increment[j][k] - 1) * (increment[j][k - 1] - 1);
      assert_true(fabs(lag) / sqrt(n[j]) < 5);
      assert_true(stat_ks(increment[j], n[j], unit_exponential_cdf, NULL) < KS_BOUND);
    }
    /* what the clock says of its intensities is the sum over the past, at an event (after it) and between events */
    peri_event e;
    EXPECT_OK(peri_clock_step(c, peri_clock_time(c) + 1e-9, &e));
    peri_tensor *rates = MADE(peri_clock_rates(c));
    double now = peri_clock_time(c);
    for (int j = 0; j < D; j++) {
      double want = mu[j];
      for (int k = 0; k < N; k++) {
        int from = (int)((int64_t *)i->data)[k];
        want += alpha[j * D + from] * exp(-beta[j * D + from] * (now - ((double *)t->data)[k]));
      }
      NEAR(((double *)rates->data)[j], want, 1e-9);
    }
    peri_release(t), peri_release(dt), peri_release(i), peri_release(rates);
    peri_clock_free(c);
  }
}

/* The stationary mean intensity solves Lambda = mu + (alpha / beta) Lambda; in one dimension mu / (1 - alpha / beta). The number of events up to T
** has variance T mean / (1 - alpha / beta)^2 for large T. */
static void hawkes_has_its_mean_intensity(void **state) {
  peri_ctx *cx = *state;
  const double m = 0.5, a = 0.8, b = 2, T = 200000, mean = m / (1 - a / b);
  peri_stream s = peri_stream_root(10);
  peri_clock *c = peri_hawkes_new(cx, &(peri_hawkes){.m = 1, .mu = &m, .alpha = &a, .beta = &b}, &s);
  peri_tensor *t, *dt, *i;
  EXPECT_OK(peri_clock_until(c, T, &t, &dt, &i));
  NEAR((double)t->size / T, mean, 5 * sqrt(mean / T) / (1 - a / b));
  assert_true(peri_clock_time(c) == T);
  peri_release(t), peri_release(dt), peri_release(i);
  peri_clock_free(c);
  /* two components: (I - alpha / beta)^-1 mu */
  double k00 = alpha[0] / decays[0], k01 = alpha[1] / decays[0], k10 = alpha[2] / decays[1], k11 = alpha[3] / decays[1];
  double det = (1 - k00) * (1 - k11) - k01 * k10;
  double want[D] = {((1 - k11) * mu[0] + k01 * mu[1]) / det, (k10 * mu[0] + (1 - k00) * mu[1]) / det};
  c = peri_hawkes_new(cx, &(peri_hawkes){.m = D, .mu = mu, .alpha = alpha, .beta = decays}, &s);
  EXPECT_OK(peri_clock_until(c, T, &t, &dt, &i));
  double count[D] = {0};
  for (int64_t k = 0; k < i->size; k++) count[((int64_t *)i->data)[k]]++;
  for (int j = 0; j < D; j++) NEAR(count[j] / T, want[j], 5 * sqrt(want[j] / T) * 3); /* the factor bounds the clustering: 1 / (1 - radius) < 3 */
  peri_release(t), peri_release(dt), peri_release(i);
  peri_clock_free(c);
}

static void hawkes_parameters_are_checked(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1), before = s;
  double one = 1, two = 2, minus = -1, zero = 0;
  EXPECT_FAILS(peri_hawkes_new(cx, &(peri_hawkes){.m = 1, .mu = &minus, .alpha = &one, .beta = &two}, &s), PERI_ERR_VALUE, "process.hawkes: mu[1] is -1; it must be 0 or positive");
  EXPECT_FAILS(peri_hawkes_new(cx, &(peri_hawkes){.m = 1, .mu = &one, .alpha = &one, .beta = &zero}, &s), PERI_ERR_VALUE, "beta[1] is 0; it must be positive");
  EXPECT_FAILS(peri_hawkes_new(cx, &(peri_hawkes){.m = 1, .mu = &one, .alpha = &two, .beta = &one}, &s), PERI_ERR_VALUE, "causes 2 others on average");
  EXPECT_FAILS(peri_hawkes_new(cx, &(peri_hawkes){.m = 0}, &s), PERI_ERR_VALUE, "1 .. 10000 components");
  double bad[4] = {0, 0, INFINITY, 0};
  EXPECT_FAILS(peri_hawkes_new(cx, &(peri_hawkes){.m = 2, .mu = mu, .alpha = bad, .beta = decays}, &s), PERI_ERR_VALUE, "alpha[2][1] is inf");
  assert_memory_equal(&s, &before, sizeof s);
  peri_clock *c = peri_hawkes_new(cx, &(peri_hawkes){.m = 1, .mu = &one, .alpha = &two, .beta = &one, .explosive = true}, &s);
  double last = 0, early = 0, late = 0;
  for (int k = 0; k < 4000; k++) {
    double t = peri_clock_next(c).t;
    if (k < 100) early = t - last;
    late = t - last, last = t;
  }
  assert_true(late < early);
  peri_clock_free(c);
  peri_clock *silent = peri_hawkes_new(cx, &(peri_hawkes){.m = 1, .mu = &zero, .alpha = &one, .beta = &two}, &s);
  peri_event e;
  EXPECT_FAILS(peri_clock_step(silent, INFINITY, &e), PERI_ERR_STATE, "no next event");
  peri_clock_free(silent);
}

/* ---- stops and states, every kind ---- */

enum { KINDS = 5 };
static peri_clock *some_clock(peri_ctx *cx, int kind, uint64_t seed) {
  static const double w[5] = {1, 0.5, 2, 0.25, 1};
  peri_stream s = peri_stream_root(seed);
  if (kind < 3) return makers[kind](cx, w, 5, &s);
  if (kind == 3) return peri_inhomogeneous_new(cx, (peri_rate_function){wave, piecewise_bound, NULL}, &s);
  return peri_hawkes_new(cx, &(peri_hawkes){.m = D, .mu = mu, .alpha = alpha, .beta = pair_decays, .beta_of_pairs = true}, &s);
}

static void stops_leave_no_trace(void **state) {
  peri_ctx *cx = *state;
  for (int kind = 0; kind < KINDS; kind++) {
    peri_clock *a = some_clock(cx, kind, 1), *b = some_clock(cx, kind, 1);
    peri_event e;
    double t = 0;
    int seen = 0;
    while (seen < 3000) {
      t += 0.05;
      for (;;) {
        EXPECT_OK(peri_clock_step(b, t, &e));
        if (e.index < 0) break;
        peri_event f = peri_clock_next(a);
        assert_true(f.t == e.t && f.index == e.index && f.dt == e.dt && e.t <= t);
        seen++;
      }
      assert_true(peri_clock_time(b) == t && peri_clock_count(b) == seen);
    }
    peri_tensor *times, *gaps, *which;
    double end = t + 200;
    EXPECT_OK(peri_clock_until(b, end, &times, &gaps, &which));
    assert_true(times->size > 50);
    for (int64_t k = 0; k < times->size; k++) {
      peri_event f = peri_clock_next(a);
      assert_true(f.t == ((double *)times->data)[k] && f.dt == ((double *)gaps->data)[k] && f.index == ((int64_t *)which->data)[k]);
    }
    assert_true(peri_clock_next(a).t > end);
    peri_release(times), peri_release(gaps), peri_release(which);
    EXPECT_FAILS(peri_clock_until(b, INFINITY, &times, &gaps, &which), PERI_ERR_VALUE, "the time must be finite");
    EXPECT_FAILS(peri_clock_step(b, NAN, &e), PERI_ERR_VALUE, "must be a number");
    peri_clock_free(a), peri_clock_free(b);
  }
}

static void states_resume_anywhere(void **state) {
  peri_ctx *cx = *state;
  for (int kind = 0; kind < KINDS; kind++)
    for (int at = 0; at < 1200; at += 1 + at) {
      peri_clock *a = some_clock(cx, kind, 1), *b = some_clock(cx, kind, 2);
      peri_event e;
      for (int k = 0; k < at; k++) peri_clock_next(a);
      if (kind < 2 && at > 10) {
        EXPECT_OK(peri_clock_set_rate(a, 1, 0));
        EXPECT_OK(peri_clock_set_rate(a, 3, 7));
        if (kind == 0) EXPECT_OK(peri_clock_schedule(a, 4, peri_clock_time(a) + 1));
      }
      EXPECT_OK(peri_clock_step(a, peri_clock_time(a) + 1e-6, &e)); /* between events */
      char *text = malloc(peri_clock_text(a));
      peri_clock_save(a, text);
      assert_true(strlen(text) < peri_clock_text(a));
      for (int k = 0; k < 5; k++) peri_clock_next(b);
      EXPECT_OK(peri_clock_load(b, text));
      char *again = malloc(peri_clock_text(b));
      peri_clock_save(b, again);
      assert_string_equal(text, again);
      assert_true(peri_clock_time(a) == peri_clock_time(b) && peri_clock_count(a) == peri_clock_count(b));
      for (int k = 0; k < 1500; k++) {
        peri_event f = peri_clock_next(a), g = peri_clock_next(b);
        assert_true(f.t == g.t && f.dt == g.dt && f.index == g.index);
      }
      free(text), free(again);
      peri_clock_free(a), peri_clock_free(b);
    }
}

static void damaged_states_leave_the_clock(void **state) {
  peri_ctx *cx = *state;
  for (int kind = 0; kind < KINDS; kind++) {
    peri_clock *a = some_clock(cx, kind, 1), *twin = some_clock(cx, kind, 1), *other = some_clock(cx, (kind + 1) % KINDS, 1);
    char *text = malloc(peri_clock_text(a));
    peri_clock_save(a, text);
    expect_damage_refused(cx, a, text, 7);
    EXPECT_FAILS(peri_clock_load(other, text), PERI_ERR_FORMAT, "process.state: this is not the state of a");
    for (int k = 0; k < 2000; k++) assert_true(peri_clock_next(a).t == peri_clock_next(twin).t);
    free(text);
    peri_clock_free(a), peri_clock_free(twin), peri_clock_free(other);
  }
  peri_stream s = peri_stream_root(1);
  peri_clock *three = peri_heap_new(cx, (double[]){1, 2, 3}, 3, &s), *two = peri_heap_new(cx, (double[]){1, 2}, 2, &s);
  char text[1200];
  peri_clock_save(three, text);
  EXPECT_FAILS(peri_clock_load(two, text), PERI_ERR_FORMAT, "another number of rates");
  peri_clock_free(three), peri_clock_free(two);
}

static void rates_are_checked(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1), before = s;
  EXPECT_FAILS(peri_heap_new(cx, (double[]){1, -2}, 2, &s), PERI_ERR_VALUE, "process.heap: rate 2 of 2 is -2; rates must be 0 or positive and finite");
  EXPECT_FAILS(peri_changing_new(cx, (double[]){NAN}, 1, &s), PERI_ERR_VALUE, "process.changing: rate 1 of 1 is ");
  EXPECT_FAILS(peri_heap_new(cx, NULL, 0, &s), PERI_ERR_VALUE, "process.heap: at least one rate is needed");
  assert_memory_equal(&s, &before, sizeof s);
  peri_clock *c = peri_changing_new(cx, (double[]){0, 0, 1e308}, 3, &s);
  EXPECT_FAILS(peri_clock_set_rate(c, 1, 1e308), PERI_ERR_VALUE, "total is out of range");
  EXPECT_OK(peri_clock_set_rate(c, 2, 5));
  for (int k = 0; k < 100; k++) assert_true(peri_clock_next(c).index == 2);
  peri_clock_free(c);
}

static void failing_allocations_leave_nothing(void **state) {
  peri_ctx *cx = *state;
  for (int kind = 0; kind < KINDS; kind++) {
    bool ok = false;
    for (int64_t n = 0; n < 100 && !ok; n++) {
      peri_tensor *t = NULL, *dt = NULL, *i = NULL;
      char text[1500];
      peri_clear_error(cx);
      peri_fail_allocation(cx, n);
      peri_clock *c = some_clock(cx, kind, 1);
      if (c) peri_clock_save(c, text);
      ok = c && peri_clock_load(c, text) == PERI_OK && peri_clock_until(c, 100, &t, &dt, &i) == PERI_OK;
      peri_fail_allocation(cx, -1);
      if (!ok) assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
      peri_release(t), peri_release(dt), peri_release(i);
      peri_clock_free(c);
    }
    assert_true(ok);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(all_kinds_have_the_law_of_superposition), TEST(each_clock_of_a_heap_is_poisson), TEST(changing_rates_rescale_time),
    TEST(scheduled_events_ring_on_time), TEST(large_times_keep_their_gaps), TEST(thinning_has_its_compensator),
    TEST(wrong_rates_and_bounds_are_named), TEST(hawkes_increments_are_exponential), TEST(hawkes_has_its_mean_intensity),
    TEST(hawkes_parameters_are_checked), TEST(stops_leave_no_trace), TEST(states_resume_anywhere), TEST(damaged_states_leave_the_clock),
    TEST(rates_are_checked), TEST(failing_allocations_leave_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
