/* The matrix exponential against closed forms and a Taylor series in long double. */
#include "support.h"
#include <perigee/linalg.h>
#include <complex.h>
#include <stdlib.h>

/* e (n, n) = e^a: Taylor series of a / 2^s to order 40, squared s times, all in long double. */
static void taylor(int n, const double *a, double *e) {
  size_t size = (size_t)n * (size_t)n;
  long double *x = calloc(4 * size, sizeof *x), *sum = x + size, *term = sum + size, *t = term + size, norm = 0;
  for (size_t i = 0; i < size; i++) norm += fabsl((long double)a[i]);
  int s = norm > 0.5L ? (int)ceill(log2l(norm)) + 1 : 0;
  for (size_t i = 0; i < size; i++) x[i] = ldexpl(a[i], -s);
  for (int i = 0; i < n; i++) sum[i * n + i] = term[i * n + i] = 1;
#define TIMES(r, p, q, by)                                                                                             \
  for (int i = 0; i < n; i++)                                                                                          \
    for (int j = 0; j < n; j++) {                                                                                      \
      long double v = 0;                                                                                               \
      for (int l = 0; l < n; l++) v += (p)[i * n + l] * (q)[l * n + j];                                                \
      (r)[i * n + j] = v / (by);                                                                                       \
    }
  for (int k = 1; k <= 40; k++) {
    TIMES(t, term, x, k)
    memcpy(term, t, size * sizeof *t);
    for (size_t i = 0; i < size; i++) sum[i] += term[i];
  }
  for (int k = 0; k < s; k++) {
    TIMES(t, sum, sum, 1)
    memcpy(sum, t, size * sizeof *t);
  }
  for (size_t i = 0; i < size; i++) e[i] = (double)sum[i];
  free(x);
}

static void expm_agrees_with_a_series(void **state) {
  peri_ctx *cx = *state;
  uint64_t seed = 1;
  static const double scales[] = {1e-12, 1e-4, 3e-3, 0.05, 0.3, 1, 3, 10, 40}; /* every degree, and squarings */
  for (int n = 1; n <= 12; n += n < 4 ? 1 : 4)
    for (int s = 0; s < 9; s++) {
      double a[144], e[144], norm = 0;
      for (int i = 0; i < n * n; i++) a[i] = scales[s] * support_uniform(&seed) / n;
      taylor(n, a, e);
      for (int i = 0; i < n * n; i++) norm = fmax(norm, fabs(e[i]));
      peri_tensor *t = MADE(peri_from(cx, PERI_F64, 2, (int64_t[]){n, n}, a)), *x = MADE(peri_expm(t));
      for (int i = 0; i < n * n; i++) NEAR(peri_item(x, i), e[i], 1e-14 * (1 + scales[s]) * norm);
      peri_release(t);
      peri_release(x);
    }
}

static void expm_of_a_nilpotent_matrix_is_a_polynomial(void **state) {
  peri_ctx *cx = *state;
  double a[9] = {0, 2, 3, 0, 0, 4, 0, 0, 0}, e[9] = {1, 2, 7, 0, 1, 4, 0, 0, 1};
  peri_tensor *t = MADE(peri_from(cx, PERI_F64, 2, (int64_t[]){3, 3}, a)), *x = MADE(peri_expm(t));
  for (int i = 0; i < 9; i++) NEAR(peri_item(x, i), e[i], 1e-14);
  peri_release(t);
  peri_release(x);
}

/* [[1, b], [0, -1]] has e^A = [[e, b sinh 1], [0, 1/e]]; the norm of A alone asks for up to 28 squarings, which cost 8 digits. */
static void expm_of_a_nonnormal_matrix_keeps_its_digits(void **state) {
  peri_ctx *cx = *state;
  for (double b = 1; b <= 1e9; b *= 1e3) {
    double a[4] = {1, b, 0, -1};
    peri_tensor *t = MADE(peri_from(cx, PERI_F64, 2, (int64_t[]){2, 2}, a)), *x = MADE(peri_expm(t));
    NEAR(peri_item(x, 0), exp(1), 4e-15);
    NEAR(peri_item(x, 1), b * sinh(1), 4e-15 * b);
    NEAR(peri_item(x, 2), 0, 0);
    NEAR(peri_item(x, 3), exp(-1), 4e-15);
    peri_tensor *lower = MADE(peri_view(t, 2, (int64_t[]){2, 2}, (int64_t[]){1, 2}, 0)), *y = MADE(peri_expm(lower));
    for (int i = 0; i < 4; i++) NEAR(peri_item(y, i), peri_item(x, i == 1 ? 2 : i == 2 ? 1 : i), 0);
    peri_tensor *all[] = {t, x, lower, y};
    for (int i = 0; i < 4; i++) peri_release(all[i]);
  }
}

