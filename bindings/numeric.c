/* numeric.c - special functions; integrals, roots, minima, fits and differential equations of Lua functions.
**
** The core never sees Lua: it calls back through a trampoline that runs the script's function protected. An error stays on top of the
** stack, the
** trampoline returns PERI_ERR_CALLBACK, the core unwinds by returning, and the binding raises the script's own error.
*/
#include "peri_lua.h"
#include <math.h>
#include <perigee/ad.h>
#include <perigee/numeric.h>
#include <perigee/shape.h>
#include <string.h>

/* One call of the library: the stack indices of what the script gave, and what its last failure left. */
typedef struct {
  lua_State *L;
  peri_ctx *cx;
  const char *who;
  int f, slope;            /* the function; its derivative or Jacobian */
  int automatic; /* what makes the Jacobian if none is given: numeric/jacobian.lua */
  int thunk;               /* a closure of call_with_tensor */
  const peri_tensor *like; /* shape of the vector's tensor */
  int64_t rows;            /* how many elements a result must have; -1: any */
  bool raised;
} host;

static host begin(lua_State *L, const char *who, int f) {
  luaL_checkstack(L, 24, who);
  if (lua_type(L, f) != LUA_TFUNCTION && !luaL_getmetafield(L, f, "__call"))
    luaL_error(L, "%s: argument %d must be a function, got %s", who, f, luaL_typename(L, f));
  return (host){.L = L, .cx = glue_of(L)->cx, .who = who, .f = f, .rows = -1};
}

/* Raises what went wrong: the script's own error, which is on top, or the core's. */
static int failed(host *h) {
  if (h->raised) return lua_error(h->L);
  return raise_core(h->L, h->cx);
}

static peri_status note(host *h) {
  h->raised = true;
  return peri_fail(h->cx, PERI_ERR_CALLBACK, "%s: the function failed", h->who);
}

static peri_status protected_call(host *h, int nargs, int nresults) {
  if (h->raised) return peri_fail(h->cx, PERI_ERR_CALLBACK, "%s: the function failed", h->who);
  int status = lua_pcall(h->L, nargs, nresults, 0);
  glue_of(h->L)->L = h->L; /* a coroutine that ran in between is over */
  return status == LUA_OK ? PERI_OK : note(h);
}

/* The number, or tensor of one element, on top of the stack. */
static peri_status take_number(host *h, const char *what, double *y) {
  peri_tensor *t = test_tensor(h->L, -1);
  if (lua_type(h->L, -1) == LUA_TNUMBER)
    *y = lua_tonumber(h->L, -1);
  else if (t && t->size == 1 && t->dtype != PERI_C128)
    *y = peri_item(t, 0);
  else {
    peri_status st = peri_fail(h->cx, PERI_ERR_VALUE, "%s: the %s must return a number, got %s", h->who, what,
                               t ? peri_shape(t) : luaL_typename(h->L, -1));
    lua_pop(h->L, 1);
    return st;
  }
  lua_pop(h->L, 1);
  return PERI_OK;
}

static peri_status number_of(host *h, int function, const char *what, double x, double *y) {
  lua_pushvalue(h->L, function);
  lua_pushnumber(h->L, x);
  peri_status st = protected_call(h, 1, 1);
  return st ? st : take_number(h, what, y);
}

static peri_status call_number(void *ud, double x, double *y) {
  host *h = ud;
  return number_of(h, h->f, "function", x, y);
}

static peri_status call_slope(void *ud, double x, double *y, double *dy) {
  host *h = ud;
  peri_status st = number_of(h, h->f, "function", x, y);
  return st ? st : number_of(h, h->slope, "derivative", x, dy);
}

/* ---- functions of vectors ---- */

typedef struct {
  const host *h;
  const double *x;
  double *out;
  int64_t rows;
  const char *what;
} vector_call;

