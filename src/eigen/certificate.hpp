#pragma once

// What was checked about a computed spectrum, and with what outcome.

#include <string>
#include <vector>

namespace fathom {

enum class Verdict { pass, warn, fail };

/// "PASS", "WARN" or "FAIL".
const char* name(Verdict verdict);

/// One check: a ratio, and the limits above which it warns and fails. NaN fails.
struct Check {
  std::string name;  ///< residual, orthogonality, trace, frobenius, ritz_values, ritz_order, …
  double value = 0;  ///< usually in units of n ε ‖A‖
  double warn = 10;
  double fail = 60;
  std::string meaning = {};  ///< the formula, one line

  Verdict verdict() const;
};

struct Certificate {
  std::vector<Check> checks;
  /// ‖A z_k − λ_k z_k‖ / (n ε ‖A‖) per mode; NaN where there are no vectors to check with.
  std::vector<double> residual_ratio;

  Verdict verdict() const;      ///< the worst of the checks; fail where there is none
  const Check* worst() const;   ///< the check that stands highest against its limit; null if none
  std::string summary() const;  ///< "PASS (trace 0.02, frobenius 0.01, …)"
};

}  // namespace fathom
