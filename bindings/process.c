/* process.c - clocks: superposed, in a heap, of changing rates, inhomogeneous, Hawkes processes.
**
**     for k, T, i, dt in process.poisson(rng, { rate = 1 }):take(n) do ... end
**
** A rate function of Lua is called from within the core through rate_at and bound_at; what it raises is kept with the clock and raised again when the
** core has returned.
*/
#include "peri_lua.h"
#include "random_lua.h"
#include <math.h>
#include <perigee/process.h>
#include <string.h>

#define CLOCK "perigee.process.clock"

/* User values of a clock whose rate is a function: the function, its bound, what one of them raised. */
enum { RATE = 1, BOUND, RAISED };

typedef struct {
  peri_clock *c; /* NULL: closed */
  lua_State *L;  /* while the core runs: the thread, and where this userdata is on its stack */
  int at;
  bool busy;
} clock_box;

static clock_box *check_box(lua_State *L, int idx) {
  clock_box *b = luaL_checkudata(L, idx, CLOCK);
  if (!b->c) luaL_argerror(L, idx, "this clock has been closed");
  if (b->busy) luaL_argerror(L, idx, "this clock is being asked for an event; its rate function cannot use it");
  b->L = L, b->at = lua_absindex(L, idx);
  glue_of(L)->L = L;
  return b;
}
static peri_clock *check_clock(lua_State *L, int idx) { return check_box(L, idx)->c; }

static int raise_clock(lua_State *L, const clock_box *b) {
  peri_ctx *cx = glue_of(L)->cx;
  if (peri_errcode(cx) != PERI_ERR_CALLBACK) return raise_core(L, cx);
  lua_getiuservalue(L, b->at, RAISED);
  return lua_error(L);
}

static clock_box *new_clock(lua_State *L) {
  clock_box *b = lua_newuserdatauv(L, sizeof *b, RAISED);
  memset(b, 0, sizeof *b);
  luaL_setmetatable(L, CLOCK);
  glue_of(L)->L = L;
  return b;
}

static int finish_clock(lua_State *L, clock_box *b, peri_clock *c) {
  b->c = c;
  return c ? 1 : raise_core(L, glue_of(L)->cx);
}

typedef peri_clock *maker(peri_ctx *cx, const double *rates, int64_t m, peri_stream *s);

static int make_clock(lua_State *L, peri_stream *s, const double *rates, int64_t m, maker *make) {
  clock_box *b = new_clock(L);
  return finish_clock(L, b, make(glue_of(L)->cx, rates, m, s));
}

/* The clock of the rates at idx: a vector, or a table of numbers. */
static int clock_of_rates(lua_State *L, peri_stream *s, int idx, const char *who, maker *make) {
  peri_tensor *rates = to_tensor(L, idx, who, PERI_F64);
  if (rates->ndim != 1) return luaL_error(L, "%s: rates must be a vector, got shape %s", who, peri_shape(rates));
  peri_tensor **flat = new_box(L);
  *flat = peri_contiguous(rates);
  if (!*flat) return raise_core(L, rates->cx);
  return make_clock(L, s, (*flat)->data, (*flat)->size, make);
}

/* poisson(rng, { rate = r } | { rates = {...} }) */
static int l_poisson(lua_State *L) {
  static const char *const options[] = {"rate", "rates", NULL};
  peri_stream *s = check_stream(L, 1);
  check_options(L, 2, "process.poisson", options);
  if (!lua_istable(L, 2) || lua_getfield(L, 2, "rates") == LUA_TNIL) {
    double rate = opt_number(L, 2, "process.poisson", "rate", 1);
    return make_clock(L, s, &rate, 1, peri_clock_new);
  }
  if (lua_getfield(L, 2, "rate") != LUA_TNIL) return luaL_error(L, "process.poisson: give either rate or rates, not both");
  lua_pop(L, 1);
  return clock_of_rates(L, s, lua_gettop(L), "process.poisson", peri_clock_new);
}

