/* kept.c - see kept.h. */
#include "base/kept.h"
#include <string.h>

static void put_to_sleep(pri_kept *k) {
  k->cx->used -= k->bytes, k->cx->cached += k->bytes;
  if (!k->inner) return;
  k->inner->pins++;
  if (--k->inner->users == 0) put_to_sleep(k->inner);
}

static void wake(pri_kept *k) {
  k->cx->used += k->bytes, k->cx->cached -= k->bytes;
  if (!k->inner) return;
  if (k->inner->users++ == 0) wake(k->inner);
  k->inner->pins--;
}

/* Drops the idle ones of a kind (NULL: of all) beyond these bounds, the very last one staying in any case unless count is 0. */
static void trim(peri_ctx *cx, const pri_kept_kind *kind, size_t bytes, int64_t count) {
  size_t sum = 0;
  int64_t kept = 0;
  for (pri_kept **link = &cx->kept, *k; (k = *link); link = &k->next) {
    if (k->users > 0 || k->pins > 0 || (kind && k->kind != kind)) continue;
    sum += k->bytes;
    if (kept++ < count && (kept == 1 || sum <= bytes)) continue;
    *link = k->next;
    wake(k);
    pri_kept_discard(k); /* puts its inner one and so may change the list */
    trim(cx, kind, bytes, count);
    return;
  }
}

void pri_drop_kept(peri_ctx *cx) { trim(cx, NULL, 0, 0); }

pri_kept *pri_kept_new(peri_ctx *cx, const pri_kept_kind *kind, size_t head, size_t size) {
  size_t bytes = pri_block_size(size);
  pri_kept *k = peri_alloc(cx, bytes);
  if (!k) return NULL;
  memset(k, 0, head);
  *k = (pri_kept){.kind = kind, .cx = cx, .bytes = bytes, .users = 1};
  return k;
}

void pri_kept_list(pri_kept *k) {
  k->next = k->cx->kept;
  k->cx->kept = k;
}

void pri_kept_discard(pri_kept *k) {
  pri_kept_put(k->inner);
  peri_free(k->cx, k, k->bytes);
}

pri_kept *pri_kept_take(peri_ctx *cx, const pri_kept_kind *kind, const void *key) {
  for (pri_kept **link = &cx->kept, *k; (k = *link); link = &k->next)
    if (k->kind == kind && kind->is(k, key)) {
      *link = k->next;
      pri_kept_list(k);
      if (k->users++ == 0) wake(k);
      return k;
    }
  return NULL;
}

void pri_kept_put(pri_kept *k) {
  if (!k || --k->users > 0) return;
  put_to_sleep(k);
  trim(k->cx, k->kind, k->kind->bytes, k->kind->count);
}
