/* reduce_test.c - reductions against slow sums in long double, over shapes, strides and dtypes; and the bits they promise. */
#include "support.h"
#include <perigee/ops.h>
#include <perigee/reduce.h>
#include <stdlib.h>

/* ---- operands: the same shapes contiguous, transposed, strided, reversed, broadcast, empty, 0-d ---- */

enum { VARIANTS = 9 };

static double value_of(peri_dtype t, uint64_t *s) {
  double x = support_uniform(s);
  return t == PERI_BOOL ? x > 0.2 : t == PERI_I64 ? floor(9 * x) : 3 * x;
}

static peri_tensor *random_tensor(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims, uint64_t seed) {
  peri_tensor *r = MADE(peri_new(cx, t, nd, dims));
  for (int64_t i = 0; i < r->size; i++) {
    double x = value_of(t, &seed), y = t == PERI_C128 ? value_of(t, &seed) : 0;
    switch (t) {
    case PERI_BOOL: ((uint8_t *)r->data)[i] = (uint8_t)x; break;
    case PERI_I64: ((int64_t *)r->data)[i] = (int64_t)x; break;
    case PERI_F32: ((float *)r->data)[i] = (float)x; break;
    case PERI_F64: ((double *)r->data)[i] = x; break;
    case PERI_C128: ((double *)r->data)[2 * i] = x, ((double *)r->data)[2 * i + 1] = y; break;
    }
  }
  return r;
}

static peri_tensor *view_of(peri_tensor *t, int nd, const int64_t *dims, const int64_t *strides, int64_t offset) {
  peri_ctx *cx = t->cx;
  peri_tensor *v = MADE(peri_view(t, nd, dims, strides, offset));
  peri_release(t);
  return v;
}

#define D(...) ((int64_t[]){__VA_ARGS__})
static peri_tensor *variant(peri_ctx *cx, peri_dtype t, int k) {
  switch (k) {
  case 0: return random_tensor(cx, t, 1, D(1500), 1);
  case 1: return random_tensor(cx, t, 3, D(5, 33, 70), 2);
  case 2: return view_of(random_tensor(cx, t, 2, D(40, 90), 3), 2, D(90, 40), D(1, 90), 0);            /* transposed */
  case 3: return view_of(random_tensor(cx, t, 2, D(64, 64), 4), 3, D(6, 30, 8), D(640, -2, 7), 700);   /* steps, reversed */
  case 4: return view_of(random_tensor(cx, t, 1, D(35), 5), 3, D(4, 35, 3), D(0, 1, 0), 0);            /* broadcast */
  case 5: return random_tensor(cx, t, 3, D(3, 0, 4), 6);
  case 6: return random_tensor(cx, t, 0, NULL, 7);
  case 7: return random_tensor(cx, t, 2, D(2100, 3), 8);
  default: return view_of(random_tensor(cx, t, 4, D(3, 5, 4, 6), 9), 4, D(4, 3, 6, 5), D(6, 120, 1, 24), 0); /* permuted */
  }
}

/* ---- the oracle ---- */

typedef struct { long double re, im; } wide;

static wide element(const peri_tensor *t, const int64_t *index) {
  int64_t at = 0;
  for (int i = 0; i < t->ndim; i++) at += index[i] * t->strides[i];
  switch ((peri_dtype)t->dtype) {
  case PERI_BOOL: return (wide){((uint8_t *)t->data)[at], 0};
  case PERI_I64: return (wide){(long double)((int64_t *)t->data)[at], 0};
  case PERI_F32: return (wide){(long double)((float *)t->data)[at], 0};
  case PERI_F64: return (wide){((double *)t->data)[at], 0};
  default: return (wide){((double *)t->data)[2 * at], ((double *)t->data)[2 * at + 1]};
  }
}

static bool step(int64_t *index, const int64_t *dims, int nd, uint32_t bits) {
  for (int i = nd - 1; i >= 0; i--) {
    if (!(bits >> i & 1)) continue;
    if (++index[i] < dims[i]) return true;
    index[i] = 0;
  }
  return false;
}

/* Calls f(line, n, want) for each line of t over `bits`, in C order; want[0..1] is what f puts there. */
typedef void oracle(const wide *x, int64_t n, double p, long double *want);
static wide line[200000];

static void check_lines(peri_ctx *cx, peri_tensor *t, peri_tensor *r, uint32_t bits, oracle *f, double p, double tolerance, const char *what) {
  int64_t index[PERI_MAXDIM] = {0}, out = 0;
  uint32_t all = (1u << t->ndim) - 1;
  (void)cx;
  if (r->size == 0) return;
  do {
    int64_t n = 0;
    bool empty = false;
    for (int i = 0; i < t->ndim; i++) empty |= t->dims[i] == 0;
    if (!empty) do line[n++] = element(t, index); while (step(index, t->dims, t->ndim, bits));
    long double want[2] = {0, 0};
    f(line, n, p, want);
    if (r->dtype == PERI_F32) want[0] = (float)want[0]; /* it may overflow */
    double got[2] = {peri_item(r, out), r->dtype == PERI_C128 ? ((double *)r->data)[2 * out + 1] : 0};
    long double size = fabsl(want[0]) + fabsl(want[1]);
    bool overflow = size > 1e300L; /* of a product */
    for (int k = 0; k < 1 + (r->dtype == PERI_C128); k++)
      if (!(overflow || got[k] == (double)want[k] || (isnan(got[k]) && isnan(want[k])) || fabsl(got[k] - want[k]) <= tolerance * (1 + size)))
        fail_msg("%s of %s, axes %u, element %lld: %.17g, expected %.17Lg", what, peri_shape(t), bits, (long long)out, got[k], want[k]);
    out++;
  } while (step(index, t->dims, t->ndim, all & ~bits));
  assert_int_equal(out, r->size);
}

