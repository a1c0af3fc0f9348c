/* stable_law_test.c - stable laws from C: nodes kept or not give the same bits, tensors of any layout, errors, the stop button. */
#include "support.h"
#include "numeric/stable_law.h"
#include <math.h>
#include <perigee/numeric.h>
#include <perigee/shape.h>
#include <stdlib.h>
#include <string.h>

static const peri_stable_parameters levy = {.alpha = 0.5, .beta = 1, .scale = 2, .location = 1};

static void kept_nodes_change_nothing(void **state) {
  (void)state;
  static const double alphas[] = {0.2, 0.7, 1, 1.001, 1.5, 1.95}, betas[] = {-1, 0, 0.4}, points[] = {-1e4, -3, -0.1, 0, 0.5, 2, 77};
  pri_stable_cache *cache = malloc(sizeof *cache);
  for (int i = 0; i < 6; i++)
    for (int j = 0; j < 3; j++) {
      pri_stable_law bare, kept;
      pri_stable_law_of(&bare, alphas[i], betas[j]);
      kept = bare;
      kept.cache = memset(cache, 0, sizeof *cache);
      for (int k = 0; k < 14; k++) { /* the second time all nodes are there */
        pri_stable_value a = pri_stable_at(&bare, points[k % 7], true), b = pri_stable_at(&kept, points[k % 7], true);
        assert_memory_equal(&a, &b, sizeof a);
        assert_true(a.log_density <= log(120 / 3.14159) + 1e-6 && a.lower >= 0 && a.upper >= 0); /* f(0) = Gamma(1 + 1/alpha)/pi at alpha = 0.2 */
        NEAR(a.lower + a.upper, 1, 1e-10);
      }
    }
  free(cache);
}

static void tensors_of_any_layout(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(peri_from(cx, PERI_F64, 2, (int64_t[]){2, 2}, (double[]){0.5, 3, 1, 201}));
  peri_tensor *t = MADE(peri_transpose(x, 0, 1)), *narrow = MADE(peri_cast(x, PERI_F32));
  peri_tensor *p = MADE(peri_stable_values(t, PERI_STABLE_UPPER, &levy)), *q = MADE(peri_stable_values(narrow, PERI_STABLE_LOG_DENSITY, &levy));
  const double *upper = p->data;
  NEAR(upper[0], 1, 0);                        /* 0.5, below the support */
  NEAR(upper[1], 1, 0);                        /* 1, its edge */
  NEAR(upper[2], erf(sqrt(0.5)), 1e-13);       /* 3 = 1 + 2 */
  NEAR(upper[3], erf(sqrt(1.0 / 200)), 1e-13); /* 201 */
  assert_int_equal(q->dtype, PERI_F32);
  NEAR(((float *)q->data)[1], -0.5 - log(2 * sqrt(8 * atan(1))), 1e-6);
  assert_true(((float *)q->data)[0] == -INFINITY);
  peri_release(x), peri_release(t), peri_release(narrow), peri_release(p), peri_release(q);
}

static void bad_input_is_named(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(peri_from(cx, PERI_F64, 1, (int64_t[]){2}, (double[]){0.5, -0.25})), *whole = MADE(peri_zeros(cx, PERI_I64, 0, NULL));
  peri_stable_parameters p = levy;
  EXPECT_FAILS(peri_stable_values(whole, PERI_STABLE_CDF, &p), PERI_ERR_DTYPE, "must be f64 or f32, got i64");
  EXPECT_FAILS(peri_stable_values(x, PERI_STABLE_QUANTILE, &p), PERI_ERR_VALUE, "a probability must lie in [0, 1], got -0.25");
  p.alpha = 2.25;
  EXPECT_FAILS(peri_stable_values(x, PERI_STABLE_CDF, &p), PERI_ERR_VALUE, "alpha must lie in (0, 2], got 2.25");
  p = levy, p.beta = NAN;
  EXPECT_FAILS(peri_stable_values(x, PERI_STABLE_CDF, &p), PERI_ERR_VALUE, "beta must lie in [-1, 1]");
  p = levy, p.scale = 0;
  EXPECT_FAILS(peri_stable_values(x, PERI_STABLE_CDF, &p), PERI_ERR_VALUE, "scale must be positive, got 0");
  p = levy, p.location = INFINITY;
  EXPECT_FAILS(peri_stable_values(x, PERI_STABLE_CDF, &p), PERI_ERR_VALUE, "location must be finite");
  peri_interrupt(cx);
  EXPECT_FAILS(peri_stable_values(x, PERI_STABLE_CDF, &levy), PERI_ERR_INTERRUPT, "");
  peri_release(x), peri_release(whole);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(kept_nodes_change_nothing), TEST(tensors_of_any_layout), TEST(bad_input_is_named)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
