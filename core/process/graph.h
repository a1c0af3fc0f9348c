/* graph.h - what the files on graphs share. */
#ifndef PRI_GRAPH_H
#define PRI_GRAPH_H

#include <perigee/graph.h>
#include "base/base.h"

/* Edges as they are found by a builder. */
typedef struct { peri_ctx *cx; int64_t m, room, *u, *v; } pri_edges;
peri_status pri_edges_start(pri_edges *e, peri_ctx *cx, int64_t room); /* a first guess; grows */
peri_status pri_edges_add(pri_edges *e, int64_t u, int64_t v);
void pri_edges_free(pri_edges *e);
/* The graph of these edges with rates 1/m, NULL on error; the list is freed in any case. */
peri_graph *pri_edges_graph(pri_edges *e, int64_t n);

/* PERI_OK if 1 <= n <= PRI_NODES, in the name of `who`. */
enum { PRI_NODES = 1 << 30 };
peri_status pri_check_nodes(peri_ctx *cx, const char *who, int64_t n);

/* Room for n doubles or integers; freed with the same n. */
static inline double *pri_doubles(peri_ctx *cx, int64_t n) { return peri_alloc(cx, (size_t)n * sizeof(double)); }
static inline int64_t *pri_integers(peri_ctx *cx, int64_t n) { return peri_alloc(cx, (size_t)n * sizeof(int64_t)); }
static inline void pri_drop(peri_ctx *cx, void *p, int64_t n) { if (p) peri_free(cx, p, (size_t)n * 8); }

/* Sums of fixed order. */
double pri_dot(int64_t n, const double *x, const double *y);
void pri_subtract_mean(int64_t n, double *x);

/* Conjugate gradients with the Laplacian of g (graph_solve.c): x from b as far as rounding allows, but not beyond tol; *reached is the relative
** residual. The factor d and the scratch vectors are lines of n doubles. */
typedef struct { const peri_graph *g; double *d, *r, *z, *p, *q; } pri_solver;
peri_status pri_open_solver(pri_solver *s, const peri_graph *g);
void pri_close_solver(pri_solver *s);
peri_status pri_solve(pri_solver *s, const double *b, double tol, double *x, double *reached);

/* Resistances of a connected graph: of a narrow one by its band (graph_band.c), which *narrow tells; one edge at a time by conjugate gradients. */
peri_status pri_band_resistances(const peri_graph *g, double *resistance, bool *narrow);
peri_status pri_sparse_resistances(const peri_graph *g, double *resistance);

/* graph_lanczos.c: count <= 4 eigenvectors (n, count) for the smallest non-zero eigenvalues, and these; or the largest eigenvalue alone. */
peri_status pri_graph_smallest(const peri_graph *g, int count, double *values, double *vectors);
peri_status pri_graph_largest(const peri_graph *g, double *value);

#endif
