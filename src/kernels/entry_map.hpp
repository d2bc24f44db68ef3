#pragma once

// A kernel given entry by entry: K_ij = map(pair quantity of i and j, row scalar a_i, column
// scalar b_j). The matrix of pair quantities comes from distributed products; the map then works
// in place on any block of it. Everything here is local.

#include "base/view.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace fathom {

/// What a block holds before the map.
enum class PairQuantity {
  inner_product,  ///< s_ij; scalars are a_i = s_ii
  squared_chord,  ///< |x_i − x_j|²; scalars are |x_i|²
};

/// What the rows (or the columns) of a block bring along: made once for a set of rows, used for
/// every block in which they stand.
struct MapSide {
  std::vector<std::int64_t> index;         ///< global indices, ascending
  std::vector<double> scalar;              ///< a_i
  std::vector<double> diagonal;            ///< K_ii, exact; put where row and column index agree
  std::vector<std::vector<double>> table;  ///< what the map keeps a row; its own business
  std::vector<double> tail;                ///< series alone: largest Σ c_k² behind each term

  std::int64_t size() const { return std::ssize(index); }
};

/// Sums over the off-diagonal entries of a block, for the error bound of the assembled matrix:
///   ‖ΔK‖_F ≲ η √slope_squared + √truncation_squared + c ε √value_squared,
/// η the error of a pair quantity relative to √(a_i b_j) (for squared chords: half of it).
struct MapError {
  double slope_squared = 0.0;       ///< Σ (|∂K/∂s| √(a b))²
  double truncation_squared = 0.0;  ///< Σ (bound of the series' remainder)²
  double value_squared = 0.0;       ///< Σ K²

  MapError& operator+=(const MapError& other);
};

class EntryMap {
 public:
  virtual ~EntryMap() = default;

  virtual PairQuantity pair_quantity() const = 0;

  /// Growth exponent of the kernel in a scalar: a relative error δ of the scalars adds about
  /// scalar_slope()·δ·‖K‖_F to the error.
  virtual double scalar_slope() const = 0;

  /// @pre scalars ≥ 0 and finite, index ascending, equal lengths
  virtual MapSide side(std::span<const double> scalar,
                       std::span<const std::int64_t> index) const = 0;

  /// Maps a block in place; its rows are rows.index[first_row …], its columns
  /// cols.index[first_col …]. Diagonal entries are set from rows.diagonal whatever was there.
  /// A NaN stays a NaN.
  /// @pre both sides were made by this map and cover the block
  MapError apply(const MapSide& rows, std::int64_t first_row, const MapSide& cols,
                 std::int64_t first_col, MatrixView<double> block) const;

  /// One off-diagonal entry.
  double entry(double a, double b, double pair) const;

 protected:
  EntryMap() = default;
  EntryMap(const EntryMap&) = default;
  EntryMap& operator=(const EntryMap&) = default;

  /// One column, at most column_chunk rows, no diagonal in it that would count.
  virtual MapError map_column(const MapSide& rows, std::int64_t first_row, const MapSide& cols,
                              std::int64_t col, std::span<double> pairs) const = 0;

  static constexpr std::int64_t column_chunk = 256;
};

}  // namespace fathom
