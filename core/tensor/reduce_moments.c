/* reduce_moments.c - variance, norms, log-sum-exp, inner product: folds that must mind cancellation and overflow.
**
** Variance: blocks give (n, mean, sum of squared deviations), joined by  m2 = m2a + m2b + d^2 na nb / n,  d = mean_b - mean_a
** (Chan, Golub & LeVeque 1979). Norms and log-sum-exp carry a scale: the state (s, v) of a 2-norm means 4^s v, that of a p-norm
** s^p v, that of log-sum-exp e^s v; joining rescales the smaller one, so that nothing overflows before the result does.
*/
#include <perigee/reduce.h>
#include "tensor/reduce.h"
#include "tensor/reduce_rules.h"
#include "tensor/example_rules.h"
#include <math.h>

static double map_one(const pri_kernels *k, int map, double x) {
  double r;
  k->map1[map][PERI_F64](&r, &x, 1);
  return r;
}

/* ---- variance ---- */

PRI_BLOCK(moments_f64) {
  pri_moments m = e->k->moments_f64(x, n);
  *s = (pri_state){.f = {m.count, m.mean, m.m2}};
}
PRI_BLOCK(moments_f32) {
  pri_moments m = e->k->moments_f32(x, n);
  *s = (pri_state){.f = {m.count, m.mean, m.m2}};
}
PRI_MERGE(join_moments) {
  double n = a->f[0] + b->f[0], d = b->f[1] - a->f[1], share = b->f[0] / n;
  a->f[2] = a->f[2] + b->f[2] + d * d * (a->f[0] * share);
  a->f[1] = a->f[1] + d * share;
  a->f[0] = n;
}
static double variance(const pri_fold_env *e, const pri_state *s, int64_t n) {
  return n > e->ddof ? s->f[2] / (double)(n - e->ddof) : NAN;
}
PRI_FINISH(var_f64) { *(double *)out = variance(e, s, n); }
PRI_FINISH(var_f32) { *(float *)out = (float)variance(e, s, n); }
PRI_FINISH(std_f64) { *(double *)out = sqrt(variance(e, s, n)); }
PRI_FINISH(std_f32) { *(float *)out = (float)sqrt(variance(e, s, n)); }

