#include "dist/distribution.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace fathom {

CyclicAxis::CyclicAxis(std::int64_t extent, std::int64_t block, int procs)
    : extent_(extent), block_(block), procs_(procs) {
  FATHOM_ASSERT(extent >= 0 && block >= 1 && procs >= 1, "extent {}, block {}, procs {}", extent,
                block, procs);
}

int CyclicAxis::owner(GlobalIndex i) const {
  FATHOM_ASSERT(i.value() >= 0 && i.value() < extent_, "index {} of {}", i.value(), extent_);
  return static_cast<int>(i.value() / block_ % procs_);
}

LocalIndex CyclicAxis::local(GlobalIndex i) const {
  FATHOM_ASSERT(i.value() >= 0 && i.value() < extent_, "index {} of {}", i.value(), extent_);
  const std::int64_t block = i.value() / block_;
  return LocalIndex(block / procs_ * block_ + i.value() % block_);
}

GlobalIndex CyclicAxis::global(LocalIndex l, int proc) const {
  const std::int64_t block = l.value() / block_ * procs_ + proc;
  const GlobalIndex i(block * block_ + l.value() % block_);
  FATHOM_ASSERT(l.value() >= 0 && proc >= 0 && proc < procs_ && i.value() < extent_,
                "local index {} of process {} of {}: beyond {}", l.value(), proc, procs_, extent_);
  return i;
}

std::int64_t CyclicAxis::local_extent(int proc) const {
  if (proc < 0) return 0;
  FATHOM_ASSERT(proc < procs_, "process {} of {}", proc, procs_);
  const std::int64_t whole = extent_ / block_, rest = extent_ % block_;
  const std::int64_t mine = whole / procs_, left = whole % procs_;
  return mine * block_ + (proc < left ? block_ : proc == left ? rest : 0);
}

LocalIndex CyclicAxis::lower_bound(GlobalIndex i, int proc) const {
  if (proc < 0) return LocalIndex(0);
  if (i.value() >= extent_) return LocalIndex(local_extent(proc));
  const std::int64_t block = std::max<std::int64_t>(0, i.value()) / block_;
  const std::int64_t round = block / procs_, turn = block % procs_;
  std::int64_t l = round * block_;
  if (turn > proc) l += block_;
  if (turn == proc) l += std::max<std::int64_t>(0, i.value()) % block_;
  return LocalIndex(std::min(l, local_extent(proc)));
}

std::vector<std::int64_t> CyclicAxis::global_indices(int proc) const {
  std::vector<std::int64_t> indices;
  if (proc < 0) return indices;
  indices.reserve(static_cast<std::size_t>(local_extent(proc)));
  for (const Run& run : runs(proc))
    for (std::int64_t i = 0; i < run.count; ++i)
      indices.push_back(run.global + i);
  return indices;
}

std::vector<CyclicAxis::Run> CyclicAxis::runs(int proc, GlobalIndex first, GlobalIndex last) const {
  std::vector<Run> found;
  if (proc < 0) return found;
  const std::int64_t begin = std::max<std::int64_t>(0, first.value());
  const std::int64_t end = std::min(extent_, last.value());
  std::int64_t l = lower_bound(GlobalIndex(begin), proc).value();
  const std::int64_t stop = end <= begin ? l : lower_bound(GlobalIndex(end), proc).value();
  while (l < stop) {
    const std::int64_t count = std::min(block_ - l % block_, stop - l);
    found.push_back({global(LocalIndex(l), proc).value(), l, count});
    l += count;
  }
  return found;
}

std::vector<CyclicAxis::Run> CyclicAxis::runs(int proc) const {
  return runs(proc, GlobalIndex(0), GlobalIndex(extent_));
}

}  // namespace fathom
