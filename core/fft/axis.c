/* axis.c - see axis.h.
**
** Eight lines at a time are gathered into the lanes of rows, transformed together and scattered. A line that is contiguous and long,
** or alone, is transformed by itself. Work space is made before the pool is entered, one piece for each thread; who takes which
** lines does not matter, because lines do not know of each other.
*/
#include "fft/axis.h"
#include "fft/plan.h"
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

static bool is_one(pri_fft_kind kind) { return kind == PRI_FFT_ONE || kind == PRI_FFT_REAL; }

static void starts_of(const line_job *l, int64_t first, int lanes, int64_t *from, int64_t *to) {
  for (int i = 0; i < lanes; i++) {
    int64_t index[PERI_MAXDIM], offsets[PRI_WALK];
    pri_walk_seek(&l->walk, first + i, index, offsets);
    from[i] = offsets[0], to[i] = offsets[1];
  }
}

/* Coefficients (n+1)/2 .. n-1 of a real sequence of odd length n, in memory (apart = 2, im = 1) or of eight in lines (16, 8). */
static void complete(double *x, int64_t n, int64_t apart, int64_t im) {
  for (int64_t l = 0; l < im; l++) x[im + l] = 0;
  for (int64_t k = n / 2 + 1; k < n; k++)
    for (int64_t l = 0; l < im; l++) {
      x[k * apart + l] = x[(n - k) * apart + l];
      x[k * apart + im + l] = -x[(n - k) * apart + im + l];
    }
}

static void store_real(double *y, int64_t stride, const double *x, int64_t apart, int64_t n, double factor) {
  for (int64_t k = 0; k < n; k++) y[k * stride] = x[k * apart] * factor;
}

/* Eight sequences, from `work` on; lines beyond those given are zero. */
static void run_eight(const line_job *l, int64_t unit, double *work) {
  const pri_fft_job *j = l->j;
  const pri_fft_kernels *k = l->plan->k;
  int64_t first = unit * PRI_LANES, from[PRI_LANES], to[PRI_LANES];
  int lanes = l->walk.size - first < PRI_LANES ? (int)(l->walk.size - first) : PRI_LANES;
  starts_of(l, first, lanes, from, to);
  double *second = work + (j->n / 2 + 1) * PRI_LINE, *more = work + l->each - pri_fft_work(l->plan), *r;
  if (j->real_in) {
    k->gather_real(j->from, from, lanes, j->from_stride, work, j->given);
    memset(work + j->given * PRI_LANES, 0, (size_t)((j->n - j->given) * PRI_LANES) * sizeof *work);
    r = pri_fft_run_real_lanes(l->plan, work, second, j->factor, more);
    k->scatter(r, j->to, to, lanes, j->to_stride, j->kept, 1);
    return;
  }
  int64_t lines = l->kind == PRI_FFT_REAL_LANES ? j->n / 2 + 1 : j->n;
  k->gather(j->from, from, lanes, j->from_stride, work, j->given);
  memset(work + j->given * PRI_LINE, 0, (size_t)((lines - j->given) * PRI_LINE) * sizeof *work);
  if (l->kind == PRI_FFT_REAL_LANES) {
    r = pri_fft_run_real_lanes_back(l->plan, work, second, more);
    k->scatter_real(r, j->to, to, lanes, j->to_stride, j->n, j->factor);
    return;
  }
  if (j->real_out) complete(work, j->n, PRI_LINE, PRI_LANES);
  r = pri_fft_run_lanes(l->plan, work, j->inverse, more);
  if (!j->real_out) k->scatter(r, j->to, to, lanes, j->to_stride, j->kept, j->factor);
  for (int i = 0; j->real_out && i < lanes; i++) store_real(j->to + to[i], j->to_stride, r + i, PRI_LINE, j->n, j->factor);
}

/* Numbers of `size` bytes, n of them zeros behind those given, contiguous: x itself or a copy. */
static const double *packed(double *copy, const double *x, int64_t stride, int64_t given, int64_t n, size_t size) {
  if (stride == 1 && given == n) return x;
  pri_gather(copy, x, stride, given, size);
  memset((char *)copy + (size_t)given * size, 0, (size_t)(n - given) * size);
  return copy;
}

/* One real sequence to its coefficients, or back. */
static void run_one_real(const line_job *l, const double *x, double *y, double *line, double *more) {
  const pri_fft_job *j = l->j;
  int64_t size = j->real_in ? 16 : 8, count = j->real_in ? j->kept : j->n;
  double *result = j->to_stride == 1 ? y : line + (j->n + 16);
  x = packed(line, x, j->from_stride, j->given, j->real_in ? j->n : j->n / 2 + 1, j->real_in ? 8 : 16);
  if (j->real_in) pri_fft_run_real(l->plan, x, result, j->factor, more);
  else pri_fft_run_real_back(l->plan, x, result, j->factor, more);
  if (result != y) pri_scatter(y, j->to_stride, result, count, (size_t)size);
}

static void run_one(const line_job *l, int64_t unit, double *work) {
  const pri_fft_job *j = l->j;
  int64_t from, to;
  double *line = work, *more = work + l->each - pri_fft_work(l->plan);
  starts_of(l, unit, 1, &from, &to);
  const double *x = j->from + (j->real_in ? from : 2 * from);
  double *y = j->to + (j->real_out ? to : 2 * to);
  if (l->kind == PRI_FFT_REAL) {
    run_one_real(l, x, y, line, more);
    return;
  }
  x = packed(line, x, j->from_stride, j->given, j->n, 16);
  if (j->real_out) complete(line, j->n, 2, 1);
  double *result = j->to_stride == 1 && j->kept == j->n && !j->real_out ? y : line;
  pri_fft_run(l->plan, x, result, j->inverse, j->real_out ? 1 : j->factor, more);
  if (j->real_out) store_real(y, j->to_stride, line, 2, j->n, j->factor);
  else if (result == line) pri_scatter(y, j->to_stride, line, j->kept, 16);
}

static void line_task(void *ud, int64_t i) {
  line_job *l = ud;
  double *work = l->work + i * l->each;
  for (int64_t t; (t = atomic_fetch_add(&l->next, 1)) < l->tasks;)
    for (int64_t u = t * l->per_task, end = u + l->per_task; u < end && u < l->units && !pri_stopped(l->cx); u++)
      if (is_one(l->kind)) run_one(l, u, work);
      else run_eight(l, u, work);
}

static peri_status run_lines(line_job *l) {
  const pri_fft_job *j = l->j;
  bool one = is_one(l->kind);
  l->units = one ? l->walk.size : (l->walk.size + PRI_LANES - 1) / PRI_LANES;
  l->per_task = 1 + TASK / (j->n * (one ? 1 : PRI_LANES));
  l->tasks = (l->units + l->per_task - 1) / l->per_task;
  l->each = pri_fft_work(l->plan) + (one ? (2 * j->n + 39) & ~(int64_t)7 : (j->n + 2) * PRI_LINE); /* lines, or two of half the length */
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
  bool along = j->from_stride == 1 && j->to_stride == 1, one = l.walk.size < FEW || (along && j->n >= LONG);
  bool real = j->real_in || (j->real_out && j->n % 2 == 0);
  l.kind = one ? (real ? PRI_FFT_REAL : PRI_FFT_ONE) : real ? PRI_FFT_REAL_LANES : PRI_FFT_LANES;
  if (!(l.plan = pri_fft_plan_get(cx, l.kind, j->n))) return cx->code;
  peri_status st = run_lines(&l);
  pri_fft_plan_put(l.plan);
  return st;
}
