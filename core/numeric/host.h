/* host.h - calls of the host's functions, checked. */
#ifndef PRI_HOST_H
#define PRI_HOST_H
#include "base/base.h"
#include <math.h>
#include <perigee/numeric.h>

/* y = f(x), finite. */
static inline peri_status pri_value(peri_ctx *cx, const char *who, peri_number_fn f, void *ud, double x, double *y) {
  if (pri_stopped(cx)) return peri_check_interrupt(cx);
  peri_status st = f(ud, x, y);
  if (st || isfinite(*y)) return st;
  return peri_fail(cx, PERI_ERR_NUMERIC, "%s: the function is %g at x = %.17g", who, *y, x);
}

#endif
