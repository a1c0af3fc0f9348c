/* pool_test.c - the worker pool: every task once, whoever runs it; reuse; changing sizes; processes that fork. */
#include "support.h"
#include "base/base.h"
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

typedef struct { int64_t n; atomic_int *runs; double *out; } work;

static void task(void *ud, int64_t i) {
  work *w = ud;
  double x = (double)i;
  for (int k = 0; k < 50; k++) x = x * 0.5 + 1;
  w->out[i] = x;
  atomic_fetch_add(&w->runs[i], 1);
}

static void every_task_runs_once(void **state) {
  peri_ctx *cx = *state;
  enum { N = 1000 };
  static atomic_int runs[N];
  static double out[N], first[N];
  for (int threads = 1; threads <= 8; threads++) {
    peri_set_threads(cx, threads);
    for (int64_t n = 0; n <= N; n = n < 10 ? n + 1 : n * 10) {
      work w = {n, runs, out};
      for (int round = 0; round < 30; round++) {
        for (int i = 0; i < N; i++) atomic_store(&runs[i], 0);
        memset(out, 0, sizeof out);
        pri_parallel(cx, n, task, &w);
        for (int i = 0; i < N; i++) assert_int_equal(atomic_load(&runs[i]), i < n);
      }
    }
    if (threads == 1) memcpy(first, out, sizeof out);
    assert_memory_equal(first, out, sizeof out);
  }
}

/* Threads are really used: with a task that waits until two are running, one thread would hang. */
typedef struct { atomic_int inside; atomic_int met; } meeting;
static void meet(void *ud, int64_t i) {
  meeting *m = ud;
  (void)i;
  atomic_fetch_add(&m->inside, 1);
  for (int64_t spin = 0; spin < 2000000000 && !atomic_load(&m->met); spin++)
    if (atomic_load(&m->inside) == 2) atomic_store(&m->met, 1);
}
static void two_threads_run_at_once(void **state) {
  peri_ctx *cx = *state;
  peri_set_threads(cx, 2);
  meeting m = {0};
  pri_parallel(cx, 2, meet, &m);
  assert_int_equal(atomic_load(&m.met), 1);
}

/* Workers leave signals to the host's threads. */
typedef struct { pthread_t caller; atomic_int blocked, workers; } masks;
static void look_at_mask(void *ud, int64_t i) {
  masks *m = ud;
  (void)i;
  if (pthread_equal(pthread_self(), m->caller)) {
    usleep(2000);
    return;
  }
  sigset_t set;
  pthread_sigmask(SIG_SETMASK, NULL, &set);
  atomic_fetch_add(&m->workers, 1);
  atomic_fetch_add(&m->blocked, sigismember(&set, SIGINT) == 1 && sigismember(&set, SIGTERM) == 1);
}
static void workers_take_no_signals(void **state) {
  peri_ctx *cx = *state;
  peri_set_threads(cx, 3);
  masks m = {.caller = pthread_self()};
  for (int round = 0; round < 50 && atomic_load(&m.workers) == 0; round++) pri_parallel(cx, 64, look_at_mask, &m);
  assert_true(atomic_load(&m.workers) > 0);
  assert_int_equal(atomic_load(&m.blocked), atomic_load(&m.workers));
}

static void two_contexts_have_two_pools(void **state) {
  peri_ctx *cx = *state, *other = peri_open(&(peri_config){.threads = 3});
  static atomic_int runs[100];
  static double out[100];
  work w = {100, runs, out};
  for (int i = 0; i < 100; i++) atomic_store(&runs[i], 0);
  peri_set_threads(cx, 2);
  for (int round = 0; round < 200; round++) pri_parallel(round % 2 ? cx : other, 100, task, &w);
  for (int i = 0; i < 100; i++) assert_int_equal(atomic_load(&runs[i]), 200);
  peri_close(other);
}

/* A pool that has slept wakes again. */
static void sleeping_workers_wake(void **state) {
  peri_ctx *cx = *state;
  static atomic_int runs[10];
  static double out[10];
  work w = {10, runs, out};
  for (int i = 0; i < 10; i++) atomic_store(&runs[i], 0);
  peri_set_threads(cx, 4);
  for (int round = 0; round < 20; round++) {
    pri_parallel(cx, 10, task, &w);
    usleep(3000);
  }
  for (int i = 0; i < 10; i++) assert_int_equal(atomic_load(&runs[i]), 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(every_task_runs_once), TEST(two_threads_run_at_once), TEST(workers_take_no_signals),
                                     TEST(two_contexts_have_two_pools), TEST(sleeping_workers_wake)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
