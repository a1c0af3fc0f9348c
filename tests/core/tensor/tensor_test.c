/* tensor_test.c - making, viewing, copying, casting and releasing tensors. */
#include "support.h"
#include <perigee/shape.h>
#include <stdlib.h>

#define D(...) ((int64_t[]){__VA_ARGS__})

/* ---- making ---- */

static void small_data_follows_the_header(void **state) {
  peri_ctx *cx = *state;
  for (int64_t n = 0; n < 60; n++) {
    peri_tensor *t = MADE(peri_zeros(cx, PERI_F64, 1, &n));
    assert_int_equal(t->data == (void *)(t + 1), n * 8 <= PERI_INLINE_BYTES);
    if (n * 8 > PERI_INLINE_BYTES) assert_true(t->flags & PERI_OWNS);
    if (n * 8 > 512) assert_int_equal((uintptr_t)t->data % 64, 0);
    for (int64_t i = 0; i < n; i++) assert_true(((double *)t->data)[i] == 0);
    peri_release(t);
  }
}

static void shapes_are_checked(void **state) {
  peri_ctx *cx = *state;
  EXPECT_FAILS(peri_new(cx, PERI_F64, 2, D(3, -1)), PERI_ERR_SHAPE, "dimension 2 is -1; it must be >= 0");
  EXPECT_FAILS(peri_new(cx, PERI_F64, 7, D(1, 1, 1, 1, 1, 1, 1)), PERI_ERR_SHAPE, "7 dimensions; at most 6 are supported");
  EXPECT_FAILS(peri_new(cx, PERI_F64, 2, D((int64_t)1 << 40, (int64_t)1 << 40)), PERI_ERR_SHAPE, "larger than any memory");
  EXPECT_FAILS(peri_new(cx, PERI_F64, 3, D((int64_t)1 << 40, (int64_t)1 << 40, (int64_t)1 << 40)), PERI_ERR_SHAPE, "larger than any memory");
  EXPECT_FAILS(peri_new(cx, PERI_F64, 1, D((int64_t)1 << 50)), PERI_ERR_MEMORY, "out of memory");
  peri_tensor *t = MADE(peri_new(cx, PERI_F64, 3, D((int64_t)1 << 40, 0, (int64_t)1 << 40))); /* empty, however large the rest */
  assert_int_equal(t->size, 0);
  peri_release(t);
}

static void shapes_print(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_zeros(cx, PERI_BOOL, 0, NULL)), *b = MADE(peri_zeros(cx, PERI_I64, 1, D(5))), *c = MADE(peri_zeros(cx, PERI_F32, 6, D(1, 2, 0, 3, 1, 12)));
  const char *first = peri_shape(a);
  assert_string_equal(peri_shape(b), "(5)");
  assert_string_equal(peri_shape(c), "(1, 2, 0, 3, 1, 12)");
  for (int i = 0; i < 5; i++) peri_shape(c);
  assert_string_equal(first, "()"); /* until the eighth next call */
  static const char *const names[] = {"bool", "i64", "f32", "f64", "c128"};
  static const size_t sizes[] = {1, 8, 4, 8, 16};
  for (int t = 0; t < PERI_DTYPES; t++) {
    assert_string_equal(peri_dtype_name((peri_dtype)t), names[t]);
    assert_int_equal(peri_sizeof((peri_dtype)t), sizes[t]);
  }
  peri_release(a), peri_release(b), peri_release(c);
}

static void fills_have_the_value_in_every_dtype(void **state) {
  peri_ctx *cx = *state;
  for (int t = 0; t < PERI_DTYPES; t++) {
    peri_tensor *a = MADE(peri_full(cx, (peri_dtype)t, 2, D(7, 300), 3));
    for (int64_t i = 0; i < a->size; i++) assert_true(peri_item(a, i) == (t == PERI_BOOL ? 1 : 3));
    if (t == PERI_C128) assert_true(((double *)a->data)[1] == 0);
    EXPECT_OK(peri_fill_(a, -1));
    for (int64_t i = 0; i < a->size; i++) assert_true(peri_item(a, i) == (t == PERI_BOOL ? 1 : -1));
    peri_release(a);
  }
}

