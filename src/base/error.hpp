#pragma once

// Errors that end a run, and the documented exit code each of them carries.

#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace fathom {

/// Exit codes of the fathom command, the same on every rank.
enum class ExitCode : int {
  ok = 0,             ///< verified result
  usage = 64,         ///< wrong command line
  deck = 65,          ///< fault in the deck
  input = 66,         ///< input file missing, truncated, wrong shape, asymmetric
  internal = 70,      ///< a bug of ours
  no_fit = 71,        ///< memory or index range cannot hold the problem
  exists = 73,        ///< output exists and may not be overwritten
  io = 74,            ///< reading or writing failed
  checkpointed = 75,  ///< stopped in order, resume me
  certificate = 80,   ///< the result failed its certificate
  solver = 81,        ///< the eigensolver failed
  numeric = 82,       ///< NaN or Inf, or a Gram matrix that is not positive semi-definite
};

/// One word for an exit code, as status.json and the log print it.
const char* name(ExitCode code);

/// An error with an exit code. The message says what, where, why and what would be valid.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

  template <class... Args>
  Error(ExitCode code, fmt::format_string<Args...> format,
        Args&&... args) requires(sizeof...(Args) > 0)
      : std::runtime_error(fmt::format(format, std::forward<Args>(args)...)), code_(code) {}

  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

}  // namespace fathom
