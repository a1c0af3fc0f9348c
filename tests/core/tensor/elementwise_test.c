/* elementwise_test.c - the engine of elementwise primitives: broadcasting, strides, dtypes, in-place writes, overlap, threads.
** Element by element against plain C; the accuracy of the functions themselves is tested with the kernels.
*/
#include "support.h"
#include <perigee/ops.h>
#include <perigee/shape.h>
#include <complex.h>

#define D(...) ((int64_t[]){__VA_ARGS__})
#define COUNT(x) ((int)(sizeof(x) / sizeof(x)[0]))

/* ---- operands ---- */

static peri_tensor *fresh(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims, uint64_t seed) {
  peri_tensor *r = MADE(peri_new(cx, t, nd, dims));
  for (int64_t i = 0; i < r->size; i++) {
    double x = support_uniform(&seed);
    switch (t) {
    case PERI_BOOL: ((uint8_t *)r->data)[i] = x > 0; break;
    case PERI_I64: ((int64_t *)r->data)[i] = (int64_t)(x * 9) == 0 ? 4 : (int64_t)(x * 9); break;
    case PERI_F32: ((float *)r->data)[i] = (float)x; break;
    case PERI_F64: ((double *)r->data)[i] = x; break;
    case PERI_C128: ((double *)r->data)[2 * i] = x, ((double *)r->data)[2 * i + 1] = support_uniform(&seed); break;
    }
  }
  return r;
}

static peri_tensor *as_view(peri_tensor *t, int nd, const int64_t *dims, const int64_t *strides, int64_t offset) {
  peri_ctx *cx = t->cx;
  peri_tensor *v = MADE(peri_view(t, nd, dims, strides, offset));
  peri_release(t);
  return v;
}

/* Shapes that broadcast to (6, 5, 40): contiguous, transposed, stepped, reversed, broadcast, lower-dimensional, 0-d. */
enum { VARIANTS = 8 };
static peri_tensor *variant(peri_ctx *cx, peri_dtype t, int k, uint64_t seed) {
  switch (k) {
  case 0: return fresh(cx, t, 3, D(6, 5, 40), seed);
  case 1: return as_view(fresh(cx, t, 3, D(40, 5, 6), seed), 3, D(6, 5, 40), D(1, 6, 30), 0);
  case 2: return as_view(fresh(cx, t, 3, D(12, 5, 120), seed), 3, D(6, 5, 40), D(1200, 120, -3), 119);
  case 3: return fresh(cx, t, 3, D(6, 1, 40), seed);
  case 4: return fresh(cx, t, 2, D(5, 1), seed);
  case 5: return fresh(cx, t, 1, D(40), seed);
  case 6: return fresh(cx, t, 0, NULL, seed);
  default: return as_view(fresh(cx, t, 2, D(5, 40), seed), 3, D(6, 5, 40), D(0, 40, 1), 0);
  }
}

/* ---- element access, as long double or complex ---- */

static const char *place(const peri_tensor *t, int nd, const int64_t *index) {
  int64_t at = 0;
  for (int i = 0; i < t->ndim; i++) at += (t->dims[i] == 1 ? 0 : index[nd - t->ndim + i]) * t->strides[i];
  return (const char *)t->data + at * (int64_t)peri_sizeof((peri_dtype)t->dtype);
}

typedef struct { int64_t i; double f; double complex z; } value; /* one element in every kind */
static value get(const peri_tensor *t, int nd, const int64_t *index) {
  const char *p = place(t, nd, index);
  switch ((peri_dtype)t->dtype) {
  case PERI_BOOL: return (value){*(const uint8_t *)p, *(const uint8_t *)p, *(const uint8_t *)p};
  case PERI_I64: return (value){*(const int64_t *)p, (double)*(const int64_t *)p, (double)*(const int64_t *)p};
  case PERI_F32: return (value){0, (double)*(const float *)p, (double)*(const float *)p};
  case PERI_F64: return (value){0, *(const double *)p, *(const double *)p};
  default: return (value){0, *(const double *)p, __builtin_complex(((const double *)p)[0], ((const double *)p)[1])};
  }
}

