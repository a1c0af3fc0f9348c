/* blocks.h - the loops of block sums, per instruction set (wide/blocks.c). Squares are summed in sixteen fixed lanes: the same bits in all three
** builds. */
#ifndef PRI_BLOCKS_H
#define PRI_BLOCKS_H

#include "base/base.h"
#include "kernels/kernels.h"

/* Of vectors of f32 and of f64; each returns the sum of squares of what it has written or read. */
typedef struct {
  double (*square[2])(const void *x, int64_t n);
  double (*pair[2])(double *to, const void *x, const void *y, int64_t n); /* to = x + y */
  double (*add[2])(double *to, const void *x, int64_t n);                 /* to += x */
} pri_block_loops;

#endif
