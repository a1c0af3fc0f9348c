/* cifar.c - the binary form of CIFAR-10: records of one label byte and 3 x 32 x 32 bytes, red, green, blue. */
#include "io/file.h"

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE, RECORD = 1 + PIXELS };

typedef struct { unsigned char *bytes; int64_t n, room; } records;

static size_t size_of(int64_t n) { return (size_t)n * RECORD; }

static peri_status enlarge(pri_source *s, records *r) {
  int64_t room = r->room ? 2 * r->room : 1024;
  if (pri_affordable(s, room * RECORD)) return s->cx->code;
  unsigned char *wider = peri_alloc(s->cx, size_of(room));
  if (!wider) return s->cx->code;
  if (r->n) memcpy(wider, r->bytes, size_of(r->n));
  peri_free(s->cx, r->bytes, size_of(r->room));
  r->bytes = wider;
  r->room = room;
  return PERI_OK;
}

/* A gzipped file does not say how long it is, so records are taken until it ends. */
static peri_status take_records(pri_source *s, records *r) {
  for (;;) {
    if (r->n == r->room && enlarge(s, r)) return s->cx->code;
    unsigned char *at = r->bytes + size_of(r->n);
    int64_t got = pri_source_read(s, at, RECORD);
    if (got < 0) return s->cx->code;
    if (got == 0) return r->n ? PERI_OK : pri_malformed(s, "the file is empty");
    if (got < RECORD) return pri_malformed(s, "record %lld ends after %lld of %d bytes", (long long)r->n + 1, (long long)got, RECORD);
    if (at[0] > 9) return pri_malformed(s, "record %lld has label %d; labels are 0 to 9", (long long)r->n + 1, at[0]);
    if (++r->n % 1024 == 0 && pri_stopped(s->cx)) return peri_check_interrupt(s->cx);
  }
}

static peri_status lay_out(peri_ctx *cx, const records *r, peri_tensor **images, peri_tensor **labels) {
  *images = peri_new(cx, PERI_F32, 4, (int64_t[]){r->n, 3, SIDE, SIDE});
  *labels = *images ? peri_new(cx, PERI_I64, 1, &r->n) : NULL;
  if (!*labels) return cx->code;
  for (int64_t i = 0; i < r->n; i++) {
    const unsigned char *from = r->bytes + size_of(i);
    float *to = (float *)(*images)->data + i * PIXELS;
    ((int64_t *)(*labels)->data)[i] = from[0];
    for (int k = 0; k < PIXELS; k++) to[k] = from[1 + k];
  }
  return PERI_OK;
}

peri_status peri_cifar_read(peri_ctx *cx, const char *path, peri_tensor **images, peri_tensor **labels) {
  pri_source s;
  records r = {0};
  *images = *labels = NULL;
  if (pri_source_open(&s, cx, "io.load_cifar", path)) return cx->code;
  peri_status st = take_records(&s, &r);
  pri_source_close(&s);
  if (!st) st = lay_out(cx, &r, images, labels);
  peri_free(cx, r.bytes, size_of(r.room));
  if (!st) return PERI_OK;
  peri_release(*images);
  peri_release(*labels);
  *images = *labels = NULL;
  return st;
}
