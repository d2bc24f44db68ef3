#pragma once

// What the checkpoint keeps of a matrix: the lower triangle on the way, with how far it is, and the
// finished matrix before a long solve.

#include "base/timer.hpp"
#include "gram/assembly.hpp"
#include "studies/context.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace fathom {

/// One matrix of a point, under one key. `subject` tells matrices under the same key apart (the
/// same on every rank): what is kept of another one is not taken up, and replaced in time. The
/// context outlives it. Every member function is collective over its world.
class KeptAssembly : public AssemblyKeeper {
 public:
  /// interval: seconds between two keeps, of the root's clock.
  KeptAssembly(const StudyContext& context, std::string key, std::string subject, double interval);

  /// Error(input) where what is kept is damaged.
  AssemblyMark resume(std::int64_t total, const std::string& parts, DistMatrix& lower) override;
  /// Keeps where the interval is over, and where the run is to end, which it then does:
  /// AgreedError(checkpointed). Error(io).
  void between(std::int64_t done, std::int64_t total, const std::function<AssemblyMark()>& mark,
               const DistMatrix& lower) override;

  /// The finished matrix of order n where it was kept, in this layout; bit by bit as it was.
  std::optional<Assembly> finished(const ProcessGrid& grid, std::int64_t block, std::int64_t n);
  /// Keeps the finished matrix, once. Error(io).
  void keep_finished(const SymmetricMatrix& matrix, const AssemblyReport& report);
  /// Keeps the finished matrix where what comes next takes longer than the interval, or where the
  /// run ends here. Error(io).
  void keep_finished_before(const Foreseen& next, const SymmetricMatrix& matrix,
                            const AssemblyReport& report);

 private:
  enum class Stage { none, under_way, finished };
  Stage look();
  bool agreed_on_root(bool mine) const;

  const StudyContext& context_;
  std::string key_, subject_;
  double interval_;
  Timer since_;  // the last keep ended
  bool finished_is_kept_ = false;
};

}  // namespace fathom