/* (call, f, t or nothing): f(t, x) or f(x) with x a new tensor; its result's elements go to out, or stay as a number. May raise. */
static int call_with_tensor(lua_State *L) {
  const vector_call *c = lua_touserdata(L, 1);
  int nargs = lua_gettop(L) - 1;
  peri_tensor **box = new_box(L);
  *box = peri_from(c->h->cx, PERI_F64, c->h->like->ndim, c->h->like->dims, c->x);
  if (!*box) return raise_core(L, c->h->cx);
  lua_call(L, nargs, 1);
  if (!c->out) return 1;
  peri_tensor *r = test_tensor(L, -1);
  if (!r && lua_type(L, -1) == LUA_TNUMBER) r = to_tensor(L, -1, c->h->who, PERI_F64);
  if (!r) return luaL_error(L, "%s: the %s must return a tensor, got %s", c->h->who, c->what, luaL_typename(L, -1));
  if (c->rows >= 0 && r->size != c->rows)
    return luaL_error(L, "%s: the %s must return %d elements, got shape %s", c->h->who, c->what, (int)c->rows, peri_shape(r));
  if (r->dtype == PERI_C128) return luaL_error(L, "%s: the %s must return real numbers, got c128", c->h->who, c->what);
  peri_tensor **cast = new_box(L), **flat = new_box(L);
  *cast = peri_cast(r, PERI_F64);
  *flat = *cast ? peri_contiguous(*cast) : NULL;
  if (!*flat) return raise_core(L, c->h->cx);
  memcpy(c->out, (*flat)->data, (size_t)r->size * sizeof(double));
  lua_pushinteger(L, r->size);
  return 1;
}

static void make_thunk(host *h) {
  pri_set_closure(h->L, call_with_tensor, NULL);
  h->thunk = lua_gettop(h->L);
}

/* f(x) or f(t, x) into out, `rows` elements; what it pushed is popped. */
static peri_status vector_of(host *h, int function, const char *what, const double *t, const double *x, double *out, int64_t rows) {
  vector_call c = {.h = h, .x = x, .out = out, .rows = rows, .what = what};
  lua_pushvalue(h->L, h->thunk);
  lua_pushlightuserdata(h->L, &c);
  lua_pushvalue(h->L, function);
  if (t) lua_pushnumber(h->L, *t);
  peri_status st = protected_call(h, t ? 3 : 2, 1);
  if (!st) lua_pop(h->L, 1);
  return st;
}

static peri_status call_field(void *ud, double t, const double *y, double *dy) {
  host *h = ud;
  return vector_of(h, h->f, "field", &t, y, dy, h->like->size);
}

static peri_status call_vector(void *ud, const double *x, double *y) {
  host *h = ud;
  vector_call c = {.h = h, .x = x};
  lua_pushvalue(h->L, h->thunk);
  lua_pushlightuserdata(h->L, &c);
  lua_pushvalue(h->L, h->f);
  peri_status st = protected_call(h, 2, 1);
  return st ? st : take_number(h, "function", y);
}

static peri_status call_residual(void *ud, const double *theta, double *r, double *J) {
  host *h = ud;
  peri_status st = vector_of(h, h->f, "residual function", NULL, theta, r, h->rows);
  if (st || !J) return st;
  if (h->slope) return vector_of(h, h->slope, "Jacobian", NULL, theta, J, h->rows * h->like->size);
  vector_call c = {.h = h, .x = theta, .out = J, .rows = h->rows * h->like->size, .what = "Jacobian"};
  lua_pushvalue(h->L, h->thunk);
  lua_pushlightuserdata(h->L, &c);
  lua_pushvalue(h->L, h->automatic);
  lua_pushvalue(h->L, h->f);
  st = protected_call(h, 3, 1);
  if (!st) lua_pop(h->L, 1);
  return st;
}

/* ---- arguments ---- */

/* {a, b} at idx */
static void check_range(lua_State *L, int idx, const char *who, double *a, double *b) {
  if (!lua_istable(L, idx) || lua_rawlen(L, idx) != 2)
    luaL_error(L, "%s: argument %d must be the range {a, b}, got %s", who, idx, luaL_typename(L, idx));
  for (int i = 1; i <= 2; i++) {
    lua_rawgeti(L, idx, i);
    if (lua_type(L, -1) != LUA_TNUMBER) luaL_error(L, "%s: the ends of the range must be numbers, got %s", who, luaL_typename(L, -1));
    *(i == 1 ? a : b) = lua_tonumber(L, -1);
    lua_pop(L, 1);
  }
}

