/* index_test.c - gather, scatter and masks against loops over elements, on contiguous and strided operands of every
** dtype. */
#include "support.h"
#include <perigee/index.h>
#include <perigee/shape.h>

static const peri_dtype dtypes[] = {PERI_BOOL, PERI_I64, PERI_F32, PERI_F64, PERI_C128};

static peri_tensor *filled(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims, uint64_t *seed) {
  peri_tensor *x = MADE(peri_new(cx, PERI_F64, nd, dims));
  for (int64_t k = 0; k < x->size; k++) ((double *)x->data)[k] = (double)(support_next(seed) % 2000) - 1000;
  if (t == PERI_BOOL)
    for (int64_t k = 0; k < x->size; k++) ((double *)x->data)[k] = (double)(support_next(seed) % 2);
  peri_tensor *r = MADE(peri_cast(x, t));
  peri_release(x);
  return r;
}

static peri_tensor *positions(peri_ctx *cx, int nd, const int64_t *dims, int64_t n, uint64_t *seed) {
  peri_tensor *x = MADE(peri_new(cx, PERI_I64, nd, dims));
  for (int64_t k = 0; k < x->size; k++) ((int64_t *)x->data)[k] = (int64_t)(support_next(seed) % (uint64_t)n);
  return x;
}

static double item(peri_tensor *t, const int64_t *index) {
  int64_t k = 0;
  for (int i = 0; i < t->ndim; i++) k = k * t->dims[i] + index[i];
  return peri_item(t, k);
}

/* A tensor of shape (5, 4, 6) whose memory lies in C order, permuted, reversed, or with gaps. */
static peri_tensor *laid_out(peri_ctx *cx, peri_dtype t, int layout, uint64_t *seed) {
  peri_tensor *a, *b;
  switch (layout) {
  case 0: return filled(cx, t, 3, (int64_t[]){5, 4, 6}, seed);
  case 1: a = filled(cx, t, 3, (int64_t[]){6, 5, 4}, seed), b = MADE(peri_permute(a, 3, (int[]){1, 2, 0})); break;
  case 2: a = filled(cx, t, 3, (int64_t[]){5, 4, 6}, seed), b = MADE(peri_flip(a, 5)); break;
  default: a = filled(cx, t, 3, (int64_t[]){5, 4, 12}, seed), b = MADE(peri_slice(a, 2, 0, 12, 2)); break;
  }
  peri_release(a);
  return b;
}

static void gather_replaces_an_axis(void **state) {
  peri_ctx *cx = *state;
  uint64_t seed = 1;
  for (int layout = 0; layout < 4; layout++)
    for (int d = 0; d < 5; d++)
      for (int axis = 0; axis < 3; axis++) {
        peri_tensor *x = laid_out(cx, dtypes[d], layout, &seed);
        peri_tensor *at = positions(cx, 2, (int64_t[]){3, 2}, x->dims[axis], &seed),
                    *turned = MADE(peri_transpose(at, 0, 1));
        peri_tensor *r = MADE(peri_gather(x, axis, turned, PERI_FROM_0));
        assert_int_equal(r->ndim, 4);
        assert_int_equal(r->dtype, x->dtype);
        for (int64_t k = 0; k < r->size; k++) {
          int64_t i[4], rest = k;
          for (int a = 3; a >= 0; a--) i[a] = rest % r->dims[a], rest /= r->dims[a];
          int64_t from[3];
          for (int a = 0; a < 3; a++)
            from[a] = a < axis ? i[a] : a > axis ? i[a + 1] : peri_item_i64(turned, i[axis] * 3 + i[axis + 1]);
          NEAR(peri_item(r, k), item(x, from), 0);
        }
        peri_release(x);
        peri_release(at);
        peri_release(turned);
        peri_release(r);
      }
}

