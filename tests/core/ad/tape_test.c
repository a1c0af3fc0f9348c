/* tape_test.c - the tape from C: marks, nesting, errors that leave nothing behind. */
#include "support.h"
#include <perigee/ad.h>
#include <perigee/linalg.h>
#include <perigee/ops.h>
#include <perigee/reduce.h>
#include <perigee/shape.h>

static peri_tensor *vector(peri_ctx *cx, int64_t n, double from) { return peri_arange(cx, PERI_F64, from, from + (double)n, 1); }

/* d^k/dx^k of x^4 at 2, every derivative on a mark of its own. */
static peri_tensor *derivative(peri_tensor *x, int order) {
  peri_ctx *cx = x->cx;
  peri_mark m;
  peri_tensor *v, *y = NULL, *g = NULL;
  if (order == 0) {
    peri_tensor *square = peri_square(x), *fourth = square ? peri_square(square) : NULL;
    peri_release(square);
    return fourth;
  }
  if (peri_tape_begin(cx, &m)) return NULL;
  v = peri_lift(x);
  if (v) y = derivative(v, order - 1);
  if (y) peri_backward(y, NULL, &v, 1, &g);
  peri_tape_end(cx, m);
  peri_release(y);
  peri_release(v);
  return g;
}

static void marks_nest_to_fifth_order(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(peri_full(cx, PERI_F64, 0, NULL, 2));
  const double want[] = {16, 32, 48, 48, 24, 0};
  for (int k = 0; k <= 5; k++) {
    peri_tensor *d = MADE(derivative(x, k));
    NEAR(peri_item(d, 0), want[k], 1e-12);
    assert_false(peri_recorded(d));
    peri_release(d);
  }
  peri_release(x);
}

static void nothing_is_recorded_without_a_tape(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(vector(cx, 3, 0)), *g = NULL;
  assert_false(peri_tape_open(cx));
  EXPECT_FAILS(peri_lift(x), PERI_ERR_STATE, "no tape is open");
  EXPECT_FAILS(peri_backward(x, NULL, &x, 1, &g), PERI_ERR_STATE, "no tape is open");
  EXPECT_FAILS(peri_lift_data(x), PERI_ERR_STATE, "cannot be differentiated");
  peri_mark m;
  EXPECT_OK(peri_tape_begin(cx, &m));
  assert_true(peri_tape_open(cx));
  EXPECT_FAILS(peri_backward(x, NULL, &x, 1, &g), PERI_ERR_STATE, "variable 1 was not lifted");
  assert_null(g);
  peri_tape_end(cx, m);
  peri_release(x);
}

static void a_seed_has_the_shape_of_the_result(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(vector(cx, 3, 1)), *seed = MADE(vector(cx, 3, 5)), *wrong = MADE(vector(cx, 2, 0)), *g = NULL;
  peri_mark m;
  EXPECT_OK(peri_tape_begin(cx, &m));
  peri_tensor *v = MADE(peri_lift(x)), *y = MADE(peri_square(v));
  EXPECT_FAILS(peri_backward(y, wrong, &v, 1, &g), PERI_ERR_SHAPE, "the seed has shape (2), the result (3)");
  EXPECT_OK(peri_backward(y, seed, &v, 1, &g));
  for (int i = 0; i < 3; i++) NEAR(peri_item(g, i), 2 * (i + 1) * (i + 5), 1e-14);
  peri_tape_end(cx, m);
  peri_tensor *all[] = {x, seed, wrong, v, y, g};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) peri_release(all[i]);
}

static void a_pass_reads_what_was_recorded_or_says_where_it_changed(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(vector(cx, 3, 1)), *b = MADE(vector(cx, 3, 0)), *g = NULL;
  peri_mark m;
  EXPECT_OK(peri_tape_begin(cx, &m));
  peri_tensor *v = MADE(peri_lift(x)), *y = MADE(peri_mul(v, b));
  peri_note_write(b, "fill_ at step.c:7");
  EXPECT_OK(peri_fill_(b, 3));
  EXPECT_FAILS(peri_backward(y, NULL, &v, 1, &g), PERI_ERR_STATE,
               "ad: operand 2 of tensor.mul, of shape (3), was modified in place (fill_ at step.c:7) after it was recorded");
  assert_null(g);
  peri_tape_end(cx, m);
  peri_tensor *all[] = {x, b, v, y};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) peri_release(all[i]);
}

/* sum_k (a_k . w)^2: row k of the per-example gradient is 2 (a_k . w) a_k. */
static void rows_are_gradients_of_examples(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *w = MADE(vector(cx, 3, 1)), *flat = MADE(vector(cx, 12, -4)), *A = MADE(peri_reshape(flat, 2, (int64_t[]){4, 3})), *G = NULL;
  peri_mark m;
  EXPECT_OK(peri_tape_begin(cx, &m));
  peri_tensor *v = MADE(peri_lift(w)), *data = MADE(peri_lift_data(A)), *z = MADE(peri_mv(data, v)), *y = MADE(peri_square(z));
  EXPECT_OK(peri_backward_examples(y, &v, 1, &G));
  peri_tensor *norms = MADE(peri_sqnorms(y, &v, 1));
  EXPECT_FAILS(peri_sum(y, 0, false), PERI_ERR_SHAPE, "ad.per_example: tensor.sum reduces axis 1, got shape (4)");
  EXPECT_FAILS(peri_lift_data(w), PERI_ERR_SHAPE, "do not have 4 examples");
  peri_tape_end(cx, m);
  for (int k = 0; k < 4; k++) {
    double want = 0;
    for (int i = 0; i < 3; i++) {
      double g = 2 * peri_item(z, k) * peri_item(A, 3 * k + i);
      NEAR(peri_item(G, 3 * k + i), g, 1e-12);
      want += g * g;
    }
    NEAR(peri_item(norms, k), want, 1e-10);
  }
  peri_tensor *all[] = {w, flat, A, v, data, z, y, G, norms};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) peri_release(all[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(marks_nest_to_fifth_order), TEST(nothing_is_recorded_without_a_tape),
                                     TEST(a_seed_has_the_shape_of_the_result), TEST(a_pass_reads_what_was_recorded_or_says_where_it_changed),
                                     TEST(rows_are_gradients_of_examples)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
