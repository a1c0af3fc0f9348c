/* gossip_rounds.c - synchronous gossip: what the randomised methods are compared with; and what both read and measure.
**
** W = I - 2 / (low + high) L contracts what is orthogonal to the average by rho = (high - low) / (high + low); the second order is the
** best that polynomials of W can do with two vectors, sqrt of which is its rate for rho near 1.
*/
#include "process/gossip.h"
#include <math.h>
#include <stdio.h>

/* x0 as a contiguous f64 tensor of shape (n) or (replicas, n). */
peri_tensor *pri_gossip_start(peri_ctx *cx, const char *who, peri_tensor *x0, int64_t n, int64_t replicas) {
  if (x0->cx != cx) return peri_fail(cx, PERI_ERR_STATE, "%s: x0 belongs to another context; copy its values across", who), NULL;
  bool one = x0->ndim == 1 && x0->dims[0] == n, many = replicas > 0 && x0->ndim == 2 && x0->dims[0] == replicas && x0->dims[1] == n;
  if (!one && !many) {
    char rows[48] = "";
    if (replicas > 0) snprintf(rows, sizeof rows, " or (%lld, %lld)", (long long)replicas, (long long)n);
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: x0 must have the shape (%lld)%s, got %s", who, (long long)n, rows, peri_shape(x0)), NULL;
  }
  if (x0->dtype == PERI_C128) return peri_fail(cx, PERI_ERR_DTYPE, "%s: x0 must be real, got c128", who), NULL;
  peri_tensor *t = peri_cast(x0, PERI_F64), *flat = t ? peri_contiguous(t) : NULL;
  peri_release(t);
  for (int64_t k = 0; flat && k < flat->size; k++)
    if (!isfinite(((double *)flat->data)[k])) {
      peri_fail(cx, PERI_ERR_VALUE, "%s: x0 is %g at node %lld", who, ((double *)flat->data)[k], (long long)(k % n) + 1);
      peri_release(flat);
      return NULL;
    }
  return flat;
}

double pri_mean(const double *x, int64_t n) {
  double sum = 0;
  for (int64_t v = 0; v < n; v++) sum += x[v];
  return sum / (double)n;
}

double pri_energy(const double *x, int64_t n, double mean) {
  double sum = 0;
  for (int64_t v = 0; v < n; v++) sum += (x[v] - mean) * (x[v] - mean);
  return sum;
}

/* next = c (x - step L x) + (1 - c) before; before may be next. */
static void round_of(const peri_graph *g, double c, double step, const double *x, const double *before, double *scratch, double *next) {
  peri_graph_apply(g, x, scratch);
  for (int64_t v = 0; v < g->n; v++) next[v] = c * (x[v] - step * scratch[v]) + (1 - c) * before[v];
}

static peri_status run_rounds(const peri_graph *g, const double *x0, bool shift, double low, double high, int64_t rounds, double *energy, double *all) {
  peri_ctx *cx = g->cx;
  int64_t n = g->n;
  size_t bytes = 3 * (size_t)n * sizeof(double);
  double *x = peri_alloc(cx, bytes), mean = pri_mean(x0, n);
  if (!x) return cx->code;
  double *before = x + n, *scratch = before + n, rho = (high - low) / (high + low), omega = 2 / (1 + sqrt((1 - rho) * (1 + rho)));
  memcpy(x, x0, (size_t)n * sizeof *x);
  memcpy(before, x0, (size_t)n * sizeof *x);
  for (int64_t k = 0; k <= rounds && !pri_stopped(cx); k++) {
    energy[k] = pri_energy(x, n, mean);
    if (all) memcpy(all + k * n, x, (size_t)n * sizeof *x);
    round_of(g, shift && k > 0 ? omega : 1, 2 / (low + high), x, before, scratch, before);
    double *swap = x;
    x = before, before = swap;
  }
  peri_free(cx, x < before ? x : before, bytes);
  return peri_check_interrupt(cx);
}

peri_status peri_gossip_rounds(const peri_graph *g, peri_tensor *x0, bool shift_register, double low, double high, int64_t rounds, peri_tensor **energy,
                               peri_tensor **x) {
  static const char who[] = "process.gossip_rounds";
  peri_ctx *cx = g->cx;
  *energy = NULL;
  if (x) *x = NULL;
  if (!(low > 0 && low <= high && isfinite(high)))
    return peri_fail(cx, PERI_ERR_VALUE, "%s: the eigenvalues must satisfy 0 < low <= high, got %g and %g", who, low, high);
  if (rounds < 0) return peri_fail(cx, PERI_ERR_VALUE, "%s: the number of rounds must be >= 0, got %lld", who, (long long)rounds);
  peri_tensor *start = pri_gossip_start(cx, who, x0, g->n, 0);
  if (!start) return cx->code;
  peri_status st = PERI_OK;
  if (!(*energy = peri_new(cx, PERI_F64, 1, (int64_t[]){rounds + 1})) || (x && !(*x = peri_new(cx, PERI_F64, 2, (int64_t[]){rounds + 1, g->n})))) st = cx->code;
  if (!st) st = run_rounds(g, start->data, shift_register, low, high, rounds, (*energy)->data, x ? (*x)->data : NULL);
  peri_release(start);
  if (!st) return st;
  peri_release(*energy);
  *energy = NULL;
  if (x) {
    peri_release(*x);
    *x = NULL;
  }
  return st;
}
