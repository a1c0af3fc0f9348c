/* main.c - the command: scripts, experiments and the prompt. */
#define _GNU_SOURCE
#include "cli.h"
#include <perigee/op.h>
#include <cblas.h>
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "perigee FILE.lua [ARGS]        run a script (-: the standard input)\n"
    "perigee -e CODE                run a line of Lua; may be repeated, and a FILE may follow\n"
    "perigee -i [FILE.lua]          the prompt, after the FILE if there is one\n"
    "perigee run NAME [OPTIONS]     run an experiment; `perigee run NAME --help` names its options\n"
    "perigee list [PATTERN]         the experiments: name, paper, one sentence\n"
    "perigee help [NAME]            what a function does, e.g. tensor.sum\n"
    "perigee bench [PATTERN]        time the library against yardsticks\n"
    "perigee --stop-nonfinite ...   stop at the first NaN or infinity, and say what made it; goes before FILE or run\n"
    "perigee -v, --version          versions, and the processor's kernels in use\n"
    "perigee -h, --help             this text\n"
    "\n"
    "Exit status: 0 done, 1 a script's error or a claim that fails, 2 usage, 3 interrupted, 4 out of resources.\n"
    "Environment: PERIGEE_SCRIPTS folders of experiments, PERIGEE_THREADS threads of one computation,\n"
    "PERIGEE_ISA baseline, avx2 or avx512 kernels.\n";

typedef struct { /* the command line, taken apart */
  char **code;     /* of each -e, in order */
  int codes;
  bool prompt, version, help, stop_nonfinite;
  int argc;        /* of the whole command line */
  char **argv;
  int script;      /* index of the first word that is no option; argc if there is none */
} command_line;

static int complain(const char *format, const char *what) {
  fputs("perigee: ", stderr);
  fprintf(stderr, format, what);
  fputs("\n", stderr);
  return EXIT_USAGE;
}

