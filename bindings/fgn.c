/* fgn.c - fractional noise and fractional Brownian motion: process.fgn, process.fbm, process.fgn_covariance, process.fgn_stream.
**
**     local dB = process.fgn(rng:stream "noise", { steps, walkers }, { H = 0.7, dt = eta })
**     for k = 1, steps do x = x - eta * grad(x) + sigma * dB[k] end
*/
#include "peri_lua.h"
#include "random_lua.h"
#include <math.h>
#include <perigee/process.h>
#include <string.h>

#define STREAM "perigee.process.fgn_stream"

typedef peri_tensor *from_stream(peri_ctx *cx, int nd, const int64_t *dims, const peri_fractional *f, peri_stream *s);
typedef peri_tensor *from_block(peri_block *b, int nd, const int64_t *dims, const peri_fractional *f);

/* A block, or NULL for a stream; raises on anything else. */
static peri_block *block_or_stream(lua_State *L, peri_stream **s) {
  if (luaL_testudata(L, 1, "perigee.random.block")) return check_block(L, 1);
  *s = check_stream(L, 1);
  return NULL;
}

static peri_fgn_method method_of(lua_State *L, const char *who, const char *const *names) {
  const char *given = opt_string(L, 3, who, "method", names[0]);
  for (int i = 0; names[i]; i++)
    if (strcmp(given, names[i]) == 0) return (peri_fgn_method)i;
  return (peri_fgn_method)luaL_error(L, "%s: method must be \"auto\", \"circulant\", \"cholesky\" or \"hosking\", got \"%s\"", who, given);
}

/* H, dt, scale of the table at 3. */
static peri_fractional law_of(lua_State *L, const char *who) {
  luaL_argexpected(L, lua_istable(L, 3), 3, "table with H");
  if (lua_getfield(L, 3, "H") == LUA_TNIL) luaL_error(L, "%s: option 'H' is missing; give the Hurst exponent, in (0, 1)", who);
  lua_pop(L, 1);
  peri_fractional f = peri_fractional_of(opt_number(L, 3, who, "H", 0));
  f.dt = opt_number(L, 3, who, "dt", 1);
  f.scale = opt_number(L, 3, who, "scale", 1);
  return f;
}

/* Option `name` as a tensor that stays on the stack, or NULL. */
static peri_tensor *tensor_option(lua_State *L, const char *who, const char *name) {
  if (lua_getfield(L, 3, name) == LUA_TNIL) return NULL;
  return to_tensor(L, lua_gettop(L), who, PERI_F64);
}

/* (rng | block, dims, { H, ... }) */
typedef struct {
  peri_stream *s;
  peri_block *b; /* or NULL */
  int nd;
  int64_t dims[PERI_MAXDIM];
  peri_fractional law;
} request;

static request take_request(lua_State *L, const char *who, const char *const *options) {
  request q = {.s = NULL};
  q.b = block_or_stream(L, &q.s);
  lua_settop(L, 3);
  luaL_checktype(L, 2, LUA_TTABLE);
  q.nd = check_dims(L, 2, who, q.dims);
  check_options(L, 3, who, options);
  q.law = law_of(L, who);
  return q;
}

static int paths(lua_State *L, const char *who, const char *const *options, from_stream *by_stream, from_block *by_block) {
  static const char *const methods[] = {"auto", "circulant", "cholesky", "hosking", NULL};
  request q = take_request(L, who, options);
  q.law.method = method_of(L, who, methods);
  lua_getfield(L, 3, "dtype");
  q.law.dtype = check_dtype(L, lua_gettop(L), PERI_F64);
  q.law.past = tensor_option(L, who, "past");
  q.law.times = tensor_option(L, who, "times");
  peri_tensor **box = new_box(L);
  *box = q.b ? by_block(q.b, q.nd, q.dims, &q.law) : by_stream(glue_of(L)->cx, q.nd, q.dims, &q.law, q.s);
  return finish(L, box);
}

static int l_fgn(lua_State *L) {
  static const char *const options[] = {"H", "dt", "scale", "method", "dtype", "past", NULL};
  return paths(L, "process.fgn", options, peri_fgn, peri_fgn_block);
}

static int l_fbm(lua_State *L) {
  static const char *const options[] = {"H", "dt", "scale", "method", "dtype", "times", NULL};
  return paths(L, "process.fbm", options, peri_fbm, peri_fbm_block);
}

static int l_covariance(lua_State *L) {
  double H = luaL_checknumber(L, 1);
  int64_t n = check_integer(L, 2, "process.fgn_covariance", "the number of lags");
  peri_tensor **box = new_box(L);
  *box = peri_fgn_covariance(glue_of(L)->cx, H, n);
  return finish(L, box);
}

/* ---- step by step ---- */

static peri_fgn_stream *check_noise(lua_State *L) {
  peri_fgn_stream **s = luaL_checkudata(L, 1, STREAM);
  if (!*s) luaL_argerror(L, 1, "this noise stream has been closed");
  return *s;
}

