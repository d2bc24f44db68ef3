// What knows that a matrix is symmetric: mirroring, asymmetry, products with few columns.
//
// Element (i, j) of one triangle travels to the owner of (j, i), a panel of global columns at a
// time. Both sides derive the same list of tiles from the distribution, so that messages hold
// values only.

#include "base/assert.hpp"
#include "base/fault.hpp"
#include "comm/messages.hpp"
#include "dist/operations.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

namespace fathom {
namespace {

constexpr std::int64_t panel_columns = 512;
constexpr std::int64_t panel_elements = std::int64_t{1} << 23;
constexpr int exchange_tag = 701;

/// Elements that one process of the row axis and one process of the column axis both hold.
struct CommonRun {
  std::int64_t global, in_rows, in_cols, count;
};

std::vector<CommonRun> common_runs(const Distribution& d, int row_proc, int col_proc,
                                   std::int64_t first, std::int64_t last) {
  const auto r = d.rows.runs(row_proc, GlobalIndex(first), GlobalIndex(last));
  const auto c = d.cols.runs(col_proc, GlobalIndex(first), GlobalIndex(last));
  std::vector<CommonRun> found;
  for (std::size_t i = 0, j = 0; i < r.size() && j < c.size();) {
    const std::int64_t begin = std::max(r[i].global, c[j].global);
    const std::int64_t r_end = r[i].global + r[i].count, c_end = c[j].global + c[j].count;
    const std::int64_t end = std::min(r_end, c_end);
    if (begin < end)
      found.push_back(
          {begin, r[i].local + begin - r[i].global, c[j].local + begin - c[j].global, end - begin});
    (r_end <= c_end ? i : j) += 1;
  }
  return found;
}

/// The panel's source columns that land in one process row (`across`), and its source rows that
/// land in one process column (`down`).
struct TileList {
  std::vector<CommonRun> across, down;
  Triangle from;

  /// Whether the tile holds anything of the source triangle.
  bool wanted(const CommonRun& rows, const CommonRun& cols) const {
    return from == Triangle::lower ? rows.global + rows.count - 1 > cols.global
                                   : rows.global < cols.global + cols.count - 1;
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const CommonRun& rows : down)
      for (const CommonRun& cols : across)
        if (wanted(rows, cols)) visit(rows, cols);
  }
  std::int64_t elements() const {
    std::int64_t sum = 0;
    for_each([&](const CommonRun& r, const CommonRun& c) { sum += r.count * c.count; });
    return sum;
  }
};

/// out (cols × rows, tight) ← the transposed tile of a. Eight rows at a time: a cache line is read
/// whole.
void transpose_tile(MatrixView<const double> a, const CommonRun& rows, const CommonRun& cols,
                    double* out) {
  const double* corner = &a(rows.in_rows, cols.in_cols);
  for (std::int64_t first = 0; first < rows.count; first += 8) {
    const std::int64_t last = std::min(first + 8, rows.count);
    for (std::int64_t k = 0; k < cols.count; ++k) {
      const double* column = corner + k * a.ld;
      for (std::int64_t l = first; l < last; ++l)
        out[k + l * cols.count] = column[l];
    }
  }
}

/// visit(local row, local column, values, count) for what the tile holds of the other triangle,
/// a column of the destination at a time.
template <class Visit>
void visit_tile(Triangle from, const CommonRun& rows, const CommonRun& cols, const double* values,
                Visit&& visit) {
  for (std::int64_t l = 0; l < rows.count; ++l) {
    const std::int64_t i = rows.global + l;
    const std::int64_t begin =
        from == Triangle::lower ? 0 : std::clamp<std::int64_t>(i + 1 - cols.global, 0, cols.count);
    const std::int64_t end = from == Triangle::lower
                                 ? std::clamp<std::int64_t>(i - cols.global, 0, cols.count)
                                 : cols.count;
    if (begin < end)
      visit(cols.in_rows + begin, rows.in_cols + l, values + l * cols.count + begin, end - begin);
  }
}

/// Memory that is not touched before it is used.
struct Buffer {
  Buffer() = default;
  explicit Buffer(std::int64_t elements)
      : size(elements), data(new double[static_cast<std::size_t>(elements)]) {}
  std::int64_t size = 0;
  std::unique_ptr<double[]> data;
};

class TransposeExchange {
 public:
  TransposeExchange(const DistMatrix& a, Triangle from) : a_(a), from_(from) {
    FATHOM_ASSERT(a.rows() == a.cols(), "{} x {} is not square", a.rows(), a.cols());
    const std::int64_t round = std::max(a.mb() * a.grid().nprow(), a.nb() * a.grid().npcol());
    const std::int64_t tallest = std::max<std::int64_t>(1, distribution().rows.local_extent(0));
    const std::int64_t wish = std::min(panel_columns, panel_elements / tallest * a.grid().npcol());
    width_ = std::max<std::int64_t>(1, wish / round) * round;
  }

