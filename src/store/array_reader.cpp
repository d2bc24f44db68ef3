#include "store/array_reader.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace fathom {
namespace {

constexpr std::int64_t raw_bytes = std::int64_t{1} << 20;

template <class T>
void convert_as(const char* raw, std::int64_t count, bool swap, double* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    std::array<char, sizeof(T)> bytes;
    std::memcpy(bytes.data(), raw + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    if (swap) std::reverse(bytes.begin(), bytes.end());
    out[i] = static_cast<double>(std::bit_cast<T>(bytes));
  }
}

void convert(const ArrayHeader& header, const char* raw, std::int64_t count, double* out) {
  const bool swap = header.big_endian != (std::endian::native == std::endian::big);
  const auto as = [&]<class T>(T) { convert_as<T>(raw, count, swap, out); };
  if (header.floating) return header.item_bytes == 4 ? as(float{}) : as(double{});
  switch (header.item_bytes) {
    case 1:
      return header.is_signed ? as(std::int8_t{}) : as(std::uint8_t{});
    case 2:
      return header.is_signed ? as(std::int16_t{}) : as(std::uint16_t{});
    case 4:
      return header.is_signed ? as(std::int32_t{}) : as(std::uint32_t{});
    default:
      return header.is_signed ? as(std::int64_t{}) : as(std::uint64_t{});
  }
}

}  // namespace

ArrayReader::ArrayReader(const MatrixFile& file) : file_(file) {
  npy_ = PosixFile::open(file.path_, PosixFile::Mode::read);
  if (npy_.size() != file.file_bytes_)
    throw Error(ExitCode::input, "{}: its length changed from {} to {} bytes while it was in use",
                file.what_, file.file_bytes_, npy_.size());
  if (file.format_ == FileFormat::npy) return;
  try {
    hdf5_file_ = hdf5::open_file(file.path_);
    dataset_ = hdf5::open_dataset(hdf5_file_, file.dataset_);
  } catch (const hdf5::Failure& failure) {
    throw Error(ExitCode::input, "{}: {}", file.what_, failure.what());
  }
}

void ArrayReader::rows(std::int64_t row, std::int64_t count, double* out) {
  if (count <= 0) return;
  if (file_.format_ == FileFormat::npy)
    return elements(row * file_.cols(), count * file_.cols(), out);
  const std::array start{row, std::int64_t{0}}, extent{count, file_.cols()};
  const std::size_t axes = file_.header_.shape.size();
  try {
    hdf5::read_block(dataset_, hdf5::Type::float64, std::span(start).first(axes),
                     std::span(extent).first(axes), out);
  } catch (const hdf5::Failure& failure) {
    throw Error(ExitCode::input, "{}: rows {} to {} cannot be read: {}", file_.what_, row,
                row + count - 1, failure.what());
  }
}

void ArrayReader::column(std::int64_t col, std::int64_t row, std::int64_t count, double* out) {
  elements(col * file_.rows() + row, count, out);
}

void ArrayReader::elements(std::int64_t first, std::int64_t count, double* out) {
  const std::int64_t item = file_.header_.item_bytes, batch = raw_bytes / item;
  raw_.resize(static_cast<std::size_t>(std::min(count, batch) * item));
  for (std::int64_t done = 0; done < count; done += batch) {
    const std::int64_t now = std::min(batch, count - done);
    npy_.read_at(file_.header_.data_offset + (first + done) * item, now * item, raw_.data());
    convert(file_.header_, raw_.data(), now, out + done);
  }
}

}  // namespace fathom
