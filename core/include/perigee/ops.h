/* perigee/ops.h (tensor) - elementwise primitives.
**
** Each broadcasts its operands, computes in their promoted dtype and returns a new tensor; the in-place form writes into `out`,
** which may be an operand. Errors: PERI_ERR_SHAPE if shapes do not broadcast, PERI_ERR_DTYPE, PERI_ERR_VALUE where stated,
** PERI_ERR_STATE for operands of two contexts, PERI_ERR_MEMORY, PERI_ERR_INTERRUPT.
*/
#ifndef PERIGEE_OPS_H
#define PERIGEE_OPS_H

#include <perigee/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, result, help). abs of c128 is real; exp, log, ... promote bool and i64 to f64. */
#define PERI_UNARY_LIST(X)                                                                                              \
  X(neg, NUMERIC, "-a, elementwise.")                                                                                   \
  X(abs, REAL, "|a|, elementwise; the modulus of c128.")                                                                \
  X(sign, SAME, "-1, 0 or 1, elementwise; NaN stays NaN.")                                                              \
  X(square, NUMERIC, "a^2, elementwise.")                                                                               \
  X(reciprocal, FLOAT, "1 / a, elementwise.")                                                                           \
  X(sqrt, FLOAT, "Square root, elementwise; NaN below 0.")                                                              \
  X(rsqrt, FLOAT, "1 / sqrt(a), elementwise.")                                                                          \
  X(cbrt, FLOAT, "Cube root, elementwise.")                                                                             \
  X(exp, FLOAT, "e^a, elementwise.")                                                                                    \
  X(exp2, FLOAT, "2^a, elementwise.")                                                                                   \
  X(expm1, FLOAT, "e^a - 1 without cancellation near 0, elementwise.")                                                  \
  X(log, FLOAT, "Natural logarithm, elementwise; -inf at 0, NaN below.")                                                \
  X(log2, FLOAT, "Logarithm to base 2, elementwise.")                                                                   \
  X(log10, FLOAT, "Logarithm to base 10, elementwise.")                                                                 \
  X(log1p, FLOAT, "log(1 + a) without cancellation near 0, elementwise.")                                               \
  X(sin, FLOAT, "Sine, elementwise.")                                                                                   \
  X(cos, FLOAT, "Cosine, elementwise.")                                                                                 \
  X(tan, FLOAT, "Tangent, elementwise.")                                                                                \
  X(asin, FLOAT, "Inverse sine, elementwise.")                                                                          \
  X(acos, FLOAT, "Inverse cosine, elementwise.")                                                                        \
  X(atan, FLOAT, "Inverse tangent, elementwise.")                                                                       \
  X(sinh, FLOAT, "Hyperbolic sine, elementwise.")                                                                       \
  X(cosh, FLOAT, "Hyperbolic cosine, elementwise.")                                                                     \
  X(tanh, FLOAT, "Hyperbolic tangent, elementwise.")                                                                    \
  X(asinh, FLOAT, "Inverse hyperbolic sine, elementwise.")                                                              \
  X(acosh, FLOAT, "Inverse hyperbolic cosine, elementwise; NaN below 1.")                                               \
  X(atanh, FLOAT, "Inverse hyperbolic tangent, elementwise; NaN outside [-1, 1].")                                      \
  X(erf, FLOAT, "Error function, elementwise.")                                                                         \
  X(erfc, FLOAT, "1 - erf(a) without cancellation in the tail, elementwise.")                                           \
  X(lgamma, FLOAT, "log |Gamma(a)|, elementwise.")                                                                      \
  X(sigmoid, FLOAT, "1 / (1 + e^-a), elementwise.")                                                                     \
  X(softplus, FLOAT, "log(1 + e^a) without overflow, elementwise.")                                                     \
  X(relu, NUMERIC, "max(a, 0), elementwise.")                                                                           \
  X(normal_cdf, FLOAT, "Distribution function of N(0, 1), elementwise.")                                                \
  X(normal_quantile, FLOAT, "Inverse of normal_cdf, elementwise; a in (0, 1), -inf at 0, inf at 1, else NaN.")          \
  X(floor, NUMERIC, "Largest integer <= a, elementwise.")                                                               \
  X(ceil, NUMERIC, "Smallest integer >= a, elementwise.")                                                               \
  X(round, NUMERIC, "Nearest integer, halves to even, elementwise.")                                                    \
  X(trunc, NUMERIC, "Nearest integer towards 0, elementwise.")                                                          \
  X(lnot, BOOL, "Logical not of bool, elementwise.")                                                                    \
  X(bnot, SAME, "Bitwise not of i64, elementwise.")                                                                     \
  X(isnan, BOOL, "Whether a is not a number, elementwise.")                                                             \
  X(isinf, BOOL, "Whether a is infinite, elementwise.")                                                                 \
  X(isfinite, BOOL, "Whether a is finite, elementwise.")                                                                \
  X(real, REAL, "Real part, elementwise.")                                                                              \
  X(imag, REAL, "Imaginary part, elementwise.")                                                                         \
  X(conj, NUMERIC, "Complex conjugate, elementwise.")                                                                   \
  X(angle, REAL, "Argument of a complex number in (-pi, pi], elementwise.")

