/* perigee/order.h (tensor) - sorting, selecting, quantiles, searching, histograms.
**
** Elements are ordered by value, -0 before 0, false before true; every NaN comes last, whether the order ascends or descends. Sorts
** are stable: equal elements keep their order. Axes count from 0, negative from the end. Complex numbers have no order:
** PERI_ERR_DTYPE. Errors are those of reduce.h otherwise.
*/
#ifndef PERIGEE_ORDER_H
#define PERIGEE_ORDER_H

#include <perigee/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The lines of a along an axis in order; the positions (i64, from 0) that put them in order. Radix sort: time O(n), O(n) scratch. */
PERI_API peri_tensor *peri_sort(peri_tensor *a, int axis, bool descending);
PERI_API peri_tensor *peri_argsort(peri_tensor *a, int axis, bool descending);

/* The k largest (or smallest) elements of each line along an axis, best first, and their positions (i64, from 0); of equal ones the
** earlier. The axis has size k in both results. O(n + k log k). PERI_ERR_VALUE unless 0 <= k <= the size of the axis. */
PERI_API peri_status peri_topk(peri_tensor *a, int64_t k, int axis, bool largest, peri_tensor **values, peri_tensor **positions);

/* Each line with the element of sorted position k (from 0; negative from the end) at position k, what is smaller before it and what is
** not after it, both in their old order. O(n). PERI_ERR_INDEX if there is no position k. */
PERI_API peri_tensor *peri_partition(peri_tensor *a, int64_t k, int axis);

/* Quantiles of type 7 (Hyndman & Fan 1996; R's and NumPy's default): with x(0) <= x(1) <= ... and h = (n - 1) q, linear between
** x(floor h) and x(floor h + 1). Axes and keep as in reduce.h; f32 for f32, else f64. A line with a NaN gives NaN. PERI_ERR_VALUE if q lies
** outside [0, 1] or a line is empty. peri_quantiles takes nq values of q and puts them along a new first axis. */
PERI_API peri_tensor *peri_quantile(peri_tensor *a, double q, uint32_t axes, bool keep);
PERI_API peri_tensor *peri_quantiles(peri_tensor *a, int64_t nq, const double *q, uint32_t axes, bool keep);
PERI_API peri_tensor *peri_median(peri_tensor *a, uint32_t axes, bool keep);

/* For each element v of `values` the position (i64) at which it would enter the sorted vector a: the number of elements before v, or
** with `right` not after v. a must be 1-d and in ascending order (unchecked). */
PERI_API peri_tensor *peri_searchsorted(peri_tensor *a, peri_tensor *values, bool right);

/* How many elements of a fall between neighbouring edges (i64): bin i is [edges[i], edges[i+1]), the last one closed. Elements outside
** and NaN are not counted. edges is 1-d with m + 1 >= 2 strictly increasing finite entries, the result has m. */
PERI_API peri_tensor *peri_histogram(peri_tensor *a, peri_tensor *edges);

/* The descriptors of this header, ended by NULL. */
PERI_API const peri_op *const *peri_order_ops(void);

#ifdef __cplusplus
}
#endif
#endif
