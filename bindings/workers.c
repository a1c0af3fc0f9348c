/* workers.c - threads that each own a Lua state and a context, and map strings to strings.
**
** Nothing but bytes crosses between states: a unit of work goes out as a string, its result comes back as one. A worker
** loads a module, calls its serve(setup) once and then the function that this returned, once a unit. Messages live in
** plain malloc memory, because a context belongs to one thread.
**
** Stopping must reach three places: a worker that waits (condition variable), one inside a tensor operation (its context's
** flag) and one in a loop of pure Lua. The last reads no flag, so the thread is sent SIGURG, whose handler, running in
** that thread, installs a hook as the stock interpreter does at Ctrl-C. SIGURG is ignored by default and the handler
** is installed only while a pool is being stopped.
*/
#include "peri_lua.h"
#include <errno.h>
#include <lualib.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct message {
  struct message *next;
  bool ok;
  size_t size;
  char bytes[];
} message;

typedef struct { message *head, **tail; } queue;

struct pool;

typedef struct {
  struct pool *pool;
  pthread_t thread;
  peri_ctx *cx;             /* under the pool's lock; NULL while it is not open */
  _Atomic double fraction;  /* of the unit being computed; 0 when idle */
} worker;

typedef struct pool {
  pthread_mutex_t lock;
  pthread_cond_t work, result; /* something to do; something done */
  queue todo, done;
  bool stopping;
  size_t memory_limit;      /* of each worker */
  message *setup;
  char module[64];
  int started;
  worker workers[];
} pool;

enum { WORKERS_MAX = 1024 };

/* ---- messages ---- */

static message *new_message(bool ok, const char *bytes, size_t size) {
  message *m = malloc(sizeof *m + size);
  if (!m) return NULL;
  *m = (message){.ok = ok, .size = size};
  memcpy(m->bytes, bytes, size);
  return m;
}

static void append(queue *q, message *m) {
  *q->tail = m;
  q->tail = &m->next;
}

static message *take(queue *q) {
  message *m = q->head;
  if (!m) return NULL;
  q->head = m->next;
  if (!q->head) q->tail = &q->head;
  m->next = NULL;
  return m;
}

static void drop_all(queue *q) {
  for (message *m; (m = take(q));) free(m);
}

/* ---- the hook that stops pure Lua ---- */

static _Thread_local lua_State *volatile running; /* of this thread, for its signal handler */
static pthread_mutex_t stop_lock = PTHREAD_MUTEX_INITIALIZER; /* one pool at a time changes the disposition of SIGURG */

static void stop_hook(lua_State *L, lua_Debug *ar) { /* stays installed: a pcall in the script cannot swallow it */
  (void)ar;
  luaL_error(L, "interrupted");
}

static void on_urgent(int sig) {
  (void)sig;
  lua_State *L = running;
  if (L) lua_sethook(L, stop_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

/* ---- a worker ---- */

static void post(pool *p, message *m) {
  pthread_mutex_lock(&p->lock);
  append(&p->done, m);
  pthread_cond_signal(&p->result);
  pthread_mutex_unlock(&p->lock);
}

/* Sends the value on top of the stack, or a short text if there is no memory for it: a result is never lost silently. */
static void send_result(pool *p, lua_State *L, bool ok) {
  size_t size;
  const char *bytes = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
  if (!bytes) bytes = "the worker's function returned no string", size = strlen(bytes), ok = false;
  message *m = new_message(ok, bytes, size);
  static const char none[] = "not enough memory for a worker's result";
  while (!m) {
    m = new_message(false, none, sizeof none - 1);
    if (!m) nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL); /* 50 bytes: some worker will free them */
  }
  post(p, m);
}

static message *next_unit(pool *p) { /* NULL: stop */
  pthread_mutex_lock(&p->lock);
  while (!p->stopping && !p->todo.head) pthread_cond_wait(&p->work, &p->lock);
  message *m = p->stopping ? NULL : take(&p->todo);
  pthread_mutex_unlock(&p->lock);
  return m;
}

static int start(lua_State *L) { /* (worker) -> the function of units */
  worker *w = lua_touserdata(L, 1);
  pool *p = w->pool;
  luaL_openlibs(L);
  peri_open_libs(L, w->cx);
  lua_pushlightuserdata(L, w);
  lua_setfield(L, LUA_REGISTRYINDEX, "perigee.worker");
  lua_getglobal(L, "require");
  lua_pushstring(L, p->module);
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "serve");
  lua_pushlstring(L, p->setup->bytes, p->setup->size);
  lua_call(L, 1, 1);
  return 1;
}

