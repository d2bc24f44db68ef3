#include <slepceps.h>
int main() {
  return SlepcInitializeNoArguments() != 0;
}
