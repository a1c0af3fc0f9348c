/* alloc.c - the caching allocator of a context.
**
** First touch of fresh pages is ten times slower than memory itself, so blocks are kept and reused. Small blocks (to 1 KiB) are
** cut from slabs and live in free lists of 16-byte steps. Bigger ones are rounded up to one of eight steps to a doubling
** (at most an eighth is wasted), aligned to 64 bytes, and kept in a free list of their class when freed; from 4 MiB on
** the system is asked for huge pages. Callers give the size back when they free, so blocks carry no header.
**
** Before an allocation fails, cached blocks go back to the system; then the host's `reclaim` is asked for more (the Lua glue
** runs a full collection there); only then is it PERI_ERR_MEMORY. Under AddressSanitizer nothing is cached, so that
** it sees every block's life.
*/
#include "base/base.h"
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define CACHING 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CACHING 0
#endif
#endif
#ifndef CACHING
#define CACHING 1
#endif

enum { SLAB = 256 << 10, SLACK = 64 << 20, ALIGN = 64, HUGE_PAGE = 2 << 20, HUGE_FROM = 4 << 20 };

static int class_of(size_t size) {
  if (size <= PRI_SMALL) return (int)((size + 15) / 16);
  int e = 63 - __builtin_clzll((unsigned long long)(size - 1)); /* 2^e < size <= 2^(e+1), e >= 10 */
  size_t step = (size_t)1 << (e - 3);
  int k = (int)((size - 1 - ((size_t)1 << e)) / step); /* 0..7 */
  return PRI_SMALL_CLASSES + 8 * (e - 10) + k;
}

static size_t class_size(int c) {
  if (c < PRI_SMALL_CLASSES) return c ? (size_t)c * 16 : 16;
  int e = (c - PRI_SMALL_CLASSES) / 8 + 10, k = (c - PRI_SMALL_CLASSES) % 8;
  return ((size_t)1 << e) + (size_t)(k + 1) * ((size_t)1 << (e - 3));
}

size_t pri_block_size(size_t size) { return class_size(class_of(size)); }

/* Big blocks: over-allocated by `align`, the system's pointer kept just before the aligned one. */
static void *system_get(peri_ctx *cx, size_t size) {
  size_t align = size >= HUGE_FROM ? HUGE_PAGE : ALIGN, total = size + align + sizeof(void *);
  char *raw = cx->alloc(cx->alloc_ud, NULL, 0, total);
  if (!raw) return NULL;
  char *p = (char *)(((uintptr_t)raw + sizeof(void *) + align - 1) & ~(uintptr_t)(align - 1));
  memcpy(p - sizeof(void *), &raw, sizeof raw);
  if (size >= HUGE_FROM) (void)madvise(p, size & ~(size_t)(HUGE_PAGE - 1), MADV_HUGEPAGE);
  return p;
}

static void system_put(peri_ctx *cx, void *p, size_t size) {
  size_t align = size >= HUGE_FROM ? HUGE_PAGE : ALIGN;
  void *raw;
  memcpy(&raw, (char *)p - sizeof(void *), sizeof raw);
  cx->alloc(cx->alloc_ud, raw, size + align + sizeof(void *), 0);
}

void pri_drop_cache(peri_ctx *cx) {
  pri_drop_kept(cx);
  for (int c = PRI_SMALL_CLASSES; c < PRI_CLASSES; c++)
    while (cx->free[c]) {
      pri_free_block *b = cx->free[c];
      cx->free[c] = b->next;
      cx->cached -= class_size(c);
      system_put(cx, b, class_size(c));
    }
}

/* Blocks above 512 bytes start at a multiple of 64. Slabs are chained through their first word; a whole slab is only returned when the context dies. */
static void *cut_small(peri_ctx *cx, size_t size) {
  size_t gap = size > 512 ? -(uintptr_t)cx->slab_at & (ALIGN - 1) : 0;
  if ((size_t)(cx->slab_end - cx->slab_at) < size + gap) {
    if (cx->limit && cx->used + cx->cached + SLAB / 8 > cx->limit) pri_drop_cache(cx);
    char *slab = cx->alloc(cx->alloc_ud, NULL, 0, SLAB);
    if (!slab) return NULL;
    memcpy(slab, &cx->slab_list, sizeof(void *));
    cx->slab_list = slab;
    cx->slab_at = slab + 16;
    cx->slab_end = slab + SLAB;
    gap = size > 512 ? -(uintptr_t)cx->slab_at & (ALIGN - 1) : 0;
  }
  void *p = cx->slab_at + gap;
  cx->slab_at += size + gap;
  return p;
}