static void want_sum(const wide *x, int64_t n, double p, long double *w) { (void)p; for (int64_t i = 0; i < n; i++) w[0] += x[i].re, w[1] += x[i].im; }
static void want_mean(const wide *x, int64_t n, double p, long double *w) { want_sum(x, n, p, w); w[0] /= n; w[1] /= n; }
static void want_prod(const wide *x, int64_t n, double p, long double *w) {
  (void)p;
  w[0] = 1;
  for (int64_t i = 0; i < n; i++) {
    long double re = w[0] * x[i].re - w[1] * x[i].im;
    w[1] = w[0] * x[i].im + w[1] * x[i].re;
    w[0] = re;
  }
}
static void want_var(const wide *x, int64_t n, double ddof, long double *w) {
  long double m = 0;
  for (int64_t i = 0; i < n; i++) m += x[i].re / n;
  for (int64_t i = 0; i < n; i++) w[0] += (x[i].re - m) * (x[i].re - m);
  w[0] = n > ddof ? w[0] / (n - ddof) : NAN;
}
static void want_std(const wide *x, int64_t n, double ddof, long double *w) { want_var(x, n, ddof, w); w[0] = sqrtl(w[0]); }
static void want_argmin(const wide *x, int64_t n, double p, long double *w) {
  (void)p;
  int64_t k = 0;
  for (int64_t i = 1; i < n; i++) if (x[i].re < x[k].re) k = i;
  w[0] = k;
}
static void want_argmax(const wide *x, int64_t n, double p, long double *w) {
  (void)p;
  int64_t k = 0;
  for (int64_t i = 1; i < n; i++) if (x[i].re > x[k].re) k = i;
  w[0] = k;
}
static void want_min(const wide *x, int64_t n, double p, long double *w) { want_argmin(x, n, p, w); w[0] = x[(int64_t)w[0]].re; }
static void want_max(const wide *x, int64_t n, double p, long double *w) { want_argmax(x, n, p, w); w[0] = x[(int64_t)w[0]].re; }
static void want_norm(const wide *x, int64_t n, double p, long double *w) {
  for (int64_t i = 0; i < n; i++) {
    long double m = hypotl(x[i].re, x[i].im);
    if (p == 0) w[0] += m != 0;
    else if (isinf(p)) w[0] = fmaxl(w[0], m);
    else w[0] += powl(m, p);
  }
  if (p > 0 && !isinf(p)) w[0] = powl(w[0], 1.0L / p);
}
static void want_lse(const wide *x, int64_t n, double p, long double *w) {
  (void)p;
  for (int64_t i = 0; i < n; i++) w[0] += expl(x[i].re);
  w[0] = logl(w[0]);
}
static void want_count(const wide *x, int64_t n, double p, long double *w) { (void)p; for (int64_t i = 0; i < n; i++) w[0] += x[i].re != 0 || x[i].im != 0; }
static void want_any(const wide *x, int64_t n, double p, long double *w) { want_count(x, n, p, w); w[0] = w[0] > 0; }
static void want_all(const wide *x, int64_t n, double p, long double *w) { want_count(x, n, p, w); w[0] = w[0] == n; }

/* ---- every reduction, shape, dtype and set of axes ---- */

static peri_tensor *keep_norm(peri_tensor *a, double p, uint32_t axes, bool keep) { return peri_norm(a, p, axes, keep); }
static peri_tensor *keep_var(peri_tensor *a, double p, uint32_t axes, bool keep) { return peri_var(a, axes, keep, (int64_t)p); }
static peri_tensor *keep_std(peri_tensor *a, double p, uint32_t axes, bool keep) { return peri_std(a, axes, keep, (int64_t)p); }
#define PLAIN(name) static peri_tensor *keep_##name(peri_tensor *a, double p, uint32_t axes, bool keep) { (void)p; return peri_##name(a, axes, keep); }
PLAIN(sum) PLAIN(prod) PLAIN(mean) PLAIN(min) PLAIN(max) PLAIN(argmin) PLAIN(argmax) PLAIN(logsumexp) PLAIN(any) PLAIN(all) PLAIN(count)

enum { REFUSED = -1 };