  /// Collective over the grid's parent.
  template <class Visit>
  void run(Visit&& visit) {
    a_.grid().parent().agree([&] {
      fault_point("dist.exchange");
      reserve();
    });
    if (!a_.grid().active()) return;
    for (std::int64_t j = 0; j < a_.cols(); j += width_)
      run_panel(j, std::min(a_.cols(), j + width_), visit);
  }

 private:
  struct Message {
    int row, col;  // the other rank's place in the grid
    TileList tiles;
    std::int64_t offset, elements;
  };

  const Distribution& distribution() const { return a_.distribution(); }
  int myrow() const { return a_.grid().myrow(); }
  int mycol() const { return a_.grid().mycol(); }

  std::int64_t first_row(std::int64_t j) const { return from_ == Triangle::lower ? j : 0; }
  std::int64_t last_row(std::int64_t j_end) const {
    return from_ == Triangle::lower ? a_.rows() : j_end;
  }

  /// What travels from (row, col) to (to_row, to_col) of the panel [j, j_end).
  TileList tiles(int row, int col, int to_row, int to_col, std::int64_t j,
                 std::int64_t j_end) const {
    return {common_runs(distribution(), to_row, col, j, j_end),
            common_runs(distribution(), row, to_col, first_row(j), last_row(j_end)), from_};
  }

  void reserve() {
    tile_.resize(static_cast<std::size_t>(a_.mb() * a_.nb()));
    if (!a_.grid().active() || a_.grid().active_comm().size() == 1) return;
    std::int64_t most_sent = 0, most_received = 0;
    for (std::int64_t j = 0; j < a_.cols(); j += width_) {
      const GlobalIndex end(std::min(a_.cols(), j + width_));
      const auto &row = distribution().rows, &col = distribution().cols;
      most_sent = std::max(
          most_sent, col.lower_bound(end, mycol()) - col.lower_bound(GlobalIndex(j), mycol()));
      most_received = std::max(
          most_received, row.lower_bound(end, myrow()) - row.lower_bound(GlobalIndex(j), myrow()));
    }
    sent_ = Buffer(most_sent * a_.local_rows());
    received_ = Buffer(most_received * a_.local_cols());
  }

  std::vector<Message> messages(bool outgoing, std::int64_t j, std::int64_t j_end) const {
    std::vector<Message> list;
    std::int64_t offset = 0;
    for (int row = 0; row < a_.grid().nprow(); ++row)
      for (int col = 0; col < a_.grid().npcol(); ++col) {
        if (row == myrow() && col == mycol()) continue;
        TileList part = outgoing ? tiles(myrow(), mycol(), row, col, j, j_end)
                                 : tiles(row, col, myrow(), mycol(), j, j_end);
        const std::int64_t elements = part.elements();
        if (elements == 0) continue;
        FATHOM_ASSERT(elements < std::int64_t{1} << 30, "message of {} elements", elements);
        list.push_back({row, col, std::move(part), offset, elements});
        offset += elements;
      }
    FATHOM_ASSERT(offset <= (outgoing ? sent_ : received_).size, "{} elements in a buffer", offset);
    return list;
  }

