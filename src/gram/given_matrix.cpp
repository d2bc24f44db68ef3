#include "gram/given_matrix.hpp"

#include "base/timer.hpp"
#include "dist/operations.hpp"
#include "gram/entry_map_pass.hpp"
#include "gram/gram_assembler.hpp"
#include "gram/row_sources.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace fathom {
namespace {

constexpr double asymmetry_limit = 100;  // ε' max|a_ij|

void require_finite(const DistMatrix& a, const std::string& what) {
  const NonFinite bad = count_nonfinite(a);
  if (bad.count > 0)
    throw AgreedError(ExitCode::numeric,
                      "{}: {} entr{} NaN or infinite, the first at row {}, column {} (from 0)",
                      what, bad.count, bad.count == 1 ? "y is" : "ies are", bad.row, bad.col);
}

struct Position {
  std::int64_t row, col;
};

/// Where a differs most from its transpose, on or below the diagonal. Collective.
Position worst_asymmetry(const DistMatrix& a) {
  DistMatrix mean = DistMatrix::make(a.grid(), a.rows(), a.cols(), a.mb(), a.nb());
  redistribute(a, mean);
  symmetrise(mean);
  const MatrixView<const double> x = a.local(), y = mean.local();
  double largest = 0;
  std::int64_t place = std::numeric_limits<std::int64_t>::max();
  for (std::int64_t j = 0; j < x.cols; ++j) {
    const std::int64_t col = a.global_col(LocalIndex(j)).value();
    for (std::int64_t i = 0; i < x.rows; ++i) {
      const double difference = std::abs(x(i, j) - y(i, j));
      const std::int64_t row = a.global_row(LocalIndex(i)).value();
      if (row < col || difference < largest) continue;
      const std::int64_t here = row * a.cols() + col;
      place = difference > largest ? here : std::min(place, here);
      largest = difference;
    }
  }
  const Communicator& all = a.grid().parent();
  const double worst = all.max(largest);
  const std::int64_t first =
      all.min(largest == worst ? place : std::numeric_limits<std::int64_t>::max());
  return {first / a.cols(), first % a.cols()};
}

/// The products of one source, with the error of the products and nothing else.
Assembly assemble_products(const ProcessGrid& grid, std::int64_t block, SignalSource& signals,
                           double scale, double input_epsilon, const AssemblyOptions& options,
                           std::string kernel, std::string normalization) {
  GramAssembler assembler(grid, block, signals, options);
  assembler.accumulate(scale);
  assembler.report().kernel = std::move(kernel);
  assembler.report().normalization = std::move(normalization);
  return assembler.finish(product_error(assembler), input_epsilon);
}

/// The matrix itself where it already has the layout, so that it is not held twice.
DistMatrix bring(const ProcessGrid& grid, std::int64_t block, DistMatrix given) {
  const bool there = given.grid().blacs_context() == grid.blacs_context() &&
                     given.grid().shape() == grid.shape() && given.mb() == block &&
                     given.nb() == block;
  // An idle rank has no context to compare: all ranks do what the active ones need.
  if (grid.parent().min(std::int64_t{there}) == 1) return given;
  DistMatrix k = DistMatrix::make(grid, given.rows(), given.cols(), block, block);
  redistribute(given, k);
  return k;
}

}  // namespace

Assembly assemble_features(const ProcessGrid& grid, std::int64_t block, const DataRows& features,
                           GramSide side, const AssemblyOptions& options) {
  if (features.held() != nullptr) require_finite(*features.held(), features.description());
  const GramSide chosen = choose_side(side, features.count(), features.dim());
  std::string kernel = fmt::format("features, {} side: n = {}, d = {}, {}", name(chosen),
                                   features.count(), features.dim(), features.description());
  if (chosen == GramSide::gram) {
    RowSignals signals(features, grid, block);
    return assemble_products(grid, block, signals, 1.0, features.input_epsilon(), options,
                             std::move(kernel), "K = Phi Phi^T, n x n");
  }
  ColumnSignals signals(features, grid);
  return assemble_products(grid, block, signals, 1.0, features.input_epsilon(), options,
                           std::move(kernel), "K = Phi^T Phi, d x d (not over n)");
}

Assembly assemble_data_covariance(const ProcessGrid& grid, std::int64_t block, const DataRows& data,
                                  const AssemblyOptions& options) {
  if (data.held() != nullptr) require_finite(*data.held(), data.description());
  ColumnSignals signals(data, grid);
  return assemble_products(grid, block, signals, 1.0 / static_cast<double>(data.count()),
                           data.input_epsilon(), options,
                           fmt::format("data covariance: n = {}, dimension {}, {}", data.count(),
                                       data.dim(), data.description()),
                           "C = X^T X / n, not centred");
}

Assembly accept_gram(const ProcessGrid& grid, std::int64_t block, DistMatrix given,
                     double input_epsilon, const std::string& what) {
  const Timer timer;
  if (given.rows() != given.cols())
    throw AgreedError(ExitCode::input, "{}: a Gram matrix is square, this one is {} x {}", what,
                      given.rows(), given.cols());
  require_finite(given, what);
  Assembly out{{bring(grid, block, std::move(given))}, {}};
  DistMatrix& k = out.symmetric.matrix;
  const double difference = asymmetry(k), limit = asymmetry_limit * input_epsilon * max_abs(k);
  if (difference > limit) {
    const Position at = worst_asymmetry(k);
    throw AgreedError(ExitCode::input,
                      "{}: not symmetric: entries ({}, {}) and ({}, {}) (from 0) differ by {:.3g}; "
                      "at most {:.3g} = {:g} eps max|a| is taken for rounding",
                      what, at.row, at.col, at.col, at.row, difference, limit, asymmetry_limit);
  }
  if (difference > 0) {
    symmetrise(k);
    out.report.note = fmt::format("symmetrised: entries differed by up to {:.3g}", difference);
  }
  out.symmetric.input_epsilon = input_epsilon;
  out.report.reason = "as given";
  out.report.kernel = fmt::format("Gram matrix as given: n = {}, {}", k.rows(), what);
  out.report.normalization = "K as given";
  out.report.seconds.total = timer.seconds();
  return out;
}

}  // namespace fathom