static const struct {
  const char *name;
  peri_tensor *(*run)(peri_tensor *, double, uint32_t, bool);
  oracle *want;
  double p;
  int result[PERI_DTYPES];            /* of bool, i64, f32, f64, c128; REFUSED */
  bool nothing;                       /* defined for no elements */
} cases[] = {
    {"sum", keep_sum, want_sum, 0, {PERI_I64, PERI_I64, PERI_F32, PERI_F64, PERI_C128}, true},
    {"mean", keep_mean, want_mean, 0, {PERI_F64, PERI_F64, PERI_F32, PERI_F64, PERI_C128}, true},
    {"prod", keep_prod, want_prod, 0, {PERI_I64, REFUSED, PERI_F32, PERI_F64, PERI_C128}, true}, /* i64: see below */
    {"var", keep_var, want_var, 1, {PERI_F64, PERI_F64, PERI_F32, PERI_F64, REFUSED}, true},
    {"var ddof 0", keep_var, want_var, 0, {PERI_F64, PERI_F64, PERI_F32, PERI_F64, REFUSED}, true},
    {"std", keep_std, want_std, 1, {PERI_F64, PERI_F64, PERI_F32, PERI_F64, REFUSED}, true},
    {"min", keep_min, want_min, 0, {PERI_BOOL, PERI_I64, PERI_F32, PERI_F64, REFUSED}, false},
    {"max", keep_max, want_max, 0, {PERI_BOOL, PERI_I64, PERI_F32, PERI_F64, REFUSED}, false},
    {"argmin", keep_argmin, want_argmin, 0, {PERI_I64, PERI_I64, PERI_I64, PERI_I64, REFUSED}, false},
    {"argmax", keep_argmax, want_argmax, 0, {PERI_I64, PERI_I64, PERI_I64, PERI_I64, REFUSED}, false},
    {"norm 2", keep_norm, want_norm, 2, {PERI_F64, PERI_F64, PERI_F32, PERI_F64, PERI_F64}, true},
    {"norm 1", keep_norm, want_norm, 1, {PERI_F64, PERI_F64, PERI_F32, PERI_F64, PERI_F64}, true},
    {"norm inf", keep_norm, want_norm, INFINITY, {PERI_F64, PERI_F64, PERI_F32, PERI_F64, PERI_F64}, true},
    {"norm 0", keep_norm, want_norm, 0, {PERI_F64, PERI_F64, PERI_F32, PERI_F64, PERI_F64}, true},
    {"norm 2.5", keep_norm, want_norm, 2.5, {PERI_F64, PERI_F64, PERI_F32, PERI_F64, PERI_F64}, true},
    {"norm 0.5", keep_norm, want_norm, 0.5, {PERI_F64, PERI_F64, PERI_F32, PERI_F64, PERI_F64}, true},
    {"logsumexp", keep_logsumexp, want_lse, 0, {PERI_F64, PERI_F64, PERI_F32, PERI_F64, REFUSED}, true},
    {"any", keep_any, want_any, 0, {PERI_BOOL, PERI_BOOL, PERI_BOOL, PERI_BOOL, PERI_BOOL}, true},
    {"all", keep_all, want_all, 0, {PERI_BOOL, PERI_BOOL, PERI_BOOL, PERI_BOOL, PERI_BOOL}, true},
    {"count", keep_count, want_count, 0, {PERI_I64, PERI_I64, PERI_I64, PERI_I64, PERI_I64}, true},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static void check_case(peri_ctx *cx, int c, peri_dtype t, int v, uint32_t bits) {
  peri_tensor *a = variant(cx, t, v);
  uint32_t all = (1u << a->ndim) - 1, axes = bits ? bits : all;
  if (bits & ~all) {
    peri_release(a);
    return;
  }
  if (!cases[c].nothing && a->size == 0) {
    peri_tensor *r = cases[c].run(a, cases[c].p, bits, false);
    bool some = axes == 1 || axes == 4 || axes == 5; /* (3, 0, 4): the axis of size 0 is kept */
    assert_true((r != NULL) == some);
    peri_release(r);
    peri_release(a);
    return;
  }
  peri_tensor *r = MADE(cases[c].run(a, cases[c].p, bits, false)), *kept = MADE(cases[c].run(a, cases[c].p, bits, true));
  assert_int_equal(r->dtype, cases[c].result[t]);
  assert_int_equal(r->ndim, a->ndim - __builtin_popcount(axes));
  assert_int_equal(kept->ndim, a->ndim);
  for (int i = 0, k = 0; i < a->ndim; i++) {
    assert_int_equal(kept->dims[i], axes >> i & 1 ? 1 : a->dims[i]);
    if (!(axes >> i & 1)) assert_int_equal(r->dims[k++], a->dims[i]);
  }
  assert_memory_equal(r->data, kept->data, (size_t)r->size * peri_sizeof((peri_dtype)r->dtype));
  check_lines(cx, a, r, axes, cases[c].want, cases[c].p, t == PERI_F32 ? 3e-7 : 3e-13, cases[c].name);
  peri_release(a);
  peri_release(r);
  peri_release(kept);
}

static void all_agree_with_the_oracle(void **state) {
  peri_ctx *cx = *state;
  for (int c = 0; c < CASES; c++)
    for (int t = 0; t < PERI_DTYPES; t++)
      for (int v = 0; v < VARIANTS && cases[c].result[t] != REFUSED; v++)
        for (uint32_t bits = 0; bits < 16; bits++) check_case(cx, c, (peri_dtype)t, v, bits);
}

/* A reduction sees a sequence of values: a copy in C order of the reduced axes gives the same bits. */
static void bits_do_not_depend_on_strides(void **state) {
  peri_ctx *cx = *state;
  for (int c = 0; c < CASES; c++)
    for (int t = 0; t < PERI_DTYPES; t++) {
      if (cases[c].result[t] == REFUSED) continue;
      peri_tensor *a = random_tensor(cx, (peri_dtype)t, 2, D(2500, 70), 11);
      peri_tensor *turned = MADE(peri_view(a, 2, D(70, 2500), D(1, 70), 0)), *copy = MADE(peri_clone(turned));
      peri_tensor *narrow = MADE(peri_view(a, 2, D(1250, 25), D(140, 2), 3)), *narrow_turned = MADE(peri_view(narrow, 2, D(25, 1250), D(2, 140), 0));
      peri_tensor *narrow_copy = MADE(peri_clone(narrow_turned));
      peri_tensor *r[] = {MADE(cases[c].run(a, cases[c].p, 1, false)), MADE(cases[c].run(copy, cases[c].p, 2, false)),
                          MADE(cases[c].run(narrow, cases[c].p, 1, false)), MADE(cases[c].run(narrow_copy, cases[c].p, 2, false)),
                          MADE(cases[c].run(turned, cases[c].p, 0, false)), MADE(cases[c].run(copy, cases[c].p, 0, false))};
      for (int i = 0; i < 6; i += 2) SAME_BITS(r[i], r[i + 1]);
      for (int i = 0; i < 6; i++) peri_release(r[i]);
      peri_release(a), peri_release(turned), peri_release(copy), peri_release(narrow), peri_release(narrow_turned), peri_release(narrow_copy);
    }
}

static void bits_do_not_depend_on_threads(void **state) {
  peri_ctx *cx = *state;
  static const int64_t shapes[][2] = {{1, 140007}, {1501, 60}, {60, 1501}, {70001, 2}};
  for (int t = PERI_I64; t < PERI_DTYPES; t++)
    for (int s = 0; s < 4; s++) {
      peri_tensor *a = random_tensor(cx, (peri_dtype)t, 2, shapes[s], 12);
      for (int c = 0; c < CASES; c++)
        for (uint32_t bits = 0; bits < 3 && cases[c].result[t] != REFUSED && (t == PERI_F64 || cases[c].want != want_norm); bits++) {
          peri_set_threads(cx, 1);
          peri_tensor *one = MADE(cases[c].run(a, cases[c].p, bits, false));
          for (int threads = 2; threads <= 5; threads += 3) {
            peri_set_threads(cx, threads);
            peri_tensor *many = MADE(cases[c].run(a, cases[c].p, bits, false));
            SAME_BITS(one, many);
            peri_release(many);
          }
          peri_release(one);
        }
      peri_release(a);
    }
}

static void bits_do_not_depend_on_the_instruction_set(void **state) {
  static const char *const names[] = {"baseline", "avx2", "avx512"};
  static unsigned char first[CASES][8 * 70];
  peri_ctx *cx;
  (void)state;
  for (int v = 0; v < 3; v++) {
    setenv("PERIGEE_ISA", names[v], 1);
    if (!(cx = peri_open(NULL))) continue; /* not on this processor */
    peri_tensor *a = random_tensor(cx, PERI_F64, 2, D(1500, 70), 21);
    for (int c = 0; c < CASES; c++) {
      peri_tensor *r = MADE(cases[c].run(a, cases[c].p, 1, false));
      size_t bytes = (size_t)r->size * peri_sizeof((peri_dtype)r->dtype);
      if (v == 0) memcpy(first[c], r->data, bytes);
      else if (memcmp(first[c], r->data, bytes) != 0) fail_msg("%s differs between %s and baseline", cases[c].name, names[v]);
      peri_release(r);
    }
    peri_release(a);
    peri_close(cx);
  }
  unsetenv("PERIGEE_ISA");
}

/* The documented order, written out: 32 lanes in blocks of 1024, a binary tree over blocks. */
static double documented(const double *x, int64_t n) {
  double stack[64];
  int top = 0;
  int64_t blocks = 0;
  for (int64_t at = 0; at < n; at += 1024) {
    double lane[32] = {0};
    for (int64_t i = at; i < n && i < at + 1024; i++) lane[(i - at) % 32] += x[i];
    for (int half = 16; half; half /= 2)
      for (int l = 0; l < half; l++) lane[l] += lane[l + half];
    stack[top++] = lane[0];
    for (int64_t b = ++blocks; b % 2 == 0; b /= 2) top--, stack[top - 1] += stack[top];
  }
  while (top > 1) top--, stack[top - 1] += stack[top];
  return top ? stack[0] : 0;
}

static void sums_have_the_documented_order(void **state) {
  peri_ctx *cx = *state;
  peri_set_threads(cx, 2);
  for (int64_t n = 0; n < 700000; n = n < 70 ? n + 1 : n * 7 / 3 + 1) {
    peri_tensor *a = random_tensor(cx, PERI_F64, 1, &n, (uint64_t)n), *r = MADE(peri_sum(a, 0, false));
    double want = documented(a->data, n), got = peri_item(r, 0);
    assert_memory_equal(&got, &want, 8);
    peri_release(a), peri_release(r);
  }
}

/* Rows and columns of every length, added by rows, gathered or summed one by one. */
static void rows_and_columns_have_the_documented_order(void **state) {
  peri_ctx *cx = *state;
  static const int64_t heights[] = {1, 2, 3, 5, 16, 31, 32, 33, 63, 64, 65, 97, 129, 500, 1023, 1025, 2100}, widths[] = {1, 3, 17, 64, 65, 530};
  static double column[2100];
  for (size_t h = 0; h < sizeof heights / 8; h++)
    for (size_t w = 0; w < sizeof widths / 8; w++) {
      int64_t n = heights[h], m = widths[w];
      peri_tensor *a = random_tensor(cx, PERI_F64, 2, D(n, m), (uint64_t)(n * m)), *t = MADE(peri_view(a, 2, D(m, n), D(1, m), 0)), *turned = MADE(peri_clone(t));
      for (int64_t i = 0; i < n; i++) ((double *)a->data)[i * m] = ((double *)turned->data)[i] = -0.0; /* sums to 0 */
      peri_tensor *down = MADE(peri_sum(a, 1, false)), *along = MADE(peri_sum(turned, 2, false));
      for (int64_t c = 0; c < m; c++) {
        for (int64_t i = 0; i < n; i++) column[i] = ((double *)a->data)[i * m + c];
        double want = documented(column, n);
        assert_memory_equal((double *)down->data + c, &want, 8);
        assert_memory_equal((double *)along->data + c, &want, 8);
      }
      peri_release(a), peri_release(t), peri_release(turned), peri_release(down), peri_release(along);
    }
}

static void sums_do_not_lose_accuracy_with_length(void **state) {
  peri_ctx *cx = *state;
  int64_t n = 4000000;
  peri_tensor *tenth = MADE(peri_full(cx, PERI_F64, 1, &n, 0.1)), *grid = MADE(peri_view(tenth, 2, D(2000000, 2), D(2, 1), 0));
  peri_tensor *r = MADE(peri_sum(tenth, 0, false)), *columns = MADE(peri_sum(grid, 1, false));
  double exact = (double)((long double)0.1 * n);                            /* a running sum is off by 1e-5 */
  NEAR(peri_item(r, 0), exact, 22 * 0x1p-53 * exact);                       /* log2 n roundings */
  NEAR(peri_item(columns, 1), exact / 2, 21 * 0x1p-53 * exact / 2);
  peri_release(tenth), peri_release(grid), peri_release(r), peri_release(columns);
  peri_tensor *f = MADE(peri_full(cx, PERI_F32, 1, &n, 0.1)), *s = MADE(peri_sum(f, 0, false));
  assert_true((float)peri_item(s, 0) == (float)(0.1f * (double)n));
  peri_release(f), peri_release(s);
}

/* ---- single laws ---- */

static double number(peri_ctx *cx, peri_tensor *r) {
  MADE(r);
  assert_int_equal(r->ndim, 0);
  double x = peri_item(r, 0);
  peri_release(r);
  return x;
}
static peri_tensor *vector(peri_ctx *cx, int64_t n, const double *x) { return MADE(peri_from(cx, PERI_F64, 1, &n, x)); }
#define V(...) vector(cx, (int64_t)(sizeof((double[]){__VA_ARGS__}) / 8), (double[]){__VA_ARGS__})

static void integers_wrap(void **state) {
  peri_ctx *cx = *state;
  int64_t n = 3, x[] = {INT64_MAX, 1, 5}, y[] = {(int64_t)1 << 40, (int64_t)1 << 30, -3};
  peri_tensor *a = MADE(peri_from(cx, PERI_I64, 1, &n, x)), *b = MADE(peri_from(cx, PERI_I64, 1, &n, y));
  peri_tensor *s = MADE(peri_sum(a, 0, false)), *p = MADE(peri_prod(b, 0, false)), *c = MADE(peri_cumsum(a, 0));
  assert_int_equal(*(int64_t *)s->data, INT64_MIN + 5);
  assert_int_equal(*(int64_t *)p->data, (int64_t)(((uint64_t)1 << 40) * ((uint64_t)1 << 30) * (uint64_t)-3));
  assert_int_equal(((int64_t *)c->data)[1], INT64_MIN);
  peri_release(a), peri_release(b), peri_release(s), peri_release(p), peri_release(c);
}

static void variance_does_not_cancel(void **state) {
  peri_ctx *cx = *state;
  int64_t n = 100000;
  peri_tensor *a = MADE(peri_new(cx, PERI_F64, 1, &n));
  for (int64_t i = 0; i < n; i++) ((double *)a->data)[i] = 1e9 + (i % 2 ? 0.25 : -0.25);
  NEAR(number(cx, peri_var(a, 0, false, 0)), 0.0625, 1e-15);
  NEAR(number(cx, peri_var(a, 0, false, 1)), 0.0625 * 1e5 / (1e5 - 1), 1e-15);
  EXPECT_FAILS(peri_var(a, 0, false, -1), PERI_ERR_VALUE, "tensor.var: ddof must be >= 0, got -1");
  peri_release(a);
  peri_tensor *one = V(3.5);
  assert_true(isnan(number(cx, peri_std(one, 0, false, 1))));
  assert_true(number(cx, peri_std(one, 0, false, 0)) == 0);
  peri_release(one);
}

static void norms_do_not_overflow(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *big = V(3e200, -4e200), *small = V(3e-200, 4e-200), *mixed = V(1e-300, 1e300, 0), *subnormal = V(3e-320, 4e-320);
  NEAR(number(cx, peri_norm(big, 2, 0, false)), 5e200, 1e185);
  NEAR(number(cx, peri_norm(small, 2, 0, false)), 5e-200, 1e-215);
  NEAR(number(cx, peri_norm(mixed, 2, 0, false)), 1e300, 1e285);
  NEAR(number(cx, peri_norm(subnormal, 2, 0, false)), 5e-320, 1e-323);
  NEAR(number(cx, peri_norm(big, 3, 0, false)), 1e200 * cbrt(91), 1e187);
  NEAR(number(cx, peri_norm(small, 3, 0, false)), 1e-200 * cbrt(91), 1e-213);
  peri_release(big), peri_release(small), peri_release(mixed), peri_release(subnormal);
  int64_t n = 5000; /* scales differ from block to block */
  peri_tensor *steps = MADE(peri_zeros(cx, PERI_F64, 1, &n));
  ((double *)steps->data)[10] = 3e-250, ((double *)steps->data)[2000] = 6e250, ((double *)steps->data)[4500] = -8e250;
  NEAR(number(cx, peri_norm(steps, 2, 0, false)), 1e251, 1e236);
  NEAR(number(cx, peri_norm(steps, 1.5, 0, false)), 1e250 * pow(pow(6, 1.5) + pow(8, 1.5), 1 / 1.5), 1e237);
  peri_release(steps);
  peri_tensor *inf = V(1, -INFINITY, 2), *nan = V(1, NAN, INFINITY);
  for (int p = 1; p < 4; p++) {
    assert_true(number(cx, peri_norm(inf, p, 0, false)) == INFINITY);
    assert_true(isnan(number(cx, peri_norm(nan, p, 0, false))));
  }
  assert_true(isnan(number(cx, peri_norm(nan, INFINITY, 0, false))));
  EXPECT_FAILS(peri_norm(inf, -1, 0, false), PERI_ERR_VALUE, "tensor.norm: p must be >= 0, got -1");
  EXPECT_FAILS(peri_norm(inf, NAN, 0, false), PERI_ERR_VALUE, "tensor.norm: p must be >= 0");
  peri_release(inf), peri_release(nan);
}

static void logsumexp_does_not_overflow(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *high = V(1000, 1000), *low = V(-1000, -1001), *none = V(-INFINITY, -INFINITY), *some = V(-INFINITY, 2, -INFINITY), *inf = V(1, INFINITY),
              *nan = V(INFINITY, NAN, -INFINITY);
  NEAR(number(cx, peri_logsumexp(high, 0, false)), 1000 + log(2), 1e-12);
  NEAR(number(cx, peri_logsumexp(low, 0, false)), -1000 + log1p(exp(-1)), 1e-12);
  assert_true(number(cx, peri_logsumexp(none, 0, false)) == -INFINITY);
  NEAR(number(cx, peri_logsumexp(some, 0, false)), 2, 0);
  assert_true(number(cx, peri_logsumexp(inf, 0, false)) == INFINITY);
  assert_true(isnan(number(cx, peri_logsumexp(nan, 0, false))));
  peri_release(high), peri_release(low), peri_release(none), peri_release(some), peri_release(inf), peri_release(nan);
  int64_t n = 3000;
  peri_tensor *ramp = MADE(peri_new(cx, PERI_F64, 1, &n));
  for (int64_t i = 0; i < n; i++) ((double *)ramp->data)[i] = (double)i;             /* e^2999 / (1 - 1/e) */
  NEAR(number(cx, peri_logsumexp(ramp, 0, false)), 2999 - log1p(-exp(-1)), 1e-12);
  peri_release(ramp);
}

static void nan_wins_extremes(void **state) {
  peri_ctx *cx = *state;
  int64_t n = 3000;
  peri_tensor *a = random_tensor(cx, PERI_F64, 1, &n, 5);
  ((double *)a->data)[1700] = NAN, ((double *)a->data)[2500] = NAN, ((double *)a->data)[2600] = -INFINITY;
  assert_true(isnan(number(cx, peri_min(a, 0, false))) && isnan(number(cx, peri_max(a, 0, false))));
  assert_true(number(cx, peri_argmin(a, 0, false)) == 1700 && number(cx, peri_argmax(a, 0, false)) == 1700);
  assert_true(number(cx, peri_any(a, 0, false)) == 1 && number(cx, peri_count(a, 0, false)) == 3000);
  peri_release(a);
}

static void ties_go_to_the_first(void **state) {
  peri_ctx *cx = *state;
  int64_t n = 5000;
  peri_tensor *a = MADE(peri_zeros(cx, PERI_I64, 1, &n));
  ((int64_t *)a->data)[1500] = ((int64_t *)a->data)[1501] = ((int64_t *)a->data)[4000] = 7;
  assert_true(number(cx, peri_argmax(a, 0, false)) == 1500 && number(cx, peri_argmin(a, 0, false)) == 0);
  peri_release(a);
}

static void nothing_has_no_extreme(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_zeros(cx, PERI_F64, 2, D(0, 3)));
  EXPECT_FAILS(peri_min(a, 0, false), PERI_ERR_VALUE, "tensor.min: no elements to choose from in shape (0, 3)");
  EXPECT_FAILS(peri_argmax(a, 1, false), PERI_ERR_VALUE, "tensor.argmax: no elements");
  peri_tensor *r = MADE(peri_max(a, 2, false)); /* no line asks */
  assert_int_equal(r->size, 0);
  NEAR(number(cx, peri_sum(a, 0, false)), 0, 0);
  NEAR(number(cx, peri_prod(a, 0, false)), 1, 0);
  NEAR(number(cx, peri_mean(a, 0, false)), NAN, 0);
  NEAR(number(cx, peri_logsumexp(a, 0, false)), -INFINITY, 0);
  peri_release(a), peri_release(r);
}

