/* kernels.h - loops over contiguous arrays, one table per instruction set, same bits in all three.
**
** The files in core/kernels/wide/ are compiled three times (baseline x86-64, AVX2+FMA, AVX-512), each time with
** PRI_ISA set to the suffix of their exported names; each build fills one constant table. pri_kernels_select picks one.
** Kernels know nothing of tensors, contexts or threads, and never allocate.
*/
#ifndef PRI_KERNELS_H
#define PRI_KERNELS_H

#include <perigee/dtype.h>

/* Elementwise operations, one row each: X(name). Rows not defined for a dtype are NULL there. */
#define PRI_MAP1_LIST(X)                                                                                          \
  X(neg) X(abs) X(sign) X(square) X(reciprocal) X(sqrt) X(rsqrt) X(cbrt) X(exp) X(exp2) X(expm1) X(log) X(log2)   \
  X(log10) X(log1p) X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) X(sinh) X(cosh) X(tanh) X(asinh) X(acosh)         \
  X(atanh) X(erf) X(erfc) X(lgamma) X(sigmoid) X(softplus) X(relu) X(normal_cdf) X(normal_quantile) X(floor)      \
  X(ceil) X(round) X(trunc) X(lnot) X(bnot) X(isnan) X(isinf) X(isfinite) X(real) X(imag) X(conj) X(angle)
#define PRI_MAP2_LIST(X)                                                                                          \
  X(add) X(sub) X(mul) X(div) X(pow) X(mod) X(idiv) X(minimum) X(maximum) X(atan2) X(hypot) X(copysign) X(eq)     \
  X(ne) X(lt) X(le) X(gt) X(ge) X(band) X(bor) X(bxor) X(shl) X(shr) X(complex)
#define PRI_MAP3_LIST(X) X(where) X(clip) X(fma)

#define PRI_ENUM1(name) PRI_MAP1_##name,
#define PRI_ENUM2(name) PRI_MAP2_##name,
#define PRI_ENUM3(name) PRI_MAP3_##name,
enum { PRI_MAP1_NONE, PRI_MAP1_LIST(PRI_ENUM1) PRI_MAP1_COUNT };  /* rows start at 1: peri_op.map = 0 means none */
enum { PRI_MAP2_NONE, PRI_MAP2_LIST(PRI_ENUM2) PRI_MAP2_COUNT };
enum { PRI_MAP3_NONE, PRI_MAP3_LIST(PRI_ENUM3) PRI_MAP3_COUNT };

/* r[i] = f(x[i]). r may be x, but must not overlap it otherwise. The dtype index is that of x; the dtype of r is x's,
** except: bool for isnan, isinf, isfinite, lnot; f64 for real, imag, abs, angle of c128. */
typedef void pri_map1(void *r, const void *x, int64_t n);

/* r[i] = f(a[i sa], b[i sb]), strides 0 or 1. r may be a or b. a and b have the dtype of the index; r too, except bool for
** comparisons, and c128 for complex(f64, f64). */
typedef void pri_map2(void *r, const void *a, int64_t sa, const void *b, int64_t sb, int64_t n);

/* r[i] = f(a[i sa], b[i sb], c[i sc]), strides 0 or 1. where: a is bool, b, c, r of the index dtype; clip(x, lo, hi) and
** fma(a, b, c) = a b + c rounded once: all of the index dtype. */
typedef void pri_map3(void *r, const void *a, int64_t sa, const void *b, int64_t sb, const void *c, int64_t sc, int64_t n);

/* Sums have one documented order: 32 fixed lanes within blocks of 1024, lanes joined pairwise (lane i with lane i + 16, then
** i + 8, ...), a binary tree over blocks (equal-sized neighbours merge first, as in a binary counter). */
typedef struct { double count, mean, m2; } pri_moments; /* m2 = sum (x - mean)^2 */

/* A raw PCG64 generator: 128-bit state and odd increment, each as (high, low). */
typedef struct { uint64_t state_hi, state_lo, inc_hi, inc_lo; } pri_pcg;

/* A stable law of unit scale made ready for its kernel; what the constants are is said in wide/stable.c and random/stable.c. */
typedef enum { PRI_STABLE_SYMMETRIC, PRI_STABLE_DIRECT, PRI_STABLE_CENTRED } pri_stable_form;
typedef struct {
  pri_stable_form form;
  double sign;                        /* of beta: -1 for a mirror image */
  double alpha, abs_e, sign_e, z;     /* e = 1 - alpha; z = beta tan(pi alpha/2) */
  double exponent;                    /* e/alpha */
  double sine_shift, sine_slope, sine_scale, sine_upper, sine_rest, cosine_shift; /* of the first factor */
  double d_shift, d_slope, d_scale, d_rest;                                       /* of D */
} pri_stable;

/* One step of an optimiser, fused; the formulas are in wide/optim.c, the recursions in core/optim/. */
#define PRI_STEP_LIST(X) X(sgd) X(momentum) X(heavy_ball) X(nesterov) X(adam) X(rmsprop) X(adagrad) X(window)
#define PRI_ENUM_STEP(name) PRI_STEP_##name,
enum { PRI_STEP_LIST(PRI_ENUM_STEP) PRI_STEP_COUNT };

