#include "store/memory.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include <sys/resource.h>

namespace fathom {
namespace {

/// "Name:   1234 kB" of a file under /proc, in bytes; -1 where it is not there.
std::int64_t proc_kilobytes(const char* file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name + ":")) continue;
    std::istringstream fields(line.substr(name.size() + 1));
    std::int64_t value = -1;
    if (fields >> value) return value * 1024;
  }
  return -1;
}

std::optional<std::int64_t> limit_in(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::int64_t value = 0;
  // "max", and v1's number near 2^63, mean none.
  if (!(in >> value) || value <= 0 || value > std::numeric_limits<std::int64_t>::max() / 2)
    return std::nullopt;
  return value;
}

/// A number of an environment variable; 0 where it is none.
std::int64_t environment_number(const char* name) {
  const char* text = std::getenv(name);
  return text ? std::strtoll(text, nullptr, 10) : 0;
}

void tighten(std::optional<std::int64_t>& limit, std::optional<std::int64_t> other) {
  if (other && (!limit || *other < *limit)) limit = other;
}

}  // namespace

std::int64_t peak_resident_bytes() {
  const std::int64_t peak = proc_kilobytes("/proc/self/status", "VmHWM");
  if (peak >= 0) return peak;
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

std::int64_t resident_bytes() {
  return proc_kilobytes("/proc/self/status", "VmRSS");
}

std::optional<MemoryLimit> memory_limit() {
  std::optional<MemoryLimit> limit;
  const auto bind = [&](std::int64_t bytes, const char* from) {
    if (bytes > 0 && (!limit || bytes < limit->bytes)) limit = MemoryLimit{bytes, from};
  };
  if (const auto group = cgroup_memory_limit_bytes()) bind(*group, "cgroup");
  constexpr std::int64_t mebibyte = std::int64_t{1} << 20;
  bind(environment_number("SLURM_MEM_PER_NODE") * mebibyte, "SLURM_MEM_PER_NODE");
  bind(
      environment_number("SLURM_MEM_PER_CPU") * environment_number("SLURM_CPUS_ON_NODE") * mebibyte,
      "SLURM_MEM_PER_CPU");
  return limit;
}

std::int64_t available_memory_bytes() {
  return proc_kilobytes("/proc/meminfo", "MemAvailable");
}

std::optional<std::int64_t> cgroup_memory_limit_bytes() {
  std::optional<std::int64_t> limit;
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool v2 = controllers.empty();
    if (!v2 && controllers.find("memory") == std::string::npos) continue;
    const std::filesystem::path root = v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const char* file = v2 ? "memory.max" : "memory.limit_in_bytes";
    // A limit of any group above binds as well.
    for (std::filesystem::path group = line.substr(second + 1);; group = group.parent_path()) {
      tighten(limit, limit_in(root / group.relative_path() / file));
      if (group.relative_path().empty()) break;
    }
  }
  return limit;
}

}  // namespace fathom