static bool next(int64_t *index, int nd, const int64_t *dims) {
  for (int i = nd - 1; i >= 0; i--) {
    if (++index[i] < dims[i]) return true;
    index[i] = 0;
  }
  return false;
}

/* ---- binary operations on every pair of shapes and dtypes ---- */

static double complex add(double complex a, double complex b) { return a + b; }
static double complex sub(double complex a, double complex b) { return a - b; }
static double complex mul(double complex a, double complex b) {
  return __builtin_complex(creal(a) * creal(b) - cimag(a) * cimag(b), creal(a) * cimag(b) + cimag(a) * creal(b));
}
static double complex quotient(double complex a, double complex b) { return a / b; }
static double complex minimum(double complex a, double complex b) { return creal(b) < creal(a) ? b : a; }
static double complex maximum(double complex a, double complex b) { return creal(b) > creal(a) ? b : a; }
static double complex less(double complex a, double complex b) { return creal(a) < creal(b); }
static double complex equal(double complex a, double complex b) { return a == b; }
static double complex modulo(double complex a, double complex b) {
  double x = creal(a), y = creal(b), r = fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

enum { SAME, NUMERIC, FLOAT, BOOLEAN };
static const struct {
  const char *name;
  peri_tensor *(*run)(peri_tensor *, peri_tensor *);
  peri_status (*run_)(peri_tensor *, peri_tensor *, peri_tensor *);
  double complex (*want)(double complex, double complex);
  int result, highest; /* highest dtype that it takes */
} binary[] = {
    {"add", peri_add, peri_add_, add, NUMERIC, PERI_C128},          {"sub", peri_sub, peri_sub_, sub, NUMERIC, PERI_C128},
    {"mul", peri_mul, peri_mul_, mul, NUMERIC, PERI_C128},          {"div", peri_div, peri_div_, quotient, FLOAT, PERI_C128},
    {"minimum", peri_minimum, peri_minimum_, minimum, NUMERIC, PERI_F64}, {"maximum", peri_maximum, peri_maximum_, maximum, NUMERIC, PERI_F64},
    {"lt", peri_lt, peri_lt_, less, BOOLEAN, PERI_F64},             {"eq", peri_eq, peri_eq_, equal, BOOLEAN, PERI_C128},
    {"mod", peri_mod, peri_mod_, modulo, NUMERIC, PERI_F64},
};

static int promoted(int a, int b) { return a > b ? a : b; }
static int result_of(int rule, int t) {
  if (rule == BOOLEAN) return PERI_BOOL;
  if (rule == NUMERIC && t == PERI_BOOL) return PERI_I64;
  if (rule == FLOAT && t < PERI_F32) return PERI_F64;
  return t;
}

static void check_binary(peri_ctx *cx, int op, peri_tensor *a, peri_tensor *b) {
  int t = promoted(a->dtype, b->dtype);
  peri_tensor *r = MADE(binary[op].run(a, b));
  assert_int_equal(r->dtype, result_of(binary[op].result, t));
  assert_true(peri_is_contiguous(r));
  int64_t index[PERI_MAXDIM] = {0};
  double scale = t == PERI_F32 ? 6e-7 : 1e-14;
  do {
    value x = get(a, r->ndim, index), y = get(b, r->ndim, index), got = get(r, r->ndim, index);
    double complex want = binary[op].want(x.z, y.z);
    if (cabs(got.z - want) > scale * (1 + cabs(want)) && !(isnan(creal(got.z)) && isnan(creal(want))) && !(isinf(cabs(got.z)) && isinf(cabs(want))))
      fail_msg("%s of %s %s and %s %s: %g, expected %g", binary[op].name, peri_dtype_name(a->dtype), peri_shape(a), peri_dtype_name(b->dtype),
               peri_shape(b), creal(got.z), creal(want));
  } while (next(index, r->ndim, r->dims));
  peri_release(r);
}

static void operands_broadcast_and_promote(void **state) {
  peri_ctx *cx = *state;
  for (int op = 0; op < COUNT(binary); op++)
    for (int ta = 0; ta <= binary[op].highest; ta++)
      for (int tb = 0; tb <= binary[op].highest; tb++)
        for (int va = 0; va < VARIANTS; va++)
          for (int vb = 0; vb < VARIANTS; vb++) {
            if (strcmp(binary[op].name, "mod") == 0 && (ta == PERI_BOOL || tb == PERI_BOOL)) continue; /* zeros */
            peri_tensor *a = variant(cx, (peri_dtype)ta, va, 1), *b = variant(cx, (peri_dtype)tb, vb, 2);
            check_binary(cx, op, a, b);
            peri_release(a), peri_release(b);
          }
}

static void unary_operations_reach_every_element(void **state) {
  peri_ctx *cx = *state;
  for (int t = PERI_F32; t <= PERI_F64; t++)
    for (int v = 0; v < VARIANTS; v++) {
      peri_tensor *a = variant(cx, (peri_dtype)t, v, 3), *e = MADE(peri_exp(a)), *n = MADE(peri_isnan(a)), *c = MADE(peri_ceil(a));
      int64_t index[PERI_MAXDIM] = {0};
      assert_int_equal(n->dtype, PERI_BOOL);
      do {
        double x = get(a, a->ndim, index).f;
        NEAR(get(e, a->ndim, index).f, exp(x), t == PERI_F32 ? 3e-7 : 1e-15);
        NEAR(get(c, a->ndim, index).f, ceil(x), 0);
        NEAR(get(n, a->ndim, index).f, 0, 0);
      } while (next(index, a->ndim, a->dims));
      peri_release(a), peri_release(e), peri_release(n), peri_release(c);
    }
  peri_tensor *i = fresh(cx, PERI_I64, 1, D(50), 4), *s = MADE(peri_sqrt(i)), *q = MADE(peri_square(i));
  assert_int_equal(s->dtype, PERI_F64);
  assert_int_equal(q->dtype, PERI_I64);
  for (int k = 0; k < 50; k++) {
    NEAR(peri_item(s, k), sqrt(peri_item(i, k)), 1e-15);
    NEAR(peri_item(q, k), peri_item(i, k) * peri_item(i, k), 0);
  }
  peri_release(i), peri_release(s), peri_release(q);
  peri_tensor *z = variant(cx, PERI_C128, 1, 5), *m = MADE(peri_abs(z)), *im = MADE(peri_imag(z));
  int64_t index[PERI_MAXDIM] = {0};
  assert_int_equal(m->dtype, PERI_F64);
  do {
    double complex x = get(z, 3, index).z;
    NEAR(get(m, 3, index).f, cabs(x), 1e-15);
    NEAR(get(im, 3, index).f, cimag(x), 0);
  } while (next(index, 3, z->dims));
  peri_release(z), peri_release(m), peri_release(im);
}

static void ternary_operations(void **state) {
  peri_ctx *cx = *state;
  for (int vc = 0; vc < VARIANTS; vc++)
    for (int va = 0; va < VARIANTS; va++) {
      peri_tensor *c = variant(cx, PERI_BOOL, vc, 1), *a = variant(cx, PERI_F64, va, 2), *b = variant(cx, PERI_F32, (va + 3) % VARIANTS, 3);
      peri_tensor *w = MADE(peri_where(c, a, b)), *f = MADE(peri_fma(a, b, c)), *p = MADE(peri_clip(a, b, c));
      assert_int_equal(w->dtype, PERI_F64);
      int64_t index[PERI_MAXDIM] = {0};
      do {
        double x = get(a, w->ndim, index).f, y = get(b, w->ndim, index).f, z = get(c, w->ndim, index).f;
        NEAR(get(w, w->ndim, index).f, z != 0 ? x : y, 0);
        NEAR(get(f, w->ndim, index).f, fma(x, y, z), 0);
        NEAR(get(p, w->ndim, index).f, fmin(fmax(x, y), z), 0);
      } while (next(index, w->ndim, w->dims));
      peri_release(c), peri_release(a), peri_release(b), peri_release(w), peri_release(f), peri_release(p);
    }
}

static void bits_of_integers(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = fresh(cx, PERI_I64, 2, D(30, 3), 1), *b = MADE(peri_scalar_i64(cx, 5)), *k = fresh(cx, PERI_I64, 1, D(3), 2);
  peri_tensor *x = MADE(peri_bxor(a, b)), *s = MADE(peri_shl(a, k)), *n = MADE(peri_bnot(a));
  for (int i = 0; i < 90; i++) {
    int64_t v = peri_item_i64(a, i), by = peri_item_i64(k, i % 3);
    assert_int_equal(peri_item_i64(x, i), v ^ 5);
    assert_int_equal(peri_item_i64(n, i), ~v);
    assert_int_equal(peri_item_i64(s, i), by >= 0 ? (int64_t)((uint64_t)v << by) : (int64_t)((uint64_t)v >> -by));
  }
  peri_release(a), peri_release(b), peri_release(k), peri_release(x), peri_release(s), peri_release(n);
}

/* ---- bare numbers ---- */

static void numbers_do_not_widen_their_own_kind(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *n = MADE(peri_scalar(cx, 2.5)), *k = MADE(peri_scalar_i64(cx, 3));
  static const int with_real[] = {PERI_F64, PERI_F64, PERI_F32, PERI_F64, PERI_C128}, with_integer[] = {PERI_I64, PERI_I64, PERI_F32, PERI_F64, PERI_C128};
  for (int t = 0; t < PERI_DTYPES; t++) {
    peri_tensor *a = fresh(cx, (peri_dtype)t, 1, D(2000), 1), *r = MADE(peri_add(a, n)), *s = MADE(peri_mul(k, a));
    assert_int_equal(r->dtype, with_real[t]);
    assert_int_equal(s->dtype, with_integer[t]);
    for (int64_t i = 0; i < 2000; i++) {
      NEAR(peri_item(r, i), peri_item(a, i) + 2.5, t == PERI_F32 ? 3e-7 : 0);
      NEAR(peri_item(s, i), 3 * peri_item(a, i), t == PERI_F32 ? 3e-7 : 0);
    }
    peri_release(a), peri_release(r), peri_release(s);
  }
  peri_tensor *both = MADE(peri_add(n, k));
  assert_int_equal(both->dtype, PERI_F64);
  NEAR(peri_item(both, 0), 5.5, 0);
  peri_release(n), peri_release(k), peri_release(both);
}

/* ---- in place ---- */

/* out op= b for every layout of out and b must be what out of place gives. */
static void in_place_is_out_of_place(void **state) {
  peri_ctx *cx = *state;
  for (int op = 0; op < 5; op++)
    for (int va = 0; va < 3; va++)
      for (int vb = 0; vb < VARIANTS; vb++)
        for (int tb = 0; tb <= PERI_F64; tb++) {
          peri_tensor *a = variant(cx, PERI_F64, va, 1), *b = variant(cx, (peri_dtype)tb, vb, 2), *want = MADE(binary[op].run(a, b));
          uint32_t version = (a->base ? a->base : a)->version;
          EXPECT_OK(binary[op].run_(a, a, b));
          assert_true((a->base ? a->base : a)->version > version);
          SAME_BITS(a, want);
          peri_release(a), peri_release(b), peri_release(want);
        }
}

static void results_are_cast_to_the_place(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *f = fresh(cx, PERI_F32, 2, D(40, 60), 1), *turned = MADE(peri_view(f, 2, D(60, 40), D(1, 60), 0)), *d = fresh(cx, PERI_F64, 2, D(60, 40), 2);
  peri_tensor *sum = MADE(peri_add(turned, d)), *want = MADE(peri_cast(sum, PERI_F32));
  EXPECT_OK(peri_add_(turned, turned, d));
  SAME_BITS(turned, want);
  peri_tensor *i = MADE(peri_zeros(cx, PERI_I64, 1, D(40)));
  EXPECT_FAILS(peri_add_(i, i, d), PERI_ERR_SHAPE, "tensor.add_: a result of shape (60, 40) does not fit into (40) in place");
  peri_tensor *row = MADE(peri_view(d, 1, D(40), D(1), 0)), *z = MADE(peri_zeros(cx, PERI_C128, 0, NULL));
  EXPECT_FAILS(peri_add_(i, i, row), PERI_ERR_DTYPE, "tensor.add_: a result of f64 does not fit into i64 in place");
  EXPECT_FAILS(peri_mul_(d, d, z), PERI_ERR_DTYPE, "tensor.mul_: a result of c128 does not fit into f64 in place");
  for (int k = 0; k < 40; k++) assert_int_equal(peri_item_i64(i, k), 0);
  peri_release(f), peri_release(turned), peri_release(d), peri_release(sum), peri_release(want), peri_release(i), peri_release(row), peri_release(z);
}

/* An operand that shares memory with the result is read as it was before. */
static void overlaps_read_the_old_values(void **state) {
  peri_ctx *cx = *state;
  for (int64_t n = 10; n < 200000; n *= 23) {
    peri_tensor *x = fresh(cx, PERI_F64, 1, &n, 1), *old = MADE(peri_clone(x));
    int64_t m = n - 1;
    peri_tensor *head = MADE(peri_view(x, 1, &m, D(1), 0)), *tail = MADE(peri_view(x, 1, &m, D(1), 1)), *back = MADE(peri_view(x, 1, &n, D(-1), n - 1));
    EXPECT_OK(peri_add_(tail, tail, head));
    for (int64_t i = 1; i < n; i++) assert_true(peri_item(x, i) == peri_item(old, i) + peri_item(old, i - 1));
    peri_release(old);
    old = MADE(peri_clone(x));
    EXPECT_OK(peri_sub_(x, x, back));
    for (int64_t i = 0; i < n; i++) assert_true(peri_item(x, i) == peri_item(old, i) - peri_item(old, n - 1 - i));
    peri_release(x), peri_release(old), peri_release(head), peri_release(tail), peri_release(back);
  }
  peri_tensor *a = fresh(cx, PERI_F64, 2, D(70, 70), 2), *t = MADE(peri_view(a, 2, D(70, 70), D(1, 70), 0)), *want = MADE(peri_add(a, t));
  EXPECT_OK(peri_add_(a, a, t));
  SAME_BITS(a, want);
  peri_tensor *first = MADE(peri_view(a, 0, NULL, NULL, 0)), *copy = MADE(peri_clone(a));
  EXPECT_OK(peri_mul_(a, a, first)); /* a number inside the result itself */
  for (int i = 0; i < 4900; i++) assert_true(peri_item(a, i) == peri_item(copy, i) * peri_item(copy, 0));
  peri_release(a), peri_release(t), peri_release(want), peri_release(first), peri_release(copy);
}

static void writes_are_refused_where_they_cannot_be(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *x = MADE(peri_zeros(cx, PERI_F64, 1, D(4))), *wide = MADE(peri_broadcast_to(x, 2, D(3, 4))), *one = MADE(peri_scalar(cx, 1));
  EXPECT_FAILS(peri_add_(wide, wide, one), PERI_ERR_STATE, "axis 1 of this view is broadcast");
  x->flags |= PERI_READONLY;
  EXPECT_FAILS(peri_add_(x, x, one), PERI_ERR_STATE, "tensor.add: this tensor is read-only; clone it first");
  peri_tensor *view = MADE(peri_view(x, 1, D(2), D(1), 0));
  EXPECT_FAILS(peri_add_(view, view, one), PERI_ERR_STATE, "read-only");
  for (int i = 0; i < 4; i++) NEAR(peri_item(x, i), 0, 0);
  peri_release(x), peri_release(wide), peri_release(one), peri_release(view);
}

/* ---- refusals ---- */

static void wrong_calls_are_refused(void **state) {
  peri_ctx *cx = *state, *other = peri_open(NULL);
  peri_tensor *a = MADE(peri_zeros(cx, PERI_F64, 2, D(3, 4))), *b = MADE(peri_zeros(cx, PERI_F64, 2, D(5, 4))), *z = MADE(peri_zeros(cx, PERI_C128, 1, D(4)));
  EXPECT_FAILS(peri_add(a, b), PERI_ERR_SHAPE, "tensor.add: shapes do not broadcast: (3, 4) and (5, 4)");
  EXPECT_FAILS(peri_lt(a, z), PERI_ERR_DTYPE, "tensor.lt: not defined for c128; it takes bool, i64, f32, f64");
  EXPECT_FAILS(peri_band(a, a), PERI_ERR_DTYPE, "tensor.band: not defined for f64; it takes bool, i64");
  EXPECT_FAILS(peri_where(a, a, a), PERI_ERR_DTYPE, "tensor.where: the condition must be bool, got f64");
  peri_tensor *i = fresh(cx, PERI_I64, 1, D(4), 1), *zero = MADE(peri_scalar_i64(cx, 0)), *minus = MADE(peri_scalar_i64(cx, -2));
  EXPECT_FAILS(peri_idiv(i, zero), PERI_ERR_VALUE, "tensor.idiv: integer division by 0");
  EXPECT_FAILS(peri_mod(i, zero), PERI_ERR_VALUE, "tensor.mod: integer division by 0");
  EXPECT_FAILS(peri_pow(i, minus), PERI_ERR_VALUE, "tensor.pow: integer power with exponent -2");
  peri_tensor *foreign = peri_zeros(other, PERI_F64, 2, D(3, 4));
  EXPECT_FAILS(peri_add(a, foreign), PERI_ERR_STATE, "tensor.add: operand 2 belongs to another context");
  EXPECT_FAILS(peri_add_(a, foreign, foreign), PERI_ERR_STATE, "another context");
  peri_release(foreign);
  peri_close(other);
  peri_interrupt(cx);
  EXPECT_FAILS(peri_add(a, a), PERI_ERR_INTERRUPT, "interrupted");
  EXPECT_FAILS(peri_add_(a, a, a), PERI_ERR_INTERRUPT, "interrupted");
  peri_clear_interrupt(cx);
  peri_release(a), peri_release(b), peri_release(z), peri_release(i), peri_release(zero), peri_release(minus);
}

static void empty_operands_give_empty_results(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_zeros(cx, PERI_F64, 3, D(3, 0, 4))), *b = MADE(peri_zeros(cx, PERI_F32, 2, D(1, 4))), *r = MADE(peri_add(a, b)), *e = MADE(peri_exp(a));
  assert_true(r->size == 0 && r->dims[0] == 3 && r->dims[1] == 0 && r->dims[2] == 4 && e->size == 0);
  EXPECT_OK(peri_add_(a, a, b));
  peri_release(a), peri_release(b), peri_release(r), peri_release(e);
}

