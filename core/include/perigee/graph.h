/* perigee/graph.h (process) - graphs with rates on their edges: builders, Laplacians, spectra, effective resistances.
**
** Edge e joins u[e] and v[e] and is activated at rate w[e] (its conductance). With b_e = e_u - e_v the Laplacian is
**     L = sum_e w_e b_e b_e',
** its smallest non-zero eigenvalue mu the spectral gap, and R_e = b_e' L^+ b_e the effective resistance between the ends of e. On a
** connected graph sum_e w_e R_e = n - 1 (Foster, 1949). Nodes and edges count from 0 here, and from 1 in messages and in Lua.
*/
#ifndef PERIGEE_GRAPH_H
#define PERIGEE_GRAPH_H

#include <perigee/random.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { PERI_PLACED_NOWHERE, PERI_PLACED_GIVEN, PERI_PLACED_ON_CIRCLE } peri_placement;

typedef struct peri_graph { /* read freely; written by the functions below only */
  peri_ctx *cx;
  int64_t n, m;                       /* nodes >= 1, edges */
  int64_t *u, *v;                     /* (m) ends, different; no two edges join the same nodes */
  double *w;                          /* (m) rates, positive and finite; 1/m each if not given */
  int64_t *start, *neighbour, *edge;  /* at node i, for start[i] <= k < start[i + 1], ascending in the neighbour: edge[k] leads to neighbour[k] */
  int dim;                            /* coordinates a node */
  double *position;                   /* (n, dim), or NULL if the graph was not built in a space */
  peri_placement placement;
} peri_graph;

/* A graph of n nodes and m edges. w: (m), or NULL for 1/m each. The arrays are copied. PERI_ERR_VALUE names the edge that leaves the
** graph, joins a node to itself, repeats another one, or has a rate that is not positive and finite. */
PERI_API peri_graph *peri_graph_new(peri_ctx *cx, int64_t n, int64_t m, const int64_t *u, const int64_t *v, const double *w);
PERI_API peri_graph *peri_graph_copy(const peri_graph *g);
PERI_API void peri_graph_free(peri_graph *g); /* NULL is fine */

/* Other rates for the edges, in their order; checked as above, and the old ones stay after an error. */
PERI_API peri_status peri_graph_set_weights(peri_graph *g, const double *w);
/* Coordinates for drawing, (n, dim), finite; 1 <= dim <= PERI_MAXDIM. Copied. */
PERI_API peri_status peri_graph_place(peri_graph *g, int dim, const double *position);

/* ---- graphs with a name; the rates are 1/m ---- */

PERI_API peri_graph *peri_graph_line(peri_ctx *cx, int64_t n);
PERI_API peri_graph *peri_graph_cycle(peri_ctx *cx, int64_t n);                  /* n >= 3 */
PERI_API peri_graph *peri_graph_complete(peri_ctx *cx, int64_t n);
PERI_API peri_graph *peri_graph_star(peri_ctx *cx, int64_t n);                   /* node 0 is the centre */
PERI_API peri_graph *peri_graph_tree(peri_ctx *cx, int64_t n, int64_t arity);    /* the parent of i >= 1 is (i - 1) / arity */
PERI_API peri_graph *peri_graph_hypercube(peri_ctx *cx, int d);                  /* 2^d nodes; i and j are joined if one bit differs */
/* Points of a box of nd sides, C order, joined along the axes; on a torus the ends of each axis of length 3 or more are joined too. */
PERI_API peri_graph *peri_graph_grid(peri_ctx *cx, int nd, const int64_t *dims, bool torus);

/* ---- random graphs; the stream is where it was after an error ---- */

