/* graph.c - graphs with rates on their edges.
**
**     local g = process.graph.grid { 8, 8 }
**     local mu, rmax = g:spectral_gap(), g:r_max()
*/
#include "graph_lua.h"
#include "peri_lua.h"
#include "random_lua.h"
#include <math.h>
#include <perigee/io.h>

#define CLASS "process.graph"

peri_graph *check_graph(lua_State *L, int idx) {
  peri_graph **g = luaL_checkudata(L, idx, "perigee." CLASS);
  if (!*g) luaL_argerror(L, idx, "this graph has been closed");
  glue_of(L)->L = L;
  return *g;
}

static peri_graph **new_graph(lua_State *L) {
  peri_graph **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, "perigee." CLASS);
  glue_of(L)->L = L;
  return box;
}
static int finish_graph(lua_State *L, peri_graph *const *box) { return *box ? 1 : raise_core(L, glue_of(L)->cx); }

/* ---- graphs with a name ---- */

static int of_size(lua_State *L, const char *who, peri_graph *(*make)(peri_ctx *cx, int64_t n)) {
  int64_t n = check_integer(L, 1, who, "the number of nodes");
  peri_graph **box = new_graph(L);
  *box = make(glue_of(L)->cx, n);
  return finish_graph(L, box);
}
static int l_line(lua_State *L) { return of_size(L, "process.graph.line", peri_graph_line); }
static int l_cycle(lua_State *L) { return of_size(L, "process.graph.cycle", peri_graph_cycle); }
static int l_complete(lua_State *L) { return of_size(L, "process.graph.complete", peri_graph_complete); }
static int l_star(lua_State *L) { return of_size(L, "process.graph.star", peri_graph_star); }

static int l_tree(lua_State *L) {
  int64_t n = check_integer(L, 1, "process.graph.tree", "the number of nodes");
  int64_t arity = lua_isnoneornil(L, 2) ? 2 : check_integer(L, 2, "process.graph.tree", "the arity");
  peri_graph **box = new_graph(L);
  *box = peri_graph_tree(glue_of(L)->cx, n, arity);
  return finish_graph(L, box);
}

static int box_graph(lua_State *L, const char *who, bool torus) {
  int64_t dims[PERI_MAXDIM];
  int nd = check_dims(L, 1, who, dims);
  peri_graph **box = new_graph(L);
  *box = peri_graph_grid(glue_of(L)->cx, nd, dims, torus);
  return finish_graph(L, box);
}
static int l_grid(lua_State *L) { return box_graph(L, "process.graph.grid", false); }
static int l_torus(lua_State *L) { return box_graph(L, "process.graph.torus", true); }

static int l_hypercube(lua_State *L) {
  int64_t d = check_integer(L, 1, "process.graph.hypercube", "the dimension");
  peri_graph **box = new_graph(L);
  *box = peri_graph_hypercube(glue_of(L)->cx, d < -1 ? -1 : d > 64 ? 64 : (int)d);
  return finish_graph(L, box);
}

/* ---- random graphs ---- */

static int l_regular(lua_State *L) {
  static const char who[] = "process.graph.random_regular";
  int64_t n = check_integer(L, 1, who, "the number of nodes"), d = check_integer(L, 2, who, "the degree");
  peri_stream *s = check_stream(L, 3);
  peri_graph **box = new_graph(L);
  *box = peri_graph_regular(glue_of(L)->cx, n, d, s);
  return finish_graph(L, box);
}

static int l_erdos_renyi(lua_State *L) {
  static const char *const options[] = {"p", "m", NULL};
  static const char who[] = "process.graph.erdos_renyi";
  int64_t n = check_integer(L, 1, who, "the number of nodes");
  peri_stream *s = check_stream(L, 3);
  check_options(L, 2, who, options);
  double p = opt_number(L, 2, who, "p", NAN);
  int64_t m = opt_integer(L, 2, who, "m", INT64_MIN);
  if (isnan(p) == (m == INT64_MIN)) return luaL_error(L, "%s: give either p, the probability of an edge, or m, their number", who);
  peri_graph **box = new_graph(L);
  *box = isnan(p) ? peri_graph_gnm(glue_of(L)->cx, n, m, s) : peri_graph_gnp(glue_of(L)->cx, n, p, s);
  return finish_graph(L, box);
}

