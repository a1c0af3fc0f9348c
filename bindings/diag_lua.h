/* diag_lua.h - what the glue files of pg.diag share: reading the options of moments and what is asked of them. */
#ifndef PRI_DIAG_LUA_H
#define PRI_DIAG_LUA_H

#include "peri_lua.h"

/* Option `name` of the table at 1 as a real tensor that the caller owns; NULL if absent and optional. */
peri_tensor *pri_own_tensor(lua_State *L, const char *who, const char *name, bool required);
double pri_required_number(lua_State *L, const char *who, const char *name); /* of the table at 1 */

/* Argument 2, a number, list or vector, as numbers in a box that is pushed; *one if it was a number. */
const double *pri_check_list(lua_State *L, const char *who, int64_t *count, bool *one);
const int64_t *pri_check_jumps(lua_State *L, const char *who, int64_t *count, bool *one);

/* The box on top holds moments (count, n, 3): leaves them, or (one) the view (n, 3) of the only record. */
void pri_only_record(lua_State *L, bool one);

/* Into the table on top, documented as functions of diag.moments. */
void pri_moments_constructors(lua_State *L, const pri_row *rows);

/* diag_design.c */
void pri_bind_design(lua_State *L);
extern const pri_row pri_design_constructors[];

#endif
