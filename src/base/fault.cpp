#include "base/fault.hpp"

#include "base/error.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <new>
#include <string>

namespace fathom {
namespace {
int fault_rank = 0;
}

void set_fault_rank(int rank) {
  fault_rank = rank;
}

#ifdef FATHOM_FAULT_POINTS
namespace {

struct Armed {
  std::string name, kind;
  int rank = -1;
  int pass = 0;  // 0: every one
};

const Armed& armed() {
  static const Armed value = [] {
    Armed a;
    const char* text = std::getenv("FATHOM_FAULT");
    if (!text) return a;
    const std::string spec(text);
    const auto first = spec.find(':'), second = spec.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) return a;
    a.name = spec.substr(0, first);
    a.rank = std::atoi(spec.substr(first + 1, second - first - 1).c_str());
    a.kind = spec.substr(second + 1);
    if (const auto at = a.kind.find('@'); at != std::string::npos) {
      a.pass = std::atoi(a.kind.c_str() + at + 1);
      a.kind.resize(at);
    }
    return a;
  }();
  return value;
}

}  // namespace

bool fault_armed(std::string_view name, std::string_view kind) {
  return armed().rank == fault_rank && armed().name == name && armed().kind == kind;
}

void fault_point(std::string_view name) {
  if (armed().rank != fault_rank || armed().name != name) return;
  static std::atomic<int> passes{0};
  if (const int pass = ++passes; armed().pass > 0 && pass != armed().pass) return;
  const std::string& kind = armed().kind;
  if (kind == "alloc") throw std::bad_alloc();
  if (kind == "input") throw Error(ExitCode::input, "planted input fault at {}", name);
  if (kind == "solver") throw Error(ExitCode::solver, "planted solver fault at {}", name);
  if (kind == "stop") std::raise(SIGUSR1);
  if (kind == "kill") std::raise(SIGKILL);
  if (kind == "throw") throw Error(ExitCode::io, "planted fault at {}", name);
}
#endif

}  // namespace fathom
