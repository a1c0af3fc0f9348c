/* diag_design.c - pg.diag.moments under multiplicative noise: the gradient of one random row a is a <a, x>.
**
**     local m = pg.diag.moments.gaussian{ h = h, theta = theta, gamma = 1/R2, gammap = gammap, x0 = -1 }     a ~ N(0, diag h)
**     local m = pg.diag.moments.rows{ rows = A, weights = p, theta = theta, gamma = gamma, gammap = gammap, x0 = x0 }
**     local m = pg.diag.moments.gossip{ graph = g, theta = theta, gammap = gammap, x0 = x0 }                 a = e_v - e_w, gamma = 1/2
**     m:at_jump(100)           E |x_100|^2 / 2 (gossip: E |x_100|^2), and (E x^2, E xz, E z^2) of each direction or node, (n, 3)
**     m:at_jumps{10, 100}      tensors (2) and (2, n, 3);  so do at_time and at_times, weighted, with a list or vector
**     m:weighted(100, rate)    E[e^(rate T_100) ...];  rate is theta if left out
**
** Without theta and gammap these are plain stochastic gradient descent and simple gossip. x0 and z0 (x0 if absent) are relative to
** the solution, for gossip to the average.
*/
#include "diag_lua.h"
#include "graph_lua.h"
#include <math.h>
#include <perigee/diag.h>
#include <string.h>

#define CLASS "diag.design"

typedef struct {
  peri_design d; /* owns its tensors */
  const char *law;
} design;

static design *check_design(lua_State *L) {
  design *m = luaL_checkudata(L, 1, "perigee." CLASS);
  if (!m->d.x0) luaL_error(L, "diag.moments: this object has been closed");
  return m;
}

static int l_gc(lua_State *L) {
  design *m = luaL_checkudata(L, 1, "perigee." CLASS);
  peri_tensor *all[] = {m->d.h, m->d.rows, m->d.edges, m->d.weights, m->d.x0, m->d.z0};
  memset(m, 0, sizeof *m);
  for (int i = 0; i < 6; i++) peri_release(all[i]);
  return 0;
}

/* ---- making ---- */

static design *make(lua_State *L, const char *who, const char *law, const char *const *names) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  check_options(L, 1, who, names);
  design *m = lua_newuserdatauv(L, sizeof *m, 0);
  memset(m, 0, sizeof *m);
  luaL_setmetatable(L, "perigee." CLASS);
  m->law = law;
  m->d.x0 = pri_own_tensor(L, who, "x0", true);
  m->d.z0 = pri_own_tensor(L, who, "z0", false);
  m->d.theta = opt_number(L, 1, who, "theta", 0);
  m->d.gammap = opt_number(L, 1, who, "gammap", 0);
  return m;
}

static int checked(lua_State *L, const design *m) {
  peri_tensor *t = peri_design_at_jumps(&m->d, 0, NULL, 0);
  if (!t) return raise_core(L, glue_of(L)->cx);
  peri_release(t);
  return 1;
}

static int l_gaussian(lua_State *L) {
  static const char *const names[] = {"h", "theta", "gamma", "gammap", "x0", "z0", NULL};
  static const char who[] = "diag.moments.gaussian";
  design *m = make(L, who, "gaussian", names);
  m->d.h = pri_own_tensor(L, who, "h", true);
  m->d.gamma = pri_required_number(L, who, "gamma");
  return checked(L, m);
}

static int l_rows(lua_State *L) {
  static const char *const names[] = {"rows", "weights", "theta", "gamma", "gammap", "x0", "z0", NULL};
  static const char who[] = "diag.moments.rows";
  design *m = make(L, who, "rows", names);
  m->d.rows = pri_own_tensor(L, who, "rows", true);
  m->d.weights = pri_own_tensor(L, who, "weights", false);
  m->d.gamma = pri_required_number(L, who, "gamma");
  return checked(L, m);
}

/* Option edges, pairs of nodes from 1, as pairs from 0. */
static void own_edges(lua_State *L, const char *who, design *m) {
  if (lua_getfield(L, 1, "edges") == LUA_TNIL) luaL_error(L, "%s: give a graph, or edges", who);
  peri_tensor *t = to_tensor(L, -1, who, PERI_I64);
  m->d.edges = peri_cast(t, PERI_I64);
  if (!m->d.edges) raise_core(L, t->cx);
  lua_settop(L, 2);
  int64_t *ends = m->d.edges->data;
  for (int64_t k = 0; k < m->d.edges->size; k++) ends[k]--;
  m->d.nodes = m->d.x0->ndim ? m->d.x0->dims[0] : 0;
  m->d.weights = pri_own_tensor(L, who, "rates", false);
}

/* The edges, rates and nodes of a graph at idx. */
static void own_graph(lua_State *L, int idx, design *m) {
  peri_graph *g = check_graph(L, idx);
  m->d.edges = peri_new(g->cx, PERI_I64, 2, (int64_t[]){g->m, 2});
  m->d.weights = m->d.edges ? peri_from(g->cx, PERI_F64, 1, &g->m, g->w) : NULL;
  if (!m->d.weights) raise_core(L, g->cx);
  m->d.nodes = g->n;
  for (int64_t e = 0; e < g->m; e++) {
    ((int64_t *)m->d.edges->data)[2 * e] = g->u[e];
    ((int64_t *)m->d.edges->data)[2 * e + 1] = g->v[e];
  }
}

