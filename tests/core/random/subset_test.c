/* subset_test.c - permutations and subsets: every one equally likely, in every regime of size. */
#include <perigee/random.h>
#include "statistics.h"

static const int64_t *indices(const peri_tensor *t) { return t->data; }

static void permutations_are_permutations(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1);
  for (int64_t n = 0; n < 70; n++) {
    peri_tensor *t = MADE(peri_permutation(cx, n, &s));
    uint64_t seen[2] = {0};
    assert_true(t->size == n);
    for (int64_t i = 0; i < n; i++) {
      int64_t v = indices(t)[i];
      assert_true(v >= 0 && v < n && !(seen[v / 64] >> v % 64 & 1));
      seen[v / 64] |= 1ull << v % 64;
    }
    peri_release(t);
  }
}

/* Arrangements of k of 0..4 as numbers in base 5: every one that can occur occurs with probability 1/total. */
static void expect_equal_counts(peri_ctx *cx, peri_tensor *(*make)(peri_ctx *, peri_stream *), int64_t k, int total) {
  enum { DRAWS = 60000 };
  static int64_t count[3125];
  double p[3125];
  int64_t cell[3125] = {0};
  peri_stream s = peri_stream_root(12);
  memset(count, 0, sizeof count);
  for (int i = 0; i < DRAWS; i++) {
    peri_tensor *t = MADE(make(cx, &s));
    int code = 0;
    assert_true(t->size == k);
    for (int64_t j = 0; j < k; j++) code = 5 * code + (int)indices(t)[j];
    count[code]++;
    peri_release(t);
  }
  int cells = 0;
  for (int i = 0; i < 3125; i++)
    if (count[i]) cell[cells] = count[i], p[cells++] = 1.0 / total;
  assert_int_equal(cells, total);
  assert_true(fabs(stat_pearson(cell, p, cells, DRAWS)) < 5);
}
static peri_tensor *permute_5(peri_ctx *cx, peri_stream *s) { return peri_permutation(cx, 5, s); }
static peri_tensor *increasing_3_of_5(peri_ctx *cx, peri_stream *s) { return peri_subset(cx, 5, 3, true, s); }
static peri_tensor *shuffled_3_of_5(peri_ctx *cx, peri_stream *s) { return peri_subset(cx, 5, 3, false, s); }
static peri_tensor *replaced_2_of_5(peri_ctx *cx, peri_stream *s) { return peri_subset_replaced(cx, 5, 2, s); }

static void every_arrangement_is_equally_likely(void **state) {
  peri_ctx *cx = *state;
  expect_equal_counts(cx, permute_5, 5, 120);
  expect_equal_counts(cx, increasing_3_of_5, 3, 10);
  expect_equal_counts(cx, shuffled_3_of_5, 3, 60);
  expect_equal_counts(cx, replaced_2_of_5, 2, 25);
}

/* Bitmap and hash table, k = 0, 1, n: increasing, distinct, in range, and the same set as the shuffled one. */
static void subsets_are_sets(void **state) {
  peri_ctx *cx = *state;
  const int64_t sizes[][2] = {{0, 0}, {5, 0}, {1, 1}, {64, 64}, {65, 65}, {1000, 999}, {100000, 3000}, {1000000000000, 5000}, {INT64_MAX, 100}};
  for (size_t c = 0; c < sizeof sizes / sizeof *sizes; c++) {
    int64_t n = sizes[c][0], k = sizes[c][1];
    peri_stream a = peri_stream_root(4), b = a;
    peri_tensor *x = MADE(peri_subset(cx, n, k, true, &a)), *y = MADE(peri_subset(cx, n, k, false, &b));
    assert_true(x->size == k && y->size == k);
    uint64_t sum_x = 0, sum_y = 0, xor_x = 0, xor_y = 0;
    for (int64_t i = 0; i < k; i++) {
      int64_t v = indices(x)[i], w = indices(y)[i];
      assert_true(v >= 0 && v < n && (i == 0 || v > indices(x)[i - 1]));
      sum_x += (uint64_t)v, sum_y += (uint64_t)w, xor_x ^= (uint64_t)v * 0x9e3779b97f4a7c15, xor_y ^= (uint64_t)w * 0x9e3779b97f4a7c15;
    }
    assert_true(sum_x == sum_y && xor_x == xor_y);
    peri_release(x), peri_release(y);
  }
}

/* Sparse subsets: inclusion is uniform over a thousand bins of a huge range. */
static void sparse_subsets_are_uniform(void **state) {
  peri_ctx *cx = *state;
  int64_t n = 1000000000, count[1000] = {0};
  double p[1000];
  peri_stream s = peri_stream_root(2);
  for (int r = 0; r < 40; r++) {
    peri_tensor *t = MADE(peri_subset(cx, n, 2500, true, &s));
    for (int i = 0; i < 2500; i++) count[indices(t)[i] / (n / 1000)]++;
    peri_release(t);
  }
  for (int i = 0; i < 1000; i++) p[i] = 1e-3;
  assert_true(fabs(stat_pearson(count, p, 1000, 100000)) < 5);
}

