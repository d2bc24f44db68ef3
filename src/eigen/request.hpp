#pragma once

// What is asked of an eigensolver, and the solvers there are.

#include <cstdint>
#include <string_view>

namespace fathom {

enum class Backend { automatic, elpa2, elpa1, scalapack, slepc, lapack };

/// "auto", "elpa2", … as the deck spells them. Pure.
const char* name(Backend backend);
/// The inverse of name(); Error(deck) with the valid names. Pure.
Backend parse_backend(std::string_view text);

struct EigenRequest {
  std::int64_t count = 0;  ///< 0: all eigenvalues; k > 0: the k largest
  bool vectors = false;    ///< eigenvectors too
  Backend backend = Backend::automatic;

  /// Number of eigenvalues that an n × n matrix returns.
  std::int64_t wanted(std::int64_t n) const { return count <= 0 || count > n ? n : count; }
};

}  // namespace fathom
