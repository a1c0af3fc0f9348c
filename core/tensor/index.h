/* index.h - what reading (index.c) and writing (index_write.c) at positions share. */
#ifndef PRI_INDEX_H
#define PRI_INDEX_H

#include "tensor/tensor.h"
#include <perigee/index.h>

/* Checked positions along an axis of length dim. kept: the contiguous i64 tensor that v points into. */
typedef struct {
  const int64_t *v;
  int64_t n, dim, wrap;
  peri_origin origin;
  peri_tensor *kept;
} pri_positions;

/* PERI_ERR_DTYPE, PERI_ERR_INDEX, PERI_ERR_MEMORY in the name of `who`. apart: v must not point into t's memory. */
peri_status pri_positions_open(pri_positions *p, const char *who, peri_tensor *at, peri_tensor *t, int axis,
                               peri_origin origin, bool apart);
static inline void pri_positions_close(pri_positions *p) { peri_release(p->kept); }

/* The place, from 0, that a given position means. */
static inline int64_t pri_position(const pri_positions *p, int64_t given) {
  return (int64_t)((uint64_t)given - (uint64_t)p->origin + (uint64_t)(given < 0 ? p->wrap : 0));
}

/* What one position moves: the axes behind `axis`, merged, as a walk with t's strides. */
typedef struct {
  pri_walk walk;
  int64_t size;
  size_t bytes;
} pri_block;
void pri_block_make(pri_block *b, const peri_tensor *t, int first);

/* Shape of t with axes first .. last-1 replaced by those of `by`; PERI_ERR_SHAPE if there are too many axes. */
peri_status pri_replace_axes(const char *who, const peri_tensor *t, int first, int last, int nd_by, const int64_t *by,
                             int *nd, int64_t *dims);

/* Offsets in t of the layers where the mask is true. *n of them; the block of memory is freed by pri_mask_close. */
typedef struct {
  int64_t *offsets, n;
} pri_mask;
peri_status pri_mask_open(pri_mask *m, const char *who, const peri_tensor *t, const peri_tensor *mask);
void pri_mask_close(pri_mask *m, peri_ctx *cx);

/* at has t's number of axes and broadcasts with it off the axis: the common shape. */
peri_status pri_along_shape(const char *who, const peri_tensor *t, const peri_tensor *at, int axis, int64_t *dims);

#endif
