/* kept.h - what a context makes at some cost and keeps for the next time: the plans of transforms, spectra.
**
** While somebody uses an object it counts as used memory. Afterwards it is idle: it counts as cached, and goes when there are too many of its
** kind or memory is wanted, those used last staying longest. An object may hold another as its inner one: while it is idle the inner one is
** idle, too, but stays. An object is one block that begins with a pri_kept.
*/
#ifndef PRI_KEPT_H
#define PRI_KEPT_H

#include "base/base.h"

typedef struct {
  size_t bytes;  /* what idle ones of the kind may take together, the one used last staying in any case */
  int64_t count; /* how many of them are kept */
  bool (*is)(const pri_kept *k, const void *key);
} pri_kept_kind;

struct pri_kept {
  const pri_kept_kind *kind;
  peri_ctx *cx;
  pri_kept *next, *inner; /* in the context's list, the last used first; NULL */
  size_t bytes;           /* of the block */
  int64_t users, pins;    /* pins: by idle objects whose inner one it is */
};

/* The object of this kind that `is` the key, now used once more; NULL if there is none. */
pri_kept *pri_kept_take(peri_ctx *cx, const pri_kept_kind *kind, const void *key);

/* A new object of `size` bytes, used once and known to nobody, the first `head` of them zero but for its pri_kept; NULL on lack of memory. Filled, it
** is listed; an inner one is the maker's to take and set. What could not be filled is discarded, its inner one put back. */
pri_kept *pri_kept_new(peri_ctx *cx, const pri_kept_kind *kind, size_t head, size_t size);
void pri_kept_list(pri_kept *k);
void pri_kept_discard(pri_kept *k);

void pri_kept_put(pri_kept *k); /* one user less; NULL is fine */

#endif
