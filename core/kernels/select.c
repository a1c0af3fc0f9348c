/* select.c - the kernel table for the processor at hand.
**
** The builds are those of the x86-64 psABI: avx2 needs level v3, avx512 level v4, and each bit of a level is asked for. The
** answer is the same on every call; __builtin_cpu_supports also asks whether the system saves the wide registers.
*/
#include <string.h>

#include "kernels/kernels.h"

extern const pri_kernels pri_kernels_baseline, pri_kernels_avx2, pri_kernels_avx512;

static int runs_baseline(void) { return 1; }

static int runs_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("sse4.2");
}

static int runs_avx512(void) {
  return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
}

const pri_kernels *pri_kernels_select(const char *force) {
  static const struct { const pri_kernels *table; int (*runs)(void); } variants[] = { /* best first */
    {&pri_kernels_avx512, runs_avx512}, {&pri_kernels_avx2, runs_avx2}, {&pri_kernels_baseline, runs_baseline}};
  int any = !force || !*force;
  __builtin_cpu_init();
  for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
    if ((any || !strcmp(force, variants[i].table->isa)) && variants[i].runs()) return variants[i].table;
  return NULL;
}

const void *pri_kernels_pick(const pri_kernels *k, const void *baseline, const void *avx2, const void *avx512) {
  return k == &pri_kernels_avx512 ? avx512 : k == &pri_kernels_avx2 ? avx2 : baseline;
}
