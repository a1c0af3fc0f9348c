/* kesten.c - chains of random affine recursions: one a stream, spread over the pool; what is recorded of them.
**
** A task owns a desk: the state of the chain it is at and the numbers of the next `ahead` steps, drawn together. It goes through the chains
** task, task + TASKS, ... Nothing of one chain reaches the next. `ahead` depends on the law and the steps left alone, never on
** what is recorded, so recording does not change a chain.
**
** What the numbers of a step are: gauss, d normals and the noise's for each of b rows, one word each; norm, 2b normals (g, then e), one word each, and a chi-square,
** which takes several and comes after the normals of all `ahead` steps; lognormal and arch, one normal; data, b words (more
** with a chance of n/2^64).
** Non-finite states stay so under every recursion, so a chain is looked at where it is recorded, not in every step.
*/
#include "process/kesten.h"
#include <inttypes.h>
#include <math.h>
#include <perigee/shape.h>

static const char who[] = "process.kesten.chains";
enum { TASKS = 16, AHEAD = 512 }; /* numbers drawn together, or those of one step */

typedef struct {
  double *x, *sum, *slope;     /* (width): state, sum for the average, the gradient of a step */
  double *numbers, *chi;       /* (ahead, words), (ahead) */
  int64_t *rows;               /* data: 0 .. n-1, a permutation only while a batch is drawn */
  int64_t at, have;            /* steps of the numbers that are used, and that there are */
} desk;

typedef struct work {
  peri_ctx *cx;
  const peri_kesten *k;
  const peri_kesten_plan *plan;
  const peri_kesten_chains_result *out;
  void (*draw)(const struct work *, desk *, pri_rng *, int64_t steps);
  void (*run)(const struct work *, desk *, pri_rng *, int64_t steps); /* from the numbers at `at` on */
  int64_t n, width, words, ahead, records;
  pri_ready chi;               /* norm, d > 1 */
  peri_output output;
  pri_pcg *pcg;                /* (n): where the streams stand */
  peri_tensor *start, *A, *y;  /* contiguous f64 or NULL */
  int tasks;
  desk at[TASKS];
} work;

/* ---- draws ---- */

static void draw_normals(const work *w, desk *a, pri_rng *g, int64_t steps) {
  int64_t n = steps * w->words;
  pri_words(g, (uint64_t *)(void *)a->numbers, n);
  g->k->normal(a->numbers, (uint64_t *)(void *)a->numbers, n);
}

static void draw_norm(const work *w, desk *a, pri_rng *g, int64_t steps) {
  draw_normals(w, a, g, steps);
  if (w->k->d > 1) pri_law_rows[PERI_CHI_SQUARE].serial(&w->chi, g, a->chi, steps);
}

static void draw_factors(const work *w, desk *a, pri_rng *g, int64_t steps) {
  draw_normals(w, a, g, steps);
  for (int64_t i = 0; i < steps; i++) a->numbers[i] = w->k->mu + w->k->s * a->numbers[i];
  g->k->map1[PRI_MAP1_exp][PERI_F64](a->numbers, a->numbers, steps);
}

static void draw_nothing(const work *w, desk *a, pri_rng *g, int64_t steps) { (void)w, (void)a, (void)g, (void)steps; }

/* ---- recursions ---- */

/* d = 1: M and q are at hand before x is, so a step waits for one product and one sum. */
static void run_scalar(const work *w, desk *a, pri_rng *g, int64_t steps) {
  int64_t b = w->k->b;
  double rate = w->k->c / (double)b, noise = w->k->noise, x = a->x[0];
  const double *z = a->numbers + a->at * w->words;
  (void)g;
  for (int64_t t = 0; t < steps; t++, z += w->words) {
    double square = 0, push = 0;
    for (int64_t i = 0; i < b; i++) square += z[2 * i] * z[2 * i], push += z[2 * i] * z[2 * i + 1];
    x = (1 - rate * square) * x + rate * noise * push;
  }
  a->x[0] = x;
}

/* x -= rate sum_i row_i (row_i . x - target_i) is made of these two; kernels from where they pay. */
enum { LONG_ROW = 16 };
static double product(const pri_kernels *k, const double *a, const double *x, int64_t d) {
  if (d >= LONG_ROW) return k->dot_f64(a, x, d);
  double sum = 0;
  for (int64_t j = 0; j < d; j++) sum += a[j] * x[j];
  return sum;
}
static void add_row(const pri_kernels *k, double *r, double f, const double *a, int64_t d) {
  if (d >= LONG_ROW) {
    k->axpy_f64(r, f, a, d);
    return;
  }
  for (int64_t j = 0; j < d; j++) r[j] += f * a[j];
}
static void step_back(desk *a, double rate, int64_t d) {
  for (int64_t j = 0; j < d; j++) a->x[j] -= rate * a->slope[j], a->slope[j] = 0;
}

