/* subscript.h - Lua's way of naming axes and ranges, turned into the core's.
**
** Lua counts from 1 and includes both ends, and -1 is the last; the core counts from 0 and excludes the end.
*/
#ifndef PRI_SUBSCRIPT_H
#define PRI_SUBSCRIPT_H

#include "peri_lua.h"

typedef struct {
  int64_t from, to, step;
} pri_range; /* for peri_slice */

/* {from, to, step} of an axis with n elements; has says which were given (bits 1, 2, 4). Raises if it reaches
** outside. */
pri_range pri_resolve_range(lua_State *L, const char *who, int axis, int64_t n, int64_t from, int64_t to, int64_t step,
                            int has);
/* Index 1..n or -n..-1 as 0..n-1; raises otherwise. axis counts from 0. */
int64_t pri_resolve_index(lua_State *L, const char *who, int axis, int64_t n, int64_t index);
/* The axis at idx, 1..nd or -nd..-1, as 0..nd-1; `missing` for nil and none, which raise if it is negative. */
int pri_check_axis(lua_State *L, int idx, const char *who, const peri_tensor *t, int nd, int missing);

#endif
