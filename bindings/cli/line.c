/* line.c - a line of input: edited on a terminal when libedit was found, plain otherwise.
**
** libedit's own reader retries after a signal and knows no bracketed paste, so characters come from read_char below: Ctrl-C
** ends the line at once, and what a terminal marks as pasted (ESC [200~ ... ESC [201~) is text: tabs in it do not
** complete. The history lives in $XDG_STATE_HOME/perigee/history, ~/.local/state if unset.
*/
#define _GNU_SOURCE
#include "cli.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_EDIT
#include <histedit.h>
#include <poll.h>
#include <signal.h>
#include <wchar.h>
#endif

struct pri_lines {
  lua_State *L;
  char *plain;         /* buffer of getline */
  size_t capacity;
  bool terminal;       /* a person is there: prompts are worth printing */
#ifdef HAVE_EDIT
  EditLine *edit;      /* NULL: plain input */
  History *history;
  char *history_file;  /* NULL: none can be had */
  const char *prompt;
  unsigned char ahead[8]; /* bytes read beyond an ESC that began no paste mark */
  int ahead_at, ahead_count;
  bool pasting;        /* between the marks, which may be several lines apart */
#endif
};

static const char *read_plain(pri_lines *in, const char *prompt, bool *cut) {
  if (in->terminal) {
    fputs(prompt, stdout);
    fflush(stdout);
  }
  errno = 0;
  ssize_t n = getline(&in->plain, &in->capacity, stdin);
  if (n < 0) {
    *cut = errno == EINTR;
    clearerr(stdin);
    if (in->terminal) fputs("\n", stdout);
    return NULL;
  }
  if (n > 0 && in->plain[n - 1] == '\n') in->plain[n - 1] = 0;
  return in->plain;
}

#ifdef HAVE_EDIT
static const char paste_on[] = "\033[?2004h", paste_off[] = "\033[?2004l";

static char *current_prompt(EditLine *el) {
  pri_lines *in;
  el_get(el, EL_CLIENTDATA, &in);
  return (char *)in->prompt;
}

/* One byte: 1, 0 at the end of input, -1 on an error or Ctrl-C. */
static int read_byte(pri_lines *in, unsigned char *c) {
  if (in->ahead_at < in->ahead_count) return *c = in->ahead[in->ahead_at++], 1;
  for (;;) {
    ssize_t n = read(STDIN_FILENO, c, 1);
    if (n >= 0) return (int)n;
    if (errno != EINTR || pri_stopped()) return -1;
    el_resize(in->edit); /* the window changed size */
  }
}

/* After an ESC: whether a paste mark follows. If not, what was read is kept. */
static bool paste_mark(pri_lines *in) {
  static const char on[] = "[200~", off[] = "[201~";
  struct pollfd more = {.fd = STDIN_FILENO, .events = POLLIN};
  if (in->ahead_at < in->ahead_count) return false;
  in->ahead_at = in->ahead_count = 0;
  while (in->ahead_count < 5 && poll(&more, 1, 20) == 1) {
    if (read(STDIN_FILENO, in->ahead + in->ahead_count, 1) != 1) break;
    size_t n = (size_t)++in->ahead_count;
    if (memcmp(in->ahead, on, n) != 0 && memcmp(in->ahead, off, n) != 0) break;
  }
  if (in->ahead_count < 5 || (memcmp(in->ahead, on, 5) != 0 && memcmp(in->ahead, off, 5) != 0)) return false;
  in->pasting = in->ahead[3] == '0';
  in->ahead_count = 0;
  return true;
}

static int read_char(EditLine *el, wchar_t *wc) {
  pri_lines *in;
  el_get(el, EL_CLIENTDATA, &in);
  mbstate_t state = {0};
  for (;;) {
    unsigned char c;
    int n = read_byte(in, &c);
    if (n <= 0) return n;
    if (c == 033 && paste_mark(in)) continue;
    if (c == '\t' && in->pasting) c = ' ';
    size_t used = mbrtowc(wc, (char *)&c, 1, &state);
    if (used == (size_t)-2) continue;      /* inside a character of several bytes */
    if (used == (size_t)-1) *wc = L'?', memset(&state, 0, sizeof state);
    return 1;
  }
}

/* Lists the candidates at index -1 of L below the line, in columns. */
static void show_candidates(lua_State *L, int count) {
  enum { WIDTH = 80 };
  int longest = 1;
  for (int i = 1; i <= count; i++, lua_pop(L, 1)) {
    int n = lua_rawgeti(L, -1, i) == LUA_TSTRING ? (int)lua_rawlen(L, -1) : 0;
    if (n > longest) longest = n;
  }
  int columns = WIDTH / (longest + 2) > 0 ? WIDTH / (longest + 2) : 1;
  for (int i = 1; i <= count; i++, lua_pop(L, 1)) {
    lua_rawgeti(L, -1, i);
    printf("%s%-*s", (i - 1) % columns ? "  " : "\n", longest, lua_tostring(L, -1));
  }
  fputs("\n", stdout);
  fflush(stdout);
}

/* How many bytes all candidates share. */
static size_t common_prefix(lua_State *L, int count) {
  lua_rawgeti(L, -1, 1);
  const char *first = lua_tostring(L, -1);
  size_t n = strlen(first);
  for (int i = 2; i <= count; i++, lua_pop(L, 1)) {
    lua_rawgeti(L, -2, i);
    const char *other = lua_tostring(L, -1);
    size_t k = 0;
    while (k < n && first[k] == other[k]) k++;
    n = k;
  }
  lua_pop(L, 1);
  return n;
}

static int ask_prompt_module(lua_State *L) { /* (text) -> length of the word, candidates */
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, "perigee.prompt");
  lua_getfield(L, -1, "complete");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 2);
  return 2;
}

