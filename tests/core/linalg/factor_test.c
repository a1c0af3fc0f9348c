/* Factorisations in every layout and precision, stacks, refusals of what LAPACK cannot be given, and failing allocations. */
#include "support.h"
#include <perigee/ad.h>
#include <perigee/linalg.h>
#include <perigee/ops.h>
#include <perigee/shape.h>
#include <stdlib.h>

static peri_tensor *random_tensor(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims, uint64_t seed) {
  peri_tensor *r = MADE(peri_new(cx, t, nd, dims));
  for (int64_t i = 0; i < r->size; i++) {
    if (t == PERI_F32)
      ((float *)r->data)[i] = (float)support_uniform(&seed);
    else
      ((double *)r->data)[i] = support_uniform(&seed);
  }
  return r;
}

static peri_tensor *transposed(peri_ctx *cx, peri_tensor *t) { return MADE(peri_transpose(t, -1, -2)); }

/* a a^T + I of a random a (..., n, n). */
static peri_tensor *definite(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims, uint64_t seed) {
  peri_tensor *a = random_tensor(cx, t, nd, dims, seed), *at = transposed(cx, a), *p = MADE(peri_bmm(a, at));
  peri_tensor *one = MADE(peri_eye(cx, t, dims[nd - 1], dims[nd - 1])), *r = MADE(peri_add(p, one));
  peri_tensor *all[] = {a, at, p, one};
  for (int i = 0; i < 4; i++) peri_release(all[i]);
  return r;
}

static double at(const peri_tensor *t, int64_t i) {
  return t->dtype == PERI_F32 ? ((float *)t->data)[i] : ((double *)t->data)[i];
}

/* |x y - z| <= tolerance, x y released. */
static void check_product(peri_ctx *cx, peri_tensor *x, peri_tensor *y, peri_tensor *z, double tolerance) {
  peri_tensor *p = MADE(peri_bmm(x, y)), *q = MADE(peri_contiguous(z));
  assert_int_equal(p->size, q->size);
  for (int64_t i = 0; i < p->size; i++) NEAR(at(p, i), at(q, i), tolerance);
  peri_release(p);
  peri_release(q);
}

static void check_orthonormal(peri_ctx *cx, peri_tensor *q, double tolerance) {
  peri_tensor *qt = transposed(cx, q), *one = MADE(peri_eye(cx, (peri_dtype)q->dtype, q->dims[1], q->dims[1]));
  check_product(cx, qt, q, one, tolerance);
  peri_release(qt);
  peri_release(one);
}

static peri_tensor *scaled_columns(peri_ctx *cx, peri_tensor *a, peri_tensor *s) { return MADE(peri_mul(a, s)); }

static const peri_dtype types[] = {PERI_F32, PERI_F64};
static double tolerance_of(peri_dtype t) { return t == PERI_F32 ? 2e-4 : 1e-12; }

static void factors_multiply_back(void **state) {
  peri_ctx *cx = *state;
  static const int64_t sizes[] = {1, 2, 7, 65, 130};
  for (int t = 0; t < 2; t++)
    for (int k = 0; k < 5; k++) {
      int64_t n = sizes[k];
      double tolerance = tolerance_of(types[t]);
      peri_tensor *a = definite(cx, types[t], 2, (int64_t[]){n, n}, 5), *l = MADE(peri_cholesky(a)),
                  *lt = transposed(cx, l);
      assert_int_equal(l->dtype, types[t]);
      check_product(cx, l, lt, a, tolerance * (double)n);
      for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) assert_true(at(l, i * n + j) == 0);
      peri_tensor *w, *v;
      EXPECT_OK(peri_eigh(a, &w, &v));
      check_orthonormal(cx, v, tolerance);
      peri_tensor *vw = scaled_columns(cx, v, w), *vt = transposed(cx, v);
      check_product(cx, vw, vt, a, tolerance * (double)n);
      for (int64_t i = 1; i < n; i++) assert_true(at(w, i - 1) <= at(w, i));
      peri_tensor *all[] = {a, l, lt, w, v, vw, vt};
      for (int i = 0; i < 7; i++) peri_release(all[i]);
    }
}

