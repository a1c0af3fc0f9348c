/* reduce.c - sums, products, means, extremes, counts: folds (fold.h) for each dtype, and their descriptors.
**
** Variances, norms and log-sum-exp, which must mind cancellation and overflow, are in reduce_moments.c.
*/
#include <perigee/reduce.h>
#include "tensor/reduce.h"
#include "tensor/reduce_rules.h"
#include "tensor/example_rules.h"
#include <math.h>

/* ---- results: how a state becomes an element ---- */

PRI_FINISH(put_f64) { *(double *)out = s->f[0]; }
PRI_FINISH(put_f32) { *(float *)out = (float)s->f[0]; }
PRI_FINISH(put_i64) { *(int64_t *)out = s->i[0]; }
PRI_FINISH(put_bool) { *(uint8_t *)out = s->i[0] != 0; }
PRI_FINISH(put_c128) { memcpy(out, s->f, 16); }
PRI_FINISH(put_index) { *(int64_t *)out = s->i[1]; }
PRI_FINISH(put_any) { *(uint8_t *)out = s->i[0] > 0; }
PRI_FINISH(put_all) { *(uint8_t *)out = s->i[0] == n; }
PRI_FINISH(mean_f64) { *(double *)out = s->f[0] / (double)n; }
PRI_FINISH(mean_f32) { *(float *)out = (float)(s->f[0] / (double)n); }
PRI_FINISH(mean_i64) { *(double *)out = (double)s->i[0] / (double)n; }
PRI_FINISH(mean_c128) {
  double *z = out;
  z[0] = s->f[0] / (double)n;
  z[1] = s->f[1] / (double)n;
}

/* ---- sums ---- */

PRI_BLOCK(sum_f64) { s->f[0] = e->k->sum_f64(x, n); }
PRI_BLOCK(sum_f32) { s->f[0] = e->k->sum_f32(x, n); }
PRI_BLOCK(sum_i64) { s->i[0] = e->k->sum_i64(x, n); }
PRI_BLOCK(sum_bool) { s->i[0] = e->k->sum_bool(x, n); }
PRI_BLOCK(sum_c128) { e->k->sum_c128(s->f, x, n); }
PRI_MERGE(add_f64) { a->f[0] += b->f[0]; }
PRI_MERGE(add_i64) { a->i[0] = (int64_t)((uint64_t)a->i[0] + (uint64_t)b->i[0]); }
PRI_MERGE(add_c128) { a->f[0] += b->f[0], a->f[1] += b->f[1]; }

static const pri_fold sums[PERI_DTYPES] = {
    [PERI_BOOL] = {PERI_BOOL, PERI_I64, PRI_FOLD_CHUNK, PRI_COLUMNS_I64, {.i = {0}}, sum_bool, add_i64, put_i64},
    [PERI_I64] = {PERI_I64, PERI_I64, PRI_FOLD_CHUNK, PRI_COLUMNS_I64, {.i = {0}}, sum_i64, add_i64, put_i64},
    [PERI_F32] = {PERI_F32, PERI_F32, PRI_FOLD_CHUNK, PRI_COLUMNS_F64, {.f = {0}}, sum_f32, add_f64, put_f32},
    [PERI_F64] = {PERI_F64, PERI_F64, PRI_FOLD_CHUNK, PRI_COLUMNS_F64, {.f = {0}}, sum_f64, add_f64, put_f64},
    [PERI_C128] = {PERI_C128, PERI_C128, PRI_FOLD_CHUNK, PRI_COLUMNS_C128, {.f = {0}}, sum_c128, add_c128, put_c128}};

static const pri_fold means[PERI_DTYPES] = {
    [PERI_BOOL] = {PERI_BOOL, PERI_F64, PRI_FOLD_CHUNK, PRI_COLUMNS_I64, {.i = {0}}, sum_bool, add_i64, mean_i64},
    [PERI_I64] = {PERI_F64, PERI_F64, PRI_FOLD_CHUNK, PRI_COLUMNS_F64, {.f = {0}}, sum_f64, add_f64, mean_f64},
    [PERI_F32] = {PERI_F32, PERI_F32, PRI_FOLD_CHUNK, PRI_COLUMNS_F64, {.f = {0}}, sum_f32, add_f64, mean_f32},
    [PERI_F64] = {PERI_F64, PERI_F64, PRI_FOLD_CHUNK, PRI_COLUMNS_F64, {.f = {0}}, sum_f64, add_f64, mean_f64},
    [PERI_C128] = {PERI_C128, PERI_C128, PRI_FOLD_CHUNK, PRI_COLUMNS_C128, {.f = {0}}, sum_c128, add_c128, mean_c128}};

