/* perigee/base.h - contexts: who owns memory, errors and the stop button.
**
** Everything that Perigee allocates belongs to a context, counts against its budget and reports its errors there. There
** is no global state: two contexts in one process know nothing of each other. A context, and every object made in
** it, is used by one thread at a time; only peri_interrupt may be called from anywhere.
**
** Conventions of all headers: constructors return a pointer or NULL, actions a peri_status, pure queries the value.
** Results are new references that the caller releases; arguments are borrowed. After NULL or a status other than
** PERI_OK, peri_errcode and peri_errmsg say why, and the operands are as they were.
*/
#ifndef PERIGEE_BASE_H
#define PERIGEE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PERI_VERSION "0.1.0"

#if defined(__GNUC__)
#define PERI_API __attribute__((visibility("default")))
#define PERI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define PERI_API
#define PERI_PRINTF(fmt, args)
#endif

typedef enum {
  PERI_OK,
  PERI_ERR_MEMORY,    /* the budget or the system is exhausted */
  PERI_ERR_SHAPE,     /* shapes do not fit each other or the operation */
  PERI_ERR_DTYPE,     /* the operation is not defined for this element type */
  PERI_ERR_VALUE,     /* an argument lies outside its range */
  PERI_ERR_INDEX,     /* an index or axis lies outside the tensor */
  PERI_ERR_NUMERIC,   /* the computation broke down: a singular matrix, no convergence */
  PERI_ERR_IO,        /* the system refused to read or write */
  PERI_ERR_FORMAT,    /* a file is malformed or of an unsupported kind */
  PERI_ERR_STATE,     /* the object cannot do this now: closed, recorded, of another context */
  PERI_ERR_INTERRUPT, /* peri_interrupt was called */
  PERI_ERR_CALLBACK   /* a callback of the host failed; the host keeps its own error */
} peri_status;

typedef struct peri_ctx peri_ctx;

/* Like Lua's allocator: nsize = 0 frees; otherwise returns nsize bytes aligned to 16, or NULL. osize is the old size. */
typedef void *(*peri_alloc_fn)(void *ud, void *ptr, size_t osize, size_t nsize);

typedef struct {
  size_t size;              /* sizeof(peri_config), for later versions; 0 means this one */
  size_t memory_limit;      /* bytes; 0: none */
  int threads;              /* threads that one call may use, the caller included; 0: 1 */
  int blas_threads;         /* passed to OpenBLAS, for the whole process; 0: left alone */
  peri_alloc_fn alloc;      /* NULL: the C library's */
  bool (*reclaim)(void *ud);/* called before an allocation fails; true: something was freed, try again */
  void *ud;                 /* for alloc and reclaim */
} peri_config;

PERI_API peri_ctx *peri_open(const peri_config *cfg); /* cfg NULL: defaults. NULL if memory or the pool is not to be had */

/* Ends the context. Tensors still alive keep the context as a husk until the last of them is released. NULL is fine. */
PERI_API void peri_close(peri_ctx *cx);

PERI_API peri_status peri_errcode(const peri_ctx *cx);
PERI_API const char *peri_errmsg(const peri_ctx *cx); /* "tensor.mm: inner dimensions differ: (3, 4) x (5, 2)"; "" if none */
PERI_API void peri_clear_error(peri_ctx *cx);

/* Records an error, at most 511 bytes of message, and returns code. */
PERI_API peri_status peri_fail(peri_ctx *cx, peri_status code, const char *fmt, ...) PERI_PRINTF(3, 4);

/* Any thread, async-signal-safe: the running call, or the next one, fails with PERI_ERR_INTERRUPT. Sticky until cleared. */
PERI_API void peri_interrupt(peri_ctx *cx);
PERI_API void peri_clear_interrupt(peri_ctx *cx);
PERI_API peri_status peri_check_interrupt(peri_ctx *cx); /* PERI_OK, or fails with PERI_ERR_INTERRUPT */

/* Bytes in use by live objects, their maximum so far, and the limit (0: none). Pointers may be NULL. */
PERI_API void peri_memory(const peri_ctx *cx, size_t *used, size_t *peak, size_t *limit);

typedef struct {
  int64_t tensors;      /* alive now */
  int64_t allocations;  /* so far */
  size_t cached;        /* bytes kept for reuse, not in use */
  int threads;          /* of the pool, the caller included */
} peri_statistics;
PERI_API peri_statistics peri_stats(const peri_ctx *cx);

PERI_API void peri_set_threads(peri_ctx *cx, int threads);        /* for calls from now on; >= 1 */
PERI_API void peri_set_memory_limit(peri_ctx *cx, size_t limit);  /* 0: none */
PERI_API void peri_set_reclaim(peri_ctx *cx, bool (*reclaim)(void *ud), void *ud);

/* For tests: the n-th allocation from now fails (n = 0: the next one), once, or with it all that follow. n < 0: none. */
PERI_API void peri_fail_allocation(peri_ctx *cx, int64_t n);
PERI_API void peri_fail_allocations_from(peri_ctx *cx, int64_t n);
PERI_API bool peri_allocation_failed(const peri_ctx *cx); /* whether that failure has happened */

/* Memory of the context's budget. peri_free needs the size that was asked for. Blocks above 512 bytes are aligned to 64. */
PERI_API void *peri_alloc(peri_ctx *cx, size_t size); /* NULL on error, with a message; size 0 gives a valid pointer */
PERI_API void peri_free(peri_ctx *cx, void *ptr, size_t size);

/* In the manner of realloc, for an interpreter's own allocator: nsize = 0 frees; NULL on failure, without a message and without
** asking `reclaim`, and then ptr is as it was. */
PERI_API void *peri_realloc(peri_ctx *cx, void *ptr, size_t osize, size_t nsize);

PERI_API const char *peri_isa(const peri_ctx *cx); /* "avx512", "avx2" or "baseline": which kernels run; PERIGEE_ISA forces one */

#ifdef __cplusplus
}
#endif
#endif
