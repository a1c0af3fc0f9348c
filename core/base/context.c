/* context.c - opening and closing contexts, errors, the stop flag. */
#include "base/base.h"
#include <cblas.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *libc_alloc(void *ud, void *ptr, size_t osize, size_t nsize) {
  (void)ud, (void)osize;
  if (nsize == 0) return free(ptr), NULL;
  return realloc(ptr, nsize);
}

peri_ctx *peri_open(const peri_config *cfg) {
  static const peri_config defaults = {0};
  if (!cfg) cfg = &defaults;
  const pri_kernels *k = pri_kernels_select(getenv("PERIGEE_ISA"));
  if (!k) return NULL;
  peri_alloc_fn alloc = cfg->alloc ? cfg->alloc : libc_alloc;
  peri_ctx *cx = alloc(cfg->ud, NULL, 0, sizeof *cx);
  if (!cx) return NULL;
  memset(cx, 0, sizeof *cx);
  cx->k = k;
  cx->limit = cfg->memory_limit;
  cx->fail_in = -1;
  cx->alloc = alloc;
  cx->alloc_ud = cfg->ud;
  cx->reclaim = cfg->reclaim;
  cx->reclaim_ud = cfg->ud;
  cx->threads = cfg->threads > 1 ? cfg->threads : 1;
  if (cfg->blas_threads > 0) openblas_set_num_threads(cfg->blas_threads);
  return cx;
}

void peri_close(peri_ctx *cx) {
  if (!cx || cx->closed) return;
  cx->closed = true;
  pri_pool_close(cx->pool);
  cx->pool = NULL;
  cx->threads = 1;
  cx->reclaim = NULL;
  if (cx->tensors == 0) pri_destroy(cx);
}

peri_status peri_errcode(const peri_ctx *cx) { return cx->code; }
const char *peri_errmsg(const peri_ctx *cx) { return cx->msg; }

void peri_clear_error(peri_ctx *cx) {
  cx->code = PERI_OK;
  cx->msg[0] = 0;
}

peri_status peri_fail(peri_ctx *cx, peri_status code, const char *fmt, ...) {
  va_list ap;
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0), host = c ? uselocale(c) : (locale_t)0; /* %g writes a point */
  va_start(ap, fmt);
  vsnprintf(cx->msg, sizeof cx->msg, fmt, ap);
  va_end(ap);
  if (c) {
    uselocale(host);
    freelocale(c);
  }
  cx->code = code;
  return code;
}

void peri_interrupt(peri_ctx *cx) { atomic_store(&cx->stop, 1); }
void peri_clear_interrupt(peri_ctx *cx) { atomic_store(&cx->stop, 0); }

peri_status peri_check_interrupt(peri_ctx *cx) {
  return pri_stopped(cx) ? peri_fail(cx, PERI_ERR_INTERRUPT, "interrupted") : PERI_OK;
}

void peri_memory(const peri_ctx *cx, size_t *used, size_t *peak, size_t *limit) {
  if (used) *used = cx->used;
  if (peak) *peak = cx->peak;
  if (limit) *limit = cx->limit;
}

peri_statistics peri_stats(const peri_ctx *cx) {
  return (peri_statistics){cx->tensors, cx->allocations, cx->cached, cx->threads};
}

void peri_set_memory_limit(peri_ctx *cx, size_t limit) { cx->limit = limit; }

void peri_set_threads(peri_ctx *cx, int threads) {
  if (threads < 1) threads = 1;
  if (threads == cx->threads) return;
  pri_pool_close(cx->pool);
  cx->pool = NULL;
  cx->threads = threads;
}

void peri_set_reclaim(peri_ctx *cx, bool (*reclaim)(void *ud), void *ud) {
  cx->reclaim = reclaim;
  cx->reclaim_ud = ud;
}

void peri_fail_allocation(peri_ctx *cx, int64_t n) {
  cx->fail_in = n;
  cx->keeps_failing = false;
  if (n >= 0) cx->failed = false; /* calling it off leaves the answer to whether it happened */
}

void peri_fail_allocations_from(peri_ctx *cx, int64_t n) {
  peri_fail_allocation(cx, n);
  cx->keeps_failing = true;
}

bool peri_allocation_failed(const peri_ctx *cx) { return cx->failed; }
const char *peri_isa(const peri_ctx *cx) { return cx->k->isa; }
