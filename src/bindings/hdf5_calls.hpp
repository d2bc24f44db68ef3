#pragma once

// What the parts of the HDF5 binding share: checked calls and typed identifiers. Only they include
// it.

#include "bindings/hdf5.hpp"

#include <hdf5.h>

namespace fathom::hdf5 {

static_assert(sizeof(hid_t) == sizeof(std::int64_t));

/// Throws a Failure with the library's most specific reasons, and clears them.
[[noreturn]] void fail(const std::string& what);

template <class Status>
Status check(Status status, const std::string& what) {
  if (status < 0) fail(what);
  return status;
}

inline Object file_object(hid_t id, const std::string& what) {
  return {check(id, what), H5Fclose};
}
inline Object group_object(hid_t id, const std::string& what) {
  return {check(id, what), H5Gclose};
}
inline Object dataset_object(hid_t id, const std::string& what) {
  return {check(id, what), H5Dclose};
}
inline Object space_object(hid_t id) {
  return {check(id, "making a dataspace"), H5Sclose};
}
inline Object type_object(hid_t id) {
  return {check(id, "making a datatype"), H5Tclose};
}
inline Object list_object(hid_t id) {
  return {check(id, "making a property list"), H5Pclose};
}
inline Object attribute_object(hid_t id, const std::string& what) {
  return {check(id, what), H5Aclose};
}

hid_t memory_type(Type type);
hid_t stored_type(Type type);
Object text_type();
Object simple_space(std::span<const std::int64_t> shape);

}  // namespace fathom::hdf5