static void ranges(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_arange(cx, PERI_I64, 2, 11, 3)), *b = MADE(peri_arange(cx, PERI_F64, 1, 0, -0.25)), *c = MADE(peri_arange(cx, PERI_F32, 3, 3, 1));
  assert_true(a->size == 3 && a->dtype == PERI_I64 && peri_item_i64(a, 2) == 8);
  assert_true(b->size == 4 && peri_item(b, 3) == 0.25 && c->size == 0);
  peri_release(a), peri_release(b), peri_release(c);
  EXPECT_FAILS(peri_arange(cx, PERI_F64, 0, 1, 0), PERI_ERR_VALUE, "tensor.arange: from 0 to 1 by 0 has no end");
  EXPECT_FAILS(peri_arange(cx, PERI_F64, 0, INFINITY, 1), PERI_ERR_VALUE, "has no end");
  EXPECT_FAILS(peri_arange(cx, PERI_F64, 0, NAN, 1), PERI_ERR_VALUE, "has no end");
  EXPECT_FAILS(peri_arange(cx, PERI_F64, 0, 1e300, 1), PERI_ERR_SHAPE, "larger than any memory");
  a = MADE(peri_linspace(cx, 0.1, 0.7, 7)), b = MADE(peri_linspace(cx, 5, 9, 1)), c = MADE(peri_linspace(cx, 5, 9, 0));
  assert_true(peri_item(a, 0) == 0.1 && peri_item(a, 6) == 0.7 && peri_item(b, 0) == 5 && c->size == 0);
  for (int i = 0; i < 7; i++) NEAR(peri_item(a, i), 0.1 + 0.1 * i, 1e-15);
  EXPECT_FAILS(peri_linspace(cx, 0, 1, -1), PERI_ERR_VALUE, "tensor.linspace: the number of points must be >= 0, got -1");
  peri_release(a), peri_release(b), peri_release(c);
  for (int t = 0; t < PERI_DTYPES; t++)
    for (int64_t n = 0; n < 5; n++) {
      peri_tensor *e = MADE(peri_eye(cx, (peri_dtype)t, n, 3));
      for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < 3; k++) assert_true(peri_item(e, 3 * i + k) == (i == k));
      peri_release(e);
    }
}

/* ---- views ---- */

static void views_share_memory_and_keep_it(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_arange(cx, PERI_F64, 0, 24, 1)), *m = MADE(peri_view(a, 2, D(4, 6), D(6, 1), 0));
  peri_tensor *t = MADE(peri_view(m, 2, D(6, 4), D(1, 6), 0)), *r = MADE(peri_view(t, 1, D(3), D(-2), 5));
  assert_ptr_equal(r->base, a); /* never a chain */
  peri_release(a), peri_release(m), peri_release(t);
  assert_int_equal(peri_stats(cx).tensors, 2);
  for (int i = 0; i < 3; i++) assert_true(peri_item(r, i) == 5 - 2 * i);
  ((double *)r->data)[-2] = 77;
  assert_true(peri_item(r, 1) == 77);
  peri_release(r);
}

static void contiguity_is_known(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_zeros(cx, PERI_F64, 1, D(200)));
  static const struct { int nd; int64_t dims[3], strides[3]; bool contiguous; } cases[] = {
      {3, {4, 5, 6}, {30, 6, 1}, true}, {2, {20, 6}, {6, 1}, true},  {2, {4, 5}, {30, 6}, false}, {2, {5, 1}, {1, 99}, true}, {1, {5}, {2}, false},
      {1, {1}, {7}, true},              {1, {5}, {-1}, false},       {2, {3, 5}, {0, 1}, false},  {2, {1, 5}, {0, 1}, true},  {2, {0, 5}, {9, 9}, true}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    peri_tensor *v = MADE(peri_view(a, cases[i].nd, cases[i].dims, cases[i].strides, 20));
    assert_int_equal(peri_is_contiguous(v), cases[i].contiguous);
    peri_tensor *c = MADE(peri_contiguous(v));
    assert_true((c == v) == cases[i].contiguous && peri_is_contiguous(c));
    peri_release(v), peri_release(c);
  }
  peri_release(a);
}

/* ---- copies and casts ---- */