static void wrong_calls_are_refused(void **state) {
  peri_ctx *cx = *state, *other = peri_open(NULL);
  peri_tensor *a = MADE(peri_zeros(cx, PERI_F64, 2, D(2, 3))), *z = MADE(peri_zeros(cx, PERI_C128, 1, D(3))), *b = MADE(peri_zeros(cx, PERI_F64, 2, D(3, 2)));
  EXPECT_FAILS(peri_sum(a, 4, false), PERI_ERR_INDEX, "tensor.sum: axis 3 of a tensor of shape (2, 3)");
  EXPECT_FAILS(peri_cumsum(a, 2), PERI_ERR_INDEX, "tensor.cumsum: axis 3 of a tensor of shape (2, 3)");
  EXPECT_FAILS(peri_max(z, 0, false), PERI_ERR_DTYPE, "tensor.max: not defined for c128");
  EXPECT_FAILS(peri_std(z, 0, false, 1), PERI_ERR_DTYPE, "tensor.std: not defined for c128; take real() and imag() apart");
  EXPECT_FAILS(peri_logsumexp(z, 0, false), PERI_ERR_DTYPE, "tensor.logsumexp: not defined for c128");
  EXPECT_FAILS(peri_dot(a, b), PERI_ERR_SHAPE, "tensor.dot: shapes differ: (2, 3) and (3, 2)");
  peri_tensor *foreign = peri_zeros(other, PERI_F64, 2, D(2, 3));
  EXPECT_FAILS(peri_dot(a, foreign), PERI_ERR_STATE, "tensor.dot: operand 2 belongs to another context");
  peri_release(foreign);
  peri_close(other);
  peri_interrupt(cx);
  EXPECT_FAILS(peri_sum(a, 0, false), PERI_ERR_INTERRUPT, "interrupted");
  peri_clear_interrupt(cx);
  peri_release(a), peri_release(b), peri_release(z);
}

