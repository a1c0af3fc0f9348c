#include "peri_lua.h"
void pri_bind_shape(lua_State *L) { (void)L; }