static int parse(command_line *c) {
  static const struct option names[] = {
      {"eval", required_argument, NULL, 'e'}, {"interactive", no_argument, NULL, 'i'}, {"version", no_argument, NULL, 'v'},
      {"help", no_argument, NULL, 'h'},       {"stop-nonfinite", no_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
  opterr = 0;
  for (int o; (o = getopt_long(c->argc, c->argv, "+:e:ivh", names, NULL)) != -1;) {
    char letter[] = {'-', (char)optopt, 0};
    switch (o) {
    case 'e': c->code[c->codes++] = optarg; break;
    case 'i': c->prompt = true; break;
    case 'v': c->version = true; break;
    case 'h': c->help = true; break;
    case 'n': c->stop_nonfinite = true; break;
    case ':': return complain("option '%s' needs a piece of Lua", c->argv[optind - 1]);
    default: return complain("unknown option '%s'; `perigee --help` names them", optopt ? letter : c->argv[optind - 1]);
    }
  }
  c->script = optind;
  return EXIT_OK;
}

/* arg[0] is what runs, arg[1] and on its arguments, negative indices what came before. */
static void set_arg(lua_State *L, const command_line *c) {
  int zero = c->script < c->argc ? c->script : 0, count = c->script < c->argc ? c->argc : 1;
  lua_createtable(L, count - zero, zero + 1);
  for (int i = 0; i < count; i++) {
    lua_pushstring(L, c->argv[i]);
    lua_rawseti(L, -2, i - zero);
  }
  lua_setglobal(L, "arg");
}

static int run_code(lua_State *L, peri_ctx *cx, const char *code) {
  int status = luaL_loadbuffer(L, code, strlen(code), "=(command line)");
  return status == LUA_OK ? pri_call(L, cx, 0, 0, false) : pri_report(L, cx, status);
}

/* A script that returns an experiment is one: it runs with the arguments as its options. */
static int run_result(lua_State *L, peri_ctx *cx, const command_line *c, const char *path) {
  if (luaL_getmetafield(L, -1, "__name") == LUA_TNIL) return lua_pop(L, 1), EXIT_OK;
  bool experiment = strcmp(lua_tostring(L, -1), "perigee.experiment") == 0;
  lua_pop(L, 2);
  if (!experiment) return EXIT_OK;
  int status = pri_require(L, cx, "perigee.experiment");
  if (status != EXIT_OK) return status;
  lua_getfield(L, -1, "main");
  lua_remove(L, -2);
  lua_pushstring(L, path);
  lua_newtable(L);
  for (int i = c->script + 1; i < c->argc; i++) {
    lua_pushstring(L, c->argv[i]);
    lua_rawseti(L, -2, i - c->script);
  }
  status = pri_call(L, cx, 2, 1, true);
  if (status == EXIT_OK) status = (int)lua_tointeger(L, -1), lua_pop(L, 1);
  return status;
}

static int run_file(lua_State *L, peri_ctx *cx, const command_line *c, const char *path) {
  int status = luaL_loadfile(L, strcmp(path, "-") == 0 ? NULL : path);
  if (status == LUA_ERRFILE) return pri_report(L, cx, status), EXIT_USAGE;
  if (status != LUA_OK) return pri_report(L, cx, status);
  int nargs = c->script < c->argc ? c->argc - c->script - 1 : 0;
  luaL_checkstack(L, nargs + LUA_MINSTACK, "too many arguments");
  for (int i = 0; i < nargs; i++) lua_pushstring(L, c->argv[c->script + 1 + i]);
  status = pri_call(L, cx, nargs, 1, true);
  return status == EXIT_OK ? run_result(L, cx, c, path) : status;
}

/* perigee VERB ARGS: perigee.command[VERB]({ ARGS }, env) */
static int run_verb(lua_State *L, peri_ctx *cx, const command_line *c) {
  int status = pri_require(L, cx, "perigee.command");
  if (status != EXIT_OK) return status;
  lua_getfield(L, -1, c->argv[c->script]);
  lua_newtable(L);
  for (int i = c->script + 1; i < c->argc; i++) {
    lua_pushstring(L, c->argv[i]);
    lua_rawseti(L, -2, i - c->script);
  }
  pri_push_env(L);
  status = pri_call(L, cx, 2, 1, true);
  return status == EXIT_OK ? (int)lua_tointeger(L, -1) : status;
}

static bool is_verb(const char *word) {
  static const char *const verbs[] = {"run", "list", "help", "bench"};
  for (int i = 0; i < 4; i++)
    if (strcmp(word, verbs[i]) == 0) return true;
  return false;
}

static int print_version(lua_State *L, peri_ctx *cx) {
  const char *config = openblas_get_config(), *number = strncmp(config, "OpenBLAS ", 9) == 0 ? config + 9 : config;
  lua_getglobal(L, "_VERSION");
  printf("Perigee %s\n", PERI_VERSION);
  printf("%s (%s)\n", lua_tostring(L, -1), LUA_RELEASE);
  printf("OpenBLAS %.*s, %s kernels, %d thread%s\n", (int)strcspn(number, " "), number, openblas_get_corename(),
         openblas_get_num_threads(), openblas_get_num_threads() == 1 ? "" : "s");
  printf("%s kernels, %d thread%s\n", peri_isa(cx), peri_stats(cx).threads, peri_stats(cx).threads == 1 ? "" : "s");
  return EXIT_OK;
}

static int run(lua_State *L, peri_ctx *cx, const command_line *c) {
  int status = EXIT_OK;
  if (c->version) return print_version(L, cx);
  set_arg(L, c);
  for (int i = 0; i < c->codes && status == EXIT_OK; i++) status = run_code(L, cx, c->code[i]);
  if (status != EXIT_OK && !c->prompt) return status;
  if (c->script < c->argc) {
    const char *word = c->argv[c->script];
    if (!c->codes && !c->prompt && is_verb(word)) return run_verb(L, cx, c);
    status = run_file(L, cx, c, word);
  } else if (!c->codes && !c->prompt) {
    if (isatty(STDIN_FILENO)) return pri_repl(L, cx);
    return run_file(L, cx, c, "-");
  }
  if (c->prompt && status != EXIT_USAGE) return pri_repl(L, cx);
  return status == EXIT_OK && pri_stopped() ? EXIT_INTERRUPTED : status; /* a script that caught it did not finish its work */
}

typedef struct { peri_ctx *cx; const command_line *c; int status; } main_args;

static int protected_main(lua_State *L) {
  main_args *m = lua_touserdata(L, 1);
  lua_settop(L, 0);
  lua_gc(L, LUA_GCSTOP);
  luaL_checkversion(L);
  luaL_openlibs(L);
  peri_open_libs(L, m->cx);
  peri_stop_nonfinite(m->cx, m->c->stop_nonfinite);
  lua_gc(L, LUA_GCRESTART);
  lua_gc(L, LUA_GCINC, 150, 0, 0); /* finalized boxes live two cycles: at the default of 200 a loop of small steps leaves the cache */
  pri_stop_open(L, m->cx);
  pri_stop_arm();
  m->status = run(L, m->cx, m->c);
  return 0;
}

/* The threads of one computation: $PERIGEE_THREADS, or the cores that this process may use. 0: a value that is no number. */
static int thread_count(void) {
  const char *chosen = getenv("PERIGEE_THREADS");
  if (chosen && *chosen) {
    char *end;
    long n = strtol(chosen, &end, 10);
    return *end == 0 && n >= 1 && n <= 1024 ? (int)n : 0;
  }
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static int with_state(const command_line *c) {
  int threads = thread_count(), warnings = 1;
  if (!threads) return complain("PERIGEE_THREADS must be a number from 1 to 1024, got '%s'", getenv("PERIGEE_THREADS"));
  peri_ctx *cx = peri_open(&(peri_config){.threads = threads, .blas_threads = 1});
  lua_State *L = cx ? lua_newstate(peri_lua_alloc, cx) : NULL;
  if (!L) {
    peri_close(cx);
    return fputs("perigee: cannot start: not enough memory, or PERIGEE_ISA names kernels that this processor lacks\n", stderr), EXIT_EXHAUSTED;
  }
  lua_setwarnf(L, pri_warn, &warnings);
  main_args m = {cx, c, EXIT_FAILED};
  lua_pushcfunction(L, protected_main);
  lua_pushlightuserdata(L, &m);
  int status = lua_pcall(L, 1, 0, 0);
  if (status != LUA_OK) m.status = pri_report(L, cx, status);
  lua_close(L);
  peri_close(cx);
  return m.status;
}

/* What was printed must have arrived: a full disk is not success. */
static int close_output(int status) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return status;
  fprintf(stderr, "perigee: cannot write the output: %s\n", strerror(errno));
  return status == EXIT_OK ? EXIT_EXHAUSTED : status;
}

int main(int argc, char **argv) {
  setlocale(LC_CTYPE, "");
  signal(SIGXFSZ, SIG_IGN); /* a file at its size limit is an error of the write, as a full disk is */
  command_line c = {.argc = argc, .argv = argv, .code = calloc((size_t)argc + 1, sizeof *c.code)};
  int status = c.code ? parse(&c) : EXIT_EXHAUSTED;
  if (status == EXIT_OK) {
    if (c.help) fputs(usage, stdout);
    else status = with_state(&c);
    status = close_output(status);
  }
  free(c.code);
  return status;
}
