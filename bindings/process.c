/* process.c - Poisson clocks.
**
**     for k, T, i, dt in process.poisson(rng, { rate = 1 }):take(n) do ... end
*/
#include "peri_lua.h"
#include "random_lua.h"
#include <perigee/process.h>

#define CLOCK "perigee.process.clock"

static peri_clock *check_clock(lua_State *L, int idx) {
  peri_clock **c = luaL_checkudata(L, idx, CLOCK);
  if (!*c) luaL_argerror(L, idx, "this clock has been closed");
  return *c;
}

static int make_clock(lua_State *L, peri_stream *s, const double *rates, int64_t m) {
  peri_clock **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, CLOCK);
  *box = peri_clock_new(glue_of(L)->cx, rates, m, s);
  return *box ? 1 : raise_core(L, glue_of(L)->cx);
}

/* The clock of the rates at idx: a vector, or a table of numbers. */
static int clock_of_rates(lua_State *L, peri_stream *s, int idx, const char *who) {
  peri_tensor *rates = to_tensor(L, idx, who, PERI_F64);
  if (rates->ndim != 1) return luaL_error(L, "%s: rates must be a vector, got shape %s", who, peri_shape(rates));
  peri_tensor **flat = new_box(L);
  *flat = peri_contiguous(rates);
  if (!*flat) return raise_core(L, rates->cx);
  return make_clock(L, s, (*flat)->data, (*flat)->size);
}

/* poisson(rng, { rate = r } | { rates = {...} }) */
static int l_poisson(lua_State *L) {
  static const char *const options[] = {"rate", "rates", NULL};
  peri_stream *s = check_stream(L, 1);
  check_options(L, 2, "process.poisson", options);
  if (!lua_istable(L, 2) || lua_getfield(L, 2, "rates") == LUA_TNIL) {
    double rate = opt_number(L, 2, "process.poisson", "rate", 1);
    return make_clock(L, s, &rate, 1);
  }
  if (lua_getfield(L, 2, "rate") != LUA_TNIL) return luaL_error(L, "process.poisson: give either rate or rates, not both");
  lua_pop(L, 1);
  return clock_of_rates(L, s, lua_gettop(L), "process.poisson");
}

/* superposed(weights, rng): the same clock, as texts on gossip write it */
static int l_superposed(lua_State *L) { return clock_of_rates(L, check_stream(L, 2), 1, "process.superposed"); }

static int l_gc(lua_State *L) {
  peri_clock **c = luaL_checkudata(L, 1, CLOCK);
  peri_clock_free(*c);
  *c = NULL;
  return 0;
}

static int push_event(lua_State *L, peri_event e) {
  lua_pushnumber(L, e.t);
  lua_pushinteger(L, e.index + 1);
  lua_pushnumber(L, e.dt);
  return 3;
}

static int l_next(lua_State *L) { return push_event(L, peri_clock_next(check_clock(L, 1))); }

/* The iterator of take: upvalues 3 the clock, 4 how many; the control variable counts. */
static int l_take_step(lua_State *L) {
  lua_Integer k = luaL_checkinteger(L, 2);
  if (k >= lua_tointeger(L, lua_upvalueindex(4))) return 0;
  peri_clock **c = lua_touserdata(L, lua_upvalueindex(3));
  if (!*c) return luaL_error(L, "process.clock: this clock has been closed");
  if (peri_check_interrupt(glue_of(L)->cx)) return raise_core(L, glue_of(L)->cx);
  lua_pushinteger(L, k + 1);
  return 1 + push_event(L, peri_clock_next(*c));
}

static int l_take(lua_State *L) {
  check_clock(L, 1);
  int64_t n = check_integer(L, 2, "process.take", "the number of events");
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_pushvalue(L, 1);
  lua_pushinteger(L, n);
  lua_pushcclosure(L, l_take_step, 4);
  lua_pushnil(L);
  lua_pushinteger(L, 0);
  return 3;
}

static int l_next_batch(lua_State *L) {
  peri_clock *c = check_clock(L, 1);
  int64_t n = check_integer(L, 2, "process.next_batch", "the number of events");
  if (n < 0) return luaL_error(L, "process.next_batch: the number of events must be >= 0, got %I", (LUAI_UACINT)n);
  peri_tensor **times = new_box(L), **indices = new_box(L), **gaps = new_box(L);
  if (peri_clock_batch(c, n, times, gaps, indices)) return raise_core(L, glue_of(L)->cx);
  for (int64_t i = 0; i < n; i++) ((int64_t *)(*indices)->data)[i]++;
  return 3;
}

static int l_state(lua_State *L) {
  peri_clock *c = check_clock(L, 1);
  if (lua_isnoneornil(L, 2)) {
    char text[PERI_CLOCK_TEXT];
    peri_clock_save(c, text);
    lua_pushstring(L, text);
    return 1;
  }
  if (peri_clock_load(c, luaL_checkstring(L, 2))) return raise_core(L, glue_of(L)->cx);
  lua_settop(L, 1);
  return 1;
}

static int l_rate(lua_State *L) { return lua_pushnumber(L, peri_clock_rate(check_clock(L, 1))), 1; }
static int l_time(lua_State *L) { return lua_pushnumber(L, peri_clock_time(check_clock(L, 1))), 1; }
static int l_count(lua_State *L) { return lua_pushinteger(L, peri_clock_count(check_clock(L, 1))), 1; }

static int l_tostring(lua_State *L) {
  peri_clock *c = check_clock(L, 1);
  lua_pushfstring(L, "clock: %I rates, total %f, %I events, time %f", (LUAI_UACINT)peri_clock_size(c), peri_clock_rate(c),
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
    {"poisson_times", l_poisson_times, "process.poisson_times(block, { steps[, rate = 1] }) -> times, gaps", "Jump times of a clock for each stream of a block, (steps, streams), and the gaps before them."},
    {NULL, NULL, NULL, NULL}};

static const pri_row methods[] = {
    {"next", l_next, "clock:next() -> t, index, dt", "The next event: its time, which clock rings (from 1), the gap before it."},
    {"take", l_take, "for k, t, index, dt in clock:take(n) do", "The next n events in a loop."},
    {"next_batch", l_next_batch, "clock:next_batch(n) -> times, indices, gaps", "The next n events as tensors, the same that next would give."},
    {"state", l_state, "clock:state([text])", "The position as text, or the clock set to such a position."},
    {"rate", l_rate, "clock:rate()", "The total rate."},
    {"time", l_time, "clock:time()", "The time of the last event; 0 before the first."},
    {"count", l_count, "clock:count()", "How many events there have been."},
    {"__gc", l_gc, "", ""},
    {"__close", l_gc, "", ""},
    {"__tostring", l_tostring, "", ""},
    {NULL, NULL, NULL, NULL}};

void pri_bind_process(lua_State *L) {
  pri_register(L, "process", functions, 0);
  pri_class(L, "process.clock", methods);
}