static void dot_is_the_sum_of_products(void **state) {
  peri_ctx *cx = *state;
  for (int t = 0; t < PERI_DTYPES; t++)
    for (int v = 0; v < VARIANTS; v++) {
      peri_tensor *a = variant(cx, (peri_dtype)t, v), *b = random_tensor(cx, (peri_dtype)t, a->ndim, a->dims, 77);
      peri_tensor *r = MADE(peri_dot(a, b)), *back = MADE(peri_dot(b, a));
      assert_int_equal(r->dtype, t == PERI_BOOL ? PERI_I64 : t);
      long double re = 0, im = 0;
      int64_t index[PERI_MAXDIM] = {0};
      if (a->size) do {
        wide x = element(a, index), y = element(b, index);
        re += x.re * y.re + x.im * y.im;
        im += x.re * y.im - x.im * y.re;
      } while (step(index, a->dims, a->ndim, (1u << a->ndim) - 1));
      NEAR(peri_item(r, 0), (double)re, t == PERI_F32 ? 1e-6 * fabsl(re) + 1e-6 : 1e-11);
      NEAR(peri_item(back, 0), (double)re, t == PERI_F32 ? 1e-6 * fabsl(re) + 1e-6 : 1e-11);
      if (t == PERI_C128) {
        NEAR(((double *)r->data)[1], (double)im, 1e-11);
        NEAR(((double *)back->data)[1], (double)-im, 1e-11);
      }
      peri_release(a), peri_release(b), peri_release(r), peri_release(back);
    }
  int64_t n = 200003;
  peri_tensor *a = random_tensor(cx, PERI_F64, 1, &n, 1), *b = random_tensor(cx, PERI_F64, 1, &n, 2), *ab = MADE(peri_mul(a, b));
  peri_tensor *one = MADE(peri_dot(a, b)), *sum = MADE(peri_sum(ab, 0, false)); /* products are rounded, then summed in the same order */
  SAME_BITS(one, sum);
  peri_set_threads(cx, 5);
  peri_tensor *many = MADE(peri_dot(a, b));
  SAME_BITS(one, many);
  peri_release(a), peri_release(b), peri_release(ab), peri_release(one), peri_release(sum), peri_release(many);
}

