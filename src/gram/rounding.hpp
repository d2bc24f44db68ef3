#pragma once

// What rounding costs an assembled Gram matrix: upper estimates of ‖computed − exact‖₂. Pure.
//
// Model. S_ij is summed in chunks of q terms. Within chunk c every partial sum is at most
// √(a_i^c a_j^c) (Cauchy–Schwarz; a^c the chunk's part of the diagonal) and its q roundings are
// independent: variance ε² q a_i^c a_j^c. Adding a chunk to the running sum rounds once more:
// variance ε² a_i a_j. Over all chunks, with t_c = Σ_i a_i^c and t = Σ_c t_c,
//   δS_ij ≈ ε · L · √(a_i a_j),   L² = Σ_c q_c (t_c/t)² + (number of chunks)
// (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 3.1, with the statistical
// square root of 2.8 in place of the worst case). For signals of even size L ≈ √(inner); for a
// power law the first chunk dominates and L stays near √q. ‖·‖₂ ≤ ‖·‖_F makes a matrix estimate of
// the entries' ones: above the true norm of independent errors by up to √n/2.

#include <cstdint>
#include <span>

namespace fathom {

/// Unit roundoff of double.
inline constexpr double unit_roundoff = 0x1p-53;

/// L from the traces of the chunks and their lengths.
/// @pre equally many of both, traces ≥ 0
double rounding_length(std::span<const double> chunk_trace,
                       std::span<const std::int64_t> chunk_length);

}  // namespace fathom
