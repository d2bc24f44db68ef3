#include "store/folder_lock.hpp"

#include "base/error.hpp"
#include "store/run_folder.hpp"

#include <array>
#include <cerrno>
#include <system_error>

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fathom {

namespace fs = std::filesystem;

FolderLock::FolderLock(const fs::path& folder) : path_(folder / file_name) {
  for (;;) {
    file_ = PosixFile::open(path_, PosixFile::Mode::read_write);
    if (::flock(file_.descriptor(), LOCK_EX | LOCK_NB) != 0) refuse(errno);
    // The holder before may have removed the file between open and lock.
    struct stat here {
    }, there{};
    if (::fstat(file_.descriptor(), &here) == 0 && ::stat(path_.c_str(), &there) == 0 &&
        here.st_ino == there.st_ino)
      break;
  }
  if (::ftruncate(file_.descriptor(), 0) != 0)
    throw Error(ExitCode::io, "{}: cannot be written: {}", path_.string(), errno_text(errno));
  file_.write_all(fmt::format("pid {} on {} since {}\n", ::getpid(), host_name(), utc_now()));
}

FolderLock::~FolderLock() {
  std::error_code ignored;
  fs::remove(path_, ignored);
}

void FolderLock::refuse(int error) const {
  if (error == EINTR) return;
  // Without locks on this file system only the check for an existing output protects.
  if (error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP) return;
  if (error != EWOULDBLOCK)
    throw Error(ExitCode::io, "{}: cannot be locked: {}", path_.string(), errno_text(error));
  std::string holder = file_.read_start(200);
  while (!holder.empty() && holder.back() == '\n')
    holder.pop_back();
  throw Error(ExitCode::exists, "{}: another run is writing into this folder ({})",
              path_.parent_path().string(), holder.empty() ? "unknown process" : holder);
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

}  // namespace fathom
