/* order_test.c - sorting, selection, quantiles, searching and histograms against plain definitions. */
#include "support.h"
#include <perigee/order.h>
#include <perigee/reduce.h>

#define D(...) ((int64_t[]){__VA_ARGS__})
#define COUNT(x) ((int64_t)(sizeof(x) / sizeof(x)[0]))

/* Many ties, both zeros, infinities and, for `nans`, NaN of both signs. */
static double odd_value(uint64_t *s, bool nans) {
  uint64_t u = support_next(s) % 100;
  if (u < 30) return floor(4 * support_uniform(s));
  if (u < 34) return u % 2 ? 0.0 : -0.0;
  if (u < 37) return u % 2 ? INFINITY : -INFINITY;
  if (u < 40 && nans) return u % 2 ? NAN : -NAN;
  return 1e3 * support_uniform(s);
}

static peri_tensor *odd_tensor(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims, uint64_t seed, bool nans) {
  peri_tensor *r = MADE(peri_new(cx, t, nd, dims));
  for (int64_t i = 0; i < r->size; i++) {
    double x = odd_value(&seed, nans && (t == PERI_F32 || t == PERI_F64));
    switch (t) {
    case PERI_BOOL: ((uint8_t *)r->data)[i] = x > 0; break;
    case PERI_I64: ((int64_t *)r->data)[i] = x > 999 ? INT64_MAX : x < -999 ? INT64_MIN : (int64_t)x; break;
    case PERI_F32: ((float *)r->data)[i] = (float)x; break;
    default: ((double *)r->data)[i] = x; break;
    }
  }
  return r;
}

/* a strictly before b in the documented order; the definition, on long doubles (exact for all dtypes). */
typedef struct { long double x; bool negative; int64_t at; } item;
static bool precedes(const item *a, const item *b, bool descending) {
  bool an = isnan(a->x), bn = isnan(b->x);
  if (an || bn) return !an && bn;
  if (a->x != b->x) return descending ? a->x > b->x : a->x < b->x;
  if (a->x == 0 && a->negative != b->negative) return descending ? b->negative : a->negative;
  return false;
}

static item item_of(const peri_tensor *t, int64_t offset, int64_t at) {
  item r = {.at = at};
  switch ((peri_dtype)t->dtype) {
  case PERI_BOOL: r.x = ((uint8_t *)t->data)[offset]; break;
  case PERI_I64: r.x = (long double)((int64_t *)t->data)[offset]; break;
  case PERI_F32: r.x = (long double)((float *)t->data)[offset]; r.negative = signbit(((float *)t->data)[offset]) != 0; break;
  default: r.x = ((double *)t->data)[offset]; r.negative = signbit(((double *)t->data)[offset]) != 0; break;
  }
  return r;
}
static bool same(const item *a, const item *b) { return (isnan(a->x) && isnan(b->x)) || (a->x == b->x && (a->x != 0 || a->negative == b->negative)); }

/* Stable insertion sort. */
static void slow_sort(item *x, int64_t n, bool descending) {
  for (int64_t i = 1; i < n; i++) {
    item v = x[i];
    int64_t j = i;
    for (; j > 0 && precedes(&v, &x[j - 1], descending); j--) x[j] = x[j - 1];
    x[j] = v;
  }
}

/* Line `line` of t along `axis` (lines counted in C order of the other axes). */
static int64_t get_line(const peri_tensor *t, int axis, int64_t line, item *x) {
  int64_t offset = 0;
  for (int i = t->ndim - 1; i >= 0; i--) {
    if (i == axis) continue;
    offset += line % t->dims[i] * t->strides[i];
    line /= t->dims[i];
  }
  for (int64_t i = 0; i < t->dims[axis]; i++) x[i] = item_of(t, offset + i * t->strides[axis], i);
  return t->dims[axis];
}
static int64_t lines_of(const peri_tensor *t, int axis) { return t->dims[axis] ? t->size / t->dims[axis] : 0; }

static item want[5000], got[5000], places[5000], source[5000];

