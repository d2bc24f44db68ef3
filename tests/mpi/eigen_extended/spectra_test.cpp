#include "dist/operations.hpp"
#include "eigen/extended_cascade.hpp"
#include "quadruple.hpp"

#include <cstdlib>
#include <limits>
#include <numbers>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using namespace testing_eigen;

std::int64_t order() {
  const char* text = std::getenv("FATHOM_EXTENDED_ORDER");
  return text ? std::atoll(text) : 32;
}

Quadruple ten_to(double exponent) {
  const int whole = static_cast<int>(std::floor(exponent));
  return power(10, whole) * static_cast<Quadruple>(std::pow(10.0, exponent - whole));
}

std::vector<ExtendedCase> cases() {
  const std::int64_t n = order();
  const double last = static_cast<double>(n - 1);
  std::vector<ExtendedCase> all;
  all.push_back(with_spectrum(
      "geometric to 1e-28",
      spectrum_of(n, [&](auto j) { return ten_to(-28.0 * static_cast<double>(j) / last); }), n));
  all.push_back(with_spectrum(
      "geometric to 1e-28, large units",
      spectrum_of(n, [&](auto j) { return ten_to(90 - 28.0 * static_cast<double>(j) / last); }),
      n));
  all.push_back(
      with_spectrum("power law 10", spectrum_of(n, [](auto j) { return power(j + 1, -10); }), n));
  all.push_back(with_spectrum(
      "clusters", spectrum_of(n, [](auto j) { return ten_to(-6.0 * static_cast<double>(j / 10)); }),
      std::min<std::int64_t>(n, 50)));
  all.push_back(with_spectrum("close pairs",
                              spectrum_of(n,
                                          [](auto j) {
                                            const Quadruple split = j % 2 ? 1 : 1 + ten_to(-12);
                                            return split * power(4, -(int)(j / 2));
                                          }),
                              n));
  all.push_back(with_spectrum(
      "rank deficient",
      spectrum_of(n, [n](auto j) { return j < n / 2 ? power(3, -(int)j) : Quadruple(0); }), n / 2));
  all.push_back(with_spectrum("flat, then nothing between",
                              spectrum_of(n, [](auto j) { return j < 5 ? 1 : ten_to(-20); }), n));
  all.push_back(with_spectrum("all equal", spectrum_of(n, [](auto) { return Quadruple(3); }), n));
  all.push_back(
      with_spectrum("rank one", spectrum_of(n, [](auto j) { return j == 0 ? 2 : 0; }), 1));
  all.push_back(with_spectrum("one mode", {Quadruple(7) / 3}, 1));
  all.push_back(with_spectrum("two modes", {Quadruple(7) / 3, ten_to(-25)}, 2));
  all.push_back(stored("zero", QuadrupleMatrix(7), 0));
  all.push_back(smooth_kernel(n));
  all.back().assembly_error = 1e-30;
  all.push_back(circulant(n));
  return all;
}

void expect_inside_bounds(const ExtendedCase& one, const ExtendedSpectrum& got,
                          const std::vector<qd_real>& exact) {
  ASSERT_EQ(got.eigenvalue.size(), exact.size());
  for (std::size_t k = 0; k < exact.size(); ++k) {
    SCOPED_TRACE(testing::Message()
                 << "mode " << k << ", " << to_double(exact[k]) << ", found " << got.eigenvalue[k]
                 << " +- " << got.error_bound[k] << ", level " << got.level[k]);
    const qd_real found(DoubleDouble(got.eigenvalue[k], got.eigenvalue_lo[k]));
    const double error = std::abs(to_double(found - exact[k]));
    EXPECT_LE(error, got.error_bound[k]);
    EXPECT_LE(std::abs(to_double(got.eigenvalue[k] - exact[k])), got.error_bound[k]);
    if (got.state[k] == ModeState::trusted) {
      EXPECT_LE(error, 0.1 * std::abs(to_double(exact[k])));
    }
  }
  EXPECT_GE(got.trusted, one.least_trusted);
  // Rounding to two doubles may leave a negative eigenvalue in the stored matrix, no other.
  if (exact.back() >= 0.0) {
    EXPECT_EQ(got.negative_beyond_bound, 0);
  }
}

