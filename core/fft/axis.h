/* axis.h - transforms of all lines of an array along one axis, on the pool. */
#ifndef PRI_FFT_AXIS_H
#define PRI_FFT_AXIS_H

#include "fft/fft.h"
#include "tensor/tensor.h"

typedef struct {
  int nd;                             /* axes but the one transformed along, of x and y alike */
  int64_t dims[PERI_MAXDIM], from_strides[PERI_MAXDIM], to_strides[PERI_MAXDIM]; /* in elements */
  int64_t from_stride, to_stride;     /* along the axis */
  int64_t given, n, kept;             /* elements of x along the axis that are used, <= n; length of the transform; how many are stored */
  const double *from;                 /* c128; f64 if real_in */
  double *to;                         /* c128; f64 if real_out; may be `from` if all strides are the same and both are c128 */
  bool inverse;
  bool real_in;                       /* n is even, and the first n/2 + 1 coefficients are the result; not `inverse` */
  bool real_out;                      /* x holds the first n/2 + 1 or fewer coefficients of a real sequence, which is the result; `inverse` */
  double factor;
} pri_fft_job;

peri_status pri_fft_axis(peri_ctx *cx, const pri_fft_job *job);

#endif