static int with_traceback(lua_State *L) {
  luaL_traceback(L, L, lua_tostring(L, 1), 1);
  return 1;
}

static int call_unit(lua_State *L) { /* (function, message) -> string */
  message *m = lua_touserdata(L, 2);
  lua_settop(L, 1);
  lua_pushlstring(L, m->bytes, m->size);
  lua_call(L, 1, 1);
  return 1;
}

static void serve(worker *w, lua_State *L) {
  lua_pushcfunction(L, with_traceback);
  lua_pushcfunction(L, start);
  lua_pushlightuserdata(L, w);
  if (lua_pcall(L, 1, 1, 1) != LUA_OK) {
    send_result(w->pool, L, false);
    return;
  }
  for (message *m; (m = next_unit(w->pool));) {
    lua_pushcfunction(L, call_unit);
    lua_pushvalue(L, 2);
    lua_pushlightuserdata(L, m);
    bool ok = lua_pcall(L, 2, 1, 1) == LUA_OK;
    free(m);
    atomic_store(&w->fraction, 0);
    send_result(w->pool, L, ok);
    lua_settop(L, 2);
  }
}

static void set_context(worker *w, peri_ctx *cx) {
  pthread_mutex_lock(&w->pool->lock);
  w->cx = cx;
  if (cx && w->pool->stopping) peri_interrupt(cx);
  pthread_mutex_unlock(&w->pool->lock);
}

static void *worker_main(void *arg) {
  worker *w = arg;
  peri_ctx *cx = peri_open(&(peri_config){.memory_limit = w->pool->memory_limit, .threads = 1});
  lua_State *L = cx ? lua_newstate(peri_lua_alloc, cx) : NULL;
  if (L) {
    lua_gc(L, LUA_GCINC, 150, 0, 0); /* as the command does */
    set_context(w, cx);
    running = L;
    serve(w, L);
    running = NULL;
    set_context(w, NULL);
    lua_close(L);
  } else {
    static const char none[] = "not enough memory to open a worker";
    message *m = new_message(false, none, sizeof none - 1);
    if (m) post(w->pool, m);
  }
  peri_close(cx);
  return NULL;
}

/* ---- the pool ---- */

static bool start_workers(pool *p, int n) {
  sigset_t all, old;
  sigfillset(&all);
  sigdelset(&all, SIGURG); /* Ctrl-C is for the thread that started us */
  pthread_sigmask(SIG_SETMASK, &all, &old);
  for (p->started = 0; p->started < n; p->started++) {
    worker *w = &p->workers[p->started];
    w->pool = p;
    if (pthread_create(&w->thread, NULL, worker_main, w) != 0) break;
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return p->started > 0;
}

static void stop_workers(pool *p) {
  struct sigaction act = {.sa_handler = on_urgent}, old;
  sigemptyset(&act.sa_mask);
  pthread_mutex_lock(&stop_lock);
  sigaction(SIGURG, &act, &old);
  pthread_mutex_lock(&p->lock);
  p->stopping = true;
  for (int i = 0; i < p->started; i++)
    if (p->workers[i].cx) {
      peri_interrupt(p->workers[i].cx);
      pthread_kill(p->workers[i].thread, SIGURG);
    }
  pthread_cond_broadcast(&p->work);
  pthread_mutex_unlock(&p->lock);
  for (int i = 0; i < p->started; i++) pthread_join(p->workers[i].thread, NULL);
  sigaction(SIGURG, &old, NULL);
  pthread_mutex_unlock(&stop_lock);
}

static void free_pool(pool *p) {
  stop_workers(p);
  drop_all(&p->todo);
  drop_all(&p->done);
  free(p->setup);
  pthread_cond_destroy(&p->work);
  pthread_cond_destroy(&p->result);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

static pool *new_pool(int n, const char *module, const char *setup, size_t size, size_t memory_limit) {
  pool *p = calloc(1, sizeof *p + (size_t)n * sizeof *p->workers);
  message *m = p ? new_message(true, setup, size) : NULL;
  if (!m) return free(p), NULL;
  p->setup = m;
  p->memory_limit = memory_limit;
  strcpy(p->module, module);
  p->todo.tail = &p->todo.head;
  p->done.tail = &p->done.head;
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->work, NULL);
  pthread_cond_init(&p->result, &monotonic);
  pthread_condattr_destroy(&monotonic);
  return p;
}

/* Memory of one of n workers: its share of the context's limit, or of four fifths of the machine's memory. */
static size_t share(peri_ctx *cx, int n) {
  size_t limit;
  peri_memory(cx, NULL, NULL, &limit);
  if (!limit) limit = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE) / 5 * 4;
  return limit / (size_t)n;
}

