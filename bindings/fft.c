/* fft.c - discrete Fourier transforms for Lua; the helpers around them (shifts, frequencies, convolution) are in lua/fft.lua.
**
**     fft.fft(x)   fft.fft(x, 1)   fft.fft(x, { axis = 1, n = 100, norm = "ortho" })   fft.fftn(x, { axes = { 1, 2 } })
*/
#include "subscript.h"
#include <perigee/fft.h>
#include <string.h>

static const char *const axis_options[] = {"axis", "n", "norm", NULL}, *const axes_options[] = {"axes", "n", "norm", NULL},
                         *const plain_options[] = {"axes", "norm", NULL}, *const norms[] = {"backward", "ortho", "none", NULL};

static peri_fft_norm check_norm(lua_State *L, int idx, const char *who) {
  const char *norm = opt_string(L, idx, who, "norm", "backward");
  for (int i = 0; norms[i]; i++)
    if (strcmp(norm, norms[i]) == 0) return (peri_fft_norm)i;
  return (peri_fft_norm)luaL_error(L, "%s: norm must be 'backward', 'ortho' or 'none', got '%s'", who, norm);
}

static int64_t check_length(lua_State *L, int idx, const char *who) {
  int64_t n = opt_integer(L, idx, who, "n", 0);
  bool given = lua_istable(L, idx) && lua_getfield(L, idx, "n") != LUA_TNIL;
  if (given && n < 1) luaL_error(L, "%s: n must be positive, got %I", who, (LUAI_UACINT)n);
  return n;
}

typedef struct { peri_tensor *x; int axis; uint32_t axes; int64_t n; peri_fft_norm norm; } arguments;

/* (x[, axis | { axis, n, norm }]); the last axis is the default. */
static arguments along_axis(lua_State *L, const char *who) {
  arguments a = {.x = check_tensor(L, 1), .axis = -1};
  if (lua_isnoneornil(L, 2)) return a;
  if (!lua_istable(L, 2)) {
    a.axis = pri_check_axis(L, 2, who, a.x, a.x->ndim, 0);
    return a;
  }
  check_options(L, 2, who, axis_options);
  lua_getfield(L, 2, "axis");
  if (!lua_isnil(L, -1)) a.axis = pri_check_axis(L, -1, who, a.x, a.x->ndim, 0);
  a.n = check_length(L, 2, who);
  a.norm = check_norm(L, 2, who);
  return a;
}

/* (x[, { axes, n, norm }]); all axes is the default. */
static arguments along_axes(lua_State *L, const char *who, const char *const *options) {
  arguments a = {.x = check_tensor(L, 1)};
  check_options(L, 2, who, options);
  if (lua_isnoneornil(L, 2)) return a;
  if (lua_getfield(L, 2, "axes") == LUA_TTABLE) {
    int list = lua_gettop(L);
    if (lua_rawlen(L, list) == 0) luaL_error(L, "%s: the list of axes is empty", who);
    for (lua_Unsigned i = 1; i <= lua_rawlen(L, list); i++) {
      lua_rawgeti(L, list, (lua_Integer)i);
      uint32_t bit = 1u << pri_check_axis(L, -1, who, a.x, a.x->ndim, 0);
      if (a.axes & bit) luaL_error(L, "%s: axis %d is given twice", who, __builtin_ctz(bit) + 1);
      a.axes |= bit;
    }
  } else if (!lua_isnil(L, -1)) a.axes = 1u << pri_check_axis(L, -1, who, a.x, a.x->ndim, 0);
  if (options == axes_options) a.n = check_length(L, 2, who);
  a.norm = check_norm(L, 2, who);
  return a;
}

static int one_axis(lua_State *L, const char *who, bool inverse) {
  arguments a = along_axis(L, who);
  peri_tensor **box = new_box(L);
  *box = peri_fft(a.x, a.axis, a.n, inverse, a.norm);
  return finish(L, box);
}
static int l_fft(lua_State *L) { return one_axis(L, "fft.fft", false); }
static int l_ifft(lua_State *L) { return one_axis(L, "fft.ifft", true); }

static int several_axes(lua_State *L, const char *who, bool inverse) {
  arguments a = along_axes(L, who, plain_options);
  peri_tensor **box = new_box(L);
  *box = peri_fftn(a.x, a.axes, inverse, a.norm);
  return finish(L, box);
}
static int l_fftn(lua_State *L) { return several_axes(L, "fft.fftn", false); }
static int l_ifftn(lua_State *L) { return several_axes(L, "fft.ifftn", true); }

static int l_rfft(lua_State *L) {
  arguments a = along_axis(L, "fft.rfft");
  peri_tensor **box = new_box(L);
  *box = peri_rfft(a.x, a.axis, a.n, a.norm);
  return finish(L, box);
}

static int l_irfft(lua_State *L) {
  arguments a = along_axis(L, "fft.irfft");
  peri_tensor **box = new_box(L);
  *box = peri_irfft(a.x, a.axis, a.n, a.norm);
  return finish(L, box);
}

static int l_rfftn(lua_State *L) {
  arguments a = along_axes(L, "fft.rfftn", plain_options);
  peri_tensor **box = new_box(L);
  *box = peri_rfftn(a.x, a.axes, a.norm);
  return finish(L, box);
}

static int l_irfftn(lua_State *L) {
  arguments a = along_axes(L, "fft.irfftn", axes_options);
  peri_tensor **box = new_box(L);
  *box = peri_irfftn(a.x, a.axes, a.n, a.norm);
  return finish(L, box);
}

static const pri_row functions[] = {
    {"fft", l_fft, "fft.fft(x[, axis | { axis = -1, n, norm }]) -> tensor",
     "sum_j x_j e^(-2 pi i j k / n) along an axis, c128; x is cut off or filled up with zeros to n. norm: 'backward' (the inverse is divided by n), "
     "'ortho', 'none'."},
    {"ifft", l_ifft, "fft.ifft(x[, axis | { axis = -1, n, norm }]) -> tensor", "The inverse of fft.fft: (1/n) sum_k x_k e^(2 pi i j k / n)."},
    {"rfft", l_rfft, "fft.rfft(x[, axis | { axis = -1, n, norm }]) -> tensor",
     "The first n//2 + 1 coefficients of a real x; the others are their mirror images, conjugated."},
    {"irfft", l_irfft, "fft.irfft(x[, axis | { axis = -1, n, norm }]) -> tensor",
     "The real sequence of n elements that has the coefficients x; n is 2 (m - 1) for m of them unless given, as an odd one must be."},
    {"fftn", l_fftn, "fft.fftn(x[, { axes, norm }]) -> tensor", "fft.fft along several axes, all unless given."},
    {"ifftn", l_ifftn, "fft.ifftn(x[, { axes, norm }]) -> tensor", "fft.ifft along several axes, all unless given."},
    {"rfftn", l_rfftn, "fft.rfftn(x[, { axes, norm }]) -> tensor", "fft.rfft along the last of several axes, fft.fft along the others."},
    {"irfftn", l_irfftn, "fft.irfftn(x[, { axes, n, norm }]) -> tensor",
     "The inverse of fft.rfftn; n is the length of the last of the axes, even unless given."},
    {NULL, NULL, NULL, NULL}};

void pri_bind_fft(lua_State *L) { pri_register(L, "fft", functions, 0); }
