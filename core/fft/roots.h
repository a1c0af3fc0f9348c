/* roots.h - roots of unity, correctly rounded but for rare last places. */
#ifndef PRI_FFT_ROOTS_H
#define PRI_FFT_ROOTS_H

#include "base/base.h"

typedef struct {
  peri_ctx *cx;
  int64_t n, step;        /* step: a power of two near sqrt(n) */
  long double *coarse;    /* cosine and sine of i step, then of j < step, in units of 1 / (4 n) of a turn */
  int64_t many;           /* numbers in the two tables */
} pri_roots;

peri_status pri_roots_open(peri_ctx *cx, pri_roots *r, int64_t n);
void pri_roots_close(pri_roots *r);
void pri_root(const pri_roots *r, int64_t k, double w[2]); /* e^(-2 pi i k / n), 0 <= k < n */

#endif
