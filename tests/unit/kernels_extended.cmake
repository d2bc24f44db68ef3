# Double-double kernels against MPFR; without that library the test is shown as disabled.
find_library(FATHOM_MPFR_LIBRARY mpfr)
find_path(FATHOM_MPFR_INCLUDE mpfr.h)
mark_as_advanced(FATHOM_MPFR_LIBRARY FATHOM_MPFR_INCLUDE)
if(FATHOM_MPFR_LIBRARY AND FATHOM_MPFR_INCLUDE)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/kernels_extended/*.cpp)
  fathom_unit_test(kernels.extended SOURCES ${sources}
    LINKS fathom::kernels quadmath ${FATHOM_MPFR_LIBRARY} gmp)
  target_include_directories(test_kernels_extended PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/kernels_extended)
else()
  add_test(NAME kernels.extended COMMAND ${CMAKE_COMMAND} -E false)
  set_tests_properties(kernels.extended PROPERTIES DISABLED TRUE LABELS quick)
endif()
