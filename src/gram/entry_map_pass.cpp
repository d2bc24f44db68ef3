#include "gram/entry_map_pass.hpp"

#include "gram/rounding.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace fathom {
namespace {

constexpr double map_roundings = 4;  // ε an entry, of the map's own evaluation

std::vector<double> picked(std::span<const double> values, const std::vector<std::int64_t>& at) {
  std::vector<double> out;
  out.reserve(at.size());
  for (const std::int64_t i : at)
    out.push_back(values[static_cast<std::size_t>(i)]);
  return out;
}

/// The map on this rank's columns, and the sums that its error estimate needs.
class EntryMapPass {
 public:
  EntryMapPass(const GramAssembler& assembler, const EntryMap& map, std::span<const double> scalar)
      : map_(map),
        rows_(map.side(picked(scalar, assembler.row_items()), assembler.row_items())),
        cols_(map.side(picked(scalar, assembler.col_items()), assembler.col_items())) {}

  void column(std::int64_t col, std::int64_t first, std::span<double> k) {
    if (map_.pair_quantity() == PairQuantity::squared_chord)
      chords(col, first, k);
    else
      error_ += apply(col, first, k);
    const bool diagonal = index(rows_, first) == index(cols_, col);
    if (diagonal) diagonal_squared_ += k[0] * k[0];
  }

  const MapError& error() const { return error_; }
  double diagonal_squared() const { return diagonal_squared_; }

 private:
  static std::int64_t index(const MapSide& side, std::int64_t i) {
    return side.index[static_cast<std::size_t>(i)];
  }

  MapError apply(std::int64_t col, std::int64_t first, std::span<double> k) const {
    return map_.apply(rows_, first, cols_, col, {k.data(), std::ssize(k), 1, std::ssize(k)});
  }

  /// Runs of chords from products (error η√(ab), twice for the two norms in it) and of chords from
  /// differences (error η times the chord itself).
  void chords(std::int64_t col, std::int64_t first, std::span<double> k) {
    for (std::size_t begin = 0, end = 0; begin < k.size(); begin = end) {
      const bool summed = std::signbit(k[begin]);
      while (end < k.size() && std::signbit(k[end]) == summed)
        ++end;
      const std::span<double> run = k.subspan(begin, end - begin);
      const std::int64_t row = first + static_cast<std::int64_t>(begin);
      const double part = summed ? largest_part(col, row, run) : 2.0;
      MapError error = apply(col, row, run);
      error.slope_squared *= part * part;
      error_ += error;
    }
  }

  /// Takes the marks away; the largest chord over the length of a row, |x − y|/√(|x||y|), which
  /// bounds what chord and norms lose in their difference.
  double largest_part(std::int64_t col, std::int64_t row, std::span<double> run) const {
    const double b = cols_.scalar[static_cast<std::size_t>(col)];
    double largest = 0;
    for (std::size_t i = 0; i < run.size(); ++i) {
      run[i] = std::abs(run[i]);
      const double a = rows_.scalar[static_cast<std::size_t>(row) + i];
      if (a * b > 0) largest = std::max(largest, run[i] / std::sqrt(a * b));
    }
    return std::sqrt(largest);
  }

  const EntryMap& map_;
  MapSide rows_, cols_;
  MapError error_;
  double diagonal_squared_ = 0;
};

}  // namespace

double product_error(const GramAssembler& assembler) {
  double trace = 0;
  for (const double a : assembler.diagonal())
    trace += a;
  return unit_roundoff * assembler.rounding_length() * trace;
}

double apply_entry_map(GramAssembler& assembler, const EntryMap& map,
                       std::span<const double> scalar) {
  std::optional<EntryMapPass> pass;
  assembler.map_columns([&](std::int64_t col, std::int64_t first, std::span<double> k) {
    if (!pass) pass.emplace(assembler, map, scalar);
    pass->column(col, first, k);
  });

  // Twice the lower triangle, once the diagonal.
  std::vector<double> sums(3, 0.0);
  if (pass) {
    const MapError& error = pass->error();
    sums = {2 * error.slope_squared, 2 * error.truncation_squared,
            2 * error.value_squared + pass->diagonal_squared()};
  }
  assembler.grid().parent().sum(std::span(sums));
  const double relative = unit_roundoff * assembler.rounding_length();
  return relative * std::sqrt(sums[0]) + std::sqrt(sums[1]) +
         (2 * map.scalar_slope() * relative + map_roundings * unit_roundoff) * std::sqrt(sums[2]);
}

}  // namespace fathom
