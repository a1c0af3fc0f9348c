/* rows.h - which rows of the kernel table are defined for which dtype. table.c declares and lists exactly these. */
#ifndef PRI_WIDE_ROWS_H
#define PRI_WIDE_ROWS_H

#define PRI_ROWS1_FLOAT(X)                                                                                         \
  X(neg) X(abs) X(sign) X(square) X(reciprocal) X(sqrt) X(rsqrt) X(cbrt) X(exp) X(exp2) X(expm1) X(log) X(log2)    \
  X(log10) X(log1p) X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) X(sinh) X(cosh) X(tanh) X(asinh) X(acosh)          \
  X(atanh) X(erf) X(erfc) X(lgamma) X(sigmoid) X(softplus) X(relu) X(normal_cdf) X(normal_quantile) X(floor)       \
  X(ceil) X(round) X(trunc) X(lnot) X(isnan) X(isinf) X(isfinite) X(real) X(imag) X(conj) X(angle)
#define PRI_ROWS1_I64(X)                                                                                           \
  X(neg) X(abs) X(sign) X(square) X(relu) X(floor) X(ceil) X(round) X(trunc) X(lnot) X(bnot) X(isnan) X(isinf)     \
  X(isfinite) X(real) X(imag) X(conj)
#define PRI_ROWS1_BOOL(X) X(lnot) X(isnan) X(isinf) X(isfinite)
#define PRI_ROWS1_C128(X)                                                                                          \
  X(neg) X(abs) X(square) X(reciprocal) X(sqrt) X(exp) X(log) X(lnot) X(isnan) X(isinf) X(isfinite) X(real)        \
  X(imag) X(conj) X(angle)

#define PRI_ROWS2_FLOAT(X)                                                                                         \
  X(add) X(sub) X(mul) X(div) X(pow) X(mod) X(idiv) X(minimum) X(maximum) X(atan2) X(hypot) X(copysign) X(eq)      \
  X(ne) X(lt) X(le) X(gt) X(ge)
#define PRI_ROWS2_I64(X)                                                                                           \
  X(add) X(sub) X(mul) X(pow) X(mod) X(idiv) X(minimum) X(maximum) X(eq) X(ne) X(lt) X(le) X(gt) X(ge) X(band)     \
  X(bor) X(bxor) X(shl) X(shr)
#define PRI_ROWS2_BOOL(X) X(minimum) X(maximum) X(eq) X(ne) X(lt) X(le) X(gt) X(ge) X(band) X(bor) X(bxor)
#define PRI_ROWS2_C128(X) X(add) X(sub) X(mul) X(div) X(pow) X(eq) X(ne)

#define PRI_ROWS3_FLOAT(X) X(where) X(clip) X(fma)
#define PRI_ROWS3_I64(X) X(where) X(clip) X(fma)

#endif
