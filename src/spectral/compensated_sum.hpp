#pragma once

// Neumaier's compensated sum: a tail of 1e-16 λ₁ modes must not be lost one by one. Local.

#include <cmath>

namespace fathom {

/// Error about 2ε |Σx| + n² ε² Σ|x|, whatever the order.
class CompensatedSum {
 public:
  void add(double value) {
    const double next = total_ + value;
    lost_ +=
        std::abs(total_) >= std::abs(value) ? (total_ - next) + value : (value - next) + total_;
    total_ = next;
  }
  double value() const { return total_ + lost_; }

 private:
  double total_ = 0.0;
  double lost_ = 0.0;
};

}  // namespace fathom
