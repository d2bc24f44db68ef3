# Reductions of factors against singular values in long double and quadruple precision.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen_reduce/*_test.cpp)
fathom_mpi_test(eigen.reduce NP 1 2 3 4 SOURCES ${sources} LINKS fathom::eigen quadmath)
target_include_directories(test_eigen_reduce PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/eigen_factor
  ${CMAKE_CURRENT_SOURCE_DIR}/dist)
fathom_add_mpi_command(eigen.reduce.many.np2 NP 2 LABEL full TIMEOUT 3600
  COMMAND sh -c "FATHOM_SEEDS=10 exec $1 --gtest_filter=GradedRows.bounds_*" sh $<TARGET_FILE:test_eigen_reduce>)

if(FATHOM_FAULT_POINTS)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen_reduce_faults/*.cpp)
  add_executable(test_eigen_reduce_faults ${sources})
  target_link_libraries(test_eigen_reduce_faults PRIVATE fathom_flags fathom::eigen quadmath)
  target_include_directories(test_eigen_reduce_faults PRIVATE
    ${CMAKE_CURRENT_SOURCE_DIR}/eigen_reduce ${CMAKE_CURRENT_SOURCE_DIR}/eigen_factor
    ${CMAKE_CURRENT_SOURCE_DIR}/dist)
  # fault = outcome: an exit code, or "corrected"
  foreach(entry
      none:0:none=0 eigen.reduce:0:shift=corrected eigen.reduce:0:swap=80 eigen.rows:1:nan=82 eigen.small_rows:1:shift=80
      eigen.svd:0:shift=81 eigen.svd:1:swap=81 eigen.svd:2:alloc=71
      dist.qr:1:alloc=71 dist.lq:2:throw=74)
    string(REGEX REPLACE "=.*" "" fault ${entry})
    string(REGEX REPLACE ".*=" "" outcome ${entry})
    string(REPLACE ":" "." point ${fault})
    fathom_add_mpi_command(eigen.reduce.${point}.np3 NP 3 TIMEOUT 30
      COMMAND sh -c "FATHOM_FAULT=${fault} exec $1 ${outcome}" sh $<TARGET_FILE:test_eigen_reduce_faults>)
  endforeach()
endif()
