#include "store/record_file.hpp"

#include "base/assert.hpp"
#include "base/fault.hpp"
#include "store/posix_file.hpp"
#include "store/written_values.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <system_error>

namespace fathom {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "records are written as they lie");

constexpr std::string_view mark = "fathomRC";
constexpr std::int64_t fixed_bytes = 40, hash_length = 16;
constexpr std::int64_t chunk_bytes = std::int64_t{16} << 20;

/// Counts what a record takes.
struct Counter {
  std::int64_t bytes = 0;
  void put(const void*, std::size_t size) { bytes += static_cast<std::int64_t>(size); }
};

/// Writes and hashes; small pieces travel together, large ones as they lie.
class Writer {
 public:
  explicit Writer(const PosixFile& file) : file_(file) {}
  void put(const void* data, std::size_t size) {
    const std::string_view piece(static_cast<const char*>(data), size);
    hasher_.add(data, size);
    if (buffer_.size() + size > limit) flush();
    if (size > limit)
      file_.write_all(piece);
    else
      buffer_ += piece;
  }
  void finish() {
    const Hash128 hash = hasher_.value();
    buffer_.append(reinterpret_cast<const char*>(hash.data()), sizeof hash);
    flush();
  }

 private:
  void flush() {
    file_.write_all(buffer_);
    buffer_.clear();
  }
  static constexpr std::size_t limit = std::size_t{1} << 16;
  const PosixFile& file_;
  Hasher hasher_;
  std::string buffer_;
};

template <class Sink>
void put_number(Sink& sink, std::int64_t number) {
  sink.put(&number, sizeof number);
}

template <class Sink>
void put_text(Sink& sink, std::string_view text) {
  put_number(sink, static_cast<std::int64_t>(text.size()));
  sink.put(text.data(), text.size());
}

template <class Sink, class T>
void put_array(Sink& sink, const std::vector<T>& array) {
  put_number(sink, std::ssize(array));
  if constexpr (std::is_same_v<T, std::string>) {
    for (const std::string& text : array)
      put_text(sink, text);
  } else {
    sink.put(array.data(), array.size() * sizeof(T));
  }
}

/// Everything between the fixed head and the hash.
template <class Sink>
void put_body(Sink& sink, const std::string& key, const Record& record) {
  put_text(sink, key);
  put_number(sink, std::ssize(record.values));
  for (const auto& [name, array] : record.values) {
    put_text(sink, name);
    put_number(sink, static_cast<std::int64_t>(array.index()));
    std::visit([&](const auto& values) { put_array(sink, values); }, array);
  }
}

/// Takes a body apart; no length is believed that the file cannot hold.
class Parser {
 public:
  Parser(const PosixFile& file, std::int64_t begin, std::int64_t end)
      : file_(file), place_(begin), end_(end) {}

  void get(void* data, std::int64_t bytes) {
    require(bytes);
    file_.read_at(place_, bytes, data);
    place_ += bytes;
  }
  std::int64_t number() {
    std::int64_t value = 0;
    get(&value, sizeof value);
    return value;
  }
  std::string text() {
    const std::int64_t bytes = number();
    require(bytes);
    std::string value(static_cast<std::size_t>(bytes), '\0');
    get(value.data(), bytes);
    return value;
  }
  template <class T>
  std::vector<T> array() {
    const std::int64_t count = number();
    constexpr std::int64_t least = std::is_same_v<T, std::string> ? 8 : sizeof(T);
    if (count < 0 || count > (end_ - place_) / least) damaged();
    std::vector<T> values(static_cast<std::size_t>(count));
    if constexpr (std::is_same_v<T, std::string>) {
      for (std::string& value : values)
        value = text();
    } else {
      get(values.data(), count * least);
    }
    return values;
  }
  Record::Array array_of(std::int64_t type) {
    switch (type) {
      case 0:
        return array<double>();
      case 1:
        return array<float>();
      case 2:
        return array<std::int64_t>();
      case 3:
        return array<std::int8_t>();
      case 4:
        return array<std::string>();
      default:
        damaged();
    }
  }
  bool at_end() const { return place_ == end_; }
  [[noreturn]] void damaged() const {
    throw Error(ExitCode::input, "is damaged: its parts do not fit together at byte {}", place_);
  }

 private:
  void require(std::int64_t bytes) const {
    if (bytes < 0 || bytes > end_ - place_) damaged();
  }
  const PosixFile& file_;
  std::int64_t place_, end_;
};

