/* bench.h - a C benchmark's rows for `perigee bench`: ours and a yardstick, the best of several rounds in turns.
**
** A program bench_NAME (built from tests/bench/NAME_bench.c) prints one line a task, fields separated by tabs:
**     bench  TASK  OURS  YARDSTICK  ITS-NAME  KIND  BAR
** times in nanoseconds an element; KIND is ns (ours <= bar), ratio (ours / yardstick <= bar), speed (yardstick / ours >=
** bar) or "-". Other lines are passed on to the reader.
*/
#ifndef PERIGEE_TESTS_BENCH_H
#define PERIGEE_TESTS_BENCH_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

typedef void bench_fn(void *ud);

static inline double bench_now(void) { /* nanoseconds */
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static inline double bench_round(bench_fn *f, void *ud, int64_t n) {
  double start = bench_now();
  for (int64_t i = 0; i < n; i++) f(ud);
  return (bench_now() - start) / (double)n;
}

static inline int64_t bench_repetitions(bench_fn *f, void *ud) { /* that take 20 ms or more */
  int64_t n = 1;
  while (bench_round(f, ud, n) * (double)n < 2e7) n *= 2;
  return n;
}

/* Times ours and yard (NULL: none), each given ud and handling `per` elements a call, and prints the row. */
static inline void bench_case(const char *task, bench_fn *ours, bench_fn *yard, const char *yard_name, void *ud, double per,
                              const char *kind, double bar) {
  enum { ROUNDS = 9 };
  int64_t n = bench_repetitions(ours, ud), m = yard ? bench_repetitions(yard, ud) : 0;
  double best = INFINITY, other = INFINITY, t;
  for (int i = 0; i < ROUNDS; i++) {
    if ((t = bench_round(ours, ud, n)) < best) best = t;
    if (yard && (t = bench_round(yard, ud, m)) < other) other = t;
  }
  if (yard) printf("bench\t%s\t%.6g\t%.6g\t%s\t%s\t%.6g\n", task, best / per, other / per, yard_name, kind, bar);
  else printf("bench\t%s\t%.6g\t-\t-\t%s\t%.6g\n", task, best / per, kind, bar);
  fflush(stdout);
}

#endif
