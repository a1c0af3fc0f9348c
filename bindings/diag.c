/* diag.c - pg.diag.moments: exact second moments of the continuized iteration on a quadratic f = sum lambda_i x_i^2 / 2.
**
**     local m = pg.diag.moments.quadratic{ lambda = lambda, theta = (mu/L)^0.5, gamma = 1/L, gammap = (mu*L)^-0.5, x0 = x0 }
**     m:at_jump(100)             E f(x_100), and the moments (E x^2, E xz, E z^2) of each direction as a tensor (n, 3)
**     m:at_jumps{10, 50, 100}    tensors (3) and (3, n, 3);  so do at_time and at_times, weighted, with a list or vector
**     m:weighted(100)            E[e^(theta T_100) f(x_100)];  m:weighted(100, rate) for another rate
**     m:at_time(100)             E f(x_t) at t = 100
**     m:stationary "jumps"       the limits just after jumps; "time": at a fixed time
**     m:contraction()            factor per jump of the second moments, one a direction
**     local c = pg.diag.moments.convex{ lambda = lambda, L = 1, x0 = x0, variance = 1e-4 }     has at_time and at_times
**
** x0 and z0 (x0 if absent) are relative to the minimiser; like lambda and variance (of the gradient noise, a coordinate) they are
** tensors, lists, or one number for all directions (lambda: not a number). The object keeps the tensors, not copies.
*/
#include "diag_lua.h"
#include <math.h>
#include <perigee/diag.h>
#include <string.h>

#define CLASS "diag.moments"

typedef struct {
  peri_quadratic q; /* owns its tensors */
  double L;         /* > 0: the convex case */
} moments;

static moments *check_moments(lua_State *L) {
  moments *m = luaL_checkudata(L, 1, "perigee." CLASS);
  if (!m->q.lambda) luaL_error(L, "diag.moments: this object has been closed");
  return m;
}

static int l_gc(lua_State *L) {
  moments *m = luaL_checkudata(L, 1, "perigee." CLASS);
  peri_tensor *all[] = {m->q.lambda, m->q.x0, m->q.z0, m->q.variance};
  memset(m, 0, sizeof *m);
  for (int i = 0; i < 4; i++) peri_release(all[i]);
  return 0;
}

/* ---- making ---- */

static moments *make(lua_State *L, const char *who, const char *const *names) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  check_options(L, 1, who, names);
  moments *m = lua_newuserdatauv(L, sizeof *m, 0);
  memset(m, 0, sizeof *m);
  luaL_setmetatable(L, "perigee." CLASS);
  m->q.lambda = pri_own_tensor(L, who, "lambda", true);
  m->q.x0 = pri_own_tensor(L, who, "x0", true);
  m->q.z0 = pri_own_tensor(L, who, "z0", false);
  m->q.variance = pri_own_tensor(L, who, "variance", false);
  return m;
}

/* The problem is checked now, not at the first question: an empty list of jumps or times asks nothing. */
static int checked(lua_State *L, moments *m) {
  peri_tensor *t = m->L > 0 ? peri_moments_convex(&m->q, m->L, 0, NULL) : peri_moments_at_jumps(&m->q, 0, NULL, 0);
  if (!t) return raise_core(L, glue_of(L)->cx);
  peri_release(t);
  return 1;
}

static int l_quadratic(lua_State *L) {
  static const char *const names[] = {"lambda", "theta", "gamma", "gammap", "x0", "z0", "variance", NULL};
  static const char who[] = "diag.moments.quadratic";
  moments *m = make(L, who, names);
  m->q.theta = pri_required_number(L, who, "theta");
  m->q.gamma = pri_required_number(L, who, "gamma");
  m->q.gammap = pri_required_number(L, who, "gammap");
  return checked(L, m);
}

static int l_convex(lua_State *L) {
  static const char *const names[] = {"lambda", "L", "x0", "z0", "variance", NULL};
  static const char who[] = "diag.moments.convex";
  moments *m = make(L, who, names);
  double l = pri_required_number(L, who, "L");
  if (!(l > 0 && isfinite(l))) return luaL_error(L, "%s: L must be > 0, got %f", who, l);
  m->L = l;
  return checked(L, m);
}

/* ---- asking ---- */

/* The box on top holds moments (1, n, 3) or (count, n, 3); leaves E f and the moments: a number and (n, 3), or (count) and all. */
static int answer(lua_State *L, const moments *m, bool one) {
  pri_only_record(L, one);
  peri_tensor **box = lua_touserdata(L, -1), **value = new_box(L);
  *value = peri_moments_value(m->q.lambda, *box);
  if (!*value) return raise_core(L, glue_of(L)->cx);
  if (one) {
    number_if_scalar(L);
    lua_remove(L, -2);
  }
  lua_insert(L, -2);
  return 2;
}

static void refuse_convex(lua_State *L, const moments *m) {
  if (m->L > 0) luaL_error(L, "diag.moments: parameters that follow the clock have moments in time only; use at_time");
}

