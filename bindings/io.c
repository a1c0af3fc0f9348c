#include "peri_lua.h"
void pri_bind_io(lua_State *L) { (void)L; }
