/* loops_test.c - every row of the kernel table, for every dtype, in every build, against one number at a time.
**
** The oracles below are the documentation in executable form; a row that they do not define must be NULL, and the other
** way round. Operands run through a list of awkward values, all pairs of it; strides 0 and 1, lengths 0 to 70, and results
** written over an operand.
*/
#include <complex.h>
#undef complex

#include "variants.h"

typedef double _Complex c128;

static c128 pair(double re, double im) { double v[2] = {re, im}; c128 z; memcpy(&z, v, sizeof z); return z; }

/* ---- oracles: false if the row is not defined ---- */

static double next_even(double x) { /* round half to even by hand */
  double f = floor(x), d = x - f;
  if (d < 0.5 || (d == 0.5 && fmod(f, 2) == 0)) return copysign(f, x);
  return copysign(f + 1, x);
}

static int real_unary(int row, double x, double *r) {
  int sign;
  switch (row) {
  case PRI_MAP1_neg: *r = -x; return 1;
  case PRI_MAP1_abs: *r = fabs(x); return 1;
  case PRI_MAP1_sign: *r = isnan(x) ? NAN : x > 0 ? 1 : x < 0 ? -1 : x; return 1;
  case PRI_MAP1_square: *r = x * x; return 1;
  case PRI_MAP1_reciprocal: *r = 1 / x; return 1;
  case PRI_MAP1_sqrt: *r = sqrt(x); return 1;
  case PRI_MAP1_rsqrt: *r = 1 / sqrt(x); return 1;
  case PRI_MAP1_cbrt: *r = cbrt(x); return 1;
  case PRI_MAP1_exp: *r = exp(x); return 1;
  case PRI_MAP1_exp2: *r = exp2(x); return 1;
  case PRI_MAP1_expm1: *r = expm1(x); return 1;
  case PRI_MAP1_log: *r = log(x); return 1;
  case PRI_MAP1_log2: *r = log2(x); return 1;
  case PRI_MAP1_log10: *r = log10(x); return 1;
  case PRI_MAP1_log1p: *r = log1p(x); return 1;
  case PRI_MAP1_sin: *r = sin(x); return 1;
  case PRI_MAP1_cos: *r = cos(x); return 1;
  case PRI_MAP1_tan: *r = tan(x); return 1;
  case PRI_MAP1_asin: *r = asin(x); return 1;
  case PRI_MAP1_acos: *r = acos(x); return 1;
  case PRI_MAP1_atan: *r = atan(x); return 1;
  case PRI_MAP1_sinh: *r = sinh(x); return 1;
  case PRI_MAP1_cosh: *r = cosh(x); return 1;
  case PRI_MAP1_tanh: *r = tanh(x); return 1;
  case PRI_MAP1_asinh: *r = asinh(x); return 1;
  case PRI_MAP1_acosh: *r = acosh(x); return 1;
  case PRI_MAP1_atanh: *r = atanh(x); return 1;
  case PRI_MAP1_erf: *r = erf(x); return 1;
  case PRI_MAP1_erfc: *r = erfc(x); return 1;
  case PRI_MAP1_lgamma: *r = lgamma_r(x, &sign); return 1;
  case PRI_MAP1_sigmoid: *r = (double)(1 / (1 + expl(-(long double)x))); return 1;
  case PRI_MAP1_softplus: *r = (double)((x > 0 ? x : 0) + log1pl(expl(-fabsl(x)))); return 1;
  case PRI_MAP1_relu: *r = x < 0 ? 0 : x; return 1;
  case PRI_MAP1_normal_cdf: *r = (double)(erfcl(-(long double)x * 0.707106781186547524400844362104849039L) / 2); return 1;
  case PRI_MAP1_floor: *r = floor(x); return 1;
  case PRI_MAP1_ceil: *r = ceil(x); return 1;
  case PRI_MAP1_round: *r = isfinite(x) && fabs(x) < 0x1p52 ? next_even(x) : x; return 1;
  case PRI_MAP1_trunc: *r = trunc(x); return 1;
  case PRI_MAP1_real: case PRI_MAP1_conj: *r = x; return 1;
  case PRI_MAP1_imag: *r = 0; return 1;
  case PRI_MAP1_angle: *r = isnan(x) ? x : x < 0 ? M_PI : 0; return 1;
  }
  return 0;
}