/* The tensor or table at idx as contiguous f64, pushed. */
static peri_tensor *check_vector(lua_State *L, int idx, const char *who) {
  peri_tensor *t = to_tensor(L, idx, who, PERI_F64), **flat = new_box(L);
  *flat = peri_contiguous(t);
  if (!*flat) raise_core(L, t->cx);
  return *flat;
}

/* The option `name` as such a tensor, or NULL; pushes one value or more. */
static peri_tensor *opt_vector(lua_State *L, int idx, const char *who, const char *name) {
  if (!lua_istable(L, idx) || lua_getfield(L, idx, name) == LUA_TNIL) return NULL;
  if (lua_type(L, -1) == LUA_TNUMBER) to_tensor(L, -1, who, PERI_F64);
  return check_vector(L, lua_gettop(L), who);
}

static peri_tensor *new_like(lua_State *L, const peri_tensor *like) { /* a copy, pushed */
  peri_tensor **box = new_box(L);
  *box = peri_from(like->cx, PERI_F64, like->ndim, like->dims, like->data);
  if (!*box) raise_core(L, like->cx);
  return *box;
}

/* ---- one variable ---- */

static int l_integrate(lua_State *L) {
  static const char *const options[] = {"abs_tol", "rel_tol", "breaks", "max_evaluations", "method", NULL};
  static const char who[] = "numeric.integrate";
  lua_settop(L, 3);
  host h = begin(L, who, 1);
  double a, b;
  check_range(L, 2, who, &a, &b);
  check_options(L, 3, who, options);
  const char *method = opt_string(L, 3, who, "method", "gauss_kronrod");
  peri_quadrature o = {.abs_tol = opt_number(L, 3, who, "abs_tol", 0), .rel_tol = opt_number(L, 3, who, "rel_tol", 0)};
  o.max_evaluations = opt_integer(L, 3, who, "max_evaluations", 0);
  o.tanh_sinh = strcmp(method, "tanh_sinh") == 0;
  if (!o.tanh_sinh && strcmp(method, "gauss_kronrod") != 0)
    return luaL_error(L, "%s: method must be 'gauss_kronrod' or 'tanh_sinh', got '%s'", who, method);
  peri_tensor *breaks = opt_vector(L, 3, who, "breaks");
  if (breaks) o.breaks = breaks->data, o.n_breaks = breaks->size;
  peri_integral r;
  if (peri_integrate(h.cx, call_number, &h, a, b, &o, &r)) return failed(&h);
  lua_pushnumber(L, r.value);
  lua_pushnumber(L, r.error);
  lua_pushinteger(L, r.evaluations);
  return 3;
}

static int l_gauss(lua_State *L) {
  static const char *const kinds[] = {"legendre", "laguerre", "hermite", "jacobi", NULL}, *const options[] = {"alpha", "beta", NULL};
  static const char who[] = "numeric.gauss";
  const char *kind = luaL_checkstring(L, 1);
  int k = 0;
  while (kinds[k] && strcmp(kinds[k], kind) != 0) k++;
  if (!kinds[k]) return luaL_error(L, "%s: the kind must be 'legendre', 'laguerre', 'hermite' or 'jacobi', got '%s'", who, kind);
  int64_t n = check_integer(L, 2, who, "the number of points");
  if (n < 1 || n > 100000) return luaL_error(L, "%s: the number of points must lie in 1..100000, got %I", who, (LUAI_UACINT)n);
  check_options(L, 3, who, options);
  double alpha = opt_number(L, 3, who, "alpha", 0), beta = opt_number(L, 3, who, "beta", 0);
  peri_tensor **x = new_box(L), **w = new_box(L), **lw = new_box(L);
  peri_ctx *cx = glue_of(L)->cx;
  if (!(*x = peri_new(cx, PERI_F64, 1, &n)) || !(*w = peri_new(cx, PERI_F64, 1, &n)) || !(*lw = peri_new(cx, PERI_F64, 1, &n)))
    return raise_core(L, cx);
  if (peri_gauss(cx, (peri_gauss_kind)k, n, alpha, beta, (*x)->data, (*w)->data, (*lw)->data)) return raise_core(L, cx);
  return 3;
}