static void positions_from_one_count_backwards_too(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(peri_arange(cx, PERI_F64, 10, 15, 1));
  peri_tensor *at = MADE(peri_from(cx, PERI_I64, 1, (int64_t[]){4}, (int64_t[]){1, 5, -1, -5}));
  peri_tensor *r = MADE(peri_gather(x, 0, at, PERI_FROM_1));
  double want[] = {10, 14, 14, 10};
  for (int k = 0; k < 4; k++) NEAR(peri_item(r, k), want[k], 0);
  peri_release(r);
  peri_release(at);
  int64_t bad[][2] = {{0, PERI_FROM_1},         {6, PERI_FROM_1},  {-6, PERI_FROM_1}, {INT64_MIN, PERI_FROM_1},
                      {INT64_MAX, PERI_FROM_1}, {-1, PERI_FROM_0}, {5, PERI_FROM_0},  {INT64_MIN, PERI_FROM_0}};
  for (int i = 0; i < 8; i++) {
    char text[64];
    at = MADE(peri_from(cx, PERI_I64, 1, (int64_t[]){1}, bad[i]));
    snprintf(text, sizeof text, "index %lld (number %lld) lies outside axis 1, which has length 5",
             (long long)bad[i][0], (long long)bad[i][1]);
    EXPECT_FAILS(peri_gather(x, 0, at, (peri_origin)bad[i][1]), PERI_ERR_INDEX, text);
    EXPECT_FAILS(peri_scatter_(x, 0, at, x, (peri_origin)bad[i][1]), PERI_ERR_INDEX, "tensor.scatter_: index");
    EXPECT_FAILS(peri_take_along(x, at, 0, (peri_origin)bad[i][1]), PERI_ERR_INDEX, "tensor.take_along: index");
    peri_release(at);
  }
  EXPECT_FAILS(peri_gather(x, 0, x, PERI_FROM_0), PERI_ERR_DTYPE, "positions must be i64, got f64");
  peri_release(x);
}

/* Long enough for the pool; the same bits for any number of threads. */
static void long_gathers_do_not_depend_on_threads(void **state) {
  peri_ctx *cx = *state;
  uint64_t seed = 7;
  peri_tensor *x = filled(cx, PERI_F32, 2, (int64_t[]){50, 1000}, &seed),
              *at = positions(cx, 1, (int64_t[]){4001}, 1000, &seed);
  peri_tensor *one = MADE(peri_gather(x, 1, at, PERI_FROM_0));
  for (int64_t k = 0; k < one->size; k += 37)
    NEAR(peri_item(one, k), peri_item(x, k / 4001 * 1000 + peri_item_i64(at, k % 4001)), 0);
  peri_set_threads(cx, 3);
  peri_tensor *three = MADE(peri_gather(x, 1, at, PERI_FROM_0));
  SAME_BITS(one, three);
  peri_release(one);
  peri_release(three);
  peri_release(at);
  peri_release(x);
}

static void take_along_looks_up_each_element(void **state) {
  peri_ctx *cx = *state;
  uint64_t seed = 3;
  for (int layout = 0; layout < 4; layout++)
    for (int axis = 0; axis < 3; axis++) {
      peri_tensor *x = laid_out(cx, dtypes[1 + layout], layout, &seed);
      int64_t dims[3] = {5, 4, 6};
      dims[axis] = 7;
      dims[(axis + 1) % 3] = 1; /* broadcast */
      peri_tensor *at = positions(cx, 3, dims, x->dims[axis], &seed),
                  *r = MADE(peri_take_along(x, at, axis, PERI_FROM_0));
      for (int64_t k = 0; k < r->size; k++) {
        int64_t i[3], from[3], rest = k;
        for (int a = 2; a >= 0; a--) i[a] = rest % r->dims[a], rest /= r->dims[a];
        memcpy(from, i, sizeof from);
        from[(axis + 1) % 3] = 0;
        int64_t p = (int64_t)item(at, from);
        i[axis] = p;
        NEAR(peri_item(r, k), item(x, i), 0);
      }
      peri_release(x);
      peri_release(at);
      peri_release(r);
    }
}

static void of_equal_positions_the_last_wins(void **state) {
  peri_ctx *cx = *state;
  uint64_t seed = 5;
  for (int layout = 0; layout < 4; layout++)
    for (int d = 0; d < 5; d++)
      for (int axis = 0; axis < 3; axis++) {
        peri_tensor *x = laid_out(cx, dtypes[d], layout, &seed),
                    *at = positions(cx, 1, (int64_t[]){9}, x->dims[axis], &seed);
        int64_t dims[3] = {5, 4, 6};
        dims[axis] = 9;
        peri_tensor *v = filled(cx, dtypes[d], 3, dims, &seed), *want = MADE(peri_clone(x));
        for (int64_t k = 0; k < 9; k++) {
          peri_tensor *to = MADE(peri_select(want, axis, peri_item_i64(at, k))), *from = MADE(peri_select(v, axis, k));
          EXPECT_OK(peri_copy_(to, from));
          peri_release(to);
          peri_release(from);
        }
        peri_tensor *r = MADE(peri_scatter(x, axis, at, v, PERI_FROM_0));
        SAME_BITS(r, want);
        EXPECT_OK(peri_scatter_(x, axis, at, v, PERI_FROM_0));
        SAME_BITS(x, want);
        peri_tensor *all[] = {x, at, v, want, r};
        for (int i = 0; i < 5; i++) peri_release(all[i]);
      }
}

