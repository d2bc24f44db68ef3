#pragma once

// One record as a file that tells what it is, and is refused where any byte of it is wrong. Local;
// private to the store.
//
//   bytes      what
//   0          "fathomRC"
//   8          format version
//   16         bytes of the whole file
//   24         XXH3 (128 bits) of the identity: which run this belongs to
//   40         key; number of arrays; each array's name, type, length, values
//   last 16    XXH3 (128 bits) of everything before
//
// All integers 64 bits, little-endian; a text is its length and its bytes.

#include "store/hash.hpp"
#include "store/record.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace fathom {

inline constexpr std::int64_t record_format = 1;

/// Replaces the file so that a reader sees the old or the new record: written under a temporary
/// name beside it, synced, read again from the disk and compared, renamed, folder synced. Error(io)
/// with path and reason; then the old record stands. A second writer of the same file at the same
/// moment is an Error(io) too.
void write_record(const std::filesystem::path& path, const std::string& key,
                  const Hash128& identity, const Record& record);

/// Error(input), naming the file and what is wrong, where it is damaged, of another format, of
/// another run (without an identity: of any run) or kept under another key.
Record read_record(const std::filesystem::path& path, const std::string& key,
                   const std::optional<Hash128>& identity);

/// The temporary name that write_record uses. None is there but during a write or after a kill.
std::filesystem::path record_in_the_making(const std::filesystem::path& path);

}  // namespace fathom
