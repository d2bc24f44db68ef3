#include "base/fault.hpp"
#include "dist/operations.hpp"
#include "gram/factor.hpp"
#include "gram/factor_coordinates.hpp"
#include "gram/factor_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace fathom {
namespace {

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

void multiply_local(DistMatrix& chunk, double scale) {
  if (scale == 1) return;
  const MatrixView<double> local = chunk.local();
  for (std::int64_t j = 0; j < local.cols; ++j)
    for (std::int64_t i = 0; i < local.rows; ++i)
      local(i, j) *= scale;
}

/// F = scale · X: rows are samples.
class SampleFactor : public FactorSource {
 public:
  SampleFactor(const DataRows& rows, double scale, std::string description)
      : rows_(rows), scale_(scale), description_(std::move(description)) {}

  std::int64_t rows() const override { return rows_.count(); }
  std::int64_t cols() const override { return rows_.dim(); }
  std::int64_t rank_bound() const override { return std::min(rows(), cols()); }
  bool graded() const override { return false; }
  double row_error() const override { return scale_ == 1 ? 0.0 : 0x1p-52; }
  double input_epsilon() const override { return rows_.input_epsilon(); }
  std::string description() const override { return description_; }
  double flops() const override {
    return static_cast<double>(rows()) * static_cast<double>(cols()) * rows_.seconds_per_value() *
           MachineRates{}.flops_per_second;
  }

  void fill(DistMatrix& chunk, std::int64_t first) const override {
    check_chunk(*this, chunk, first);
    if (rows_.held() != nullptr) {
      redistribute_block(*rows_.held(), GlobalIndex(first), GlobalIndex(0), chunk, GlobalIndex(0),
                         GlobalIndex(0), chunk.rows(), chunk.cols());
      multiply_local(chunk, scale_);
    } else {
      chunk.grid().parent().agree([&] { make(chunk, first); });
    }
    plant_fault(chunk);
  }

 private:
  void make(DistMatrix& chunk, std::int64_t first) const {
    fault_point("gram.factor");
    const std::int64_t dim = cols();
    std::vector<double> row(size(dim));
    for (std::int64_t i = 0; i < chunk.local_rows(); ++i) {
      const std::int64_t item = first + chunk.global_row(LocalIndex(i)).value();
      rows_.make({&item, 1}, 0, {row.data(), dim, 1, dim});
      for (const auto& run : chunk.distribution().cols.runs(chunk.grid().mycol()))
        for (std::int64_t k = 0; k < run.count; ++k)
          chunk.local()(i, run.local + k) = scale_ * row[size(run.global + k)];
    }
  }

  const DataRows& rows_;
  double scale_;
  std::string description_;
};

}  // namespace

void check_chunk(const FactorSource& factor, const DistMatrix& chunk, std::int64_t first) {
  FATHOM_ASSERT(
      first >= 0 && first + chunk.rows() <= factor.rows() && chunk.cols() == factor.cols(),
      "rows {} + {} of {} x {} into {} columns", first, chunk.rows(), factor.rows(), factor.cols(),
      chunk.cols());
}

void plant_fault(DistMatrix& chunk) {
  if (fault_armed("gram.factor", "nan") && chunk.local_rows() > 0 && chunk.local_cols() > 0)
    chunk.local()(0, 0) = std::numeric_limits<double>::quiet_NaN();
}

CoordinateFactor::CoordinateFactor(std::shared_ptr<const DataRows> rows, double scale,
                                   CoordinateFactorTraits traits)
    : rows_(std::move(rows)), scale_(scale), traits_(std::move(traits)) {}

double CoordinateFactor::flops() const {
  return static_cast<double>(rows()) * static_cast<double>(cols()) * rows_->seconds_per_value() *
         MachineRates{}.flops_per_second;
}

void CoordinateFactor::fill(DistMatrix& chunk, std::int64_t first) const {
  check_chunk(*this, chunk, first);
  const ProcessGrid& grid = chunk.grid();
  if (rows_->held() != nullptr) {
    DistMatrix columns = DistMatrix::make(grid, chunk.cols(), chunk.rows(), chunk.nb(), chunk.mb());
    redistribute_block(*rows_->held(), GlobalIndex(0), GlobalIndex(first), columns, GlobalIndex(0),
                       GlobalIndex(0), chunk.cols(), chunk.rows());
    transpose(columns, chunk);
  } else {
    grid.parent().agree([&] {
      const std::vector<std::int64_t> items =
          chunk.distribution().cols.global_indices(grid.mycol());
      if (items.empty()) return;
      fault_point("gram.factor");
      for (const auto& run : chunk.distribution().rows.runs(grid.myrow()))
        rows_->make(items, first + run.global,
                    chunk.local().block(run.local, 0, run.count, chunk.local_cols()));
    });
  }
  multiply_local(chunk, scale_);
  plant_fault(chunk);
}

namespace {

std::shared_ptr<const DataRows> borrowed(const DataRows& rows) {
  return {std::shared_ptr<const DataRows>{}, &rows};
}

void require_finite(const DataRows& rows) {
  if (rows.held() == nullptr) return;
  const NonFinite bad = count_nonfinite(*rows.held());
  if (bad.count > 0)
    throw AgreedError(
        ExitCode::numeric, "{}: {} entr{} NaN or infinite, the first at row {}, column {} (from 0)",
        rows.description(), bad.count, bad.count == 1 ? "y is" : "ies are", bad.row, bad.col);
}

}  // namespace

std::unique_ptr<FactorSource> given_factor(const DataRows& features, GramSide side) {
  require_finite(features);
  const std::int64_t n = features.count(), d = features.dim();
  if (choose_side(side, n, d) == GramSide::covariance)
    return std::make_unique<SampleFactor>(
        features, 1.0, fmt::format("Phi, {} x {}, {}", n, d, features.description()));
  return std::make_unique<CoordinateFactor>(
      borrowed(features), 1.0,
      CoordinateFactorTraits{.description =
                                 fmt::format("Phi^T, {} x {}, {}", d, n, features.description())});
}

std::unique_ptr<FactorSource> data_covariance_factor(const DataRows& data) {
  require_finite(data);
  return std::make_unique<SampleFactor>(
      data, 1.0 / std::sqrt(static_cast<double>(data.count())),
      fmt::format("X / sqrt(n), {} x {}, {}", data.count(), data.dim(), data.description()));
}

}  // namespace fathom