/* stable(part, x, alpha[, beta, scale, location, form]): what numeric.law("stable", ...) calls. */
static int l_stable(lua_State *L) {
  static const char *const parts[] = {"log_density", "cdf", "upper", "quantile", "upper_quantile", NULL};
  static const char who[] = "numeric.stable";
  const char *part = luaL_checkstring(L, 1), *form = luaL_optstring(L, 7, "s1");
  int k = 0;
  while (parts[k] && strcmp(parts[k], part) != 0) k++;
  if (!parts[k]) return luaL_error(L, "%s: 'log_density', 'cdf', 'upper', 'quantile' or 'upper_quantile' expected, got '%s'", who, part);
  peri_tensor *x = check_tensor(L, 2);
  peri_stable_parameters p = {luaL_checknumber(L, 3), luaL_optnumber(L, 4, 0), luaL_optnumber(L, 5, 1), luaL_optnumber(L, 6, 0), strcmp(form, "s0") == 0};
  if (!p.s0 && strcmp(form, "s1") != 0) return luaL_error(L, "%s: form must be \"s1\" or \"s0\", got \"%s\"", who, form);
  if (peri_recorded(x)) return luaL_error(L, "%s: no gradient is known to it; ad.stop(x) makes x a constant", who);
  peri_tensor **r = new_box(L);
  *r = peri_stable_values(x, (peri_stable_part)k, &p);
  return *r ? 1 : raise_core(L, x->cx);
}

static const char *const search_options[] = {"x_tol", "max_iterations", NULL};

static peri_search search_of(lua_State *L, int idx, const char *who, const char *const *names) {
  check_options(L, idx, who, names);
  return (peri_search){.x_tol = opt_number(L, idx, who, "x_tol", 0), .max_iterations = opt_integer(L, idx, who, "max_iterations", 0)};
}

static int l_root(lua_State *L) {
  lua_settop(L, 3);
  host h = begin(L, "numeric.root", 1);
  double a, b, x;
  check_range(L, 2, h.who, &a, &b);
  peri_search o = search_of(L, 3, h.who, search_options);
  if (peri_root(h.cx, call_number, &h, a, b, &o, &x)) return failed(&h);
  return lua_pushnumber(L, x), 1;
}

static int l_newton(lua_State *L) {
  lua_settop(L, 4);
  host h = begin(L, "numeric.newton", 1);
  begin(L, h.who, 2);
  h.slope = 2;
  double a, b, x;
  check_range(L, 3, h.who, &a, &b);
  peri_search o = search_of(L, 4, h.who, search_options);
  if (peri_newton(h.cx, call_slope, &h, a, b, &o, &x)) return failed(&h);
  return lua_pushnumber(L, x), 1;
}

static int l_bracket(lua_State *L) {
  static const char *const options[] = {"lo", "hi", NULL};
  lua_settop(L, 3);
  host h = begin(L, "numeric.bracket", 1);
  double a, b;
  check_range(L, 2, h.who, &a, &b);
  check_options(L, 3, h.who, options);
  double lo = opt_number(L, 3, h.who, "lo", -INFINITY), hi = opt_number(L, 3, h.who, "hi", INFINITY);
  if (peri_bracket(h.cx, call_number, &h, &a, &b, lo, hi)) return failed(&h);
  lua_createtable(L, 2, 0);
  lua_pushnumber(L, a);
  lua_rawseti(L, -2, 1);
  lua_pushnumber(L, b);
  lua_rawseti(L, -2, 2);
  return 1;
}

