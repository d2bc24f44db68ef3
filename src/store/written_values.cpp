#include "store/written_values.hpp"

#include "store/posix_file.hpp"

#include <array>
#include <cstring>
#include <numeric>

#include <unistd.h>
#include <xxhash.h>

namespace fathom {
namespace {

using hdf5::Type;

template <class T>
constexpr Type numeric_type() {
  if constexpr (std::is_same_v<T, double>) return Type::float64;
  if constexpr (std::is_same_v<T, std::int64_t>) return Type::int64;
  return Type::int8;
}

std::uint64_t hash_text(std::span<const std::string> text) {
  std::string all;
  for (const std::string& line : text)
    all += std::to_string(line.size()) + ":" + line;
  return XXH3_64bits(all.data(), all.size());
}

template <class T>
bool numbers_read_back(const hdf5::Object& object, const std::string& name,
                       std::span<const T> written) {
  std::vector<T> read(written.size());
  hdf5::read_attribute(object, name, numeric_type<T>(), std::ssize(written), read.data());
  return read.empty() || std::memcmp(read.data(), written.data(), written.size_bytes()) == 0;
}

}  // namespace

std::int64_t bytes_of(Type type) {
  return type == Type::int8 ? 1 : type == Type::float32 ? 4 : 8;
}

std::int64_t length_of(const Values& values) {
  return std::visit([](const auto& span) { return static_cast<std::int64_t>(span.size()); },
                    values);
}

std::optional<Type> type_of(const Values& values) {
  switch (values.index()) {
    case 0:
      return Type::float64;
    case 1:
      return Type::int64;
    case 2:
      return Type::int8;
    default:
      return std::nullopt;
  }
}

std::uint64_t hash_of(const Values& values) {
  if (const auto* text = std::get_if<std::span<const std::string>>(&values))
    return hash_text(*text);
  return std::visit(
      [](const auto& span) {
        return static_cast<std::uint64_t>(XXH3_64bits(span.data(), span.size_bytes()));
      },
      values);
}

hdf5::Object write_dataset(const hdf5::Object& file, const std::string& path, const Values& values,
                           std::span<const std::int64_t> shape) {
  if (const auto* text = std::get_if<std::span<const std::string>>(&values)) {
    FATHOM_ASSERT(shape.size() == 1, "text of {} axes", shape.size());
    hdf5::Object dataset = hdf5::create_text_dataset(file, path, shape[0]);
    hdf5::write_text(dataset, *text);
    return dataset;
  }
  const Type type = *type_of(values);
  hdf5::Object dataset = hdf5::create_dataset(file, path, type, shape);
  if (length_of(values) > 0)
    std::visit([&](const auto& span) { hdf5::write(dataset, type, span.data()); }, values);
  return dataset;
}

void write_attribute_value(const hdf5::Object& object, const std::string& name,
                           const AttributeValue& value) {
  const auto one_axis = [](std::size_t size) {
    return std::array{static_cast<std::int64_t>(size)};
  };
  if (const auto* text = std::get_if<std::string>(&value))
    hdf5::write_attribute(object, name, *text);
  else if (const auto* integer = std::get_if<std::int64_t>(&value))
    hdf5::write_attribute(object, name, Type::int64, {}, integer);
  else if (const auto* real = std::get_if<double>(&value))
    hdf5::write_attribute(object, name, Type::float64, {}, real);
  else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value))
    hdf5::write_attribute(object, name, Type::int64, one_axis(integers->size()), integers->data());
  else if (const auto* reals = std::get_if<std::vector<double>>(&value))
    hdf5::write_attribute(object, name, Type::float64, one_axis(reals->size()), reals->data());
}

bool reads_back(const hdf5::Object& file, const WrittenDataset& written) {
  const hdf5::Object dataset = hdf5::open_dataset(file, written.path);
  if (hdf5::describe(dataset).shape != written.shape) return false;
  if (!written.type) return hash_text(hdf5::read_text(dataset)) == written.parts[0].hash;
  const std::int64_t row_bytes =
      bytes_of(*written.type) * std::accumulate(written.shape.begin() + 1, written.shape.end(),
                                                std::int64_t{1}, std::multiplies<>());
  std::vector<std::int64_t> start(written.shape.size(), 0), count = written.shape;
  std::vector<char> values;
  for (const WrittenDataset::Part& part : written.parts) {
    count[0] = part.rows;
    values.resize(static_cast<std::size_t>(part.rows * row_bytes));
    if (!values.empty()) hdf5::read_block(dataset, *written.type, start, count, values.data());
    if (XXH3_64bits(values.data(), values.size()) != part.hash) return false;
    start[0] += part.rows;
  }
  return start[0] == written.shape[0];
}

bool reads_back(const hdf5::Object& file, const std::string& path, const std::string& name,
                const AttributeValue& value) {
  const hdf5::Object object =
      hdf5::is_group(file, path) ? hdf5::open_group(file, path) : hdf5::open_dataset(file, path);
  if (const auto* text = std::get_if<std::string>(&value))
    return hdf5::read_text_attribute(object, name) == *text;
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    return numbers_read_back(object, name, std::span(integer, 1));
  if (const auto* real = std::get_if<double>(&value))
    return numbers_read_back(object, name, std::span(real, 1));
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value))
    return numbers_read_back(object, name, std::span<const std::int64_t>(*integers));
  return numbers_read_back(object, name,
                           std::span<const double>(std::get<std::vector<double>>(value)));
}

std::int64_t first_value_offset(const hdf5::Object& file,
                                const std::vector<WrittenDataset>& datasets) {
  for (const WrittenDataset& written : datasets)
    if (written.type) {
      const std::int64_t offset = hdf5::file_offset(hdf5::open_dataset(file, written.path));
      if (offset >= 0) return offset;
    }
  return -1;
}

void flip_byte(const std::filesystem::path& path, std::int64_t offset) {
  const PosixFile file = PosixFile::open(path, PosixFile::Mode::read_write);
  unsigned char byte = 0;
  file.read_at(offset, 1, &byte);
  byte = static_cast<unsigned char>(~byte);
  if (::pwrite(file.descriptor(), &byte, 1, offset) != 1)
    throw Error(ExitCode::io, "{}: the planted fault could not be written", path.string());
}

}  // namespace fathom