static double at(peri_tensor *t, int64_t i, int64_t k) { return peri_item(t, i * t->dims[1] + k); }

static void casts_reach_every_layout(void **state) {
  peri_ctx *cx = *state;
  for (int from = 0; from < PERI_DTYPES; from++)
    for (int to = 0; to < PERI_DTYPES; to++) {
      peri_tensor *ramp = MADE(peri_arange(cx, PERI_F64, -4000, 4000, 1)), *a = MADE(peri_cast(ramp, (peri_dtype)from));
      peri_tensor *v[] = {MADE(peri_view(a, 2, D(80, 100), D(100, 1), 0)), MADE(peri_view(a, 2, D(100, 80), D(1, 100), 0)),
                          MADE(peri_view(a, 2, D(30, 60), D(130, -2), 119)), MADE(peri_view(a, 2, D(50, 30), D(0, 3), 7))};
      for (int k = 0; k < 4; k++) {
        peri_tensor *r = MADE(peri_cast(v[k], (peri_dtype)to));
        assert_true(r->dtype == to && peri_is_contiguous(r) && r->data != v[k]->data);
        for (int64_t i = 0; i < v[k]->dims[0]; i++)
          for (int64_t j = 0; j < v[k]->dims[1]; j++) {
            double x = at(v[k], i, j);
            if (at(r, i, j) != (to == PERI_BOOL ? x != 0 : x)) fail_msg("cast %d to %d, layout %d: %g becomes %g", from, to, k, x, at(r, i, j));
          }
        peri_release(r), peri_release(v[k]);
      }
      peri_release(ramp), peri_release(a);
    }
}

static void casts_to_integers_saturate(void **state) {
  peri_ctx *cx = *state;
  const double x[] = {2.9, -2.9, 1e300, -1e300, NAN, INFINITY, 9007199254740993.0, -0.0};
  const int64_t want[] = {2, -2, INT64_MAX, INT64_MIN, 0, INT64_MAX, 9007199254740992, 0};
  peri_tensor *a = MADE(peri_from(cx, PERI_F64, 1, D(8), x)), *i = MADE(peri_cast(a, PERI_I64)), *b = MADE(peri_cast(a, PERI_BOOL));
  for (int k = 0; k < 8; k++) {
    assert_int_equal(peri_item_i64(i, k), want[k]);
    assert_int_equal(peri_item_i64(a, k), want[k]);
    assert_int_equal(peri_item_i64(b, k), x[k] != 0);
  }
  peri_release(a), peri_release(i), peri_release(b);
  const int64_t big[] = {INT64_MAX, INT64_MIN, ((int64_t)1 << 53) + 1};
  a = MADE(peri_from(cx, PERI_I64, 1, D(3), big));
  for (int k = 0; k < 3; k++) assert_int_equal(peri_item_i64(a, k), big[k]);
  peri_release(a);
}

static void copies_broadcast_cast_and_overlap(void **state) {
  peri_ctx *cx = *state, *other = peri_open(NULL);
  peri_tensor *a = MADE(peri_zeros(cx, PERI_F32, 2, D(40, 30))), *t = MADE(peri_view(a, 2, D(30, 40), D(1, 30), 0)), *row = MADE(peri_arange(cx, PERI_I64, 0, 40, 1));
  EXPECT_OK(peri_copy_(t, row)); /* into a transposed view, from a broadcast row of another dtype */
  for (int64_t i = 0; i < 40; i++)
    for (int64_t k = 0; k < 30; k++) assert_true(at(a, i, k) == (double)i);
  peri_tensor *line = MADE(peri_arange(cx, PERI_F64, 0, 100000, 1)), *head = MADE(peri_view(line, 1, D(99999), D(1), 0)), *tail = MADE(peri_view(line, 1, D(99999), D(1), 1));
  EXPECT_OK(peri_copy_(tail, head));
  for (int64_t i = 1; i < 100000; i++) assert_true(peri_item(line, i) == (double)(i - 1));
  EXPECT_FAILS(peri_copy_(row, a), PERI_ERR_SHAPE, "tensor.copy_: ");
  peri_tensor *z = MADE(peri_zeros(cx, PERI_C128, 1, D(40)));
  EXPECT_FAILS(peri_copy_(row, z), PERI_ERR_DTYPE, "tensor.copy_: c128 does not fit into i64; take real(), imag() or abs()");
  peri_tensor *foreign = peri_zeros(other, PERI_F64, 1, D(40));
  EXPECT_FAILS(peri_copy_(row, foreign), PERI_ERR_STATE, "tensor.copy_: the source belongs to another context");
  peri_release(foreign);
  peri_close(other);
  peri_tensor *wide = MADE(peri_broadcast_to(row, 2, D(3, 40)));
  EXPECT_FAILS(peri_copy_(wide, row), PERI_ERR_STATE, "axis 1 of this view is broadcast");
  row->flags |= PERI_READONLY;
  EXPECT_FAILS(peri_fill_(row, 1), PERI_ERR_STATE, "read-only");
  assert_true(peri_item(row, 5) == 5);
  peri_release(a), peri_release(t), peri_release(row), peri_release(line), peri_release(head), peri_release(tail), peri_release(z), peri_release(wide);
}

