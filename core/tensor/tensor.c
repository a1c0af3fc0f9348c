/* tensor.c - making, viewing and releasing tensors.
**
** Header and data share one block up to PERI_INLINE_BYTES of data; above that the data has its own, aligned to 64. A view keeps a
** reference to the tensor that owns the memory, never to another view, so chains cannot form and release needs no recursion.
*/
#include "tensor/tensor.h"
#include <stdio.h>

_Static_assert(sizeof(peri_tensor) == 152, "small tensors are budgeted in one 512-byte block");

static const struct { const char *name; uint8_t size; } dtypes[PERI_DTYPES] = {
    {"bool", 1}, {"i64", 8}, {"f32", 4}, {"f64", 8}, {"c128", 16}};

size_t peri_sizeof(peri_dtype t) { return dtypes[t].size; }
const char *peri_dtype_name(peri_dtype t) { return dtypes[t].name; }

static const char *shape_text(peri_ctx *cx, int nd, const int64_t *dims) {
  char *s = cx->shapes[cx->shape_turn++ % 8];
  size_t cap = sizeof cx->shapes[0], at = 0;
  at += (size_t)snprintf(s, cap, "(");
  for (int i = 0; i < nd && at < cap; i++) at += (size_t)snprintf(s + at, cap - at, i ? ", %lld" : "%lld", (long long)dims[i]);
  if (at < cap) snprintf(s + at, cap - at, ")");
  return s;
}

const char *peri_shape(const peri_tensor *t) { return shape_text(t->cx, t->ndim, t->dims); }

/* Number of elements of a shape, or -1 with a message. */
static int64_t count(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims) {
  if (nd < 0 || nd > PERI_MAXDIM) {
    peri_fail(cx, PERI_ERR_SHAPE, "tensor.new: %d dimensions; at most %d are supported", nd, PERI_MAXDIM);
    return -1;
  }
  int64_t n = 1;
  bool empty = false;
  for (int i = 0; i < nd; i++) {
    if (dims[i] < 0) {
      peri_fail(cx, PERI_ERR_SHAPE, "tensor.new: dimension %d is %lld; it must be >= 0", i + 1, (long long)dims[i]);
      return -1;
    }
    empty |= dims[i] == 0;
  }
  for (int i = 0; i < nd && !empty; i++)
    if (__builtin_mul_overflow(n, dims[i], &n) || n > INT64_MAX / 16) {
      peri_fail(cx, PERI_ERR_SHAPE, "tensor.new: shape %s of %s is larger than any memory", shape_text(cx, nd, dims),
                peri_dtype_name(t));
      return -1;
    }
  return empty ? 0 : n;
}

static void set_shape(peri_tensor *t, int nd, const int64_t *dims, const int64_t *strides) {
  t->ndim = (uint8_t)nd;
  int64_t run = 1;
  bool contiguous = true;
  for (int i = nd - 1; i >= 0; i--) {
    t->dims[i] = dims[i];
    t->strides[i] = strides ? strides[i] : run;
    contiguous &= dims[i] == 1 || t->strides[i] == run;
    run = (int64_t)((uint64_t)run * (uint64_t)dims[i]); /* of an empty tensor it may wrap on its way to 0 */
  }
  t->size = run;
  if (contiguous || t->size <= 1) t->flags |= PRI_CONTIGUOUS;
}

static peri_tensor *header(peri_ctx *cx, peri_dtype t, size_t extra) {
  peri_tensor *r = peri_alloc(cx, sizeof *r + extra);
  if (!r) return NULL;
  r->refs = 1;
  r->dtype = (uint8_t)t;
  r->flags = 0;
  r->base = NULL;
  r->cx = cx;
  r->node = 0;
  r->version = 0;
  return r;
}

peri_tensor *peri_new(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims) {
  int64_t n = count(cx, t, nd, dims);
  if (n < 0) return NULL;
  size_t bytes = (size_t)n * dtypes[t].size;
  peri_tensor *r = header(cx, t, bytes <= PERI_INLINE_BYTES ? bytes : 0);
  if (!r) return NULL;
  if (bytes <= PERI_INLINE_BYTES) r->data = r + 1;
  else {
    r->data = peri_alloc(cx, bytes);
    r->flags = PERI_OWNS;
    if (!r->data) return peri_free(cx, r, sizeof *r), NULL;
  }
  set_shape(r, nd, dims, NULL);
  cx->tensors++;
  return r;
}

peri_tensor *peri_zeros(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims) {
  peri_tensor *r = peri_new(cx, t, nd, dims);
  if (r && r->size) memset(r->data, 0, (size_t)r->size * dtypes[t].size);
  return r;
}

peri_tensor *peri_from(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims, const void *src) {
  peri_tensor *r = peri_new(cx, t, nd, dims);
  if (r && r->size) memcpy(r->data, src, (size_t)r->size * dtypes[t].size);
  return r;
}

