#pragma once

// File descriptors with every call checked. Local.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fathom {

/// "No space left on device" and the like.
std::string errno_text(int error);

/// Owns a descriptor; move-only; the destructor closes and ignores what that says.
class PosixFile {
 public:
  enum class Mode { read, write_new, create, read_write, folder };

  PosixFile() = default;
  ~PosixFile();
  PosixFile(PosixFile&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}
  PosixFile& operator=(PosixFile&& other) noexcept;
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  /// Error(input) in mode read, else Error(io), with path and reason. write_new replaces a file,
  /// create refuses one.
  static PosixFile open(const std::filesystem::path& path, Mode mode);

  int descriptor() const { return descriptor_; }
  std::int64_t size() const;
  /// Reads all of it. Error(input) where the file ends before, Error(io) where the disk fails.
  void read_at(std::int64_t offset, std::int64_t bytes, void* data) const;
  /// At most `bytes` from the start.
  std::string read_start(std::int64_t bytes) const;
  void write_all(std::string_view text) const;
  /// Writes all of it at a place. Error(io).
  void write_at(std::int64_t offset, std::int64_t bytes, const void* data) const;
  void reserve(std::int64_t offset, std::int64_t bytes) const;  ///< posix_fallocate
  void sync() const;
  /// Asks the system to forget cached pages, so that a later read comes from the disk.
  void drop_cache() const noexcept;
  void close();  ///< checked: network file systems tell write errors here

 private:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  int descriptor_ = -1;
  std::string path_;
};

/// Which file a name stands for: another one, or none, once it was removed or its folder is gone.
struct FileIdentity {
  std::uint64_t device = 0, inode = 0;
  bool operator==(const FileIdentity&) const = default;
};
/// Error(io) with path and reason where there is no such file.
FileIdentity identity_of(const std::filesystem::path& path);

/// Names a finished file as the one it replaces, and syncs their folder. Error(io). Local.
void replace_by(const std::filesystem::path& finished, const std::filesystem::path& path);

/// Names in a folder, sorted. Error(io) where it cannot be listed. Local.
std::vector<std::string> folder_entries(const std::filesystem::path& folder);

/// fsync of a file or folder by its name. Error(io).
void sync_file(const std::filesystem::path& path);
void sync_folder(const std::filesystem::path& path);

}  // namespace fathom
