/* Products against a naive loop, in every layout and element type; panels, stacks, edges, threads. */
#include "support.h"
#include <perigee/linalg.h>
#include <perigee/shape.h>
#include <complex.h>
#include <pthread.h>
#include <time.h>

static peri_tensor *random_matrix(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims, uint64_t seed) {
  peri_tensor *r = MADE(peri_new(cx, t, nd, dims));
  int64_t n = r->size * (t == PERI_C128 ? 2 : 1);
  for (int64_t i = 0; i < n; i++) {
    double u = support_uniform(&seed);
    if (t == PERI_F32)
      ((float *)r->data)[i] = (float)u;
    else if (t == PERI_I64)
      ((int64_t *)r->data)[i] = (int64_t)(10 * u);
    else
      ((double *)r->data)[i] = u;
  }
  return r;
}

static double complex at(const peri_tensor *t, const int64_t *index) {
  int64_t o = 0;
  for (int i = 0; i < t->ndim; i++) o += index[i] * t->strides[i];
  switch ((peri_dtype)t->dtype) {
  case PERI_F32: return ((const float *)t->data)[o];
  case PERI_I64: return (double)((const int64_t *)t->data)[o];
  case PERI_C128: return ((const double complex *)t->data)[o];
  default: return ((const double *)t->data)[o];
  }
}

/* Every element of c = a b (2-d) within eps k |a| |b| of a sum in the obvious order. */
static void check_product(const peri_tensor *a, const peri_tensor *b, const peri_tensor *c) {
  double eps = c->dtype == PERI_F32 ? 0x1p-23 : 0x1p-52;
  assert_int_equal(c->ndim, 2);
  assert_int_equal(c->dims[0], a->dims[0]);
  assert_int_equal(c->dims[1], b->dims[1]);
  for (int64_t i = 0; i < c->dims[0]; i++)
    for (int64_t j = 0; j < c->dims[1]; j++) {
      double complex sum = 0;
      double size = 0;
      for (int64_t l = 0; l < a->dims[1]; l++) {
        double complex x = at(a, (int64_t[]){i, l}) * at(b, (int64_t[]){l, j});
        sum += x;
        size += cabs(x);
      }
      double off = cabs(at(c, (int64_t[]){i, j}) - sum);
      if (!(off <= eps * (double)(a->dims[1] + 2) * size)) fail_msg("(%d, %d) is off by %g", (int)i, (int)j, off);
    }
}

/* Layouts of an (r, c) matrix: row-major, transposed, a block of a larger one, reversed rows, every other column, one row repeated. */
enum { LAYOUTS = 6 };
static peri_tensor *in_layout(peri_ctx *cx, peri_dtype t, int64_t r, int64_t c, int layout, uint64_t seed) {
  int64_t big[2] = {2 * r + 3, 2 * c + 5}, dims[2] = {r, c};
  if (layout == 1) big[0] = c, big[1] = r;
  if (layout == 0) big[0] = r, big[1] = c;
  peri_tensor *whole = random_matrix(cx, t, 2, big, seed);
  int64_t w = big[1], offset = 0, strides[2] = {w, 1};
  if (layout == 1) strides[0] = 1, strides[1] = w;
  if (layout == 2) offset = 2 * w + 1;
  if (layout == 3) offset = r > 0 ? (r - 1) * w : 0, strides[0] = -w;
  if (layout == 4) strides[1] = 2;
  if (layout == 5) strides[0] = 0;
  peri_tensor *v = MADE(peri_view(whole, 2, dims, strides, offset));
  peri_release(whole);
  return v;
}

static void mm_agrees_with_the_definition(void **state) {
  peri_ctx *cx = *state;
  static const int64_t shapes[][3] = {{1, 1, 1},   {3, 4, 2},   {1, 7, 5},   {6, 9, 1},
                                      {1, 300, 1}, {17, 1, 13}, {33, 65, 20}};
  static const peri_dtype types[] = {PERI_F32, PERI_F64, PERI_C128};
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
    for (int t = 0; t < 3; t++)
      for (int la = 0; la < LAYOUTS; la++)
        for (int lb = 0; lb < LAYOUTS; lb++) {
          const int64_t *d = shapes[s];
          peri_tensor *a = in_layout(cx, types[t], d[0], d[1], la, 1), *b = in_layout(cx, types[t], d[1], d[2], lb, 2);
          peri_tensor *c = MADE(peri_mm(a, b));
          assert_int_equal(c->dtype, types[t]);
          check_product(a, b, c);
          peri_release(a);
          peri_release(b);
          peri_release(c);
        }
}

