/* moments.h - the problem as the moment computations read it: one record a direction. */
#ifndef PRI_MOMENTS_H
#define PRI_MOMENTS_H

#include <perigee/diag.h>
#include "tensor/tensor.h"

typedef struct {
  double lambda, x, z, s2;
} pri_direction; /* curvature, start, variance of the noise */

typedef struct {
  peri_ctx *cx;
  int64_t n;
  pri_direction *d;
} pri_problem;

/* Reads and checks the tensors of q; pri_problem_close frees, also after an error. */
peri_status pri_problem_open(pri_problem *p, const peri_quadratic *q);
void pri_problem_close(pri_problem *p);

#endif
