#pragma once

// The rate that dgemm reaches on all ranks at once in this process: what miniapps measure their own
// rate against.

#include "base/timer.hpp"
#include "bindings/blas.hpp"
#include "comm/communicator.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace fathom {

/// Measures dgemm C ← AᵀB + C of `order` cubed on every rank at the same time, again and again, so
/// that readings can be taken between the runs of what is measured.
class DgemmRate {
 public:
  /// Local.
  explicit DgemmRate(std::int64_t order = 1024)
      : order_(order),
        a_(static_cast<std::size_t>(order * order), 0.5),
        b_(a_.size(), 0.25),
        c_(a_.size(), 0.0) {}

  /// One reading of at least `seconds`: flop/s of all ranks together. Collective.
  double measure(const Communicator& comm, double seconds = 0.4) {
    multiply();  // wakes the threads of the library and the pages
    comm.barrier();
    const Timer timer;
    double flops = 0;
    while (timer.seconds() < seconds) {
      multiply();
      flops += 2.0 * static_cast<double>(order_) * static_cast<double>(order_) *
               static_cast<double>(order_);
    }
    const double rate = comm.sum(flops / timer.seconds());
    readings_.push_back(rate);
    return rate;
  }

  /// Median of the readings so far, flop/s; 0 without any. Local.
  double median() const {
    if (readings_.empty()) return 0;
    std::vector<double> sorted = readings_;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t middle = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[middle] : 0.5 * (sorted[middle - 1] + sorted[middle]);
  }

  const std::vector<double>& readings() const { return readings_; }

 private:
  void multiply() {
    const MatrixView<const double> a{a_.data(), order_, order_, order_};
    const MatrixView<const double> b{b_.data(), order_, order_, order_};
    blas::gemm(Op::transpose, Op::none, 1.0, a, b, 0.0,
               MatrixView<double>{c_.data(), order_, order_, order_});
  }

  std::int64_t order_;
  std::vector<double> a_, b_, c_, readings_;
};

}  // namespace fathom