static int l_barabasi_albert(lua_State *L) {
  static const char who[] = "process.graph.barabasi_albert";
  int64_t n = check_integer(L, 1, who, "the number of nodes"), k = check_integer(L, 2, who, "the number of edges of a new node");
  peri_stream *s = check_stream(L, 3);
  peri_graph **box = new_graph(L);
  *box = peri_graph_barabasi_albert(glue_of(L)->cx, n, k, s);
  return finish_graph(L, box);
}

static int l_geometric(lua_State *L) {
  static const char *const options[] = {"dim", "torus", NULL};
  static const char who[] = "process.graph.geometric";
  int64_t n = check_integer(L, 1, who, "the number of nodes");
  double r = luaL_checknumber(L, 2);
  peri_stream *s = check_stream(L, 3);
  check_options(L, 4, who, options);
  int64_t dim = opt_integer(L, 4, who, "dim", 2);
  bool torus = opt_boolean(L, 4, who, "torus", false);
  peri_graph **box = new_graph(L);
  *box = peri_graph_geometric(glue_of(L)->cx, n, dim < 0 || dim > 64 ? 64 : (int)dim, r, torus, s);
  return finish_graph(L, box);
}

/* ---- from a list of edges ---- */

/* The table (m, 2) or (m, 3) of argument 1, contiguous f64, from a file or from numbers; pushed. */
static peri_tensor *edge_table(lua_State *L, const char *who) {
  peri_tensor **box;
  if (lua_type(L, 1) == LUA_TSTRING) {
    box = new_box(L);
    peri_csv csv;
    if (peri_csv_read(glue_of(L)->cx, lua_tostring(L, 1), NULL, &csv)) raise_core(L, glue_of(L)->cx);
    *box = peri_retain(csv.values);
    peri_csv_close(&csv);
  } else {
    peri_tensor *t = to_tensor(L, 1, who, PERI_F64);
    box = new_box(L);
    *box = peri_contiguous(t);
    if (!*box) raise_core(L, glue_of(L)->cx);
  }
  peri_tensor *t = *box;
  if (t->ndim == 1 && t->size == 0) return t;
  if (t->ndim != 2 || t->dims[1] < 2 || t->dims[1] > 3)
    luaL_error(L, "%s: edges must be (m, 2), their ends, or (m, 3), ends and rate; got shape %s", who, peri_shape(t));
  return t;
}

/* Column c of the table as nodes from 0, an i64 tensor; pushed. */
static int64_t *node_column(lua_State *L, const char *who, const peri_tensor *table, int c, int64_t *largest) {
  int64_t m = table->ndim == 2 ? table->dims[0] : 0;
  const double *x = table->data;
  peri_tensor **box = new_box(L);
  *box = peri_new(glue_of(L)->cx, PERI_I64, 1, &m);
  if (!*box) raise_core(L, glue_of(L)->cx);
  int64_t *node = (*box)->data;
  for (int64_t e = 0; e < m; e++) {
    double i = x[e * table->dims[1] + c];
    if (!(i == floor(i) && fabs(i) < 1e15)) luaL_error(L, "%s: edge %I: a node is a whole number from 1, got %f", who, (LUAI_UACINT)(e + 1), i);
    node[e] = (int64_t)i - 1;
    if (node[e] >= *largest) *largest = node[e] + 1;
  }
  return node;
}

