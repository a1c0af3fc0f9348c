/* plan.h - the inside of a plan, for the files of this folder. */
#ifndef PRI_FFT_PLAN_H
#define PRI_FFT_PLAN_H

#include "base/kept.h"
#include "fft/fft.h"

enum { PRI_PASSES = 40 };

/* A transform of `length` rows of lanes: its passes in order. */
typedef struct {
  int64_t length;
  int count;
  struct { int radix; int64_t m; const double *twiddles; } pass[PRI_PASSES];
} pri_columns;

struct pri_fft_plan {
  pri_kept kept;
  const pri_fft_kernels *k;
  pri_fft_kind kind;
  int64_t n;

  pri_columns columns;    /* of the lanes; PRI_FFT_ONE: of length m = n / L in L lanes */
  pri_columns rows;       /* PRI_FFT_ONE: of length L in m lanes */
  const double *twist;    /* w_n^(l k), lines, l < padded L, k < padded m */

  const double *cosine, *sine; /* the REAL kinds: of 2 pi k / n, k <= n/4 */
  pri_fft_plan *inner;    /* Bluestein's: of the convolution; the REAL kinds: of half the length; NULL otherwise; also kept.inner */
  double *chirp;          /* e^(-pi i k^2 / n): lines (ONE), numbers (LANES) */
  double *spectrum;       /* of the conjugate chirp, divided by the length; the same */
};

static inline int64_t pri_padded(int64_t n) { return (n + PRI_LANES - 1) & ~(int64_t)(PRI_LANES - 1); }
static inline int64_t pri_inner_size(const pri_fft_plan *p) { /* numbers of one of its two buffers */
  return p->kind == PRI_FFT_LANES ? PRI_LANES * p->n : pri_padded(p->columns.length) * pri_padded(p->rows.length);
}

/* Lines in, lines out, in x or y. No detour by Bluestein. */
double *pri_fft_lines(const pri_fft_plan *p, double *x, double *y, bool inverse);

#endif
