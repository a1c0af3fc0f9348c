/* perigee/shape.h (tensor) - the same elements under another shape.
**
** "A view" shares the memory of its operand and costs no copy; writing into it writes into the operand. Axes count
** from 0, negative from the end; PERI_ERR_INDEX if there is none. Results are new references. Errors besides those
** stated: PERI_ERR_MEMORY, PERI_ERR_INTERRUPT, PERI_ERR_STATE for operands of two contexts.
*/
#ifndef PERIGEE_SHAPE_H
#define PERIGEE_SHAPE_H

#include <perigee/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- views ---- */

/* The elements from, from + step, ... of an axis, as long as they lie before `to` (after it if step < 0). A view.
** Nothing is clipped: both ends lie in 0..n for step > 0, in -1..n-1 for step < 0 (to = -1 reaches element 0);
** PERI_ERR_INDEX otherwise. PERI_ERR_VALUE if step is 0. */
PERI_API peri_tensor *peri_slice(peri_tensor *t, int axis, int64_t from, int64_t to, int64_t step);
PERI_API peri_tensor *peri_narrow(peri_tensor *t, int axis, int64_t from, int64_t length); /* from .. from+length-1 */

/* Element `index` of an axis, which disappears. A view. PERI_ERR_INDEX unless 0 <= index < n. */
PERI_API peri_tensor *peri_select(peri_tensor *t, int axis, int64_t index);

/* The elements in C order under another shape; one dimension may be -1 and is found. A view where the strides allow,
** else of a copy. PERI_ERR_SHAPE if the numbers of elements differ. */
PERI_API peri_tensor *peri_reshape(peri_tensor *t, int nd, const int64_t *dims);
PERI_API peri_tensor *peri_ravel(peri_tensor *t);                        /* one axis */
PERI_API peri_tensor *peri_flatten(peri_tensor *t, int first, int last); /* axes first..last become one */

PERI_API peri_tensor *peri_transpose(peri_tensor *t, int a, int b); /* two axes change places; a view */
PERI_API peri_tensor *peri_permute(peri_tensor *t, int n,
                                   const int *axes); /* axis i of the result is axes[i]; a view */
PERI_API peri_tensor *peri_squeeze(peri_tensor *t,
                                   uint32_t axes); /* drops axes of length 1 (bit set; 0: all such); a view */
PERI_API peri_tensor *peri_unsqueeze(peri_tensor *t, int axis); /* a new axis of length 1 before `axis`; a view */
PERI_API peri_tensor *peri_flip(peri_tensor *t, uint32_t axes); /* backwards along axes (bit set; 0: all); a view */

/* A view with zero strides along new axes and along axes of length 1 that grow; -1 keeps a length. PERI_ERR_SHAPE
** otherwise. */
PERI_API peri_tensor *peri_broadcast_to(peri_tensor *t, int nd, const int64_t *dims);

/* Elements (i, i + k) of the last two axes, which become one. A view. PERI_ERR_SHAPE below two axes. */
PERI_API peri_tensor *peri_diagonal(peri_tensor *t, int64_t k);

/* n views that lie behind one another along the axis, with the given lengths (their sum is n's), or of equal length
** as nearly as possible, the first ones longer by one, if lengths is NULL. PERI_ERR_SHAPE if they do not add up.
** out[0..n-1]. */
PERI_API peri_status peri_split(peri_tensor *t, int axis, int n, const int64_t *lengths, peri_tensor **out);

/* n vectors as the coordinates of a grid: out[i] is a view of shape (size of v[0], ..., size of v[n-1]) that varies
** along axis i. PERI_ERR_SHAPE unless all have one axis and n is in 1..PERI_MAXDIM. */
PERI_API peri_status peri_meshgrid(peri_tensor *const *v, int n, peri_tensor **out);

/* Cuts a flat vector into n views of the given shapes, one behind another: the parameters of a model. Its gradient puts the
** pieces' gradients together again in one vector. PERI_ERR_SHAPE unless theta is 1-d and the shapes fill it. out[0..n-1]. */
typedef struct { int nd; int64_t dims[PERI_MAXDIM]; } peri_dims;
PERI_API peri_status peri_unpack(peri_tensor *theta, int64_t n, const peri_dims *shapes, peri_tensor **out);
PERI_API peri_tensor *peri_pack(peri_tensor *const *t, int64_t n); /* n >= 1 tensors as one vector, in their promoted dtype */

/* ---- new tensors ---- */

/* n >= 1 tensors behind one another along an axis, in their promoted dtype. PERI_ERR_SHAPE if they differ in another
** axis. */
PERI_API peri_tensor *peri_concatenate(peri_tensor *const *t, int n, int axis);
PERI_API peri_tensor *peri_stack(peri_tensor *const *t, int n, int axis); /* along a new axis; shapes are equal */

PERI_API peri_tensor *peri_roll(peri_tensor *t, int64_t shift, int axis);    /* element i moves to (i + shift) mod n */
PERI_API peri_tensor *peri_repeat_each(peri_tensor *t, int64_t n, int axis); /* every element n >= 0 times in a row */
PERI_API peri_tensor *peri_tile(peri_tensor *t, int nd,
                                const int64_t *times); /* the whole, times[i] >= 0 times along axis i; nd >= t->ndim */

/* before[i] elements in front of axis i and after[i] behind it, all of them `value`. PERI_ERR_VALUE if one is
** negative. */
PERI_API peri_tensor *peri_pad(peri_tensor *t, const int64_t *before, const int64_t *after, double value);

/* Of the last two axes: zero above the k-th diagonal (tril), below it (triu). PERI_ERR_SHAPE below two axes. */
PERI_API peri_tensor *peri_tril(peri_tensor *t, int64_t k);
PERI_API peri_tensor *peri_triu(peri_tensor *t, int64_t k);

/* Of a vector: the square matrix with it on the k-th diagonal, zeros elsewhere. Of more axes: peri_diagonal. */
PERI_API peri_tensor *peri_diag(peri_tensor *t, int64_t k);

#ifdef __cplusplus
}
#endif
#endif