struct Head {
  std::int64_t version = 0, bytes = 0;
  Hash128 identity{};
};

/// Head of a file whose every byte agrees with its hash. Error(input) without the path.
Head check_whole(const PosixFile& file) {
  const std::int64_t size = file.size();
  if (size < fixed_bytes + hash_length)
    throw Error(ExitCode::input, "is truncated: {} bytes are no record", size);
  const std::string start = file.read_start(fixed_bytes);
  if (!start.starts_with(mark)) throw Error(ExitCode::input, "is no record of a checkpoint");
  Head head;
  std::memcpy(&head.version, start.data() + 8, sizeof head.version);
  std::memcpy(&head.bytes, start.data() + 16, sizeof head.bytes);
  std::memcpy(head.identity.data(), start.data() + 24, sizeof head.identity);
  if (head.version != record_format)
    throw Error(ExitCode::input, "is of format {}, this program keeps and reads format {}",
                head.version, record_format);
  if (head.bytes != size)
    throw Error(ExitCode::input, "is damaged: {} bytes instead of {}", size, head.bytes);
  Hasher hasher;
  std::vector<char> chunk(static_cast<std::size_t>(std::min(chunk_bytes, size)));
  for (std::int64_t place = 0; place < size - hash_length; place += chunk_bytes) {
    const std::int64_t now = std::min(chunk_bytes, size - hash_length - place);
    file.read_at(place, now, chunk.data());
    hasher.add(chunk.data(), static_cast<std::size_t>(now));
  }
  Hash128 stored{};
  file.read_at(size - hash_length, sizeof stored, stored.data());
  if (stored != hasher.value())
    throw Error(ExitCode::input, "is damaged: its bytes differ from their hash");
  return head;
}

Record parse(const PosixFile& file, const std::string& key,
             const std::optional<Hash128>& identity) {
  const Head head = check_whole(file);
  if (identity && head.identity != *identity)
    throw Error(ExitCode::input, "belongs to another run: it was kept under another deck");
  Parser parser(file, fixed_bytes, head.bytes - hash_length);
  if (const std::string kept = parser.text(); kept != key)
    throw Error(ExitCode::input, "holds the record '{}', not '{}'", kept, key);
  Record record;
  const std::int64_t count = parser.number();
  for (std::int64_t i = 0; i < count; ++i) {
    std::string name = parser.text();
    const std::int64_t type = parser.number();
    record.values.emplace(std::move(name), parser.array_of(type));
  }
  if (!parser.at_end()) parser.damaged();
  return record;
}

void write_whole(PosixFile& file, const fs::path& path, const std::string& key,
                 const Hash128& identity, const Record& record) {
  Counter counter;
  put_body(counter, key, record);
  const std::int64_t total = fixed_bytes + counter.bytes + hash_length;
  file.reserve(0, total);
  Writer writer(file);
  writer.put(mark.data(), mark.size());
  put_number(writer, record_format);
  put_number(writer, total);
  writer.put(identity.data(), sizeof identity);
  put_body(writer, key, record);
  writer.finish();
  file.sync();
  if (fault_armed("store.checkpoint", "corrupt")) flip_byte(path, total / 2);
  file.drop_cache();
  try {
    check_whole(file);
  } catch (const Error& error) {
    throw Error(ExitCode::io, "{}: does not read back as it was written: it {}", path.string(),
                error.what());
  }
  file.close();
}

}  // namespace

fs::path record_in_the_making(const fs::path& path) {
  return path.string() + ".tmp";
}

void write_record(const fs::path& path, const std::string& key, const Hash128& identity,
                  const Record& record) {
  const fs::path partial = record_in_the_making(path);
  // A second writer fails here, before anything that may be removed is its own.
  PosixFile file = PosixFile::open(partial, PosixFile::Mode::create);
  try {
    fault_point("store.checkpoint");
    write_whole(file, partial, key, identity, record);
    fault_point("store.checkpoint_rename");
    replace_by(partial, path);
  } catch (...) {
    std::error_code ignored;
    fs::remove(partial, ignored);
    throw;
  }
}

Record read_record(const fs::path& path, const std::string& key,
                   const std::optional<Hash128>& identity) {
  const PosixFile file = PosixFile::open(path, PosixFile::Mode::read);
  try {
    fault_point("store.checkpoint_read");
    return parse(file, key, identity);
  } catch (const Error& error) {
    if (error.code() != ExitCode::input) throw;
    throw Error(ExitCode::input, "{}: {}", path.string(), error.what());
  }
}

}  // namespace fathom
