#include "eigen/streaming_qr.hpp"

#include "base/assert.hpp"
#include "base/fault.hpp"
#include "base/timer.hpp"
#include "dist/factorisations.hpp"
#include "dist/operations.hpp"
#include "eigen/error_bound.hpp"
#include "eigen/factor_rows.hpp"
#include "eigen/row_accuracy.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace fathom {
namespace {

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Rows of one matrix into another with the same columns, from a row on that begins a round over
/// the grid's rows: then every row stays where it is, and the copy is local.
void copy_rows(const DistMatrix& from, std::int64_t count, DistMatrix& to, std::int64_t at) {
  const std::int64_t round = to.mb() * to.grid().nprow();
  FATHOM_ASSERT(at % round == 0 && from.cols() == to.cols() && from.mb() == to.mb(),
                "rows of {} x {} to row {} of {} x {}", from.rows(), from.cols(), at, to.rows(),
                to.cols());
  const std::int64_t local_at = at / to.grid().nprow();
  const std::int64_t local_count =
      from.distribution().rows.lower_bound(GlobalIndex(count), from.grid().myrow()).value();
  for (std::int64_t j = 0; j < from.local_cols(); ++j)
    std::copy_n(from.local().col(j), local_count, to.local().col(j) + local_at);
}

/// A triangle and room for a chunk of rows under it.
class Stack {
 public:
  Stack(const ProcessGrid& grid, std::int64_t block, std::int64_t order, std::int64_t chunk)
      : order_(order),
        below_(round_up(order, block * grid.nprow())),
        rows_(DistMatrix::make(grid, below_ + chunk, order, block, block)) {
    rows_.fill(0.0);
  }

  /// Puts rows on top that need not be a triangle. @pre nothing is there yet
  void begin(const DistMatrix& top) {
    copy_rows(top, top.rows(), rows_, 0);
    filled_ = true;
    pending_ = true;
  }
  void reduce(const DistMatrix& chunk) {
    const std::int64_t at = filled_ ? below_ : 0;
    copy_rows(chunk, chunk.rows(), rows_, at);
    triangle_of(at + chunk.rows());
  }
  /// The order × order triangle.
  DistMatrix triangle() {
    if (pending_) triangle_of(order_);
    DistMatrix r = DistMatrix::make(rows_.grid(), order_, order_, rows_.mb(), rows_.nb());
    const std::int64_t local_rows = r.local_rows();
    for (std::int64_t j = 0; j < r.local_cols(); ++j)
      std::copy_n(rows_.local().col(j), local_rows, r.local().col(j));
    return r;
  }
  std::int64_t passes() const { return passes_; }
  double flops() const { return flops_; }

 private:
  void triangle_of(std::int64_t rows) {
    reduce_to_triangle(rows_, rows);
    filled_ = true;
    pending_ = false;
    ++passes_;
    const double m = double(rows), n = double(order_), k = std::min(m, n);
    flops_ += 4 * k * (m * n - k * (m + n) / 2 + k * k / 3);
  }

