/* axis.c - see axis.h.
**
** Eight lines at a time are gathered into the lanes of rows, transformed together and scattered. A line that is contiguous and long,
** or alone, is transformed by itself. Work space is made before the pool is entered, one piece for each thread; who takes which
** lines does not matter, because lines do not know of each other.
*/
#include "fft/axis.h"
#include <stdatomic.h>
#include <string.h>

enum { LONG = 512, FEW = 4, TASK = 1 << 14 }; /* elements of a line; lines; elements that are worth a task */

typedef struct {
  const pri_fft_job *j;
  peri_ctx *cx;
  pri_fft_plan *plan;
  pri_walk walk;              /* over the lines */
  pri_fft_kind kind;
  int64_t units, per_task, tasks;
  atomic_llong next;
  double *work;
  int64_t each;               /* doubles of work space a thread */
} line_job;

static void starts_of(const line_job *l, int64_t first, int lanes, int64_t *from, int64_t *to) {
  for (int i = 0; i < lanes; i++) {
    int64_t index[PERI_MAXDIM], offsets[PRI_WALK];
    pri_walk_seek(&l->walk, first + i, index, offsets);
    from[i] = offsets[0], to[i] = offsets[1];
  }
}

/* Element k of a sequence in memory (apart = 2, im = 1), or of eight in lines (16, 8): coefficients n/2 + 1 .. n-1 of a real sequence. */
static void complete(double *x, int64_t n, int64_t apart, int64_t im) {
  for (int64_t l = 0; l < im; l++) {
    x[im + l] = 0;
    if (n % 2 == 0) x[n / 2 * apart + im + l] = 0;
  }
  for (int64_t k = n / 2 + 1; k < n; k++)
    for (int64_t l = 0; l < im; l++) {
      x[k * apart + l] = x[(n - k) * apart + l];
      x[k * apart + im + l] = -x[(n - k) * apart + im + l];
    }
}

static void store_real(double *y, int64_t stride, const double *x, int64_t apart, int64_t n, double factor) {
  for (int64_t k = 0; k < n; k++) y[k * stride] = x[k * apart] * factor;
}

static void run_eight(const line_job *l, int64_t unit, double *work) {
  const pri_fft_job *j = l->j;
  const pri_fft_kernels *k = pri_fft_select(l->cx->k->isa);
  int64_t first = unit * PRI_LANES, from[PRI_LANES], to[PRI_LANES];
  int lanes = l->walk.size - first < PRI_LANES ? (int)(l->walk.size - first) : PRI_LANES;
  starts_of(l, first, lanes, from, to);
  k->gather(j->from, from, lanes, j->from_stride, work, j->given);
  memset(work + j->given * PRI_LINE, 0, (size_t)((j->n - j->given) * PRI_LINE) * sizeof *work);
  if (j->real) complete(work, j->n, PRI_LINE, PRI_LANES);
  double *r = pri_fft_run_lanes(l->plan, work, j->inverse, work + j->n * PRI_LINE);
  if (!j->real) k->scatter(r, j->to, to, lanes, j->to_stride, j->kept, j->factor);
  for (int i = 0; j->real && i < lanes; i++) store_real(j->to + to[i], j->to_stride, r + i, PRI_LINE, j->n, j->factor);
}

static void run_one(const line_job *l, int64_t unit, double *work) {
  const pri_fft_job *j = l->j;
  int64_t from, to;
  double *line = work, *more = work + ((2 * j->n + 7) & ~(int64_t)7);
  starts_of(l, unit, 1, &from, &to);
  const double *x = j->from + 2 * from;
  if (j->from_stride != 1 || j->given < j->n) {
    pri_gather(line, x, j->from_stride, j->given, 16);
    memset(line + 2 * j->given, 0, (size_t)(2 * (j->n - j->given)) * sizeof *line);
    x = line;
  }
  if (j->real) complete(line, j->n, 2, 1);
  double *result = j->to_stride == 1 && j->kept == j->n && !j->real ? j->to + 2 * to : line;
  pri_fft_run(l->plan, x, result, j->inverse, j->real ? 1 : j->factor, more);
  if (j->real) store_real(j->to + to, j->to_stride, line, 2, j->n, j->factor);
  else if (result == line) pri_scatter(j->to + 2 * to, j->to_stride, line, j->kept, 16);
}

static void line_task(void *ud, int64_t i) {
  line_job *l = ud;
  double *work = l->work + i * l->each;
  for (int64_t t; (t = atomic_fetch_add(&l->next, 1)) < l->tasks;)
    for (int64_t u = t * l->per_task, end = u + l->per_task; u < end && u < l->units && !pri_stopped(l->cx); u++)
      if (l->kind == PRI_FFT_ONE) run_one(l, u, work);
      else run_eight(l, u, work);
}

static peri_status run_lines(line_job *l) {
  const pri_fft_job *j = l->j;
  bool one = l->kind == PRI_FFT_ONE;
  l->units = one ? l->walk.size : (l->walk.size + PRI_LANES - 1) / PRI_LANES;
  l->per_task = 1 + TASK / (j->n * (one ? 1 : PRI_LANES));
  l->tasks = (l->units + l->per_task - 1) / l->per_task;
  l->each = pri_fft_work(l->plan) + (one ? (2 * j->n + 7) & ~(int64_t)7 : j->n * PRI_LINE);
  int64_t threads = l->cx->threads < l->tasks ? l->cx->threads : l->tasks;
  size_t bytes = (size_t)(threads * l->each) * sizeof(double);
  if (!(l->work = peri_alloc(l->cx, bytes))) return l->cx->code;
  pri_parallel(l->cx, threads, line_task, l);
  peri_free(l->cx, l->work, bytes);
  return peri_check_interrupt(l->cx);
}

peri_status pri_fft_axis(peri_ctx *cx, const pri_fft_job *j) {
  line_job l = {.j = j, .cx = cx};
  int64_t strides[PRI_WALK][PERI_MAXDIM];
  memcpy(strides[0], j->from_strides, sizeof strides[0]);
  memcpy(strides[1], j->to_strides, sizeof strides[1]);
  pri_walk_make(&l.walk, j->nd, j->dims, 2, strides);
  if (l.walk.size == 0) return PERI_OK;
  bool along = j->from_stride == 1 && j->to_stride == 1;
  l.kind = l.walk.size < FEW || (along && j->n >= LONG) ? PRI_FFT_ONE : PRI_FFT_LANES;
  if (!(l.plan = pri_fft_plan_get(cx, l.kind, j->n))) return cx->code;
  peri_status st = run_lines(&l);
  pri_fft_plan_put(l.plan);
  return st;
}