/* fgn_stream(rng | block, dims, { H, dt, scale, method = "modes" | "hosking", horizon }) */
static int l_fgn_stream(lua_State *L) {
  static const char who[] = "process.fgn_stream";
  static const char *const options[] = {"H", "dt", "scale", "method", "horizon", NULL};
  peri_ctx *cx = glue_of(L)->cx;
  request q = take_request(L, who, options);
  const char *method = opt_string(L, 3, who, "method", "modes");
  bool hosking = strcmp(method, "hosking") == 0;
  if (!hosking && strcmp(method, "modes") != 0) return luaL_error(L, "%s: method must be \"modes\" or \"hosking\", got \"%s\"", who, method);
  if (hosking) q.law.method = PERI_FGN_HOSKING;
  int64_t horizon = opt_integer(L, 3, who, "horizon", hosking ? 4096 : 1000000);
  peri_fgn_stream **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, STREAM);
  *box = q.b ? peri_fgn_stream_block(q.b, q.nd, q.dims, &q.law, horizon) : peri_fgn_stream_new(cx, q.nd, q.dims, &q.law, horizon, q.s);
  return *box ? 1 : raise_core(L, cx);
}

static int l_noise_gc(lua_State *L) {
  peri_fgn_stream **s = luaL_checkudata(L, 1, STREAM);
  peri_fgn_stream_free(*s);
  *s = NULL;
  return 0;
}

static int l_step(lua_State *L) {
  peri_fgn_stream *s = check_noise(L);
  int64_t dims[PERI_MAXDIM];
  lua_settop(L, 2);
  peri_tensor *out;
  if (lua_isnil(L, 2)) {
    int nd = peri_fgn_stream_shape(s, dims);
    peri_tensor **box = new_box(L);
    if (!(*box = peri_new(glue_of(L)->cx, PERI_F64, nd, dims))) return raise_core(L, glue_of(L)->cx);
    out = *box;
  } else {
    out = check_tensor(L, 2);
    note_write(L, out, "process.fgn_stream.step");
  }
  return peri_fgn_stream_step(s, out) ? raise_core(L, glue_of(L)->cx) : 1;
}

static int l_noise_state(lua_State *L) {
  peri_fgn_stream *s = check_noise(L);
  lua_settop(L, 2);
  if (lua_isnil(L, 2)) {
    luaL_Buffer b;
    size_t size = peri_fgn_stream_state_size(s);
    peri_fgn_stream_save(s, luaL_buffinitsize(L, &b, size));
    luaL_pushresultsize(&b, size);
    return 1;
  }
  size_t size;
  const char *bytes = luaL_checklstring(L, 2, &size);
  if (peri_fgn_stream_load(s, bytes, size)) return raise_core(L, glue_of(L)->cx);
  lua_settop(L, 1);
  return 1;
}

static int l_noise_variance(lua_State *L) {
  peri_fgn_stream *s = check_noise(L);
  double steps = luaL_checknumber(L, 2);
  if (!(steps >= 0)) return luaL_error(L, "process.fgn_stream: the number of steps must be >= 0, got %f", steps);
  return lua_pushnumber(L, peri_fgn_stream_variance(s, steps)), 1;
}

static int l_noise_count(lua_State *L) { return lua_pushinteger(L, peri_fgn_stream_count(check_noise(L))), 1; }

static int l_noise_tostring(lua_State *L) {
  peri_fgn_stream *s = check_noise(L);
  lua_pushfstring(L, "fractional noise: %d modes, %I steps", peri_fgn_stream_modes(s), (LUAI_UACINT)peri_fgn_stream_count(s));
  return 1;
}

static const pri_row functions[] = {
    {"fgn", l_fgn, "process.fgn(rng | block, { n[, ...] }, { H[, dt, scale, method, dtype, past] }) -> tensor",
     "Fractional Gaussian noise, n steps of variance (scale dt^H)^2 by independent paths; (n, R, ...) for a block of R streams."},
    {"fbm", l_fbm, "process.fbm(rng | block, { n[, ...] }, { H[, dt, scale, method, dtype, times] }) -> tensor",
     "Fractional Brownian motion at 0, dt, ..., (n-1) dt, or at given times, by independent paths."},
    {"fgn_covariance", l_covariance, "process.fgn_covariance(H, n) -> tensor (n)", "Autocovariance of unit fractional Gaussian noise at the lags 0 .. n-1."},
    {"fgn_stream", l_fgn_stream, "process.fgn_stream(rng | block, { dims }, { H[, dt, scale, method, horizon] }) -> stream",
     "Fractional Gaussian noise step by step, without end (\"modes\") or exact over a horizon (\"hosking\")."},
    {NULL, NULL, NULL, NULL}};

static const pri_row methods[] = {
    {"step", l_step, "s:step([out]) -> tensor", "The next increments, into out (f64 or f32) if it is given."},
    {"state", l_noise_state, "s:state([saved])", "All that the next step depends on, as a string of bytes, or the stream set to such a state."},
    {"variance", l_noise_variance, "s:variance(k) -> number", "Variance of the sum of k steps of what this stream makes, exactly; of fBm it is (scale (k dt)^H)^2."},
    {"count", l_noise_count, "s:count() -> integer", "Steps so far."},
    {"__gc", l_noise_gc, "", ""},
    {"__close", l_noise_gc, "", ""},
    {"__tostring", l_noise_tostring, "", ""},
    {NULL, NULL, NULL, NULL}};

void pri_bind_fgn(lua_State *L) {
  pri_register(L, "process", functions, 0);
  pri_class(L, "process.fgn_stream", methods);
}