TEST(ExtendedCascade, known_spectra_are_inside_their_bounds) {
  const Communicator world = Communicator::world();
  const auto all = cases();
  // Every case on one and two ranks, every third on more.
  for (std::size_t k = 0; k<all.size(); k += world.size()> 2 ? 3 : 1) {
    const ExtendedCase& one = all[k];
    SCOPED_TRACE(one.name);
    Recorder log;
    const auto source = source_of(one);
    const ExtendedSpectrum got =
        solve_extended(world, source, one.matrix.n, {}, VerifyOptions{}, log);
    if (world.root()) expect_inside_bounds(one, got, exact_spectrum(one.matrix, nullptr));
    EXPECT_TRUE(log.warnings.empty());
    EXPECT_NE(got.certificate.verdict(), Verdict::fail);
    EXPECT_LE(got.flops(), got.predicted_flops);
    if (world.root() && std::getenv("FATHOM_EXTENDED_SHOW"))
      for (const std::string& line : log.notes)
        std::printf("%s: %s\n", one.name.c_str(), line.c_str());
  }
}

/// Spectra of five kinds with random orders, ranges and clusters; some rows and columns graded.
ExtendedCase random_case(unsigned seed) {
  std::mt19937_64 engine(seed);
  const auto draw = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(engine);
  };
  const auto n = static_cast<std::int64_t>(draw(2, 26));
  const double digits = draw(2, 32), steep = draw(1, 12);
  const int kind = static_cast<int>(seed % 5);
  std::vector<Quadruple> value;
  for (std::int64_t j = 0; j < n; ++j) {
    const double at = static_cast<double>(j) / static_cast<double>(n);
    const double exponents[] = {-digits * at, -steep * std::log10(static_cast<double>(j + 1)),
                                -draw(0, digits), -digits * std::floor(4 * at) / 4,
                                -digits * std::floor(8 * at) / 8 + draw(0, 1e-9)};
    value.push_back(ten_to(exponents[kind]));
  }
  ExtendedCase one = with_spectrum("seed " + std::to_string(seed), value, 1, seed);
  if (seed % 3 == 0) {
    // D A D for powers of two: exact, and rows of all sizes.
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t i = 0; i < n; ++i)
        one.matrix(i, j) *= power(2, -static_cast<int>(i + j));
  }
  return one;
}

TEST(ExtendedCascade, many_random_spectra) {
  const Communicator world = Communicator::world();
  const char* text = std::getenv("FATHOM_EXTENDED_MANY");
  const unsigned count =
      text ? static_cast<unsigned>(std::atoi(text)) : (world.size() > 1 ? 5 : 20);
  std::vector<double> ratio;
  std::int64_t modes = 0, trusted = 0;
  for (unsigned seed = 1; seed <= count; ++seed) {
    const ExtendedCase one = random_case(seed);
    SCOPED_TRACE(one.name);
    Recorder log;
    const auto source = source_of(one);
    const ExtendedSpectrum got =
        solve_extended(world, source, one.matrix.n, {}, VerifyOptions{}, log);
    if (!world.root()) continue;
    const std::vector<qd_real> exact = exact_spectrum(one.matrix, nullptr);
    expect_inside_bounds(one, got, exact);
    modes += one.matrix.n;
    trusted += got.trusted;
    for (std::size_t k = 0; k < exact.size(); ++k) {
      const double error = std::abs(to_double(got.eigenvalue[k] - exact[k]));
      if (error > 0) ratio.push_back(got.error_bound[k] / error);
    }
  }
  if (!world.root()) return;
  std::sort(ratio.begin(), ratio.end());
  EXPECT_GE(ratio.front(), 1.0);
  EXPECT_LE(ratio[ratio.size() / 2], 3000);
  std::printf("%u matrices, %ld modes, %ld trusted: bound / error from %.2g, median %.2g\n", count,
              modes, trusted, ratio.front(), ratio[ratio.size() / 2]);
}