/* ---- the same bits for any number of threads, and for any layout ---- */

static void threads_do_not_show(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = fresh(cx, PERI_F64, 2, D(701, 400), 1), *b = fresh(cx, PERI_F32, 2, D(400, 701), 2), *t = MADE(peri_view(b, 2, D(701, 400), D(1, 701), 0));
  peri_tensor *first[3] = {NULL};
  for (int threads = 1; threads <= 8; threads++) {
    peri_set_threads(cx, threads);
    peri_tensor *r[3] = {MADE(peri_exp(a)), MADE(peri_mul(a, t)), MADE(peri_tanh(t))};
    for (int i = 0; i < 3; i++)
      if (threads == 1) first[i] = r[i];
      else {
        SAME_BITS(first[i], r[i]);
        peri_release(r[i]);
      }
  }
  peri_tensor *copy = MADE(peri_contiguous(t)), *flat = MADE(peri_tanh(copy));
  SAME_BITS(flat, first[2]);
  for (int i = 0; i < 3; i++) peri_release(first[i]);
  peri_release(a), peri_release(b), peri_release(t), peri_release(copy), peri_release(flat);
}

static peri_tensor *call(peri_tensor *a, peri_tensor *t, int k) {
  switch (k) {
  case 0: return peri_exp(a);
  case 1: return peri_add(a, t);
  case 2: return peri_add_(a, a, t) ? NULL : peri_retain(a); /* overlaps: copies first */
  default: return peri_where(a, t, a);
  }
}

