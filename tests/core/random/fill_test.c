/* fill_test.c - filling tensors: which word makes which variate, whatever the layout, the dtype and the pieces. */
#include <perigee/random.h>
#include "random/random.h"
#include "support.h"

static double weights[] = {3, 1, 2};

/* One of each law, by kind. */
static peri_law some_law(int kind, const peri_alias *table) {
  const peri_law laws[PERI_LAWS] = {peri_uniform(-1, 2), peri_normal(1, 3), peri_exponential(2), peri_gamma(0.6, 2), peri_beta(0.5, 2),
                                    peri_chi_square(3), peri_student_t(4), peri_stable(1.4, 0.5, 2, 1, PERI_S0),
                                    peri_positive_stable(0.7, 2), peri_pareto(1.5, 2), peri_laplace(1, 2), peri_inverse_gaussian(2, 3), peri_poisson(40), peri_binomial(100, 0.4), peri_geometric(0.1),
                                    peri_bernoulli(0.4), peri_rademacher(), peri_integers(-4, 1000), peri_categorical(table, 1)};
  assert_int_equal(laws[kind].kind, kind);
  return laws[kind];
}
static bool one_word(int kind) {
  return kind == PERI_UNIFORM || kind == PERI_NORMAL || kind == PERI_EXPONENTIAL || kind == PERI_GEOMETRIC || kind == PERI_BERNOULLI ||
         kind == PERI_RADEMACHER || kind == PERI_CATEGORICAL || kind == PERI_PARETO || kind == PERI_LAPLACE;
}
static int words_of(int kind) {
  return one_word(kind) ? 1 : kind == PERI_STABLE || kind == PERI_POSITIVE_STABLE || kind == PERI_INVERSE_GAUSSIAN ? 2 : 0;
}

static peri_tensor *filled(peri_ctx *cx, peri_dtype type, int64_t n, peri_stream *s, peri_law law) {
  peri_tensor *t = MADE(peri_new(cx, type, 1, &n));
  EXPECT_OK(peri_fill(t, s, law));
  return t;
}

static void fills_are_the_serial_draws(void **state) {
  peri_ctx *cx = *state;
  int64_t n = 3000;
  peri_stream s = peri_stream_root(11), t = s;
  peri_tensor *x = filled(cx, PERI_F64, n, &s, peri_uniform(0, 1));
  for (int64_t i = 0; i < n; i++) assert_true(((double *)x->data)[i] == (double)(peri_stream_next(&t) >> 11) * 0x1p-53);
  peri_release(x);
}

/* A fill of 5000, fills of uneven pieces and single draws: the same variates, the same position afterwards. */
static void pieces_make_the_same_sequence(void **state) {
  peri_ctx *cx = *state;
  peri_alias *table = peri_alias_new(cx, "test", weights, 3);
  for (int kind = 0; kind < PERI_LAWS; kind++) {
    peri_law law = some_law(kind, table);
    peri_stream a = peri_stream_root(5), b = a, c = a, start = a;
    int64_t n = 5000;
    peri_tensor *whole = filled(cx, PERI_F64, n, &a, law);
    const double *x = whole->data;
    for (int64_t at = 0, m; at < n; at += m) {
      m = at == 0 ? 1 : at % 900 + 1 < n - at ? at % 900 + 1 : n - at;
      peri_tensor *piece = filled(cx, PERI_F64, m, &b, law);
      assert_memory_equal(piece->data, x + at, (size_t)m * 8);
      peri_release(piece);
    }
    for (int64_t i = 0; i < n; i++) {
      double v;
      EXPECT_OK(peri_draw(cx, &c, law, &v));
      assert_true(v == x[i]);
    }
    assert_memory_equal(&a, &b, sizeof a);
    assert_memory_equal(&a, &c, sizeof a);
    if (words_of(kind)) { /* variate k is a function of k */
      peri_stream_jump(&start, 4321 * words_of(kind));
      double v;
      EXPECT_OK(peri_draw(cx, &start, law, &v));
      assert_true(v == x[4321]);
      peri_stream_jump(&start, (n - 4322) * words_of(kind));
      assert_memory_equal(&start, &a, sizeof a);
    }
    peri_release(whole);
  }
  peri_alias_free(table);
}

