/* open.c - `require "perigee"`: the table pg, its modules, the rows that document them, and the Lua files compiled in as data.
**
** In the registry: "perigee.glue" (state), "perigee.tensor" (metatable of tensors), "perigee.experiment.rows" (documentation: name ->
** { signature, sentence }), package.loaded.perigee once it has been required.
*/
#include "peri_lua.h"
#include "embedded.h"
#include <perigee/base.h>
#include <stdlib.h>
#include <string.h>

/* Lua passes the kind of the object as osize when it asks for a new block. */
void *peri_lua_alloc(void *ud, void *ptr, size_t osize, size_t nsize) {
  return peri_realloc(ud, ptr, ptr ? osize : 0, nsize);
}

/* ---- registering ---- */

static void push_upvalues(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.tensor");
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.glue");
}

void pri_set_closure(lua_State *L, lua_CFunction fn, const void *extra) {
  push_upvalues(L);
  if (extra) lua_pushlightuserdata(L, (void *)extra);
  lua_pushcclosure(L, fn, extra ? 3 : 2);
}

void pri_document(lua_State *L, const char *name, const char *signature, const char *help) {
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.experiment.rows");
  lua_createtable(L, 2, 0);
  lua_pushstring(L, signature);
  lua_rawseti(L, -2, 1);
  lua_pushstring(L, help);
  lua_rawseti(L, -2, 2);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

static void document_row(lua_State *L, const char *module, const pri_row *row) {
  lua_pushfstring(L, "%s.%s", module, row->name);
  pri_document(L, lua_tostring(L, -1), row->signature, row->help);
  lua_pop(L, 1);
}

static void push_methods(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.tensor");
  lua_getfield(L, -1, "methods");
  lua_remove(L, -2);
}

static void push_module(lua_State *L, const char *module) {
  if (strcmp(module, "tensor") == 0) {
    lua_pushvalue(L, -1);
    return;
  }
  if (lua_getfield(L, -1, module) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, module);
}

void pri_register(lua_State *L, const char *module, const pri_row *rows, int flags) {
  push_module(L, module);
  push_methods(L);
  for (; rows->name; rows++) {
    pri_set_closure(L, rows->fn, NULL);
    if (flags & PRI_METHODS) {
      lua_pushvalue(L, -1);
      lua_setfield(L, -3, rows->name);
    }
    lua_setfield(L, -3, rows->name);
    document_row(L, module, rows);
  }
  lua_pop(L, 2);
}

void pri_class(lua_State *L, const char *name, const pri_row *rows) {
  lua_pushfstring(L, "perigee.%s", name);
  luaL_newmetatable(L, lua_tostring(L, -1));
  lua_newtable(L);
  lua_pushboolean(L, 0);
  lua_setfield(L, -3, "__metatable");
  for (; rows->name; rows++) {
    bool meta = strncmp(rows->name, "__", 2) == 0;
    pri_set_closure(L, rows->fn, NULL);
    lua_setfield(L, meta ? -3 : -2, rows->name);
    if (!meta) document_row(L, name, rows);
  }
  lua_setfield(L, -2, "__index");
  lua_pop(L, 2);
}

/* ---- Lua files compiled in ---- */

static const pri_embedded *find_embedded(const char *name) {
  for (const pri_embedded *e = pri_embedded_files; e->name; e++)
    if (strcmp(e->name, name) == 0) return e;
  return NULL;
}

/* (name) -> what the embedded file returns; for package.preload["perigee.NAME"] and for pg.NAME. */
static int load_embedded(lua_State *L) {
  const char *name = lua_tostring(L, lua_upvalueindex(1));
  const pri_embedded *e = find_embedded(name);
  lua_pushfstring(L, "@perigee/%s.lua", name);
  if (luaL_loadbufferx(L, e->text, e->size, lua_tostring(L, -1), "t")) return lua_error(L);
  lua_pushfstring(L, "perigee.%s", name);
  lua_call(L, 1, 1);
  return 1;
}

/* pg[name] for a name that is not there yet: the embedded module, loaded once. */
static int l_lazy(lua_State *L) {
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (!find_embedded(name)) return 0;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushfstring(L, "perigee.%s", name);
  lua_pushvalue(L, -1);
  if (lua_gettable(L, -3) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, load_embedded, 1);
    lua_call(L, 0, 1);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_settable(L, 3); /* package.loaded["perigee.name"] */
  }
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -2);
  lua_rawset(L, 1);
  return 1;
}

/* module[name] for a C module that a Lua file of the same name completes: takes over what that file returns, once. */
static int l_complete(lua_State *L) {
  lua_pushnil(L);
  lua_setmetatable(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, load_embedded, 1);
  lua_call(L, 0, 1);
  for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
  }
  lua_pushvalue(L, 2);
  lua_rawget(L, 1);
  return 1;
}