static void check_sort(peri_ctx *cx, peri_tensor *a, int axis, bool descending) {
  peri_tensor *s = MADE(peri_sort(a, axis, descending)), *p = MADE(peri_argsort(a, axis - a->ndim, descending));
  assert_int_equal(s->dtype, a->dtype);
  assert_int_equal(p->dtype, PERI_I64);
  for (int64_t l = 0; l < lines_of(a, axis); l++) {
    int64_t n = get_line(a, axis, l, want);
    get_line(s, axis, l, got);
    get_line(p, axis, l, places);
    slow_sort(want, n, descending);
    for (int64_t i = 0; i < n; i++) {
      if (!same(&want[i], &got[i])) fail_msg("sort, %s, line %lld, place %lld: %Lg, expected %Lg", peri_shape(a), (long long)l, (long long)i, got[i].x, want[i].x);
      assert_int_equal((int64_t)places[i].x, want[i].at);
    }
  }
  peri_release(s), peri_release(p);
}

static void sorts_are_stable_with_nan_last(void **state) {
  peri_ctx *cx = *state;
  for (int t = 0; t <= PERI_F64; t++)
    for (int descending = 0; descending < 2; descending++) {
      for (int64_t n = 0; n < 3000; n = n < 40 ? n + 1 : n * 2 - 1) { /* both sides of every threshold of the sorts */
        peri_tensor *a = odd_tensor(cx, (peri_dtype)t, 1, &n, (uint64_t)n + 1, true);
        check_sort(cx, a, 0, descending);
        peri_release(a);
      }
      peri_tensor *a = odd_tensor(cx, (peri_dtype)t, 3, D(7, 40, 11), 5, true), *turned = MADE(peri_view(a, 3, D(11, 7, 20), D(1, 440, -22), 39 * 11));
      peri_tensor *flat = MADE(peri_view(a, 2, D(6, 50), D(0, 3), 2));
      for (int axis = 0; axis < 3; axis++) check_sort(cx, a, axis, descending), check_sort(cx, turned, axis, descending);
      check_sort(cx, flat, 0, descending), check_sort(cx, flat, 1, descending);
      peri_release(a), peri_release(turned), peri_release(flat);
    }
}

static void selections_agree_with_sorting(void **state) {
  peri_ctx *cx = *state;
  static const int64_t lengths[] = {1, 2, 31, 33, 100, 700, 3000};
  for (int t = 0; t <= PERI_F64; t++)
    for (int l = 0; l < COUNT(lengths); l++)
      for (int k = 0; k < 8; k++) {
        int64_t n = lengths[l], at = k * (n - 1) / 7;
        peri_tensor *a = odd_tensor(cx, (peri_dtype)t, 1, &n, (uint64_t)(n + k), true), *p = MADE(peri_partition(a, at - n * (k % 2), -1));
        get_line(a, 0, 0, want), get_line(p, 0, 0, got), memcpy(source, want, sizeof source);
        slow_sort(want, n, false);
        assert_true(same(&got[at], &want[at]));
        int64_t m = 0;                                                      /* smaller ones, in their old order, then equals */
        for (int64_t i = 0; i < n; i++) if (precedes(&source[i], &want[at], false)) assert_true(same(&got[m], &source[i])), m++;
        for (; m < n && same(&got[m], &want[at]); m++) {}
        assert_true(m > at);
        for (int64_t i = 0; i < n; i++) if (precedes(&want[at], &source[i], false)) assert_true(same(&got[m], &source[i])), m++;
        assert_int_equal(m, n);
        peri_release(p);

        for (int largest = 0; largest < 2; largest++) {
          peri_tensor *values, *positions;
          EXPECT_OK(peri_topk(a, at, 0, largest, &values, &positions));
          assert_int_equal(values->dims[0], at);
          memcpy(want, source, sizeof want);
          slow_sort(want, n, largest);
          for (int64_t i = 0; i < at; i++) {
            item v = item_of(values, i, 0);
            assert_true(same(&v, &want[i]));
            assert_int_equal(((int64_t *)positions->data)[i], want[i].at);
          }
          peri_release(values), peri_release(positions);
        }
        peri_release(a);
      }
}

static void topk_works_along_any_axis(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = odd_tensor(cx, PERI_F64, 3, D(4, 30, 5), 8, true), *values, *positions;
  for (int axis = 0; axis < 3; axis++) {
    EXPECT_OK(peri_topk(a, 3, axis, true, &values, &positions));
    assert_int_equal(values->dims[axis], 3);
    for (int64_t l = 0; l < lines_of(a, axis); l++) {
      int64_t n = get_line(a, axis, l, want);
      get_line(values, axis, l, got), get_line(positions, axis, l, places);
      slow_sort(want, n, true);
      for (int i = 0; i < 3; i++) assert_true(same(&want[i], &got[i]) && (int64_t)places[i].x == want[i].at);
    }
    peri_release(values), peri_release(positions);
  }
  peri_release(a);
}

