/* optim.h - what the files of core/optim/ share: an optimiser, and the rows that describe methods. */
#ifndef PRI_OPTIM_H
#define PRI_OPTIM_H

#include <perigee/optim.h>
#include "tensor/tensor.h"

struct peri_optim {
  peri_ctx *cx;
  peri_method method;
  peri_optim_options options;
  int64_t steps;
  double extra; /* nesterov: t_k of the next step, 0 before the first */
  bool bound;   /* the first step is made, or a state loaded: shape and dtype are fixed */
  peri_dtype dtype;
  int nd;
  int64_t dims[PERI_MAXDIM];
  peri_tensor *slots[PERI_OPTIM_SLOTS]; /* contiguous; a ring has the window as a leading axis */
};

typedef struct {
  const char *name;
  const char *slots[PERI_OPTIM_SLOTS];
  peri_optim_options defaults;
  /* Refuses bad options; NULL: only what all methods have in common is checked. */
  peri_status (*check)(peri_ctx *cx, const char *who, const peri_optim_options *p);
  unsigned (*uses)(const peri_optim_options *p); /* bit i: slot i is used */
  int (*kernel)(const peri_optim_options *p);    /* PRI_STEP_... */
  /* The coefficients of step number k = steps + 1, beyond lr, decay, momentum and eps. *next: what `extra` is after
  ** it. */
  peri_status (*prepare)(const peri_optim *o, pri_step_args *a, double *next);
  void (*describe)(const peri_optim_options *p, char *text, size_t size); /* ", beta1 0.9", appended */
} pri_method;

extern const pri_method pri_methods[PERI_OPTIMISERS];

/* x lies in [lo, hi); the message says so. */
peri_status pri_within(peri_ctx *cx, const char *who, const char *name, double x, double lo, double hi);

#endif
