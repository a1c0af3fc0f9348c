/* sums_test.c - the documented order of sums, bit for bit, against the same order written out; accuracy; extremes.
**
** The oracle knows nothing of vectors: 32 lanes, blocks of 1024, lanes joined by halving, blocks joined as a recursion on
** powers of two (which is what a binary counter does).
*/
#include "variants.h"

static const pri_kernels *tables[VARIANTS];
static int ntables;
enum { MOST = 5000 };
static double xs[MOST], ys[MOST];
static float fs[MOST], gs[MOST];

static double block(const double *v, int64_t n) {
  double lane[32] = {0};
  for (int64_t i = 0; i < n; i++) lane[i % 32] += v[i];
  for (int half = 16; half; half /= 2)
    for (int l = 0; l < half; l++) lane[l] += lane[l + half];
  return lane[0];
}

/* The largest power of two of whole or partial blocks on the left, the rest on the right. */
static double tree(const double *v, int64_t n) {
  int64_t blocks = (n + 1023) / 1024, left = 1;
  if (blocks <= 1) return block(v, n);
  while (2 * left < blocks) left *= 2;
  return tree(v, left * 1024) + tree(v + left * 1024, n - left * 1024);
}

static void check_bits(const char *what, const pri_kernels *k, int64_t n, double got, double want) {
  if (bits64(got) != bits64(want)) fail_msg("%s of %lld in %s: %a, expected %a", what, (long long)n, k->isa, got, want);
}

static int setup(void **state) {
  (void)state;
  uint64_t seed = 11;
  for (int i = 0; i < MOST; i++) {
    xs[i] = (next_unit(&seed) - 0.4) * exp2(20 * next_unit(&seed));
    ys[i] = next_unit(&seed) - 0.5;
    fs[i] = (float)xs[i], gs[i] = (float)ys[i];
  }
  return 0;
}

static void sums_follow_the_documented_order(void **state) {
  (void)state;
  static double t[MOST];
  for (int v = 0; v < ntables; v++) {
    const pri_kernels *k = tables[v];
    for (int64_t n = 0; n <= MOST; n += n < 140 ? 1 : 37) {
      const double *x = xs + n % 3, *y = ys; /* unaligned, too */
      const float *f = fs + n % 5;
      int64_t m = n > MOST - 5 ? MOST - 5 : n;
      check_bits("sum_f64", k, m, k->sum_f64(x, m), tree(x, m));
      for (int64_t i = 0; i < m; i++) t[i] = (double)f[i];
      check_bits("sum_f32", k, m, k->sum_f32(f, m), tree(t, m));
      for (int64_t i = 0; i < m; i++) t[i] = x[i] * x[i];
      check_bits("sumsq_f64", k, m, k->sumsq_f64(x, m), tree(t, m));
      for (int64_t i = 0; i < m; i++) t[i] = (double)f[i] * (double)f[i];
      check_bits("sumsq_f32", k, m, k->sumsq_f32(f, m), tree(t, m));
      for (int64_t i = 0; i < m; i++) t[i] = fabs(x[i]);
      check_bits("sumabs_f64", k, m, k->sumabs_f64(x, m), tree(t, m));
      for (int64_t i = 0; i < m; i++) t[i] = x[i] * y[i];
      check_bits("dot_f64", k, m, k->dot_f64(x, y, m), tree(t, m));
      for (int64_t i = 0; i < m; i++) t[i] = (double)f[i] * (double)gs[i];
      check_bits("dot_f32", k, m, k->dot_f32(f, gs, m), tree(t, m));
    }
  }
}

static void complex_sums_are_two_real_ones(void **state) {
  (void)state;
  static double z[2 * MOST];
  double r[2];
  for (int i = 0; i < MOST; i++) z[2 * i] = xs[i], z[2 * i + 1] = ys[i];
  for (int v = 0; v < ntables; v++)
    for (int64_t n = 0; n <= MOST; n += n < 70 ? 1 : 97) {
      tables[v]->sum_c128(r, z, n);
      check_bits("re sum_c128", tables[v], n, r[0], tree(xs, n));
      check_bits("im sum_c128", tables[v], n, r[1], tree(ys, n));
    }
}

/* The same data as above, but a million: the tree keeps the error below one ulp of sum |x|, where a plain loop has hundreds. */
static void long_sums_are_accurate(void **state) {
  (void)state;
  enum { N = 1000003 };
  double *x = bytes(N * sizeof *x);
  uint64_t seed = 3;
  long double exact = 0;
  for (int i = 0; i < N; i++) exact += x[i] = next_unit(&seed) + 1e3;
  for (int v = 0; v < ntables; v++) {
    double s = tables[v]->sum_f64(x, N);
    check_bits("sum_f64", tables[v], N, s, tree(x, N));
    if (!(fabsl(s - exact) <= 2 * 0x1p-53L * exact)) fail_msg("sum of %d: off by %Lg", N, s - exact);
  }
  free(x);
}

static void integer_sums_wrap_and_booleans_count(void **state) {
  (void)state;
  enum { N = 70000 };
  uint8_t *b = bytes(N);
  int64_t *x = bytes(N * sizeof *x);
  uint64_t seed = 7;
  for (int i = 0; i < N; i++) x[i] = (int64_t)next_word(&seed), b[i] = i % 3 != 0 || i > 300;
  for (int v = 0; v < ntables; v++)
    for (int64_t n = 0; n <= N; n += n < 600 ? 1 : 4337) {
      uint64_t s = 0;
      int64_t c = 0;
      for (int64_t i = 0; i < n; i++) s += (uint64_t)x[i], c += b[i];
      assert_int_equal(tables[v]->sum_i64(x, n), (int64_t)s);
      assert_int_equal(tables[v]->sum_bool(b, n), c);
    }
  memset(b, 1, N); /* no byte of a partial sum may overflow */
  for (int v = 0; v < ntables; v++) assert_int_equal(tables[v]->sum_bool(b, N), N);
  free(b);
  free(x);
}

