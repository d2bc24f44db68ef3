#include <cblas.h>
extern "C" void openblas_set_num_threads(int);
int main() {
  openblas_set_num_threads(1);
  double x[2] = {3, 4};
  return cblas_dnrm2(2, x, 1) == 5.0 ? 0 : 1;
}
