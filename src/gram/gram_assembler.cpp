#include "gram/gram_assembler.hpp"

#include "base/fault.hpp"
#include "bindings/blas.hpp"
#include "dist/operations.hpp"
#include "gram/rounding.hpp"
#include "gram/triangle.hpp"

#include <algorithm>
#include <utility>

namespace fathom {
namespace {

constexpr std::size_t plan_size = 5;     // grid rows, grid columns, block, movement, chunk
constexpr std::size_t sums_a_chunk = 3;  // growth of the trace, rounding of signals: sum, columns

DistMatrix allocate(const ProcessGrid& grid, std::int64_t n, std::int64_t block) {
  return DistMatrix::make(grid, n, n, block, block);
}

/// The mark after the first `done` inner indices.
AssemblyMark cut(AssemblyMark all, std::int64_t done) {
  std::size_t chunks = 0;
  for (std::int64_t end = 0; end < done; ++chunks)
    end += all.chunks[chunks];
  all.chunks.resize(chunks);
  all.sums.resize(chunks * sums_a_chunk);
  all.done = done;
  return all;
}

}  // namespace

/// The products of one rank, and of each chunk what the error estimate needs.
class GramAssembler::Products {
 public:
  Products(DistMatrix& matrix, SignalSource& source, double scale, bool goes_on)
      : k_(matrix.local()), source_(source), scale_(scale), begun_(goes_on) {
    const ProcessGrid& grid = matrix.grid();
    if (!grid.active()) return;
    const Distribution& d = matrix.distribution();
    rectangles_ = lower_rectangles(d, grid.myrow(), grid.mycol());
    for (std::int64_t j = 0; j < k_.cols; ++j) {
      const GlobalIndex g = matrix.global_col(LocalIndex(j));
      if (d.rows.owner(g) == grid.myrow()) diagonal_.push_back({d.rows.local(g).value(), j});
    }
    if (goes_on) trace_ = trace();
  }

  void add(const SignalPanels& panels) {
    fault_point("gram.products");
    const double beta = begun_ ? 1.0 : 0.0;
    begun_ = true;
    const std::int64_t count = panels.rows.rows;
    for (const Rectangle& r : rectangles_) {
      blas::gemm(Op::transpose, Op::none, scale_, panels.rows.block(0, r.row, count, r.rows),
                 panels.cols.block(0, r.col, count, r.cols), beta,
                 k_.block(r.row, r.col, r.rows, r.cols));
      flops_ += 2.0 * static_cast<double>(r.rows) * static_cast<double>(r.cols) *
                static_cast<double>(count);
    }
    const double before = std::exchange(trace_, trace());
    const SignalRounding rounding = source_.take_rounding();
    sums_.insert(sums_.end(), {trace_ - before, rounding.squared, rounding.columns});
  }

  double flops() const { return flops_; }
  /// sums_a_chunk of each chunk that was added here: growth of this rank's part of the trace,
  /// rounding of its signals.
  const std::vector<double>& sums() const { return sums_; }

 private:
  struct Element {
    std::int64_t row, col;
  };
  double trace() const {
    double sum = 0;
    for (const auto& [i, j] : diagonal_)
      sum += k_(i, j);
    return sum;
  }
  MatrixView<double> k_;
  SignalSource& source_;
  double scale_;
  bool begun_;
  std::vector<Rectangle> rectangles_;
  std::vector<Element> diagonal_;
  std::vector<double> sums_;
  double trace_ = 0, flops_ = 0;
};

GramAssembler::GramAssembler(const ProcessGrid& grid, std::int64_t block, SignalSource& source,
                             const AssemblyOptions& options)
    : options_(options),
      matrix_(allocate(grid, source.items(), block)),
      inner_(source.inner()),
      kept_(take_up()),
      plan_(plan_as_kept(source)),
      source_(source),
      stream_(grid, matrix_.distribution(), source, plan_),
      signal_flops_(source.cost().flops) {
  report_.movement = plan_.movement;
  report_.reason = plan_.reason;
  report_.chunk = plan_.chunk;
}

AssemblyMark GramAssembler::take_up() {
  if (options_.keeper == nullptr) return {};
  return options_.keeper->resume(inner_, "inner indices", matrix_);
}

/// In the layout of the run before, its movement and its chunks: the same sums to the last bit.
MovementPlan GramAssembler::plan_as_kept(SignalSource& source) const {
  const Distribution& d = matrix_.distribution();
  MovementPlan plan = plan_movement(source, d, options_.movement, options_.chunk);
  if (kept_.plan.size() != plan_size || kept_.plan[0] != grid().nprow() ||
      kept_.plan[1] != grid().npcol() || kept_.plan[2] != matrix_.mb())
    return plan;
  const auto movement = static_cast<Movement>(kept_.plan[3]);
  const std::int64_t chunk = kept_.plan[4];
  if (movement == plan.movement && chunk == plan.chunk) return plan;
  return plan_movement(source, d, movement, chunk);
}

/// What was taken up and what this run has added, all ranks. Vectors of the same length whenever
/// it is called, so that sums over ranks do not depend on where a run was interrupted. Collective.
AssemblyMark GramAssembler::mark(const Products& products) const {
  AssemblyMark all = kept_;
  all.total = inner_;
  all.plan = {grid().nprow(), grid().npcol(), matrix_.mb(),
              static_cast<std::int64_t>(plan_.movement), plan_.chunk};
  for (std::int64_t first = kept_.done; first < inner_; first += plan_.chunk)
    all.chunks.push_back(std::min(plan_.chunk, inner_ - first));
  std::vector<double> sums(kept_.sums.size(), 0.0);
  sums.insert(sums.end(), products.sums().begin(), products.sums().end());
  sums.resize(all.chunks.size() * sums_a_chunk, 0.0);
  grid().parent().sum(std::span(sums));
  std::copy(kept_.sums.begin(), kept_.sums.end(), sums.begin());
  all.sums = std::move(sums);
  all.done = inner_;
  return all;
}

void GramAssembler::accumulate(double scale) {
  const Communicator& all = grid().parent();
  Products products(matrix_, source_, scale, kept_.done > 0);
  StreamSteps steps{.first = kept_.done, .progress = options_.progress, .between = {}};
  if (options_.keeper != nullptr)
    steps.between = [&](std::int64_t done) {
      all.agree([] { fault_point("gram.between"); });
      options_.keeper->between(
          done, inner_, [&] { return cut(mark(products), done); }, matrix_);
    };
  stream_.run([&](const SignalPanels& panels) { products.add(panels); }, &AssemblySeconds::products,
              report_.seconds, steps);

  const auto n = static_cast<double>(matrix_.rows());
  const auto length = static_cast<double>(inner_);
  report_.useful_flops += n * n * length + n * length * signal_flops_;
  report_.product_flops += all.sum(products.flops());
  conclude(mark(products));
}

/// The error estimate's part of all chunks.
void GramAssembler::conclude(const AssemblyMark& all) {
  std::vector<double> grown;
  for (std::size_t at = 0; at < all.sums.size(); at += sums_a_chunk) {
    grown.push_back(std::max(all.sums[at], 0.0));
    signal_rounding_.squared += all.sums[at + 1];
    signal_rounding_.columns += all.sums[at + 2];
  }
  rounding_length_ = fathom::rounding_length(grown, all.chunks);
}

void GramAssembler::stream(const std::function<void(const SignalPanels&)>& consume) {
  stream_.run(consume, &AssemblySeconds::map, report_.seconds);
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
