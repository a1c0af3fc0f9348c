/* lines.c - see lines.h. */
#include "tensor/lines.h"

peri_status pri_axes(const char *who, const peri_tensor *t, uint32_t axes, uint32_t *bits) {
  uint32_t all = (1u << t->ndim) - 1;
  *bits = axes ? axes : all;
  if ((axes & ~all) == 0) return PERI_OK;
  return peri_fail(t->cx, PERI_ERR_INDEX, "%s: axis %d of a tensor of shape %s", who, 32 - __builtin_clz(axes & ~all), peri_shape(t));
}

void pri_reduced_shape(const peri_tensor *t, uint32_t bits, bool keep, int *nd, int64_t *dims) {
  *nd = 0;
  for (int i = 0; i < t->ndim; i++)
    if (!(bits >> i & 1)) dims[(*nd)++] = t->dims[i];
    else if (keep) dims[(*nd)++] = 1;
}

static void select_axes(pri_walk *w, const peri_tensor *t, uint32_t bits) {
  int nd = 0;
  int64_t dims[PERI_MAXDIM], strides[PRI_WALK][PERI_MAXDIM];
  for (int i = 0; i < t->ndim; i++)
    if (bits >> i & 1) {
      dims[nd] = t->dims[i];
      strides[0][nd++] = t->strides[i];
    }
  pri_walk_make(w, nd, dims, 1, strides);
}

void pri_lines_make(pri_lines *l, const peri_tensor *t, uint32_t bits) {
  select_axes(&l->outer, t, ~bits);
  select_axes(&l->inner, t, bits);
  l->count = l->outer.size;
  l->length = l->inner.size;
  l->data = t->data;
  l->dtype = (peri_dtype)t->dtype;
}

int64_t pri_lines_start(const pri_lines *l, int64_t k) {
  if (l->outer.nd == 1) return k * l->outer.strides[0][0];
  int64_t index[PERI_MAXDIM], offset[PRI_WALK];
  pri_walk_seek(&l->outer, k, index, offset);
  return offset[0];
}

/* Calls the body with (at, stride, m): m elements of the line, `stride` apart, the first `at` elements from its start. */
#define EACH_RUN(l, from, n, body)                                                                                     \
  do {                                                                                                                 \
    const pri_walk *w_ = &(l)->inner;                                                                                  \
    int last_ = w_->nd - 1;                                                                                            \
    int64_t index_[PERI_MAXDIM], at_[PRI_WALK], left_ = (n);                                                           \
    const int64_t stride = w_->strides[0][last_];                                                                      \
    pri_walk_seek(w_, (from), index_, at_);                                                                            \
    while (left_ > 0) {                                                                                                \
      int64_t m = w_->dims[last_] - index_[last_], at = at_[0];                                                        \
      if (m > left_) m = left_;                                                                                        \
      body;                                                                                                            \
      left_ -= m;                                                                                                      \
      at_[0] -= index_[last_] * stride;                                                                                \
      index_[last_] = 0;                                                                                               \
      if (left_) pri_walk_next_row(w_, index_, at_);                                                                   \
    }                                                                                                                  \
  } while (0)

const void *pri_lines_fetch(const pri_lines *l, int64_t start, int64_t from, int64_t n, void *buffer) {
  int64_t bytes = (int64_t)peri_sizeof(l->dtype);
  const char *base = l->data + start * bytes;
  if (l->inner.nd == 1 && (l->inner.strides[0][0] == 1 || n == 1)) return base + from * l->inner.strides[0][0] * bytes;
  char *to = buffer;
  EACH_RUN(l, from, n, {
    if (stride == 1) memcpy(to, base + at * bytes, (size_t)(m * bytes));
    else pri_gather(to, base + at * bytes, stride, m, (size_t)bytes);
    to += m * bytes;
  });
  return buffer;
}

void pri_lines_offsets(const pri_lines *l, int64_t from, int64_t n, int64_t *offsets) {
  EACH_RUN(l, from, n, {
    for (int64_t i = 0; i < m; i++) *offsets++ = at + i * stride;
  });
}

void pri_lines_store(const pri_lines *l, void *data, int64_t start, const void *src) {
  int64_t bytes = (int64_t)peri_sizeof(l->dtype);
  char *base = (char *)data + start * bytes;
  const char *x = src;
  EACH_RUN(l, 0, l->length, {
    pri_scatter(base + at * bytes, stride, x, m, (size_t)bytes);
    x += m * bytes;
  });
}
