/* loops.h - the loop around an elementwise expression.
**
** Each macro defines one exported kernel PRI_WIDE(name) for operands of type T and a result of type R; the expression
** uses x (and y, z). The caller has ruled out overlap other than r being an operand itself, hence the ivdep. Strides are
** 0 or 1, and each combination has its own loop, with the fixed operand in a register.
*/
#ifndef PRI_WIDE_LOOPS_H
#define PRI_WIDE_LOOPS_H

#include "kernels/wide/wide.h"

#define PRI_LOOP1(name, T, R, expr)                                                                                 \
  void PRI_WIDE(name)(void *r_, const void *x_, int64_t n) {                                                       \
    R *r = r_;                                                                                                     \
    const T *x__ = x_;                                                                                             \
    PRI_IVDEP                                                                                                      \
    for (int64_t i = 0; i < n; i++) { T x = x__[i]; (void)x; r[i] = (expr); }                                   \
  }

/* For expressions that call the C library: nothing to vectorise, and no promise to the compiler. */
#define PRI_SERIAL1(name, T, R, expr)                                                                              \
  void PRI_WIDE(name)(void *r_, const void *x_, int64_t n) {                                                       \
    R *r = r_;                                                                                                     \
    const T *x__ = x_;                                                                                             \
    for (int64_t i = 0; i < n; i++) { T x = x__[i]; r[i] = (expr); }                                            \
  }

#define PRI_BODY2(HINT, T, R, expr)                                                                                \
    R *r = r_;                                                                                                     \
    const T *a = a_, *b = b_;                                                                                      \
    if (n <= 0) return;                                                                                            \
    if (sa && sb) {                                                                                                \
      HINT for (int64_t i = 0; i < n; i++) { T x = a[i], y = b[i]; r[i] = (expr); }                             \
    } else if (sa) {                                                                                               \
      const T y = *b;                                                                                              \
      HINT for (int64_t i = 0; i < n; i++) { T x = a[i]; r[i] = (expr); }                                       \
    } else if (sb) {                                                                                               \
      const T x = *a;                                                                                              \
      HINT for (int64_t i = 0; i < n; i++) { T y = b[i]; r[i] = (expr); }                                       \
    } else {                                                                                                       \
      const T x = *a, y = *b;                                                                                      \
      const R v = (expr);                                                                                       \
      for (int64_t i = 0; i < n; i++) r[i] = v;                                                                    \
    }

#define PRI_LOOP2(name, T, R, expr)                                                                                \
  void PRI_WIDE(name)(void *r_, const void *a_, int64_t sa, const void *b_, int64_t sb, int64_t n) {               \
    PRI_BODY2(PRI_IVDEP, T, R, expr)                                                                               \
  }

#define PRI_SERIAL2(name, T, R, expr)                                                                              \
  void PRI_WIDE(name)(void *r_, const void *a_, int64_t sa, const void *b_, int64_t sb, int64_t n) {               \
    PRI_BODY2(, T, R, expr)                                                                                        \
  }

/* T is the type of the first operand, U of the others and of the result. All eight combinations of strides go through
** four loops: with two operands fixed or more, the generic indexing loop is fast enough. */
#define PRI_LOOP3(name, T, U, expr)                                                                                \
  void PRI_WIDE(name)(void *r_, const void *a_, int64_t sa, const void *b_, int64_t sb, const void *c_, int64_t sc, \
                      int64_t n) {                                                                                 \
    U *r = r_;                                                                                                     \
    const T *a = a_;                                                                                               \
    const U *b = b_, *c = c_;                                                                                      \
    if (n <= 0) return;                                                                                            \
    if (sa && sb && sc) {                                                                                          \
      PRI_IVDEP                                                                                                    \
      for (int64_t i = 0; i < n; i++) { T x = a[i]; U y = b[i], z = c[i]; r[i] = (expr); }                      \
    } else if (sa && sb) {                                                                                         \
      const U z = *c;                                                                                              \
      PRI_IVDEP                                                                                                    \
      for (int64_t i = 0; i < n; i++) { T x = a[i]; U y = b[i]; r[i] = (expr); }                                \
    } else if (sa && sc) {                                                                                         \
      const U y = *b;                                                                                              \
      PRI_IVDEP                                                                                                    \
      for (int64_t i = 0; i < n; i++) { T x = a[i]; U z = c[i]; r[i] = (expr); }                                \
    } else if (sa) {                                                                                               \
      const U y = *b, z = *c;                                                                                      \
      PRI_IVDEP                                                                                                    \
      for (int64_t i = 0; i < n; i++) { T x = a[i]; r[i] = (expr); }                                            \
    } else if (sb && sc) {                                                                                         \
      const T x = *a;                                                                                              \
      PRI_IVDEP                                                                                                    \
      for (int64_t i = 0; i < n; i++) { U y = b[i], z = c[i]; r[i] = (expr); }                                  \
    } else {                                                                                                       \
      const T x = *a;                                                                                              \
      for (int64_t i = 0; i < n; i++) { U y = b[i * sb], z = c[i * sc]; r[i] = (expr); }                        \
    }                                                                                                              \
  }

#endif