#define COUNTS(put, T)                                                                                                 \
  {[0 ... PERI_DTYPES - 1] = {PERI_BOOL, T, PRI_FOLD_CHUNK, PRI_COLUMNS_NONE, {.i = {0}}, sum_bool, add_i64, put}}
static const pri_fold anys[PERI_DTYPES] = COUNTS(put_any, PERI_BOOL);
static const pri_fold alls[PERI_DTYPES] = COUNTS(put_all, PERI_BOOL);
static const pri_fold counts[PERI_DTYPES] = COUNTS(put_i64, PERI_I64);

/* ---- products: eight lanes in a block, joined like those of a sum ---- */

#define PRODUCT(T, R)                                                                                                  \
  const T *v = x;                                                                                                      \
  R p[8] = {1, 1, 1, 1, 1, 1, 1, 1};                                                                                   \
  int64_t i = 0;                                                                                                       \
  for (; i + 8 <= n; i += 8)                                                                                           \
    for (int l = 0; l < 8; l++) p[l] *= (R)v[i + l];                                                                   \
  for (int l = 0; i + l < n; l++) p[l] *= (R)v[i + l];                                                                 \
  R product = ((p[0] * p[4]) * (p[2] * p[6])) * ((p[1] * p[5]) * (p[3] * p[7]))

PRI_BLOCK(prod_f64) { PRODUCT(double, double); s->f[0] = product; }
PRI_BLOCK(prod_f32) { PRODUCT(float, double); s->f[0] = product; }
PRI_BLOCK(prod_i64) { PRODUCT(int64_t, uint64_t); s->i[0] = (int64_t)product; }
PRI_MERGE(mul_f64) { a->f[0] *= b->f[0]; }
PRI_MERGE(mul_i64) { a->i[0] = (int64_t)((uint64_t)a->i[0] * (uint64_t)b->i[0]); }
PRI_MERGE(mul_c128) { e->k->map2[PRI_MAP2_mul][PERI_C128](a->f, a->f, 1, b->f, 1, 1); }
PRI_BLOCK(prod_c128) {
  const double *z = x;
  *s = (pri_state){.f = {1, 0}};
  for (int64_t i = 0; i < n; i++) mul_c128(e, s, (const pri_state *)(z + 2 * i));
}

static const pri_fold products[PERI_DTYPES] = {
    [PERI_BOOL] = {PERI_I64, PERI_I64, PRI_FOLD_BLOCK, PRI_COLUMNS_NONE, {.i = {1}}, prod_i64, mul_i64, put_i64},
    [PERI_I64] = {PERI_I64, PERI_I64, PRI_FOLD_BLOCK, PRI_COLUMNS_NONE, {.i = {1}}, prod_i64, mul_i64, put_i64},
    [PERI_F32] = {PERI_F32, PERI_F32, PRI_FOLD_BLOCK, PRI_COLUMNS_NONE, {.f = {1}}, prod_f32, mul_f64, put_f32},
    [PERI_F64] = {PERI_F64, PERI_F64, PRI_FOLD_BLOCK, PRI_COLUMNS_NONE, {.f = {1}}, prod_f64, mul_f64, put_f64},
    [PERI_C128] = {PERI_C128, PERI_C128, PRI_FOLD_BLOCK, PRI_COLUMNS_NONE, {.f = {1, 0}}, prod_c128, mul_c128, put_c128}};

/* ---- extremes and their places. A NaN beats every number and loses to an earlier NaN ---- */

static bool below(double x, double y) { return x < y || (isnan(x) && !isnan(y)); }
static bool above(double x, double y) { return x > y || (isnan(x) && !isnan(y)); }

