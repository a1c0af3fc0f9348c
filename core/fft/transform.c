/* transform.c - transforms of tensors: one primitive each, axis after axis. */
#include <perigee/fft.h>
#include "fft/axis.h"
#include <math.h>

static double factor_of(int64_t n, bool inverse, peri_fft_norm norm) {
  if (norm == PERI_FFT_ORTHO) return 1 / sqrt((double)n);
  return inverse && norm == PERI_FFT_BACKWARD ? 1 / (double)n : 1;
}

/* A new tensor of the shape of x, but for one axis. */
static peri_tensor *like(const peri_tensor *x, peri_dtype t, int axis, int64_t length) {
  int64_t dims[PERI_MAXDIM];
  memcpy(dims, x->dims, sizeof dims);
  dims[axis] = length;
  return peri_new(x->cx, t, x->ndim, dims);
}

/* x as c128: itself, retained, or a copy. */
static peri_tensor *complex_of(peri_tensor *x) {
  if (x->dtype == PERI_C128) return peri_retain(x);
  peri_tensor *c = peri_new(x->cx, PERI_C128, x->ndim, x->dims);
  if (c) pri_copy_into(c, x);
  return c;
}

/* x as f64 likewise. */
static peri_tensor *real_of(peri_tensor *x) {
  if (x->dtype == PERI_F64) return peri_retain(x);
  peri_tensor *r = peri_new(x->cx, PERI_F64, x->ndim, x->dims);
  if (r) pri_copy_into(r, x);
  return r;
}

/* Lines of x along the axis, transformed, into those of y. */
static pri_fft_job job_of(const peri_tensor *x, const peri_tensor *y, int axis) {
  pri_fft_job j = {.from = x->data, .to = y->data, .from_stride = x->strides[axis], .to_stride = y->strides[axis]};
  for (int i = 0; i < x->ndim; i++)
    if (i != axis) {
      j.dims[j.nd] = x->dims[i];
      j.from_strides[j.nd] = x->strides[i];
      j.to_strides[j.nd++] = y->strides[i];
    }
  return j;
}

typedef enum { WHOLE, HALF, REAL } result_kind; /* all coefficients; the first half of them; the real sequence they belong to */

/* The transform along one axis into a new tensor; length n. */
static peri_tensor *transform(peri_tensor *x, int axis, int64_t n, result_kind kind, bool inverse, peri_fft_norm norm) {
  int64_t kept = kind == HALF ? n / 2 + 1 : n, most = kind == REAL ? n / 2 + 1 : n;
  peri_tensor *y = like(x, kind == REAL ? PERI_F64 : PERI_C128, axis, kept), *c = NULL;
  bool real_in = kind == HALF && n % 2 == 0;
  if (y && y->size) c = real_in ? real_of(x) : complex_of(x);
  if (!y || (y->size && !c)) return peri_release(y), NULL;
  if (y->size == 0) return y;
  pri_fft_job j = job_of(c, y, axis);
  j.n = n, j.kept = kept, j.given = c->dims[axis] < most ? c->dims[axis] : most;
  j.inverse = inverse, j.real_in = real_in, j.real_out = kind == REAL, j.factor = factor_of(n, inverse, norm);
  peri_status st = pri_fft_axis(x->cx, &j);
  peri_release(c);
  if (st == PERI_OK) return y;
  peri_release(y);
  return NULL;
}

/* The same without a change of length, in place: y is contiguous and ours. */
static peri_status transform_in_place(peri_tensor *y, int axis, bool inverse, peri_fft_norm norm) {
  int64_t n = y->dims[axis];
  if (y->size == 0) return PERI_OK;
  pri_fft_job j = job_of(y, y, axis);
  j.n = j.kept = j.given = n, j.inverse = inverse, j.factor = factor_of(n, inverse, norm);
  return pri_fft_axis(y->cx, &j);
}

/* ---- arguments ---- */

