# Double-double assembly against MPFR; without that library the tests are shown as disabled.
find_library(FATHOM_MPFR_LIBRARY mpfr)
find_path(FATHOM_MPFR_INCLUDE mpfr.h)
mark_as_advanced(FATHOM_MPFR_LIBRARY FATHOM_MPFR_INCLUDE)
if(FATHOM_MPFR_LIBRARY AND FATHOM_MPFR_INCLUDE)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/gram_extended/*.cpp)
  fathom_mpi_test(gram.extended NP 1 2 3 4 SOURCES ${sources}
    LINKS fathom::gram ${FATHOM_MPFR_LIBRARY} gmp)
  target_include_directories(test_gram_extended PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/gram
    ${PROJECT_SOURCE_DIR}/tests/unit/kernels_extended)
  if(FATHOM_FAULT_POINTS)
    # One rank fails: all of them say so.
    foreach(fault gram.extended:1:throw gram.extended:0:alloc gram.products:2:throw)
      string(REPLACE ":" "." point ${fault})
      fathom_add_mpi_command(gram.extended.fault.${point}.np3 NP 3 TIMEOUT 60
        COMMAND sh -c "FATHOM_FAULT=${fault} FATHOM_EXPECT_FAULT=1 exec $1 --gtest_filter=ExtendedFault.*"
          sh $<TARGET_FILE:test_gram_extended>)
    endforeach()
  endif()
else()
  add_test(NAME gram.extended COMMAND ${CMAKE_COMMAND} -E false)
  set_tests_properties(gram.extended PROPERTIES DISABLED TRUE LABELS quick)
endif()