static void clones_do_not_depend_on_threads(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *ramp = MADE(peri_arange(cx, PERI_F64, 0, 600 * 700, 1)), *t = MADE(peri_view(ramp, 2, D(700, 600), D(1, 700), 0)), *one = MADE(peri_clone(t));
  for (int64_t i = 0; i < 700; i += 13)
    for (int64_t k = 0; k < 600; k++) assert_true(at(one, i, k) == (double)(700 * k + i));
  for (int threads = 2; threads < 6; threads++) {
    peri_set_threads(cx, threads);
    peri_tensor *many = MADE(peri_clone(t));
    SAME_BITS(one, many);
    peri_release(many);
  }
  peri_release(ramp), peri_release(t), peri_release(one);
}

/* ---- promotion and broadcasting ---- */

static void promotion_goes_right(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *t[PERI_DTYPES], *real = MADE(peri_scalar(cx, 1)), *whole = MADE(peri_scalar_i64(cx, 1));
  for (int i = 0; i < PERI_DTYPES; i++) t[i] = MADE(peri_zeros(cx, (peri_dtype)i, 1, D(1)));
  static const int with_real[] = {PERI_F64, PERI_F64, PERI_F32, PERI_F64, PERI_C128}, with_whole[] = {PERI_I64, PERI_I64, PERI_F32, PERI_F64, PERI_C128};
  for (int i = 0; i < PERI_DTYPES; i++) {
    for (int k = 0; k < PERI_DTYPES; k++) assert_int_equal(peri_promote(t[i], t[k]), i > k ? i : k);
    assert_int_equal(peri_promote(t[i], real), with_real[i]);
    assert_int_equal(peri_promote(real, t[i]), with_real[i]);
    assert_int_equal(peri_promote(whole, t[i]), with_whole[i]);
  }
  assert_int_equal(peri_promote(real, whole), PERI_F64);
  for (int i = 0; i < PERI_DTYPES; i++) peri_release(t[i]);
  peri_release(real), peri_release(whole);
}

static void shapes_broadcast_from_the_last_axis(void **state) {
  peri_ctx *cx = *state;
  static const struct { int na; int64_t a[3]; int nb; int64_t b[3]; int n; int64_t r[3]; } good[] = {
      {2, {3, 4}, 1, {4}, 2, {3, 4}},       {2, {3, 1}, 2, {1, 4}, 2, {3, 4}}, {0, {0}, 2, {3, 4}, 2, {3, 4}},
      {3, {2, 1, 0}, 2, {5, 1}, 3, {2, 5, 0}}, {1, {1}, 1, {0}, 1, {0}},       {3, {1, 1, 1}, 0, {0}, 3, {1, 1, 1}}};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    peri_tensor *a = MADE(peri_zeros(cx, PERI_F64, good[i].na, good[i].a)), *b = MADE(peri_zeros(cx, PERI_F64, good[i].nb, good[i].b));
    int nd;
    int64_t dims[PERI_MAXDIM];
    for (int swap = 0; swap < 2; swap++) {
      EXPECT_OK(peri_broadcast_shapes("f", swap ? b : a, swap ? a : b, &nd, dims));
      assert_int_equal(nd, good[i].n);
      assert_memory_equal(dims, good[i].r, (size_t)nd * sizeof dims[0]);
    }
    peri_tensor *wide = MADE(peri_broadcast_to(a, nd, dims));
    assert_int_equal(wide->ndim, nd);
    peri_release(a), peri_release(b), peri_release(wide);
  }
  peri_tensor *a = MADE(peri_zeros(cx, PERI_F64, 2, D(3, 4))), *b = MADE(peri_zeros(cx, PERI_F64, 1, D(3)));
  int nd;
  int64_t dims[PERI_MAXDIM];
  EXPECT_FAILS(peri_broadcast_shapes("f.g", a, b, &nd, dims), PERI_ERR_SHAPE, "f.g: shapes do not broadcast: (3, 4) and (3)");
  peri_release(a), peri_release(b);
}

