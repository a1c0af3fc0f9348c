/* cli.h - what the files of the command share. */
#ifndef PRI_CLI_H
#define PRI_CLI_H

#include <perigee/lua.h>
#include <lauxlib.h>
#include <lualib.h>

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED, EXIT_EXHAUSTED }; /* the documented exit statuses */

/* call.c: protected calls, and the one message they print */

/* Calls the function below nargs arguments; leaves nresults results, or prints the error and leaves nothing.
** With traced, an error deep inside a script also lists the calls that led there. Returns the exit status. */
int pri_call(lua_State *L, peri_ctx *cx, int nargs, int nresults, bool traced);

/* Leaves require(module), for "perigee" or one of its modules; or prints the error. Returns the exit status. */
int pri_require(lua_State *L, peri_ctx *cx, const char *module);

/* Prints the error object on top of the stack and pops it. status is lua_pcall's; returns the exit status. */
int pri_report(lua_State *L, peri_ctx *cx, int status);

void pri_warn(void *ud, const char *msg, int tocont); /* a lua_WarnFunction; ud is the int that holds its state */

/* stop.c: Ctrl-C */

void pri_stop_open(lua_State *L, peri_ctx *cx); /* replaces coroutine.resume and wrap by ones that can be stopped */
void pri_stop_arm(void);                        /* from now, Ctrl-C stops the computation; a second one ends the process */
void pri_stop_disarm(void);                     /* Ctrl-C is only remembered: while a prompt waits for a line */
bool pri_stopped(void);                         /* whether Ctrl-C was pressed since the last arm or disarm */

/* files.c: what lies where */

void pri_push_env(lua_State *L); /* the table that perigee.command works with */

/* line.c: a line from the terminal or the standard input */

typedef struct pri_lines pri_lines;
pri_lines *pri_lines_open(lua_State *L);        /* L: where completion asks perigee.prompt. NULL: out of memory */
/* The next line without its newline, valid until the next call; NULL at the end of input, or with *cut at Ctrl-C. */
const char *pri_lines_read(pri_lines *in, const char *prompt, bool *cut);
void pri_lines_remember(pri_lines *in, const char *line); /* adds it to the history, and to its file */
bool pri_lines_interactive(const pri_lines *in);
void pri_lines_close(pri_lines *in);

/* repl.c: the prompt */

int pri_repl(lua_State *L, peri_ctx *cx); /* returns the exit status */

#endif
