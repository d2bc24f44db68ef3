#pragma once

// From a signal source to a symmetric matrix: K = scale · Σ_k s_k(i) s_k(j) on the lower triangle,
// passes over its elements, and the mirror at the end.

#include "base/timer.hpp"
#include "gram/assembly.hpp"
#include "gram/panel_stream.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace fathom {

/// One assembly. Every member function is collective over the grid's parent unless it says local.
class GramAssembler {
 public:
  /// Plans the movement, allocates the matrix, and takes up what the options' keeper has of it.
  /// The source outlives this object.
  GramAssembler(const ProcessGrid& grid, std::int64_t block, SignalSource& source,
                const AssemblyOptions& options);

  /// Lower triangle ← scale · Σ_k s_k(i) s_k(j); what lies above stays undefined. Once.
  void accumulate(double scale);

  /// Another run over the signals: consume(panels) is local.
  void stream(const std::function<void(const SignalPanels&)>& consume);

  /// Calls column(col, first, k) for every local column with elements at or below the diagonal:
  /// local column, first local row, k = the elements from there downwards. Local.
  using ColumnAction =
      std::function<void(std::int64_t col, std::int64_t first, std::span<double> k)>;
  void visit_columns(const ColumnAction& column);

  /// The same, agreed: a pass of the kernel's map.
  void map_columns(const ColumnAction& column);

  /// The diagonal as it stands, replicated.
  std::vector<double> diagonal() const;
  double frobenius() const;  ///< ‖K‖_F as it stands

  /// Rounding errors of S_ij are estimated as 2⁻⁵³ · rounding_length() · √(S_ii S_jj). See
  /// rounding.hpp.
  double rounding_length() const { return rounding_length_; }

  /// Of the signals that were summed, all ranks. Local.
  const SignalRounding& signal_rounding() const { return signal_rounding_; }

  /// Fills the upper triangle and hands over the matrix and the report (kernel and normalization
  /// are the caller's to set). The object is spent.
  Assembly finish(double assembly_error, double input_epsilon);

  const std::vector<std::int64_t>& row_items() const { return stream_.row_items(); }  ///< local
  const std::vector<std::int64_t>& col_items() const { return stream_.col_items(); }  ///< local
  const ProcessGrid& grid() const { return matrix_.grid(); }                          ///< local
  AssemblyReport& report() { return report_; }                                        ///< local

 private:
  class Products;
  AssemblyMark take_up();
  MovementPlan plan_as_kept(SignalSource& source) const;
  AssemblyMark mark(const Products& products) const;
  void conclude(const AssemblyMark& all);

  Timer timer_;
  AssemblyOptions options_;
  DistMatrix matrix_;
  std::int64_t inner_;
  AssemblyMark kept_;
  AssemblyReport report_;
  MovementPlan plan_;
  SignalSource& source_;
  PanelStream stream_;
  double signal_flops_;
  double rounding_length_ = 1;
  SignalRounding signal_rounding_;
};

}  // namespace fathom