/* The length n asked for, 0 meaning `missing`. */
static peri_status length_of(const char *who, const peri_tensor *x, int axis, int64_t n, int64_t missing, int64_t *length) {
  *length = n ? n : missing;
  if (n < 0) return peri_fail(x->cx, PERI_ERR_VALUE, "%s: the length must be positive, got %lld", who, (long long)n);
  if (*length > 0) return PERI_OK;
  return peri_fail(x->cx, PERI_ERR_SHAPE, "%s: axis %d of shape %s gives a transform of length %lld; at least 1 is needed", who, axis + 1,
                   peri_shape(x), (long long)*length);
}

static peri_status axes_of(const char *who, const peri_tensor *x, int64_t axes, uint32_t *bits) {
  if (x->ndim == 0) return peri_fail(x->cx, PERI_ERR_SHAPE, "%s: a tensor with axes is needed, got a scalar", who);
  *bits = axes ? (uint32_t)axes : (1u << x->ndim) - 1;
  if (*bits >> x->ndim == 0) return PERI_OK;
  return peri_fail(x->cx, PERI_ERR_INDEX, "%s: axis %d of a tensor of shape %s", who, 32 - __builtin_clz(*bits), peri_shape(x));
}

static peri_status check_norm(const char *who, peri_ctx *cx, int64_t norm) {
  if (norm >= PERI_FFT_BACKWARD && norm <= PERI_FFT_NONE) return PERI_OK;
  return peri_fail(cx, PERI_ERR_VALUE, "%s: unknown norm %lld", who, (long long)norm);
}

static int last_axis(uint32_t bits) { return 31 - __builtin_clz(bits); }

/* ---- primitives; args: axis or axes, length, inverse, norm ---- */

static peri_status along_axis(const peri_op *op, peri_tensor *x, const peri_args *args, result_kind kind, peri_tensor **out) {
  int axis = pri_axis(op->name, x, args->i[0]);
  int64_t n;
  if (axis < 0 || check_norm(op->name, x->cx, args->i[3])) return x->cx->code;
  if (length_of(op->name, x, axis, args->i[1], kind == REAL ? 2 * (x->dims[axis] - 1) : x->dims[axis], &n)) return x->cx->code;
  *out = transform(x, axis, n, kind, args->i[2] != 0, (peri_fft_norm)args->i[3]);
  return *out ? PERI_OK : x->cx->code;
}

static peri_status run_fft(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  return along_axis(op, in[0], args, WHOLE, out);
}

static peri_status check_real(const peri_op *op, const peri_tensor *x) {
  if (x->dtype != PERI_C128) return PERI_OK;
  return peri_fail(x->cx, PERI_ERR_DTYPE, "%s: takes real tensors, got c128; fft transforms complex ones", op->name);
}

static peri_status run_rfft(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  return check_real(op, in[0]) ? in[0]->cx->code : along_axis(op, in[0], args, HALF, out);
}

static peri_status run_irfft(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  return along_axis(op, in[0], args, REAL, out);
}

/* All axes of bits, from the last; the first transform makes the new tensor. */
static peri_tensor *along_axes(const char *who, peri_tensor *x, uint32_t bits, result_kind kind, bool inverse, peri_fft_norm norm) {
  int first = last_axis(bits);
  int64_t n;
  for (int i = 0; i < x->ndim; i++)
    if (bits >> i & 1 && length_of(who, x, i, 0, x->dims[i], &n)) return NULL;
  peri_tensor *y = transform(x, first, x->dims[first], kind, inverse, norm);
  for (int i = first - 1; y && i >= 0; i--)
    if (bits >> i & 1 && transform_in_place(y, i, inverse, norm)) peri_release(y), y = NULL;
  return y;
}

