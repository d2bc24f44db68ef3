#include "eigen/certificate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace fathom {
namespace {

/// How far a check stands towards its own limit: 1 at the limit.
double severity(const Check& check) {
  if (std::isnan(check.value)) return std::numeric_limits<double>::infinity();
  if (check.fail > 0) return check.value / check.fail;
  return check.value > 0 ? std::numeric_limits<double>::infinity() : 0.0;
}

}  // namespace

const char* name(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "PASS";
    case Verdict::warn:
      return "WARN";
    case Verdict::fail:
      return "FAIL";
  }
  return "FAIL";
}

Verdict Check::verdict() const {
  if (!(value <= fail)) return Verdict::fail;
  return value > warn ? Verdict::warn : Verdict::pass;
}

Verdict Certificate::verdict() const {
  if (checks.empty()) return Verdict::fail;
  Verdict worst_of_all = Verdict::pass;
  for (const Check& check : checks)
    worst_of_all = std::max(worst_of_all, check.verdict());
  return worst_of_all;
}

const Check* Certificate::worst() const {
  const auto it =
      std::max_element(checks.begin(), checks.end(),
                       [](const Check& a, const Check& b) { return severity(a) < severity(b); });
  return it == checks.end() ? nullptr : &*it;
}

std::string Certificate::summary() const {
  std::string text = name(verdict());
  const char* separator = " (";
  for (const Check& check : checks) {
    text += fmt::format("{}{} {:.2g}", separator, check.name, check.value);
    separator = ", ";
  }
  return checks.empty() ? text + " (nothing was checked)" : text + ")";
}

}  // namespace fathom
