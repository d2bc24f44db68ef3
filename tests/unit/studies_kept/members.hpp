#pragma once

// Members of the structs that are kept, not by the field lists of the product: fills them with
// values that are all different, and compares bit by bit.

#include "studies/kept_results.hpp"

#include <bit>
#include <tuple>

namespace fathom {

// clang-format off
inline auto members(GridShape& x) { auto& [a, b] = x; return std::tie(a, b); }
inline auto members(StudyOutcome& x) { auto& [a, b, c, d, e, f, g, h] = x; return std::tie(a, b, c, d, e, f, g, h); }
inline auto members(EigenResult& x) { return std::tie(x.eigenvalue, x.backend, x.seconds); }
inline auto members(BoundTerms& x) { auto& [a, b, c, d] = x; return std::tie(a, b, c, d); }
inline auto members(Check& x) { auto& [a, b, c, d, e] = x; return std::tie(a, b, c, d, e); }
inline auto members(Certificate& x) { auto& [a, b] = x; return std::tie(a, b); }
inline auto members(SolverPlan& x) { auto& [a, b, c, d] = x; return std::tie(a, b, c, d); }
inline auto members(SolveTimings& x) { auto& [a, b, c] = x; return std::tie(a, b, c); }
inline auto members(CertifiedSpectrum& x) {
  auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v);
}
inline auto members(SolvedSpectrum& x) { auto& [a, b, c, d, e, f] = x; return std::tie(a, b, c, d, e, f); }
inline auto members(AssemblySeconds& x) { auto& [a, b, c, d, e, f] = x; return std::tie(a, b, c, d, e, f); }
inline auto members(AssemblyReport& x) {
  auto& [a, b, c, d, e, f, g, h, i, j] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j);
}
inline auto members(LawPoint& x) { auto& [a] = x; return std::tie(a); }
inline auto members(ModeRange& x) { auto& [a, b] = x; return std::tie(a, b); }
inline auto members(DecreaseDepth& x) { auto& [a, b, c, d] = x; return std::tie(a, b, c, d); }
inline auto members(DepthSnapshot& x) { auto& [a, b, c] = x; return std::tie(a, b, c); }
inline auto members(SpectralPosition& x) {
  auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
}
inline auto members(KernelMoment& x) {
  auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t);
}
inline auto members(FrozenCurve& x) { auto& [a, b, c] = x; return std::tie(a, b, c); }
inline auto members(ChosenOutputs& x) { auto& [a, b, c, d] = x; return std::tie(a, b, c, d); }
inline auto members(ReachRun& x) {
  auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r] = x;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r);
}
// clang-format on

/// Every value differs from every other one and from a fresh struct's.
class Filler {
 public:
  explicit Filler(std::int64_t start) : next_(start) {}

  void fill(double& x) { x = 1.0 / static_cast<double>(++next_); }
  void fill(bool& x) { x = !x; }
  void fill(std::string& x) {
    x = "tr Θ ≈ 10⁻³, \"学習\"\n" + std::string(1, '\0') + std::to_string(++next_);
  }
  template <class T>
  requires std::integral<T>
  void fill(T& x) { x = static_cast<T>(1000 + ++next_); }
  template <class T>
  requires std::is_enum_v<T>
  void fill(T& x) { x = static_cast<T>(1 + ++next_ % 2); }
  template <class T>
  void fill(std::vector<T>& x) {
    x.resize(static_cast<std::size_t>(1 + ++next_ % 3));
    for (T& value : x)
      fill(value);
  }
  template <class T>
  void fill(std::optional<T>& x) {
    fill(x.emplace());
  }
  template <class T>
  requires std::is_class_v<T>
  void fill(T& x) {
    std::apply([this](auto&... member) { (fill(member), ...); }, members(x));
  }

 private:
  std::int64_t next_;
};

inline bool same(double& a, double& b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}
inline bool same(std::string& a, std::string& b) {
  return a == b;
}
template <class T>
requires std::integral<T> || std::is_enum_v<T>
bool same(T& a, T& b) {
  return a == b;
}
template <class T>
bool same(std::optional<T>& a, std::optional<T>& b);
template <class T>
bool same(std::vector<T>& a, std::vector<T>& b);
template <class T>
requires std::is_class_v<T>
bool same(T& a, T& b) {
  auto x = members(a), y = members(b);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return (same(std::get<I>(x), std::get<I>(y)) && ...);
  }
  (std::make_index_sequence<std::tuple_size_v<decltype(x)>>());
}
template <class T>
bool same(std::optional<T>& a, std::optional<T>& b) {
  return a.has_value() == b.has_value() && (!a || same(*a, *b));
}
template <class T>
bool same(std::vector<T>& a, std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i])) return false;
  return true;
}

}  // namespace fathom
