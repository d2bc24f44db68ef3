#include "networks/kernel_block.hpp"

#include "base/assert.hpp"
#include "bindings/blas.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace fathom {
namespace {

using Signals = GradientSignals<double>;
using Linear = LinearSignals<double>;

/// Rows and columns of a tile of products: large enough that packing does not count, small enough
/// that the sums over layers stay in the cache.
constexpr std::int64_t tile_edge = 1024;
constexpr std::int64_t materialised_numbers = std::int64_t{1} << 22;

double count(std::int64_t n) {
  return static_cast<double>(n);
}

double squared_multiplier(const Network<double>& network, std::int64_t tensor) {
  if (tensor < 0) return 0;
  const double multiplier = network.tensors()[static_cast<std::size_t>(tensor)].multiplier;
  return multiplier * multiplier;
}

LinearBlockShape block_shape(const Linear& linear, const Signals& rows, const Signals& columns) {
  return {linear.in,       linear.out,   linear.positions, rows.samples,
          columns.samples, rows.choices, columns.choices};
}

/// Samples [first, first + samples) of a side.
struct Part {
  std::int64_t first = 0, samples = 0, choices = 1;
  std::int64_t first_row() const { return first * choices; }
  std::int64_t rows() const { return samples * choices; }
};

std::vector<Part> parts(const Signals& side, std::int64_t positions) {
  const std::int64_t choices = std::max<std::int64_t>(1, side.choices);
  const std::int64_t step = std::max<std::int64_t>(1, tile_edge / (choices * positions));
  std::vector<Part> all;
  for (std::int64_t first = 0; first < side.samples && side.choices > 0; first += step)
    all.push_back({first, std::min(step, side.samples - first), side.choices});
  return all;
}

MatrixView<const double> inputs(const Linear& linear, const Part& part) {
  return {linear.a.data() + linear.in * linear.positions * part.first, linear.in,
          linear.positions * part.samples, linear.in};
}

MatrixView<const double> backward_signals(const Linear& linear, const Part& part) {
  return {linear.b.data() + linear.out * linear.positions * part.first_row(), linear.out,
          linear.positions * part.rows(), linear.out};
}

/// Memory of the products of one tile, kept between tiles.
struct TileProducts {
  std::vector<double> inputs, signals, factor;

  static MatrixView<double> product(std::vector<double>& memory, MatrixView<const double> left,
                                    MatrixView<const double> right) {
    memory.resize(static_cast<std::size_t>(left.cols * right.cols));
    const MatrixView<double> view{memory.data(), left.cols, right.cols,
                                  std::max<std::int64_t>(1, left.cols)};
    blas::gemm(Op::transpose, Op::none, 1.0, left, right, 0.0, view);
    return view;
  }
};

/// sum[r] += factor[r]·signal[r]
void add_scaled(std::int64_t rows, const double* factor, const double* signal, double* sum) {
#pragma omp simd
  for (std::int64_t r = 0; r < rows; ++r)
    sum[r] += factor[r] * signal[r];
}

/// out += (weight·(A'A) + bias) ∘ (B'B) of one position; the factor is made once a pair of samples
/// and spread over the rows' choices once a sample of the columns.
void add_single_position(MatrixView<const double> aa, MatrixView<const double> bb, double weight,
                         double bias, const Part& rows, const Part& columns,
                         std::vector<double>& memory, MatrixView<double> out) {
  memory.resize(static_cast<std::size_t>(rows.rows()));
  double* factor = memory.data();
  for (std::int64_t j = 0; j < columns.samples; ++j) {
    const double* of_a = aa.col(j);
    if (rows.choices == 1) {
#pragma omp simd
      for (std::int64_t i = 0; i < rows.samples; ++i)
        factor[i] = weight * of_a[i] + bias;
    } else {
      for (std::int64_t i = 0; i < rows.samples; ++i)
        std::fill_n(factor + i * rows.choices, rows.choices, weight * of_a[i] + bias);
    }
    for (std::int64_t q = j * columns.choices; q < (j + 1) * columns.choices; ++q)
      add_scaled(out.rows, factor, bb.col(q), out.col(q));
  }
}

/// The sum over t of one column s: Σ_t aa(t)·bb(t) over `positions` contiguous numbers.
double position_sum(const double* aa, const double* bb, std::int64_t positions) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t t = 0; t < positions; ++t)
    sum += aa[t] * bb[t];
  return sum;
}

