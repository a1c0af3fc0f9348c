/* poisson_times.c - the first jumps of many clocks of one rate, as matrices: column j comes from stream j, whatever the other columns are. */
#include "process/clock.h"

enum { TILE = 8, RUN = 256 }; /* columns drawn together, so that whole lines of the matrices are written */

typedef struct { double *times, *gaps; int64_t columns; double mean_gap; } matrices; /* gaps may be NULL */

/* Columns first .. first + n - 1, n <= TILE, for all steps. */
static peri_status fill_columns(peri_block *b, pri_pcg *pcg, const matrices *m, int64_t first, int n, int64_t steps) {
  double t[TILE][RUN], gap[TILE][RUN];
  uint64_t w[RUN];
  pri_pair base[TILE] = {{0}};
  for (int64_t at = 0; at < steps; at += RUN) {
    int64_t run = steps - at < RUN ? steps - at : RUN;
    if (pri_stopped(b->cx)) return peri_check_interrupt(b->cx);
    for (int j = 0; j < n; j++) {
      pri_rng g = {b->cx->k, pcg[first + j], b->output};
      pri_words(&g, w, run);
      pcg[first + j] = g.pcg;
      g.k->exponential(gap[j], w, run);
      pri_add_gaps(t[j], gap[j], run, m->mean_gap, &base[j]);
    }
    for (int64_t i = 0; i < run; i++) {
      int64_t row = (at + i) * m->columns + first;
      for (int j = 0; j < n; j++) m->times[row + j] = t[j][i];
      for (int j = 0; m->gaps && j < n; j++) m->gaps[row + j] = gap[j][i];
    }
  }
  return PERI_OK;
}

static peri_status fill_matrices(peri_block *b, const matrices *m, int64_t steps) {
  size_t bytes = (size_t)b->n * sizeof *b->row;
  pri_pcg *pcg = peri_alloc(b->cx, bytes); /* a copy: an error leaves the block where it was */
  if (!pcg) return peri_errcode(b->cx);
  memcpy(pcg, b->row, bytes);
  peri_status st = PERI_OK;
  for (int64_t j = 0; st == PERI_OK && j < b->n; j += TILE) st = fill_columns(b, pcg, m, j, b->n - j < TILE ? (int)(b->n - j) : TILE, steps);
  if (st == PERI_OK) memcpy(b->row, pcg, bytes);
  peri_free(b->cx, pcg, bytes);
  return st;
}

peri_status peri_poisson_times(peri_block *b, int64_t steps, double rate, peri_tensor **times, peri_tensor **gaps) {
  peri_ctx *cx = b->cx;
  double total = 0;
  *times = NULL;
  if (gaps) *gaps = NULL;
  if (steps < 0) return peri_fail(cx, PERI_ERR_VALUE, "process.poisson_times: steps must not be negative, got %lld", (long long)steps);
  if (pri_check_rates(cx, "process.poisson_times", &rate, 1, false, &total) != PERI_OK) return peri_errcode(cx);
  int64_t dims[2] = {steps, b->n};
  *times = peri_new(cx, PERI_F64, 2, dims);
  if (*times && gaps) *gaps = peri_new(cx, PERI_F64, 2, dims);
  peri_status st = peri_errcode(cx);
  if (*times && (!gaps || *gaps))
    st = fill_matrices(b, &(matrices){(*times)->data, gaps ? (*gaps)->data : NULL, b->n, 1 / rate}, steps);
  if (st == PERI_OK) return st;
  peri_release(*times);
  *times = NULL;
  if (!gaps) return st;
  peri_release(*gaps);
  *gaps = NULL;
  return st;
}
