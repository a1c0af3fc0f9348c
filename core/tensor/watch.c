/* watch.c - peri_stop_nonfinite: the first primitive that makes NaN or infinity out of ordinary numbers is an error that says where.
**
** Bad is a result that holds NaN while no operand does, or infinity while all operands are finite: what spreads from there has been reported
** already, and a script that hands out -inf on purpose (a mask) may go on with it. A primitive is looked at as a whole: what it, or its
** gradient rule, computes on the way and then selects away is its own affair.
*/
#include "tensor/tensor.h"
#include <math.h>
#include <stdio.h>

bool peri_stop_nonfinite(peri_ctx *cx, bool on) {
  bool before = cx->watch;
  cx->watch = on;
  return before;
}

void peri_note_step(peri_ctx *cx, int64_t step) { cx->watch_step = step; }

/* ---- looking ---- */

#define SCAN(T, U, EXPONENT)                                                                                                       \
  static unsigned scan_##T(const T *x, int64_t n, int64_t stride) {                                                                \
    U any = 0, e = EXPONENT;                                                                                                       \
    unsigned found = 0;                                                                                                            \
    for (int64_t i = 0; i < n; i++) {                                                                                              \
      U b;                                                                                                                         \
      memcpy(&b, x + i * stride, sizeof b);                                                                                        \
      any |= (U)((b & e) == e);                                                                                                    \
    }                                                                                                                              \
    for (int64_t i = 0; any && i < n; i++) found |= isnan(x[i * stride]) ? PRI_HAS_NAN : isinf(x[i * stride]) ? PRI_HAS_INF : 0;   \
    return found;                                                                                                                  \
  }
SCAN(double, uint64_t, 0x7ff0000000000000)
SCAN(float, uint32_t, 0x7f800000)

static unsigned scan(const peri_tensor *t, const char *at, int64_t n, int64_t stride) {
  switch ((peri_dtype)t->dtype) {
  case PERI_F32: return scan_float((const float *)at, n, stride);
  case PERI_F64: return scan_double((const double *)at, n, stride);
  case PERI_C128: return scan_double((const double *)at, n, 2 * stride) | scan_double((const double *)at + 1, n, 2 * stride);
  default: return 0;
  }
}

typedef struct { pri_walk w; int64_t index[PERI_MAXDIM], offset[PRI_WALK]; } tour;

static void begin(tour *r, const peri_tensor *t) {
  int64_t strides[1][PERI_MAXDIM];
  memcpy(strides[0], t->strides, sizeof t->strides);
  pri_walk_make(&r->w, t->ndim, t->dims, 1, strides);
  pri_walk_seek(&r->w, 0, r->index, r->offset);
}

unsigned pri_nonfinite(const peri_tensor *t) {
  if (t->dtype < PERI_F32 || t->size == 0) return 0;
  if (pri_contiguous(t)) return scan(t, t->data, t->size, 1);
  tour r;
  begin(&r, t);
  int64_t n = r.w.dims[r.w.nd - 1];
  unsigned found = 0;
  for (int64_t done = 0; done < t->size; done += n, pri_walk_next_row(&r.w, r.index, r.offset))
    found |= scan(t, (const char *)t->data + r.offset[0] * (int64_t)peri_sizeof((peri_dtype)t->dtype), n, r.w.strides[0][r.w.nd - 1]);
  return found;
}

/* ---- saying ---- */

/* The first element, in C order, that is NaN (or infinite, if that is what is new): its value, and its place as "(2, 1)", counted from 1. */
static double first_bad(const peri_tensor *t, bool nan_only, char *place, size_t size) {
  for (int64_t k = 0; k < t->size; k++) {
    int64_t index[PERI_MAXDIM] = {0}, rest = k, offset = 0;
    for (int i = t->ndim - 1; i >= 0; i--) index[i] = rest % t->dims[i], rest /= t->dims[i], offset += index[i] * t->strides[i];
    double part[2] = {0};
    if (t->dtype == PERI_F32) part[0] = ((const float *)t->data)[offset];
    else if (t->dtype == PERI_F64) part[0] = ((const double *)t->data)[offset];
    else memcpy(part, (const double *)t->data + 2 * offset, sizeof part);
    double bad = isfinite(part[0]) ? part[1] : part[0];
    if (nan_only && isnan(part[1])) bad = part[1];
    if (nan_only ? !isnan(bad) : isfinite(bad)) continue;
    size_t used = (size_t)snprintf(place, size, "(");
    for (int i = 0; i < t->ndim && used < size; i++) used += (size_t)snprintf(place + used, size - used, i ? ", %lld" : "%lld", (long long)index[i] + 1);
    if (used < size) snprintf(place + used, size - used, ")");
    return bad;
  }
  return NAN;
}

static unsigned fresh(unsigned result, unsigned operands) {
  unsigned news = 0;
  if (result & PRI_HAS_NAN && !(operands & PRI_HAS_NAN)) news |= PRI_HAS_NAN;
  if (result & PRI_HAS_INF && !operands) news |= PRI_HAS_INF;
  return news;
}

peri_status pri_watch(const char *what, const peri_tensor *result, unsigned operands) {
  unsigned news = fresh(pri_nonfinite(result), operands);
  if (!news) return PERI_OK;
  char place[PERI_MAXDIM * 22 + 4], when[48] = "";
  bool nan_only = operands != 0;
  double bad = first_bad(result, nan_only, place, sizeof place);
  peri_ctx *cx = result->cx;
  if (cx->watch_step > 0) snprintf(when, sizeof when, "; step %lld", (long long)cx->watch_step);
  return peri_fail(cx, PERI_ERR_NUMERIC, "stop-nonfinite: %s gives %s at %s of a result of shape %s, from operands that are %s%s", what,
                   isnan(bad) ? "nan" : bad > 0 ? "inf" : "-inf", place, peri_shape(result), operands ? "infinite, but not nan" : "finite", when);
}

unsigned pri_nonfinite_of(peri_tensor *const *in, int64_t n) {
  unsigned found = 0;
  for (int64_t i = 0; i < n; i++)
    if (in[i]) found |= pri_nonfinite(in[i]);
  return found;
}

peri_status pri_watch_results(const peri_op *op, peri_tensor *const *in, int64_t n, peri_tensor *const *out, int64_t outputs) {
  unsigned operands = 0;
  bool looked = false;
  for (int64_t i = 0; i < outputs; i++) {
    if (!out[i] || !pri_nonfinite(out[i])) continue;
    if (!looked) operands = pri_nonfinite_of(in, n), looked = true;
    peri_status st = pri_watch(op->name, out[i], operands);
    if (st) return st;
  }
  return PERI_OK;
}

peri_status pri_run_rule(const peri_pull *p, peri_tensor **grads) {
  peri_ctx *cx = p->in[0]->cx;
  bool watch = cx->watch;
  cx->watch = false;
  peri_status st = p->op->vjp(p, grads);
  cx->watch = watch;
  if (st || !watch) return st;
  char what[96];
  snprintf(what, sizeof what, "the gradient rule of %s", p->op->name);
  for (int64_t i = 0; i < p->n && !st; i++)
    if (grads[i] && pri_nonfinite(grads[i])) {
      int64_t outputs = pri_outputs(p->op, p->args);
      unsigned known = pri_nonfinite_of(p->in, p->n) | pri_nonfinite_of(p->out, outputs) | pri_nonfinite_of(p->cotangents, outputs);
      st = pri_watch(what, grads[i], known);
    }
  return st;
}
