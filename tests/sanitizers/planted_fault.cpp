// A fault of each kind that the sanitizers are there for, in a program with MPI: each must end it
// with an error.

#include "comm/session.hpp"

#include <cstdio>
#include <limits>
#include <string>
#include <vector>

namespace {

void leak() {
  volatile auto* lost = new double[3];
  lost[0] = 1;
  lost = nullptr;
}

double beyond_the_end() {
  const std::vector<double> three(3, 1.0);
  volatile std::size_t at = 3;
  return three.data()[at];
}

int overflow() {
  volatile int most = std::numeric_limits<int>::max();
  return most + 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc > 1 ? argv[1] : "none";
  {
    fathom::MpiSession session(&argc, &argv);
    if (kind == "leak") leak();
    if (kind == "address") std::printf("%g\n", beyond_the_end());
    if (kind == "undefined") std::printf("%d\n", overflow());
    session.finish();
  }
  std::puts("went on");
  return 0;
}
