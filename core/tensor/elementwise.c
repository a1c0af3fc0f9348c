/* elementwise.c - descriptors and C names of the elementwise primitives; the loops are in core/kernels. */
#include <perigee/ops.h>
#include "tensor/elementwise_rules.h"
#include "tensor/polygamma.h"
#include "tensor/tensor.h"

/* Integers have no negative powers and no division by zero: the kernels cannot raise, so look first. */
static peri_status refuse_integer(const peri_op *op, peri_tensor *b, bool (*bad)(int64_t), const char *advice) {
  for (int64_t i = 0; i < b->size; i++)
    if (bad(peri_item_i64(b, i)))
      return peri_fail(b->cx, PERI_ERR_VALUE, "%s: integer %s %lld; %s", op->name, advice, (long long)peri_item_i64(b, i),
                       "cast to f64 for a floating-point result");
  return PERI_OK;
}

static bool is_zero(int64_t x) { return x == 0; }
static bool is_negative(int64_t x) { return x < 0; }

static peri_status check_values(const peri_op *op, peri_dtype t, peri_tensor *const *in) {
  if (t != PERI_I64) return PERI_OK;
  if (op->map == PRI_MAP2_pow) return refuse_integer(op, in[1], is_negative, "power with exponent");
  if (op->map == PRI_MAP2_mod || op->map == PRI_MAP2_idiv) return refuse_integer(op, in[1], is_zero, "division by");
  return PERI_OK;
}

#define OP1(op, RESULT, text)                                                                                           \
  static const peri_op op_##op = {.name = "tensor." #op, .signature = "a:" #op "()", .help = text, .samples = "any",    \
                                  .arity = 1, .outputs = 1, .result = PERI_RESULT_##RESULT, .map = PRI_MAP1_##op, \
                                  .vjp = pri_vjp_##op};      \
  peri_tensor *peri_##op(peri_tensor *a) { return peri_apply(&op_##op, &a, NULL); }                                     \
  peri_status peri_##op##_(peri_tensor *out, peri_tensor *a) { return peri_apply_(&op_##op, out, &a, NULL); }
PERI_UNARY_LIST(OP1)

#define OP2(op, RESULT, text)                                                                                           \
  static const peri_op op_##op = {.name = "tensor." #op, .signature = "a:" #op "(b)", .help = text, .samples = "any",   \
                                  .arity = 2, .outputs = 1, .result = PERI_RESULT_##RESULT, .map = PRI_MAP2_##op,       \
                                  .check = check_values, .vjp = pri_vjp_##op};                                                                 \
  peri_tensor *peri_##op(peri_tensor *a, peri_tensor *b) { return peri_apply(&op_##op, (peri_tensor *[]){a, b}, NULL); } \
  peri_status peri_##op##_(peri_tensor *out, peri_tensor *a, peri_tensor *b) {                                          \
    return peri_apply_(&op_##op, out, (peri_tensor *[]){a, b}, NULL);                                                   \
  }
PERI_BINARY_LIST(OP2)

static const peri_op op_where = {.name = "tensor.where", .signature = "condition:where(a, b)", .samples = "any", .arity = 3, .outputs = 1,
                                 .help = "a where the condition holds, b elsewhere.", .result = PERI_RESULT_SAME, .map = PRI_MAP3_where, .vjp = pri_vjp_where};
static const peri_op op_clip = {.name = "tensor.clip", .signature = "a:clip(lo, hi)", .samples = "any", .arity = 3, .outputs = 1,
                                .help = "min(max(a, lo), hi), elementwise.", .result = PERI_RESULT_NUMERIC, .map = PRI_MAP3_clip, .vjp = pri_vjp_clip};
static const peri_op op_fma = {.name = "tensor.fma", .signature = "a:fma(b, c)", .samples = "any", .arity = 3, .outputs = 1,
                               .help = "a b + c rounded once, elementwise.", .result = PERI_RESULT_NUMERIC, .map = PRI_MAP3_fma, .vjp = pri_vjp_fma};

peri_tensor *peri_where(peri_tensor *condition, peri_tensor *a, peri_tensor *b) {
  return peri_apply(&op_where, (peri_tensor *[]){condition, a, b}, NULL);
}
peri_tensor *peri_clip(peri_tensor *a, peri_tensor *lo, peri_tensor *hi) { return peri_apply(&op_clip, (peri_tensor *[]){a, lo, hi}, NULL); }
peri_tensor *peri_fma(peri_tensor *a, peri_tensor *b, peri_tensor *c) { return peri_apply(&op_fma, (peri_tensor *[]){a, b, c}, NULL); }

static const peri_op op_digamma = {.name = "tensor.digamma", .signature = "a:digamma()", .samples = "any", .arity = 1, .outputs = 1,
                                   .help = "Derivative of lgamma, elementwise; NaN at negative integers.", .result = PERI_RESULT_FLOAT,
                                   .map = PERI_MAP_SCALAR, .scalar.of1 = pri_digamma, .vjp = pri_vjp_digamma};
static const peri_op op_polygamma = {.name = "tensor.polygamma", .signature = "a:polygamma(n)", .samples = "any", .arity = 2, .outputs = 1,
                                     .help = "n-th derivative of digamma (1: trigamma), elementwise; n >= 0 an integer, without gradient in n.",
                                     .result = PERI_RESULT_FLOAT, .map = PERI_MAP_SCALAR, .scalar.of2 = pri_polygamma, .vjp = pri_vjp_polygamma};
peri_tensor *peri_digamma(peri_tensor *a) { return peri_apply(&op_digamma, &a, NULL); }
peri_tensor *peri_polygamma(peri_tensor *a, peri_tensor *n) { return peri_apply(&op_polygamma, (peri_tensor *[]){a, n}, NULL); }

#define ADDRESS(op, result, text) &op_##op,
const peri_op *const *peri_elementwise_ops(void) {
  static const peri_op *const all[] = {PERI_UNARY_LIST(ADDRESS) & op_digamma, PERI_BINARY_LIST(ADDRESS) & op_polygamma, &op_where, &op_clip, &op_fma, NULL};
  return all;
}
