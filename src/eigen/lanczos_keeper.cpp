#include "eigen/lanczos_keeper.hpp"

#include <algorithm>

namespace fathom {

LanczosVectors::LanczosVectors(const Communicator& comm, std::int64_t n, std::int64_t m,
                               std::int64_t steps)
    : comm_(comm),
      probes_(m),
      steps_(steps),
      axis_(n, std::max<std::int64_t>(1, (n + comm.size() - 1) / comm.size()), comm.size()),
      rows_(axis_.local_extent(comm.rank())) {}

void LanczosVectors::allocate() {
  values_.resize(static_cast<std::size_t>(rows_ * probes_ * steps_));
}

MatrixView<double> LanczosVectors::of(std::int64_t probe, std::int64_t count) {
  return {values_.data() + probe * rows_ * steps_, rows_, count, std::max<std::int64_t>(1, rows_)};
}

DistMatrix LanczosVectors::copy(std::int64_t first, std::int64_t count) {
  if (!grid_) grid_.emplace(comm_, GridShape{comm_.size(), 1});
  const std::int64_t columns = probes_ * count;
  DistMatrix all = DistMatrix::make(*grid_, order(), columns, axis_.block(), columns);
  for (std::int64_t step = 0; step < count; ++step)
    for (std::int64_t p = 0; p < probes_ && rows_ > 0; ++p)
      std::copy_n(of(p, steps_).col(first + step), rows_, all.local().col(step * probes_ + p));
  return all;
}

void LanczosVectors::set(std::int64_t first, const DistMatrix& vectors) {
  for (std::int64_t column = 0; column < vectors.cols() && rows_ > 0; ++column)
    std::copy_n(vectors.local().col(column), rows_,
                of(column % probes_, steps_).col(first + column / probes_));
}

}  // namespace fathom
