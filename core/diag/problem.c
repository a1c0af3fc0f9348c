/* problem.c - reading a quadratic problem into one record a direction; the value of f. */
#include "diag/moments.h"
#include <math.h>

static bool is_real(const peri_tensor *t) { return t->dtype != PERI_C128; }

/* Element i of a vector, or the one of a 0-d tensor. */
static double component(const peri_tensor *t, int64_t i) { return peri_item(t, t->ndim ? i : 0); }

static peri_status check_vector(peri_ctx *cx, const char *name, const peri_tensor *t, int64_t n) {
  if (t->cx != cx)
    return peri_fail(cx, PERI_ERR_STATE, "diag.moments: %s belongs to another context; copy its values across", name);
  if (!is_real(t)) return peri_fail(cx, PERI_ERR_DTYPE, "diag.moments: %s must be real, got c128", name);
  if (t->ndim > 1)
    return peri_fail(cx, PERI_ERR_SHAPE, "diag.moments: %s must be a vector or a number, got shape %s", name,
                     peri_shape(t));
  if (t->ndim == 1 && t->dims[0] != n)
    return peri_fail(cx, PERI_ERR_SHAPE, "diag.moments: %s has %lld directions, lambda %lld", name,
                     (long long)t->dims[0], (long long)n);
  for (int64_t i = 0; i < t->size; i++)
    if (!isfinite(peri_item(t, i)))
      return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: %s is %g in direction %lld", name, peri_item(t, i),
                       (long long)i + 1);
  return PERI_OK;
}

static peri_status check_positive(peri_ctx *cx, const char *name, const peri_tensor *t) {
  for (int64_t i = 0; i < t->size; i++)
    if (peri_item(t, i) < 0)
      return peri_fail(cx, PERI_ERR_VALUE, "diag.moments: %s must be >= 0, got %g in direction %lld", name,
                       peri_item(t, i), (long long)i + 1);
  return PERI_OK;
}

peri_status pri_problem_open(pri_problem *p, const peri_quadratic *q) {
  peri_ctx *cx = q->lambda->cx;
  *p = (pri_problem){.cx = cx};
  if (q->lambda->ndim != 1)
    return peri_fail(cx, PERI_ERR_SHAPE, "diag.moments: lambda must be a vector, got shape %s", peri_shape(q->lambda));
  int64_t n = q->lambda->dims[0];
  if (check_vector(cx, "lambda", q->lambda, n) || check_positive(cx, "lambda", q->lambda) ||
      check_vector(cx, "x0", q->x0, n))
    return cx->code;
  if (q->z0 && check_vector(cx, "z0", q->z0, n)) return cx->code;
  if (q->variance && (check_vector(cx, "variance", q->variance, n) || check_positive(cx, "variance", q->variance)))
    return cx->code;
  if (!(p->d = peri_alloc(cx, (size_t)n * sizeof *p->d))) return cx->code;
  p->n = n;
  for (int64_t i = 0; i < n; i++) {
    double x = component(q->x0, i);
    p->d[i] = (pri_direction){component(q->lambda, i), x, q->z0 ? component(q->z0, i) : x,
                              q->variance ? component(q->variance, i) : 0};
  }
  return PERI_OK;
}

void pri_problem_close(pri_problem *p) { peri_free(p->cx, p->d, (size_t)p->n * sizeof *p->d); }

peri_tensor *peri_moments_value(peri_tensor *lambda, peri_tensor *moments) {
  peri_ctx *cx = lambda->cx;
  int nd = moments->ndim - 2;
  if (lambda->ndim != 1 || nd < 0 || moments->dims[nd] != lambda->dims[0] || moments->dims[nd + 1] != 3)
    return peri_fail(cx, PERI_ERR_SHAPE, "diag.moments: moments (..., n, 3) and lambda (n) are needed, got %s and %s",
                     peri_shape(moments), peri_shape(lambda)),
           NULL;
  if (!is_real(lambda) || !is_real(moments))
    return peri_fail(cx, PERI_ERR_DTYPE, "diag.moments: lambda and the moments must be real"), NULL;
  peri_tensor *f = peri_new(cx, PERI_F64, nd, moments->dims);
  int64_t n = lambda->dims[0];
  for (int64_t k = 0; f && k < f->size; k++) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += peri_item(lambda, i) / 2 * peri_item(moments, (k * n + i) * 3);
    ((double *)f->data)[k] = sum;
  }
  return f;
}
