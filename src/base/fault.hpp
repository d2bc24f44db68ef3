#pragma once

// Named fault points: places where a test can make one rank fail.
//
// FATHOM_FAULT=NAME:RANK:KIND or NAME:RANK:KIND@N in the environment arms one point; KIND is one of
//   throw (Error io), alloc (std::bad_alloc), input, solver, nan (only where a point asks for it),
//   stop (SIGUSR1 to the rank), kill (SIGKILL);
// with N it strikes the N-th time alone, without every time. N counts where a point throws or ends.
// Compiled in with the option FATHOM_FAULT_POINTS; otherwise every point is an empty inline
// function.

#include <string_view>

namespace fathom {

/// The rank that fault points compare with; set once by the MPI session. Local.
void set_fault_rank(int rank);

#ifdef FATHOM_FAULT_POINTS
/// Throws as armed where NAME and rank match. Local.
void fault_point(std::string_view name);
/// True where NAME is armed on this rank with this KIND: for faults that corrupt instead of
/// throwing. Local.
bool fault_armed(std::string_view name, std::string_view kind);
#else
inline void fault_point(std::string_view) {}
inline bool fault_armed(std::string_view, std::string_view) {
  return false;
}
#endif

}  // namespace fathom
