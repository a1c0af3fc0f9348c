/* base.h - the inside of a context, for core/ only.
**
** Everything here belongs to the thread that uses the context, except `stop`, which any thread may set, and the pool,
** whose workers touch nothing but the task they are given.
*/
#ifndef PRI_BASE_H
#define PRI_BASE_H

#include <perigee/base.h>
#include "kernels/kernels.h"
#include <stdatomic.h>

/* Size classes of the caching allocator: 16-byte steps to 1024, then eight steps to a doubling. */
enum { PRI_SMALL = 1024, PRI_SMALL_CLASSES = PRI_SMALL / 16 + 1, PRI_CLASSES = PRI_SMALL_CLASSES + 8 * 38 };

typedef struct pri_free_block { struct pri_free_block *next; } pri_free_block;
typedef struct pri_pool pri_pool;
typedef struct pri_tape pri_tape;
struct peri_tensor;
struct peri_op;

/* What runs after each primitive while a tape is open (installed by core/ad): nin operands, op->outputs results. */
typedef peri_status pri_record(peri_ctx *cx, const struct peri_op *op, int64_t nin, struct peri_tensor *const *in, const void *args,
                               struct peri_tensor *const *out);

typedef struct pri_kept pri_kept;

struct peri_ctx {
  const pri_kernels *k;
  atomic_int stop;
  peri_status code;
  char msg[512];
  char shapes[8][96];       /* ring of texts for peri_shape */
  unsigned shape_turn;

  size_t used, peak, limit; /* bytes of live blocks, by size class */
  size_t cached;            /* bytes of big blocks in the free lists, and of what is kept idle */
  int64_t allocations, fail_in;
  bool failed, keeps_failing;
  pri_free_block *free[PRI_CLASSES];
  void *slab_list;          /* chain of slabs; returned to the system when the context dies */
  char *slab_at, *slab_end; /* the part of the newest slab not yet cut */
  peri_alloc_fn alloc;
  void *alloc_ud;
  bool (*reclaim)(void *ud);
  void *reclaim_ud;
  bool reclaiming;

  int threads;
  pri_pool *pool;           /* started by the first call that can use it */
  pri_tape *tape;           /* NULL: none is open */
  pri_record *record;       /* NULL: nothing is recorded */
  bool watch;               /* peri_stop_nonfinite is on */
  int64_t watch_step;       /* the step that its message names; 0: none */
  uint64_t serial;          /* of the last slot of any tape closed so far */
  struct { const void *owner; char where[96]; } writes[4]; /* the last in-place writes while a tape was open */
  unsigned write_turn;

  pri_kept *kept;           /* kept.h: in use, or idle and counted as cached */

  int64_t tensors;          /* alive */
  bool closed;              /* a husk: dies with its last tensor */
};

/* The allocator without a message or statistics of failures: for objects whose failure the caller reports. */
void *pri_get(peri_ctx *cx, size_t size);
size_t pri_block_size(size_t size);        /* what a block of so many bytes counts as */
void pri_drop_kept(peri_ctx *cx);          /* kept.h: the idle ones */
void pri_drop_cache(peri_ctx *cx);         /* gives them and the cached big blocks back to the system */
void pri_destroy(peri_ctx *cx);            /* frees everything, the context included */

/* Runs task(ud, i) for i in 0..n-1, on the caller and the pool's workers, in any order; returns when all are done. What a task
** computes must depend on i only, and the split into tasks on shapes only: then results do not depend on the threads.
** Tasks must not touch the context. */
void pri_parallel(peri_ctx *cx, int64_t n, void (*task)(void *ud, int64_t i), void *ud);
void pri_pool_close(pri_pool *pool);

static inline bool pri_stopped(const peri_ctx *cx) { return atomic_load_explicit(&cx->stop, memory_order_relaxed) != 0; }

#endif
