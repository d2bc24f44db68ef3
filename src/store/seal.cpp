#include "store/seal.hpp"

#include "store/hash.hpp"
#include "store/posix_file.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <sstream>

#include <fmt/ranges.h>

namespace fathom {
namespace {

namespace fs = std::filesystem;

constexpr const char* first_line = "fathom seal 1";
constexpr std::int64_t last_line_bytes = 49;  // "seal ", 32 digits, a blank, 10 digits, end of line
constexpr std::int64_t buffer_bytes = std::int64_t{16} << 20;

std::string hex(const Hash128& hash) {
  return fmt::format("{:016x}{:016x}", hash[1], hash[0]);
}

struct Seal {
  std::int64_t bytes = 0;
  std::vector<SealedValues> values;
  std::string rest;
};

/// action(data, bytes) over [begin, end) of the file.
template <class Action>
void for_buffers(const PosixFile& file, std::int64_t begin, std::int64_t end, Action&& action) {
  std::vector<char> buffer(
      static_cast<std::size_t>(std::clamp<std::int64_t>(end - begin, 0, buffer_bytes)));
  for (std::int64_t now = 0; begin < end; begin += now) {
    now = std::min(buffer_bytes, end - begin);
    file.read_at(begin, now, buffer.data());
    action(buffer.data(), static_cast<std::size_t>(now));
  }
}

std::string hash_of_rest(const PosixFile& file, std::int64_t end,
                         const std::vector<SealedValues>& values) {
  Hasher hasher;
  std::int64_t place = 0;
  const auto until = [&](std::int64_t stop) {
    for_buffers(file, place, stop,
                [&](const char* data, std::size_t bytes) { hasher.add(data, bytes); });
  };
  for (const SealedValues& part : values) {
    until(part.offset);
    place = part.offset + part.bytes;
  }
  until(end);
  return hex(hasher.value());
}

std::optional<SealedValues> parse_values(std::istringstream& line) {
  SealedValues part;
  std::string hashes;
  if (!(line >> part.offset >> part.bytes >> part.panel_bytes >> hashes)) return std::nullopt;
  line.get();
  std::getline(line, part.path);
  std::istringstream list(hashes);
  for (std::string hash; std::getline(list, hash, ',');)
    part.hashes.push_back(std::stoull(hash, nullptr, 16));
  return part;
}

/// The seal of a file, or what is wrong with it. Its hash vouches for its text.
Seal read_seal(const PosixFile& file) {
  const std::int64_t size = file.size();
  const auto missing = [] {
    return Error(ExitCode::input,
                 "has no seal at its end: it is truncated, was changed after it was written, or "
                 "was written before runs were sealed");
  };
  if (size < last_line_bytes) throw missing();
  std::string last(static_cast<std::size_t>(last_line_bytes), '\0');
  file.read_at(size - last_line_bytes, last_line_bytes, last.data());
  const std::string length_text = last.substr(38, 10);
  if (!last.starts_with("seal ") || last.back() != '\n' || last[37] != ' ' ||
      length_text.find_first_not_of("0123456789") != std::string::npos)
    throw missing();
  const std::int64_t length = std::stoll(length_text);
  if (length < last_line_bytes || length > size)
    throw Error(ExitCode::input, "its seal is damaged");
  std::string text(static_cast<std::size_t>(length - last_line_bytes), '\0');
  file.read_at(size - length, std::ssize(text), text.data());
  if (hex(hash_bytes(text)) != last.substr(5, 32))
    throw Error(ExitCode::input, "its seal is damaged");
  Seal seal;
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  if (line != first_line) throw Error(ExitCode::input, "its seal is of another format: '{}'", line);
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (what == "bytes") words >> seal.bytes;
    if (what == "rest") words >> seal.rest;
    if (what == "values")
      if (auto part = parse_values(words)) seal.values.push_back(std::move(*part));
  }
  if (seal.bytes + length != size)
    throw Error(ExitCode::input, "is damaged: {} bytes before its seal instead of {}",
                size - length, seal.bytes);
  return seal;
}

void check_values(const PosixFile& file, const SealedValues& part, SealReport& report) {
  std::vector<char> panel;
  std::size_t number = 0;
  for (std::int64_t place = 0; place < part.bytes; place += part.panel_bytes, ++number) {
    const std::int64_t now = std::min(part.panel_bytes, part.bytes - place);
    panel.resize(static_cast<std::size_t>(now));
    file.read_at(part.offset + place, now, panel.data());
    if (number >= part.hashes.size() ||
        hash_bytes_64(panel.data(), panel.size()) != part.hashes[number]) {
      report.faults.push_back(
          fmt::format("{} is damaged: its values differ from their hash", part.path));
      return;
    }
  }
}

}  // namespace

std::vector<SealedValues> sealed_values(const hdf5::Object& file,
                                        const std::vector<WrittenDataset>& datasets) {
  std::vector<SealedValues> values;
  for (const WrittenDataset& written : datasets) {
    if (!written.type) continue;
    const std::int64_t offset = hdf5::file_offset(hdf5::open_dataset(file, written.path));
    if (offset < 0) continue;  // nothing was written: it has no element
    const std::int64_t bytes =
        bytes_of(*written.type) * std::accumulate(written.shape.begin(), written.shape.end(),
                                                  std::int64_t{1}, std::multiplies<>());
    if (bytes == 0) continue;
    SealedValues part{written.path, offset, bytes,
                      bytes / written.shape[0] * written.parts[0].rows};
    for (const WrittenDataset::Part& run : written.parts)
      part.hashes.push_back(run.hash);
    values.push_back(std::move(part));
  }
  std::ranges::sort(values, {}, &SealedValues::offset);
  return values;
}

void append_seal(const fs::path& path, const std::vector<SealedValues>& values) {
  PosixFile file = PosixFile::open(path, PosixFile::Mode::read_write);
  const std::int64_t size = file.size();
  std::string text = fmt::format("{}\nbytes {}\n", first_line, size);
  for (const SealedValues& part : values)
    text += fmt::format("values {} {} {} {:016x} {}\n", part.offset, part.bytes, part.panel_bytes,
                        fmt::join(part.hashes, ","), part.path);
  text += fmt::format("rest {}\n", hash_of_rest(file, size, values));
  const std::string last =
      fmt::format("seal {} {:010}\n", hex(hash_bytes(text)), std::ssize(text) + last_line_bytes);
  text += last;
  file.write_at(size, std::ssize(text), text.data());
  file.sync();
  file.drop_cache();
  file.close();
}

SealReport check_seal(const fs::path& path) {
  const PosixFile file = PosixFile::open(path, PosixFile::Mode::read);
  SealReport report;
  try {
    const Seal seal = read_seal(file);
    for (const SealedValues& part : seal.values)
      check_values(file, part, report);
    if (hash_of_rest(file, seal.bytes, seal.values) != seal.rest)
      report.faults.emplace_back(
          "its structure, texts or attributes are damaged: they differ from their hash");
    report.datasets = std::ssize(seal.values);
    report.bytes = seal.bytes;
  } catch (const Error& error) {
    if (error.code() != ExitCode::input) throw;
    report.faults.emplace_back(error.what());
  }
  return report;
}

}  // namespace fathom