/* mod and idiv follow Lua's % and //: floor division. shl and shr are logical; beyond 63 bits they give 0. */
#define PERI_BINARY_LIST(X)                                                                                             \
  X(add, NUMERIC, "a + b, elementwise.")                                                                                \
  X(sub, NUMERIC, "a - b, elementwise.")                                                                                \
  X(mul, NUMERIC, "a b, elementwise.")                                                                                  \
  X(div, FLOAT, "a / b, elementwise; integers become f64.")                                                             \
  X(pow, NUMERIC, "a^b, elementwise; integer powers of integers need b >= 0.")                                          \
  X(mod, NUMERIC, "a - floor(a / b) b, elementwise, as Lua's %.")                                                       \
  X(idiv, NUMERIC, "floor(a / b), elementwise, as Lua's //.")                                                           \
  X(minimum, NUMERIC, "The smaller of a and b, elementwise; NaN if either is.")                                         \
  X(maximum, NUMERIC, "The larger of a and b, elementwise; NaN if either is.")                                          \
  X(atan2, FLOAT, "Angle of the point (b, a), elementwise.")                                                            \
  X(hypot, FLOAT, "sqrt(a^2 + b^2) without overflow, elementwise.")                                                     \
  X(copysign, FLOAT, "|a| with the sign of b, elementwise.")                                                            \
  X(eq, BOOL, "a = b, elementwise.")                                                                                    \
  X(ne, BOOL, "a differs from b, elementwise.")                                                                         \
  X(lt, BOOL, "a < b, elementwise.")                                                                                    \
  X(le, BOOL, "a <= b, elementwise.")                                                                                   \
  X(gt, BOOL, "a > b, elementwise.")                                                                                    \
  X(ge, BOOL, "a >= b, elementwise.")                                                                                   \
  X(band, SAME, "a and b: of bool logical, of i64 bit by bit.")                                                         \
  X(bor, SAME, "a or b: of bool logical, of i64 bit by bit.")                                                           \
  X(bxor, SAME, "a exclusive or b: of bool logical, of i64 bit by bit.")                                                \
  X(shl, SAME, "Bits of a shifted left by b (right if b < 0), i64.")                                                    \
  X(shr, SAME, "Bits of a shifted right by b, zeros coming in, i64.")                                                   \
  X(complex, COMPLEX, "a + ib of two real tensors, elementwise.")

#define PERI_DECLARE1(name, result, help)                                                                               \
  PERI_API peri_tensor *peri_##name(peri_tensor *a);                                                                    \
  PERI_API peri_status peri_##name##_(peri_tensor *out, peri_tensor *a);
#define PERI_DECLARE2(name, result, help)                                                                               \
  PERI_API peri_tensor *peri_##name(peri_tensor *a, peri_tensor *b);                                                    \
  PERI_API peri_status peri_##name##_(peri_tensor *out, peri_tensor *a, peri_tensor *b);
PERI_UNARY_LIST(PERI_DECLARE1)
PERI_BINARY_LIST(PERI_DECLARE2)

/* Derivatives of log Gamma; without an in-place form. polygamma(a, n): the n-th derivative of digamma, n = 0, 1, ..., no gradient in n. */
PERI_API peri_tensor *peri_digamma(peri_tensor *a);
PERI_API peri_tensor *peri_polygamma(peri_tensor *a, peri_tensor *n);

PERI_API peri_tensor *peri_where(peri_tensor *condition, peri_tensor *a, peri_tensor *b); /* condition bool */
PERI_API peri_tensor *peri_clip(peri_tensor *a, peri_tensor *lo, peri_tensor *hi);        /* min(max(a, lo), hi) */
PERI_API peri_tensor *peri_fma(peri_tensor *a, peri_tensor *b, peri_tensor *c);           /* a b + c, rounded once */

/* The descriptors of this header, ended by NULL: arity 1, then 2, then 3. */
PERI_API const peri_op *const *peri_elementwise_ops(void);

#ifdef __cplusplus
}
#endif
#endif
