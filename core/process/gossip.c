/* gossip.c - many runs of gossip: one a stream, spread over the pool; what is recorded of them.
**
** Tasks own a clock, a state and room for one reading each, made beforehand, and go through the replicas task, task + TASKS, ...
** Nothing of one replica reaches the next, so neither the number of tasks nor the threads show in the results.
*/
#include "process/gossip.h"
#include <math.h>

enum { TASKS = 16 };

typedef struct { peri_clock *clock; void *state; double *x, *z; } desk; /* what a task works on */

typedef struct {
  peri_ctx *cx;
  peri_block *b;
  const peri_graph *g;
  const peri_gossip_method *how;
  const peri_gossip_plan *plan;
  const peri_gossip_record *out;
  peri_tensor *x0; /* contiguous f64 */
  pri_ends *ends;
  pri_powers powers;
  int tasks;
  desk at[TASKS];
} work;

/* ---- checks ---- */

static peri_status check_method(peri_ctx *cx, const peri_gossip_method *m) {
  if (m->kind == PERI_GOSSIP_CONTINUIZED) {
    if (!(m->theta >= 0 && isfinite(m->theta))) return peri_fail(cx, PERI_ERR_VALUE, "process.gossip: theta must be >= 0, got %g", m->theta);
    if (!isfinite(m->gamma)) return peri_fail(cx, PERI_ERR_VALUE, "process.gossip: gamma must be finite, got %g", m->gamma);
    if (!isfinite(m->gammap)) return peri_fail(cx, PERI_ERR_VALUE, "process.gossip: gammap must be finite, got %g", m->gammap);
  }
  if (m->kind == PERI_GOSSIP_HEAVY_BALL && !(m->beta >= 0 && m->beta < 1))
    return peri_fail(cx, PERI_ERR_VALUE, "process.gossip: beta must lie in [0, 1), got %g", m->beta);
  return PERI_OK;
}

static peri_status check_plan(peri_ctx *cx, const peri_gossip_plan *p, int64_t replicas) {
  for (int64_t r = 0; r < p->records; r++) {
    double x = p->counts ? (double)p->counts[r] : p->times[r], before = r == 0 ? 0 : p->counts ? (double)p->counts[r - 1] : p->times[r - 1];
    const char *what = p->counts ? "event counts" : "times";
    if (!(x >= 0 && isfinite(x))) return peri_fail(cx, PERI_ERR_VALUE, "process.gossip: %s must be >= 0, got %.15g", what, x);
    if (x < before) return peri_fail(cx, PERI_ERR_VALUE, "process.gossip: %s must ascend, got %.15g after %.15g", what, x, before);
  }
  if (p->keep < 0 || p->keep > replicas)
    return peri_fail(cx, PERI_ERR_VALUE, "process.gossip: keep must lie in 0..%lld, the number of replicas, got %lld", (long long)replicas, (long long)p->keep);
  return PERI_OK;
}

/* ---- making ---- */

/* Powers until they no longer count beside 1, and no more than 2^20 of them. */
static peri_status make_powers(work *w) {
  double beta = w->how->beta;
  if (w->how->kind != PERI_GOSSIP_HEAVY_BALL) return PERI_OK;
  double count = beta > 0 ? ceil(-700 / log(beta)) + 1 : 1;
  w->powers.count = (int64_t)fmin(count, 1 << 20);
  size_t bytes = (size_t)w->powers.count * sizeof(double);
  if (!(w->powers.stay = peri_alloc(w->cx, bytes)) || !(w->powers.drift = peri_alloc(w->cx, bytes))) return w->cx->code;
  for (int64_t j = 0; j < w->powers.count; j++) {
    double l = (double)j * log(beta);
    w->powers.stay[j] = j == 0 ? 1 : exp(l);
    w->powers.drift[j] = j == 0 ? 0 : -beta * expm1(l) / (1 - beta);
  }
  return PERI_OK;
}

static peri_status make_ends(work *w) {
  const peri_graph *g = w->g;
  if (g->m < 1 || g->n > INT32_MAX) return peri_fail(w->cx, PERI_ERR_VALUE, "process.gossip: the graph has %lld nodes and %lld edges", (long long)g->n, (long long)g->m);
  if (!(w->ends = peri_alloc(w->cx, (size_t)g->m * sizeof *w->ends))) return w->cx->code;
  for (int64_t e = 0; e < g->m; e++) w->ends[e] = (pri_ends){(int32_t)g->u[e], (int32_t)g->v[e]};
  return PERI_OK;
}

static peri_status make_benches(work *w) {
  int64_t replicas = w->b->n;
  size_t n = (size_t)w->g->n;
  w->tasks = replicas < TASKS ? (int)replicas : TASKS;
  for (int i = 0; i < w->tasks; i++) {
    peri_stream any = peri_stream_root(0); /* each replica sets the clock anew */
    desk *a = w->at + i;
    if (!(a->clock = peri_clock_new(w->cx, w->g->w, w->g->m, &any)) || !(a->state = peri_alloc(w->cx, n * PRI_GOSSIP_NODE)) ||
        !(a->x = peri_alloc(w->cx, n * sizeof(double))) || !(a->z = peri_alloc(w->cx, n * sizeof(double))))
      return w->cx->code;
  }
  return PERI_OK;
}

static void drop(peri_ctx *cx, void *at, size_t size) {
  if (at) peri_free(cx, at, size);
}