static void scattered_sums_add_in_order(void **state) {
  peri_ctx *cx = *state;
  uint64_t seed = 6;
  for (int layout = 0; layout < 4; layout++)
    for (int d = 1; d < 5; d++)
      for (int axis = 0; axis < 3; axis++) {
        peri_tensor *x = laid_out(cx, dtypes[d], layout, &seed),
                    *at = positions(cx, 1, (int64_t[]){9}, x->dims[axis], &seed);
        int64_t dims[3] = {5, 4, 6};
        dims[axis] = 9;
        peri_tensor *v = filled(cx, dtypes[d], 3, dims, &seed), *want = MADE(peri_clone(x));
        for (int64_t k = 0; k < 9; k++) {
          peri_tensor *to = MADE(peri_select(want, axis, peri_item_i64(at, k))), *from = MADE(peri_select(v, axis, k));
          int64_t n = to->size;
          for (int64_t e = 0; e < n; e++) {
            int64_t o = e / to->dims[1] * to->strides[0] + e % to->dims[1] * to->strides[1];
            double s = peri_item(from, e);
            if (d == 1)
              ((int64_t *)to->data)[o] += (int64_t)s;
            else if (d == 2)
              ((float *)to->data)[o] += (float)s;
            else
              ((double *)to->data)[(d - 2) * o] += s;
          }
          peri_release(to);
          peri_release(from);
        }
        EXPECT_OK(peri_scatter_add_(x, axis, at, v, PERI_FROM_0));
        SAME_BITS(x, want);
        peri_tensor *all[] = {x, at, v, want};
        for (int i = 0; i < 4; i++) peri_release(all[i]);
      }
}

static void scatter_broadcasts_and_refuses(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){3, 2})), *half = MADE(peri_scalar(cx, 0.5));
  peri_tensor *at = MADE(peri_from(cx, PERI_I64, 1, (int64_t[]){3}, (int64_t[]){2, 0, 2}));
  peri_tensor *row = MADE(peri_arange(cx, PERI_I64, 1, 3, 1)),
              *flags = MADE(peri_zeros(cx, PERI_BOOL, 1, (int64_t[]){3}));
  EXPECT_OK(peri_scatter_add_(x, 0, at, half, PERI_FROM_0));
  EXPECT_OK(peri_scatter_add_(x, 0, at, row, PERI_FROM_0));
  double want[] = {1.5, 2.5, 0, 0, 3, 5};
  for (int k = 0; k < 6; k++) NEAR(peri_item(x, k), want[k], 0);
  EXPECT_OK(peri_scatter_(x, 0, at, half, PERI_FROM_0));
  NEAR(peri_item(x, 5), 0.5, 0);
  NEAR(peri_item(x, 2), 0, 0);
  EXPECT_FAILS(peri_scatter_(x, 1, at, row, PERI_FROM_0), PERI_ERR_INDEX, "index 2 (number 0)");
  EXPECT_FAILS(peri_scatter_(x, 0, at, flags, PERI_FROM_0), PERI_ERR_SHAPE,
               "values of shape (3) do not fit into (3, 2)");
  EXPECT_FAILS(peri_scatter_add_(flags, 0, at, flags, PERI_FROM_0), PERI_ERR_DTYPE,
               "sums of bool do not fit into bool");
  EXPECT_FAILS(peri_scatter_add_(row, 0, at, half, PERI_FROM_0), PERI_ERR_DTYPE, "sums of f64 do not fit into i64");
  peri_tensor *wide = MADE(peri_broadcast_to(row, 2, (int64_t[]){3, 2}));
  EXPECT_FAILS(peri_scatter_(wide, 0, at, row, PERI_FROM_0), PERI_ERR_STATE, "broadcast");
  peri_tensor *all[] = {x, half, at, row, flags, wide};
  for (int i = 0; i < 6; i++) peri_release(all[i]);
}

