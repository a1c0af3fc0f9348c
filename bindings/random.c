#include "peri_lua.h"
void pri_bind_random(lua_State *L) { (void)L; }
