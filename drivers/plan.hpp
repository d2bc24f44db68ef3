#pragma once

// The commands plan and calibrate: their options and what they do.

#include <CLI/CLI.hpp>

namespace fathom {

/// Adds `plan` and `calibrate`. Their callbacks throw Error; that of calibrate starts MPI. Only one
/// of several ranks speaks.
void add_plan_commands(CLI::App& app, bool speaks, int argc, char** argv);

}  // namespace fathom
