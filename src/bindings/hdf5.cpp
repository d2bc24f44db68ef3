#include "base/assert.hpp"
#include "bindings/hdf5_calls.hpp"

#include <hdf5_hl.h>

namespace fathom::hdf5 {
namespace {

/// Before main, and so before MPI starts: a library opened later hooks itself into MPI_Finalize,
/// closes there what a full disk left open, and crashes over it.
const bool prepared = [] {
  int mpi_started = 0;
  MPI_Initialized(&mpi_started);
  FATHOM_ASSERT(!mpi_started, "HDF5 is opened after MPI");
  H5dont_atexit();
  H5open();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  return true;
}();

/// Write failures name times and addresses; what matters of them is the system's own message.
std::string without_noise(const std::string& reason) {
  const std::string mark = "error message = '";
  const std::size_t first = reason.find(mark);
  if (first == std::string::npos) return reason;
  const std::size_t begin = first + mark.size(), end = reason.find('\'', begin);
  return reason.substr(0, reason.find(':')) + ": " + reason.substr(begin, end - begin);
}

herr_t append_reason(unsigned, const H5E_error2_t* error, void* text) {
  auto& out = *static_cast<std::string*>(text);
  const std::string reason = error->desc ? error->desc : "";
  if (reason.empty() || out.find("; ") != std::string::npos) return 0;
  out += (out.empty() ? "" : "; ") + without_noise(reason);
  return 0;
}

Object access_list() {
  Object list = list_object(H5Pcreate(H5P_FILE_ACCESS));
  // Parallel file systems often have no locks: lock where it is possible, go on where it is not.
  check(H5Pset_file_locking(list.id(), true, true), "choosing file locks");
  check(H5Pset_libver_bounds(list.id(), H5F_LIBVER_V18, H5F_LIBVER_LATEST), "choosing a format");
  return list;
}

Object select_block(const Object& dataset, std::span<const std::int64_t> start,
                    std::span<const std::int64_t> count) {
  Object space = space_object(H5Dget_space(dataset.id()));
  const std::vector<hsize_t> first(start.begin(), start.end()), extent(count.begin(), count.end());
  FATHOM_ASSERT(H5Sget_simple_extent_ndims(space.id()) == static_cast<int>(first.size()) &&
                    first.size() == extent.size(),
                "a block of {} and {} axes", first.size(), extent.size());
  check(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, first.data(), nullptr, extent.data(),
                            nullptr),
        "selecting a block");
  return space;
}

herr_t collect_dataset(hid_t, const char* name, const H5O_info_t* info, void* found) {
  if (info->type != H5O_TYPE_DATASET) return 0;
  auto& [names, limit] = *static_cast<std::pair<std::vector<std::string>, std::size_t>*>(found);
  names.push_back(std::string("/") + name);
  return names.size() >= limit ? 1 : 0;
}

void describe_type(hid_t type, DatasetInfo& info) {
  const H5T_class_t kind = H5Tget_class(type);
  info.item_bytes = static_cast<std::int64_t>(H5Tget_size(type));
  info.big_endian = H5Tget_order(type) == H5T_ORDER_BE;
  const auto bits = std::to_string(8 * info.item_bytes);
  switch (kind) {
    case H5T_FLOAT:
      info.element = ElementClass::floating;
      info.type_name = "float" + bits;
      break;
    case H5T_INTEGER:
      info.element = ElementClass::integer;
      info.is_signed = H5Tget_sign(type) == H5T_SGN_2;
      info.type_name = (info.is_signed ? "int" : "uint") + bits;
      break;
    case H5T_STRING:
      info.element = ElementClass::text;
      info.type_name = "string";
      break;
    case H5T_COMPOUND:
      info.type_name = "compound (complex numbers are stored so)";
      break;
    case H5T_ENUM:
      info.type_name = "enum (bool is stored so)";
      break;
    case H5T_ARRAY:
      info.type_name = "array";
      break;
    case H5T_REFERENCE:
      info.type_name = "reference";
      break;
    case H5T_OPAQUE:
      info.type_name = "opaque";
      break;
    case H5T_VLEN:
      info.type_name = "variable-length";
      break;
    default:
      info.type_name = "unknown";
      break;
  }
}

}  // namespace

void fail(const std::string& what) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, append_reason, &reason);
  H5Eclear2(H5E_DEFAULT);
  throw Failure(what + ": " + (reason.empty() ? "HDF5 gives no reason" : reason));
}