static void expm_of_a_stack_with_strides(void **state) {
  peri_ctx *cx = *state;
  double a[2 * 2 * 2], angle[2] = {0.3, 2.5};
  for (int k = 0; k < 2; k++) a[4 * k] = a[4 * k + 3] = 0, a[4 * k + 1] = -angle[k], a[4 * k + 2] = angle[k];
  peri_tensor *t = MADE(peri_from(cx, PERI_F64, 3, (int64_t[]){2, 2, 2}, a));
  peri_tensor *flip =
      MADE(peri_view(t, 3, (int64_t[]){2, 2, 2}, (int64_t[]){4, 1, 2}, 0)); /* rotations the other way */
  peri_tensor *x = MADE(peri_expm(t)), *y = MADE(peri_expm(flip));
  for (int k = 0; k < 2; k++) {
    double want[4] = {cos(angle[k]), -sin(angle[k]), sin(angle[k]), cos(angle[k])};
    for (int i = 0; i < 4; i++) NEAR(peri_item(x, 4 * k + i), want[i], 1e-15);
    for (int i = 0; i < 4; i++) NEAR(peri_item(y, 4 * k + i), want[i == 1 ? 2 : i == 2 ? 1 : i], 1e-15);
  }
  peri_tensor *all[] = {t, flip, x, y};
  for (int i = 0; i < 4; i++) peri_release(all[i]);
}

/* a = i h sigma_y + z I: e^a = e^z [[cos h, sin h], [-sin h, cos h]]. */
static void expm_of_complex_and_single(void **state) {
  peri_ctx *cx = *state;
  double complex z = 0.5 + 1.2 * I, a[4] = {z, 2, -2, z};
  peri_tensor *t = MADE(peri_from(cx, PERI_C128, 2, (int64_t[]){2, 2}, a)), *x = MADE(peri_expm(t));
  double complex want[4] = {cexp(z) * cos(2), cexp(z) * sin(2), -cexp(z) * sin(2), cexp(z) * cos(2)};
  assert_int_equal(x->dtype, PERI_C128);
  for (int i = 0; i < 4; i++) NEAR(cabs(((double complex *)x->data)[i] - want[i]), 0, 2e-15);
  float f[4] = {0, 1, 1, 0};
  peri_tensor *s = MADE(peri_from(cx, PERI_F32, 2, (int64_t[]){2, 2}, f)), *y = MADE(peri_expm(s));
  assert_int_equal(y->dtype, PERI_F32);
  NEAR(peri_item(y, 0), cosh(1), 1e-7);
  NEAR(peri_item(y, 1), sinh(1), 1e-7);
  peri_tensor *all[] = {t, x, s, y};
  for (int i = 0; i < 4; i++) peri_release(all[i]);
}

static void expm_at_the_edges(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *none = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){0, 0})),
              *zero = MADE(peri_zeros(cx, PERI_I64, 2, (int64_t[]){3, 3}));
  peri_tensor *x = MADE(peri_expm(none)), *y = MADE(peri_expm(zero)), *eye = MADE(peri_eye(cx, PERI_F64, 3, 3));
  assert_int_equal(x->size, 0);
  SAME_BITS(y, eye);
  double a[4] = {-1e300, 0, 0, -745};
  peri_tensor *sink = MADE(peri_from(cx, PERI_F64, 2, (int64_t[]){2, 2}, a)), *z = MADE(peri_expm(sink));
  for (int i = 0; i < 4; i++) NEAR(peri_item(z, i), 0, 1e-300);
  ((double *)sink->data)[0] = 800;
  EXPECT_FAILS(peri_expm(sink), PERI_ERR_NUMERIC, "linalg.expm: the result overflows");
  ((double *)sink->data)[1] = NAN;
  EXPECT_FAILS(peri_expm(sink), PERI_ERR_NUMERIC, "linalg.expm: the matrix holds nan at row 1, column 2");
  peri_tensor *wide = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){2, 3}));
  EXPECT_FAILS(peri_expm(wide), PERI_ERR_SHAPE, "linalg.expm: the matrix is not square: (2, 3)");
  peri_tensor *all[] = {none, zero, x, y, eye, sink, z, wide};
  for (int i = 0; i < 8; i++) peri_release(all[i]);
}

static void
expm_turns_sums_of_commuting_matrices_into_products(void **state) { /* large enough for panels: e^A e^A = e^2A */
  peri_ctx *cx = *state;
  int64_t n = 400;
  uint64_t seed = 3;
  peri_set_threads(cx, 2);
  peri_tensor *a = MADE(peri_new(cx, PERI_F64, 2, (int64_t[]){n, n})),
              *b = MADE(peri_new(cx, PERI_F64, 2, (int64_t[]){n, n}));
  for (int64_t i = 0; i < n * n; i++)
    ((double *)b->data)[i] = 2 * (((double *)a->data)[i] = support_uniform(&seed) / 10);
  peri_tensor *x = MADE(peri_expm(a)), *y = MADE(peri_expm(b)), *xx = MADE(peri_mm(x, x));
  for (int64_t i = 0; i < n * n; i++) NEAR(peri_item(xx, i), peri_item(y, i), 1e-12);
  peri_tensor *all[] = {a, b, x, y, xx};
  for (int i = 0; i < 5; i++) peri_release(all[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(expm_agrees_with_a_series),
      TEST(expm_of_a_nilpotent_matrix_is_a_polynomial),
      TEST(expm_of_a_nonnormal_matrix_keeps_its_digits),
      TEST(expm_of_a_stack_with_strides),
      TEST(expm_of_complex_and_single),
      TEST(expm_at_the_edges),
      TEST(expm_turns_sums_of_commuting_matrices_into_products),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