#define SPREAD(put)                                                                                                    \
  {[PERI_BOOL] = {PERI_F64, PERI_F64, PRI_FOLD_BLOCK, PRI_COLUMNS_NONE, {.f = {0}}, moments_f64, join_moments, put##_f64}, \
   [PERI_I64] = {PERI_F64, PERI_F64, PRI_FOLD_BLOCK, PRI_COLUMNS_NONE, {.f = {0}}, moments_f64, join_moments, put##_f64},  \
   [PERI_F32] = {PERI_F32, PERI_F32, PRI_FOLD_BLOCK, PRI_COLUMNS_NONE, {.f = {0}}, moments_f32, join_moments, put##_f32},  \
   [PERI_F64] = {PERI_F64, PERI_F64, PRI_FOLD_BLOCK, PRI_COLUMNS_NONE, {.f = {0}}, moments_f64, join_moments, put##_f64}}
static const pri_fold variances[PERI_DTYPES] = SPREAD(var), deviations[PERI_DTYPES] = SPREAD(std);

static peri_status run_spread(const peri_op *op, const pri_fold *folds, peri_tensor *a, const peri_args *args,
                              peri_tensor **out) {
  if (a->dtype == PERI_C128)
    return peri_fail(a->cx, PERI_ERR_DTYPE, "%s: not defined for c128; take real() and imag() apart", op->name);
  if (args->i[2] < 0)
    return peri_fail(a->cx, PERI_ERR_VALUE, "%s: ddof must be >= 0, got %lld", op->name, (long long)args->i[2]);
  return pri_reduce(op, folds, a, args, out);
}
static peri_status run_var(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  return run_spread(op, variances, in[0], args, out);
}
static peri_status run_std(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  return run_spread(op, deviations, in[0], args, out);
}

/* ---- norms ---- */

/* |x| of c128, or of anything for a power that needs it, into room for a block. */
static const double *moduli(const pri_fold_env *e, peri_dtype t, const void *x, int64_t n, double *room) {
  e->k->map1[PRI_MAP1_abs][t](room, x, n);
  return room;
}

/* A sum of squares between these lost nothing that matters: what underflowed is below 2^-112 of it, even 1024 times. */
static const double tiny = 0x1p-900, vast = 0x1p1000;

/* sum x^2 as 4^s v; x has n doubles. */
static void square_sum(const pri_fold_env *e, pri_state *s, const double *x, int64_t n) {
  double v = e->k->sumsq_f64(x, n);
  *s = (pri_state){.f = {0, v}};
  if ((v > tiny && v < vast) || isnan(v)) return;
  double lo = e->k->min_f64(x, n), hi = e->k->max_f64(x, n), most = fmax(fabs(lo), fabs(hi));
  if (most == 0 || isinf(most)) return;
  int exponent;
  frexp(most, &exponent);
  double scaled[2 * PRI_FOLD_BLOCK];
  for (int64_t i = 0; i < n; i++) scaled[i] = ldexp(x[i], -exponent);
  *s = (pri_state){.f = {exponent, e->k->sumsq_f64(scaled, n)}};
}
PRI_BLOCK(squares_f64) { square_sum(e, s, x, n); }
PRI_BLOCK(squares_c128) { square_sum(e, s, x, 2 * n); }
PRI_BLOCK(squares_f32) { *s = (pri_state){.f = {0, e->k->sumsq_f32(x, n)}}; }
PRI_MERGE(join_squares) {
  if (a->f[1] == 0) *a = *b;
  else if (b->f[1] == 0) return;
  else if (a->f[0] >= b->f[0]) a->f[1] += ldexp(b->f[1], 2 * (int)(b->f[0] - a->f[0]));
  else *a = (pri_state){.f = {b->f[0], ldexp(a->f[1], 2 * (int)(a->f[0] - b->f[0])) + b->f[1]}};
}
static double root(const pri_state *s) { return ldexp(sqrt(s->f[1]), (int)s->f[0]); }
PRI_FINISH(norm2_f64) { *(double *)out = root(s); }
PRI_FINISH(norm2_f32) { *(float *)out = (float)root(s); }

/* p = 1 and infinity need no scale. */
PRI_BLOCK(abs_f64) { s->f[0] = e->k->sumabs_f64(x, n); }
PRI_BLOCK(abs_c128) {
  double room[PRI_FOLD_BLOCK];
  s->f[0] = e->k->sum_f64(moduli(e, PERI_C128, x, n, room), n);
}
PRI_MERGE(add_f64) { a->f[0] += b->f[0]; }
PRI_FINISH(put_f64) { *(double *)out = s->f[0]; }
PRI_FINISH(put_f32) { *(float *)out = (float)s->f[0]; }

PRI_BLOCK(largest_f64) {
  double room[PRI_FOLD_BLOCK];
  s->f[0] = e->k->max_f64(moduli(e, PERI_F64, x, n, room), n);
}
PRI_BLOCK(largest_c128) {
  double room[PRI_FOLD_BLOCK];
  s->f[0] = e->k->max_f64(moduli(e, PERI_C128, x, n, room), n);
}
PRI_MERGE(greatest) { if (b->f[0] > a->f[0] || isnan(b->f[0])) *a = *b; }

/* p = 0 */
PRI_BLOCK(nonzeros) { s->f[0] = (double)e->k->sum_bool(x, n); }

/* Any other p: (scale, sum (|x| / scale)^p). */
static void power_sum(const pri_fold_env *e, pri_state *s, peri_dtype t, const void *x, int64_t n) {
  double y[PRI_FOLD_BLOCK], most = e->k->max_f64(moduli(e, t, x, n, y), n);
  *s = (pri_state){.f = {most, 0}};
  if (most == 0) return;
  if (!isfinite(most)) {
    s->f[1] = 1;
    return;
  }
  for (int64_t i = 0; i < n; i++) y[i] /= most;
  e->k->map2[PRI_MAP2_pow][PERI_F64](y, y, 1, &e->p, 0, n);
  s->f[1] = e->k->sum_f64(y, n);
}
PRI_BLOCK(powers_f64) { power_sum(e, s, PERI_F64, x, n); }
PRI_BLOCK(powers_c128) { power_sum(e, s, PERI_C128, x, n); }
static double power(const pri_fold_env *e, double x, double p) {
  e->k->map2[PRI_MAP2_pow][PERI_F64](&x, &x, 1, &p, 1, 1);
  return x;
}
PRI_MERGE(join_powers) {
  if (isnan(a->f[0]) || b->f[0] == 0) return;
  if (a->f[0] == 0 || !isfinite(b->f[0])) *a = *b;
  else if (!isfinite(a->f[0])) return;
  else if (a->f[0] >= b->f[0]) a->f[1] += b->f[1] * power(e, b->f[0] / a->f[0], e->p);
  else *a = (pri_state){.f = {b->f[0], a->f[1] * power(e, a->f[0] / b->f[0], e->p) + b->f[1]}};
}
static double norm_p(const pri_fold_env *e, const pri_state *s) {
  return s->f[0] == 0 ? 0 : s->f[0] * power(e, s->f[1], 1 / e->p);
}
PRI_FINISH(normp_f64) { *(double *)out = norm_p(e, s); }
PRI_FINISH(normp_f32) { *(float *)out = (float)norm_p(e, s); }

#define NORM_ROW(wants, result, block, merge, put) {wants, result, PRI_FOLD_BLOCK, PRI_COLUMNS_NONE, {.f = {0}}, block, merge, put}
#define NORMS(real, complex, merge, put)                                                                               \
  {[PERI_BOOL] = NORM_ROW(PERI_F64, PERI_F64, real, merge, put##_f64), [PERI_I64] = NORM_ROW(PERI_F64, PERI_F64, real, merge, put##_f64), \
   [PERI_F32] = NORM_ROW(PERI_F64, PERI_F32, real, merge, put##_f32), [PERI_F64] = NORM_ROW(PERI_F64, PERI_F64, real, merge, put##_f64),  \
   [PERI_C128] = NORM_ROW(PERI_C128, PERI_F64, complex, merge, put##_f64)}
static const pri_fold norms1[PERI_DTYPES] = NORMS(abs_f64, abs_c128, add_f64, put);
static const pri_fold norms_max[PERI_DTYPES] = NORMS(largest_f64, largest_c128, greatest, put);
static const pri_fold norms_p[PERI_DTYPES] = NORMS(powers_f64, powers_c128, join_powers, normp);
static const pri_fold norms2[PERI_DTYPES] = {
    [PERI_BOOL] = NORM_ROW(PERI_F64, PERI_F64, squares_f64, join_squares, norm2_f64),
    [PERI_I64] = NORM_ROW(PERI_F64, PERI_F64, squares_f64, join_squares, norm2_f64),
    [PERI_F32] = NORM_ROW(PERI_F32, PERI_F32, squares_f32, join_squares, norm2_f32),
    [PERI_F64] = NORM_ROW(PERI_F64, PERI_F64, squares_f64, join_squares, norm2_f64),
    [PERI_C128] = NORM_ROW(PERI_C128, PERI_F64, squares_c128, join_squares, norm2_f64)};
static const pri_fold norms0[PERI_DTYPES] = {
    [PERI_BOOL] = NORM_ROW(PERI_BOOL, PERI_F64, nonzeros, add_f64, put_f64),
    [PERI_I64] = NORM_ROW(PERI_BOOL, PERI_F64, nonzeros, add_f64, put_f64),
    [PERI_F32] = NORM_ROW(PERI_BOOL, PERI_F32, nonzeros, add_f64, put_f32),
    [PERI_F64] = NORM_ROW(PERI_BOOL, PERI_F64, nonzeros, add_f64, put_f64),
    [PERI_C128] = NORM_ROW(PERI_BOOL, PERI_F64, nonzeros, add_f64, put_f64)};

static peri_status run_norm(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  double p = args->f[0];
  if (!(p >= 0)) return peri_fail(in[0]->cx, PERI_ERR_VALUE, "%s: p must be >= 0, got %g", op->name, p);
  const pri_fold *folds = p == 2 ? norms2 : p == 1 ? norms1 : p == 0 ? norms0 : isinf(p) ? norms_max : norms_p;
  return pri_reduce(op, folds, in[0], args, out);
}

/* ---- log sum e^x ---- */

PRI_BLOCK(exponentials) {
  const double *v = x;
  double most = e->k->max_f64(v, n), y[PRI_FOLD_BLOCK];
  *s = (pri_state){.f = {most, 1}};
  if (!isfinite(most)) return; /* -inf: nothing yet; inf and NaN stay */
  e->k->map2[PRI_MAP2_sub][PERI_F64](y, v, 1, &most, 0, n);
  e->k->map1[PRI_MAP1_exp][PERI_F64](y, y, n);
  s->f[1] = e->k->sum_f64(y, n);
}
PRI_MERGE(join_exponentials) {
  if (isnan(a->f[0]) || b->f[0] == -INFINITY) return;
  if (a->f[0] == -INFINITY || !isfinite(b->f[0])) *a = *b;
  else if (!isfinite(a->f[0])) return;
  else if (a->f[0] >= b->f[0]) a->f[1] += b->f[1] * map_one(e->k, PRI_MAP1_exp, b->f[0] - a->f[0]);
  else *a = (pri_state){.f = {b->f[0], a->f[1] * map_one(e->k, PRI_MAP1_exp, a->f[0] - b->f[0]) + b->f[1]}};
}
static double log_of(const pri_fold_env *e, const pri_state *s) {
  return isfinite(s->f[0]) ? s->f[0] + map_one(e->k, PRI_MAP1_log, s->f[1]) : s->f[0];
}
PRI_FINISH(lse_f64) { *(double *)out = log_of(e, s); }
PRI_FINISH(lse_f32) { *(float *)out = (float)log_of(e, s); }

#define LSE_ROW(result, put) {PERI_F64, result, PRI_FOLD_BLOCK, PRI_COLUMNS_NONE, {.f = {-INFINITY, 0}}, exponentials, join_exponentials, put}
static const pri_fold lses[PERI_DTYPES] = {[PERI_BOOL] = LSE_ROW(PERI_F64, lse_f64), [PERI_I64] = LSE_ROW(PERI_F64, lse_f64),
                                           [PERI_F32] = LSE_ROW(PERI_F32, lse_f32), [PERI_F64] = LSE_ROW(PERI_F64, lse_f64)};

static peri_status run_logsumexp(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  if (in[0]->dtype == PERI_C128) return peri_fail(in[0]->cx, PERI_ERR_DTYPE, "%s: not defined for c128; it takes real numbers", op->name);
  return pri_reduce(op, lses, in[0], args, out);
}

/* ---- descriptors ---- */

#define SPREAD_OP(NAME, HELP)                                                                                          \
  const peri_op pri_op_##NAME = {.name = "tensor." #NAME, .signature = "a:" #NAME "([axis | {axes=, keep=, ddof=1}])", .help = HELP, \
                                 .samples = "any", .arity = 1, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_##NAME, .vjp = pri_vjp_##NAME, \
                                 .per_example = &pri_examples_reduction}; \
  peri_tensor *peri_##NAME(peri_tensor *a, uint32_t axes, bool keep, int64_t ddof) {                                   \
    return peri_apply(&pri_op_##NAME, &a, &(peri_args){.i = {axes, keep, ddof}});                                     \
  }
SPREAD_OP(var, "Variance sum (a - mean)^2 / (n - ddof), ddof = 1 by default, or along axes.")
SPREAD_OP(std, "Standard deviation, the square root of var, or along axes.")

const peri_op pri_op_norm = {.name = "tensor.norm", .signature = "a:norm([p][, axis | {axes=, keep=}])", .samples = "any", .arity = 1, .outputs = 1,
                             .result = PERI_RESULT_OWN, .run = run_norm, .vjp = pri_vjp_norm, .per_example = &pri_examples_reduction,
                             .help = "(sum |a|^p)^(1/p), p = 2 by default; max |a| for p = math.huge, non-zeros for p = 0."};
peri_tensor *peri_norm(peri_tensor *a, double p, uint32_t axes, bool keep) {
  return peri_apply(&pri_op_norm, &a, &(peri_args){.i = {axes, keep}, .f = {p}});
}

const peri_op pri_op_logsumexp = {.name = "tensor.logsumexp", .signature = "a:logsumexp([axis | {axes=, keep=}])", .samples = "any", .arity = 1,
                                  .outputs = 1, .result = PERI_RESULT_OWN, .run = run_logsumexp, .vjp = pri_vjp_logsumexp, .per_example = &pri_examples_reduction,
                                  .help = "log(sum e^a) without overflow, or along axes."};
peri_tensor *peri_logsumexp(peri_tensor *a, uint32_t axes, bool keep) {
  return peri_apply(&pri_op_logsumexp, &a, &(peri_args){.i = {axes, keep}});
}
