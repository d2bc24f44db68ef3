set(arrays ${PROJECT_BINARY_DIR}/test-arrays)
set(store_tests "")
if(FATHOM_PYTHON)
  add_test(NAME store.make_arrays
    COMMAND ${FATHOM_PYTHON} ${PROJECT_SOURCE_DIR}/tests/mpi/store/make_arrays.py ${arrays})
  set_tests_properties(store.make_arrays PROPERTIES LABELS quick FIXTURES_SETUP store_arrays TIMEOUT 120)
  fathom_mpi_test(store.matrix_file NP 1 2 3 4 LINKS fathom::store
    SOURCES ${PROJECT_SOURCE_DIR}/tests/mpi/store/matrix_file_test.cpp)
  target_compile_definitions(test_store_matrix_file PRIVATE FATHOM_TEST_ARRAYS="${arrays}")
  foreach(np 1 2 3 4)
    set_tests_properties(store.matrix_file.np${np} PROPERTIES FIXTURES_REQUIRED store_arrays)
  endforeach()
endif()
fathom_mpi_test(store.run_folder NP 1 2 3 LINKS fathom::store nlohmann_json::nlohmann_json
  SOURCES ${PROJECT_SOURCE_DIR}/tests/mpi/store/run_folder_test.cpp)