PRI_BLOCK(min_f64) { s->f[0] = e->k->min_f64(x, n); }
PRI_BLOCK(max_f64) { s->f[0] = e->k->max_f64(x, n); }
PRI_BLOCK(min_f32) { s->f[0] = e->k->min_f32(x, n); }
PRI_BLOCK(max_f32) { s->f[0] = e->k->max_f32(x, n); }
PRI_BLOCK(min_i64) { s->i[0] = e->k->min_i64(x, n); }
PRI_BLOCK(max_i64) { s->i[0] = e->k->max_i64(x, n); }
PRI_BLOCK(min_bool) { s->i[0] = memchr(x, 0, (size_t)n) == NULL; }
PRI_BLOCK(max_bool) { s->i[0] = memchr(x, 1, (size_t)n) != NULL; }
/* The value of the block, and then the first place that has it. */
#define PLACE(extreme, T, slot)                                                                                        \
  const T *v = x;                                                                                                      \
  int64_t i = 0;                                                                                                       \
  extreme(e, s, x, n, first);                                                                                          \
  if (s->slot[0] == s->slot[0]) while (i < n - 1 && v[i] != s->slot[0]) i++;                                           \
  else while (i < n - 1 && v[i] == v[i]) i++;                                                                          \
  s->i[1] = first + i

PRI_BLOCK(argmin_f64) { PLACE(min_f64, double, f); }
PRI_BLOCK(argmax_f64) { PLACE(max_f64, double, f); }
PRI_BLOCK(argmin_f32) { PLACE(min_f32, float, f); }
PRI_BLOCK(argmax_f32) { PLACE(max_f32, float, f); }
PRI_BLOCK(argmin_i64) { PLACE(min_i64, int64_t, i); }
PRI_BLOCK(argmax_i64) { PLACE(max_i64, int64_t, i); }
PRI_MERGE(least_f64) { if (below(b->f[0], a->f[0])) *a = *b; }
PRI_MERGE(greatest_f64) { if (above(b->f[0], a->f[0])) *a = *b; }
PRI_MERGE(least_i64) { if (b->i[0] < a->i[0]) *a = *b; }
PRI_MERGE(greatest_i64) { if (b->i[0] > a->i[0]) *a = *b; }

#define EXTREME(T, block, merge, put) {T, T, PRI_FOLD_CHUNK, PRI_COLUMNS_NONE, {.i = {0}}, block, merge, put}
#define PLACED(T, block, merge) {T, PERI_I64, PRI_FOLD_BLOCK, PRI_COLUMNS_NONE, {.i = {0}}, block, merge, put_index}
static const pri_fold minima[PERI_DTYPES] = {[PERI_BOOL] = EXTREME(PERI_BOOL, min_bool, least_i64, put_bool),
                                             [PERI_I64] = EXTREME(PERI_I64, min_i64, least_i64, put_i64),
                                             [PERI_F32] = EXTREME(PERI_F32, min_f32, least_f64, put_f32),
                                             [PERI_F64] = EXTREME(PERI_F64, min_f64, least_f64, put_f64)};
static const pri_fold maxima[PERI_DTYPES] = {[PERI_BOOL] = EXTREME(PERI_BOOL, max_bool, greatest_i64, put_bool),
                                             [PERI_I64] = EXTREME(PERI_I64, max_i64, greatest_i64, put_i64),
                                             [PERI_F32] = EXTREME(PERI_F32, max_f32, greatest_f64, put_f32),
                                             [PERI_F64] = EXTREME(PERI_F64, max_f64, greatest_f64, put_f64)};
static const pri_fold argminima[PERI_DTYPES] = {[PERI_BOOL] = PLACED(PERI_I64, argmin_i64, least_i64),
                                                [PERI_I64] = PLACED(PERI_I64, argmin_i64, least_i64),
                                                [PERI_F32] = PLACED(PERI_F32, argmin_f32, least_f64),
                                                [PERI_F64] = PLACED(PERI_F64, argmin_f64, least_f64)};
static const pri_fold argmaxima[PERI_DTYPES] = {[PERI_BOOL] = PLACED(PERI_I64, argmax_i64, greatest_i64),
                                                [PERI_I64] = PLACED(PERI_I64, argmax_i64, greatest_i64),
                                                [PERI_F32] = PLACED(PERI_F32, argmax_f32, greatest_f64),
                                                [PERI_F64] = PLACED(PERI_F64, argmax_f64, greatest_f64)};

