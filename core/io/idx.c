/* idx.c - arrays in the IDX form of the MNIST files.
**
** Layout: two zero bytes, the type of the elements, the number of dimensions; the dimensions, 4 bytes each, and the elements, all
** big-endian. What the header announces is compared with the file before memory is taken.
*/
#include "io/file.h"

enum { CHUNK = 1 << 14 };

typedef struct { unsigned char code; uint8_t bytes; peri_dtype natural; } idx_type;
static const idx_type types[] = {{0x08, 1, PERI_I64}, {0x09, 1, PERI_I64}, {0x0b, 2, PERI_I64},
                                 {0x0c, 4, PERI_I64}, {0x0d, 4, PERI_F32}, {0x0e, 8, PERI_F64}};

static uint64_t big(const unsigned char *p, int bytes) {
  uint64_t v = 0;
  for (int i = 0; i < bytes; i++) v = v << 8 | p[i];
  return v;
}

static double element(const unsigned char *p, const idx_type *t) {
  uint64_t v = big(p, t->bytes);
  uint32_t w = (uint32_t)v;
  float f;
  double d;
  switch (t->code) {
  case 0x08: return (double)v;
  case 0x09: return (int8_t)v;
  case 0x0b: return (int16_t)v;
  case 0x0c: return (int32_t)v;
  case 0x0d: return memcpy(&f, &w, 4), f;
  default: return memcpy(&d, &v, 8), d;
  }
}

static peri_status read_header(pri_source *s, const idx_type **type, int *nd, int64_t *dims, int64_t *size) {
  unsigned char head[4], d[4];
  int64_t got = pri_source_read(s, head, 4);
  if (got < 0) return s->cx->code;
  if (got < 4 || head[0] || head[1]) return pri_malformed(s, "this is no IDX file: it must begin with two zero bytes");
  *type = NULL;
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (types[i].code == head[2]) *type = &types[i];
  if (!*type) return pri_malformed(s, "unknown element type 0x%02X; known are 08, 09, 0B, 0C, 0D, 0E", head[2]);
  if (head[3] > PERI_MAXDIM) return pri_malformed(s, "%d dimensions; at most %d are supported", head[3], PERI_MAXDIM);
  *nd = head[3];
  *size = 1;
  for (int i = 0; i < *nd; i++) {
    got = pri_source_read(s, d, 4);
    if (got < 0) return s->cx->code;
    if (got < 4) return pri_malformed(s, "the header ends within dimension %d", i + 1);
    dims[i] = (int64_t)big(d, 4);
    if (__builtin_mul_overflow(*size, dims[i], size) || *size > INT64_MAX / 16)
      return pri_malformed(s, "the dimensions up to the %d. multiply to more than any memory", i + 1);
  }
  if (*size > pri_source_bound(s) / (*type)->bytes)
    return pri_malformed(s, "%lld elements are announced, more than the file can hold", (long long)*size);
  return pri_affordable(s, *size * (int64_t)peri_sizeof((*type)->natural));
}

static peri_status read_elements(pri_source *s, const idx_type *type, peri_tensor *t) {
  unsigned char bytes[CHUNK];
  double wide[CHUNK];
  for (int64_t done = 0; done < t->size;) {
    int64_t n = CHUNK / type->bytes, left = t->size - done;
    if (n > left) n = left;
    int64_t got = pri_source_read(s, bytes, n * type->bytes);
    if (got < 0) return s->cx->code;
    if (got < n * type->bytes) return pri_malformed(s, "the data ends after %lld of %lld elements", (long long)(done + got / type->bytes), (long long)t->size);
    for (int64_t i = 0; i < n; i++) wide[i] = element(bytes + i * type->bytes, type);
    s->cx->k->cast[t->dtype][PERI_F64]((char *)t->data + done * (int64_t)peri_sizeof((peri_dtype)t->dtype), wide, n);
    done += n;
    if (pri_stopped(s->cx)) return peri_check_interrupt(s->cx);
  }
  unsigned char more;
  int64_t extra = pri_source_read(s, &more, 1);
  if (extra < 0) return s->cx->code;
  return extra ? pri_malformed(s, "there are bytes behind the %lld elements", (long long)t->size) : PERI_OK;
}

peri_tensor *peri_idx_read(peri_ctx *cx, const char *path, int dtype) {
  pri_source s;
  const idx_type *type = NULL;
  int nd = 0;
  int64_t dims[PERI_MAXDIM], size = 0;
  if (pri_source_open(&s, cx, "io.load_idx", path)) return NULL;
  peri_tensor *t = NULL;
  peri_status st = read_header(&s, &type, &nd, dims, &size);
  if (!st && !(t = peri_new(cx, dtype < 0 ? type->natural : (peri_dtype)dtype, nd, dims))) st = cx->code;
  if (!st) st = read_elements(&s, type, t);
  pri_source_close(&s);
  if (st) return peri_release(t), NULL;
  return t;
}
