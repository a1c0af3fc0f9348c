/* shape_test.c - every view and copy against element-by-element definitions. */
#include "support.h"
#include <perigee/shape.h>

/* 0, 1, 2, ... under a shape. */
static peri_tensor *counting(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims) {
  int64_t n = 1;
  for (int i = 0; i < nd; i++) n *= dims[i];
  peri_tensor *line = MADE(peri_arange(cx, t, 0, (double)n, 1)), *r = MADE(peri_reshape(line, nd, dims));
  peri_release(line);
  return r;
}
#define COUNTING(...)                                                                                                  \
  counting(cx, PERI_F64, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

/* Shape and, in C order, elements. Releases t. */
static void expect(peri_tensor *t, int nd, const int64_t *dims, const double *values) {
  assert_int_equal(t->ndim, nd);
  for (int i = 0; i < nd; i++) assert_int_equal(t->dims[i], dims[i]);
  for (int64_t k = 0; k < t->size; k++) NEAR(peri_item(t, k), values[k], 0);
  peri_release(t);
}
#define D(...)                                                                                                         \
  (sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]) { __VA_ARGS__ }
#define V(...)                                                                                                         \
  (double[]) { __VA_ARGS__ }

static void slices_go_both_ways(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(10);
  expect(MADE(peri_slice(x, 0, 2, 8, 3)), D(2), V(2, 5));
  expect(MADE(peri_slice(x, 0, 9, -1, -4)), D(3), V(9, 5, 1));
  expect(MADE(peri_slice(x, 0, 0, 10, 10)), D(1), V(0));
  expect(MADE(peri_slice(x, 0, 10, 10, 1)), D(0), NULL);
  expect(MADE(peri_slice(x, 0, 7, 3, 1)), D(0), NULL);
  expect(MADE(peri_slice(x, -1, 9, -1, INT64_MIN)), D(1), V(9));
  expect(MADE(peri_slice(x, 0, 0, 10, INT64_MAX)), D(1), V(0));
  EXPECT_FAILS(peri_slice(x, 0, 0, 11, 1), PERI_ERR_INDEX, "0 to 11 of axis 1, which has 10");
  EXPECT_FAILS(peri_slice(x, 0, -1, 5, 1), PERI_ERR_INDEX, "-1 to 5");
  EXPECT_FAILS(peri_slice(x, 0, 10, -1, -1), PERI_ERR_INDEX, "10 to -1");
  EXPECT_FAILS(peri_slice(x, 0, 0, 5, 0), PERI_ERR_VALUE, "step");
  EXPECT_FAILS(peri_slice(x, 1, 0, 5, 1), PERI_ERR_INDEX, "axis 2 of a tensor of shape (10)");
  EXPECT_FAILS(peri_narrow(x, 0, 5, INT64_MAX), PERI_ERR_INDEX, "tensor.narrow");
  peri_release(x);
}

static void writing_into_a_view_writes_the_owner(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(3, 4), *back = MADE(peri_flip(x, 2)), *column = MADE(peri_select(back, 1, 0));
  EXPECT_OK(peri_fill_(column, -1));
  for (int64_t i = 0; i < 3; i++) NEAR(peri_item(x, 4 * i + 3), -1, 0);
  assert_ptr_equal(column->base, x->base ? x->base : x);
  peri_release(x);
  NEAR(peri_item(column, 2), -1, 0); /* the view keeps the memory */
  peri_release(back);
  peri_release(column);
}

static void select_drops_the_axis(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(2, 3, 2);
  expect(MADE(peri_select(x, 1, 2)), D(2, 2), V(4, 5, 10, 11));
  EXPECT_FAILS(peri_select(x, 1, 3), PERI_ERR_INDEX, "element 3 of axis 2, which has 3");
  EXPECT_FAILS(peri_select(x, 1, -1), PERI_ERR_INDEX, "element -1");
  peri_release(x);
}