TEST(ExtendedCascade, population_kernels_below_what_double_sees) {
  const Communicator world = Communicator::world();
  const std::int64_t n = std::getenv("FATHOM_EXTENDED_ORDER") ? 70 : 32;
  for (const auto& [alpha, least] : {std::pair{16, n}, std::pair{24, n / 2}}) {
    const ExtendedCase one = population(n, alpha, least);
    SCOPED_TRACE(one.name);
    Recorder log;
    const auto source = source_of(one);
    const ExtendedSpectrum got = solve_extended(world, source, n, {}, VerifyOptions{}, log);
    if (!world.root()) continue;
    const std::vector<qd_real> exact = exact_spectrum(one.matrix, nullptr);
    expect_inside_bounds(one, got, exact);
    if (std::getenv("FATHOM_EXTENDED_SHOW")) {
      for (const std::string& line : log.notes)
        std::printf("%s: %s\n", one.name.c_str(), line.c_str());
      for (std::size_t k = 0; k < exact.size(); k += 3)
        std::printf("%3zu level %d %.6e rel.error %.1e bound %.1e\n", k, got.level[k],
                    to_double(exact[k]), to_double((got.eigenvalue[k] - exact[k]) / exact[k]),
                    got.error_bound[k] / got.eigenvalue[k]);
    }
  }
}

/// The Poisson kernel (1 − r²)/(1 − 2r cos θ + r²) = Σ r^|m| e^(imθ) on equispaced points: pairs of
/// eigenvalues n Σ_q r^|m + qn|, known at any n. Rounded from quad-double: half an ulp an entry.
struct Circle {
  std::vector<DoubleDouble> row;
  std::vector<qd_real> eigenvalue;
  double assembly_error = 0;
};

Circle circle(std::int64_t n, double r) {
  Circle made;
  qd_real square = 0.0;
  for (std::int64_t d = 0; d < n; ++d) {
    const qd_real angle =
        qd_real::_2pi * static_cast<double>(std::min(d, n - d)) / static_cast<double>(n);
    const qd_real h = (1.0 - qd_real(r) * r) / (1.0 + qd_real(r) * r - 2.0 * r * cos(angle));
    made.row.push_back(to_dd_real(h));
    square += h * h;
    // Wrapped sums of r^|k| over k = d + qn.
    const qd_real turn = pow(qd_real(r), static_cast<int>(n));
    made.eigenvalue.push_back(
        static_cast<double>(n) *
        (pow(qd_real(r), static_cast<int>(d)) + pow(qd_real(r), static_cast<int>(n - d))) /
        (1.0 - turn));
  }
  std::sort(made.eigenvalue.begin(), made.eigenvalue.end(),
            [](const qd_real& a, const qd_real& b) { return a > b; });
  made.assembly_error = 0x1p-105 * std::sqrt(static_cast<double>(n) * to_double(square));
  return made;
}

ExtendedSource source_of(const Circle& exact) {
  return [&exact](const ProcessGrid& grid, std::int64_t block) {
    const std::int64_t n = std::ssize(exact.row);
    ExtendedSymmetric made{ExtendedMatrix::make(grid, n, n, block, block), exact.assembly_error};
    const auto entry = [&](std::int64_t i, std::int64_t j) {
      return exact.row[static_cast<std::size_t>(std::abs(i - j))];
    };
    made.matrix.hi.fill_from([&](auto i, auto j) { return entry(i, j).x[0]; });
    made.matrix.lo.fill_from([&](auto i, auto j) { return entry(i, j).x[1]; });
    return made;
  };
}

