/* optim.c - optimisers: optim.sgd{ lr = 0.1 }:step(theta, g), with lr a number or a schedule, and projections.
**
** An optimiser is a userdata whose user value is its schedule, if it has one: anything that can be called with the
** number of the step, from 1, and gives its size.
*/
#include "peri_lua.h"
#include <perigee/optim.h>
#include <stddef.h>
#include <string.h>

#define OPTIMISER "perigee.optim.optimiser"

typedef struct {
  peri_optim *o;
  bool scheduled;
} optimiser;

static optimiser *check_optimiser(lua_State *L, int idx) {
  optimiser *box = luaL_checkudata(L, idx, OPTIMISER);
  if (!box->o) luaL_argerror(L, idx, "this optimiser has been closed");
  return box;
}
static const char *name_of(const optimiser *box) { return peri_optim_name(peri_optim_method(box->o)); }
static const char *short_name(const optimiser *box) { return strchr(name_of(box), '.') + 1; }

/* ---- making ---- */

typedef struct {
  const char *name;
  enum { NUMBER, INTEGER, BOOLEAN } kind;
  size_t at;
} field;
#define AT(member) offsetof(peri_optim_options, member)
static const field fields[] = {{"weight_decay", NUMBER, AT(weight_decay)},
                               {"momentum", NUMBER, AT(momentum)},
                               {"beta1", NUMBER, AT(beta1)},
                               {"beta2", NUMBER, AT(beta2)},
                               {"beta", NUMBER, AT(beta2)},
                               {"eps", NUMBER, AT(eps)},
                               {"mu", NUMBER, AT(mu)},
                               {"initial", NUMBER, AT(initial)},
                               {"window", INTEGER, AT(window)},
                               {"nesterov", BOOLEAN, AT(nesterov)},
                               {"bias_correction", BOOLEAN, AT(bias_correction)},
                               {"centred", BOOLEAN, AT(centred)},
                               {"eps_inside", BOOLEAN, AT(eps_inside)},
                               {"warm", BOOLEAN, AT(warm)}};

static void read_field(lua_State *L, const char *who, const char *name, peri_optim_options *p) {
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    if (strcmp(fields[i].name, name) != 0) continue;
    void *at = (char *)p + fields[i].at;
    if (fields[i].kind == NUMBER)
      *(double *)at = opt_number(L, 1, who, name, *(double *)at);
    else if (fields[i].kind == INTEGER)
      *(int64_t *)at = opt_integer(L, 1, who, name, *(int64_t *)at);
    else
      *(bool *)at = opt_boolean(L, 1, who, name, *(bool *)at);
  }
}

static bool callable(lua_State *L, int idx) {
  if (lua_isfunction(L, idx)) return true;
  if (luaL_getmetafield(L, idx, "__call") == LUA_TNIL) return false;
  lua_pop(L, 1);
  return true;
}

/* Leaves the schedule, or nil, on the stack. */
static bool read_lr(lua_State *L, const char *who, peri_optim_options *p) {
  if (lua_istable(L, 1))
    lua_getfield(L, 1, "lr");
  else
    lua_pushnil(L);
  if (lua_isnil(L, -1)) {
    if (p->lr < 0) luaL_error(L, "%s: lr is required: a step size, or a schedule", who);
    return false;
  }
  if (lua_type(L, -1) == LUA_TNUMBER) {
    p->lr = lua_tonumber(L, -1);
    lua_pop(L, 1);
    lua_pushnil(L);
    return false;
  }
  if (!callable(L, -1)) luaL_error(L, "%s: lr must be a number or a schedule, got %s", who, luaL_typename(L, -1));
  p->lr = 0;
  return true;
}

static int make(lua_State *L, peri_method method, const char *const *options) {
  const char *who = peri_optim_name(method);
  peri_optim_options p = peri_optim_defaults(method);
  lua_settop(L, 1);
  check_options(L, 1, who, options);
  for (const char *const *name = options + 1; *name; name++) read_field(L, who, *name, &p);
  optimiser *box = lua_newuserdatauv(L, sizeof *box, 1);
  box->o = NULL;
  luaL_setmetatable(L, OPTIMISER);
  box->scheduled = read_lr(L, who, &p);
  lua_setiuservalue(L, 2, 1);
  box->o = peri_optim_new(glue_of(L)->cx, method, &p);
  return box->o ? 1 : raise_core(L, glue_of(L)->cx);
}

