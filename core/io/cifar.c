/* cifar.c - the binary form of CIFAR-10: records of one label byte and 3 x 32 x 32 bytes, red, green, blue. */
#include "io/file.h"
#include <math.h>

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

static peri_status check_records(peri_ctx *cx, const peri_tensor *images, const peri_tensor *labels) {
  static const char who[] = "io.save_cifar";
  const int64_t *d = images->dims;
  if (labels->cx != cx) return peri_fail(cx, PERI_ERR_STATE, "%s: the labels belong to another context", who);
  if (images->ndim != 4 || d[1] != 3 || d[2] != SIDE || d[3] != SIDE || labels->ndim != 1 || labels->dims[0] != d[0])
    return peri_fail(cx, PERI_ERR_SHAPE, "%s: images (n, 3, 32, 32) and labels (n) are needed, got %s and %s", who, peri_shape(images),
                     peri_shape(labels));
  if (images->dtype == PERI_C128 || labels->dtype != PERI_I64)
    return peri_fail(cx, PERI_ERR_DTYPE, "%s: real images and i64 labels are needed, got %s and %s", who,
                     peri_dtype_name((peri_dtype)images->dtype), peri_dtype_name((peri_dtype)labels->dtype));
  return PERI_OK;
}

static peri_status put_record(pri_sink *s, int64_t i, int64_t label, const double *pixels) {
  unsigned char record[RECORD];
  if (label < 0 || label > 9)
    return peri_fail(s->cx, PERI_ERR_VALUE, "%s: label %lld is %lld; labels are 0 to 9", s->who, (long long)i + 1, (long long)label);
  record[0] = (unsigned char)label;
  for (int k = 0; k < PIXELS; k++) {
    if (!(pixels[k] >= 0 && pixels[k] <= 255))
      return peri_fail(s->cx, PERI_ERR_VALUE, "%s: image %lld holds %g; values must lie in [0, 255]", s->who, (long long)i + 1, pixels[k]);
    record[1 + k] = (unsigned char)nearbyint(pixels[k]);
  }
  return pri_sink_write(s, record, RECORD);
}

peri_status peri_cifar_write(const char *path, peri_tensor *images, peri_tensor *labels) {
  peri_ctx *cx = images->cx;
  pri_sink s;
  if (check_records(cx, images, labels)) return cx->code;
  peri_tensor *x = peri_cast(images, PERI_F64), *y = x ? peri_contiguous(labels) : NULL;
  peri_status st = y ? pri_sink_open(&s, cx, "io.save_cifar", path) : cx->code;
  if (!st) {
    for (int64_t i = 0; i < y->size && !st; i++) {
      st = put_record(&s, i, ((const int64_t *)y->data)[i], (const double *)x->data + i * PIXELS);
      if (!st && i % 1024 == 0) st = peri_check_interrupt(cx);
    }
    st = pri_sink_close(&s, st);
  }
  peri_release(x);
  peri_release(y);
  return st;
}
