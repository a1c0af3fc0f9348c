#include "peri_lua.h"
void pri_bind_diag(lua_State *L) { (void)L; }
