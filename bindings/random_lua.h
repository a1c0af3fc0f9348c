/* random_lua.h - streams and blocks as arguments of other modules' bindings. */
#ifndef PRI_RANDOM_LUA_H
#define PRI_RANDOM_LUA_H

#include <lua.h>
#include <perigee/random.h>

peri_stream *check_stream(lua_State *L, int idx); /* borrowed; raises unless a stream */
peri_block *check_block(lua_State *L, int idx);

#endif