static int l_minimise(lua_State *L) {
  static const char *const options[] = {"x_tol", "max_iterations", "method", NULL};
  lua_settop(L, 3);
  host h = begin(L, "numeric.minimise", 1);
  double a, b, x, y;
  check_range(L, 2, h.who, &a, &b);
  peri_search o = search_of(L, 3, h.who, options);
  const char *method = opt_string(L, 3, h.who, "method", "brent");
  bool golden = strcmp(method, "golden") == 0;
  if (!golden && strcmp(method, "brent") != 0) return luaL_error(L, "%s: method must be 'brent' or 'golden', got '%s'", h.who, method);
  if (peri_minimise(h.cx, call_number, &h, a, b, golden, &o, &x, &y)) return failed(&h);
  lua_pushnumber(L, x);
  lua_pushnumber(L, y);
  return 2;
}

/* ---- several variables ---- */

static int l_nelder_mead(lua_State *L) {
  static const char *const options[] = {"step", "x_tol", "f_tol", "max_evaluations", NULL};
  lua_settop(L, 3);
  host h = begin(L, "numeric.nelder_mead", 1);
  check_options(L, 3, h.who, options);
  peri_simplex o = {opt_number(L, 3, h.who, "step", 0), opt_number(L, 3, h.who, "x_tol", 0), opt_number(L, 3, h.who, "f_tol", 0),
                    opt_integer(L, 3, h.who, "max_evaluations", 0)};
  peri_tensor *x = new_like(L, h.like = check_vector(L, 2, h.who));
  int at = lua_gettop(L);
  make_thunk(&h);
  double y;
  int64_t evaluations;
  if (peri_nelder_mead(h.cx, call_vector, &h, x->size, x->data, &o, &y, &evaluations)) return failed(&h);
  lua_pushvalue(L, at);
  lua_pushnumber(L, y);
  lua_pushinteger(L, evaluations);
  return 3;
}

/* How many residuals there are: one call more. */
static void count_residuals(lua_State *L, host *h) {
  lua_pushvalue(L, h->f);
  peri_tensor **box = new_box(L);
  *box = peri_from(h->cx, PERI_F64, h->like->ndim, h->like->dims, h->like->data);
  if (!*box) raise_core(L, h->cx);
  lua_call(L, 1, 1);
  peri_tensor *r = test_tensor(L, -1);
  if (!r && lua_type(L, -1) != LUA_TNUMBER)
    luaL_error(L, "%s: the residual function must return a tensor, got %s", h->who, luaL_typename(L, -1));
  h->rows = r ? r->size : 1;
  lua_pop(L, 1);
}

static void set_integer(lua_State *L, const char *name, int64_t v) {
  lua_pushinteger(L, v);
  lua_setfield(L, -2, name);
}

/* The option jacobian, or the function of numeric/jacobian.lua. */
static void opt_jacobian(lua_State *L, host *h) {
  static const char automatic[] = "perigee.numeric.jacobian";
  if (lua_istable(L, 3) && lua_getfield(L, 3, "jacobian") != LUA_TNIL) {
    if (lua_type(L, -1) != LUA_TFUNCTION) luaL_error(L, "%s: jacobian must be a function, got %s", h->who, luaL_typename(L, -1));
    h->slope = lua_gettop(L);
    return;
  }
  if (lua_getfield(L, LUA_REGISTRYINDEX, automatic) != LUA_TFUNCTION) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    if (lua_getfield(L, -1, automatic) != LUA_TFUNCTION) luaL_error(L, "%s: give the option jacobian: the library's Lua files are not loaded", h->who);
    lua_call(L, 0, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, automatic);
  }
  h->automatic = lua_gettop(L);
}

static const double *bound(lua_State *L, const host *h, const char *name) {
  peri_tensor *t = opt_vector(L, 3, h->who, name);
  if (!t) return NULL;
  peri_tensor **wide = new_box(L), **flat = new_box(L);
  *wide = peri_broadcast_to(t, h->like->ndim, h->like->dims);
  *flat = *wide ? peri_contiguous(*wide) : NULL;
  if (!*flat) raise_core(L, h->cx);
  return (*flat)->data;
}

