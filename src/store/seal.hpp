#pragma once

// The seal at the end of run.h5: text behind the last byte that belongs to HDF5, which readers of
// HDF5 pass over. It holds a hash for every byte of the file, so that damage is found from the
// bytes alone: the library reads variable-length text and references without any check of its own
// and may crash over damaged ones. Local; private to the store.
//
//   fathom seal 1
//   bytes 123456                                    of HDF5, before the seal
//   values OFFSET BYTES PANEL HASH,HASH PATH        of each numeric dataset, XXH3 (64 bits) of
//                                                   PANEL bytes each, as in /provenance/hashes
//   rest HASH                                       XXH3 (128 bits) of all other bytes, in order
//   seal HASH 0000000321                            XXH3 (128 bits) of the lines above; the bytes
//                                                   of the whole seal
//
// Writing to the file with HDF5 removes the seal: a file that was changed says so.

#include "store/written_values.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fathom {

/// Values of one dataset as they lie in the file.
struct SealedValues {
  std::string path;
  std::int64_t offset = 0, bytes = 0;
  std::int64_t panel_bytes = 0;
  std::vector<std::uint64_t> hashes{};
};

/// Where the numeric datasets lie, ascending, with the hashes of what was handed in. hdf5::Failure.
std::vector<SealedValues> sealed_values(const hdf5::Object& file,
                                        const std::vector<WrittenDataset>& datasets);

/// Appends the seal to a closed file, and syncs. Error(io).
void append_seal(const std::filesystem::path& path, const std::vector<SealedValues>& values);

struct SealReport {
  std::int64_t datasets = 0, bytes = 0;  ///< numeric datasets and bytes compared
  std::vector<std::string> faults{};     ///< each says what is wrong with which part; none: whole
};

/// Reads the whole file from the disk, in bounded memory. Error(input) where it cannot be opened,
/// Error(io) where the disk fails.
SealReport check_seal(const std::filesystem::path& path);

}  // namespace fathom
