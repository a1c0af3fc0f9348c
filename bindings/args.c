/* args.c - reading arguments: shapes, dtypes, option tables. */
#include "peri_lua.h"
#include <math.h>
#include <string.h>

/* One dimension at the top of the stack, popped. n counts from 1 in messages. */
static int64_t dimension(lua_State *L, const char *who, int n) {
  int whole = 0;
  lua_Integer d = lua_tointegerx(L, -1, &whole);
  if (lua_type(L, -1) != LUA_TNUMBER)
    luaL_error(L, "%s: dimension %d must be an integer, got %s", who, n, lua_type(L, -1) == LUA_TSTRING ? "a string" : luaL_typename(L, -1));
  if (!whole) luaL_error(L, "%s: dimension %d must be an integer, got %f", who, n, lua_tonumber(L, -1));
  if (d < 0) luaL_error(L, "%s: dimension %d is %I; it must be >= 0", who, n, (LUAI_UACINT)d);
  lua_pop(L, 1);
  return d;
}

int check_dims(lua_State *L, int idx, const char *who, int64_t *dims) {
  bool list = lua_istable(L, idx);
  lua_Unsigned n = list ? lua_rawlen(L, idx) : (lua_Unsigned)(lua_gettop(L) >= idx ? lua_gettop(L) - idx + 1 : 0);
  if (n > PERI_MAXDIM) luaL_error(L, "%s: %d dimensions; at most %d are supported", who, (int)(n > 1000000 ? 1000000 : n), PERI_MAXDIM);
  if (list) { /* a hole would be a shorter list to rawlen: refuse any other key */
    lua_Unsigned keys = 0;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) keys++;
    if (keys != n) luaL_error(L, "%s: the shape must be a list of integers without holes or names", who);
  }
  for (int i = 0; i < (int)n; i++) {
    if (list) lua_rawgeti(L, idx, i + 1);
    else lua_pushvalue(L, idx + i);
    dims[i] = dimension(L, who, i + 1);
  }
  return (int)n;
}

peri_dtype check_dtype(lua_State *L, int idx, peri_dtype missing) {
  if (lua_isnoneornil(L, idx)) return missing;
  const char *name = luaL_checkstring(L, idx);
  for (int t = 0; t < PERI_DTYPES; t++)
    if (strcmp(name, peri_dtype_name((peri_dtype)t)) == 0) return (peri_dtype)t;
  luaL_argerror(L, idx, lua_pushfstring(L, "unknown dtype '%s'; known are bool, i64, f32, f64, c128", name));
  return missing;
}

int64_t check_integer(lua_State *L, int idx, const char *who, const char *name) {
  int whole = 0;
  lua_Integer v = lua_tointegerx(L, idx, &whole);
  if (whole && lua_type(L, idx) == LUA_TNUMBER) return v;
  if (lua_type(L, idx) == LUA_TNUMBER) luaL_error(L, "%s: %s must be an integer, got %f", who, name, lua_tonumber(L, idx));
  luaL_error(L, "%s: %s must be an integer, got %s", who, name, luaL_typename(L, idx));
  return 0;
}

/* ---- option tables ---- */

/* Edit distance of short names, over three rolling rows (a swap of neighbours counts once). */
static int distance(const char *a, const char *b) {
  enum { MAX = 48 };
  int n = (int)strlen(a), m = (int)strlen(b), rows[3][MAX + 1];
  if (n > MAX || m > MAX) return MAX;
  for (int j = 0; j <= m; j++) rows[0][j] = j;
  for (int i = 1; i <= n; i++) {
    int *now = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];
    now[0] = i;
    for (int j = 1; j <= m; j++) {
      int best = up[j - 1] + (a[i - 1] != b[j - 1]);
      if (up[j] + 1 < best) best = up[j] + 1;
      if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && up2[j - 2] + 1 < best) best = up2[j - 2] + 1;
      now[j] = best;
    }
  }
  return rows[n % 3][m];
}

/* Whether `name` is the initials of `given`: "lr" of "learning_rate". */
static bool initials(const char *name, const char *given) {
  if (*name++ != *given) return false;
  for (; (given = strchr(given, '_')); given++)
    if (!*name || *name++ != given[1]) return false;
  return *name == 0;
}

const char *nearest_name(const char *given, const char *const *names) {
  const char *best = NULL;
  int least = (int)strlen(given) / 2 + 1;
  for (; *names; names++) {
    int d = distance(given, *names);
    if (strlen(given) >= 2 && (strncmp(*names, given, strlen(given)) == 0 || strncmp(given, *names, strlen(*names)) == 0) && d > 1) d = 1;
    if (names[0][1] && initials(*names, given)) d = 0;
    if (d < least) least = d, best = *names;
  }
  return best;
}

void check_options(lua_State *L, int idx, const char *who, const char *const *names) {
  if (lua_isnoneornil(L, idx)) return;
  if (!lua_istable(L, idx)) luaL_error(L, "%s: options must be a table, got %s", who, luaL_typename(L, idx));
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) continue; /* positional entries are the caller's to read */
    const char *key = lua_tostring(L, -2), *const *n = names;
    while (*n && strcmp(*n, key) != 0) n++;
    if (*n) continue;
    const char *near = nearest_name(key, names);
    if (near) luaL_error(L, "%s: unknown option '%s' (did you mean '%s'?)", who, key, near);
    luaL_error(L, "%s: unknown option '%s'", who, key);
  }
}

/* Pushes the option; false (nothing pushed) if it is absent. */
static bool option(lua_State *L, int idx, const char *name) {
  if (!lua_istable(L, idx)) return false;
  if (lua_getfield(L, idx, name) != LUA_TNIL) return true;
  lua_pop(L, 1);
  return false;
}

lua_Number opt_number(lua_State *L, int idx, const char *who, const char *name, lua_Number missing) {
  if (!option(L, idx, name)) return missing;
  if (lua_type(L, -1) != LUA_TNUMBER) luaL_error(L, "%s: option '%s' must be a number, got %s", who, name, luaL_typename(L, -1));
  lua_Number v = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return v;
}

int64_t opt_integer(lua_State *L, int idx, const char *who, const char *name, int64_t missing) {
  if (!option(L, idx, name)) return missing;
  int64_t v = check_integer(L, -1, who, name);
  lua_pop(L, 1);
  return v;
}

bool opt_boolean(lua_State *L, int idx, const char *who, const char *name, bool missing) {
  if (!option(L, idx, name)) return missing;
  if (!lua_isboolean(L, -1)) luaL_error(L, "%s: option '%s' must be true or false, got %s", who, name, luaL_typename(L, -1));
  bool v = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return v;
}

const char *opt_string(lua_State *L, int idx, const char *who, const char *name, const char *missing) {
  if (!option(L, idx, name)) return missing;
  if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "%s: option '%s' must be a string, got %s", who, name, luaL_typename(L, -1));
  const char *v = lua_tostring(L, -1); /* the table keeps it alive */
  lua_pop(L, 1);
  return v;
}