static unsigned char complete(EditLine *el, int key) {
  (void)key;
  pri_lines *in;
  el_get(el, EL_CLIENTDATA, &in);
  lua_State *L = in->L;
  const LineInfo *line = el_line(el);
  int top = lua_gettop(L);
  unsigned char result = CC_ERROR;
  lua_pushcfunction(L, ask_prompt_module);
  lua_pushlstring(L, line->buffer, (size_t)(line->cursor - line->buffer));
  if (lua_pcall(L, 1, 2, 0) == LUA_OK) {
    size_t typed = (size_t)lua_tointeger(L, -2);
    int count = (int)lua_rawlen(L, -1);
    size_t shared = count ? common_prefix(L, count) : 0;
    if (shared > typed) {
      lua_rawgeti(L, -1, 1);
      lua_pushlstring(L, lua_tostring(L, -1) + typed, shared - typed);
      result = el_insertstr(el, lua_tostring(L, -1)) == 0 ? CC_REFRESH : CC_ERROR;
    } else if (count > 1) {
      show_candidates(L, count);
      result = CC_REDISPLAY;
    }
  }
  lua_settop(L, top);
  return result;
}

/* Makes every folder on the way to path; the history is worth no message. */
static void make_folders(char *path) {
  for (char *p = path + 1; (p = strchr(p, '/')); p++) {
    *p = 0;
    mkdir(path, 0700);
    *p = '/';
  }
}

static char *find_history_file(void) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  char *path = NULL;
  int n = state && *state == '/'  ? asprintf(&path, "%s/perigee/history", state)
          : home && *home == '/' ? asprintf(&path, "%s/.local/state/perigee/history", home)
                                 : -1;
  if (n < 0) return NULL;
  make_folders(path);
  return path;
}

static void open_editor(pri_lines *in) {
  HistEvent ev;
  in->edit = el_init("perigee", stdin, stdout, stderr);
  in->history = in->edit ? history_init() : NULL;
  if (!in->history) return;
  history(in->history, &ev, H_SETSIZE, 1000);
  history(in->history, &ev, H_SETUNIQUE, 1);
  in->history_file = find_history_file();
  if (in->history_file) history(in->history, &ev, H_LOAD, in->history_file);
  el_set(in->edit, EL_CLIENTDATA, in);
  el_set(in->edit, EL_PROMPT, current_prompt);
  el_set(in->edit, EL_EDITOR, "emacs");
  el_set(in->edit, EL_SIGNAL, 0);
  el_set(in->edit, EL_HIST, history, in->history);
  el_set(in->edit, EL_GETCFN, read_char);
  el_wset(in->edit, EL_ADDFN, L"perigee-complete", L"Complete a name", complete);
  el_set(in->edit, EL_BIND, "\t", "perigee-complete", NULL);
  el_set(in->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
  el_source(in->edit, NULL); /* the user's ~/.editrc */
}

static void on_resize(int sig) { (void)sig; } /* that it ends the read is enough */

/* el_gets; while it waits, a change of the window's size ends the read, and read_byte tells libedit. */
static const char *gets_resizing(EditLine *el, int *n) {
  struct sigaction act = {.sa_handler = on_resize}, before;
  sigemptyset(&act.sa_mask);
  el_resize(el);
  sigaction(SIGWINCH, &act, &before);
  const char *line = el_gets(el, n);
  sigaction(SIGWINCH, &before, NULL);
  return line;
}

static const char *read_edited(pri_lines *in, const char *prompt, bool *cut) {
  int n = 0;
  in->prompt = prompt;
  fputs(paste_on, stdout);
  fflush(stdout);
  const char *line = gets_resizing(in->edit, &n);
  fputs(paste_off, stdout);
  if (!line || n <= 0) {
    *cut = pri_stopped();
    if (*cut) el_reset(in->edit);
    in->pasting = false;
    fputs(*cut ? "^C\n" : "\n", stdout);
    fflush(stdout);
    return NULL;
  }
  fflush(stdout);
  if ((size_t)n + 1 > in->capacity) {
    char *grown = realloc(in->plain, (size_t)n + 1);
    if (!grown) return NULL;
    in->plain = grown;
    in->capacity = (size_t)n + 1;
  }
  memcpy(in->plain, line, (size_t)n);
  in->plain[line[n - 1] == '\n' ? n - 1 : n] = 0;
  return in->plain;
}
#endif

pri_lines *pri_lines_open(lua_State *L) {
  pri_lines *in = calloc(1, sizeof *in);
  if (!in) return NULL;
  in->L = L;
  in->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
#ifdef HAVE_EDIT
  if (in->terminal) open_editor(in);
#endif
  return in;
}

bool pri_lines_interactive(const pri_lines *in) { return in->terminal; }

const char *pri_lines_read(pri_lines *in, const char *prompt, bool *cut) {
  *cut = false;
  pri_stop_disarm();
#ifdef HAVE_EDIT
  if (in->history) return read_edited(in, prompt, cut);
#endif
  return read_plain(in, prompt, cut);
}

void pri_lines_remember(pri_lines *in, const char *line) {
#ifdef HAVE_EDIT
  HistEvent ev;
  if (!in->history || !*line) return;
  history(in->history, &ev, H_ENTER, line);
  if (in->history_file) history(in->history, &ev, H_SAVE, in->history_file);
#else
  (void)in, (void)line;
#endif
}

void pri_lines_close(pri_lines *in) {
  if (!in) return;
#ifdef HAVE_EDIT
  if (in->history) history_end(in->history);
  if (in->edit) el_end(in->edit);
  free(in->history_file);
#endif
  free(in->plain);
  free(in);
}