/* Operands that are the tensor itself, or views of it, are read as they were before the write. */
static void operands_may_overlap_the_target(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *p = MADE(peri_from(cx, PERI_I64, 1, (int64_t[]){4}, (int64_t[]){3, 2, 1, 0})),
              *back = MADE(peri_flip(p, 0));
  EXPECT_OK(peri_scatter_(p, 0, p, back, PERI_FROM_0)); /* p[3-k] = back[k] = k */
  for (int k = 0; k < 4; k++) assert_int_equal(peri_item_i64(p, k), 3 - k);
  EXPECT_OK(peri_scatter_(p, 0, back, p, PERI_FROM_0)); /* p[k] = 3 - k again through other eyes */
  for (int k = 0; k < 4; k++) assert_int_equal(peri_item_i64(p, k), 3 - k);
  peri_tensor *m = MADE(peri_from(cx, PERI_BOOL, 1, (int64_t[]){3}, (uint8_t[]){1, 0, 1})),
              *no = MADE(peri_scalar(cx, 0));
  EXPECT_OK(peri_masked_put_(m, m, no));
  for (int k = 0; k < 3; k++) assert_int_equal(peri_item_i64(m, k), 0);
  peri_release(p);
  peri_release(back);
  peri_release(m);
  peri_release(no);
}

static void put_along_undoes_take_along(void **state) {
  peri_ctx *cx = *state;
  uint64_t seed = 9;
  for (int layout = 0; layout < 4; layout++) {
    peri_tensor *x = laid_out(cx, dtypes[layout + 1], layout, &seed),
                *y = MADE(peri_zeros(cx, dtypes[layout + 1], 3, x->dims));
    peri_tensor *at = MADE(peri_from(cx, PERI_I64, 3, (int64_t[]){1, 4, 1}, (int64_t[]){-1, 1, -2, 2}));
    peri_tensor *taken = MADE(peri_take_along(x, at, 1, PERI_FROM_1));
    EXPECT_OK(peri_put_along_(y, at, 1, taken, PERI_FROM_1));
    SAME_BITS(y, x);
    peri_tensor *z = MADE(peri_put_along(y, at, 1, taken, PERI_FROM_1));
    SAME_BITS(z, x);
    peri_tensor *all[] = {x, y, at, taken, z};
    for (int i = 0; i < 5; i++) peri_release(all[i]);
  }
}

static void masks_select_and_fill(void **state) {
  peri_ctx *cx = *state;
  uint64_t seed = 11;
  for (int layout = 0; layout < 4; layout++)
    for (int d = 0; d < 5; d++)
      for (int axes = 0; axes <= 3; axes++) {
        peri_tensor *x = laid_out(cx, dtypes[d], layout, &seed), *m = filled(cx, PERI_BOOL, axes, x->dims, &seed);
        peri_tensor *r = MADE(peri_masked_select(x, m)), *v = MADE(peri_clone(x));
        int64_t block = x->size / m->size, count = 0;
        for (int64_t i = 0; i < m->size; i++) {
          if (!peri_item_i64(m, i)) continue;
          for (int64_t j = 0; j < block; j++) NEAR(peri_item(r, count * block + j), peri_item(x, i * block + j), 0);
          count++;
        }
        assert_int_equal(r->dims[0], count);
        assert_int_equal(r->ndim, 1 + 3 - axes);
        peri_tensor *one = MADE(peri_scalar(cx, 1)), *filled_in = MADE(peri_masked_put(v, m, one));
        for (int64_t k = 0; k < x->size; k++)
          NEAR(peri_item(filled_in, k), peri_item_i64(m, k / block) ? 1 : peri_item(x, k), 0);
        EXPECT_OK(peri_masked_put_(filled_in, m, r)); /* and back */
        SAME_BITS(filled_in, x);
        peri_tensor *all[] = {x, m, r, v, one, filled_in};
        for (int i = 0; i < 6; i++) peri_release(all[i]);
      }
  peri_tensor *x = filled(cx, PERI_F64, 2, (int64_t[]){3, 2}, &seed),
              *m = filled(cx, PERI_BOOL, 1, (int64_t[]){2}, &seed);
  EXPECT_FAILS(peri_masked_select(x, m), PERI_ERR_SHAPE,
               "a mask of shape (2) does not cover the leading axes of (3, 2)");
  EXPECT_FAILS(peri_masked_select(x, x), PERI_ERR_DTYPE, "a mask must be bool, got f64");
  peri_release(x);
  peri_release(m);
}

