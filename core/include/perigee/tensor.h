/* perigee/tensor.h - tensors: one object for owners and views.
**
** Up to six dimensions, strides in elements, memory shared by views. Operations find the context through their
** operands; mixing contexts is PERI_ERR_STATE. Only names that end in _ write into an operand.
*/
#ifndef PERIGEE_TENSOR_H
#define PERIGEE_TENSOR_H

#include <perigee/base.h>
#include <perigee/dtype.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PERI_MAXDIM = 6, PERI_INLINE_BYTES = 360 };

enum {
  PERI_WEAK = 1,      /* a bare number: never widens a tensor of its own kind (f32 + 2.5 is f32) */
  PERI_OWNS = 2,      /* owns a separate block of memory */
  PERI_READONLY = 4   /* in-place operations refuse it */
};

typedef struct peri_tensor { /* read freely; only core/tensor writes */
  uint32_t refs;
  uint8_t dtype, ndim;
  uint16_t flags;
  int64_t size;                                     /* number of elements */
  int64_t dims[PERI_MAXDIM], strides[PERI_MAXDIM];  /* strides in elements; 0 along a broadcast axis; may be negative */
  void *data;                                       /* the first element of this view */
  struct peri_tensor *base;                         /* whose memory this is a view of; NULL if its own */
  peri_ctx *cx;
  uint64_t node;                                    /* serial on the tape, never reused; 0: not recorded */
  uint32_t version;                                 /* writes so far (kept in the owner) */
} peri_tensor;

PERI_API size_t peri_sizeof(peri_dtype t);           /* bytes of an element */
PERI_API const char *peri_dtype_name(peri_dtype t);  /* "bool", "i64", "f32", "f64", "c128" */
PERI_API const char *peri_shape(const peri_tensor *t); /* "(3, 4)"; valid until the eighth next call in this context */

/* nd in 0..PERI_MAXDIM (0: a scalar), dims >= 0. PERI_ERR_SHAPE names the offending dimension and value. */
PERI_API peri_tensor *peri_new(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims);   /* uninitialised */
PERI_API peri_tensor *peri_zeros(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims);
PERI_API peri_tensor *peri_from(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims, const void *src); /* C order */
PERI_API peri_tensor *peri_full(peri_ctx *cx, peri_dtype t, int nd, const int64_t *dims, double value);
PERI_API peri_tensor *peri_scalar(peri_ctx *cx, double value);        /* 0-d f64, PERI_WEAK */
PERI_API peri_tensor *peri_scalar_i64(peri_ctx *cx, int64_t value);   /* 0-d i64, PERI_WEAK */
PERI_API peri_tensor *peri_arange(peri_ctx *cx, peri_dtype t, double from, double to, double step); /* from, from+step, ... below to */
PERI_API peri_tensor *peri_linspace(peri_ctx *cx, double from, double to, int64_t n);               /* both ends included */
PERI_API peri_tensor *peri_eye(peri_ctx *cx, peri_dtype t, int64_t rows, int64_t cols);

PERI_API peri_tensor *peri_retain(peri_tensor *t);
PERI_API void peri_release(peri_tensor *t);          /* NULL is fine */

/* A view by explicit dims and strides; offset in elements from t's first. The caller vouches for the bounds. */
PERI_API peri_tensor *peri_view(peri_tensor *t, int nd, const int64_t *dims, const int64_t *strides, int64_t offset);

/* An alias that counts as a constant to the tape (perigee/ad.h). */
PERI_API peri_tensor *peri_stop_gradient(peri_tensor *t);

PERI_API bool peri_is_contiguous(const peri_tensor *t);      /* C order without gaps; true for size <= 1 */
PERI_API peri_tensor *peri_contiguous(peri_tensor *t);       /* t itself (retained) if contiguous, else a copy */
PERI_API peri_tensor *peri_clone(peri_tensor *t);            /* a contiguous copy */
PERI_API peri_tensor *peri_cast(peri_tensor *t, peri_dtype to); /* a copy of that dtype, even if it is the same */
PERI_API peri_status peri_copy_(peri_tensor *dst, peri_tensor *src); /* src broadcast and cast to dst; overlap is fine */
PERI_API peri_status peri_fill_(peri_tensor *t, double value);

PERI_API double peri_item(const peri_tensor *t, int64_t k); /* element k in C order, as double; k in 0..size-1, unchecked */
PERI_API int64_t peri_item_i64(const peri_tensor *t, int64_t k); /* likewise; exact for bool and i64 */

/* The dtype that an operation on a and b computes in: right-most of the two, weak scalars never widening. */
PERI_API peri_dtype peri_promote(const peri_tensor *a, const peri_tensor *b);

/* Shape of a and b broadcast from the last axis. PERI_ERR_SHAPE in the name of `who` if they do not fit. */
PERI_API peri_status peri_broadcast_shapes(const char *who, const peri_tensor *a, const peri_tensor *b, int *nd, int64_t *dims);

#ifdef __cplusplus
}
#endif
#endif