static int truth_unary(int row, double x, uint8_t *r) {
  switch (row) {
  case PRI_MAP1_lnot: *r = x == 0; return 1;
  case PRI_MAP1_isnan: *r = !!isnan(x); return 1;
  case PRI_MAP1_isinf: *r = !!isinf(x); return 1;
  case PRI_MAP1_isfinite: *r = !!isfinite(x); return 1;
  }
  return 0;
}

static int integer_unary(int row, int64_t x, int64_t *r) {
  switch (row) {
  case PRI_MAP1_neg: *r = (int64_t)(0 - (uint64_t)x); return 1;
  case PRI_MAP1_abs: *r = x < 0 ? (int64_t)(0 - (uint64_t)x) : x; return 1;
  case PRI_MAP1_sign: *r = x > 0 ? 1 : x < 0 ? -1 : 0; return 1;
  case PRI_MAP1_square: *r = (int64_t)((uint64_t)x * (uint64_t)x); return 1;
  case PRI_MAP1_relu: *r = x > 0 ? x : 0; return 1;
  case PRI_MAP1_floor: case PRI_MAP1_ceil: case PRI_MAP1_round: case PRI_MAP1_trunc: case PRI_MAP1_real: case PRI_MAP1_conj: *r = x; return 1;
  case PRI_MAP1_imag: *r = 0; return 1;
  case PRI_MAP1_bnot: *r = ~x; return 1;
  }
  return 0;
}

static int complex_unary(int row, c128 x, c128 *r) {
  switch (row) {
  case PRI_MAP1_neg: *r = -x; return 1;
  case PRI_MAP1_conj: *r = conj(x); return 1;
  case PRI_MAP1_square: *r = x * x; return 1;
  case PRI_MAP1_reciprocal: *r = 1 / x; return 1;
  case PRI_MAP1_sqrt: *r = csqrt(x); return 1;
  case PRI_MAP1_exp: *r = cexp(x); return 1;
  case PRI_MAP1_log: *r = clog(x); return 1;
  }
  return 0;
}

static int complex_to_real(int row, c128 x, double *r) {
  switch (row) {
  case PRI_MAP1_abs: *r = cabs(x); return 1;
  case PRI_MAP1_angle: *r = carg(x); return 1;
  case PRI_MAP1_real: *r = creal(x); return 1;
  case PRI_MAP1_imag: *r = cimag(x); return 1;
  }
  return 0;
}

static double lua_mod(double a, double b) {
  double m = fmod(a, b);
  return m * b < 0 ? m + b : m;
}

static int real_binary(int row, double x, double y, double *r) {
  switch (row) {
  case PRI_MAP2_add: *r = x + y; return 1;
  case PRI_MAP2_sub: *r = x - y; return 1;
  case PRI_MAP2_mul: *r = x * y; return 1;
  case PRI_MAP2_div: *r = x / y; return 1;
  case PRI_MAP2_pow: *r = pow(x, y); return 1;
  case PRI_MAP2_mod: *r = lua_mod(x, y); return 1;
  case PRI_MAP2_minimum: *r = isnan(x) || isnan(y) ? NAN : fmin(x, y); return 1;
  case PRI_MAP2_maximum: *r = isnan(x) || isnan(y) ? NAN : fmax(x, y); return 1;
  case PRI_MAP2_atan2: *r = atan2(x, y); return 1;
  case PRI_MAP2_hypot: *r = hypot(x, y); return 1;
  case PRI_MAP2_copysign: *r = copysign(x, y); return 1;
  }
  return 0;
}

#define COMPARISONS(x, y)                                                                                          \
  case PRI_MAP2_eq: *r = (x) == (y); return 1;                                                                     \
  case PRI_MAP2_ne: *r = (x) != (y); return 1;
#define ORDER(x, y)                                                                                                \
  case PRI_MAP2_lt: *r = (x) < (y); return 1;                                                                      \
  case PRI_MAP2_le: *r = (x) <= (y); return 1;                                                                     \
  case PRI_MAP2_gt: *r = (x) > (y); return 1;                                                                      \
  case PRI_MAP2_ge: *r = (x) >= (y); return 1;

