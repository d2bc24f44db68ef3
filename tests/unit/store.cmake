fathom_unit_test(store.local LINKS fathom::store nlohmann_json::nlohmann_json
  SOURCES ${PROJECT_SOURCE_DIR}/tests/unit/store/npy_test.cpp
    ${PROJECT_SOURCE_DIR}/tests/unit/store/posix_file_test.cpp
    ${PROJECT_SOURCE_DIR}/tests/unit/store/record_test.cpp
    ${PROJECT_SOURCE_DIR}/tests/unit/store/hdf5_test.cpp
    ${PROJECT_SOURCE_DIR}/tests/unit/store/memory_test.cpp)
