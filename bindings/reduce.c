#include "peri_lua.h"
void pri_bind_reduce(lua_State *L) { (void)L; }
