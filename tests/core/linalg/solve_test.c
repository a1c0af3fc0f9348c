/* Linear systems and inverses: small residuals in every layout and element type, stacks, refusals. */
#include "support.h"
#include <perigee/linalg.h>
#include <perigee/shape.h>

static peri_tensor *random_tensor(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims, uint64_t seed) {
  peri_tensor *r = MADE(peri_new(cx, t, nd, dims));
  for (int64_t i = 0; i < r->size * (t == PERI_C128 ? 2 : 1); i++) {
    if (t == PERI_F32)
      ((float *)r->data)[i] = (float)support_uniform(&seed);
    else
      ((double *)r->data)[i] = support_uniform(&seed);
  }
  return r;
}

/* |a x - b| <= tolerance elementwise, through bmm; everything at least 2-d. */
static void check_solution(peri_ctx *cx, peri_tensor *a, peri_tensor *x, peri_tensor *b, double tolerance) {
  peri_tensor *ax = MADE(peri_bmm(a, x));
  int64_t dims[PERI_MAXDIM];
  memcpy(dims, ax->dims, sizeof dims);
  peri_tensor *wide = MADE(peri_broadcast_to(b, ax->ndim, dims)), *p = MADE(peri_cast(ax, PERI_C128)),
              *q = MADE(peri_cast(wide, PERI_C128));
  for (int64_t i = 0; i < 2 * p->size; i++) NEAR(((double *)p->data)[i], ((double *)q->data)[i], tolerance);
  peri_tensor *all[] = {ax, wide, p, q};
  for (int i = 0; i < 4; i++) peri_release(all[i]);
}

static peri_tensor *transposed(peri_ctx *cx, peri_tensor *t) {
  return MADE(peri_view(t, 2, (int64_t[]){t->dims[1], t->dims[0]}, (int64_t[]){t->strides[1], t->strides[0]}, 0));
}

static void solutions_solve(void **state) {
  peri_ctx *cx = *state;
  static const peri_dtype types[] = {PERI_F32, PERI_F64, PERI_C128};
  static const int64_t sizes[] = {1, 2, 5, 33, 100};
  for (int t = 0; t < 3; t++)
    for (int s = 0; s < 5; s++)
      for (int layout = 0; layout < 4; layout++) {
        int64_t n = sizes[s];
        peri_tensor *a0 = random_tensor(cx, types[t], 2, (int64_t[]){n, n}, 1),
                    *b0 = random_tensor(cx, types[t], 2, (int64_t[]){n, n}, 2);
        peri_tensor *a = layout & 1 ? transposed(cx, a0) : peri_retain(a0),
                    *b1 = layout & 2 ? transposed(cx, b0) : peri_retain(b0);
        peri_tensor *b =
            MADE(peri_view(b1, 2, (int64_t[]){n, (n + 1) / 2}, (int64_t[]){b1->strides[0], 2 * b1->strides[1]}, 0));
        peri_tensor *x = MADE(peri_solve(a, b));
        assert_int_equal(x->dtype, types[t]);
        check_solution(cx, a, x, b, types[t] == PERI_F32 ? 2e-2 : 1e-11);
        peri_tensor *all[] = {a0, b0, a, b1, b, x};
        for (int i = 0; i < 6; i++) peri_release(all[i]);
      }
}

static void solve_gives_the_solution_of_a_known_system(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a =
      MADE(peri_from(cx, PERI_I64, 2, (int64_t[]){3, 3}, (int64_t[]){0, 2, 1, 1, 1, 0, 3, 0, 1})); /* needs pivoting */
  peri_tensor *b = MADE(peri_from(cx, PERI_I64, 1, (int64_t[]){3}, (int64_t[]){7, 3, 6})), *x = MADE(peri_solve(a, b));
  assert_int_equal(x->ndim, 1);
  assert_int_equal(x->dtype, PERI_F64);
  for (int i = 0; i < 3; i++) NEAR(peri_item(x, i), i + 1, 1e-14);
  peri_release(a);
  peri_release(b);
  peri_release(x);
}

static void solve_broadcasts_stacks(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *many = random_tensor(cx, PERI_F64, 4, (int64_t[]){3, 2, 4, 4}, 1),
              *one = random_tensor(cx, PERI_F64, 2, (int64_t[]){4, 4}, 2);
  peri_tensor *column = random_tensor(cx, PERI_F64, 4, (int64_t[]){3, 1, 4, 2}, 3),
              *vector = random_tensor(cx, PERI_F64, 1, (int64_t[]){4}, 4);
  peri_tensor *x = MADE(peri_solve(many, column)), *y = MADE(peri_solve(one, column)),
              *z = MADE(peri_solve(many, vector));
  check_solution(cx, many, x, column, 1e-12);
  check_solution(cx, one, y, column, 1e-12);
  assert_int_equal(x->size, 3 * 2 * 4 * 2);
  assert_int_equal(z->ndim, 3);
  peri_tensor *z2 = MADE(peri_view(z, 4, (int64_t[]){3, 2, 4, 1}, (int64_t[]){8, 4, 1, 1}, 0));
  peri_tensor *v2 = MADE(peri_view(vector, 2, (int64_t[]){4, 1}, (int64_t[]){1, 1}, 0));
  check_solution(cx, many, z2, v2, 1e-12);
  peri_tensor *all[] = {many, one, column, vector, x, y, z, z2, v2};
  for (int i = 0; i < 9; i++) peri_release(all[i]);
}

