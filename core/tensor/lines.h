/* lines.h - a tensor as many sequences: one for each index along the kept axes, running over the others in C order. */
#ifndef PRI_LINES_H
#define PRI_LINES_H

#include "tensor/tensor.h"

typedef struct {
  pri_walk outer, inner;   /* the kept axes; the axes that a line runs over */
  int64_t count, length;   /* lines; elements of each */
  const char *data;
  peri_dtype dtype;
} pri_lines;

/* Axes as a bit set, 0 meaning all: the bits of the axes of t; an error in the name of `who` if one is not there. */
peri_status pri_axes(const char *who, const peri_tensor *t, uint32_t axes, uint32_t *bits);
/* The shape that is left of t: reduced axes have size 1, or are gone. */
void pri_reduced_shape(const peri_tensor *t, uint32_t bits, bool keep, int *nd, int64_t *dims);

void pri_lines_make(pri_lines *l, const peri_tensor *t, uint32_t bits);
/* Where line k starts, in elements from data. */
int64_t pri_lines_start(const pri_lines *l, int64_t k);
/* Elements from .. from+n-1 of the line that starts there, contiguous: in place, or gathered into buffer. */
const void *pri_lines_fetch(const pri_lines *l, int64_t start, int64_t from, int64_t n, void *buffer);
/* Where they are, in elements from the start of the line. */
void pri_lines_offsets(const pri_lines *l, int64_t from, int64_t n, int64_t *offsets);
/* Writes n contiguous elements of t's dtype to the places of elements from .. from+n-1 of a line of t. */
void pri_lines_store(const pri_lines *l, void *data, int64_t start, const void *src);

#endif
