#pragma once

// One assembly of an empirical tangent kernel: panels of signals, strip by strip, and the block of
// the matrix that two strips span. Between two such blocks it may be kept and ended.

#include "gram/assembly.hpp"
#include "gram/empirical_ntk.hpp"
#include "gram/empirical_ntk_plan.hpp"
#include "gram/signal_panel.hpp"
#include "gram/triangle_parts.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace fathom {

/// Everything referred to outlives it.
class EntkAssembler {
 public:
  /// Plans, allocates the matrix, and takes up what the options' keeper has of it: in the same
  /// layout with the same strips, so that the same bits follow; in another one the parts that are
  /// left. Collective over the grid's parent.
  EntkAssembler(const ProcessGrid& grid, std::int64_t block, const EmpiricalNtk& ntk,
                const AssemblyOptions& options, const SignalLayout& layout);

  /// The lower triangle, or what is left of it. Once. Collective.
  void run();

  /// Fills the upper triangle; kernel, normalization and the useful flops of the report are the
  /// caller's to set. The object is spent. Collective.
  Assembly finish();

 private:
  /// A strip of local rows or columns.
  struct Strip {
    std::int64_t first = 0, count = 0;
  };
  /// One side of a rank's block: what it holds of an axis, and the ranks that hold the same.
  struct Side {
    std::vector<std::int64_t> items;  // ascending; none on idle ranks
    const Communicator* sharing;      // null on idle ranks
  };
  struct Block;
  /// How a part is done.
  struct PartPlan {
    PartSteps steps;
    bool copies;     // the outer strip is everything, and contains what the inner side needs
    bool one_panel;  // serves both sides
  };
  using Agree = std::function<void(const std::function<void()>&)>;

  bool once() const { return plan_.movement == Movement::made_once; }
  StripOrder order() const { return {plan_.rows_outer, plan_.outer, plan_.inner}; }
  std::vector<std::int64_t> layout_numbers() const;
  TriangleProgress take_up();
  AssemblyMark mark() const;
  PartPlan plan_part(const TrianglePart& part) const;
  void all_parts(const Agree& agree);
  void all_steps(const PartPlan& part, const Agree& agree);
  void step(const PartPlan& part, const Strip& outer, const Strip& inner, const Agree& agree);
  void ask_keeper();

  Strip outer_strip(const PartPlan& part, std::int64_t number) const;
  Strip inner_strip(const PartPlan& part, std::int64_t number) const;
  const Side& outer_side() const { return plan_.rows_outer ? rows_ : cols_; }
  const Side& inner_side() const { return plan_.rows_outer ? cols_ : rows_; }
  void make(const Side& side, const Strip& strip, SignalPanel& panel);
  void make_inner(const PartPlan& part, const Strip& strip);
  void gather(const Side& side, SignalPanel& panel);
  void evaluate(const Block& block);
  void lower_part(const Block& block, Strip cols, std::int64_t end);
  void rectangle(const Block& block, Strip rows, Strip cols);

  ProcessGrid grid_;
  const EmpiricalNtk& ntk_;
  const AssemblyOptions& options_;
  const SignalLayout& layout_;
  SignalMaker maker_;
  SignalProducts products_;
  DistMatrix matrix_;
  EntkPlan plan_;
  Side rows_, cols_;
  TriangleProgress progress_;
  SignalPanel outer_, inner_;
  std::int64_t steps_done_ = 0, steps_in_all_ = 0;  // of this run
  AssemblySeconds seconds_;
  double samples_made_ = 0;  // by this rank
  double product_flops_ = 0, signal_flops_ = 0;
};

}  // namespace fathom
