#include "gram/factor_operator.hpp"

#include "base/fault.hpp"
#include "bindings/blas.hpp"
#include "dist/operations.hpp"
#include "gram/rounding.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace fathom {
namespace {

// Roundings of the two products, each entry of which is off by about ε times the norms of its row
// and vector; √(stable rank) is taken at its most.
constexpr double product_roundings = 4;
constexpr std::int64_t least_chunk = 64, longest_chunk = 4096;

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

/// The same bits on every rank: a sum's may depend on the rank.
void sum_alike(const Communicator& comm, MatrixView<double> y) {
  if (comm.size() == 1) return;
  for (std::int64_t j = 0; j < y.cols; ++j) {
    const std::span column(y.col(j), size(y.rows));
    comm.sum(column);
    comm.broadcast(column);
  }
}

class FactorOperator final : public LinearOperator {
 public:
  FactorOperator(const Communicator& comm, std::shared_ptr<const FactorSource> factor,
                 const FactorOperatorOptions& options);

  std::int64_t order() const override { return factor_->cols(); }
  std::int64_t rank_bound() const override { return factor_->rank_bound(); }
  std::string description() const override {
    return fmt::format("F^T F, {}; F {}, {} rows at a time", factor_->description(),
                       held_.empty() ? "made for every product" : "kept", chunk_);
  }
  double relative_error() const override { return relative_error_; }
  double flops() const override {
    const double products =
        4.0 * static_cast<double>(factor_->rows()) * static_cast<double>(factor_->cols());
    return products + (held_.empty() ? factor_->flops() : 0.0);
  }
  void apply(MatrixView<const double> x, MatrixView<double> y) const override;

 private:
  DistMatrix make_chunk(std::int64_t rows) const;
  void add_products(const DistMatrix& chunk, MatrixView<const double> x, MatrixView<double> y,
                    std::vector<double>& projected) const;

  ProcessGrid grid_;  // P × 1
  std::shared_ptr<const FactorSource> factor_;
  std::int64_t chunk_ = 1;  // rows over all ranks
  double relative_error_ = 0;
  std::vector<DistMatrix> held_;
};

FactorOperator::FactorOperator(const Communicator& comm, std::shared_ptr<const FactorSource> factor,
                               const FactorOperatorOptions& options)
    : grid_(comm, {comm.size(), 1}), factor_(std::move(factor)) {
  const std::int64_t n = factor_->cols(), rows = factor_->rows(), ranks = comm.size();
  const std::int64_t fits = options.workspace_bytes / (8 * n);
  const std::int64_t here =
      options.chunk > 0 ? options.chunk : std::clamp(fits, least_chunk, longest_chunk);
  chunk_ = here < (rows + ranks - 1) / ranks ? here * ranks : rows;

  const double spread = std::sqrt(static_cast<double>(factor_->rank_bound()));
  relative_error_ = spread * (2 * factor_->row_error() + product_roundings * unit_roundoff);
  if (factor_->dropped() > 0) {
    // ‖A‖₂ is at least the squared norm of any row; the first is the largest one.
    DistMatrix first = make_chunk(1);
    factor_->fill(first, 0);
    const double norm = frobenius_norm(first, SymmetricFill::full);
    relative_error_ += factor_->dropped() / (norm * norm);
  }
  if (!options.hold) return;
  for (std::int64_t at = 0; at < rows; at += chunk_) {
    held_.push_back(make_chunk(std::min(chunk_, rows - at)));
    factor_->fill(held_.back(), at);
  }
}

DistMatrix FactorOperator::make_chunk(std::int64_t rows) const {
  const std::int64_t block = (rows + grid_.nprow() - 1) / grid_.nprow();
  return DistMatrix::make(grid_, rows, factor_->cols(), block, factor_->cols());
}

void FactorOperator::add_products(const DistMatrix& chunk, MatrixView<const double> x,
                                  MatrixView<double> y, std::vector<double>& projected) const {
  const MatrixView<const double> f = chunk.local();
  if (f.rows == 0) return;
  projected.resize(size(f.rows * x.cols));
  const MatrixView<double> fx{projected.data(), f.rows, x.cols, f.rows};
  blas::gemm(Op::none, Op::none, 1.0, f, x, 0.0, fx);
  blas::gemm(Op::transpose, Op::none, 1.0, f, fx, 1.0, y);
}

void FactorOperator::apply(MatrixView<const double> x, MatrixView<double> y) const {
  FATHOM_ASSERT(x.rows == order() && y.rows == order() && x.cols == y.cols,
                "{} x {} into {} x {}, order {}", x.rows, x.cols, y.rows, y.cols, order());
  for (std::int64_t j = 0; j < y.cols; ++j)
    std::fill_n(y.col(j), y.rows, 0.0);
  if (x.cols == 0) return;
  const Communicator& all = grid_.parent();
  std::vector<double> projected;
  if (!held_.empty()) {
    all.agree([&] {
      fault_point("gram.apply");
      for (const DistMatrix& chunk : held_)
        add_products(chunk, x, y, projected);
    });
  } else {
    const std::int64_t rows = factor_->rows();
    std::optional<DistMatrix> chunk;
    for (std::int64_t at = 0; at < rows; at += chunk_) {
      const std::int64_t count = std::min(chunk_, rows - at);
      if (!chunk || chunk->rows() != count) {
        chunk.reset();
        chunk.emplace(make_chunk(count));
      }
      factor_->fill(*chunk, at);
      all.agree([&] {
        fault_point("gram.apply");
        add_products(*chunk, x, y, projected);
      });
    }
  }
  sum_alike(all, y);
}

class GramOperator final : public LinearOperator {
 public:
  explicit GramOperator(std::shared_ptr<const SymmetricMatrix> matrix)
      : held_(std::move(matrix)), a_(*held_) {
    const double n = static_cast<double>(a_.matrix.rows());
    const double norm = frobenius_norm(a_.matrix, a_.fill), sum = trace(a_.matrix);
    // ‖A‖₂ ≥ ‖A‖_F²/tr A for a positive semi-definite A, and ≥ ‖A‖_F/√n for any.
    const double least = std::max(sum > 0 ? norm * norm / sum : 0.0, norm / std::sqrt(n));
    relative_error_ = product_roundings * unit_roundoff * std::sqrt(n) +
                      (least > 0 ? a_.assembly_error / least : 0.0);
  }

