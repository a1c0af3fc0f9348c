/* pool.c - the worker pool of a context.
**
** A call hands out task indices through an atomic counter; the caller takes its share. Which thread runs which task is chance,
** what a task computes is not. A worker spins for some tens of microseconds before it sleeps, because waking a thread
** costs a tenth of a small product's time.
*/
#include "base/base.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

typedef struct {
  void (*run)(void *ud, int64_t i);
  void *ud;
  int64_t n;
} job;

struct pri_pool {
  pthread_mutex_t lock;
  pthread_cond_t wake, done;
  atomic_uint_fast64_t turn;  /* one more with each job */
  atomic_int_fast64_t next;   /* the first task nobody has taken */
  atomic_int busy;            /* workers that have not left the current job */
  atomic_int quit;
  job now;
  int workers;
  pthread_t threads[];
};

enum { SPINS = 4000 };

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static void take_tasks(pri_pool *p) {
  job j = p->now;
  for (int64_t i; (i = atomic_fetch_add(&p->next, 1)) < j.n;) j.run(j.ud, i);
}

static void wait_for_turn(pri_pool *p, uint64_t seen) {
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load(&p->turn) != seen || atomic_load(&p->quit)) return;
    relax();
  }
  pthread_mutex_lock(&p->lock);
  while (atomic_load(&p->turn) == seen && !atomic_load(&p->quit)) pthread_cond_wait(&p->wake, &p->lock);
  pthread_mutex_unlock(&p->lock);
}

static void *worker(void *arg) {
  pri_pool *p = arg;
  for (uint64_t seen = 0;; seen++) {
    wait_for_turn(p, seen);
    if (atomic_load(&p->quit)) return NULL;
    take_tasks(p);
    if (atomic_fetch_sub(&p->busy, 1) == 1) {
      pthread_mutex_lock(&p->lock);
      pthread_cond_signal(&p->done);
      pthread_mutex_unlock(&p->lock);
    }
  }
}

/* NULL if not even one worker can be started: the caller then runs alone. */
static pri_pool *pool_open(peri_ctx *cx, int workers) {
  size_t size = sizeof(pri_pool) + (size_t)workers * sizeof(pthread_t);
  pri_pool *p = calloc(1, size);
  if (!p) return NULL;
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->wake, NULL);
  pthread_cond_init(&p->done, NULL);
  sigset_t all, before; /* workers take no signals: those belong to the host's threads */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (p->workers < workers && pthread_create(&p->threads[p->workers], NULL, worker, p) == 0) p->workers++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (p->workers == 0) pri_pool_close(p), p = NULL;
  cx->pool = p;
  return p;
}

void pri_pool_close(pri_pool *p) {
  if (!p) return;
  pthread_mutex_lock(&p->lock);
  atomic_store(&p->quit, 1);
  pthread_cond_broadcast(&p->wake);
  pthread_mutex_unlock(&p->lock);
  for (int i = 0; i < p->workers; i++) pthread_join(p->threads[i], NULL);
  pthread_mutex_destroy(&p->lock);
  pthread_cond_destroy(&p->wake);
  pthread_cond_destroy(&p->done);
  free(p);
}

void pri_parallel(peri_ctx *cx, int64_t n, void (*task)(void *ud, int64_t i), void *ud) {
  pri_pool *p = cx->pool;
  if (n > 1 && cx->threads > 1 && !p) p = pool_open(cx, cx->threads - 1);
  if (n <= 1 || cx->threads <= 1 || !p) {
    for (int64_t i = 0; i < n; i++) task(ud, i);
    return;
  }
  p->now = (job){task, ud, n};
  atomic_store(&p->next, 0);
  atomic_store(&p->busy, p->workers);
  pthread_mutex_lock(&p->lock);
  atomic_fetch_add(&p->turn, 1);
  pthread_cond_broadcast(&p->wake);
  pthread_mutex_unlock(&p->lock);
  take_tasks(p);
  for (int i = 0; i < SPINS && atomic_load(&p->busy); i++) relax();
  pthread_mutex_lock(&p->lock);
  while (atomic_load(&p->busy)) pthread_cond_wait(&p->done, &p->lock);
  pthread_mutex_unlock(&p->lock);
}
