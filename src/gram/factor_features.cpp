#include "base/fault.hpp"
#include "bindings/blas.hpp"
#include "gram/activation_text.hpp"
#include "gram/factor.hpp"
#include "gram/factor_coordinates.hpp"
#include "gram/factor_rows.hpp"
#include "gram/rounding.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

namespace fathom {
namespace {

// Coordinates of X and W at a time: long enough for dgemm, short enough for the workspace.
constexpr std::int64_t longest_slab = 512, least_slab = 16;
constexpr std::int64_t slab_values = std::int64_t{1} << 23;
constexpr double activation_seconds = 2e-9;
constexpr double activation_roundings = 5;  // ε |f|, of f itself and of the scale
constexpr int sample_blocks = 4;            // of rows, where the rounding is estimated
constexpr std::int64_t sample_rows = 8, sample_items = 256;
constexpr double sample_safety = 2;

/// F(k, i) = f(⟨x_k, w_i⟩)/√d over inner rows k and items i, one of which are data, the other one
/// weights.
class FeatureFactor final : public FactorSource {
 public:
  FeatureFactor(const RandomFeatureSpec& spec, const DataRows& data, const FactorOptions& options)
      : weights_(normal_weights(spec.features, data.dim(), spec.seed)),
        gram_(choose_side(spec.side, data.count(), spec.features) == GramSide::gram),
        inner_(gram_ ? *weights_ : data),
        items_(gram_ ? data : *weights_),
        activation_(spec.activation),
        scale_(1.0 / std::sqrt(static_cast<double>(spec.features))),
        hold_(options.hold_bytes / static_cast<std::int64_t>(sizeof(double))) {}

  std::int64_t rows() const override { return inner_.count(); }
  std::int64_t cols() const override { return items_.count(); }
  std::int64_t rank_bound() const override {
    const std::int64_t shape = std::min(rows(), cols());
    return activation_.kind() == ActivationKind::linear || is_degree_one() ? std::min(shape, dim())
                                                                           : shape;
  }
  bool graded() const override { return false; }
  double row_error() const override { return row_error_; }
  double input_epsilon() const override {
    return std::max(inner_.input_epsilon(), items_.input_epsilon());
  }
  std::string description() const override {
    return fmt::format("f(X W){} / sqrt(d), {} x {}, {}, dimension {}, {}", gram_ ? "^T" : "",
                       rows(), cols(), fathom::description(activation_), dim(),
                       (gram_ ? items_ : inner_).description());
  }
  double flops() const override {
    const double values = static_cast<double>(rows()) * static_cast<double>(cols());
    return values * (2.0 * static_cast<double>(dim()) +
                     activation_seconds * MachineRates{}.flops_per_second);
  }

  void fill(DistMatrix& chunk, std::int64_t first) const override;
  /// Sets row_error(). Collective.
  void estimate_rounding(const Communicator& comm);

 private:
  bool is_degree_one() const {
    return activation_.kind() == ActivationKind::monomial && activation_.degree() == 1;
  }
  std::int64_t dim() const { return items_.dim(); }
  BroughtRows& items(const DistMatrix& chunk) const;
  void products(BroughtRows& inner, BroughtRows& items, MatrixView<double> out) const;

  std::unique_ptr<DataRows> weights_;
  bool gram_;
  const DataRows& inner_;
  const DataRows& items_;
  Activation activation_;
  double scale_;
  std::int64_t hold_;  // doubles
  double row_error_ = 0;