static int l_fit(lua_State *L) {
  static const char *const options[] = {"jacobian", "lower", "upper", "f_tol", "x_tol", "g_tol", "max_iterations", NULL};
  lua_settop(L, 3);
  host h = begin(L, "numeric.fit", 1);
  check_options(L, 3, h.who, options);
  peri_least_squares o = {.f_tol = opt_number(L, 3, h.who, "f_tol", 0),
                          .x_tol = opt_number(L, 3, h.who, "x_tol", 0),
                          .g_tol = opt_number(L, 3, h.who, "g_tol", 0),
                          .max_iterations = opt_integer(L, 3, h.who, "max_iterations", 0)};
  peri_tensor *theta = new_like(L, h.like = check_vector(L, 2, h.who)), **cov = NULL;
  int at = lua_gettop(L);
  opt_jacobian(L, &h);
  o.lower = bound(L, &h, "lower"), o.upper = bound(L, &h, "upper");
  count_residuals(L, &h);
  cov = new_box(L);
  int cov_at = lua_gettop(L);
  int64_t n = theta->size;
  if (!(*cov = peri_new(h.cx, PERI_F64, 2, (int64_t[]){n, n}))) return raise_core(L, h.cx);
  make_thunk(&h);
  peri_fit_report report;
  if (peri_fit(h.cx, call_residual, &h, h.rows, n, theta->data, &o, (*cov)->data, &report)) return failed(&h);
  lua_pushvalue(L, at);
  lua_createtable(L, 0, 5);
  lua_pushvalue(L, cov_at);
  lua_setfield(L, -2, "covariance");
  lua_pushnumber(L, report.rss);
  lua_setfield(L, -2, "rss");
  set_integer(L, "rank", report.rank);
  set_integer(L, "iterations", report.iterations);
  set_integer(L, "evaluations", report.evaluations);
  return 2;
}

static int l_solve(lua_State *L) {
  static const char *const options[] = {"jacobian", "tol", NULL};
  lua_settop(L, 3);
  host h = begin(L, "numeric.solve", 1);
  check_options(L, 3, h.who, options);
  double tol = opt_number(L, 3, h.who, "tol", 0);
  peri_tensor *x = new_like(L, h.like = check_vector(L, 2, h.who));
  int at = lua_gettop(L);
  opt_jacobian(L, &h);
  count_residuals(L, &h);
  if (h.rows != x->size)
    return luaL_error(L, "numeric.solve: %d equations for %d unknowns; numeric.fit takes more equations than unknowns", (int)h.rows,
                      (int)x->size);
  make_thunk(&h);
  peri_fit_report report;
  if (peri_solve_system(h.cx, call_residual, &h, x->size, x->data, tol, &report)) return failed(&h);
  lua_pushvalue(L, at);
  lua_pushnumber(L, report.largest);
  lua_pushinteger(L, report.iterations);
  return 3;
}

static int l_ode(lua_State *L) {
  static const char *const options[] = {"rel_tol", "abs_tol", "first_step", "max_step", "max_steps", "steps", NULL};
  lua_settop(L, 4);
  host h = begin(L, "numeric.ode", 1);
  check_options(L, 4, h.who, options);
  peri_ode_options o = {.rel_tol = opt_number(L, 4, h.who, "rel_tol", 0),
                        .abs_tol = opt_number(L, 4, h.who, "abs_tol", 0),
                        .first_step = opt_number(L, 4, h.who, "first_step", 0),
                        .max_step = opt_number(L, 4, h.who, "max_step", 0),
                        .max_steps = opt_integer(L, 4, h.who, "max_steps", 0),
                        .steps = opt_integer(L, 4, h.who, "steps", 0)};
  if (o.steps < 0 || o.max_steps < 0 || !(o.max_step >= 0) || !(o.first_step >= 0))
    return luaL_error(L, "numeric.ode: steps and step sizes must not be negative");
  h.like = check_vector(L, 2, h.who);
  peri_tensor *times = check_vector(L, 3, h.who);
  if (times->ndim != 1) return luaL_error(L, "numeric.ode: times must be a vector, got shape %s", peri_shape(times));
  if (h.like->ndim == PERI_MAXDIM) return luaL_error(L, "numeric.ode: the state has %d axes; the times need one more", PERI_MAXDIM);
  int64_t dims[PERI_MAXDIM] = {times->size};
  memcpy(dims + 1, h.like->dims, (size_t)h.like->ndim * sizeof *dims);
  peri_tensor **out = new_box(L);
  int at = lua_gettop(L);
  if (!(*out = peri_new(h.cx, PERI_F64, h.like->ndim + 1, dims))) return raise_core(L, h.cx);
  make_thunk(&h);
  peri_ode_report report;
  if (peri_ode(h.cx, call_field, &h, h.like->size, h.like->data, times->size, times->data, &o, (*out)->data, &report)) return failed(&h);
  lua_pushvalue(L, at);
  lua_createtable(L, 0, 3);
  set_integer(L, "accepted", report.accepted);
  set_integer(L, "rejected", report.rejected);
  set_integer(L, "evaluations", report.evaluations);
  return 2;
}

