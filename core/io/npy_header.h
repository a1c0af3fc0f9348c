/* npy_header.h - what the header of an NPY file says. */
#ifndef PRI_NPY_HEADER_H
#define PRI_NPY_HEADER_H

#include "io/file.h"

typedef struct {
  char letter;  /* b i u f c, as NumPy's kinds */
  int bytes;    /* of an element in the file */
  bool swapped; /* not this machine's byte order */
  bool fortran;
  int nd;
  int64_t dims[PERI_MAXDIM];
  int64_t size;   /* number of elements */
  char descr[64]; /* as written, for messages */
} pri_npy_header;

peri_status pri_npy_parse(pri_npy_header *h, const pri_source *s, const char *text, int64_t n);

#endif
