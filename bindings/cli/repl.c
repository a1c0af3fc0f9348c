/* repl.c - the prompt. An expression prints its values; unfinished input goes on on the next line; an error or Ctrl-C ends
** the computation, never the session. Globals `pg` (the library) and `help` are there from the start.
*/
#include "cli.h"
#include <stdio.h>
#include <string.h>

/* Whether the message of a failed load says that the chunk ended too early. */
static bool unfinished(lua_State *L, int status) {
  static const char mark[] = "<eof>";
  size_t n;
  const char *message = status == LUA_ERRSYNTAX ? lua_tolstring(L, -1, &n) : NULL;
  return message && n >= sizeof mark - 1 && strcmp(message + n - (sizeof mark - 1), mark) == 0;
}

static int load(lua_State *L, const char *code) { return luaL_loadbufferx(L, code, strlen(code), "=prompt", "t"); }

/* Loads the line at index 1 as an expression or as statements, reading further lines while it is unfinished. Leaves the
** function, or the message. LUA_OK, the status of the failed load, or -1: Ctrl-C. */
static int load_lines(lua_State *L, pri_lines *in) {
  lua_pushfstring(L, "return %s", lua_tostring(L, 1));
  int status = load(L, lua_tostring(L, -1));
  lua_remove(L, -2);
  if (status == LUA_OK) return status;
  for (;;) {
    lua_settop(L, 1);
    status = load(L, lua_tostring(L, 1));
    if (!unfinished(L, status)) return status;
    bool cut;
    const char *more = pri_lines_read(in, ">> ", &cut);
    if (!more) return cut ? -1 : status;
    pri_lines_remember(in, more);
    lua_settop(L, 1);
    lua_pushfstring(L, "%s\n%s", lua_tostring(L, 1), more);
    lua_replace(L, 1);
  }
}

/* perigee.prompt[name], with the module's table as nothing but a place: the function is left on the stack. */
static void push_prompt(lua_State *L, const char *name) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, "perigee.prompt");
  lua_getfield(L, -1, name);
  lua_replace(L, -3);
  lua_pop(L, 1);
}

static void print_results(lua_State *L, peri_ctx *cx) {
  int n = lua_gettop(L) - 1;
  if (n == 0) return;
  push_prompt(L, "print");
  lua_insert(L, 2);
  pri_call(L, cx, n, 0, false);
}

/* One line and what it leads to. The line is at index 1. */
static void evaluate(lua_State *L, peri_ctx *cx, pri_lines *in) {
  push_prompt(L, "translate"); /* `help tensor.sum` is the one command that is not Lua */
  lua_pushvalue(L, 1);
  if (pri_call(L, cx, 1, 1, false) != EXIT_OK) return;
  lua_replace(L, 1);
  int status = load_lines(L, in);
  if (status < 0) return;
  if (status != LUA_OK) {
    pri_report(L, cx, status);
    return;
  }
  pri_stop_arm();
  status = pri_call(L, cx, 0, LUA_MULTRET, true);
  if (status == EXIT_OK) print_results(L, cx);
  pri_stop_disarm();
}

static bool is_blank(const char *line) { return line[strspn(line, " \t\r")] == 0; }
static bool is_farewell(const char *line) { return strcmp(line, "exit") == 0 || strcmp(line, "quit") == 0; }

/* global = require(module), or a field of it. */
static int preload(lua_State *L, peri_ctx *cx, const char *module, const char *field, const char *global) {
  int status = pri_require(L, cx, module);
  if (status != EXIT_OK) return status;
  if (field) lua_getfield(L, -1, field);
  lua_setglobal(L, global);
  lua_settop(L, 0);
  return status;
}

int pri_repl(lua_State *L, peri_ctx *cx) {
  lua_settop(L, 0);
  int status = preload(L, cx, "perigee", NULL, "pg");
  if (status == EXIT_OK) status = preload(L, cx, "perigee.prompt", "help", "help");
  if (status != EXIT_OK) return status;
  pri_lines *in = pri_lines_open(L);
  if (!in) return fputs("perigee: not enough memory for the prompt\n", stderr), EXIT_EXHAUSTED;
  if (pri_lines_interactive(in))
    printf("Perigee %s, %s. `help` for help; Ctrl-C stops a computation, Ctrl-D leaves.\n", PERI_VERSION, LUA_RELEASE);
  pri_stop_disarm();
  for (;;) {
    bool cut;
    lua_settop(L, 0);
    const char *line = pri_lines_read(in, "> ", &cut);
    if (!line && !cut) break;
    if (!line || is_blank(line)) continue;
    if (is_farewell(line)) break;
    pri_lines_remember(in, line);
    lua_pushstring(L, line);
    evaluate(L, cx, in);
    fflush(stdout);
  }
  pri_lines_close(in);
  return EXIT_OK;
}