static int truth_binary(int row, double x, double y, uint8_t *r) { switch (row) { COMPARISONS(x, y) ORDER(x, y) } return 0; }
static int truth_binary_i64(int row, int64_t x, int64_t y, uint8_t *r) { switch (row) { COMPARISONS(x, y) ORDER(x, y) } return 0; }
static int truth_binary_c128(int row, c128 x, c128 y, uint8_t *r) { switch (row) { COMPARISONS(x, y) } return 0; }

static int64_t shifted(int64_t x, int64_t by) { /* one place at a time */
  uint64_t u = (uint64_t)x;
  for (int64_t i = 0; i < 64 && i < by; i++) u <<= 1;
  for (int64_t i = 0; i > -64 && i > by; i--) u >>= 1;
  return (int64_t)u;
}

static int integer_binary(int row, int64_t x, int64_t y, int64_t *r) {
  __int128 q;
  uint64_t p = 1;
  switch (row) {
  case PRI_MAP2_add: *r = (int64_t)((uint64_t)x + (uint64_t)y); return 1;
  case PRI_MAP2_sub: *r = (int64_t)((uint64_t)x - (uint64_t)y); return 1;
  case PRI_MAP2_mul: *r = (int64_t)((uint64_t)x * (uint64_t)y); return 1;
  case PRI_MAP2_idiv: case PRI_MAP2_mod:
    if (y == 0) { *r = 0; return 1; }
    q = (__int128)x / y;
    if (q * y != x && (x < 0) != (y < 0)) q--;
    *r = row == PRI_MAP2_idiv ? (int64_t)q : (int64_t)(x - q * y);
    return 1;
  case PRI_MAP2_pow:
    for (int64_t i = 0; i < y && i < 200; i++) p *= (uint64_t)x;
    if (y > 200) { /* by squaring, from the other end */
      p = 1;
      for (int bit = 62; bit >= 0; bit--) { p *= p; if (y >> bit & 1) p *= (uint64_t)x; }
    }
    *r = y < 0 ? 0 : (int64_t)p;
    return 1;
  case PRI_MAP2_minimum: *r = x < y ? x : y; return 1;
  case PRI_MAP2_maximum: *r = x < y ? y : x; return 1;
  case PRI_MAP2_band: *r = x & y; return 1;
  case PRI_MAP2_bor: *r = x | y; return 1;
  case PRI_MAP2_bxor: *r = x ^ y; return 1;
  case PRI_MAP2_shl: *r = shifted(x, y); return 1;
  case PRI_MAP2_shr: *r = y == INT64_MIN ? 0 : shifted(x, -y); return 1;
  }
  return 0;
}

static int bool_binary(int row, uint8_t x, uint8_t y, uint8_t *r) {
  switch (row) {
  COMPARISONS(x, y) ORDER(x, y)
  case PRI_MAP2_minimum: case PRI_MAP2_band: *r = x & y; return 1;
  case PRI_MAP2_maximum: case PRI_MAP2_bor: *r = x | y; return 1;
  case PRI_MAP2_bxor: *r = x ^ y; return 1;
  }
  return 0;
}

static int complex_binary(int row, c128 x, c128 y, c128 *r) {
  switch (row) {
  case PRI_MAP2_add: *r = x + y; return 1;
  case PRI_MAP2_sub: *r = x - y; return 1;
  case PRI_MAP2_mul: *r = x * y; return 1;
  case PRI_MAP2_div: *r = x / y; return 1;
  case PRI_MAP2_pow: /* x^0 = 1; 0^y = 0 to the right of the imaginary axis */
    *r = y == 0 ? 1 : x == 0 ? (creal(y) > 0 ? 0 : NAN) : cpow(x, y);
    return 1;
  }
  return 0;
}

/* ---- operands ---- */

static const double reals[] = {0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, -3, 0.49999999999999994, 7.25, -7.75, 100, 1e-3, 4503599627370497.5,
                               1e15, -1e15, 1e30, 0x1p-1000, INFINITY, -INFINITY, NAN};
static const int64_t integers[] = {0, 1, -1, 2, -2, 3, -3, 7, -7, 10, 62, 63, 64, 65, -63, -64, -65, 100, -100, 1000003, 0x7fffffff, INT64_C(1) << 32,
                                   INT64_C(3037000500), -INT64_C(3037000500), INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1};
