/* npy.c - reading an NPY array.
**
** Layout: "\x93NUMPY", version (major, minor), length of the header (2 bytes for version 1, else 4, little-endian),
** the header, the elements. The length is compared with what is left of the file before the header is read, and the
** size of the data before the tensor is made. Elements whose form is ours are read into place and, if need be,
** byte-swapped there; others pass through a block of CHUNK elements.
*/
#include "io/npy.h"
#include "io/npy_header.h"
#include <perigee/shape.h>
#include <stdarg.h>
#include <stdio.h>

enum { CHUNK = 4096, LONGEST_HEADER = 1 << 20 };

void pri_notice(peri_notice *notice, const char *fmt, ...) {
  va_list args;
  if (!notice || notice->text[0]) return;
  va_start(args, fmt);
  vsnprintf(notice->text, sizeof notice->text, fmt, args);
  va_end(args);
}

/* ---- elements ---- */

static uint64_t load(const unsigned char *p, int bytes, bool swapped) {
  uint16_t h;
  uint32_t w;
  uint64_t d;
  switch (bytes) {
  case 1: return *p;
  case 2: return memcpy(&h, p, 2), swapped ? __builtin_bswap16(h) : h;
  case 4: return memcpy(&w, p, 4), swapped ? __builtin_bswap32(w) : w;
  default: return memcpy(&d, p, 8), swapped ? __builtin_bswap64(d) : d;
  }
}

/* IEEE half: 1 sign, 5 exponent (bias 15), 10 fraction. Exact in f32; NaN payloads move to the top bits. */
static float half(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023, bits;
  float r;
  if (exponent == 31)
    bits = 0x7f800000u | fraction << 13;
  else if (exponent)
    bits = (exponent + 112) << 23 | fraction << 13;
  else {
    float subnormal = (float)fraction * 0x1p-24f;
    memcpy(&bits, &subnormal, 4);
  }
  bits |= sign;
  memcpy(&r, &bits, 4);
  return r;
}

static float single(uint64_t v) {
  uint32_t bits = (uint32_t)v;
  float r;
  memcpy(&r, &bits, 4);
  return r;
}

static int64_t integer(uint64_t v, char letter, int bytes) {
  int shift = 64 - 8 * bytes;
  return letter == 'i' ? (int64_t)(v << shift) >> shift : (int64_t)v;
}

/* n elements of the file into place `first` and following of t. */
static peri_status convert(const pri_source *s, const pri_npy_header *h, peri_tensor *t, int64_t first,
                           const unsigned char *p, int64_t n) {
  for (int64_t i = 0; i < n; i++, p += h->bytes) {
    if (h->letter == 'c') { /* c8 */
      double *z = (double *)t->data + 2 * (first + i);
      z[0] = single(load(p, 4, h->swapped));
      z[1] = single(load(p + 4, 4, h->swapped));
      continue;
    }
    uint64_t v = load(p, h->bytes, h->swapped);
    if (h->letter == 'f')
      ((float *)t->data)[first + i] = half((uint16_t)v);
    else if (h->letter == 'b')
      ((uint8_t *)t->data)[first + i] = v != 0;
    else if (h->letter == 'u' && v > INT64_MAX)
      return pri_malformed(s, "element %lld is %llu, more than i64 can hold", (long long)(first + i + 1),
                           (unsigned long long)v);
    else
      ((int64_t *)t->data)[first + i] = integer(v, h->letter, h->bytes);
  }
  return PERI_OK;
}

static peri_dtype dtype_of(const pri_npy_header *h) {
  switch (h->letter) {
  case 'b': return PERI_BOOL;
  case 'f': return h->bytes == 8 ? PERI_F64 : PERI_F32;
  case 'c': return PERI_C128;
  default: return PERI_I64;
  }
}

static bool in_place(const pri_npy_header *h) {
  return (h->letter == 'f' && h->bytes >= 4) || (h->letter == 'i' && h->bytes == 8) ||
         (h->letter == 'c' && h->bytes == 16);
}

static void swap(void *data, int64_t n, bool wide) {
  uint32_t *w = data;
  uint64_t *d = data;
  for (int64_t i = 0; i < n; i++)
    if (wide)
      d[i] = __builtin_bswap64(d[i]);
    else
      w[i] = __builtin_bswap32(w[i]);
}

static peri_status fetch(pri_source *s, void *to, int64_t bytes, int64_t total) {
  int64_t got = pri_source_read(s, to, bytes);
  if (got == bytes) return PERI_OK;
  return got < 0 ? s->cx->code : pri_malformed(s, "the data end early: %lld bytes are announced", (long long)total);
}

