/* math_test.c - accuracy of the elementary functions against long double, and equality of the three builds to the bit.
**
** Bounds are in ulp. Below one: exp, exp2, expm1, log, log1p, log2, log10, sin, cos, tanh, erf, asin, acos, cbrt. Where a
** bound is larger, the function is composed of such; lgamma is libm's.
*/
#include "variants.h"

static long double sigmoid_ref(long double x) { return 1 / (1 + expl(-x)); }
static long double softplus_ref(long double x) { return (x > 0 ? x : 0) + log1pl(expl(-fabsl(x))); }
static long double normal_cdf_ref(long double x) { return erfcl(-x * 0.707106781186547524400844362104849039L) / 2; }

enum { LINEAR, LOGARITHMIC };

typedef struct {
  const char *name;
  int row;
  long double (*ref)(long double);
  double lo, hi; /* LOGARITHMIC: lo > 0, both signs if the function has them */
  int scale, both;
  double bound;
} range;

#define LIN(f, lo, hi, bound) {#f, PRI_MAP1_##f, f##l, lo, hi, LINEAR, 0, bound}
#define LOG(f, lo, hi, both, bound) {#f, PRI_MAP1_##f, f##l, lo, hi, LOGARITHMIC, both, bound}
#define REF(f, lo, hi, bound) {#f, PRI_MAP1_##f, f##_ref, lo, hi, LINEAR, 0, bound}

static const range ranges[] = {
  LIN(exp, -708, 709.7, 0.7), LIN(exp, -745.2, -708, 0.8), LIN(exp, -1, 1, 0.7), LOG(exp, 0x1p-70, 1, 1, 0.7),
  LIN(exp2, -1075, 1024, 0.8), LIN(exp2, -1, 1, 0.7),
  LIN(expm1, -60, 709.7, 0.8), LIN(expm1, -1, 1, 0.8), LIN(expm1, 0.3, 0.7, 0.8), LIN(expm1, -0.7, -0.3, 0.8),
  LOG(expm1, 0x1p-1074, 1, 1, 0.8), LIN(expm1, 34, 40, 0.8),
  LIN(tanh, -20, 20, 0.85), LIN(tanh, -1, 1, 0.85), LIN(tanh, 0.1, 0.25, 0.85), LOG(tanh, 0x1p-1074, 1, 1, 0.85),
  LOG(log, 0x1p-1074, 0x1.fp1023, 0, 0.9), LIN(log, 0.5, 2, 0.9), LIN(log, 0.99, 1.01, 0.9), LIN(log, 0.68, 0.73, 0.9),
  LOG(log1p, 0x1p-1074, 1, 1, 0.9), LOG(log1p, 1, 0x1.fp1023, 0, 0.9), LIN(log1p, -0.999999, 1, 0.9), LIN(log1p, -0.5, 0.5, 0.9),
  LOG(log2, 0x1p-1074, 0x1.fp1023, 0, 0.8), LIN(log2, 0.5, 2, 0.8), LOG(log10, 0x1p-1074, 0x1.fp1023, 0, 0.8), LIN(log10, 0.5, 2, 0.8),
  LIN(sin, -10, 10, 0.85), LIN(sin, -0x1p30, 0x1p30, 0.85), LOG(sin, 0x1p-1074, 1, 1, 0.85), LOG(sin, 0x1p29, 0x1.fp1023, 1, 0.85),
  LIN(cos, -10, 10, 0.85), LIN(cos, -0x1p30, 0x1p30, 0.85), LOG(cos, 0x1p-70, 1, 1, 0.85), LOG(cos, 0x1p29, 0x1.fp1023, 1, 0.85),
  LIN(tan, -10, 10, 2.3), LIN(tan, -0x1p30, 0x1p30, 2.3), LOG(tan, 0x1p-1074, 1, 1, 2.3), LOG(tan, 0x1p29, 0x1.fp1023, 1, 2.3),
  LIN(erf, -6, 6, 0.9), LIN(erf, -1, 1, 0.9), LIN(erf, 0.8, 1, 0.9), LOG(erf, 0x1p-1000, 1, 1, 0.9),
  LIN(sinh, -710.4, 710.4, 2.3), LIN(sinh, -1.5, 1.5, 2.3), LOG(sinh, 0x1p-1074, 1, 1, 2.3),
  LIN(cosh, -710.4, 710.4, 1.3), LIN(cosh, -1, 1, 1.3),
  REF(sigmoid, -745, 40, 2.3), REF(sigmoid, -2, 2, 2.3), REF(softplus, -745, 40, 1.7), REF(softplus, -2, 2, 1.7),
  REF(normal_cdf, -38.5, -1, 2.5), REF(normal_cdf, -1, 9, 2.5), LIN(erfc, -6, 27.2, 1.8), LIN(erfc, 0.4, 1, 1.8), LIN(erfc, -1, 0.5, 1.5),
  LIN(asin, -1, 1, 0.8), LIN(asin, 0.49, 0.55, 0.8), LOG(asin, 0x1p-1074, 1, 1, 0.8), LIN(acos, -1, 1, 0.8), LIN(acos, 0.999, 1, 0.8),
  LIN(atan, -1, 1, 1.3), LIN(atan, -50, 50, 1.3), LOG(atan, 0x1p-1074, 0x1.fp1023, 1, 1.3),
  LIN(asinh, -1, 1, 2), LOG(asinh, 0x1p-1074, 0x1.fp1023, 1, 2), LIN(acosh, 1, 1.5, 2.3), LOG(acosh, 1, 0x1.fp1023, 0, 2.3),
  LIN(atanh, -1, 1, 2.3), LOG(atanh, 0x1p-1074, 1, 1, 2.3), LIN(cbrt, -100, 100, 0.55), LOG(cbrt, 0x1p-1074, 0x1.fp1023, 1, 0.55),
  LIN(lgamma, 0.1, 50, 5),
};
enum { RANGES = sizeof ranges / sizeof *ranges, POINTS = 300000, BASELINE_POINTS = 10000 };

