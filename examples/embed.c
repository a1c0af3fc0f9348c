/* embed.c - a C host that stays in charge: its own budget, its own Lua state, tensors across the boundary without copying.
**
**     cc embed.c $(pkg-config --cflags --libs perigee lua5.4) -o embed && ./embed
*/
#include <lauxlib.h>
#include <lualib.h>
#include <perigee/lua.h>
#include <perigee/ops.h>
#include <stdio.h>

static const char script[] = "local pg = require 'perigee'\n"
                             "local x, curvature = ...\n"
                             "for step = 1, 100 do x:sub_(0.1 * curvature * x) end\n" /* gradient descent on sum c x^2 / 2 */
                             "return (curvature * x * x / 2)";

/* Runs the script on two tensors of the host; the result is a new reference, or NULL after saying why. */
static peri_tensor *descend(lua_State *L, peri_tensor *x, peri_tensor *curvature) {
  peri_tensor *result = NULL;
  lua_settop(L, 0);
  if (luaL_loadstring(L, script) == LUA_OK) {
    peri_lua_push(L, x);
    peri_lua_push(L, curvature);
    if (lua_pcall(L, 2, 1, 0) == LUA_OK) result = peri_lua_to(L, -1);
  }
  if (result) peri_retain(result);
  else fprintf(stderr, "embed: %s\n", lua_tostring(L, -1));
  lua_settop(L, 0);
  return result;
}

static int run(peri_ctx *cx, lua_State *L) {
  const double start[] = {1, 1, 1}, spectrum[] = {0.1, 1, 10};
  peri_tensor *x = peri_from(cx, PERI_F64, 1, (int64_t[]){3}, start);
  peri_tensor *c = peri_from(cx, PERI_F64, 1, (int64_t[]){3}, spectrum);
  peri_tensor *f = x && c ? descend(L, x, c) : NULL;
  for (int i = 0; f && i < 3; i++) printf("curvature %4g: x = %.3e, f = %.3e\n", spectrum[i], peri_item(x, i), peri_item(f, i));
  int status = f ? 0 : 1;
  peri_release(f);
  peri_release(c);
  peri_release(x);
  return status;
}

int main(void) {
  peri_ctx *cx = peri_open(&(peri_config){.memory_limit = 64u << 20});
  lua_State *L = cx ? lua_newstate(peri_lua_alloc, cx) : NULL;
  if (!L) return fprintf(stderr, "embed: no memory\n"), 1;
  luaL_openlibs(L);
  peri_open_libs(L, cx);
  int status = run(cx, L);
  lua_close(L);
  peri_close(cx);
  return status;
}