static int at_jumps(lua_State *L, const char *who, double rate) {
  moments *m = check_moments(L);
  bool one;
  int64_t count;
  refuse_convex(L, m);
  const int64_t *ks = pri_check_jumps(L, who, &count, &one);
  peri_tensor **box = new_box(L);
  *box = peri_moments_at_jumps(&m->q, count, ks, rate);
  return answer(L, m, one);
}

static int l_at_jumps(lua_State *L) { return at_jumps(L, "diag.moments.at_jumps", 0); }

static int l_weighted(lua_State *L) {
  moments *m = check_moments(L);
  double rate = luaL_optnumber(L, 3, m->q.theta);
  return at_jumps(L, "diag.moments.weighted", rate);
}

static int l_at_times(lua_State *L) {
  moments *m = check_moments(L);
  bool one;
  int64_t count;
  const double *ts = pri_check_list(L, "diag.moments.at_times", &count, &one);
  peri_tensor **box = new_box(L);
  *box = m->L > 0 ? peri_moments_convex(&m->q, m->L, count, ts) : peri_moments_at_times(&m->q, count, ts);
  return answer(L, m, one);
}

static int l_stationary(lua_State *L) {
  static const char *const kinds[] = {"jumps", "time", NULL};
  moments *m = check_moments(L);
  refuse_convex(L, m);
  bool in_time = luaL_checkoption(L, 2, "jumps", kinds) == 1;
  peri_tensor **box = new_box(L);
  *box = peri_moments_stationary(&m->q, in_time);
  return answer(L, m, true);
}

static int l_contraction(lua_State *L) {
  moments *m = check_moments(L);
  refuse_convex(L, m);
  peri_tensor **box = new_box(L);
  *box = peri_moments_contraction(&m->q);
  return finish(L, box);
}

static int l_tostring(lua_State *L) {
  moments *m = check_moments(L);
  lua_Integer n = (lua_Integer)m->q.lambda->size;
  if (m->L > 0)
    lua_pushfstring(L, "diag.moments: %I directions, convex, L %f", (LUAI_UACINT)n, m->L);
  else
    lua_pushfstring(L, "diag.moments: %I directions, theta %f, gamma %f, gammap %f", (LUAI_UACINT)n, m->q.theta,
                    m->q.gamma, m->q.gammap);
  return 1;
}

static const pri_row methods[] = {
    {"at_jump", l_at_jumps, "m:at_jump(k) -> E f, moments (n, 3)",
     "Exact mean of f and second moments just after the k-th jump."},
    {"at_jumps", l_at_jumps, "m:at_jumps{k, ...} -> E f (count), moments (count, n, 3)",
     "The same after each of several numbers of jumps."},
    {"weighted", l_weighted, "m:weighted(k | {k, ...}[, rate]) -> E f, moments",
     "E[e^(rate T_k) f(x_k)], T_k the time of the k-th jump; rate is theta by default."},
    {"at_time", l_at_times, "m:at_time(t) -> E f, moments (n, 3)", "Exact mean of f and second moments at time t."},
    {"at_times", l_at_times, "m:at_times{t, ...} -> E f (count), moments (count, n, 3)",
     "The same at each of several times (convex: increasing ones)."},
    {"stationary", l_stationary, "m:stationary(\"jumps\" | \"time\") -> E f, moments (n, 3)",
     "Their limits: just after jumps, or at a fixed time."},
    {"contraction", l_contraction, "m:contraction() -> tensor (n)",
     "Factor by which a jump contracts the second moments of each direction, on average over the gap before it."},
    {"__gc", l_gc, "", ""},
    {"__close", l_gc, "", ""},
    {"__tostring", l_tostring, "", ""},
    {NULL, NULL, NULL, NULL}};

static const pri_row constructors[] = {
    {"quadratic", l_quadratic, "diag.moments.quadratic{ lambda, theta, gamma, gammap, x0[, z0, variance] } -> moments",
     "Second moments of the continuized iteration on sum lambda x^2 / 2, constant parameters; x0, z0 as seen from the "
     "minimiser."},
    {"convex", l_convex, "diag.moments.convex{ lambda, L, x0[, z0, variance] } -> moments",
     "The same with the parameters of the convex case, which follow the clock: eta = 2/t, gamma = 1/L, gammap = t/2L."},
    {NULL, NULL, NULL, NULL}};

void pri_moments_constructors(lua_State *L, const pri_row *rows) {
  for (const pri_row *r = rows; r->name; r++) {
    pri_set_closure(L, r->fn, NULL);
    lua_setfield(L, -2, r->name);
    lua_pushfstring(L, CLASS ".%s", r->name);
    pri_document(L, lua_tostring(L, -1), r->signature, r->help);
    lua_pop(L, 1);
  }
}

void pri_bind_diag(lua_State *L) {
  static const pri_row none[] = {{NULL, NULL, NULL, NULL}};
  pri_class(L, CLASS, methods);
  pri_bind_design(L);
  pri_register(L, "diag", none, 0); /* pg.diag */
  lua_getfield(L, -1, "diag");
  lua_newtable(L);
  pri_moments_constructors(L, constructors);
  pri_moments_constructors(L, pri_design_constructors);
  lua_setfield(L, -2, "moments");
  lua_pop(L, 1);
}
