/* pool.h - windows over images, for maxima and means. */
#ifndef PRI_POOL_H
#define PRI_POOL_H
#include "tensor/tensor.h"
#include <perigee/nn.h>

typedef struct {
  int64_t planes, h, w, oh, ow; /* planes: images times channels */
  int64_t k, s, p;              /* size, stride, padding */
} pri_windows;

/* Of images x with args i[0 .. 2] = k, s, p. PERI_ERR_SHAPE, PERI_ERR_DTYPE, PERI_ERR_VALUE in the name of `who`. */
peri_status pri_windows_of(const char *who, const peri_tensor *x, const peri_args *args, pri_windows *g);

static inline int64_t pri_least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Planes are shared out over the pool in this many groups. */
static inline int64_t pri_window_groups(const pri_windows *g) { return pri_least(g->planes, 64); }

#endif
