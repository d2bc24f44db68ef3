# Test registration. Labels: quick (every change), full (nightly), campaign (hours).
include(GoogleTest)
set(FATHOM_MPI_ENV
  "OMPI_ALLOW_RUN_AS_ROOT=1" "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"
  "OMPI_MCA_rmaps_base_oversubscribe=1" "OMPI_MCA_hwloc_base_binding_policy=none"
  "OMPI_MCA_btl_vader_single_copy_mechanism=none"
  "OPENBLAS_NUM_THREADS=1" "OMP_NUM_THREADS=1")

# fathom_unit_test(NAME SOURCES … LINKS …): one GoogleTest program without MPI.
function(fathom_unit_test name)
  cmake_parse_arguments(T "" "LABEL;TIMEOUT" "SOURCES;LINKS" ${ARGN})
  if(NOT T_LABEL)
    set(T_LABEL quick)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  string(REPLACE "." "_" target test_${name})
  add_executable(${target} ${T_SOURCES})
  target_link_libraries(${target} PRIVATE fathom_flags ${T_LINKS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${target})
  set_tests_properties(${name} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT}
    ENVIRONMENT "OPENBLAS_NUM_THREADS=1;OMP_NUM_THREADS=1")
endfunction()

# fathom_keep_libraries(TARGET): MPI unloads its components before leaks are looked for; their frames would have no names
# to suppress.
function(fathom_keep_libraries target)
  target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/sanitizers/keep_libraries.cpp)
  target_link_options(${target} PRIVATE -Wl,--export-dynamic-symbol=dlclose)
endfunction()

# fathom_mpi_test(NAME NP 1 2 4 SOURCES … LINKS …): one program, one ctest a rank count, named NAME.npN.
# The program's main comes from tests/mpi/mpi_main.cpp: ranks agree on the outcome, rank 0 prints.
function(fathom_mpi_test name)
  cmake_parse_arguments(T "" "LABEL;TIMEOUT" "SOURCES;LINKS;NP" ${ARGN})
  if(NOT T_LABEL)
    set(T_LABEL quick)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  string(REPLACE "." "_" target test_${name})
  add_executable(${target} ${T_SOURCES} ${PROJECT_SOURCE_DIR}/tests/mpi/mpi_main.cpp)
  target_link_libraries(${target} PRIVATE fathom_flags fathom::comm ${T_LINKS} GTest::gmock GTest::gtest)
  if(FATHOM_SANITIZE)
    fathom_keep_libraries(${target})
  endif()
  foreach(np IN LISTS T_NP)
    fathom_add_mpi_command(${name}.np${np} NP ${np} LABEL ${T_LABEL} TIMEOUT ${T_TIMEOUT}
      COMMAND $<TARGET_FILE:${target}>)
  endforeach()
endfunction()

# fathom_add_mpi_command(NAME NP n COMMAND …): any program under mpiexec as a ctest.
function(fathom_add_mpi_command name)
  cmake_parse_arguments(T "" "NP;LABEL;TIMEOUT" "COMMAND" ${ARGN})
  add_test(NAME ${name} COMMAND ${MPIEXEC_EXECUTABLE} --oversubscribe ${MPIEXEC_NUMPROC_FLAG} ${T_NP} ${T_COMMAND})
  if(NOT T_LABEL)
    set(T_LABEL quick)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT} PROCESSORS ${T_NP}
    ENVIRONMENT "${FATHOM_MPI_ENV}")
endfunction()
