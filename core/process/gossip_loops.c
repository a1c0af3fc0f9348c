/* gossip_loops.c - the three event loops of gossip, O(1) an event.
**
** Continuized. Mixing keeps s = (x + z) / 2 and shrinks x - z by e^(-2 theta t). So a node stores s and
**     d = (x - z) e^(2 theta (t - since)),
** neither of which changes between its events: x = s + d E / 2 and z = s - d E / 2 with one E = e^(-2 theta (t - since)) an event, the
** same for both ends, made for a whole batch by the vector kernel. With D the difference across the edge the event is
**     s -= (gamma + gamma') / 2 D,   d -= (gamma - gamma') D / E      at v, and the opposite at w.
** `since` moves on when the exponent has grown to REACH; that costs O(n) and is due every REACH / (2 theta) units of time, far more than n
** events with the theta of the method, which is at most 1 / (n - 1).
**
** Heavy ball. At a node that does not ring x_{k+1} = x_k + beta (x_k - x_{k-1}), so with u = x_k - x_{k-1}, j events later
**     x = x_k + u beta (1 - beta^j) / (1 - beta),   u = beta^j u.
*/
#include "process/gossip.h"
#include <math.h>

/* ---- simple ---- */

static void simple_start(pri_gossip_run *r, const double *x) { memcpy(r->state, x, (size_t)r->n * sizeof *x); }

static void simple_events(pri_gossip_run *r, const pri_superposed *c, int64_t from, int64_t to) {
  double *x = r->state;
  for (int64_t i = from; i < to; i++) {
    pri_ends e = r->ends[c->index[i]];
    x[e.v] = x[e.w] = (x[e.v] + x[e.w]) / 2;
  }
  r->events += to - from;
}

static void simple_read(const pri_gossip_run *r, double t, double *x, double *z) {
  (void)t;
  memcpy(x, r->state, (size_t)r->n * sizeof *x);
  if (z) memcpy(z, x, (size_t)r->n * sizeof *z);
}

/* ---- continuized ---- */

static const double REACH = 32; /* exponents go up to twice that */

typedef struct { double s, d; } mixed;

static double exp_of(const pri_gossip_run *r, double x) {
  double y;
  r->k->map1[PRI_MAP1_exp][PERI_F64](&y, &x, 1);
  return y;
}

static void continuized_start(pri_gossip_run *r, const double *x) {
  mixed *node = r->state;
  for (int64_t v = 0; v < r->n; v++) node[v] = (mixed){x[v], 0};
  r->since = 0;
}

/* Lets the differences refer to time t. */
static void move_on(pri_gossip_run *r, double t) {
  mixed *node = r->state;
  double shrink = exp_of(r, -2 * r->how.theta * (t - r->since));
  for (int64_t v = 0; v < r->n; v++) node[v].d *= shrink;
  r->since = t;
}

static void continuized_stretch(pri_gossip_run *r, const pri_superposed *c, int64_t from, int64_t to) {
  double shrunk[PRI_CLOCK_BATCH], rate = -2 * r->how.theta, a = (r->how.gamma + r->how.gammap) / 2, b = r->how.gamma - r->how.gammap;
  mixed *node = r->state;
  if (from >= to) return;
  for (int64_t i = from; i < to; i++) shrunk[i] = rate * (c->t[i] - r->since);
  r->k->map1[PRI_MAP1_exp][PERI_F64](shrunk + from, shrunk + from, to - from);
  for (int64_t i = from; i < to; i++) {
    pri_ends e = r->ends[c->index[i]];
    mixed *v = node + e.v, *w = node + e.w;
    double E = shrunk[i], D = (v->s - w->s) + E / 2 * (v->d - w->d), ds = a * D, dd = b * D / E;
    v->s -= ds, w->s += ds;
    v->d -= dd, w->d += dd;
  }
}

static void continuized_events(pri_gossip_run *r, const pri_superposed *c, int64_t from, int64_t to) {
  double reach = REACH / (2 * r->how.theta);
  r->events += to - from;
  while (from < to) {
    if (c->t[from] - r->since > reach) move_on(r, c->t[from]);
    int64_t end = to;
    if (c->t[to - 1] - r->since > 2 * reach)
      for (end = from; c->t[end] - r->since <= 2 * reach;) end++;
    continuized_stretch(r, c, from, end);
    from = end;
  }
}

static void continuized_read(const pri_gossip_run *r, double t, double *x, double *z) {
  const mixed *node = r->state;
  double half = exp_of(r, -2 * r->how.theta * (t - r->since)) / 2;
  for (int64_t v = 0; v < r->n; v++) {
    x[v] = node[v].s + half * node[v].d;
    if (z) z[v] = node[v].s - half * node[v].d;
  }
}

/* ---- heavy ball ---- */

typedef struct {
  double x, u;  /* just after event number `last` of the whole run: the value, and by how much that event changed it */
  int64_t last;
} rolling;

static void heavy_start(pri_gossip_run *r, const double *x) {
  rolling *node = r->state;
  for (int64_t v = 0; v < r->n; v++) node[v] = (rolling){x[v], 0, 0};
}

static inline rolling after(const pri_gossip_run *r, rolling node, int64_t event) {
  int64_t idle = event - node.last;
  if (idle >= r->powers->count) return (rolling){node.x + node.u * (r->how.beta / (1 - r->how.beta)), 0, event};
  return (rolling){node.x + node.u * r->powers->drift[idle], node.u * r->powers->stay[idle], event};
}

static void heavy_events(pri_gossip_run *r, const pri_superposed *c, int64_t from, int64_t to) {
  rolling *node = r->state;
  double beta = r->how.beta;
  for (int64_t i = from; i < to; i++) {
    pri_ends e = r->ends[c->index[i]];
    rolling v = after(r, node[e.v], r->events), w = after(r, node[e.w], r->events);
    double mean = (v.x + w.x) / 2, xv = mean + beta * v.u, xw = mean + beta * w.u;
    r->events++;
    node[e.v] = (rolling){xv, xv - v.x, r->events};
    node[e.w] = (rolling){xw, xw - w.x, r->events};
  }
}

static void heavy_read(const pri_gossip_run *r, double t, double *x, double *z) {
  const rolling *node = r->state;
  (void)t;
  for (int64_t v = 0; v < r->n; v++) {
    x[v] = after(r, node[v], r->events).x;
    if (z) z[v] = x[v];
  }
}

const pri_gossip_loops pri_gossip_loops_of[3] = {{simple_start, simple_events, simple_read},
                                                 {continuized_start, continuized_events, continuized_read},
                                                 {heavy_start, heavy_events, heavy_read}};
