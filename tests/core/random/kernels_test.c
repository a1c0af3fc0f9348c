/* kernels_test.c - words and the maps from words: the definition, every instruction set, accuracy against long double. */
#include <float.h>
#include "kernels/kernels.h"
#include "support.h"

enum { N = 20000 };
static const char *const isas[] = {"baseline", "avx2", "avx512"};
static const pri_pcg start = {0x0123456789abcdef, 0xfedcba9876543210, 0x5851f42d4c957f2d, 0x14057b7ef767814f};

/* Words that reach the ends: the k-th in three has its upper bits cleared or set. */
static void awkward_words(uint64_t *w, int64_t n) {
  pri_pcg g = start;
  pri_kernels_select("baseline")->pcg_dxsm(w, n, &g);
  for (int64_t i = 0; i < n; i++) {
    int shift = (int)(i / 3 % 65);
    if (i % 3 == 0) w[i] = shift == 64 ? 0 : w[i] >> shift;
    if (i % 3 == 1) w[i] = shift == 64 ? ~0ull : ~(w[i] >> shift);
    if (i % 31 == 0) w[i] = (1ull << 63) + (uint64_t)(i % 5) - 2; /* around the median */
  }
}

/* Straight from the definitions. */
static uint64_t dxsm_by_definition(unsigned __int128 *s, unsigned __int128 c) {
  uint64_t m = 0xda942042e4dd58b5, hi = (uint64_t)(*s >> 64), lo = (uint64_t)*s | 1;
  hi ^= hi >> 32, hi *= m, hi ^= hi >> 48, hi *= lo;
  *s = *s * m + c;
  return hi;
}
static uint64_t xslrr_by_definition(unsigned __int128 *s, unsigned __int128 c) {
  *s = *s * ((unsigned __int128)0x2360ed051fc65da4 << 64 | 0x4385df649fccf645) + c;
  uint64_t x = (uint64_t)(*s >> 64) ^ (uint64_t)*s;
  int r = (int)(*s >> 122);
  return r ? x >> r | x << (64 - r) : x;
}

static void words_and_state_are_the_serial_ones(void **state) {
  (void)state;
  static uint64_t w[5000];
  for (int k = 0; k < 3; k++) {
    const pri_kernels *K = pri_kernels_select(isas[k]);
    if (!K) continue;
    for (int output = 0; output < 2; output++)
      for (int64_t n = 0; n < 5000; n += n < 200 ? 1 : 607) {
        pri_pcg g = start;
        unsigned __int128 s = (unsigned __int128)g.state_hi << 64 | g.state_lo, c = (unsigned __int128)g.inc_hi << 64 | g.inc_lo;
        (output ? K->pcg_xslrr : K->pcg_dxsm)(w, n, &g);
        for (int64_t i = 0; i < n; i++)
          assert_true(w[i] == (output ? xslrr_by_definition : dxsm_by_definition)(&s, c));
        assert_true(g.state_hi == (uint64_t)(s >> 64) && g.state_lo == (uint64_t)s);
      }
  }
}

typedef void map_fn(double *, const uint64_t *, int64_t);
static map_fn *law_of(const pri_kernels *K, int law) { return (map_fn *[]){K->uniform, K->normal, K->exponential, K->laplace}[law]; }

/* Also in place, one at a time, and whatever stands beside a word. */
static void maps_have_the_same_bits_everywhere(void **state) {
  (void)state;
  static uint64_t w[N];
  static double want[N], got[N];
  awkward_words(w, N);
  for (int law = 0; law < 4; law++) {
    law_of(pri_kernels_select("baseline"), law)(want, w, N);
    for (int k = 0; k < 3; k++) {
      const pri_kernels *K = pri_kernels_select(isas[k]);
      if (!K) continue;
      law_of(K, law)(got, w, N);
      assert_memory_equal(got, want, sizeof want);
      memcpy(got, w, sizeof w);
      law_of(K, law)(got, (uint64_t *)(void *)got, N);
      assert_memory_equal(got, want, sizeof want);
      for (int i = 0; i < N; i++) law_of(K, law)(got + i, w + i, 1);
      assert_memory_equal(got, want, sizeof want);
    }
  }
}

