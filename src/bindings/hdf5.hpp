#pragma once

// Serial HDF5 behind checked calls: what fails throws with the library's own reason.
//
// Every file is opened with the POSIX driver by one rank; nothing here communicates. The library's
// own printing is silenced and its exit handler not installed: a file whose last write failed
// cannot be closed cleanly, and is left behind instead.

#include "base/error.hpp"

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fathom::hdf5 {

/// What an HDF5 call said when it failed. The caller knows which exit code that is.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Types in memory; stored little-endian, and as variable-length UTF-8 for text.
enum class Type { float64, float32, int64, uint64, int8 };

/// An identifier of the library: file, group, dataset, attribute, dataspace or type. Closed with
/// the last use; what fails while closing in the destructor is ignored.
class Object {
 public:
  using Close = int (*)(std::int64_t);
  Object() = default;
  Object(std::int64_t id, Close closer) : id_(id), close_(closer) {}
  ~Object() { reset(); }
  Object(Object&& other) noexcept
      : id_(std::exchange(other.id_, -1)), close_(std::exchange(other.close_, nullptr)) {}
  Object& operator=(Object&& other) noexcept;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  std::int64_t id() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  void reset() noexcept;
  /// Closes and throws where that fails; the identifier is given up either way.
  void close(const char* what);
  /// Gives the identifier up without closing it: after a failed write, closing would fail again.
  void leak() noexcept { id_ = -1; }

 private:
  std::int64_t id_ = -1;
  Close close_ = nullptr;
};

/// "1.10.8"
std::string version();

Object create_file(const std::string& path);  ///< must not exist
Object open_file(const std::string& path, bool writable = false);
bool is_hdf5(const std::string& path);  ///< by its signature; false where it cannot be read
void flush(const Object& file);

Object create_group(const Object& parent, const std::string& name);
Object open_group(const Object& parent, const std::string& path);
bool exists(const Object& parent, const std::string& path);    ///< every link on the way exists
bool is_group(const Object& parent, const std::string& path);  ///< @pre it exists
/// Full paths of all datasets below, at most `limit` of them.
std::vector<std::string> list_datasets(const Object& file, std::size_t limit = 1000);

enum class ElementClass { floating, integer, text, other };

struct DatasetInfo {
  std::vector<std::int64_t> shape;
  ElementClass element = ElementClass::other;
  std::string type_name;  ///< "float32", "int64", "compound", …
  std::int64_t item_bytes = 0;
  bool big_endian = false;
  bool is_signed = true;
  bool chunked = false;
  std::int64_t stored_bytes = 0;  ///< space in the file; 0 where nothing was ever written
};

/// Contiguous; with early allocation the space exists in the file once it is flushed.
Object create_dataset(const Object& parent, const std::string& name, Type type,
                      std::span<const std::int64_t> shape, bool allocate_early = false);
Object create_text_dataset(const Object& parent, const std::string& name, std::int64_t count);
Object open_dataset(const Object& parent, const std::string& path);  ///< a Failure for groups too
DatasetInfo describe(const Object& dataset);
/// Byte offset of a contiguous dataset in the file, -1 where it has none (yet).
std::int64_t file_offset(const Object& dataset);

/// The whole dataset, row-major. @pre data holds all of it
void write(const Object& dataset, Type type, const void* data);
void read(const Object& dataset, Type type, void* data);
/// A block of it, row-major. @pre start, count have the dataset's rank
void write_block(const Object& dataset, Type type, std::span<const std::int64_t> start,
                 std::span<const std::int64_t> count, const void* data);
void read_block(const Object& dataset, Type type, std::span<const std::int64_t> start,
                std::span<const std::int64_t> count, void* data);
void write_text(const Object& dataset, std::span<const std::string> text);
std::vector<std::string> read_text(const Object& dataset);

void make_scale(const Object& dataset, const std::string& name);
void attach_scale(const Object& dataset, const Object& scale, int axis);

/// Attributes of a group or dataset; written anew where they exist. An empty shape is a scalar.
void write_attribute(const Object& object, const std::string& name, Type type,
                     std::span<const std::int64_t> shape, const void* data);
void write_attribute(const Object& object, const std::string& name, const std::string& text);
/// @pre data holds `count` values, as many as the attribute
void read_attribute(const Object& object, const std::string& name, Type type, std::int64_t count,
                    void* data);
std::string read_text_attribute(const Object& object, const std::string& name);
bool has_attribute(const Object& object, const std::string& name);

}  // namespace fathom::hdf5