/* ---- running sums ---- */

static void running_sums_agree_with_the_oracle(void **state) {
  peri_ctx *cx = *state;
  for (int t = 0; t < PERI_DTYPES; t++)
    for (int v = 0; v < VARIANTS; v++) {
      peri_tensor *a = variant(cx, (peri_dtype)t, v);
      for (int axis = 0; axis < a->ndim; axis++) {
        peri_tensor *r = MADE(peri_cumsum(a, axis)), *p = MADE(peri_cumprod(a, axis - a->ndim));
        assert_int_equal(r->dtype, t == PERI_BOOL ? PERI_I64 : t);
        assert_memory_equal(r->dims, a->dims, a->ndim * sizeof a->dims[0]);
        int64_t index[PERI_MAXDIM] = {0};
        if (a->size) do {
          wide s = {0, 0}, q = {1, 0};
          for (index[axis] = 0; index[axis] < a->dims[axis]; index[axis]++) {
            wide x = element(a, index), got = element(r, index), product = element(p, index);
            s.re += x.re, s.im += x.im;
            q = (wide){q.re * x.re - q.im * x.im, q.re * x.im + q.im * x.re};
            double eps = t == PERI_F32 ? 1.2e-7 : 2.3e-16; /* an ulp */
            NEAR((double)got.re, (double)s.re, eps * fabsl(s.re) + 2e-17); /* of the oracle */
            NEAR((double)got.im, (double)s.im, eps * fabsl(s.im) + 2e-17);
            if (t != PERI_I64 && index[axis] < 40) {
              NEAR((double)product.re, (double)q.re, 60 * eps * hypotl(q.re, q.im));
              NEAR((double)product.im, (double)q.im, 60 * eps * hypotl(q.re, q.im));
            }
          }
          index[axis] = 0;
        } while (step(index, a->dims, a->ndim, ((1u << a->ndim) - 1) & ~(1u << axis)));
        peri_release(r), peri_release(p);
      }
      peri_release(a);
    }
}