void pri_bind_numeric(lua_State *L) {
  static const pri_row rows[] = {
      {"integrate", l_integrate,
       "numeric.integrate(f, {a, b}[, {abs_tol=, rel_tol=, breaks=, method=, max_evaluations=}]) -> value, error, evaluations",
       "The integral of f, by adaptive Gauss-Kronrod rules or method = 'tanh_sinh' for singular ends; the ends may be infinite, breaks are "
       "kinks inside."},
      {"gauss", l_gauss, "numeric.gauss(kind, n[, {alpha=, beta=}]) -> nodes, weights, log_weights",
       "Gauss's rule of n points: 'legendre' (weight 1), 'laguerre' (x^alpha e^-x), 'hermite' (e^-x^2), 'jacobi' ((1-x)^alpha "
       "(1+x)^beta)."},
      {"stable", l_stable, "numeric.stable(part, x, alpha[, beta, scale, location, form]) -> tensor",
       "A stable law's 'log_density', 'cdf', 'upper', 'quantile' or 'upper_quantile' of a tensor; numeric.law(\"stable\", ...) makes it a law."},
      {"root", l_root, "numeric.root(f, {a, b}[, {x_tol=, max_iterations=}]) -> x",
       "The zero of f between a and b, where f changes sign, by Brent's method, to the last digits."},
      {"newton", l_newton, "numeric.newton(f, df, {a, b}[, {x_tol=, max_iterations=}]) -> x",
       "The zero of f between a and b by Newton's steps, kept inside the bracket."},
      {"bracket", l_bracket, "numeric.bracket(f, {a, b}[, {lo=, hi=}]) -> {a, b}",
       "Widens a range, within [lo, hi], until f changes sign over it, for root."},
      {"minimise", l_minimise, "numeric.minimise(f, {a, b}[, {method=, x_tol=, max_iterations=}]) -> x, f(x)",
       "A local minimum of f between a and b by Brent's method or method = 'golden' sections."},
      {"nelder_mead", l_nelder_mead, "numeric.nelder_mead(f, x0[, {step=, x_tol=, f_tol=, max_evaluations=}]) -> x, f(x), evaluations",
       "A minimum of f of a few variables without derivatives; with gradients, optim.lbfgs is far better."},
      {"fit", l_fit,
       "numeric.fit(r, theta0[, {jacobian=, lower=, upper=, f_tol=, x_tol=, g_tol=, max_iterations=}]) -> theta, {covariance, rss, rank, "
       "...}",
       "Least squares, min |r(theta)|^2, by Levenberg and Marquardt; the Jacobian comes from the gradients of r unless given; covariance of the "
       "estimate."},
      {"solve", l_solve, "numeric.solve(F, x0[, {jacobian=, tol=}]) -> x, largest |F|, iterations",
       "A system of equations F(x) = 0 by damped Newton steps from x0."},
      {"ode", l_ode,
       "numeric.ode(f, y0, times[, {rel_tol=, abs_tol=, first_step=, max_step=, max_steps=, steps=}]) -> states, {accepted, rejected, "
       "evaluations}",
       "y' = f(t, y) from y0 at the first of the times; states at all of them: Dormand-Prince 5(4) with dense output, or steps = k of RK4 "
       "per interval."},
      {NULL, NULL, NULL, NULL}};
  pri_register(L, "numeric", rows, 0);
  pri_bind_functions(L, "numeric", peri_special_ops());
}