static void reshape_is_a_view_where_it_can_be(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(4, 6), *part = MADE(peri_slice(x, 0, 0, 4, 2)), *narrow = MADE(peri_narrow(x, 1, 1, 4));
  peri_tensor *t = MADE(peri_transpose(x, 0, 1));
  peri_tensor *a = MADE(peri_reshape(part, 3, (int64_t[]){2, 3, 2})),
              *b = MADE(peri_reshape(narrow, 3, (int64_t[]){4, -1, 2}));
  peri_tensor *c = MADE(peri_reshape(t, 1, (int64_t[]){-1})), *d = MADE(peri_reshape(t, 4, (int64_t[]){3, 2, 1, 4}));
  peri_tensor *e = MADE(peri_reshape(narrow, 1, (int64_t[]){16}));
  assert_ptr_equal(a->data, x->data);
  assert_ptr_equal(b->data, narrow->data);
  assert_ptr_equal(d->data, x->data);
  assert_true(c->data != x->data && e->data != narrow->data);
  for (int64_t k = 0; k < 24; k++) {
    NEAR(peri_item(c, k), peri_item(t, k), 0);
    NEAR(peri_item(d, k), peri_item(t, k), 0);
  }
  for (int64_t k = 0; k < 16; k++) {
    NEAR(peri_item(b, k), peri_item(narrow, k), 0);
    NEAR(peri_item(e, k), peri_item(narrow, k), 0);
  }
  for (int64_t k = 0; k < 12; k++) NEAR(peri_item(a, k), peri_item(part, k), 0);
  peri_tensor *all[] = {x, part, narrow, t, a, b, c, d, e};
  for (int i = 0; i < 9; i++) peri_release(all[i]);
}

static void reshape_says_what_does_not_fit(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(3, 4), *none = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){0, 5}));
  EXPECT_FAILS(peri_reshape(x, 2, (int64_t[]){5, 2}), PERI_ERR_SHAPE,
               "the 12 elements of shape (3, 4) do not fill shape (5, 2)");
  EXPECT_FAILS(peri_reshape(x, 2, (int64_t[]){5, -1}), PERI_ERR_SHAPE, "(5, -1)");
  EXPECT_FAILS(peri_reshape(x, 2, (int64_t[]){-1, -1}), PERI_ERR_SHAPE, "dimension 2");
  EXPECT_FAILS(peri_reshape(x, 2, (int64_t[]){-3, -4}), PERI_ERR_SHAPE, "dimension 1");
  EXPECT_FAILS(peri_reshape(x, 3, (int64_t[]){INT64_MAX, INT64_MAX, 12}), PERI_ERR_SHAPE, "do not fill");
  EXPECT_FAILS(peri_reshape(none, 2, (int64_t[]){0, -1}), PERI_ERR_SHAPE, "do not fill");
  EXPECT_FAILS(peri_reshape(x, 7, (int64_t[]){1, 1, 1, 1, 1, 1, 12}), PERI_ERR_SHAPE, "7 dimensions");
  expect(MADE(peri_reshape(none, 3, (int64_t[]){5, 0, 7})), D(5, 0, 7), NULL);
  peri_release(none);
  peri_release(x);
}