  /// The items of the columns of the last chunk: the next one has the same, as a rule. Given back
  /// behind the last row.
  struct Columns {
    ProcessGrid grid;
    CyclicAxis axis;
    BroughtRows rows;
  };
  mutable std::optional<Columns> columns_;
};

BroughtRows& FeatureFactor::items(const DistMatrix& chunk) const {
  const ProcessGrid& grid = chunk.grid();
  const CyclicAxis& axis = chunk.distribution().cols;
  const bool same = columns_ && columns_->grid.shape() == grid.shape() &&
                    columns_->grid.order() == grid.order() && columns_->axis == axis;
  if (!same) {
    columns_.reset();
    const std::int64_t widest = (axis.extent() + axis.procs() - 1) / axis.procs() + axis.block();
    const bool keep = std::min(widest, axis.extent()) <= hold_ / std::max<std::int64_t>(1, dim());
    columns_.emplace(Columns{
        grid, axis, BroughtRows(items_, 0, grid, axis, BroughtRows::Along::grid_columns, keep)});
  }
  return columns_->rows;
}

void FeatureFactor::products(BroughtRows& inner, BroughtRows& items, MatrixView<double> out) const {
  if (out.rows == 0 || out.cols == 0) return;
  fault_point("gram.factor");
  const std::int64_t slab =
      std::clamp(slab_values / std::max(out.rows, out.cols), least_slab, longest_slab);
  for (std::int64_t k = 0; k < dim(); k += slab) {
    const std::int64_t length = std::min(slab, dim() - k);
    blas::gemm(Op::transpose, Op::none, 1.0, inner.slab(k, length), items.slab(k, length),
               k == 0 ? 0.0 : 1.0, out);
  }
}

void FeatureFactor::fill(DistMatrix& chunk, std::int64_t first) const {
  check_chunk(*this, chunk, first);
  const ProcessGrid& grid = chunk.grid();
  BroughtRows& columns = items(chunk);
  BroughtRows inner(inner_, first, grid, chunk.distribution().rows, BroughtRows::Along::grid_rows,
                    false);
  grid.parent().agree([&] {
    const MatrixView<double> out = chunk.local();
    products(inner, columns, out);
    for (std::int64_t q = 0; q < out.cols; ++q) {
      activation_.apply({out.col(q), static_cast<std::size_t>(out.rows)});
      for (std::int64_t k = 0; k < out.rows; ++k)
        out(k, q) *= scale_;
    }
  });
  if (first + chunk.rows() == rows()) columns_.reset();  // what follows a pass may need the memory
  plant_fault(chunk);
}

/// A product y = ⟨x, w⟩ carries an error of about ε L |x| (rounding.hpp; L² = slab + slabs), with
/// √(mean y²) of its row for |x|: of some rows and items, ‖δf‖ against ‖f‖ by row.
void FeatureFactor::estimate_rounding(const Communicator& comm) {
  const ProcessGrid one(comm, {1, 1});
  const std::int64_t count = std::min(rows(), sample_rows),
                     columns = std::min(cols(), sample_items);
  const CyclicAxis item_axis(columns, columns, 1), inner_axis(count, count, 1);
  BroughtRows items(items_, 0, one, item_axis, BroughtRows::Along::grid_columns, false);
  const double slabs = std::ceil(static_cast<double>(dim()) / static_cast<double>(longest_slab));
  const double length_squared = static_cast<double>(std::min(dim(), longest_slab)) + slabs;
  double worst = 0;
  for (int block = 0; block < sample_blocks; ++block) {
    const std::int64_t first = (rows() - count) * block / (sample_blocks - 1);
    BroughtRows inner(inner_, first, one, inner_axis, BroughtRows::Along::grid_rows, false);
    comm.agree([&] {
      if (!one.active()) return;
      std::vector<double> buffer(static_cast<std::size_t>(count * columns));
      const MatrixView<double> y{buffer.data(), count, columns, count};
      products(inner, items, y);
      for (std::int64_t k = 0; k < count; ++k) {
        double norm = 0, slope = 0, value = 0;
        for (std::int64_t q = 0; q < columns; ++q) {
          const double f = activation_(y(k, q)), derivative = activation_.derivative(y(k, q));
          norm += y(k, q) * y(k, q);
          slope += derivative * derivative;
          value += f * f;
        }
        if (value > 0)
          worst = std::max(worst,
                           length_squared * norm * slope / (value * static_cast<double>(columns)));
      }
    });
  }
  row_error_ = sample_safety * unit_roundoff *
               std::sqrt(comm.max(worst) + activation_roundings * activation_roundings);
}

}  // namespace

std::unique_ptr<FactorSource> random_feature_factor(const Communicator& comm,
                                                    const RandomFeatureSpec& spec,
                                                    const DataRows& data,
                                                    const FactorOptions& options) {
  auto factor = std::make_unique<FeatureFactor>(spec, data, options);
  factor->estimate_rounding(comm);
  return factor;
}

}  // namespace fathom
