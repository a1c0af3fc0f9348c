/* fft.h - transforms of raw arrays, for the modules that use fft.
**
** A plan is made once for a length and kept by the context, the least recently used ones within a budget; while it is held it is
** constant, so the tasks of a pool may share it. Forward transforms are sum_j x_j e^(-2 pi i j k / n); nothing is scaled but by
** the factor given. Bits depend on the length and on the kind of plan alone.
**
** Two kinds. PRI_FFT_ONE transforms one contiguous sequence of complex numbers (pairs of doubles), vectors running along it.
** PRI_FFT_LANES transforms eight sequences at once, each in its lane: row j is one line (kernels.h), the eight real parts of
** element j, then the eight imaginary ones. It is the one to fill when many sequences are made at once.
**
** PRI_FFT_REAL and PRI_FFT_REAL_LANES are the same two for real sequences of even length n, which go by transforms of half the length.
*/
#ifndef PRI_FFT_H
#define PRI_FFT_H

#include "base/base.h"
#include "fft/kernels.h"

typedef enum { PRI_FFT_ONE, PRI_FFT_LANES, PRI_FFT_REAL, PRI_FFT_REAL_LANES } pri_fft_kind;
typedef struct pri_fft_plan pri_fft_plan;

/* n >= 1. NULL on error. To be given back by pri_fft_plan_put (NULL is fine), in the thread of the context like this call. */
pri_fft_plan *pri_fft_plan_get(peri_ctx *cx, pri_fft_kind kind, int64_t n);
void pri_fft_plan_put(pri_fft_plan *p);

/* Doubles that a run needs as work space, aligned to 64 bytes as peri_alloc's blocks of 520 bytes and more are (it is never less). */
int64_t pri_fft_work(const pri_fft_plan *p);

/* out_k = factor sum_j in_j e^(-+2 pi i j k / n). in and out are n complex numbers, anywhere; out may be in. A set stop flag
** leaves out undefined. */
void pri_fft_run(const pri_fft_plan *p, const double *in, double *out, bool inverse, double factor, double *work);

/* Eight sequences: x holds n lines, aligned to 64 bytes, and is destroyed. Returns where the n lines of the result are: x, or a place in work. */
double *pri_fft_run_lanes(const pri_fft_plan *p, double *x, bool inverse, double *work);

/* The first n/2 + 1 coefficients of n real numbers, for PRI_FFT_REAL: X_k = factor sum_j x_j e^(-2 pi i j k / n); and back,
** x_j = factor sum_(k<n) X_k e^(2 pi i j k / n), X_(n-k) = conj(X_k), the imaginary parts of X_0 and X_(n/2) being ignored. in and out must not
** overlap. */
void pri_fft_run_real(const pri_fft_plan *p, const double *in, double *out, double factor, double *work);
void pri_fft_run_real_back(const pri_fft_plan *p, const double *in, double *out, double factor, double *work);

/* PRI_FFT_REAL_LANES: x holds n/2 lines (kernels.h, gather_real), the result n/2 + 1; and back. x is destroyed. */
double *pri_fft_run_real_lanes(const pri_fft_plan *p, double *x, double *out, double factor, double *work);
double *pri_fft_run_real_lanes_back(const pri_fft_plan *p, const double *x, double *out, double *work); /* where the n/2 lines are: out, or a place in work */

/* The least length >= n that a transform without detours has: 64 times a product of 2, 3, 5. For convolutions. */
int64_t pri_fft_good_length(int64_t n);

#endif
