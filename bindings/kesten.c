/* kesten.c - pg.process.kesten: exact tail indices of random affine recursions, and chains of them.
**
**     local tail = process.kesten.index { eta = 0.6, b = 1, d = 1 }                    -- tail.alpha = 2.30169
**     local norms, last, average = process.kesten.chains(rng:block("chain", 20000), { eta = 0.6, steps = 800, burn = 400, gap = 20, average = 100 })
*/
#include "peri_lua.h"
#include "random_lua.h"
#include <math.h>
#include <perigee/kesten.h>
#include <string.h>

#define LAW "law", "eta", "s", "b", "d", "noise", "mu", "lam", "g"
static const char *const law_options[] = {LAW, NULL};
static const char *const chain_options[] = {LAW, "A", "y", "steps", "burn", "gap", "average", "start", NULL};

static peri_kesten_kind kind_of(lua_State *L, int idx, const char *who) {
  static const char *const names[] = {"gauss", "norm", "lognormal", "arch", "data", NULL};
  const char *name = opt_string(L, idx, who, "law", "gauss");
  for (int i = 0; names[i]; i++)
    if (strcmp(name, names[i]) == 0) return (peri_kesten_kind)i;
  const char *near = nearest_name(name, names);
  return (peri_kesten_kind)luaL_error(L, "%s: law must be gauss, norm, lognormal, arch or data, got '%s'%s%s%s", who, name, near ? " (did you mean '" : "",
                                      near ? near : "", near ? "'?)" : "");
}

static double needed(lua_State *L, int idx, const char *who, const char *name, const char *what) {
  if (lua_getfield(L, idx, name) == LUA_TNIL) luaL_error(L, "%s: option '%s' is missing; give %s", who, name, what);
  lua_pop(L, 1);
  return opt_number(L, idx, who, name, 0);
}

/* The law in the table at idx: of gauss and norm eta and s become c = eta s^2 and noise/s. */
static peri_kesten law_of(lua_State *L, int idx, const char *who, const char *const *options) {
  luaL_argexpected(L, lua_istable(L, idx), idx, "table with the law");
  check_options(L, idx, who, options);
  peri_kesten k = {.kind = kind_of(L, idx, who), .b = opt_integer(L, idx, who, "b", 1), .d = opt_integer(L, idx, who, "d", 1)};
  if (k.kind == PERI_KESTEN_LOGNORMAL) {
    k.mu = needed(L, idx, who, "mu", "the mean of log M"), k.s = needed(L, idx, who, "s", "the standard deviation of log M");
    return k;
  }
  if (k.kind == PERI_KESTEN_ARCH) {
    k.lam = needed(L, idx, who, "lam", "the factor of x^2"), k.g = opt_number(L, idx, who, "g", 1);
    return k;
  }
  double eta = needed(L, idx, who, "eta", "the step size"), s = opt_number(L, idx, who, "s", 1);
  if (!(eta > 0 && isfinite(eta))) luaL_error(L, "%s: the step size eta must be positive and finite, got %f", who, eta);
  if (!(s > 0 && isfinite(s))) luaL_error(L, "%s: s, the standard deviation of the rows' entries, must be positive and finite, got %f", who, s);
  k.c = k.kind == PERI_KESTEN_DATA ? eta : eta * s * s;
  k.noise = opt_number(L, idx, who, "noise", 1) / s;
  return k;
}

/* index{ law } -> { verdict, alpha, drift, relaxation, stationary } */
static int l_tail_index(lua_State *L) {
  static const char *const verdicts[] = {"finite", "none", "light"};
  peri_kesten k = law_of(L, 1, "process.kesten.index", law_options);
  peri_tail tail;
  if (peri_kesten_index(glue_of(L)->cx, &k, &tail)) return raise_core(L, glue_of(L)->cx);
  lua_createtable(L, 0, 5);
  lua_pushstring(L, verdicts[tail.verdict]);
  lua_setfield(L, -2, "verdict");
  lua_pushnumber(L, tail.drift);
  lua_setfield(L, -2, "drift");
  lua_pushboolean(L, tail.verdict != PERI_TAIL_NONE);
  lua_setfield(L, -2, "stationary");
  if (tail.verdict == PERI_TAIL_NONE) return 1;
  lua_pushnumber(L, tail.alpha);
  lua_setfield(L, -2, "alpha");
  lua_pushnumber(L, -1 / tail.drift);
  lua_setfield(L, -2, "relaxation");
  return 1;
}

static int l_log_moment(lua_State *L) {
  double r = luaL_checknumber(L, 1), y;
  peri_kesten k = law_of(L, 2, "process.kesten.log_moment", law_options);
  if (peri_kesten_log_moment(glue_of(L)->cx, &k, r, &y)) return raise_core(L, glue_of(L)->cx);
  return lua_pushnumber(L, y), 1;
}

