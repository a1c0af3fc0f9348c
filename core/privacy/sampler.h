/* sampler.h - pairs in memory, in runs on disk, and merged; for the files sampler*.c and their tests. */
#ifndef PRI_SAMPLER_H
#define PRI_SAMPLER_H

#include <perigee/sampler.h>
#include "io/scratch.h"
#include "random/random.h"

/* order = step, in the high bits, and a random key: sorting by it groups by step and shuffles within. */
typedef struct { uint64_t order; int64_t record; } pri_pair;

enum { PRI_RUN_BLOCK = 256 };   /* pairs of a run are written, checked and read in blocks of so many */

typedef struct {
  int64_t at, left;              /* in the scratch file; pairs still there */
  int64_t number, block;         /* for messages: which run, which block, from 1 */
  pri_pair *buffer;              /* what has been read of it */
  int64_t count, next;
} pri_run;

struct peri_pairs {
  peri_ctx *cx;
  peri_pairs_plan plan;
  int shift;                     /* order >> shift is the step */
  pri_pair *pairs, *other;       /* being drawn; as much again for sorting */
  int64_t room, n, total;
  pri_scratch file;
  pri_run *runs;                 /* one in memory if nothing was written */
  int64_t run_count, run_room;
  bool spilled;
  int64_t *heap, heap_count;     /* of runs, the least pair on top */
  int64_t step, taken;           /* the next one; pairs before it */
};

/* sampler_sort.c: by order; stable. `other` has room for n, too; the sorted pairs are in the array returned, one of the two. */
pri_pair *pri_sort_pairs(pri_pair *pairs, pri_pair *other, int64_t n);

/* sampler_runs.c */
peri_status pri_spill(peri_pairs *p);         /* the drawn pairs become a run on disk */
peri_status pri_merge_begin(peri_pairs *p);   /* after the last pair */
peri_status pri_merge_advance(peri_pairs *p); /* drops the least pair */
static inline const pri_pair *pri_merge_least(const peri_pairs *p) { /* NULL: none is left */
  if (p->heap_count == 0) return NULL;
  const pri_run *r = &p->runs[p->heap[0]];
  return &r->buffer[r->next];
}

#endif
