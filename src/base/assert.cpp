#include "base/assert.hpp"

#include "base/error.hpp"

#include <cstdio>
#include <cstdlib>

namespace fathom {
namespace {
AbortHandler abort_handler = nullptr;
}

void set_abort_handler(AbortHandler handler) {
  abort_handler = handler;
}

void assertion_failed(const char* file, int line, const char* condition,
                      const std::string& values) {
  const std::string message = fmt::format("fathom: internal fault at {}:{}: {} does not hold: {}",
                                          file, line, condition, values);
  if (abort_handler) abort_handler(message);
  std::fprintf(stderr, "%s\n", message.c_str());
  std::_Exit(static_cast<int>(ExitCode::internal));
}

}  // namespace fathom