TEST(ExtendedCascade, equispaced_circle_against_its_series) {
  const Communicator world = Communicator::world();
  const char* text = std::getenv("FATHOM_EXTENDED_CIRCLE");
  const std::int64_t n = text ? std::atoll(text) : 140;
  const Circle exact = circle(n, 0.5);
  const ExtendedSource source = source_of(exact);
  ExtendedCase wanted;
  wanted.least_trusted = std::min<std::int64_t>(n, 190);
  Recorder log;
  const ExtendedSpectrum got = solve_extended(world, source, n, {}, VerifyOptions{}, log);
  expect_inside_bounds(wanted, got, exact.eigenvalue);
  EXPECT_TRUE(log.warnings.empty());
  if (world.root() && std::getenv("FATHOM_EXTENDED_SHOW")) {
    for (const std::string& line : log.notes)
      std::printf("%s\n", line.c_str());
    for (const ExtendedLevel& level : got.levels)
      std::printf(
          "order %ld head %ld norm %.2e absolute %.2e orthogonality %.1e leak %.1e coupling "
          "%.1e probe %.2f products %ld\n",
          level.n, level.head, level.norm, level.absolute, level.orthogonality, level.leak,
          level.coupling, level.probe, level.products);
    const ExtendedTimings& t = got.timings;
    std::printf("seconds: make %.2f solve %.2f product %.2f check %.2f\n", t.make, t.solve,
                t.product, t.check);
  }
}

TEST(ExtendedCascade, vectors_on_the_circle_are_waves) {
  const Communicator world = Communicator::world();
  const std::int64_t n = 140;
  const Circle exact = circle(n, 0.5);
  Recorder log;
  const ExtendedSpectrum got =
      solve_extended(world, source_of(exact), n, {}, VerifyOptions{}, log, true);
  ASSERT_TRUE(got.vectors);
  // Modes 2m − 1 and 2m span cos and sin of frequency m, down to 1e-20 of the first.
  std::vector<double> projection(static_cast<std::size_t>(2 * n), 0.0);
  for (std::int64_t j = 0; j < got.vectors->local_cols(); ++j)
    for (std::int64_t i = 0; i < got.vectors->local_rows(); ++i) {
      const std::int64_t mode = got.vectors->global_col(LocalIndex(j)).value();
      const std::int64_t row = got.vectors->global_row(LocalIndex(i)).value();
      const double angle = 2 * std::numbers::pi * static_cast<double>((mode + 1) / 2 * row % n) /
                           static_cast<double>(n);
      projection[static_cast<std::size_t>(2 * mode)] +=
          got.vectors->local()(i, j) * std::cos(angle);
      projection[static_cast<std::size_t>(2 * mode + 1)] +=
          got.vectors->local()(i, j) * std::sin(angle);
    }
  world.sum(projection);
  for (std::size_t k = 0; k < static_cast<std::size_t>(n); ++k) {
    const bool alone = k == 0 || k == static_cast<std::size_t>(n) - 1;
    const double length = std::hypot(projection[2 * k], projection[2 * k + 1]) *
                          std::sqrt((alone ? 1.0 : 2.0) / static_cast<double>(n));
    EXPECT_NEAR(length, 1.0, 1e-12) << "mode " << k;
  }
}

TEST(ExtendedCascade, layouts_agree_within_bounds) {
  const Communicator world = Communicator::world();
  const ExtendedCase one =
      with_spectrum("geometric", spectrum_of(24, [](auto j) { return power(10, -(int)j); }), 24);
  const std::vector<qd_real> exact = exact_spectrum(one.matrix, nullptr);
  const auto source = source_of(one);
  for (int p = 1; p <= world.size(); ++p)
    for (const std::int64_t block : {2, 5}) {
      LayoutWish wish;
      wish.grid = GridShape{p, world.size() / p};
      wish.block = block;
      SCOPED_TRACE(testing::Message() << p << " rows of ranks, blocks of " << block);
      Recorder log;
      const ExtendedSpectrum got = solve_extended(world, source, 24, wish, VerifyOptions{}, log);
      expect_inside_bounds(one, got, exact);
    }
}