static const double specials[] = {
  0.0, -0.0, INFINITY, -INFINITY, NAN, 0x1p-1074, -0x1p-1074, 0x1p-1022, -0x1p-1022, 0x1.fffffffffffffp-1023, 1, -1, 0.5, -0.5, 2,
  0x1.fffffffffffffp1023, -0x1.fffffffffffffp1023, 708, 709.782712893384, 709.7827128933841, 710.475, 710.4758600739439, 710.476,
  -708, -708.3964185322641, -745.13321910194110, -745.1332191019412, -746, 1023.5, 1024, -1022.5, -1074, -1075, -1075.5, 18.5,
  19.06, 19.07, 22, -37.4, -37.43, 37.43, 0x1p53, 0x1p54, 0x1p60, 0x1.6a09e667f3bcdp53, 0x1.6a09e667f3bcdp0, 0x1.6a09e667f3bccp-1,
  0x1.6a09e667f3bcdp-1, 0x1.fffffffffffffp-1, 0x1.0000000000001p0, -0x1.fffffffffffffp-1, 0x1p30, 0x1.0000000000001p30,
  0x1.921fb54442d18p0, 0x1.921fb54442d18p1, 0x1.921fb54442d18p29, 0x1.921fb54442d18p40, 0x1.6ac5b262ca1ffp849,
  0x1.6ac5b262ca1ffp852, 5.92, 5.93, 6, 27.3, -0.875, 0.875,
};
enum { SPECIALS = sizeof specials / sizeof *specials };

static void fill(double *x, int n, const range *g, uint64_t seed) {
  for (int i = 0; i < n; i++) {
    double u = next_unit(&seed);
    if (g->scale == LINEAR) x[i] = g->lo + u * (g->hi - g->lo);
    else x[i] = exp2(log2(g->lo) + u * (log2(g->hi) - log2(g->lo))) * (1 - 0x1p-10 * next_unit(&seed));
    if (g->both && (next_word(&seed) & 1)) x[i] = -x[i];
  }
}

static void errors_stay_below_their_bounds(void **state) {
  (void)state;
  const pri_kernels *k = pri_kernels_select(NULL);
  double *x = bytes(POINTS * sizeof *x), *r = bytes(POINTS * sizeof *r);
  for (int j = 0; j < RANGES; j++) {
    const range *g = &ranges[j];
    double worst = 0, at = 0;
    fill(x, POINTS, g, 1000 + (uint64_t)j);
    k->map1[g->row][PERI_F64](r, x, POINTS);
    for (int i = 0; i < POINTS; i++) {
      double e = ulps(r[i], g->ref(x[i]));
      if (!(e <= worst)) worst = e, at = x[i];
    }
    if (getenv("PERIGEE_TEST_ULPS")) print_message("%-10s [%g, %g]  %.3f ulp at %a\n", g->name, g->lo, g->hi, worst, at);
    if (!(worst <= g->bound)) fail_msg("%s on [%g, %g]: %g ulp at %a (%.17g), bound %g", g->name, g->lo, g->hi, worst, at, at, g->bound);
  }
  free(x);
  free(r);
}

