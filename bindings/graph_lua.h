/* graph_lua.h - graphs as arguments of other modules' bindings. */
#ifndef PRI_GRAPH_LUA_H
#define PRI_GRAPH_LUA_H

#include <lua.h>
#include <perigee/graph.h>

peri_graph *check_graph(lua_State *L, int idx); /* borrowed; raises unless a graph */

#endif
