/* stop.c - Ctrl-C stops the computation: tensor operations by the context's flag, loops of pure Lua by a hook.
**
** The hook is installed by the signal handler, as the stock interpreter does; a loop that nobody interrupts pays nothing.
** The stock interpreter hooks the main thread of the machine only, so that a coroutine in a loop never stops. Here
** coroutine.resume and coroutine.wrap note which thread runs: one store each way.
**
** A signal handler has no argument, hence the static variables: one process, one terminal, one command.
*/
#include "cli.h"
#include <pthread.h>
#include <signal.h>
#include <time.h>

static lua_State *volatile running; /* the thread of the machine that executes now */
static peri_ctx *context;
static pthread_t machine;           /* the thread of the process that runs it */
static volatile sig_atomic_t pressed, armed;
static struct timespec first; /* when it was pressed */

static void stop_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  if (peri_errcode(context) == PERI_ERR_INTERRUPT) return; /* an operation has raised it already */
  peri_check_interrupt(context);
  luaL_where(L, 0); /* a hook has no level of its own: 0 is the function that runs */
  lua_pushstring(L, peri_errmsg(context));
  lua_concat(L, 2);
  lua_error(L);
}

static void hook(lua_State *L) { lua_sethook(L, stop_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1); }

static void set_handler(void (*handler)(int)) {
  struct sigaction act = {.sa_handler = handler}; /* no SA_RESTART: reading a line must notice */
  sigemptyset(&act.sa_mask);
  sigaction(SIGINT, &act, NULL);
}

/* The first press stops the computation, a later one ends the process. One key may arrive as two signals (from the terminal and
** from a parent such as timeout), so the second must come half a second later. */
static void on_interrupt(int sig) {
  struct timespec now;
  if (!pthread_equal(pthread_self(), machine)) { /* the hook is installed by the thread that runs the machine */
    pthread_kill(machine, sig);
    return;
  }
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (pressed && armed) {
    if ((double)(now.tv_sec - first.tv_sec) + 1e-9 * (double)(now.tv_nsec - first.tv_nsec) < 0.5) return;
    set_handler(SIG_DFL);
    raise(sig);
    return;
  }
  first = now;
  pressed = 1;
  if (!armed) return;
  peri_interrupt(context);
  hook(running);
}

static void start(int arm) {
  pressed = 0;
  armed = arm;
  peri_clear_interrupt(context);
  peri_clear_error(context);
  lua_sethook(running, NULL, 0, 0);
  set_handler(on_interrupt);
}

void pri_stop_arm(void) { start(1); }
void pri_stop_disarm(void) { start(0); }
bool pri_stopped(void) { return pressed != 0; }

/* Runs co until it yields or ends. Like the stock function: the number of results on L, or -1 and the error object. */
static int resume(lua_State *L, lua_State *co, int nargs) {
  if (!lua_checkstack(co, nargs)) return lua_pushliteral(L, "too many arguments to resume"), -1;
  lua_xmove(L, co, nargs);
  int nres;
  running = co;
  int status = lua_resume(co, L, nargs, &nres);
  running = L;
  if (lua_gethook(co) == stop_hook) { /* pressed when co had no instruction left to notice it */
    lua_sethook(co, NULL, 0, 0);
    hook(L);
  }
  if (status != LUA_OK && status != LUA_YIELD) return lua_xmove(co, L, 1), -1;
  if (!lua_checkstack(L, nres + 1)) return lua_pop(co, nres), lua_pushliteral(L, "too many results to resume"), -1;
  lua_xmove(co, L, nres);
  return nres;
}

static int co_resume(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  int n = resume(L, co, lua_gettop(L) - 1);
  lua_pushboolean(L, n >= 0);
  if (n < 0) n = 1;
  lua_insert(L, -(n + 1));
  return n + 1;
}

static int wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int n = resume(L, co, lua_gettop(L));
  if (n >= 0) return n;
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD) {
    status = lua_resetthread(co); /* closes its pending variables, whose errors replace the first */
    lua_pop(L, 1);
    lua_xmove(co, L, 1);
  }
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int co_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, wrapped, 1);
  return 1;
}

void pri_stop_open(lua_State *L, peri_ctx *cx) {
  running = L;
  context = cx;
  machine = pthread_self();
  static const luaL_Reg functions[] = {{"resume", co_resume}, {"wrap", co_wrap}, {NULL, NULL}};
  lua_getglobal(L, LUA_COLIBNAME);
  luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);
}