static void mm_in_panels_agrees_with_the_definition(void **state) {
  peri_ctx *cx = *state;
  static const int64_t shapes[][3] = {{700, 64, 70},   {5, 200, 3000}, {1, 1000, 5000},
                                      {20011, 130, 1}, {260, 90, 100}, {100000, 4, 6}};
  peri_set_threads(cx, 3);
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
    for (int layout = 0; layout < 2; layout++) {
      const int64_t *d = shapes[s];
      peri_tensor *a = in_layout(cx, PERI_F64, d[0], d[1], layout, 3),
                  *b = in_layout(cx, PERI_F64, d[1], d[2], layout, 4);
      peri_tensor *c = MADE(peri_mm(a, b));
      check_product(a, b, c);
      peri_release(a);
      peri_release(b);
      peri_release(c);
    }
}

static void mm_gives_the_same_bits_on_any_number_of_threads(void **state) {
  peri_ctx *cx = *state;
  static const int64_t shapes[][3] = {{513, 513, 513}, {1000, 333, 700}, {8, 2000, 3000}, {30000, 100, 1}};
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
    const int64_t *d = shapes[s];
    peri_tensor *a = random_matrix(cx, PERI_F64, 2, (int64_t[]){d[0], d[1]}, 5),
                *b = random_matrix(cx, PERI_F64, 2, (int64_t[]){d[1], d[2]}, 6);
    peri_set_threads(cx, 1);
    peri_tensor *alone = MADE(peri_mm(a, b));
    for (int threads = 2; threads <= 5; threads++) {
      peri_set_threads(cx, threads);
      peri_tensor *c = MADE(peri_mm(a, b));
      SAME_BITS(alone, c);
      peri_release(c);
    }
    peri_release(alone);
    peri_release(a);
    peri_release(b);
  }
}

static void mm_promotes(void **state) {
  peri_ctx *cx = *state;
  static const struct {
    peri_dtype a, b, c;
  } cases[] = {{PERI_F32, PERI_F64, PERI_F64},
               {PERI_I64, PERI_F32, PERI_F32},
               {PERI_F64, PERI_C128, PERI_C128},
               {PERI_C128, PERI_I64, PERI_C128}};
  for (int i = 0; i < 4; i++) {
    peri_tensor *a = random_matrix(cx, cases[i].a, 2, (int64_t[]){5, 7}, 1),
                *b = random_matrix(cx, cases[i].b, 2, (int64_t[]){7, 3}, 2);
    peri_tensor *c = MADE(peri_mm(a, b));
    assert_int_equal(c->dtype, cases[i].c);
    check_product(a, b, c);
    peri_release(a);
    peri_release(b);
    peri_release(c);
  }
}

static void mm_of_nothing(void **state) {
  peri_ctx *cx = *state;
  static const int64_t shapes[][3] = {{3, 0, 2}, {0, 4, 2}, {3, 4, 0}, {0, 0, 0}, {1, 0, 1}};
  for (int i = 0; i < 5; i++) {
    const int64_t *d = shapes[i];
    peri_tensor *a = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){d[0], d[1]})),
                *b = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){d[1], d[2]}));
    peri_tensor *dirty = MADE(peri_full(cx, PERI_F64, 2, (int64_t[]){d[0], d[2]}, NAN)); /* its block is reused below */
    peri_release(dirty);
    peri_tensor *c = MADE(peri_mm(a, b));
    assert_int_equal(c->dims[0], d[0]);
    assert_int_equal(c->dims[1], d[2]);
    for (int64_t k = 0; k < c->size; k++) NEAR(peri_item(c, k), 0, 0);
    peri_release(a);
    peri_release(b);
    peri_release(c);
  }
}

static void mm_ignores_what_its_result_block_held(void **state) {
  peri_ctx *cx = *state;
  for (int64_t n = 1; n <= 40; n += 13) {
    peri_tensor *a = random_matrix(cx, PERI_F64, 2, (int64_t[]){40, 30}, 1),
                *b = random_matrix(cx, PERI_F64, 2, (int64_t[]){30, n}, 2);
    peri_tensor *dirty = MADE(peri_full(cx, PERI_F64, 2, (int64_t[]){40, n}, NAN));
    peri_release(dirty);
    peri_tensor *c = MADE(peri_mm(a, b));
    check_product(a, b, c);
    peri_release(a);
    peri_release(b);
    peri_release(c);
  }
}