typedef struct {
  double lr, decay, momentum;          /* decay: d = g + decay theta */
  double beta1, rest1, beta2, rest2;   /* rest = 1 - beta */
  double scale, eps, eps_inside, shrink;
  bool nesterov;
  int64_t window, row, stride;         /* of the ring of squares: rows, the one to overwrite, elements from row to row */
} pri_step_args;

/* theta, g and the arrays s[0..2] have n elements of the dtype of the index (f32, f64); arrays that the method does not use are NULL.
** None overlaps another, except that g may be theta. */
typedef void pri_step(void *theta, const void *g, void *const *s, const pri_step_args *a, int64_t n);

/* c (rows, cols) = sum over k of a[k][i] b[k][j], for panels a (k, rows) and b (k, cols); of c only the first `used` rows are promised. How it
** is summed: wide/tile.c. */
typedef struct { int rows, cols; void (*run)(void *c, const void *a, const void *b, int64_t used, int64_t k); } pri_tile;
enum { PRI_TILE_MOST = 12 * 32 }; /* elements of the largest tile */

/* Along a line of x: y = (x - mean) slope + shift, y < 0 replaced by 0 if `rectify`; gate: r = y > 0 ? u : 0;
** back: r = grow u + tilt (x - mean) + offset. r may be u or x. */
typedef struct { double mean, slope, shift; } pri_norm;
typedef struct {
  void (*forward)(void *r, const void *x, const pri_norm *a, bool rectify, int64_t n);
  void (*gate)(void *r, const void *u, const void *x, const pri_norm *a, int64_t n);
  void (*back)(void *r, const void *u, const void *x, const pri_norm *a, double grow, double tilt, double offset, int64_t n);
} pri_norm_maps;

typedef struct pri_kernels {
  const char *isa;
  pri_map1 *map1[PRI_MAP1_COUNT][PERI_DTYPES];
  pri_map2 *map2[PRI_MAP2_COUNT][PERI_DTYPES];
  pri_map3 *map3[PRI_MAP3_COUNT][PERI_DTYPES];
  void (*cast[PERI_DTYPES][PERI_DTYPES])(void *r, const void *x, int64_t n); /* [to][from]; float to i64 truncates, saturates, NaN gives 0; to bool: != 0 (NaN: 1) */

  /* reductions of n contiguous elements */
  double (*sum_f64)(const double *x, int64_t n);
  double (*sum_f32)(const float *x, int64_t n);      /* accumulated in double */
  int64_t (*sum_i64)(const int64_t *x, int64_t n);   /* wraps */
  int64_t (*sum_bool)(const uint8_t *x, int64_t n);
  void (*sum_c128)(double r[2], const double *x, int64_t n);
  double (*sumsq_f64)(const double *x, int64_t n);   /* sum x^2 */
  double (*sumsq_f32)(const float *x, int64_t n);
  double (*sumabs_f64)(const double *x, int64_t n);
  double (*dot_f64)(const double *x, const double *y, int64_t n);
  double (*dot_f32)(const float *x, const float *y, int64_t n);
  pri_moments (*moments_f64)(const double *x, int64_t n);
  pri_moments (*moments_f32)(const float *x, int64_t n);
  double (*min_f64)(const double *x, int64_t n);     /* NaN if any is NaN; n >= 1 */
  double (*max_f64)(const double *x, int64_t n);
  float (*min_f32)(const float *x, int64_t n);
  float (*max_f32)(const float *x, int64_t n);
  int64_t (*min_i64)(const int64_t *x, int64_t n);
  int64_t (*max_i64)(const int64_t *x, int64_t n);
  /* r[j] += x[j]; the column counterpart, for reductions over an outer axis */
  void (*axpy_f64)(double *r, double a, const double *x, int64_t n);  /* r += a x, fused */
  void (*add4_f64)(double *r, const double *a, const double *b, const double *c, const double *d, int64_t n); /* r = (((r + a) + b) + c) + d */

  pri_step *step[PRI_STEP_COUNT][PERI_DTYPES];
  const pri_tile *tile[PERI_DTYPES];      /* f32 and f64 */
  const pri_norm_maps *norm[PERI_DTYPES];

  /* randomness: raw words in sequence order, then maps from words to variates, one word each; r may be w */
  void (*pcg_dxsm)(uint64_t *w, int64_t n, pri_pcg *g);   /* g is left n steps further */
  void (*pcg_xslrr)(uint64_t *w, int64_t n, pri_pcg *g);
  void (*uniform)(double *r, const uint64_t *w, int64_t n);     /* (w >> 11) 2^-53, in [0, 1) */
  void (*normal)(double *r, const uint64_t *w, int64_t n);      /* inverse distribution function of the word */
  void (*exponential)(double *r, const uint64_t *w, int64_t n); /* -log u, u = ((w >> 12) + 1/2) 2^-52 in (0, 1) */
  void (*laplace)(double *r, const uint64_t *w, int64_t n);     /* signed -log(2 p), p the distance from the nearer end */
  void (*stable)(double *r, const uint64_t *w, const pri_stable *c, int64_t n); /* variate i from words 2i and 2i + 1; r is not w */
} pri_kernels;

/* The best table for this processor, or the one that `force` names ("baseline", "avx2", "avx512"; NULL or "": the best).
** NULL if force names one that is unknown or that the processor cannot run. */
const pri_kernels *pri_kernels_select(const char *force);

/* Of loops of another module in the same three builds, those that go with the table k. */
const void *pri_kernels_pick(const pri_kernels *k, const void *baseline, const void *avx2, const void *avx512);

#endif