static peri_status run_fftn(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *x = in[0];
  uint32_t bits;
  if (check_norm(op->name, x->cx, args->i[3]) || axes_of(op->name, x, args->i[0], &bits)) return x->cx->code;
  *out = along_axes(op->name, x, bits, WHOLE, args->i[2] != 0, (peri_fft_norm)args->i[3]);
  return *out ? PERI_OK : x->cx->code;
}

static peri_status run_rfftn(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *x = in[0];
  uint32_t bits;
  if (check_real(op, x) || check_norm(op->name, x->cx, args->i[3]) || axes_of(op->name, x, args->i[0], &bits)) return x->cx->code;
  *out = along_axes(op->name, x, bits, HALF, false, (peri_fft_norm)args->i[3]);
  return *out ? PERI_OK : x->cx->code;
}

static peri_status run_irfftn(const peri_op *op, peri_tensor *const *in, const peri_args *args, peri_tensor **out) {
  peri_tensor *x = in[0];
  peri_fft_norm norm = (peri_fft_norm)args->i[3];
  uint32_t bits;
  int64_t n;
  if (check_norm(op->name, x->cx, args->i[3]) || axes_of(op->name, x, args->i[0], &bits)) return x->cx->code;
  int last = last_axis(bits);
  uint32_t others = bits & ~(1u << last);
  if (length_of(op->name, x, last, args->i[1], 2 * (x->dims[last] - 1), &n)) return x->cx->code;
  peri_tensor *y = others ? along_axes(op->name, x, others, WHOLE, true, norm) : peri_retain(x);
  *out = y ? transform(y, last, n, REAL, true, norm) : NULL;
  peri_release(y);
  return *out ? PERI_OK : x->cx->code;
}

#define PRIMITIVE(NAME, SIGNATURE, HELP)                                                                               \
  static const peri_op op_##NAME = {.name = "fft." #NAME, .signature = SIGNATURE, .help = HELP, .arity = 1, .outputs = 1,  \
                                    .result = PERI_RESULT_OWN, .run = run_##NAME};
PRIMITIVE(fft, "fft.fft(x)", "Fourier transform along an axis.")
PRIMITIVE(rfft, "fft.rfft(x)", "Fourier transform of real sequences along an axis.")
PRIMITIVE(irfft, "fft.irfft(x)", "Real sequences from the first half of their coefficients.")
PRIMITIVE(fftn, "fft.fftn(x)", "Fourier transform along several axes.")
PRIMITIVE(rfftn, "fft.rfftn(x)", "Fourier transform of a real tensor along several axes.")
PRIMITIVE(irfftn, "fft.irfftn(x)", "Real tensor from half of its coefficients.")

peri_tensor *peri_fft(peri_tensor *x, int64_t axis, int64_t n, bool inverse, peri_fft_norm norm) {
  return peri_apply(&op_fft, &x, &(peri_args){.i = {axis, n, inverse, norm}});
}
peri_tensor *peri_rfft(peri_tensor *x, int64_t axis, int64_t n, peri_fft_norm norm) {
  return peri_apply(&op_rfft, &x, &(peri_args){.i = {axis, n, false, norm}});
}
peri_tensor *peri_irfft(peri_tensor *x, int64_t axis, int64_t n, peri_fft_norm norm) {
  return peri_apply(&op_irfft, &x, &(peri_args){.i = {axis, n, true, norm}});
}
peri_tensor *peri_fftn(peri_tensor *x, uint32_t axes, bool inverse, peri_fft_norm norm) {
  return peri_apply(&op_fftn, &x, &(peri_args){.i = {axes, 0, inverse, norm}});
}
peri_tensor *peri_rfftn(peri_tensor *x, uint32_t axes, peri_fft_norm norm) {
  return peri_apply(&op_rfftn, &x, &(peri_args){.i = {axes, 0, false, norm}});
}
peri_tensor *peri_irfftn(peri_tensor *x, uint32_t axes, int64_t n, peri_fft_norm norm) {
  return peri_apply(&op_irfftn, &x, &(peri_args){.i = {axes, n, true, norm}});
}
