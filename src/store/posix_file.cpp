#include "store/posix_file.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fathom {
namespace {

/// The one who gave the path can mend it; other reasons are the file system's.
bool is_of_the_path(int error) {
  constexpr std::array reasons = {ENOENT, ENOTDIR, EISDIR, EACCES, EPERM, ELOOP, ENAMETOOLONG};
  return std::ranges::find(reasons, error) != reasons.end();
}

}  // namespace

std::string errno_text(int error) {
  return std::generic_category().message(error);
}

PosixFile::~PosixFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

PosixFile& PosixFile::operator=(PosixFile&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = std::exchange(other.descriptor_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

PosixFile PosixFile::open(const std::filesystem::path& path, Mode mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case Mode::read:
      flags |= O_RDONLY;
      break;
    case Mode::write_new:
      flags |= O_WRONLY | O_CREAT | O_TRUNC;
      break;
    case Mode::create:
      flags |= O_RDWR | O_CREAT | O_EXCL;
      break;
    case Mode::read_write:
      flags |= O_RDWR | O_CREAT;
      break;
    case Mode::folder:
      flags |= O_RDONLY | O_DIRECTORY;
      break;
  }
  int descriptor = -1;
  do
    descriptor = ::open(path.c_str(), flags, 0666);
  while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0)
    throw Error(mode == Mode::read && is_of_the_path(errno) ? ExitCode::input : ExitCode::io,
                "{}: cannot be opened: {}", path.string(), errno_text(errno));
  return {descriptor, path.string()};
}

std::int64_t PosixFile::size() const {
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0)
    throw Error(ExitCode::io, "{}: its size cannot be asked: {}", path_, errno_text(errno));
  return info.st_size;
}

void PosixFile::read_at(std::int64_t offset, std::int64_t bytes, void* data) const {
  auto* out = static_cast<char*>(data);
  while (bytes > 0) {
    const ssize_t got = ::pread(descriptor_, out, static_cast<std::size_t>(bytes), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw Error(ExitCode::io, "{}: reading failed at byte {}: {}", path_, offset,
                  errno_text(errno));
    if (got == 0)
      throw Error(ExitCode::input, "{}: is truncated: it ends at byte {}, {} more were expected",
                  path_, offset, bytes);
    out += got;
    offset += got;
    bytes -= got;
  }
}

std::string PosixFile::read_start(std::int64_t bytes) const {
  std::string text(static_cast<std::size_t>(std::min(bytes, size())), '\0');
  read_at(0, static_cast<std::int64_t>(text.size()), text.data());
  return text;
}

void PosixFile::write_all(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t put = ::write(descriptor_, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0)
      throw Error(ExitCode::io, "{}: writing failed: {}", path_,
                  put < 0 ? errno_text(errno) : "nothing was written");
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

void PosixFile::write_at(std::int64_t offset, std::int64_t bytes, const void* data) const {
  const auto* in = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t put = ::pwrite(descriptor_, in, static_cast<std::size_t>(bytes), offset);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0)
      throw Error(ExitCode::io, "{}: writing failed at byte {}: {}", path_, offset,
                  put < 0 ? errno_text(errno) : "nothing was written");
    in += put;
    offset += put;
    bytes -= put;
  }
}

void PosixFile::reserve(std::int64_t offset, std::int64_t bytes) const {
  if (bytes == 0) return;
  int error = 0;
  do
    error = ::posix_fallocate(descriptor_, offset, bytes);
  while (error == EINTR);
  // Where the file system cannot reserve, the writes themselves must tell.
  if (error != 0 && error != EOPNOTSUPP && error != EINVAL)
    throw Error(ExitCode::io, "{}: {} bytes cannot be reserved: {}", path_, bytes,
                errno_text(error));
}

void PosixFile::sync() const {
  // A folder on some network file systems cannot be synced: that is not a loss of data.
  if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP)
    throw Error(ExitCode::io, "{}: syncing to disk failed: {}", path_, errno_text(errno));
}

void PosixFile::drop_cache() const noexcept {
  (void)::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED);
}

void PosixFile::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor >= 0 && ::close(descriptor) != 0 && errno != EINTR)
    throw Error(ExitCode::io, "{}: closing failed: {}", path_, errno_text(errno));
}

FileIdentity identity_of(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    throw Error(ExitCode::io, "{}: is not there any more: {}", path.string(), errno_text(errno));
  return {info.st_dev, info.st_ino};
}

void replace_by(const std::filesystem::path& finished, const std::filesystem::path& path) {
  std::error_code problem;
  std::filesystem::rename(finished, path, problem);
  if (problem)
    throw Error(ExitCode::io, "{}: cannot be renamed to {}: {}", finished.string(),
                path.filename().string(), problem.message());
  sync_folder(path.parent_path());
}

std::vector<std::string> folder_entries(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code problem;
  for (std::filesystem::directory_iterator it(folder, problem), end; !problem && it != end;
       it.increment(problem))
    names.push_back(it->path().filename().string());
  if (problem)
    throw Error(ExitCode::io, "{}: cannot be listed: {}", folder.string(), problem.message());
  std::ranges::sort(names);
  return names;
}

void sync_file(const std::filesystem::path& path) {
  PosixFile file = PosixFile::open(path, PosixFile::Mode::read_write);
  file.sync();
  file.close();
}

void sync_folder(const std::filesystem::path& path) {
  PosixFile folder = PosixFile::open(path, PosixFile::Mode::folder);
  folder.sync();
}

}  // namespace fathom