static void close(work *w) {
  size_t n = (size_t)w->g->n, powers = (size_t)w->powers.count * sizeof(double);
  for (int i = 0; i < w->tasks; i++) {
    peri_clock_free(w->at[i].clock);
    drop(w->cx, w->at[i].state, n * PRI_GOSSIP_NODE);
    drop(w->cx, w->at[i].x, n * sizeof(double));
    drop(w->cx, w->at[i].z, n * sizeof(double));
  }
  drop(w->cx, w->ends, (size_t)w->g->m * sizeof *w->ends);
  drop(w->cx, w->powers.stay, powers);
  drop(w->cx, w->powers.drift, powers);
  peri_release(w->x0);
}

static void drop_record(peri_gossip_record *r) {
  peri_tensor *all[] = {r->energy, r->when, r->x, r->z};
  for (int i = 0; i < 4; i++) peri_release(all[i]);
  memset(r, 0, sizeof *r);
}

static peri_status make_record(const work *w, peri_gossip_record *r) {
  int64_t flat[2] = {w->plan->records, w->b->n}, deep[3] = {w->plan->records, w->plan->keep, w->g->n};
  if (!(r->energy = peri_new(w->cx, PERI_F64, 2, flat)) || !(r->when = peri_new(w->cx, PERI_F64, 2, flat))) return w->cx->code;
  if (w->plan->keep > 0 && (!(r->x = peri_new(w->cx, PERI_F64, 3, deep)) || !(r->z = peri_new(w->cx, PERI_F64, 3, deep)))) return w->cx->code;
  return PERI_OK;
}

/* ---- one replica ---- */

/* How many of the events at..filled of the batch come before record j. */
static int64_t due(const work *w, const pri_superposed *c, int64_t events, int64_t j) {
  int64_t left = c->filled - c->at, n = 0;
  if (w->plan->counts) return w->plan->counts[j] - events < left ? w->plan->counts[j] - events : left;
  if (left > 0 && c->t[c->filled - 1] <= w->plan->times[j]) return left;
  while (n < left && c->t[c->at + n] <= w->plan->times[j]) n++;
  return n;
}

static void put(const work *w, const pri_gossip_run *r, const desk *a, int64_t replica, int64_t j, double mean) {
  int64_t n = w->g->n, at = j * w->b->n + replica;
  bool kept = replica < w->plan->keep;
  double last = peri_clock_time(a->clock);
  pri_gossip_loops_of[w->how->kind].read(r, w->plan->counts ? last : w->plan->times[j], a->x, kept ? a->z : NULL);
  ((double *)w->out->energy->data)[at] = pri_energy(a->x, n, mean);
  ((double *)w->out->when->data)[at] = w->plan->counts ? last : (double)r->events;
  if (!kept) return;
  size_t bytes = (size_t)n * sizeof(double);
  int64_t row = (j * w->plan->keep + replica) * n;
  memcpy((double *)w->out->x->data + row, a->x, bytes);
  memcpy((double *)w->out->z->data + row, a->z, bytes);
}

static void replica(const work *w, const desk *a, int64_t i) {
  const pri_gossip_loops *loops = &pri_gossip_loops_of[w->how->kind];
  pri_gossip_run r = {.k = w->cx->k, .n = w->g->n, .ends = w->ends, .how = *w->how, .powers = &w->powers, .state = a->state};
  const double *x0 = (double *)w->x0->data + (w->x0->ndim == 2 ? i * w->g->n : 0);
  double mean = pri_mean(x0, r.n);
  peri_stream s = peri_block_stream(w->b, i);
  pri_superposed *c = (pri_superposed *)a->clock;
  pri_clock_restart(c, &s);
  loops->start(&r, x0);
  for (int64_t j = 0; j < w->plan->records;) {
    int64_t n = due(w, c, r.events, j);
    if (n > 0) {
      loops->events(&r, c, c->at, c->at + n);
      pri_clock_pass(c, n);
    }
    bool reached = w->plan->counts ? r.events == w->plan->counts[j] : c->at < c->filled;
    if (reached) put(w, &r, a, i, j++, mean);
    else {
      if (pri_stopped(w->cx)) return;
      pri_clock_refill(c);
    }
  }
}

static void task(void *ud, int64_t i) {
  const work *w = ud;
  for (int64_t j = i; j < w->b->n && !pri_stopped(w->cx); j += w->tasks) replica(w, w->at + i, j);
}

peri_status peri_gossip(peri_block *b, const peri_graph *g, const peri_gossip_method *how, peri_tensor *x0, const peri_gossip_plan *plan, peri_gossip_record *r) {
  peri_ctx *cx = b->cx;
  peri_gossip_method method = *how;
  if (method.kind == PERI_GOSSIP_CONTINUIZED && method.gamma == 0) method.gamma = 0.5;
  work w = {.cx = cx, .b = b, .g = g, .how = &method, .plan = plan, .out = r};
  memset(r, 0, sizeof *r);
  peri_status st = check_method(cx, &method);
  if (!st) st = check_plan(cx, plan, b->n);
  if (!st && !(w.x0 = pri_gossip_start(cx, "process.gossip", x0, g->n, b->n))) st = cx->code;
  if (!st) st = make_ends(&w);
  if (!st) st = make_powers(&w);
  if (!st) st = make_benches(&w);
  if (!st) st = make_record(&w, r);
  if (!st) {
    pri_parallel(cx, w.tasks, task, &w);
    st = peri_check_interrupt(cx);
  }
  close(&w);
  if (st) {
    drop_record(r);
    return st;
  }
  for (int64_t i = 0; i < b->n; i++) {
    peri_stream s = peri_block_stream(b, i);
    peri_stream_next(&s);
    b->row[i] = pri_pcg_of(&s);
  }
  return PERI_OK;
}