/* ---- quantiles ---- */

static double slow_quantile(item *x, int64_t n, double q) {
  for (int64_t i = 0; i < n; i++) if (isnan(x[i].x)) return NAN;
  slow_sort(x, n, false);
  double h = (double)(n - 1) * q;
  int64_t k = (int64_t)floor(h);
  double a = (double)x[k].x, b = k + 1 < n ? (double)x[k + 1].x : a, g = h - floor(h);
  return g == 0 || a == b ? a : a + g * (b - a);
}

static void quantiles_are_of_type_7(void **state) {
  peri_ctx *cx = *state;
  static const double q[] = {0, 0.1, 0.25, 0.5, 0.9, 0.999, 1};
  for (int t = 0; t <= PERI_F64; t++)
    for (int64_t n = 1; n < 2000; n = n * 3 / 2 + 1) {
      peri_tensor *a = odd_tensor(cx, (peri_dtype)t, 2, D(n, 3), (uint64_t)n, n % 5 == 0);
      for (int axis = 0; axis < 2; axis++) {
        peri_tensor *all = MADE(peri_quantiles(a, COUNT(q), q, 1u << axis, true)), *two = MADE(peri_quantiles(a, 2, q + 3, 1u << axis, false));
        assert_int_equal(all->dtype, t == PERI_F32 ? PERI_F32 : PERI_F64);
        assert_int_equal(all->ndim, 3);
        assert_int_equal(all->dims[0], COUNT(q));
        assert_int_equal(all->dims[1 + axis], 1);
        assert_int_equal(two->ndim, 2);
        int64_t lines = lines_of(a, axis);
        for (int64_t l = 0; l < lines; l++)
          for (int i = 0; i < COUNT(q); i++) {
            double w = slow_quantile(want, get_line(a, axis, l, want), q[i]);
            NEAR(peri_item(all, i * lines + l), w, t == PERI_F32 ? 6e-8 * fabs(w) : 0);
            if (i == 3) assert_true(peri_item(two, l) == peri_item(all, 3 * lines + l) || isnan(w));
          }
        peri_release(all), peri_release(two);
      }
      peri_release(a);
    }
}

static void quantiles_of_known_samples(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_from(cx, PERI_F64, 2, D(2, 3), (double[]){3, 1, 2, 10, INFINITY, 20}));
  peri_tensor *m = MADE(peri_median(a, 2, false)), *q = MADE(peri_quantile(a, 0.75, 2, false)), *all = MADE(peri_median(a, 0, false));
  assert_int_equal(m->ndim, 1);
  NEAR(peri_item(m, 0), 2, 0); NEAR(peri_item(m, 1), 20, 0);
  NEAR(peri_item(q, 0), 2.5, 0); NEAR(peri_item(q, 1), INFINITY, 0);
  NEAR(peri_item(all, 0), 6.5, 0);
  peri_release(m), peri_release(q), peri_release(all), peri_release(a);
  a = MADE(peri_from(cx, PERI_F64, 1, D(2), (double[]){-1.5e308, 1.5e308}));                        /* their difference overflows */
  m = MADE(peri_median(a, 0, false));
  NEAR(peri_item(m, 0), 0, 0);
  EXPECT_FAILS(peri_quantile(a, 1.5, 0, false), PERI_ERR_VALUE, "tensor.quantile: q must lie in [0, 1], got 1.5");
  EXPECT_FAILS(peri_quantile(a, NAN, 0, false), PERI_ERR_VALUE, "tensor.quantile: q must lie in [0, 1]");
  peri_release(m), peri_release(a);
  a = MADE(peri_zeros(cx, PERI_F64, 2, D(0, 2)));
  EXPECT_FAILS(peri_median(a, 1, false), PERI_ERR_VALUE, "tensor.quantile: no elements to choose from in shape (0, 2)");
  m = MADE(peri_median(a, 2, false));
  assert_int_equal(m->size, 0);
  peri_release(m), peri_release(a);
}