static peri_status read_data(pri_source *s, const pri_npy_header *h, peri_tensor *t) {
  int64_t total = h->size * h->bytes;
  if (in_place(h)) {
    if (fetch(s, t->data, total, total)) return s->cx->code;
    if (h->swapped) swap(t->data, h->letter == 'c' ? 2 * h->size : h->size, h->bytes >= 8);
    return PERI_OK;
  }
  unsigned char block[8 * CHUNK];
  for (int64_t done = 0; done < h->size; done += CHUNK) {
    int64_t n = h->size - done < CHUNK ? h->size - done : CHUNK;
    if (fetch(s, block, n * h->bytes, total) || convert(s, h, t, done, block, n)) return s->cx->code;
  }
  return PERI_OK;
}

/* ---- the file ---- */

static peri_status read_header(pri_source *s, pri_npy_header *h) {
  unsigned char b[12];
  int64_t got = pri_source_read(s, b, 10);
  if (got < 0) return s->cx->code;
  if (got < 10 || memcmp(b, "\x93NUMPY", 6) != 0) return pri_malformed(s, "this is no NPY file");
  if (b[6] < 1 || b[6] > 3 || b[7] != 0)
    return pri_malformed(s, "version %d.%d of the NPY format is unknown", b[6], b[7]);
  if (b[6] > 1 && (got = pri_source_read(s, b + 10, 2)) != 2)
    return got < 0 ? s->cx->code : pri_malformed(s, "the file ends in its header");
  int64_t n = (int64_t)pri_little(b + 8, b[6] == 1 ? 2 : 4);
  if (n > pri_source_bound(s) || n > LONGEST_HEADER)
    return pri_malformed(s, "a header of %lld bytes is announced; %s", (long long)n,
                         n > pri_source_bound(s) ? "the file is shorter" : "that is not believable");
  char *text = peri_alloc(s->cx, (size_t)n);
  if (!text) return s->cx->code;
  got = pri_source_read(s, text, n);
  peri_status st = got < 0   ? s->cx->code
                   : got < n ? pri_malformed(s, "the file ends in its header")
                             : pri_npy_parse(h, s, text, n);
  peri_free(s->cx, text, (size_t)n);
  return st;
}

static peri_tensor *make(pri_source *s, const pri_npy_header *h) {
  int64_t dims[PERI_MAXDIM], need = h->size * h->bytes;
  if (need > pri_source_bound(s))
    return pri_malformed(s, "%lld bytes of data are announced; the file is shorter", (long long)need), NULL;
  if (pri_affordable(s, h->size * (int64_t)peri_sizeof(dtype_of(h)))) return NULL;
  for (int i = 0; i < h->nd; i++) dims[i] = h->dims[h->fortran ? h->nd - 1 - i : i];
  return peri_new(s->cx, dtype_of(h), h->nd, dims);
}

static peri_tensor *reversed(peri_tensor *t) {
  int axes[PERI_MAXDIM];
  for (int i = 0; i < t->ndim; i++) axes[i] = t->ndim - 1 - i;
  peri_tensor *r = peri_permute(t, t->ndim, axes);
  peri_release(t);
  return r;
}

peri_tensor *pri_npy_take(pri_source *s) {
  pri_npy_header h;
  if (read_header(s, &h)) return NULL;
  peri_tensor *t = make(s, &h);
  if (t && read_data(s, &h, t)) peri_release(t), t = NULL;
  return t && h.fortran && h.nd > 1 ? reversed(t) : t;
}

/* A plain file is measured; of a compressed one, only whether anything follows is known. */
static peri_status look_behind(pri_source *s, peri_notice *notice) {
  unsigned char b;
  int64_t left = pri_source_bound(s), more = left > 0 ? pri_source_read(s, &b, 1) : 0;
  if (more < 0) return s->cx->code;
  if (more && s->codec == PRI_PLAIN)
    pri_notice(notice, "%s: '%s': %lld bytes behind the data were ignored", s->who, s->name, (long long)left);
  else if (more)
    pri_notice(notice, "%s: '%s': the bytes behind the data were ignored", s->who, s->name);
  return PERI_OK;
}

peri_tensor *peri_npy_read(peri_ctx *cx, const char *path, peri_notice *notice) {
  pri_source s;
  if (notice) notice->text[0] = 0;
  if (pri_source_open(&s, cx, "io.load_npy", path)) return NULL;
  peri_tensor *t = pri_npy_take(&s);
  if (t && look_behind(&s, notice)) peri_release(t), t = NULL;
  pri_source_close(&s);
  return t;
}
