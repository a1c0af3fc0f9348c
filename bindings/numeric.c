/* numeric.c - special functions; the drivers over Lua functions. */
#include "peri_lua.h"
#include <perigee/numeric.h>

void pri_bind_numeric(lua_State *L) {
  pri_bind_functions(L, "numeric", peri_special_ops());
}
