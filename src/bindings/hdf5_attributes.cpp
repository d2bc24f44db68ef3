#include "bindings/hdf5_calls.hpp"

namespace fathom::hdf5 {
namespace {

Object replace_attribute(const Object& object, const std::string& name, hid_t type,
                         const Object& space) {
  if (has_attribute(object, name))
    check(H5Adelete(object.id(), name.c_str()), "replacing attribute '" + name + "'");
  return attribute_object(
      H5Acreate2(object.id(), name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT),
      "making attribute '" + name + "'");
}

}  // namespace

void write_text(const Object& dataset, std::span<const std::string> text) {
  std::vector<const char*> pointers;
  for (const std::string& line : text)
    pointers.push_back(line.c_str());
  if (pointers.empty()) return;
  const Object type = text_type();
  check(H5Dwrite(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()),
        "writing text");
}

std::vector<std::string> read_text(const Object& dataset) {
  const Object type = text_type();
  const Object space = space_object(H5Dget_space(dataset.id()));
  const auto count = check(H5Sget_simple_extent_npoints(space.id()), "asking the length");
  std::vector<char*> pointers(static_cast<std::size_t>(count), nullptr);
  if (pointers.empty()) return {};
  check(H5Dread(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()),
        "reading text");
  std::vector<std::string> text;
  for (const char* p : pointers)
    text.emplace_back(p ? p : "");
  H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, pointers.data());
  return text;
}

void write_attribute(const Object& object, const std::string& name, Type type,
                     std::span<const std::int64_t> shape, const void* data) {
  const Object space = simple_space(shape);
  const Object attribute = replace_attribute(object, name, stored_type(type), space);
  check(H5Awrite(attribute.id(), memory_type(type), data), "writing attribute '" + name + "'");
}

void write_attribute(const Object& object, const std::string& name, const std::string& text) {
  const Object type = text_type();
  const Object space = simple_space({});
  const Object attribute = replace_attribute(object, name, type.id(), space);
  const char* pointer = text.c_str();
  check(H5Awrite(attribute.id(), type.id(), &pointer), "writing attribute '" + name + "'");
}

void read_attribute(const Object& object, const std::string& name, Type type, std::int64_t count,
                    void* data) {
  const Object attribute = attribute_object(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT),
                                            "opening attribute '" + name + "'");
  const Object space = space_object(H5Aget_space(attribute.id()));
  if (H5Sget_simple_extent_npoints(space.id()) != count)
    throw Failure("attribute '" + name + "' has another length than was written");
  check(H5Aread(attribute.id(), memory_type(type), data), "reading attribute '" + name + "'");
}

std::string read_text_attribute(const Object& object, const std::string& name) {
  const Object attribute = attribute_object(H5Aopen(object.id(), name.c_str(), H5P_DEFAULT),
                                            "opening attribute '" + name + "'");
  const Object type = text_type();
  char* pointer = nullptr;
  check(H5Aread(attribute.id(), type.id(), &pointer), "reading attribute '" + name + "'");
  std::string text = pointer ? pointer : "";
  H5free_memory(pointer);
  return text;
}

bool has_attribute(const Object& object, const std::string& name) {
  return check(H5Aexists(object.id(), name.c_str()), "looking for attribute '" + name + "'") > 0;
}

}  // namespace fathom::hdf5