enum { REALS = sizeof reals / sizeof *reals, INTEGERS = sizeof integers / sizeof *integers, MOST = 28 };
static c128 complexes[MOST];
static int ncomplex;
static const size_t width[PERI_DTYPES] = {1, 8, 4, 8, 16};

static int operands(int dtype, void *to) {
  uint8_t *b = to;
  int64_t *i64 = to;
  float *f32 = to;
  double *f64 = to;
  switch (dtype) {
  case PERI_BOOL: b[0] = 0, b[1] = 1; return 2;
  case PERI_I64: memcpy(i64, integers, sizeof integers); return INTEGERS;
  case PERI_F32: for (int i = 0; i < REALS; i++) f32[i] = (float)reals[i]; return REALS;
  case PERI_F64: memcpy(f64, reals, sizeof reals); return REALS;
  default: memcpy(to, complexes, sizeof *complexes * (size_t)ncomplex); return ncomplex;
  }
}

static int setup(void **state) {
  (void)state;
  static const double part[] = {0, 1, -2, 0.5, -3.25};
  for (int i = 0; i < 5; i++)
    for (int j = 0; j < 5; j++) complexes[ncomplex++] = pair(part[i], part[j]);
  complexes[ncomplex++] = pair(1e160, -1e170); /* squares overflow, quotients need not */
  complexes[ncomplex++] = pair(-1e-170, 1e-160);
  complexes[ncomplex++] = pair(0.6, 0.8);      /* |z| = 1 */
  return 0;
}

/* ---- comparison ---- */

static int near_real(double got, double want, double tolerance) {
  if (isnan(want) || isinf(want) || want == 0) return isnan(want) ? isnan(got) : want == got;
  return fabs(got - want) <= tolerance * fabs(want);
}
/* Parts may cancel: the error counts against the modulus. An overflowing modulus is compared by size only. */
static int near_complex(c128 got, c128 want, double tolerance) {
  double size = cabs(want);
  if (!isfinite(size) || isnan(creal(want)) || isnan(cimag(want))) return !isfinite(cabs(got));
  return cabs(got - want) <= tolerance * size + 0x1p-1060;
}

/* Rounded to f32, a result of the f64 oracle is exact; f32 arithmetic through double rounds alike. */
static int check(int dtype, const void *got, double want, double tolerance) {
  if (dtype == PERI_F64) return near_real(*(const double *)got, want, tolerance);
  float f = *(const float *)got, w = (float)want;
  return near_real(f, w, tolerance > 0 ? 1.2e-7 : 0);
}

/* Rows whose f64 results are exact or rounded once. */
static double tolerance1(int row) {
  switch (row) {
  case PRI_MAP1_neg: case PRI_MAP1_abs: case PRI_MAP1_sign: case PRI_MAP1_square: case PRI_MAP1_reciprocal: case PRI_MAP1_sqrt: case PRI_MAP1_relu:
  case PRI_MAP1_floor: case PRI_MAP1_ceil: case PRI_MAP1_round: case PRI_MAP1_trunc: case PRI_MAP1_real: case PRI_MAP1_imag: case PRI_MAP1_conj:
    return 0;
  }
  return 8 * 0x1p-53;
}
static double tolerance2(int row) { return row == PRI_MAP2_pow || row == PRI_MAP2_atan2 || row == PRI_MAP2_hypot ? 4 * 0x1p-53 : 0; }

static const pri_kernels *tables[VARIANTS];
static int ntables;

