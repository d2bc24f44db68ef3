// One process, one planted fault (FATHOM_FAULT): the code it ends with is FATHOM_OUTCOME on every
// rank, "0" a right result.

#include "eigen/lanczos.hpp"
#include "eigen/matrix_free.hpp"
#include "known_operators.hpp"

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::testing_eigen;

namespace {

class Silent : public Progress {
 public:
  void note(const std::string&) override {}
  void warn(const std::string&) override {}
  void begin(const std::string&) override {}
  void end(const std::string&, double) override {}
};

int outcome() {
  const Communicator comm = Communicator::world();
  const std::vector<double> lambda = power_law_spectrum(80, 1.5);
  const DiagonalOperator a(lambda);
  Silent silent;
  try {
    const std::vector<double> start = gaussian_starts(80, 2, 1);
    lanczos(comm, a, {start.data(), 80, 2, 80}, {});
    const CertifiedSpectrum spectrum = solve_matrix_free(comm, a, {.count = 6}, {}, silent);
    for (std::size_t k = 0; k < 6; ++k)
      EXPECT_NEAR(spectrum.result.eigenvalue[k], lambda[k], spectrum.error_bound[k]);
  } catch (const AgreedError& error) {
    return static_cast<int>(error.code());
  }
  return 0;
}

}  // namespace

TEST(MatrixFreeFaults, EndsAsPlanted) {
  const char* expected = std::getenv("FATHOM_OUTCOME");
  ASSERT_NE(expected, nullptr);
  EXPECT_EQ(outcome(), std::atoi(expected));
}
