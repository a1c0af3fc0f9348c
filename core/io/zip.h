/* zip.h - the members of a ZIP archive, and writing one. */
#ifndef PRI_ZIP_H
#define PRI_ZIP_H

#include "io/file.h"

enum { PRI_NAME = 255 };

typedef struct {
  char name[PRI_NAME + 1];
  int64_t record, data; /* offsets of the local header and of the bytes behind it */
  int64_t packed, size; /* bytes in the file, and unpacked */
  uint32_t crc;
  bool deflated;
} pri_member;

typedef struct {
  pri_source file;
  pri_member *members;
  int64_t n, room;
} pri_zip;

peri_status pri_zip_open(pri_zip *z, peri_ctx *cx, const char *who, const char *path);
void pri_zip_close(pri_zip *z);
/* NULL if a member may have this name; otherwise what is wrong with it. */
const char *pri_zip_bad_name(const char *name, size_t length);

typedef struct {
  pri_sink *sink;
  pri_member *members; /* of those begun so far */
  int64_t n, room;
  bool deflate;
  z_stream z; /* alive between begin and end of a deflated member */
  unsigned char *out;
} pri_zip_writer;

peri_status pri_zip_begin(pri_zip_writer *w, const char *name, int64_t size); /* size: bytes that will follow */
peri_status pri_zip_put(void *w, const void *bytes, int64_t n);
peri_status pri_zip_end(pri_zip_writer *w, peri_status status); /* of the member; frees what begin took */
peri_status pri_zip_directory(pri_zip_writer *w);

#endif