static void unary_rows_match_their_definition(void **state) {
  (void)state;
  c128 x[MOST], r[MOST];
  for (int v = 0; v < ntables; v++)
    for (int row = 1; row < PRI_MAP1_COUNT; row++)
      for (int t = 0; t < PERI_DTYPES; t++) {
        pri_map1 *f = tables[v]->map1[row][t];
        int n = operands(t, x), defined = 0, ok = 1, i = 0;
        if (f) f(r, x, n);
        for (; i < n && ok; i++) {
          double want = 0;
          uint8_t truth = 0;
          int64_t whole = 0;
          c128 z = 0;
          double a = t == PERI_F64 ? ((double *)x)[i] : t == PERI_F32 ? (double)((float *)x)[i] : t == PERI_BOOL ? ((uint8_t *)x)[i] : 0;
          if (t == PERI_I64) a = ((int64_t *)x)[i] != 0;
          if (row == PRI_MAP1_normal_quantile && (t == PERI_F64 || t == PERI_F32)) { defined = 1; continue; } /* math_test.c */
          if (t == PERI_C128) {
            uint8_t part = 0;
            if (truth_unary(row, creal(x[i]), &truth) && truth_unary(row, cimag(x[i]), &part)) {
              truth = row == PRI_MAP1_lnot || row == PRI_MAP1_isfinite ? truth & part : truth | part;
              defined = 1, ok = !f || ((uint8_t *)r)[i] == truth;
            } else if (complex_unary(row, x[i], &z)) defined = 1, ok = !f || near_complex(r[i], z, 1e-14);
            else if (complex_to_real(row, x[i], &want)) defined = 1, ok = !f || near_real(((double *)r)[i], want, 4 * 0x1p-53);
          } else if (truth_unary(row, a, &truth)) defined = 1, ok = !f || ((uint8_t *)r)[i] == truth;
          else if (t == PERI_I64 && integer_unary(row, ((int64_t *)x)[i], &whole)) defined = 1, ok = !f || ((int64_t *)r)[i] == whole;
          else if ((t == PERI_F64 || t == PERI_F32) && real_unary(row, a, &want))
            defined = 1, ok = !f || check(t, (char *)r + width[t] * (size_t)i, want, tolerance1(row));
        }
        if (defined != !!f) fail_msg("unary row %d, dtype %d in %s: defined %d, present %d", row, t, tables[v]->isa, defined, !!f);
        if (!ok) fail_msg("unary row %d, dtype %d in %s is wrong at operand %d", row, t, tables[v]->isa, i - 1);
      }
}

/* The floor of the rounded quotient, in the operands' own precision. */
static double floor_quotient(int t, double a, double b) { return t == PERI_F64 ? floor(a / b) : (double)floorf((float)a / (float)b); }

static int binary_ok(int row, int t, const void *r, const void *x, const void *y, int *defined) {
  double want = 0;
  uint8_t truth = 0;
  int64_t whole = 0;
  c128 z = 0;
  if (t == PERI_BOOL && bool_binary(row, *(uint8_t *)x, *(uint8_t *)y, &truth)) return *defined = 1, !r || *(uint8_t *)r == truth;
  if (t == PERI_I64 && truth_binary_i64(row, *(int64_t *)x, *(int64_t *)y, &truth)) return *defined = 1, !r || *(uint8_t *)r == truth;
  if (t == PERI_I64 && integer_binary(row, *(int64_t *)x, *(int64_t *)y, &whole)) return *defined = 1, !r || *(int64_t *)r == whole;
  if (t == PERI_C128 && truth_binary_c128(row, *(c128 *)x, *(c128 *)y, &truth)) return *defined = 1, !r || *(uint8_t *)r == truth;
  if (t == PERI_C128 && complex_binary(row, *(c128 *)x, *(c128 *)y, &z))
    return *defined = 1, !r || near_complex(*(c128 *)r, z, row == PRI_MAP2_pow ? 1e-12 : 1e-14); /* cpow: |y log x| times its rounding */
  if (t != PERI_F64 && t != PERI_F32) return 1;
  double a = t == PERI_F64 ? *(double *)x : (double)*(float *)x, b = t == PERI_F64 ? *(double *)y : (double)*(float *)y;
  if (truth_binary(row, a, b, &truth)) return *defined = 1, !r || *(uint8_t *)r == truth;
  if (row == PRI_MAP2_idiv) return *defined = 1, !r || check(t, r, floor_quotient(t, a, b), 0);
  if (row == PRI_MAP2_complex && t == PERI_F64) {
    *defined = 1;
    return !r || (bits64(((double *)r)[0]) == bits64(a) && bits64(((double *)r)[1]) == bits64(b));
  }
  if (real_binary(row, a, b, &want)) return *defined = 1, !r || check(t, r, want, tolerance2(row));
  return 1;
}

static size_t result_width(int row, int t) {
  if (row >= PRI_MAP2_eq && row <= PRI_MAP2_ge) return 1;
  return row == PRI_MAP2_complex ? 16 : width[t];
}

