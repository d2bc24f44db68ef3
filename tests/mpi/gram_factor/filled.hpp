#pragma once

// Whole factors, filled chunk by chunk.

#include "dist/interfaces.hpp"
#include "gathered.hpp"

namespace fathom {

/// F, whole on every rank, from chunks of `chunk` rows (the last one shorter). Collective.
inline Reference filled(const FactorSource& factor, const ProcessGrid& grid, std::int64_t mb,
                        std::int64_t nb, std::int64_t chunk) {
  Reference out(factor.rows(), factor.cols());
  for (std::int64_t first = 0; first < factor.rows(); first += chunk) {
    const std::int64_t count = std::min(chunk, factor.rows() - first);
    DistMatrix part = DistMatrix::make(grid, count, factor.cols(), mb, nb);
    part.fill(std::nan(""));
    factor.fill(part, first);
    const Reference rows = gathered(part);
    std::copy(rows.value.begin(), rows.value.end(), out.value.begin() + first * factor.cols());
  }
  return out;
}

/// A held copy of rows made by key, in blocks mb × nb on a grid.
inline DistMatrix held_copy(const DataRows& rows, const ProcessGrid& grid, std::int64_t mb,
                            std::int64_t nb) {
  const Reference values = made(rows);
  DistMatrix x = DistMatrix::make(grid, rows.count(), rows.dim(), mb, nb);
  x.fill_from([&](std::int64_t i, std::int64_t j) { return static_cast<double>(values(i, j)); });
  return x;
}

}  // namespace fathom