static void uniforms_are_the_top_53_bits(void **state) {
  (void)state;
  static uint64_t w[N];
  static double r[N];
  awkward_words(w, N);
  pri_kernels_select(NULL)->uniform(r, w, N);
  for (int i = 0; i < N; i++) assert_true(r[i] == (double)(w[i] >> 11) * 0x1p-53);
}

/* Units in the last place of `got` by which it is off. */
static double ulps(double got, long double want) {
  double u = ldexp(1, ilogb(got) - 52);
  return (double)(fabsl(got - want) / (u > DBL_MIN ? u : DBL_MIN));
}

static void exponentials_are_minus_log_u(void **state) {
  (void)state;
  static uint64_t w[N];
  static double r[N];
  awkward_words(w, N);
  pri_kernels_select(NULL)->exponential(r, w, N);
  for (int i = 0; i < N; i++) {
    long double u = ((long double)(w[i] >> 12) + 0.5L) * 0x1p-52L;
    assert_true(r[i] > 0);
    assert_true(ulps(r[i], -logl(u)) < 1);
  }
}

/* |x| with erf(x/sqrt2)/2 = q, or erfc(x/sqrt2)/2 = p in the tail: Newton in long double from the value under test. */
static long double quantile_oracle(long double p, long double q, double guess) {
  const long double root_half = 0.707106781186547524400844362104849039L, density0 = 0.398942280401432677939946059934381868L;
  long double x = guess;
  for (int i = 0; i < 5; i++) {
    long double density = density0 * expl(-x * x / 2);
    if (q < 0.25L) x -= (0.5L * erfl(x * root_half) - q) / density;
    else {
      long double e = 0.5L * erfcl(x * root_half);
      x += logl(e / p) * e / density;
    }
  }
  return x;
}

static void normals_are_quantiles_within_two_and_a_half_ulp(void **state) {
  (void)state;
  static uint64_t w[N];
  static double r[N];
  double worst = 0;
  awkward_words(w, N);
  pri_kernels_select(NULL)->normal(r, w, N);
  for (int i = 0; i < N; i++) {
    uint64_t k = w[i] >> 63 ? ~w[i] : w[i]; /* p = (k + 1/2) 2^-64 from the nearer end */
    long double p = ldexpl((long double)k + 0.5L, -64), q = ldexpl((long double)((1ull << 63) - 1 - k) + 0.5L, -64);
    assert_true(w[i] >> 63 ? r[i] > 0 : r[i] < 0);
    worst = fmax(worst, ulps(fabs(r[i]), quantile_oracle(p, q, fabs(r[i]))));
  }
  assert_true(worst < 2.5);
  assert_true(worst > 0.4); /* the oracle did look */
}

static void normals_are_antithetic_and_increasing(void **state) {
  (void)state;
  static uint64_t w[N], v[N];
  static double x[N], y[N];
  awkward_words(w, N);
  for (int i = 0; i < N; i++) v[i] = ~w[i];
  const pri_kernels *K = pri_kernels_select(NULL);
  K->normal(x, w, N), K->normal(y, v, N);
  for (int i = 0; i < N; i++) assert_true(x[i] == -y[i]);
  for (int i = 0; i < N; i++) w[i] = ~0ull / N * (uint64_t)i;
  K->normal(x, w, N);
  for (int i = 1; i < N; i++) assert_true(x[i] > x[i - 1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(words_and_state_are_the_serial_ones),
    cmocka_unit_test(maps_have_the_same_bits_everywhere),
    cmocka_unit_test(uniforms_are_the_top_53_bits),
    cmocka_unit_test(exponentials_are_minus_log_u),
    cmocka_unit_test(normals_are_quantiles_within_two_and_a_half_ulp),
    cmocka_unit_test(normals_are_antithetic_and_increasing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