/* ---- in Lua ---- */

static pool **check_box(lua_State *L) { return luaL_checkudata(L, 1, "perigee.workers"); }

static pool *check_pool(lua_State *L) {
  pool *p = *check_box(L);
  if (!p) luaL_error(L, "workers: these workers have been closed");
  return p;
}

static int l_open(lua_State *L) {
  int64_t n = check_integer(L, 1, "workers.open", "the number of workers");
  size_t length, size;
  const char *module = luaL_checklstring(L, 2, &length), *setup = luaL_checklstring(L, 3, &size);
  if (n < 1 || n > WORKERS_MAX) return luaL_error(L, "workers.open: the number of workers must lie in [1, %d], got %I", WORKERS_MAX, (LUAI_UACINT)n);
  if (length >= sizeof((pool *)0)->module) return luaL_error(L, "workers.open: the module's name is longer than 63 bytes");
  pool **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, "perigee.workers");
  *box = new_pool((int)n, module, setup, size, share(glue_of(L)->cx, (int)n));
  if (!*box) return luaL_error(L, "workers.open: not enough memory");
  if (!start_workers(*box, (int)n)) return luaL_error(L, "workers.open: the system starts no thread");
  return 1;
}

static int l_submit(lua_State *L) {
  pool *p = check_pool(L);
  size_t size;
  const char *bytes = luaL_checklstring(L, 2, &size);
  message *m = new_message(true, bytes, size);
  if (!m) return luaL_error(L, "workers.submit: not enough memory");
  pthread_mutex_lock(&p->lock);
  append(&p->todo, m);
  pthread_cond_signal(&p->work);
  pthread_mutex_unlock(&p->lock);
  return 0;
}

static message *wait_result(pool *p, double seconds) { /* stays in the queue: only this thread takes it out */
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  int64_t ns = (int64_t)(seconds * 1e9) + until.tv_nsec;
  until.tv_sec += ns / 1000000000;
  until.tv_nsec = ns % 1000000000;
  pthread_mutex_lock(&p->lock);
  while (!p->done.head && pthread_cond_timedwait(&p->result, &p->lock, &until) != ETIMEDOUT) {}
  message *m = p->done.head;
  pthread_mutex_unlock(&p->lock);
  return m;
}

static int l_next(lua_State *L) {
  pool *p = check_pool(L);
  lua_Number seconds = luaL_checknumber(L, 2);
  if (!(seconds >= 0 && seconds <= 3600)) return luaL_error(L, "workers.next: seconds must lie in [0, 3600], got %f", seconds);
  message *m = wait_result(p, seconds);
  peri_ctx *cx = glue_of(L)->cx;
  if (peri_check_interrupt(cx) != PERI_OK) return raise_core(L, cx);
  if (!m) return lua_pushnil(L), 1;
  lua_pushboolean(L, m->ok);
  lua_pushlstring(L, m->bytes, m->size); /* may raise: the message is still the queue's */
  pthread_mutex_lock(&p->lock);
  take(&p->done);
  pthread_mutex_unlock(&p->lock);
  free(m);
  return 2;
}

