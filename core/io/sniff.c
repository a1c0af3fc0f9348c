/* sniff.c - what kind of file this is, by its first bytes. */
#include "io/file.h"

peri_status peri_file_sniff(peri_ctx *cx, const char *path, peri_file_kind *kind) {
  pri_source s;
  unsigned char b[6] = {0};
  if (pri_source_open(&s, cx, "io.load", path)) return cx->code;
  int64_t got = pri_source_read(&s, b, sizeof b);
  bool zip = got >= 4 && memcmp(b, "PK", 2) == 0 && (memcmp(b + 2, "\3\4", 2) == 0 || memcmp(b + 2, "\5\6", 2) == 0);
  *kind = got == 6 && memcmp(b, "\x93NUMPY", 6) == 0 ? PERI_FILE_NPY : zip ? PERI_FILE_NPZ : PERI_FILE_TEXT;
  pri_source_close(&s);
  return got < 0 ? cx->code : PERI_OK;
}