static double largest_bound(int row) {
  double b = 0;
  for (int j = 0; j < RANGES; j++)
    if (ranges[j].row == row) b = fmax(b, ranges[j].bound);
  return b;
}

static void special_arguments_give_what_long_double_gives(void **state) {
  (void)state;
  const pri_kernels *k = pri_kernels_select(NULL);
  double r[SPECIALS];
  for (int j = 0; j < RANGES; j++) {
    const range *g = &ranges[j];
    k->map1[g->row][PERI_F64](r, specials, SPECIALS);
    for (int i = 0; i < SPECIALS; i++) {
      double e = ulps(r[i], g->ref(specials[i]));
      if (!(e <= largest_bound(g->row))) fail_msg("%s(%.17g = %a) = %.17g: %g ulp from %.17Lg", g->name, specials[i], specials[i], r[i], e, g->ref(specials[i]));
    }
  }
}

/* NaN compares as NaN: an instruction may hand on either operand's. */
static int same_bits(const double *a, const double *b, int64_t n, int64_t *at) {
  for (*at = 0; *at < n; ++*at)
    if (bits64(a[*at]) != bits64(b[*at]) && !(isnan(a[*at]) && isnan(b[*at]))) return 0;
  return 1;
}

static void builds_agree_to_the_bit(void **state) {
  (void)state;
  const pri_kernels *k[VARIANTS];
  int nk = variants(k);
  double *x = bytes(POINTS * sizeof *x), *a = bytes(POINTS * sizeof *a), *b = bytes(POINTS * sizeof *b);
  int64_t at;
  for (int j = 0; j < RANGES; j++) {
    const range *g = &ranges[j];
    fill(x, POINTS, g, 2000 + (uint64_t)j);
    memcpy(x + 1500, specials, sizeof specials);
    k[0]->map1[g->row][PERI_F64](a, x, POINTS);
    for (int v = 1; v < nk; v++) {
      int n = v == nk - 1 ? BASELINE_POINTS : POINTS;
      k[v]->map1[g->row][PERI_F64](b, x, n);
      if (!same_bits(a, b, n, &at))
        fail_msg("%s(%a): %a in %s, %a in %s", g->name, x[at], a[at], k[0]->isa, b[at], k[v]->isa);
    }
  }
  free(x);
  free(a);
  free(b);
}

/* A block with a special argument takes another loop: the others must not notice, nor depend on their position. */
static void values_do_not_depend_on_their_neighbours(void **state) {
  (void)state;
  const pri_kernels *k[VARIANTS];
  int nk = variants(k);
  enum { N = 2100 };
  double x[N], whole[N], mixed[N];
  int64_t at;
  for (int j = 0; j < RANGES; j++)
    for (int v = 0; v < nk; v++) {
      pri_map1 *f = k[v]->map1[ranges[j].row][PERI_F64];
      fill(x, N, &ranges[j], 3000 + (uint64_t)j);
      f(whole, x, N);
      memcpy(mixed, x, sizeof x);
      double odd[3] = {NAN, -INFINITY, 0x1p1000};
      for (int s = 0; s < 3; s++) {
        memcpy(mixed, x, sizeof x);
        mixed[17] = mixed[1500] = odd[s];
        f(mixed, mixed, N); /* in place, too */
        mixed[17] = whole[17], mixed[1500] = whole[1500];
        if (!same_bits(whole, mixed, N, &at)) fail_msg("%s(%a) in %s changes beside %g", ranges[j].name, x[at], k[v]->isa, odd[s]);
      }
      for (int i = 0; i < N; i += 41) f(mixed + i, x + i, 1);
      for (int i = 0; i < N; i += 41)
        if (!same_bits(whole + i, mixed + i, 1, &at)) fail_msg("%s(%a) in %s changes when alone", ranges[j].name, x[i], k[v]->isa);
    }
}