static void run_gauss(const work *w, desk *a, pri_rng *g, int64_t steps) {
  int64_t d = w->k->d;
  double rate = w->k->c / (double)w->k->b;
  const double *z = a->numbers + a->at * w->words;
  for (int64_t t = 0; t < steps; t++) {
    for (int64_t i = 0; i < w->k->b; i++, z += d + 1) add_row(g->k, a->slope, product(g->k, z, a->x, d) - w->k->noise * z[d], z, d);
    step_back(a, rate, d);
  }
}

/* Above 1 in units of rho: squares then overflow no earlier than rho does. */
static void run_norm(const work *w, desk *a, pri_rng *g, int64_t steps) {
  int64_t b = w->k->b;
  double rate = w->k->c / (double)b, rho = a->x[0];
  const double *z = a->numbers + a->at * w->words;
  (void)g;
  for (int64_t t = 0; t < steps; t++, z += w->words) {
    double unit = rho > 1 ? rho : 1, at = rho / unit, noise = w->k->noise / unit, along = 0, square = 0;
    for (int64_t i = 0; i < b; i++) {
      double r = at * z[i] - noise * z[b + i];
      along += z[i] * r, square += r * r;
    }
    double left = at - rate * along, across = w->k->d > 1 ? rate * rate * square * a->chi[a->at + t] : 0;
    rho = unit * sqrt(left * left + across);
  }
  a->x[0] = rho;
}

static void run_lognormal(const work *w, desk *a, pri_rng *g, int64_t steps) {
  const double *factor = a->numbers + a->at;
  (void)w, (void)g;
  for (int64_t t = 0; t < steps; t++) a->x[0] = factor[t] * a->x[0] + 1;
}

static void run_arch(const work *w, desk *a, pri_rng *g, int64_t steps) {
  const double *z = a->numbers + a->at;
  double x = a->x[0];
  (void)g;
  for (int64_t t = 0; t < steps; t++) {
    double unit = fabs(x) > 1 ? fabs(x) : 1, at = x / unit;
    x = unit * (sqrt(w->k->g / unit / unit + w->k->lam * at * at) * z[t]);
  }
  a->x[0] = x;
}

/* A batch is the head of a shuffle that is undone afterwards, so that rows stay in order for whoever comes next. */
static void run_data(const work *w, desk *a, pri_rng *g, int64_t steps) {
  int64_t b = w->k->b, d = w->width, n = w->A->dims[0], *rows = a->rows, *other = rows + n;
  const double *A = w->A->data, *y = w->y->data;
  double rate = w->k->c / (double)b;
  for (int64_t t = 0; t < steps; t++) {
    for (int64_t i = 0; i < b; i++) {
      int64_t j = other[i] = i + (int64_t)pri_below(g, (uint64_t)(n - i)), row = rows[j];
      rows[j] = rows[i], rows[i] = row;
      add_row(g->k, a->slope, product(g->k, A + row * d, a->x, d) - y[row], A + row * d, d);
    }
    for (int64_t i = b - 1; i >= 0; i--) {
      int64_t row = rows[i];
      rows[i] = rows[other[i]], rows[other[i]] = row;
    }
    step_back(a, rate, d);
  }
}

/* ---- one chain ---- */

static bool all_finite(const double *x, int64_t n) {
  for (int64_t j = 0; j < n; j++)
    if (!isfinite(x[j])) return false;
  return true;
}

static double norm_of(const double *x, int64_t n) {
  double most = 0, sum = 0;
  for (int64_t j = 0; j < n; j++) most = fmax(most, fabs(x[j]));
  if (n == 1 || most == 0) return most;
  for (int64_t j = 0; j < n; j++) sum += (x[j] / most) * (x[j] / most);
  return most * sqrt(sum);
}

static void advance(const work *w, desk *a, pri_rng *g, int64_t from, int64_t to) {
  while (from < to && !pri_stopped(w->cx)) {
    if (a->at == a->have) {
      int64_t left = w->plan->steps - from;
      a->at = 0, a->have = left < w->ahead ? left : w->ahead;
      w->draw(w, a, g, a->have);
    }
    int64_t m = a->have - a->at < to - from ? a->have - a->at : to - from;
    w->run(w, a, g, m);
    a->at += m, from += m;
  }
}

