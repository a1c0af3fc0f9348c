/* npy.h - one array in NPY form, from and to any stream of bytes. */
#ifndef PRI_NPY_H
#define PRI_NPY_H

#include "io/file.h"

peri_tensor *pri_npy_take(pri_source *s);   /* header and data; what follows stays unread */
int64_t pri_npy_size(const peri_tensor *t); /* bytes that pri_npy_put will write */
/* Calls `put` with pieces of the file; stops at its first error. */
peri_status pri_npy_put(peri_tensor *t, peri_status (*put)(void *ud, const void *bytes, int64_t n), void *ud);

void pri_notice(peri_notice *notice, const char *fmt, ...) PERI_PRINTF(2, 3); /* the first one stays */

#endif