static int l_critical(lua_State *L) {
  static const char who[] = "process.kesten.critical";
  int64_t b = check_integer(L, 1, who, "the batch b"), d = check_integer(L, 2, who, "the dimension d");
  double c;
  if (peri_kesten_critical(glue_of(L)->cx, b, d, &c)) return raise_core(L, glue_of(L)->cx);
  return lua_pushnumber(L, c), 1;
}

/* Option `name` of the table at 2 as a tensor that stays on the stack, or NULL with nil there. */
static peri_tensor *tensor_option(lua_State *L, const char *who, const char *name) {
  if (lua_getfield(L, 2, name) == LUA_TNIL) return NULL;
  return to_tensor(L, lua_gettop(L), who, PERI_F64);
}

/* A number starts every coordinate of every chain there. */
static peri_tensor *start_of(lua_State *L, const char *who, int64_t n, int64_t width) {
  bool number = lua_getfield(L, 2, "start") == LUA_TNUMBER;
  double x = number ? lua_tonumber(L, -1) : 0;
  if (!number) return lua_isnil(L, -1) ? NULL : to_tensor(L, lua_gettop(L), who, PERI_F64);
  peri_tensor **box = new_box(L);
  if (!(*box = peri_full(glue_of(L)->cx, PERI_F64, 2, (int64_t[]){n, width}, x))) raise_core(L, glue_of(L)->cx);
  return *box;
}

static int64_t width_of(const peri_kesten *k) {
  if (k->kind == PERI_KESTEN_DATA) return k->A && k->A->ndim == 2 ? k->A->dims[1] : 1;
  return k->kind == PERI_KESTEN_GAUSS && k->d > 0 ? k->d : 1;
}

/* chains(block, { law, steps, burn = 0, gap = steps - burn, average = 0, start = 0 }) -> norms, last[, average] */
static int l_chains(lua_State *L) {
  static const char who[] = "process.kesten.chains";
  peri_block *b = check_block(L, 1);
  lua_settop(L, 2);
  peri_kesten k = law_of(L, 2, who, chain_options);
  needed(L, 2, who, "steps", "how many");
  peri_kesten_plan plan = {.steps = opt_integer(L, 2, who, "steps", 1), .burn = opt_integer(L, 2, who, "burn", 0), .average = opt_integer(L, 2, who, "average", 0)};
  plan.gap = opt_integer(L, 2, who, "gap", plan.burn >= 0 && plan.burn < plan.steps ? plan.steps - plan.burn : 1);
  k.A = tensor_option(L, who, "A"), k.y = tensor_option(L, who, "y");
  peri_tensor *start = start_of(L, who, peri_block_rows(b), width_of(&k));
  peri_tensor **norms = new_box(L), **last = new_box(L), **average = new_box(L);
  peri_kesten_chains_result r;
  if (peri_kesten_chains(b, &k, start, &plan, &r)) return raise_core(L, glue_of(L)->cx);
  *norms = r.norms, *last = r.last, *average = r.average;
  if (plan.average > 0) return 3;
  lua_pop(L, 1);
  return 2;
}

static const pri_row functions[] = {
    {"index", l_tail_index, "process.kesten.index{ law = \"gauss\", eta[, s = 1, b = 1, d = 1] | mu, s | lam } -> { verdict, alpha, drift, relaxation, stationary }",
     "Exact tail index of the stationary law of x <- M x + q: verdict finite, none (no stationary law, no alpha) or light (no finite index, alpha infinite); drift E log |M e|; relaxation in steps. "
     "Laws: gauss, least squares by SGD of batch b with rows N(0, s^2 I_d); lognormal; arch."},
    {"log_moment", l_log_moment, "process.kesten.log_moment(r, { law, ... }) -> number", "log E |M e|^r for 0 <= r <= 4096; the index is its zero above 0."},
    {"critical", l_critical, "process.kesten.critical(b, d) -> c", "The eta s^2 from which on SGD of batch b in d dimensions has no stationary law: E log |M e| = 0."},
    {"chains", l_chains,
     "process.kesten.chains(block, { law = \"gauss\", steps, eta, ...[, noise = 1, burn = 0, gap = steps - burn, average = 0, start = 0] }) -> norms, last[, average]",
     "One chain a stream: |x| at burn + gap, burn + 2 gap, ... (chains, records), the last state and the mean of the last so many (chains, d). Laws: gauss; norm, its norm alone, exactly in law; lognormal { mu, s }; "
     "arch { lam, g = 1 }; data { A, y, b }, batches of given rows without replacement. What leaves the range of doubles is infinite."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_kesten(lua_State *L) {
  static const pri_row none[] = {{NULL, NULL, NULL, NULL}};
  pri_register(L, "process", none, 0); /* pg.process */
  lua_getfield(L, -1, "process");
  lua_newtable(L);
  for (const pri_row *r = functions; r->name; r++) {
    pri_set_closure(L, r->fn, NULL);
    lua_setfield(L, -2, r->name);
    lua_pushfstring(L, "process.kesten.%s", r->name);
    pri_document(L, lua_tostring(L, -1), r->signature, r->help);
    lua_pop(L, 1);
  }
  lua_setfield(L, -2, "kesten");
  lua_pop(L, 1);
}
