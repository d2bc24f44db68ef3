#pragma once

// What every miniapp's main does: options, the MPI session, errors as exit codes.

#include "bindings/blas_kernels.hpp"
#include "comm/session.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>

#include <CLI/CLI.hpp>

namespace fathom {

struct Miniapp {
  const char* name;
  const char* about;
  std::function<void(CLI::App&)> declare;  ///< adds the options
  /// What options cannot check one by one: a message where they do not go together, else empty.
  std::function<std::string()> complete = [] { return std::string(); };
  std::function<int(const Communicator&)> measure;  ///< returns the exit code; collective
  std::function<void()> finish = [] {};             ///< before MPI ends; collective
};

inline int run_miniapp(const Miniapp& miniapp, int argc, char** argv) {
  restart_with_better_kernels(argv);
  CLI::App app(miniapp.about);
  miniapp.declare(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  }
  if (const std::string fault = miniapp.complete(); !fault.empty()) {
    std::fprintf(stderr, "%s\n", fault.c_str());
    return static_cast<int>(ExitCode::usage);
  }
  MpiSession session(&argc, &argv);
  int code = 0;
  try {
    code = miniapp.measure(session.world());
  } catch (const AgreedError& error) {
    if (session.world().root()) std::fprintf(stderr, "%s: %s\n", miniapp.name, error.what());
    code = static_cast<int>(error.code());
  } catch (const Error& error) {
    session.abort(error.what(), error.code());
  } catch (const std::exception& error) {
    session.abort(error.what(), ExitCode::internal);
  }
  miniapp.finish();
  session.finish();
  return code;
}

}  // namespace fathom
