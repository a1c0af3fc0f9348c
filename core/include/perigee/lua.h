/* perigee/lua.h - Perigee inside a lua_State.
**
**     peri_ctx *cx = peri_open(&(peri_config){ .memory_limit = 512u << 20 });
**     lua_State *L = lua_newstate(peri_lua_alloc, cx);      Lua and tensors draw on one budget
**     luaL_openlibs(L);
**     peri_open_libs(L, cx);                                require "perigee" works from here on
**     ...
**     lua_close(L);
**     peri_close(cx);
*/
#ifndef PERIGEE_LUA_H
#define PERIGEE_LUA_H

#include <lua.h>
#include <perigee/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A lua_Alloc whose ud is a peri_ctx. */
PERI_API void *peri_lua_alloc(void *ud, void *ptr, size_t osize, size_t nsize);

/* Makes `require "perigee"` work in L, on context cx, which must outlive L. Changes nothing else in the state: no globals, no
** collector mode, no hooks. One context belongs to one state. Raises a Lua error if memory runs out. */
PERI_API void peri_open_libs(lua_State *L, peri_ctx *cx);

PERI_API peri_ctx *peri_lua_context(lua_State *L);          /* NULL if peri_open_libs has not run in L */

/* Tensors across the boundary, without copying. push: L gets a reference of its own (nil for NULL; may raise).
** to: the tensor at idx, borrowed, or NULL if there is none. */
PERI_API void peri_lua_push(lua_State *L, peri_tensor *t);
PERI_API peri_tensor *peri_lua_to(lua_State *L, int idx);

/* For `require "perigee"` by a stock interpreter: opens a context of its own, which is closed with the state. */
PERI_API int luaopen_perigee(lua_State *L);

#ifdef __cplusplus
}
#endif
#endif
