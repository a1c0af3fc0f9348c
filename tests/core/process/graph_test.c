/* graph_test.c - graphs with a name: edges, degrees, spectra and resistances in closed form; Foster's theorem; components; bad edges. */
#include "../random/statistics.h"
#include <perigee/graph.h>
#include <stdlib.h>

static const double PI = 3.14159265358979323846;

static peri_graph *made(peri_ctx *cx, peri_graph *g) {
  if (!g) fail_msg("%s", peri_errmsg(cx));
  return g;
}

static int64_t degree(const peri_graph *g, int64_t i) { return g->start[i + 1] - g->start[i]; }

/* Edges and the extremes of the degrees. */
static void shape(const peri_graph *g, int64_t n, int64_t m, int64_t least, int64_t most) {
  int64_t low = g->n, high = 0;
  assert_int_equal(g->n, n);
  assert_int_equal(g->m, m);
  for (int64_t i = 0; i < n; i++) {
    int64_t d = degree(g, i);
    if (d < low) low = d;
    if (d > high) high = d;
    for (int64_t k = g->start[i]; k < g->start[i + 1]; k++) { /* the lists of neighbours are those of the edges, ascending */
      int64_t e = g->edge[k], j = g->neighbour[k];
      assert_true((g->u[e] == i && g->v[e] == j) || (g->u[e] == j && g->v[e] == i));
      assert_true(k == g->start[i] || g->neighbour[k - 1] < j);
    }
  }
  assert_int_equal(low, least);
  assert_int_equal(high, most);
  for (int64_t e = 0; e < m; e++) NEAR(g->w[e], 1. / (double)m, 1e-16);
}

