/* perigee/gossip.h (process) - averaging by gossip: nodes of a graph hold numbers and meet in pairs, whenever the clock of an edge rings.
**
** Edge e of the graph rings at rate w[e]. With d the difference across it, what happens is
**     simple       x_v -= d/2, x_w += d/2: both take their mean (Boyd, Ghosh, Prabhakar & Shah 2006);
**     continuized  each node mixes x and z since its last event, dx = theta (z - x) dt, dz = theta (x - z) dt, and then
**                  x_v -= gamma d, x_w += gamma d, z_v -= gamma' d, z_w += gamma' d. No node knows how many events there were
**                  (Even et al. 2021): theta = sqrt(mu / (2 R)), gamma = 1/2, gamma' = 1 / sqrt(2 mu R), with mu the
**                  spectral gap of the Laplacian and R its largest effective resistance;
**     heavy ball   x becomes gossip(x) + beta (x - x before the last event), at all nodes (Loizou & Richtarik 2021).
** An event costs O(1) in all three: between its events a node follows a formula in the time, or in the number of events.
*/
#ifndef PERIGEE_GOSSIP_H
#define PERIGEE_GOSSIP_H

#include <perigee/graph.h>
#include <perigee/random.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { PERI_GOSSIP_SIMPLE, PERI_GOSSIP_CONTINUIZED, PERI_GOSSIP_HEAVY_BALL } peri_gossip_kind;

typedef struct {
  peri_gossip_kind kind;
  double theta, gamma, gammap; /* continuized: theta >= 0, all finite; gamma = 0 stands for 1/2 */
  double beta;                 /* heavy ball: 0 <= beta < 1 */
} peri_gossip_method;

/* What to keep: at event counts[r] (just after it; 0: the start) or, if counts is NULL, at times[r]; either ascending, >= 0. All nodes
** are read as they stand at that moment, without disturbing the run. */
typedef struct {
  int64_t records;
  const int64_t *counts;
  const double *times;
  int64_t keep; /* of the first so many replicas also the values */
} peri_gossip_plan;

/* New tensors. */
typedef struct {
  peri_tensor *energy; /* (records, replicas): sum_v (x_v - mean of x0)^2 */
  peri_tensor *when;   /* (records, replicas): the time of the last event, or the number of events so far as f64 */
  peri_tensor *x, *z;  /* (records, keep, n); z as x for methods without it; NULL if keep is 0 */
} peri_gossip_record;

/* One run a row of the block, from x = z = x0, (n) or (replicas, n). Replica i is a function of stream i, one word of which chooses
** its clock (the one that peri_clock_new would make of the graph's rates): results depend neither on the other rows nor on the
** threads. The graph needs an edge. After an error r holds NULLs and the block is where it was. */
PERI_API peri_status peri_gossip(peri_block *b, const peri_graph *g, const peri_gossip_method *how, peri_tensor *x0, const peri_gossip_plan *plan,
                                 peri_gossip_record *r);

/* Synchronous rounds, in which each node hears all its neighbours: x <- W x with W = I - 2 / (low + high) L, or (shift_register) the second
** order x_{k+1} = omega W x_k + (1 - omega) x_{k-1}, x_1 = W x_0, omega = 2 / (1 + sqrt(1 - rho^2)), rho = (high - low) / (high + low)
** (Muthukrishnan, Ghosh & Schultz 1998). L is the graph's Laplacian, low and high its smallest non-zero and largest eigenvalue
** (peri_graph_ends): 0 < low <= high; equal rates of any size give the same W. energy: (rounds + 1) f64, entry k that of x_k. x (the values of
** all rounds, (rounds + 1, n)) may be NULL. x0 is (n). */
PERI_API peri_status peri_gossip_rounds(const peri_graph *g, peri_tensor *x0, bool shift_register, double low, double high, int64_t rounds,
                                        peri_tensor **energy, peri_tensor **x);

#ifdef __cplusplus
}
#endif
#endif