static void flatten_merges_a_range_of_axes(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(2, 3, 2), *f = MADE(peri_flatten(x, 0, 1)), *r = MADE(peri_ravel(x));
  assert_ptr_equal(f->data, x->data);
  expect(f, D(6, 2), V(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  assert_int_equal(r->dims[0], 12);
  EXPECT_FAILS(peri_flatten(x, 2, 1), PERI_ERR_INDEX, "axis 3 comes after axis 2");
  peri_release(r);
  peri_release(x);
}

static void permutations_reorder_axes(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(2, 3, 2), *p = MADE(peri_permute(x, 3, (int[]){2, 0, 1})),
              *t = MADE(peri_transpose(x, -2, -1));
  for (int64_t i = 0; i < 2; i++)
    for (int64_t j = 0; j < 3; j++)
      for (int64_t k = 0; k < 2; k++) {
        NEAR(peri_item(p, (k * 2 + i) * 3 + j), peri_item(x, (i * 3 + j) * 2 + k), 0);
        NEAR(peri_item(t, (i * 2 + k) * 3 + j), peri_item(x, (i * 3 + j) * 2 + k), 0);
      }
  EXPECT_FAILS(peri_permute(x, 3, (int[]){0, 0, 1}), PERI_ERR_VALUE, "axis 1 is given twice");
  EXPECT_FAILS(peri_permute(x, 2, (int[]){0, 1}), PERI_ERR_SHAPE, "2 axes given");
  peri_release(p);
  peri_release(t);
  peri_release(x);
}

static void squeeze_and_unsqueeze_are_inverse(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(2, 3);
  for (int axis = -3; axis < 3; axis++) {
    peri_tensor *u = MADE(peri_unsqueeze(x, axis));
    int at = axis < 0 ? axis + 3 : axis;
    assert_int_equal(u->dims[at], 1);
    assert_true(peri_is_contiguous(u));
    peri_tensor *s = MADE(peri_squeeze(u, 1u << at)), *all = MADE(peri_squeeze(u, 0));
    SAME_BITS(s, x);
    SAME_BITS(all, x);
    peri_release(u);
    peri_release(s);
    peri_release(all);
  }
  EXPECT_FAILS(peri_squeeze(x, 1), PERI_ERR_SHAPE, "axis 1 of shape (2, 3) has not length 1");
  EXPECT_FAILS(peri_squeeze(x, 4), PERI_ERR_INDEX, "axis 3");
  EXPECT_FAILS(peri_unsqueeze(x, 3), PERI_ERR_INDEX, "axis 4 of a result of 3 axes");
  peri_release(x);
}

static void broadcast_repeats_without_memory(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(2, 1), *b = MADE(peri_broadcast_to(x, 3, (int64_t[]){2, -1, 3}));
  assert_ptr_equal(b->data, x->data);
  expect(b, D(2, 2, 3), V(0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1));
  EXPECT_FAILS(peri_broadcast_to(x, 2, (int64_t[]){3, 3}), PERI_ERR_SHAPE, "shape (2, 1) does not broadcast to (3, 3)");
  EXPECT_FAILS(peri_broadcast_to(x, 1, (int64_t[]){2}), PERI_ERR_SHAPE, "does not broadcast");
  EXPECT_FAILS(peri_broadcast_to(x, 3, (int64_t[]){-1, 2, 3}), PERI_ERR_SHAPE, "does not broadcast");
  peri_release(x);
}

static void flips_are_their_own_inverse(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(2, 3), *f = MADE(peri_flip(x, 0)), *g = MADE(peri_flip(f, 3));
  SAME_BITS(g, x);
  peri_release(g);
  expect(f, D(2, 3), V(5, 4, 3, 2, 1, 0));
  expect(MADE(peri_flip(x, 1)), D(2, 3), V(3, 4, 5, 0, 1, 2));
  EXPECT_FAILS(peri_flip(x, 4), PERI_ERR_INDEX, "axis 3");
  peri_release(x);
}

static void diagonals(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(3, 4), *v = COUNTING(2);
  expect(MADE(peri_diag(x, 0)), D(3), V(0, 5, 10));
  expect(MADE(peri_diag(x, 2)), D(2), V(2, 7));
  expect(MADE(peri_diag(x, -2)), D(1), V(8));
  expect(MADE(peri_diag(x, 4)), D(0), NULL);
  expect(MADE(peri_diag(x, INT64_MIN)), D(0), NULL);
  expect(MADE(peri_diag(v, 1)), D(3, 3), V(0, 0, 0, 0, 0, 1, 0, 0, 0));
  expect(MADE(peri_diag(v, -1)), D(3, 3), V(0, 0, 0, 0, 0, 0, 0, 1, 0));
  EXPECT_FAILS(peri_diag(v, INT64_MAX), PERI_ERR_SHAPE, "larger than any memory");
  EXPECT_FAILS(peri_diag(v, INT64_MIN), PERI_ERR_SHAPE, "larger than any memory");
  EXPECT_FAILS(peri_diagonal(v, 0), PERI_ERR_SHAPE, "no two axes");
  peri_release(v);
  peri_release(x);
}

static void triangles(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *stacked = COUNTING(2, 3, 4), *x = MADE(peri_transpose(stacked, 1, 2)); /* (2, 4, 3), strided */
  for (int64_t k = -6; k <= 6; k++) {
    peri_tensor *lower = MADE(peri_tril(x, k)), *upper = MADE(peri_triu(x, k));
    for (int64_t e = 0; e < x->size; e++) {
      int64_t i = e / 3 % 4, j = e % 3;
      NEAR(peri_item(lower, e), j - i <= k ? peri_item(x, e) : 0, 0);
      NEAR(peri_item(upper, e), j - i >= k ? peri_item(x, e) : 0, 0);
    }
    peri_release(lower);
    peri_release(upper);
  }
  peri_release(stacked);
  peri_release(x);
}

static void concatenation_promotes_and_checks(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = counting(cx, PERI_I64, 2, (int64_t[]){2, 2}), *b = COUNTING(2, 1),
              *c = MADE(peri_transpose(a, 0, 1));
  peri_tensor *r = MADE(peri_concatenate((peri_tensor *[]){a, b, c}, 3, -1));
  assert_int_equal(r->dtype, PERI_F64);
  expect(r, D(2, 5), V(0, 1, 0, 0, 2, 2, 3, 1, 1, 3));
  expect(MADE(peri_concatenate((peri_tensor *[]){a, c}, 2, 0)), D(4, 2), V(0, 1, 2, 3, 0, 2, 1, 3));
  expect(MADE(peri_stack((peri_tensor *[]){a, c}, 2, 1)), D(2, 2, 2), V(0, 1, 0, 2, 2, 3, 1, 3));
  expect(MADE(peri_stack((peri_tensor *[]){a, c}, 2, -1)), D(2, 2, 2), V(0, 0, 1, 2, 2, 1, 3, 3));
  EXPECT_FAILS(peri_concatenate((peri_tensor *[]){a, b}, 2, 0), PERI_ERR_SHAPE,
               "outside axis 1: (2, 2) and, as number 2, (2, 1)");
  EXPECT_FAILS(peri_stack((peri_tensor *[]){a, b}, 2, 0), PERI_ERR_SHAPE,
               "shapes differ: (2, 2) and, as number 2, (2, 1)");
  EXPECT_FAILS(peri_stack((peri_tensor *[]){a, a}, 2, 3), PERI_ERR_INDEX, "axis 4");
  peri_ctx *other = peri_open(NULL);
  peri_tensor *foreign = peri_zeros(other, PERI_F64, 2, (int64_t[]){2, 2});
  EXPECT_FAILS(peri_stack((peri_tensor *[]){a, a, foreign}, 3, 0), PERI_ERR_STATE, "operand 3");
  peri_release(foreign);
  peri_close(other);
  peri_release(a);
  peri_release(b);
  peri_release(c);
}

static void splitting_undoes_concatenation(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(2, 7), *parts[3];
  EXPECT_OK(peri_split(x, 1, 3, NULL, parts));
  assert_int_equal(parts[0]->dims[1], 3);
  assert_int_equal(parts[2]->dims[1], 2);
  peri_tensor *again = MADE(peri_concatenate(parts, 3, 1));
  SAME_BITS(again, x);
  peri_release(again);
  for (int i = 0; i < 3; i++) peri_release(parts[i]);
  EXPECT_OK(peri_split(x, 1, 3, (int64_t[]){0, 6, 1}, parts));
  again = MADE(peri_concatenate(parts, 3, 1));
  SAME_BITS(again, x);
  peri_release(again);
  for (int i = 0; i < 3; i++) peri_release(parts[i]);
  EXPECT_FAILS(peri_split(x, 1, 2, (int64_t[]){5, 1}, parts), PERI_ERR_SHAPE,
               "2 parts do not add up to the 7 elements of axis 2");
  EXPECT_FAILS(peri_split(x, 1, 2, (int64_t[]){-1, 8}, parts), PERI_ERR_SHAPE, "do not add up");
  EXPECT_FAILS(peri_split(x, 1, 0, NULL, parts), PERI_ERR_SHAPE, "0 parts");
  peri_release(x);
}

static void rolls_repeats_tiles(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(2, 3), *t = MADE(peri_transpose(x, 0, 1));
  expect(MADE(peri_roll(x, 1, 1)), D(2, 3), V(2, 0, 1, 5, 3, 4));
  expect(MADE(peri_roll(x, -4, 1)), D(2, 3), V(1, 2, 0, 4, 5, 3));
  expect(MADE(peri_roll(t, INT64_MIN, 0)), D(3, 2), V(2, 5, 0, 3, 1, 4)); /* -2^63 mod 3 = 1 */
  expect(MADE(peri_repeat_each(t, 2, 1)), D(3, 4), V(0, 0, 3, 3, 1, 1, 4, 4, 2, 2, 5, 5));
  expect(MADE(peri_repeat_each(x, 2, 0)), D(4, 3), V(0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5));
  expect(MADE(peri_repeat_each(x, 0, 0)), D(0, 3), NULL);
  expect(MADE(peri_tile(t, 2, (int64_t[]){1, 3})), D(3, 6), V(0, 3, 0, 3, 0, 3, 1, 4, 1, 4, 1, 4, 2, 5, 2, 5, 2, 5));
  peri_tensor *tiled = MADE(peri_tile(x, 3, (int64_t[]){2, 3, 2}));
  for (int64_t k = 0; k < tiled->size; k++) NEAR(peri_item(tiled, k), (double)(k / 6 % 6 % 2 * 3 + k % 6 % 3), 0);
  assert_int_equal(tiled->size, 72);
  peri_release(tiled);
  EXPECT_FAILS(peri_repeat_each(x, -1, 0), PERI_ERR_VALUE, ">= 0, got -1");
  EXPECT_FAILS(peri_repeat_each(x, INT64_MAX, 0), PERI_ERR_SHAPE, "larger than any memory");
  EXPECT_FAILS(peri_tile(x, 1, (int64_t[]){2}), PERI_ERR_SHAPE, "1 repetitions");
  EXPECT_FAILS(peri_tile(x, 2, (int64_t[]){2, -2}), PERI_ERR_VALUE, "got -2");
  peri_release(t);
  peri_release(x);
}

static void padding_surrounds(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = counting(cx, PERI_I64, 2, (int64_t[]){1, 2});
  expect(MADE(peri_pad(x, (int64_t[]){1, 0}, (int64_t[]){0, 2}, 7)), D(2, 4), V(7, 7, 7, 7, 0, 1, 7, 7));
  EXPECT_FAILS(peri_pad(x, (int64_t[]){1, -1}, (int64_t[]){0, 2}, 7), PERI_ERR_VALUE, "-1 and 2 elements at axis 2");
  EXPECT_FAILS(peri_pad(x, (int64_t[]){INT64_MAX, 0}, (int64_t[]){1, 0}, 7), PERI_ERR_SHAPE, "axis 1");
  peri_release(x);
}

static void meshgrid_varies_along_its_axis(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = COUNTING(2), *b = COUNTING(3), *grid[2];
  EXPECT_OK(peri_meshgrid((peri_tensor *[]){a, b}, 2, grid));
  expect(grid[0], D(2, 3), V(0, 0, 0, 1, 1, 1));
  expect(grid[1], D(2, 3), V(0, 1, 2, 0, 1, 2));
  peri_release(a);
  peri_release(b);
}

/* Of an empty tensor the other dimensions may be beyond any product; nothing may overflow on the way (the sanitizer
** looks). */
static void empty_tensors_may_be_huge_otherwise(void **state) {
  peri_ctx *cx = *state;
  int64_t huge = (int64_t)1 << 62;
  peri_tensor *x = MADE(peri_zeros(cx, PERI_F64, 3, (int64_t[]){0, huge, huge}));
  peri_tensor *r[] = {MADE(peri_slice(x, 1, huge - 1, -1, 1 - huge)),
                      MADE(peri_select(x, 1, huge - 1)),
                      MADE(peri_flip(x, 0)),
                      MADE(peri_unsqueeze(x, 0)),
                      MADE(peri_diagonal(x, 5)),
                      MADE(peri_tril(x, 1)),
                      MADE(peri_roll(x, 1, 1)),
                      MADE(peri_clone(x)),
                      MADE(peri_concatenate((peri_tensor *[]){x, x}, 2, 0)),
                      MADE(peri_reshape(x, 2, (int64_t[]){huge, 0}))};
  for (size_t i = 0; i < sizeof r / sizeof r[0]; i++) {
    assert_int_equal(r[i]->size, 0);
    peri_release(r[i]);
  }
  EXPECT_FAILS(peri_flatten(x, 1, 2), PERI_ERR_SHAPE, "axes 2 to 3 of shape");
  EXPECT_FAILS(peri_concatenate((peri_tensor *[]){x, x}, 2, 1), PERI_ERR_SHAPE, "larger than any memory");
  peri_release(x);
}

/* Every operation with each of its allocations failing: an error, nothing alive (the fixture looks). */
static void failing_allocations_leave_nothing(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = COUNTING(3, 4), *t = MADE(peri_transpose(x, 0, 1)), *parts[2];
  for (int64_t n = 0, failed = 1; failed; n++) {
    peri_fail_allocation(cx, n);
    peri_tensor *r[] = {peri_reshape(t, 1, (int64_t[]){-1}),
                        peri_repeat_each(t, 2, 0),
                        peri_tile(t, 2, (int64_t[]){2, 2}),
                        peri_concatenate((peri_tensor *[]){x, x}, 2, 0),
                        peri_diag(x, 0),
                        peri_roll(x, 1, 0)};
    bool split = peri_split(x, 0, 2, NULL, parts) == PERI_OK;
    failed = peri_allocation_failed(cx);
    for (int i = 0; i < 6; i++) peri_release(r[i]);
    for (int i = 0; split && i < 2; i++) peri_release(parts[i]);
    if (failed) assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
    peri_clear_error(cx);
  }
  peri_fail_allocation(cx, -1);
  peri_release(t);
  peri_release(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(slices_go_both_ways),
                                     TEST(writing_into_a_view_writes_the_owner),
                                     TEST(select_drops_the_axis),
                                     TEST(reshape_is_a_view_where_it_can_be),
                                     TEST(reshape_says_what_does_not_fit),
                                     TEST(flatten_merges_a_range_of_axes),
                                     TEST(permutations_reorder_axes),
                                     TEST(squeeze_and_unsqueeze_are_inverse),
                                     TEST(broadcast_repeats_without_memory),
                                     TEST(flips_are_their_own_inverse),
                                     TEST(diagonals),
                                     TEST(triangles),
                                     TEST(concatenation_promotes_and_checks),
                                     TEST(splitting_undoes_concatenation),
                                     TEST(rolls_repeats_tiles),
                                     TEST(padding_surrounds),
                                     TEST(meshgrid_varies_along_its_axis),
                                     TEST(empty_tensors_may_be_huge_otherwise),
                                     TEST(failing_allocations_leave_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