  template <class Visit>
  void run_panel(std::int64_t j, std::int64_t j_end, Visit&& visit) {
    const std::vector<Message> in = messages(false, j, j_end), out = messages(true, j, j_end);
    Messages flight(a_.grid().active_comm(), exchange_tag);
    for (const Message& message : in)
      flight.receive(received_.data.get() + message.offset, message.elements,
                     a_.grid().rank_of(message.row, message.col));
    for (const Message& message : out) {
      double* const first = sent_.data.get() + message.offset;
      double* next = first;
      message.tiles.for_each([&](const CommonRun& rows, const CommonRun& cols) {
        transpose_tile(a_.local(), rows, cols, next);
        next += rows.count * cols.count;
      });
      flight.send(first, message.elements, a_.grid().rank_of(message.row, message.col));
    }
    const TileList own = tiles(myrow(), mycol(), myrow(), mycol(), j, j_end);
    own.for_each([&](const CommonRun& rows, const CommonRun& cols) {
      transpose_tile(a_.local(), rows, cols, tile_.data());
      visit_tile(from_, rows, cols, tile_.data(), visit);
    });
    for (std::size_t done = 0; done < in.size(); ++done) {
      const Message& message = in[flight.next_arrival()];
      const double* next = received_.data.get() + message.offset;
      message.tiles.for_each([&](const CommonRun& rows, const CommonRun& cols) {
        visit_tile(from_, rows, cols, next, visit);
        next += rows.count * cols.count;
      });
    }
    flight.wait_for_sends();
  }

  const DistMatrix& a_;
  Triangle from_;
  std::int64_t width_ = 1;
  std::vector<double> tile_;
  Buffer sent_, received_;
};

void mirror(DistMatrix& a, Triangle from) {
  const MatrixView<double> local = a.local();
  TransposeExchange(a, from).run(
      [&](std::int64_t i, std::int64_t j, const double* values, std::int64_t count) {
        std::copy_n(values, count, &local(i, j));
      });
}

}  // namespace

void mirror_lower(DistMatrix& a) {
  mirror(a, Triangle::lower);
}

double asymmetry(const DistMatrix& a) {
  const MatrixView<const double> local = a.local();
  double largest = 0;
  TransposeExchange(a, Triangle::lower)
      .run([&](std::int64_t i, std::int64_t j, const double* values, std::int64_t count) {
        const double* here = &local(i, j);
        for (std::int64_t k = 0; k < count; ++k) {
          const double difference = std::abs(here[k] - values[k]);
          // Not "difference > largest": NaN has to count.
          if (!(difference <= largest))
            largest = std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
        }
      });
  return a.grid().parent().max(largest);
}

void symmetrise(DistMatrix& a) {
  const MatrixView<double> local = a.local();
  TransposeExchange(a, Triangle::lower)
      .run([&](std::int64_t i, std::int64_t j, const double* values, std::int64_t count) {
        double* here = &local(i, j);
        for (std::int64_t k = 0; k < count; ++k)
          here[k] = 0.5 * here[k] + 0.5 * values[k];
      });
  mirror(a, Triangle::upper);
}