static void binary_rows_match_their_definition(void **state) {
  (void)state;
  c128 list[MOST], x[MOST * MOST], y[MOST * MOST], r[MOST * MOST];
  for (int v = 0; v < ntables; v++)
    for (int row = 1; row < PRI_MAP2_COUNT; row++)
      for (int t = 0; t < PERI_DTYPES; t++) {
        pri_map2 *f = tables[v]->map2[row][t];
        int n = operands(t, list), defined = 0;
        size_t w = width[t], rw = result_width(row, t);
        for (int i = 0; i < n * n; i++) {
          memcpy((char *)x + w * (size_t)i, (char *)list + w * (size_t)(i / n), w);
          memcpy((char *)y + w * (size_t)i, (char *)list + w * (size_t)(i % n), w);
        }
        if (f) f(r, x, 1, y, 1, n * n);
        for (int i = 0; i < n * n; i++)
          if (!binary_ok(row, t, f ? (char *)r + rw * (size_t)i : NULL, (char *)x + w * (size_t)i, (char *)y + w * (size_t)i, &defined))
            fail_msg("binary row %d, dtype %d in %s is wrong for operands %d, %d", row, t, tables[v]->isa, i / n, i % n);
        if (defined != !!f) fail_msg("binary row %d, dtype %d in %s: defined %d, present %d", row, t, tables[v]->isa, defined, !!f);
      }
}

/* What a kernel gives must not depend on length, strides or where it writes; one element at a time is the measure. */
static void same_or_fail(const char *what, int row, int t, const pri_kernels *k, const void *a, const void *b, size_t n, size_t w) {
  for (size_t i = 0; i < n; i++)
    if (memcmp((char *)a + i * w, (char *)b + i * w, w)) {
      double p, q;
      memcpy(&p, (char *)a + i * w, w < 8 ? w : 8), memcpy(&q, (char *)b + i * w, w < 8 ? w : 8);
      if (w >= 8 && isnan(p) && isnan(q)) continue;
      float e, f;
      memcpy(&e, (char *)a + i * w, w < 4 ? w : 4), memcpy(&f, (char *)b + i * w, w < 4 ? w : 4);
      if (w == 4 && isnan(e) && isnan(f)) continue;
      fail_msg("%s, row %d, dtype %d in %s, element %zu of %zu", what, row, t, k->isa, i, n);
    }
}

static void unary_rows_work_in_place_and_at_every_length(void **state) {
  (void)state;
  enum { N = 70 };
  c128 list[MOST], x[N], one[N], r[N];
  for (int v = 0; v < ntables; v++)
    for (int row = 1; row < PRI_MAP1_COUNT; row++)
      for (int t = 0; t < PERI_DTYPES; t++) {
        pri_map1 *f = tables[v]->map1[row][t];
        if (!f) continue;
        int m = operands(t, list);
        size_t w = width[t], rw = w;
        if (row == PRI_MAP1_lnot || (row >= PRI_MAP1_isnan && row <= PRI_MAP1_isfinite)) rw = 1;
        if (t == PERI_C128 && (row == PRI_MAP1_abs || row == PRI_MAP1_real || row == PRI_MAP1_imag || row == PRI_MAP1_angle)) rw = 8;
        for (int i = 0; i < N; i++) {
          memcpy((char *)x + w * (size_t)i, (char *)list + w * (size_t)(i % m), w);
          f((char *)one + rw * (size_t)i, (char *)x + w * (size_t)i, 1);
        }
        for (int n = 0; n <= N; n++) {
          memset(r, 0x5a, sizeof r);
          f(r, x, n);
          same_or_fail("length", row, t, tables[v], one, r, (size_t)n, rw);
          if (n < N) assert_int_equal(((unsigned char *)r)[rw * (size_t)n], 0x5a);
        }
        if (rw != w) continue;
        f(x, x, N);
        same_or_fail("in place", row, t, tables[v], one, x, N, w);
      }
}

