#pragma once

// How the panels of signals of an empirical tangent kernel come to the blocks that need them, and
// how many rows and columns at a time, chosen by counted cost. Pure.

#include "dist/distribution.hpp"
#include "gram/movement.hpp"

#include <cstdint>
#include <string>

namespace fathom {

/// What a plan has to know of the kernel.
struct SignalSizes {
  std::int64_t rows_a_sample = 1;
  std::int64_t sample_length = 0, row_length = 0;  ///< doubles held of a sample, of a row of K
  double sample_flops = 0;                         ///< of making the signals of one sample
  double entry_flops = 0;                          ///< of one element of K
};

/// One side of the local block is taken in strips, the outer one; for each of its strips the other
/// side goes past in strips of its own, made again for each.
struct EntkPlan {
  Movement movement = Movement::in_place;
  bool rows_outer = true;
  std::int64_t outer = 1, inner = 1;  ///< local rows or columns at a time, the same on every rank
  std::int64_t outer_strips = 1, inner_strips = 1;  ///< the same on every rank
  /// The outer strip is everything, and contains what the inner side needs: it is copied.
  bool copies = false;
  double in_place_seconds = 0, made_once_seconds = 0;  ///< of making and moving, one rank
  std::int64_t workspace_doubles = 0;                  ///< of both strips
  std::string reason;
};

/// Samples that so many consecutive local rows belong to, at most.
std::int64_t samples_of_rows(std::int64_t rows, std::int64_t rows_a_sample, std::int64_t block);

/// strip_wish (0 = by memory) bounds outer and inner. Strips stay below one share of the matrix,
/// or 2^24 doubles where that is less. Inner strips, after each of which an assembly may end, are
/// so short that the products of a block take 10 s, or as long as 64 indices do.
EntkPlan plan_empirical_ntk(const SignalSizes& sizes, const Distribution& distribution,
                            Movement wish, std::int64_t strip_wish, const MachineRates& rates = {});

}  // namespace fathom