/* ---- descriptors ---- */

peri_status pri_reduce(const peri_op *op, const pri_fold *folds, peri_tensor *a, const peri_args *args,
                       peri_tensor **out) {
  const pri_fold *f = &folds[a->dtype];
  pri_fold_env e = {.k = a->cx->k, .p = args->f[0], .ddof = args->i[2]};
  uint32_t bits;
  if (!f->block)
    return peri_fail(a->cx, PERI_ERR_DTYPE,
                     "%s: not defined for c128: complex numbers have no order; take abs(), real() or imag()", op->name);
  if (pri_axes(op->name, a, (uint32_t)args->i[0], &bits)) return a->cx->code;
  out[0] = pri_fold_run(f, &e, a, bits, args->i[1] != 0);
  return out[0] ? PERI_OK : a->cx->code;
}

/* Extremes of nothing do not exist, unless nobody asks for one. */
static peri_status refuse_empty(const peri_op *op, const peri_tensor *a, const peri_args *args) {
  uint32_t axes = args->i[0] ? (uint32_t)args->i[0] : ~0u;
  bool nothing = false, asked = true;
  for (int i = 0; i < a->ndim; i++)
    if (axes >> i & 1) nothing |= a->dims[i] == 0;
    else asked &= a->dims[i] > 0;
  if (!nothing || !asked) return PERI_OK;
  return peri_fail(a->cx, PERI_ERR_VALUE, "%s: no elements to choose from in shape %s", op->name, peri_shape(a));
}

#define REDUCTION(NAME, FOLDS, CHECK, HELP)                                                                            \
  static peri_status run_##NAME(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) { \
    return CHECK ? in[0]->cx->code : pri_reduce(op, FOLDS, in[0], args, out);                                         \
  }                                                                                                                    \
  const peri_op pri_op_##NAME = {.name = "tensor." #NAME, .signature = "a:" #NAME "([axis | {axes=, keep=}])", .help = HELP,   \
                                 .samples = "any", .arity = 1, .outputs = 1, .result = PERI_RESULT_OWN, .run = run_##NAME, .vjp = pri_vjp_##NAME, \
                                 .per_example = &pri_examples_reduction}; \
  peri_tensor *peri_##NAME(peri_tensor *a, uint32_t axes, bool keep) {                                                 \
    return peri_apply(&pri_op_##NAME, &a, &(peri_args){.i = {axes, keep}});                                           \
  }

REDUCTION(sum, sums, PERI_OK, "Sum of the elements, or along axes; of bool and i64 in i64.")
REDUCTION(prod, products, PERI_OK, "Product of the elements, or along axes; of bool and i64 in i64.")
REDUCTION(mean, means, PERI_OK, "Arithmetic mean of the elements, or along axes.")
REDUCTION(any, anys, PERI_OK, "Whether any element differs from 0, or along axes.")
REDUCTION(all, alls, PERI_OK, "Whether all elements differ from 0, or along axes.")
REDUCTION(count, counts, PERI_OK, "How many elements differ from 0, or along axes.")
REDUCTION(min, minima, refuse_empty(op, in[0], args), "Smallest element, or along axes; NaN if there is one.")
REDUCTION(max, maxima, refuse_empty(op, in[0], args), "Largest element, or along axes; NaN if there is one.")
REDUCTION(argmin, argminima, refuse_empty(op, in[0], args), "Position of the first smallest element, or along axes.")
REDUCTION(argmax, argmaxima, refuse_empty(op, in[0], args), "Position of the first largest element, or along axes.")

const peri_op *const *peri_reduction_ops(void) {
  static const peri_op *const all[] = {&pri_op_sum, &pri_op_prod, &pri_op_mean, &pri_op_var, &pri_op_std, &pri_op_min, &pri_op_max,
                                       &pri_op_argmin, &pri_op_argmax, &pri_op_norm, &pri_op_dot, &pri_op_logsumexp, &pri_op_any,
                                       &pri_op_all, &pri_op_count, &pri_op_cumsum, &pri_op_cumprod, NULL};
  return all;
}
