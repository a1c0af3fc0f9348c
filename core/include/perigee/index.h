/* perigee/index.h (tensor) - reading and writing at positions given by tensors.
**
** Positions are i64 tensors. `origin` says how they count: PERI_FROM_0 from 0, negative ones refused; PERI_FROM_1
** from 1, negative ones from the end (-1 is the last), as Lua counts. A position outside its axis is PERI_ERR_INDEX,
** naming it and the length of the axis, and nothing has been written. Masks are bool tensors of the shape of the
** leading axes.
**
** Values written are broadcast and cast to what they replace; PERI_ERR_DTYPE if they are complex and the tensor is not.
** Functions ending in _ write into t, the others into a copy of it. Results are new references.
*/
#ifndef PERIGEE_INDEX_H
#define PERIGEE_INDEX_H

#include <perigee/op.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { PERI_FROM_0, PERI_FROM_1 } peri_origin;

/* t's layers at the positions along an axis: the axis is replaced by the axes of `at` (x of shape (5, 3), at of
** shape (2, 4): (2, 4, 3)). */
PERI_API peri_tensor *peri_gather(peri_tensor *t, int axis, peri_tensor *at, peri_origin origin);

/* r[i, j, k] = t[i, at[i, j, k], k] (for axis 1 of three). `at` has t's number of axes; off the axis the two
** broadcast. */
PERI_API peri_tensor *peri_take_along(peri_tensor *t, peri_tensor *at, int axis, peri_origin origin);

/* Where gather reads, scatter writes: `values` broadcasts to gather's shape. Of equal positions the last one wins. */
PERI_API peri_tensor *peri_scatter(peri_tensor *t, int axis, peri_tensor *at, peri_tensor *values, peri_origin origin);
PERI_API peri_status peri_scatter_(peri_tensor *t, int axis, peri_tensor *at, peri_tensor *values, peri_origin origin);

/* Adds instead; equal positions add up, in the order of `at`, so that the rounding is always the same. i64 wraps.
** PERI_ERR_DTYPE for bool, and for float values into i64. */
PERI_API peri_tensor *peri_scatter_add(peri_tensor *t, int axis, peri_tensor *at, peri_tensor *values,
                                       peri_origin origin);
PERI_API peri_status peri_scatter_add_(peri_tensor *t, int axis, peri_tensor *at, peri_tensor *values,
                                       peri_origin origin);

/* Where take_along reads, put_along writes; `at` broadcasts to t off the axis. Of equal positions the last one wins. */
PERI_API peri_tensor *peri_put_along(peri_tensor *t, peri_tensor *at, int axis, peri_tensor *values,
                                     peri_origin origin);
PERI_API peri_status peri_put_along_(peri_tensor *t, peri_tensor *at, int axis, peri_tensor *values,
                                     peri_origin origin);

/* The k layers where the mask is true: shape (k, axes that the mask does not have). */
PERI_API peri_tensor *peri_masked_select(peri_tensor *t, peri_tensor *mask);
/* Writes them: `values` broadcasts to masked_select's shape; a number fills. */
PERI_API peri_tensor *peri_masked_put(peri_tensor *t, peri_tensor *mask, peri_tensor *values);
PERI_API peri_status peri_masked_put_(peri_tensor *t, peri_tensor *mask, peri_tensor *values);

/* Element k in C order (0..size-1, unchecked) becomes `value`, cast to t's dtype. PERI_ERR_STATE if t must not be
** written. */
PERI_API peri_status peri_set_(peri_tensor *t, int64_t k, double value);
PERI_API peri_status peri_set_i64_(peri_tensor *t, int64_t k, int64_t value);

/* Positions of the elements that are not zero, in C order: (k) for a vector, (k, ndim) otherwise. */
PERI_API peri_tensor *peri_nonzero(peri_tensor *t, peri_origin origin);

#ifdef __cplusplus
}
#endif
#endif
