/* walk.c - broadcasting and walking several strided operands together. */
#include "tensor/tensor.h"

peri_dtype peri_promote(const peri_tensor *a, const peri_tensor *b) {
  return pri_promote((peri_dtype)a->dtype, a->flags & PERI_WEAK, (peri_dtype)b->dtype, b->flags & PERI_WEAK);
}

peri_status peri_broadcast_shapes(const char *who, const peri_tensor *a, const peri_tensor *b, int *nd, int64_t *dims) {
  int n = a->ndim > b->ndim ? a->ndim : b->ndim;
  for (int i = 0; i < n; i++) {
    int ia = a->ndim - 1 - i, ib = b->ndim - 1 - i;
    int64_t da = ia >= 0 ? a->dims[ia] : 1, db = ib >= 0 ? b->dims[ib] : 1;
    if (da != db && da != 1 && db != 1)
      return peri_fail(a->cx, PERI_ERR_SHAPE, "%s: shapes do not broadcast: %s and %s", who, peri_shape(a), peri_shape(b));
    dims[n - 1 - i] = da == 1 ? db : da;
  }
  *nd = n;
  return PERI_OK;
}

void pri_broadcast_strides(const peri_tensor *t, int nd, int64_t *strides) {
  for (int i = 0; i < nd; i++) {
    int k = t->ndim - nd + i;
    strides[i] = k < 0 || t->dims[k] == 1 ? 0 : t->strides[k];
  }
}

static bool mergeable(const pri_walk *w, int outer, int64_t strides[][PERI_MAXDIM], int inner, int64_t inner_dim) {
  for (int k = 0; k < w->n; k++)
    if (w->strides[k][outer] != strides[k][inner] * inner_dim) return false;
  return true;
}

void pri_walk_make(pri_walk *w, int nd, const int64_t *dims, int n, int64_t strides[][PERI_MAXDIM]) {
  w->n = n;
  w->nd = 0;
  w->size = 1;
  for (int i = 0; i < nd; i++)
    if (dims[i] == 0) { /* nothing to walk; the other dimensions may be too large to multiply */
      *w = (pri_walk){.nd = 1, .n = n};
      return;
    }
  for (int i = 0; i < nd; i++) {
    w->size *= dims[i];
    if (dims[i] == 1) continue;
    int last = w->nd - 1;
    if (last >= 0 && mergeable(w, last, strides, i, dims[i])) w->dims[last] *= dims[i];
    else {
      last = w->nd++;
      w->dims[last] = dims[i];
    }
    for (int k = 0; k < n; k++) w->strides[k][last] = strides[k][i];
  }
  if (w->nd == 0) {
    w->nd = 1;
    w->dims[0] = 1;
    for (int k = 0; k < n; k++) w->strides[k][0] = 1;
  }
}

void pri_walk_seek(const pri_walk *w, int64_t k, int64_t *index, int64_t *offsets) {
  for (int i = 0; i < w->n; i++) offsets[i] = 0;
  for (int a = w->nd - 1; a >= 0; a--) {
    index[a] = w->dims[a] ? k % w->dims[a] : 0;
    k = w->dims[a] ? k / w->dims[a] : 0;
    for (int i = 0; i < w->n; i++) offsets[i] += index[a] * w->strides[i][a];
  }
}

void pri_walk_next_row(const pri_walk *w, int64_t *index, int64_t *offsets) {
  for (int a = w->nd - 2; a >= 0; a--) {
    for (int i = 0; i < w->n; i++) offsets[i] += w->strides[i][a];
    if (++index[a] < w->dims[a]) return;
    for (int i = 0; i < w->n; i++) offsets[i] -= w->dims[a] * w->strides[i][a];
    index[a] = 0;
  }
}

#define COPY(T)                                                                                                        \
  do {                                                                                                                 \
    T *d = dst;                                                                                                        \
    const T *s = src;                                                                                                  \
    for (int64_t i = 0; i < n; i++) d[i * sd] = s[i * ss];                                                             \
  } while (0)

typedef struct { double re, im; } pair;

static inline void copy_strided(void *dst, int64_t sd, const void *src, int64_t ss, int64_t n, size_t bytes) {
  switch (bytes) {
  case 1: COPY(uint8_t); break;
  case 4: COPY(uint32_t); break;
  case 8: COPY(uint64_t); break;
  default: COPY(pair); break;
  }
}

void pri_gather(void *dst, const void *src, int64_t stride, int64_t n, size_t bytes) { copy_strided(dst, 1, src, stride, n, bytes); }
void pri_scatter(void *dst, int64_t stride, const void *src, int64_t n, size_t bytes) { copy_strided(dst, stride, src, 1, n, bytes); }