/* The next step after t to stop at. */
static int64_t next_stop(const peri_kesten_plan *p, int64_t t) {
  int64_t last = p->steps - p->average, to = p->steps;
  if (t >= last) return t + 1;
  if (last < to) to = last;
  int64_t done = t > p->burn ? (t - p->burn) / p->gap : 0;
  if (p->steps - p->burn - done * p->gap < p->gap) return to; /* no record is left */
  int64_t record = p->burn + (done + 1) * p->gap;
  return record < to ? record : to;
}

static void fill(double *r, double value, int64_t n) {
  for (int64_t j = 0; j < n; j++) r[j] = value;
}

static void chain(const work *w, desk *a, int64_t i) {
  const peri_kesten_plan *p = w->plan;
  int64_t d = w->width, done = 0;
  double *norms = (double *)w->out->norms->data + i * w->records, *last = (double *)w->out->last->data + i * d;
  double *average = w->out->average ? (double *)w->out->average->data + i * d : NULL;
  pri_rng g = {w->cx->k, w->pcg[i], w->output};
  a->at = a->have = 0;
  fill(a->sum, 0, d), fill(a->slope, 0, d), fill(a->x, 0, d);
  if (w->start) memcpy(a->x, (double *)w->start->data + i * d, (size_t)d * sizeof(double));
  for (int64_t t = 0; t < p->steps && !pri_stopped(w->cx);) {
    int64_t to = next_stop(p, t);
    advance(w, a, &g, t, to);
    t = to;
    if (!all_finite(a->x, d)) { /* for good */
      fill(a->x, INFINITY, d), fill(a->sum, INFINITY, d), fill(norms + done, INFINITY, w->records - done);
      break;
    }
    if (t > p->steps - p->average) add_row(w->cx->k, a->sum, 1, a->x, d);
    if (t > p->burn && (t - p->burn) % p->gap == 0) norms[done++] = norm_of(a->x, d);
  }
  memcpy(last, a->x, (size_t)d * sizeof(double));
  for (int64_t j = 0; average && j < d; j++) average[j] = a->sum[j] / (double)p->average;
  w->pcg[i] = g.pcg;
}

static void task(void *ud, int64_t i) {
  work *w = ud;
  for (int64_t j = i; j < w->n && !pri_stopped(w->cx); j += w->tasks) chain(w, w->at + i, j);
}

/* ---- making ---- */

static peri_status check_plan(peri_ctx *cx, const peri_kesten_plan *p) {
  if (p->steps < 1) return peri_fail(cx, PERI_ERR_VALUE, "%s: steps must be >= 1, got %" PRId64, who, p->steps);
  if (p->burn < 0 || p->burn >= p->steps) return peri_fail(cx, PERI_ERR_VALUE, "%s: burn must lie in 0..%" PRId64 ", below the steps, got %" PRId64, who, p->steps - 1, p->burn);
  if (p->gap < 1 || p->gap > p->steps - p->burn)
    return peri_fail(cx, PERI_ERR_VALUE, "%s: gap must lie in 1..%" PRId64 ", the steps after the burn-in, got %" PRId64, who, p->steps - p->burn, p->gap);
  if (p->average < 0 || p->average > p->steps)
    return peri_fail(cx, PERI_ERR_VALUE, "%s: average must lie in 0..%" PRId64 ", the steps, got %" PRId64, who, p->steps, p->average);
  return PERI_OK;
}

static peri_tensor *plain(peri_tensor *t) {
  peri_tensor *cast = peri_cast(t, PERI_F64), *flat = cast ? peri_contiguous(cast) : NULL;
  peri_release(cast);
  return flat;
}

static peri_status choose(work *w) {
  const peri_kesten *k = w->k;
  w->width = 1, w->words = 1, w->draw = draw_normals;
  switch (k->kind) {
  case PERI_KESTEN_GAUSS: w->width = k->d, w->words = k->b * (k->d + 1), w->run = k->d == 1 ? run_scalar : run_gauss; break;
  case PERI_KESTEN_NORM: w->words = 2 * k->b, w->draw = draw_norm, w->run = run_norm; break;
  case PERI_KESTEN_LOGNORMAL: w->draw = draw_factors, w->run = run_lognormal; break;
  case PERI_KESTEN_ARCH: w->run = run_arch; break;
  case PERI_KESTEN_DATA:
    w->width = k->A->dims[1], w->words = 0, w->draw = draw_nothing, w->run = run_data;
    if (!(w->A = plain(k->A)) || !(w->y = plain(k->y))) return w->cx->code;
  }
  w->ahead = w->words > 0 && w->words < AHEAD ? AHEAD / w->words : w->words == 0 ? AHEAD : 1;
  if (k->kind == PERI_KESTEN_NORM && k->d > 1) {
    w->chi.law = peri_chi_square((double)(k->d - 1));
    pri_law_rows[PERI_CHI_SQUARE].prepare(&w->chi, &(pri_rng){.k = w->cx->k});
  }
  return PERI_OK;
}

