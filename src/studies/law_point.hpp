#pragma once

// What one point of the study "random_features" leaves to the fits over all of them.

#include <vector>

namespace fathom {

struct LawPoint {
  std::vector<double> eigenvalue;  ///< descending, as many as were handed over; NaN: not trusted
};

}  // namespace fathom