/* Every node has d neighbours, 0 <= d < n, n d even. A pairing of n d half-edges (Bollobas 1980), drawn up to 1000 times until it is a graph,
** which is exactly uniform and nearly always succeeds for d <= 4; otherwise loops and repetitions are removed by random switchings (McKay &
** Wormald 1990), which is close to uniform for n much larger than d^2. */
PERI_API peri_graph *peri_graph_regular(peri_ctx *cx, int64_t n, int64_t d, peri_stream *s);
/* Erdos-Renyi graphs: each pair of nodes with probability p, in O(n + m); and m of the pairs, every set alike. */
PERI_API peri_graph *peri_graph_gnp(peri_ctx *cx, int64_t n, double p, peri_stream *s);
PERI_API peri_graph *peri_graph_gnm(peri_ctx *cx, int64_t n, int64_t m, peri_stream *s);
/* Preferential attachment (Barabasi & Albert 1999): from a complete graph of k + 1 nodes, each further node is joined to k different ones,
** drawn in proportion to their degrees. 1 <= k < n. */
PERI_API peri_graph *peri_graph_barabasi_albert(peri_ctx *cx, int64_t n, int64_t k, peri_stream *s);
/* n uniform points of the unit cube (kept in position), joined if nearer than r; distances on the torus if asked for. 1 <= dim <= PERI_MAXDIM. */
PERI_API peri_graph *peri_graph_geometric(peri_ctx *cx, int64_t n, int dim, double r, bool torus, peri_stream *s);

/* ---- what is connected ---- */

/* The number of components; label (n), unless NULL, gets the component of each node, counted from 0 by their first nodes. -1 on error. */
PERI_API int64_t peri_graph_components(const peri_graph *g, int64_t *label);
/* PERI_OK, or PERI_ERR_VALUE in the name of `who`: how many components there are and a node of each. */
PERI_API peri_status peri_graph_require_connected(const peri_graph *g, const char *who);

/* ---- Laplacians ---- */

PERI_API peri_tensor *peri_graph_laplacian(const peri_graph *g);                 /* dense (n, n) f64 */
PERI_API void peri_graph_apply(const peri_graph *g, const double *x, double *y); /* y = L x, both (n) */

/* x with L x = b - mean(b) and mean(x) = 0, for a connected graph, by conjugate gradients behind a modified incomplete factor, until
** |b - mean(b) - L x| <= tol |b - mean(b)|. PERI_ERR_NUMERIC, naming the residual, if rounding does not let it get there. x, b: (n). */
PERI_API peri_status peri_graph_solve(const peri_graph *g, const double *b, double tol, double *x);

/* All eigenvalues of L, ascending (n); dense, O(n^3). */
PERI_API peri_tensor *peri_graph_eigenvalues(const peri_graph *g);
/* The smallest non-zero eigenvalue and the largest, of a connected graph with n >= 2. Up to 1000 nodes from the dense matrix; above, by Lanczos with
** the pseudo-inverse and with L, until the residual is below 1e-8 (gap; its error is the square of that) and 1e-5 of the eigenvalue.
** Either pointer may be NULL. */
PERI_API peri_status peri_graph_ends(const peri_graph *g, double *gap, double *largest);

/* R_e of each edge of a connected graph, (m). Of a narrow graph, whose breadth-first order has a bandwidth b <= n / 8 (lines, rings, grids), from
** a band Cholesky factor in n b^2 operations; of another up to PERI_GRAPH_DENSE nodes from the inverse Cholesky factor of L without one row and
** column. Above, trees hanging off the rest are cut (R_e = 1 / w_e there) and each other edge is a system solved by conjugate gradients to
** |residual| <= 1e-9 |b|, whose R_e is off by the square of the error of x: relative 1e-9 and better. */
enum { PERI_GRAPH_DENSE = 4000 };
PERI_API peri_tensor *peri_graph_resistances(const peri_graph *g);

/* Points of the plane for drawing, (n, 2): the given positions (one coordinate: on a line; three or more: projected), or those that the builder
** chose, or two eigenvectors of the graph with all rates 1 (Hall 1970), or a circle if it is not connected. */
PERI_API peri_tensor *peri_graph_layout(const peri_graph *g);

#ifdef __cplusplus
}
#endif
#endif