hid_t memory_type(Type type) {
  switch (type) {
    case Type::float64:
      return H5T_NATIVE_DOUBLE;
    case Type::float32:
      return H5T_NATIVE_FLOAT;
    case Type::int64:
      return H5T_NATIVE_INT64;
    case Type::uint64:
      return H5T_NATIVE_UINT64;
    case Type::int8:
      return H5T_NATIVE_INT8;
  }
  FATHOM_ASSERT(false, "type {}", static_cast<int>(type));
}

hid_t stored_type(Type type) {
  switch (type) {
    case Type::float64:
      return H5T_IEEE_F64LE;
    case Type::float32:
      return H5T_IEEE_F32LE;
    case Type::int64:
      return H5T_STD_I64LE;
    case Type::uint64:
      return H5T_STD_U64LE;
    case Type::int8:
      return H5T_STD_I8LE;
  }
  FATHOM_ASSERT(false, "type {}", static_cast<int>(type));
}

Object text_type() {
  Object type = type_object(H5Tcopy(H5T_C_S1));
  check(H5Tset_size(type.id(), H5T_VARIABLE), "making a text type");
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "making a text type");
  return type;
}

Object simple_space(std::span<const std::int64_t> shape) {
  if (shape.empty()) return space_object(H5Screate(H5S_SCALAR));
  const std::vector<hsize_t> extent(shape.begin(), shape.end());
  return space_object(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr));
}

Object& Object::operator=(Object&& other) noexcept {
  if (this != &other) {
    reset();
    id_ = std::exchange(other.id_, -1);
    close_ = std::exchange(other.close_, nullptr);
  }
  return *this;
}

void Object::reset() noexcept {
  if (id_ >= 0 && close_ && close_(id_) < 0) H5Eclear2(H5E_DEFAULT);
  id_ = -1;
}

void Object::close(const char* what) {
  if (id_ < 0) return;
  const std::int64_t id = std::exchange(id_, -1);
  check(close_(id), what);
}

std::string version() {
  unsigned major = 0, minor = 0, release = 0;
  check(H5get_libversion(&major, &minor, &release), "asking the version");
  return fmt::format("{}.{}.{}", major, minor, release);
}

Object create_file(const std::string& path) {
  const Object access = access_list();
  const Object creation = list_object(H5Pcreate(H5P_FILE_CREATE));
  check(H5Pset_link_creation_order(creation.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED),
        "keeping the order of links");
  return file_object(H5Fcreate(path.c_str(), H5F_ACC_EXCL, creation.id(), access.id()),
                     "creating the file");
}

Object open_file(const std::string& path, bool writable) {
  const Object access = access_list();
  return file_object(H5Fopen(path.c_str(), writable ? H5F_ACC_RDWR : H5F_ACC_RDONLY, access.id()),
                     "opening the file");
}

bool is_hdf5(const std::string& path) {
  const htri_t answer = H5Fis_hdf5(path.c_str());
  if (answer < 0) H5Eclear2(H5E_DEFAULT);
  return answer > 0;
}

void flush(const Object& file) {
  check(H5Fflush(file.id(), H5F_SCOPE_GLOBAL), "flushing the file");
}

Object create_group(const Object& parent, const std::string& name) {
  const Object creation = list_object(H5Pcreate(H5P_GROUP_CREATE));
  check(H5Pset_link_creation_order(creation.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED),
        "keeping the order of links");
  return group_object(
      H5Gcreate2(parent.id(), name.c_str(), H5P_DEFAULT, creation.id(), H5P_DEFAULT),
      "making group '" + name + "'");
}

Object open_group(const Object& parent, const std::string& path) {
  return group_object(H5Gopen2(parent.id(), path.c_str(), H5P_DEFAULT),
                      "opening group '" + path + "'");
}

bool exists(const Object& parent, const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (part != "/" && !part.empty()) {
      const htri_t answer = H5Lexists(parent.id(), part.c_str(), H5P_DEFAULT);
      if (answer < 0) H5Eclear2(H5E_DEFAULT);
      if (answer <= 0) return false;
    }
    if (end == std::string::npos) break;
  }
  const htri_t answer = H5Oexists_by_name(parent.id(), path.c_str(), H5P_DEFAULT);
  if (answer < 0) H5Eclear2(H5E_DEFAULT);
  return answer > 0;
}

bool is_group(const Object& parent, const std::string& path) {
  H5O_info_t info;
  check(H5Oget_info_by_name2(parent.id(), path.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT),
        "looking at '" + path + "'");
  return info.type == H5O_TYPE_GROUP;
}

