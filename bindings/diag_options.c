/* diag_options.c - reading the options of moments and what is asked of them. */
#include "diag_lua.h"
#include <math.h>

peri_tensor *pri_own_tensor(lua_State *L, const char *who, const char *name, bool required) {
  int top = lua_gettop(L), type = lua_getfield(L, 1, name);
  if (type == LUA_TNIL) {
    if (required) luaL_error(L, "%s: option '%s' is missing", who, name);
    lua_pop(L, 1);
    return NULL;
  }
  if (type != LUA_TNUMBER && type != LUA_TTABLE && !test_tensor(L, -1))
    luaL_error(L, "%s: option '%s' must be a tensor, list or number, got %s", who, name, luaL_typename(L, -1));
  peri_tensor *t = peri_retain(to_tensor(L, -1, who, PERI_F64));
  lua_settop(L, top);
  return t;
}

double pri_required_number(lua_State *L, const char *who, const char *name) {
  double x = opt_number(L, 1, who, name, NAN);
  if (lua_getfield(L, 1, name) == LUA_TNIL) luaL_error(L, "%s: option '%s' is missing", who, name);
  lua_pop(L, 1);
  return x;
}

const double *pri_check_list(lua_State *L, const char *who, int64_t *count, bool *one) {
  *one = lua_type(L, 2) == LUA_TNUMBER;
  if (!*one && lua_type(L, 2) != LUA_TTABLE && !test_tensor(L, 2)) luaL_typeerror(L, 2, "number, list or vector");
  peri_tensor *t = to_tensor(L, 2, who, PERI_F64);
  if (t->ndim > 1) luaL_error(L, "%s: a list or vector is needed, got shape %s", who, peri_shape(t));
  peri_tensor **flat = new_box(L);
  *flat = peri_contiguous(t);
  if (!*flat) raise_core(L, t->cx);
  *count = (*flat)->size;
  return (*flat)->data;
}

const int64_t *pri_check_jumps(lua_State *L, const char *who, int64_t *count, bool *one) {
  const double *x = pri_check_list(L, who, count, one);
  peri_tensor **whole = new_box(L);
  *whole = peri_new(glue_of(L)->cx, PERI_I64, 1, count);
  if (!*whole) raise_core(L, glue_of(L)->cx);
  int64_t *ks = (*whole)->data;
  for (int64_t j = 0; j < *count; j++) {
    if (!(fabs(x[j]) < 0x1p62) || x[j] != floor(x[j]))
      luaL_error(L, "%s: a number of jumps must be an integer, got %f", who, x[j]);
    ks[j] = (int64_t)x[j];
  }
  return ks;
}

void pri_only_record(lua_State *L, bool one) {
  peri_tensor **box = lua_touserdata(L, -1);
  if (!*box) raise_core(L, glue_of(L)->cx);
  if (!one) return;
  peri_tensor *t = *box;
  box = new_box(L);
  *box = peri_view(t, 2, t->dims + t->ndim - 2, t->strides + t->ndim - 2, 0);
  if (!*box) raise_core(L, t->cx);
}
