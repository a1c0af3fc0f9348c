#include "peri_lua.h"
void pri_bind_linalg(lua_State *L) { (void)L; }