/* Into f32, i64 and a strided view of each: the f64 values, rounded or exact. */
static void layout_and_dtype_do_not_matter(void **state) {
  peri_ctx *cx = *state;
  peri_alias *table = peri_alias_new(cx, "test", weights, 3);
  int64_t dims[3] = {7, 30, 11}, n = 7 * 30 * 11, big[3] = {11, 60, 9};
  int64_t turned[3] = {-1, 18, 540}; /* a view (7, 30, 11) of (11, 60, 9): axes turned, every second row, backwards */
  for (int kind = 0; kind < PERI_LAWS; kind++) {
    peri_stream start = peri_stream_root(3);
    peri_stream a = start;
    peri_tensor *want = filled(cx, PERI_F64, n, &a, some_law(kind, table));
    for (int type = PERI_I64; type <= PERI_F64; type++) {
      if (type == PERI_I64 && !peri_law_is_integer(some_law(kind, table))) continue;
      peri_stream b = start, c = start;
      peri_tensor *x = MADE(peri_new(cx, (peri_dtype)type, 3, dims)), *home = MADE(peri_zeros(cx, (peri_dtype)type, 3, big));
      peri_tensor *view = MADE(peri_view(home, 3, dims, turned, 8));
      EXPECT_OK(peri_fill(x, &b, some_law(kind, table)));
      EXPECT_OK(peri_fill(view, &c, some_law(kind, table)));
      SAME_BITS(x, view);
      for (int64_t i = 0; i < n; i++) {
        double v = ((double *)want->data)[i];
        if (type == PERI_F32) v = (float)v;
        if (kind != PERI_UNIFORM || type == PERI_F64) assert_true(peri_item(x, i) == v);
        else NEAR(peri_item(x, i), v, 1e-6);
      }
      assert_memory_equal(&a, &b, sizeof a);
      assert_memory_equal(&a, &c, sizeof a);
      peri_release(x), peri_release(view), peri_release(home);
    }
    peri_release(want);
  }
  peri_alias_free(table);
}

static void bernoulli_fills_bool(void **state) {
  peri_ctx *cx = *state;
  peri_stream a = peri_stream_root(1), b = a;
  peri_tensor *x = filled(cx, PERI_BOOL, 3000, &a, peri_bernoulli(0.25)), *y = filled(cx, PERI_I64, 3000, &b, peri_bernoulli(0.25));
  int64_t ones = 0;
  for (int i = 0; i < 3000; i++) {
    ones += ((uint8_t *)x->data)[i];
    assert_true(((uint8_t *)x->data)[i] == ((int64_t *)y->data)[i]);
  }
  NEAR((double)ones, 750, 5 * sqrt(3000 * 0.1875));
  peri_release(x), peri_release(y);
}

static void empty_and_scalar_tensors(void **state) {
  peri_ctx *cx = *state;
  int64_t empty[2] = {0, 5};
  peri_stream s = peri_stream_root(1), before = s, t = s;
  peri_tensor *x = MADE(peri_new(cx, PERI_F64, 2, empty)), *y = MADE(peri_new(cx, PERI_F64, 0, NULL));
  EXPECT_OK(peri_fill_normal(x, &s));
  assert_memory_equal(&s, &before, sizeof s);
  EXPECT_OK(peri_fill_normal(y, &s));
  double v;
  EXPECT_OK(peri_draw(cx, &t, peri_normal(0, 1), &v));
  assert_true(peri_item(y, 0) == v);
  peri_release(x), peri_release(y);
}

static void an_interrupt_leaves_the_stream(void **state) {
  peri_ctx *cx = *state;
  int64_t n = 5000;
  peri_stream s = peri_stream_root(1), before = s;
  peri_tensor *x = MADE(peri_new(cx, PERI_F64, 1, &n));
  peri_interrupt(cx);
  EXPECT_FAILS(peri_fill_normal(x, &s), PERI_ERR_INTERRUPT, "");
  EXPECT_FAILS(peri_release(peri_poisson_subset(cx, 1000, 0.5, &s)), PERI_ERR_INTERRUPT, "");
  EXPECT_FAILS(peri_release(peri_permutation(cx, 200000, &s)), PERI_ERR_INTERRUPT, "");
  EXPECT_FAILS(peri_release(peri_subset(cx, 1000000, 200000, true, &s)), PERI_ERR_INTERRUPT, "");
  assert_memory_equal(&s, &before, sizeof s);
  peri_clear_interrupt(cx);
  peri_release(x);
}

/* ---- blocks ---- */

static peri_tensor *block_filled(peri_ctx *cx, peri_dtype type, peri_block *b, int64_t columns, peri_law law) {
  peri_tensor *t = MADE(peri_new(cx, type, 2, (int64_t[]){peri_block_rows(b), columns}));
  EXPECT_OK(peri_block_fill(t, b, law));
  return t;
}

