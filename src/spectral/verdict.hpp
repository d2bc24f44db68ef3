#pragma once

// One sentence on whether measured spectra decide for or against the law. Local and pure.

#include "spectral/exponent_fit.hpp"
#include "spectral/law.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace fathom {

struct LawEvidence {
  std::string activation = "monomial";  ///< the law is stated for monomials only
  int degree = 1;                       ///< p
  std::int64_t features = 0;            ///< d
  std::int64_t dim = 0;                 ///< v
  double alpha = 0.0;
  ExponentFit fit;
  RatioSpread law;  ///< λ/law over the fit range (or a wider one), geometric mean over seeds
  RatioSpread comparator;  ///< λ/comparator over the same range; count = 0 where none was computed
};

struct LawVerdict {
  bool decided = false;  ///< the fit may be read as evidence for or against the law
  bool agrees = false;   ///< decided, and the spectra agree with the law
  std::string sentence;
};

/// The law is stated for monomials, of which "linear" is the first.
bool law_is_stated(std::string_view activation);

/// Decided where the theorem's window reaches a decade past the mode e^{p-1} from which the law
/// falls (p = 1: d of some 350; p = 3: millions), v is at least 2d, the fitted modes that lie
/// between that mode and the end of the window span half a decade, and the interval is narrower
/// than alpha/4; otherwise the sentence gives the reason, whatever the fit is. The fitted slope is
/// held against the slope that the law itself shows over the same modes: alpha for p = 1, less for
/// p > 1.
LawVerdict law_verdict(const LawEvidence& evidence);

}  // namespace fathom
