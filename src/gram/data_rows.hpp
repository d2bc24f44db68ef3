#pragma once

// Rows of vectors keyed by item: data samples X (items are samples) and random weights W (items are
// features), made where they are needed or taken from a matrix that a study holds.

#include "base/random.hpp"
#include "base/view.hpp"
#include "dist/dist_matrix.hpp"
#include "kernels/data.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace fathom {

/// Vectors of dim() coordinates, one for each of count() items.
class DataRows {
 public:
  DataRows() = default;
  virtual ~DataRows() = default;
  DataRows(const DataRows&) = delete;
  DataRows& operator=(const DataRows&) = delete;

  virtual std::int64_t count() const = 0;
  virtual std::int64_t dim() const = 0;
  virtual std::string description() const = 0;
  /// Counted seconds to make one coordinate.
  virtual double seconds_per_value() const = 0;
  /// Unit roundoff of the numbers: 2⁻⁵³, or 2⁻²⁴ where they come from a float32 file.
  virtual double input_epsilon() const { return 0x1p-53; }

  /// The matrix that holds the rows where they are held (count × dim, any layout), else nullptr.
  virtual const DistMatrix* held() const { return nullptr; }

  /// out(k, q) = coordinate first + k of items[q]. Local. @pre held() == nullptr
  virtual void make(std::span<const std::int64_t> items, std::int64_t first,
                    MatrixView<double> out) const = 0;

  /// True where squared chords |x_i − x_j|² come from the data's own geometry, exact to a few ulp.
  virtual bool knows_chords() const { return false; }
  /// out(r, c) = |x_rows[r] − x_cols[c]|². Local. @pre knows_chords()
  virtual void fill_squared_chords(std::span<const std::int64_t> rows,
                                   std::span<const std::int64_t> cols,
                                   MatrixView<double> out) const;
  /// The circle on which the rows lie, where they are its points; else nullptr. Extended precision
  /// takes its inner products from there, not from the rounded coordinates.
  virtual const Circle* circle() const { return nullptr; }
};

/// Samples x ~ N(0, H), H_jj = j^−alpha (THEORY.md 1.1): x_j = j^{−alpha/2} z.
std::unique_ptr<DataRows> power_law_rows(std::int64_t n, std::int64_t dim, double alpha,
                                         std::uint64_t seed);
/// Uniform on the unit sphere of R^dim.
std::unique_ptr<DataRows> sphere_rows(std::int64_t n, std::int64_t dim, std::uint64_t seed);
/// Points of the unit circle, (cos θ, sin θ), equispaced or uniform at random; their chords are
/// exact.
std::unique_ptr<DataRows> circle_rows(std::int64_t n, CircleSpacing spacing, std::uint64_t seed);
/// The rows of a matrix n × dim that outlives this object.
std::unique_ptr<DataRows> given_rows(const DistMatrix& x, double input_epsilon,
                                     std::string description);
/// i.i.d. N(0, 1) weights of d features over dim coordinates, keyed by (feature, coordinate).
std::unique_ptr<DataRows> normal_weights(std::int64_t features, std::int64_t dim,
                                         std::uint64_t seed);

/// Columns of H^½ W: coordinate j of feature i is j^{−alpha/2} W_ji (j from 1), W as
/// normal_weights has it.
std::unique_ptr<DataRows> power_law_weights(std::int64_t features, std::int64_t dim, double alpha,
                                            std::uint64_t seed);

}  // namespace fathom
