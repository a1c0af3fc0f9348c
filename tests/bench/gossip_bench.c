/* gossip_bench.c - an event of gossip on a line of 1000 nodes, against a plain loop with the same generator: a uniform gap by -log, an edge by
** the high half of a product, both nodes mixed by expm1 since their last events. The bar is 8 ns an event. */
#include "bench.h"
#include <perigee/gossip.h>
#include <stdlib.h>
#include <string.h>

enum { NODES = 1000, EVENTS = 1 << 19 };

typedef struct {
  peri_ctx *cx;
  peri_graph *g;
  peri_tensor *x0;
  peri_gossip_method how;
} task;

static void ours(void *ud) {
  task *t = ud;
  int64_t k = EVENTS;
  peri_stream s = peri_stream_root(1);
  peri_block *b = peri_block_new(t->cx, &s, "run", 0, 1);
  peri_gossip_record r;
  if (!b || peri_gossip(b, t->g, &t->how, t->x0, &(peri_gossip_plan){.records = 1, .counts = &k}, &r)) exit(1);
  peri_release(r.energy), peri_release(r.when);
  peri_block_free(b);
}

static void plain(void *ud) {
  static double x[NODES], z[NODES], last[NODES];
  static double volatile sink;
  const task *t = ud;
  peri_stream s = peri_stream_root(1);
  double now = 0;
  memcpy(x, t->x0->data, sizeof x), memcpy(z, t->x0->data, sizeof z), memset(last, 0, sizeof last);
  for (int k = 0; k < EVENTS; k++) {
    now -= log(((double)(peri_stream_next(&s) >> 12) + 0.5) * 0x1p-52);
    int64_t e = (int64_t)((unsigned __int128)peri_stream_next(&s) * (NODES - 1) >> 64), ends[2] = {t->g->u[e], t->g->v[e]};
    for (int i = 0; i < 2 && t->how.kind == PERI_GOSSIP_CONTINUIZED; i++) {
      int64_t v = ends[i];
      double c = -expm1(-2 * t->how.theta * (now - last[v])) / 2, a = x[v];
      x[v] = a + c * (z[v] - a), z[v] = z[v] + c * (a - z[v]), last[v] = now;
    }
    double d = x[ends[0]] - x[ends[1]];
    x[ends[0]] -= d / 2, x[ends[1]] += d / 2;
    if (t->how.kind == PERI_GOSSIP_CONTINUIZED) z[ends[0]] -= t->how.gammap * d, z[ends[1]] += t->how.gammap * d;
  }
  sink = x[0];
  (void)sink;
}

int main(void) {
  task t = {.cx = peri_open(NULL)};
  int64_t n = NODES;
  double mu, R = NODES - 1;
  t.g = peri_graph_line(t.cx, n);
  t.x0 = peri_full(t.cx, PERI_F64, 1, &n, -1. / NODES);
  if (!t.g || !t.x0 || peri_graph_ends(t.g, &mu, NULL)) return 1;
  ((double *)t.x0->data)[0] += 1;
  t.how = (peri_gossip_method){.kind = PERI_GOSSIP_CONTINUIZED, .theta = sqrt(mu / 2 / R), .gammap = 1 / sqrt(2 * mu * R)};
  bench_case("gossip, continuized, an event, 1000 nodes", ours, plain, "plain C loop", &t, EVENTS, "ns", 8);
  t.how.kind = PERI_GOSSIP_SIMPLE;
  bench_case("gossip, simple, an event, 1000 nodes", ours, plain, "plain C loop", &t, EVENTS, "ns", 8);
  peri_release(t.x0);
  peri_graph_free(t.g);
  peri_close(t.cx);
  return 0;
}