std::vector<std::string> list_datasets(const Object& file, std::size_t limit) {
  std::pair<std::vector<std::string>, std::size_t> found({}, limit);
  check(H5Ovisit2(file.id(), H5_INDEX_NAME, H5_ITER_INC, collect_dataset, &found, H5O_INFO_BASIC),
        "listing the datasets");
  return std::move(found.first);
}

Object create_dataset(const Object& parent, const std::string& name, Type type,
                      std::span<const std::int64_t> shape, bool allocate_early) {
  const Object space = simple_space(shape);
  const Object creation = list_object(H5Pcreate(H5P_DATASET_CREATE));
  if (allocate_early) {
    check(H5Pset_alloc_time(creation.id(), H5D_ALLOC_TIME_EARLY), "reserving space");
    check(H5Pset_fill_time(creation.id(), H5D_FILL_TIME_NEVER), "reserving space");
  }
  return dataset_object(H5Dcreate2(parent.id(), name.c_str(), stored_type(type), space.id(),
                                   H5P_DEFAULT, creation.id(), H5P_DEFAULT),
                        "making dataset '" + name + "'");
}

Object create_text_dataset(const Object& parent, const std::string& name, std::int64_t count) {
  const Object type = text_type();
  const Object space = simple_space(std::span(&count, 1));
  return dataset_object(H5Dcreate2(parent.id(), name.c_str(), type.id(), space.id(), H5P_DEFAULT,
                                   H5P_DEFAULT, H5P_DEFAULT),
                        "making dataset '" + name + "'");
}

Object open_dataset(const Object& parent, const std::string& path) {
  return dataset_object(H5Dopen2(parent.id(), path.c_str(), H5P_DEFAULT),
                        "opening dataset '" + path + "'");
}

DatasetInfo describe(const Object& dataset) {
  DatasetInfo info;
  const Object space = space_object(H5Dget_space(dataset.id()));
  const int rank = check(H5Sget_simple_extent_ndims(space.id()), "asking the rank");
  std::vector<hsize_t> extent(static_cast<std::size_t>(rank));
  check(H5Sget_simple_extent_dims(space.id(), extent.data(), nullptr), "asking the shape");
  if (H5Sget_simple_extent_type(space.id()) == H5S_NULL) extent.assign(1, 0);
  info.shape.assign(extent.begin(), extent.end());
  const Object type = type_object(H5Dget_type(dataset.id()));
  describe_type(type.id(), info);
  const Object creation = list_object(H5Dget_create_plist(dataset.id()));
  info.stored_bytes = static_cast<std::int64_t>(H5Dget_storage_size(dataset.id()));
  info.chunked = H5Pget_layout(creation.id()) == H5D_CHUNKED;
  return info;
}

std::int64_t file_offset(const Object& dataset) {
  const haddr_t offset = H5Dget_offset(dataset.id());
  if (offset == HADDR_UNDEF) {
    H5Eclear2(H5E_DEFAULT);
    return -1;
  }
  return static_cast<std::int64_t>(offset);
}

void write(const Object& dataset, Type type, const void* data) {
  check(H5Dwrite(dataset.id(), memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data),
        "writing a dataset");
}

void read(const Object& dataset, Type type, void* data) {
  check(H5Dread(dataset.id(), memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data),
        "reading a dataset");
}

void write_block(const Object& dataset, Type type, std::span<const std::int64_t> start,
                 std::span<const std::int64_t> count, const void* data) {
  const Object there = select_block(dataset, start, count);
  const Object here = simple_space(count);
  check(H5Dwrite(dataset.id(), memory_type(type), here.id(), there.id(), H5P_DEFAULT, data),
        "writing a block");
}

void read_block(const Object& dataset, Type type, std::span<const std::int64_t> start,
                std::span<const std::int64_t> count, void* data) {
  const Object there = select_block(dataset, start, count);
  const Object here = simple_space(count);
  check(H5Dread(dataset.id(), memory_type(type), here.id(), there.id(), H5P_DEFAULT, data),
        "reading a block");
}

void make_scale(const Object& dataset, const std::string& name) {
  check(H5DSset_scale(dataset.id(), name.c_str()), "making '" + name + "' a dimension scale");
}

void attach_scale(const Object& dataset, const Object& scale, int axis) {
  check(H5DSattach_scale(dataset.id(), scale.id(), static_cast<unsigned>(axis)),
        "attaching a dimension scale");
}

}  // namespace fathom::hdf5