static void moments_match_two_passes_in_long_double(void **state) {
  (void)state;
  static double t[MOST];
  const double offsets[] = {0, 1, 1e6, -1e12};
  for (int o = 0; o < 4; o++) {
    for (int i = 0; i < MOST; i++) t[i] = offsets[o] + ys[i];
    for (int64_t n = 1; n <= MOST; n += n < 140 ? 1 : 61) {
      long double mean = 0, m2 = 0;
      for (int64_t i = 0; i < n; i++) mean += (long double)t[i] - t[0]; /* shifted: 64 bits are few beside 1e12 */
      mean /= n;
      for (int64_t i = 0; i < n; i++) {
        long double d = (long double)t[i] - t[0] - mean;
        m2 += d * d;
      }
      mean += t[0];
      pri_moments first = tables[0]->moments_f64(t, n);
      for (int v = 0; v < ntables; v++) {
        pri_moments m = tables[v]->moments_f64(t, n);
        assert_true(m.count == (double)n);
        check_bits("mean", tables[v], n, m.mean, first.mean);
        check_bits("m2", tables[v], n, m.m2, first.m2);
        if (!(fabsl(m.mean - mean) <= 2e-16L * (1 + fabsl(mean)))) fail_msg("mean of %lld in %s: %.17g, not %.17Lg", (long long)n, tables[v]->isa, m.mean, mean);
        if (!(fabsl(m.m2 - m2) <= 1e-14L * m2)) fail_msg("m2 of %lld at %g in %s: %.17g, not %.17Lg", (long long)n, offsets[o], tables[v]->isa, m.m2, m2);
      }
    }
  }
}

static void moments_of_floats_are_those_of_their_doubles(void **state) {
  (void)state;
  static double t[MOST];
  for (int i = 0; i < MOST; i++) t[i] = (double)fs[i];
  for (int v = 0; v < ntables; v++)
    for (int64_t n = 0; n <= MOST; n += n < 70 ? 1 : 211) {
      pri_moments a = tables[v]->moments_f32(fs, n), b = tables[v]->moments_f64(t, n);
      check_bits("mean", tables[v], n, a.mean, b.mean);
      check_bits("m2", tables[v], n, a.m2, b.m2);
    }
}

static void constant_data_has_no_variance(void **state) {
  (void)state;
  static double t[MOST];
  for (int i = 0; i < MOST; i++) t[i] = 0.1;
  for (int v = 0; v < ntables; v++)
    for (int64_t n = 1; n <= MOST; n += 333) {
      pri_moments m = tables[v]->moments_f64(t, n);
      assert_true(m.m2 == 0 && m.mean == 0.1);
    }
  pri_moments none = tables[0]->moments_f64(t, 0);
  assert_true(none.count == 0 && none.mean == 0 && none.m2 == 0);
}

static void extremes_are_found_in_every_place(void **state) {
  (void)state;
  static double x[MOST];
  static float f[MOST];
  static int64_t z[MOST];
  for (int v = 0; v < ntables; v++) {
    const pri_kernels *k = tables[v];
    for (int64_t n = 1; n <= 1200; n += n < 70 ? 1 : 113)
      for (int64_t at = 0; at < n; at++) {
        for (int64_t i = 0; i < n; i++) x[i] = ys[i], f[i] = gs[i], z[i] = i * i % 101;
        x[at] = -7, f[at] = -7, z[at] = INT64_MIN;
        assert_true(k->min_f64(x, n) == -7 && k->min_f32(f, n) == -7 && k->min_i64(z, n) == INT64_MIN);
        x[at] = 7, f[at] = 7, z[at] = INT64_MAX;
        assert_true(k->max_f64(x, n) == 7 && k->max_f32(f, n) == 7 && k->max_i64(z, n) == INT64_MAX);
        x[at] = -INFINITY, f[at] = INFINITY;
        assert_true(k->min_f64(x, n) == -INFINITY && k->max_f32(f, n) == INFINITY);
        x[at] = at & 1 ? NAN : -NAN, f[at] = at & 1 ? NAN : -NAN;
        assert_true(isnan(k->min_f64(x, n)) && isnan(k->max_f64(x, n)) && isnan(k->min_f32(f, n)) && isnan(k->max_f32(f, n)));
      }
  }
}

static void axpy_is_fused(void **state) {
  (void)state;
  double r[131], want[131];
  for (int v = 0; v < ntables; v++)
    for (int n = 0; n <= 130; n++) {
      for (int i = 0; i <= 130; i++) r[i] = ys[i + 200], want[i] = i < n ? fma(0.3, xs[i], r[i]) : r[i];
      tables[v]->axpy_f64(r, 0.3, xs, n);
      assert_memory_equal(r, want, sizeof r);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(sums_follow_the_documented_order),
    cmocka_unit_test(complex_sums_are_two_real_ones),
    cmocka_unit_test(long_sums_are_accurate),
    cmocka_unit_test(integer_sums_wrap_and_booleans_count),
    cmocka_unit_test(moments_match_two_passes_in_long_double),
    cmocka_unit_test(moments_of_floats_are_those_of_their_doubles),
    cmocka_unit_test(constant_data_has_no_variance),
    cmocka_unit_test(extremes_are_found_in_every_place),
    cmocka_unit_test(axpy_is_fused),
  };
  ntables = variants(tables);
  return cmocka_run_group_tests(tests, setup, NULL);
}
