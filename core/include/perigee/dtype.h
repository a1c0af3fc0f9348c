/* perigee/dtype.h (kernels) - the element types of tensors. */
#ifndef PERIGEE_DTYPE_H
#define PERIGEE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Promotion goes right. PERI_BOOL is one byte, 0 or 1; PERI_C128 is a pair of doubles. */
typedef enum { PERI_BOOL, PERI_I64, PERI_F32, PERI_F64, PERI_C128 } peri_dtype;
enum { PERI_DTYPES = 5 };

#endif