static void mv_is_mm_with_one_column(void **state) {
  peri_ctx *cx = *state;
  for (int layout = 0; layout < LAYOUTS; layout++)
    for (int step = -2; step <= 2; step++) {
      peri_tensor *a = in_layout(cx, PERI_F64, 12, 8, layout, 1),
                  *line = random_matrix(cx, PERI_F64, 1, (int64_t[]){20}, 2);
      peri_tensor *x = MADE(peri_view(line, 1, (int64_t[]){8}, (int64_t[]){step}, step < 0 ? 16 : 1));
      peri_tensor *column = MADE(peri_view(x, 2, (int64_t[]){8, 1}, (int64_t[]){step, 1}, 0));
      peri_tensor *y = MADE(peri_mv(a, x)),
                  *as_matrix = MADE(peri_view(y, 2, (int64_t[]){12, 1}, (int64_t[]){1, 1}, 0));
      assert_int_equal(y->ndim, 1);
      check_product(a, column, as_matrix);
      peri_tensor *all[] = {a, line, x, column, y, as_matrix};
      for (int i = 0; i < 6; i++) peri_release(all[i]);
    }
}

static peri_tensor *element(peri_ctx *cx, peri_tensor *t, int64_t i, int64_t j) { /* t is 4-d, or broadcasts to it */
  int64_t index[2] = {i, j}, offset = 0;
  for (int k = 0; k < 2; k++) {
    int axis = t->ndim - 4 + k;
    if (axis >= 0 && t->dims[axis] > 1) offset += index[k] * t->strides[axis];
  }
  return MADE(peri_view(t, 2, t->dims + t->ndim - 2, t->strides + t->ndim - 2, offset));
}

static void bmm_broadcasts_its_stacks(void **state) {
  peri_ctx *cx = *state;
  peri_set_threads(cx, 2);
  static const int64_t left[][4] = {{3, 4, 5, 6}, {1, 4, 5, 6}, {3, 1, 5, 6}, {3, 4, 5, 6}},
                       right[][4] = {{3, 4, 6, 2}, {3, 1, 6, 2}, {1, 4, 6, 2}, {0, 0, 6, 2}};
  static const int nd[] = {4, 4, 4, 2};
  for (int c = 0; c < 4; c++) {
    peri_tensor *a = random_matrix(cx, PERI_F64, 4, left[c], 1),
                *b = random_matrix(cx, PERI_F64, nd[c], right[c] + 4 - nd[c], 2);
    peri_tensor *r = MADE(peri_bmm(a, b));
    assert_int_equal(r->ndim, 4);
    assert_int_equal(r->size, 3 * 4 * 5 * 2);
    for (int64_t i = 0; i < 3; i++)
      for (int64_t j = 0; j < 4; j++) {
        peri_tensor *x = element(cx, a, i, j), *y = element(cx, b, i, j), *z = element(cx, r, i, j);
        check_product(x, y, z);
        peri_release(x);
        peri_release(y);
        peri_release(z);
      }
    peri_release(a);
    peri_release(b);
    peri_release(r);
  }
}

static void bmm_of_two_matrices_is_mm(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = in_layout(cx, PERI_F64, 300, 130, 1, 1), *b = in_layout(cx, PERI_F64, 130, 70, 2, 2);
  peri_tensor *c = MADE(peri_bmm(a, b)), *d = MADE(peri_mm(a, b));
  SAME_BITS(c, d);
  peri_tensor *all[] = {a, b, c, d};
  for (int i = 0; i < 4; i++) peri_release(all[i]);
}

static void outer_is_the_table_of_products(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = random_matrix(cx, PERI_I64, 1, (int64_t[]){4}, 1),
              *b = random_matrix(cx, PERI_I64, 1, (int64_t[]){9}, 2);
  peri_tensor *reversed = MADE(peri_view(b, 1, (int64_t[]){3}, (int64_t[]){-2}, 8)), *c = MADE(peri_outer(a, reversed));
  assert_int_equal(c->dtype, PERI_I64);
  assert_int_equal(c->ndim, 2);
  for (int64_t i = 0; i < 4; i++)
    for (int64_t j = 0; j < 3; j++)
      assert_int_equal(peri_item_i64(c, 3 * i + j), peri_item_i64(a, i) * peri_item_i64(b, 8 - 2 * j));
  EXPECT_FAILS(peri_outer(a, c), PERI_ERR_SHAPE, "tensor.outer: the second operand must be a vector, got shape (4, 3)");
  peri_tensor *all[] = {a, b, reversed, c};
  for (int i = 0; i < 4; i++) peri_release(all[i]);
}