#define MAKER(name, method, ...)                                                                                       \
  static int l_##name(lua_State *L) {                                                                                  \
    static const char *const options[] = {"lr", __VA_ARGS__, "weight_decay", NULL};                                    \
    return make(L, method, options);                                                                                   \
  }
MAKER(sgd, PERI_SGD, "momentum", "nesterov")
MAKER(heavy_ball, PERI_HEAVY_BALL, "momentum")
MAKER(nesterov, PERI_NESTEROV, "mu")
MAKER(adam, PERI_ADAM, "beta1", "beta2", "eps", "bias_correction")
MAKER(adamw, PERI_ADAMW, "beta1", "beta2", "eps", "bias_correction")
MAKER(rmsprop, PERI_RMSPROP, "beta", "eps", "momentum", "centred", "eps_inside", "warm")
MAKER(adagrad, PERI_ADAGRAD, "eps", "initial", "eps_inside")
MAKER(windowed_adagrad, PERI_WINDOWED_ADAGRAD, "window", "eps", "eps_inside")

static int l_gc(lua_State *L) {
  optimiser *box = luaL_checkudata(L, 1, OPTIMISER);
  peri_optim_free(box->o);
  box->o = NULL;
  return 0;
}

/* ---- stepping ---- */

/* The size of the next step: asks the schedule, if there is one. */
static double next_lr(lua_State *L, const optimiser *box) {
  if (!box->scheduled) return peri_optim_get(box->o)->lr;
  lua_Integer k = (lua_Integer)peri_optim_steps(box->o) + 1;
  lua_getiuservalue(L, 1, 1);
  lua_pushinteger(L, k);
  lua_call(L, 1, 1);
  if (!box->o) luaL_error(L, "optim: the optimiser was closed by its own schedule");
  if (lua_type(L, -1) != LUA_TNUMBER)
    luaL_error(L, "%s: the schedule gave %s for step %I, not a number", name_of(box), luaL_typename(L, -1),
               (LUAI_UACINT)k);
  double lr = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return lr;
}

static int l_step(lua_State *L) {
  optimiser *box = check_optimiser(L, 1);
  check_tensor(L, 2);
  check_tensor(L, 3);
  double lr = next_lr(L, box);
  if (peri_optim_step_of(box->o, check_tensor(L, 2), check_tensor(L, 3), lr)) return raise_core(L, glue_of(L)->cx);
  lua_settop(L, 2);
  return 1;
}

static int l_reset(lua_State *L) {
  peri_optim_reset(check_optimiser(L, 1)->o);
  lua_settop(L, 1);
  return 1;
}

static int l_steps(lua_State *L) {
  return lua_pushinteger(L, (lua_Integer)peri_optim_steps(check_optimiser(L, 1)->o)), 1;
}
static int l_lr(lua_State *L) { return lua_pushnumber(L, next_lr(L, check_optimiser(L, 1))), 1; }

static int l_solution(lua_State *L) {
  optimiser *box = check_optimiser(L, 1);
  if (peri_optim_method(box->o) != PERI_NESTEROV)
    return luaL_error(L, "%s: there is no second iterate; theta is the solution", name_of(box));
  peri_tensor **r = new_box(L), *x;
  peri_optim_slot(box->o, 0, &x);
  if (!x) return luaL_error(L, "%s: no step has been made yet", name_of(box));
  *r = peri_clone(x);
  return finish(L, r);
}

/* ---- state ---- */

static int save_state(lua_State *L, const optimiser *box) {
  lua_createtable(L, 0, 5);
  lua_pushstring(L, short_name(box));
  lua_setfield(L, -2, "kind");
  lua_pushinteger(L, (lua_Integer)peri_optim_steps(box->o));
  lua_setfield(L, -2, "steps");
  if (peri_optim_method(box->o) == PERI_NESTEROV) {
    lua_pushnumber(L, peri_optim_extra(box->o));
    lua_setfield(L, -2, "t");
  }
  for (int i = 0; i < PERI_OPTIM_SLOTS; i++) {
    peri_tensor *t;
    const char *name = peri_optim_slot(box->o, i, &t);
    if (!name || !t) continue;
    peri_tensor **copy = new_box(L);
    if (!(*copy = peri_clone(t))) return raise_core(L, glue_of(L)->cx);
    lua_setfield(L, -2, name);
  }
  return 1;
}

