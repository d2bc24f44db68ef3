#pragma once

// How an assembly that takes hours survives the end of the run: between its parts it shows what it
// has to someone who may keep it, and before the first one it asks whether something was kept.

#include "dist/dist_matrix.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fathom {

/// How far an assembly is; the same on every rank. With the matrix, all that it goes on from.
struct AssemblyMark {
  std::int64_t done = 0, total = 0;  ///< parts: inner indices, or elements; done = 0: nothing yet
  std::vector<std::int64_t> plan;    ///< layout and order of work; the assembler's own meaning
  std::vector<std::int64_t> chunks;  ///< inner indices in each chunk so far
  std::vector<double> sums;          ///< what the error estimate needs of each chunk so far
};

class AssemblyKeeper {
 public:
  virtual ~AssemblyKeeper() = default;

  /// What was kept of an assembly of so many parts: its mark, and its values in the lower triangle
  /// of a matrix of any layout. done = 0 where there is nothing; `lower` may then hold anything.
  /// `parts` names them for the log: "inner indices", "elements". Collective.
  virtual AssemblyMark resume(std::int64_t total, const std::string& parts, DistMatrix& lower) = 0;

  /// After a part: may keep the lower triangle with the mark, which is collective to make and made
  /// only then, and may end the run: AgreedError(checkpointed). Collective.
  virtual void between(std::int64_t done, std::int64_t total,
                       const std::function<AssemblyMark()>& mark, const DistMatrix& lower) = 0;
};

}  // namespace fathom
