#pragma once

// What this process took of memory, and what it may take.

#include <cstdint>
#include <optional>
#include <string>

namespace fathom {

/// Largest resident set of this process so far, bytes (VmHWM). Local.
std::int64_t peak_resident_bytes();
/// Resident set now, bytes (VmRSS). Local.
std::int64_t resident_bytes();
/// The tightest memory limit of this process's cgroups (v2 or v1), if any. Local.
std::optional<std::int64_t> cgroup_memory_limit_bytes();
struct MemoryLimit {
  std::int64_t bytes = 0;
  std::string from;  ///< "cgroup", "SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU"
};
/// The tightest of what binds this job on this node: control groups and what Slurm was asked for,
/// which it need not enforce by groups. Local.
std::optional<MemoryLimit> memory_limit();
/// What the system could still give on this host, bytes (MemAvailable). Local.
std::int64_t available_memory_bytes();

}  // namespace fathom