static int l_running(lua_State *L) {
  pool *p = check_pool(L);
  double sum = 0;
  for (int i = 0; i < p->started; i++) sum += atomic_load(&p->workers[i].fraction);
  lua_pushnumber(L, sum);
  return 1;
}

static int l_close(lua_State *L) {
  pool **box = check_box(L), *p = *box;
  *box = NULL;
  if (p) free_pool(p);
  return 0;
}

static int l_report(lua_State *L) {
  lua_Number fraction = luaL_checknumber(L, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, "perigee.worker");
  worker *w = lua_touserdata(L, -1);
  if (w) atomic_store(&w->fraction, fraction);
  lua_pushboolean(L, w != NULL);
  return 1;
}

/* ---- tensors as bytes: dtype, number of dimensions, dimensions, elements in C order; native byte order ---- */

typedef struct { int64_t dtype, ndim, dims[PERI_MAXDIM]; } header;

static int l_pack(lua_State *L) {
  peri_tensor *t = check_tensor(L, 1);
  peri_tensor **box = new_box(L);
  *box = peri_contiguous(t);
  if (!*box) return raise_core(L, t->cx);
  t = *box;
  header h = {.dtype = t->dtype, .ndim = t->ndim};
  memcpy(h.dims, t->dims, sizeof h.dims);
  size_t data = (size_t)t->size * peri_sizeof((peri_dtype)t->dtype);
  luaL_Buffer b;
  char *out = luaL_buffinitsize(L, &b, sizeof h + data);
  memcpy(out, &h, sizeof h);
  if (data) memcpy(out + sizeof h, t->data, data);
  luaL_pushresultsize(&b, sizeof h + data);
  return 1;
}

static bool plausible(const header *h, size_t data) { /* whether the header fits so many bytes of elements */
  if (h->dtype < 0 || h->dtype >= PERI_DTYPES || h->ndim < 0 || h->ndim > PERI_MAXDIM) return false;
  uint64_t size = peri_sizeof((peri_dtype)h->dtype);
  for (int64_t i = 0; i < h->ndim; i++)
    if (h->dims[i] < 0 || __builtin_mul_overflow(size, (uint64_t)h->dims[i], &size)) return false;
  return size == data;
}

static int l_unpack(lua_State *L) {
  size_t size;
  const char *bytes = luaL_checklstring(L, 1, &size);
  header h = {0};
  if (size >= sizeof h) memcpy(&h, bytes, sizeof h);
  if (size < sizeof h || !plausible(&h, size - sizeof h)) return luaL_error(L, "workers.unpack: these bytes are not a packed tensor");
  peri_tensor **box = new_box(L);
  *box = peri_from(glue_of(L)->cx, (peri_dtype)h.dtype, (int)h.ndim, h.dims, bytes + sizeof h);
  return finish(L, box);
}

static const pri_row functions[] = {
    {"open", l_open, "workers.open(n, module, setup) -> workers",
     "Starts n threads with a state each, which call require(module).serve(setup) and then the function it returned."},
    {"report", l_report, "workers.report(fraction) -> boolean", "Inside a worker: how far the unit is. Elsewhere false."},
    {"pack", l_pack, "workers.pack(tensor) -> string", "The bytes of a tensor, for another state of this machine."},
    {"unpack", l_unpack, "workers.unpack(string) -> tensor", "The tensor from bytes of workers.pack."},
    {NULL, NULL, NULL, NULL}};

static const pri_row methods[] = {
    {"submit", l_submit, "workers:submit(string)", "Queues a unit of work."},
    {"next", l_next, "workers:next(seconds) -> ok, string",
     "The next result, in the order of completion; ok is false for an error's text; nil if none came in time."},
    {"running", l_running, "workers:running() -> number", "Sum of the fractions of the units being computed."},
    {"close", l_close, "workers:close()", "Interrupts the workers and waits for their end."},
    {"__gc", l_close, "", ""},
    {"__close", l_close, "", ""},
    {NULL, NULL, NULL, NULL}};

void pri_bind_workers(lua_State *L) {
  pri_class(L, "workers", methods);
  pri_register(L, "workers", functions, 0);
}
