/* box.c - tensors as userdata, and when to collect.
**
** Lua's collector sees a box of eight bytes where megabytes hang, and its own pacing cannot be told otherwise at a bearable price.
** So new_box runs a full collection when
**     used > 2 floor + 32 MB + 2 (Lua heap),
** floor and Lua heap being what was in use after the last one, and in any case at three quarters of the memory limit. The Lua term is there because
** a collection costs in proportion to the Lua heap. Measured: peak 34 MB for 80 KB temporaries over an empty live set.
*/
#include "peri_lua.h"
#include <perigee/ad.h>
#include <stdio.h>
#include <string.h>

enum { SLACK = 32 << 20 };

static void set_trigger(pri_glue *g, size_t lua_bytes) {
  size_t limit;
  peri_memory(g->cx, NULL, NULL, &limit);
  g->trigger = 2 * g->floor + SLACK + 2 * lua_bytes;
  if (limit && g->trigger > limit / 4 * 3) {
    g->trigger = limit / 4 * 3;
    if (g->trigger < g->floor + g->floor / 16) g->trigger = g->floor + g->floor / 16; /* nearly full: not at every box */
  }
}

static void __attribute__((noinline)) collect(lua_State *L, pri_glue *g) {
  lua_gc(L, LUA_GCCOLLECT);
  peri_memory(g->cx, &g->floor, NULL, NULL);
  set_trigger(g, (size_t)lua_gc(L, LUA_GCCOUNT) * 1024);
}

peri_tensor **new_box(lua_State *L) {
  pri_glue *g = glue_of(L);
  size_t used;
  g->L = L;
  peri_memory(g->cx, &used, NULL, NULL);
  if (used > g->trigger) collect(L, g);
  peri_tensor **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_setmetatable(L, -2);
  return box;
}

peri_tensor *test_tensor(lua_State *L, int idx) {
  peri_tensor **box = lua_touserdata(L, idx);
  if (!box || !lua_getmetatable(L, idx)) return NULL;
  bool is = lua_rawequal(L, -1, lua_upvalueindex(1));
  lua_pop(L, 1);
  return is ? *box : NULL;
}

peri_tensor *check_tensor(lua_State *L, int idx) {
  peri_tensor *t = test_tensor(L, idx);
  if (t) {
    glue_of(L)->L = L;
    return t;
  }
  peri_tensor **box = lua_touserdata(L, idx);
  bool closed = false;
  if (box && lua_getmetatable(L, idx)) {
    closed = lua_rawequal(L, -1, lua_upvalueindex(1));
    lua_pop(L, 1);
  }
  if (closed) luaL_argerror(L, idx, "this tensor has been closed");
  luaL_typeerror(L, idx, "tensor");
  return NULL;
}

/* Where the script stands that called, through our own Lua modules or not. False: no Lua did. */
static bool find_caller(lua_State *L, lua_Debug *caller) {
  static const char own[] = "@perigee/";
  for (int level = 1; lua_getstack(L, level, caller); level++) {
    lua_getinfo(L, "Sl", caller);
    if (caller->currentline > 0 && strncmp(caller->source, own, sizeof own - 1) != 0) return true;
  }
  return lua_getstack(L, 1, caller) && lua_getinfo(L, "Sl", caller) && caller->currentline > 0;
}

int raise_core(lua_State *L, peri_ctx *cx) {
  lua_Debug caller;
  if (find_caller(L, &caller)) lua_pushfstring(L, "%s:%d: ", caller.short_src, caller.currentline);
  else lua_pushliteral(L, "");
  lua_pushstring(L, peri_errmsg(cx)[0] ? peri_errmsg(cx) : "perigee: failed without a message");
  lua_concat(L, 2);
  return lua_error(L);
}

static void __attribute__((noinline)) remember_write(lua_State *L, peri_tensor *t, const char *name) {
  lua_Debug caller;
  char text[96];
  const char *dot = strrchr(name, '.'), *bare = dot ? dot + 1 : name;
  const char *mark = bare[strlen(bare) - 1] == '_' || bare == name ? "" : "_";
  if (!find_caller(L, &caller)) return;
  snprintf(text, sizeof text, "%s%s at %s:%d", bare, mark, caller.short_src, caller.currentline);
  peri_note_write(t, text);
}

void note_write(lua_State *L, peri_tensor *t, const char *name) {
  if (peri_tape_open(t->cx)) remember_write(L, t, name);
}

bool is_operand(lua_State *L, int idx) { return lua_type(L, idx) == LUA_TNUMBER || test_tensor(L, idx); }

peri_tensor *keep_operand(lua_State *L, int idx) {
  peri_tensor *t = test_tensor(L, idx);
  if (t) return t;
  idx = lua_absindex(L, idx);
  peri_ctx *cx = glue_of(L)->cx;
  if (lua_type(L, idx) == LUA_TNUMBER) {
    peri_tensor **box = new_box(L);
    *box = lua_isinteger(L, idx) ? peri_scalar_i64(cx, lua_tointeger(L, idx)) : peri_scalar(cx, lua_tonumber(L, idx));
    if (!*box) raise_core(L, cx);
    return *box;
  }
  if (lua_isboolean(L, idx)) {
    uint8_t b = (uint8_t)lua_toboolean(L, idx);
    peri_tensor **box = new_box(L);
    *box = peri_from(cx, PERI_BOOL, 0, NULL, &b);
    if (!*box) raise_core(L, cx);
    return *box;
  }
  luaL_typeerror(L, idx, "tensor or number");
  return NULL;
}

void push_element(lua_State *L, const peri_tensor *t, int64_t k) {
  switch ((peri_dtype)t->dtype) {
  case PERI_BOOL: lua_pushboolean(L, peri_item_i64(t, k) != 0); return;
  case PERI_I64: lua_pushinteger(L, peri_item_i64(t, k)); return;
  case PERI_F32: case PERI_F64: lua_pushnumber(L, peri_item(t, k)); return;
  case PERI_C128: break;
  }
  peri_tensor **box = new_box(L);
  int64_t index[PERI_MAXDIM] = {0}, offset = 0;
  for (int i = t->ndim - 1; i >= 0; i--) {
    index[i] = k % t->dims[i];
    k /= t->dims[i];
    offset += index[i] * t->strides[i];
  }
  *box = peri_view((peri_tensor *)t, 0, NULL, NULL, offset);
  if (!*box) raise_core(L, t->cx);
}

int number_if_scalar(lua_State *L) {
  peri_tensor *t = check_tensor(L, -1);
  if (t->ndim == 0 && !peri_recorded(t) && t->dtype != PERI_C128) push_element(L, t, 0);
  return 1;
}