  std::int64_t order_, below_, passes_ = 0;
  double flops_ = 0;
  bool filled_ = false, pending_ = false;
  DistMatrix rows_;
};

std::int64_t chunk_rows(const ProcessGrid& grid, const FactorSource& source,
                        const ReduceOptions& options) {
  if (options.chunk > 0) return std::min(options.chunk, source.rows());
  const std::int64_t n = source.cols(), least = 256;
  // Few passes also where columns are few: see qr_error.
  constexpr std::int64_t passes = 8, entries = std::int64_t{1} << 20;
  std::int64_t chunk = std::max(2 * n, std::min(source.rows() / passes, entries / n));
  if (options.memory > 0) {
    // Chunk (and its rotated copy), and the stack: n + chunk rows, dealt out over the grid.
    const double copies = options.check_rows ? 3 : 2;
    const double row = 8.0 * double(n) / (double(grid.nprow()) * grid.npcol());
    chunk = static_cast<std::int64_t>((double(options.memory) / row - double(n)) / copies);
  }
  return std::min(source.rows(), std::max(chunk, std::min(least, 2 * n)));
}

/// Fᵀ, held as a whole.
ReducedFactor hold_transposed(FactorRows& rows, const ProcessGrid& grid, std::int64_t block,
                              const FactorSource& source, std::int64_t chunk) {
  ReducedFactor reduced{.a = DistMatrix::make(grid, source.cols(), source.rows(), block, block)};
  reduced.transposed = true;
  SquareSum squares;
  for (std::int64_t first = 0; first < source.rows(); first += chunk) {
    const std::int64_t count = std::min(chunk, source.rows() - first);
    const DistMatrix part = rows.read(first, count);
    squares.add(part);
    if (grid.active())
      scalapack::pdtran(source.cols(), count, 1.0, part.part(), 0.0, reduced.a.part(0, first));
  }
  reduced.frobenius = squares.root(grid.parent());
  return reduced;
}

/// A square factor is as small as its triangle: held as it is, no rounding.
ReducedFactor hold_square(FactorRows& rows, const ProcessGrid& grid, std::int64_t block,
                          const FactorSource& source, std::int64_t chunk) {
  const std::int64_t n = source.cols();
  ReducedFactor reduced{.a = DistMatrix::make(grid, n, n, block, block)};
  SquareSum squares;
  for (std::int64_t first = 0; first < n; first += chunk) {
    const std::int64_t count = std::min(chunk, n - first);
    DistMatrix part = rows.read(first, count);
    squares.add(part);
    if (count == n)
      reduced.a = std::move(part);
    else
      redistribute_block(part, GlobalIndex(0), GlobalIndex(0), reduced.a, GlobalIndex(first),
                         GlobalIndex(0), count, n);
  }
  reduced.frobenius = squares.root(grid.parent());
  return reduced;
}

/// R of plain rows.
ReducedFactor reduce_plain(FactorRows& rows, const ProcessGrid& grid, std::int64_t block,
                           const FactorSource& source, std::int64_t chunk) {
  Stack stack(grid, block, source.cols(), chunk);
  SquareSum squares;
  for (std::int64_t first = 0; first < source.rows(); first += chunk) {
    const DistMatrix part = rows.read(first, std::min(chunk, source.rows() - first));
    squares.add(part);
    stack.reduce(part);
  }
  ReducedFactor reduced{.a = stack.triangle()};
  reduced.frobenius = squares.root(grid.parent());
  reduced.backward_error = qr_error(reduced.a, stack.passes());
  reduced.flops = stack.flops();
  return reduced;
}

/// R of rotated rows, and what its accuracy row by row rests on.
ReducedFactor reduce_rotated(FactorRows& rows, const ProcessGrid& grid, std::int64_t block,
                             const FactorSource& source, std::int64_t chunk, Progress& progress) {
  const std::int64_t n = source.cols(), order = std::min(source.rows(), n),
                     more = source.rows() - order;
  RotatedRows rotated(rows, source, grid, block, order);
  SmallRows small(rotated);
  SquareSum squares;
  std::optional<Stack> stack(std::in_place, grid, block, order,
                             std::min(chunk, std::max<std::int64_t>(1, more)));
  stack->begin(rotated.leading());
  if (more > 0) small.set_reference(rotated.leading(), Triangle::lower);
  for (std::int64_t first = order; first < source.rows(); first += chunk) {
    const DistMatrix part = rotated.plain(first, std::min(chunk, source.rows() - first));
    SquareSum of_part;
    of_part.add(part);
    squares.add(of_part);
    if (small.take(part, first, of_part)) continue;
    stack->reduce(rotated.turned(part));
    if (first + chunk < source.rows()) small.set_reference(stack->triangle(), Triangle::upper);
  }
  ReducedFactor reduced{.a = stack->triangle()};
  const std::int64_t passes = stack->passes() + (small.any() ? 1 : 0);
  reduced.flops = stack->flops() + small.flops();
  stack.reset();
  if (small.any()) small.add_to(reduced.a);
  const double others = squares.root(grid.parent());
  reduced.frobenius = std::hypot(rotated.leading_frobenius(), others);
  reduced.backward_error =
      qr_error(reduced.a, passes) + rotated.error(reduced.frobenius) + small.error();
  measure_row_accuracy(rotated, small, others, chunk, reduced, progress);
  reduced.flops += rotated.flops();
  reduced.rotation = std::move(rotated).release();
  return reduced;
}

}  // namespace