static peri_status take_start(work *w, peri_tensor *start) {
  if (!start) return PERI_OK;
  bool fits = (start->ndim == 2 && start->dims[0] == w->n && start->dims[1] == w->width) || (start->ndim == 1 && w->width == 1 && start->dims[0] == w->n);
  if (!fits)
    return peri_fail(w->cx, PERI_ERR_SHAPE, "%s: the start must have shape (%" PRId64 ", %" PRId64 "), a state for each chain, got %s", who, w->n, w->width, peri_shape(start));
  if (!(w->start = plain(start))) return w->cx->code;
  bool norm = w->k->kind == PERI_KESTEN_NORM;
  for (int64_t i = 0; i < w->start->size; i++) {
    double x = ((double *)w->start->data)[i];
    if (!isfinite(x) || (norm && x < 0))
      return peri_fail(w->cx, PERI_ERR_VALUE, "%s: the start must be finite%s, got %g", who, norm ? " and, being a norm, not negative" : "", x);
  }
  return PERI_OK;
}

/* Doubles of a desk: state, sum, gradient; numbers; chi-squares; two lists of rows, counted as doubles. */
static size_t desk_size(const work *w) {
  int64_t rows = w->A ? w->A->dims[0] + w->k->b : 0;
  return (size_t)(3 * w->width + w->ahead * (w->words + 1) + rows) * sizeof(double);
}

static peri_status make_desks(work *w) {
  w->tasks = w->n < TASKS ? (int)w->n : TASKS;
  for (int i = 0; i < w->tasks; i++) {
    desk *a = w->at + i;
    if (!(a->x = peri_alloc(w->cx, desk_size(w)))) return w->cx->code;
    a->sum = a->x + w->width, a->slope = a->sum + w->width, a->numbers = a->slope + w->width, a->chi = a->numbers + w->ahead * w->words;
    a->rows = (int64_t *)(void *)(a->chi + w->ahead);
    for (int64_t j = 0; w->A && j < w->A->dims[0]; j++) a->rows[j] = j;
  }
  return PERI_OK;
}

static peri_status make_result(const work *w, peri_kesten_chains_result *r) {
  int64_t records[2] = {w->n, w->records}, states[2] = {w->n, w->width};
  if (!(r->norms = peri_new(w->cx, PERI_F64, 2, records)) || !(r->last = peri_new(w->cx, PERI_F64, 2, states))) return w->cx->code;
  if (w->plan->average > 0 && !(r->average = peri_new(w->cx, PERI_F64, 2, states))) return w->cx->code;
  return PERI_OK;
}

static void close(work *w) {
  for (int i = 0; i < w->tasks; i++)
    if (w->at[i].x) peri_free(w->cx, w->at[i].x, desk_size(w));
  if (w->pcg) peri_free(w->cx, w->pcg, (size_t)w->n * sizeof *w->pcg);
  peri_release(w->start);
  peri_release(w->A);
  peri_release(w->y);
}

peri_status peri_kesten_chains(peri_block *b, const peri_kesten *k, peri_tensor *start, const peri_kesten_plan *plan, peri_kesten_chains_result *r) {
  peri_ctx *cx = b->cx;
  size_t bytes = (size_t)b->n * sizeof *b->row;
  work w = {.cx = cx, .k = k, .plan = plan, .out = r, .n = b->n, .output = b->output};
  *r = (peri_kesten_chains_result){0};
  peri_status st = pri_kesten_check(cx, who, k);
  if (!st) st = check_plan(cx, plan);
  if (!st) st = choose(&w);
  if (!st) st = take_start(&w, start);
  if (!st && !(w.pcg = peri_alloc(cx, bytes))) st = cx->code;
  if (!st) w.records = (plan->steps - plan->burn) / plan->gap, st = make_desks(&w);
  if (!st) st = make_result(&w, r);
  if (!st) {
    memcpy(w.pcg, b->row, bytes);
    pri_parallel(cx, w.tasks, task, &w);
    st = peri_check_interrupt(cx);
  }
  if (!st) memcpy(b->row, w.pcg, bytes);
  close(&w);
  if (!st) return st;
  peri_release(r->norms);
  peri_release(r->last);
  peri_release(r->average);
  *r = (peri_kesten_chains_result){0};
  return st;
}