peri_tensor *peri_scalar(peri_ctx *cx, double value) {
  peri_tensor *r = peri_from(cx, PERI_F64, 0, NULL, &value);
  if (r) r->flags |= PERI_WEAK;
  return r;
}

peri_tensor *peri_scalar_i64(peri_ctx *cx, int64_t value) {
  peri_tensor *r = peri_from(cx, PERI_I64, 0, NULL, &value);
  if (r) r->flags |= PERI_WEAK;
  return r;
}

peri_tensor *peri_retain(peri_tensor *t) {
  t->refs++;
  return t;
}

void peri_release(peri_tensor *t) {
  if (!t || --t->refs) return;
  peri_ctx *cx = t->cx;
  peri_tensor *base = t->base;
  size_t bytes = (size_t)t->size * dtypes[t->dtype].size;
  if (base) peri_free(cx, t, sizeof *t);
  else if (t->flags & PERI_OWNS) {
    peri_free(cx, t->data, bytes);
    peri_free(cx, t, sizeof *t);
  } else peri_free(cx, t, sizeof *t + bytes);
  if (--cx->tensors == 0 && cx->closed) pri_destroy(cx);
  else if (base) peri_release(base);
}

peri_tensor *peri_view(peri_tensor *t, int nd, const int64_t *dims, const int64_t *strides, int64_t offset) {
  if (count(t->cx, t->dtype, nd, dims) < 0) return NULL;
  peri_tensor *r = header(t->cx, t->dtype, 0);
  if (!r) return NULL;
  r->flags = t->flags & PERI_READONLY;
  r->data = (char *)t->data + offset * (int64_t)dtypes[t->dtype].size;
  r->base = peri_retain(pri_owner(t));
  set_shape(r, nd, dims, strides);
  t->cx->tensors++;
  return r;
}

peri_tensor *peri_stop_gradient(peri_tensor *t) { return peri_view(t, t->ndim, t->dims, t->strides, 0); }

bool peri_is_contiguous(const peri_tensor *t) { return pri_contiguous(t); }

int pri_axis(const char *who, const peri_tensor *t, int64_t axis) {
  int64_t k = axis < 0 ? axis + t->ndim : axis;
  if (k >= 0 && k < t->ndim) return (int)k;
  peri_fail(t->cx, PERI_ERR_INDEX, "%s: axis %lld of a tensor of shape %s", who, (long long)(axis < 0 ? axis : axis + 1),
            peri_shape(t));
  return -1;
}

peri_status pri_write(const char *who, peri_tensor *t) {
  if (t->flags & PERI_READONLY) return peri_fail(t->cx, PERI_ERR_STATE, "%s: this tensor is read-only; clone it first", who);
  if (pri_recorded(t))
    return peri_fail(t->cx, PERI_ERR_STATE, "%s: this tensor is being differentiated; clone it or compute out of place", who);
  for (int i = 0; i < t->ndim && t->size > 0; i++)
    if (t->strides[i] == 0 && t->dims[i] > 1)
      return peri_fail(t->cx, PERI_ERR_STATE, "%s: axis %d of this view is broadcast: its elements share memory; clone it first", who,
                       i + 1);
  pri_owner(t)->version++;
  return PERI_OK;
}

peri_status pri_write_from(const char *who, peri_tensor *t, const peri_tensor *from) {
  if (t->cx->record && pri_recorded(from))
    return peri_fail(t->cx, PERI_ERR_STATE,
                     "%s: what is written is being differentiated, and writing in place is not recorded; compute out of place, or take ad.stop of it",
                     who);
  return pri_write(who, t);
}

static const void *element(const peri_tensor *t, int64_t k) {
  int64_t offset = 0;
  if (pri_contiguous(t)) offset = k;
  else
    for (int i = t->ndim - 1; i >= 0; i--) {
      offset += k % t->dims[i] * t->strides[i];
      k /= t->dims[i];
    }
  return (const char *)t->data + offset * (int64_t)dtypes[t->dtype].size;
}

double peri_item(const peri_tensor *t, int64_t k) {
  const void *p = element(t, k);
  switch ((peri_dtype)t->dtype) {
  case PERI_BOOL: return *(const uint8_t *)p;
  case PERI_I64: return (double)*(const int64_t *)p;
  case PERI_F32: return *(const float *)p;
  case PERI_F64: case PERI_C128: break;
  }
  return *(const double *)p;
}

int64_t peri_item_i64(const peri_tensor *t, int64_t k) {
  const void *p = element(t, k);
  if (t->dtype == PERI_I64) return *(const int64_t *)p;
  if (t->dtype == PERI_BOOL) return *(const uint8_t *)p;
  int64_t r;
  double x = peri_item(t, k);
  t->cx->k->cast[PERI_I64][PERI_F64](&r, &x, 1);
  return r;
}