/* Row i is what stream i gives, in two fills as in one, and the first 100 of 200 are the 100; rows 40.. can be drawn apart. */
static void rows_are_their_streams(void **state) {
  peri_ctx *cx = *state;
  peri_alias *table = peri_alias_new(cx, "test", weights, 3);
  peri_stream root = peri_stream_root(31);
  for (int kind = 0; kind < PERI_LAWS; kind++) {
    peri_law law = some_law(kind, table);
    peri_block *small = peri_block_new(cx, &root, "replica", 0, 100), *big = peri_block_new(cx, &root, "replica", 0, 200);
    peri_block *rest = peri_block_new(cx, &root, "replica", 40, 60);
    peri_tensor *a1 = block_filled(cx, PERI_F64, small, 7, law), *a2 = block_filled(cx, PERI_F64, small, 90, law);
    peri_tensor *b = block_filled(cx, PERI_F64, big, 97, law), *c = block_filled(cx, PERI_F64, rest, 97, law);
    for (int64_t i = 0; i < 100; i++) {
      double row[97];
      peri_stream s = peri_stream_sub(&root, "replica", i);
      for (int k = 0; k < 97; k++) EXPECT_OK(peri_draw(cx, &s, law, &row[k]));
      assert_memory_equal((double *)a1->data + i * 7, row, 7 * 8);
      assert_memory_equal((double *)a2->data + i * 90, row + 7, 90 * 8);
      assert_memory_equal((double *)b->data + i * 97, row, 97 * 8);
      if (i >= 40) assert_memory_equal((double *)c->data + (i - 40) * 97, row, 97 * 8);
      peri_stream now = peri_block_stream(small, i);
      assert_memory_equal(&now, &s, sizeof s);
    }
    peri_release(a1), peri_release(a2), peri_release(b), peri_release(c);
    peri_block_free(small), peri_block_free(big), peri_block_free(rest);
  }
  peri_alias_free(table);
}

static void blocks_jump_and_refuse(void **state) {
  peri_ctx *cx = *state;
  peri_stream root = peri_stream_root(1);
  peri_block *a = peri_block_new(cx, &root, "r", 0, 5), *b = peri_block_new(cx, &root, "r", 0, 5);
  peri_tensor *x = block_filled(cx, PERI_F64, a, 12, peri_normal(0, 1));
  peri_block_jump(b, 12);
  for (int i = 0; i < 5; i++) {
    peri_stream s = peri_block_stream(a, i), t = peri_block_stream(b, i);
    assert_memory_equal(&s, &t, sizeof s);
  }
  EXPECT_OK(peri_block_fill(x, a, peri_normal(0, 1))); /* continues */
  EXPECT_FAILS(peri_block_new(cx, &root, "r", 0, -1), PERI_ERR_VALUE, "random.block: the number of rows must lie in 0..2147483647, got -1");
  peri_tensor *wrong = MADE(peri_new(cx, PERI_F64, 2, (int64_t[]){4, 5}));
  EXPECT_FAILS(peri_block_fill(wrong, a, peri_normal(0, 1)), PERI_ERR_SHAPE, "a block of 5 rows cannot fill a tensor of shape (4, 5)");
  EXPECT_FAILS(peri_block_fill(x, a, peri_gamma(-1, 1)), PERI_ERR_VALUE, "random.gamma: shape must be positive, got -1");
  peri_stream before = peri_block_stream(a, 3);
  peri_interrupt(cx);
  EXPECT_FAILS(peri_block_fill(x, a, peri_normal(0, 1)), PERI_ERR_INTERRUPT, "");
  peri_clear_interrupt(cx);
  peri_stream after = peri_block_stream(a, 3);
  assert_memory_equal(&before, &after, sizeof before);
  peri_release(x), peri_release(wrong);
  peri_block_free(a), peri_block_free(b);
}

static void failing_allocations_leave_nothing(void **state) {
  peri_ctx *cx = *state;
  peri_stream root = peri_stream_root(1);
  for (int64_t n = 0; n < 100; n++) {
    bool failed = false;
    peri_clear_error(cx);
    peri_fail_allocation(cx, n);
    peri_alias *a = peri_alias_new(cx, "test", weights, 3);
    peri_block *b = peri_block_new(cx, &root, "r", 0, 5);
    peri_tensor *x = peri_new(cx, PERI_F64, 2, (int64_t[]){5, 4});
    failed = !a || !b || !x;
    if (b && x) failed |= peri_block_fill(x, b, peri_normal(0, 1)) != PERI_OK;
    peri_fail_allocation(cx, -1);
    if (failed) assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
    peri_alias_free(a), peri_block_free(b), peri_release(x);
    if (!failed) return;
  }
  fail_msg("never succeeded");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(fills_are_the_serial_draws), TEST(pieces_make_the_same_sequence), TEST(layout_and_dtype_do_not_matter), TEST(bernoulli_fills_bool),
    TEST(empty_and_scalar_tensors), TEST(an_interrupt_leaves_the_stream), TEST(rows_are_their_streams), TEST(blocks_jump_and_refuse),
    TEST(failing_allocations_leave_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
