#include "base/fault.hpp"
#include "bindings/blas.hpp"
#include "gram/empirical_ntk_counts.hpp"
#include "gram/rounding.hpp"
#include "gram/sample_passes.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace fathom {
namespace {

constexpr double product_roundings = 4;  // of the two products and the sums between them

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

class EntkOperator final : public LinearOperator {
 public:
  EntkOperator(const Communicator& comm, const EmpiricalNtk& ntk,
               const EntkOperatorOptions& options)
      : comm_(comm.duplicate()), ntk_(ntk) {
    const double half = 0.5 * static_cast<double>(options.workspace_bytes) / 8;
    comm_.agree([&] {
      const EntkCounts counts(ntk_);
      flops_ = counts.operator_flops();
      passes_.emplace(comm_, ntk_, options.batch);
      if (passes_->held_doubles() <= half) passes_->hold();
    });
    directions_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(half) / parameters());
    directions_ = comm_.min(directions_);
    held_ = comm_.min(static_cast<std::int64_t>(passes_->held())) > 0;
  }

  std::int64_t order() const override { return ntk_.order(); }
  std::int64_t rank_bound() const override { return std::min(ntk_.factor_rows(), order()); }
  std::string description() const override {
    return fmt::format("J (J^T x), {}; forward passes {}", empirical_ntk_text(ntk_),
                       held_ ? "kept" : "made for every product");
  }
  double relative_error() const override {
    return unit_roundoff * (2 * passes_->rounding() + product_roundings);
  }
  double flops() const override { return flops_ * (held_ ? 4.0 / 6 : 1.0); }
  void apply(MatrixView<const double> x, MatrixView<double> y) const override;

 private:
  std::int64_t parameters() const { return ntk_.network.parameters(); }
  /// Directions in parameter space of one column.
  std::int64_t copies() const { return ntk_.kind == NtkKind::trace_kernel ? ntk_.choices() : 1; }
  /// Calls visit(row of K, output of the sample) for what a copy's direction is made of.
  template <class Visit>
  void for_rows(std::int64_t sample, std::int64_t copy, const Visit& visit) const {
    if (ntk_.kind == NtkKind::trace_kernel) return visit(sample, output_number(ntk_, copy));
    for (std::int64_t c = 0; c < ntk_.choices(); ++c)
      visit(ntk_.kind == NtkKind::all_outputs ? c + ntk_.choices() * sample : sample,
            output_number(ntk_, c));
  }
  void pull_back(MatrixView<const double> x, std::int64_t first,
                 MatrixView<double> directions) const;
  void push_forward(std::int64_t first, MatrixView<const double> directions,
                    MatrixView<double> y) const;

  Communicator comm_;
  EmpiricalNtk ntk_;
  std::optional<SamplePasses> passes_;
  std::int64_t directions_ = 1;  // at a time
  bool held_ = false;
  double flops_ = 0;  // of a column, forward passes made again
};

/// directions ← this rank's part of Jᵀx, numbers first … of all columns' copies. Local.
void EntkOperator::pull_back(MatrixView<const double> x, std::int64_t first,
                             MatrixView<double> directions) const {
  std::vector<double> g;
  const std::int64_t outputs = ntk_.network.outputs();
  passes_->for_each([&](std::span<const std::int64_t> samples, const ForwardPass<double>& pass) {
    const std::int64_t count = std::ssize(samples);
    for (std::int64_t d = 0; d < directions.cols; ++d) {
      const double* column = x.col((first + d) / copies());
      g.assign(size(outputs * count), 0.0);
      for (std::int64_t q = 0; q < count; ++q)
        for_rows(samples[size(q)], (first + d) % copies(), [&](std::int64_t row, std::int64_t out) {
          g[size(out + outputs * q)] = column[row];
        });
      pass.backward({g.data(), outputs, count, outputs},
                    {directions.col(d), size(directions.rows)});
    }
  });
}

/// y += J·directions for this rank's samples. Local.
void EntkOperator::push_forward(std::int64_t first, MatrixView<const double> directions,
                                MatrixView<double> y) const {
  std::vector<double> f;
  const std::int64_t outputs = ntk_.network.outputs();
  const double scale = 1.0 / static_cast<double>(copies());
  passes_->for_each([&](std::span<const std::int64_t> samples, const ForwardPass<double>& pass) {
    const std::int64_t count = std::ssize(samples);
    f.resize(size(outputs * count));
    for (std::int64_t d = 0; d < directions.cols; ++d) {
      double* column = y.col((first + d) / copies());
      pass.tangent({directions.col(d), size(directions.rows)}, {f.data(), outputs, count, outputs});
      for (std::int64_t q = 0; q < count; ++q)
        for_rows(samples[size(q)], (first + d) % copies(), [&](std::int64_t row, std::int64_t out) {
          column[row] += scale * f[size(out + outputs * q)];
        });
    }
  });
}

void EntkOperator::apply(MatrixView<const double> x, MatrixView<double> y) const {
  FATHOM_ASSERT(x.rows == order() && y.rows == order() && x.cols == y.cols,
                "{} x {} into {} x {}, order {}", x.rows, x.cols, y.rows, y.cols, order());
  for (std::int64_t j = 0; j < y.cols; ++j)
    std::fill_n(y.col(j), y.rows, 0.0);
  const std::int64_t all = x.cols * copies();
  std::vector<double> directions;
  for (std::int64_t first = 0; first < all; first += directions_) {
    const std::int64_t count = std::min(directions_, all - first);
    const auto view = [&] {
      return MatrixView<double>{directions.data(), parameters(), count, parameters()};
    };
    comm_.agree([&] {
      fault_point("gram.entk.apply");
      directions.assign(size(parameters() * count), 0.0);
      pull_back(x, first, view());
    });
    comm_.sum(std::span(directions));
    comm_.agree([&] { push_forward(first, view(), y); });
  }
  if (comm_.size() == 1) return;
  // Rows of different ranks do not meet, but the same bits everywhere are promised.
  for (std::int64_t j = 0; j < y.cols; ++j) {
    const std::span column(y.col(j), size(y.rows));
    comm_.sum(column);
    comm_.broadcast(column);
  }
}

}  // namespace

std::unique_ptr<LinearOperator> empirical_ntk_operator(const Communicator& comm,
                                                       const EmpiricalNtk& ntk,
                                                       const EntkOperatorOptions& options) {
  return std::make_unique<EntkOperator>(comm, ntk, options);
}

}  // namespace fathom
