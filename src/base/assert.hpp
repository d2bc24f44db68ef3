#pragma once

// Assertions for bugs of ours: they stay on in release builds and end the whole job with code 70.

#include <string>

#include <fmt/format.h>

namespace fathom {

/// Called with the finished message; must not return. The MPI session installs one that aborts all
/// ranks.
using AbortHandler = void (*)(const std::string& message);
void set_abort_handler(AbortHandler handler);

[[noreturn]] void assertion_failed(const char* file, int line, const char* condition,
                                   const std::string& values);

}  // namespace fathom

/// FATHOM_ASSERT(condition, "format with the values", values…)
#define FATHOM_ASSERT(condition, ...)                                                         \
  do {                                                                                        \
    if (!(condition)) [[unlikely]]                                                            \
      ::fathom::assertion_failed(__FILE__, __LINE__, #condition, ::fmt::format(__VA_ARGS__)); \
  } while (false)