TEST(ExtendedCascade, assembly_error_is_part_of_every_bound) {
  const Communicator world = Communicator::world();
  const ExtendedCase one =
      with_spectrum("geometric", spectrum_of(20, [](auto j) { return power(20, -(int)j); }), 20);
  Recorder log;
  ExtendedCase uncertain = one, unknown = one;
  uncertain.assembly_error = 1e-14;
  unknown.assembly_error = 1e-3;
  const auto source = source_of(uncertain), coarse = source_of(unknown);
  const ExtendedSpectrum got = solve_extended(world, source, 20, {}, VerifyOptions{}, log);
  for (const double bound : got.error_bound)
    EXPECT_GE(bound, 1e-14);
  EXPECT_GE(got.floor(), 1e-13);
  EXPECT_LE(got.trusted, 11);
  EXPECT_GE(got.trusted, 9);
  // A double solver loses less than such an assembly: no products are made.
  const ExtendedSpectrum plain = solve_extended(world, coarse, 20, {}, VerifyOptions{}, log);
  EXPECT_EQ(plain.products(), 0);
  EXPECT_EQ(plain.levels.size(), 1u);
}

TEST(ExtendedCascade, vectors_of_deep_modes) {
  const Communicator world = Communicator::world();
  const std::int64_t n = 30;
  const ExtendedCase one =
      with_spectrum("geometric", spectrum_of(n, [](auto j) { return power(8, -(int)j); }), n);
  const auto source = source_of(one);
  Recorder log;
  const ExtendedSpectrum got = solve_extended(world, source, n, {}, VerifyOptions{}, log, true);
  ASSERT_TRUE(got.vectors);
  QuadrupleMatrix exact(n);
  const std::vector<qd_real> value = exact_spectrum(one.matrix, &exact);
  expect_inside_bounds(one, got, value);
  std::vector<double> z(static_cast<std::size_t>(n * n), 0.0);
  for (std::int64_t j = 0; j < got.vectors->local_cols(); ++j)
    for (std::int64_t i = 0; i < got.vectors->local_rows(); ++i)
      z[static_cast<std::size_t>(got.vectors->global_row(LocalIndex(i)).value() +
                                 n * got.vectors->global_col(LocalIndex(j)).value())] =
          got.vectors->local()(i, j);
  world.sum(z);
  for (std::int64_t a = 0; a < n; ++a)
    for (std::int64_t b = 0; b < n; ++b) {
      Quadruple with_exact = 0, with_own = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        with_exact += exact(i, a) * z[static_cast<std::size_t>(i + b * n)];
        with_own += static_cast<Quadruple>(z[static_cast<std::size_t>(i + a * n)]) *
                    z[static_cast<std::size_t>(i + b * n)];
      }
      EXPECT_LE(std::abs(static_cast<double>(with_own) - (a == b ? 1 : 0)), 30 * 0x1p-53);
      // Modes a factor of 8 apart, down to 1e-26: angles as good as the first ones'.
      const double cosine = std::abs(static_cast<double>(with_exact));
      EXPECT_NEAR(cosine, a == b ? 1.0 : 0.0, 1e-10) << a << ", " << b;
    }
}

TEST(ExtendedCascade, refuses_what_is_no_kernel) {
  const Communicator world = Communicator::world();
  Recorder log;
  const auto outcome = [&](const ExtendedCase& one) {
    try {
      solve_extended(world, source_of(one), one.matrix.n, {}, VerifyOptions{}, log);
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::ok;
  };
  // Indefinite in double, and in the depth only.
  EXPECT_EQ(outcome(with_spectrum(
                "", spectrum_of(20, [](auto j) { return j == 19 ? -1 : power(2, -(int)j); }), 0)),
            ExitCode::numeric);
  EXPECT_EQ(
      outcome(with_spectrum(
          "", spectrum_of(20, [](auto j) { return j == 19 ? -ten_to(-20) : power(10, -(int)j); }),
          0)),
      ExitCode::numeric);
  ExtendedCase broken =
      with_spectrum("", spectrum_of(9, [](auto j) { return Quadruple(j + 1); }), 0);
  broken.matrix(3, 4) = broken.matrix(4, 3) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(outcome(broken), ExitCode::numeric);
  ExtendedCase skew = with_spectrum("", spectrum_of(9, [](auto j) { return Quadruple(j + 1); }), 0);
  skew.matrix(3, 4) += 0.01;
  EXPECT_EQ(outcome(skew), ExitCode::certificate);
}

}  // namespace
}  // namespace fathom
