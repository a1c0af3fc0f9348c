#include "peri_lua.h"
void pri_bind_index(lua_State *L) { (void)L; }
int l_index(lua_State *L) { return luaL_error(L, "index"); }
int l_newindex(lua_State *L) { return luaL_error(L, "index"); }
