#pragma once

// The header of a .npy file (NumPy Enhancement Proposal 1: versions 1.0, 2.0 and 3.0). Pure.

#include "store/matrix_file.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace fathom {

/// True where the bytes start as a .npy file does.
bool is_npy(std::string_view first_bytes);

/// Bytes that hold any header accepted here; a longer one is refused.
inline constexpr std::int64_t npy_header_limit = 1 << 16;

/// The header at the start of a file of file_bytes bytes. `start` holds the file's first bytes:
/// npy_header_limit of them, or all where the file is shorter. `what` names the file in messages.
/// Accepted: one or two dimensions of at least one element each, float32, float64 and integers of 1
/// to 8 bytes in either byte order, data as long as the shape says. Error(input) for all else.
ArrayHeader parse_npy_header(std::string_view start, std::int64_t file_bytes,
                             const std::string& what);

/// Checks a shape against 1 ≤ axes ≤ 2, no empty axis, and rows × cols × item_bytes < 2^62.
/// Error(input). For every format.
void check_shape(const ArrayHeader& header, const std::string& what);

}  // namespace fathom