/* NAME(weights, rng) */
static int of_weights(lua_State *L, const char *who, maker *make) {
  peri_stream *s = check_stream(L, 2);
  lua_settop(L, 2);
  return clock_of_rates(L, s, 1, who, make);
}
static int l_superposed(lua_State *L) { return of_weights(L, "process.superposed", peri_clock_new); }
static int l_heap(lua_State *L) { return of_weights(L, "process.heap", peri_heap_new); }
static int l_changing(lua_State *L) { return of_weights(L, "process.changing", peri_changing_new); }

/* ---- rate functions ---- */

/* Calls user value `which` with t; leaves `results` values, or fails with the error kept. */
static peri_status call_at(clock_box *b, int which, double t, int results) {
  lua_State *L = b->L;
  peri_ctx *cx = peri_lua_context(L);
  if (!lua_checkstack(L, 8)) return peri_fail(cx, PERI_ERR_MEMORY, "process.inhomogeneous: the stack is full");
  lua_getiuservalue(L, b->at, which);
  lua_pushnumber(L, t);
  b->busy = true;
  int failed = lua_pcall(L, 1, results, 0);
  b->busy = false;
  if (!failed) return PERI_OK;
  lua_setiuservalue(L, b->at, RAISED);
  return peri_fail(cx, PERI_ERR_CALLBACK, "process.inhomogeneous: a function of the caller raised an error");
}

static peri_status number_at(lua_State *L, int idx, const char *what, double t, double *x) {
  const peri_tensor *v = lua_type(L, idx) == LUA_TUSERDATA ? test_tensor(L, idx) : NULL;
  bool ok = (v && v->size == 1 && v->dtype != PERI_C128) || lua_type(L, idx) == LUA_TNUMBER;
  if (ok) *x = v ? peri_item(v, 0) : lua_tonumber(L, idx);
  if (ok) return PERI_OK;
  return peri_fail(peri_lua_context(L), PERI_ERR_VALUE, "process.inhomogeneous: the %s at time %.15g must be a number, got %s", what, t, luaL_typename(L, idx));
}

static peri_status rate_at(void *ud, double t, double *rate) {
  clock_box *b = ud;
  if (call_at(b, RATE, t, 1)) return PERI_ERR_CALLBACK;
  peri_status st = number_at(b->L, -1, "rate", t, rate);
  lua_pop(b->L, 1);
  return st;
}

static peri_status bound_at(void *ud, double t, double *bound, double *until) {
  clock_box *b = ud;
  lua_State *L = b->L;
  lua_getiuservalue(L, b->at, BOUND);
  if (lua_type(L, -1) == LUA_TNUMBER) {
    *bound = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return PERI_OK;
  }
  lua_pop(L, 1);
  if (call_at(b, BOUND, t, 2)) return PERI_ERR_CALLBACK;
  peri_status st = number_at(L, -2, "bound", t, bound);
  if (!st && !lua_isnil(L, -1)) st = number_at(L, -1, "end of the bound", t, until);
  lua_pop(L, 2);
  return st;
}

