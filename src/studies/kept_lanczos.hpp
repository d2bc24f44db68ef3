#pragma once

// What the checkpoint keeps of Lanczos: its coefficients under "KEY", the vectors that came since
// the last time under "KEY-0001", "KEY-0002", …; the record comes last and tells which of them
// count.

#include "base/timer.hpp"
#include "eigen/lanczos_keeper.hpp"
#include "studies/context.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fathom {

/// The products of one point; the context outlives it. Every member function is collective over its
/// world.
class KeptLanczos : public LanczosKeeper {
 public:
  /// interval: seconds between two keeps, of the root's clock. keep_matrix is called before a run
  /// ends: what else of the point is to be kept then.
  KeptLanczos(const StudyContext& context, std::string key, double interval,
              std::function<void()> keep_matrix);

  /// Error(input) where what is kept is damaged.
  LanczosMark resume(LanczosVectors& vectors) override;
  /// Keeps where the interval is over, and where the run is to end, which it then does:
  /// AgreedError(checkpointed). A product that cannot end in the time left is not begun. Error(io).
  void between(const LanczosMark& mark, LanczosVectors& vectors) override;

  /// Products that resume() took up. Local.
  std::int64_t taken_up() const { return taken_up_; }

 private:
  std::string vectors_key(std::size_t number) const;
  void keep(const LanczosMark& mark, LanczosVectors& vectors);

  const StudyContext& context_;
  std::string key_;
  double interval_;
  std::function<void()> keep_matrix_;
  std::vector<std::int64_t> steps_;  // of vectors under each of the keys
  std::int64_t taken_up_ = 0;
  Timer since_keep_, since_product_;
  bool product_done_ = false;  // in this run: since_product_ measures one
};

}  // namespace fathom