/* The rates at idx, one an edge, contiguous f64; pushed. */
static const double *rates_at(lua_State *L, int idx, const char *who, int64_t m) {
  idx = lua_absindex(L, idx);
  peri_tensor *t = to_tensor(L, idx, who, PERI_F64);
  if (t->ndim > 1 || (t->ndim == 1 && t->dims[0] != m)) luaL_error(L, "%s: weights must be one number, or one for each of the %I edges; got shape %s", who, (LUAI_UACINT)m, peri_shape(t));
  peri_tensor **wide = new_box(L), **box = new_box(L);
  *wide = peri_new(glue_of(L)->cx, PERI_F64, 1, &m);
  if (!*wide || peri_copy_(*wide, t)) raise_core(L, glue_of(L)->cx);
  *box = peri_retain(*wide);
  return (*box)->data;
}

/* from_edges(E[, { n = , weights = }]) */
static int l_edges_graph(lua_State *L) {
  static const char *const options[] = {"n", "weights", NULL};
  static const char who[] = "process.graph.from_edges";
  luaL_checkany(L, 1);
  lua_settop(L, 2);
  check_options(L, 2, who, options);
  peri_tensor *table = edge_table(L, who);
  int64_t m = table->ndim == 2 ? table->dims[0] : 0, n = 1;
  int64_t *u = node_column(L, who, table, 0, &n), *v = node_column(L, who, table, 1, &n);
  n = opt_integer(L, 2, who, "n", n);
  const double *w = NULL;
  if (lua_istable(L, 2) && lua_getfield(L, 2, "weights") != LUA_TNIL) w = rates_at(L, -1, who, m);
  if (w && table->ndim == 2 && table->dims[1] == 3) return luaL_error(L, "%s: the rates are the third column already; give no weights", who);
  if (!w && table->ndim == 2 && table->dims[1] == 3) {
    peri_tensor **view = new_box(L), **column = new_box(L);
    *view = peri_view(table, 1, &m, &(int64_t){3}, m > 0 ? 2 : 0);
    *column = *view ? peri_contiguous(*view) : NULL;
    if (!*column) return raise_core(L, glue_of(L)->cx);
    w = (*column)->data;
  }
  peri_graph **box = new_graph(L);
  *box = peri_graph_new(glue_of(L)->cx, n, m, u, v, w);
  return finish_graph(L, box);
}

/* ---- methods ---- */

static int l_gc(lua_State *L) {
  peri_graph **g = luaL_checkudata(L, 1, "perigee." CLASS);
  peri_graph_free(*g);
  *g = NULL;
  return 0;
}

static int l_n(lua_State *L) { return lua_pushinteger(L, check_graph(L, 1)->n), 1; }
static int l_m(lua_State *L) { return lua_pushinteger(L, check_graph(L, 1)->m), 1; }

static int push_tensor(lua_State *L, peri_dtype type, int64_t n, const void *data) {
  peri_tensor **box = new_box(L);
  *box = peri_from(glue_of(L)->cx, type, 1, &n, data);
  return finish(L, box);
}

/* n integers counted from 0, as a tensor counted from 1 */
static int push_counted(lua_State *L, int64_t n, const int64_t *data) {
  push_tensor(L, PERI_I64, n, data);
  int64_t *x = check_tensor(L, -1)->data;
  for (int64_t i = 0; i < n; i++) x[i]++;
  return 1;
}

static int l_edges(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  return push_counted(L, g->m, g->u) + push_counted(L, g->m, g->v);
}

static int l_weights(lua_State *L) {
  peri_graph *g = check_graph(L, 1);
  if (lua_isnoneornil(L, 2)) return push_tensor(L, PERI_F64, g->m, g->w);
  const double *w = rates_at(L, 2, "process.graph.weights", g->m);
  if (peri_graph_set_weights(g, w)) return raise_core(L, g->cx);
  lua_settop(L, 1);
  return 1;
}

static int l_clone(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  peri_graph **box = new_graph(L);
  *box = peri_graph_copy(g);
  return finish_graph(L, box);
}

