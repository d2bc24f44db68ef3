#pragma once

// The signals of a chunk brought to the block that needs them, chunk after chunk, in either
// movement.

#include "comm/process_grid.hpp"
#include "gram/assembly.hpp"
#include "gram/signal_source.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace fathom {

/// Signals of the inner indices first … first + rows.rows − 1 (count × items, column-major).
struct SignalPanels {
  std::int64_t first = 0;
  MatrixView<const double> rows;  ///< of this rank's local rows, in local order
  MatrixView<const double> cols;  ///< of its local columns
};

/// A run over the inner dimension, or over what is left of it.
struct StreamSteps {
  std::int64_t first = 0;  ///< the first inner index
  /// After a chunk: done of total inner indices. Local.
  std::function<void(std::int64_t done, std::int64_t total)> progress;
  /// After a chunk, on every rank. Collective; may throw an AgreedError.
  std::function<void(std::int64_t done)> between;
};

/// In made once, the local rows of a grid row are shared out in contiguous ranges over its ranks;
/// a chunk of them is gathered along the grid row, then what the columns need along the grid
/// column.
class PanelStream {
 public:
  /// Local. The source outlives this object.
  PanelStream(const ProcessGrid& grid, const Distribution& distribution, SignalSource& source,
              const MovementPlan& plan);

  /// Runs over the inner dimension once; consume gets every chunk in order. It is local and may
  /// throw on one rank. Time is added to `seconds`, that of consume to seconds.*phase. Collective
  /// over the grid's parent.
  void run(const std::function<void(const SignalPanels&)>& consume, double AssemblySeconds::*phase,
           AssemblySeconds& seconds, const StreamSteps& steps = {});

  /// Gives back the panels and what the source keeps; the next run takes them again. Local.
  void release();

  const std::vector<std::int64_t>& row_items() const { return row_items_; }
  const std::vector<std::int64_t>& col_items() const { return col_items_; }

 private:
  void find_reuse();
  void plan_exchange();
  void allocate();
  void make(std::int64_t first, std::int64_t count);
  void move(std::int64_t count);
  void copy_columns(MatrixView<const double> from, std::span<const std::int64_t> at,
                    MatrixView<double> to) const;
  MatrixView<double> row_panel(std::int64_t count);
  MatrixView<double> col_panel(std::int64_t count);
  SignalPanels panels(std::int64_t first, std::int64_t count);

  ProcessGrid grid_;
  Distribution distribution_;
  SignalSource& source_;
  MovementPlan plan_;
  bool once_;
  bool allocated_ = false;

  std::vector<std::int64_t> row_items_, col_items_;
  // In place: where one list contains the other one, its signals are copied, not made again.
  std::vector<std::int64_t> cols_in_rows_, rows_in_cols_;
  bool reuse_rows_ = false, reuse_cols_ = false;
  // Made once.
  std::int64_t share_begin_ = 0;
  std::span<const std::int64_t> share_;
  std::vector<std::int64_t> share_counts_;   // local rows of each rank of the grid row
  std::vector<std::int64_t> column_counts_;  // my columns that each rank of the grid column sends
  std::vector<std::int64_t> sent_rows_;      // local rows of mine that the grid column needs
  std::vector<std::int64_t> arrival_;        // local column of each arriving one, in order

  std::vector<double> rows_, cols_, sent_, arrived_;
};

}  // namespace fathom
