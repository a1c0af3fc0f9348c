/* perigee/fft.h - discrete Fourier transforms of any length, complex and real, along any axes.
**
**     forward  X_k = sum_j x_j e^(-2 pi i j k / n)        inverse  x_j = (1/n) sum_k X_k e^(2 pi i j k / n)
**
** Operands have any strides and any dtype; all is computed in double precision, so f32, i64 and bool operands give c128, or f64, too. Time
** is O(n log n) for every n: lengths with prime factors up to 13 by mixed radices, others by Bluestein's convolution. Plans (twiddles) are
** kept by the context, the least recently used ones dropped, and count as cached memory. The bits of a result depend on shapes,
** strides and lengths, neither on the number of threads nor on the instruction set. The stop flag is read between passes.
**
** axis counts from 0, negative from the end. n: the length of the transform, 0 meaning that of the axis; the operand is cut off or
** filled up with zeros at its end. A length of 0 is PERI_ERR_SHAPE; other axes may be empty. axes: a bit set, 0 meaning all. Nothing here has
** a gradient: a recorded operand is an error (complex gradients are out of scope).
*/
#ifndef PERIGEE_FFT_H
#define PERIGEE_FFT_H

#include <perigee/op.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  PERI_FFT_BACKWARD, /* the inverse is divided by n */
  PERI_FFT_ORTHO,    /* both are divided by sqrt(n) */
  PERI_FFT_NONE      /* neither is divided */
} peri_fft_norm;

/* c128, of the shape of x but for `axis`, which has n elements. */
PERI_API peri_tensor *peri_fft(peri_tensor *x, int64_t axis, int64_t n, bool inverse, peri_fft_norm norm);

/* c128, of the shape of x: transforms along all of the axes. */
PERI_API peri_tensor *peri_fftn(peri_tensor *x, uint32_t axes, bool inverse, peri_fft_norm norm);

/* The first n/2 + 1 (rounded down) coefficients of a real x, which are all that is needed: the rest are X_(n-k) = conj(X_k). c128.
** PERI_ERR_DTYPE for c128 operands. */
PERI_API peri_tensor *peri_rfft(peri_tensor *x, int64_t axis, int64_t n, peri_fft_norm norm);

/* The real sequence of length n with these coefficients, f64; x is cut off or filled up with zeros to n/2 + 1 of them. n = 0: 2 (m - 1) for
** m coefficients; an odd length must be said. The imaginary parts of X_0 and, if n is even, X_(n/2) are taken for zero. */
PERI_API peri_tensor *peri_irfft(peri_tensor *x, int64_t axis, int64_t n, peri_fft_norm norm);

/* peri_rfft along the last of the axes, peri_fft along the others; and back, n being the length of the last of the axes. */
PERI_API peri_tensor *peri_rfftn(peri_tensor *x, uint32_t axes, peri_fft_norm norm);
PERI_API peri_tensor *peri_irfftn(peri_tensor *x, uint32_t axes, int64_t n, peri_fft_norm norm);

#ifdef __cplusplus
}
#endif
#endif
