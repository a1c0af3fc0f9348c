/* alias.c - Walker's alias table for a discrete law, built in O(m) by Vose's method.
**
** With scaled weights p_i = m w_i / sum w, every cell holds at most two outcomes: itself with probability keep / 2^64, otherwise
** `other`. A draw takes one word w: cell hi(w m), then the low half of the same product decides.
** Source: Vose, A linear algorithm for generating random numbers with a given distribution, IEEE TSE 17 (1991).
*/
#include "random/random.h"
#include <math.h>

static size_t alias_bytes(int64_t m) { return sizeof(peri_alias) + (size_t)m * sizeof(pri_cell); }

static peri_status check_weights(peri_ctx *cx, const char *who, const double *w, int64_t m, double *largest) {
  if (m < 1) return peri_fail(cx, PERI_ERR_VALUE, "%s: at least one weight is needed", who);
  *largest = 0;
  for (int64_t i = 0; i < m; i++) {
    if (!(w[i] >= 0 && w[i] < INFINITY))
      return peri_fail(cx, PERI_ERR_VALUE, "%s: weight %lld is %g; weights must be finite and not negative", who, (long long)(i + 1), w[i]);
    if (w[i] > *largest) *largest = w[i];
  }
  if (*largest == 0) return peri_fail(cx, PERI_ERR_VALUE, "%s: all %lld weights are zero", who, (long long)m);
  return PERI_OK;
}

static uint64_t threshold(double p) { return p >= 1 ? UINT64_MAX : (uint64_t)(p * 0x1p64); }

/* p[i] are the scaled weights, used up; work holds the indices of cells below 1 from its start, of the others from its end. */
static void pair_cells(pri_cell *cell, double *p, int64_t *work, int64_t m) {
  int64_t small = 0, large = m;
  for (int64_t i = 0; i < m; i++) {
    if (p[i] < 1) work[small++] = i;
    else work[--large] = i;
  }
  while (small > 0 && large < m) {
    int64_t i = work[--small], j = work[large];
    cell[i] = (pri_cell){threshold(p[i]), j};
    p[j] = (p[j] + p[i]) - 1;
    if (p[j] < 1) work[small++] = j, large++;
  }
  /* what is left is 1 but for rounding */
  while (small > 0) small--, cell[work[small]] = (pri_cell){UINT64_MAX, work[small]};
  for (; large < m; large++) cell[work[large]] = (pri_cell){UINT64_MAX, work[large]};
}

peri_alias *peri_alias_new(peri_ctx *cx, const char *who, const double *weights, int64_t m) {
  double largest = 0, sum = 0;
  if (check_weights(cx, who, weights, m, &largest) != PERI_OK) return NULL;
  size_t scratch = (size_t)m * (sizeof(double) + sizeof(int64_t));
  peri_alias *a = peri_alloc(cx, alias_bytes(m));
  if (!a) return NULL;
  a->cx = cx, a->m = m;
  double *p = peri_alloc(cx, scratch);
  if (!p) return peri_alias_free(a), NULL;
  for (int64_t i = 0; i < m; i++) sum += p[i] = weights[i] / largest; /* no overflow, however large the weights */
  for (int64_t i = 0; i < m; i++) p[i] *= (double)m / sum;
  pair_cells(a->cell, p, (int64_t *)(p + m), m);
  a->total = sum * largest;
  peri_free(cx, p, scratch);
  return a;
}

void peri_alias_free(peri_alias *a) {
  if (a) peri_free(a->cx, a, alias_bytes(a->m));
}
int64_t peri_alias_size(const peri_alias *a) { return a->m; }