static void products_refuse_what_does_not_fit(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){3, 4})),
              *b = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){5, 2}));
  peri_tensor *x = MADE(peri_zeros(cx, PERI_F64, 1, (int64_t[]){5})),
              *i = MADE(peri_zeros(cx, PERI_I64, 2, (int64_t[]){4, 4}));
  peri_tensor *stack = MADE(peri_zeros(cx, PERI_F64, 3, (int64_t[]){2, 3, 4})),
              *other = MADE(peri_zeros(cx, PERI_F64, 3, (int64_t[]){3, 4, 4}));
  EXPECT_FAILS(peri_mm(a, b), PERI_ERR_SHAPE, "tensor.mm: inner dimensions differ: (3, 4) x (5, 2)");
  EXPECT_FAILS(peri_mm(a, x), PERI_ERR_SHAPE, "tensor.mm: the second operand must be a matrix, got shape (5)");
  EXPECT_FAILS(peri_mv(a, x), PERI_ERR_SHAPE, "tensor.mv: inner dimensions differ: (3, 4) x (5)");
  EXPECT_FAILS(peri_mm(i, i), PERI_ERR_DTYPE, "tensor.mm: not defined for i64 x i64; cast one operand to f64");
  EXPECT_FAILS(peri_bmm(stack, other), PERI_ERR_SHAPE,
               "tensor.bmm: leading axes do not broadcast: (2, 3, 4) and (3, 4, 4)");
  EXPECT_FAILS(peri_bmm(x, other), PERI_ERR_SHAPE, "two axes or more, got (5) and (3, 4, 4)");
  peri_tensor *all[] = {a, b, x, i, stack, other};
  for (int k = 0; k < 6; k++) peri_release(all[k]);
}

static void
dimensions_beyond_32_bits_are_refused(void **state) { /* views of one number, so nothing of that size exists */
  peri_ctx *cx = *state;
  int64_t huge = (int64_t)INT32_MAX + 2;
  peri_tensor *one = MADE(peri_full(cx, PERI_F64, 2, (int64_t[]){1, 1}, 1));
  peri_tensor *row = MADE(peri_broadcast_to(one, 2, (int64_t[]){1, huge})),
              *column = MADE(peri_broadcast_to(one, 2, (int64_t[]){huge, 1}));
  EXPECT_FAILS(peri_mm(row, column), PERI_ERR_SHAPE, "beyond BLAS's largest dimension");
  peri_tensor *thin = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){2, 3})),
              *far = MADE(peri_view(thin, 2, (int64_t[]){1, 3}, (int64_t[]){huge, 1}, 0));
  peri_tensor *eye = MADE(peri_eye(cx, PERI_F64, 3, 3)),
              *c = MADE(peri_mm(far, eye)); /* the stride of a single row does not matter */
  assert_int_equal(c->size, 3);
  peri_tensor *all[] = {one, row, column, thin, far, eye, c};
  for (int k = 0; k < 7; k++) peri_release(all[k]);
}

static void products_stop_when_told(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = random_matrix(cx, PERI_F64, 2, (int64_t[]){300, 300}, 1);
  peri_interrupt(cx);
  EXPECT_FAILS(peri_mm(a, a), PERI_ERR_INTERRUPT, "interrupted");
  peri_clear_interrupt(cx);
  peri_tensor *c = MADE(peri_mm(a, a));
  peri_release(c);
  peri_release(a);
}

static void *stop_soon(void *cx) {
  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  peri_interrupt(cx);
  return NULL;
}

static void
products_stop_on_the_way(void **state) { /* far more work than 20 ms, and than the panels that are running then */
  peri_ctx *cx = *state;
  pthread_t other;
  peri_tensor *a = MADE(peri_zeros(cx, PERI_F64, 2, (int64_t[]){4000, 4000}));
  peri_set_threads(cx, 2);
  assert_int_equal(pthread_create(&other, NULL, stop_soon, cx), 0);
  peri_tensor *c = peri_mm(a, a);
  pthread_join(other, NULL);
  assert_null(c);
  assert_int_equal(peri_errcode(cx), PERI_ERR_INTERRUPT);
  peri_release(a);
}

int main(void) {
  peri_close(peri_open(&(peri_config){.blas_threads = 1})); /* our threads alone */
  const struct CMUnitTest tests[] = {
      TEST(mm_agrees_with_the_definition),
      TEST(mm_in_panels_agrees_with_the_definition),
      TEST(mm_gives_the_same_bits_on_any_number_of_threads),
      TEST(mm_promotes),
      TEST(mm_of_nothing),
      TEST(mm_ignores_what_its_result_block_held),
      TEST(mv_is_mm_with_one_column),
      TEST(bmm_broadcasts_its_stacks),
      TEST(bmm_of_two_matrices_is_mm),
      TEST(outer_is_the_table_of_products),
      TEST(products_refuse_what_does_not_fit),
      TEST(dimensions_beyond_32_bits_are_refused),
      TEST(products_stop_when_told),
      TEST(products_stop_on_the_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
