#pragma once

// Gradients of many outputs as the tangent kernel needs them: signals of samples and of rows of K,
// packed so that they can travel and be multiplied. Local.

#include "base/large_array.hpp"
#include "gram/empirical_ntk.hpp"
#include "networks/network.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// Which numbers are held of a sample (inputs of layers) and of a row of K (backward signals, and
/// gradients as they are), and where.
///
/// The gradient with respect to a weight is held as the factors a, b of Σ_t b_t a_tᵀ, or formed,
/// whichever makes a pair of rows cheaper: T²(in/(rows a sample)² + out) against in·out. Rows of a
/// trace kernel hold the signals of all choices one below the other (out grows by that factor),
/// divided by √choices; those of the sum of outputs hold their sum.
struct SignalLayout {
  /// A weight (and bias) used once a position. Offsets are into the row part, a's into the sample
  /// part; −1: not there.
  struct Linear {
    std::int64_t weight = -1, bias = -1;  ///< tensors
    std::int64_t in = 0, out = 0, positions = 1;
    double weight_multiplier = 1, bias_multiplier = 0;
    std::int64_t a = -1;         ///< in × positions
    std::int64_t b = -1;         ///< (out·stacked) × positions
    std::int64_t gradient = -1;  ///< (out·in) × stacked, where it is formed
    std::int64_t bias_gradient =
        -1;  ///< out × stacked; not there where the weight is in factors and positions = 1
    bool factors() const { return a >= 0; }
  };
  /// Any other tensor: entries × stacked.
  struct Direct {
    std::int64_t tensor = -1, entries = 0, gradient = -1;
  };

  /// Runs the first sample through the network to see what its signals are.
  explicit SignalLayout(const EmpiricalNtk& ntk);

  std::int64_t stacked = 1;  ///< choices that one row of a trace kernel holds
  double scale = 1;          ///< 1/√stacked, in everything held directly and in the multipliers
  std::vector<Linear> linear;
  std::vector<Direct> direct;
  std::int64_t gradients = 0;  ///< the first so many numbers of a row are gradients
  std::int64_t sample_length = 0, row_length = 0;

  /// The sample part of one sample. out.size() == sample_length
  void write_sample(const GradientSignals<double>& signals, std::int64_t sample, double* out) const;
  /// The row part of one row of K; choice is not looked at where a sample has one row.
  void write_row(const EmpiricalNtk& ntk, const GradientSignals<double>& signals,
                 std::int64_t sample, std::int64_t choice, double* out) const;

  /// Flops of one element of K, the inner products of samples shared out over the rows they serve.
  double entry_flops(std::int64_t rows_a_sample) const;
  /// Errors of an element are estimated as ε · rounding_length() · √(K_ii K_jj); see rounding.hpp.
  double rounding_length() const;
  /// Of one entry of a gradient, relative to the norm over samples of its like, in units of ε.
  double signal_rounding() const;
};

/// Signals of some rows of K and of the samples they belong to.
struct SignalPanel {
  std::vector<std::int64_t> rows;           ///< ascending indices of K
  std::vector<std::int64_t> samples;        ///< ascending, each once
  std::vector<std::int64_t> sample_of_row;  ///< position in samples
  LargeArray<double> sample_part;           ///< sample_length × samples
  LargeArray<double> row_part;              ///< row_length × rows

  /// Names rows and samples; the parts take their size, undefined.
  void name_rows(const SignalLayout& layout, std::span<const std::int64_t> row_list,
                 std::int64_t rows_a_sample);
  /// First row that belongs to samples[sample] or a later one.
  std::int64_t first_row(std::int64_t sample) const;
};

/// Makes the signals of panels, a batch of samples at a time.
class SignalMaker {
 public:
  SignalMaker(const EmpiricalNtk& ntk, const SignalLayout& layout);

  /// The parts of samples number first … first + count − 1 of the panel and of their rows.
  void make(SignalPanel& panel, std::int64_t first, std::int64_t count) const;
  /// Flops of the signals of one sample.
  static double sample_flops(const EmpiricalNtk& ntk);

 private:
  const EmpiricalNtk& ntk_;
  const SignalLayout& layout_;
  std::int64_t batch_;
};

/// Copies the samples and rows that `to` names out of `from`, which has them all.
void select(const SignalLayout& layout, const SignalPanel& from, SignalPanel& to);

/// Blocks of K from panels.
class SignalProducts {
 public:
  struct Range {
    std::int64_t first = 0, count = 0;
  };

  explicit SignalProducts(const SignalLayout& layout);

  /// out ← the elements of K of so many rows of one panel and another; where the rows are the
  /// columns, the lower triangle, and what is above the diagonal is undefined. @pre counts ≥ 1
  void evaluate(const SignalPanel& rows, Range r, const SignalPanel& cols, Range c,
                MatrixView<double> out);

  /// Rows and columns of a block, at most, for products at their full rate.
  std::int64_t row_block() const { return row_block_; }
  std::int64_t col_block() const { return col_block_; }
  double flops() const { return flops_; }  ///< of all products so far

 private:
  /// The rows and columns of a block, and whether they are the same.
  struct Sides {
    const SignalPanel& rows;
    Range r;
    const SignalPanel& cols;
    Range c;
    bool same;
  };
  /// Where vectors stand in a part: `positions` of this height, one after the other, at an offset
  /// of each item.
  struct Vectors {
    std::int64_t length, offset, height, positions;
  };
  static Range samples_of(const SignalPanel& panel, Range rows);
  static MatrixView<const double> gathered(const LargeArray<double>& part, const Vectors& vectors,
                                           Range range, LargeArray<double>& workspace);
  void multiply(const LargeArray<double>& left, Range l, const LargeArray<double>& right, Range r,
                const Vectors& vectors, bool same, MatrixView<double> out);
  MatrixView<const double> inputs(const SignalLayout::Linear& l, const Sides& sides);
  MatrixView<const double> backward(const SignalLayout::Linear& l, const Sides& sides);
  void add_single(const SignalLayout::Linear& l, const Sides& sides, bool first,
                  MatrixView<double> out);
  void add_positions(const SignalLayout::Linear& l, const Sides& sides, bool first,
                     MatrixView<double> out);

  const SignalLayout& layout_;
  std::int64_t row_block_, col_block_;
  double flops_ = 0;
  LargeArray<double> aa_, bb_, left_, right_;
  std::vector<double> spread_;
};

}  // namespace fathom
