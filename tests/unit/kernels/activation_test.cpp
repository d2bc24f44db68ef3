#include "kernels/activation.hpp"

#include "base/error.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

std::vector<Activation> every_activation() {
  std::vector<Activation> all;
  for (const auto text : activation_names())
    all.emplace_back(parse_activation(text), 5);
  return all;
}

TEST(Activation, NamesAndKindsAgree) {
  for (const auto text : activation_names())
    EXPECT_EQ(name(parse_activation(text)), text);
}

TEST(Activation, AnUnknownNameIsADeckFaultThatListsTheValidOnes) {
  try {
    parse_activation("rleu");
    FAIL() << "'rleu' was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::deck);
    EXPECT_NE(std::string(error.what()).find("relu"), std::string::npos);
  }
}

TEST(Activation, KnownValues) {
  const auto at = [](ActivationKind kind, double x) { return Activation(kind)(x); };
  EXPECT_EQ(Activation(ActivationKind::monomial, 5)(-2.0), -32.0);
  EXPECT_EQ(at(ActivationKind::relu, -2.0), 0.0);
  EXPECT_EQ(at(ActivationKind::relu, 3.0), 3.0);
  EXPECT_EQ(at(ActivationKind::abs, -2.0), 2.0);
  EXPECT_NEAR(at(ActivationKind::gelu, 1.0), 0.84134474606854293, 1e-15);
  EXPECT_NEAR(at(ActivationKind::sigmoid, 1.0), 0.73105857863000490, 1e-15);
  EXPECT_NEAR(at(ActivationKind::softplus, 1.0), 1.3132616875182228, 1e-15);
  EXPECT_NEAR(at(ActivationKind::softplus, 800.0), 800.0, 1e-12);
}

TEST(Activation, VectorPathIsTheScalarOneToAFewUlp) {
  for (const Activation& f : every_activation()) {
    std::vector<double> x;
    for (int k = -3000; k <= 3000; ++k)
      x.push_back(0.0031 * k);
    auto y = x;
    f.apply(y);
    for (std::size_t i = 0; i < x.size(); ++i)
      EXPECT_NEAR(y[i], f(x[i]),
                  8e-16 * std::fabs(f(x[i])) + 8e-16 * std::fmin(1.0, std::fabs(x[i])))
          << name(f.kind()) << " at " << x[i];
  }
}

TEST(Activation, AValueDoesNotDependOnItsPlace) {
  for (const Activation& f : every_activation()) {
    std::vector<double> whole;
    for (int k = 0; k < 300; ++k)
      whole.push_back(std::sin(12.9898 * k) * 3.0);
    const auto x = whole;
    f.apply(whole);
    for (const std::size_t from : {0u, 1u, 63u, 64u, 100u}) {
      std::vector<double> part(x.begin() + static_cast<std::ptrdiff_t>(from), x.end() - 7);
      f.apply(part);
      for (std::size_t i = 0; i < part.size(); ++i)
        ASSERT_EQ(part[i], whole[from + i]) << name(f.kind()) << " " << from << " + " << i;
    }
  }
}

TEST(Activation, NanStaysNan) {
  for (const Activation& f : every_activation()) {
    std::vector<double> x(130, 0.5);
    x[3] = x[129] = std::numeric_limits<double>::quiet_NaN();
    f.apply(x);
    EXPECT_TRUE(std::isnan(x[3]) && std::isnan(x[129])) << name(f.kind());
    EXPECT_FALSE(std::isnan(x[4])) << name(f.kind());
  }
}

TEST(Activation, DerivativeIsTheDifferenceQuotient) {
  for (const Activation& f : every_activation()) {
    for (const double x : {-2.3, -0.7, 0.4, 1.9}) {
      constexpr double h = 1e-5;
      const double quotient = (f(x + h) - f(x - h)) / (2.0 * h);
      EXPECT_NEAR(f.derivative(x), quotient, 2e-8 * (1.0 + std::fabs(quotient)))
          << name(f.kind()) << " at " << x;
    }
  }
}

TEST(Activation, SymmetryHoldsBesideTheLinearPart) {
  for (const Activation& f : every_activation()) {
    // The second difference in x ↦ −x keeps the even part, the odd part's excess over linear
    // growth the odd one; one of them vanishes.
    const double even = f(2.0) + f(-2.0) - 2.0 * f(0.0);
    const double odd = (f(2.0) - f(-2.0)) - 2.0 * (f(1.0) - f(-1.0));
    if (f.symmetry() == Symmetry::even) {
      EXPECT_NEAR(odd, 0.0, 1e-14) << name(f.kind());
    } else {
      EXPECT_NEAR(even, 0.0, 1e-14) << name(f.kind());
    }
  }
}

}  // namespace
}  // namespace fathom
