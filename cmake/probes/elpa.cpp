extern "C" const char* elpa_strerr(int);
#include <complex.h>
#include <elpa/elpa.h>
int main() {
  return elpa_init(20221109) == ELPA_OK ? 0 : 1;
}
