// Preloaded into a run by the tests: fails one I/O call of one rank below one folder.
//
// FATHOM_FAIL_IO=K:KIND:RANK:FOLDER   the K-th call (from 1) of the rank on something in the folder
//   KIND  ENOSPC, EIO, EROFS   it does nothing and returns this
//         short                a read or write does half of what is asked, anything else all
//         full                 short, and from then on whatever needs space fails with ENOSPC
//         count                nothing is struck; the note says how many calls there were
// FATHOM_FAIL_IO_NOTE=FILE     the call that was struck, as one line "name path"; no file: none was
//
// Calls are counted as the C library's callers make them. What happens within stdio is not seen,
// so its own functions count as calls.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

constexpr int most_descriptors = 4096;

struct Plan {
  long call = 0;  // 0: nothing is struck
  int error = 0;  // 0: short
  bool full = false, count = false;
  std::string folder, note;

  Plan() {
    const char* text = std::getenv("FATHOM_FAIL_IO");
    const char* note_file = std::getenv("FATHOM_FAIL_IO_NOTE");
    const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
    if (!rank) rank = std::getenv("SLURM_PROCID");
    if (!text || !note_file) return;
    std::string_view rest(text);
    const auto next = [&rest] {
      const std::size_t end = std::min(rest.find(':'), rest.size());
      const std::string part(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      return part;
    };
    const long wanted = std::atol(next().c_str());
    const std::string kind = next();
    const int wanted_rank = std::atoi(next().c_str());
    if (wanted_rank != (rank ? std::atoi(rank) : 0)) return;
    error = kind == "ENOSPC" ? ENOSPC : kind == "EIO" ? EIO : kind == "EROFS" ? EROFS : 0;
    full = kind == "full";
    folder = rest;
    note = note_file;
    call = kind == "count" ? std::numeric_limits<long>::max() : wanted;
    count = kind == "count";
  }
};

const Plan& plan() {
  static const Plan& value = *new Plan;  // outlives every destructor
  return value;
}

std::atomic<long> calls{0};
std::atomic<bool> disk_is_full{false};
// Descriptors that belong to something in the folder; their paths for the note.
std::atomic<bool> watched[most_descriptors];
std::string paths[most_descriptors];

template <class Function>
Function* real(const char* name) {
  void* symbol = ::dlsym(RTLD_NEXT, name);
  if (!symbol) std::abort();
  return reinterpret_cast<Function*>(symbol);
}
#define FATHOM_REAL(name) static auto* const real_##name = real<decltype(::name)>(#name)

bool below(const char* path) {
  if (plan().call == 0 || !path) return false;
  const std::string_view text(path);
  return text.starts_with(plan().folder) &&
         (text.size() == plan().folder.size() || text[plan().folder.size()] == '/');
}

bool is_watched(int descriptor) {
  return descriptor >= 0 && descriptor < most_descriptors && watched[descriptor];
}

void watch(int descriptor, const char* path) {
  if (descriptor < 0 || descriptor >= most_descriptors) return;
  paths[descriptor] = path;
  watched[descriptor] = true;
}

void forget(int descriptor) {
  if (descriptor >= 0 && descriptor < most_descriptors) watched[descriptor] = false;
}

void write_note(const char* name, const char* path) {
  static auto* const open_file = real<decltype(::open)>("open");
  static auto* const put = real<decltype(::write)>("write");
  static auto* const shut = real<decltype(::close)>("close");
  const int out = open_file(plan().note.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const std::string line = std::string(name) + " " + path + "\n";
  if (out < 0 || put(out, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    std::abort();
  shut(out);
}

__attribute__((destructor)) void tell_count() {
  if (plan().count) write_note("calls", std::to_string(calls).c_str());
}

enum class Verdict { pass, fail, half };

/// Counts the call and says what becomes of it; errno is set where it fails.
Verdict strike(const char* name, const char* path, bool needs_space) {
  const int before = errno;
  if (disk_is_full && needs_space) {
    errno = ENOSPC;
    return Verdict::fail;
  }
  if (++calls != plan().call) return Verdict::pass;
  write_note(name, path);
  if (plan().full) disk_is_full = true;
  if (plan().error == 0) {
    errno = before;
    return Verdict::half;
  }
  errno = plan().error;
  return Verdict::fail;
}

/// A call on a path or descriptor that is all or nothing.
template <class Call>
auto whole(const char* name, const char* path, bool needs_space, Call&& call) -> decltype(call()) {
  if (strike(name, path, needs_space) == Verdict::fail) return static_cast<decltype(call())>(-1);
  return call();
}

/// A read or write of `size` bytes, or of half of them.
template <class Call>
ssize_t transfer(const char* name, int descriptor, std::size_t size, bool needs_space,
                 Call&& call) {
  if (!is_watched(descriptor)) return call(size);
  switch (strike(name, paths[descriptor].c_str(), needs_space)) {
    case Verdict::fail:
      return -1;
    case Verdict::half:
      return call(size > 1 ? size / 2 : size);
    default:
      return call(size);
  }
}

template <class Call>
int opened(const char* name, const char* path, bool creates, Call&& call) {
  if (!below(path)) return call();
  const std::string kept(path);
  const int descriptor = whole(name, path, creates, call);
  if (descriptor >= 0) watch(descriptor, kept.c_str());
  return descriptor;
}

mode_t mode_of(int flags, va_list arguments) {
  return flags & (O_CREAT | O_TMPFILE) ? static_cast<mode_t>(va_arg(arguments, unsigned)) : 0;
}

}  // namespace

extern "C" {

#define FATHOM_OPEN(name)                                                                        \
  int name(const char* path, int flags, ...) {                                                   \
    FATHOM_REAL(name);                                                                           \
    va_list arguments;                                                                           \
    va_start(arguments, flags);                                                                  \
    const mode_t mode = mode_of(flags, arguments);                                               \
    va_end(arguments);                                                                           \
    return opened(#name, path, flags & O_CREAT, [&] { return real_##name(path, flags, mode); }); \
  }
FATHOM_OPEN(open)
FATHOM_OPEN(open64)

#define FATHOM_OPENAT(name)                                                \
  int name(int folder, const char* path, int flags, ...) {                 \
    FATHOM_REAL(name);                                                     \
    va_list arguments;                                                     \
    va_start(arguments, flags);                                            \
    const mode_t mode = mode_of(flags, arguments);                         \
    va_end(arguments);                                                     \
    return opened(#name, path, flags & O_CREAT,                            \
                  [&] { return real_##name(folder, path, flags, mode); }); \
  }
FATHOM_OPENAT(openat)
FATHOM_OPENAT(openat64)

int creat(const char* path, mode_t mode) {
  FATHOM_REAL(creat);
  return opened("creat", path, true, [&] { return real_creat(path, mode); });
}

int close(int descriptor) {
  FATHOM_REAL(close);
  if (!is_watched(descriptor)) return real_close(descriptor);
  // As the kernel does: the descriptor is gone whatever close returns.
  const Verdict verdict = strike("close", paths[descriptor].c_str(), false);
  const int error = errno;
  forget(descriptor);
  const int status = real_close(descriptor);
  if (verdict != Verdict::fail) return status;
  errno = error;
  return -1;
}

ssize_t read(int descriptor, void* data, size_t size) {
  FATHOM_REAL(read);
  return transfer("read", descriptor, size, false,
                  [&](std::size_t now) { return real_read(descriptor, data, now); });
}

ssize_t write(int descriptor, const void* data, size_t size) {
  FATHOM_REAL(write);
  return transfer("write", descriptor, size, true,
                  [&](std::size_t now) { return real_write(descriptor, data, now); });
}

#define FATHOM_AT(name, type, needs_space)                                                        \
  ssize_t name(int descriptor, type* data, size_t size, off_t offset) {                           \
    FATHOM_REAL(name);                                                                            \
    return transfer(#name, descriptor, size, needs_space,                                         \
                    [&](std::size_t now) { return real_##name(descriptor, data, now, offset); }); \
  }
FATHOM_AT(pread, void, false)
FATHOM_AT(pread64, void, false)
FATHOM_AT(pwrite, const void, true)
FATHOM_AT(pwrite64, const void, true)

ssize_t writev(int descriptor, const iovec* parts, int count) {
  FATHOM_REAL(writev);
  return transfer(
      "writev", descriptor, static_cast<std::size_t>(count), true,
      [&](std::size_t now) { return real_writev(descriptor, parts, static_cast<int>(now)); });
}

#define FATHOM_DESCRIPTOR(name, needs_space, parameters, call)                                     \
  int name parameters {                                                                            \
    FATHOM_REAL(name);                                                                             \
    if (!is_watched(descriptor)) return real_##name call;                                          \
    return whole(#name, paths[descriptor].c_str(), needs_space, [&] { return real_##name call; }); \
  }
FATHOM_DESCRIPTOR(fsync, false, (int descriptor), (descriptor))
FATHOM_DESCRIPTOR(fdatasync, false, (int descriptor), (descriptor))
FATHOM_DESCRIPTOR(ftruncate, false, (int descriptor, off_t size), (descriptor, size))
FATHOM_DESCRIPTOR(ftruncate64, false, (int descriptor, off_t size), (descriptor, size))
FATHOM_DESCRIPTOR(fallocate, true, (int descriptor, int mode, off_t from, off_t size),
                  (descriptor, mode, from, size))
FATHOM_DESCRIPTOR(fallocate64, true, (int descriptor, int mode, off_t from, off_t size),
                  (descriptor, mode, from, size))

// These return the error instead of setting errno.
#define FATHOM_RESERVE(name)                                                                       \
  int name(int descriptor, off_t from, off_t size) {                                               \
    FATHOM_REAL(name);                                                                             \
    if (is_watched(descriptor) && strike(#name, paths[descriptor].c_str(), true) == Verdict::fail) \
      return errno;                                                                                \
    return real_##name(descriptor, from, size);                                                    \
  }
FATHOM_RESERVE(posix_fallocate)
FATHOM_RESERVE(posix_fallocate64)

#define FATHOM_PATH(name, needs_space, parameters, call)                      \
  int name parameters noexcept {                                              \
    FATHOM_REAL(name);                                                        \
    if (!below(path)) return real_##name call;                                \
    return whole(#name, path, needs_space, [&] { return real_##name call; }); \
  }
FATHOM_PATH(unlink, false, (const char* path), (path))
FATHOM_PATH(remove, false, (const char* path), (path))
FATHOM_PATH(mkdir, true, (const char* path, mode_t mode), (path, mode))
FATHOM_PATH(rename, false, (const char* path, const char* to), (path, to))
FATHOM_PATH(truncate, false, (const char* path, off_t size), (path, size))
FATHOM_PATH(truncate64, false, (const char* path, off_t size), (path, size))

#define FATHOM_FOPEN(name)                                                  \
  FILE* name(const char* path, const char* mode) {                          \
    FATHOM_REAL(name);                                                      \
    if (!below(path)) return real_##name(path, mode);                       \
    if (strike(#name, path, *mode != 'r') == Verdict::fail) return nullptr; \
    FILE* const file = real_##name(path, mode);                             \
    if (file) watch(::fileno(file), path);                                  \
    return file;                                                            \
  }
FATHOM_FOPEN(fopen)
FATHOM_FOPEN(fopen64)

size_t fwrite(const void* data, size_t size, size_t count, FILE* file) {
  FATHOM_REAL(fwrite);
  if (plan().call == 0 || !is_watched(::fileno(file))) return real_fwrite(data, size, count, file);
  switch (strike("fwrite", paths[::fileno(file)].c_str(), true)) {
    case Verdict::fail:
      return 0;
    case Verdict::half:
      return real_fwrite(data, size, count / 2, file);
    default:
      return real_fwrite(data, size, count, file);
  }
}

int fflush(FILE* file) {
  FATHOM_REAL(fflush);
  if (plan().call == 0 || !file || !is_watched(::fileno(file))) return real_fflush(file);
  return whole("fflush", paths[::fileno(file)].c_str(), true, [&] { return real_fflush(file); });
}

int fclose(FILE* file) {
  FATHOM_REAL(fclose);
  const int descriptor = plan().call == 0 ? -1 : ::fileno(file);
  if (!is_watched(descriptor)) return real_fclose(file);
  const Verdict verdict = strike("fclose", paths[descriptor].c_str(), false);
  const int error = errno;
  forget(descriptor);
  const int status = real_fclose(file);
  if (verdict != Verdict::fail) return status;
  errno = error;
  return EOF;
}
}