static void check_kind(lua_State *L, const optimiser *box) {
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_getfield(L, 2, "kind");
  const char *kind = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  if (!kind) luaL_error(L, "%s: the table is not a saved state: it has no kind", name_of(box));
  if (strcmp(kind, short_name(box)) != 0) luaL_error(L, "%s: the saved state is one of '%s'", name_of(box), kind);
  lua_pop(L, 1);
}

static int load_state(lua_State *L, const optimiser *box) {
  peri_tensor *slots[PERI_OPTIM_SLOTS] = {NULL};
  check_kind(L, box);
  lua_getfield(L, 2, "steps");
  int64_t steps = check_integer(L, -1, name_of(box), "the saved number of steps");
  lua_getfield(L, 2, "t");
  double extra = lua_isnil(L, -1) ? 0 : luaL_checknumber(L, -1);
  for (int i = 0; i < PERI_OPTIM_SLOTS; i++) {
    const char *name = peri_optim_slot(box->o, i, NULL);
    if (!name || lua_getfield(L, 2, name) == LUA_TNIL) continue;
    if (!(slots[i] = test_tensor(L, -1)))
      luaL_error(L, "%s: the saved '%s' must be a tensor, got %s", name_of(box), name, luaL_typename(L, -1));
  }
  if (peri_optim_load(box->o, steps, extra, slots)) return raise_core(L, glue_of(L)->cx);
  lua_settop(L, 1);
  return 1;
}

static int l_state(lua_State *L) {
  optimiser *box = check_optimiser(L, 1);
  lua_settop(L, 2);
  return lua_isnil(L, 2) ? save_state(L, box) : load_state(L, box);
}

static int l_tostring(lua_State *L) {
  optimiser *box = luaL_checkudata(L, 1, OPTIMISER);
  char text[PERI_OPTIM_TEXT];
  if (!box->o) return lua_pushliteral(L, "optimiser (closed)"), 1;
  const char *lr = NULL;
  if (box->scheduled) {
    bool named = lua_getiuservalue(L, 1, 1) != LUA_TFUNCTION;
    lr = named ? luaL_tolstring(L, -1, NULL) : "by a function";
  }
  peri_optim_describe(box->o, lr, text);
  lua_pushstring(L, text);
  return 1;
}

/* ---- projections ---- */

static int l_project_box(lua_State *L) {
  peri_tensor *x = check_tensor(L, 1);
  lua_settop(L, 3);
  peri_tensor *lo = keep_operand(L, 2), *hi = keep_operand(L, 3), **r = new_box(L);
  *r = peri_project_box(x, lo, hi);
  return finish(L, r);
}

static int l_project_ball(lua_State *L) {
  peri_tensor *x = check_tensor(L, 1);
  double radius = luaL_checknumber(L, 2);
  peri_tensor *centre = lua_isnoneornil(L, 3) ? NULL : check_tensor(L, 3), **r = new_box(L);
  *r = peri_project_ball(x, radius, centre);
  return finish(L, r);
}

static int l_project_simplex(lua_State *L) {
  peri_tensor *x = check_tensor(L, 1);
  double total = luaL_optnumber(L, 2, 1);
  peri_tensor **r = new_box(L);
  *r = peri_project_simplex(x, total);
  return finish(L, r);
}

static int l_soft_threshold(lua_State *L) {
  peri_tensor *x = check_tensor(L, 1);
  lua_settop(L, 2);
  peri_tensor *t = keep_operand(L, 2), **r = new_box(L);
  *r = peri_soft_threshold(x, t);
  return finish(L, r);
}

static int l_huber_prox(lua_State *L) {
  peri_tensor *x = check_tensor(L, 1);
  double t = luaL_checknumber(L, 2), delta = luaL_checknumber(L, 3);
  peri_tensor **r = new_box(L);
  *r = peri_huber_prox(x, t, delta);
  return finish(L, r);
}