/* ---- searching and counting ---- */

static void searches_find_the_insertion_point(void **state) {
  peri_ctx *cx = *state;
  for (int64_t m = 0; m < 70; m++) {
    uint64_t s = (uint64_t)m;
    peri_tensor *a = odd_tensor(cx, PERI_F64, 1, &m, (uint64_t)m, false), *sorted = MADE(peri_sort(a, 0, false));
    peri_tensor *v = odd_tensor(cx, m % 2 ? PERI_F64 : PERI_F32, 2, D(40, 9), support_next(&s), false), *turned = MADE(peri_view(v, 2, D(9, 40), D(1, 9), 0));
    for (int right = 0; right < 2; right++) {
      peri_tensor *r = MADE(peri_searchsorted(sorted, turned, right));
      assert_int_equal(r->dims[1], 40);
      for (int64_t i = 0; i < r->size; i++) {
        int64_t n = 0;
        for (int64_t k = 0; k < m; k++) n += right ? peri_item(sorted, k) <= peri_item(turned, i) : peri_item(sorted, k) < peri_item(turned, i);
        assert_int_equal(((int64_t *)r->data)[i], n);
      }
      peri_release(r);
    }
    peri_release(a), peri_release(sorted), peri_release(v), peri_release(turned);
  }
  peri_tensor *flat = MADE(peri_zeros(cx, PERI_F64, 2, D(2, 2)));
  EXPECT_FAILS(peri_searchsorted(flat, flat, false), PERI_ERR_SHAPE, "tensor.searchsorted: the sorted tensor must be 1-d, got shape (2, 2)");
  peri_release(flat);
}

static void check_histogram(peri_ctx *cx, peri_tensor *a, peri_tensor *edges) {
  peri_tensor *h = MADE(peri_histogram(a, edges));
  int64_t m = edges->size - 1;
  assert_int_equal(h->size, m);
  for (int64_t b = 0; b < m; b++) {
    double lo = peri_item(edges, b), hi = peri_item(edges, b + 1);
    int64_t n = 0;
    for (int64_t i = 0; i < a->size; i++) {
      double x = peri_item(a, i);
      n += x >= lo && (x < hi || (b == m - 1 && x == hi));
    }
    assert_int_equal(((int64_t *)h->data)[b], n);
  }
  peri_release(h);
}

static void histograms_agree_with_the_edges(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = odd_tensor(cx, PERI_F64, 2, D(50, 60), 3, true), *turned = MADE(peri_view(a, 2, D(60, 25), D(1, 120), 0));
  peri_tensor *even = MADE(peri_linspace(cx, -4, 4, 9)), *fine = MADE(peri_linspace(cx, -1e3, 900, 71));
  peri_tensor *odd = MADE(peri_from(cx, PERI_F64, 1, D(7), (double[]){-1000, -999, -3, 0, 1e-3, 2, 1e6}));
  check_histogram(cx, a, even), check_histogram(cx, turned, fine), check_histogram(cx, a, odd), check_histogram(cx, turned, odd);
  EXPECT_FAILS(peri_histogram(even, turned), PERI_ERR_SHAPE, "tensor.histogram: edges must be 1-d with at least two entries, got shape (60, 25)");
  ((double *)odd->data)[2] = -999;
  EXPECT_FAILS(peri_histogram(a, odd), PERI_ERR_VALUE, "tensor.histogram: edges must increase, but edge 3 is -999 after -999");
  ((double *)odd->data)[2] = NAN;
  EXPECT_FAILS(peri_histogram(a, odd), PERI_ERR_VALUE, "tensor.histogram: edge 3 is nan; edges must be finite");
  peri_release(a), peri_release(turned), peri_release(even), peri_release(fine), peri_release(odd);
}

/* ---- the rest ---- */

static void threads_do_not_show(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = odd_tensor(cx, PERI_F64, 2, D(301, 500), 4, true);
  peri_tensor *first[6] = {NULL};
  for (int threads = 1; threads <= 5; threads += 2) {
    peri_set_threads(cx, threads);
    peri_tensor *values, *positions;
    EXPECT_OK(peri_topk(a, 20, 0, true, &values, &positions));
    peri_tensor *r[6] = {MADE(peri_sort(a, 1, false)), MADE(peri_argsort(a, 0, true)), MADE(peri_median(a, 1, false)), MADE(peri_partition(a, 7, 1)), values, positions};
    for (int i = 0; i < 6; i++)
      if (threads == 1) first[i] = r[i];
      else {
        SAME_BITS(first[i], r[i]);
        peri_release(r[i]);
      }
  }
  for (int i = 0; i < 6; i++) peri_release(first[i]);
  peri_release(a);
}