ReducedFactor reduce_factor(const ProcessGrid& grid, std::int64_t block, const FactorSource& source,
                            const ReduceOptions& options, Progress& progress) {
  FATHOM_ASSERT(source.rows() >= 1 && source.cols() >= 1 && block >= 1 && options.chunk >= 0,
                "factor of {} x {}, blocks {}, chunk {}", source.rows(), source.cols(), block,
                options.chunk);
  Timer timer;
  const std::int64_t chunk = chunk_rows(grid, source, options);
  progress.begin("reduce factor");
  FactorRows rows(grid, block, source);
  ReducedFactor reduced =
      options.check_rows               ? reduce_rotated(rows, grid, block, source, chunk, progress)
      : source.rows() < source.cols()  ? hold_transposed(rows, grid, block, source, chunk)
      : source.rows() == source.cols() ? hold_square(rows, grid, block, source, chunk)
                                       : reduce_plain(rows, grid, block, source, chunk);
  scale_by_power(reduced.a, -rows.shift());
  reduced.frobenius = std::ldexp(reduced.frobenius, -rows.shift());
  reduced.backward_error = std::ldexp(reduced.backward_error, -rows.shift());
  reduced.chunk = chunk;
  reduced.seconds = grid.parent().max(timer.seconds());
  progress.end("reduce factor", reduced.seconds);
  progress.note(
      fmt::format("factor {}: reduced to {} x {} in chunks of {} rows, {:.1f} s{}",
                  source.description(), reduced.a.rows(), reduced.a.cols(), chunk, reduced.seconds,
                  options.check_rows
                      ? fmt::format(", singular values to {:.1e} relative", reduced.relative_error)
                      : ""));
  return reduced;
}

DistMatrix right_vectors(const ReducedFactor& reduced, DistMatrix&& v) {
  FATHOM_ASSERT(!reduced.transposed && v.rows() == reduced.a.cols(), "vectors {} x {} of {} x {}",
                v.rows(), v.cols(), reduced.a.rows(), reduced.a.cols());
  if (!reduced.rotation) return std::move(v);
  DistMatrix turned =
      DistMatrix::make(v.grid(), reduced.rotation->rows(), v.cols(), v.mb(), v.nb());
  multiply(Op::none, Op::none, 1.0, *reduced.rotation, v, 0.0, turned);
  return turned;
}

double qr_error(const DistMatrix& r, std::int64_t passes) {
  // Reflection k leaves an error of rank one, a few ε of what is left of the matrix then (the rows
  // from k on), along its own vector: together a random matrix with rows of these norms times one
  // with nearly orthonormal columns, ‖·‖₂ about the largest row and the mean column of it. A steep
  // spectrum leaves little after the first few. Errors of passes are independent, but for rows
  // too small to move the last bits of a triangle: up to 3ε/2 a pass, always the same way. Measured
  // with n = 40 … 480, flat to steep, 1 to 23 passes: at most a third of this.
  const std::vector<double> norm = row_norms(r);
  double left = 0, sum = 0;
  for (std::size_t i = norm.size(); i-- > 0;) {
    left = std::hypot(left, norm[i]);
    sum = std::hypot(sum, left);
  }
  const double mean = sum / std::sqrt(std::max(1.0, double(norm.size())));
  const double count = double(std::max<std::int64_t>(1, passes));
  return 3 * unit_roundoff * std::max(std::sqrt(count), count / 4) * (left + mean);
}

}  // namespace fathom