static void named_graphs_have_their_edges(void **state) {
  peri_ctx *cx = *state;
  struct { peri_graph *g; int64_t n, m, least, most; } c[] = {
    {peri_graph_line(cx, 7), 7, 6, 1, 2}, {peri_graph_cycle(cx, 7), 7, 7, 2, 2}, {peri_graph_complete(cx, 7), 7, 21, 6, 6},
    {peri_graph_star(cx, 7), 7, 6, 1, 6}, {peri_graph_tree(cx, 13, 3), 13, 12, 1, 4}, {peri_graph_hypercube(cx, 4), 16, 32, 4, 4},
    {peri_graph_grid(cx, 2, (int64_t[]){4, 5}, false), 20, 31, 2, 4}, {peri_graph_grid(cx, 2, (int64_t[]){4, 5}, true), 20, 40, 4, 4},
    {peri_graph_grid(cx, 3, (int64_t[]){2, 3, 4}, true), 24, 60, 5, 5}, /* an axis of 2 is not closed */
    {peri_graph_line(cx, 1), 1, 0, 0, 0}};
  for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
    shape(made(cx, c[i].g), c[i].n, c[i].m, c[i].least, c[i].most);
    peri_graph_free(c[i].g);
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The spectrum against the sums of one value of each axis; m times the Laplacian of unit rates. */
static void spectrum(peri_ctx *cx, peri_graph *g, double (*eigenvalue)(int64_t, const int64_t *), const int64_t *dims) {
  double want[100];
  peri_tensor *values = MADE(peri_graph_eigenvalues(made(cx, g)));
  for (int64_t i = 0; i < g->n; i++) want[i] = eigenvalue(i, dims);
  qsort(want, (size_t)g->n, sizeof *want, ascending);
  for (int64_t i = 0; i < g->n; i++) NEAR(((double *)values->data)[i] * (double)g->m, want[i], 1e-12 * (1 + want[g->n - 1]));
  double gap, largest;
  EXPECT_OK(peri_graph_ends(g, &gap, &largest));
  NEAR(gap * (double)g->m, want[1], 1e-11);
  NEAR(largest * (double)g->m, want[g->n - 1], 1e-11 * want[g->n - 1]);
  peri_release(values);
  peri_graph_free(g);
}

static double of_line(int64_t k, const int64_t *n) { return 2 - 2 * cos(PI * (double)k / (double)n[0]); }
static double of_cycle(int64_t k, const int64_t *n) { return 2 - 2 * cos(2 * PI * (double)k / (double)n[0]); }
static double of_grid(int64_t k, const int64_t *n) { return of_line(k / n[1], n) + of_line(k % n[1], n + 1); }
static double of_torus(int64_t k, const int64_t *n) { return of_cycle(k / n[1], n) + of_cycle(k % n[1], n + 1); }
static double of_complete(int64_t k, const int64_t *n) { return k ? (double)n[0] : 0; }
static double of_star(int64_t k, const int64_t *n) { return k == 0 ? 0 : k == 1 ? (double)n[0] : 1; }
static double of_hypercube(int64_t k, const int64_t *n) { (void)n; return 2 * __builtin_popcountll((unsigned long long)k); }

static void spectra_are_the_closed_forms(void **state) {
  peri_ctx *cx = *state;
  static const int64_t dims[] = {9, 11}, ten[] = {10};
  spectrum(cx, peri_graph_line(cx, 10), of_line, ten);
  spectrum(cx, peri_graph_cycle(cx, 10), of_cycle, ten);
  spectrum(cx, peri_graph_complete(cx, 10), of_complete, ten);
  spectrum(cx, peri_graph_star(cx, 10), of_star, ten);
  spectrum(cx, peri_graph_hypercube(cx, 6), of_hypercube, NULL);
  spectrum(cx, peri_graph_grid(cx, 2, dims, false), of_grid, dims);
  spectrum(cx, peri_graph_grid(cx, 2, dims, true), of_torus, dims);
}

/* All R_e the same, in units of m: 1 on trees, (n - 1)/m by Foster where edges are alike. */
static void alike(peri_ctx *cx, peri_graph *g) {
  double want = (double)(made(cx, g)->n - 1) / (double)g->m * (double)g->m;
  peri_tensor *r = MADE(peri_graph_resistances(g));
  for (int64_t e = 0; e < g->m; e++) NEAR(((double *)r->data)[e], want, 1e-10 * want);
  peri_release(r);
  peri_graph_free(g);
}

static void resistances_are_the_closed_forms(void **state) {
  peri_ctx *cx = *state;
  alike(cx, peri_graph_line(cx, 1000));       /* narrow */
  alike(cx, peri_graph_tree(cx, 100, 2));     /* wide */
  alike(cx, peri_graph_tree(cx, 5000, 2));    /* beyond the dense limit */
  alike(cx, peri_graph_cycle(cx, 500));
  alike(cx, peri_graph_complete(cx, 40));
  alike(cx, peri_graph_star(cx, 40));
  alike(cx, peri_graph_hypercube(cx, 7));
  alike(cx, peri_graph_grid(cx, 2, (int64_t[]){12, 12}, true));
  alike(cx, peri_graph_line(cx, 2));
}

/* Random rates: Foster's sum w R = n - 1, and R_e = b' L^+ b by conjugate gradients. */
static void resistances_solve_the_laplacian(void **state) {
  peri_ctx *cx = *state;
  peri_stream s = peri_stream_root(2);
  peri_graph *all[] = {peri_graph_grid(cx, 2, (int64_t[]){6, 70}, false), peri_graph_grid(cx, 2, (int64_t[]){20, 21}, false), peri_graph_regular(cx, 200, 3, &s)};
  for (int i = 0; i < 3; i++) {
    peri_graph *g = made(cx, all[i]);
    double w[1000], b[500] = {0}, x[500], sum = 0;
    for (int64_t e = 0; e < g->m; e++) {
      EXPECT_OK(peri_draw(cx, &s, peri_exponential(1), &w[e]));
      w[e] += 0.01;
    }
    EXPECT_OK(peri_graph_set_weights(g, w));
    peri_tensor *r = MADE(peri_graph_resistances(g));
    const double *R = r->data;
    for (int64_t e = 0; e < g->m; e++) sum += w[e] * R[e];
    NEAR(sum, (double)(g->n - 1), 1e-9 * (double)g->n);
    for (int64_t e = 0; e < g->m; e += 17) {
      b[g->u[e]] = 1, b[g->v[e]] = -1;
      EXPECT_OK(peri_graph_solve(g, b, 1e-12, x));
      NEAR(R[e], x[g->u[e]] - x[g->v[e]], 1e-9 * R[e]);
      b[g->u[e]] = b[g->v[e]] = 0;
    }
    peri_release(r);
    peri_graph_free(g);
  }
}

static void parts_are_found_and_named(void **state) {
  peri_ctx *cx = *state;
  int64_t u[] = {0, 1, 4}, v[] = {1, 2, 5}, label[6];
  peri_graph *g = made(cx, peri_graph_new(cx, 6, 3, u, v, NULL));
  assert_int_equal(peri_graph_components(g, label), 3);
  for (int i = 0; i < 6; i++) assert_int_equal(label[i], i < 3 ? 0 : i == 3 ? 1 : 2);
  EXPECT_FAILS(peri_graph_resistances(g), PERI_ERR_VALUE, "process.graph.effective_resistances");
  EXPECT_FAILS(peri_graph_resistances(g), PERI_ERR_VALUE, "3 components");
  peri_graph_free(g);
  double w[] = {1, -2, 1};
  EXPECT_FAILS(peri_graph_new(cx, 6, 3, u, v, w), PERI_ERR_VALUE, "-2");
  v[1] = 6;
  EXPECT_FAILS(peri_graph_new(cx, 6, 3, u, v, NULL), PERI_ERR_VALUE, "edge");
  v[1] = 1;
  EXPECT_FAILS(peri_graph_new(cx, 6, 3, u, v, NULL), PERI_ERR_VALUE, "edge");
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(named_graphs_have_their_edges), TEST(spectra_are_the_closed_forms), TEST(resistances_are_the_closed_forms),
    TEST(resistances_solve_the_laplacian), TEST(parts_are_found_and_named)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
