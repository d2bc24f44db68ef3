#include "eigen/request.hpp"

#include "base/error.hpp"

#include <array>
#include <utility>

namespace fathom {
namespace {

constexpr std::array<std::pair<Backend, const char*>, 6> backend_names{{
    {Backend::automatic, "auto"},
    {Backend::elpa2, "elpa2"},
    {Backend::elpa1, "elpa1"},
    {Backend::scalapack, "scalapack"},
    {Backend::slepc, "slepc"},
    {Backend::lapack, "lapack"},
}};

}  // namespace

const char* name(Backend backend) {
  for (const auto& [value, text] : backend_names)
    if (value == backend) return text;
  return "unknown";
}

Backend parse_backend(std::string_view text) {
  for (const auto& [value, spelled] : backend_names)
    if (text == spelled) return value;
  throw Error(
      ExitCode::deck,
      "no eigensolver is called \"{}\"; valid: auto, elpa2, elpa1, scalapack, slepc, lapack", text);
}

}  // namespace fathom
