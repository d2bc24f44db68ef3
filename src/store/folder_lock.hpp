#pragma once

// The lock of a folder that one run writes into. Local; private to the store.

#include "store/posix_file.hpp"

#include <filesystem>

namespace fathom {

/// Held by flock for as long as the process lives, so that a killed run leaves no stale lock; the
/// text inside tells a refused run who holds it. The file is removed with the lock.
class FolderLock {
 public:
  static constexpr const char* file_name = ".fathom.lock";

  /// Error(exists) where another process (or this one) holds it, Error(io) where it cannot be made.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  /// The folder was renamed; the lock stays held.
  void moved_to(const std::filesystem::path& folder) { path_ = folder / file_name; }

 private:
  void refuse(int error) const;
  std::filesystem::path path_;
  PosixFile file_;
};

std::string host_name();

}  // namespace fathom