/* inhomogeneous(rng, { rate = f, bound = b | f }) */
static int l_inhomogeneous(lua_State *L) {
  static const char *const options[] = {"rate", "bound", NULL};
  static const char who[] = "process.inhomogeneous";
  peri_stream *s = check_stream(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  check_options(L, 2, who, options);
  clock_box *b = new_clock(L);
  if (lua_getfield(L, 2, "rate") != LUA_TFUNCTION) return luaL_error(L, "%s: option 'rate' must be a function of time, got %s", who, luaL_typename(L, -1));
  lua_setiuservalue(L, 3, RATE);
  int type = lua_getfield(L, 2, "bound");
  if (type != LUA_TNUMBER && type != LUA_TFUNCTION)
    return luaL_error(L, "%s: option 'bound' must be a number that the rate never exceeds, or a function t -> bound, until when; got %s", who, luaL_typename(L, -1));
  lua_setiuservalue(L, 3, BOUND);
  return finish_clock(L, b, peri_inhomogeneous_new(glue_of(L)->cx, (peri_rate_function){rate_at, bound_at, b}, s));
}

/* ---- Hawkes processes ---- */

/* Option `name` of the table at 2, broadcast to these dims, contiguous f64; pushed. */
static peri_tensor *wide_option(lua_State *L, const char *who, const char *name, int nd, const int64_t *dims) {
  if (lua_getfield(L, 2, name) == LUA_TNIL) luaL_error(L, "%s: option '%s' is missing", who, name);
  peri_tensor *t = to_tensor(L, lua_gettop(L), who, PERI_F64), **box = new_box(L);
  *box = peri_new(glue_of(L)->cx, PERI_F64, nd, dims);
  if (!*box) raise_core(L, glue_of(L)->cx);
  bool fits = t->ndim <= nd;
  for (int i = 0; fits && i < t->ndim; i++) fits = t->dims[t->ndim - 1 - i] == dims[nd - 1 - i] || t->dims[t->ndim - 1 - i] == 1;
  if (!fits) luaL_error(L, "%s: %s has shape %s, which does not fit %s for %I components", who, name, peri_shape(t), peri_shape(*box), (LUAI_UACINT)dims[nd - 1]);
  if (peri_copy_(*box, t)) raise_core(L, glue_of(L)->cx);
  return *box;
}

static int64_t components(lua_State *L, const char *who) {
  if (lua_getfield(L, 2, "mu") == LUA_TNIL) luaL_error(L, "%s: option 'mu' is missing", who);
  const peri_tensor *mu = to_tensor(L, lua_gettop(L), who, PERI_F64);
  if (mu->ndim > 1) luaL_error(L, "%s: mu must be a number or a vector, got shape %s", who, peri_shape(mu));
  return mu->size;
}

static bool is_matrix(lua_State *L, const char *who, const char *name) {
  lua_getfield(L, 2, name);
  bool matrix = !lua_isnil(L, -1) && to_tensor(L, lua_gettop(L), who, PERI_F64)->ndim == 2;
  lua_settop(L, 2);
  return matrix;
}

/* hawkes(rng, { mu, alpha, beta[, explosive] }) */
static int l_hawkes(lua_State *L) {
  static const char *const options[] = {"mu", "alpha", "beta", "explosive", NULL};
  static const char who[] = "process.hawkes";
  peri_stream *s = check_stream(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  check_options(L, 2, who, options);
  bool pairs = is_matrix(L, who, "beta");
  int64_t m = components(L, who), square[2] = {m, m};
  if (m < 1 || m > 10000) return luaL_error(L, "%s: 1 .. 10000 components are possible, got %I", who, (LUAI_UACINT)m);
  const peri_tensor *mu = wide_option(L, who, "mu", 1, &m), *alpha = wide_option(L, who, "alpha", 2, square);
  const peri_tensor *beta = wide_option(L, who, "beta", pairs ? 2 : 1, square);
  peri_hawkes h = {.m = m, .mu = mu->data, .alpha = alpha->data, .beta = beta->data, .beta_of_pairs = pairs, .explosive = opt_boolean(L, 2, who, "explosive", false)};
  clock_box *b = new_clock(L);
  return finish_clock(L, b, peri_hawkes_new(glue_of(L)->cx, &h, s));
}

/* ---- methods ---- */

static int l_gc(lua_State *L) {
  clock_box *b = luaL_checkudata(L, 1, CLOCK);
  if (b->busy) return luaL_error(L, "process.clock: this clock is being asked for an event");
  peri_clock_free(b->c);
  b->c = NULL;
  return 0;
}

static int push_event(lua_State *L, peri_event e) {
  lua_pushnumber(L, e.t);
  lua_pushinteger(L, e.index + 1);
  lua_pushnumber(L, e.dt);
  return 3;
}

static int l_next(lua_State *L) {
  clock_box *b = check_box(L, 1);
  peri_event e;
  if (peri_clock_step(b->c, INFINITY, &e)) return raise_clock(L, b);
  return push_event(L, e);
}

/* The iterator of take and take_until: upvalues 3 the clock, 4 how many, 5 until when; the control variable counts. */
static int l_take_step(lua_State *L) {
  lua_Integer k = luaL_checkinteger(L, 2);
  if (k >= lua_tointeger(L, lua_upvalueindex(4))) return 0;
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(3));
  clock_box *b = lua_touserdata(L, 3);
  if (!b->c) return luaL_error(L, "process.clock: this clock has been closed");
  check_box(L, 3);
  if (peri_check_interrupt(glue_of(L)->cx)) return raise_core(L, glue_of(L)->cx);
  peri_event e;
  if (peri_clock_step(b->c, lua_tonumber(L, lua_upvalueindex(5)), &e)) return raise_clock(L, b);
  if (e.index < 0) return 0;
  lua_pushinteger(L, k + 1);
  return 1 + push_event(L, e);
}

static int push_iterator(lua_State *L, int64_t n, double until) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, 1);
  lua_pushinteger(L, n);
  lua_pushnumber(L, until);
  lua_pushcclosure(L, l_take_step, 5);
  lua_pushnil(L);
  lua_pushinteger(L, 0);
  return 3;
}