static void scalars_are_lines_of_one(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_from(cx, PERI_F64, 0, NULL, &(double){2.5})), *s = MADE(peri_sort(a, -1, false)), *p = MADE(peri_argsort(a, 0, true)), *m = MADE(peri_median(a, 0, false));
  assert_true(s->ndim == 0 && peri_item(s, 0) == 2.5 && p->ndim == 0 && peri_item(p, 0) == 0 && peri_item(m, 0) == 2.5);
  peri_release(a), peri_release(s), peri_release(p), peri_release(m);
}

static void wrong_calls_are_refused(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = MADE(peri_zeros(cx, PERI_F64, 2, D(2, 3))), *z = MADE(peri_zeros(cx, PERI_C128, 1, D(3))), *v, *p;
  EXPECT_FAILS(peri_sort(a, 2, false), PERI_ERR_INDEX, "tensor.sort: axis 3 of a tensor of shape (2, 3)");
  EXPECT_FAILS(peri_argsort(z, 0, false), PERI_ERR_DTYPE, "tensor.argsort: not defined for c128: complex numbers have no order");
  EXPECT_FAILS(peri_median(z, 0, false), PERI_ERR_DTYPE, "tensor.quantile: not defined for c128");
  EXPECT_FAILS(peri_topk(a, 4, 1, true, &v, &p), PERI_ERR_VALUE, "tensor.topk: k must lie in 0..3, the size of the axis, got 4");
  EXPECT_FAILS(peri_topk(a, -1, 1, true, &v, &p), PERI_ERR_VALUE, "tensor.topk: k must lie in 0..3");
  EXPECT_FAILS(peri_partition(a, 3, 1), PERI_ERR_INDEX, "tensor.partition: no position 4 along axis 2 of shape (2, 3)");
  peri_release(a), peri_release(z);
}

static peri_tensor *call(peri_tensor *a, int k) {
  peri_tensor *v = NULL, *p = NULL;
  switch (k) {
  case 0: return peri_sort(a, 0, false);
  case 1: return peri_argsort(a, 1, true);
  case 2: return peri_partition(a, 3, 0);
  case 3: return peri_quantiles(a, 2, (double[]){0.1, 0.9}, 1, false);
  case 4: v = peri_view(a, 1, D(300), D(1), 0), p = v ? peri_searchsorted(v, a, true) : NULL; break;
  case 5: v = peri_linspace(a->cx, 0, 1, 100), p = v ? peri_histogram(a, v) : NULL; break;
  default: peri_topk(a, 5, 1, false, &v, &p); break;
  }
  peri_release(v);
  return p;
}

static void failed_allocations_leave_nothing(void **state) {
  peri_ctx *cx = *state;
  peri_tensor *a = odd_tensor(cx, PERI_F64, 2, D(300, 70), 3, true);
  for (int k = 0; k < 7; k++)
    for (int64_t n = 0;; n++) {
      size_t used, after;
      peri_memory(cx, &used, NULL, NULL);
      peri_fail_allocation(cx, n);
      peri_tensor *r = call(a, k);
      bool failed = peri_allocation_failed(cx);
      peri_fail_allocation(cx, -1);
      assert_true((r == NULL) == failed);
      if (failed) assert_int_equal(peri_errcode(cx), PERI_ERR_MEMORY);
      peri_release(r);
      peri_memory(cx, &after, NULL, NULL);
      assert_int_equal(used, after);
      if (!failed) break;
    }
  peri_release(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(sorts_are_stable_with_nan_last), TEST(selections_agree_with_sorting), TEST(topk_works_along_any_axis),
                                     TEST(quantiles_are_of_type_7), TEST(quantiles_of_known_samples), TEST(searches_find_the_insertion_point),
                                     TEST(histograms_agree_with_the_edges), TEST(threads_do_not_show), TEST(scalars_are_lines_of_one),
                                     TEST(wrong_calls_are_refused), TEST(failed_allocations_leave_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