static const pri_row functions[] = {
    {"sgd", l_sgd, "optim.sgd{ lr[, momentum = 0, nesterov = false, weight_decay = 0] } -> optimiser",
     "m = momentum m + d, theta -= lr m with d = g + weight_decay theta: the momentum of the common libraries "
     "(Sutskever et al. 2013), lr outside m; nesterov: lr (d + momentum m)."},
    {"heavy_ball", l_heavy_ball, "optim.heavy_ball{ lr[, momentum = 0.9, weight_decay = 0] } -> optimiser",
     "v = momentum v - lr d, theta += v: Polyak (1964), where v is the last move and lr stands inside it."},
    {"nesterov", l_nesterov, "optim.nesterov{ lr[, mu = 0, weight_decay = 0] } -> optimiser",
     "x' = y - lr d, y = x' + beta_k (x' - x), theta being y: Nesterov (1983) with beta_k = (t_k - 1)/t_{k+1}, or with "
     "mu > 0 his constant scheme for strong convexity; opt:solution() is x."},
    {"adam", l_adam,
     "optim.adam{ [lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, bias_correction = true, weight_decay = 0] } -> "
     "optimiser",
     "theta -= lr mhat / (sqrt(vhat) + eps): algorithm 1 of Kingma & Ba (2015); weight decay enters the gradient."},
    {"adamw", l_adamw,
     "optim.adamw{ [lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, bias_correction = true, weight_decay = 0.01] } "
     "-> optimiser",
     "Adam after theta = (1 - lr weight_decay) theta: decoupled decay, Loshchilov & Hutter (2019), with lr in the "
     "decay as in PyTorch."},
    {"rmsprop", l_rmsprop,
     "optim.rmsprop{ [lr = 0.01, beta = 0.99, eps = 1e-8, momentum = 0, centred, eps_inside, warm, weight_decay = 0] } "
     "-> optimiser",
     "v = beta v + (1 - beta) d^2, theta -= lr d / (sqrt(v) + eps): Tieleman & Hinton (2012); centred as Graves "
     "(2013); eps_inside: sqrt(v + eps); warm: v_1 = d_1^2."},
    {"adagrad", l_adagrad,
     "optim.adagrad{ [lr = 0.01, eps = 1e-10, initial = 0, eps_inside, weight_decay = 0] } -> optimiser",
     "v += d^2, theta -= lr d / (sqrt(v) + eps): the diagonal form of Duchi, Hazan & Singer (2011)."},
    {"windowed_adagrad", l_windowed_adagrad,
     "optim.windowed_adagrad{ [lr = 1e-3, window = 10, eps = 0.1, eps_inside = true, weight_decay = 0] } -> optimiser",
     "theta -= lr d / sqrt(v + eps), v the sum of the last `window` squared gradients, as PyMC3's adagrad_window."},
    {"project_box", l_project_box, "optim.project_box(x, lo, hi) -> tensor", "The nearest point with lo <= x <= hi."},
    {"project_ball", l_project_ball, "optim.project_ball(x, radius[, centre]) -> tensor",
     "The nearest point of the Euclidean ball."},
    {"project_simplex", l_project_simplex, "optim.project_simplex(x[, total = 1]) -> tensor",
     "The nearest point with x >= 0 and sum x = total, along the last axis; exact, by sorting."},
    {"soft_threshold", l_soft_threshold, "optim.soft_threshold(x, t) -> tensor",
     "sign(x) max(|x| - t, 0), the proximal map of t |x|_1."},
    {"huber_prox", l_huber_prox, "optim.huber_prox(x, t, delta) -> tensor",
     "The proximal map of t times Huber's function: x - t clip(x / (1 + t), -delta, delta)."},
    {NULL, NULL, NULL, NULL}};

static const pri_row methods[] = {
    {"step", l_step, "opt:step(theta, g) -> theta",
     "One step, written into theta; a NaN in g goes where the formulas take it."},
    {"reset", l_reset, "opt:reset() -> opt", "Forgets state and step count."},
    {"state", l_state, "opt:state([saved])",
     "Copies of the state's tensors and counters in a table, or the optimiser set to such a state."},
    {"steps", l_steps, "opt:steps() -> integer", "How many steps have been made."},
    {"lr", l_lr, "opt:lr() -> number", "The size of the next step; asks the schedule."},
    {"solution", l_solution, "opt:solution() -> tensor",
     "Of nesterov: the iterate x, a copy; theta is the extrapolated y."},
    {"__gc", l_gc, "", ""},
    {"__close", l_gc, "", ""},
    {"__tostring", l_tostring, "", ""},
    {NULL, NULL, NULL, NULL}};

void pri_bind_optim(lua_State *L) {
  pri_register(L, "optim", functions, 0);
  pri_class(L, "optim.optimiser", methods);
}