static int l_take(lua_State *L) {
  check_clock(L, 1);
  return push_iterator(L, check_integer(L, 2, "process.take", "the number of events"), INFINITY);
}

static double check_time(lua_State *L, const char *who) {
  double t = luaL_checknumber(L, 2);
  if (!isfinite(t)) luaL_error(L, "%s: the time must be finite, got %f", who, t);
  return t;
}

static int l_take_until(lua_State *L) {
  check_clock(L, 1);
  return push_iterator(L, INT64_MAX, check_time(L, "process.take_until"));
}

static int l_next_batch(lua_State *L) {
  clock_box *b = check_box(L, 1);
  int64_t n = check_integer(L, 2, "process.next_batch", "the number of events");
  if (n < 0) return luaL_error(L, "process.next_batch: the number of events must be >= 0, got %I", (LUAI_UACINT)n);
  peri_tensor **times = new_box(L), **indices = new_box(L), **gaps = new_box(L);
  if (peri_clock_batch(b->c, n, times, gaps, indices)) return raise_clock(L, b);
  for (int64_t i = 0; i < n; i++) ((int64_t *)(*indices)->data)[i]++;
  return 3;
}

static int l_until_time(lua_State *L) {
  clock_box *b = check_box(L, 1);
  double t = check_time(L, "process.until_time");
  peri_tensor **times = new_box(L), **indices = new_box(L), **gaps = new_box(L);
  if (peri_clock_until(b->c, t, times, gaps, indices)) return raise_clock(L, b);
  for (int64_t i = 0; i < (*indices)->size; i++) ((int64_t *)(*indices)->data)[i]++;
  return 3;
}

static int l_state(lua_State *L) {
  peri_clock *c = check_clock(L, 1);
  if (lua_isnoneornil(L, 2)) {
    luaL_Buffer buffer;
    peri_clock_save(c, luaL_buffinitsize(L, &buffer, peri_clock_text(c)));
    luaL_pushresultsize(&buffer, strlen(luaL_buffaddr(&buffer)));
    return 1;
  }
  if (peri_clock_load(c, luaL_checkstring(L, 2))) return raise_core(L, glue_of(L)->cx);
  lua_settop(L, 1);
  return 1;
}

static int l_rates(lua_State *L) {
  peri_clock *c = check_clock(L, 1);
  peri_tensor **box = new_box(L);
  *box = peri_clock_rates(c);
  return finish(L, box);
}

/* NAME(i, x): clock i and a number. */
static int change(lua_State *L, const char *who, peri_status (*how)(peri_clock *, int64_t, double)) {
  peri_clock *c = check_clock(L, 1);
  int64_t i = check_integer(L, 2, who, "the clock");
  if (how(c, i - 1, luaL_checknumber(L, 3))) return raise_core(L, glue_of(L)->cx);
  lua_settop(L, 1);
  return 1;
}
static int l_set_rate(lua_State *L) { return change(L, "process.set_rate", peri_clock_set_rate); }
static int l_schedule(lua_State *L) { return change(L, "process.schedule", peri_clock_schedule); }

static int l_rate(lua_State *L) { return lua_pushnumber(L, peri_clock_rate(check_clock(L, 1))), 1; }
static int l_time(lua_State *L) { return lua_pushnumber(L, peri_clock_time(check_clock(L, 1))), 1; }
static int l_count(lua_State *L) { return lua_pushinteger(L, peri_clock_count(check_clock(L, 1))), 1; }