namespace {

/// The rows of X (n × m) that a process holds, in local order.
std::vector<double> local_rows_of(std::span<const double> x, std::int64_t n, std::int64_t m,
                                  const std::vector<std::int64_t>& index) {
  const std::int64_t count = std::ssize(index);
  std::vector<double> part(static_cast<std::size_t>(count * m));
  for (std::int64_t c = 0; c < m; ++c)
    for (std::int64_t l = 0; l < count; ++l)
      part[static_cast<std::size_t>(l + c * count)] =
          x[static_cast<std::size_t>(index[static_cast<std::size_t>(l)] + c * n)];
  return part;
}

void add_rows(std::span<double> y, std::int64_t n, std::int64_t m,
              const std::vector<std::int64_t>& index, const std::vector<double>& part) {
  const std::int64_t count = std::ssize(index);
  for (std::int64_t c = 0; c < m; ++c)
    for (std::int64_t l = 0; l < count; ++l)
      y[static_cast<std::size_t>(index[static_cast<std::size_t>(l)] + c * n)] +=
          part[static_cast<std::size_t>(l + c * count)];
}

MatrixView<double> view(std::vector<double>& data, std::int64_t rows, std::int64_t m) {
  return {data.data(), rows, m, std::max<std::int64_t>(1, rows)};
}

/// One block of columns of the lower triangle: what stands in the block's own rows element by
/// element, what stands below as two products.
void apply_lower_block(const DistMatrix& a, const CyclicAxis::Run& run, MatrixView<double> x_rows,
                       MatrixView<double> x_cols, MatrixView<double> y_rows,
                       MatrixView<double> y_cols) {
  const MatrixView<const double> local = a.local();
  const CyclicAxis& row = a.distribution().rows;
  const int myrow = a.grid().myrow();
  const std::int64_t m = x_rows.cols, end = run.global + run.count;
  for (const CyclicAxis::Run& part : row.runs(myrow, GlobalIndex(run.global), GlobalIndex(end)))
    for (std::int64_t k = 0; k < run.count; ++k)
      for (std::int64_t r = 0; r < part.count; ++r) {
        const std::int64_t below = part.global + r - (run.global + k);
        if (below < 0) continue;
        const std::int64_t i = part.local + r, j = run.local + k;
        for (std::int64_t c = 0; c < m; ++c) {
          y_rows(i, c) += local(i, j) * x_cols(j, c);
          if (below > 0) y_cols(j, c) += local(i, j) * x_rows(i, c);
        }
      }
  const std::int64_t first = row.lower_bound(GlobalIndex(end), myrow).value();
  const std::int64_t rows = local.rows - first;
  if (rows == 0) return;
  const MatrixView<const double> below = local.block(first, run.local, rows, run.count);
  blas::gemm(Op::none, Op::none, 1.0, below, x_cols.block(run.local, 0, run.count, m), 1.0,
             y_rows.block(first, 0, rows, m));
  blas::gemm(Op::transpose, Op::none, 1.0, below, x_rows.block(first, 0, rows, m), 1.0,
             y_cols.block(run.local, 0, run.count, m));
}

}  // namespace

std::vector<double> symmetric_apply(const DistMatrix& a, SymmetricFill fill,
                                    std::span<const double> x, std::int64_t m) {
  const std::int64_t n = a.rows();
  FATHOM_ASSERT(a.cols() == n && std::ssize(x) == n * m, "{} x {} on {} values, m = {}", n,
                a.cols(), x.size(), m);
  std::vector<double> y;
  a.grid().parent().agree([&] {
    fault_point("dist.apply");
    y.assign(static_cast<std::size_t>(n * m), 0.0);
    if (!a.grid().active() || m == 0) return;
    const auto row = a.distribution().rows.global_indices(a.grid().myrow());
    const auto col = a.distribution().cols.global_indices(a.grid().mycol());
    std::vector<double> x_rows = local_rows_of(x, n, m, row), x_cols = local_rows_of(x, n, m, col);
    std::vector<double> y_rows(x_rows.size()), y_cols(x_cols.size());
    const auto rows = a.local_rows(), cols = a.local_cols();
    if (fill == SymmetricFill::full) {
      if (cols > 0)
        blas::gemm(Op::none, Op::none, 1.0, a.local(), view(x_cols, cols, m), 0.0,
                   view(y_rows, rows, m));
    } else {
      for (const CyclicAxis::Run& run : a.distribution().cols.runs(a.grid().mycol()))
        apply_lower_block(a, run, view(x_rows, rows, m), view(x_cols, cols, m),
                          view(y_rows, rows, m), view(y_cols, cols, m));
      add_rows(y, n, m, col, y_cols);
    }
    add_rows(y, n, m, row, y_rows);
  });
  a.grid().parent().sum(std::span(y));
  return y;
}

}  // namespace fathom