/// out += weight·Σ_{t,s} (A'A)∘(B'B) over blocks of positions × positions.
void add_positions(MatrixView<const double> aa, MatrixView<const double> bb, double weight,
                   std::int64_t positions, const Part& rows, const Part& columns,
                   MatrixView<double> out) {
  for (std::int64_t q = 0; q < columns.rows(); ++q)
    for (std::int64_t s = 0; s < positions; ++s) {
      const double* of_a = aa.col(q / columns.choices * positions + s);
      const double* of_b = bb.col(q * positions + s);
      for (std::int64_t i = 0, r = 0; i < rows.samples; ++i)
        for (std::int64_t c = 0; c < rows.choices; ++c, ++r)
          out(r, q) += weight * position_sum(of_a + i * positions, of_b + r * positions, positions);
    }
}

void add_by_signals(const Linear& left, const Linear& right, double weight, double bias,
                    const Part& rows, const Part& columns, TileProducts& products,
                    MatrixView<double> out) {
  const auto aa =
      TileProducts::product(products.inputs, inputs(left, rows), inputs(right, columns));
  const auto bb = TileProducts::product(products.signals, backward_signals(left, rows),
                                        backward_signals(right, columns));
  if (left.positions == 1)
    add_single_position(aa, bb, weight, bias, rows, columns, products.factor, out);
  else
    add_positions(aa, bb, weight, left.positions, rows, columns, out);
}

/// Gradients of all rows of a side for the inputs [first, first + number): column r is
/// Σ_t b_rt a_tᵀ, out·number entries.
MatrixView<const double> materialise(const Linear& linear, const Signals& side, std::int64_t first,
                                     std::int64_t number, std::vector<double>& memory) {
  const std::int64_t size = linear.out * number;
  memory.resize(static_cast<std::size_t>(size * side.rows()));
  for (std::int64_t r = 0; r < side.rows(); ++r) {
    const Part sample{r / side.choices, 1, side.choices}, row{r, 1, 1};
    blas::gemm(Op::none, Op::transpose, 1.0, backward_signals(linear, row),
               inputs(linear, sample).block(first, 0, number, linear.positions), 0.0,
               MatrixView<double>{memory.data() + size * r, linear.out, number, linear.out});
  }
  return {memory.data(), size, side.rows(), std::max<std::int64_t>(1, size)};
}

void add_by_gradients(const Linear& left, const Linear& right, double weight, const Signals& rows,
                      const Signals& columns, MatrixView<double> out) {
  const bool same = &left == &right;
  const std::int64_t gradients = same ? rows.rows() : rows.rows() + columns.rows();
  const std::int64_t step = std::clamp<std::int64_t>(
      materialised_numbers / std::max<std::int64_t>(1, left.out * gradients), 1, left.in);
  std::vector<double> row_memory, column_memory;
  for (std::int64_t first = 0; first < left.in; first += step) {
    const std::int64_t number = std::min(step, left.in - first);
    const auto of_rows = materialise(left, rows, first, number, row_memory);
    const auto of_columns =
        same ? of_rows : materialise(right, columns, first, number, column_memory);
    blas::gemm(Op::transpose, Op::none, weight, of_rows, of_columns, 1.0, out);
  }
}

/// Σ_t b_rt, out × rows.
std::vector<double> sums_over_positions(const Linear& linear, std::int64_t rows) {
  std::vector<double> sums(static_cast<std::size_t>(linear.out * rows));
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t t = 0; t < linear.positions; ++t)
      for (std::int64_t k = 0; k < linear.out; ++k)
        sums[static_cast<std::size_t>(k + linear.out * r)] +=
            linear.b[static_cast<std::size_t>(k + linear.out * (t + linear.positions * r))];
  return sums;
}

void add_product(double alpha, std::int64_t depth, const std::vector<double>& left,
                 const std::vector<double>& right, MatrixView<double> out) {
  const std::int64_t ld = std::max<std::int64_t>(1, depth);
  blas::gemm(Op::transpose, Op::none, alpha, {left.data(), depth, out.rows, ld},
             {right.data(), depth, out.cols, ld}, 1.0, out);
}

void assert_alike(const Signals& rows, const Signals& columns, MatrixView<double> out) {
  FATHOM_ASSERT(out.rows == rows.rows() && out.cols == columns.rows() &&
                    rows.linear.size() == columns.linear.size() &&
                    rows.direct.size() == columns.direct.size(),
                "a block {} x {} of {} x {} rows, {} and {} linear tensors, {} and {} direct ones",
                out.rows, out.cols, rows.rows(), columns.rows(), rows.linear.size(),
                columns.linear.size(), rows.direct.size(), columns.direct.size());
  for (std::size_t l = 0; l < rows.linear.size(); ++l) {
    const Linear &left = rows.linear[l], &right = columns.linear[l];
    FATHOM_ASSERT(left.weight == right.weight && left.bias == right.bias && left.in == right.in &&
                      left.out == right.out && left.positions == right.positions,
                  "linear tensor {} is {} ({} x {}) in rows, {} ({} x {}) in columns", l,
                  left.weight, left.out, left.in, right.weight, right.out, right.in);
  }
  for (std::size_t l = 0; l < rows.direct.size(); ++l)
    FATHOM_ASSERT(rows.direct[l].tensor == columns.direct[l].tensor,
                  "direct tensor {} is {} in rows, {} in columns", l, rows.direct[l].tensor,
                  columns.direct[l].tensor);
}