static int l_tostring(lua_State *L) {
  peri_clock *c = check_clock(L, 1);
  lua_pushfstring(L, "%s: %I rates, total %f, %I events, time %f", peri_clock_kind(c), (LUAI_UACINT)peri_clock_size(c), peri_clock_rate(c),
                  (LUAI_UACINT)peri_clock_count(c), peri_clock_time(c));
  return 1;
}

/* poisson_times(block, { steps = n, rate = 1 }) */
static int l_poisson_times(lua_State *L) {
  static const char *const options[] = {"steps", "rate", NULL};
  peri_block *b = check_block(L, 1);
  check_options(L, 2, "process.poisson_times", options);
  int64_t steps = opt_integer(L, 2, "process.poisson_times", "steps", -1);
  if (steps < 0) return luaL_error(L, "process.poisson_times: steps must be an integer >= 0");
  double rate = opt_number(L, 2, "process.poisson_times", "rate", 1);
  peri_tensor **times = new_box(L), **gaps = new_box(L);
  if (peri_poisson_times(b, steps, rate, times, gaps)) return raise_core(L, glue_of(L)->cx);
  return 2;
}

static const pri_row functions[] = {
    {"poisson", l_poisson, "process.poisson(rng, { rate = 1 } | { rates = weights }) -> clock", "Superposed Poisson clocks: which of them rings next, and when."},
    {"superposed", l_superposed, "process.superposed(weights, rng) -> clock", "The clock of process.poisson(rng, { rates = weights })."},
    {"heap", l_heap, "process.heap(weights, rng) -> clock", "Clocks in a heap of their next times: rates may change, events be scheduled."},
    {"changing", l_changing, "process.changing(weights, rng) -> clock", "Superposed clocks whose rates may change, over a tree of sums."},
    {"inhomogeneous", l_inhomogeneous, "process.inhomogeneous(rng, { rate = f, bound = b }) -> clock", "One clock of rate f(t) <= b by thinning; b may be a function t -> bound, until when."},
    {"hawkes", l_hawkes, "process.hawkes(rng, { mu, alpha, beta[, explosive] }) -> clock", "Hawkes process: intensity mu_i + sum over events t_k of component j of alpha_ij exp(-beta_ij (t - t_k))."},
    {"poisson_times", l_poisson_times, "process.poisson_times(block, { steps[, rate = 1] }) -> times, gaps", "Jump times of a clock for each stream of a block, (steps, streams), and the gaps before them."},
    {NULL, NULL, NULL, NULL}};

static const pri_row methods[] = {
    {"next", l_next, "clock:next() -> t, index, dt", "The next event: its time, which clock rings (from 1), the gap before it."},
    {"take", l_take, "for k, t, index, dt in clock:take(n) do", "The next n events in a loop."},
    {"next_batch", l_next_batch, "clock:next_batch(n) -> times, indices, gaps", "The next n events as tensors, the same that next would give."},
    {"take_until", l_take_until, "for k, t, index, dt in clock:take_until(T) do", "The events up to time T in a loop; the clock then stands at T."},
    {"until_time", l_until_time, "clock:until_time(T) -> times, indices, gaps", "All events up to time T as tensors; the clock then stands at T."},
    {"rates", l_rates, "clock:rates() -> tensor", "The rate of each clock, or the intensity of each component, where the clock stands."},
    {"set_rate", l_set_rate, "clock:set_rate(i, rate)", "From now on clock i of process.heap or process.changing has this rate >= 0."},
    {"schedule", l_schedule, "clock:schedule(i, t)", "Clock i of process.heap rings next at time t, and then goes on at its rate."},
    {"state", l_state, "clock:state([text])", "The position as text, or the clock set to such a position."},
    {"rate", l_rate, "clock:rate()", "The total rate; of an inhomogeneous clock its present bound."},
    {"time", l_time, "clock:time()", "Where the clock stands: at its last event or the last T waited for; at first 0."},
    {"count", l_count, "clock:count()", "How many events there have been."},
    {"__gc", l_gc, "", ""},
    {"__close", l_gc, "", ""},
    {"__tostring", l_tostring, "", ""},
    {NULL, NULL, NULL, NULL}};

void pri_bind_process(lua_State *L) {
  pri_register(L, "process", functions, 0);
  pri_class(L, "process.clock", methods);
}