static void failed_allocations_leave_nothing(void **state) {
  peri_ctx *cx = *state;
  for (int k = 0; k < 4; k++) {
    peri_tensor *a = fresh(cx, k == 3 ? PERI_BOOL : PERI_F64, 2, D(300, 300), 1), *t = MADE(peri_view(a, 2, D(300, 300), D(1, 300), 0));
    for (int64_t n = 0;; n++) {
      size_t used, after;
      peri_tensor *before = MADE(peri_clone(a));
      peri_memory(cx, &used, NULL, NULL);
      peri_fail_allocation(cx, n);
      peri_tensor *r = call(a, t, k);
      bool failed = peri_allocation_failed(cx);
      peri_fail_allocation(cx, -1);
      assert_true((r == NULL) == failed);
      if (failed) {
        assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
        SAME_BITS(a, before); /* operands are as they were */
      }
      peri_release(r);
      peri_memory(cx, &after, NULL, NULL);
      assert_int_equal(used, after);
      peri_release(before);
      if (!failed) break;
    }
    peri_release(a), peri_release(t);
  }
}

static void every_descriptor_runs(void **state) {
  peri_ctx *cx = *state;
  int n = 0;
  for (const peri_op *const *op = peri_elementwise_ops(); *op; op++, n++) {
    bool ran = false;
    for (int t = 0; t < PERI_DTYPES; t++) {
      peri_tensor *x = MADE(peri_full(cx, (peri_dtype)t, 2, D(3, 2), 0.5)), *y = MADE(peri_full(cx, (peri_dtype)t, 1, D(2), 1));
      peri_tensor *c = MADE(peri_full(cx, PERI_BOOL, 1, D(2), 1)), *in[3] = {x, y, y};
      if (strcmp((*op)->name, "tensor.where") == 0) in[0] = c;
      peri_tensor *r = peri_apply(*op, in, NULL);
      if (r) ran = true, assert_int_equal(r->ndim, in[0] == c ? 1 : 2);
      else assert_int_equal(peri_errcode(cx), PERI_ERR_DTYPE);
      peri_release(x), peri_release(y), peri_release(c), peri_release(r);
    }
    if (!ran) fail_msg("%s runs for no dtype", (*op)->name);
    assert_non_null((*op)->help);
    assert_non_null((*op)->signature);
  }
  assert_true(n > 70);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(operands_broadcast_and_promote), TEST(unary_operations_reach_every_element), TEST(ternary_operations), TEST(bits_of_integers),
      TEST(numbers_do_not_widen_their_own_kind), TEST(in_place_is_out_of_place), TEST(results_are_cast_to_the_place),
      TEST(overlaps_read_the_old_values), TEST(writes_are_refused_where_they_cannot_be), TEST(wrong_calls_are_refused),
      TEST(empty_operands_give_empty_results), TEST(threads_do_not_show), TEST(failed_allocations_leave_nothing), TEST(every_descriptor_runs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
