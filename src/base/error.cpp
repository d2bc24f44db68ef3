#include "base/error.hpp"

namespace fathom {

const char* name(ExitCode code) {
  switch (code) {
    case ExitCode::ok:
      return "ok";
    case ExitCode::usage:
      return "usage";
    case ExitCode::deck:
      return "deck";
    case ExitCode::input:
      return "input";
    case ExitCode::internal:
      return "internal";
    case ExitCode::no_fit:
      return "no_fit";
    case ExitCode::exists:
      return "exists";
    case ExitCode::io:
      return "io";
    case ExitCode::checkpointed:
      return "checkpointed";
    case ExitCode::certificate:
      return "certificate";
    case ExitCode::solver:
      return "solver";
    case ExitCode::numeric:
      return "numeric";
  }
  return "unknown";
}

}  // namespace fathom