static void nonzero_lists_coordinates(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(peri_from(cx, PERI_F64, 2, (int64_t[]){2, 3}, (double[]){0, NAN, -0.0, 1, 0, -2}));
  peri_tensor *t = MADE(peri_transpose(x, 0, 1)), *a = MADE(peri_nonzero(x, PERI_FROM_0)),
              *b = MADE(peri_nonzero(t, PERI_FROM_1));
  int64_t want_a[] = {0, 1, 1, 0, 1, 2}, want_b[] = {1, 2, 2, 1, 3, 2};
  assert_int_equal(a->dims[0], 3);
  assert_int_equal(a->dims[1], 2);
  for (int k = 0; k < 6; k++) {
    assert_int_equal(peri_item_i64(a, k), want_a[k]);
    assert_int_equal(peri_item_i64(b, k), want_b[k]);
  }
  peri_tensor *row = MADE(peri_ravel(x)), *c = MADE(peri_nonzero(row, PERI_FROM_1));
  assert_int_equal(c->ndim, 1);
  assert_int_equal(peri_item_i64(c, 2), 6);
  peri_tensor *all[] = {x, t, a, b, row, c};
  for (int i = 0; i < 6; i++) peri_release(all[i]);
}

static void empty_selections_are_fine(void **state) {
  peri_ctx *cx = *state;
  uint64_t seed = 1;
  peri_tensor *x = filled(cx, PERI_F64, 2, (int64_t[]){3, 2}, &seed),
              *none = MADE(peri_zeros(cx, PERI_I64, 1, (int64_t[]){0}));
  peri_tensor *hollow = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){0, 2})),
              *m = MADE(peri_zeros(cx, PERI_BOOL, 1, (int64_t[]){3}));
  peri_tensor *r[] = {MADE(peri_gather(x, 0, none, PERI_FROM_1)), MADE(peri_gather(hollow, 0, none, PERI_FROM_1)),
                      MADE(peri_masked_select(x, m)), MADE(peri_nonzero(hollow, PERI_FROM_1))};
  for (int i = 0; i < 4; i++) {
    assert_int_equal(r[i]->size, 0);
    assert_int_equal(r[i]->dims[1], 2);
    peri_release(r[i]);
  }
  peri_tensor *before = MADE(peri_clone(x));
  EXPECT_OK(peri_scatter_(x, 0, none, hollow, PERI_FROM_1));
  EXPECT_OK(peri_masked_put_(x, m, hollow));
  SAME_BITS(x, before);
  peri_tensor *first = MADE(peri_from(cx, PERI_I64, 1, (int64_t[]){1}, (int64_t[]){1}));
  EXPECT_FAILS(peri_gather(hollow, 0, first, PERI_FROM_1), PERI_ERR_INDEX, "which has length 0");
  peri_tensor *all[] = {x, none, hollow, m, before, first};
  for (int i = 0; i < 6; i++) peri_release(all[i]);
}

static void failing_allocations_leave_nothing(void **state) {
  peri_ctx *cx = *state;
  uint64_t seed = 2;
  peri_tensor *x = filled(cx, PERI_F64, 2, (int64_t[]){3, 2}, &seed),
              *m = filled(cx, PERI_BOOL, 1, (int64_t[]){3}, &seed);
  peri_tensor *at = positions(cx, 2, (int64_t[]){3, 2}, 2, &seed), *t = MADE(peri_transpose(at, 0, 1)),
              *before = MADE(peri_clone(x));
  peri_tensor *half = MADE(peri_scalar_i64(cx, 2));
  for (int64_t n = 0, failed = 1; failed; n++) {
    peri_fail_allocation(cx, n);
    peri_tensor *r[] = {peri_gather(x, 1, t, PERI_FROM_0),
                        peri_masked_select(x, m),
                        peri_take_along(x, at, 1, PERI_FROM_0),
                        peri_scatter(x, 1, t, half, PERI_FROM_0),
                        peri_put_along(x, at, 1, half, PERI_FROM_0),
                        peri_masked_put(x, m, half),
                        peri_nonzero(x, PERI_FROM_0)};
    failed = peri_allocation_failed(cx);
    for (int i = 0; i < 7; i++) peri_release(r[i]);
    if (failed) assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
    SAME_BITS(x, before);
    peri_clear_error(cx);
  }
  peri_fail_allocation(cx, -1);
  peri_tensor *all[] = {x, m, at, t, before, half};
  for (int i = 0; i < 6; i++) peri_release(all[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(gather_replaces_an_axis),
                                     TEST(positions_from_one_count_backwards_too),
                                     TEST(long_gathers_do_not_depend_on_threads),
                                     TEST(take_along_looks_up_each_element),
                                     TEST(of_equal_positions_the_last_wins),
                                     TEST(scattered_sums_add_in_order),
                                     TEST(scatter_broadcasts_and_refuses),
                                     TEST(operands_may_overlap_the_target),
                                     TEST(put_along_undoes_take_along),
                                     TEST(masks_select_and_fill),
                                     TEST(nonzero_lists_coordinates),
                                     TEST(empty_selections_are_fine),
                                     TEST(failing_allocations_leave_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