static int l_degree(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  peri_tensor **box = new_box(L);
  *box = peri_new(g->cx, PERI_I64, 1, &g->n);
  if (!*box) return raise_core(L, g->cx);
  for (int64_t i = 0; i < g->n; i++) ((int64_t *)(*box)->data)[i] = g->start[i + 1] - g->start[i];
  return 1;
}

static int64_t check_node(lua_State *L, int idx, const peri_graph *g, const char *who) {
  int64_t i = check_integer(L, idx, who, "the node");
  if (i < 1 || i > g->n) luaL_error(L, "%s: the nodes are 1 .. %I, got %I", who, (LUAI_UACINT)g->n, (LUAI_UACINT)i);
  return i - 1;
}

static int l_neighbours(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  int64_t i = check_node(L, 2, g, "process.graph.neighbours"), k = g->start[i], count = g->start[i + 1] - k;
  return push_counted(L, count, g->neighbour + k) + push_counted(L, count, g->edge + k);
}

static int l_laplacian(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  peri_tensor **box = new_box(L);
  *box = peri_graph_laplacian(g);
  return finish(L, box);
}

/* Node values at idx, contiguous f64 (n) or, if rows, (k, n); pushed. */
static peri_tensor *node_values(lua_State *L, int idx, const peri_graph *g, const char *who, bool rows) {
  peri_tensor *t = to_tensor(L, idx, who, PERI_F64);
  if (!(t->ndim == 1 || (rows && t->ndim > 1)) || t->dims[t->ndim - 1] != g->n)
    luaL_error(L, "%s: values of the %I nodes are needed, shape (%s%I), got %s", who, (LUAI_UACINT)g->n, rows ? "..., " : "", (LUAI_UACINT)g->n, peri_shape(t));
  peri_tensor **box = new_box(L);
  *box = peri_contiguous(t);
  if (!*box) raise_core(L, g->cx);
  return *box;
}

static int l_apply(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  peri_tensor *x = node_values(L, 2, g, "process.graph.apply", true), **box = new_box(L);
  *box = peri_new(g->cx, PERI_F64, x->ndim, x->dims);
  if (!*box) return raise_core(L, g->cx);
  for (int64_t k = 0; k < x->size; k += g->n) peri_graph_apply(g, (double *)x->data + k, (double *)(*box)->data + k);
  return 1;
}

static int l_solve(lua_State *L) {
  static const char *const options[] = {"tol", NULL};
  static const char who[] = "process.graph.solve";
  const peri_graph *g = check_graph(L, 1);
  lua_settop(L, 3);
  peri_tensor *b = node_values(L, 2, g, who, true), **box = new_box(L);
  check_options(L, 3, who, options);
  double tol = opt_number(L, 3, who, "tol", 1e-10);
  *box = peri_new(g->cx, PERI_F64, b->ndim, b->dims);
  if (!*box) return raise_core(L, g->cx);
  for (int64_t k = 0; k < b->size; k += g->n)
    if (peri_graph_solve(g, (double *)b->data + k, tol, (double *)(*box)->data + k)) return raise_core(L, g->cx);
  return 1;
}

static int l_spectral_gap(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  double gap;
  if (peri_graph_ends(g, &gap, NULL)) return raise_core(L, g->cx);
  lua_pushnumber(L, gap);
  return 1;
}

static int l_spectrum_ends(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  double gap, largest;
  if (peri_graph_ends(g, &gap, &largest)) return raise_core(L, g->cx);
  lua_pushnumber(L, gap);
  lua_pushnumber(L, largest);
  return 2;
}

static int l_eigenvalues(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  peri_tensor **box = new_box(L);
  *box = peri_graph_eigenvalues(g);
  return finish(L, box);
}

static int l_resistances(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  peri_tensor **box = new_box(L);
  *box = peri_graph_resistances(g);
  return finish(L, box);
}

