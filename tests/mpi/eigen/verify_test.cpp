#include "eigen/verify.hpp"

#include "dist/operations.hpp"
#include "eigen/eigensolver.hpp"
#include "known_spectra.hpp"

#include <cmath>

#include <gtest/gtest.h>

using namespace fathom;
using namespace fathom::testing_eigen;

namespace {

/// A matrix, what was measured of it, and its eigenpairs.
struct Solved {
  explicit Solved(const KnownMatrix& matrix)
      : comm(Communicator::world()),
        grid(comm, choose_grid(comm.size(), matrix.n, 8)),
        copy(std::move(source_of(matrix)(grid, 8).matrix)),
        facts(measure(copy, SymmetricFill::full, {})) {
    DistMatrix a = source_of(matrix)(grid, 8).matrix;
    auto result = Eigensolver(Backend::scalapack).solve(a, SymmetricFill::full, {.vectors = true});
    value = std::move(result.eigenvalue);
    vectors = std::move(result.vectors);
  }
  double check_value(const char* which, const Certificate& certificate) const {
    for (const Check& check : certificate.checks)
      if (check.name == which) return check.value;
    return std::nan("");
  }
  Verdict values_verdict() const {
    Certificate certificate;
    check_values(facts, value, 0x1p-53, {}, certificate);
    return certificate.verdict();
  }
  Certificate vectors_certificate() {
    Certificate certificate;
    check_vectors(copy, nullptr, *vectors, value, {}, certificate);
    return certificate;
  }

  Communicator comm;
  ProcessGrid grid;
  DistMatrix copy;
  MatrixFacts facts;
  std::vector<double> value;
  std::optional<DistMatrix> vectors;
};

KnownMatrix example() {
  return prescribed("power_law", power_law(120, 1.0));
}

}  // namespace

TEST(Verify, TrueSpectrumPasses) {
  Solved s(example());
  EXPECT_EQ(s.values_verdict(), Verdict::pass);
  EXPECT_EQ(s.vectors_certificate().verdict(), Verdict::pass);
}

TEST(Verify, OneWrongEigenvalueFailsWhereverItIs) {
  Solved s(example());
  for (const std::size_t mode : {0, 1, 40, 100, 119}) {
    const double kept = s.value[mode];
    s.value[mode] -= 1e-11;  // keeps the order
    EXPECT_EQ(s.values_verdict(), Verdict::fail) << mode;
    s.value[mode] = kept;
  }
}

TEST(Verify, ErrorsThatHideInTraceAndFrobeniusAreFoundByRitzValues) {
  // Shifts d_i with Σ d_i = 0 and Σ λ_i d_i = 0 to first order, on the three largest.
  Solved s(example());
  const double a = s.value[0], b = s.value[1], c = s.value[2], unit = 1e-9;
  s.value[0] += unit * (b - c);
  s.value[1] += unit * (c - a);
  s.value[2] += unit * (a - b);
  Certificate certificate;
  check_values(s.facts, s.value, 0x1p-53, {}, certificate);
  EXPECT_LT(s.check_value("trace", certificate), 10);
  EXPECT_LT(s.check_value("frobenius", certificate), 10);
  EXPECT_EQ(certificate.verdict(), Verdict::fail);
  EXPECT_GT(s.check_value("ritz_values", certificate), 60);
}

TEST(Verify, DisorderAndNotANumberFail) {
  Solved s(example());
  std::swap(s.value[3], s.value[4]);
  EXPECT_EQ(s.values_verdict(), Verdict::fail);
  std::swap(s.value[3], s.value[4]);
  s.value[60] = std::nan("");
  EXPECT_EQ(s.values_verdict(), Verdict::fail);
}

TEST(Verify, SwappedVectorsFail) {
  Solved s(example());
  const auto z = s.vectors->local();
  for (std::int64_t j = 0; j + 1 < z.cols; ++j)
    if (s.vectors->global_col(LocalIndex(j)) == GlobalIndex(16))
      for (std::int64_t i = 0; i < z.rows; ++i)
        std::swap(z(i, j), z(i, j + 1));
  const auto certificate = s.vectors_certificate();
  EXPECT_EQ(certificate.verdict(), Verdict::fail);
  EXPECT_LT(certificate.residual_ratio[15], 10);
  EXPECT_GT(certificate.residual_ratio[16], 60);
  EXPECT_GT(certificate.residual_ratio[17], 60);
  EXPECT_LT(s.check_value("orthogonality", certificate), 10);
}

TEST(Verify, VectorsNotOrthogonalFail) {
  Solved s(example());
  const auto z = s.vectors->local();
  for (std::int64_t j = 0; j + 1 < z.cols; ++j)
    if (s.vectors->global_col(LocalIndex(j)) == GlobalIndex(16))
      for (std::int64_t i = 0; i < z.rows; ++i)
        z(i, j) += 1e-9 * z(i, j + 1);
  EXPECT_GT(s.check_value("orthogonality", s.vectors_certificate()), 60);
}

TEST(Verify, WholeAndPanelResidualsAgree) {
  Solved s(example());
  Certificate with_workspace, without;
  DistMatrix workspace = DistMatrix::make(s.grid, 120, 120, 8, 8);
  const auto a = check_vectors(s.copy, &workspace, *s.vectors, s.value, {}, with_workspace);
  const auto b = check_vectors(s.copy, nullptr, *s.vectors, s.value, {}, without);
  for (std::size_t k = 0; k < a.size(); ++k)
    EXPECT_NEAR(a[k], b[k], 1e-15);
}

TEST(Verify, AsymmetryOfOneEntryIsMeasured) {
  const auto matrix = example();
  const Communicator comm = Communicator::world();
  const ProcessGrid grid(comm, choose_grid(comm.size(), matrix.n, 8));
  DistMatrix a = source_of(matrix)(grid, 8).matrix;
  EXPECT_EQ(measure(a, SymmetricFill::full, {}).asymmetry, 0.0);
  a.fill_from(
      [&](auto i, auto j) { return matrix.entry(i, j) + (i == 3 && j == 90 ? 0.125 : 0.0); });
  EXPECT_NEAR(measure(a, SymmetricFill::full, {}).asymmetry, 0.125, 1e-15);
}

TEST(Krylov, SameOnEveryLayout) {
  const auto matrix = example();
  const Communicator comm = Communicator::world();
  const ProcessGrid wide(comm, {1, comm.size()}), one(comm, {1, 1});
  const DistMatrix a = source_of(matrix)(wide, 5).matrix, b = source_of(matrix)(one, 64).matrix;
  const auto p = random_krylov(a, SymmetricFill::full, 3, 4, 11);
  const auto q = random_krylov(b, SymmetricFill::full, 3, 4, 11);
  ASSERT_EQ(p.value.size(), 12u);
  ASSERT_EQ(q.value.size(), 12u);
  for (std::size_t k = 0; k < 12; ++k)
    EXPECT_NEAR(p.value[k], q.value[k], 1e-13);
  EXPECT_NEAR(p.norm(), 1.0, 1e-6);
}

TEST(Krylov, SmallMatricesFillTheWholeSpace) {
  const auto matrix = second_difference(5);
  const Communicator comm = Communicator::world();
  const ProcessGrid grid(comm, {1, 1});
  const DistMatrix a = source_of(matrix)(grid, 5).matrix;
  const auto pairs = random_krylov(a, SymmetricFill::full, 4, 8, 1);
  ASSERT_EQ(pairs.value.size(), 5u);
  for (std::size_t k = 0; k < 5; ++k)
    EXPECT_NEAR(pairs.value[k], matrix.eigenvalue[k], 1e-14);
}
