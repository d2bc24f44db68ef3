#include <hdf5.h>
#ifndef H5_HAVE_PARALLEL
#error "HDF5 without parallel support"
#endif
int main() {
  return H5open() < 0;
}
