/* perigee/reduce.h (tensor) - reductions over one, several or all axes, and running sums.
**
** `axes` is a bit set, bit k for axis k counted from 0; 0 means all axes. With `keep` a reduced axis stays with size 1, without it
** disappears; reducing all axes then gives a 0-d tensor. Any strides and sizes, zero included.
**
** The elements of a result are taken in C order of the reduced axes, whatever the strides, and combined in one fixed way: blocks
** of 1024 joined by a binary tree, 32 fixed lanes inside a block of a sum. So the bits of a result depend on the
** sequence of its elements alone: not on strides, threads or neighbours. Sums of f32 are accumulated in f64 and rounded
** once. The error of a sum grows like log n.
**
** Errors: PERI_ERR_INDEX for an axis that is not there, PERI_ERR_DTYPE, PERI_ERR_VALUE where stated, PERI_ERR_MEMORY,
** PERI_ERR_INTERRUPT. NaN in, NaN out, unless stated.
*/
#ifndef PERIGEE_REDUCE_H
#define PERIGEE_REDUCE_H

#include <perigee/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sum and product: of bool and i64 in i64, wrapping around; else in the dtype of a. Of nothing: 0 and 1. */
PERI_API peri_tensor *peri_sum(peri_tensor *a, uint32_t axes, bool keep);
PERI_API peri_tensor *peri_prod(peri_tensor *a, uint32_t axes, bool keep);

/* Sum / n; f64 for bool and i64. Of nothing: NaN. */
PERI_API peri_tensor *peri_mean(peri_tensor *a, uint32_t axes, bool keep);

/* Variance  sum (a - mean)^2 / (n - ddof)  and its square root, in one pass without cancellation; NaN if n <= ddof. ddof = 1 is the
** unbiased estimate (and what Lua's x:var() takes), 0 the variance of the n values. PERI_ERR_VALUE if ddof < 0;
** PERI_ERR_DTYPE for c128. */
PERI_API peri_tensor *peri_var(peri_tensor *a, uint32_t axes, bool keep, int64_t ddof);
PERI_API peri_tensor *peri_std(peri_tensor *a, uint32_t axes, bool keep, int64_t ddof);

/* Extremes, in the dtype of a; NaN if any element is. The first position of one, i64, counted from 0 in C order of the reduced axes
** (that of the first NaN if there is one). PERI_ERR_VALUE for nothing, PERI_ERR_DTYPE for c128. */
PERI_API peri_tensor *peri_min(peri_tensor *a, uint32_t axes, bool keep);
PERI_API peri_tensor *peri_max(peri_tensor *a, uint32_t axes, bool keep);
PERI_API peri_tensor *peri_argmin(peri_tensor *a, uint32_t axes, bool keep);
PERI_API peri_tensor *peri_argmax(peri_tensor *a, uint32_t axes, bool keep);

/* Vector norm (sum |a|^p)^(1/p) for p > 0, max |a| for p = INFINITY, the number of non-zeros for p = 0; over several axes p = 2 is the
** Frobenius norm. Scaled: overflows or underflows only if the result does. f32 for f32, else f64; 0 of nothing.
** PERI_ERR_VALUE for p < 0 and NaN. */
PERI_API peri_tensor *peri_norm(peri_tensor *a, double p, uint32_t axes, bool keep);

/* Inner product sum conj(a) b of two tensors of one shape, 0-d; in the promoted dtype, bool and i64 in i64. */
PERI_API peri_tensor *peri_dot(peri_tensor *a, peri_tensor *b);

/* log sum e^a without overflow; -inf of nothing or of -inf only. f64 for bool and i64; PERI_ERR_DTYPE for c128. */
PERI_API peri_tensor *peri_logsumexp(peri_tensor *a, uint32_t axes, bool keep);

/* Whether any, whether all elements differ from 0 (bool), and how many do (i64). NaN does. Of nothing: false, true, 0. */
PERI_API peri_tensor *peri_any(peri_tensor *a, uint32_t axes, bool keep);
PERI_API peri_tensor *peri_all(peri_tensor *a, uint32_t axes, bool keep);
PERI_API peri_tensor *peri_count(peri_tensor *a, uint32_t axes, bool keep);

/* Running sum and product along one axis (negative: from the end), in the shape of a and the dtype of its sum. Running sums of f64
** and c128 carry their rounding errors along, so that each entry is within about one rounding of exact. */
PERI_API peri_tensor *peri_cumsum(peri_tensor *a, int axis);
PERI_API peri_tensor *peri_cumprod(peri_tensor *a, int axis);

/* The descriptors of this header, ended by NULL. args: i[0] axes, i[1] keep, i[2] ddof, f[0] p; for running ones i[0] axis. */
PERI_API const peri_op *const *peri_reduction_ops(void);

#ifdef __cplusplus
}
#endif
#endif
