/* sampler_runs.c - runs of sorted pairs on disk, and their merge.
**
** A run is a sequence of blocks: a head { count, crc32 of the pairs }, then the pairs. The merge holds one block of each run and a heap of the
** runs. What is read back must have the announced counts and checksums and be in order, or the merge refuses to go on.
*/
#include "privacy/sampler.h"
#include <math.h>
#include <zlib.h>

typedef struct { uint32_t count, crc; } head;

static uint32_t checksum(const pri_pair *pairs, int64_t n) { return (uint32_t)crc32(crc32(0, NULL, 0), (const void *)pairs, (uInt)((size_t)n * sizeof *pairs)); }

/* ---- writing ---- */

static pri_run *new_run(peri_pairs *p) {
  if (p->run_count == p->run_room) {
    int64_t room = p->run_room ? 2 * p->run_room : 16;
    pri_run *runs = peri_alloc(p->cx, (size_t)room * sizeof *runs);
    if (!runs) return NULL;
    if (p->runs) {
      memcpy(runs, p->runs, (size_t)p->run_count * sizeof *runs);
      peri_free(p->cx, p->runs, (size_t)p->run_room * sizeof *runs);
    }
    p->runs = runs, p->run_room = room;
  }
  pri_run *r = &p->runs[p->run_count];
  *r = (pri_run){.number = ++p->run_count};
  return r;
}

static peri_status write_run(peri_pairs *p, pri_run *r, const pri_pair *pairs) {
  r->at = p->file.size;
  r->left = p->n;
  for (int64_t i = 0, m; i < p->n; i += m) {
    m = p->n - i < PRI_RUN_BLOCK ? p->n - i : PRI_RUN_BLOCK;
    head h = {(uint32_t)m, checksum(pairs + i, m)};
    if (pri_scratch_append(&p->file, &h, sizeof h) || pri_scratch_append(&p->file, pairs + i, m * (int64_t)sizeof *pairs)) return p->cx->code;
    if (peri_check_interrupt(p->cx)) return p->cx->code;
  }
  return PERI_OK;
}

peri_status pri_spill(peri_pairs *p) {
  if (p->file.fd < 0 && pri_scratch_open(&p->file, p->cx, "privacy.pairs", p->plan.dir)) return p->cx->code;
  pri_run *r = new_run(p);
  if (!r || write_run(p, r, pri_sort_pairs(p->pairs, p->other, p->n))) return p->cx->code;
  p->spilled = true;
  p->n = 0;
  return PERI_OK;
}

/* ---- reading ---- */

static peri_status damaged(const peri_pairs *p, const pri_run *r, const char *what) {
  return peri_fail(p->cx, PERI_ERR_FORMAT, "privacy.pairs: run %lld on disk is damaged: block %lld %s; draw again", (long long)r->number, (long long)r->block, what);
}

static bool in_order(const peri_pairs *p, const pri_run *r, uint64_t last) {
  for (int64_t i = 0; i < r->count; i++) {
    const pri_pair *x = &r->buffer[i];
    if (x->order < last || x->record < 0 || x->record >= p->plan.records || (int64_t)(x->order >> p->shift) >= p->plan.steps) return false;
    last = x->order;
  }
  return true;
}

static peri_status next_block(peri_pairs *p, pri_run *r) {
  head h;
  int64_t m = r->left < PRI_RUN_BLOCK ? r->left : PRI_RUN_BLOCK;
  uint64_t last = r->count ? r->buffer[r->count - 1].order : 0;
  r->block++;
  if (pri_scratch_read(&p->file, r->at, &h, sizeof h)) return p->cx->code;
  if (h.count != m) return damaged(p, r, "has another length than was written");
  if (pri_scratch_read(&p->file, r->at + (int64_t)sizeof h, r->buffer, m * (int64_t)sizeof *r->buffer)) return p->cx->code;
  r->at += (int64_t)sizeof h + m * (int64_t)sizeof *r->buffer;
  r->left -= m;
  r->count = m, r->next = 0;
  if (checksum(r->buffer, m) != h.crc) return damaged(p, r, "has another checksum than was written");
  return in_order(p, r, last) ? PERI_OK : damaged(p, r, "is out of order");
}

/* ---- merging ---- */

static bool before(const peri_pairs *p, int64_t a, int64_t b) {
  const pri_run *r = &p->runs[a], *s = &p->runs[b];
  const pri_pair *x = &r->buffer[r->next], *y = &s->buffer[s->next];
  return x->order < y->order || (x->order == y->order && x->record < y->record);
}

static void sink(peri_pairs *p, int64_t i) {
  for (int64_t down; (down = 2 * i + 1) < p->heap_count; i = down) {
    if (down + 1 < p->heap_count && before(p, p->heap[down + 1], p->heap[down])) down++;
    if (before(p, p->heap[i], p->heap[down])) break;
    int64_t t = p->heap[i];
    p->heap[i] = p->heap[down], p->heap[down] = t;
  }
}

peri_status pri_merge_advance(peri_pairs *p) {
  pri_run *r = &p->runs[p->heap[0]];
  if (++r->next == r->count) {
    if (r->left && next_block(p, r)) return p->cx->code;
    if (r->next == r->count) p->heap[0] = p->heap[--p->heap_count];
  }
  sink(p, 0);
  return PERI_OK;
}

static void free_drawing(peri_pairs *p) {
  peri_free(p->cx, p->pairs, (size_t)p->room * sizeof *p->pairs);
  peri_free(p->cx, p->other, (size_t)p->room * sizeof *p->other);
  p->pairs = p->other = NULL;
}

/* Everything is in memory: one run that is there already. */
static peri_status in_memory(peri_pairs *p) {
  pri_run *r = p->n ? new_run(p) : NULL;
  if (p->n && !r) return p->cx->code;
  if (r) r->buffer = pri_sort_pairs(p->pairs, p->other, p->n), r->count = p->n;
  return PERI_OK;
}

static peri_status open_runs(peri_pairs *p) {
  size_t block = PRI_RUN_BLOCK * sizeof(pri_pair), need = (size_t)p->run_count * block;
  if (p->n && pri_spill(p)) return p->cx->code;
  free_drawing(p);
  if (need > p->plan.memory)
    return peri_fail(p->cx, PERI_ERR_VALUE, "privacy.pairs: merging %lld runs takes %zu bytes, above the memory of %zu; give at least %.0f", (long long)p->run_count,
                     need, p->plan.memory, sqrt((double)p->total * 2 * (double)block * sizeof(pri_pair)) + 65536);
  for (int64_t i = 0; i < p->run_count; i++) {
    if (!(p->runs[i].buffer = peri_alloc(p->cx, block)) || next_block(p, &p->runs[i])) return p->cx->code;
  }
  return PERI_OK;
}

peri_status pri_merge_begin(peri_pairs *p) {
  if (p->spilled ? open_runs(p) : in_memory(p)) return p->cx->code;
  p->heap = peri_alloc(p->cx, (size_t)p->run_count * sizeof *p->heap);
  if (!p->heap) return p->cx->code;
  for (int64_t i = 0; i < p->run_count; i++) p->heap[p->heap_count++] = i;
  for (int64_t i = p->heap_count / 2; i-- > 0;) sink(p, i);
  return PERI_OK;
}