/* Each index by itself, neighbours independently, and the size binomial. */
static void poisson_subsets_include_independently(void **state) {
  peri_ctx *cx = *state;
  enum { DRAWS = 20000, M = 16 };
  const double qs[] = {0.01, 0.3, 0.9};
  for (int c = 0; c < 3; c++) {
    double q = qs[c], size = 0, size2 = 0;
    int64_t count[M] = {0}, pairs = 0;
    peri_stream s = peri_stream_root(6);
    for (int r = 0; r < DRAWS; r++) {
      peri_tensor *t = MADE(peri_poisson_subset(cx, M, q, &s));
      for (int64_t i = 0; i < t->size; i++) {
        assert_true(indices(t)[i] >= 0 && indices(t)[i] < M && (i == 0 || indices(t)[i] > indices(t)[i - 1]));
        count[indices(t)[i]]++;
        pairs += i > 0 && indices(t)[i] == indices(t)[i - 1] + 1;
      }
      size += (double)t->size, size2 += (double)t->size * (double)t->size;
      peri_release(t);
    }
    for (int i = 0; i < M; i++) NEAR((double)count[i], DRAWS * q, 5 * sqrt(DRAWS * q * (1 - q)));
    NEAR((double)pairs, DRAWS * (M - 1) * q * q, 5 * sqrt(DRAWS * (M - 1) * q * q * (1 + 2 * q)));
    double mean = M * q, var = M * q * (1 - q);
    NEAR(size / DRAWS, mean, 5 * sqrt(var / DRAWS));
    NEAR(size2 / DRAWS - mean * mean, var, 5 * var * sqrt((2 + (1 - 6 * q * (1 - q)) / var) / DRAWS) + 10 * mean * sqrt(var / DRAWS));
  }
}

/* Words used: one an index and one for the end, also when blocks of words were drawn ahead; work in nq, not in n. */
static void poisson_subsets_use_one_word_an_index(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(6);
  const struct { int64_t n; double q; } cases[] = {{0, 0.5}, {10, 0}, {7, 1}, {5000, 0.5}, {1000000000000000, 1e-12}};
  for (int c = 0; c < 5; c++) {
    peri_stream before = s;
    peri_tensor *t = MADE(peri_poisson_subset(cx, cases[c].n, cases[c].q, &s));
    if (cases[c].q == 1) assert_true(t->size == 7 && indices(t)[0] == 0 && indices(t)[6] == 6);
    if (cases[c].q == 0 || cases[c].n == 0) assert_true(t->size == 0);
    if (c == 4) NEAR((double)t->size, 1000, 5 * sqrt(1000));
    peri_stream_jump(&before, cases[c].q == 0 ? 0 : t->size + 1);
    assert_memory_equal(&s, &before, sizeof s);
    peri_release(t);
  }
}

static void sizes_are_checked(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(1), before = s;
  EXPECT_FAILS(peri_permutation(cx, -1, &s), PERI_ERR_VALUE, "random.permutation: n must not be negative, got -1");
  EXPECT_FAILS(peri_subset(cx, 3, 4, true, &s), PERI_ERR_VALUE, "random.subset: the size must lie in 0..n, got 4 of n = 3");
  EXPECT_FAILS(peri_subset(cx, 3, -1, true, &s), PERI_ERR_VALUE, "got -1 of n = 3");
  EXPECT_FAILS(peri_subset_replaced(cx, 0, 2, &s), PERI_ERR_VALUE, "random.subset: cannot draw 2 with replacement from n = 0");
  EXPECT_FAILS(peri_poisson_subset(cx, 3, 1.5, &s), PERI_ERR_VALUE, "random.poisson_subset: q must lie in [0, 1], got 1.5");
  EXPECT_FAILS(peri_poisson_subset(cx, -3, 0.5, &s), PERI_ERR_VALUE, "n must not be negative, got -3");
  assert_memory_equal(&s, &before, sizeof s);
}

static void failing_allocations_leave_nothing(void **state) {
  peri_ctx *cx = *state;
  for (int which = 0; which < 5; which++)
    for (int64_t n = 0;; n++) {
      peri_stream s = peri_stream_root(1), before = s;
      peri_clear_error(cx);
      peri_fail_allocation(cx, n);
      peri_tensor *t = which == 0   ? peri_permutation(cx, 100, &s)
                       : which == 1 ? peri_subset(cx, 100, 50, true, &s)
                       : which == 2 ? peri_subset(cx, 1000000, 50, false, &s)
                       : which == 3 ? peri_poisson_subset(cx, 1000, 0.5, &s)
                                    : peri_subset_replaced(cx, 10, 20, &s);
      peri_fail_allocation(cx, -1);
      if (t) {
        peri_release(t);
        break;
      }
      assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
      assert_memory_equal(&s, &before, sizeof s);
      assert_true(n < 100);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(permutations_are_permutations), TEST(every_arrangement_is_equally_likely), TEST(subsets_are_sets), TEST(sparse_subsets_are_uniform),
    TEST(poisson_subsets_include_independently), TEST(poisson_subsets_use_one_word_an_index), TEST(sizes_are_checked),
    TEST(failing_allocations_leave_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