/* pg on top: gives such modules their completion. */
static void complete_modules(lua_State *L) {
  for (const pri_embedded *e = pri_embedded_files; e->name; e++) {
    lua_pushstring(L, e->name);
    if (lua_rawget(L, -2) == LUA_TTABLE) {
      lua_createtable(L, 0, 1);
      lua_pushstring(L, e->name);
      lua_pushcclosure(L, l_complete, 1);
      lua_setfield(L, -2, "__index");
      lua_setmetatable(L, -2);
    }
    lua_pop(L, 1);
  }
}

static void preload(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (const pri_embedded *e = pri_embedded_files; e->name; e++) {
    lua_pushfstring(L, "perigee.%s", e->name);
    lua_pushstring(L, e->name);
    lua_pushcclosure(L, load_embedded, 1);
    lua_settable(L, -3);
  }
  lua_pop(L, 1);
}

/* ---- opening ---- */

static int glue_gc(lua_State *L) {
  pri_glue *g = lua_touserdata(L, 1);
  if (g->cx) peri_set_reclaim(g->cx, NULL, NULL);
  if (g->owns_context && g->cx) peri_close(g->cx);
  g->cx = NULL;
  return 0;
}

/* What an exhausted budget asks for: everything that Lua has dropped. */
static bool reclaim(void *ud) {
  pri_glue *g = ud;
  size_t before, after;
  peri_memory(g->cx, &before, NULL, NULL);
  lua_gc(g->L, LUA_GCCOLLECT);
  peri_memory(g->cx, &after, NULL, NULL);
  g->floor = after;
  return after < before;
}

static void open_glue(lua_State *L, peri_ctx *cx) {
  pri_glue *g = lua_newuserdatauv(L, sizeof *g, 0);
  memset(g, 0, sizeof *g);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, glue_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, "perigee.glue");
  g->cx = cx;
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  g->L = lua_tothread(L, -1);
  lua_pop(L, 1);
  peri_set_reclaim(cx, reclaim, g);
}

static void bind_all(lua_State *L) {
  pri_bind_tensor(L);
  pri_bind_elementwise(L);
  pri_bind_reduce(L);
  pri_bind_shape(L);
  pri_bind_index(L);
  pri_bind_ad(L);
  pri_bind_linalg(L);
  pri_bind_fft(L);
  pri_bind_random(L);
  pri_bind_numeric(L);
  pri_bind_process(L);
  pri_bind_fgn(L);
  pri_bind_graph(L);
  pri_bind_gossip(L);
  pri_bind_kesten(L);
  pri_bind_diag(L);
  pri_bind_tails(L);
  pri_bind_optim(L);
  pri_bind_nn(L);
  pri_bind_sampler(L);
  pri_bind_io(L);
  pri_bind_workers(L);
  pri_bind_testing(L);
  pri_bind_system(L);
}

/* Leaves pg on the stack, made once per state. */
static void open_library(lua_State *L) {
  luaL_newmetatable(L, "perigee.tensor");
  lua_newtable(L);
  lua_setfield(L, -2, "methods");
  lua_pop(L, 1);
  lua_newtable(L);
  lua_setfield(L, LUA_REGISTRYINDEX, "perigee.experiment.rows");
  lua_newtable(L);
  bind_all(L);
  lua_pushliteral(L, PERI_VERSION);
  lua_setfield(L, -2, "version");
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.experiment.rows");
  lua_setfield(L, -2, "documentation");
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, l_lazy);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  complete_modules(L);
  preload(L);
}

static int l_require(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  return 1;
}

void peri_open_libs(lua_State *L, peri_ctx *cx) {
  open_glue(L, cx);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  open_library(L);
  lua_pushcclosure(L, l_require, 1);
  lua_setfield(L, -2, "perigee");
  lua_pop(L, 1);
}

int luaopen_perigee(lua_State *L) {
  luaL_checkversion(L);
  peri_ctx *cx = peri_open(NULL);
  if (!cx) return luaL_error(L, "perigee: cannot open a context (memory, or an unknown PERIGEE_ISA)");
  open_glue(L, cx);
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.glue");
  ((pri_glue *)lua_touserdata(L, -1))->owns_context = true;
  open_library(L);
  return 1;
}

peri_ctx *peri_lua_context(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.glue");
  pri_glue *g = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return g ? g->cx : NULL;
}

void peri_lua_push(lua_State *L, peri_tensor *t) {
  if (!t) {
    lua_pushnil(L);
    return;
  }
  peri_tensor **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.tensor");
  lua_setmetatable(L, -2);
  *box = peri_retain(t);
}

peri_tensor *peri_lua_to(lua_State *L, int idx) {
  peri_tensor **box = luaL_testudata(L, idx, "perigee.tensor");
  return box ? *box : NULL;
}
