/* file.h - bytes in and out: the only place of the library that opens files. */
#ifndef PRI_FILE_H
#define PRI_FILE_H

#include <perigee/io.h>
#include "tensor/tensor.h"
#include <zlib.h>

/* Compares the announced with the possible: deflate cannot expand by more than this. */
enum { PRI_EXPANSION = 1032, PRI_PATH_SHOWN = 200 };

typedef enum { PRI_PLAIN, PRI_GZIP, PRI_DEFLATE } pri_codec;

/* The bytes of a file, or of a part of it, decoded. */
typedef struct {
  peri_ctx *cx;
  const char *who, *path; /* open every message: io.load_npy: 'x.npy': ... */
  char name[PRI_PATH_SHOWN + 64];
  int fd;
  bool owns_fd, ended; /* ended: of the compressed stream */
  pri_codec codec;
  int64_t at, end;        /* of the undecoded bytes */
  int64_t produced, most; /* decoded bytes so far, and ever, if announced (-1: not) */
  uint32_t crc;           /* of them */
  z_stream z;
  unsigned char *in;
} pri_source;

/* Opens a regular file; recognises gzip. */
peri_status pri_source_open(pri_source *s, peri_ctx *cx, const char *who, const char *path);
/* A part of an open file, which stays the caller's; label appears in messages behind the path. */
peri_status pri_source_part(pri_source *s, const pri_source *file, const char *label, int64_t at, int64_t end,
                            pri_codec codec);
int64_t pri_source_read(pri_source *s, void *to, int64_t n); /* fewer than n only at the end; -1 with a message */
int64_t pri_source_bound(const pri_source *s);               /* no more bytes than this can follow */
peri_status pri_source_raw(const pri_source *s, int64_t at, void *to,
                           int64_t n); /* exactly n undecoded bytes from there */
void pri_source_close(pri_source *s);
/* PERI_ERR_FORMAT in the name of the file. */
peri_status pri_malformed(const pri_source *s, const char *fmt, ...) PERI_PRINTF(2, 3);
/* PERI_OK if the machine, or the context's limit, can hold so many bytes at all. */
peri_status pri_affordable(const pri_source *s, int64_t bytes);

/* A file being written. */
typedef struct {
  peri_ctx *cx;
  const char *who, *path;
  char *target, *aside; /* the file in the end, and until then; aside NULL: written directly */
  int fd;
  unsigned char *buffer;
  int64_t used, written; /* bytes in the buffer, and in the file */
} pri_sink;

peri_status pri_sink_open(pri_sink *s, peri_ctx *cx, const char *who, const char *path);
peri_status pri_sink_write(pri_sink *s, const void *bytes, int64_t n);
peri_status pri_sink_patch(pri_sink *s, int64_t at, const void *bytes, int64_t n); /* bytes that were written before */
static inline int64_t pri_sink_at(const pri_sink *s) { return s->written + s->used; }
/* Closes: with status PERI_OK after syncing and renaming, otherwise leaving nothing behind. Returns the first error. */
peri_status pri_sink_close(pri_sink *s, peri_status status);

/* zlib drawing on the context's budget. */
void pri_zlib_memory(z_stream *z, peri_ctx *cx);

static inline uint64_t pri_little(const unsigned char *p, int bytes) {
  uint64_t v = 0;
  for (int i = bytes - 1; i >= 0; i--) v = v << 8 | p[i];
  return v;
}
static inline void pri_put_little(unsigned char *p, uint64_t v, int bytes) {
  for (int i = 0; i < bytes; i++) p[i] = (unsigned char)(v >> 8 * i);
}

#endif