static int l_gossip(lua_State *L) {
  static const char *const names[] = {"graph", "edges", "rates", "theta", "gamma", "gammap", "x0", "z0", NULL};
  static const char who[] = "diag.moments.gossip";
  design *m = make(L, who, "gossip", names);
  if (lua_getfield(L, 1, "graph") == LUA_TNIL) own_edges(L, who, m);
  else own_graph(L, -1, m);
  lua_settop(L, 2);
  m->d.gamma = opt_number(L, 1, who, "gamma", 0.5);
  return checked(L, m);
}

/* ---- asking ---- */

/* The box on top holds moments (count, n, 3); leaves sum_i E x_i^2 times scale, and the moments: a number and (n, 3), or (count) and all. */
static int answer(lua_State *L, const design *m, bool one) {
  pri_only_record(L, one);
  peri_tensor *t = *(peri_tensor **)lua_touserdata(L, -1), **value = new_box(L);
  int64_t n = t->dims[t->ndim - 2];
  double scale = m->d.edges ? 1 : 0.5;
  *value = peri_new(t->cx, PERI_F64, t->ndim - 2, t->dims);
  if (!*value) return raise_core(L, t->cx);
  for (int64_t j = 0; j < (*value)->size; j++) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += peri_item(t, 3 * (j * n + i));
    ((double *)(*value)->data)[j] = scale * sum;
  }
  if (one) {
    number_if_scalar(L);
    lua_remove(L, -2);
  }
  lua_insert(L, -2);
  return 2;
}

static int at_jumps(lua_State *L, const char *who, double rate) {
  design *m = check_design(L);
  bool one;
  int64_t count;
  const int64_t *ks = pri_check_jumps(L, who, &count, &one);
  peri_tensor **box = new_box(L);
  *box = peri_design_at_jumps(&m->d, count, ks, rate);
  return answer(L, m, one);
}

static int l_at_jumps(lua_State *L) { return at_jumps(L, "diag.moments.at_jumps", 0); }

static int l_weighted(lua_State *L) {
  design *m = check_design(L);
  double rate = luaL_optnumber(L, 3, m->d.theta);
  return at_jumps(L, "diag.moments.weighted", rate);
}

static int l_at_times(lua_State *L) {
  design *m = check_design(L);
  bool one;
  int64_t count;
  const double *ts = pri_check_list(L, "diag.moments.at_times", &count, &one);
  peri_tensor **box = new_box(L);
  *box = peri_design_at_times(&m->d, count, ts);
  return answer(L, m, one);
}

static int l_tostring(lua_State *L) {
  design *m = check_design(L);
  lua_pushfstring(L, "diag.moments: %s design, theta %f, gamma %f, gammap %f", m->law, m->d.theta, m->d.gamma, m->d.gammap);
  return 1;
}

static const pri_row methods[] = {
    {"at_jump", l_at_jumps, "m:at_jump(k) -> value, moments (n, 3)",
     "Exact E |x_k|^2 / 2 (gossip: E |x_k|^2) and second moments of each direction or node just after jump k."},
    {"at_jumps", l_at_jumps, "m:at_jumps{k, ...} -> values (count), moments (count, n, 3)", "The same after each of several jumps."},
    {"weighted", l_weighted, "m:weighted(k[, rate]) -> value, moments (n, 3)",
     "The same weighted by e^(rate T_k) before taking means, T_k the time of jump k; rate is theta by default."},
    {"at_time", l_at_times, "m:at_time(t) -> value, moments (n, 3)", "Exact value and second moments at time t."},
    {"at_times", l_at_times, "m:at_times{t, ...} -> values (count), moments (count, n, 3)", "The same at each of several times."},
    {"__gc", l_gc, "", ""},
    {"__close", l_gc, "", ""},
    {"__tostring", l_tostring, "", ""},
    {NULL, NULL, NULL, NULL}};

const pri_row pri_design_constructors[] = {
    {"gaussian", l_gaussian, "diag.moments.gaussian{ h, gamma, x0[, z0, theta, gammap] } -> moments",
     "Second moments of the continuized iteration on least squares with rows a ~ N(0, diag h); without theta and gammap of plain stochastic gradient descent."},
    {"rows", l_rows, "diag.moments.rows{ rows, gamma, x0[, z0, theta, gammap, weights] } -> moments",
     "The same when a is row e of a matrix (m, n) with probability proportional to weights[e]."},
    {"gossip", l_gossip, "diag.moments.gossip{ graph = | edges =, x0[, z0, theta, gammap, gamma = 0.5, rates] } -> moments",
     "The same when a is the difference across a random edge: gossip on a graph, or on edges (m, 2) with rates, with one event expected in unit time; x0 relative to the average."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_design(lua_State *L) { pri_class(L, CLASS, methods); }
