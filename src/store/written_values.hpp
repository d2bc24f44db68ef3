#pragma once

// Values on their way into run.h5, and the comparison with what a later read gives. Local; private
// to the store.

#include "bindings/hdf5.hpp"
#include "store/run_file.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fathom {

/// What was handed in for one dataset: hashes of runs of rows, in order.
struct WrittenDataset {
  struct Part {
    std::int64_t rows = 0;
    std::uint64_t hash = 0;
  };
  std::string path;
  std::optional<hdf5::Type> type;  ///< none for text
  std::vector<std::int64_t> shape;
  std::vector<Part> parts;
};

std::int64_t bytes_of(hdf5::Type type);  ///< of one number
std::int64_t length_of(const Values& values);
std::optional<hdf5::Type> type_of(const Values& values);  ///< none for text
std::uint64_t hash_of(const Values& values);              ///< XXH3; text by length and bytes

/// Throw hdf5::Failure.
hdf5::Object write_dataset(const hdf5::Object& file, const std::string& path, const Values& values,
                           std::span<const std::int64_t> shape);
void write_attribute_value(const hdf5::Object& object, const std::string& name,
                           const AttributeValue& value);
/// True where a read gives bit for bit what was handed in.
bool reads_back(const hdf5::Object& file, const WrittenDataset& written);
bool reads_back(const hdf5::Object& file, const std::string& path, const std::string& name,
                const AttributeValue& value);

/// Where in the file the first number of the first numeric dataset lies; -1 where there is none.
std::int64_t first_value_offset(const hdf5::Object& file,
                                const std::vector<WrittenDataset>& datasets);
/// Inverts one byte of a file: the planted fault that the verification must see.
void flip_byte(const std::filesystem::path& path, std::int64_t offset);

}  // namespace fathom
