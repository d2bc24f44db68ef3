file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/eigen_extended/*_test.cpp)
fathom_mpi_test(eigen.extended NP 1 2 3 4 SOURCES ${sources} LINKS fathom::eigen)
target_include_directories(test_eigen_extended PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/eigen)
foreach(np 1 2)
  fathom_add_mpi_command(eigen.extended.large.np${np} NP ${np} LABEL full TIMEOUT 3600
    COMMAND sh -c "FATHOM_EXTENDED_ORDER=80 FATHOM_EXTENDED_CIRCLE=500 FATHOM_EXTENDED_MANY=300 exec $1" sh $<TARGET_FILE:test_eigen_extended>)
endforeach()

if(FATHOM_FAULT_POINTS)
  # One planted fault, and what becomes of it: an exit code, or "fallback" for a right spectrum.
  add_executable(test_eigen_extended_faults ${CMAKE_CURRENT_SOURCE_DIR}/eigen_extended/faults_main.cpp)
  target_link_libraries(test_eigen_extended_faults PRIVATE fathom_flags fathom::eigen)
  target_include_directories(test_eigen_extended_faults PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/eigen)
  foreach(entry
      dist.slice:1:zero=80 eigen.extended.vectors:0:swap=fallback eigen.extended.vectors:2:swap_always=80
      eigen.extended.values:1:shift=80 eigen.solve:1:solver=81 dist.allocate:1:alloc=71 none:0:none=0)
    string(REGEX REPLACE "=.*" "" fault ${entry})
    string(REGEX REPLACE ".*=" "" outcome ${entry})
    string(REPLACE ":" "." point ${fault})
    fathom_add_mpi_command(eigen.extended.faults.${point}.np3 NP 3 TIMEOUT 60
      COMMAND sh -c "FATHOM_FAULT=${fault} exec $1 ${outcome}" sh $<TARGET_FILE:test_eigen_extended_faults>)
  endforeach()
endif()