static void binary_rows_work_with_every_stride_and_in_place(void **state) {
  (void)state;
  enum { N = 70 };
  c128 list[MOST], x[N], y[N], one[N], r[N], copy[N];
  for (int v = 0; v < ntables; v++)
    for (int row = 1; row < PRI_MAP2_COUNT; row++)
      for (int t = 0; t < PERI_DTYPES; t++) {
        pri_map2 *f = tables[v]->map2[row][t];
        if (!f) continue;
        int m = operands(t, list);
        size_t w = width[t], rw = result_width(row, t);
        for (int i = 0; i < N; i++) {
          memcpy((char *)x + w * (size_t)i, (char *)list + w * (size_t)((i + 2) % m), w);
          memcpy((char *)y + w * (size_t)i, (char *)list + w * (size_t)((i * 3 + 1) % m), w);
        }
        for (int strides = 0; strides < 4; strides++) {
          int64_t sa = strides & 1, sb = strides >> 1;
          for (int i = 0; i < N; i++) f((char *)one + rw * (size_t)i, (char *)x + w * (size_t)(i * sa), 1, (char *)y + w * (size_t)(i * sb), 1, 1);
          for (int n = 0; n <= N; n++) {
            memset(r, 0x5a, sizeof r);
            f(r, x, sa, y, sb, n);
            same_or_fail("strides", row, t, tables[v], one, r, (size_t)n, rw);
            if (n < N) assert_int_equal(((unsigned char *)r)[rw * (size_t)n], 0x5a);
          }
          if (rw != w) continue;
          memcpy(copy, x, sizeof x);
          if (sa) f(copy, copy, 1, y, sb, N), same_or_fail("over the first", row, t, tables[v], one, copy, N, w);
          memcpy(copy, y, sizeof y);
          if (sb) f(copy, x, sa, copy, 1, N), same_or_fail("over the second", row, t, tables[v], one, copy, N, w);
        }
        f(NULL, NULL, 0, NULL, 0, 0);
      }
}

static void ternary_rows_match_their_definition(void **state) {
  (void)state;
  enum { N = 70 };
  uint8_t mask[N];
  c128 list[MOST], x[N], y[N], z[N], r[N];
  for (int v = 0; v < ntables; v++)
    for (int t = 0; t < PERI_DTYPES; t++) {
      int m = operands(t, list);
      size_t w = width[t];
      for (int i = 0; i < N; i++) {
        mask[i] = i % 3 == 0;
        memcpy((char *)x + w * (size_t)i, (char *)list + w * (size_t)(i % m), w);
        memcpy((char *)y + w * (size_t)i, (char *)list + w * (size_t)((i * 5 + 1) % m), w);
        memcpy((char *)z + w * (size_t)i, (char *)list + w * (size_t)((i * 11 + 3) % m), w);
      }
      for (int row = 1; row < PRI_MAP3_COUNT; row++) {
        pri_map3 *f = tables[v]->map3[row][t];
        int wanted = row == PRI_MAP3_where || (t != PERI_BOOL && t != PERI_C128);
        assert_int_equal(!!f, wanted);
        if (!f) continue;
        for (int s = 0; s < 8; s++)
          for (int n = 0; n <= N; n += n < 20 ? 1 : 7) {
            int64_t sa = s & 1, sb = s >> 1 & 1, sc = s >> 2;
            f(r, row == PRI_MAP3_where ? (void *)mask : (void *)x, sa, y, sb, z, sc, n);
            for (int i = 0; i < n; i++) {
              size_t a = (size_t)(i * sa), b = (size_t)(i * sb), c = (size_t)(i * sc);
              int ok = 1;
              if (row == PRI_MAP3_where) ok = !memcmp((char *)r + w * (size_t)i, mask[a] ? (char *)y + w * b : (char *)z + w * c, w);
              else if (t == PERI_I64) {
                int64_t p = ((int64_t *)x)[a], lo = ((int64_t *)y)[b], hi = ((int64_t *)z)[c], got = ((int64_t *)r)[i];
                ok = row == PRI_MAP3_fma ? got == (int64_t)((uint64_t)p * (uint64_t)lo + (uint64_t)hi)
                                         : got == (p < lo ? (lo > hi ? hi : lo) : p > hi ? hi : p);
              } else if (t == PERI_F64) {
                double p = ((double *)x)[a], lo = ((double *)y)[b], hi = ((double *)z)[c], got = ((double *)r)[i];
                double clipped = isnan(p) || isnan(lo) || isnan(hi) ? NAN : fmin(fmax(p, lo), hi);
                ok = near_real(got, row == PRI_MAP3_fma ? fma(p, lo, hi) : clipped, 0);
              } else {
                float p = ((float *)x)[a], lo = ((float *)y)[b], hi = ((float *)z)[c], got = ((float *)r)[i];
                float clipped = isnan(p) || isnan(lo) || isnan(hi) ? NAN : fminf(fmaxf(p, lo), hi);
                ok = near_real(got, row == PRI_MAP3_fma ? fmaf(p, lo, hi) : clipped, 0);
              }
              if (!ok) fail_msg("ternary row %d, dtype %d in %s, strides %d, element %d of %d", row, t, tables[v]->isa, s, i, n);
            }
          }
      }
    }
}

