#pragma once

// What this process took of memory, and what it may take.

#include <cstdint>
#include <optional>

namespace fathom {

/// Largest resident set of this process so far, bytes (VmHWM). Local.
std::int64_t peak_resident_bytes();
/// Resident set now, bytes (VmRSS). Local.
std::int64_t resident_bytes();
/// The tightest memory limit of this process's cgroups (v2 or v1), if any. Local.
std::optional<std::int64_t> cgroup_memory_limit_bytes();
/// What the system could still give on this host, bytes (MemAvailable). Local.
std::int64_t available_memory_bytes();

}  // namespace fathom