static void rectangular_factors_multiply_back_in_every_layout(void **state) {
  peri_ctx *cx = *state;
  static const int64_t shapes[][2] = {{1, 1}, {1, 6}, {6, 1}, {9, 4}, {4, 9}, {90, 40}, {40, 90}};
  for (int t = 0; t < 2; t++)
    for (int k = 0; k < 7; k++)
      for (int layout = 0; layout < 3; layout++) {
        int64_t m = shapes[k][0], n = shapes[k][1];
        double tolerance = tolerance_of(types[t]);
        peri_tensor *whole = layout == 1 ? random_tensor(cx, types[t], 2, (int64_t[]){n, m}, 3)
                                         : random_tensor(cx, types[t], 2, (int64_t[]){2 * m, 3 * n}, 3);
        peri_tensor *a = layout == 1   ? transposed(cx, whole)
                         : layout == 2 ? MADE(peri_view(whole, 2, (int64_t[]){m, n}, (int64_t[]){6 * n, 3}, 0))
                                       : MADE(peri_view(whole, 2, (int64_t[]){m, n}, (int64_t[]){3 * n, 1}, 0));
        peri_tensor *u, *s, *vt, *q, *r;
        EXPECT_OK(peri_svd(a, &u, &s, &vt));
        EXPECT_OK(peri_qr(a, &q, &r));
        peri_tensor *us = scaled_columns(cx, u, s), *v = transposed(cx, vt), *p = MADE(peri_pinv(a, -1)),
                    *ap = MADE(peri_bmm(a, p));
        check_product(cx, us, vt, a, tolerance * 10);
        check_orthonormal(cx, u, tolerance);
        check_orthonormal(cx, v, tolerance);
        check_product(cx, q, r, a, tolerance * 10);
        check_orthonormal(cx, q, tolerance);
        check_product(cx, ap, a, a, tolerance * 100);
        peri_tensor *all[] = {whole, a, u, s, vt, q, r, us, v, p, ap};
        for (int i = 0; i < 11; i++) peri_release(all[i]);
      }
}

static void triangular_systems_solve_in_every_layout(void **state) {
  peri_ctx *cx = *state;
  for (int t = 0; t < 2; t++)
    for (int layout = 0; layout < 3; layout++)
      for (uint32_t flags = 0; flags < 4; flags++) {
        int64_t n = 33;
        peri_tensor *whole = random_tensor(cx, types[t], 2, (int64_t[]){2 * n, 2 * n}, 11);
        for (int64_t i = 0; i < 2 * n; i++) /* diagonals of all three views */
          for (int64_t j = 0; j < 2 * n; j++) {
            double x = at(whole, i * 2 * n + j) / (double)n + (i == j ? 2 : 0);
            if (types[t] == PERI_F32)
              ((float *)whole->data)[i * 2 * n + j] = (float)x;
            else
              ((double *)whole->data)[i * 2 * n + j] = x;
          }
        const int64_t strides[3][2] = {{2 * n, 1}, {1, 2 * n}, {4 * n, 2}};
        peri_tensor *a = MADE(peri_view(whole, 2, (int64_t[]){n, n}, strides[layout], 0));
        peri_tensor *b = random_tensor(cx, types[t], 2, (int64_t[]){n, 4}, 12),
                    *x = MADE(peri_solve_triangular(a, b, flags));
        peri_tensor *half = MADE(flags & PERI_TRIANGLE_UPPER ? peri_triu(a, 0) : peri_tril(a, 0));
        peri_tensor *m = flags & PERI_TRIANGLE_TRANSPOSED ? transposed(cx, half) : peri_retain(half);
        check_product(cx, m, x, b, tolerance_of(types[t]));
        peri_tensor *all[] = {whole, a, b, x, half, m};
        for (int i = 0; i < 6; i++) peri_release(all[i]);
      }
}

static void stacks_are_factored_one_by_one(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = definite(cx, PERI_F64, 4, (int64_t[]){2, 3, 5, 5}, 21), *flipped = MADE(peri_flip(a, 1));
  peri_tensor *l = MADE(peri_cholesky(flipped)), *d = MADE(peri_logdet(flipped)), *w = MADE(peri_eigvalsh(flipped));
  for (int64_t i = 0; i < 2; i++)
    for (int64_t j = 0; j < 3; j++) {
      peri_tensor *row = MADE(peri_select(a, 0, 1 - i)), *one = MADE(peri_select(row, 0, j)),
                  *lo = MADE(peri_cholesky(one));
      peri_tensor *part = MADE(peri_select(l, 0, i)), *same = MADE(peri_select(part, 0, j));
      SAME_BITS(lo, same);
      double product = 0;
      for (int64_t k = 0; k < 5; k++) product += log(at(w, (i * 3 + j) * 5 + k));
      NEAR(at(d, i * 3 + j), product, 1e-12);
      peri_tensor *all[] = {row, one, lo, part, same};
      for (int k = 0; k < 5; k++) peri_release(all[k]);
    }
  peri_tensor *all[] = {a, flipped, l, d, w};
  for (int k = 0; k < 5; k++) peri_release(all[k]);
}

/* A matrix of one element repeated: as large as one likes. */
static peri_tensor *endless(peri_ctx *cx, int64_t rows, int64_t cols) {
  double one = 1;
  peri_tensor *x = MADE(peri_from(cx, PERI_F64, 0, NULL, &one)),
              *r = MADE(peri_view(x, 2, (int64_t[]){rows, cols}, (int64_t[]){0, 0}, 0));
  peri_release(x);
  return r;
}

