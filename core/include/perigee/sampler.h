/* perigee/sampler.h (privacy) - batches drawn record by record, for data that are read once and do not fit into memory.
**
** Each record picks its steps when it passes by; the pairs (step, record) are then brought into the order of the steps. Pairs beyond
** a budget are sorted in runs on disk and merged. Batches drawn step by step, for data with random access, are peri_poisson_subset's.
** Source of the pipeline: Chua et al., Scalable DP-SGD: Shuffling vs. Poisson Subsampling (2024).
*/
#ifndef PERIGEE_SAMPLER_H
#define PERIGEE_SAMPLER_H

#include <perigee/random.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct peri_pairs peri_pairs;

typedef struct {
  int64_t records, steps; /* steps in 1..2^24, records steps < 2^62 */
  bool once;              /* every record is in exactly one step, uniformly: balls and bins; rate is then not looked at */
  double rate;            /* otherwise every record is in every step independently with this probability, in [0, 1]: Poisson */
  int64_t most;           /* of each step a uniformly random subset of this size is kept; 0: all */
  size_t memory;          /* bytes for pairs, at least 64 KiB; 0: 256 MiB */
  const char *dir;        /* folder of the scratch file; NULL: /tmp. No file is made while the pairs fit */
} peri_pairs_plan;

/* Draws all pairs. Streams "cells" and "keys" of s are used, and nothing else of it: results depend on s and on records, steps, once and
** rate alone, not on memory. PERI_ERR_VALUE for a plan out of range, or if the runs are too many to be merged within the memory. */
PERI_API peri_pairs *peri_pairs_draw(peri_ctx *cx, const peri_pairs_plan *plan, const peri_stream *s);
PERI_API void peri_pairs_free(peri_pairs *p); /* NULL is fine */

/* The next step's records, i64, counted from 0, in random order: at most `most` of the *drawn ones (drawn may be NULL). NULL on error:
** PERI_ERR_STATE after the last step, PERI_ERR_FORMAT if a run on disk is damaged or cut short. */
PERI_API peri_tensor *peri_pairs_next(peri_pairs *p, int64_t *drawn);

/* All steps left: the records one step after another, and in *starts, (steps left + 1), where each step begins, counted from 0. */
PERI_API peri_tensor *peri_pairs_rest(peri_pairs *p, peri_tensor **starts);

PERI_API int64_t peri_pairs_runs(const peri_pairs *p); /* on disk; 0: all in memory */
PERI_API int64_t peri_pairs_left(const peri_pairs *p); /* steps */

#ifdef __cplusplus
}
#endif
#endif
