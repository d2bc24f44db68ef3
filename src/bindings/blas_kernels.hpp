#pragma once

// OpenBLAS chooses its kernels by the processor's model number when it is loaded. One that is newer
// than the library gets the oldest kernels there are: dgemm at a fifth of its speed, in silence.

#include <functional>
#include <string>
#include <string_view>

namespace fathom {

/// What the processor can do, as far as the choice depends on it.
struct VectorUnits {
  bool avx2_and_fma = false;
  bool avx512 =
      false;  ///< with the parts that server processors since 2017 have: F, CD, BW, DQ, VL
};
VectorUnits vector_units();  ///< of this processor; local

/// The kernels to ask for where `running` use less than the processor has; empty where they do not,
/// or are not OpenBLAS's. Pure.
std::string_view better_kernels(std::string_view running, const VectorUnits& units);

/// Starts the program again with OPENBLAS_CORETYPE set where that gives better kernels; otherwise,
/// or where the user has set it, returns. Call first in main, before MPI and before any thread.
/// `before_exec` is called where it is about to be started again.
void restart_with_better_kernels(char** argv, const std::function<void()>& before_exec = {});

/// "OpenBLAS took its Prescott kernels for this processor …" where the program was started again,
/// else empty. Local.
std::string kernels_note();

}  // namespace fathom
