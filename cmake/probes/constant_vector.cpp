// GCC 12 with AVX-512 stores the constant {2, 2, 2, 0} as {2, 2, 2, 2}: a compiler that does so
// must not use AVX-512.
#include <span>
#include <vector>

__attribute__((noinline)) double participation(std::span<const double> x) {
  double sum = 0, squares = 0;
  for (const double value : x) {
    sum += value;
    squares += value * value;
    asm volatile("" : "+x"(sum), "+x"(squares));
  }
  return sum * sum / squares;
}

int main() {
  return participation(std::vector<double>{2.0, 2.0, 2.0, 0.0}) == 3.0 ? 0 : 1;
}
