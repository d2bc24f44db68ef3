#include "gram/gram_assembler.hpp"

#include "base/fault.hpp"
#include "bindings/blas.hpp"
#include "dist/operations.hpp"
#include "gram/rounding.hpp"
#include "gram/triangle.hpp"

#include <algorithm>

namespace fathom {
namespace {

DistMatrix allocate(const ProcessGrid& grid, std::int64_t n, std::int64_t block) {
  return DistMatrix::make(grid, n, n, block, block);
}

}  // namespace

/// The products of one rank, and the growth of its part of the trace.
class GramAssembler::Products {
 public:
  Products(DistMatrix& matrix, double scale) : k_(matrix.local()), scale_(scale) {
    const ProcessGrid& grid = matrix.grid();
    if (!grid.active()) return;
    const Distribution& d = matrix.distribution();
    rectangles_ = lower_rectangles(d, grid.myrow(), grid.mycol());
    for (std::int64_t j = 0; j < k_.cols; ++j) {
      const GlobalIndex g = matrix.global_col(LocalIndex(j));
      if (d.rows.owner(g) == grid.myrow()) diagonal_.push_back({d.rows.local(g).value(), j});
    }
  }

  void add(const SignalPanels& panels) {
    fault_point("gram.products");
    const double beta = panels.first == 0 ? 0.0 : 1.0;
    const std::int64_t count = panels.rows.rows;
    for (const Rectangle& r : rectangles_) {
      blas::gemm(Op::transpose, Op::none, scale_, panels.rows.block(0, r.row, count, r.rows),
                 panels.cols.block(0, r.col, count, r.cols), beta,
                 k_.block(r.row, r.col, r.rows, r.cols));
      flops_ += 2.0 * static_cast<double>(r.rows) * static_cast<double>(r.cols) *
                static_cast<double>(count);
    }
    double trace = 0;
    for (const auto& [i, j] : diagonal_)
      trace += k_(i, j);
    grown_.push_back(trace - trace_);
    trace_ = trace;
  }

  double flops() const { return flops_; }
  const std::vector<double>& grown() const { return grown_; }

 private:
  struct Element {
    std::int64_t row, col;
  };
  MatrixView<double> k_;
  double scale_;
  std::vector<Rectangle> rectangles_;
  std::vector<Element> diagonal_;
  std::vector<double> grown_;
  double trace_ = 0, flops_ = 0;
};

GramAssembler::GramAssembler(const ProcessGrid& grid, std::int64_t block, SignalSource& source,
                             const AssemblyOptions& options)
    : options_(options),
      matrix_(allocate(grid, source.items(), block)),
      plan_(plan_movement(source, matrix_.distribution(), options.movement, options.chunk)),
      stream_(grid, matrix_.distribution(), source, plan_),
      inner_(source.inner()),
      signal_flops_(source.cost().flops) {
  report_.movement = plan_.movement;
  report_.reason = plan_.reason;
  report_.chunk = plan_.chunk;
}

void GramAssembler::accumulate(double scale) {
  const Communicator& all = grid().parent();
  Products products(matrix_, scale);
  stream_.run([&](const SignalPanels& panels) { products.add(panels); }, &AssemblySeconds::products,
              report_.seconds, options_.progress);

  const auto n = static_cast<double>(matrix_.rows());
  const auto length = static_cast<double>(inner_);
  report_.useful_flops += n * n * length + n * length * signal_flops_;
  report_.product_flops += all.sum(products.flops());

  std::vector<std::int64_t> lengths;
  for (std::int64_t first = 0; first < inner_; first += plan_.chunk)
    lengths.push_back(std::min(plan_.chunk, inner_ - first));
  std::vector<double> grown = products.grown();
  grown.resize(lengths.size(), 0.0);
  all.sum(std::span(grown));
  for (double& t : grown)
    t = std::max(t, 0.0);
  rounding_length_ = fathom::rounding_length(grown, lengths);
}

void GramAssembler::stream(const std::function<void(const SignalPanels&)>& consume) {
  stream_.run(consume, &AssemblySeconds::map, report_.seconds, {});
}

void GramAssembler::visit_columns(const ColumnAction& column) {
  if (!grid().active()) return;
  const MatrixView<double> k = matrix_.local();
  const std::vector<std::int64_t> starts =
      lower_starts(matrix_.distribution(), grid().myrow(), grid().mycol());
  for (std::int64_t j = 0; j < k.cols; ++j) {
    const std::int64_t first = starts[static_cast<std::size_t>(j)];
    if (first < k.rows)
      column(j, first, {k.col(j) + first, static_cast<std::size_t>(k.rows - first)});
  }
}

void GramAssembler::map_columns(const ColumnAction& column) {
  const Timer timer;
  grid().parent().agree([&] {
    fault_point("gram.map");
    visit_columns(column);
  });
  report_.seconds.map += timer.seconds();
}

double GramAssembler::frobenius() const {
  return frobenius_norm(matrix_, SymmetricFill::lower);
}

std::vector<double> GramAssembler::diagonal() const {
  return fathom::diagonal(matrix_);
}

Assembly GramAssembler::finish(double assembly_error, double input_epsilon) {
  const Timer timer;
  stream_.release();  // the mirror's panels take their place
  mirror_lower(matrix_);
  report_.seconds.mirror += timer.seconds();
  report_.seconds.total = timer_.seconds();
  return {{std::move(matrix_), SymmetricFill::full, assembly_error, input_epsilon},
          std::move(report_)};
}

}  // namespace fathom