static void running_sums_keep_infinities_and_threads(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = V(1, INFINITY, 2, -INFINITY, 3), *r = MADE(peri_cumsum(a, 0));
  const double *y = r->data;
  assert_true(y[0] == 1 && y[1] == INFINITY && y[2] == INFINITY && isnan(y[3]) && isnan(y[4]));
  peri_release(a), peri_release(r);
  a = random_tensor(cx, PERI_F64, 3, D(9, 401, 1100), 3);
  for (int axis = 0; axis < 3; axis++) {
    peri_set_threads(cx, 1);
    peri_tensor *one = MADE(peri_cumsum(a, axis));
    peri_set_threads(cx, 3);
    peri_tensor *many = MADE(peri_cumsum(a, axis));
    SAME_BITS(one, many);
    peri_release(one), peri_release(many);
  }
  peri_release(a);
}

static void failed_allocations_leave_nothing(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = random_tensor(cx, PERI_F64, 2, D(300, 700), 3);
  for (int c = 0; c < CASES + 2; c++)
    for (uint32_t bits = 0; bits < 3; bits++)
      for (int64_t n = 0;; n++) {
        int64_t before = peri_stats(cx).tensors;
        size_t used, after;
        peri_memory(cx, &used, NULL, NULL);
        peri_fail_allocation(cx, n);
        peri_tensor *r = c < CASES ? cases[c].run(a, cases[c].p, bits, false) : c == CASES ? peri_cumsum(a, 0) : peri_dot(a, a);
        bool failed = peri_allocation_failed(cx);
        peri_fail_allocation(cx, -1);
        assert_true((r == NULL) == failed);
        if (failed) assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
        peri_release(r);
        peri_memory(cx, &after, NULL, NULL);
        assert_int_equal(peri_stats(cx).tensors, before);
        assert_int_equal(used, after);
        if (!failed) break;
      }
  peri_release(a);
}