static void *obtain(peri_ctx *cx, int c, size_t size) {
  if (!CACHING) return system_get(cx, size);
  pri_free_block *b = cx->free[c];
  if (b) {
    cx->free[c] = b->next;
    if (c >= PRI_SMALL_CLASSES) cx->cached -= size;
    return b;
  }
  if (c < PRI_SMALL_CLASSES) return cut_small(cx, size);
  if (cx->limit && cx->used + cx->cached + size > cx->limit) pri_drop_cache(cx);
  void *p = system_get(cx, size);
  if (!p && cx->cached) {
    pri_drop_cache(cx);
    p = system_get(cx, size);
  }
  return p;
}

static bool fits(const peri_ctx *cx, size_t size) { return !cx->limit || (size <= cx->limit && cx->used <= cx->limit - size); }

static bool reclaim(peri_ctx *cx) {
  if (!cx->reclaim || cx->reclaiming) return false;
  cx->reclaiming = true;
  bool more = cx->reclaim(cx->reclaim_ud);
  cx->reclaiming = false;
  return more;
}

static bool told_to_fail(peri_ctx *cx) {
  if (cx->fail_in < 0 || cx->fail_in-- > 0) return false;
  cx->failed = true;
  if (cx->keeps_failing) cx->fail_in = 0;
  return true;
}

void *pri_get(peri_ctx *cx, size_t size) {
  if (size > (size_t)1 << 47) return NULL;
  int c = class_of(size);
  size_t bytes = class_size(c);
  if (__builtin_expect(cx->fail_in >= 0, 0) && told_to_fail(cx)) return NULL;
  void *p = NULL;
  for (int tries = 0; tries < 2; tries++) {
    if (fits(cx, bytes) && (p = obtain(cx, c, bytes))) break;
    if (tries == 0 && !reclaim(cx)) return NULL;
  }
  if (!p) return NULL;
  cx->allocations++;
  cx->used += bytes;
  if (cx->used > cx->peak) cx->peak = cx->used;
  return p;
}

void *peri_alloc(peri_ctx *cx, size_t size) {
  void *p = pri_get(cx, size);
  if (p) return p;
  if (cx->limit)
    peri_fail(cx, PERI_ERR_MEMORY, "out of memory: %zu bytes asked for, %zu of %zu in use", size, cx->used, cx->limit);
  else peri_fail(cx, PERI_ERR_MEMORY, "out of memory: %zu bytes asked for, %zu in use", size, cx->used);
  return NULL;
}

void peri_free(peri_ctx *cx, void *ptr, size_t size) {
  if (!ptr) return;
  int c = class_of(size);
  size_t bytes = class_size(c);
  cx->used -= bytes;
  if (!CACHING) {
    system_put(cx, ptr, bytes);
    return;
  }
  pri_free_block *b = ptr;
  b->next = cx->free[c];
  cx->free[c] = b;
  if (c >= PRI_SMALL_CLASSES) cx->cached += bytes;
  if (cx->used + cx->cached > cx->peak + SLACK) pri_drop_cache(cx); /* sizes have moved on: old blocks will not fit again */
}

void pri_destroy(peri_ctx *cx) {
  pri_drop_cache(cx);
  while (cx->slab_list) {
    void *slab = cx->slab_list;
    memcpy(&cx->slab_list, slab, sizeof(void *));
    cx->alloc(cx->alloc_ud, slab, SLAB, 0);
  }
  cx->alloc(cx->alloc_ud, cx, sizeof *cx, 0);
}

void *peri_realloc(peri_ctx *cx, void *ptr, size_t osize, size_t nsize) {
  if (nsize == 0) return peri_free(cx, ptr, osize), NULL;
  if (ptr && CACHING && class_of(osize) == class_of(nsize)) return ptr;
  bool busy = cx->reclaiming;
  cx->reclaiming = true; /* the host's collector cannot run inside its own allocator */
  void *p = pri_get(cx, nsize);
  cx->reclaiming = busy;
  if (p && ptr) {
    memcpy(p, ptr, osize < nsize ? osize : nsize);
    peri_free(cx, ptr, osize);
  }
  return p;
}
