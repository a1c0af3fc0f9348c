/* kesten.h - what the files on random affine recursions share. */
#ifndef PRI_KESTEN_H
#define PRI_KESTEN_H

#include <perigee/kesten.h>
#include "random/random.h"

/* Parameters of the law, tensors included: PERI_ERR_VALUE or PERI_ERR_SHAPE in the name of `who`. */
peri_status pri_kesten_check(peri_ctx *cx, const char *who, const peri_kesten *k);

/* For gauss and norm: log E W^(r/2), or with r = 0 its derivative E log W / 2, of W = |M e|^2. */
peri_status pri_kesten_moment(peri_ctx *cx, double c, int64_t b, int64_t d, double r, double *value);

#endif