  std::int64_t order() const override { return a_.matrix.rows(); }
  std::int64_t rank_bound() const override { return order(); }
  std::string description() const override {
    return fmt::format("Gram matrix, {} x {}, kept", order(), order());
  }
  double relative_error() const override { return relative_error_; }
  double flops() const override {
    return 2.0 * static_cast<double>(order()) * static_cast<double>(order());
  }

  void apply(MatrixView<const double> x, MatrixView<double> y) const override {
    FATHOM_ASSERT(x.rows == order() && y.rows == order() && x.cols == y.cols,
                  "{} x {} into {} x {}, order {}", x.rows, x.cols, y.rows, y.cols, order());
    const Communicator& all = a_.matrix.grid().parent();
    std::vector<double> packed;
    all.agree([&] {
      packed.resize(size(x.rows * x.cols));
      for (std::int64_t j = 0; j < x.cols; ++j)
        std::copy_n(x.col(j), x.rows, packed.data() + j * x.rows);
    });
    const std::vector<double> product = symmetric_apply(a_.matrix, a_.fill, packed, x.cols);
    for (std::int64_t j = 0; j < y.cols; ++j)
      std::copy_n(product.data() + j * y.rows, y.rows, y.col(j));
    if (all.size() > 1)
      for (std::int64_t j = 0; j < y.cols; ++j)
        all.broadcast(std::span(y.col(j), size(y.rows)));
  }

 private:
  std::shared_ptr<const SymmetricMatrix> held_;
  const SymmetricMatrix& a_;
  double relative_error_ = 0;
};

}  // namespace

std::unique_ptr<LinearOperator> factor_operator(const Communicator& comm,
                                                std::shared_ptr<const FactorSource> factor,
                                                const FactorOperatorOptions& options) {
  return std::make_unique<FactorOperator>(comm, std::move(factor), options);
}

std::unique_ptr<LinearOperator> gram_operator(std::shared_ptr<const SymmetricMatrix> matrix) {
  return std::make_unique<GramOperator>(std::move(matrix));
}

std::unique_ptr<LinearOperator> gram_operator(SymmetricMatrix matrix) {
  return gram_operator(std::make_shared<const SymmetricMatrix>(std::move(matrix)));
}

}  // namespace fathom