/// The layers that go by products of signals, tile by tile, so that a tile of out stays in the
/// cache while all layers of one number of positions are added to it.
void add_tiles(const Network<double>& network, const Signals& rows, const Signals& columns,
               std::span<const std::size_t> layers, std::int64_t positions,
               MatrixView<double> out) {
  TileProducts products;
  for (const Part& right : parts(columns, positions))
    for (const Part& left : parts(rows, positions))
      for (const std::size_t l : layers) {
        const Linear& linear = rows.linear[l];
        if (linear.positions != positions) continue;
        add_by_signals(linear, columns.linear[l], squared_multiplier(network, linear.weight),
                       squared_multiplier(network, linear.bias), left, right, products,
                       out.block(left.first_row(), right.first_row(), left.rows(), right.rows()));
      }
}

}  // namespace

RouteCost linear_block_cost(const LinearBlockShape& shape, SignalRoute route) {
  const double rows = count(shape.row_samples) * count(shape.row_choices);
  const double columns = count(shape.column_samples) * count(shape.column_choices);
  const double in = count(shape.in), out = count(shape.out), positions = count(shape.positions);
  const double signals =
      2.0 * positions * positions *
      (count(shape.row_samples) * count(shape.column_samples) * in + rows * columns * (out + 1.0));
  const double materialised = 2.0 * in * out * (rows * columns + positions * (rows + columns));
  if (route == SignalRoute::automatic)
    route = signals <= materialised ? SignalRoute::signals : SignalRoute::materialised;
  return {route, route == SignalRoute::signals ? signals : materialised};
}

double kernel_block_flops(const Network<double>& network, const GradientSignals<double>& rows,
                          const GradientSignals<double>& columns, SignalRoute route) {
  const double entries = count(rows.rows()) * count(columns.rows());
  double flops = 0;
  for (const Linear& linear : rows.linear) {
    const RouteCost cost = linear_block_cost(block_shape(linear, rows, columns), route);
    flops += cost.flops;
    const bool own_product = linear.positions > 1 || cost.route == SignalRoute::materialised;
    if (linear.bias >= 0 && own_product) flops += 2.0 * entries * count(linear.out);
  }
  for (const DirectGradients<double>& direct : rows.direct)
    flops +=
        2.0 * entries * count(network.tensors()[static_cast<std::size_t>(direct.tensor)].size());
  return flops;
}

void kernel_block(const Network<double>& network, const GradientSignals<double>& rows,
                  const GradientSignals<double>& columns, MatrixView<double> out,
                  SignalRoute route) {
  assert_alike(rows, columns, out);
  for (std::int64_t q = 0; q < out.cols; ++q)
    std::fill_n(out.col(q), out.rows, 0.0);
  if (out.rows == 0 || out.cols == 0) return;

  std::vector<std::size_t> by_signals;
  std::vector<std::int64_t> positions;
  for (std::size_t l = 0; l < rows.linear.size(); ++l) {
    const Linear &left = rows.linear[l], &right = columns.linear[l];
    const auto shape = block_shape(left, rows, columns);
    const bool materialised = linear_block_cost(shape, route).route == SignalRoute::materialised;
    if (materialised) {
      add_by_gradients(left, right, squared_multiplier(network, left.weight), rows, columns, out);
    } else {
      by_signals.push_back(l);
      if (std::find(positions.begin(), positions.end(), left.positions) == positions.end())
        positions.push_back(left.positions);
    }
    if (left.bias >= 0 && (materialised || left.positions > 1))
      add_product(squared_multiplier(network, left.bias), left.out,
                  sums_over_positions(left, rows.rows()),
                  sums_over_positions(right, columns.rows()), out);
  }
  for (const std::int64_t number : positions)
    add_tiles(network, rows, columns, by_signals, number, out);
  for (std::size_t l = 0; l < rows.direct.size(); ++l)
    add_product(1.0, network.tensors()[static_cast<std::size_t>(rows.direct[l].tensor)].size(),
                rows.direct[l].gradient, columns.direct[l].gradient, out);
}

}  // namespace fathom
