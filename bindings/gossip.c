/* gossip.c - process.gossip and process.gossip_rounds: averaging on a graph by pairs of nodes at random, or by all at once.
**
**     local energy, when = process.gossip(rng, g, x0, { method = "continuized", theta = theta, gammap = gammap, events = { 100, 200 } })
**     local energy, count, x, z = process.gossip(rng, g, x0, { times = { 10, 20 }, keep = 1 })
**     local energy = process.gossip_rounds(g, x0, { rounds = 100, shift_register = true })
*/
#include "graph_lua.h"
#include "peri_lua.h"
#include "random_lua.h"
#include <math.h>
#include <perigee/gossip.h>
#include <string.h>

/* Option `name` of the table at 4 as a contiguous vector in a box that is pushed; NULL, and nothing pushed, if it is missing. */
static peri_tensor *list_option(lua_State *L, const char *who, const char *name, peri_dtype type) {
  if (lua_getfield(L, 4, name) == LUA_TNIL) return lua_pop(L, 1), NULL;
  peri_tensor *t = to_tensor(L, -1, who, -1);
  if (t->ndim != 1) luaL_error(L, "%s: %s must be a list or a vector, got shape %s", who, name, peri_shape(t));
  for (int64_t k = 0; type == PERI_I64 && k < t->size; k++) {
    double x = peri_item(t, k);
    if (!(fabs(x) < 0x1p62) || x != floor(x)) luaL_error(L, "%s: %s must be integers, got %f", who, name, x);
  }
  peri_tensor **cast = new_box(L);
  *cast = peri_cast(t, type);
  if (!*cast) raise_core(L, t->cx);
  peri_tensor **flat = new_box(L);
  *flat = peri_contiguous(*cast);
  if (!*flat) raise_core(L, t->cx);
  return *flat;
}

static peri_gossip_method method_option(lua_State *L, const char *who) {
  static const char *const names[] = {"simple", "continuized", "heavy_ball", NULL};
  const char *name = opt_string(L, 4, who, "method", "simple");
  peri_gossip_method m = {.theta = opt_number(L, 4, who, "theta", NAN), .gamma = opt_number(L, 4, who, "gamma", 0.5),
                          .gammap = opt_number(L, 4, who, "gammap", NAN), .beta = opt_number(L, 4, who, "beta", 0.4)};
  int kind = 0;
  while (names[kind] && strcmp(names[kind], name) != 0) kind++;
  if (!names[kind]) {
    const char *near = nearest_name(name, names);
    luaL_error(L, "%s: method must be simple, continuized or heavy_ball, got '%s'%s%s%s", who, name, near ? " (did you mean '" : "", near ? near : "",
               near ? "'?)" : "");
  }
  m.kind = (peri_gossip_kind)kind;
  if (m.kind == PERI_GOSSIP_CONTINUIZED && isnan(m.theta)) luaL_error(L, "%s: continuized needs theta", who);
  if (m.kind == PERI_GOSSIP_CONTINUIZED && isnan(m.gammap)) luaL_error(L, "%s: continuized needs gammap", who);
  return m;
}

/* gossip(block, graph, x0, { events = | times = , method, theta, gamma, gammap, beta, keep }) */
static int l_gossip(lua_State *L) {
  static const char *const options[] = {"method", "events", "times", "theta", "gamma", "gammap", "beta", "keep", NULL};
  static const char who[] = "process.gossip";
  peri_block *b = check_block(L, 1);
  peri_graph *g = check_graph(L, 2);
  peri_tensor *x0 = check_tensor(L, 3);
  luaL_checktype(L, 4, LUA_TTABLE);
  lua_settop(L, 4);
  check_options(L, 4, who, options);
  peri_gossip_method method = method_option(L, who);
  peri_tensor *counts = list_option(L, who, "events", PERI_I64), *times = list_option(L, who, "times", PERI_F64);
  if (!counts == !times) return luaL_error(L, "%s: give either events or times at which to record", who);
  peri_gossip_plan plan = {.records = counts ? counts->size : times->size, .counts = counts ? counts->data : NULL, .times = times ? times->data : NULL,
                           .keep = opt_integer(L, 4, who, "keep", 0)};
  peri_tensor **energy = new_box(L), **when = new_box(L), **x = new_box(L), **z = new_box(L);
  peri_gossip_record r;
  if (peri_gossip(b, g, &method, x0, &plan, &r)) return raise_core(L, glue_of(L)->cx);
  *energy = r.energy, *when = r.when, *x = r.x, *z = r.z;
  if (plan.keep > 0) return 4;
  lua_pop(L, 2);
  return 2;
}

/* gossip_rounds(graph, x0, { rounds, shift_register, ends = { low, high }, values }) */
static int l_gossip_rounds(lua_State *L) {
  static const char *const options[] = {"rounds", "shift_register", "values", NULL};
  static const char who[] = "process.gossip_rounds";
  peri_graph *g = check_graph(L, 1);
  peri_tensor *x0 = check_tensor(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  check_options(L, 3, who, options);
  int64_t rounds = opt_integer(L, 3, who, "rounds", -1);
  bool shift = opt_boolean(L, 3, who, "shift_register", false), values = opt_boolean(L, 3, who, "values", false);
  if (rounds < 0) return luaL_error(L, "%s: rounds must be an integer >= 0", who);
  peri_tensor **energy = new_box(L), **x = new_box(L);
  double low, high;
  if (peri_graph_ends(g, &low, &high) || peri_gossip_rounds(g, x0, shift, low, high, rounds, energy, values ? x : NULL)) return raise_core(L, glue_of(L)->cx);
  if (values) return 2;
  lua_pop(L, 1);
  return 1;
}

static const pri_row functions[] = {
    {"gossip", l_gossip,
     "process.gossip(block, graph, x0, { events = | times = , method = \"simple\"[, theta, gammap, gamma = 0.5, beta = 0.4, keep = 0] }) -> energy, when[, x, z]",
     "Randomised gossip from x0, one run a stream of the block: sum (x_v - mean)^2 at these event counts or times, (records, streams); when is the time or count there; keep: "
     "of so many runs also x and z, (records, keep, nodes). Methods: simple, continuized, heavy_ball."},
    {"gossip_rounds", l_gossip_rounds, "process.gossip_rounds(graph, x0, { rounds[, shift_register = false, values = false] }) -> energy[, x]",
     "Synchronous gossip, x <- W x or its second order: sum (x_v - mean)^2 after 0, 1, ... rounds, (rounds + 1), and the values (rounds + 1, nodes)."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_gossip(lua_State *L) { pri_register(L, "process", functions, 0); }
