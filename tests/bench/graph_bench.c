/* graph_bench.c - effective resistances of 1000 nodes. A random regular graph is wide, so they need a Cholesky factor of order 999 and its
** inverse; a torus is narrow, and is timed against the factor alone. Both by LAPACK, of the same matrix. */
#include "bench.h"
#include "linalg/lapack.h"
#include <perigee/graph.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  peri_graph *g;
  double *laplacian, *a; /* (n, n); scratch of order n - 1 */
  int order, inverse;
} task;

static void ours(void *ud) {
  peri_tensor *r = peri_graph_resistances(((task *)ud)->g);
  if (!r) exit(1);
  peri_release(r);
}

static void lapack(void *ud) {
  task *t = ud;
  int info = 0;
  for (int j = 0; j < t->order; j++) memcpy(t->a + (size_t)j * t->order, t->laplacian + (size_t)j * (t->order + 1), sizeof(double) * t->order);
  dpotrf_("L", &t->order, t->a, &t->order, &info, 1);
  if (!info && t->inverse) dtrtri_("L", "N", &t->order, t->a, &t->order, &info, 1, 1);
  if (info) exit(1);
}

static void measure(peri_graph *g, int inverse, const char *name, const char *yard) {
  peri_tensor *L = g ? peri_graph_laplacian(g) : NULL;
  if (!L) exit(1);
  task t = {g, L->data, malloc(sizeof(double) * 999 * 999), 999, inverse};
  bench_case(name, ours, lapack, yard, &t, 1, "ratio", 1.3);
  free(t.a);
  peri_release(L);
  peri_graph_free(g);
}

int main(void) {
  peri_ctx *cx = peri_open(NULL);
  peri_stream s = peri_stream_root(1);
  measure(peri_graph_regular(cx, 1000, 4, &s), 1, "effective resistances, random regular, 1000 nodes", "factor and inverse");
  measure(peri_graph_grid(cx, 2, (int64_t[]){25, 40}, true), 0, "effective resistances, torus 25 x 40", "factor");
  peri_close(cx);
  return 0;
}