static void single_precision_is_double_rounded_once(void **state) {
  (void)state;
  const pri_kernels *k[VARIANTS];
  int nk = variants(k);
  enum { N = 3000 };
  double x[N];
  float f[N], r[N];
  for (int j = 0; j < RANGES; j++) {
    fill(x, N, &ranges[j], 4000 + (uint64_t)j);
    for (int i = 0; i < N; i++) f[i] = (float)x[i];
    for (int v = 0; v < nk; v++) {
      k[v]->map1[ranges[j].row][PERI_F32](r, f, N);
      for (int i = 0; i < N; i++) {
        long double want = ranges[j].ref(f[i]);
        float lo = nextafterf((float)want, -INFINITY), hi = nextafterf((float)want, INFINITY);
        int exact = r[i] == (float)want || (isnan(r[i]) && isnan((float)want));
        int tie = (r[i] == lo || r[i] == hi) && fabsl(r[i] - want) <= fabsl((float)want - want) * (1 + 1e-6L);
        if (!exact && !tie) fail_msg("%s(%af) = %a in %s, not %La", ranges[j].name, f[i], r[i], k[v]->isa, want);
      }
    }
  }
}

/* The error of x as a quantile of p is (Phi(x) - p) / phi(x); the upper half through 1 - p, which is exact. */
static double quantile_ulps(double x, double p) {
  long double y = p < 0.5 ? x : -x, q = p < 0.5 ? p : 1 - (long double)p;
  long double error = (normal_cdf_ref(y) - q) * 2.506628274631000502415765284811L * expl(y * y / 2);
  int e;
  frexp(x, &e);
  return (double)(fabsl(error) / ldexpl(1, e - 53));
}

static void quantiles_invert_the_distribution_function(void **state) {
  (void)state;
  const pri_kernels *k[VARIANTS];
  int nk = variants(k);
  enum { N = 100000 };
  double *p = bytes(N * sizeof *p), *a = bytes(N * sizeof *a), *b = bytes(N * sizeof *b), worst = 0;
  int64_t at;
  uint64_t seed = 5;
  for (int i = 0; i < N; i++) {
    double u = next_unit(&seed);
    p[i] = i % 4 == 0 ? exp2(-1070 * u) : i % 4 == 1 ? 1 - exp2(-1 - 51 * u) : u;
  }
  p[7] = 0, p[8] = 1, p[9] = -0.1, p[10] = 1.1, p[11] = NAN, p[12] = 0.5, p[13] = 0x1p-1074;
  k[0]->map1[PRI_MAP1_normal_quantile][PERI_F64](a, p, N);
  for (int i = 14; i < N; i++) worst = fmax(worst, quantile_ulps(a[i], p[i]));
  if (!(worst < 2.5)) fail_msg("normal_quantile: %g ulp", worst);
  assert_true(a[7] == -INFINITY && a[8] == INFINITY && isnan(a[9]) && isnan(a[10]) && isnan(a[11]) && a[12] == 0);
  assert_true(fabs(a[13] + 38.467405617144346) < 1e-13); /* from its asymptotic series */
  for (int v = 1; v < nk; v++) {
    int n = v == nk - 1 ? BASELINE_POINTS : N;
    k[v]->map1[PRI_MAP1_normal_quantile][PERI_F64](b, p, n);
    if (!same_bits(a, b, n, &at)) fail_msg("normal_quantile(%a) differs in %s", p[at], k[v]->isa);
  }
  free(p);
  free(a);
  free(b);
}

static void unknown_variants_are_refused(void **state) {
  (void)state;
  assert_null(pri_kernels_select("sse9"));
  assert_string_equal(pri_kernels_select("baseline")->isa, "baseline");
  assert_ptr_equal(pri_kernels_select(NULL), pri_kernels_select(""));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(errors_stay_below_their_bounds),
    cmocka_unit_test(special_arguments_give_what_long_double_gives),
    cmocka_unit_test(builds_agree_to_the_bit),
    cmocka_unit_test(values_do_not_depend_on_their_neighbours),
    cmocka_unit_test(single_precision_is_double_rounded_once),
    cmocka_unit_test(quantiles_invert_the_distribution_function),
    cmocka_unit_test(unknown_variants_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
