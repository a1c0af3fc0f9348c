/* conv.h - the geometry of a convolution, between its primitives (conv.c) and its loops (conv_run.c). */
#ifndef PRI_CONV_H
#define PRI_CONV_H
#include "tensor/tensor.h"
#include <perigee/nn.h>

typedef struct {
  peri_dtype dtype;
  int64_t n, c, h, w;       /* images */
  int64_t o, kh, kw;        /* filters */
  int64_t oh, ow;           /* result */
  int64_t s, d, ph, pw;     /* stride, dilation, padding (negative: the image's edge is left out) */
  int64_t groups;
} pri_geometry;

static inline int64_t pri_taps(const pri_geometry *g) { return g->kh * g->kw; }
static inline int64_t pri_places(const pri_geometry *g) { return g->oh * g->ow; }
static inline int64_t pri_patch(const pri_geometry *g) { return g->c / g->groups * pri_taps(g); } /* numbers that make up one result */

/* y = x * w; x = the adjoint in x (zeros on entry); w = the adjoint in w, summed over images. Operands contiguous, nothing empty. `flipped` takes the
** filters (c, o / groups, kh, kw) back to front: see conv_run.c. */
peri_status pri_conv_forward(peri_ctx *cx, const pri_geometry *g, const void *x, const void *w, bool flipped, void *y);
peri_status pri_conv_input(peri_ctx *cx, const pri_geometry *g, const void *y, const void *w, void *x);
peri_status pri_conv_weight(peri_ctx *cx, const pri_geometry *g, const void *x, const void *y, void *w);

#endif
