/* scratch.h - a file for what does not fit into memory: without a name, gone when it is closed or the process ends, however it does. */
#ifndef PRI_SCRATCH_H
#define PRI_SCRATCH_H

#include <perigee/base.h>

typedef struct { peri_ctx *cx; const char *who; int fd; int64_t size; } pri_scratch;

/* In the folder `dir`. PERI_ERR_IO if it cannot be made there. */
peri_status pri_scratch_open(pri_scratch *s, peri_ctx *cx, const char *who, const char *dir);
peri_status pri_scratch_append(pri_scratch *s, const void *bytes, int64_t n);
/* Exactly n bytes; PERI_ERR_FORMAT if the file has become shorter than that. */
peri_status pri_scratch_read(const pri_scratch *s, int64_t at, void *to, int64_t n);
void pri_scratch_close(pri_scratch *s);

#endif
