#pragma once

// The factors of the campaign: what is stored is exact by definition, its singular values are found
// in double-double.

#include "known_factors.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace fathom::testing_cascade {

struct Case {
  std::string name;
  Plain factor;            ///< rows × n, K = FᵀF
  bool graded = false;     ///< what the source says of itself
  bool by_rows = false;    ///< rows of very different sizes: the oracle takes the transpose
  std::int64_t rank = -1;  ///< where it is known exactly and below the shorter side
};

/// Sylvester's matrix of signs, order a power of two: orthogonal up to its norm, exactly.
inline Plain sylvester(std::int64_t order) {
  Plain a = Plain::zeros(order, order);
  for (std::int64_t j = 0; j < order; ++j)
    for (std::int64_t i = 0; i < order; ++i)
      a(i, j) = __builtin_parityll(static_cast<unsigned long long>(i & j)) ? -1.0 : 1.0;
  return a;
}

/// Small integers of rank `rank` exactly.
inline Plain integers(std::int64_t p, std::int64_t q, std::int64_t rank, std::uint64_t seed) {
  const auto draw = [](Plain a) {
    for (double& x : a.value)
      x = std::round(3 * x);
    return a;
  };
  return product(draw(gaussian(p, rank, seed)), draw(gaussian(q, rank, seed + 1)), true);
}

class CaseList {
 public:
  std::vector<Case> make() {
    power_laws();
    geometric_and_clustered();
    graded_rows();
    null_spaces();
    exact_constructions();
    return std::move(cases_);
  }

 private:
  void add(const std::string& name, Plain factor, bool graded = false, bool by_rows = false,
           std::int64_t rank = -1) {
    cases_.push_back({name, std::move(factor), graded, by_rows, rank});
  }
  std::uint64_t seed() { return 1000 + 7 * cases_.size(); }

  void power_laws() {
    for (const double alpha :
         {1., 2., 3., 4., 5., 6., 7., 8., 10., 12., 14., 16., 18., 20., 22., 24.}) {
      const auto text = fmt::format("power {}", alpha);
      for (const std::int64_t n : {24, 48})
        add(text + fmt::format(" {} x {}", n, n), generic(n, n, power_law(n, alpha), seed()));
      add(text + " 120 x 30", generic(120, 30, power_law(30, alpha), seed()));
      add(text + " 30 x 50", generic(30, 50, power_law(30, alpha), seed()));
      add(text + " 200 x 12", generic(200, 12, power_law(12, alpha), seed()));
    }
    for (const double alpha : {2.0, 8.0, 16.0})
      add(fmt::format("power {} 100 x 100", alpha),
          generic(100, 100, power_law(100, alpha), seed()));
  }

  void geometric_and_clustered() {
    for (const double last : {1e-4, 1e-8, 1e-12, 1e-16, 1e-30})
      for (const std::int64_t rows : {36, 90, 20}) {
        const std::int64_t count = std::min<std::int64_t>(rows, 36);
        add(fmt::format("geometric {} {} x 36", last, rows),
            generic(rows, 36, geometric(count, last), seed()));
      }
    for (const std::int64_t groups : {2, 3, 5})
      for (const double last : {1e-4, 1e-8, 1e-13})
        for (const double spread : {0.0, 1e-13, 1e-7})
          add(fmt::format("clustered {} {} {}", groups, last, spread),
              generic(45, 35, clustered(35, groups, last, spread), seed()));
  }

  void graded_rows() {
    for (const double last : {1e-6, 1e-12, 1e-20, 1e-30})
      for (const std::int64_t n : {16, 32, 48})
        for (const bool said : {true, false})
          add(fmt::format("rows {} {} x {}{}", last, n, n, said ? "" : ", not said"),
              row_graded(n, n, geometric(n, last), seed()), said, true);
    for (const double alpha : {4.0, 8.0, 16.0, 24.0}) {
      add(fmt::format("rows power {} 40 x 40", alpha),
          row_graded(40, 40, power_law(40, alpha), seed()), true, true);
      add(fmt::format("rows power {} 25 x 40", alpha),
          row_graded(25, 40, power_law(25, alpha), seed()), true, true);
    }
    // Longer than wide: the oracle takes the matrix as it is, good to 1e-31 of the norm.
    for (const double alpha : {2.0, 4.0, 6.0}) {
      add(fmt::format("rows power {} 90 x 30", alpha),
          row_graded(90, 30, power_law(90, alpha), seed()), true);
      add(fmt::format("rows power {} 300 x 20", alpha),
          row_graded(300, 20, power_law(300, alpha), seed()), true);
    }
  }

  void null_spaces() {
    for (const std::int64_t rank : {1, 2, 5, 11})
      for (const std::int64_t rows : {24, 70, 12}) {
        add(fmt::format("rank {} {} x 24", rank, rows), integers(rows, 24, rank, seed()), false,
            false, rank);
        add(fmt::format("rank {} {} x 24, said graded", rank, rows),
            integers(rows, 24, rank, seed()), true, false, rank);
      }
  }

  void exact_constructions() {
    for (const std::int64_t order : {8, 32, 64}) {
      Plain flat = sylvester(order);
      add(fmt::format("equal {} x {}", order, order), flat);
      Plain steps = flat, steep = flat;
      for (std::int64_t j = 0; j < order; ++j)
        for (std::int64_t i = 0; i < order; ++i) {
          steps(i, j) = std::ldexp(flat(i, j), static_cast<int>(-13 * (i / 4)));
          steep(i, j) = std::ldexp(flat(i, j), static_cast<int>(-2 * i));
        }
      add(fmt::format("repeated {} x {}", order, order), steps, true, true);
      add(fmt::format("halves {} x {}", order, order), steep, true, true);
      add(fmt::format("halves {} x {}, not said", order, order), steep, false, true);
    }
    for (const std::int64_t n : {8, 20, 40}) {
      Plain hilbert = Plain::zeros(n, n);
      for (std::int64_t j = 0; j < n; ++j)
        for (std::int64_t i = 0; i < n; ++i)
          hilbert(i, j) = 1.0 / static_cast<double>(i + j + 1);
      add(fmt::format("Hilbert {}", n), hilbert);
      add(fmt::format("Gaussian {} x {}", 2 * n, n), gaussian(2 * n, n, seed()));
      add(fmt::format("one row of {}", n), gaussian(1, n, seed()));
      add(fmt::format("one column of {}", n), gaussian(n, 1, seed()));
    }
    add("1 x 1", gaussian(1, 1, seed()));
    add("zero 6 x 9", Plain::zeros(6, 9), false, false, 0);
  }

  std::vector<Case> cases_;
};

}  // namespace fathom::testing_cascade
