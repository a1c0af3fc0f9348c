/* hosking.c - fractional Gaussian noise one value after the other, each from its law given all before it: exact, O(n^2).
**
** The mean of g_k given g_0 .. g_{k-1} is sum_j phi(k, j) g_{k-j}, the variance v_k:
**     phi(k, k) = (gamma(k) - sum_{j<k} phi(k-1, j) gamma(k-j)) / v_{k-1},
**     phi(k, j) = phi(k-1, j) - phi(k, k) phi(k-1, k-j),   v_k = v_{k-1} (1 - phi(k, k)^2).
** The coefficients are the same for all paths. They are kept in both orders, the reversed one growing downwards, so that a lag is
** one pass in place and each mean one dot product. Values known beforehand take the place of drawn ones: a stored
** path is continued exactly.
** Source: Hosking (1984), Water Resources Research 20; Durbin (1960).
*/
#include "process/fgn.h"
#include <math.h>
#include <perigee/shape.h>

void pri_levinson_start(pri_levinson *l, const peri_ctx *cx, const double *gamma, int64_t capacity, double *memory) {
  *l = (pri_levinson){.k = cx->k, .loops = pri_fgn_loops_of(cx), .gamma = gamma, .capacity = capacity, .v = gamma[0]};
  l->f = memory;
  l->b = memory + 2 * capacity;
}

void pri_levinson_next(pri_levinson *l) {
  double c = (l->gamma[l->lag + 1] - l->k->dot_f64(l->b, l->gamma + 1, l->lag)) / l->v;
  l->loops->levinson(l->f, l->b, c, l->lag);
  l->f[l->lag++] = c;
  *--l->b = c;
  l->v *= 1 - c * c;
}

/* Scratch: the recursion's memory, then the whole history of each path of the tile. */
static void fill_hosking(const pri_fgn_plan *p, int64_t first, pri_rng *g, int width, double *x, int64_t ld, void *scratch) {
  int64_t all = p->steps + p->n;
  double *history = (double *)scratch + 2 * all;
  pri_levinson l;
  pri_levinson_start(&l, p->cx, p->gamma, all, scratch);
  for (int j = 0; j < width; j++) {
    for (int64_t i = 0; i < p->steps; i++) history[j * all + i] = p->past[i * p->paths + first + j];
    pri_fgn_normals(&g[j], history + j * all + p->steps, p->n);
  }
  for (int64_t k = 0; k < all; k++) {
    if (k > 0) pri_levinson_next(&l);
    if (k < p->steps) continue;
    if (pri_stopped(p->cx)) return;
    double sd = sqrt(fmax(l.v, 0)); /* v sinks below the rounding of its products only for H within 1e-12 of 1 */
    for (int j = 0; j < width; j++) {
      double *path = history + j * all;
      path[k] = sd * path[k] + p->cx->k->dot_f64(l.b, path, k);
      x[j * ld + k - p->steps] = path[k];
    }
  }
}

peri_status pri_fgn_hosking(pri_fgn_plan *p, const peri_tensor *past) {
  p->steps = past ? past->dims[0] : 0;
  p->past = past ? past->data : NULL;
  int64_t all = p->steps + p->n;
  p->fill = fill_hosking;
  p->words = p->n;
  p->scratch = (size_t)(2 + PRI_FGN_TILE) * (size_t)all * sizeof(double);
  p->gamma = peri_alloc(p->cx, (size_t)all * sizeof(double));
  if (!p->gamma) return peri_errcode(p->cx);
  pri_fgn_gammas(p->H, p->gamma, all);
  return PERI_OK;
}