static void every_descriptor_is_complete(void **state) {
  (void)state;
  int n = 0;
  for (const peri_op *const *op = peri_reduction_ops(); *op; op++, n++) {
    assert_true(strncmp((*op)->name, "tensor.", 7) == 0);
    assert_non_null((*op)->help);
    assert_non_null((*op)->signature);
    assert_non_null((*op)->run);
  }
  assert_int_equal(n, 17);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(all_agree_with_the_oracle), TEST(bits_do_not_depend_on_strides), TEST(bits_do_not_depend_on_threads),
      cmocka_unit_test(bits_do_not_depend_on_the_instruction_set),
      TEST(sums_have_the_documented_order), TEST(rows_and_columns_have_the_documented_order),
      TEST(sums_do_not_lose_accuracy_with_length), TEST(integers_wrap), TEST(variance_does_not_cancel),
      TEST(norms_do_not_overflow), TEST(logsumexp_does_not_overflow), TEST(nan_wins_extremes), TEST(ties_go_to_the_first),
      TEST(nothing_has_no_extreme), TEST(wrong_calls_are_refused), TEST(dot_is_the_sum_of_products), TEST(running_sums_agree_with_the_oracle),
      TEST(running_sums_keep_infinities_and_threads), TEST(failed_allocations_leave_nothing), TEST(every_descriptor_is_complete)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
