/* perigee/nn.h - dense layers, convolutions, maxima and means over windows, group normalisation. Everything else that networks need is put together from the primitives of
** tensor and linalg.
**
** Images are (n, channels, height, width), filters (out, in, kernel height, kernel width), f32 or f64. Results do not depend on the
** number of threads.
*/
#ifndef PERIGEE_NN_H
#define PERIGEE_NN_H

#include <perigee/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* x (n, k) W (k, m) + b (m), max(0, .) of it with `rectify`; b NULL: none. Of the promoted dtype of x and W, f32 or f64. Differentiable to any
** order. PERI_ERR_SHAPE, PERI_ERR_DTYPE. */
PERI_API peri_tensor *peri_affine(peri_tensor *x, peri_tensor *w, peri_tensor *b, bool rectify);

/* The same in both directions. stride, dilation, groups >= 1, padding >= 0; a dilation or groups of 0 stand for 1. */
typedef struct { int64_t stride, padding, dilation, groups; } peri_conv;

/* y[n, o, i, j] = sum_{c, a, b} x[n, c, i s + a d - p, j s + b d - p] w[o, c, a, b], zeros outside: (n, out, h', w') with
** h' = (h + 2p - d (kh - 1) - 1) / s + 1 rounded down. With groups G the channels and the filters fall into G groups in order, group by group
** convolved: filters are (out, c / G, kh, kw). PERI_ERR_SHAPE if channels differ or the kernel is larger than the padded image;
** PERI_ERR_VALUE unless G divides both numbers of channels. */
PERI_API peri_tensor *peri_conv2d(peri_tensor *x, peri_tensor *w, peri_conv c);

/* Its adjoints, which make it differentiable to any order: the transposed map from y to an image of `height` x `width`, and the
** filter gradient sum_n x (*) y for filters of kh x kw. */
PERI_API peri_tensor *peri_conv2d_transpose(peri_tensor *y, peri_tensor *w, int64_t height, int64_t width, peri_conv c);
PERI_API peri_tensor *peri_conv2d_weight(peri_tensor *x, peri_tensor *y, int64_t kh, int64_t kw, peri_conv c);

/* The maxima over windows of size x size, one every `stride` pixels, of images padded by what never is the maximum: (n, c, h', w') with
** h' = (h + 2p - size) / s + 1 rounded down; 0 <= p <= size / 2. NaN if any pixel of the window is. Differentiable to any order:
** the first of equal maxima takes the gradient. PERI_ERR_SHAPE, PERI_ERR_DTYPE, PERI_ERR_VALUE. */
PERI_API peri_tensor *peri_max_pool2d(peri_tensor *x, int64_t size, int64_t stride, int64_t padding);

/* The means over such windows, of the images padded by zeros (count_padding), or of what of a window lies inside. Differentiable to any order. */
PERI_API peri_tensor *peri_avg_pool2d(peri_tensor *x, int64_t size, int64_t stride, int64_t padding, bool count_padding);

/* log sum e^z - <t, z> of each row z of scores (n, classes): t is 1 - smoothing at the class y (n; i64, numbered from `first`), and
** smoothing / (classes - 1) elsewhere. Differentiable to any order. PERI_ERR_SHAPE, PERI_ERR_DTYPE; PERI_ERR_INDEX for a class that is none. */
PERI_API peri_tensor *peri_softmax_loss(peri_tensor *z, peri_tensor *y, int64_t first, double smoothing);

/* Each example's channels in `groups` groups, in order: gamma (x - mean) / sqrt(variance + eps) + beta over what a group holds, gamma and beta of
** one number a channel; max(0, .) of that with `rectify`. x is (n, channels, ...). Differentiable to any order. PERI_ERR_SHAPE, PERI_ERR_DTYPE;
** PERI_ERR_VALUE unless the groups divide the channels and eps >= 0. */
PERI_API peri_tensor *peri_group_norm2d(peri_tensor *x, peri_tensor *gamma, peri_tensor *beta, int64_t groups, double eps, bool rectify);

#ifdef __cplusplus
}
#endif
#endif
