/* gossip.h - a gossip run as its event loops see it. */
#ifndef PRI_GOSSIP_H
#define PRI_GOSSIP_H

#include <perigee/gossip.h>
#include "process/clock.h"

typedef struct { int32_t v, w; } pri_ends;

/* The powers of heavy ball: stay[j] = beta^j, drift[j] = beta (1 - beta^j) / (1 - beta), j < count; from there on 0 and beta / (1 - beta). */
typedef struct { int64_t count; double *stay, *drift; } pri_powers;

/* One run. A method's state is what its own file-local records say; `state` has room for n of the largest. */
typedef struct {
  const pri_kernels *k;
  int64_t n;
  const pri_ends *ends;
  peri_gossip_method how;
  const pri_powers *powers;
  int64_t events; /* so far */
  double since;   /* continuized: the time to which the scaled differences refer */
  void *state;
} pri_gossip_run;

typedef struct {
  void (*start)(pri_gossip_run *r, const double *x);
  void (*events)(pri_gossip_run *r, const pri_superposed *c, int64_t from, int64_t to); /* of c's batch; r->events is then to - from more */
  void (*read)(const pri_gossip_run *r, double t, double *x, double *z);            /* all nodes at time t, no earlier than the last event */
} pri_gossip_loops;

enum { PRI_GOSSIP_NODE = 24 };                   /* bytes of state a node, at most */
extern const pri_gossip_loops pri_gossip_loops_of[3]; /* by peri_gossip_kind */

/* gossip_rounds.c: x0 as a contiguous f64 tensor of shape (n) or, if replicas > 0, perhaps (replicas, n); NULL on error. */
peri_tensor *pri_gossip_start(peri_ctx *cx, const char *who, peri_tensor *x0, int64_t n, int64_t replicas);
double pri_mean(const double *x, int64_t n);
double pri_energy(const double *x, int64_t n, double mean); /* sum (x - mean)^2 */

#endif
