#include "bindings/blas_kernels.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <cblas.h>
#include <fmt/format.h>
#include <sys/auxv.h>
#include <unistd.h>

namespace fathom {
namespace {

constexpr const char* core_type = "OPENBLAS_CORETYPE";
constexpr const char* replaced = "FATHOM_REPLACED_BLAS_KERNELS";

/// Kernels without AVX2.
constexpr std::array<std::string_view, 14> old_kernels{
    "Katmai",     "Coppermine", "Northwood", "Prescott", "Banias",    "Core2", "Penryn",
    "Dunnington", "Nehalem",    "Athlon",    "Opteron",  "Barcelona", "Atom",  "Sandybridge"};

}  // namespace

VectorUnits vector_units() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return {__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"),
          __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
              __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vl")};
#else
  return {};
#endif
}

std::string_view better_kernels(std::string_view running, const VectorUnits& units) {
  if (std::find(old_kernels.begin(), old_kernels.end(), running) == old_kernels.end()) return {};
  return units.avx512 ? "SkylakeX" : units.avx2_and_fma ? "Haswell" : std::string_view();
}

void restart_with_better_kernels(char** argv, const std::function<void()>& before_exec) {
  if (std::getenv(core_type) != nullptr) return;
  // Started as "ld.so program": the loader is then what /proc/self/exe would start.
  if (getauxval(AT_BASE) == 0) return;
  const std::string running = openblas_get_corename();
  const std::string better(better_kernels(running, vector_units()));
  if (better.empty()) return;
  setenv(core_type, better.c_str(), 1);
  setenv(replaced, running.c_str(), 1);
  if (before_exec) before_exec();
  execv("/proc/self/exe", argv);
  // The system forbids it: go on, slowly. A child shall not believe that the kernels are new.
  unsetenv(core_type);
  unsetenv(replaced);
}

std::string kernels_note() {
  const char* before = std::getenv(replaced);
  const char* now = std::getenv(core_type);
  if (!before || !now) return {};
  return fmt::format(
      "OpenBLAS does not know this processor and took its {} kernels; started again with {}={}",
      before, core_type, now);
}

}  // namespace fathom
