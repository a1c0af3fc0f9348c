/* call.c - protected calls. An error is printed once, on the standard error: its message, which begins with the script's
** position, and where the script was several calls deep, the calls that led there.
*/
#include "cli.h"
#include <stdio.h>
#include <string.h>

/* Whether the frame is a line of the user's, not of C or of the modules inside the library. */
static bool is_script(const lua_Debug *ar) {
  return ar->currentline > 0 && *ar->source == '@' && strncmp(ar->source, "@perigee/", 9) != 0;
}

/* Appends the script's calls to the message below them, unless there is but one. Leaves one value. */
static void add_calls(lua_State *L) {
  enum { SHOWN = 12 };
  lua_Debug ar;
  luaL_Buffer b;
  int calls = 0;
  luaL_buffinit(L, &b);
  for (int level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sln", &ar);
    if (!is_script(&ar) || ++calls > SHOWN) continue;
    lua_pushfstring(L, "\n  %s %s:%d", calls == 1 ? "at" : "called from", ar.short_src, ar.currentline);
    luaL_addvalue(&b);
    if (ar.name) {
      lua_pushfstring(L, ", in %s '%s'", *ar.namewhat ? ar.namewhat : "function", ar.name);
      luaL_addvalue(&b);
    }
  }
  if (calls > SHOWN) {
    lua_pushfstring(L, "\n  and %d more", calls - SHOWN);
    luaL_addvalue(&b);
  }
  luaL_pushresult(&b);
  if (calls > 1) lua_concat(L, 2);
  else lua_pop(L, 1);
}

static int describe(lua_State *L) { /* upvalue 1: whether the calls are wanted */
  if (lua_type(L, 1) != LUA_TSTRING) {
    if (luaL_callmeta(L, 1, "__tostring") && lua_isstring(L, -1)) return 1;
    lua_settop(L, 1);
    if (lua_isnumber(L, 1)) lua_tostring(L, 1);
    else lua_pushfstring(L, "the error object is a %s value", luaL_typename(L, 1));
    return 1;
  }
  if (lua_toboolean(L, lua_upvalueindex(1))) add_calls(L);
  return 1;
}

/* Whether the message ends with the context's own: then the context's code tells what it was. */
static bool is_cores(peri_ctx *cx, const char *message) {
  const char *own = peri_errmsg(cx);
  return *own && strstr(message, own);
}

int pri_report(lua_State *L, peri_ctx *cx, int status) {
  const char *message = lua_tostring(L, -1);
  if (!message) message = "an error without a message";
  fflush(stdout);
  fprintf(stderr, "perigee: %s\n", message);
  int result = EXIT_FAILED;
  if (pri_stopped()) result = EXIT_INTERRUPTED;
  else if (status == LUA_ERRMEM || (is_cores(cx, message) && peri_errcode(cx) == PERI_ERR_MEMORY)) result = EXIT_EXHAUSTED;
  lua_pop(L, 1);
  return result;
}

int pri_call(lua_State *L, peri_ctx *cx, int nargs, int nresults, bool traced) {
  int base = lua_gettop(L) - nargs;
  lua_pushboolean(L, traced);
  lua_pushcclosure(L, describe, 1);
  lua_insert(L, base);
  int status = lua_pcall(L, nargs, nresults, base);
  lua_remove(L, base);
  return status == LUA_OK ? EXIT_OK : pri_report(L, cx, status);
}

static int require_module(lua_State *L, peri_ctx *cx, const char *module) {
  lua_getglobal(L, "require");
  lua_pushstring(L, module);
  return pri_call(L, cx, 1, 1, false);
}

int pri_require(lua_State *L, peri_ctx *cx, const char *module) {
  int status = require_module(L, cx, "perigee"); /* which makes its modules known */
  if (status != EXIT_OK) return status;
  lua_pop(L, 1);
  return require_module(L, cx, module);
}

void pri_warn(void *ud, const char *msg, int tocont) { /* *ud: 0 off, 1 at the start of a message, 2 within one */
  int *state = ud;
  if (*state != 2 && !tocont && *msg == '@') {
    if (strcmp(msg, "@on") == 0) *state = 1;
    if (strcmp(msg, "@off") == 0) *state = 0;
    return;
  }
  if (*state == 0) return;
  fprintf(stderr, "%s%s%s", *state == 1 ? "perigee: warning: " : "", msg, tocont ? "" : "\n");
  *state = tocont ? 2 : 1;
}
