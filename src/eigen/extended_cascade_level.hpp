#pragma once

// One level of the extended cascade.

#include "dist/exact_product.hpp"
#include "eigen/extended_cascade.hpp"

#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

namespace fathom {

/// Modes above about this share of a level's largest are its head: well above the double solver's
/// error, far enough down to need few levels.
inline constexpr double extended_head_threshold = 1e-8;

/// Accuracies of products, by element relative to the sizes of row and column. Of A·U for the rest:
/// errors of that size in all elements have a norm of some 2^-104 of the largest eigenvalue's.
inline double extended_accuracy(std::int64_t n) {
  return 0x1p-108 / std::sqrt(static_cast<double>(n));
}
/// Of A·U for the head, whose smallest eigenvalue is 1e-9 of the largest: 2^-56 of that.
inline constexpr double extended_head_accuracy = 0x1p-86;
/// Of R_hr, relative to the rest of A·U: it enters the Schur complement squared.
inline constexpr double extended_coupling_accuracy = 0x1p-66;
/// How far beyond its tolerance a product may stand on a probe.
inline constexpr double extended_probe_limit = 2;
/// Slices that hold the vectors' 53 bits.
inline constexpr int extended_vector_slices = 3;

/// What a level starts from: the matrix, symmetric, in its own layout, and what was lost before.
struct LevelInput {
  ExtendedMatrix matrix;
  double absolute = 0;  ///< the exact eigenvalues lie so far from this matrix's, in absolute terms
  double relative = 0;  ///< and in proportion to themselves
  double negligible = 0;  ///< a negative eigenvalue of this size refutes nothing
  int exponent = 0;       ///< of the units, for messages
};

struct LevelModes {
  std::vector<DoubleDouble> value;  ///< of the head, or all
  std::vector<double> bound;
  /// In the coordinates of this level; n × k and n × (n − k), only where asked for.
  std::optional<DistMatrix> head_vectors, rest_vectors;
  ExtendedLevel facts;
  double norm = 0;  ///< ‖A‖₂
  DoubleDouble trace = 0.0;
  double frobenius = 0;
  /// Of the eigenvectors of the rounded matrix.
  double residual_ratio = 0, orthogonality_ratio = 0;
};

struct LevelOutput {
  LevelModes modes;
  std::optional<LevelInput> rest;  ///< none where all modes are found
};

/// Does one level; input.matrix is freed on the way. Errors as solve_extended. Collective.
/// @pre entries finite and of moderate size
LevelOutput run_level(LevelInput input, const SolverPlan& plan, bool vectors,
                      const VerifyOptions& verify, int number, ExtendedTimings& timings,
                      Progress& progress);

/// Whether a double solver loses no more than what is lost already.
bool ends_in_double(std::int64_t n, double frobenius, double absolute);

}  // namespace fathom
