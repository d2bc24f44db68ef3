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

fathom_mpi_test(store.run_file NP 1 2 3 4 LINKS fathom::store
  SOURCES ${PROJECT_SOURCE_DIR}/tests/mpi/store/run_file_test.cpp)

fathom_mpi_test(store.checkpoint NP 1 2 3 4 LINKS fathom::store
  SOURCES ${PROJECT_SOURCE_DIR}/tests/mpi/store/checkpoint_test.cpp)
fathom_mpi_test(store.journal NP 1 2 3 LINKS fathom::store
  SOURCES ${PROJECT_SOURCE_DIR}/tests/mpi/store/journal_test.cpp)
fathom_mpi_test(store.damage NP 1 2 LINKS fathom::store
  SOURCES ${PROJECT_SOURCE_DIR}/tests/mpi/store/damage_test.cpp)

# A disk that stays full to the end of the process: nothing may crash while MPI is finalised.
fathom_add_mpi_command(store.size_limit_kept NP 2 COMMAND $<TARGET_FILE:test_store_run_file>
  --gtest_filter=*ASizeLimit*)
set_property(TEST store.size_limit_kept APPEND PROPERTY ENVIRONMENT "FATHOM_KEEP_LIMIT=1")

# store_fault(PROGRAM POINT RANK KIND CODE): both ranks must throw the code, and no result is left.
function(store_fault program point rank kind code)
  set(name store.fault.${point}.${rank}.${kind})
  fathom_add_mpi_command(${name} NP 2 TIMEOUT 60 COMMAND $<TARGET_FILE:test_store_${program}>
    --gtest_filter=*PlantedFault*)
  set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT "FATHOM_FAULT=${point}:${rank}:${kind}"
    "FATHOM_EXPECT=${code}")
  set_tests_properties(${name} PROPERTIES FAIL_REGULAR_EXPRESSION "SKIPPED")
endfunction()
if(FATHOM_FAULT_POINTS)
  store_fault(run_file store.open_output 0 throw 74)
  store_fault(run_file store.open_output 1 throw 74)
  store_fault(run_file store.write 0 throw 74)
  store_fault(run_file store.write 0 alloc 71)
  store_fault(run_file store.write 1 throw 74)
  store_fault(run_file store.verify 0 corrupt 74)
  store_fault(run_file store.verify 1 throw 74)
  store_fault(run_file store.seal 0 corrupt 74)
  store_fault(run_file store.rename 0 throw 74)
  store_fault(run_file store.rename 1 alloc 71)
  store_fault(checkpoint store.checkpoint_open 1 throw 74)
  store_fault(checkpoint store.checkpoint 0 throw 74)
  store_fault(checkpoint store.checkpoint 0 corrupt 74)
  store_fault(checkpoint store.checkpoint 1 throw 74)
  store_fault(checkpoint store.checkpoint 1 corrupt 74)
  store_fault(checkpoint store.checkpoint 1 alloc 71)
  store_fault(checkpoint store.checkpoint_rename 0 throw 74)
  store_fault(checkpoint store.checkpoint_rename 1 alloc 71)
  store_fault(checkpoint store.checkpoint_read 0 input 66)
  store_fault(checkpoint store.checkpoint_read 1 throw 74)
  if(FATHOM_PYTHON)
    store_fault(matrix_file store.read_header 0 input 66)
    store_fault(matrix_file store.read_header 1 throw 74)
    store_fault(matrix_file store.read 0 throw 74)
    store_fault(matrix_file store.read 1 alloc 71)
    set_tests_properties(store.fault.store.read_header.0.input store.fault.store.read_header.1.throw
      store.fault.store.read.0.throw store.fault.store.read.1.alloc
      PROPERTIES FIXTURES_REQUIRED store_arrays)
  endif()
endif()

if(FATHOM_PYTHON)
  set(sample ${PROJECT_BINARY_DIR}/test-sample)
  fathom_add_mpi_command(store.sample.write NP 3 COMMAND $<TARGET_FILE:test_store_run_file>
    --gtest_filter=*SampleForPython*)
  set_property(TEST store.sample.write APPEND PROPERTY ENVIRONMENT "FATHOM_SAMPLE=${sample}")
  set_tests_properties(store.sample.write PROPERTIES FIXTURES_SETUP store_sample)
  add_test(NAME store.sample.read
    COMMAND ${FATHOM_PYTHON} ${PROJECT_SOURCE_DIR}/tests/mpi/store/read_sample.py ${sample})
  set_tests_properties(store.sample.read PROPERTIES LABELS quick FIXTURES_REQUIRED store_sample
    TIMEOUT 120)
  add_test(NAME store.sample.verify COMMAND fathom verify ${sample})
  set_tests_properties(store.sample.verify PROPERTIES LABELS quick FIXTURES_REQUIRED store_sample
    TIMEOUT 60 PASS_REGULAR_EXPRESSION "run.h5: whole: [0-9]+ datasets, [0-9]+ bytes agree")
  add_test(NAME store.sample.verify_nothing COMMAND fathom verify ${sample}/nothing)
  set_tests_properties(store.sample.verify_nothing PROPERTIES LABELS quick TIMEOUT 60
    FIXTURES_REQUIRED store_sample PASS_REGULAR_EXPRESSION "error 66 .*does not exist")
endif()