static int l_r_max(lua_State *L) {
  l_resistances(L);
  const peri_tensor *r = check_tensor(L, -1);
  double most = 0;
  for (int64_t e = 0; e < r->size; e++) most = fmax(most, ((const double *)r->data)[e]);
  lua_pushnumber(L, most);
  return 1;
}

static int l_components(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  peri_tensor **box = new_box(L);
  *box = peri_new(g->cx, PERI_I64, 1, &g->n);
  int64_t *label = *box ? (*box)->data : NULL, count = label ? peri_graph_components(g, label) : -1;
  if (count < 0) return raise_core(L, g->cx);
  for (int64_t i = 0; i < g->n; i++) label[i]++;
  lua_pushinteger(L, count);
  return 2;
}

static int l_connected(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  int64_t count = peri_graph_components(g, NULL);
  if (count < 0) return raise_core(L, g->cx);
  lua_pushboolean(L, count == 1);
  return 1;
}

static int l_layout(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  peri_tensor **box = new_box(L);
  *box = peri_graph_layout(g);
  return finish(L, box);
}

/* The positions (n, dim), nil if there are none; or sets them. */
static int l_positions(lua_State *L) {
  peri_graph *g = check_graph(L, 1);
  if (lua_isnoneornil(L, 2)) {
    if (!g->position) return lua_pushnil(L), 1;
    peri_tensor **box = new_box(L);
    *box = peri_from(g->cx, PERI_F64, 2, (int64_t[]){g->n, g->dim}, g->position);
    return finish(L, box);
  }
  peri_tensor *x = to_tensor(L, 2, "process.graph.positions", PERI_F64), **box = new_box(L);
  if (x->ndim != 2 || x->dims[0] != g->n) return luaL_error(L, "process.graph.positions: shape (%I, dim) is needed, got %s", (LUAI_UACINT)g->n, peri_shape(x));
  *box = peri_contiguous(x);
  if (!*box || peri_graph_place(g, x->dims[1] > 64 ? 64 : (int)x->dims[1], (*box)->data)) return raise_core(L, g->cx);
  lua_settop(L, 1);
  return 1;
}

static int l_tostring(lua_State *L) {
  const peri_graph *g = check_graph(L, 1);
  double total = 0;
  for (int64_t e = 0; e < g->m; e++) total += g->w[e];
  lua_pushfstring(L, "graph: %I nodes, %I edges, total rate %f", (LUAI_UACINT)g->n, (LUAI_UACINT)g->m, total);
  return 1;
}

static const pri_row constructors[] = {
    {"line", l_line, "process.graph.line(n) -> graph", "Nodes 1 .. n in a row."},
    {"cycle", l_cycle, "process.graph.cycle(n) -> graph", "Nodes 1 .. n in a ring."},
    {"grid", l_grid, "process.graph.grid{ n1, n2, ... } -> graph", "Points of a box, joined along the axes; node numbers run fastest along the last one."},
    {"torus", l_torus, "process.graph.torus{ n1, n2, ... } -> graph", "A grid whose axes of length 3 or more are closed to rings."},
    {"complete", l_complete, "process.graph.complete(n) -> graph", "Every node joined to every other."},
    {"star", l_star, "process.graph.star(n) -> graph", "Node 1 joined to all others."},
    {"tree", l_tree, "process.graph.tree(n[, arity = 2]) -> graph", "The parent of node i > 1 is (i - 2) // arity + 1."},
    {"hypercube", l_hypercube, "process.graph.hypercube(d) -> graph", "2^d nodes, joined where the binary digits of i - 1 and j - 1 differ in one place."},
    {"random_regular", l_regular, "process.graph.random_regular(n, d, rng) -> graph", "A graph in which every node has d neighbours, close to uniform among them."},
    {"erdos_renyi", l_erdos_renyi, "process.graph.erdos_renyi(n, { p = | m = }, rng) -> graph", "Each pair of nodes joined with probability p, or m pairs drawn from all."},
    {"barabasi_albert", l_barabasi_albert, "process.graph.barabasi_albert(n, k, rng) -> graph", "Preferential attachment: a new node is joined to k older ones in proportion to their degrees."},
    {"geometric", l_geometric, "process.graph.geometric(n, r, rng[, { dim = 2, torus = false }]) -> graph", "Uniform points of the unit cube or torus, joined if nearer than r."},
    {"from_edges", l_edges_graph, "process.graph.from_edges(E[, { n, weights }]) -> graph", "A graph from a table (m, 2) of nodes, or (m, 3) with rates, or a CSV file of that."},
    {NULL, NULL, NULL, NULL}};