static double as_real(int t, const void *x, int i) {
  switch (t) {
  case PERI_BOOL: return ((uint8_t *)x)[i];
  case PERI_I64: return (double)((int64_t *)x)[i];
  case PERI_F32: return (double)((float *)x)[i];
  case PERI_F64: return ((double *)x)[i];
  default: return creal(((c128 *)x)[i]);
  }
}

static int64_t as_integer(int t, const void *x, int i) {
  if (t == PERI_I64) return ((int64_t *)x)[i];
  double v = as_real(t, x, i);
  return isnan(v) ? 0 : v >= 0x1p63 ? INT64_MAX : v < -0x1p63 ? INT64_MIN : (int64_t)v;
}

static void casts_truncate_saturate_and_round_once(void **state) {
  (void)state;
  c128 x[MOST], r[MOST];
  for (int v = 0; v < ntables; v++)
    for (int from = 0; from < PERI_DTYPES; from++)
      for (int to = 0; to < PERI_DTYPES; to++) {
        int n = operands(from, x);
        tables[v]->cast[to][from](r, x, n);
        for (int i = 0; i < n; i++) {
          double a = as_real(from, x, i), im = from == PERI_C128 ? cimag(x[i]) : 0;
          float f = from == PERI_I64 ? (float)((int64_t *)x)[i] : (float)a;
          int ok = to == PERI_BOOL  ? ((uint8_t *)r)[i] == (a != 0 || im != 0)
                   : to == PERI_I64 ? ((int64_t *)r)[i] == as_integer(from, x, i)
                   : to == PERI_F32 ? near_real(((float *)r)[i], f, 0)
                   : to == PERI_F64 ? near_real(((double *)r)[i], a, 0)
                                    : near_real(creal(r[i]), a, 0) && cimag(r[i]) == im;
          if (!ok) fail_msg("cast from dtype %d to %d in %s is wrong at operand %d", from, to, tables[v]->isa, i);
        }
      }
}

static void complex_results_agree_to_the_bit(void **state) {
  (void)state;
  c128 x[MOST * MOST], y[MOST * MOST], a[MOST * MOST], b[MOST * MOST];
  int n = ncomplex * ncomplex;
  for (int i = 0; i < n; i++) x[i] = complexes[i / ncomplex], y[i] = complexes[i % ncomplex];
  for (int v = 1; v < ntables; v++) {
    for (int row = 1; row < PRI_MAP2_COUNT; row++) {
      if (!tables[v]->map2[row][PERI_C128]) continue;
      tables[0]->map2[row][PERI_C128](a, x, 1, y, 1, n);
      tables[v]->map2[row][PERI_C128](b, x, 1, y, 1, n);
      same_or_fail("builds", row, PERI_F64, tables[v], a, b, row == PRI_MAP2_eq || row == PRI_MAP2_ne ? (size_t)n / 8 : 2 * (size_t)n, 8);
    }
    int rows[] = {PRI_MAP1_exp, PRI_MAP1_log, PRI_MAP1_sqrt, PRI_MAP1_square, PRI_MAP1_reciprocal};
    for (int j = 0; j < 5; j++) {
      tables[0]->map1[rows[j]][PERI_C128](a, x, n);
      tables[v]->map1[rows[j]][PERI_C128](b, x, n);
      same_or_fail("builds", rows[j], PERI_F64, tables[v], a, b, 2 * (size_t)n, 8);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(unary_rows_match_their_definition),
    cmocka_unit_test(binary_rows_match_their_definition),
    cmocka_unit_test(unary_rows_work_in_place_and_at_every_length),
    cmocka_unit_test(binary_rows_work_with_every_stride_and_in_place),
    cmocka_unit_test(ternary_rows_match_their_definition),
    cmocka_unit_test(casts_truncate_saturate_and_round_once),
    cmocka_unit_test(complex_results_agree_to_the_bit),
  };
  ntables = variants(tables);
  return cmocka_run_group_tests(tests, setup, NULL);
}