/* ---- life and death ---- */

/* Random making, viewing and releasing: whatever the order, everything is gone in the end, and views read what was written. */
static void any_order_of_releases(void **state) {
  peri_ctx *cx = *state;
  enum { N = 200 };
  static peri_tensor *t[N];
  static double mark[N];
  uint64_t s = 3;
  memset(t, 0, sizeof t);
  for (int round = 0; round < 20000; round++) {
    int i = (int)(support_next(&s) % N), k = (int)(support_next(&s) % N);
    if (t[i]) {
      assert_true(peri_item(t[i], t[i]->size - 1) == mark[i]);
      peri_release(t[i]);
      t[i] = NULL;
    } else if (t[k]) {
      int64_t n = t[k]->size, m = n > 1 ? n - 1 : n;
      t[i] = MADE(peri_view(t[k], 1, &m, D(1), n - m));
      mark[i] = mark[k];
    } else {
      int64_t n = 1 + (int64_t)(support_next(&s) % 400);
      mark[i] = (double)round;
      t[i] = MADE(peri_full(cx, PERI_F64, 1, &n, mark[i]));
    }
  }
  for (int i = 0; i < N; i++) peri_release(t[i]);
  assert_int_equal(peri_stats(cx).tensors, 0);
}

static peri_tensor *call(peri_ctx *cx, peri_tensor *a, int k) {
  switch (k) {
  case 0: return peri_zeros(cx, PERI_F64, 1, D(1000));
  case 1: return peri_scalar(cx, 1);
  case 2: return peri_arange(cx, PERI_I64, 0, 100, 1);
  case 3: return peri_eye(cx, PERI_C128, 9, 9);
  case 4: return peri_cast(a, PERI_F32);
  case 5: return peri_copy_(a, a) ? NULL : peri_retain(a);
  case 6: return peri_fill_(a, 3) ? NULL : peri_retain(a);
  case 7: return peri_view(a, 1, D(4), D(0), 0);
  default: return peri_contiguous(a);
  }
}

static void failed_allocations_leave_nothing(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *ramp = MADE(peri_arange(cx, PERI_F64, 0, 1000, 1)), *a = MADE(peri_view(ramp, 2, D(20, 40), D(1, 20), 0));
  for (int k = 0; k < 9; k++)
    for (int64_t n = 0;; n++) {
      size_t used, after;
      peri_memory(cx, &used, NULL, NULL);
      peri_fail_allocation(cx, n);
      peri_tensor *r = call(cx, a, k);
      bool failed = peri_allocation_failed(cx);
      peri_fail_allocation(cx, -1);
      assert_true((r == NULL) == failed);
      if (failed) assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
      peri_release(r);
      peri_memory(cx, &after, NULL, NULL);
      assert_int_equal(used, after);
      if (!failed) break;
    }
  peri_release(ramp), peri_release(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(small_data_follows_the_header), TEST(shapes_are_checked), TEST(shapes_print), TEST(fills_have_the_value_in_every_dtype),
      TEST(ranges), TEST(views_share_memory_and_keep_it), TEST(contiguity_is_known), TEST(casts_reach_every_layout),
      TEST(casts_to_integers_saturate), TEST(copies_broadcast_cast_and_overlap), TEST(clones_do_not_depend_on_threads),
      TEST(promotion_goes_right), TEST(shapes_broadcast_from_the_last_axis), TEST(any_order_of_releases), TEST(failed_allocations_leave_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