static void what_lapack_cannot_be_given_is_refused(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *tall = endless(cx, INT64_C(1) << 32, 1), *wide = endless(cx, 2, INT64_C(1) << 32);
  peri_tensor *large = endless(cx, 40000, 40000), *long_ = endless(cx, 3, INT64_C(40000000)), *b = endless(cx, 3, 1);
  peri_tensor *p, *q, *r;
  EXPECT_FAILS(peri_svdvals(wide), PERI_ERR_SHAPE,
               "linalg.svdvals: (2, 4294967296) is beyond LAPACK's largest dimension");
  EXPECT_FAILS(peri_qr(wide, &p, &q), PERI_ERR_SHAPE, "linalg.qr: (2, 4294967296) is beyond");
  EXPECT_FAILS(peri_eigh(large, &p, &q), PERI_ERR_SHAPE,
               "linalg.eigh: the matrix is too large, LAPACK's work space would have 3.2e+09 elements");
  EXPECT_FAILS(peri_svd(large, &p, &q, &r), PERI_ERR_SHAPE, "linalg.svd: the matrix is too large");
  EXPECT_FAILS(peri_svdvals(long_), PERI_ERR_SHAPE, "linalg.svdvals: the matrix is too large");
  EXPECT_FAILS(peri_qr(long_, &p, &q), PERI_ERR_SHAPE, "linalg.qr: the matrix is too large");
  EXPECT_FAILS(peri_lstsq(long_, b, -1, &p, &q), PERI_ERR_SHAPE, "linalg.lstsq: the matrix is too large");
  EXPECT_FAILS(peri_lstsq(b, tall, -1, &p, &q), PERI_ERR_SHAPE,
               "linalg.lstsq: the right-hand side has 4294967296 rows, the matrix 3");
  peri_tensor *all[] = {tall, wide, large, long_, b};
  for (int i = 0; i < 5; i++) peri_release(all[i]);
}

static void results_of_a_failed_call_are_null(void **state) {
  peri_ctx *cx = *state;
  double bad[] = {1, 2, NAN, 1};
  peri_tensor *a = MADE(peri_from(cx, PERI_F64, 2, (int64_t[]){2, 2}, bad)), *p = a, *q = a, *r = a;
  EXPECT_FAILS(peri_eigh(a, &p, &q), PERI_ERR_NUMERIC, "linalg.eigh: the matrix holds nan at row 2, column 1");
  assert_true(!p && !q);
  p = q = a;
  EXPECT_FAILS(peri_svd(a, &p, &q, &r), PERI_ERR_NUMERIC, "linalg.svd: the matrix holds nan at row 2, column 1");
  assert_true(!p && !q && !r);
  p = q = a;
  EXPECT_FAILS(peri_qr(a, &p, &q), PERI_ERR_NUMERIC, "linalg.qr: the matrix holds nan at row 2, column 1");
  assert_true(!p && !q);
  p = q = a;
  EXPECT_FAILS(peri_slogdet(a, &p, &q), PERI_ERR_NUMERIC, "linalg.slogdet: the matrix holds nan at row 2, column 1");
  assert_true(!p && !q);
  peri_release(a);
}

static void symmetry_is_asked_up_to_rounding(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = definite(cx, PERI_F64, 2, (int64_t[]){70, 70}, 31), *l = NULL;
  double *x = a->data, scale = 0;
  for (int64_t i = 0; i < a->size; i++) scale = fmax(scale, fabs(x[i]));
  x[65 * 70 + 2] += 1e-9 * scale;
  l = MADE(peri_cholesky(a));
  peri_release(l);
  x[65 * 70 + 2] += 1e-7 * scale;
  EXPECT_FAILS(peri_cholesky(a), PERI_ERR_VALUE, "linalg.cholesky: the matrix is not symmetric (row 66, column 3");
  EXPECT_FAILS(peri_eigvalsh(a), PERI_ERR_VALUE, "linalg.eigvalsh: the matrix is not symmetric (row 66, column 3");
  x[65 * 70 + 2] = x[2 * 70 + 65] = -INFINITY;
  EXPECT_FAILS(peri_cholesky(a), PERI_ERR_NUMERIC, "linalg.cholesky: the matrix holds -inf at row 3, column 66");
  peri_release(a);
}

/* The logarithm of a determinant and its gradient A^-1, from C. */
static void a_gradient_from_c(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = definite(cx, PERI_F64, 2, (int64_t[]){6, 6}, 41), *inverse = MADE(peri_inverse(a)), *g = NULL;
  peri_mark mark;
  EXPECT_OK(peri_tape_begin(cx, &mark));
  peri_tensor *v = MADE(peri_lift(a)), *l = MADE(peri_cholesky(v)), *d = MADE(peri_diagonal(l, 0)),
              *y = MADE(peri_log(d));
  EXPECT_OK(peri_backward(y, NULL, &v, 1, &g)); /* of sum log L_ii = log det A / 2 */
  peri_tape_end(cx, mark);
  for (int64_t i = 0; i < 36; i++) NEAR(2 * at(g, i), at(inverse, i), 1e-12);
  peri_tensor *all[] = {a, inverse, g, v, l, d, y};
  for (int i = 0; i < 7; i++) peri_release(all[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(factors_multiply_back),
      TEST(rectangular_factors_multiply_back_in_every_layout),
      TEST(triangular_systems_solve_in_every_layout),
      TEST(stacks_are_factored_one_by_one),
      TEST(what_lapack_cannot_be_given_is_refused),
      TEST(results_of_a_failed_call_are_null),
      TEST(symmetry_is_asked_up_to_rounding),
      TEST(a_gradient_from_c),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