static void inverses_invert(void **state) {
  peri_ctx *cx = *state;
  static const peri_dtype types[] = {PERI_F32, PERI_F64, PERI_C128};
  for (int t = 0; t < 3; t++) {
    peri_tensor *a = random_tensor(cx, types[t], 3, (int64_t[]){3, 20, 20}, 7), *x = MADE(peri_inverse(a)),
                *eye = MADE(peri_eye(cx, types[t], 20, 20));
    assert_int_equal(x->dtype, types[t]);
    check_solution(cx, a, x, eye, types[t] == PERI_F32 ? 1e-2 : 1e-11);
    peri_tensor *flip = MADE(peri_view(a, 2, (int64_t[]){20, 20}, (int64_t[]){1, 20}, 0)),
                *y = MADE(peri_inverse(flip));
    check_solution(cx, flip, y, eye, types[t] == PERI_F32 ? 1e-2 : 1e-11);
    peri_tensor *all[] = {a, x, eye, flip, y};
    for (int i = 0; i < 5; i++) peri_release(all[i]);
  }
}

static void systems_of_nothing(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){0, 0})),
              *b = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){0, 3}));
  peri_tensor *eye = MADE(peri_eye(cx, PERI_F64, 3, 3)), *none = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){3, 0}));
  peri_tensor *x = MADE(peri_solve(a, b)), *y = MADE(peri_inverse(a)), *z = MADE(peri_solve(eye, none));
  assert_int_equal(x->dims[1], 3);
  assert_int_equal(x->size + y->size + z->size, 0);
  peri_tensor *all[] = {a, b, eye, none, x, y, z};
  for (int i = 0; i < 7; i++) peri_release(all[i]);
}

static void singular_and_unfinished_matrices_are_refused(void **state) {
  peri_ctx *cx = *state;
  double rank2[9] = {1, 2, 3, 2, 4, 6, 0, 1, 5}, stack[8] = {1, 0, 0, 1, 1, 1, 1, 1};
  peri_tensor *a = MADE(peri_from(cx, PERI_F64, 2, (int64_t[]){3, 3}, rank2)),
              *b = MADE(peri_zeros(cx, PERI_F64, 1, (int64_t[]){3}));
  peri_tensor *s = MADE(peri_from(cx, PERI_F64, 3, (int64_t[]){2, 2, 2}, stack));
  EXPECT_FAILS(peri_solve(a, b), PERI_ERR_NUMERIC, "linalg.solve: matrix is singular (pivot 3 is 0)");
  EXPECT_FAILS(peri_inverse(a), PERI_ERR_NUMERIC, "linalg.inverse: matrix is singular (pivot 3 is 0)");
  EXPECT_FAILS(peri_inverse(s), PERI_ERR_NUMERIC, "linalg.inverse: matrix 2 of the stack is singular (pivot 2 is 0)");
  ((double *)a->data)[5] = NAN;
  EXPECT_FAILS(peri_solve(a, b), PERI_ERR_NUMERIC, "linalg.solve: the matrix holds nan at row 2, column 3");
  ((double *)a->data)[5] = -INFINITY;
  EXPECT_FAILS(peri_inverse(a), PERI_ERR_NUMERIC, "linalg.inverse: the matrix holds -inf at row 2, column 3");
  ((double *)a->data)[5] = 7;
  ((double *)b->data)[1] = NAN;
  peri_tensor *x = MADE(peri_solve(a, b));
  assert_true(isnan(peri_item(x, 0)));
  peri_tensor *all[] = {a, b, s, x};
  for (int i = 0; i < 4; i++) peri_release(all[i]);
}

static void shapes_are_checked(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *wide = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){2, 3})), *eye = MADE(peri_eye(cx, PERI_F64, 3, 3));
  peri_tensor *v = MADE(peri_zeros(cx, PERI_F64, 1, (int64_t[]){4})), *number = MADE(peri_scalar(cx, 1));
  EXPECT_FAILS(peri_solve(wide, v), PERI_ERR_SHAPE, "linalg.solve: the matrix is not square: (2, 3)");
  EXPECT_FAILS(peri_inverse(v), PERI_ERR_SHAPE, "linalg.inverse: a matrix is needed, got shape (4)");
  EXPECT_FAILS(peri_solve(eye, v), PERI_ERR_SHAPE,
               "linalg.solve: the right-hand side has 4 rows, the matrix 3: (3, 3) and (4)");
  EXPECT_FAILS(peri_solve(eye, number), PERI_ERR_SHAPE, "got a scalar");
  peri_tensor *all[] = {wide, eye, v, number};
  for (int i = 0; i < 4; i++) peri_release(all[i]);
}

/* Every allocation on the way fails once: an error, nothing alive, the same call then succeeds. */
static void allocations_may_fail(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = random_tensor(cx, PERI_F64, 2, (int64_t[]){20, 20}, 1), *b = MADE(peri_cast(a, PERI_F32)),
              *flip = transposed(cx, a);
  for (int which = 0; which < 5; which++)
    for (int64_t n = 0;; n++) {
      peri_fail_allocation(cx, n);
      peri_tensor *x = which == 0   ? peri_solve(a, b)
                       : which == 1 ? peri_inverse(b)
                       : which == 2 ? peri_expm(b)
                       : which == 3 ? peri_mm(flip, b)
                                    : peri_bmm(b, a);
      bool failed = peri_allocation_failed(cx);
      peri_fail_allocation(cx, -1);
      if (!failed) {
        assert_non_null(x);
        peri_release(x);
        assert_true(n >= 2);
        break;
      }
      assert_null(x);
      assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
      assert_int_equal(peri_stats(cx).tensors, 3);
    }
  peri_release(a);
  peri_release(b);
  peri_release(flip);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(solutions_solve),         TEST(solve_gives_the_solution_of_a_known_system),
      TEST(solve_broadcasts_stacks), TEST(inverses_invert),
      TEST(systems_of_nothing),      TEST(singular_and_unfinished_matrices_are_refused),
      TEST(shapes_are_checked),      TEST(allocations_may_fail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
