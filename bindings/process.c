#include "peri_lua.h"
void pri_bind_process(lua_State *L) { (void)L; }