static const pri_row methods[] = {
    {"n", l_n, "g:n()", "The number of nodes."},
    {"m", l_m, "g:m()", "The number of edges."},
    {"edges", l_edges, "g:edges() -> u, v", "The two ends of each edge."},
    {"weights", l_weights, "g:weights([w])", "The rates of the edges, 1/m each at first; or sets them, from one number or one an edge."},
    {"clone", l_clone, "g:clone() -> graph", "A copy, for instance to give it other rates."},
    {"degree", l_degree, "g:degree() -> tensor", "How many neighbours each node has."},
    {"neighbours", l_neighbours, "g:neighbours(i) -> nodes, edges", "The neighbours of a node, ascending, and the edges that lead there."},
    {"laplacian", l_laplacian, "g:laplacian() -> tensor (n, n)", "L = sum over edges of w (e_u - e_v)(e_u - e_v)', dense."},
    {"apply", l_apply, "g:apply(x) -> L x", "The Laplacian times node values (..., n), without the matrix."},
    {"solve", l_solve, "g:solve(b[, { tol = 1e-10 }]) -> x", "L x = b - mean(b) with mean(x) = 0, by preconditioned conjugate gradients."},
    {"eigenvalues", l_eigenvalues, "g:eigenvalues() -> tensor (n)", "All eigenvalues of the Laplacian, ascending; O(n^3)."},
    {"spectral_gap", l_spectral_gap, "g:spectral_gap() -> mu", "The smallest non-zero eigenvalue of the Laplacian."},
    {"spectrum_ends", l_spectrum_ends, "g:spectrum_ends() -> smallest, largest", "The non-zero eigenvalues of the Laplacian at both ends."},
    {"effective_resistances", l_resistances, "g:effective_resistances() -> tensor (m)", "R_e = (e_u - e_v)' L^+ (e_u - e_v) of each edge; the sum of w R is n - 1."},
    {"r_max", l_r_max, "g:r_max() -> number", "The largest effective resistance of an edge."},
    {"connected", l_connected, "g:connected() -> boolean", "Whether every node can be reached from every other."},
    {"components", l_components, "g:components() -> labels, count", "The component of each node, numbered by their first nodes."},
    {"positions", l_positions, "g:positions([x])", "The coordinates (n, dim) of the nodes, nil if there are none; or sets them."},
    {"layout", l_layout, "g:layout() -> tensor (n, 2)", "Where to draw the nodes: their positions, or two eigenvectors of the Laplacian."},
    {"__gc", l_gc, "", ""},
    {"__close", l_gc, "", ""},
    {"__tostring", l_tostring, "", ""},
    {NULL, NULL, NULL, NULL}};

void pri_bind_graph(lua_State *L) {
  static const pri_row none[] = {{NULL, NULL, NULL, NULL}};
  pri_class(L, CLASS, methods);
  pri_register(L, "process", none, 0); /* pg.process */
  lua_getfield(L, -1, "process");
  lua_newtable(L);
  for (const pri_row *r = constructors; r->name; r++) {
    pri_set_closure(L, r->fn, NULL);
    lua_setfield(L, -2, r->name);
    lua_pushfstring(L, CLASS ".%s", r->name);
    pri_document(L, lua_tostring(L, -1), r->signature, r->help);
    lua_pop(L, 1);
  }
  lua_setfield(L, -2, "graph");
  lua_pop(L, 1);
}
